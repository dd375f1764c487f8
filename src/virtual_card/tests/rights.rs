//! What must be proven before anything is read, and that no order of commands gets round it.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::profile::{Access, Profile};

const CARD: &str = "v3-full";

fn at(directory: &str) -> String {
    let profile = Profile::builtin();
    let aid = profile.directory(directory).unwrap().aid.clone().unwrap();
    format!("00A40400{:02X}{}", aid.len(), hex::encode(aid))
}

/// The card in a directory.
fn within(directory: &str) -> Talk {
    let mut talk = Talk::with(CARD);
    talk.fetch(&at(directory));
    talk
}

#[test]
fn pin_or_key_takes_either() {
    let mut talk = within("DF04");
    assert_eq!(talk.status("00B2842805"), "6982");
    assert_eq!(talk.status("0020000003123456"), "9000");
    assert_eq!(talk.read("00B2842805").len(), 5);
    let mut talk = within("DF04");
    assert_eq!(prove_by(&mut talk, CARD, "rk1df04", 0x84, 0), "9000");
    assert_eq!(talk.read("00B2842805").len(), 5);
}

#[test]
fn pin_and_key_takes_neither_alone() {
    let mut talk = within("DF04");
    assert_eq!(talk.status("0020000003123456"), "9000");
    assert_eq!(talk.status("00B2903003"), "6982");
    assert_eq!(prove_by(&mut talk, CARD, "rk1df04", 0x84, 0), "9000");
    assert_eq!(talk.read("00B2903003").len(), 3);
    let mut talk = within("DF04");
    assert_eq!(prove_by(&mut talk, CARD, "rk1df04", 0x84, 0), "9000");
    assert_eq!(talk.status("00B2903003"), "6982");
}

#[test]
fn a_key_is_needed_where_a_key_is_named() {
    let mut talk = within("DF07");
    assert_eq!(talk.status("0020000003123456"), "9000");
    assert_eq!(talk.status("00B2F02804"), "6982");
    assert_eq!(prove_by(&mut talk, CARD, "rk2df07", 0x84, 0), "9000");
    assert_eq!(talk.status("00B2F02804"), "6982", "another file's key");
    assert_eq!(prove_by(&mut talk, CARD, "uk1df07", 0x86, 0), "9000");
    assert_eq!(talk.status("00B2F02804"), "6982", "the key that writes it");
    assert_eq!(prove_by(&mut talk, CARD, "rk1df07", 0x83, 0), "9000");
    assert_eq!(talk.read("00B2F02804").len(), 4);
}

#[test]
fn another_directory_takes_back_keys_and_challenge_and_leaves_the_pin() {
    let mut talk = within("DF04");
    assert_eq!(talk.status("0020000003123456"), "9000");
    assert_eq!(prove_by(&mut talk, CARD, "rk1df04", 0x84, 0), "9000");
    talk.fetch(&at("DF04"));
    assert_eq!(talk.read("00B2903003").len(), 3, "the same directory keeps its state");
    talk.fetch(&at("DF03"));
    talk.fetch(&at("DF04"));
    assert_eq!(talk.status("00B2903003"), "6982");
    assert_eq!(talk.read("00B2842805").len(), 5, "the PIN lasts");
    talk.0.reset().unwrap();
    talk.fetch(&at("DF04"));
    assert_eq!(talk.status("00B2842805"), "6982");
}

#[test]
fn global_keys_are_the_environments_and_specific_ones_the_directorys() {
    let mut talk = within("DF03");
    assert_eq!(prove_by(&mut talk, CARD, "puk", 0x06, 0), "9000");
    assert_eq!(prove_by(&mut talk, CARD, "rk1df03", 0x84, 0), "9000");
    assert_eq!(prove_by(&mut talk, CARD, "rk1df04", 0x84, 0), "63C2", "84 is another key here");
    talk.fetch(&at("SSSE"));
    let none = format!("0082008410{}", "00".repeat(16));
    talk.read("0084000008");
    assert_eq!(talk.status(&none), "6A88");
    // The keys of secure messaging, and the one of internal authentication, prove nothing.
    for reference in ["00", "02"] {
        assert_eq!(talk.status(&format!("008200{reference}10{}", "00".repeat(16))), "6A88");
    }
}

#[test]
fn each_key_has_its_own_counter() {
    let mut talk = within("DF04");
    for left in ["63C2", "63C1", "63C0", "6983"] {
        assert_eq!(prove_by(&mut talk, CARD, "uk1df04", 0x85, 1), left);
    }
    assert_eq!(prove_by(&mut talk, CARD, "rk1df04", 0x84, 0), "9000");
    assert_eq!(prove_by(&mut talk, CARD, "uk2df04", 0x86, 1), "63C2");
}

#[test]
fn a_key_that_cannot_be_named_opens_nothing() {
    // RK1DF01 has a reference on this card; without one the file has its PIN only.
    let mut talk = within("DF01");
    assert_eq!(prove_by(&mut talk, CARD, "rk1df01", 0x88, 0), "9000");
    assert_eq!(talk.read("00B2202804").len(), 4);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.toml");
    let base = folder().join("v3-full.toml");
    std::fs::write(
        &path,
        format!("extends = {base:?}\n[references]\nrk1df01 = \"81\"\n[files.\"DF01/EF05\"]\n20 = \"12\"\n"),
    )
    .unwrap();
    let mut talk = Talk::to(Image::load(&path).unwrap().chip(Arc::new(SystemRandom::default())));
    talk.fetch(&at("DF01"));
    assert_eq!(prove_by(&mut talk, CARD, "rk1df01", 0x81, 0), "9000");
    assert_eq!(talk.read("00B2202804"), *b"\x20\x0212");
}

