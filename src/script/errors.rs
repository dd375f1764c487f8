//! What can go wrong with scripts and recordings, and how people are told.

use crate::apdu::StatusWord;
use crate::failure::{Entry, Explain};
use crate::reader::TransportError;

/// Why a flow ended without an answer it accepts. Places are `file:line`; no bytes, only lengths.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The card or the way to it is gone.
    #[error("{place}: {source}")]
    Transport {
        /// The line that was being sent.
        place: String,
        /// What happened.
        source: TransportError,
    },
    /// The card answered with a status word that the script does not accept here.
    #[error("{place}: the card answered {got} to INS {ins:02X}, where {wanted} is accepted")]
    Status {
        /// The line that was sent.
        place: String,
        /// Its instruction byte.
        ins: u8,
        /// The status word.
        got: StatusWord,
        /// What the script accepts, as it is written there.
        wanted: String,
    },
    /// The answer's data is not of the form the script has.
    #[error("{place}: {what}")]
    Answer {
        /// The line.
        place: String,
        /// What does not fit; lengths and positions only.
        what: String,
    },
    /// A value handed in is not of the form the script has.
    #[error("{place}: {what}")]
    Value {
        /// The line.
        place: String,
        /// What does not fit; lengths only.
        what: String,
    },
    /// A value the flow needs was not handed in.
    #[error("{place}: the flow needs a value for {name}")]
    NoVariable {
        /// The line of the flow's head.
        place: String,
        /// The value's name.
        name: String,
    },
    /// There is no such script, or no such flow in it.
    #[error("there is no flow {flow} in a script {script}")]
    NoFlow {
        /// The script asked for.
        script: String,
        /// The flow asked for.
        flow: String,
    },
}

/// Why a session cannot become a recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// No holder's card took part.
    #[error("no card was recorded")]
    NoCard,
    /// Soft keys answered, so that what a PSAM would have said is not there.
    #[error("the session had no PSAM")]
    Soft,
    /// The way to card or PSAM broke.
    #[error("the session broke: {0}")]
    Broken(TransportError),
    /// A command that carries a secret, or of which it is not known whether it does.
    #[error("INS {ins:02X} cannot be recorded")]
    Command {
        /// Its instruction byte.
        ins: u8,
    },
    /// After redaction something personal was still there.
    #[error("{what} could not be replaced everywhere")]
    Left {
        /// What it is, without its value.
        what: &'static str,
    },
    /// The session cannot be written down.
    #[error("the session has no form as text")]
    NoText,
}

crate::entries! {
    MISTAKE = "E-SCRIPT-MISTAKE", Technician;
        class Setup;
        message "脚本或录制文件有误" | "a script or a recording has a mistake";
        cause "语法、长度、状态字或名称不对，或文件不完整" | "syntax, a length, a status word or a name is wrong, or the file is not whole";
        remedy "按所示文件、行、列修改" | "mend it at the file, line and column named";
    STATUS = "E-SCRIPT-STATUS", Clerk;
        class Card;
        message "卡对指令的应答不在脚本接受的范围内" | "the card answered a command in a way the script does not accept";
        cause "该卡与脚本所写的卡不同，或卡内文件不完整" | "the card differs from the one the script was written for, or its files are incomplete";
        remedy "重新插卡再试；如仍出现，请技术人员按所示状态字修改脚本" | "insert the card again; if it stays, have a technician adapt the script to the status word shown";
    DATA = "E-SCRIPT-DATA", Clerk;
        class Card;
        message "数据与脚本所写的格式不符" | "data is not of the form the script has";
        cause "卡内数据的长度或内容与脚本不同，或传入的值长度不对" | "data of the card has another length or content than the script, or a value handed in has a wrong length";
        remedy "重新插卡再试；如仍出现，请技术人员按所示位置修改脚本" | "insert the card again; if it stays, have a technician adapt the script at the place shown";
    NO_VARIABLE = "E-SCRIPT-VALUE", Technician;
        class Usage;
        message "缺少脚本需要的值" | "a value the script needs is missing";
        cause "调用时没有给出该值" | "it was not handed in";
        remedy "用 --set 名称=十六进制 给出该值" | "give it with --set name=hex";
    NO_FLOW = "E-SCRIPT-NO-FLOW", Technician;
        class Usage;
        message "没有该脚本或流程" | "there is no such script or flow";
        cause "名称有误，或脚本未安装" | "the name is wrong, or the script is not installed";
        remedy "运行 sbkd script check 查看已有的脚本和流程" | "see the scripts and flows with sbkd script check";
    NOT_RECORDED = "E-SCRIPT-NOT-RECORDED", Technician;
        class Card;
        message "该会话不能录制" | "the session cannot be recorded";
        cause "含有秘密或无法去除的个人数据，或会话中断" | "it carries a secret, or personal data that cannot be replaced, or it broke off";
        remedy "只录制读卡，并重新插卡再试" | "record nothing but a reading of the card, and insert it again";
    NO_KEY_IN_RECORDING = "E-SCRIPT-RECORD-SOFT", Technician;
        class Usage;
        message "使用软密钥的会话不能录制" | "a session with soft keys cannot be recorded";
        cause "录制文件不含密钥，回放时须有 PSAM 的应答" | "a recording holds no key, so a replay needs the answers of a PSAM";
        remedy "用 --psam-reader 指定 PSAM 所在的读卡器" | "name the PSAM's reader with --psam-reader";
}

impl Explain for RunError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Transport { source, .. } => source.entry(),
            Self::Status { .. } => &STATUS,
            Self::Answer { .. } | Self::Value { .. } => &DATA,
            Self::NoVariable { .. } => &NO_VARIABLE,
            Self::NoFlow { .. } => &NO_FLOW,
        }
    }

    fn detail(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Explain for RecordError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Soft => &NO_KEY_IN_RECORDING,
            Self::Broken(error) => error.entry(),
            Self::NoCard | Self::Command { .. } | Self::Left { .. } | Self::NoText => &NOT_RECORDED,
        }
    }

    fn detail(&self) -> Option<String> {
        Some(self.to_string())
    }
}
