//! The foot of a slip: how its transaction stands, and by what it is found and proven.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::document::{Document, Section};
use super::proofs;
use crate::queue::{Row, State};
use crate::value::{Kind, Protocol};
use crate::wire::filing::{self, Standing};

/// What the foot of a slip tells. It alone changes once the centre has answered: what was decided and filed stays.
#[derive(Debug, Clone, Copy)]
pub struct Foot<'a> {
    /// The transaction as it stands.
    pub transaction: &'a Row,
    /// What the centre settled, or says was paid, where it did.
    pub centre: Option<&'a Map<String, Value>>,
    /// What it answered to what was filed, once it has.
    pub answer: Option<&'a filing::Filed>,
    /// The slip lists what was filed.
    pub lists: bool,
    /// It was committed before.
    pub duplicate: bool,
    /// When it is printed.
    pub at: Timestamp,
}

impl Document {
    /// The same slip made anew, with the foot as it is now.
    pub fn with_foot(&self, foot: &Foot) -> Self {
        Self { foot: foot.section(), ..self.clone() }
    }
}

impl Foot<'_> {
    pub(super) fn section(&self) -> Section {
        let (row, mut foot) = (self.transaction, Section::default());
        if row.provisional {
            foot.say("本机暂结，以中心结算为准");
        } else if let Some(setl_id) = self.centre.and_then(|centre| centre.get("setl_id")).and_then(Value::as_str) {
            foot.say(if row.cancels.is_some() { "中心已撤销，退费如上" } else { "中心已结算" });
            foot.pair("结算编号", setl_id);
        } else if let Some((amount, trace_no)) = self.paid() {
            foot.say("已从社会保障卡加载的银行账户缴费");
            foot.pair("缴费金额", format!("{amount} 元").as_str());
            foot.pair("银行流水号", trace_no);
        } else if row.kind != Kind::Settle {
            foot.say(self.stands());
        }
        if self.duplicate {
            foot.say("此前已提交，本次未重复提交");
        }
        if self.lists {
            self.how_to_ask(&mut foot);
        }
        if let Some(answer) = self.answer {
            foot.pair("受理号", answer.number.as_str());
            if let Some(visit) = &answer.mdtrt_id {
                foot.pair("就诊编号", visit.as_str());
            }
        }
        proofs(&mut foot, row, self.at);
        foot
    }

    /// How what was filed stands. Why the centre refused something may name a person, and stands on no paper.
    fn stands(&self) -> &'static str {
        match (self.transaction.state, self.answer.map(|answer| answer.state)) {
            (State::Refused, _) => "中心没有受理，原因请向经办人查询",
            (State::Cancelled, _) => "本人已撤回",
            (_, Some(Standing::Accepted)) => "中心已受理",
            (_, Some(Standing::Withdrawn)) => "中心已办理撤回",
            (_, None) => "已提交，以中心受理结果为准",
        }
    }

    /// By what the holder asks about it: by the centre's number as soon as there is one.
    fn how_to_ask(&self, foot: &mut Section) {
        match (self.transaction.state, self.answer) {
            (State::Refused, _) => {}
            (_, Some(_)) => foot.say("请保存本回单，凭受理号查询办理结果"),
            (_, None) => {
                foot.say("请保存本回单，凭流水号查询受理结果");
                // What is paid is answered at once, and with no number of this kind.
                if self.transaction.kind.protocol() == Protocol::StoreAndForward {
                    foot.say("受理号等编号在中心受理后给出，届时可重印本回单");
                }
            }
        }
    }

    /// What was paid, and the bank's number for it.
    fn paid(&self) -> Option<(&str, &str)> {
        let text = |name| self.centre?.get(name)?.as_str();
        text("order_amt").zip(text("trace_no"))
    }
}
