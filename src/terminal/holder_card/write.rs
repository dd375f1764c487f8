//! Files of the card are written, and writes that were torn are brought to their end.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{CardTask, Desk, Entered, Secret};
use crate::card::account::AccountError;
use crate::card::{Card, CardError, Mended, Update, ValueError};
use crate::profile::{Address, FileName, ItemAddress};
use crate::terminal::driver::Asked;

/// Writes items, or the bytes of a file, and reads them back. What was torn on the card before is brought to its end first.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteFile {
    /// The file, as `DF04/EF05`; a record of a fixed one, as `DF03/EF19:2`; a new one of a cyclic one, as `DF02/EF07:+`.
    #[schema(value_type = String)]
    pub file: Address,
    /// Items of the file or the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<NewItem>>,
    /// The bytes of a transparent file in hexadecimal, from its beginning; in place of `items`.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Secret>,
    /// Ask for the holder's PIN at once.
    #[serde(default)]
    pub pin: bool,
}

/// An item and its new value.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = NewCardItem)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    /// Its tag, two hexadecimal digits; one of several, as `99:2`; a part of it, as `99:2/10`; its place in a record
    /// without tags, as `@4`.
    #[schema(value_type = String)]
    pub item: ItemAddress,
    /// Text or digits; of a binary item, or one with parts, hexadecimal.
    #[schema(value_type = String)]
    pub value: Secret,
}

/// Completes or undoes the writes on the card that were torn.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MendCard {
    /// Ask for the holder's PIN at once.
    #[serde(default)]
    pub pin: bool,
    /// Forget what was torn instead, mended or not; for technicians, once the card was looked at. Audited.
    #[serde(default)]
    pub discard: bool,
}

/// What came of a write: it was read back.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FileWritten {
    /// The file.
    file: String,
    /// How many of its items, or pieces, were not so before.
    changed: usize,
    /// What had been torn before.
    mended: Vec<MendedFile>,
}

/// What became of what was torn.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum CardMended {
    /// Brought to its end.
    Mended {
        /// Each write.
        mended: Vec<MendedFile>,
    },
    /// Forgotten.
    Discarded {
        /// How many writes.
        discarded: usize,
    },
}

/// A write that had been torn.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MendedFile {
    /// Its file.
    file: String,
    /// `completed` or `undone`.
    outcome: &'static str,
}

impl From<(FileName, Mended)> for MendedFile {
    fn from((file, mended): (FileName, Mended)) -> Self {
        Self { file: file.to_string(), outcome: mended.name() }
    }
}

impl CardTask for WriteFile {
    type Done = FileWritten;
    const PATH: &'static str = "/v1/card/write";
    const UNDERTAKES: bool = true;

    fn asks(&self) -> Option<Asked> {
        self.pin.then_some(Asked::Pin)
    }

    fn carry_out(
        &self,
        card: &mut Card<'_>,
        desk: &dyn Desk,
        entered: &mut Entered,
    ) -> Result<FileWritten, AccountError> {
        let unknown = || CardError::UnknownItem(self.file.to_string());
        if self.file.item.is_some() {
            return Err(unknown().into());
        }
        let (items, bytes);
        let update = match (&self.items, &self.bytes) {
            (Some(new), None) => {
                items = new.iter().map(|new| (new.item, new.value.0.clone())).collect::<Vec<_>>();
                Update::Items(self.file.row, &items)
            }
            (None, Some(text)) => {
                let no_hex = |_| CardError::NewValue { item: self.file.to_string(), why: ValueError::Hex };
                bytes = Zeroizing::new(hex::decode(text.0.as_bytes()).map_err(no_hex)?);
                Update::Bytes(&bytes)
            }
            _ => return Err(unknown().into()),
        };
        let journal = desk.journal()?;
        let mended = card.mend_before(&journal, &self.file.file, &mut entered.pin)?;
        let written = card.write(&journal, &self.file.file, &update, &mut entered.pin)?;
        Ok(FileWritten {
            file: written.file.to_string(),
            changed: written.changed,
            mended: mended.into_iter().map(MendedFile::from).collect(),
        })
    }
}

impl CardTask for MendCard {
    type Done = CardMended;
    const PATH: &'static str = "/v1/card/mend";
    const UNDERTAKES: bool = true;

    fn asks(&self) -> Option<Asked> {
        (self.pin && !self.discard).then_some(Asked::Pin)
    }

    fn carry_out(
        &self,
        card: &mut Card<'_>,
        desk: &dyn Desk,
        entered: &mut Entered,
    ) -> Result<CardMended, AccountError> {
        let journal = desk.journal()?;
        if self.discard {
            let discarded = card.discard_writes(&journal)?;
            tracing::info!(target: "audit", discarded, "torn writes on a card were let go of");
            return Ok(CardMended::Discarded { discarded });
        }
        let mended = card.mend(&journal, &mut entered.pin)?;
        Ok(CardMended::Mended { mended: mended.into_iter().map(MendedFile::from).collect() })
    }
}
