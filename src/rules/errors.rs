//! The failures of this room as people see them.

use crate::failure::{Entry, Explain};

use super::cancel::CancelError;
use super::input::InputError;

crate::entries! {
    NO_PACK = "E-RULES-NO-PACK", Technician;
        class Setup;
        message "没有适用于该业务的政策包" | "no policy pack covers this scenario";
        cause "政策包未安装" | "the pack is not installed";
        remedy "安装该业务的政策包" | "install the scenario's policy pack";
    NO_VERSION = "E-RULES-NO-VERSION", Technician;
        class Setup;
        message "该日期没有适用的政策包版本" | "no version of the pack for this date";
        cause "业务日期不在任何已安装政策包的有效期内" | "the business date is outside the validity of every installed version";
        remedy "核对业务日期；如日期无误，安装覆盖该日期的政策包" | "check the business date; if it is right, install a version of the pack that covers it";
    NOT_COVERED = "E-RULES-NOT-COVERED", Clerk;
        class Refused;
        message "本机没有适用于该险种或医疗类别的政策包" | "no policy pack here is for this insurance or kind of care";
        cause "该业务的政策包都不适用于所填的险种、医疗类别等项目" | "the scenario's packs are for other insurances or kinds of care than the case says";
        remedy "核对所填项目；如无误，转中心或人工核定" | "check these items; if they are right, have the centre or a person decide it";
    NO_CANCELLATION = "E-RULES-NO-CANCELLATION", Clerk;
        class Refused;
        message "这笔业务不能撤销" | "this transaction cannot be cancelled";
        cause "没有办成，本身就是撤销，或者保存的结果不能读" | "it was not carried out, is a cancellation itself, or its stored result cannot be read";
        remedy "核对业务的状态；结果不能读的，交技术人员并转人工" | "look at the transaction's state; where its result cannot be read, call a technician and refer it";
    BAD_INPUT = "E-RULES-INPUT", Clerk;
        class Usage;
        message "业务数据不完整或格式不对" | "the facts are incomplete or not of the right form";
        cause "有一项缺失、多余、类型不对或超出范围" | "an item is missing, unknown, of a wrong type or out of range";
        remedy "按提示更正该项后重试" | "correct the item named and try again";
}

impl Explain for InputError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::UnknownScenario { .. } => &NO_PACK,
            Self::NoVersion { .. } => &NO_VERSION,
            Self::NotCovered { .. } => &NOT_COVERED,
            _ => &BAD_INPUT,
        }
    }

    fn detail(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Explain for CancelError {
    fn entry(&self) -> &'static Entry {
        &NO_CANCELLATION
    }

    fn detail(&self) -> Option<String> {
        Some(self.to_string())
    }
}
