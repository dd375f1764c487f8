//! From a definition's text to a [`Definition`], each mistake with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;

use super::definition::{Choice, Definition, Field, FieldType, Identity, Label, Lines, Once, Source};
use super::file::{ChoiceTable, FieldTable, File, Head, LinesTable, OnceTable};
use crate::failure::place;
use crate::rules::Diagnostic;
use crate::value::Kind;

/// The definitions that ship with the product.
const BUILTIN: &[(&str, &str)] = &[
    ("unemployment-sign-in.toml", include_str!("../../config/scenarios/unemployment-sign-in.toml")),
    ("medical-settlement.toml", include_str!("../../config/scenarios/medical-settlement.toml")),
];
/// A text field that names no length of its own takes so many characters.
const LONGEST_TEXT: usize = 200;
/// The most lines a bill may have.
const MOST_LINES: usize = 1000;

/// The scenarios that can be carried out.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    by_id: BTreeMap<String, Definition>,
}

impl Definitions {
    /// Those that ship with the product, which a test loads.
    ///
    /// # Errors
    /// Never for the files as shipped.
    pub fn builtin() -> Result<Self, Vec<Diagnostic>> {
        let files: Vec<_> = BUILTIN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Self::load(&files)
    }

    /// Loads definitions, each a file's name and its text. `catalogue` knows every scenario's kind.
    ///
    /// # Errors
    /// Every mistake of every file, in the order of file and place.
    pub fn load(files: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        let mut by_id: BTreeMap<String, Definition> = BTreeMap::new();
        let mut mistakes = Vec::new();
        for (file, text) in files {
            match definition(file, text) {
                Ok(definition) if by_id.contains_key(&definition.id) => {
                    let message = format!("{} is defined in another file already", definition.id);
                    mistakes.push(Diagnostic { file: file.clone(), line: 1, column: 1, message });
                }
                Ok(definition) => {
                    by_id.insert(definition.id.clone(), definition);
                }
                Err(mut of_file) => {
                    of_file.sort();
                    mistakes.append(&mut of_file);
                }
            }
        }
        if mistakes.is_empty() { Ok(Self { by_id }) } else { Err(mistakes) }
    }

    /// The definition of a scenario.
    pub fn get(&self, id: &str) -> Option<&Definition> {
        self.by_id.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.by_id.values()
    }
}

fn definition(file: &str, text: &str) -> Result<Definition, Vec<Diagnostic>> {
    let parsed: File = toml::from_str(text).map_err(|error| {
        let (line, column) = place(text, error.span().unwrap_or(0..0).start);
        vec![Diagnostic { file: file.to_owned(), line, column, message: error.message().to_owned() }]
    })?;
    let mut check = Check { file, text, mistakes: Vec::new() };
    let definition = check.definition(parsed);
    if check.mistakes.is_empty() { Ok(definition) } else { Err(check.mistakes) }
}

struct Check<'a> {
    file: &'a str,
    text: &'a str,
    mistakes: Vec<Diagnostic>,
}

