//! (k) A catalogue of a million codes: how fast it is taken in and looked up, and the most memory that takes.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use jiff::civil::date;
use sbkd::rules::SigningKey;
use sbkd::store::{Asked, CATALOGUE, Catalogue, Goods, Store};
use sbkd::terminal::list_file;
use sbkd::wire::Digest;
use sbkd::world::{Clock as _, SystemClock, SystemRandom};

use crate::machine::{most_resident_kb, resident_kb};
use crate::numbers::{at, ms};
use crate::table::{Row, parse, render};

/// The argument by which the bench starts itself as the program that takes it in: its memory is looked at.
pub const CHILD: &str = "catalogue-here";
/// How many codes; each has a row of each kind.
const CODES: u32 = 1_000_000;
const LOOKS: u32 = 20_000;

/// Measures.
pub fn measure() -> Vec<Row> {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("catalogue.csv");
    write(&file).expect("a catalogue is written");
    let child = Command::new(std::env::current_exe().expect("this program")).arg(CHILD).arg(dir.path()).output();
    let output = child.expect("the bench starts itself");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    parse(&String::from_utf8_lossy(&output.stdout))
}

fn write(path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    write!(file, "sbkd-catalogue-1\nserial 1\nissued 2015-08-01T08:00:00+08:00\nnote 虚构目录 / made up\n")?;
    writeln!(file, "items {CODES}\nprices {CODES}\nrates {CODES}")?;
    for n in 0..CODES {
        writeln!(file, "item,{},演示药品{n},101,02,0,2015-01-01,", code(n))?;
    }
    for n in 0..CODES {
        writeln!(file, "price,{},,2015-01-01,,{}.5000", code(n), n % 1000)?;
    }
    for n in 0..CODES {
        writeln!(file, "rate,{},,2015-01-01,,0.{:04}", code(n), n % 10_000)?;
    }
    file.flush()
}

/// As long as a national code is.
fn code(n: u32) -> String {
    format!("XDEMO{n:012}000000000")
}

/// What the child does.
pub fn here(dir: &Path) {
    let file = dir.join("catalogue.csv");
    let size = fs::metadata(&file).expect("the catalogue").len();
    let begun = Instant::now();
    let checked = Catalogue::check(&mut list_file::<Goods>(&file).expect("the catalogue")).expect("it is sound");
    let proved = begun.elapsed();
    let key = SigningKey::read(&SigningKey::make(&SystemRandom::default()).expect("a key")).expect("a key");
    let sha256: Digest = checked.sha256;
    let signature = key.sign(&CATALOGUE, sha256);
    fs::write(dir.join("catalogue.csv.sig"), signature).expect("a signature");

    let before = resident_kb(std::process::id()).unwrap_or_default();
    let store = Arc::new(Store::open(&dir.join("store.db")).expect("a store"));
    let catalogue = Catalogue::new(dir, store);
    let mut list = list_file::<Goods>(&file).expect("the catalogue");
    let begun = Instant::now();
    catalogue.import(&mut list, &[key.public()], SystemClock.now()).expect("it is taken in");
    let taken = begun.elapsed();
    let begun = Instant::now();
    catalogue.in_force().expect("it is sound");
    let first = begun.elapsed();
    let mut times = Vec::new();
    for look in 0..LOOKS {
        // Spread over all of them, no two neighbours one after the other.
        let code = code(u32::try_from(u64::from(look) * 7_919 * 131 % u64::from(CODES)).unwrap_or_default());
        let asked = [Asked { code: &code, on: date(2015, 8, 3), insutype: "310" }];
        let begun = Instant::now();
        let found = catalogue.look(&asked).expect("it is looked up").expect("there is one");
        times.push(begun.elapsed());
        assert!(found.goods[0].as_ref().is_some_and(|good| good.pric_uplmt_amt.is_some()));
    }
    let most = most_resident_kb(std::process::id()).unwrap_or_default();
    let a_second = u128::from(3 * CODES) * 1000 / taken.as_millis().max(1);
    let mb = |kb: u64| format!("{}.{:02} MB", kb / 1000, kb % 1000 / 10);
    let (median, worst) = (at(&mut times, 50), at(&mut times, 99));
    println!(
        "{}",
        render(&[
            Row::plain(
                &format!("(k) a catalogue of {CODES} codes, {} rows, {} is taken in", 3 * CODES, mb(size / 1000)),
                format!("{} ({a_second} rows a second)", ms(taken)),
            ),
            Row::plain("(k) the same checked by who makes it", ms(proved)),
            Row::plain("(k) the first look after that, which proves the file", ms(first)),
            Row::plain(
                &format!("(k) a code looked up, {LOOKS} times"),
                format!("median {}, 99th percentile {}", ms(median), ms(worst)),
            ),
            Row::plain(
                "(k) the most memory of the program over all of it",
                format!("{} ({} when it began to take it in)", mb(most), mb(before)),
            ),
        ])
    );
}
