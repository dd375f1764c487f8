//! Every image of `fixtures/cards`: the good ones give exactly their own holder, the bad ones their own error.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use toml::Table;

use super::*;
use crate::card::Validity;
use crate::failure::Explain as _;

/// What the tool that reads an image gives; a second way to the same values, from the image's own text.
fn settings(name: &str) -> Table {
    let text = std::fs::read_to_string(folder().join(name).with_extension("toml")).unwrap();
    let mut table: Table = text.parse().unwrap();
    match table.remove("extends") {
        None => table,
        Some(toml::Value::Array(bases)) => bases.iter().fold(table, |table, base| over(table, named(base))),
        Some(base) => over(table, named(&base)),
    }
}

fn named(base: &toml::Value) -> Table {
    settings(base.as_str().unwrap().trim_end_matches(".toml"))
}

fn over(own: Table, mut base: Table) -> Table {
    for (key, value) in own {
        let merged = match (value, base.remove(&key)) {
            (toml::Value::Table(own), Some(toml::Value::Table(base))) => toml::Value::Table(over(own, base)),
            (own, _) => own,
        };
        base.insert(key, merged);
    }
    base
}

/// The object of the contract, made from the image's text.
fn expected(name: &str) -> Value {
    let all = settings(name);
    let text = |table: &str, key: &str| all[table][key].as_str().unwrap().to_owned();
    let unwritten: Vec<&str> = all
        .get("quirks")
        .and_then(|quirks| quirks.get("unpersonalised"))
        .map(|tags| tags.as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect())
        .unwrap_or_default();
    let holder = |tag: &str, key: &str| if unwritten.contains(&tag) { Value::Null } else { json!(text("holder", key)) };
    let version = text("card", "version");
    json!({
        "version": version,
        "atr": format!("3B6D0000{}", all["historical"].as_str().unwrap()),
        "algorithm": text("card", "algorithm"),
        "card": {
            "identifier": text("card", "identifier"),
            "number": text("card", "number"),
            "region": text("card", "identifier")[..6],
            "category": text("card", "category"),
            "issuer": text("card", "issuer"),
            "issued": text("card", "issued"),
            "expires": text("card", "expires"),
        },
        "authenticated": { "internal": true, "external": version.starts_with('3'), "by": "psam" },
        "holder": {
            "social_security_number": holder("08", "social_security_number"),
            "name": holder("09", "name"),
            "sex": holder("0A", "sex"),
            "ethnicity": holder("0B", "ethnicity"),
            "birth_place": holder("0C", "birth_place"),
            "birth_date": holder("0D", "birth_date"),
        },
    })
}

/// Images that are about the reader and not about the card, whose answers to reset are not of the usual form.
const OF_READERS: [&str; 3] = ["v2-warm", "v3-contactless", "v3-money-contactless"];

/// Error codes of the bad ones; every other image of a card must be read.
const BAD: [(&str, &str); 6] = [
    ("not-social-security", "E-CARD-WRONG-TYPE"),
    ("v3-card-blocked", "E-CARD-BLOCKED"),
    ("v3-app-locked", "E-CARD-APPLICATION-LOCKED"),
    ("v3-forged", "E-CARD-NOT-GENUINE"),
    ("v3-garbled-record", "E-CARD-GARBLED"),
    ("v3-bad-name", "E-CARD-NAME"),
];

fn all_cards() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| file.strip_suffix(".toml").map(str::to_owned))
        .filter(|name| name != "demonstration-keys" && !name.starts_with("psam"))
        .filter(|name| !OF_READERS.contains(&name.as_str()))
        .collect();
    names.sort();
    assert!(names.len() > 15, "{names:?}");
    names
}

#[test]
fn every_image_gives_its_own_holder_or_its_own_error() {
    let bad: BTreeMap<_, _> = BAD.into();
    for name in all_cards() {
        let mut desk = Desk::new(&name).with_store();
        desk.default_algorithm = Some(Algorithm::TripleDes);
        for round in 1..=2 {
            match (desk.read().outcome, bad.get(name.as_str())) {
                (Ok(reading), None) => {
                    let mut got = reading.to_json(true);
                    let object = got.as_object_mut().unwrap();
                    assert_eq!(object.remove("reader"), Some(json!("reader")), "{name}");
                    assert!(object.remove("elapsed_ms").unwrap().is_u64(), "{name}");
                    assert_eq!(object.remove("warnings"), Some(json!([])), "{name}");
                    assert!(object.remove("apdus").unwrap()["psam"].as_u64().unwrap() > 0, "{name}");
                    assert_eq!(got, expected(&name), "{name}, reading {round}");
                }
                (Err(error), Some(code)) => assert_eq!(error.entry().code, *code, "{name}: {error}"),
                (outcome, wanted) => panic!("{name}: {outcome:?} instead of {wanted:?}"),
            }
        }
    }
}

