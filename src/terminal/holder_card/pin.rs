//! The holder's PIN: asked for its tries, verified, changed, set anew, given its tries back.

use serde::{Deserialize, Serialize};

use super::{CardTask, Desk, Entered};
use crate::card::account::AccountError;
use crate::card::{Card, CardError, HolderPin, PinTries};
use crate::reader::PinLength;
use crate::terminal::driver::Asked;

/// Says how many tries are left, without costing one.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskTries {
    /// The directory that has the PIN of its own, as DF04; without it the environment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}

/// Verifies the PIN: one try.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyPin {
    /// The directory that has the PIN of its own, as DF04; without it the environment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}

/// Changes the PIN: one try with the old one.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePin {
    /// The directory that has the PIN of its own, as DF04; without it the environment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}

/// Sets a new PIN without the old one; needs the terminal's key for it.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReloadPin {}

/// Gives a locked PIN its tries back; needs the terminal's key for it.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnblockPin {}

/// What a card says of its PIN.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PinTries)]
pub struct Tries {
    /// It has one.
    set: bool,
    /// Tries that are left; null where it has no PIN.
    #[schema(required)]
    left: Option<u8>,
    /// None is left.
    locked: bool,
}

/// The PIN was right.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PinVerified)]
pub struct Verified {
    /// True.
    verified: bool,
}

/// The PIN is another one now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PinChanged)]
pub struct Changed {
    /// True.
    changed: bool,
}

/// The PIN was set anew.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PinReloaded)]
pub struct Reloaded {
    /// True.
    reloaded: bool,
}

/// The PIN has its tries again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PinUnblocked)]
pub struct Unblocked {
    /// True.
    unblocked: bool,
}

/// Selects the directory whose PIN is meant.
fn enter(card: &mut Card<'_>, directory: Option<&str>) -> Result<(), CardError> {
    directory.map_or(Ok(()), |directory| card.enter(directory))
}

impl CardTask for AskTries {
    type Done = Tries;
    const PATH: &'static str = "/v1/card/pin/tries";

    fn carry_out(&self, card: &mut Card<'_>, _: &dyn Desk, _: &mut Entered) -> Result<Tries, AccountError> {
        enter(card, self.directory.as_deref())?;
        let left = match card.pin_tries()? {
            PinTries::Unset => None,
            PinTries::Left(left) => Some(left),
        };
        Ok(Tries { set: left.is_some(), left, locked: left == Some(0) })
    }
}

impl CardTask for VerifyPin {
    type Done = Verified;
    const PATH: &'static str = "/v1/card/pin/verify";

    fn asks(&self) -> Option<Asked> {
        Some(Asked::Pin)
    }

    fn carry_out(&self, card: &mut Card<'_>, _: &dyn Desk, entered: &mut Entered) -> Result<Verified, AccountError> {
        let pin = entered.pin.take().ok_or(CardError::PinNeeded)?;
        enter(card, self.directory.as_deref())?;
        card.verify(pin)?;
        Ok(Verified { verified: true })
    }
}

impl CardTask for ChangePin {
    type Done = Changed;
    const PATH: &'static str = "/v1/card/pin/change";

    fn asks(&self) -> Option<Asked> {
        Some(Asked::Change)
    }

    fn carry_out(&self, card: &mut Card<'_>, desk: &dyn Desk, entered: &mut Entered) -> Result<Changed, AccountError> {
        enter(card, self.directory.as_deref())?;
        match (entered.pin.take(), entered.new_pin.take()) {
            (Some(HolderPin::AtPad(_)), _) => card.change_at_pad(PinLength::SIX, desk.patience())?,
            (Some(HolderPin::Entered(old)), Some(new)) => card.change_pin(old, new)?,
            _ => return Err(CardError::PinNeeded.into()),
        }
        Ok(Changed { changed: true })
    }
}

impl CardTask for ReloadPin {
    type Done = Reloaded;
    const PATH: &'static str = "/v1/card/pin/reload";

    fn asks(&self) -> Option<Asked> {
        Some(Asked::New)
    }

    fn carry_out(&self, card: &mut Card<'_>, _: &dyn Desk, entered: &mut Entered) -> Result<Reloaded, AccountError> {
        card.reload_pin(entered.new_pin.take().ok_or(CardError::PinNeeded)?)?;
        Ok(Reloaded { reloaded: true })
    }
}

impl CardTask for UnblockPin {
    type Done = Unblocked;
    const PATH: &'static str = "/v1/card/pin/unblock";

    fn carry_out(&self, card: &mut Card<'_>, _: &dyn Desk, _: &mut Entered) -> Result<Unblocked, AccountError> {
        card.unblock_pin()?;
        Ok(Unblocked { unblocked: true })
    }
}
