//! The data items, code lists and documents that scenarios name: one dictionary over all files of the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::definition::{CheckBy, Choice, Field, FieldType, Fill, Label};
use super::file::{CheckByTable, CodesTable, File, ItemTable};
use super::load::Source;
use crate::rules::Diagnostic;
use crate::value::Check;

/// A text that names no length of its own takes so many characters.
const LONGEST_TEXT: usize = 200;

/// What the names stand for.
#[derive(Default)]
pub(super) struct Dictionary {
    /// Data items, as fields that must be there.
    items: BTreeMap<String, Field>,
    documents: BTreeMap<String, Label>,
}

impl Dictionary {
    /// That of all files, and every mistake in it.
    pub(super) fn of(files: &mut [(Source<'_>, File)], mistakes: &mut Vec<Diagnostic>) -> Self {
        let mut codes: BTreeMap<String, Vec<Choice>> = BTreeMap::new();
        for (source, file) in &mut *files {
            for (name, table) in std::mem::take(&mut file.codes) {
                if codes.contains_key(name.get_ref()) {
                    mistakes.push(source.mistake(name.span(), "this code list is there twice"));
                }
                codes.insert(name.into_inner(), choices(table, source, mistakes));
            }
        }
        let mut dictionary = Self::default();
        let mut checked_by = Vec::new();
        for (at, (source, file)) in files.iter_mut().enumerate() {
            for (name, table) in std::mem::take(&mut file.item) {
                checked_by.extend(table.check_by.clone().map(|by| (at, by)));
                if dictionary.items.contains_key(name.get_ref()) {
                    mistakes.push(source.mistake(name.span(), "this item is there twice"));
                }
                let field = Item { name: &name, table, codes: &codes, source, mistakes }.field();
                dictionary.items.insert(name.into_inner(), field);
            }
            for (name, table) in std::mem::take(&mut file.document) {
                source.labelled(name.span(), &table.label, mistakes);
                if dictionary.documents.insert(name.get_ref().clone(), table.label).is_some() {
                    mistakes.push(source.mistake(name.span(), "this document is there twice"));
                }
                if !is_id(name.get_ref()) {
                    mistakes.push(source.mistake(name.span(), "a document's name is small letters, digits and -"));
                }
            }
        }
        // The item that a check goes by may stand in any file.
        for (at, by) in checked_by {
            dictionary.go_by(&files[at].0, &by, mistakes);
        }
        dictionary
    }

    /// Tells of a check that goes by what is no choice, or by codes that it does not have.
    fn go_by(&self, source: &Source<'_>, by: &CheckByTable, mistakes: &mut Vec<Diagnostic>) {
        let choices = self.items.get(by.item.get_ref()).map_or(&[][..], |item| &item.choices);
        let is_code = |code: &String| choices.iter().any(|choice| choice.value == *code);
        if by.checks.is_empty() || !by.checks.keys().all(is_code) {
            mistakes.push(source.mistake(by.item.span(), "check_by names a choice, and checks by codes of it"));
        }
    }

    /// The item of this name.
    pub(super) fn item(&self, name: &str) -> Option<&Field> {
        self.items.get(name)
    }

    /// The label of a document.
    pub(super) fn document(&self, name: &str) -> Option<&Label> {
        self.documents.get(name)
    }
}

fn choices(table: CodesTable, source: &Source<'_>, mistakes: &mut Vec<Diagnostic>) -> Vec<Choice> {
    if table.values.get_ref().is_empty() {
        mistakes.push(source.mistake(table.values.span(), "a code list has values"));
    }
    let mut seen = BTreeSet::new();
    let values = table.values.into_inner().into_iter();
    values
        .map(|code| {
            let label = Label { zh: code.zh, en: code.en };
            source.labelled(code.value.span(), &label, mistakes);
            if !seen.insert(code.value.get_ref().clone()) {
                mistakes.push(source.mistake(code.value.span(), "this code is there twice"));
            }
            Choice { value: code.value.into_inner(), label }
        })
        .collect()
}

/// An item that is read.
struct Item<'a> {
    name: &'a Spanned<String>,
    table: ItemTable,
    codes: &'a BTreeMap<String, Vec<Choice>>,
    source: &'a Source<'a>,
    mistakes: &'a mut Vec<Diagnostic>,
}

impl Item<'_> {
    fn field(mut self) -> Field {
        let kind = *self.table.kind.get_ref();
        let (named, text) = (self.name.get_ref().clone(), kind == FieldType::Text);
        if !is_name(&named) {
            self.mistake(self.name.span(), "a name is small letters, digits and _");
        }
        self.source.labelled(self.name.span(), &self.table.label, self.mistakes);
        let standard = is_standard(&named);
        if let Some(own) = &self.table.own
            && (standard || own.get_ref().trim().is_empty())
        {
            let span = own.span();
            self.mistake(span, "own says why an item has no standard's code, and stands where it has none");
        }
        let choices = self.choices(kind);
        let longest = self.table.longest.take();
        if let Some(longest) = &longest
            && (!text || *longest.get_ref() == 0)
        {
            self.mistake(longest.span(), "longest belongs to a text, and is at least 1");
        }
        let check = self.table.check.take();
        if let Some(check) = &check
            && !takes(kind, *check.get_ref())
        {
            self.mistake(check.span(), "a check belongs to a text, or to a date or month where it is one of those");
        }
        let check_by = self.table.check_by.take();
        for check in check_by.iter().flat_map(|by| by.checks.values()) {
            if !text || !takes(kind, *check.get_ref()) {
                self.mistake(check.span(), "what a check goes by belongs to a text, and so does the check");
            }
        }
        let fill = self.table.fill.take();
        if let Some(fill) = &fill
            && !fits(*fill.get_ref(), kind)
        {
            self.mistake(fill.span(), "what the card tells is of another type");
        }
        let personal = self.personal(kind, check.as_ref(), fill.as_ref());
        Field {
            code: if standard { named.to_uppercase() } else { named.clone() },
            name: named,
            label: self.table.label,
            kind,
            optional: false,
            default: None,
            choices,
            longest: text.then(|| longest.map_or(LONGEST_TEXT, Spanned::into_inner)),
            check: check.map(Spanned::into_inner),
            check_by: check_by.map(|CheckByTable { item, checks }| CheckBy {
                item: item.into_inner(),
                checks: checks.into_iter().map(|(code, check)| (code, check.into_inner())).collect(),
            }),
            is_key: false,
            personal,
            fill: fill.map(Spanned::into_inner),
        }
    }

