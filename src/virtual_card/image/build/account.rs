//! The medical account of a card.

use super::{Flaw, PROFILE, need};
use crate::cipher::{Algorithm, Key16, Suite};
use crate::profile::KeyRole;
use crate::virtual_card::account::{AccountImage, Book, RECORD};
use crate::virtual_card::image::FileImage;
use crate::virtual_card::image::money::Account;
use crate::virtual_card::memory::Content;

/// Its log in DF04 (card-facts §1.6).
const LOG: [u8; 2] = [0xEF, 0x08];

/// Where the account lies, and what it is made with.
pub(super) struct Place<'a> {
    /// DF04 among the directories; `None` where the card has none.
    pub(super) directory: Option<usize>,
    pub(super) files: &'a [FileImage],
    pub(super) algorithm: Algorithm,
    pub(super) suite: Suite,
}

pub(super) fn account(
    settings: &Account,
    place: &Place,
    key: impl Fn(&KeyRole) -> Result<Option<Key16>, Flaw>,
) -> Result<Option<AccountImage>, Flaw> {
    if settings.present != Some(true) {
        return Ok(None);
    }
    let directory = place.directory.ok_or_else(|| Flaw::Wrong("account".into(), "the card has no DF04"))?;
    let there = |role| key(&role)?.ok_or(Flaw::Missing("a root key of the account: dlk, dpk or dtk"));
    Ok(Some(AccountImage {
        directory,
        log: place.files.iter().position(|file| file.directory == directory && is_log(file)),
        suite: place.suite,
        algorithm: place.algorithm.id(),
        load_key: there(KeyRole::DLK)?,
        purchase_key: there(KeyRole::DPK)?,
        tac_key: there(KeyRole::DTK)?,
        key_index: settings.key_index.unwrap_or(1),
        key_version: settings.key_version.unwrap_or(1),
        formulas: PROFILE.account().clone(),
        book: Book {
            load_sequence: settings.load_sequence.unwrap_or(1),
            purchase_sequence: settings.purchase_sequence.unwrap_or(1),
            balance: settings.balance.unwrap_or(0),
            self_paid: settings.self_paid.unwrap_or(0),
            pooled: settings.pooled.unwrap_or(0),
            year: *need(&settings.year, "account.year")?.0,
            starting_day: settings.starting_day.as_ref().map_or([0x01, 0x01], |day| *day.0),
            ..Book::default()
        },
    }))
}

fn is_log(file: &FileImage) -> bool {
    file.fid == LOG && matches!(file.content, Content::Cyclic { length: RECORD, .. })
}
