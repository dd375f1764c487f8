//! The bank application beside the environment (card-facts §1.1; EMV book 1 and 3): its directory, its selection, its
//! processing options and its records. Nothing of it pays: there is no key, no counter and no cryptogram.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::account;
use super::chip::Outcome;
use super::powered::{Powered, ROOT};
use crate::apdu::{Command, StatusWord, ins};

/// The payment environment's name by contacts.
const PSE: &[u8] = b"1PAY.SYS.DDF01";
/// Its name by radio.
const PPSE: &[u8] = b"2PAY.SYS.DDF01";
/// The short identifier of the payment environment's directory file.
const DIRECTORY: u8 = 0x01;

/// What an image says of the bank application.
#[derive(Clone)]
pub(super) struct BankImage {
    /// Each application under its name and label, the preferred one first.
    pub(super) applications: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the payment environments are there: by contacts, and by radio.
    pub(super) pse: bool,
    pub(super) ppse: bool,
    /// The data objects GET PROCESSING OPTIONS is to bring: tag and length, one after the other. Empty: none is named.
    pub(super) pdol: Vec<u8>,
    /// Whether the processing options are answered in format 2 (tag 77), else in format 1 (tag 80).
    pub(super) format_2: bool,
    /// Application interchange profile.
    pub(super) profile: [u8; 2],
    /// Application file locator: short identifier, first and last record, records to be authenticated, four bytes each.
    pub(super) locator: Vec<u8>,
    /// The records, with their template 70.
    pub(super) records: Records,
}

/// Records by short identifier and number.
pub(super) type Records = BTreeMap<(u8, u8), Zeroizing<Vec<u8>>>;

/// What is selected since power came; a reset takes it back.
#[derive(Default)]
pub(super) enum Selected {
    /// Nothing of the bank's.
    #[default]
    Nothing,
    /// The payment environment.
    Environment,
    /// An application, by its place in the image, and whether its processing options were got.
    Application(usize, bool),
}

impl Powered<'_> {
    /// What the bank application answers; `None` when the command is not for it. Selecting it leaves the environment as
    /// selecting another directory does: a firewall is between the two (card-facts §1.1).
    pub(super) fn bank(&mut self, command: &Command) -> Option<Outcome> {
        let bank = self.card.bank.as_ref()?;
        if (command.cla(), command.ins()) != (0x00, ins::SELECT) {
            let selected = &mut self.session.bank;
            return (!matches!(selected, Selected::Nothing)).then(|| bank.run(selected, command));
        }
        let next = match (command.p1(), command.p2()) {
            (0x04, 0x00) => false,
            (0x04, 0x02) => true,
            _ => return None,
        };
        let outcome = bank.select(&mut self.session.bank, command.data(), next)?;
        self.leave(ROOT);
        self.session.account = account::Pending::None;
        Some(outcome)
    }
}

impl BankImage {
    /// SELECT by name; `next` asks for the application behind the selected one that the name begins. `None` when the bank
    /// has nothing of this name.
    fn select(&self, selected: &mut Selected, name: &[u8], next: bool) -> Option<Outcome> {
        if (name == PSE && self.pse) || (name == PPSE && self.ppse) {
            *selected = Selected::Environment;
            let proprietary = if name == PSE {
                object(&[0x88], &[DIRECTORY])
            } else {
                // What a terminal needs to choose, at once: BF0C with the entries.
                object(&[0xBF, 0x0C], &self.entries().concat())
            };
            return Some(fci(name, &proprietary));
        }
        let after = match *selected {
            Selected::Application(at, _) if next => at + 1,
            _ => 0,
        };
        let named = |(application, _): &(Vec<u8>, Vec<u8>)| application.starts_with(name) && name.len() >= 5;
        let at = after + self.applications.get(after..)?.iter().position(named)?;
        *selected = Selected::Application(at, false);
        let (name, label) = &self.applications[at];
        let mut proprietary = object(&[0x50], label);
        if !self.pdol.is_empty() {
            proprietary.extend(object(&[0x9F, 0x38], &self.pdol));
        }
        Some(fci(name, &proprietary))
    }

