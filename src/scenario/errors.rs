//! What is wrong with a scenario, its definition or its form.

use crate::failure::{Entry, Explain};
use crate::rules::Diagnostic;
use crate::value::CheckMistake;

/// A form that cannot be taken, or a scenario that cannot be carried out. Names items, never their values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// The catalogue has no such scenario.
    #[error("there is no scenario '{0}'")]
    Unknown(String),
    /// The catalogue has it, and this terminal does not carry it out.
    #[error("scenario '{0}' cannot be carried out here")]
    Undefined(String),
    /// It has no such part.
    #[error("scenario '{0}' has no such part")]
    Part(String),
    /// It is not for whoever runs this terminal: a clerk's, at a kiosk; a holder's, at a counter.
    #[error("scenario '{0}' is not run at such a terminal")]
    Elsewhere(String),
    /// The form has mistakes.
    #[error("{}", listed(.0))]
    Form(Vec<FieldError>),
    /// Definitions have mistakes.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Definition(Vec<Diagnostic>),
}

/// What is wrong with one item of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Which: `admission_date`, `lines[2].cnt`.
    pub item: String,
    /// What is wrong with it.
    pub what: FieldMistake,
}

/// What can be wrong with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FieldMistake {
    /// It must be there.
    #[error("必填 is missing")]
    Missing,
    /// The form has no such item.
    #[error("没有这一项 is not known")]
    Unknown,
    /// It must be an object.
    #[error("应为对象 must be an object")]
    Object,
    /// It must be an array of objects, not empty, not too long.
    #[error("应为明细行，行数不符 must be lines, not none and not too many")]
    Lines,
    /// It must be an amount.
    #[error("应为金额，如 \"1600.00\" must be an amount such as \"1600.00\"")]
    Money,
    /// It must be a number with at most four places.
    #[error("应为最多四位小数的数，如 \"2.5\" must be a number with at most four places such as \"2.5\"")]
    Decimal,
    /// It must be a rate.
    #[error("应为比例，如 \"10%\" must be a rate such as \"10%\"")]
    Rate,
    /// It must be an integer.
    #[error("应为整数 must be an integer")]
    Int,
    /// It must be a date.
    #[error("应为日期，如 \"2015-08-01\" must be a date such as \"2015-08-01\"")]
    Date,
    /// It must not be later than the business day.
    #[error("不能晚于业务当日 must not be later than today")]
    Future,
    /// It must be a month.
    #[error("应为月份，如 \"2015-08\" must be a month such as \"2015-08\"")]
    Month,
    /// It must be true or false.
    #[error("应为 true 或 false must be true or false")]
    Bool,
    /// It must be a text of a certain length without control characters.
    #[error("应为文字，长度不超限 must be text, not too long")]
    Text,
    /// It must be one of the choices.
    #[error("不在可选值中 must be one of the choices")]
    Choice,
    /// The card says otherwise.
    #[error("与社会保障卡内信息不符 is not what the card says")]
    NotTheCards,
    /// The centre knows another insurance of the person.
    #[error("不是此人参保的险种 is not the person's insurance")]
    NotInsured,
    /// The centre has no such record of the person.
    #[error("中心没有本人的这一记录 the centre has no such record of the person")]
    NoRecord,
    /// A document that must be there was neither shown nor scanned.
    #[error("缺少材料 the document is missing")]
    NoDocument,
    /// A document that is shown is `true`, one that is scanned the SHA-256 of its scan.
    #[error(
        "出示的材料应为 true，扫描的应为其 SHA-256 must be true where it is shown, the scan's SHA-256 where it is scanned"
    )]
    Document,
    /// It does not pass its check.
    #[error(transparent)]
    Check(#[from] CheckMistake),
}

crate::entries! {
    UNKNOWN = "E-SCN-UNKNOWN", Clerk;
        class Unknown;
        message "没有这个业务" | "there is no such scenario";
        cause "业务标识有误" | "the scenario's id is wrong";
        remedy "用 sbkd scenario list 查看业务标识" | "see the ids with sbkd scenario list";
    UNDEFINED = "E-SCN-UNDEFINED", Technician;
        class Usage;
        message "本终端不能办理该业务" | "this terminal cannot carry out the scenario";
        cause "本终端的配置没有列出该业务" | "the terminal's configuration does not list it";
        remedy "在 [scenarios] only 中加上该业务，或者到别处办理" | "add it to [scenarios] only, or carry it out elsewhere";
    PART = "E-SCN-PART", Clerk;
        class Usage;
        message "该业务没有这一部分" | "the scenario has no such part";
        cause "part 不是该业务的任何一种类型" | "part is none of the scenario's kinds";
        remedy "用 sbkd scenario show 查看该业务的各部分" | "see its parts with sbkd scenario show";
    ELSEWHERE = "E-SCN-ELSEWHERE", Holder;
        class Usage;
        message "本终端不能办理该业务，请到柜台或者自助终端" | "not at this terminal: it is done at a counter, or at a kiosk";
        cause "该业务不由本终端的使用者（柜台经办人或者自助持卡人）办理" | "the scenario is not for whoever runs this terminal, a clerk or the holder";
        remedy "请到业务说明所列的地点办理" | "carry it out where its description says";
    FORM = "E-SCN-INPUT", Clerk;
        class Usage;
        message "填写内容有误" | "the form has mistakes";
        cause "有项目缺失、多余、类型不对或超出范围" | "an item is missing, unknown, of a wrong type or out of range";
        remedy "按提示更正各项后重新提交" | "correct the items named and send the form again";
    DEFINITION = "E-SCN-DEFINITION", Technician;
        class Setup;
        message "业务定义文件有误" | "a scenario's definition has a mistake";
        cause "语法错误、未知的键或取值不允许" | "bad syntax, an unknown key or a value that is not allowed";
        remedy "请按提示的行、列修改" | "mend it at the line and column named";
}

impl Explain for ScenarioError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Unknown(_) => &UNKNOWN,
            Self::Undefined(_) => &UNDEFINED,
            Self::Part(_) => &PART,
            Self::Elsewhere(_) => &ELSEWHERE,
            Self::Form(_) => &FORM,
            Self::Definition(_) => &DEFINITION,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            // What a caller sent is not repeated unless it has the form of an id.
            Self::Unknown(id) => super::form::is_name(id).then(|| id.clone()),
            Self::Undefined(id) | Self::Part(id) | Self::Elsewhere(id) => Some(id.clone()),
            Self::Form(_) | Self::Definition(_) => Some(self.to_string()),
        }
    }
}

fn listed(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{}: {}", error.item, error.what)).collect::<Vec<_>>().join("; ")
}
