//! Files and items of the card by name.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CardTask, Desk, Entered};
use crate::card::account::AccountError;
use crate::card::{Card, names_of};
use crate::profile::Address;
use crate::terminal::driver::Asked;

/// Reads files and items, by a key where it can be had, else by the PIN.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadFiles {
    /// Files, as `DF04/EF05`, or places in them, as `DF04/EF05/81`, `DF02/EF15/99:2/10` and `DF02/EF07:1/@4`.
    #[schema(value_type = Vec<String>)]
    pub names: Vec<Address>,
    /// Ask for the holder's PIN at once, so that no key is proven where the PIN does.
    #[serde(default)]
    pub pin: bool,
    /// Show personal data. Needs the permission `unmask`, and is audited.
    #[serde(default)]
    pub unmask: bool,
}

impl CardTask for ReadFiles {
    type Done = Value;
    const PATH: &'static str = "/v1/card/files";

    fn asks(&self) -> Option<Asked> {
        self.pin.then_some(Asked::Pin)
    }

    fn unmasks(&self) -> bool {
        self.unmask
    }

    fn carry_out(&self, card: &mut Card<'_>, _: &dyn Desk, entered: &mut Entered) -> Result<Value, AccountError> {
        let names = names_of(card.profile(), &self.names)?;
        let files = card.read(&names, entered.pin.take())?;
        if self.unmask {
            tracing::info!(target: "audit", reader = files.reader, "files read unmasked");
        }
        Ok(files.to_json_at(&self.names, self.unmask))
    }
}