    /// A text is personal as long as nobody says that it is not; a date is where somebody says so.
    fn personal(&mut self, kind: FieldType, check: Option<&Spanned<Check>>, fill: Option<&Spanned<Fill>>) -> bool {
        let Some(said) = self.table.personal.take() else { return kind == FieldType::Text };
        if !matches!(kind, FieldType::Text | FieldType::Date | FieldType::Month) {
            self.mistake(said.span(), "personal belongs to a text, a date or a month");
        }
        let of_somebody = check.is_some_and(|check| names_somebody(*check.get_ref()))
            || fill.is_some_and(|fill| *fill.get_ref() != Fill::Area);
        if of_somebody && !*said.get_ref() {
            self.mistake(said.span(), "what its check or its fill says of it is personal");
        }
        said.into_inner()
    }

    fn choices(&mut self, kind: FieldType) -> Vec<Choice> {
        match (kind, self.table.codes.take()) {
            (FieldType::Choice, Some(codes)) => match self.codes.get(codes.get_ref()) {
                Some(choices) => return choices.clone(),
                None => self.mistake(codes.span(), "there is no such code list"),
            },
            (FieldType::Choice, None) => {
                let span = self.table.kind.span();
                self.mistake(span, "a choice names its code list");
            }
            (_, Some(codes)) => self.mistake(codes.span(), "codes belong to a choice"),
            (_, None) => {}
        }
        Vec::new()
    }

    fn mistake(&mut self, span: std::ops::Range<usize>, message: &str) {
        self.mistakes.push(self.source.mistake(span, message));
    }
}

/// Whether what the card tells is of this type.
fn fits(fill: Fill, kind: FieldType) -> bool {
    match fill {
        Fill::BirthDate => kind == FieldType::Date,
        Fill::Sex | Fill::Ethnicity => matches!(kind, FieldType::Choice | FieldType::Text),
        _ => kind == FieldType::Text,
    }
}

/// Whether a check is one of this type.
fn takes(kind: FieldType, check: Check) -> bool {
    match check {
        Check::Past | Check::NotPast => matches!(kind, FieldType::Date | FieldType::Month),
        _ => kind == FieldType::Text,
    }
}

/// Whether what passes it is somebody's name or number.
fn names_somebody(check: Check) -> bool {
    use Check::*;
    match check {
        CitizenNumber | SocialSecurityNumber | PersonName | Phone | Mobile | CardNumber | CertificateNumber
        | ForeignResidenceCard | BankAccount => true,
        Postcode | CreditCode | OrganisationCode | EmployerCode | Past | NotPast | Sha256 | Region
        | SettlementNumber => false,
    }
}

/// Three letters and three digits: a data item of the ministry's standard, `AAC002` upstream (settlement-facts §4.5).
fn is_standard(name: &str) -> bool {
    let (letters, digits) = name.as_bytes().split_at_checked(3).unwrap_or_default();
    digits.len() == 3 && letters.iter().all(u8::is_ascii_lowercase) && digits.iter().all(u8::is_ascii_digit)
}

/// Small letters, digits and `_`.
pub(super) fn is_name(text: &str) -> bool {
    super::form::is_name(text) && !text.contains('-')
}

/// Small letters, digits and `-`.
pub(super) fn is_id(text: &str) -> bool {
    super::form::is_name(text) && !text.contains('_')
}
