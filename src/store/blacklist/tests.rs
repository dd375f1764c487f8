//! Lists taken in, replaced and looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::failure::Explain as _;
use crate::store::StoreError;
use crate::value::check_character;
use crate::wire::detached::{PublicKey, SigningKey, sha256};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn signing(seed: u8) -> SigningKey {
    struct Fixed(u8);
    impl crate::world::Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), crate::world::NoRandom> {
            bytes.fill(self.0);
            Ok(())
        }
    }
    SigningKey::read(&SigningKey::make(&Fixed(seed)).unwrap()).unwrap()
}

fn keys() -> [PublicKey; 1] {
    [signing(1).public()]
}

/// A made-up card of Guangzhou's.
fn card(serial: u32) -> CardIdentifier {
    let mut bytes = hex::decode("440100D156000005FFFFFFFFFFFFFFFF").unwrap();
    bytes[8..12].copy_from_slice(&serial.to_be_bytes());
    CardIdentifier::parse(&bytes).unwrap()
}

/// The card number at a position.
fn number(mut position: u64) -> CardNumber {
    let mut body = [b'0'; 8];
    for at in (0..8).rev() {
        let digit = u32::try_from(position % 36).unwrap();
        body[at] = u8::try_from(char::from_digit(digit, 36).unwrap().to_ascii_uppercase()).unwrap();
        position /= 36;
    }
    CardNumber::parse(&[&body[..], &[check_character(&body).unwrap()]].concat()).unwrap()
}

type Cards = BTreeMap<u32, &'static str>;
type Ranges = Vec<(u64, u64)>;

fn text(serial: u64, cards: &Cards, ranges: &Ranges) -> String {
    let (count, spans) = (cards.len(), ranges.len());
    let mut text =
        format!("sbkd-blacklist-1\nserial {serial}\nissued 2026-11-27T08:00:00+08:00\ncards {count}\nranges {spans}\n");
    for (serial, label) in cards {
        let space = if label.is_empty() { "" } else { " " };
        writeln!(text, "card {} -{space}{label}", *card(*serial).reveal()).unwrap();
    }
    for (first, last) in ranges {
        writeln!(text, "range {} {} 停用批次", number(*first).reveal(), number(*last).reveal()).unwrap();
    }
    text
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// As another program opens it.
    fn open(&self) -> Blacklist {
        let store = Store::open(&self.dir.path().join("store.db")).unwrap();
        Blacklist::new(self.dir.path(), Arc::new(store))
    }

    fn list(&self, text: &str, signature: Option<String>) -> ListFile {
        let path = self.dir.path().join("list.txt");
        fs::write(&path, text).unwrap();
        ListFile { name: "list.txt".to_owned(), file: File::open(&path).unwrap(), signature }
    }

    fn signed(&self, text: &str) -> ListFile {
        self.list(text, Some(signing(1).sign(&LIST, sha256(text.as_bytes()))))
    }

    fn take(&self, text: &str) -> Result<Imported<BlacklistInfo>, BlacklistError> {
        self.open().import(&mut self.signed(text), &keys(), NOW)
    }

    fn entries(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.dir.path()).unwrap().map(|file| file.unwrap().path());
        files.filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("blacklist-")).collect()
    }
}

fn label(blacklist: &Blacklist, card: &CardIdentifier, number: Option<&CardNumber>) -> Option<Option<String>> {
    blacklist.look(card, number).unwrap().unwrap().hit.map(|hit| hit.label)
}

fn said(text: &str) -> Option<Option<String>> {
    Some((!text.is_empty()).then(|| text.to_owned()))
}

#[test]
fn a_card_is_in_the_list_by_its_identifier_or_by_a_range_of_numbers() {
    let place = Place::new();
    let blacklist = place.open();
    assert_eq!(blacklist.look(&card(1), None).unwrap(), None, "there is none");
    let ranges = vec![(36, 36), (1000, 1999)];
    let taken = place.take(&text(7, &[(5, "挂失"), (9, "")].into(), &ranges)).unwrap();
    let BlacklistInfo { serial, cards, ranges, ref signed_by, .. } = taken.list;
    assert_eq!((taken.changed, serial, cards, ranges, signed_by), (true, 7, 2, 2, &keys()[0].id()));
    assert_eq!(blacklist.in_force().unwrap().unwrap(), taken.list, "another program took it in");
    assert_eq!(label(&blacklist, &card(5), Some(&number(3))), said("挂失"), "whatever its number says");
    assert_eq!(label(&blacklist, &card(9), None), said(""));
    assert_eq!(label(&blacklist, &card(6), None), None);
    for (position, hit) in
        [(35, false), (36, true), (37, false), (999, false), (1000, true), (1999, true), (2000, false)]
    {
        let found = label(&blacklist, &card(6), Some(&number(position)));
        assert_eq!(found, if hit { said("停用批次") } else { None }, "{position}");
    }
    let empty = place.take(&text(8, &Cards::new(), &Ranges::new())).unwrap();
    assert_eq!(
        (empty.list.cards, label(&blacklist, &card(5), Some(&number(36)))),
        (0, None),
        "nobody is refused any more"
    );
}

