//! The least that is proven, held to every other way: what is planned suffices, and nothing cheaper does.

use std::collections::BTreeSet;

use crate::card::access::{Denied, Means, Proof, Proven, SHARED, Visit, plan};
use crate::profile::{Access, FileName, KeyRole};

const PIN: &str = "PIN";

fn role(name: &str) -> KeyRole {
    KeyRole::named(name)
}

/// Every condition that a file with this key may have.
fn accesses(key: &str) -> [Access; 5] {
    let role = || role(key);
    [Access::Free, Access::Pin, Access::Key(role()), Access::PinOrKey(role()), Access::PinAndKey(role())]
}

/// Whether what was proven does for a file.
fn suffices(access: &Access, pin: bool, keys: &BTreeSet<&str>) -> bool {
    let has = |role: &KeyRole| keys.contains(role.name());
    match access {
        Access::Free => true,
        Access::Never => false,
        Access::Pin => pin,
        Access::Key(role) => has(role),
        Access::PinOrKey(role) => pin || has(role),
        Access::PinAndKey(role) => pin && has(role),
    }
}

/// What a set of proofs costs in commands: a PIN one, a key two.
fn cost(pin: bool, keys: usize) -> usize {
    usize::from(pin) + 2 * keys
}

/// The cheapest set of proofs that does for all files, by trying each; `None` where none does.
fn cheapest(wanted: &[(FileName, Access)], proven: &Proven, pin: bool, lacking: &[KeyRole]) -> Option<usize> {
    const KEYS: [(&str, &str); 3] = [("DF04", "RK1DF04"), ("DF04", "RK2DF04"), ("DF01", "RK1DF01")];
    let mut best = None;
    for chosen in 0..16_u8 {
        let by_pin = chosen & 8 != 0;
        if by_pin && !pin {
            continue;
        }
        let new: Vec<(&str, &str)> =
            KEYS.iter().enumerate().filter(|(bit, _)| chosen & 1 << bit != 0).map(|(_, key)| *key).collect();
        if new.iter().any(|(_, key)| lacking.contains(&role(key))) {
            continue;
        }
        let does = wanted.iter().all(|(file, access)| {
            let mut keys: BTreeSet<&str> =
                new.iter().filter(|(directory, _)| *directory == file.directory()).map(|(_, key)| *key).collect();
            if file.directory() == proven.directory {
                keys.extend(proven.keys.iter().map(KeyRole::name));
            }
            suffices(access, proven.pins.contains(SHARED) || by_pin, &keys)
        });
        if does {
            let now = cost(by_pin, new.len());
            best = Some(best.map_or(now, |before: usize| before.min(now)));
        }
    }
    best
}

/// Goes through the visits as the card would; what they cost.
fn carried_out(wanted: &[(FileName, Access)], proven: &Proven, visits: &[Visit]) -> usize {
    let (mut directory, mut pin) = (proven.directory.as_str(), proven.pins.contains(SHARED));
    let mut keys: BTreeSet<&str> = proven.keys.iter().map(KeyRole::name).collect();
    let (mut spent, mut seen) = (0, BTreeSet::new());
    for visit in visits {
        assert!(seen.insert(visit.directory.as_str()), "{} is selected twice", visit.directory);
        if visit.directory != directory {
            keys.clear();
        }
        directory = &visit.directory;
        for proof in &visit.proofs {
            match proof {
                Proof::Pin => {
                    assert!(!pin, "verified twice");
                    pin = true;
                    spent += cost(true, 0);
                }
                Proof::Key(role) => {
                    assert!(keys.insert(role.name()), "{} is proven twice", role.name());
                    spent += cost(false, 1);
                }
            }
        }
        for (file, access) in wanted.iter().filter(|(file, _)| file.directory() == directory) {
            assert!(visit.files.contains(file));
            assert!(suffices(access, pin, &keys), "{file} {access:?} with {pin} {keys:?}");
        }
    }
    spent
}

