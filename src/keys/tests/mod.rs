//! The same proofs from a PSAM at every level and from demonstration keys, and every way not to have them.

mod fallback;
mod field;
pub(crate) mod hsm;
mod messaging;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::cipher::Algorithm;
use crate::failure::Explain as _;
use crate::profile::Profile;
use crate::reader::{Atr, Lease, Readers, Role, TransportError};
use crate::script::Library;
use crate::store::Store;
use crate::value::CardIdentifier;
use crate::virtual_card::{Image, InProcess, VirtualReaders};
use crate::world::SystemRandom;

const WITHIN: Duration = Duration::from_secs(60);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cards")
}

fn chip(name: &str) -> Box<dyn crate::virtual_card::Chip> {
    Image::load(&folder().join(name).with_extension("toml")).unwrap().chip(Arc::new(SystemRandom::default()))
}

fn psam(name: &str, store: Option<&Arc<Store>>) -> Psam {
    let transport = InProcess::new(chip(name)).unwrap();
    let lease = Lease::new("psam", Box::new(transport), Instant::now() + WITHIN);
    Psam::new(lease, Arc::new(Library::builtin()), profile(), store.cloned())
}

fn profile() -> Arc<Profile> {
    Arc::new(Profile::builtin())
}

fn soft() -> Soft {
    Soft::load(&folder().join("demonstration-keys.toml"), true).unwrap()
}

fn card(algorithm: Algorithm) -> CardKeyId {
    card_of(algorithm, &[0x44, 0x01, 0x00], &hex::decode("86035342440003440130000003").unwrap())
}

fn card_of(algorithm: Algorithm, city: &[u8], historical: &[u8]) -> CardKeyId {
    let identifier = [city, &[0xD1, 0x56, 0, 0, 5, 0x30, 0, 0, 3, 0xFF, 0xFF, 0xFF, 0xFF]].concat();
    let atr = Atr::parse(&[&[0x3B, 0x6D, 0, 0], historical].concat()).unwrap();
    CardKeyId::new(algorithm, CardIdentifier::parse(&identifier).unwrap(), atr).unwrap()
}

/// Both proofs for fixed randoms.
fn proofs(keys: &mut dyn KeyService, algorithm: Algorithm) -> [Result<[u8; 8], KeyError>; 2] {
    let (process, original) = (*b"process.", *b"original");
    let card = card(algorithm);
    [KeyRole::IRK, KeyRole::RKSSSE].map(|role| keys.prove(card.process_key(&role, process), original))
}

#[test]
fn a_psam_at_any_level_proves_what_the_root_keys_prove() {
    for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
        let expected = proofs(&mut soft(), algorithm);
        assert!(expected[0].is_ok() && expected[0] != expected[1]);
        for name in ["psam", "psam-level-1", "psam-level-2", "psam-level-3"] {
            assert_eq!(proofs(&mut psam(name, None), algorithm), expected, "{name}, {algorithm}");
        }
    }
}

/// The known answers of another tool, for the whole way from a root key to a card's proof.
#[test]
fn proofs_are_as_another_tool_computed_them() {
    let known: serde_json::Value =
        serde_json::from_str(include_str!("../../../fixtures/cipher/known-answers.json")).unwrap();
    let cases = known["cipher"].as_array().unwrap();
    assert!(cases.len() > 3);
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap();
        let bytes = |name: &str| hex::decode(text(name)).unwrap();
        let algorithm = serde_json::from_value(case["algorithm"].clone()).unwrap();
        let card = card_of(algorithm, &bytes("city"), &bytes("historical"));
        let roots = format!("[keys.{}]\nirk = {key:?}\nrkssse = {key:?}\n", text("algorithm"), key = text("key"));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("keys.toml"), &roots).unwrap();
        // A national PSAM of the same roots: what it is asked, and in which order, decides the answer.
        let psam = folder().join("psam-level-3.toml");
        std::fs::write(dir.path().join("psam.toml"), format!("extends = {:?}\n{roots}", psam.display())).unwrap();
        let chip = Image::load(&dir.path().join("psam.toml")).unwrap().chip(Arc::new(SystemRandom::default()));
        let lease = Lease::new("psam", Box::new(InProcess::new(chip).unwrap()), Instant::now() + WITHIN);
        let mut both: [Box<dyn KeyService>; 2] = [
            Box::new(Soft::load(&dir.path().join("keys.toml"), true).unwrap()),
            Box::new(Psam::new(lease, Arc::new(Library::builtin()), profile(), None)),
        ];
        for keys in &mut both {
            let (process, original) = (bytes("process").try_into().unwrap(), bytes("original").try_into().unwrap());
            let proof = keys.prove(card.process_key(&KeyRole::IRK, process), original).unwrap();
            assert_eq!(proof.to_vec(), bytes("card_authentication_data"), "{:?}", keys.source());
            assert_eq!(keys.prove(card.process_key(&KeyRole::RKSSSE, process), original), Ok(proof));
        }
    }
}

