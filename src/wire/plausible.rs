//! Why what the centre tells cannot be right; and of a settlement, whether it can: whose it is, and that its figures agree with each other
//! (settlement-facts §3.2).

use std::collections::BTreeSet;

use serde_json::Value;

use super::settle::{REFUND_FLAG, REFUNDED, SettlementAnswer};
use crate::value::Fen;

/// Why it cannot be right. Names fields, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Implausible {
    /// A field that has to be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A figure is no amount.
    #[error("{0} is not an amount")]
    NoAmount(&'static str),
    /// A figure that cannot be below zero is.
    #[error("{0} is below zero")]
    BelowZero(&'static str),
    /// A total is not the sum of its parts.
    #[error("{0} is not the sum of its parts")]
    Sum(&'static str),
    /// It is told of another message id.
    #[error("it is of another message")]
    OtherMessage,
    /// It is told of another person.
    #[error("it is of another person")]
    OtherPerson,
    /// It is told of another order.
    #[error("it is of another order")]
    OtherOrder,
    /// A figure is larger than any amount.
    #[error("an amount is too large")]
    TooLarge,
    /// It is told of a refund where there is none, or of none where there is one.
    #[error("it is not of a refund, or is of one")]
    Refund,
    /// It is told of another amount than the one that was due.
    #[error("it is of another amount")]
    OtherAmount,
}

/// A total and what it is the sum of.
struct Identity {
    total: &'static str,
    parts: &'static [&'static str],
    /// Holds only where every part is given; else a part that is left out is nothing.
    whole: bool,
}

const IDENTITIES: [Identity; 4] = [
    Identity {
        total: "medfee_sumamt",
        parts: &["fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt"],
        whole: true,
    },
    Identity {
        total: "fund_pay_sumamt",
        parts: &["hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "hifdm_pay", "maf_pay", "oth_pay"],
        whole: false,
    },
    Identity { total: "medfee_sumamt", parts: &["fund_pay_sumamt", "psn_part_amt", "hosp_part_amt"], whole: false },
    Identity { total: "psn_part_amt", parts: &["acct_pay", "acct_mulaid_pay", "psn_cash_pay"], whole: false },
];

/// Without these nobody knows what is to be paid.
const REQUIRED: [&str; 5] = ["medfee_sumamt", "fund_pay_sumamt", "psn_part_amt", "acct_pay", "psn_cash_pay"];

/// In no sum, and never below zero either.
const BESIDES: [&str; 1] = ["act_pay_dedc"];

impl SettlementAnswer {
    /// Whether this can be what the message `msgid` settled for the person `psn_no`, where that is known. What else the
    /// terminal reckoned and the centre does not tell is a difference, and no reason to take a settlement for none.
    ///
    /// # Errors
    /// The first thing that cannot be right.
    pub fn check_settled(&self, msgid: &str, psn_no: Option<&str>) -> Result<(), Implausible> {
        self.check_whose(msgid, psn_no)?;
        if self.is_refund() {
            return Err(Implausible::Refund);
        }
        self.check_figures()
    }

    /// Whether this can be what the message `msgid` took back of a settlement of the person `psn_no`: on a refund all signs
    /// flip (settlement-facts §3.2).
    ///
    /// # Errors
    /// The first thing that cannot be right.
    pub fn check_refunded(&self, msgid: &str, psn_no: Option<&str>) -> Result<(), Implausible> {
        self.check_whose(msgid, psn_no)?;
        if !self.is_refund() {
            return Err(Implausible::Refund);
        }
        self.turned()?.check_figures()
    }

    /// Whether it says that it takes back another settlement.
    pub fn is_refund(&self) -> bool {
        self.setlinfo.get(REFUND_FLAG).and_then(Value::as_str) == Some(REFUNDED)
    }

    /// The figures that are checked, with their signs turned.
    fn turned(&self) -> Result<Self, Implausible> {
        let mut turned = self.clone();
        let summed = IDENTITIES.iter().flat_map(|identity| identity.parts.iter().chain([&identity.total]));
        let names: BTreeSet<&str> = summed.chain(&REQUIRED).chain(&BESIDES).copied().collect();
        for (_, value) in turned.setlinfo.iter_mut().filter(|(name, _)| names.contains(name.as_str())) {
            if let Some(amount) = Fen::of_json(value) {
                let amount = Fen::ZERO.checked_sub(amount).ok_or(Implausible::TooLarge)?;
                *value = amount.to_string().into();
            }
        }
        Ok(turned)
    }

    fn check_whose(&self, msgid: &str, psn_no: Option<&str>) -> Result<(), Implausible> {
        let text = |name| self.setlinfo.get(name).and_then(Value::as_str);
        if text("setl_id").is_none_or(str::is_empty) {
            return Err(Implausible::Missing("setl_id"));
        }
        if text("medins_setl_id") != Some(msgid) {
            return Err(Implausible::OtherMessage);
        }
        if psn_no.is_some() && text("psn_no") != psn_no {
            return Err(Implausible::OtherPerson);
        }
        Ok(())
    }

    /// Whether the figures are there and agree with each other.
    fn check_figures(&self) -> Result<(), Implausible> {
        if let Some(missing) = REQUIRED.into_iter().find(|name| self.given(name).is_none()) {
            return Err(Implausible::Missing(missing));
        }
        for name in BESIDES {
            self.figure(name)?;
        }
        IDENTITIES.iter().try_for_each(|identity| self.check(identity))
    }

    fn check(&self, identity: &Identity) -> Result<(), Implausible> {
        let total = self.figure(identity.total)?;
        let parts = identity.parts.iter().map(|part| self.figure(part)).collect::<Result<Vec<_>, _>>()?;
        let given = parts.iter().flatten().count();
        let applies = if identity.whole { given == parts.len() } else { given > 0 };
        let sum = parts.into_iter().flatten().try_fold(Fen::ZERO, Fen::checked_add);
        if applies && total != sum { Err(Implausible::Sum(identity.total)) } else { Ok(()) }
    }

    /// A figure; `None` where it is not given.
    fn figure(&self, name: &'static str) -> Result<Option<Fen>, Implausible> {
        let Some(value) = self.given(name) else { return Ok(None) };
        match Fen::of_json(value) {
            None => Err(Implausible::NoAmount(name)),
            Some(amount) if amount < Fen::ZERO => Err(Implausible::BelowZero(name)),
            amount => Ok(amount),
        }
    }

    fn given(&self, name: &str) -> Option<&Value> {
        self.setlinfo.get(name).filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    const MSGID: &str = "H44010099999201508031000000001";

    /// With own 123.45, over 23.00, pre 450.00 and account 500.00 (settlement-facts §3.5).
    fn answer() -> SettlementAnswer {
        let setlinfo = json!({
            "setl_id": "S00000000001", "medins_setl_id": MSGID, "psn_no": "44010000000003",
            "medfee_sumamt": "30000.00", "fulamt_ownpay_amt": "123.45", "overlmt_selfpay": "23.00",
            "preselfpay_amt": "450.00", "inscp_scp_amt": "29403.55", "act_pay_dedc": "1600.00",
            "hifp_pay": "22242.84", "hifob_pay": "0.00", "fund_pay_sumamt": "22242.84", "hosp_part_amt": "0.00",
            "psn_part_amt": "7757.16", "acct_pay": "500.00", "psn_cash_pay": "7257.16",
        });
        SettlementAnswer { setlinfo: object(setlinfo), feedetail: Vec::new(), pack: Value::Null }
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn checked(changes: Value) -> Result<(), Implausible> {
        let mut answer = answer();
        for (name, value) in object(changes) {
            answer.setlinfo.insert(name, value);
        }
        answer.check_settled(MSGID, Some("44010000000003"))
    }

    #[test]
    fn a_settlement_is_of_its_message_and_its_person() {
        assert_eq!(checked(json!({})), Ok(()));
        assert_eq!(answer().check_settled(MSGID, None), Ok(()));
        for nothing in [json!(""), Value::Null, json!(7)] {
            assert_eq!(checked(json!({ "setl_id": nothing })), Err(Implausible::Missing("setl_id")));
        }
        for other in [json!("SOMEBODY-ELSES"), Value::Null] {
            assert_eq!(checked(json!({ "medins_setl_id": other })), Err(Implausible::OtherMessage));
            assert_eq!(checked(json!({ "psn_no": other })), Err(Implausible::OtherPerson));
        }
    }

    #[test]
    fn what_is_to_be_paid_is_there_and_what_is_in_no_sum_may_be_left_out() {
        for name in REQUIRED {
            assert_eq!(checked(json!({ name: null })), Err(Implausible::Missing(name)));
        }
        assert_eq!(checked(json!({ "act_pay_dedc": null })), Ok(()));
        let only_a_number = object(json!({ "setl_id": "S1", "medins_setl_id": MSGID }));
        let answer = SettlementAnswer { setlinfo: only_a_number, feedetail: Vec::new(), pack: Value::Null };
        assert_eq!(answer.check_settled(MSGID, None), Err(Implausible::Missing("medfee_sumamt")));
    }

    #[test]
    fn each_identity_is_held() {
        let cases = [
            (json!({ "psn_cash_pay": "-5.00" }), Implausible::BelowZero("psn_cash_pay")),
            (json!({ "act_pay_dedc": "-0.01" }), Implausible::BelowZero("act_pay_dedc")),
            (json!({ "psn_cash_pay": "7257.15" }), Implausible::Sum("psn_part_amt")),
            (json!({ "acct_mulaid_pay": "0.01" }), Implausible::Sum("psn_part_amt")),
            (json!({ "hifp_pay": "22242.85" }), Implausible::Sum("fund_pay_sumamt")),
            (json!({ "maf_pay": "1.00" }), Implausible::Sum("fund_pay_sumamt")),
            (json!({ "hosp_part_amt": "1.00" }), Implausible::Sum("medfee_sumamt")),
            (json!({ "inscp_scp_amt": "29403.54" }), Implausible::Sum("medfee_sumamt")),
            (json!({ "acct_pay": true }), Implausible::NoAmount("acct_pay")),
            (json!({ "acct_pay": "500,00" }), Implausible::NoAmount("acct_pay")),
            (json!({ "acct_pay": "92233720368547758.07" }), Implausible::Sum("psn_part_amt")),
        ];
        for (changes, expected) in cases {
            assert_eq!(checked(changes.clone()), Err(expected), "{changes}");
        }
        // Other figures than the terminal's are the centre's to give; so is a part that it leaves out.
        let others = json!({ "hifp_pay": 22000, "hifob_pay": 242.84, "hosp_part_amt": null, "overlmt_selfpay": null });
        assert_eq!(checked(others), Ok(()));
    }

    proptest! {
        #[test]
        fn nothing_that_a_centre_may_say_is_too_much(setlinfo in proptest::collection::btree_map(
            prop::sample::select(answer().setlinfo.keys().cloned().collect::<Vec<_>>()),
            prop_oneof![any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), "[-0-9.]{0,20}".prop_map(Value::from)],
            0..20,
        )) {
            let mut answer = answer();
            answer.setlinfo.extend(setlinfo);
            if answer.check_figures().is_ok() {
                prop_assert!(REQUIRED.iter().all(|name| Fen::of_json(&answer.setlinfo[*name]).is_some()));
            }
        }
    }
}
