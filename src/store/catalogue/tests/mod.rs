//! Catalogues taken in, replaced and looked up.

mod model;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Instant;

use jiff::civil::date;

use super::*;
use crate::failure::Explain as _;
use crate::store::StoreError;
use crate::wire::detached::{SigningKey, sha256};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const DAY: Date = date(2015, 8, 3);

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

/// A catalogue with these rows.
fn text(serial: u64, rows: &[&str]) -> String {
    let count = |kind: &str| rows.iter().filter(|row| row.starts_with(kind)).count();
    let (items, prices, rates) = (count("item,"), count("price,"), count("rate,"));
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    format!(
        "sbkd-catalogue-1\nserial {serial}\nissued 2015-08-01T08:00:00+08:00\nnote 虚构目录，仅供测试\n\
         items {items}\nprices {prices}\nrates {rates}\n{rows}"
    )
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// As another program opens it.
    fn open(&self) -> Catalogue {
        let store = Store::open(&self.dir.path().join("store.db")).unwrap();
        Catalogue::new(self.dir.path(), Arc::new(store))
    }

    fn file(&self, text: &str, signature: Option<String>) -> ListFile {
        let path = self.dir.path().join("demo.csv");
        fs::write(&path, text).unwrap();
        ListFile { name: "demo.csv".to_owned(), file: File::open(&path).unwrap(), signature }
    }

    fn signed(&self, text: &str) -> ListFile {
        self.file(text, Some(signing(1).sign(&CATALOGUE, sha256(text.as_bytes()))))
    }

    fn take(&self, text: &str) -> Result<Imported<CatalogueInfo>, CatalogueError> {
        self.open().import(&mut self.signed(text), &[signing(1).public()], NOW)
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.dir.path()).unwrap().map(|file| file.unwrap().path());
        files.filter(|file| file.extension().is_some_and(|end| end == "db") && !file.ends_with("store.db")).collect()
    }
}

/// What of a code is told on a day: its class, share and highest price.
fn told(catalogue: &Catalogue, code: &str, on: Date, insutype: &str) -> Option<String> {
    let found = catalogue.look(&[Asked { code, on, insutype }]).unwrap().unwrap().goods.remove(0)?;
    let share = found.selfpay_prop.map_or("-".to_owned(), |share| share.to_string());
    let most = found.pric_uplmt_amt.map_or("-".to_owned(), |most| most.to_string());
    let limited = if found.lmt_used_flag { " limited" } else { "" };
    Some(format!("{} {share} {most}{limited}", found.chrgitm_lv))
}

#[test]
fn a_code_is_told_as_it_was_on_the_day_of_the_fee_and_for_the_insurance() {
    let place = Place::new();
    let catalogue = place.open();
    assert_eq!(catalogue.look(&[]).unwrap(), None, "there is none");
    let rows = [
        "item,A1,床位费,201,01,0,2015-01-01,",
        "item,B1,\"注射剂,\"\"甲\"\"\",101,03,0,2014-01-01,2014-12-31",
        "item,B1,注射剂,101,02,1,2015-01-01,2015-08-03",
        "item,B1,注射剂,101,01,0,2015-08-04,2015-12-31",
        "price,A1,310,2014-01-01,2015-06-30,60",
        "price,A1,310,2015-07-01,,",
        "price,A1,390,2015-01-01,,55.5000",
        "price,B1,,2010-01-01,,0.0001",
        "rate,B1,,2014-01-01,2015-08-02,0.1",
        "rate,B1,,2015-08-03,2015-12-31,1.0000",
    ];
    let taken = place.take(&text(7, &rows)).unwrap();
    let CatalogueInfo { serial, items, prices, rates, ref note, .. } = taken.list;
    assert_eq!((taken.changed, serial, items, prices, rates), (true, 7, 4, 4, 2));
    assert_eq!(note, "虚构目录，仅供测试");
    assert_eq!(catalogue.in_force().unwrap(), Some(taken.list), "another program took it in");
    for (code, on, insutype, expected) in [
        ("A1", date(2014, 12, 31), "310", None),
        ("A1", date(2015, 1, 1), "310", Some("01 0% 60.0000")),
        ("A1", date(2015, 6, 30), "310", Some("01 0% 60.0000")),
        ("A1", date(2015, 7, 1), "310", Some("01 0% -")),
        ("A1", DAY, "390", Some("01 0% 55.5000")),
        ("A1", DAY, "340", Some("01 0% -")),
        ("A1", date(9999, 12, 31), "390", Some("01 0% 55.5000")),
        ("B1", date(2014, 12, 31), "310", Some("03 10% 0.0001")),
        ("B1", date(2015, 1, 1), "310", Some("02 10% 0.0001 limited")),
        ("B1", date(2015, 8, 2), "", Some("02 10% 0.0001 limited")),
        ("B1", date(2015, 8, 3), "390", Some("02 100% 0.0001 limited")),
        ("B1", date(2015, 8, 4), "390", Some("01 100% 0.0001")),
        ("B1", date(2015, 12, 31), "390", Some("01 100% 0.0001")),
        ("B1", date(2016, 1, 1), "390", None),
        ("B", DAY, "310", None),
        ("b1", DAY, "310", None),
        ("", DAY, "310", None),
    ] {
        assert_eq!(told(&catalogue, code, on, insutype).as_deref(), expected, "{code} {on} {insutype}");
    }
    let asked = Asked { code: "B1", on: date(2014, 5, 1), insutype: "310" };
    let found = catalogue.look(&[asked, Asked { code: "X", ..asked }]).unwrap().unwrap().goods;
    assert_eq!(found[0].as_ref().unwrap().name, "注射剂,\"甲\"");
    assert_eq!((found.len(), &found[1]), (2, &None), "each in its place");
}

