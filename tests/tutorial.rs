//! `docs/policy-packs-tutorial.md`: the pack that it builds is built from its blocks, and each output that it shows is
//! what is printed.

mod rig;

use std::fs;
use std::path::Path;

use rig::page::{Blocks, Piece, held, pieces};
use rig::{Ran, tree};

const PAGE: &str = "docs/policy-packs-tutorial.md";

/// The commands of a console block with what they print here.
fn run(console: &str, place: &Path) -> String {
    let commands: Vec<&str> = console.lines().filter_map(|line| line.strip_prefix("$ sbkd ")).collect();
    assert!(!commands.is_empty(), "{console}");
    let shown = commands.iter().map(|arguments| {
        let mut command = rig::bare();
        command.args(arguments.split(' ')).current_dir(place);
        let ran = Ran::of(command);
        format!("$ sbkd {arguments}\n{}{}", ran.stdout, ran.stderr)
    });
    shown.collect()
}

/// With `SBKD_WRITE=1` the page gets the outputs of this day.
#[test]
fn the_page_shows_what_its_pack_and_commands_come_to() {
    let place = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(tree(PAGE)).unwrap();
    let mut pack = Blocks::default();
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
            "toml" => fs::write(place.path().join("clinic.toml"), pack.write(body)).unwrap(),
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
    held(PAGE, &written, str::to_owned, "tutorial");
}