#[test]
fn the_least_that_does_is_proven_in_every_case() {
    let files: [FileName; 4] = ["DF04/EF05", "DF04/EF06", "DF01/EF05", "SSSE/EF08"].map(|name| name.parse().unwrap());
    let states = [
        ("SSSE", false, false),
        ("DF04", false, false),
        ("DF04", true, false),
        ("DF01", false, true),
        ("DF04", true, true),
    ];
    let mut cases = 0;
    for first in accesses("RK1DF04") {
        for second in accesses("RK1DF04").into_iter().chain(accesses("RK2DF04")) {
            for third in accesses("RK1DF01") {
                for (directory, key, verified) in states {
                    for given in 0..8_u8 {
                        let wanted: Vec<(FileName, Access)> =
                            [first.clone(), second.clone(), third.clone(), Access::Free]
                                .into_iter()
                                .zip(&files)
                                .map(|(access, file)| (file.clone(), access))
                                .collect();
                        let keys = if key { vec![role("RK1DF04")] } else { Vec::new() };
                        let pins = if verified { [SHARED.to_owned()].into() } else { BTreeSet::new() };
                        let proven = Proven { directory: directory.to_owned(), keys, pins };
                        let mut lacking = Vec::new();
                        lacking.extend((given & 2 != 0).then(|| role("RK1DF04")));
                        lacking.extend((given & 4 != 0).then(|| role("RK1DF01")));
                        let pin = given & 1 != 0;
                        let planned = plan(&wanted, &proven, Means { pin, lacking: &lacking }, &[]);
                        let best = cheapest(&wanted, &proven, pin, &lacking);
                        match &planned {
                            Ok(visits) => assert_eq!(Some(carried_out(&wanted, &proven, visits)), best, "{wanted:?}"),
                            Err(denied) => assert_eq!(best, None, "{wanted:?}: {denied:?}"),
                        }
                        cases += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cases, 5 * 10 * 5 * 5 * 8);
}

type Planned = Result<Vec<(String, Vec<String>)>, Denied>;

fn planned(wanted: &[(&str, Access)], proven: &Proven, pin: bool) -> Planned {
    planned_where(&[], wanted, proven, pin)
}

/// Where these directories have a PIN of their own.
fn planned_where(own: &[&str], wanted: &[(&str, Access)], proven: &Proven, pin: bool) -> Planned {
    let wanted: Vec<(FileName, Access)> =
        wanted.iter().map(|(name, access)| (name.parse().unwrap(), access.clone())).collect();
    let visits = plan(&wanted, proven, Means { pin, lacking: &[] }, own)?;
    let shown = |proof: &Proof| match proof {
        Proof::Pin => PIN.to_owned(),
        Proof::Key(role) => role.name().to_owned(),
    };
    Ok(visits.iter().map(|visit| (visit.directory.clone(), visit.proofs.iter().map(shown).collect())).collect())
}

#[test]
fn the_selected_directory_comes_first_and_the_pin_where_it_is_first_needed() {
    let proven = Proven { directory: "DF01".to_owned(), ..Proven::default() };
    let or = |key: &str| Access::PinOrKey(role(key));
    let wanted = [("DF04/EF08", Access::Pin), ("DF01/EF16", Access::Free), ("DF02/EF05", or("RK1DF02"))];
    let expected = [("DF01", vec![]), ("DF04", vec![PIN.to_owned()]), ("DF02", vec![])];
    assert_eq!(planned(&wanted, &proven, true).unwrap(), expected.map(|(name, proofs)| (name.to_owned(), proofs)));
    let name = |text: &str| text.parse::<FileName>().unwrap();
    assert_eq!(planned(&wanted, &proven, false), Err(Denied::Pin(name("DF04/EF08"))));
    assert_eq!(planned(&[("DF04/EF08", Access::Never)], &proven, true), Err(Denied::Never(name("DF04/EF08"))));
}

#[test]
fn a_file_that_leaves_the_choice_takes_the_key_unless_a_pin_is_at_hand() {
    let proven = Proven { directory: "SSSE".to_owned(), ..Proven::default() };
    let wanted = [("DF04/EF05", Access::PinOrKey(role("RK1DF04"))), ("DF04/EF15", Access::PinOrKey(role("RK1DF04")))];
    assert_eq!(planned(&wanted, &proven, false).unwrap(), [("DF04".to_owned(), vec!["RK1DF04".to_owned()])]);
    assert_eq!(planned(&wanted, &proven, true).unwrap(), [("DF04".to_owned(), vec![PIN.to_owned()])]);
    let verified = Proven { pins: [SHARED.to_owned()].into(), ..proven };
    assert_eq!(planned(&wanted, &verified, false).unwrap(), [("DF04".to_owned(), vec![])]);
}

#[test]
fn a_pin_opens_the_directories_that_it_guards_and_is_tried_at_one() {
    let proven = Proven { directory: "SSSE".to_owned(), ..Proven::default() };
    let or = |key: &str| Access::PinOrKey(role(key));
    let wanted = [("DF04/EF08", Access::Pin), ("DF01/EF05", or("RK1DF01")), ("DF02/EF05", or("RK1DF02"))];
    let of = |directory: &str, proofs: &[&str]| {
        (directory.to_owned(), proofs.iter().map(|proof| (*proof).to_owned()).collect::<Vec<_>>())
    };
    // The PIN of the one does for no other.
    let planned = planned_where(&["DF04"], &wanted, &proven, true).unwrap();
    assert_eq!(planned, [of("DF04", &[PIN]), of("DF01", &["RK1DF01"]), of("DF02", &["RK1DF02"])]);
    let both = [("DF01/EF05", Access::Pin), ("DF04/EF08", Access::Pin), ("DF01/EF06", Access::Pin)];
    let denied = planned_where(&["DF04"], &both, &proven, true);
    assert_eq!(denied, Err(Denied::Pin("DF04/EF08".parse().unwrap())), "one PIN is no attempt at two");
    // What was verified before stays.
    let verified = Proven { pins: [SHARED.to_owned()].into(), ..proven };
    let planned = planned_where(&["DF04"], &both, &verified, true).unwrap();
    assert_eq!(planned, [of("DF01", &[]), of("DF04", &[PIN])]);
    assert_eq!(planned_where(&["DF04"], &both[..1], &verified, false).unwrap(), [of("DF01", &[])]);
    assert!(planned_where(&["DF04"], &both, &verified, false).is_err());
}
