//! A pack's TOML with its places: every key is taken by name, and what nobody takes is a mistake.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashSet;
#[cfg(test)]
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nearly::{is_key, nearly};
use crate::failure::{Diagnostic, place};
use crate::rules::val::parse_date;

/// The most mistakes told of one file: enough to read, and few enough that finding their places takes no time.
pub(super) const MOST_MISTAKES: usize = 200;

/// A file being read, and the mistakes found so far.
pub(super) struct Page<'a> {
    file: &'a str,
    text: &'a str,
    mistakes: RefCell<Vec<Diagnostic>>,
    /// The keys that are asked for, by the byte at which their table stands: the schema is held to them.
    #[cfg(test)]
    pub asked: RefCell<BTreeMap<usize, BTreeSet<String>>>,
}

/// A value and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    page: &'a Page<'a>,
    /// Byte offset.
    pub at: usize,
    end: usize,
    value: &'a DeValue<'a>,
}

/// A table's keys. [`Keys::end`] is called last, so that unknown keys are told.
pub(super) struct Keys<'a> {
    page: &'a Page<'a>,
    /// Byte offset.
    pub at: usize,
    /// In the order of the file.
    entries: Vec<Entry<'a>>,
    /// Which of them are keys of no table: most often none. Those may be slips.
    strange: OnceCell<Vec<usize>>,
}

/// A key with its value.
struct Entry<'a> {
    key: &'a str,
    /// Where the key stands.
    at: usize,
    item: Item<'a>,
    /// Somebody asked for it.
    used: Cell<bool>,
}

impl<'a> Page<'a> {
    /// A file without mistakes yet.
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            mistakes: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    /// Tells a mistake at a byte offset; no more than [`MOST_MISTAKES`].
    pub fn mistake(&self, at: usize, message: impl Into<String>) {
        if self.mistakes.borrow().len() >= MOST_MISTAKES {
            return;
        }
        let (line, column) = place(self.text, at);
        self.mistakes.borrow_mut().push(Diagnostic {
            file: self.file.to_owned(),
            line,
            column,
            message: message.into(),
        });
    }

    /// The file's name.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// Whether there is no mistake yet.
    pub fn clean(&self) -> bool {
        self.mistakes.borrow().is_empty()
    }

    /// Every mistake, by place, each once.
    pub fn mistakes(self) -> Vec<Diagnostic> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort();
        mistakes.dedup();
        mistakes
    }

    /// The keys of the whole file.
    pub fn root(&'a self, table: &'a Spanned<DeTable<'a>>) -> Keys<'a> {
        Keys::of(self, 0, table.get_ref())
    }
}

impl<'a> Item<'a> {
    fn new(page: &'a Page<'a>, value: &'a Spanned<DeValue<'a>>) -> Self {
        let span = value.span();
        Self { page, at: span.start, end: span.end, value: value.get_ref() }
    }

    /// Tells a mistake here.
    pub fn mistake(&self, message: impl Into<String>) {
        self.page.mistake(self.at, message);
    }

    /// The file's offset of byte `offset` of this text; of the text's beginning when it has escapes.
    pub fn inside(&self, offset: usize) -> usize {
        let raw = self.page.text.get(self.at..self.end).unwrap_or_default();
        match self.value.as_str().and_then(|text| raw.find(text)) {
            Some(start) => self.at + start + offset,
            None => self.at,
        }
    }

    /// Tells a mistake at byte `offset` of this text.
    pub fn tell_inside(&self, offset: usize, message: impl Into<String>) {
        self.page.mistake(self.inside(offset), message);
    }

    /// A text.
    pub fn text(&self) -> Option<&'a str> {
        self.or_wrong(self.value.as_str(), "a text in quotes")
    }

    /// True or false.
    pub fn bool(&self) -> Option<bool> {
        self.or_wrong(self.value.as_bool(), "true or false")
    }

    /// A date.
    pub fn date(&self) -> Option<Date> {
        let date = self.value.as_datetime().and_then(|date| parse_date(&date.to_string()));
        self.or_wrong(date, "a date such as 2015-08-01, without quotes")
    }

    /// A whole number that is not negative.
    pub fn count(&self) -> Option<usize> {
        let number = self.value.as_integer().filter(|n| n.radix() == 10).and_then(|n| n.as_str().parse().ok());
        self.or_wrong(number, "a whole number")
    }

    /// A list.
    pub fn list(&self) -> Option<Vec<Item<'a>>> {
        let list = self.value.as_array().map(|list| list.iter().map(|value| Item::new(self.page, value)).collect());
        self.or_wrong(list, "a list")
    }

    /// A list of texts.
    pub fn texts(&self) -> Option<Vec<(Item<'a>, &'a str)>> {
        self.list()?.into_iter().map(|item| Some((item, item.text()?))).collect()
    }

    /// A table.
    pub fn keys(&self) -> Option<Keys<'a>> {
        let table = self.value.as_table().map(|table| Keys::of(self.page, self.at, table));
        self.or_wrong(table, "a table")
    }

    /// A value in the form it has in data: texts as they are, TOML's own integers, booleans and dates written out.
    pub fn written(&self) -> Option<String> {
        self.or_wrong(self.data(), "a text, a whole number, true, false or a date")
    }

    /// The same without a word where it is none of these.
    pub fn data(&self) -> Option<String> {
        match self.value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(n) if n.radix() == 10 => Some(n.as_str().to_owned()),
            DeValue::Boolean(b) => Some(b.to_string()),
            DeValue::Datetime(date) => Some(date.to_string()),
            _ => None,
        }
    }

    /// How many elements it has, where it is a list.
    pub fn elements(&self) -> Option<usize> {
        self.value.as_array().map(|list| list.len())
    }

    /// The value as a caller would give it in JSON.
    pub fn json(&self) -> Option<Value> {
        match self.value {
            DeValue::Boolean(b) => Some(Value::Bool(*b)),
            DeValue::Integer(n) => {
                let n = (n.radix() == 10).then(|| n.as_str().parse::<i64>().ok()).flatten();
                self.or_wrong(n, "a whole number of 64 bits").map(Value::from)
            }
            _ => self.written().map(Value::String),
        }
    }

    /// A table of such values.
    pub fn json_map(&self) -> Option<Map<String, Value>> {
        self.keys()?.entries.iter().map(|entry| Some((entry.key.to_owned(), entry.item.json()?))).collect()
    }

    fn or_wrong<T>(&self, found: Option<T>, wanted: &str) -> Option<T> {
        if found.is_none() {
            self.mistake(format!("{wanted} is wanted here"));
        }
        found
    }
}