#[test]
fn the_file_of_the_entries_names_no_card() {
    let place = Place::new();
    place.take(&text(1, &[(0x1234_5678, "")].into(), &Ranges::new())).unwrap();
    let bytes = fs::read(&place.entries()[0]).unwrap();
    let identifier = card(0x1234_5678);
    for form in [identifier.as_bytes().to_vec(), identifier.reveal().as_bytes().to_vec()] {
        assert!(!bytes.windows(form.len()).any(|window| window == form));
    }
    assert!(bytes.windows(4).any(|window| window == b"span"), "the search finds what is there");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_found_is_what_a_simple_model_says(
        lists in proptest::collection::vec(
            (
                proptest::collection::btree_map(0_u32..60, prop_oneof![Just(""), Just("挂失"), Just("注销")], 0..40),
                proptest::collection::btree_set(0_u64..120, 0..12),
            ),
            1..4,
        ),
    ) {
        let place = Place::new();
        let blacklist = place.open();
        for (serial, (cards, bounds)) in lists.into_iter().enumerate() {
            let bounds: Vec<u64> = bounds.into_iter().collect();
            let ranges: Ranges = bounds.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
            place.take(&text(serial as u64 + 1, &cards, &ranges)).unwrap();
            for serial in 0..60 {
                let single = cards.get(&serial).map(|label| (!label.is_empty()).then(|| (*label).to_owned()));
                prop_assert_eq!(label(&blacklist, &card(serial), None), single.clone());
                for position in [0, u64::from(serial), u64::from(serial) + 60] {
                    let inside = ranges.iter().any(|(first, last)| (*first..=*last).contains(&position));
                    let ranged = inside.then(|| Some("停用批次".to_owned()));
                    let found = label(&blacklist, &card(serial), Some(&number(position)));
                    prop_assert_eq!(found, single.clone().or(ranged));
                }
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused_by_its_place(at in 0_usize..400, byte: u8) {
        let mut bytes = text(1, &[(5, "挂失"), (9, "")].into(), &vec![(1, 2), (4, 9)]).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.txt");
        fs::write(&path, &bytes).unwrap();
        let mut list = ListFile { name: "list.txt".to_owned(), file: File::open(&path).unwrap(), signature: None };
        match Blacklist::check(&mut list) {
            Ok(checked) => prop_assert_eq!(checked.sha256, sha256(&bytes)),
            Err(BlacklistError::Form(found)) => prop_assert!((1..=11).contains(&found[0].line) && found[0].column > 0),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn each_mistake_in_a_list_is_told_by_its_place() {
    let good = text(3, &[(5, "挂失"), (9, "")].into(), &vec![(1, 2), (4, 9)]);
    let lines: Vec<&str> = good.lines().collect();
    let with = |line: usize, new: &str| {
        let mut lines = lines.clone();
        lines[line - 1] = new;
        lines.join("\n") + "\n"
    };
    let (five, nine) = (lines[5].to_owned(), lines[6].to_owned());
    let id = card(5).reveal().to_string();
    let two = number(2).reveal().to_owned();
    let cases = [
        (String::new(), "1:1"),
        (good.replace("sbkd-blacklist-1", "sbkd-blacklist-2"), "1:1"),
        (format!("\u{feff}{good}"), "1:1"),
        (with(2, "serial 0"), "2:8"),
        (with(2, "serial 07"), "2:8"),
        (with(2, "serial 9223372036854775808"), "2:8"),
        (with(2, "number 7"), "2:1"),
        (with(3, "issued 2026-11-27"), "3:8"),
        (with(4, "cards -1"), "4:7"),
        (with(4, "cards 1"), "7:1"),
        (with(4, "cards 3"), "8:1"),
        (with(5, "ranges 3"), "10:1"),
        (with(5, "ranges 1"), "9:1"),
        (good.clone() + "\n", "10:1"),
        (good.clone() + "x", "10:1"),
        (good[..good.len() - 1].to_owned(), "9:1"),
        (good.replace('\n', "\r\n"), "1:17"),
        (with(6, &nine), "7:6"),
        (with(7, &five), "7:6"),
        (with(6, &five.to_lowercase()), "6:6"),
        (with(6, &format!("card {id}")), "6:1"),
        (with(6, &format!("card {id} D21435690")), "6:39"),
        (with(6, &format!("card {id} D2143569X\u{20}")), "6:49"),
        (with(6, &format!("card {id} D2143569X  挂失")), "6:49"),
        (with(6, &format!("card {id} - {}", "挂".repeat(61))), "6:41"),
        (with(6, &format!("card {id} - 挂\u{202E}失")), "6:41"),
        (with(6, &format!("card {id} - {}", "x".repeat(600))), "6:1"),
        (with(6, "card FFFFFFD156000005FFFFFFFFFFFFFFFF -"), "6:6"),
        (with(8, &format!("range {two} {}", number(1).reveal())), "8:17"),
        (with(9, &format!("range {two} {}", number(5).reveal())), "9:7"),
        (with(8, "range 00000000 00000010"), "8:7"),
    ];
    let place = Place::new();
    place.take(&text(2, &[(77, "")].into(), &Ranges::new())).unwrap();
    for (text, at) in cases {
        let error = place.take(&text).unwrap_err();
        let BlacklistError::Form(found) = &error else { panic!("{at}: {error}") };
        assert_eq!(format!("{}:{}", found[0].line, found[0].column), at, "{error}\n{text}");
        assert!(error.is_final() && error.entry().code == "E-STORE-BLACKLIST-FORM");
        assert!(!error.to_string().contains(&id), "{error}");
        assert_eq!(label(&place.open(), &card(77), None), said(""), "the list of before is in force");
        assert_eq!(place.entries().len(), 1, "nothing of it stays");
    }
    let labels: String = (0..1001).map(|n| format!("card {} - {n}\n", *card(n).reveal())).collect();
    let many = format!("sbkd-blacklist-1\nserial 3\nissued 2026-11-27T08:00:00+08:00\ncards 1001\nranges 0\n{labels}");
    assert!(place.take(&many).unwrap_err().to_string().contains("1006:1: more than 1000 labels"));
}

#[test]
fn without_a_signature_of_a_trusted_key_nothing_is_taken_in() {
    let place = Place::new();
    let good = text(1, &Cards::new(), &Ranges::new());
    let sign = |seed, text: &str| signing(seed).sign(&LIST, sha256(text.as_bytes()));
    let pack = crate::wire::detached::Signed { domain: "sbkd-policy-pack-1", ..LIST };
    let refused = |signature: Option<String>, keys: &[PublicKey]| {
        let error = place.open().import(&mut place.list(&good, signature), keys, NOW).unwrap_err();
        assert_eq!(error.entry().code, "E-STORE-BLACKLIST-SIGNATURE");
        assert!(error.is_final() && place.entries().is_empty());
        error.to_string()
    };
    assert!(refused(None, &keys()).contains("list.txt:1:1: the list is not signed: there is no list.txt.sig"));
    assert!(refused(Some(sign(1, &good)), &[]).contains("is not trusted here"), "nobody is trusted by default");
    assert!(refused(Some(sign(2, &good)), &keys()).contains("is not trusted here"));
    assert!(refused(Some(sign(1, &good.replace("serial 1", "serial 2"))), &keys()).contains("over this list"));
    assert!(refused(Some(signing(1).sign(&pack, sha256(good.as_bytes()))), &keys()).contains("over this list"));
    assert!(refused(Some("nonsense".to_owned()), &keys()).starts_with("list.txt.sig:1:"));
    assert!(place.take(&good).unwrap().changed);
}

#[test]
fn no_list_takes_the_place_of_a_newer_one() {
    let place = Place::new();
    let list = |serial, card| text(serial, &[(card, "")].into(), &Ranges::new());
    place.take(&list(5, 50)).unwrap();
    assert!(!place.take(&list(5, 50)).unwrap().changed, "the same again");
    for (serial, card) in [(4, 40), (5, 51)] {
        let error = place.take(&list(serial, card)).unwrap_err();
        assert!(error.entry().code == "E-STORE-BLACKLIST-OLDER" && error.is_final(), "{error}");
    }
    assert_eq!(label(&place.open(), &card(50), None), said(""));
    // Not even once the store is gone.
    for end in ["", "-wal", "-shm"] {
        drop(fs::remove_file(place.dir.path().join(format!("store.db{end}"))));
    }
    let blacklist = place.open();
    assert_eq!(blacklist.look(&card(50), None).unwrap(), None, "which one is in force is not known");
    assert!(matches!(place.take(&list(4, 40)), Err(BlacklistError::Older { found: 4, known: 5 })));
    assert!(place.take(&list(5, 50)).unwrap().changed);
    assert_eq!(label(&blacklist, &card(50), None), said(""));
    assert_eq!(place.entries().len(), 1);
}

#[test]
fn a_store_that_is_begun_anew_keeps_the_list() {
    use crate::store::held::tests::{root, ruin};
    let place = Place::new();
    let list = text(5, &[(50, "挂失")].into(), &vec![(7, 9)]);
    place.take(&list).unwrap();
    let path = place.dir.path().join("store.db");
    ruin(&path, root(&path, "accumulators"));
    let (store, renewed) = Store::open_or_renew(&path, NOW).unwrap();
    assert_eq!(renewed.unwrap().lost, Some(0));
    let blacklist = Blacklist::new(place.dir.path(), Arc::new(store));
    assert_eq!(label(&blacklist, &card(50), None), said("挂失"));
    assert_eq!(label(&blacklist, &card(1), Some(&number(8))), said("停用批次"));
    assert!(matches!(place.take(&text(4, &Cards::new(), &Ranges::new())), Err(BlacklistError::Older { .. })));
}

#[test]
fn a_list_that_is_damaged_is_told_and_never_passes_for_one_that_a_card_is_not_in() {
    let place = Place::new();
    let list = text(5, &[(50, "")].into(), &Ranges::new());
    let damages: [&dyn Fn(&Path); 3] = [
        &|file| {
            let mut bytes = fs::read(file).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            fs::write(file, bytes).unwrap();
        },
        &|file| fs::write(file, []).unwrap(),
        &|file| fs::remove_file(file).unwrap(),
    ];
    for damage in damages {
        place.take(&list).unwrap();
        damage(&place.entries()[0]);
        let error = place.open().look(&card(50), None).unwrap_err();
        assert_eq!(error.entry().code, "E-STORE-BLACKLIST-DAMAGED", "{error}");
        assert!(place.take(&list).unwrap().changed, "the same list is taken in again");
        assert_eq!(label(&place.open(), &card(50), None), said(""));
        assert_eq!(place.entries().len(), 1);
    }
}

/// Ends the work at its n-th step.
fn failing(nth: usize, fail: impl Fn() -> BlacklistError) -> impl FnMut() -> Result<(), BlacklistError> {
    let mut left = nth;
    move || {
        left -= 1;
        if left == 0 { Err(fail()) } else { Ok(()) }
    }
}

#[test]
fn after_a_failure_at_any_step_the_old_list_is_in_force_or_the_new_one_whole() {
    let old = text(1, &[(1, ""), (2, "挂失")].into(), &vec![(10, 20)]);
    let new = text(2, &(0..5000).map(|n| (n * 2 + 1, "注销")).collect(), &vec![(30, 40)]);
    let mut seen = BTreeSet::new();
    for killed in [false, true] {
        for nth in 1.. {
            let place = Place::new();
            place.take(&old).unwrap();
            let blacklist = place.open();
            let fail = || -> BlacklistError {
                assert!(!killed, "killed");
                StoreError::Disk("full".to_owned()).into()
            };
            let mut step = failing(nth, fail);
            let mut list = place.signed(&new);
            // A program that is killed takes nothing back, and neither does one that panics.
            let outcome = catch_unwind(AssertUnwindSafe(|| blacklist.imported(&mut list, &keys(), NOW, &mut step)));
            let done = matches!(outcome, Ok(Ok(_)));
            // By another process.
            let after = place.open();
            let serial = after.in_force().unwrap().unwrap().serial;
            let is_new = [
                label(&after, &card(1), None) == said("注销"),
                label(&after, &card(9_999), None) == said("注销"),
                label(&after, &card(2), None).is_none(),
                label(&after, &card(0), Some(&number(15))).is_none(),
                label(&after, &card(0), Some(&number(35))).is_some(),
            ];
            assert_eq!(is_new, [serial == 2; 5], "killed {killed}, step {nth}");
            seen.insert((killed, serial, done));
            place.take(&new).unwrap();
            assert_eq!(place.open().in_force().unwrap().unwrap().serial, 2, "it goes on from there");
            place.take(&text(3, &Cards::new(), &Ranges::new())).unwrap();
            assert_eq!(place.entries().len(), 1, "and nothing is left over");
            if done {
                assert!(nth > 6, "the steps are these: {nth}");
                break;
            }
        }
    }
    // Neither before the row nor after it is left out.
    assert_eq!(
        seen,
        [false, true]
            .into_iter()
            .flat_map(|killed| [(killed, 1, false), (killed, 2, false), (killed, 2, true)])
            .collect()
    );
}

#[test]
fn who_looks_a_card_up_while_a_list_is_taken_in_waits_for_nobody_and_nobody_else_takes_one_in() {
    let place = Place::new();
    place.take(&text(1, &[(1, "")].into(), &Ranges::new())).unwrap();
    let blacklist = place.open();
    let (mut steps, mut after) = (0, 0);
    let new = text(2, &[(2, "")].into(), &Ranges::new());
    let mut step = || {
        steps += 1;
        let other = place.open();
        let found = [&blacklist, &other].map(|blacklist| label(blacklist, &card(1), None).is_some());
        assert_eq!(found[0], found[1], "all see the same");
        after += usize::from(!found[0]);
        let mut third = place.list(&new, None);
        assert!(matches!(other.import(&mut third, &keys(), NOW), Err(BlacklistError::Busy(_))));
        Ok(())
    };
    let mut list = place.signed(&new);
    blacklist.imported(&mut list, &keys(), NOW, &mut step).unwrap();
    assert!(steps > 4 && after == 1, "{steps}, {after}");
    assert_eq!(label(&blacklist, &card(2), None), said(""));
}

#[test]
fn a_list_that_is_written_while_it_is_read_is_not_taken_in() {
    let place = Place::new();
    let (one, other) = (text(1, &[(1, "")].into(), &Ranges::new()), text(1, &[(2, "")].into(), &Ranges::new()));
    let mut list = place.signed(&one);
    let mut steps = 0;
    let mut step = || {
        steps += 1;
        if steps == 1 {
            fs::write(place.dir.path().join("list.txt"), &other).unwrap();
        }
        Ok(())
    };
    let error = place.open().imported(&mut list, &keys(), NOW, &mut step).unwrap_err();
    assert!(matches!(error, BlacklistError::Changed(_)) && !error.is_final(), "{error}");
    assert!(place.open().in_force().unwrap().is_none() && place.entries().is_empty());
}

/// `SBKD_FULL=1` takes five million in, and tells what it took: `cargo test --release -- --nocapture`.
#[test]
fn a_list_of_very_many_is_taken_in_and_looked_up() {
    let count: u32 = if std::env::var_os("SBKD_FULL").is_some() { 5_000_000 } else { 20_000 };
    let place = Place::new();
    let mut text =
        format!("sbkd-blacklist-1\nserial 1\nissued 2026-11-27T08:00:00+08:00\ncards {count}\nranges {count}\n");
    for n in 0..count {
        writeln!(text, "card {} - 挂失", *card(n * 3).reveal()).unwrap();
    }
    for n in 0..u64::from(count) {
        writeln!(text, "range {} {}", number(n * 10).reveal(), number(n * 10 + 4).reveal()).unwrap();
    }
    let (bytes, mut list) = (text.len(), place.signed(&text));
    drop(text);
    let begun = Instant::now();
    let blacklist = place.open();
    blacklist.import(&mut list, &keys(), NOW).unwrap();
    let (taken, begun) = (begun.elapsed(), Instant::now());
    blacklist.in_force().unwrap();
    let (proved, begun) = (begun.elapsed(), Instant::now());
    const LOOKS: u32 = 10_000;
    for nth in 0..LOOKS {
        let n = nth * (count / LOOKS);
        let (other, inside, outside) = (card(n * 3 + 1), number(u64::from(n) * 10 + 4), number(u64::from(n) * 10 + 5));
        assert_eq!(label(&blacklist, &card(n * 3), None), said("挂失"));
        assert_eq!(label(&blacklist, &other, Some(&inside)), said(""));
        assert_eq!(label(&blacklist, &other, Some(&outside)), None);
    }
    let looked = begun.elapsed() / (3 * LOOKS);
    let size = fs::metadata(&place.entries()[0]).unwrap().len();
    println!(
        "{count} cards and as many ranges, {bytes} bytes: taken in {taken:?}, {size} bytes proved {proved:?}, a look {looked:?}"
    );
}
