//! A paper before it has a form: what stands on it, and in which order. Every form is made from this.

use std::fmt;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::failure::visible;
use crate::wire::Digest;

/// A text as it stands on paper: nothing in it moves a printer's head or turns the direction of writing. Wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Zeroizing<String>);

impl Text {
    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(visible(text).into_owned()))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A paper: all that stands on it, in whatever form. Wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    pub(super) title: Text,
    /// What is told under the title: that it is a demonstration's.
    pub(super) marks: Vec<Text>,
    /// Who and when.
    pub(super) head: Section,
    pub(super) sections: Vec<Section>,
    /// What belongs to this print and not to what it says: numbers, codes, the time.
    pub(super) foot: Section,
}

/// A part of a paper.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Section {
    pub(super) heading: Option<Text>,
    pub(super) blocks: Vec<Block>,
}

/// What a part is made of.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Block {
    /// Names with their values.
    Pairs(Vec<(Text, Text)>),
    /// A paragraph each.
    Sentences(Vec<Text>),
    Table(Table),
}

/// Rows under labels; each row has a cell a column.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) struct Table {
    pub(super) columns: Vec<Label>,
    pub(super) rows: Vec<Vec<Text>>,
}

/// A column's label.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Label {
    pub(super) text: Text,
    /// Its cells are amounts or numbers, which stand at the right.
    #[serde(skip)]
    pub(super) right: bool,
}

impl Document {
    /// A paper with nothing on it but its title.
    pub(super) fn titled(title: &str) -> Self {
        let (head, foot) = (Section::default(), Section::default());
        Self { title: title.into(), marks: Vec::new(), head, sections: Vec::new(), foot }
    }

    /// SHA-256 of what it says, whatever its form, and without its foot: printed again it is the same.
    ///
    /// Over the UTF-8 of `{"title","marks","head","sections"}` as JSON without blanks, members in this order; a section is
    /// `{"heading","blocks"}`, a block one of `{"pairs":[[name,value]…]}`, `{"sentences":[…]}` and
    /// `{"table":{"columns":[…],"rows":[[…]…]}}`.
    pub fn sha256(&self) -> Digest {
        #[derive(Serialize)]
        struct Content<'a> {
            title: &'a Text,
            marks: &'a [Text],
            head: &'a Section,
            sections: &'a [Section],
        }
        let mut hash = Hash(ring::digest::Context::new(&ring::digest::SHA256));
        let content = Content { title: &self.title, marks: &self.marks, head: &self.head, sections: &self.sections };
        // Strings and lists of them are always JSON, and a hash takes every byte.
        serde_json::to_writer(&mut hash, &content).expect("a paper's content is JSON");
        let mut digest = Digest::default();
        digest.0.copy_from_slice(hash.0.finish().as_ref());
        digest
    }

    /// How long its texts are together, in bytes.
    pub fn size(&self) -> usize {
        let parts = self.sections.iter().chain([&self.head, &self.foot]);
        let marks = self.marks.iter().map(|mark| mark.as_str().len()).sum::<usize>();
        self.title.as_str().len() + marks + parts.map(Section::size).sum::<usize>()
    }
}

/// Names its title and nothing else: what it says may be personal.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("title", &self.title.as_str()).finish_non_exhaustive()
    }
}

impl Section {
    /// A part under a heading.
    pub(super) fn under(heading: &str) -> Self {
        Self { heading: Some(heading.into()), blocks: Vec::new() }
    }

    /// A name and its value, after what is there.
    pub(super) fn pair(&mut self, name: &str, value: impl Into<Text>) {
        let pair = (name.into(), value.into());
        match self.blocks.last_mut() {
            Some(Block::Pairs(pairs)) => pairs.push(pair),
            _ => self.blocks.push(Block::Pairs(vec![pair])),
        }
    }

    /// A sentence, after what is there.
    pub(super) fn say(&mut self, sentence: &str) {
        match self.blocks.last_mut() {
            Some(Block::Sentences(sentences)) => sentences.push(sentence.into()),
            _ => self.blocks.push(Block::Sentences(vec![sentence.into()])),
        }
    }

    /// A table, after what is there.
    pub(super) fn table(&mut self, table: Table) {
        self.blocks.push(Block::Table(table));
    }

    fn size(&self) -> usize {
        let length = |text: &Text| text.as_str().len();
        let blocks = self.blocks.iter().map(|block| match block {
            Block::Pairs(pairs) => pairs.iter().map(|(name, value)| length(name) + length(value)).sum::<usize>(),
            Block::Sentences(sentences) => sentences.iter().map(length).sum(),
            Block::Table(table) => {
                let labels = table.columns.iter().map(|column| &column.text);
                table.rows.iter().flatten().chain(labels).map(length).sum()
            }
        });
        self.heading.as_ref().map_or(0, length) + blocks.sum::<usize>()
    }
}

impl Table {
    /// Its rows for narrow paper: each cell beside its column's label.
    pub(super) fn upright(&self) -> impl Iterator<Item = impl Iterator<Item = (&Text, &Text)>> {
        self.rows.iter().map(|row| self.columns.iter().map(|column| &column.text).zip(row))
    }
}

/// A hash that can be written to: no copy of what it takes is made.
struct Hash(ring::digest::Context);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
