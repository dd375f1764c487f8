//! What a part sends upstream, read from `[scenario.message]`.

use toml::Spanned;

use super::Check;
use crate::scenario::definition::{Field, FieldType, Messages, MessagesFor};
use crate::scenario::file::{MessageForTable, MessageTable};
use crate::value::Kind;

/// What settles, is asked before each case, and takes back: nothing else goes by these numbers.
const SETTLES: [&str; 13] =
    ["1101", "2101", "2102", "2103", "2206", "2207", "2208", "2303", "2304", "2305", "2601", "5206", "9001"];

impl Check<'_> {
    pub(super) fn messages(&mut self, table: MessageTable, id: &str, kind: Kind, fields: &[Field]) -> Messages {
        let MessageTable { name, ask, cancel, by_choice } = table;
        for given in [&ask, &cancel].into_iter().flatten().filter(|_| kind != Kind::Settle) {
            self.mistake(given.span(), "only a settlement is asked about and cancelled by messages of their own");
        }
        for name in [&name, &ask, &cancel].into_iter().flatten() {
            if kind != Kind::Settle && SETTLES.contains(&name.get_ref().as_str()) {
                self.mistake(name.span(), "this number is a settlement's, or what the terminal asks and reverses by");
            }
            self.number(name);
        }
        if kind == Kind::Settle && [&name, &ask, &cancel].into_iter().any(Option::is_none) {
            let span = name.as_ref().map_or(0..0, Spanned::span);
            self.mistake(span, "a settlement names its message, the one that asks and the one that cancels");
        }
        for one in &by_choice {
            if kind != Kind::Settle {
                self.mistake(one.item.span(), "only a settlement has other messages by what its form chooses");
            }
            self.chosen(one, fields);
        }
        self.apart(&by_choice, name.as_ref(), cancel.as_ref());
        Messages {
            name: name.map_or_else(|| id.to_owned(), Spanned::into_inner),
            ask: ask.map(Spanned::into_inner),
            cancel: cancel.map(Spanned::into_inner),
            by_choice: by_choice.into_iter().map(MessageForTable::into_numbers).collect(),
        }
    }

    fn number(&mut self, name: &Spanned<String>) {
        if name.get_ref().len() != 4 || !name.get_ref().bytes().all(|byte| byte.is_ascii_digit()) {
            self.mistake(name.span(), "a message is named by the national platform's number of four digits");
        }
    }

    /// One of the tables by itself.
    fn chosen(&mut self, one: &MessageForTable, fields: &[Field]) {
        [&one.name, &one.ask, &one.cancel].into_iter().for_each(|name| self.number(name));
        let always = |field: &&Field| !field.optional || field.default.is_some();
        let choice = fields.iter().find(|field| field.name == *one.item.get_ref() && field.kind == FieldType::Choice);
        let Some(choice) = choice.filter(always) else {
            self.mistake(one.item.span(), "the messages go by a choice that the form always has");
            return;
        };
        let offered = |value: &String| choice.choices.iter().any(|choice| choice.value == *value);
        if one.values.get_ref().is_empty() || !one.values.get_ref().iter().all(offered) {
            self.mistake(one.values.span(), "these are values that the form offers of the item");
        }
    }

    /// All of them beside each other: a form has its numbers by one of them, and what went up under a number is cancelled by
    /// one.
    fn apart(&mut self, all: &[MessageForTable], name: Option<&Spanned<String>>, cancel: Option<&Spanned<String>>) {
        for (at, one) in all.iter().enumerate() {
            let before = &all[..at];
            if before.iter().any(|other| other.item.get_ref() != one.item.get_ref()) {
                self.mistake(one.item.span(), "the messages go by one item");
            }
            let values = one.values.get_ref();
            let twice = |other: &MessageForTable| other.values.get_ref().iter().any(|value| values.contains(value));
            if before.iter().any(twice) {
                self.mistake(one.values.span(), "a value is there twice");
            }
            let others = before.iter().map(|other| (&other.name, &other.cancel)).chain(name.zip(cancel));
            let mut others = others.filter(|(name, _)| name.get_ref() == one.name.get_ref());
            if others.any(|(_, cancel)| cancel.get_ref() != one.cancel.get_ref()) {
                self.mistake(one.cancel.span(), "what went up under a number is cancelled by one");
            }
        }
    }
}

impl MessageForTable {
    fn into_numbers(self) -> MessagesFor {
        MessagesFor {
            item: self.item.into_inner(),
            values: self.values.into_inner(),
            name: self.name.into_inner(),
            ask: self.ask.into_inner(),
            cancel: self.cancel.into_inner(),
        }
    }
}
