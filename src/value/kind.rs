//! The kinds of scenario: what a scenario does, which decides its flow and its protocol upstream.

use serde::{Deserialize, Serialize};

/// What a scenario does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// How this kind goes upstream.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Settle | Self::Pay => Protocol::Online,
            _ => Protocol::StoreAndForward,
        }
    }
}
