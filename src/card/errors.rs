//! What can go wrong with a card. Nothing here carries personal data.

use crate::apdu::StatusWord;
use crate::failure::{Entry, Explain};
use crate::keys::KeyError;
use crate::reader::TransportError;
use crate::value::{CardNumberError, InvalidName, NumberError};
use crate::world::NoRandom;

/// Why a card could not be read. Whichever it is, nothing of the card is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The card, or the way to it, is gone.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// It has no social security environment, or no EF05 in it (national code −1).
    #[error("this is no social security card: it answered {0}")]
    WrongType(StatusWord),
    /// The whole card is blocked (6A81).
    #[error("the card is blocked")]
    Blocked,
    /// The application is permanently locked (9303).
    #[error("the card's application is permanently locked")]
    ApplicationLocked,
    /// It failed internal authentication (−21): a copy, or a card of another issuer's keys.
    #[error("the card is not genuine")]
    NotGenuine,
    /// The card names no algorithm and the terminal has no default.
    #[error("the card names no algorithm")]
    NoAlgorithm,
    /// The card names an algorithm that is none of the three.
    #[error("the card names algorithm {0:02X}")]
    UnknownAlgorithm(u8),
    /// The version's first character is not one there are scripts for.
    #[error("the card's version is not supported")]
    Version,
    /// The answer to reset has no thirteen historical bytes to diversify keys by.
    #[error("the answer to reset has {0} historical bytes")]
    Historical(usize),
    /// 卡识别码 is missing or malformed (−20).
    #[error("the card's identifier is malformed")]
    Identifier,
    /// A record, or a whole file, is not what it should be.
    #[error("record {file}/{tag:02X} is garbled: {what}")]
    Garbled {
        /// The file: `EF05`, `EF06`, or `FCI`.
        file: &'static str,
        /// The record's tag; 00 for the file as a whole.
        tag: u8,
        /// What is wrong; never the value.
        what: String,
    },
    /// The name is not valid GB18030.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// 卡号 is not a card number.
    #[error("card number: {0}")]
    Number(#[from] CardNumberError),
    /// 社会保障号码 is not one.
    #[error("social security number: {0}")]
    HolderNumber(#[from] NumberError),
    /// The card refused the terminal's proof. These keys are not tried on it again.
    #[error("the card refused the terminal's key; tries left: {}", .left.map_or("not said".to_owned(), |n| n.to_string()))]
    TerminalRefused {
        /// Tries the card has left for the key, where it says (63Cx).
        left: Option<u8>,
    },
    /// The card refused these keys before; a technician must release the pair.
    #[error("this card refused these keys before")]
    PairHeld,
    /// Whether the card refused these keys before cannot be known, or could not be kept.
    #[error("whether the card refused these keys cannot be kept: {0}")]
    PairsUnknown(String),
    /// The card's key for reading the holder is locked (6983).
    #[error("the card's key is locked")]
    KeyLocked,
    /// The card answered a status word that no step expects.
    #[error("{step}: the card answered {status}")]
    Status {
        /// What was being done.
        step: &'static str,
        /// The status word.
        status: StatusWord,
    },
    /// The card's answer does not have the form the script expects. Says where, never what came.
    #[error("{0}")]
    Answer(String),
    /// The script does not fit the program.
    #[error("{0}")]
    Script(String),
    /// The keys could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Random bytes were not to be had.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

crate::entries! {
    WRONG_TYPE = "E-CARD-WRONG-TYPE", Holder;
        message "不是社会保障卡" | "this is not a social security card";
        cause "卡中没有社会保障应用环境或发卡数据" | "the card has no social security environment, or no issuer's data in it";
        remedy "请插入社会保障卡" | "insert a social security card";

    BLOCKED = "E-CARD-BLOCKED", Holder;
        message "卡已被锁定" | "the card is blocked";
        cause "发卡机构已将整卡锁定（6A81）" | "the issuer blocked the whole card (6A81)";
        remedy "请到发卡机构换卡" | "have the card replaced by its issuer";

    APPLICATION_LOCKED = "E-CARD-APPLICATION-LOCKED", Holder;
        message "卡的社保应用已被永久锁定" | "the card's application is permanently locked";
        cause "发卡机构已将应用锁定（9303）" | "the issuer locked the application (9303)";
        remedy "请到发卡机构换卡" | "have the card replaced by its issuer";

    NOT_GENUINE = "E-CARD-NOT-GENUINE", Clerk;
        message "卡未通过真伪鉴别" | "the card is not genuine";
        cause "内部认证失败：可能是复制卡、测试卡，或密钥不属于本系统" | "internal authentication failed: a copy, a test card, or keys of another system";
        remedy "不得受理此卡；请核实持卡人身份并按规定报告" | "do not accept the card; check who the holder is and report it as prescribed";

    NO_ALGORITHM = "E-CARD-NO-ALGORITHM", Technician;
        message "卡未标明加密算法" | "the card names no algorithm";
        cause "选择应用的应答中没有算法标识，配置也没有缺省算法" | "the answer to SELECT names none, and the configuration has no default";
        remedy "请在配置中设置 card.default_algorithm" | "set card.default_algorithm in the configuration";

    ALGORITHM = "E-CARD-ALGORITHM", Technician;
        message "卡的加密算法未知" | "the card's algorithm is not known";
        cause "算法标识不是 01、02 或 03" | "its identifier is none of 01, 02 and 03";
        remedy "请核对该批卡的规范" | "check the specification of these cards";

    VERSION = "E-CARD-VERSION", Technician;
        message "不支持该卡的规范版本" | "the card's version is not supported";
        cause "没有该版本的 APDU 脚本，或卡未写入规范版本" | "there is no APDU script for its version, or the card states none";
        remedy "请为该版本增加 APDU 脚本" | "add an APDU script for this version";

    HISTORICAL = "E-CARD-ATR", Technician;
        message "卡的复位信息不完整" | "the card's answer to reset is incomplete";
        cause "历史字节不足 13 个，无法分散密钥" | "it has fewer than 13 historical bytes, so that no key can be diversified";
        remedy "请改用接触式读卡器" | "use a reader with contacts";

    IDENTIFIER = "E-CARD-IDENTIFIER", Holder;
        message "卡识别码格式错误" | "the card's identifier is malformed";
        cause "卡未个人化，或数据已损坏" | "the card was never personalised, or its data is damaged";
        remedy "请到发卡机构换卡" | "have the card replaced by its issuer";

    GARBLED = "E-CARD-GARBLED", Holder;
        message "卡内数据损坏" | "a record of the card is garbled";
        cause "记录缺失、长度不符或内容不合规" | "a record is missing, has a wrong length, or a value that cannot be";
        remedy "请到发卡机构修复或换卡" | "have the card repaired or replaced by its issuer";

    NAME = "E-CARD-NAME", Holder;
        message "卡内姓名无法识别" | "the name on the card cannot be read";
        cause "姓名不是有效的 GB18030 编码" | "it is not valid GB18030";
        remedy "请到发卡机构更正姓名" | "have the name corrected by the card's issuer";

    NUMBER = "E-CARD-NUMBER", Holder;
        message "卡号校验错误" | "the card's number is wrong";
        cause "卡号的长度、字符或校验位不符" | "its length, a character or its check character is wrong";
        remedy "请到发卡机构换卡" | "have the card replaced by its issuer";

    HOLDER_NUMBER = "E-CARD-HOLDER-NUMBER", Holder;
        message "社会保障号码校验错误" | "the social security number on the card is wrong";
        cause "号码的长度、字符、出生日期或校验位不符" | "its length, a character, its birth date or its check digit is wrong";
        remedy "请到发卡机构更正" | "have it corrected by the card's issuer";

    TERMINAL_REFUSED = "E-CARD-TERMINAL-REFUSED", Technician;
        message "卡拒绝了本终端的密钥" | "the card refused the terminal's key";
        cause "外部认证失败（63Cx）：PSAM 卡与该卡不属于同一密钥体系" | "external authentication failed (63Cx): the PSAM and the card are of different key systems";
        remedy "不要重试；请核对 PSAM 卡，解除后方可再次使用" | "do not try again; check the PSAM, then release the pair";

    PAIR_HELD = "E-CARD-PAIR-HELD", Technician;
        message "该卡与本终端密钥的配对已停用" | "this card and the terminal's keys are held apart";
        cause "该卡曾拒绝本终端的密钥，或连续两次未见其应答；再试可能锁死卡" | "the card refused these keys before, or its answer was lost twice in a row; more tries could lock it";
        remedy "请核对 PSAM 卡后执行 sbkd card release" | "check the PSAM, then run sbkd card release";

    PAIRS_UNKNOWN = "E-CARD-PAIRS-UNKNOWN", Technician;
        message "无法记录卡是否拒绝过本终端的密钥" | "whether the card refused the terminal's keys cannot be kept";
        cause "本地缓存库（store.db）没有位置、已损坏或无法读写；无记录地重试可能锁死卡" | "the local store (store.db) has no place, is damaged, or cannot be read or written; tries that nobody remembers could lock the card";
        remedy "请检查磁盘和 store.db：配置的 state 目录，无配置时为 $XDG_STATE_HOME/sbkd 或 ~/.local/state/sbkd；文件损坏时先核对 PSAM 卡再删除" | "check the disk and store.db: in the configured state directory, without a configuration in $XDG_STATE_HOME/sbkd or ~/.local/state/sbkd; a damaged file may be deleted once the PSAM was checked";

    KEY_LOCKED = "E-CARD-KEY-LOCKED", Holder;
        message "卡的读取密钥已锁死" | "the card's key for reading is locked";
        cause "外部认证失败次数过多（6983）" | "external authentication failed too often (6983)";
        remedy "请到发卡机构处理" | "take the card to its issuer";

    STATUS = "E-CARD-STATUS", Technician;
        message "卡返回了意外的应答" | "the card answered something unexpected";
        cause "卡不支持该命令，或卡内出错" | "the card does not know the command, or has an error of its own";
        remedy "请重新插卡；仍不行时核对该批卡的 APDU 脚本" | "insert the card again; if that does not help, check the APDU script for these cards";

    SCRIPT = "E-CARD-SCRIPT", Technician;
        message "卡的应答与脚本不符" | "the card's answer does not fit the script";
        cause "卡与脚本的规范不同，或脚本有误" | "the card follows another specification, or the script has a mistake";
        remedy "请按所示位置核对 apdu-scripts" | "check apdu-scripts at the place shown";

    RANDOM = "E-CARD-RANDOM", Technician;
        message "无法取得随机数" | "random bytes were not to be had";
        cause "系统随机数源没有应答" | "the system's generator gave nothing";
        remedy "请检查操作系统" | "check the operating system";

    BLACKLISTED = "E-CARD-BLACKLISTED", Clerk;
        message "卡在黑名单中，不得受理" | "the card is in the blacklist: do not accept it";
        cause "发卡机构已将该卡或其卡号段列入黑名单（如挂失、注销），附注见所示" | "its issuer listed the card, or the range of its number (as lost or cancelled); what it says of that is shown";
        remedy "不得办理；请核实持卡人身份，按规定处理此卡，持卡人可到发卡机构查询" | "carry out nothing; check who the holder is and deal with the card as prescribed; the holder may ask its issuer";

    NO_BLACKLIST = "E-CARD-BLACKLIST-NONE", Technician;
        message "没有可用的黑名单" | "there is no blacklist to go by";
        cause "从未导入，或已导入的名单损坏" | "none was taken in, or the one that was is damaged";
        remedy "请导入最新名单：sbkd blacklist import" | "take in the latest list: sbkd blacklist import";

    BLACKLIST_OLD = "E-CARD-BLACKLIST-OLD", Technician;
        message "黑名单已过时" | "the blacklist is too old to go by";
        cause "名单的制作时间早于 card.blacklist.max_age_hours 所限" | "it was made longer ago than card.blacklist.max_age_hours allows";
        remedy "请导入最新名单，并检查名单的下发" | "take in the latest list, and check why none comes";

    ISSUER = "E-CARD-ISSUER", Clerk;
        message "本终端不受理该机构的卡" | "cards of this issuer are not accepted here";
        cause "初始化机构编号不在 card.issuers 所列范围内，或卡未写入" | "who initialised it is none that card.issuers lists, or the card does not say";
        remedy "请持卡人到受理该卡的机构办理" | "send the holder to where the card is accepted";

    CATEGORY = "E-CARD-CATEGORY", Clerk;
        message "本终端不受理该类别的卡" | "cards of this category are not accepted here";
        cause "卡的类别不在 card.categories 所列范围内，或卡未写入" | "its category is none that card.categories lists, or the card does not say";
        remedy "请持卡人到受理该卡的机构办理" | "send the holder to where the card is accepted";

    VERSION_NOT_ACCEPTED = "E-CARD-VERSION-NOT-ACCEPTED", Clerk;
        message "本终端不受理该规范版本的卡" | "cards of this version are not accepted here";
        cause "规范版本不在 card.versions 所列范围内" | "its version is none that card.versions lists";
        remedy "请持卡人到发卡机构换卡，或到受理该卡的机构办理" | "have the card replaced by its issuer, or send the holder to where it is accepted";

    EXPIRED = "E-TERM-CARD-EXPIRED", Holder;
        message "卡已过有效期" | "the card is past its validity";
        cause "卡上写明的最后有效日已过" | "the last day that the card states is over";
        remedy "请到发卡机构换卡" | "have the card replaced by its issuer";

    NOT_YET = "E-TERM-CARD-NOT-YET", Clerk;
        message "卡尚未到启用日期" | "the card is not valid yet";
        cause "发卡日期晚于业务日期" | "it was issued after the business date";
        remedy "请核对业务日期" | "check the business date";
}

impl Explain for CardError {
    fn entry(&self) -> &'static Entry {
        match self {
            Self::Transport(error) => error.entry(),
            Self::WrongType(_) => &WRONG_TYPE,
            Self::Blocked => &BLOCKED,
            Self::ApplicationLocked => &APPLICATION_LOCKED,
            Self::NotGenuine => &NOT_GENUINE,
            Self::NoAlgorithm => &NO_ALGORITHM,
            Self::UnknownAlgorithm(_) => &ALGORITHM,
            Self::Version => &VERSION,
            Self::Historical(_) => &HISTORICAL,
            Self::Identifier => &IDENTIFIER,
            Self::Garbled { .. } => &GARBLED,
            Self::Name(_) => &NAME,
            Self::Number(_) => &NUMBER,
            Self::HolderNumber(_) => &HOLDER_NUMBER,
            Self::TerminalRefused { .. } => &TERMINAL_REFUSED,
            Self::PairHeld => &PAIR_HELD,
            Self::PairsUnknown(_) => &PAIRS_UNKNOWN,
            Self::KeyLocked => &KEY_LOCKED,
            Self::Status { .. } => &STATUS,
            Self::Answer(_) | Self::Script(_) => &SCRIPT,
            Self::Key(error) => error.entry(),
            Self::Random(_) => &RANDOM,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Transport(error) => error.detail(),
            Self::Key(error) => error.detail(),
            Self::WrongType(status) => Some(status.to_string()),
            Self::PairsUnknown(why) => Some(why.clone()),
            Self::UnknownAlgorithm(_)
            | Self::Historical(_)
            | Self::Garbled { .. }
            | Self::Number(_)
            | Self::HolderNumber(_)
            | Self::TerminalRefused { .. }
            | Self::Status { .. }
            | Self::Answer(_)
            | Self::Script(_) => Some(self.to_string()),
            _ => None,
        }
    }
}
