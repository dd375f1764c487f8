//! A security module upstream, asked by the national strings (card-facts §4.5) over an [`HsmLink`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{
    CardKeyId, Checked, HsmLink, KeyError, KeyService, KeySource, LinkError, Load, ProcessKey, Purchase, Purchased,
    RandomSource,
};
use crate::cipher::Algorithm;
use crate::profile::KeyRole;
use crate::wire::hsm::{
    Address, Bas, BasAnswer, Card, Debit, DebitAnswer, Dialect, Kind, PinCommand, Proof, ProofAsked, Question, Randoms,
    ResetForm, Sealed, Secured, Text,
};

/// How a deployment's security module is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HsmSettings {
    /// The form of its strings.
    pub dialect: Dialect,
    /// Where its keys are, by the role's name.
    pub addresses: BTreeMap<String, Address>,
    /// 终端机编号, where a PSAM does not say it.
    pub terminal: Option<[u8; 6]>,
    /// How long an answer is waited for.
    pub within: Duration,
    /// Whose randoms internal authentication is done with.
    pub randoms: RandomSource,
}

/// The keys of a security module.
pub struct Hsm {
    link: Arc<dyn HsmLink>,
    settings: Arc<HsmSettings>,
    /// The randoms of both proofs, where they are known before the first is asked for.
    announced: Option<(Randoms, Randoms)>,
    /// Those of internal authentication, once it was asked for: the string has them in both its uses.
    internal: Option<Randoms>,
    /// The terminal's proof that came with the card's.
    ahead: Option<(Randoms, [u8; 8])>,
    sealed: Option<SealedPin>,
    /// Each key by a question of its own.
    one_by_one: bool,
}

/// The MAC that came with an enciphered PIN, and what it is over.
struct SealedPin {
    process: [u8; 8],
    command: Zeroizing<Vec<u8>>,
    mac: [u8; 4],
}

impl Hsm {
    /// The keys behind a link.
    pub fn new(link: Arc<dyn HsmLink>, settings: Arc<HsmSettings>) -> Self {
        Self { link, settings, announced: None, internal: None, ahead: None, sealed: None, one_by_one: false }
    }

    /// The keys behind a link that is asked for one key at a time, RKSSSE too, by the strings that all functions but
    /// iReadCardBas_HSM begin with. Such a link proves no card.
    pub fn one_by_one(link: Arc<dyn HsmLink>, settings: Arc<HsmSettings>) -> Self {
        Self { one_by_one: true, ..Self::new(link, settings) }
    }

    fn ask(&self, kind: Kind, card: &CardKeyId, role: Option<&KeyRole>, string: Text) -> Result<Text, KeyError> {
        let question = Question {
            kind,
            card: Card {
                algorithm: card.algorithm(),
                identifier: *card.identifier().as_bytes(),
                historical: *card.historical(),
            },
            role: role.map(|role| role.name().to_owned()),
            dialect: self.settings.dialect.clone(),
            string,
        };
        Ok(self.link.ask(&question, self.settings.within)?)
    }

    fn address(&self, role: &KeyRole) -> Result<Address, KeyError> {
        let address = self.settings.addresses.get(role.name()).cloned();
        address.ok_or_else(|| KeyError::Unplaced { role: role.clone(), by: KeySource::Hsm })
    }

