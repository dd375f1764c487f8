//! A journal read beside the process that writes it.

use std::fmt;
use std::path::PathBuf;

use rusqlite::{Connection, params};
use serde_json::Value;

use super::journal::Context;
use super::{QueueError, QueueKeys, Row, Settings, look, open, owner};

/// How many transactions are read at once: a long look keeps the writer from clearing its log away.
const PAGE: usize = 100;

/// The transactions of a journal, which another process may be writing. It holds no lock, and changes nothing.
pub struct Past {
    pub(super) db: Connection,
    pub(super) context: Context,
    pub(super) anchor: PathBuf,
}

impl fmt::Debug for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Past").field("terminal", &self.context.terminal).finish_non_exhaustive()
    }
}

impl Past {
    /// Opens a journal.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or the keys are not its keys.
    pub fn open(settings: &Settings, keys: &QueueKeys) -> Result<Self, QueueError> {
        let context = Context::to_read(keys, settings.terminal.clone());
        let db = open::reader(&settings.path)?;
        open::version(&db)?;
        owner::check(&db, &context)?;
        Ok(Self { db, context, anchor: settings.anchor.clone() })
    }

    /// Each transaction, oldest first, with its opened payload, which holds personal data; `None` for one that was
    /// erased. What is damaged is an error of its own, and the next one follows.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn each(&self, mut take: impl FnMut(Result<(Row, Option<Value>), QueueError>)) -> Result<(), QueueError> {
        let columns = look::columns(&self.db)?;
        let sql = format!("SELECT {columns} FROM entries WHERE sequence > ?1 ORDER BY sequence LIMIT ?2");
        let mut after = 0_u64;
        loop {
            let mut page = Vec::with_capacity(PAGE);
            {
                let mut statement = self.db.prepare_cached(&sql)?;
                let mut rows = statement.query(params![after, PAGE])?;
                while let Some(row) = rows.next()? {
                    after = row.get(0)?;
                    page.push(self.context.read(row));
                }
            }
            let last = page.len() < PAGE;
            for entry in page {
                take(entry.and_then(|entry| {
                    let payload = self.context.plain(&entry)?;
                    Ok((entry.row, payload))
                }));
            }
            if last {
                return Ok(());
            }
        }
    }
}