#[test]
fn each_mistake_is_told_by_its_place_and_nothing_is_taken_in() {
    let place = Place::new();
    place.take(&text(1, &["item,OLD,旧,201,01,0,2015-01-01,"])).unwrap();
    let item = "item,B1,注射剂,101,02,1,2015-01-01,2015-08-03";
    let cases: &[(&[&str], &[&str])] = &[
        (&["item,B1,注射剂,101,02,1,2015-01-01"], &["8:1"]),
        (&["item,B1,注射剂,101,02,1,2015-01-01,,x"], &["8:1"]),
        (&["item,B1,注射剂,101,02,1,2015-01-01,,,,,,"], &["8:1"]),
        (&["good,B1"], &["8:1"]),
        (&[""], &["8:1"]),
        (&["item,,注射剂,101,02,1,2015-01-01,"], &["8:6"]),
        (&["item,B1,\"注,射\",101x,02,1,2015-01-01,"], &["8:19"]),
        (&["item,B1,\"a\"\",b\",101,2,1,2015-01-01,"], &["8:21"]),
        (&["item,B1,\"a,101,02,1,2015-01-01,"], &["8:1"]),
        (&["item,B1,注,101,02,yes,2015-01-01,"], &["8:20"]),
        (&["item,B1,注,101,02,1,2015-02-30,"], &["8:22"]),
        (&["item,B1,注,101,02,1,2015-2-3,"], &["8:22"]),
        (&["item,B1,注,101,02,1,2015-02-03,2015-02-02"], &["8:33"]),
        (&[item, "item,A1,床,201,01,0,2015-01-01,"], &["9:6"]),
        (&[item, item], &["9:28"]),
        (&[item, "item,B1,注,101,02,1,2015-08-03,"], &["9:22"]),
        (&[item, "item,B1,注,101,02,1,2015-08-05,"], &["9:22"]),
        (&["item,B1,注,101,02,1,2015-01-01,", "item,B1,注,101,02,1,2016-01-01,"], &["9:22"]),
        (&[item, "price,B1,,2015-01-01,,1", item], &["10:1"]),
        (&[item, "price,B2,,2015-01-01,,1"], &["9:7"]),
        (&[item, "price,B1,,2015-01-02,,1"], &["9:11"]),
        (&[item, "price,B1,,2015-01-01,2015-08-02,1"], &["9:22"]),
        (&[item, "price,B1,,2015-01-01,2015-08-01,1", "price,B1,,2015-08-03,,1"], &["10:11"]),
        (&[item, "price,B1,,2015-01-01,,1", "price,B1,310,2015-01-01,,1"], &["10:10"]),
        (&[item, "price,B1,31,2015-01-01,,1"], &["9:10"]),
        (&[item, "price,B1,,2015-01-01,,1.00001"], &["9:23"]),
        (&[item, "price,B1,,2015-01-01,,-1"], &["9:23"]),
        (&[item, "rate,B1,,2015-01-01,,"], &["9:22"]),
        (&[item, "rate,B1,,2015-01-01,,1.0001"], &["9:22"]),
        (&[item, "rate,B1,,2015-01-01,,10%"], &["9:22"]),
        (&[item, "rate,B1,310,2015-01-01,2015-02-01,0.1", "rate,B1,390,2015-02-01,,0.1"], &["9:24", "10:13"]),
        (&[item, "price,B2,x,2015-01-01,,1", "rate,B1,,2015-01-01,,2"], &["9:10", "10:22"]),
    ];
    for (rows, places) in cases {
        let error = place.take(&text(2, rows)).unwrap_err();
        let found: Vec<_> = error.diagnostics().iter().map(|at| format!("{}:{}", at.line, at.column)).collect();
        assert_eq!(found, *places, "{rows:?}: {error}");
        assert!(error.is_final() && error.entry().code == "E-STORE-CATALOGUE-FORM");
        assert_eq!(told(&place.open(), "OLD", DAY, "310").as_deref(), Some("01 0% -"), "the one of before is in force");
        assert_eq!(place.files().len(), 1, "nothing of it stays");
    }
    let good = text(2, &[item]);
    for (text, at) in [
        (good.replace("items 1", "items 2"), "5:7"),
        (good.replace("rates 0", "rates 1"), "7:7"),
        (good.replace("note 虚构目录，仅供测试", "note  x"), "4:6"),
        (good.replace("note ", "title "), "4:1"),
        (good.replace("catalogue-1", "catalogue-2"), "1:1"),
        (good.replace('\n', "\r\n"), "1:17"),
        (good[..good.len() - 1].to_owned(), "8:1"),
        (good.replace("注射剂", &"长".repeat(700)), "8:1"),
        (good.replace("注射剂", &"长".repeat(201)), "8:9"),
    ] {
        let found = &place.take(&text).unwrap_err().diagnostics()[0].clone();
        assert_eq!(format!("{}:{}", found.line, found.column), at, "{found}");
        let checked = Catalogue::check(&mut place.file(&text, None)).unwrap_err();
        assert_eq!(&checked.diagnostics()[0], found, "whoever makes it is told the same");
    }
    let many: Vec<String> = (0..50).map(|n| format!("item,B{n},注,101,04,0,2015-01-01,")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(place.take(&text(2, &many)).unwrap_err().diagnostics().len(), lists::MOST_MISTAKES);
    assert!(place.take(&good).unwrap().changed);
}

#[test]
fn nothing_is_taken_in_that_is_not_signed_or_is_older() {
    let place = Place::new();
    let good = text(5, &["item,A1,床位费,201,01,0,2015-01-01,"]);
    let refused = |signature: Option<String>, seed: u8| {
        let keys = [signing(seed).public()];
        let error = place.open().import(&mut place.file(&good, signature), &keys, NOW).unwrap_err();
        assert!(error.entry().code == "E-STORE-CATALOGUE-SIGNATURE" && place.files().is_empty());
        error.to_string()
    };
    let by_list_key = signing(1).sign(&crate::store::LIST, sha256(good.as_bytes()));
    assert!(refused(None, 1).contains("the catalogue is not signed: there is no demo.csv.sig"));
    assert!(refused(Some(by_list_key), 1).contains("over this catalogue"), "one of a blacklist is none");
    assert!(refused(Some(signing(2).sign(&CATALOGUE, sha256(good.as_bytes()))), 1).contains("is not trusted here"));
    assert!(place.take(&good).unwrap().changed);
    assert!(!place.take(&good).unwrap().changed, "the same again");
    for other in [text(4, &[]), text(5, &[])] {
        assert_eq!(place.take(&other).unwrap_err().entry().code, "E-STORE-CATALOGUE-OLDER");
    }
    assert_eq!(told(&place.open(), "A1", DAY, "310").as_deref(), Some("01 0% -"));
}

#[test]
fn a_store_that_is_begun_anew_keeps_the_catalogue_and_a_damaged_one_is_told() {
    use crate::store::held::tests::{root, ruin};
    let place = Place::new();
    let good = text(5, &["item,A1,床位费,201,01,0,2015-01-01,"]);
    place.take(&good).unwrap();
    let path = place.dir.path().join("store.db");
    ruin(&path, root(&path, "accumulators"));
    let (store, renewed) = Store::open_or_renew(&path, NOW).unwrap();
    assert_eq!(renewed.unwrap().lost, Some(0));
    let catalogue = Catalogue::new(place.dir.path(), Arc::new(store));
    assert_eq!(told(&catalogue, "A1", DAY, "310").as_deref(), Some("01 0% -"));
    drop(catalogue);
    fs::remove_file(&place.files()[0]).unwrap();
    let error = place.open().look(&[Asked { code: "A1", on: DAY, insutype: "310" }]).unwrap_err();
    assert_eq!(error.entry().code, "E-STORE-CATALOGUE-DAMAGED");
    assert!(place.take(&good).unwrap().changed, "the same is taken in again");
    assert_eq!(told(&place.open(), "A1", DAY, "310").as_deref(), Some("01 0% -"));
}

/// Ends the work at its n-th step.
fn failing(nth: usize, fail: impl Fn() -> CatalogueError) -> impl FnMut() -> Result<(), CatalogueError> {
    let mut left = nth;
    move || {
        left -= 1;
        if left == 0 { Err(fail()) } else { Ok(()) }
    }
}

#[test]
fn after_a_failure_at_any_step_the_old_catalogue_is_in_force_or_the_new_one_whole() {
    let old = text(1, &["item,A1,床位费,201,01,0,2015-01-01,"]);
    let mut rows = vec!["item,A1,床位费,201,03,0,2015-01-01,".to_owned()];
    rows.extend((0..9000).map(|n| format!("item,B{n:05},药,101,02,0,2015-01-01,")));
    rows.push("rate,B08999,,2015-01-01,,0.2".to_owned());
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let new = text(2, &rows);
    let mut seen = BTreeSet::new();
    for killed in [false, true] {
        for nth in 1.. {
            let place = Place::new();
            place.take(&old).unwrap();
            let catalogue = place.open();
            let fail = || -> CatalogueError {
                assert!(!killed, "killed");
                StoreError::Disk("full".to_owned()).into()
            };
            let mut step = failing(nth, fail);
            let (mut list, keys) = (place.signed(&new), [signing(1).public()]);
            // A program that is killed takes nothing back, and neither does one that panics.
            let outcome = catch_unwind(AssertUnwindSafe(|| catalogue.imported(&mut list, &keys, NOW, &mut step)));
            let done = matches!(outcome, Ok(Ok(_)));
            let after = place.open();
            let serial = after.in_force().unwrap().unwrap().serial;
            let found = [told(&after, "A1", DAY, "310"), told(&after, "B08999", DAY, "310")];
            let expected = if serial == 2 { [Some("03 - -"), Some("02 20% -")] } else { [Some("01 0% -"), None] };
            assert_eq!(found.each_ref().map(|told| told.as_deref()), expected, "killed {killed}, step {nth}");
            seen.insert((killed, serial, done));
            place.take(&new).unwrap();
            place.take(&text(3, &["item,A1,床位费,201,01,0,2015-01-01,"])).unwrap();
            assert_eq!(place.files().len(), 1, "it goes on from there, and nothing is left over");
            if done {
                assert!(nth > 7, "the steps are these: {nth}");
                break;
            }
        }
    }
    // Neither before the row nor after it is left out.
    let ways = [false, true].into_iter().flat_map(|killed| [(killed, 1, false), (killed, 2, false), (killed, 2, true)]);
    assert_eq!(seen, ways.collect());
}

/// What the demonstration's bills say of their lines, the made-up catalogue says as well.
#[test]
fn the_demonstrations_catalogue_prices_its_bills_as_they_price_themselves() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = Place::new();
    place.take(&fs::read_to_string(root.join("config/catalogue/demo.csv")).unwrap()).unwrap();
    let catalogue = place.open();
    let json = |path: &str| -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(root.join(path)).unwrap()).unwrap()
    };
    let mut bills =
        vec![json("fixtures/demo/medical-settlement.json"), json("fixtures/settlement/l3-active-with-account.json")];
    for file in fs::read_dir(root.join("fixtures/scenarios")).unwrap() {
        let path = file.unwrap().path();
        // The work-injury fund limits other things at other prices.
        if path.ends_with("work-injury-settlement.toml") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let fixture: toml::Table = text.parse().unwrap();
        bills.extend(fixture.get("form").map(|form| serde_json::to_value(form).unwrap()));
    }
    let mut priced = 0;
    for line in bills.iter().filter_map(|bill| bill["lines"].as_array()).flatten() {
        let Some(code) = line["med_list_codg"].as_str() else { continue };
        let on = line["fee_ocur_time"].as_str().unwrap().parse().unwrap();
        let found = catalogue.look(&[Asked { code, on, insutype: "310" }]).unwrap().unwrap().goods.remove(0);
        let found = found.unwrap_or_else(|| panic!("{code} is not in it"));
        let said = |name: &str| line[name].as_str().filter(|said| !said.is_empty());
        let as_said = Good {
            chrgitm_lv: said("chrgitm_lv").map_or(found.chrgitm_lv.clone(), str::to_owned),
            lmt_used_flag: line["lmt_used_flag"].as_bool().unwrap_or(found.lmt_used_flag),
            selfpay_prop: said("selfpay_prop").map_or(found.selfpay_prop, |said| Some(said.parse().unwrap())),
            pric_uplmt_amt: said("pric_uplmt_amt").map_or(found.pric_uplmt_amt, |said| Some(said.parse().unwrap())),
            ..found.clone()
        };
        assert_eq!(found, as_said, "{code}");
        priced += 1;
    }
    assert!(priced >= 8, "{priced}");
}

