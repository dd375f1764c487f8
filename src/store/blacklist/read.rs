//! A list's entries are written into their tables.

use std::collections::HashMap;

use ring::hmac;
use rusqlite::{Transaction, params};

use super::format::{Entries, Entry, Header, Listed};
use super::{BlacklistError, BlacklistInfo, Cards, tag};
use crate::store::lists::{FileLines, ListError, Read, STEP_LINES, Step, Taken, Unreadable};

/// The most labels that differ.
const MOST_LABELS: usize = 1000;

impl Read for Cards {
    type Header = Header;

    fn header(lines: &mut FileLines<'_>) -> Result<Header, Unreadable> {
        Header::read(lines)
    }

    fn info(header: Header, taken: Taken) -> BlacklistInfo {
        let Header { serial, issued, cards, ranges } = header;
        let Taken { at: taken_at, signed_by, sha256 } = taken;
        BlacklistInfo { serial, issued, taken_at, cards, ranges, signed_by, sha256 }
    }

    fn fill(
        db: &Transaction<'_>,
        header: Header,
        lines: &mut FileLines<'_>,
        key: &[u8],
        step: Step<'_, Self>,
    ) -> Result<(), BlacklistError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        // By the hashes the cards have no order: they get it at the end, all at once.
        db.execute_batch("CREATE TEMP TABLE staged (tag BLOB, label INTEGER)")?;
        let mut labels = Labels::default();
        let name = lines.name().to_owned();
        let mut card = db.prepare("INSERT INTO staged VALUES (?1, ?2)")?;
        let mut range = db.prepare("INSERT INTO span VALUES (?1, ?2, ?3)")?;
        let mut text = db.prepare("INSERT INTO label VALUES (?1, ?2)")?;
        let mut entries = Entries::new(lines, header);
        let mut count = 0;
        while let Some(Entry { listed, label }) = entries.entry().map_err(|error| ListError::of(&name, error))? {
            if count % STEP_LINES == 0 {
                step()?;
            }
            count += 1;
            let label = match label.map(|label| labels.id(label)) {
                None => None,
                Some(Id::Known(id)) => Some(id),
                Some(Id::New(id, label)) if id <= MOST_LABELS => {
                    text.execute(params![id, label])?;
                    Some(id)
                }
                Some(Id::New(..)) => {
                    let what = format!("more than {MOST_LABELS} labels that differ");
                    return Err(ListError::of(&name, entries.wrong(1, &what)));
                }
            };
            match listed {
                Listed::Card(identifier) => card.execute(params![tag(&key, &identifier), label])?,
                Listed::Range(first, last) => range.execute(params![first, last, label])?,
            };
        }
        step()?;
        drop(card);
        db.execute_batch("INSERT INTO card SELECT tag, label FROM staged ORDER BY tag; DROP TABLE staged;")?;
        Ok(())
    }
}

/// Labels by number: there are few of them, each on many lines.
#[derive(Default)]
struct Labels(HashMap<String, usize>);

enum Id {
    Known(usize),
    New(usize, String),
}

impl Labels {
    fn id(&mut self, label: String) -> Id {
        if let Some(id) = self.0.get(&label) {
            return Id::Known(*id);
        }
        let id = self.0.len() + 1;
        self.0.insert(label.clone(), id);
        Id::New(id, label)
    }
}