#[test]
fn both_algorithms_of_one_psam_can_be_used_in_turn() {
    let mut keys = psam("psam", None);
    for algorithm in [Algorithm::Sm4, Algorithm::TripleDes, Algorithm::Sm4] {
        assert_eq!(proofs(&mut keys, algorithm), proofs(&mut soft(), algorithm));
    }
}

#[test]
fn levels_are_tried_once_and_remembered() {
    let store = Arc::new(Store::in_memory().unwrap());
    let commands = |store: Option<&Arc<Store>>| {
        let mut keys = psam("psam-level-3", store);
        assert!(proofs(&mut keys, Algorithm::Sm4).iter().all(Result::is_ok));
        keys.commands()
    };
    // Environment, application, serial number; then for each key its levels and the cipher. The profile names three for
    // IRK and two for RKSSSE, behind which one is tried, and then three.
    assert_eq!(commands(Some(&store)), 3 + 2 + 4);
    assert_eq!(commands(Some(&store)), 3 + 2 + 2);
    assert_eq!(commands(None), 3 + 2 + 4);
    // A level that no longer fits is replaced.
    let serial = hex::decode("91560000024401000001").unwrap();
    for key in ["IRK/SM4", "RKSSSE/SM4"] {
        assert_eq!(store.psam_level(&serial, key), Some(3));
        store.remember_psam_level(&serial, key, 1);
    }
    assert_eq!(commands(Some(&store)), 3 + 3 + 4);
    assert_eq!(commands(Some(&store)), 3 + 2 + 2);
}

#[test]
fn what_a_psam_does_not_have_is_said() {
    let sm4 = |name| proofs(&mut psam(name, None), Algorithm::Sm4);
    assert_eq!(sm4("psam-no-sm4")[0], Err(KeyError::NoAlgorithm(Algorithm::Sm4)));
    assert!(proofs(&mut psam("psam-no-sm4", None), Algorithm::TripleDes)[0].is_ok());
    assert_eq!(sm4("psam-no-rk")[1], Err(KeyError::NoKey(KeyRole::RKSSSE)));
    assert!(sm4("psam-no-rk")[0].is_ok());
    assert_eq!(sm4("psam-none")[0], Err(KeyError::NoPsam));
    assert_eq!(proofs(&mut psam("psam", None), Algorithm::Ssf33)[0], Err(KeyError::NoAlgorithm(Algorithm::Ssf33)));
}

#[test]
fn a_holders_card_in_the_psams_reader_is_no_psam() {
    // It has the environment sx1, like a PSAM, but not the application under it.
    for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
        assert_eq!(proofs(&mut psam("v2-3des", None), algorithm)[0], Err(KeyError::NoPsam));
    }
}

#[test]
fn the_terminal_number_is_the_psams() {
    let number = Some([0x44, 0x01, 0, 0, 0, 1]);
    assert_eq!(psam("psam", None).terminal_number(), Ok(number));
    let mut used = psam("psam", None);
    assert!(proofs(&mut used, Algorithm::Sm4).iter().all(Result::is_ok));
    assert_eq!(used.terminal_number(), Ok(number));
    assert_eq!(soft().terminal_number(), Ok(None));
    assert_eq!(psam("psam-none", None).terminal_number(), Err(KeyError::NoPsam));
}

