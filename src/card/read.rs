//! The reading of a card and its holder, one use of a card that is open: external authentication where the version needs
//! it, holder's file.

use super::files::{FileKind, named};
use super::open::Card;
use super::reading::{Apdus, Authenticated};
use super::{CardError, Parts, Reading, Step, parse};
use crate::profile::KeyRole;
use crate::script::Vars;

/// Reads a card: all of it, or an error and nothing of it. `progress` learns each step when it is done. Whatever right
/// the card gave is taken back when the lease ends.
///
/// # Errors
/// See [`CardError`].
pub fn read(parts: Parts<'_>, progress: &mut dyn FnMut(Step)) -> Result<Reading, CardError> {
    Card::open(parts, progress)?.reading(progress)
}

impl Card<'_> {
    /// The card and its holder.
    ///
    /// # Errors
    /// See [`CardError`].
    pub fn reading(&mut self, progress: &mut dyn FnMut(Step)) -> Result<Reading, CardError> {
        let Self { session, script, key, identifier, proven, .. } = self;
        let external = session.has(script, "external-authenticate");
        if external && !proven.keys.contains(&KeyRole::RKSSSE) {
            session.authenticate_terminal(script, key, identifier, &KeyRole::RKSSSE, Vars::new())?;
            proven.keys.push(KeyRole::RKSSSE);
            progress(Step::ExternalAuthenticated);
        }

        let ef06 = FileKind::ef06(script, session.has(script, "holder-name-extension"));
        let (holder_records, learned_ef06) = session.file(&ef06, &self.memory.ef06(&self.learned_ef05))?;
        let card = parse::card_file(&named("EF05", &self.card_records))?;
        let holder = parse::holder(&named("EF06", &holder_records))?;
        progress(Step::HolderRead);

        self.memory.learn(&self.session, &self.learned_ef05, &learned_ef06);
        let torn_writes = self.torn_writes();
        let lost_writes = self.lost_writes();
        let (parts, begun) = (&self.session.parts, &self.begun);
        Ok(Reading {
            reader: parts.lease.reader().to_owned(),
            atr: parts.lease.atr().clone(),
            algorithm: self.algorithm,
            card,
            holder,
            torn_writes,
            lost_writes,
            authenticated: Authenticated { internal: true, external, by: parts.keys.source() },
            apdus: Apdus {
                card: parts.lease.counts().commands - begun.card_commands,
                psam: parts.keys.commands() - begun.key_commands,
            },
            read_at: begun.at,
            elapsed: begun.started.elapsed(),
        })
    }
}
