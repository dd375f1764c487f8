//! The messages of a settlement: `2206` and `2207` in and out, the query `5203`, the reversal `2601`.
//!
//! National field names where a field is national (settlement-facts §4.3). What is ours is said to be.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::filing::Document;
use super::person::PersonKey;
use crate::value::Fen;

/// What is to be settled: the input of `2206` (computes, changes nothing) and of `2207` (settles, once a message id);
/// also what a provisional settlement carries upstream later.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Settlement {
    /// Whose.
    #[serde(flatten)]
    pub person: PersonKey,
    /// 险种, e.g. `310` for employees.
    pub insutype: String,
    /// 医疗类别, e.g. `21` for inpatient.
    pub med_type: String,
    /// 医疗费总额.
    pub medfee_sumamt: Fen,
    /// 个人结算方式: `01` by item.
    pub psn_setlway: String,
    /// 个人账户使用标志: `1` uses the account.
    pub acct_used_flag: String,
    /// 就诊ID: what accumulates over one admission belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mdtrt_id: Option<String>,
    /// The scenario's id. Ours: it names the pack.
    pub scenario: String,
    /// The date the figures are looked up by. Ours.
    pub business_date: Date,
    /// The facts of the case as given to the rules (`rules::Input.facts`). Ours. What the centre knows better, the
    /// person's own facts, it lays over them.
    pub facts: Map<String, Value>,
    /// 费用明细, each line as the form has it, with what the rules were told of it (`rules::Input.lines`); the national
    /// interface takes them by `2204` before. The rules may know more of a line, or less: who ordered it they are not told.
    pub feedetail: Vec<Map<String, Value>>,
    /// The documents that the form asks for, as far as they were there. Ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
}

/// The answer to `2206`, `2207` and `5203`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct SettlementAnswer {
    /// 结算信息: the pack's output fields, and for a settlement `setl_id`, `medins_setl_id` (the terminal's message
    /// id), `setl_time`, `psn_no`.
    pub setlinfo: Map<String, Value>,
    /// The split of each line, in the order of the lines.
    #[serde(default)]
    pub feedetail: Vec<Map<String, Value>>,
    /// The pack the centre computed with: `id`, `version`, `sha256`.
    #[serde(default)]
    pub pack: Value,
}

/// The input of `2208`, `2103` and `2305`: takes back a settlement that is known. It is answered by a settlement of its own:
/// its own numbers, `refd_setl_flag` 1, every amount with its sign turned.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Cancellation {
    /// 结算ID: the centre's number of the settlement.
    pub setl_id: String,
    /// 就诊ID, where the settlement has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mdtrt_id: Option<String>,
    /// 人员编号, as the centre told it with the settlement.
    pub psn_no: String,
    /// Why it is taken back, where somebody says so: up to [`super::LONGEST_REASON`] characters, as they were typed. Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Refunded, in a settlement: [`REFUNDED`] in what takes another one back; `"0"`, or absent, in any other.
pub const REFUND_FLAG: &str = "refd_setl_flag";
/// What [`REFUND_FLAG`] says then.
pub const REFUNDED: &str = "1";

/// When that was, by the centre's clock; of an output that is such an answer.
pub fn settled_at(output: &Value) -> Option<Timestamp> {
    output.pointer("/setlinfo/setl_time").and_then(Value::as_str).and_then(super::moment)
}

/// The input of `5203`: whether a message id was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementQuery {
    /// The terminal's message id of the `2207`.
    pub medins_setl_id: String,
}

/// The input of `2601`: takes back what a message id did, and sees to it that it never does anything later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reversal {
    /// 原发送方报文ID.
    pub omsgid: String,
    /// 原交易编号: what it was sent under, `2207` of an outpatient settlement, a payment's own name.
    pub oinfno: String,
}
