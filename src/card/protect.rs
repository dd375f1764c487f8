//! Secure messaging from the terminal's side (card-facts §3.2): the MAC of a command, and data that is enciphered. The
//! keys are the key service's; here is what they are applied to.

use zeroize::Zeroizing;

use super::CardError;
use super::open::Card;
use super::session::{FILES, eight};
use crate::profile::KeyRole;
use crate::script::{self, Vars};

/// Bytes of a MAC.
const MAC: usize = 4;

impl Card<'_> {
    /// The process factor of what is protected next: the card's latest challenge, which one command uses up.
    pub(super) fn challenge(&mut self) -> Result<[u8; 8], CardError> {
        self.session.ahead = None;
        let mut vars = Vars::new();
        self.session.run(FILES, "get-challenge", &mut vars)?;
        eight(&vars, "process")
    }

    /// Runs a flow whose one command has a MAC behind its data: over CLA INS P1 P2 Lc and data, as the flow will send
    /// them.
    pub(super) fn secured(
        &mut self,
        script: &str,
        flow: &'static str,
        vars: Vars,
        process: [u8; 8],
    ) -> Result<(), CardError> {
        let mut vars = self.with_mac(script, flow, vars, process)?;
        self.session.run(script, flow, &mut vars).map(drop)
    }

    /// What [`secured`](Self::secured) runs the flow with; nothing of it is sent yet.
    pub(super) fn with_mac(
        &mut self,
        script: &str,
        flow: &'static str,
        vars: Vars,
        process: [u8; 8],
    ) -> Result<Vars, CardError> {
        let mut vars = vars.with("mac", &[0; MAC]);
        let wrong = |error: script::RunError| CardError::Script(error.to_string());
        let found = self.session.parts.scripts.flow(script, flow).map_err(wrong)?;
        let bytes = script::command(found, &vars).map_err(wrong)?.to_tpdu();
        // What comes before the MAC: a flow that has none there would fail at the card.
        let message = &bytes[..bytes.len().saturating_sub(MAC)];
        let mac = self.mac(process, message)?;
        vars.set("mac", &mac);
        Ok(vars)
    }

    /// The MAC over `message` with the selected directory's key of secure messaging.
    fn mac(&mut self, process: [u8; 8], message: &[u8]) -> Result<[u8; MAC], CardError> {
        let role = self.messaging()?;
        Ok(self.session.parts.keys.mac(self.key.process_key(&role, process), message)?)
    }

    /// Enciphers whole blocks with the same key.
    pub(super) fn encipher(&mut self, process: [u8; 8], blocks: &[u8]) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let role = self.messaging()?;
        Ok(self.session.parts.keys.encipher(self.key.process_key(&role, process), blocks)?)
    }

    /// The selected directory's key of secure messaging.
    fn messaging(&self) -> Result<KeyRole, CardError> {
        let directory = self.session.parts.profile.directory(&self.proven.directory);
        let unknown = || CardError::NoKey(KeyRole::named(format!("STK{}", self.proven.directory)));
        directory.and_then(|directory| directory.messaging.clone()).ok_or_else(unknown)
    }
}