    /// Every other command while something of the bank's is selected.
    fn run(&self, selected: &mut Selected, command: &Command) -> Outcome {
        let done = match (command.cla(), command.ins()) {
            (0x00, ins::READ_RECORD) => self.read_record(selected, command),
            (0x80, ins::GET_PROCESSING_OPTIONS) => self.processing_options(selected, command),
            (0x00 | 0x80, _) => Err(StatusWord::INSTRUCTION),
            _ => Err(StatusWord::CLASS),
        };
        done.unwrap_or_else(Into::into)
    }

    /// `83 length data`, the data being what the PDOL names: AIP and AFL. Once a selection.
    fn processing_options(&self, selected: &mut Selected, command: &Command) -> Result<Outcome, StatusWord> {
        if (command.p1(), command.p2()) != (0x00, 0x00) {
            return Err(StatusWord::P1P2);
        }
        let Selected::Application(_, got @ false) = selected else { return Err(StatusWord::CONDITIONS) };
        let [0x83, length, data @ ..] = command.data() else { return Err(StatusWord::DATA) };
        if usize::from(*length) != data.len() || data.len() != self.asked() {
            return Err(StatusWord::LENGTH);
        }
        *got = true;
        Ok(Outcome::Waiting(if self.format_2 {
            let inner = [object(&[0x82], &self.profile), object(&[0x94], &self.locator)].concat();
            object(&[0x77], &inner)
        } else {
            object(&[0x80], &[&self.profile[..], &self.locator].concat())
        }))
    }

    /// By number in a file named by its short identifier; an application's only once its options were got.
    fn read_record(&self, selected: &Selected, command: &Command) -> Result<Outcome, StatusWord> {
        let (sfi, by_number) = (command.p2() >> 3, command.p2() & 0b111 == 0b100);
        if !by_number || command.p1() == 0 {
            return Err(StatusWord::P1P2);
        }
        let record = match selected {
            Selected::Nothing | Selected::Application(_, false) => return Err(StatusWord::CONDITIONS),
            Selected::Environment if sfi == DIRECTORY => {
                self.entries().get(usize::from(command.p1()) - 1).map(|entry| object(&[0x70], entry))
            }
            Selected::Environment => return Err(StatusWord::FILE_NOT_FOUND),
            Selected::Application(..) if self.records.keys().all(|(file, _)| *file != sfi) => {
                return Err(StatusWord::FILE_NOT_FOUND);
            }
            Selected::Application(..) => self.records.get(&(sfi, command.p1())).map(|record| record.to_vec()),
        };
        let data = record.ok_or(StatusWord::RECORD_NOT_FOUND)?;
        Ok(Outcome::Read { data, exact: false })
    }

    /// `61{4F name, 50 label, 87 priority}` for each application.
    fn entries(&self) -> Vec<Vec<u8>> {
        let entry = |(priority, (name, label)): (u8, &(Vec<u8>, Vec<u8>))| {
            let parts = [object(&[0x4F], name), object(&[0x50], label), vec![0x87, 1, priority]];
            object(&[0x61], &parts.concat())
        };
        (1..).zip(&self.applications).map(entry).collect()
    }

    /// Bytes of data that the PDOL asks for.
    fn asked(&self) -> usize {
        let mut rest = self.pdol.as_slice();
        let mut asked = 0;
        while let [tag, after @ ..] = rest {
            // A tag whose low five bits are all set has a second byte; none that a terminal is asked for has a third.
            let after = if tag & 0x1F == 0x1F { after.get(1..).unwrap_or(&[]) } else { after };
            let [length, after @ ..] = after else { break };
            asked += usize::from(*length);
            rest = after;
        }
        asked
    }
}

fn fci(name: &[u8], proprietary: &[u8]) -> Outcome {
    let inner = [object(&[0x84], name), object(&[0xA5], proprietary)].concat();
    Outcome::Waiting(object(&[0x6F], &inner))
}

/// A data object in BER-TLV: from 128 bytes on the length has a byte 81 before it. An answer has no more than 256.
fn object(tag: &[u8], value: &[u8]) -> Vec<u8> {
    let length = value.len().min(0xFF) as u8;
    let long: &[u8] = if length < 0x80 { &[] } else { &[0x81] };
    [tag, long, &[length], &value[..length.into()]].concat()
}
