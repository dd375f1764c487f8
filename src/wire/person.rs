//! Who a message is about, and what the centre is asked about a person before anything is decided.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 就诊凭证类型 of the social security card (settlement-facts §4.4).
pub const SOCIAL_SECURITY_CARD: &str = "03";

/// 险种, among the items of a form and of a bill's line, and among the facts of a case.
pub const INSUTYPE: &str = "insutype";

/// 险种 of which everybody is in one, and the centre knows which: 职工, 离休, 居民 (settlement-facts §4.4). Maternity (510) an
/// employee has beside theirs.
pub const ONE_OF_A_PERSON: [&str; 3] = ["310", "340", "390"];

/// The person of a message, as the card names them. Prints masked, is wiped on drop.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct PersonKey {
    /// 就诊凭证类型, [`SOCIAL_SECURITY_CARD`].
    pub mdtrt_cert_type: String,
    /// 卡号, 9 characters.
    pub mdtrt_cert_no: String,
    /// 卡识别码, 32 hexadecimal digits.
    pub card_sn: String,
    /// 社会保障号码.
    pub certno: String,
    /// 姓名.
    pub psn_name: String,
    /// The centre's own number for the person, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psn_no: Option<String>,
}

/// What is asked before a decision: `1101` for the person, `5206` for the accumulators.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Who.
    #[serde(flatten)]
    pub person: PersonKey,
    /// The scenario that is to be decided.
    pub scenario: String,
    /// Its business date: whose year and month the accumulators are.
    pub business_date: Date,
    /// 就诊ID, for what accumulates over one admission; left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mdtrt_id: Option<String>,
    /// The facts that choose the scenario's pack, and by which accumulators are kept apart, as far as the case has them;
    /// in the form of `rules::Input.facts`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub facts: Map<String, Value>,
}

/// The answer to `1101`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// 人员编号, the centre's own.
    pub psn_no: String,
    /// 险种 that covers the scenario (settlement-facts §4.4); empty where none is needed.
    #[serde(default)]
    pub insutype: String,
    /// What the centre knows of the person that the scenario's pack asks for, in the form of `rules::Input.facts`:
    /// the caller lays it over its own facts.
    pub facts: Map<String, Value>,
}

/// The answer to `5206`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Accumulations {
    /// Every accumulator of the scenario's pack, in the form of `rules::Input.accumulators`.
    pub accumulators: Map<String, Value>,
    /// When the centre read them.
    pub as_of: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_flat_and_prints_nothing_personal() {
        let person = PersonKey {
            mdtrt_cert_type: SOCIAL_SECURITY_CARD.into(),
            mdtrt_cert_no: "A10000031".into(),
            card_sn: "440100D15600000530000003FFFFFFFF".into(),
            certno: "440103198806120021".into(),
            psn_name: "王小雅".into(),
            psn_no: None,
        };
        let question = Question {
            person,
            scenario: "medical-settlement".into(),
            business_date: jiff::civil::date(2015, 8, 3),
            mdtrt_id: None,
            facts: Map::new(),
        };
        let json = serde_json::to_value(&question).unwrap();
        assert_eq!(json["certno"], "440103198806120021");
        assert_eq!(json["business_date"], "2015-08-03");
        assert!(json.get("mdtrt_id").is_none() && json.get("psn_no").is_none());
        assert_eq!(serde_json::from_value::<Question>(json).unwrap(), question);
        let shown = format!("{question:?}");
        for secret in ["440103", "王小雅", "A10000031", "440100D1"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