    /// Both proofs of a reading by one string, or the one that is known to be wanted.
    fn bas(&mut self, card: &CardKeyId, role: &KeyRole, randoms: Randoms) -> Result<[u8; 8], KeyError> {
        let external = *role == KeyRole::RKSSSE;
        if external
            && let Some((wanted, proof)) = &self.ahead
            && *wanted == randoms
        {
            return Ok(*proof);
        }
        let asked = Bas {
            reset: match self.settings.dialect.reset {
                ResetForm::Historical => card.historical().to_vec(),
                ResetForm::Whole => card.atr().as_bytes().to_vec(),
            },
            algorithm: card.algorithm(),
            identifier: *card.identifier().as_bytes(),
            // Where another source answered for the card, there are none, and the string wants some.
            internal: if external { self.internal.clone().unwrap_or_else(|| randoms.clone()) } else { randoms.clone() },
            external: match (&self.announced, external) {
                (_, true) => Some(randoms.clone()),
                (Some((internal, ahead)), false) if *internal == randoms => Some(ahead.clone()),
                _ => None,
            },
            terminal: self.settings.terminal,
        };
        let dialect = &self.settings.dialect;
        let answer = self.ask(Kind::Bas, card, None, asked.print(dialect))?;
        let answer = BasAnswer::parse(answer.reveal(), dialect).map_err(LinkError::from)?;
        let internal = of(&answer.internal, &asked.internal)?;
        let terminals = match (&asked.external, &answer.external) {
            (None, None) => None,
            (Some(randoms), Some(proof)) => Some((randoms.clone(), of(proof, randoms)?)),
            _ => return Err(malformed("it has not the proofs that were asked for")),
        };
        let wanted = match (external, &terminals) {
            (true, Some((_, proof))) => *proof,
            (true, None) => return Err(malformed("it has not the proofs that were asked for")),
            (false, _) => internal,
        };
        self.internal = Some(asked.internal.clone());
        self.ahead = terminals;
        Ok(wanted)
    }

    /// The proof of a key that has an address.
    fn proof(&self, card: &CardKeyId, role: &KeyRole, randoms: Randoms) -> Result<[u8; 8], KeyError> {
        let asked = ProofAsked { algorithm: card.algorithm(), key: self.address(role)?, randoms };
        let answer = self.ask(Kind::Proof, card, Some(role), asked.print(&self.settings.dialect))?;
        of(&Proof::parse(answer.reveal()).map_err(LinkError::from)?, &asked.randoms)
    }

    /// A command about the PIN, secured.
    fn secure(
        &self,
        card: &CardKeyId,
        role: &KeyRole,
        process: [u8; 8],
        command: PinCommand,
    ) -> Result<(Secured, Sealed), KeyError> {
        let asked = Secured { algorithm: card.algorithm(), key: self.address(role)?, process, command };
        let dialect = &self.settings.dialect;
        let answer = self.ask(Kind::Secured, card, Some(role), asked.print(dialect))?;
        let sealed = asked.sealed(answer.reveal()).map_err(LinkError::from)?;
        Ok((asked, sealed))
    }
}

/// A proof, if it is of the original that was asked about.
fn of(proof: &Proof, randoms: &Randoms) -> Result<[u8; 8], KeyError> {
    match proof.original == randoms.original {
        true => Ok(proof.proof),
        false => Err(malformed("its proof is of another original")),
    }
}

fn malformed(what: &str) -> KeyError {
    KeyError::Link(LinkError::Malformed(what.to_owned()))
}

/// The digits in the block of a new PIN (card-facts §3.2): its length in bytes, packed BCD, 80 00….
fn digits(block: &[u8], algorithm: Algorithm) -> Option<Zeroizing<String>> {
    let (length, rest) = block.split_first().filter(|_| block.len() == algorithm.block())?;
    let (pin, filling) = rest.split_at_checked(usize::from(*length))?;
    let filled =
        filling.split_first().is_none_or(|(first, zeros)| *first == 0x80 && zeros.iter().all(|byte| *byte == 0));
    let mut digits = Zeroizing::new(String::with_capacity(2 * pin.len()));
    for (at, nibble) in pin.iter().flat_map(|byte| [byte >> 4, byte & 15]).enumerate() {
        match nibble {
            0..=9 => digits.push(char::from(b'0' + nibble)),
            // What fills an odd number of digits.
            0xF if at + 1 == 2 * pin.len() => {}
            _ => return None,
        }
    }
    (filled && (4..=16).contains(&digits.len())).then_some(digits)
}

impl KeyService for Hsm {
    fn source(&self) -> KeySource {
        KeySource::Hsm
    }

    fn prove(&mut self, key: ProcessKey<'_>, original: [u8; 8]) -> Result<[u8; 8], KeyError> {
        let ProcessKey { card, role, process } = key;
        let randoms = Randoms { process, original };
        match (self.one_by_one, *role == KeyRole::IRK, *role == KeyRole::RKSSSE) {
            (true, true, _) => Err(KeyError::NotOffered { by: KeySource::Hsm, what: "the proof of a card" }),
            (false, true, _) | (false, _, true) => self.bas(card, role, randoms),
            _ => self.proof(card, role, randoms),
        }
    }

