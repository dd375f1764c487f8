//! (w) What each flow takes on the wire: APDUs, bytes, and the time that these take by calculation on a contact card and
//! by radio, beside the sequence of a plain driver: a SELECT a file, a READ RECORD a record, each Le probed.
//!
//! Nothing here depends on the machine: both run on a virtual card in this process, and what went over is counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sbkd::card::{self, Card, InitialPins, Pairs, Parts, Validation};
use sbkd::cipher::Algorithm;
use sbkd::keys::{KeyService as _, Soft};
use sbkd::profile::{ItemName, Profile};
use sbkd::reader::Lease;
use sbkd::script::Library;
use sbkd::store::Store;
use sbkd::virtual_card::{Image, InProcess, Memory};
use sbkd::world::{SystemClock, SystemRandom};

use crate::numbers::{ms, ratio, thousandths};
use crate::rig::image;
use crate::table::Row;
use crate::tape::{Exchange, Tap, Tape};

mod line;
mod ours;
mod plain;
mod uses;

use line::Line;

const WITHIN: Duration = Duration::from_secs(60);

/// A way to read, on a card that can read whole files or cannot.
struct Flow {
    what: &'static str,
    card: &'static str,
    whole: bool,
    /// The files of one directory that are read by its key; none stands for card and holder.
    files: &'static [&'static str],
}

/// The flows that are compared.
const FLOWS: &[Flow] = &[
    Flow { what: "card and holder, 3.0", card: "v3-sm4", whole: true, files: &[] },
    Flow { what: "card and holder, 3.0, record by record", card: "v3-no-whole-file", whole: false, files: &[] },
    Flow { what: "card and holder, 2.0", card: "v2-3des", whole: true, files: &[] },
    Flow { what: "card and holder, 2.0, record by record", card: "v2-no-whole-file", whole: false, files: &[] },
    Flow { what: "card and holder, 1.0", card: "v1-3des", whole: true, files: &[] },
    Flow {
        what: "医疗保险基本信息 (DF04/EF05, 16 items)", card: "v3-full", whole: true, files: &["DF04/EF05"]
    },
    Flow { what: "the same, record by record", card: "v3-full-no-whole-file", whole: false, files: &["DF04/EF05"] },
    Flow { what: "the same, 2.0", card: "v2-full", whole: true, files: &["DF04/EF05"] },
    Flow { what: "the same, 1.0", card: "v1-full", whole: true, files: &["DF04/EF05"] },
    Flow {
        what: "养老 and 工伤 (DF03/EF07, EF15)", card: "v3-full", whole: true, files: &["DF03/EF07", "DF03/EF15"]
    },
    Flow {
        what: "the same, record by record",
        card: "v3-full-no-whole-file",
        whole: false,
        files: &["DF03/EF07", "DF03/EF15"],
    },
    Flow { what: "photo (4096 bytes), 3.0", card: "v3-full", whole: true, files: &["SSSE/EF08"] },
    Flow { what: "photo (4096 bytes), 2.0", card: "v2-full", whole: true, files: &["SSSE/EF08"] },
];

/// Counts and reckons; needs no pcscd and takes no time to speak of.
pub fn measure() -> Vec<Row> {
    FLOWS.iter().flat_map(rows).chain(uses::USES.iter().flat_map(rows_of_use)).collect()
}

/// Without a goal.
fn rows_of_use(one: &uses::Use) -> [Row; 3] {
    let name = |tail: &str| format!("(w) {}: {tail}", one.what);
    let (ours, plain) = one.tapes();
    let times = LINES.map(|line| format!("{} {}", line.name, ratio(line.time(&ours), line.time(&plain))));
    let ratios = format!("APDUs {}, {}", ratio(apdus(&ours), apdus(&plain)), times.join(", "));
    [
        Row::plain(&name("ours"), figure(&ours)),
        Row::plain(&name("plain"), figure(&plain)),
        Row::plain(&name("ratios"), ratios),
    ]
}

const LINES: [Line; 3] = [Line::CONTACT_9600, Line::CONTACT_115200, Line::RADIO_106];

fn apdus(tape: &[Exchange]) -> Duration {
    Duration::from_nanos(tape.len() as u64)
}

fn rows(flow: &Flow) -> Vec<Row> {
    let chip = Image::load(&image(flow.card)).expect("an image");
    let (ours, plain) = match flow.files {
        [] => (ours(&chip, &[]), plain::read(&chip)),
        files => (ours(&chip, files), plain::read_files(&chip, files)),
    };
    let (commands, time) = if flow.whole { (500, 650) } else { (600, 800) };
    let name = |tail: &str| format!("(w) {}: {tail}", flow.what);
    let mut rows = vec![
        Row::plain(&name("ours"), figure(&ours)),
        Row::plain(&name("plain"), figure(&plain)),
        goal(&name("APDUs, ratio"), apdus(&ours), apdus(&plain), commands),
    ];
    for line in LINES {
        let what = name(&format!("time {}, ratio", line.name));
        rows.push(goal(&what, line.time(&ours), line.time(&plain), time));
    }
    rows
}

