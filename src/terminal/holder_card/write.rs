//! Files of the card are written, and writes that were torn are brought to their end.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{CardTask, Desk, Entered, Secret};
use crate::card::account::AccountError;
use crate::card::{Card, CardError, Mended, Update, ValueError};
use crate::profile::{FileName, ItemName};
use crate::terminal::driver::Asked;

/// Writes items, or the bytes of a file, and reads them back. What was torn on the card before is brought to its end first.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteFile {
    /// The file, as `DF04/EF05`.
    #[schema(value_type = String)]
    pub file: FileName,
    /// Items of a linear file.
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
    /// Its tag, two hexadecimal digits.
    pub tag: String,
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
        let outcome = match mended {
            Mended::Completed => "completed",
            Mended::Undone => "undone",
        };
        Self { file: file.to_string(), outcome }
    }
}

impl WriteFile {
    /// Each item by its tag.
    fn items(&self, items: &[NewItem]) -> Result<Vec<(u8, Zeroizing<String>)>, CardError> {
        let unknown = || CardError::UnknownItem(format!("{}/…", self.file));
        let tag = |tag: &str| format!("{}/{tag}", self.file).parse::<ItemName>().ok()?.tag;
        items.iter().map(|item| Ok((tag(&item.tag).ok_or_else(unknown)?, item.value.0.clone()))).collect()
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
        let (items, bytes);
        let update = match (&self.items, &self.bytes) {
            (Some(new), None) => {
                items = self.items(new)?;
                Update::Items(&items)
            }
            (None, Some(text)) => {
                let no_hex = |_| CardError::NewValue { item: self.file.to_string(), why: ValueError::Hex };
                bytes = Zeroizing::new(hex::decode(text.0.as_bytes()).map_err(no_hex)?);
                Update::Bytes(&bytes)
            }
            _ => return Err(unknown().into()),
        };
        let journal = desk.journal()?;
        let mended = card.mend(&journal, &mut entered.pin)?;
        let written = card.write(&journal, &self.file, &update, &mut entered.pin)?;
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
