//! The n-th TPDU fails, for n = 1, 2, … until the fault no longer fires: always a typed error, never a part of a card.

use super::*;

/// One card a generation, whole files and not.
const CARDS: [&str; 6] = ["v1-3des", "v2-3des", "v2-no-whole-file", "v3-sm4", "v3-no-whole-file", "v3-wrong-le"];

/// More TPDUs than any reading has, so that a fault that never stops firing is noticed.
const ENOUGH: usize = 100;

/// Does `fault` at every TPDU to the card, then at every one to the PSAM, and holds each outcome against `expected`.
/// Returns how many faults fired.
fn at_every_tpdu(card: &str, fault: &Fault, expected: impl Fn(&str, usize, &Went)) -> usize {
    let whole = Desk::new(card).read();
    let wires = [("card", whole.card.lock().unwrap().sent.len()), ("psam", whole.psam.lock().unwrap().sent.len())];
    let mut fired = 0;
    for (side, length) in wires {
        let mut n = 1;
        loop {
            assert!(n < ENOUGH, "{card}: the fault at the {side} fires for ever");
            let here = Some((n, fault.clone()));
            let desk = Desk::new(card);
            let went = if side == "card" { desk.read_with(here, None) } else { desk.read_with(None, here) };
            let wire = if side == "card" { &went.card } else { &went.psam };
            if wire.lock().unwrap().sent.len() < n {
                assert!(n > length, "{card}: a reading has {length} TPDUs to the {side}, the fault ended at {n}");
                break;
            }
            expected(side, n, &went);
            fired += 1;
            n += 1;
        }
    }
    fired
}

#[test]
fn a_card_or_psam_pulled_at_any_tpdu_is_a_typed_error() {
    for card in CARDS {
        let fired = at_every_tpdu(card, &Fault::Removed, |side, n, went| {
            let error =
                went.outcome.as_ref().err().unwrap_or_else(|| panic!("{card}: read though pulled at {side} {n}"));
            match (side, error) {
                ("card", CardError::Transport(TransportError::Removed)) => {}
                ("psam", CardError::Key(crate::keys::KeyError::Transport(TransportError::Removed))) => {}
                (_, other) => panic!("{card}, {side} {n}: {other:?}"),
            }
        });
        assert!(fired > 12, "{card}: {fired}");
    }
}

#[test]
fn a_reset_by_another_program_at_any_tpdu_is_a_typed_error() {
    for card in CARDS {
        at_every_tpdu(card, &Fault::Reset, |side, n, went| match (side, went.outcome.as_ref().unwrap_err()) {
            ("card", CardError::Transport(TransportError::Reset)) => {}
            ("psam", CardError::Key(crate::keys::KeyError::Transport(TransportError::Reset))) => {}
            (_, other) => panic!("{card}, {side} {n}: {other:?}"),
        });
    }
}

/// Status words of every family, from the card's own table (card-facts §3.1).
const STATUSES: [u16; 17] = [
    0x6281, 0x6300, 0x63C2, 0x6581, 0x6700, 0x6901, 0x6982, 0x6983, 0x6984, 0x6985, 0x6A80, 0x6A82, 0x6A83, 0x6A88,
    0x6C08, 0x6F00, 0x9303,
];

#[test]
fn a_wrong_status_at_any_tpdu_never_gives_a_part_of_a_card() {
    for card in ["v1-3des", "v2-no-whole-file", "v3-sm4"] {
        let whole = Desk::new(card).read().outcome.unwrap();
        for status in STATUSES {
            let fault = Fault::Answer(status.to_be_bytes().to_vec());
            at_every_tpdu(card, &fault, |_, n, went| {
                // A card that cannot read whole files is read by record; then all of it is there.
                if let Ok(reading) = &went.outcome {
                    let lacks = differing(reading, &whole);
                    match (status, lacks.as_slice()) {
                        (_, []) => {
                            assert_eq!(
                                (reading.card(), reading.holder()),
                                (whole.card(), whole.holder()),
                                "{card}: {n}"
                            )
                        }
                        // The one record of which the card said that it does not have it, and no other.
                        (0x6A83, [now]) if now.is_null() && card == "v2-no-whole-file" => {}
                        _ => panic!("{card}: {status:04X} at {n}: {} values differ", lacks.len()),
                    }
                    assert_eq!(reading.authenticated(), whole.authenticated());
                }
            });
        }
    }
}

/// The values of card and holder that are not as in the whole reading.
fn differing(reading: &Reading, whole: &Reading) -> Vec<serde_json::Value> {
    let (now, then) = (reading.to_json(true), whole.to_json(true));
    let of = |part: &str| {
        let values = now[part].as_object().unwrap().iter();
        values.filter(|(name, value)| then[part][name] != **value).map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    [of("card"), of("holder")].concat()
}

#[test]
fn an_answer_of_success_without_data_never_gives_a_part_of_a_card() {
    for card in CARDS {
        let whole = Desk::new(card).read().outcome.unwrap();
        for answer in [vec![0x90, 0x00], vec![0x90], vec![], vec![0xAB; 258]] {
            at_every_tpdu(card, &Fault::Answer(answer.clone()), |_, n, went| {
                if let Ok(reading) = &went.outcome {
                    let same = (reading.card(), reading.holder()) == (whole.card(), whole.holder());
                    assert!(same, "{card}: {} bytes at {n}", answer.len());
                }
            });
        }
    }
}

#[test]
fn external_authentication_is_sent_once_whatever_happens() {
    for status in STATUSES {
        at_every_tpdu("v3-sm4", &Fault::Answer(status.to_be_bytes().to_vec()), |_, n, went| {
            assert!(went.card.lock().unwrap().count(0x82) <= 1, "{status:04X} at {n}");
        });
    }
}

#[test]
fn a_card_that_failed_after_it_gave_a_right_is_reset() {
    let went = Desk::new("v3-sm4").read();
    let at = went.card.lock().unwrap().sent.iter().position(|tpdu| tpdu[1] == 0x82).unwrap() + 1;
    let failed = Desk::new("v3-sm4").read_with(Some((at + 1, Fault::Answer(vec![0x65, 0x81]))), None);
    failed.outcome.unwrap_err();
    assert_eq!(failed.card.lock().unwrap().resets, 1);
}
