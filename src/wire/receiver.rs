//! The system of the centre that a message about a person is for (settlement-facts §4.1).

use serde::{Deserialize, Serialize};

/// 接收系统.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Receiver {
    /// Any insurance without a system of its own.
    #[serde(rename = "YBXT")]
    Ordinary,
    /// 离休, which has the insurance 340.
    #[serde(rename = "LXXT")]
    Veterans,
    /// 工伤, which has no code among the insurances.
    #[serde(rename = "GSXT")]
    WorkInjury,
}

impl Receiver {
    /// The one of an insurance (险种), by its code.
    pub fn of(insutype: &str) -> Self {
        if insutype == "340" { Self::Veterans } else { Self::Ordinary }
    }
}
