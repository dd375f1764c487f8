//! The key service of the HSM flow (card-facts §4.5), with the demonstration's root keys: for a demo centre only. What it
//! is asked and what it answers is never logged.
//!
//! A real security module knows by a string's key code which key is meant, and keeps to one form of its strings. This one
//! is told both beside the string.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::cipher::{self, Algorithm, Factors, Formulas, Key16, SessionKey, Suite, Transaction};
use crate::profile::KeyRole;
use crate::wire::hsm::{
    Answer, Bas, BasAnswer, Card, Debit, DebitAnswer, Kind, Malformed, PinCommand, Proof, ProofAsked, Question,
    Randoms, ResetForm, Sealed, Secured, Text,
};

const BUILT_IN: &str = include_str!("../../fixtures/cards/demonstration-keys.toml");

/// Why it gives no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoKeys {
    /// The string is not of its kind and dialect, or says another card than what stands beside it.
    #[error("the string is not of this kind and dialect")]
    Form,
    /// SSF33 is computed inside a security module only, and this is none.
    #[error("there are no keys for this algorithm here")]
    Algorithm,
    /// The demonstration has no such key, or the question names none.
    #[error("there is no such key here")]
    Role,
    /// It is a demonstration's, and this is none.
    #[error("keys are lent by a demonstration only")]
    Demonstration,
}

impl From<Malformed> for NoKeys {
    fn from(_: Malformed) -> Self {
        Self::Form
    }
}

/// `[keys.3DES]` and `[keys.SM4]`, each a key by its role's name in small letters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    keys: BTreeMap<Algorithm, BTreeMap<String, Key16>>,
}

/// One card's keys.
struct Keys<'a> {
    card: &'a Card,
    suite: Suite,
    roots: BTreeMap<String, Key16>,
}

impl<'a> Keys<'a> {
    fn of(card: &'a Card, roots: &str) -> Result<Self, NoKeys> {
        let suite = Suite::of(card.algorithm).map_err(|_| NoKeys::Algorithm)?;
        // They ship with the program, and a test parses them.
        let File { mut keys } = toml::from_str(roots).map_err(|_| NoKeys::Algorithm)?;
        Ok(Self { card, suite, roots: keys.remove(&card.algorithm).ok_or(NoKeys::Algorithm)? })
    }

    fn key(&self, role: &KeyRole) -> Result<Key16, NoKeys> {
        let root = self.roots.get(&role.name().to_lowercase()).ok_or(NoKeys::Role)?;
        let [city @ .., _, _, _, _, _, _, _, _, _, _, _, _, _] = self.card.identifier;
        let [_, _, _, _, _, serial @ ..] = self.card.historical;
        Ok(self.suite.diversify_by(root, &Factors::new(city, serial).descending()))
    }

    fn session(&self, role: &KeyRole, process: [u8; 8]) -> Result<SessionKey, NoKeys> {
        Ok(self.suite.session(&self.key(role)?, process))
    }

    fn proof(&self, role: &KeyRole, Randoms { process, original }: &Randoms) -> Result<Proof, NoKeys> {
        let proof = self.suite.authentication_data(&self.key(role)?, *process, *original);
        Ok(Proof { proof, original: *original })
    }
}

/// What a security module would answer; `purchases` counts those that it began.
pub(crate) fn answer(question: &Question, purchases: &AtomicU32) -> Result<Answer, NoKeys> {
    answer_by(BUILT_IN, question, purchases)
}

/// The same by other roots, in the form of the demonstration's file.
pub(crate) fn answer_by(roots: &str, question: &Question, purchases: &AtomicU32) -> Result<Answer, NoKeys> {
    let keys = Keys::of(&question.card, roots)?;
    let role = question.role.as_ref().map(|name| KeyRole::named(name.as_str()));
    let role = || role.as_ref().ok_or(NoKeys::Role);
    let string = match question.kind {
        Kind::Bas => bas(question, &keys)?,
        Kind::Proof => proof(question, &keys, role()?)?,
        Kind::Secured => secured(question, &keys, role()?)?,
        Kind::Debit => debit(question, &keys, role()?, purchases)?,
    };
    Ok(Answer { string })
}

fn bas(Question { card, dialect, string, .. }: &Question, keys: &Keys<'_>) -> Result<Text, NoKeys> {
    let asked = Bas::parse(string.reveal(), dialect)?;
    let same_reset = match dialect.reset {
        ResetForm::Historical => asked.reset == card.historical,
        ResetForm::Whole => asked.reset.windows(card.historical.len()).any(|bytes| bytes == card.historical),
    };
    if !same_reset || (asked.algorithm, asked.identifier) != (card.algorithm, card.identifier) {
        return Err(NoKeys::Form);
    }
    let external = asked.external.as_ref().map(|randoms| keys.proof(&KeyRole::RKSSSE, randoms)).transpose()?;
    Ok(BasAnswer { internal: keys.proof(&KeyRole::IRK, &asked.internal)?, external }.print(dialect))
}

fn proof(question: &Question, keys: &Keys<'_>, role: &KeyRole) -> Result<Text, NoKeys> {
    let asked = ProofAsked::parse(question.string.reveal(), &question.dialect)?;
    same(asked.algorithm, question)?;
    Ok(keys.proof(role, &asked.randoms)?.print())
}

