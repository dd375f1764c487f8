//! What a reading leaves behind: nothing that the next program could use.

use super::*;
use crate::apdu::{Command, StatusWord};
use crate::keys::{CardKeyId, KeyError, KeyProvider, KeySource, ProcessKey, PsamPlace};
use crate::profile::{KeyRole, Profile};
use crate::reader::{Readers, Role};
use crate::virtual_card::VirtualReaders;

const WITHIN: Duration = Duration::from_secs(60);

fn desk() -> (Arc<VirtualReaders>, KeyProvider, Arc<Library>) {
    let readers = VirtualReaders::new(&[("card", Some(Role::Holder)), ("psam", Some(Role::Psam))]);
    let random = || Arc::new(SystemRandom::default());
    readers.insert("card", image("v3-sm4").chip(random()));
    readers.insert("psam", image("psam").chip(random()));
    let scripts = Arc::new(Library::builtin());
    let psam = KeyProvider::Psam(PsamPlace {
        readers: readers.clone(),
        reader: None,
        scripts: scripts.clone(),
        profile: Arc::new(Profile::builtin()),
        store: None,
    });
    (readers, psam, scripts)
}

fn read_once(readers: &VirtualReaders, keys: &KeyProvider, scripts: &Library) -> Result<Reading, CardError> {
    read_by(readers, keys.open(WITHIN).unwrap().as_mut(), scripts, Pairs::Needless)
}

fn read_by(
    readers: &VirtualReaders,
    keys: &mut dyn KeyService,
    scripts: &Library,
    pairs: Pairs<'_>,
) -> Result<Reading, CardError> {
    let mut lease = readers.lease("card", WITHIN).unwrap();
    let parts = Parts {
        lease: &mut lease,
        keys,
        profile: &Profile::builtin(),
        scripts,
        store: None,
        pairs,
        clock: &SystemClock,
        random: &SystemRandom::default(),
        default_algorithm: None,
        initial_pins: &InitialPins::default(),
        validation: Validation::WITHOUT_LIST,
    };
    read(parts, &mut |_| ())
}

/// What the next program is answered by the chip in `reader`.
fn asked(readers: &VirtualReaders, reader: &str, apdus: &[&str]) -> StatusWord {
    let mut lease = readers.lease(reader, WITHIN).unwrap();
    let send = |apdu: &&str| lease.send(&Command::parse(&hex::decode(apdu).unwrap()).unwrap()).unwrap().status();
    apdus.iter().map(send).last().unwrap()
}

const SELECT: &str = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF";
const HOLDER: &str = "00B201355B";

#[test]
fn the_next_program_may_not_read_the_holder_nor_use_the_process_key() {
    let (readers, keys, scripts) = desk();
    read_once(&readers, &keys, &scripts).unwrap();
    assert_eq!(asked(&readers, "card", &[SELECT, HOLDER]), StatusWord::SECURITY_STATE);
    assert_eq!(asked(&readers, "psam", &["80FA000010000102030405060708090A0B0C0D0E0F"]), StatusWord::CONDITIONS);
}

#[test]
fn a_card_pulled_at_any_tpdu_can_be_put_in_again_and_read() {
    let (readers, keys, scripts) = desk();
    let whole = read_once(&readers, &keys, &scripts).unwrap();
    for n in 1.. {
        readers.pull_at("card", n);
        let outcome = read_once(&readers, &keys, &scripts);
        if !readers.pulled("card") {
            outcome.unwrap();
            assert!(n > 8, "a reading has more TPDUs than {n}");
            break;
        }
        assert_eq!(outcome, Err(CardError::Transport(TransportError::Removed)), "pulled at {n}");
        readers.insert("card", image("v3-sm4").chip(Arc::new(SystemRandom::default())));
        let again = read_once(&readers, &keys, &scripts).unwrap();
        assert_eq!((again.card(), again.holder()), (whole.card(), whole.holder()));
    }
}

#[test]
fn a_reset_by_another_program_before_a_reading_does_no_harm() {
    let (readers, keys, scripts) = desk();
    readers.reset_by_another("card");
    readers.reset_by_another("psam");
    read_once(&readers, &keys, &scripts).unwrap();
}

/// Keys that are far: while they are asked for the terminal's proof, somebody does something at the reader.
struct Meanwhile<'m> {
    keys: Box<dyn KeyService>,
    at_the_reader: &'m (dyn Fn() + Sync),
}

impl KeyService for Meanwhile<'_> {
    fn source(&self) -> KeySource {
        self.keys.source()
    }

    fn prove(&mut self, key: ProcessKey<'_>, original: [u8; 8]) -> Result<[u8; 8], KeyError> {
        if *key.role == KeyRole::RKSSSE {
            (self.at_the_reader)();
        }
        self.keys.prove(key, original)
    }

    fn identity(&mut self, card: &CardKeyId) -> Result<Vec<u8>, KeyError> {
        self.keys.identity(card)
    }

    fn terminal_number(&mut self) -> Result<Option<[u8; 6]>, KeyError> {
        self.keys.terminal_number()
    }

    fn commands(&self) -> u32 {
        self.keys.commands()
    }
}

#[test]
fn a_card_that_went_while_the_keys_were_asked_heard_no_proof_and_is_not_held() {
    let (readers, keys, scripts) = desk();
    let store = Store::in_memory().unwrap();
    let card = || image("v3-sm4").chip(Arc::new(SystemRandom::default()));
    let pulled = || drop(readers.remove("card"));
    let swapped = || readers.insert("card", card());
    let reset = || readers.reset_by_another("card");
    for (at_the_reader, outcome) in [
        (&pulled as &(dyn Fn() + Sync), TransportError::Removed),
        (&swapped, TransportError::Removed),
        (&reset, TransportError::Reset),
    ] {
        let mut keys = Meanwhile { keys: keys.open(WITHIN).unwrap(), at_the_reader };
        let read = read_by(&readers, &mut keys, &scripts, Pairs::Terminal(&store));
        assert_eq!(read.unwrap_err(), CardError::Transport(outcome));
        drop(keys);
        readers.insert("card", card());
    }
    let mut keys = keys.open(WITHIN).unwrap();
    read_by(&readers, keys.as_mut(), &scripts, Pairs::Terminal(&store)).unwrap();
}