fn goal(what: &str, ours: Duration, plain: Duration, most: u128) -> Row {
    let wanted = format!("at most 0.{:02}", most / 10);
    Row::with_goal(what, ratio(ours, plain), &wanted, thousandths(ours, plain) <= most)
}

fn figure(tape: &[Exchange]) -> String {
    let bytes: usize = tape.iter().map(|exchange| exchange.sent.len() + exchange.got.len()).sum();
    let times = LINES.map(|line| format!("{} {}", line.name, ms(line.time(tape))));
    format!("{} exchanges, {bytes} bytes; {}", tape.len(), times.join(", "))
}

/// What the program sends to a card whose type it has seen before.
fn ours(image: &Image, files: &[&str]) -> Vec<Exchange> {
    let store = Store::in_memory().expect("a store in memory");
    read(image, &store, files);
    read(image, &store, files)
}

fn read(image: &Image, store: &Store, files: &[&str]) -> Vec<Exchange> {
    let tape = Tape::default();
    let mut keys = demonstration_keys();
    let parts = Parts {
        lease: &mut lease_on(image, &image.memory().expect("a card"), &tape),
        keys: &mut keys,
        scripts: &Library::builtin(),
        profile: &Profile::builtin(),
        store: Some(store),
        pairs: Pairs::Terminal(store),
        clock: &SystemClock,
        random: &SystemRandom::default(),
        default_algorithm: Some(Algorithm::TripleDes),
        initial_pins: &InitialPins::default(),
        validation: Validation::WITHOUT_LIST,
    };
    if files.is_empty() {
        card::read(parts, &mut |_| {}).expect("a whole read");
    } else {
        let names: Vec<ItemName> = files.iter().map(|file| file.parse().expect("a file's name")).collect();
        let mut card = Card::open(parts, &mut |_| {}).expect("a card");
        card.read(&names, None).expect("the files");
    }
    std::mem::take(&mut *tape.lock().expect("nobody panics with the tape"))
}

/// The card of an image with this memory, what goes to it taken down.
fn lease_on(image: &Image, memory: &Memory, tape: &Tape) -> Lease {
    let chip = InProcess::new(image.chip_with(memory, Arc::new(SystemRandom::default()))).expect("a chip");
    Lease::new("virtual", Tap::on(Box::new(chip), 0, tape), Instant::now() + WITHIN)
}

fn demonstration_keys() -> Soft {
    let file = image("demonstration-keys");
    let keys = Soft::load(&file, true).expect("the demonstration's keys");
    assert_eq!(keys.commands(), 0, "no PSAM is asked");
    keys
}

#[cfg(test)]
mod tests {
    use crate::rig::tree;
    use crate::table::{self, Row};

    /// The flows that miss every goal of reading: the photo's bytes are the same for everybody, and most of what goes
    /// over (docs/bench.md).
    const MISSED: [&str; 2] = ["photo (4096 bytes), 3.0", "photo (4096 bytes), 2.0"];
    const GOALS: [&str; 4] =
        ["APDUs, ratio", "time contact 9600, ratio", "time contact 115200, ratio", "time contactless 106, ratio"];

    #[test]
    fn every_goal_is_met_but_those_of_a_photo() {
        let rows = super::measure();
        let of_met = |wanted: bool| {
            let found = rows.iter().filter(move |row| row.goal.as_ref().is_some_and(|(_, met)| *met == wanted));
            found.map(|Row { what, .. }| what.clone()).collect::<Vec<_>>()
        };
        let missed = MISSED.iter().flat_map(|flow| GOALS.map(|goal| format!("(w) {flow}: {goal}")));
        assert_eq!(of_met(false), missed.collect::<Vec<_>>());
        assert_eq!(of_met(true).len(), GOALS.len() * (super::FLOWS.len() - MISSED.len()));
    }

    #[test]
    fn the_table_in_the_documentation_is_this_one() {
        let path = tree("docs/bench.md");
        let text = std::fs::read_to_string(&path).expect("the documentation");
        let (before, rest) = text.split_once("<!-- wire -->\n").expect("where the table begins");
        let (table, after) = rest.split_once("<!-- end of wire -->").expect("where it ends");
        let now = table::render(&super::measure());
        if std::env::var_os("SBKD_WRITE").is_some() {
            let text = [before, "<!-- wire -->\n", &now, "<!-- end of wire -->", after].concat();
            std::fs::write(&path, text).expect("the documentation is written");
        } else {
            assert!(table == now, "SBKD_WRITE=1 cargo test -p sbkd-bench writes it anew; it is\n{now}");
        }
    }
}
