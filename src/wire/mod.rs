//! What travels upstream: headers, messages, answers.
//!
//! A header carries no personal data and is chained; a payload does carry it and travels only sealed or inside TLS.
//! The national envelope (settlement-facts §4.1) is the form of the online questions and settlements.

pub mod batch;
pub mod credentials;
pub mod detached;
pub mod enquiry;
pub mod errors;
pub mod filing;
pub mod headers;
pub mod hsm;
pub mod lookup;
pub mod payment;
pub mod person;
mod plausible;
mod receiver;
pub mod reconcile;
pub mod settle;
pub mod shift;
mod shown;
pub mod sign_in;
pub mod signature;
pub mod subject;

pub use plausible::Implausible;
pub use receiver::Receiver;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::value::Kind;

/// 32 bytes as upper-case hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, utoipa::ToSchema)]
#[schema(value_type = String, pattern = "^[0-9A-F]{64}$")]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode_upper(self.0))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// What the chain covers. Changes of state are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The terminal's name, as enrolled at the centre.
    pub terminal: String,
    /// Position in this terminal's chain, from 1, without gaps.
    pub sequence: u64,
    /// The transaction's id (UUIDv7), its idempotency key for ever.
    pub id: Uuid,
    /// 发送方报文ID, made once.
    pub msgid: String,
    /// The scenario's id.
    pub scenario: String,
    /// Its kind.
    pub kind: Kind,
    /// The business date, Asia/Shanghai.
    pub business_date: Date,
    /// When it was committed.
    pub created_at: Timestamp,
    /// Decided by the terminal alone; the centre settles it later.
    pub provisional: bool,
    /// Made in demo mode; a real centre refuses it.
    pub demo: bool,
    /// Keyed hash of the plain payload: HMAC-SHA-256.
    pub payload_commitment: Digest,
    /// Hash of the previous header; zeros for the first.
    pub previous: Digest,
    /// The algorithms of seal, chain and commitment, by name.
    pub algorithms: String,
    /// 经办人. Absent, as what follows, in headers from before it was there, whose bytes stay what they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The terminal's own number of the operator's shift ([`shift`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<String>,
    /// The transaction of this terminal that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancels: Option<Uuid>,
}

/// A store-and-forward transaction as it goes up.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The chained header.
    pub header: Header,
    /// The message: personal data inside.
    pub payload: Value,
}

/// The last header the centre has of a terminal's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainHead {
    /// Its sequence; 0 when there is none.
    pub sequence: u64,
    /// Its hash; zeros when there is none.
    pub hash: Digest,
}

/// The centre's answer to a transaction. Sent again, the same transaction gets the same answer.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Which transaction.
    pub id: Uuid,
    /// Taken, or not.
    pub outcome: Outcome,
    /// The centre's own number for it.
    pub centre_no: String,
    /// When the centre took it.
    pub received_at: Timestamp,
    /// What the centre settled or recorded (national field names).
    pub output: Value,
}

/// Whether the centre took a transaction.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// It stands.
    Accepted,
    /// It does not; with the centre's reason.
    Refused {
        /// The centre's code.
        code: String,
        /// Its words.
        text: String,
    },
}

/// What the payload of a transaction holds: what goes to the centre's rules, and what the terminal keeps with it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload<T> {
    /// What the centre acts on: [`sign_in::SignIn`], [`filing::Filing`], [`enquiry::Enquiry`], [`settle::Settlement`] of
    /// a provisional settlement, or the whole [`Request`] of what goes online.
    pub request: T,
    /// What explains it later: the local decision with its trace. The centre keeps it and does not act on it.
    pub detail: Value,
}

