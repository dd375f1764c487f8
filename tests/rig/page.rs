//! Pages that are made of what they show: their blocks of files and commands, and what they are held to.

use std::fs;

use super::tree;

/// What stands between blocks of code, and the blocks.
pub enum Piece<'p> {
    Words(&'p str),
    Block { kind: &'p str, body: &'p str },
}

/// The page in pieces; blocks without a kind are words.
pub fn pieces(page: &str) -> Vec<Piece<'_>> {
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

/// A file as far as it is written: a block that begins like one before takes its place, as the page says.
#[derive(Default)]
pub struct Blocks(Vec<String>);

impl Blocks {
    /// Writes a block; the file so far.
    pub fn write(&mut self, block: &str) -> String {
        let beginning = |block: &str| block.lines().take(2).map(str::to_owned).collect::<Vec<_>>();
        match self.0.iter_mut().find(|other| beginning(other) == beginning(block)) {
            Some(other) => *other = block.to_owned(),
            None => self.0.push(block.to_owned()),
        }
        self.0.join("\n")
    }
}

/// The page is as `written`, but for what `steady` takes out of both. With `SBKD_WRITE=1` it becomes that.
#[track_caller]
pub fn held(page: &str, written: &str, steady: impl Fn(&str) -> String, test: &str) {
    let text = fs::read_to_string(tree(page)).unwrap();
    let (is, shown) = (steady(&text), steady(written));
    if std::env::var_os("SBKD_WRITE").is_some() {
        // What alone changes each time is left as it is.
        if is != shown {
            fs::write(tree(page), written).unwrap();
        }
        return;
    }
    let differs = is.lines().zip(shown.lines()).position(|(page, shown)| page != shown);
    let around = |text: &str| text.lines().skip(differs.unwrap_or_default()).take(6).collect::<Vec<_>>().join("\n");
    assert!(
        is == shown,
        "{page} is of another day (SBKD_WRITE=1 cargo test --test {test}). Line {}, it has:\n{}\nand this is shown:\n{}",
        differs.map_or(0, |at| at + 1),
        around(&is),
        around(&shown)
    );
}
