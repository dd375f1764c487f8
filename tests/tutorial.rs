//! `docs/policy-packs-tutorial.md`: the pack that it builds is built from its blocks, and each output that it shows is
//! what is printed.

mod rig;

use std::fs;
use std::path::Path;

use rig::{Ran, tree};

const PAGE: &str = "docs/policy-packs-tutorial.md";

/// What stands between blocks of code, and the blocks.
enum Piece<'p> {
    Words(&'p str),
    Block { kind: &'p str, body: &'p str },
}

/// The page in pieces; blocks without a kind are words.
fn pieces(page: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find("```") {
        let (words, block) = rest.split_at(at);
        let (kind, block) = block[3..].split_once('\n').expect("a block begins on a line of its own");
        let end = block.find("```\n").expect("a block has an end");
        let whole = at + 3 + kind.len() + 1 + end + 4;
        if kind.is_empty() {
            pieces.push(Piece::Words(&rest[..whole]));
        } else {
            pieces.push(Piece::Words(words));
            pieces.push(Piece::Block { kind, body: &block[..end] });
        }
        rest = &rest[whole..];
    }
    pieces.push(Piece::Words(rest));
    pieces
}

/// The pack as far as it is written: a block that begins like one before takes its place, as the page says.
#[derive(Default)]
struct Pack(Vec<String>);

impl Pack {
    fn write(&mut self, block: &str) {
        let beginning = |block: &str| block.lines().take(2).map(str::to_owned).collect::<Vec<_>>();
        match self.0.iter_mut().find(|other| beginning(other) == beginning(block)) {
            Some(other) => *other = block.to_owned(),
            None => self.0.push(block.to_owned()),
        }
    }
}

/// The commands of a console block with what they print here.
fn run(console: &str, place: &Path) -> String {
    let commands: Vec<&str> = console.lines().filter_map(|line| line.strip_prefix("$ sbkd ")).collect();
    assert!(!commands.is_empty(), "{console}");
    let shown = commands.iter().map(|arguments| {
        let mut command = rig::bare();
        let ran = Ran::of({
            command.args(arguments.split(' ')).current_dir(place);
            command
        });
        format!("$ sbkd {arguments}\n{}{}", ran.stdout, ran.stderr)
    });
    shown.collect()
}

/// With `SBKD_WRITE=1` the page gets the outputs of this day.
#[test]
fn the_page_shows_what_its_pack_and_commands_come_to() {
    let place = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(tree(PAGE)).unwrap();
    let mut pack = Pack::default();
    let mut written = String::new();
    let mut outputs = 0;
    for piece in pieces(&page) {
        let (kind, body) = match piece {
            Piece::Words(words) => {
                written += words;
                continue;
            }
            Piece::Block { kind, body } => (kind, body),
        };
        let mut shown = body.to_owned();
        match kind {
            "toml" => {
                pack.write(body);
                fs::write(place.path().join("clinic.toml"), pack.0.join("\n")).unwrap();
            }
            "json" => fs::write(place.path().join("visit.json"), body).unwrap(),
            "csv" => fs::write(place.path().join("share.csv"), body).unwrap(),
            "console" => {
                shown = run(body, place.path());
                outputs += 1;
            }
            other => panic!("nobody knows what to do with a block of {other}"),
        }
        written += &format!("```{kind}\n{shown}```\n");
    }
    assert!(outputs >= 12, "{outputs}");
    if std::env::var_os("SBKD_WRITE").is_some() {
        return fs::write(tree(PAGE), written).unwrap();
    }
    let differs = page.lines().zip(written.lines()).position(|(page, shown)| page != shown);
    let around = |text: &str| text.lines().skip(differs.unwrap_or_default()).take(6).collect::<Vec<_>>().join("\n");
    assert!(
        page == written,
        "{PAGE} is of another day (SBKD_WRITE=1 cargo test --test tutorial). Line {}, it has:\n{}\nand this is shown:\n{}",
        differs.map_or(0, |at| at + 1),
        around(&page),
        around(&written)
    );
}