fn secured(question: &Question, keys: &Keys<'_>, role: &KeyRole) -> Result<Text, NoKeys> {
    let asked = Secured::parse(question.string.reveal(), &question.dialect)?;
    same(asked.algorithm, question)?;
    let session = keys.session(role, asked.process)?;
    let cipher = match &asked.command {
        PinCommand::Reload(digits) => {
            let block = cipher::pin_block(&packed(digits), session.block()).ok_or(NoKeys::Form)?;
            session.encrypt(&block)
        }
        PinCommand::Unblock => Zeroizing::default(),
    };
    let [header @ .., _] = asked.command.header(asked.algorithm);
    let mac = cipher::command_mac(&session, header, &cipher).map_err(|_| NoKeys::Form)?;
    Ok(Sealed { cipher: cipher.to_vec(), mac }.print(&asked, &question.dialect))
}

/// Digits, two a byte, F behind an odd number of them.
fn packed(digits: &str) -> Zeroizing<Vec<u8>> {
    let nibble = |at: usize| digits.as_bytes().get(at).map_or(0xF, |digit| digit & 0x0F);
    let bytes = (0..digits.len()).step_by(2).map(|at| nibble(at) << 4 | nibble(at + 1));
    let mut packed = Zeroizing::new(Vec::with_capacity(digits.len().div_ceil(2)));
    packed.extend(bytes);
    packed
}

fn debit(question: &Question, keys: &Keys<'_>, role: &KeyRole, purchases: &AtomicU32) -> Result<Text, NoKeys> {
    let form = question.dialect.debit.as_ref().ok_or(NoKeys::Form)?;
    let asked = Debit::parse(question.string.reveal(), form)?;
    // They ship with the program, and a test parses them.
    let formula = Formulas::builtin().map_err(|_| NoKeys::Form)?.purchase;
    if asked.kind != formula.code {
        return Err(NoKeys::Form);
    }
    let terminal_sequence = purchases.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    let about = Transaction {
        sequence: u16::from_be_bytes(asked.sequence),
        account: u32::from_be_bytes(asked.account),
        self_pay: u32::from_be_bytes(asked.self_pay),
        pool: u32::from_be_bytes(asked.pool),
        terminal: asked.terminal,
        terminal_sequence,
        time: asked.time,
        ..Transaction::default()
    };
    let process = cipher::purchase_factor(asked.random, about.sequence, terminal_sequence);
    let mac1 = formula.mac1(&keys.session(role, process)?, &about);
    let answer = DebitAnswer { terminal_sequence: terminal_sequence.to_be_bytes(), mac1 };
    Ok(answer.print((form, &question.dialect), question.card.algorithm))
}

fn same(algorithm: Algorithm, question: &Question) -> Result<(), NoKeys> {
    if algorithm == question.card.algorithm { Ok(()) } else { Err(NoKeys::Form) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::hsm::Dialect;

    fn question(kind: Kind, algorithm: Algorithm, role: Option<&str>, string: &str) -> Question {
        let mut identifier = [0; 16];
        hex::decode_to_slice("440100D15600000530000003FFFFFFFF", &mut identifier).unwrap();
        let mut historical = [0; 13];
        hex::decode_to_slice("86035342440003440130000003", &mut historical).unwrap();
        Question {
            kind,
            card: Card { algorithm, identifier, historical },
            role: role.map(str::to_owned),
            dialect: Dialect::default(),
            string: Text::from(string.to_owned()),
        }
    }

    fn told(question: &Question) -> Result<String, NoKeys> {
        answer(question, &AtomicU32::new(0)).map(|answer| answer.string.reveal().to_owned())
    }

    #[test]
    fn what_ships_has_the_keys_of_a_reading_for_both_algorithms() {
        for (algorithm, id) in [(Algorithm::TripleDes, "01"), (Algorithm::Sm4, "03")] {
            let both = format!(
                "440100|86035342440003440130000003|{id}|440100D15600000530000003FFFFFFFF|0102030405060708|\
                 1112131415161718|2122232425262728|3132333435363738|000000000000|"
            );
            let both = told(&question(Kind::Bas, algorithm, None, &both)).unwrap();
            assert!(both.len() == 66 && both.ends_with("3132333435363738|"), "{algorithm}");
            // The same key by its address.
            let proof = format!("{id}|1|2122232425262728|3132333435363738|");
            let proof = told(&question(Kind::Proof, algorithm, Some("RKSSSE"), &proof)).unwrap();
            assert_eq!(both[33..65], proof);
        }
    }

    #[test]
    fn what_is_no_such_question_gets_nothing() {
        let proof = "03|1|2122232425262728|3132333435363738|";
        let debit = "whatever it may be";
        for (kind, algorithm, role, string, why) in [
            (Kind::Proof, Algorithm::Sm4, None, proof, NoKeys::Role),
            (Kind::Proof, Algorithm::Sm4, Some("NONE"), proof, NoKeys::Role),
            (Kind::Proof, Algorithm::TripleDes, Some("IRK"), proof, NoKeys::Form),
            (Kind::Proof, Algorithm::Ssf33, Some("IRK"), "02|1|2122232425262728|3132333435363738|", NoKeys::Algorithm),
            (Kind::Bas, Algorithm::Sm4, None, proof, NoKeys::Form),
            (Kind::Secured, Algorithm::Sm4, Some("IRK"), proof, NoKeys::Form),
            (Kind::Debit, Algorithm::Sm4, Some("IRK"), debit, NoKeys::Form),
        ] {
            assert_eq!(told(&question(kind, algorithm, role, string)), Err(why), "{kind:?} {role:?}");
        }
    }
}
