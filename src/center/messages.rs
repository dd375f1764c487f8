//! What settles or pays is kept once a message id of a terminal, for ever: the same message gets the same answer, another one
//! under its id none, and one that was reversed before it came does nothing.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::de::DeserializeOwned;

use super::db::{json, parse};
use super::errors::CenterError;
use super::refusal::{Refusal, Stop};
use crate::wire::errors;

/// A message of a terminal.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) terminal: &'a str,
    pub(super) msgid: &'a str,
}

/// A table of messages.
#[derive(Clone, Copy)]
pub(super) struct Messages {
    table: &'static str,
    /// The state of one that did what it asks for.
    done: &'static str,
}

pub(super) const SETTLEMENTS: Messages = Messages { table: "settlements", done: "settled" };
pub(super) const PAYMENTS: Messages = Messages { table: "payments", done: "paid" };

/// What is kept of a message.
struct Kept {
    number: i64,
    state: String,
    content: Option<Vec<u8>>,
    reply: Option<String>,
    posted: Option<String>,
}

/// What becomes of a reversal.
pub(super) enum Reversal {
    /// What was done by this number is to be taken back, by what was kept of it.
    Of(i64, String),
    /// Nothing is left to be done; whether anything was taken back before.
    Over(bool),
}

impl Messages {
    /// Does what a message of a terminal asks for, once: the same message gets the same answer for ever, and so does one that
    /// was refused, of which nothing was done by then. `on_purpose`: refused for a demonstration.
    pub(super) fn once<T: DeserializeOwned>(
        self,
        db: &Connection,
        message: Message<'_>,
        digest: &[u8],
        on_purpose: bool,
        work: impl FnOnce() -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        if let Some(known) = self.find(db, message)? {
            db.execute(&format!("UPDATE {} SET times = times + 1 WHERE number = ?1", self.table), [known.number])?;
            return self.again(&known, digest);
        }
        let done = if on_purpose { Err(Refusal::of(&errors::ON_PURPOSE).into()) } else { work() };
        if let Err(Stop::Refused(refusal)) = &done {
            db.execute(
                &format!(
                    "INSERT INTO {} (terminal, msgid, state, content, reply, times) VALUES (?1, ?2, 'refused', ?3, ?4, 1)",
                    self.table
                ),
                params![message.terminal, message.msgid, digest, json(refusal)],
            )?;
        }
        done
    }

    /// What was answered, to the same message.
    fn again<T: DeserializeOwned>(self, known: &Kept, digest: &[u8]) -> Result<T, Stop> {
        if matches!(known.state.as_str(), "reversed" | "void") {
            return Err(Refusal::of(&errors::REVERSED).into());
        }
        if known.content.as_deref() != Some(digest) {
            return Err(Refusal::saying(&errors::CONFLICT, "同一报文ID内容不同").into());
        }
        let reply = known.reply.as_deref();
        let reply = reply.ok_or_else(|| CenterError::Database("a message without its answer".into()))?;
        if known.state == self.done { Ok(parse(reply)?) } else { Err(parse::<Refusal>(reply)?.into()) }
    }

    /// What was answered to a message that did what it asks for, if that stands.
    pub(super) fn answer<T: DeserializeOwned>(
        self,
        db: &Connection,
        message: Message<'_>,
    ) -> Result<Option<T>, CenterError> {
        let known = self.find(db, message)?.filter(|known| known.state == self.done);
        known.and_then(|known| known.reply).as_deref().map(parse).transpose()
    }

    /// Whether a message id of a terminal is one of these.
    pub(super) fn is_known(self, db: &Connection, message: Message<'_>) -> Result<bool, CenterError> {
        Ok(self.find(db, message)?.is_some())
    }

    /// What a reversal is of; a message id that is not known does nothing later.
    pub(super) fn reversal(self, db: &Connection, message: Message<'_>) -> Result<Reversal, CenterError> {
        Ok(match self.find(db, message)? {
            None => {
                db.execute(
                    &format!("INSERT INTO {} (terminal, msgid, state, times) VALUES (?1, ?2, 'void', 0)", self.table),
                    [message.terminal, message.msgid],
                )?;
                Reversal::Over(false)
            }
            Some(Kept { number, state, posted: Some(posted), .. }) if state == self.done => {
                Reversal::Of(number, posted)
            }
            Some(Kept { state, .. }) => Reversal::Over(state == "reversed"),
        })
    }

    /// What was done by this number is taken back.
    pub(super) fn set_reversed(self, db: &Connection, number: i64) -> Result<(), CenterError> {
        db.execute(&format!("UPDATE {} SET state = 'reversed' WHERE number = ?1", self.table), [number])?;
        Ok(())
    }

    fn find(self, db: &Connection, message: Message<'_>) -> Result<Option<Kept>, CenterError> {
        let kept = db
            .prepare_cached(&format!(
                "SELECT number, state, content, reply, posted FROM {} WHERE terminal = ?1 AND msgid = ?2",
                self.table
            ))?
            .query_row([message.terminal, message.msgid], |row| {
                Ok(Kept {
                    number: row.get(0)?,
                    state: row.get(1)?,
                    content: row.get(2)?,
                    reply: row.get(3)?,
                    posted: row.get(4)?,
                })
            })
            .optional()?;
        Ok(kept)
    }
}
