//! Texts, each kept once and known by its number, so that two are compared as two numbers are.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use hashbrown::HashTable;

use super::val::TextId;

/// Texts in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    /// All of them, one behind the other, and where each ends.
    all: String,
    ends: Vec<usize>,
    /// Their positions, by what they are.
    positions: HashTable<usize>,
}

/// The texts of a case behind those of its pack, which stay from case to case.
#[derive(Debug)]
pub(super) struct CaseTexts<'p> {
    pack: &'p Texts,
    case: Texts,
}

impl Texts {
    /// The number of `text`, which is kept unless it is there already.
    pub fn keep(&mut self, text: &str) -> TextId {
        let hash = hash(text);
        let at = self.find(hash, text).unwrap_or_else(|| self.push(hash, text));
        id(at)
    }

    /// The text at a position; empty where there is none.
    fn at(&self, at: usize) -> &str {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(at).and_then(|end| self.all.get(start..*end)).unwrap_or_default()
    }

    fn find(&self, hash: u64, text: &str) -> Option<usize> {
        self.positions.find(hash, |at| self.at(*at) == text).copied()
    }

    fn push(&mut self, hash_of: u64, text: &str) -> usize {
        let at = self.ends.len();
        self.all.push_str(text);
        self.ends.push(self.all.len());
        let Self { all, ends, positions } = self;
        let start = |at: usize| if at == 0 { 0 } else { ends[at - 1] };
        positions.insert_unique(hash_of, at, |at| hash(&all[start(*at)..ends[*at]]));
        at
    }

    fn clear(&mut self) {
        if !self.ends.is_empty() {
            self.all.clear();
            self.ends.clear();
            self.positions.clear();
        }
    }
}

impl<'p> CaseTexts<'p> {
    /// No texts but the pack's.
    pub fn new(pack: &'p Texts) -> Self {
        Self { pack, case: Texts::default() }
    }

    /// Forgets the case's texts.
    pub fn clear(&mut self) {
        self.case.clear();
    }

    /// The number of `text`, which is kept unless it is there already.
    pub fn keep(&mut self, text: &str) -> TextId {
        let hash = hash(text);
        let at = self.pack.find(hash, text).unwrap_or_else(|| {
            let at = self.case.find(hash, text).unwrap_or_else(|| self.case.push(hash, text));
            self.pack.ends.len() + at
        });
        id(at)
    }

    /// The text that has this number.
    pub fn get(&self, id: TextId) -> &str {
        let at = usize::try_from(id.0).unwrap_or(usize::MAX);
        match at.checked_sub(self.pack.ends.len()) {
            None => self.pack.at(at),
            Some(at) => self.case.at(at),
        }
    }
}

fn id(at: usize) -> TextId {
    TextId(at as u64)
}

/// The same in every run, so that nothing depends on chance.
fn hash(text: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn same_texts_have_one_number_and_come_back(
            pack in prop::collection::vec("[a-c]{0,2}", 0..20), cases in prop::collection::vec(prop::collection::vec("[a-d]{0,3}", 0..40), 1..4),
        ) {
            let mut constants = Texts::default();
            for text in &pack {
                constants.keep(text);
            }
            let mut texts = CaseTexts::new(&constants);
            for case in cases {
                texts.clear();
                let all: Vec<_> = pack.iter().chain(&case).map(|text| (text, texts.keep(text))).collect();
                for (text, id) in &all {
                    prop_assert_eq!(texts.get(*id), text.as_str());
                    prop_assert!(all.iter().all(|(other, number)| (other == text) == (number == id)));
                }
            }
        }
    }
}
