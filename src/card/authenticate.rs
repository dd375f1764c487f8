//! Both authentications: the card to the terminal, and the terminal to the card.

use subtle::ConstantTimeEq as _;

use super::CardError;
use super::session::Session;
use super::tries::Tries;
use crate::apdu::StatusWord;
use crate::keys::CardKeyId;
use crate::profile::KeyRole;
use crate::script::Vars;
use crate::value::CardIdentifier;
use crate::wire::hsm::Randoms;

impl Session<'_> {
    /// Internal authentication (card-facts §4.2): what the card answers is held against what the keys say it must.
    pub(super) fn authenticate_card(&mut self, script: &str, key: &CardKeyId) -> Result<(), CardError> {
        let randoms = self.internal_randoms(script)?;
        let mut vars = Vars::new().with("process", &randoms.process).with("original", &randoms.original);
        self.run(script, "internal-authenticate", &mut vars).map_err(|error| match error {
            // A card without the key, or without the command, cannot prove itself; nor does an answer that is no proof.
            CardError::Status { status, .. } if cannot_prove(status) => CardError::NotGenuine,
            CardError::Answer(_) => CardError::NotGenuine,
            other => other,
        })?;
        self.look_ahead(script, key, &randoms)?;
        let expected = self.parts.keys.prove(key.process_key(&KeyRole::IRK, randoms.process), randoms.original)?;
        let proof = vars.get("proof").unwrap_or_default();
        if bool::from(expected.as_slice().ct_eq(proof)) { Ok(()) } else { Err(CardError::NotGenuine) }
    }

    /// External authentication with a key, once, by a script whose flow is given `vars` besides: the process factor is the card's latest challenge, the original any random. A key
    /// that the card refuses is never tried on it again, whoever has it, until a technician releases it. A locked key has no try
    /// left to lose: each reading says that it is locked, and nothing is laid to the PSAM.
    pub(super) fn authenticate_terminal(
        &mut self,
        script: &str,
        key: &CardKeyId,
        identifier: &CardIdentifier,
        role: &KeyRole,
        mut vars: Vars,
    ) -> Result<(), CardError> {
        let asked = self.parts.keys.identity(key)?;
        let tries = Tries::of(self.parts.pairs, role, identifier);
        tries.may_be(&asked)?;
        let Randoms { process, original } = self.external_randoms(script)?;
        let proof = self.parts.keys.prove(key.process_key(role, process), original)?;
        // Keys that could not may have left it to others, which an earlier release may have held apart by name.
        let answered = self.parts.keys.identity(key)?;
        if answered != asked {
            tries.may_be(&answered)?;
        }
        vars.set("proof", &proof);
        vars.set("original", &original);
        // A card so slow that its time is over here each time loses no try, nor does one that was pulled while the keys were
        // asked: neither may be taken for one that does.
        self.parts.lease.there()?;
        tries.begin(&answered)?;
        let status = match self.run(script, "external-authenticate", &mut vars) {
            // A refusal is one whether the script has a line for it or not.
            Err(CardError::Status { status, .. }) if status.sw1() == 0x63 || status == StatusWord::LOCKED => status,
            // A card without the key counts nothing.
            Err(error @ CardError::Status { status: StatusWord::KEY_NOT_FOUND, .. }) => {
                tries.end();
                return Err(error);
            }
            ended => ended?,
        };
        match status {
            StatusWord::OK => {
                tries.end();
                Ok(())
            }
            StatusWord::LOCKED => {
                tries.end();
                Err(CardError::KeyLocked)
            }
            refused => {
                tries.hold();
                Err(CardError::TerminalRefused { left: refused.tries_left() })
            }
        }
    }
}

/// What a card answers to INTERNAL AUTHENTICATE that has no such key or command, or may not use it: both randoms are the
/// terminal's and nothing has to come before, so that a genuine card has no reason to.
fn cannot_prove(status: StatusWord) -> bool {
    const CANNOT: [StatusWord; 10] = [
        StatusWord::KEY_NOT_FOUND,
        StatusWord::SECURITY_STATE,
        StatusWord::LOCKED,
        StatusWord::CONDITIONS,
        StatusWord::SECURE_MESSAGING,
        StatusWord::INSTRUCTION,
        StatusWord::CLASS,
        StatusWord::P1P2,
        StatusWord::NOT_SUPPORTED,
        StatusWord::FILE_NOT_FOUND,
    ];
    CANNOT.contains(&status)
}
