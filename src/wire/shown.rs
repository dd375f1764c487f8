//! How messages print: ids, codes, dates and lengths. What they say of a person, and the centre's words, which may name
//! one, stay out.

use std::fmt::{Debug, Formatter, Result};

use super::batch::{ItemAnswer, LateAnswer, Reason};
use super::enquiry::Enquiry;
use super::filing::{Filing, Withdrawal};
use super::lookup::{Found, Lookup};
use super::payment::{Account, Paid, Payment};
use super::person::{Accumulations, Person, PersonKey, Question};
use super::settle::{Cancellation, Settlement, SettlementAnswer};
use super::sign_in::SignIn;
use super::{Envelope, Outcome, Payload, Receipt, Reply, Request};

impl Debug for Envelope {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Envelope").field("header", &self.header).finish_non_exhaustive()
    }
}

impl<T> Debug for Payload<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("Payload(…)")
    }
}

impl Debug for Receipt {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Receipt")
            .field("id", &self.id)
            .field("outcome", &self.outcome)
            .field("centre_no", &self.centre_no)
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}

impl Debug for ItemAnswer {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Receipt(receipt) => f.debug_tuple("Receipt").field(receipt).finish(),
            Self::Refused(reason) => f.debug_tuple("Refused").field(reason).finish(),
            Self::Failed(reason) => f.debug_tuple("Failed").field(reason).finish(),
        }
    }
}

impl Debug for LateAnswer {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("LateAnswer").field("id", &self.id).field("answer", &self.answer).finish()
    }
}

impl Debug for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Reason").field("code", &self.code).finish_non_exhaustive()
    }
}

impl Debug for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Accepted => f.write_str("Accepted"),
            Self::Refused { code, .. } => f.debug_struct("Refused").field("code", code).finish_non_exhaustive(),
        }
    }
}

impl Debug for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Request").field("infno", &self.infno).field("msgid", &self.msgid).finish_non_exhaustive()
    }
}

impl Debug for Reply {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Reply")
            .field("infcode", &self.infcode)
            .field("inf_refmsgid", &self.inf_refmsgid)
            .finish_non_exhaustive()
    }
}

impl Debug for PersonKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("PersonKey(…)")
    }
}

impl Debug for Person {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("Person(…)")
    }
}

impl Debug for Question {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Question")
            .field("scenario", &self.scenario)
            .field("business_date", &self.business_date)
            .finish_non_exhaustive()
    }
}

impl Debug for Accumulations {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Accumulations")
            .field("count", &self.accumulators.len())
            .field("as_of", &self.as_of)
            .finish_non_exhaustive()
    }
}

impl Debug for Settlement {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Settlement")
            .field("scenario", &self.scenario)
            .field("business_date", &self.business_date)
            .field("lines", &self.feedetail.len())
            .finish_non_exhaustive()
    }
}

impl Debug for Cancellation {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Cancellation").field("setl_id", &self.setl_id).finish_non_exhaustive()
    }
}

impl Debug for Withdrawal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Withdrawal").field("scenario", &self.scenario).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Debug for SettlementAnswer {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("SettlementAnswer(…)")
    }
}

impl Debug for SignIn {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("SignIn").field("month", &self.month).finish_non_exhaustive()
    }
}

impl Debug for Filing {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Filing")
            .field("scenario", &self.scenario)
            .field("part", &self.part)
            .field("business_date", &self.business_date)
            .finish_non_exhaustive()
    }
}

impl Debug for Lookup {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Lookup")
            .field("scenario", &self.scenario)
            .field("part", &self.part)
            .field("business_date", &self.business_date)
            .finish_non_exhaustive()
    }
}

impl Debug for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Found")
            .field("as_of", &self.as_of)
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}

impl Debug for Enquiry {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Enquiry")
            .field("scenario", &self.scenario)
            .field("part", &self.part)
            .field("business_date", &self.business_date)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

impl Debug for Payment {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Payment")
            .field("scenario", &self.scenario)
            .field("business_date", &self.business_date)
            .finish_non_exhaustive()
    }
}

impl Debug for Account {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("Account(…)")
    }
}

impl Debug for Paid {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("Paid(…)")
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::value::{Fen, Kind};
    use crate::wire::Header;

    /// What stands wherever a message says something of a person.
    const SECRET: &str = "王小雅";

    fn facts() -> Map<String, Value> {
        Map::from_iter([(SECRET.to_owned(), json!(SECRET))])
    }

    fn person() -> PersonKey {
        PersonKey {
            mdtrt_cert_type: SECRET.into(),
            mdtrt_cert_no: SECRET.into(),
            card_sn: SECRET.into(),
            certno: SECRET.into(),
            psn_name: SECRET.into(),
            psn_no: Some(SECRET.into()),
        }
    }