/// What a person at the reader may try.
#[derive(Debug, Clone)]
enum Act {
    Select(usize),
    Root,
    Reset,
    Pin(bool),
    /// One of the current directory's keys or the environment's.
    Prove(usize, bool),
    /// The first byte or record of one of the current directory's files.
    Read(usize),
    Noise(Vec<u8>),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        2 => (0usize..8).prop_map(Act::Select),
        1 => Just(Act::Root),
        1 => Just(Act::Reset),
        2 => prop::bool::weighted(0.7).prop_map(Act::Pin),
        4 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(key, right)| Act::Prove(key, right)),
        6 => any::<usize>().prop_map(Act::Read),
        1 => proptest::collection::vec(any::<u8>(), 0..24).prop_map(Act::Noise),
    ];
    proptest::collection::vec(act, 1..40)
}

/// What should be open: kept here in the plainest way.
#[derive(Default)]
struct Model {
    directory: Option<&'static str>,
    pin: bool,
    keys: BTreeSet<&'static str>,
    pin_failures: u8,
    failures: std::collections::BTreeMap<&'static str, u8>,
}

impl Model {
    fn open(&self, access: &Access) -> bool {
        let has = |role: &crate::profile::KeyRole| self.keys.contains(role.name());
        match access {
            Access::Free => true,
            Access::Never => false,
            Access::Pin => self.pin,
            Access::Key(role) => has(role),
            Access::PinOrKey(role) => self.pin || has(role),
            Access::PinAndKey(role) => self.pin && has(role),
        }
    }

    fn enter(&mut self, directory: Option<&'static str>) {
        if self.directory != directory {
            self.keys.clear();
        }
        self.directory = directory;
    }
}

fn profile() -> &'static Profile {
    static PROFILE: OnceLock<Profile> = OnceLock::new();
    PROFILE.get_or_init(Profile::builtin)
}

fn full() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| image(CARD))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_order_of_commands_reads_what_is_not_open(acts in acts()) {
        let mut talk = Talk::to(full().chip(Arc::new(SystemRandom::default())));
        let mut model = Model::default();
        for act in acts {
            match act {
                Act::Select(at) => {
                    let directory = &profile().directories()[at];
                    let by_fid = format!("00A4000002{}", hex::encode(directory.fid));
                    if directory.name == "SSSE" || model.directory.is_some() {
                        talk.fetch(&by_fid);
                        model.enter(Some(&directory.name));
                    } else {
                        prop_assert_eq!(talk.status(&by_fid), "6A82");
                    }
                }
                Act::Root => {
                    talk.fetch("00A4000000");
                    model.enter(None);
                }
                Act::Reset => {
                    talk.0.reset().unwrap();
                    model = Model { pin_failures: model.pin_failures, failures: model.failures, ..Model::default() };
                }
                Act::Pin(right) => {
                    let status = talk.status(if right { "0020000003123456" } else { "0020000003654321" });
                    let locked = model.pin_failures == 3;
                    prop_assert_eq!(status == "9000", right && !locked);
                    model.pin |= right && !locked;
                    model.pin_failures = match (locked, right) {
                        (true, _) => 3,
                        (_, true) => 0,
                        _ => model.pin_failures + 1,
                    };
                }
                Act::Prove(at, right) => {
                    let Some(directory) = model.directory else { continue };
                    let keys: Vec<_> = profile()
                        .keys()
                        .iter()
                        .filter(|key| key.directory == directory || key.directory == "SSSE")
                        .filter(|key| !key.role.name().starts_with("STK") && key.role.name() != "IRK")
                        .filter(|key| key.reference.is_some())
                        .collect();
                    let key = keys[at % keys.len()];
                    let role = key.role.name();
                    let status = prove_by(&mut talk, CARD, &role.to_lowercase(), key.reference.unwrap(), u8::from(!right));
                    let failures = model.failures.entry(role).or_default();
                    let locked = *failures == 3;
                    prop_assert_eq!(status == "9000", right && !locked, "{}", role);
                    if !locked {
                        *failures = if right { 0 } else { *failures + 1 };
                    }
                    if right && !locked {
                        model.keys.insert(role);
                    }
                }
                Act::Read(at) => {
                    let Some(directory) = model.directory else { continue };
                    let files: Vec<_> = profile().files().iter().filter(|file| file.name.directory() == directory).collect();
                    if files.is_empty() {
                        continue;
                    }
                    let file = files[at % files.len()];
                    let sfi = file.name.sfi().unwrap();
                    let command = match file.structure {
                        crate::profile::Structure::Transparent { .. } => format!("00B0{:02X}0001", 0x80 | sfi),
                        _ => format!("00B201{:02X}01", sfi << 3 | 0b100),
                    };
                    let wanted = if model.open(file.read.at(3)) { "9000" } else { "6982" };
                    prop_assert_eq!(talk.status(&command), wanted, "{}", file.name);
                }
                Act::Noise(mut bytes) => {
                    // Anything that is neither a way to a right nor a choice of a directory.
                    if let Some(ins) = bytes.get_mut(1)
                        && matches!(*ins, 0xA4 | 0x82 | 0x20 | 0x5E | 0x24)
                    {
                        *ins = 0xCA;
                    }
                    talk.0.exchange(&bytes).unwrap();
                }
            }
        }
    }
}