/// 交易编号 (settlement-facts §4.2).
pub mod infno {
    /// 人员基本信息获取: [`super::person::Question`] to [`super::person::Person`].
    pub const PERSON: &str = "1101";
    /// 累计查询: [`super::person::Question`] to [`super::person::Accumulations`].
    pub const ACCUMULATIONS: &str = "5206";
    /// 门诊预结算: [`super::settle::Settlement`] to [`super::settle::SettlementAnswer`]; changes nothing.
    pub const PRE_SETTLE: &str = "2206";
    /// 门诊结算: [`super::settle::Settlement`] to [`super::settle::SettlementAnswer`]; once a message id.
    pub const SETTLE: &str = "2207";
    /// 药店预结算: as [`PRE_SETTLE`].
    pub const PHARMACY_PRE_SETTLE: &str = "2101";
    /// 药店结算: as [`SETTLE`].
    pub const PHARMACY_SETTLE: &str = "2102";
    /// 住院预结算: as [`PRE_SETTLE`].
    pub const INPATIENT_PRE_SETTLE: &str = "2303";
    /// 住院结算: as [`SETTLE`].
    pub const INPATIENT_SETTLE: &str = "2304";
    /// Whatever computes a settlement and changes nothing.
    pub const PRE_SETTLES: [&str; 3] = [PRE_SETTLE, PHARMACY_PRE_SETTLE, INPATIENT_PRE_SETTLE];
    /// Whatever settles.
    pub const SETTLES: [&str; 3] = [SETTLE, PHARMACY_SETTLE, INPATIENT_SETTLE];
    /// 门诊结算撤销: [`super::settle::Cancellation`] to [`super::settle::SettlementAnswer`].
    pub const CANCEL: &str = "2208";
    /// 药店结算撤销: as [`CANCEL`].
    pub const PHARMACY_CANCEL: &str = "2103";
    /// 住院结算撤销: as [`CANCEL`].
    pub const INPATIENT_CANCEL: &str = "2305";
    /// Whatever cancels a settlement.
    pub const CANCELS: [&str; 3] = [CANCEL, PHARMACY_CANCEL, INPATIENT_CANCEL];
    /// 结算查询: [`super::settle::SettlementQuery`] to [`super::settle::SettlementAnswer`].
    pub const SETTLEMENT: &str = "5203";
    /// What a message id paid: [`super::payment::PaymentQuery`] to [`super::payment::Paid`]. Ours: no national number was
    /// found for it.
    pub const PAYMENT: &str = "pay-query";
    /// 冲正交易: [`super::settle::Reversal`], without output.
    pub const REVERSE: &str = "2601";
    /// 对总账: [`super::reconcile::Totals`] to [`super::reconcile::TotalsAnswer`].
    pub const TOTALS: &str = "3201";
    /// 对明细账: [`super::reconcile::Details`] to [`super::reconcile::DetailsAnswer`].
    pub const DETAILS: &str = "3202";
    /// 签到: [`super::shift::SignOn`] to [`super::shift::SignedOn`]; once a shift.
    pub const SIGN_ON: &str = "9001";
    /// 签退: [`super::shift::SignOff`], without output.
    pub const SIGN_OFF: &str = "9002";
}

/// An online request in the national envelope (settlement-facts §4.1), the fields this terminal fills.
#[derive(Clone, Serialize, Deserialize)]
pub struct Request {
    /// 交易编号, e.g. `2206` pre-settlement, `2207` settlement, `2601` reversal, `5206` accumulators.
    pub infno: String,
    /// 发送方报文ID.
    pub msgid: String,
    /// 接收系统, of what is asked about a person or done for one. Absent in requests from before it was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recer_sys_code: Option<Receiver>,
    /// 定点医药机构编号, or the terminal's name where there is none.
    pub fixmedins_code: String,
    /// 经办人.
    pub opter: String,
    /// 交易时间, `yyyy-MM-dd HH:mm:ss` Asia/Shanghai.
    pub inf_time: String,
    /// 签到流水号 of the operator's shift, once the centre has given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_no: Option<String>,
    /// Made in demo mode.
    #[serde(default)]
    pub demo: bool,
    /// The transaction's own fields.
    pub input: Value,
}

/// The centre's answer to a [`Request`].
#[derive(Clone, Serialize, Deserialize)]
pub struct Reply {
    /// 0 is success.
    pub infcode: i32,
    /// The centre's own message id.
    pub inf_refmsgid: String,
    /// Why not, when `infcode` is not 0.
    #[serde(default)]
    pub err_msg: String,
    /// When the centre answered, by its clock. Ours; a centre that does not give it tells the time by what it settles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
    /// The transaction's own fields.
    #[serde(default)]
    pub output: Value,
}

impl Reply {
    /// 交易成功.
    pub const OK: i32 = 0;
    /// 交易失败: the centre said no; nothing was changed.
    pub const REFUSED: i32 = -1;
    /// The transaction that was asked about or was to be reversed does not stand at the centre, and never will.
    pub const NOT_FOUND: i32 = -2;

    /// The centre's code and words, unless it is a success. `err_msg` is `CODE words`; what has no code there gets
    /// the `infcode`.
    pub fn refusal(&self) -> Option<(String, String)> {
        if self.infcode == Self::OK {
            return None;
        }
        let whole = || (self.infcode.to_string(), self.err_msg.clone());
        let split = self.err_msg.split_once(' ').filter(|(code, _)| code.contains('-') && code.is_ascii());
        Some(split.map_or_else(whole, |(code, text)| (code.to_owned(), text.to_owned())))
    }
}

/// A centre's code of a refusal, to be shown to anybody; where it is none that can be one, the `infcode` of a refusal:
/// what stands there, as its words, may name a person.
pub fn plain_code(code: &str) -> &str {
    let is_code =
        |code: &str| code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
    let has_no_number = |code: &str| code.bytes().filter(u8::is_ascii_digit).count() < 8;
    match code {
        code if (1..=40).contains(&code.len()) && is_code(code) && has_no_number(code) => code,
        _ => "-1",
    }
}