    fn messages() -> Vec<Box<dyn Debug>> {
        let now = Timestamp::UNIX_EPOCH;
        let business_date = jiff::civil::date(2015, 8, 3);
        let header = Header {
            terminal: "H44010099999".into(),
            sequence: 1,
            id: uuid::Uuid::nil(),
            msgid: "M".into(),
            scenario: "medical-settlement".into(),
            kind: Kind::Settle,
            business_date,
            created_at: now,
            provisional: true,
            demo: true,
            payload_commitment: Default::default(),
            previous: Default::default(),
            algorithms: String::new(),
            operator: Some("0007".into()),
            shift: None,
            cancels: None,
        };
        let settlement = Settlement {
            person: person(),
            insutype: "310".into(),
            med_type: "21".into(),
            medfee_sumamt: Fen(1),
            psn_setlway: "01".into(),
            acct_used_flag: "0".into(),
            mdtrt_id: Some(SECRET.into()),
            scenario: "medical-settlement".into(),
            business_date,
            facts: facts(),
            feedetail: vec![facts()],
            documents: Vec::new(),
        };
        let request = Request {
            infno: "2207".into(),
            msgid: "M".into(),
            fixmedins_code: "H44010099999".into(),
            opter: "0007".into(),
            inf_time: String::new(),
            recer_sys_code: None,
            sign_no: None,
            demo: true,
            input: json!(settlement),
        };
        let refused = Outcome::Refused { code: "E-9".into(), text: SECRET.into() };
        let question = Question {
            person: person(),
            scenario: "medical-settlement".into(),
            business_date,
            mdtrt_id: Some(SECRET.into()),
            facts: [("dise_codg".to_owned(), json!(SECRET))].into_iter().collect(),
        };
        let reason = Reason { code: "C-FORM".into(), text: SECRET.into() };
        vec![
            Box::new(Envelope { header: header.clone(), payload: json!(settlement) }),
            Box::new(Payload { request: request.clone(), detail: json!(SECRET) }),
            Box::new(Receipt {
                id: header.id,
                outcome: refused,
                centre_no: "C1".into(),
                received_at: now,
                output: json!(SECRET),
            }),
            Box::new(request),
            Box::new(Cancellation {
                setl_id: "S1".into(),
                mdtrt_id: Some(SECRET.into()),
                psn_no: SECRET.into(),
                reason: Some(SECRET.into()),
            }),
            Box::new(Withdrawal {
                person: person(),
                scenario: "clinic-visit".into(),
                part: Kind::Visit,
                message: "withdrawal".into(),
                business_date,
                id: header.id,
                number: Some(SECRET.into()),
                reason: Some(SECRET.into()),
            }),
            Box::new(Reply {
                infcode: -1,
                inf_refmsgid: "M".into(),
                err_msg: format!("E-9 {SECRET}"),
                told_at: Some(now),
                output: json!(SECRET),
            }),
            Box::new(person()),
            Box::new(Person { psn_no: SECRET.into(), insutype: "310".into(), facts: facts() }),
            Box::new(question),
            Box::new(Accumulations { accumulators: facts(), as_of: now }),
            Box::new(SettlementAnswer { setlinfo: facts(), feedetail: vec![facts()], pack: Value::Null }),
            Box::new(SignIn { person: person(), month: "2015-08".into(), facts: facts() }),
            Box::new(Filing {
                person: person(),
                scenario: "labor-inspection-complaint".into(),
                part: Kind::Report,
                message: "labor-inspection-complaint".into(),
                business_date,
                once: Some(SECRET.into()),
                fields: facts(),
                documents: Vec::new(),
                lines: vec![facts()],
                facts: facts(),
            }),
            Box::new(Lookup {
                person: person(),
                scenario: "enrollment-query".into(),
                part: Kind::Query,
                message: "enrollment-query".into(),
                business_date,
                fields: facts(),
            }),
            Box::new(Found { as_of: now, records: vec![facts()] }),
            Box::new(Enquiry {
                person: person(),
                scenario: "enrollment-query".into(),
                part: Kind::Query,
                message: "enrollment-query".into(),
                business_date,
                as_of: now,
                records: 2,
                cached: false,
                printed: true,
                document_sha256: None,
            }),
            Box::new(Payment {
                person: person(),
                scenario: "skill-appraisal-payment".into(),
                part: Kind::Pay,
                message: "skill-appraisal-payment".into(),
                business_date,
                order_no: SECRET.into(),
                order_amt: Fen(1),
                account: Account { account: SECRET.into(), token: SECRET.into() },
                fields: facts(),
                facts: facts(),
            }),
            Box::new(Account { account: SECRET.into(), token: SECRET.into() }),
            Box::new(ItemAnswer::Refused(reason.clone())),
            Box::new(ItemAnswer::Failed(reason)),
            Box::new(settlement),
        ]
    }

    #[test]
    fn no_message_prints_what_it_says_of_a_person() {
        let shown: Vec<String> = messages().iter().map(|message| format!("{message:?}")).collect();
        assert!(shown.iter().all(|shown| !shown.contains(SECRET)), "{shown:#?}");
        // What tells one from another is there.
        assert!(shown[0].contains("H44010099999") && shown[2].contains("E-9") && shown[3].contains("2207"));
    }
}
