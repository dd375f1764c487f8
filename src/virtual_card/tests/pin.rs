//! The PIN: verified, changed, unblocked, set anew.

use super::*;

const CARDS: [&str; 2] = ["v2-full", "v3-full"];

fn selected(name: &str) -> Talk {
    let mut talk = Talk::with(name);
    talk.fetch(SELECT_SSSE);
    talk
}

/// Fails until the PIN is locked.
fn lock(talk: &mut Talk) {
    for left in ["63C2", "63C1", "63C0", "6983"] {
        assert_eq!(talk.status("0020000003999999"), left);
    }
    assert_eq!(talk.status("0020000003123456"), "6983");
    assert_eq!(talk.status("0020000000"), "63C0");
}

#[test]
fn a_pin_is_changed_with_the_old_one() {
    for card in CARDS {
        let mut talk = selected(card);
        assert_eq!(talk.status("805E010007123456FF654321"), "9000", "{card}");
        assert_eq!(talk.status("0020000003123456"), "63C2");
        assert_eq!(talk.status("0020000003654321"), "9000");
        // 5 digits, and 16 of them.
        assert_eq!(talk.status("805E010007654321FF12345F"), "9000");
        assert_eq!(talk.status("805E01000C12345FFF1234567890123456"), "9000");
        assert_eq!(talk.status("00200000081234567890123456"), "9000");
    }
}

#[test]
fn a_wrong_old_pin_costs_a_try() {
    let mut talk = selected("v3-full");
    for left in ["63C2", "63C1", "63C0", "6983"] {
        assert_eq!(talk.status("805E010007999999FF654321"), left);
    }
    assert_eq!(talk.status("805E010007123456FF654321"), "6983");
}

#[test]
fn a_change_that_is_none_costs_nothing() {
    let mut talk = selected("v3-full");
    assert_eq!(talk.status("805E010007123456001234FF"), "6A80", "one digit pair is no PIN");
    assert_eq!(talk.status("805E01000712345600654321"), "6A80");
    assert_eq!(talk.status("805E010007123456FF6543F1"), "6A80");
    assert_eq!(talk.status("805E0100041234FF12"), "6700");
    assert_eq!(talk.status("805E000007123456FF654321"), "6A86");
    assert_eq!(talk.status("0020000000"), "63C3");
}

#[test]
fn the_issuer_gives_the_tries_back() {
    for card in CARDS {
        let mut talk = selected(card);
        lock(&mut talk);
        let unblock = secured(&mut talk, card, "stk", "84240000", &[], false);
        assert_eq!(talk.status(&unblock), "6982", "{card}: PUK was not proven");
        assert_eq!(prove_by(&mut talk, card, "puk", 0x06, 0), "9000");
        let unblock = secured(&mut talk, card, "stk", "84240000", &[], false);
        assert_eq!(talk.status(&unblock), "9000");
        assert_eq!(talk.status("0020000000"), "63C3");
        assert_eq!(talk.status("0020000003123456"), "9000");
    }
}

#[test]
fn the_issuer_sets_another_pin() {
    for card in CARDS {
        let mut talk = selected(card);
        lock(&mut talk);
        assert_eq!(prove_by(&mut talk, card, "puk", 0x06, 0), "9000");
        let reload = secured(&mut talk, card, "stk", "84240001", &[0x88, 0x88, 0x88], true);
        // One block and the MAC: Lc is 0C with 8-byte blocks, 14 with 16-byte ones (card-facts §3).
        assert_eq!(&reload[8..10], if card == "v3-full" { "14" } else { "0C" });
        assert_eq!(talk.status(&reload), "9000", "{card}");
        assert_eq!(talk.status("0020000003888888"), "9000");
        assert_eq!(talk.status("0020000003123456"), "63C2");
    }
}

#[test]
fn a_reload_that_is_not_whole_changes_nothing() {
    let card = "v3-full";
    let mut talk = selected(card);
    assert_eq!(prove_by(&mut talk, card, "puk", 0x06, 0), "9000");
    let reload = secured(&mut talk, card, "stk", "84240001", &[0x88, 0x88, 0x88], true);
    let wrong = format!("{}00", &reload[..reload.len() - 2]);
    assert_eq!(talk.status(&wrong), "6988", "a wrong MAC");
    assert_eq!(talk.status(&reload), "6984", "its challenge is used up");
    let no_pin = secured(&mut talk, card, "stk", "84240001", &[0xAB, 0xCD, 0xEF], true);
    assert_eq!(talk.status(&no_pin), "6A80");
    let foreign = secured(&mut talk, card, "stkdf04", "84240001", &[0x88, 0x88, 0x88], true);
    assert_eq!(talk.status(&foreign), "6988", "another directory's key");
    let clear = secured(
        &mut talk,
        card,
        "stk",
        "84240001",
        &[3, 0x88, 0x88, 0x88, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        false,
    );
    assert_eq!(talk.status(&clear), "6988", "it is not enciphered");
    assert_eq!(talk.status("842400010400000000"), "6700");
    assert_eq!(talk.status("842400020400000000"), "6A86");
    assert_eq!(talk.status("0020000003123456"), "9000");
}

#[test]
fn puk_is_proven_from_a_directory_as_well() {
    let card = "v3-full";
    let mut talk = selected(card);
    lock(&mut talk);
    talk.fetch("00A4000002DF04");
    assert_eq!(prove_by(&mut talk, card, "puk", 0x06, 0), "9000");
    let unblock = secured(&mut talk, card, "stkdf04", "84240000", &[], false);
    assert_eq!(talk.status(&unblock), "9000");
    assert_eq!(talk.status("0020000003123456"), "9000");
}

#[test]
fn a_card_may_have_a_pin_in_each_directory() {
    let mut talk = selected("v2-pin-per-directory");
    assert_eq!(talk.status("0020000003123456"), "9000");
    talk.fetch("00A4000002DF04");
    assert_eq!(talk.status("00B2842805"), "6982", "the environment's PIN is not this one's");
    assert_eq!(talk.status("0020000003999999"), "63C2");
    assert_eq!(talk.status("805E010007123456FF654321"), "9000");
    assert_eq!(talk.status("0020000003654321"), "9000");
    assert_eq!(talk.read("00B2842805").len(), 5);
    talk.fetch("00A4000002DF03");
    assert_eq!(talk.status("00B2612805"), "6982");
    assert_eq!(talk.status("0020000000"), "63C3");
    assert_eq!(talk.status("0020000003123456"), "9000");
    assert_eq!(talk.read("00B2612805").len(), 5);
}

#[test]
fn a_card_without_a_pin_says_so_and_takes_any() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.toml");
    let text = std::fs::read_to_string(folder().join("v2-3des.toml")).unwrap();
    let text = text.replace("\"demonstration-keys.toml\"", &format!("{:?}", folder().join("demonstration-keys.toml")));
    let text = text.replace("\"psam.toml\"", &format!("{:?}", folder().join("psam.toml")));
    std::fs::write(&path, text.replace("digits = \"123456\"\n", "")).unwrap();
    let mut talk = Talk::to(Image::load(&path).unwrap().chip(Arc::new(SystemRandom::default())));
    talk.fetch(SELECT_SSSE);
    assert_eq!(talk.status("0020000000"), "9000");
    assert_eq!(talk.status("0020000003999999"), "9000");
}
