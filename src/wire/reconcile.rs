//! Reconciliation: a day's totals (对总账 `3201`), then the details where they differ (对明细账 `3202`);
//! settlement-facts §3.4. Names that are national are those of a settlement; what is ours is said to be.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::value::Fen;

/// What one settlement, or several together, came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Figures {
    /// 医疗费总额.
    pub medfee_sumamt: Fen,
    /// 基金支付总额.
    pub fund_pay_sumamt: Fen,
    /// 个人账户支出.
    pub acct_pay: Fen,
    /// 个人现金支出.
    pub psn_cash_pay: Fen,
}

impl Figures {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        let add = |a: Fen, b: Fen| Fen(a.0.saturating_add(b.0));
        Self {
            medfee_sumamt: add(self.medfee_sumamt, other.medfee_sumamt),
            fund_pay_sumamt: add(self.fund_pay_sumamt, other.fund_pay_sumamt),
            acct_pay: add(self.acct_pay, other.acct_pay),
            psn_cash_pay: add(self.psn_cash_pay, other.psn_cash_pay),
        }
    }

    /// The names of the figures that are not the same in both.
    pub fn differs(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            ("medfee_sumamt", self.medfee_sumamt, other.medfee_sumamt),
            ("fund_pay_sumamt", self.fund_pay_sumamt, other.fund_pay_sumamt),
            ("acct_pay", self.acct_pay, other.acct_pay),
            ("psn_cash_pay", self.psn_cash_pay, other.psn_cash_pay),
        ];
        pairs.into_iter().filter(|(_, a, b)| a != b).map(|(name, ..)| name).collect()
    }
}

/// What is added up together.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Group {
    /// 险种.
    pub insutype: String,
    /// 清算类别, where the centre told one with the settlements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clr_type: Option<String>,
}

/// The settlements of a group that stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Which.
    #[serde(flatten)]
    pub group: Group,
    /// Together.
    #[serde(flatten)]
    pub figures: Figures,
    /// How many. Ours.
    pub count: u64,
}

/// The input of `3201`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// The day of the settlements' `setl_time`. Ours.
    pub date: Date,
    /// A terminal's totals of it, each group once. Ours.
    pub totals: Vec<Total>,
}

/// The output of `3201`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalsAnswer {
    /// 对账结果; its codes are ours: `0` the same, `1` not.
    pub stmt_rslt: String,
    /// The centre's own totals of the terminal's day. Ours.
    pub totals: Vec<Total>,
}

/// One settlement in the accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// The centre's number.
    pub setl_id: String,
    /// The terminal's message id.
    pub medins_setl_id: String,
    /// Refunded: `1`; `0` for one that stands.
    pub refd_setl_flag: String,
    /// What it came to.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The most settlements, or differences, of one message: some 300 bytes each, and a broker carries 1 MB.
pub const PAGE: usize = 2_000;

/// The input of `3202`: the settlements of one group that stand here, or those of them whose message ids are in a stretch.
/// Who they are for is not needed to tell them apart, and is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// As in [`Totals`].
    pub date: Date,
    /// Which group.
    #[serde(flatten)]
    pub group: Group,
    /// The message id from which on they are compared; from the first one without it. Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The message id before which they are; to the last one without it. Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Each of them, [`PAGE`] at the most. Ours.
    pub details: Vec<Detail>,
}

/// The output of `3202`. Ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailsAnswer {
    /// Those in which the two do not agree, by message id, [`PAGE`] at the most.
    pub differences: Vec<DetailDifference>,
    /// Where there are more: the message id from which on they are to be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
}

/// One settlement in which the two do not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailDifference {
    /// The terminal's message id.
    pub medins_setl_id: String,
    /// What stands at the centre; `None` where nothing does.
    pub centre: Option<Detail>,
}

/// Adds settlements up by group.
pub fn totals(settlements: impl IntoIterator<Item = (Group, Figures)>) -> Vec<Total> {
    let mut all: BTreeMap<Group, (Figures, u64)> = BTreeMap::new();
    for (group, figures) in settlements {
        let (sum, count) = all.entry(group).or_default();
        *sum = sum.and(figures);
        *count += 1;
    }
    all.into_iter().map(|(group, (figures, count))| Total { group, figures, count }).collect()
}

impl Details {
    /// Whether a message id is in the stretch that is compared.
    pub fn covers(&self, msgid: &str) -> bool {
        self.from.as_ref().is_none_or(|from| msgid >= from.as_str())
            && self.until.as_ref().is_none_or(|until| msgid < until.as_str())
    }
}

/// What a centre with these settlements of the group answers.
pub fn answer(told: &Details, theirs: impl Iterator<Item = Detail>) -> DetailsAnswer {
    let theirs: Vec<Detail> = theirs.filter(|detail| told.covers(&detail.medins_setl_id)).collect();
    let mut differences = compare(&told.details, &theirs);
    let more = differences.get(PAGE).map(|next| next.medins_setl_id.clone());
    differences.truncate(PAGE);
    DetailsAnswer { differences, more }
}

/// The settlements that are not the same in both; each message id is there once.
pub fn compare(ours: &[Detail], theirs: &[Detail]) -> Vec<DetailDifference> {
    let by_message = |details: &[Detail]| -> BTreeMap<String, Detail> {
        details.iter().map(|detail| (detail.medins_setl_id.clone(), detail.clone())).collect()
    };
    let (ours, theirs) = (by_message(ours), by_message(theirs));
    let all: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let differ = all.into_iter().filter(|message| ours.get(*message) != theirs.get(*message));
    differ
        .map(|message| DetailDifference { medins_setl_id: message.clone(), centre: theirs.get(message).cloned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(message: &str, total: i64) -> Detail {
        Detail {
            setl_id: format!("S{message}"),
            medins_setl_id: message.into(),
            refd_setl_flag: "0".into(),
            figures: Figures { medfee_sumamt: Fen(total), psn_cash_pay: Fen(total), ..Figures::default() },
        }
    }

    #[test]
    fn what_only_one_has_and_what_both_have_otherwise_is_a_difference() {
        let (ours, theirs) =
            ([detail("a", 1), detail("b", 2), detail("c", 3)], [detail("b", 5), detail("c", 3), detail("d", 4)]);
        let found = compare(&ours, &theirs);
        let told: Vec<_> = found
            .iter()
            .map(|found| (found.medins_setl_id.as_str(), found.centre.as_ref().map(|d| d.figures.medfee_sumamt)))
            .collect();
        assert_eq!(told, [("a", None), ("b", Some(Fen(5))), ("d", Some(Fen(4)))]);
        assert_eq!(ours[1].figures.differs(&theirs[0].figures), ["medfee_sumamt", "psn_cash_pay"]);
        assert!(compare(&ours, &ours).is_empty());
    }

    #[test]
    fn settlements_are_added_up_by_group() {
        let group = |insutype: &str| Group { insutype: insutype.into(), clr_type: None };
        let added = totals([
            (group("390"), detail("a", 1).figures),
            (group("310"), detail("b", 2).figures),
            (group("390"), detail("c", 4).figures),
        ]);
        let shown = serde_json::to_value(&added).unwrap();
        assert_eq!(
            shown[1],
            serde_json::json!({"insutype": "390", "medfee_sumamt": "0.05", "fund_pay_sumamt": "0.00", "acct_pay": "0.00", "psn_cash_pay": "0.05", "count": 2})
        );
        assert_eq!(serde_json::from_value::<Vec<Total>>(shown).unwrap(), added);
    }
}
