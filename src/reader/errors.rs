//! What a person is told when a card cannot be reached.

use super::TransportError;
use crate::failure::{Entry, Explain};

crate::entries! {
    NO_READER = "E-READER-NONE", Technician;
        class Card;
        message "找不到读卡器" | "the card reader is not there";
        cause "读卡器未连接，或名称与配置不符" | "it is not plugged in, or its name is not the one configured";
        remedy "接好读卡器，用 sbkd readers 核对名称" | "plug it in, and compare its name with sbkd readers";
    AMBIGUOUS = "E-READER-AMBIGUOUS", Technician;
        class Card;
        message "无法确定使用哪个读卡器" | "it is not clear which reader is meant";
        cause "名称对应多个读卡器，或多个读卡器中都有卡" | "the name fits several readers, or several readers have a card";
        remedy "给出完整的读卡器名称" | "give the reader's whole name";
    NO_CARD = "E-READER-NO-CARD", Clerk;
        class Card;
        message "读卡器中没有卡" | "there is no card in the reader";
        cause "卡未插入，或没有插到位" | "the card is not inserted, or not far enough";
        remedy "请插好卡后重试" | "insert the card and try again";
    REMOVED = "E-READER-CARD-REMOVED", Clerk;
        class Card;
        message "读卡过程中卡被拔出" | "the card was pulled while it was in use";
        cause "卡在操作完成前离开读卡器" | "the card left the reader before the work was done";
        remedy "重新插卡，完成前不要拔卡" | "insert it again and leave it in until the end";
    RESET = "E-READER-CARD-RESET", Clerk;
        class Card;
        message "卡被其他程序复位" | "another program reset the card";
        cause "其他程序正在使用同一读卡器" | "another program uses the same reader";
        remedy "重试；若反复出现，关闭其他读卡程序" | "try again; if it comes back, close the other program";
    BUSY = "E-READER-BUSY", Technician;
        class Card;
        message "卡正被其他程序占用" | "another program holds the card";
        cause "其他程序独占该读卡器，或一直保持着与卡的共享连接，即使并未读卡" | "it uses the reader for itself alone, or keeps a shared connection to the card open, even an idle one";
        remedy "关闭该程序，或让它断开与卡的连接（空闲的连接也要断开），然后重试" | "close that program, or have it disconnect from the card, an idle connection too, and try again";
    MUTE = "E-READER-CARD-MUTE", Clerk;
        class Card;
        message "卡没有应答" | "the card does not answer";
        cause "卡插反、芯片脏污或损坏" | "it is inserted the wrong way round, or its chip is dirty or broken";
        remedy "擦净芯片，按正确方向重新插卡；仍不行请换卡" | "clean the chip and insert it the right way; if that does not help, the card needs replacing";
    SERVICE_AWAY = "E-READER-SERVICE", Technician;
        class Card;
        message "智能卡服务不可用" | "the smart card service is away";
        cause "pcscd 没有运行，或当前用户无权使用" | "pcscd is not running, or this user may not use it";
        remedy "启动 pcscd（systemctl start pcscd.socket），检查权限；恢复后自动继续" | "start pcscd (systemctl start pcscd.socket) and check the rights; work goes on by itself";
    DEADLINE = "E-READER-DEADLINE", Clerk;
        class Card;
        message "读卡超时" | "the time for the card is over";
        cause "卡或 PSAM 应答太慢" | "the card or the PSAM answered too slowly";
        remedy "重新插卡重试" | "insert the card again and retry";
    NO_PIN_PAD = "E-READER-NO-PIN-PAD", Clerk;
        class Card;
        message "读卡器没有可用的密码键盘" | "the reader has no PIN pad that could be used";
        cause "读卡器不带密码键盘、不支持此操作，或配置中已停用（[readers] rule 的 pin_pad）" | "it has none, the pad cannot do this, or the configuration does not use it (pin_pad of a rule in [readers])";
        remedy "请在程序界面或外接键盘上输入密码" | "have the PIN typed at the keyboard";
    PAD_REFUSED = "E-READER-PIN-PAD", Technician;
        class Card;
        message "密码键盘没有完成操作" | "the PIN pad did not do what was asked";
        cause "读卡器声称支持密码键盘，但拒绝了该操作，或没有给出卡的应答；密码是否已送达卡片不明" | "the reader says that it has a PIN pad but refused the entry, or gave no answer of the card's; whether the card heard of the PIN is not known";
        remedy "先查询剩余次数再重试；仍不行时在该读卡器的规则中设 pin_pad = \"none\"" | "ask how many tries are left before another one; if it stays so, set pin_pad = \"none\" in the reader's rule";
    REPLAY = "E-REPLAY-DIFFERS", Technician;
        class Card;
        message "与录制的会话不一致" | "the session differs from its recording";
        cause "录制文件被改动，或程序发出的命令已改变" | "the recording was changed, or the program sends something else now";
        remedy "核对指出的行，必要时重新录制" | "look at the line named, and record again where needed";
    PCSC = "E-READER-PCSC", Technician;
        class Card;
        message "智能卡服务报告错误" | "the smart card service reports an error";
        cause "读卡器或其驱动故障" | "the reader or its driver fails";
        remedy "重新连接读卡器，检查驱动；详见 sbkd doctor" | "plug the reader in again and check its driver; see sbkd doctor";
}

impl Explain for TransportError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::NoReader(_) => &NO_READER,
            Self::Ambiguous(_) => &AMBIGUOUS,
            Self::NoCard(_) => &NO_CARD,
            Self::Removed => &REMOVED,
            Self::Reset => &RESET,
            Self::Busy(_) => &BUSY,
            Self::Mute => &MUTE,
            Self::ServiceAway => &SERVICE_AWAY,
            Self::Deadline => &DEADLINE,
            Self::NoPinPad => &NO_PIN_PAD,
            Self::PadRefused(_) => &PAD_REFUSED,
            Self::Replay { .. } => &REPLAY,
            Self::Other(_) => &PCSC,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::NoReader(reader) | Self::NoCard(reader) => Some(reader.clone()),
            Self::Ambiguous(readers) => Some(readers.join(", ")),
            Self::Busy(program) => program.clone(),
            Self::Replay { file, line, what } => Some(format!("{file}:{line}: {what}")),
            Self::Other(what) | Self::PadRefused(what) => Some(what.clone()),
            Self::Removed | Self::Reset | Self::Mute | Self::ServiceAway | Self::Deadline | Self::NoPinPad => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sharing_conflict_and_a_reset_are_told_apart_and_the_program_is_named() {
        let busy = TransportError::Busy(Some("scdaemon (17)".to_owned())).failure();
        assert_eq!((busy.entry.code, busy.detail.as_deref()), ("E-READER-BUSY", Some("scdaemon (17)")));
        assert_eq!(TransportError::Reset.failure().entry.code, "E-READER-CARD-RESET");
    }

    #[test]
    fn codes_are_different() {
        let codes: std::collections::BTreeSet<_> = ENTRIES.iter().map(|entry| entry.code).collect();
        assert_eq!(codes.len(), ENTRIES.len());
    }
}