impl Check<'_> {
    fn definition(&mut self, file: File) -> Definition {
        self.head(&file.scenario);
        let mut names = BTreeSet::new();
        let fields: Vec<Field> = file.field.into_iter().map(|field| self.field(field, &mut names)).collect();
        let lines = file.lines.map(|lines| self.lines(lines, &mut names));
        let once = file.scenario.once.map(|once| self.once(once, &fields, lines.as_ref()));
        let facts = file
            .facts
            .into_iter()
            .filter_map(|(name, source)| {
                self.fact(&name, &fields, &mut names);
                let source = self.source(&source, lines.as_ref())?;
                Some((name.into_inner(), source))
            })
            .collect();
        Definition {
            id: file.scenario.id.into_inner(),
            kind: file.scenario.kind.into_inner(),
            title: file.scenario.title,
            expired_card: file.scenario.expired_card,
            once,
            cache_hours: file.scenario.cache_hours,
            fields,
            lines,
            facts,
            limits: file.limits,
        }
    }

    fn head(&mut self, head: &Head) {
        let stem = self.file.rsplit('/').next().unwrap_or(self.file).trim_end_matches(".toml");
        if head.id.get_ref() != stem {
            self.mistake(head.id.span(), "the id is not the file's name");
        }
        if !matches!(head.kind.get_ref(), Kind::Settle | Kind::SignIn) {
            self.mistake(head.kind.span(), "nothing carries out this kind yet");
        }
        // The table as shipped parses: a test holds that.
        let catalogue = super::Catalogue::builtin(|_| true).ok();
        match catalogue.as_ref().and_then(|catalogue| catalogue.entry(head.id.get_ref())) {
            None => self.mistake(head.id.span(), "the catalogue has no such scenario"),
            Some(entry) if entry.kind != *head.kind.get_ref() => {
                self.mistake(head.kind.span(), "the catalogue gives this scenario another kind");
            }
            Some(_) => {}
        }
    }

    fn lines(&mut self, lines: LinesTable, names: &mut BTreeSet<String>) -> Lines {
        self.name(&lines.name, names);
        if !(1..=MOST_LINES).contains(lines.most.get_ref()) {
            self.mistake(lines.most.span(), "a bill has 1 to 1000 lines");
        }
        if lines.field.is_empty() {
            self.mistake(lines.name.span(), "a line needs a field");
        }
        let mut own = BTreeSet::new();
        Lines {
            label: lines.label,
            most: *lines.most.get_ref(),
            fields: lines.field.into_iter().map(|field| self.field(field, &mut own)).collect(),
            name: lines.name.into_inner(),
        }
    }

    fn field(&mut self, field: FieldTable, names: &mut BTreeSet<String>) -> Field {
        self.name(&field.name, names);
        let kind = *field.kind.get_ref();
        if (kind == FieldType::Choice) == field.choices.is_empty() {
            self.mistake(field.kind.span(), "a choice has choices, and nothing else has");
        }
        if let Some(longest) = &field.longest
            && (kind != FieldType::Text || *longest.get_ref() == 0)
        {
            self.mistake(longest.span(), "longest belongs to a text, and is at least 1");
        }
        let mut values = BTreeSet::new();
        for choice in &field.choices {
            if !values.insert(choice.value.get_ref()) {
                self.mistake(choice.value.span(), "this choice is there twice");
            }
        }
        let longest = field.longest.map(Spanned::into_inner);
        let default = field.default;
        let mut field = Field {
            name: field.name.into_inner(),
            label: field.label,
            kind,
            optional: field.optional || default.is_some(),
            default: None,
            choices: field
                .choices
                .into_iter()
                .map(|ChoiceTable { value, zh, en }| Choice { value: value.into_inner(), label: Label { zh, en } })
                .collect(),
            longest: (kind == FieldType::Text).then(|| longest.unwrap_or(LONGEST_TEXT)),
        };
        if let Some(default) = default {
            field.default = field.value(default.get_ref()).ok();
            if field.default.is_none() {
                self.mistake(default.span(), "the field does not take its own default");
            }
        }
        field
    }

    fn once(&mut self, once: Spanned<OnceTable>, fields: &[Field], lines: Option<&Lines>) -> Once {
        let span = once.span();
        match once.into_inner() {
            OnceTable::Month => Once::Month,
            OnceTable::Form(names) if names.fields.is_empty() && names.lines.is_empty() => {
                self.mistake(span, "nothing is named that makes a form the same");
                Once::Form(Identity::default())
            }
            OnceTable::Form(names) => Once::Form(Identity {
                fields: self.identifying(names.fields, fields),
                lines: self.identifying(names.lines, lines.map_or(&[], |lines| &lines.fields)),
            }),
        }
    }

    fn identifying(&mut self, names: Vec<Spanned<String>>, fields: &[Field]) -> Vec<String> {
        for name in &names {
            match fields.iter().find(|field| field.name == *name.get_ref()) {
                None => self.mistake(name.span(), "there is no such field here"),
                Some(field) if field.optional && field.default.is_none() => {
                    self.mistake(name.span(), "what may be left out does not make a form the same");
                }
                Some(_) => {}
            }
        }
        names.into_iter().map(Spanned::into_inner).collect()
    }

    /// A fact may stand for a field that can be left out, and for no other.
    fn fact(&mut self, name: &Spanned<String>, fields: &[Field], names: &mut BTreeSet<String>) {
        match fields.iter().find(|field| field.name == *name.get_ref()) {
            Some(field) if field.optional && field.default.is_none() => {}
            Some(_) => self.mistake(name.span(), "the form always has this"),
            None => self.name(name, names),
        }
    }

    fn name(&mut self, name: &Spanned<String>, names: &mut BTreeSet<String>) {
        let text = name.get_ref();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            self.mistake(name.span(), "a name is small letters, digits and _");
        }
        if !names.insert(text.clone()) {
            self.mistake(name.span(), "this name is there twice");
        }
    }

    fn source(&mut self, written: &Spanned<String>, lines: Option<&Lines>) -> Option<Source> {
        let text = written.get_ref().as_str();
        let money = |name: &str| {
            let fields = lines.map_or(&[][..], |lines| &lines.fields);
            fields.iter().any(|field| field.name == name && field.kind == FieldType::Money)
        };
        match (text, text.split_once(' ')) {
            ("business-date", _) => Some(Source::BusinessDate),
            ("business-month", _) => Some(Source::BusinessMonth),
            (_, Some(("sum", name))) if money(name) => Some(Source::SumOfLines(name.to_owned())),
            (_, Some(("sum", _))) => {
                self.mistake(written.span(), "sum takes the name of a money field of the bill's lines");
                None
            }
            _ => {
                self.mistake(written.span(), "a source is business-date, business-month or sum FIELD");
                None
            }
        }
    }

    fn mistake(&mut self, span: Range<usize>, message: &str) {
        let (line, column) = place(self.text, span.start);
        self.mistakes.push(Diagnostic { file: self.file.to_owned(), line, column, message: message.to_owned() });
    }
}
