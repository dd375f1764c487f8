//! A counter whose keys are a security module's behind the centre, alone or where its PSAM cannot.

use sbkd::terminal::Condition;

use crate::counter::{Counter, HOLDER, PSAM, Setup, chip, psam};

/// By whom the card was read.
fn read_by(counter: &Counter) -> String {
    let reading = counter.terminal.read_card(Some(HOLDER), false);
    let reading = reading.unwrap_or_else(|failure| panic!("{}: {:?}", failure.entry.code, failure.detail));
    reading["authenticated"]["by"].as_str().unwrap().to_owned()
}

fn refused(counter: &Counter) -> &'static str {
    counter.terminal.read_card(Some(HOLDER), false).unwrap_err().entry.code
}

#[test]
fn keys_behind_the_centre_are_away_with_it_and_heal() {
    let keys = "source = \"hsm\"\n[keys.hsm]\nanswer_secs = 10\n";
    let mut counter = Counter::with(Setup { psam: false, proves: true, keys, ..Setup::default() });
    for card in ["v3-sm4", "v2-3des", "v1-3des"] {
        counter.readers.remove(HOLDER);
        counter.readers.insert(HOLDER, chip(card));
        assert_eq!(read_by(&counter), "hsm", "{card}");
    }
    counter.stop_centre();
    assert_eq!(refused(&counter), "E-KEYS-HSM-AWAY");
    counter.wait_for_condition(Condition::KeysAway, true);
    counter.start_centre();
    counter.wait_for_condition(Condition::KeysAway, false);
    assert_eq!(read_by(&counter), "hsm");
}

#[test]
fn a_psam_answers_where_there_is_one_and_the_centre_where_there_is_none() {
    let keys = "source = \"psam-hsm\"\n";
    let mut counter = Counter::with(Setup { psam: false, keys, ..Setup::default() });
    assert_eq!(read_by(&counter), "hsm");
    counter.readers.insert(PSAM, psam("v3-sm4"));
    assert_eq!(read_by(&counter), "psam");
    counter.stop_centre();
    assert_eq!(read_by(&counter), "psam");
    counter.readers.remove(PSAM);
    assert_eq!(refused(&counter), "E-KEYS-HSM-AWAY");
    counter.wait_for_condition(Condition::KeysAway, true);
    counter.readers.insert(PSAM, psam("v3-sm4"));
    counter.wait_for_condition(Condition::KeysAway, false);
    assert_eq!(read_by(&counter), "psam");
}