    /// Over a command about the PIN only: the national strings have no other (card-facts §4.5). That over a new PIN came
    /// with the enciphered PIN.
    fn mac(&mut self, key: ProcessKey<'_>, message: &[u8]) -> Result<[u8; 4], KeyError> {
        let ProcessKey { card, role, process } = key;
        if let Some(pin) = self.sealed.take()
            && (pin.process, pin.command.as_slice()) == (process, message)
        {
            return Ok(pin.mac);
        }
        if message != PinCommand::Unblock.header(card.algorithm()) {
            return Err(KeyError::NotOffered { by: KeySource::Hsm, what: "a MAC over another command than the PIN's" });
        }
        Ok(self.secure(card, role, process, PinCommand::Unblock)?.1.mac)
    }

    /// A new PIN only, for the same reason; its digits go upstream in clear, as the national flow has it, inside TLS.
    fn encipher(&mut self, key: ProcessKey<'_>, blocks: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let ProcessKey { card, role, process } = key;
        let Some(mut pin) = digits(blocks, card.algorithm()) else {
            return Err(KeyError::NotOffered { by: KeySource::Hsm, what: "encipherment of anything but a new PIN" });
        };
        let command = PinCommand::Reload(std::mem::take(&mut *pin));
        let (asked, sealed) = self.secure(card, role, process, command)?;
        let command = Zeroizing::new([&asked.command.header(card.algorithm())[..], &sealed.cipher].concat());
        self.sealed = Some(SealedPin { process, command, mac: sealed.mac });
        Ok(Zeroizing::new(sealed.cipher.clone()))
    }

    fn purchase(&mut self, card: &CardKeyId, purchase: &Purchase<'_>) -> Result<Purchased, KeyError> {
        let dialect = &self.settings.dialect;
        let form = dialect.debit.as_ref().ok_or(KeyError::NoDebitForm)?;
        let about = purchase.about;
        let asked = Debit {
            random: purchase.random,
            sequence: about.sequence.to_be_bytes(),
            account: about.account.to_be_bytes(),
            self_pay: about.self_pay.to_be_bytes(),
            pool: about.pool.to_be_bytes(),
            kind: purchase.formula.code,
            terminal: about.terminal,
            time: about.time,
            key_version: purchase.key_version,
        };
        let names = (card.algorithm(), card.identifier().as_bytes(), card.historical());
        let key = if form.step1.names_key() { Some(self.address(&KeyRole::DPK)?) } else { None };
        let string = asked.print((form, dialect), names, key.as_ref());
        let answer = self.ask(Kind::Debit, card, Some(&KeyRole::DPK), string)?;
        let DebitAnswer { terminal_sequence, mac1 } =
            DebitAnswer::parse(answer.reveal(), form).map_err(LinkError::from)?;
        Ok(Purchased { terminal_sequence: u32::from_be_bytes(terminal_sequence), mac1 })
    }

    fn confirm_purchase(&mut self, _mac2: [u8; 4]) -> Result<Checked, KeyError> {
        Ok(Checked::Unchecked)
    }

    fn load(&mut self, _card: &CardKeyId, _load: &Load<'_>) -> Result<[u8; 4], KeyError> {
        Err(KeyError::NotOffered { by: KeySource::Hsm, what: "a load of the account" })
    }

    fn identity(&mut self, _card: &CardKeyId) -> Result<Vec<u8>, KeyError> {
        Ok(self.link.identity())
    }

    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, KeyError> {
        Ok(self.settings.terminal)
    }

    fn commands(&self) -> u32 {
        0
    }

    fn randoms(&self) -> RandomSource {
        self.settings.randoms
    }

    fn far(&self) -> bool {
        !self.one_by_one
    }

    fn announce(&mut self, _card: &CardKeyId, internal: &Randoms, external: &Randoms) {
        self.announced = Some((internal.clone(), external.clone()));
    }
}