/// The longest reason that somebody gives for taking something back, in characters.
pub const LONGEST_REASON: usize = 200;

/// What message ids of one kind are told by: the form of their last four characters. None of one series is ever one of
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Series {
    /// A transaction's own: four digits.
    Transaction,
    /// A question that changes nothing: `Q` and three digits or capital letters.
    Question,
    /// The question what became of a transaction: `S` and three.
    Standing,
    /// The reversal of a transaction: `R` and three.
    Reversal,
}

impl Series {
    fn last(self, number: u64) -> String {
        let three = |letter: char| {
            let digit = |power: u32| char::from_digit((number / 36_u64.pow(power) % 36) as u32, 36).unwrap_or('0');
            [letter, digit(2), digit(1), digit(0)].iter().map(char::to_ascii_uppercase).collect()
        };
        match self {
            Self::Transaction => format!("{:04}", number % 10_000),
            Self::Question => three('Q'),
            Self::Standing => three('S'),
            Self::Reversal => three('R'),
        }
    }
}

/// 发送方报文ID: `code`, the 12 characters of the institution or terminal, the moment in Asia/Shanghai as
/// `yyyyMMddHHmmss`, and four characters of its series (settlement-facts §4.1). 30 characters.
pub fn message_id(code: &str, now: Timestamp, series: Series, number: u64) -> String {
    let moment = crate::world::shanghai().to_datetime(now);
    format!(
        "{code}{:04}{:02}{:02}{:02}{:02}{:02}{}",
        moment.year(),
        moment.month(),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second(),
        series.last(number)
    )
}

/// 交易时间: `yyyy-MM-dd HH:mm:ss` in Asia/Shanghai.
pub fn inf_time(now: Timestamp) -> String {
    let moment = crate::world::shanghai().to_datetime(now);
    format!("{} {:02}:{:02}:{:02}", moment.date(), moment.hour(), moment.minute(), moment.second())
}

/// The moment of such a text.
pub fn moment(text: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    crate::world::shanghai().to_timestamp(time).ok()
}

/// Whether a text can be a terminal's code: 12 letters and digits. A message id begins with it.
pub fn is_terminal(code: &str) -> bool {
    code.len() == 12 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        let now: Timestamp = "2015-08-03T02:00:05Z".parse().unwrap();
        assert_eq!((inf_time(now).as_str(), moment(&inf_time(now))), ("2015-08-03 10:00:05", Some(now)));
        for none in ["", "2015-08-03", "2015-08-03T10:00:05", "2015-13-03 10:00:05"] {
            assert_eq!(moment(none), None, "{none}");
        }
    }

    #[test]
    fn a_terminals_code_has_12_letters_and_digits() {
        assert!(is_terminal("H44010000001"));
        for other in ["", "T1", "H4401000000-", "H440100000011", "名名名名"] {
            assert!(!is_terminal(other), "{other}");
        }
    }

    #[test]
    fn what_may_name_a_person_is_no_code() {
        for code in ["C-FORM", "-1", "E-1"] {
            assert_eq!(plain_code(code), code);
        }
        let long = "C".repeat(41);
        for code in ["张三", "", "440103198806120021", "11010519491231002X", "Zhang San", &long] {
            assert_eq!(plain_code(code), "-1", "{code}");
        }
    }

    #[test]
    fn a_refusal_has_a_code() {
        let reply = |infcode, err_msg: &str| Reply {
            told_at: None,
            infcode,
            inf_refmsgid: String::new(),
            err_msg: err_msg.into(),
            output: Value::Null,
        };
        let pair = |code: &str, text: &str| Some((code.to_owned(), text.to_owned()));
        assert_eq!(reply(0, "E-X words").refusal(), None);
        assert_eq!(reply(-1, "E-X 医保待遇冻结 等").refusal(), pair("E-X", "医保待遇冻结 等"));
        assert_eq!(reply(-1, "医保-待遇 冻结").refusal(), pair("-1", "医保-待遇 冻结"));
    }

    #[test]
    fn a_message_id_is_thirty_characters_of_shanghai_time() {
        let late = "2015-07-31T16:00:01Z".parse().unwrap();
        for (series, number, id) in [
            (Series::Transaction, 123_456, "H44010000001201508010000013456"),
            (Series::Transaction, 7, "H44010000001201508010000010007"),
            (Series::Question, 7, "H4401000000120150801000001Q007"),
            (Series::Standing, 36 * 36 * 36 - 1, "H4401000000120150801000001SZZZ"),
            (Series::Reversal, 36 * 36 * 36 + 46, "H4401000000120150801000001R01A"),
        ] {
            assert_eq!(message_id("H44010000001", late, series, number), id);
        }
        assert_eq!(inf_time(late), "2015-08-01 00:00:01");
    }
}
