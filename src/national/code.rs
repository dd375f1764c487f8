//! What a function returns (card-facts §5.4): the listed codes by name, and a card's status word by the rule.

use std::fmt;

use crate::apdu::StatusWord;

/// A return code: 0, or below.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(i32);

/// One line of the national list.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed {
    /// The code.
    pub code: Code,
    /// What it says, for `pOutInfo`.
    pub zh: &'static str,
    /// The same in English.
    pub en: &'static str,
}

macro_rules! codes {
    ($($name:ident = $value:literal, $zh:literal | $en:literal;)*) => {
        impl Code {
            $(#[doc = concat!($zh, ": ", $en, ".")] pub const $name: Self = Self($value);)*
        }

        /// The listed codes, in the list's order.
        pub const LISTED: &[Listed] = &[$(Listed { code: Code::$name, zh: $zh, en: $en },)*];
    };
}

codes! {
    SUCCESS = 0, "成功" | "success";
    WRONG_TYPE = -1, "卡类型不对" | "wrong card type";
    NO_CARD = -2, "无卡" | "no card";
    NOT_POWERED = -3, "有卡未上电" | "card present, not powered";
    MUTE = -4, "卡无应答" | "the card does not answer";
    LIBRARY = -5, "加载动态库错" | "library load error";
    CONNECTION = -11, "读卡器连接错" | "reader connection error";
    NOT_CONNECTED = -12, "未建立连接" | "not connected";
    NOT_SUPPORTED = -13, "命令不支持" | "command not supported";
    PARAMETER = -14, "命令参数错" | "bad parameter";
    CHECKSUM = -15, "信息校验和出错" | "checksum error";
    IDENTIFIER = -20, "卡识别码格式错" | "卡识别码 has a wrong form";
    NOT_GENUINE = -21, "内部认证失败" | "internal authentication failed";
    OTHER_CARD = -22, "传入数据与卡内不符" | "data differs from the card";
    ILLEGAL_INPUT = -23, "传入数据不合法" | "illegal input";
    LEVEL = -24, "PSAM卡密钥级别不够" | "the PSAM's key level is insufficient";
    HSM_DIFFERS = -25, "内部认证与加密机结果不符" | "internal authentication differs from the HSM's";
    CANCELLED = -31, "用户取消密码输入" | "PIN entry was cancelled";
    TIMED_OUT = -32, "密码输入超时" | "PIN entry timed out";
    PIN_LENGTH = -33, "输入密码长度错" | "the PIN's length is wrong";
    ENTRIES_DIFFER = -34, "两次输入密码不一致" | "the two entries differ";
    INITIAL_PIN = -35, "初始密码不能交易" | "the initial PIN may not transact";
    TO_INITIAL_PIN = -36, "不能改为初始密码" | "may not be changed to the initial PIN";
    CHARACTERS = -41, "数据含非法字符" | "illegal characters in the data";
    LENGTH = -42, "数据长度错" | "the data's length is wrong";
    PIN_WRONG = -51, "密码错误" | "the PIN is wrong";
    PIN_LOCKED = -52, "密码已锁定" | "the PIN is locked";
    NO_PSAM = -2201, "无PSAM卡" | "no PSAM";
    PSAM_ALGORITHM = -2202, "PSAM卡不支持该算法" | "the PSAM lacks the algorithm";
    PSAM_KEY = -2203, "PSAM卡无读取密钥" | "the PSAM lacks RKSSSE";
    NO_HSM_NEEDED = -2204, "不需要加密机" | "the HSM is not needed";
    UNKNOWN = -999, "未知错误" | "unknown error";
}

/// On these a caller goes on to the HSM's steps (card-facts §5.3); −27272 is 6A88 by the rule.
pub const FALL_BACK: [Code; 5] =
    [Code::NO_PSAM, Code::PSAM_ALGORITHM, Code::PSAM_KEY, Code::of_status(StatusWord::KEY_NOT_FOUND), Code::LEVEL];

impl Code {
    /// The code of a number that a room below has for an error of its own.
    pub(super) const fn of(value: i32) -> Self {
        Self(value)
    }

    /// The number as the C interface returns it.
    pub const fn value(self) -> i32 {
        self.0
    }

    /// A status word by the rule: −(SW1SW2). 63Cx is so from EXTERNAL AUTHENTICATE; from VERIFY it is
    /// [`PIN_WRONG`](Self::PIN_WRONG), and 6983 [`PIN_LOCKED`](Self::PIN_LOCKED): an error of the card's own by then.
    pub const fn of_status(status: StatusWord) -> Self {
        Self(-(status.0 as i32))
    }

    /// What the list says of it; `None` for a status word.
    pub fn listed(self) -> Option<&'static Listed> {
        LISTED.iter().find(|listed| listed.code == self)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: &str = include_str!("../../docs/card-facts.md");

    /// The section of the facts with the codes.
    fn section() -> &'static str {
        let from = FACTS.find("### 5.4 Return codes").unwrap();
        let rest = &FACTS[from..];
        &rest[..rest.find("\n---").unwrap()]
    }

    #[test]
    fn the_list_is_that_of_the_facts() {
        let mut told = std::collections::BTreeSet::new();
        for line in section().lines().filter(|line| line.starts_with('|')) {
            for cell in line.split('|').map(str::trim) {
                let codes: Option<Vec<i32>> =
                    cell.split(" / ").map(|code| code.replace('−', "-").parse().ok()).collect();
                told.extend(codes.into_iter().flatten());
            }
        }
        assert!(told.len() > 20, "the search finds the table");
        let ours: std::collections::BTreeSet<i32> = LISTED.iter().map(|listed| listed.code.value()).collect();
        assert_eq!(ours, told);
    }

    #[test]
    fn status_words_follow_the_arithmetic_of_the_facts() {
        let rule = section().lines().find(|line| line.starts_with("**Card status rule")).unwrap();
        let mut checked = 0;
        for pair in rule.split(';') {
            let Some((code, status)) = pair.split_once(" = ") else { continue };
            let status = status.split([' ', '.']).next().unwrap();
            let (Some(code), Ok(status)) = (code.split_whitespace().last(), u16::from_str_radix(status, 16)) else {
                continue;
            };
            let Ok(code) = code.replace('−', "-").parse::<i32>() else { continue };
            assert_eq!(Code::of_status(StatusWord(status)).value(), code, "{pair}");
            checked += 1;
        }
        assert!(checked >= 12, "only {checked} were found");
        for (status, code) in [(0x63C0, -25536), (0x63C2, -25538), (0x6A80, -27264), (0x6A83, -27267)] {
            assert_eq!(Code::of_status(StatusWord(status)).value(), code);
        }
    }

    #[test]
    fn a_caller_goes_on_to_the_hsm_on_exactly_the_five() {
        assert_eq!(FALL_BACK.map(Code::value), [-2201, -2202, -2203, -27272, -24]);
    }
}