#[test]
fn demonstration_keys_are_for_demonstrations() {
    let file = folder().join("demonstration-keys.toml");
    assert_eq!(Soft::load(&file, false).unwrap_err(), KeyError::SoftRefused);
    let provider = KeyProvider::Soft { file: file.clone(), demo: false };
    assert_eq!(provider.open(WITHIN).err(), Some(KeyError::SoftRefused));
    assert!(KeyProvider::Soft { file, demo: true }.open(WITHIN).is_ok());
    assert_eq!(proofs(&mut soft(), Algorithm::Ssf33)[0], Err(KeyError::NoAlgorithm(Algorithm::Ssf33)));
}

#[test]
fn a_mistake_in_the_file_of_keys_names_its_place_and_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.toml");
    let secret = "752297EA50ECED4E464E5836C49E43";
    std::fs::write(&file, format!("[keys.3DES]\nirk = \"{secret}\"\n")).unwrap();
    let error = Soft::load(&file, true).unwrap_err();
    assert!(error.to_string().contains("keys.toml:2:7: "), "{error}");
    assert!(!format!("{error:?} {:?}", error.detail()).contains(secret));
    assert_eq!(error.entry().code, "E-KEYS-SOFT-FILE");
    assert!(matches!(Soft::load(&dir.path().join("none"), true), Err(KeyError::SoftFile(_))));
    std::fs::write(&file, "[keys.SM4]\nirk = \"E5AB6DD3AB06564527C4A55AF02F8EBE\"\n").unwrap();
    let mut some = Soft::load(&file, true).unwrap();
    assert_eq!(proofs(&mut some, Algorithm::Sm4)[1], Err(KeyError::NoKey(KeyRole::RKSSSE)));
    assert_eq!(proofs(&mut some, Algorithm::TripleDes)[0], Err(KeyError::NoAlgorithm(Algorithm::TripleDes)));
    assert!(!format!("{some:?}").contains("E5AB"));
    std::fs::write(&file, "[keys.SM4]\nirkk = \"E5AB6DD3AB06564527C4A55AF02F8EBE\"\n").unwrap();
    let error = Soft::load(&file, true).unwrap_err().to_string();
    assert!(error.ends_with("no key of the card has the name irkk"), "{error}");
}

fn provider(readers: &Arc<VirtualReaders>, reader: Option<&str>) -> KeyProvider {
    KeyProvider::Psam(PsamPlace {
        readers: readers.clone(),
        reader: reader.map(str::to_owned),
        scripts: Arc::new(Library::builtin()),
        profile: profile(),
        store: None,
    })
}

#[test]
fn a_provider_finds_the_one_psam_there_is() {
    let readers = VirtualReaders::new(&[("holder", None), ("one", None), ("two", Some(Role::Psam))]);
    let any = provider(&readers, None);
    assert_eq!(any.open(WITHIN).err(), Some(KeyError::NoPsam));
    readers.insert("holder", chip("v2-3des"));
    assert_eq!(any.open(WITHIN).err(), Some(KeyError::NoPsam));
    assert!(!any.psam().unwrap().looks_there() && !any.has_hsm());
    readers.insert("one", chip("psam"));
    let mut keys = any.open(WITHIN).unwrap();
    assert_eq!(keys.source(), KeySource::Psam);
    assert_eq!(proofs(&mut *keys, Algorithm::Sm4), proofs(&mut soft(), Algorithm::Sm4));
    // It is taken until it is given back.
    let busy = any.open(WITHIN).err();
    assert_eq!(busy, Some(KeyError::Transport(TransportError::Busy(None))));
    drop(keys);
    assert!(any.open(WITHIN).is_ok());

    readers.insert("two", chip("psam"));
    assert!(matches!(any.open(WITHIN), Err(KeyError::SeveralPsams(_))));
    assert!(provider(&readers, Some("two")).open(WITHIN).is_ok());
    assert_eq!(provider(&readers, Some("three")).open(WITHIN).err(), Some(KeyError::NoPsam));
    readers.remove("two");
    assert_eq!(provider(&readers, Some("two")).open(WITHIN).err(), Some(KeyError::NoPsam));
    readers.service(false);
    assert_eq!(
        provider(&readers, Some("one")).open(WITHIN).err(),
        Some(KeyError::Transport(TransportError::ServiceAway))
    );
    assert_eq!(readers.list().len(), 3);
}

#[test]
fn nothing_of_a_card_is_printed() {
    assert_eq!(format!("{:?}", card(Algorithm::Sm4)), "CardKeyId(SM4)");
}
