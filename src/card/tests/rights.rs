//! What a reading leaves behind: nothing that the next program could use.

use super::*;
use crate::apdu::{Command, StatusWord};
use crate::keys::{KeyProvider, PsamPlace};
use crate::profile::Profile;
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
    let mut lease = readers.lease("card", WITHIN).unwrap();
    let mut keys = keys.open(WITHIN).unwrap();
    let parts = Parts {
        lease: &mut lease,
        keys: keys.as_mut(),
        profile: &Profile::builtin(),
        scripts,
        store: None,
        pairs: Pairs::Needless,
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