impl<'a> Keys<'a> {
    fn of(page: &'a Page<'a>, at: usize, table: &'a DeTable<'a>) -> Self {
        let entries = table.iter().map(|(key, value)| Entry {
            key: key.get_ref(),
            at: key.span().start,
            item: Item::new(page, value),
            used: Cell::new(false),
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort_unstable_by_key(|entry| entry.at);
        Self { page, at, entries, strange: OnceCell::new() }
    }

    /// The value of a key that may be left out.
    pub fn get(&self, key: &str) -> Option<Item<'a>> {
        #[cfg(test)]
        self.page.asked.borrow_mut().entry(self.at).or_default().insert(key.to_owned());
        let entry = self.entry(key)?;
        entry.used.set(true);
        if entry.key != key {
            self.page.mistake(entry.at, format!("unknown key '{}': write '{key}'", entry.key));
        }
        Some(entry.item)
    }

    /// A key, or else one that is it but for a slip: what follows from its being there is not told.
    fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        let exactly = self.entries.iter().find(|entry| entry.key == key);
        exactly.or_else(|| self.strange().find(|entry| nearly(entry.key, key)))
    }

    fn strange(&self) -> impl Iterator<Item = &Entry<'a>> {
        let found = || (0..self.entries.len()).filter(|at| !is_key(self.entries[*at].key)).collect();
        self.strange.get_or_init(found).iter().map(|at| &self.entries[*at])
    }

    /// The value of a key that must be there.
    pub fn need(&self, key: &str) -> Option<Item<'a>> {
        let item = self.get(key);
        if item.is_none() {
            self.page.mistake(self.at, format!("'{key}' is missing"));
        }
        item
    }

    /// Every key with its place, in the order of the file; all count as known.
    pub fn all(&self) -> Vec<(&'a str, usize, Item<'a>)> {
        let known = |entry: &Entry<'a>| {
            entry.used.set(true);
            (entry.key, entry.at, entry.item)
        };
        self.entries.iter().map(known).collect()
    }

    /// The tables of the list `key`, none when it is left out.
    pub fn tables(&self, key: &str) -> Vec<Keys<'a>> {
        let list = self.get(key).and_then(|item| item.list()).unwrap_or_default();
        list.into_iter().filter_map(|item| item.keys()).collect()
    }

    /// The same without a word on mistakes, and without the key being known by it.
    pub fn peek_tables(&self, key: &str) -> Vec<Keys<'a>> {
        let item = self.peek(key);
        let list = item.and_then(|item| item.value.as_array()).map(|list| list.iter()).into_iter().flatten();
        list.filter_map(|item| Some(Keys::of(self.page, item.span().start, item.get_ref().as_table()?))).collect()
    }

    /// A value, likewise.
    pub fn peek(&self, key: &str) -> Option<Item<'a>> {
        self.entry(key).map(|entry| entry.item)
    }

    /// A table, likewise.
    pub fn peek_table(&self, key: &str) -> Option<Keys<'a>> {
        let item = self.peek(key)?;
        Some(Keys::of(self.page, item.at, item.value.as_table()?))
    }

    /// A text, likewise.
    pub fn peek_text(&self, key: &str) -> Option<&'a str> {
        self.peek(key).and_then(|item| item.value.as_str())
    }

    /// Whether it has a key that is none of these, not even but for a slip.
    pub fn has_others(&self, known: &[&str]) -> bool {
        let taken: HashSet<_> = known.iter().filter_map(|key| Some(self.entry(key)?.key)).collect();
        self.entries.iter().any(|entry| !taken.contains(entry.key))
    }

    /// Tells a mistake at this table.
    pub fn mistake(&self, message: impl Into<String>) {
        self.page.mistake(self.at, message);
    }

    /// Tells the keys that nobody took.
    pub fn end(&self) {
        for entry in self.entries.iter().filter(|entry| !entry.used.get()) {
            self.page.mistake(entry.at, format!("unknown key '{}'", entry.key));
        }
    }
}
