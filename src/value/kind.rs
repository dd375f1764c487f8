//! The kinds of scenario: what a scenario does, which decides its flow and its protocol upstream.

use serde::{Deserialize, Serialize};

/// What a scenario does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// 登记.
    Register,
    /// 申请.
    Apply,
    /// 查询, with print.
    Query,
    /// 变更.
    Change,
    /// 就医.
    Visit,
    /// 结算.
    Settle,
    /// 缴费.
    Pay,
    /// 领取.
    Collect,
    /// 签到.
    SignIn,
    /// 认证.
    Certify,
    /// 投诉举报.
    Report,
}

/// The two protocols upstream, never mixed (settlement-facts §3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Sent again with the same id until answered, never reversed.
    StoreAndForward,
    /// The counter waits for the answer; an unknown outcome is queried, then reversed.
    Online,
}

impl Kind {
    /// Its name in files and messages; what is hashed, too, so that it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Apply => "apply",
            Self::Query => "query",
            Self::Change => "change",
            Self::Visit => "visit",
            Self::Settle => "settle",
            Self::Pay => "pay",
            Self::Collect => "collect",
            Self::SignIn => "sign-in",
            Self::Certify => "certify",
            Self::Report => "report",
        }
    }

    /// The fact that says what a transaction of it is worth, where it is worth something: the whole bill
    /// (settlement-facts §4.3), or what is due on an order.
    pub fn amount(self) -> Option<&'static str> {
        match self {
            Self::Settle => Some("medfee_sumamt"),
            Self::Pay => Some("order_amt"),
            _ => None,
        }
    }

    /// Whether it moves money from or to the account of the card's bank application.
    pub fn moves_money(self) -> bool {
        matches!(self, Self::Pay | Self::Collect)
    }

    /// How this kind goes upstream.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Settle | Self::Pay => Protocol::Online,
            _ => Protocol::StoreAndForward,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_one_in_files() {
        use Kind::{Apply, Certify, Change, Collect, Pay, Query, Register, Report, Settle, SignIn, Visit};
        for kind in [Register, Apply, Query, Change, Visit, Settle, Pay, Collect, SignIn, Certify, Report] {
            assert_eq!(serde_json::json!(kind), kind.name());
        }
    }
}