#[test]
fn a_foreign_card_is_refused_before_anything_of_it_is_read() {
    let went = Desk::new("v3-forged").read();
    assert_eq!(went.outcome, Err(CardError::NotGenuine));
    assert_eq!(went.steps, [Step::Selected, Step::CardRead]);
    let card = went.card.lock().unwrap();
    assert_eq!(card.count(0x84) + card.count(0x82), 0, "no try of its key was burnt");
}

#[test]
fn a_card_without_an_algorithm_takes_the_terminals_default() {
    let mut desk = Desk::new("v2-no-algorithm");
    assert_eq!(desk.read().outcome, Err(CardError::NoAlgorithm));
    desk.default_algorithm = Some(Algorithm::TripleDes);
    assert_eq!(desk.read().outcome.unwrap().algorithm(), Algorithm::TripleDes);
    // The wrong default finds no key that fits.
    desk.default_algorithm = Some(Algorithm::Sm4);
    assert_eq!(desk.read().outcome, Err(CardError::NotGenuine));
}

#[test]
fn a_card_read_by_radio_gives_the_same() {
    for name in ["v1-3des", "v2-3des", "v3-sm4", "v3-no-whole-file", "v3-wrong-le"] {
        let mut desk = Desk::new(name);
        let contact = desk.read().outcome.unwrap();
        desk.interface = Interface::Contactless;
        let radio = desk.read().outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((radio.card(), radio.holder()), (contact.card(), contact.holder()), "{name}");
        assert_eq!(radio.apdus(), contact.apdus(), "{name}");
    }
}

#[test]
fn a_card_in_the_field_is_read_in_whole_commands() {
    let contact = Desk::new("v3-full").read().outcome.unwrap();
    let mut desk = Desk::new("v3-contactless");
    desk.interface = Interface::Contactless;
    let radio = desk.read().outcome.unwrap();
    assert_eq!((radio.card(), radio.holder()), (contact.card(), contact.holder()));
}

#[test]
fn a_long_name_straddles_two_records() {
    let reading = Desk::new("v3-long-name").read().outcome.unwrap();
    let name = reading.holder().name.as_ref().unwrap();
    assert_eq!(name.reveal(), "阿依古丽帕夏.买买提艾力吐尔逊江");
    assert!(name.raw().len() > 30, "it is longer than the first record");
}

#[test]
fn validity_counts_its_first_and_last_day() {
    let reading = Desk::new("v3-sm4").read().outcome.unwrap();
    let on = |text: &str| reading.card().validity(text.parse().unwrap());
    assert_eq!(on("2020-05-31"), Validity::NotYet("2020-06-01".parse().unwrap()));
    assert_eq!(on("2020-06-01"), Validity::Valid);
    assert_eq!(on("2040-05-31"), Validity::Valid);
    assert_eq!(on("2040-06-01"), Validity::Expired("2040-05-31".parse().unwrap()));
    let expired = Desk::new("v3-expired").read().outcome.unwrap();
    assert_eq!(
        expired.card().validity("2026-01-01".parse().unwrap()),
        Validity::Expired("2020-05-31".parse().unwrap())
    );
}

#[test]
fn nothing_personal_is_printed_or_shown_masked() {
    let reading = Desk::new("v3-sm4").read().outcome.unwrap();
    let whole = format!("{:?} {:?} {:?}", reading, reading.card(), reading.holder());
    let shown = format!("{whole} {}", reading.to_json(false));
    let personal = [
        "440103198806120021",
        "王小雅",
        "小雅",
        "19880612",
        "1988-06-12",
        "440103",
        "A10000031",
        "D15600000530000003",
        "0130000003",
    ];
    for secret in personal {
        assert!(!shown.contains(secret), "{secret} in {shown}");
        // The control: unmasked, the search finds it, so the search works.
        let unmasked = reading.to_json(true).to_string() + "19880612小雅";
        assert!(unmasked.contains(secret), "{secret}");
    }
    let masked = reading.to_json(false);
    assert_eq!(masked["holder"]["name"], "王**");
    assert_eq!(masked["holder"]["birth_date"], "****-**-**");
    assert_eq!(masked["holder"]["sex"], "*");
    assert_eq!(masked["card"]["region"], "440100");
    assert_eq!(masked["atr"], "3B6D000086035342440003************");
    assert_eq!(
        Desk::new("v2-unpersonalised").read().outcome.unwrap().to_json(false)["holder"]["ethnicity"],
        Value::Null
    );
}

#[test]
fn the_rights_a_card_gave_are_taken_back() {
    let went = Desk::new("v3-sm4").read();
    went.outcome.unwrap();
    assert_eq!(went.card.lock().unwrap().resets, 1);
    assert_eq!(went.psam.lock().unwrap().resets, 1);
    // A card that gave none keeps its power.
    assert_eq!(Desk::new("v2-3des").read().card.lock().unwrap().resets, 0);
}