/// `SBKD_FULL=1` takes a million codes in, and tells what it took: `cargo test --release -- --nocapture`.
#[test]
fn a_catalogue_of_very_many_is_taken_in_and_looked_up() {
    let count: u32 = if std::env::var_os("SBKD_FULL").is_some() { 1_000_000 } else { 20_000 };
    let place = Place::new();
    let mut text = format!(
        "sbkd-catalogue-1\nserial 1\nissued 2015-08-01T08:00:00+08:00\nnote 虚构目录\nitems {count}\nprices {count}\nrates {count}\n"
    );
    for n in 0..count {
        writeln!(text, "item,XA{n:07},演示药品{n},101,02,0,2015-01-01,").unwrap();
    }
    for n in 0..count {
        writeln!(text, "price,XA{n:07},,2015-01-01,,{}.5000", n % 1000).unwrap();
    }
    for n in 0..count {
        writeln!(text, "rate,XA{n:07},,2015-01-01,,0.{:04}", n % 10_000).unwrap();
    }
    let (bytes, mut list) = (text.len(), place.signed(&text));
    drop(text);
    let begun = Instant::now();
    let catalogue = place.open();
    catalogue.import(&mut list, &[signing(1).public()], NOW).unwrap();
    let (taken, begun) = (begun.elapsed(), Instant::now());
    catalogue.in_force().unwrap();
    let (proved, begun) = (begun.elapsed(), Instant::now());
    const LOOKS: u32 = 10_000;
    for nth in 0..LOOKS {
        let n = nth * (count / LOOKS);
        let expected =
            format!("02 {} {}", Rate(i64::from(n % 10_000) * 100), Price(i64::from(n % 1000) * 10_000 + 5000));
        assert_eq!(told(&catalogue, &format!("XA{n:07}"), DAY, "310"), Some(expected));
    }
    assert_eq!(told(&catalogue, &format!("XA{count:07}"), DAY, "310"), None);
    let (looked, size) = (begun.elapsed() / LOOKS, fs::metadata(&place.files()[0]).unwrap().len());
    println!("{count} codes, {bytes} bytes: taken in {taken:?}, {size} bytes proved {proved:?}, a look {looked:?}");
}
