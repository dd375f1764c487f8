//! From the catalogue's files to scenarios, each mistake with its place.

mod messages;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use super::catalogue::{Entry, Scenario};
use super::definition::{
    Definition, DocumentAsked, Field, FieldType, Identity, Label, Lines, Lookup, Once, Paper, Place, Print, Proof,
    Runner, Source as FactSource,
};
use super::dictionary::{Dictionary, is_id, is_name};
use super::file::{
    File, FormTable, Head, IdentityTable, LinesTable, LookupTable, OnceTable, OrName, PaperTable, PartTable, PrintTable,
};
use crate::failure::place;
use crate::rules::Diagnostic;
use crate::value::Kind;

/// The most lines a bill may have.
const MOST_LINES: usize = 1000;

/// A file of which mistakes are told.
pub(super) struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    pub(super) fn mistake(&self, span: Range<usize>, message: &str) -> Diagnostic {
        let Place { file, line, column } = self.place(span);
        Diagnostic { file, line, column, message: message.to_owned() }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let (line, column) = place(self.text, span.start);
        Place { file: self.name.to_owned(), line, column }
    }

    /// Tells of a label that says nothing in one of the languages.
    pub(super) fn labelled(&self, span: Range<usize>, label: &Label, mistakes: &mut Vec<Diagnostic>) {
        if label.zh.trim().is_empty() || label.en.trim().is_empty() {
            mistakes.push(self.mistake(span, "a label is missing in Chinese or English"));
        }
    }
}

/// Every scenario of these files, in their order.
pub(super) fn load(files: &[(&str, &str)]) -> Result<Vec<Scenario>, Vec<Diagnostic>> {
    let mut mistakes = Vec::new();
    let mut parsed = Vec::new();
    for (name, text) in files {
        let source = Source { name, text };
        match toml::from_str::<File>(text) {
            Ok(file) => parsed.push((source, file)),
            Err(error) => mistakes.push(source.mistake(error.span().unwrap_or(0..0), error.message())),
        }
    }
    // What a file that cannot be read has in it is not missing elsewhere.
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let dictionary = Dictionary::of(&mut parsed, &mut mistakes);
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (source, file) in parsed {
        for table in file.scenario {
            let (head, parts) = table.split();
            let id = head.id.clone();
            let scenario =
                Check { source: &source, dictionary: &dictionary, mistakes: &mut mistakes }.scenario(head, parts);
            let other = |other: &&Scenario| {
                other.entry.id == scenario.entry.id
                    || other.entry.row.is_some() && other.entry.row == scenario.entry.row
            };
            if scenarios.iter().any(|one| other(&one)) {
                mistakes.push(source.mistake(id.span(), "another scenario has this id or row"));
            }
            scenarios.push(scenario);
        }
    }
    if mistakes.is_empty() {
        return Ok(scenarios);
    }
    mistakes.sort();
    Err(mistakes)
}

/// A scenario that is read.
struct Check<'a> {
    source: &'a Source<'a>,
    dictionary: &'a Dictionary,
    mistakes: &'a mut Vec<Diagnostic>,
}

impl Check<'_> {
    fn scenario(&mut self, head: Head, parts: Vec<PartTable>) -> Scenario {
        let Head { row, printed, id, domain, usage, remark, note } = head;
        if !is_id(id.get_ref()) {
            self.mistake(id.span(), "an id is small letters, digits and -");
        }
        for (text, what) in [(&domain, "the domain is empty"), (&usage, "the usage is empty")] {
            if text.get_ref().trim().is_empty() {
                self.mistake(text.span(), what);
            }
        }
        let mut kinds = Vec::new();
        for part in &parts {
            if kinds.contains(part.kind.get_ref()) {
                self.mistake(part.kind.span(), "a scenario has one part of a kind");
            }
            kinds.push(*part.kind.get_ref());
        }
        let parts = parts.into_iter().enumerate();
        let parts: Vec<_> = parts.map(|(at, part)| Arc::new(self.part(&id, at == 0, part))).collect();
        let name = parts.first().map(|part| part.title.zh.clone()).unwrap_or_default();
        let entry = Entry {
            row,
            printed: printed.or(row),
            id: id.into_inner(),
            kind: kinds.first().copied().unwrap_or(Kind::Query),
            also: kinds.into_iter().skip(1).collect(),
            domain: domain.into_inner(),
            name,
            usage: usage.into_inner(),
            remark,
            note,
            available: true,
            no_pack_today: false,
        };
        Scenario { entry, parts }
    }

    fn part(&mut self, id: &Spanned<String>, is_main: bool, part: PartTable) -> Definition {
        let kind = *part.kind.get_ref();
        self.source.labelled(part.kind.span(), &part.name, self.mistakes);
        if part.who.get_ref().is_empty() {
            self.mistake(part.who.span(), "somebody must be allowed to run it");
        }
        if part.packs.get_ref().is_empty() {
            self.mistake(part.packs.span(), "a policy pack must decide it");
        }
        let mut names = BTreeSet::new();
        let fields = self.form(part.form, &mut names);
        let lines = part.lines.map(|lines| self.lines(lines, kind, &fields, &mut names));
        let documents = self.documents(part.documents, &mut names);
        if let (Some(_), Some(a_day)) = (&part.once, &part.print.a_day) {
            self.mistake(a_day.span(), "what is carried out once is not counted by the day");
        }
        let unseen = documents.iter().any(|document| !document.scan);
        if unseen && part.who.get_ref().contains(&Runner::Holder) {
            self.mistake(part.who.span(), "nobody at a kiosk looks at a document: it is scanned, or a clerk runs it");
        }
        let once = part.once.map(|once| self.once(once, &fields, lines.as_ref()));
        let lookup = part.lookup.map(|lookup| self.lookup(lookup, kind, part.card, &fields));
        let key = lookup.as_ref().and_then(|lookup| lookup.key.clone());
        let mut fields = fields;
        fields.iter_mut().for_each(|field| field.is_key = Some(&field.name) == key.as_ref());
        self.fits_kind(&part.kind, lookup.as_ref(), lines.as_ref(), part.card);
        let message = self.messages(part.message, id.get_ref(), kind, &fields);
        let print = self.print(part.print, &part.kind, part.card, lookup.as_ref());
        // An order is paid once, and what was paid out is collected once, whether the catalogue says so or not.
        let by_record = || key.clone().filter(|_| kind.moves_money());
        let once = once.or_else(|| Some(Once::Form(Identity { fields: vec![by_record()?], lines: Vec::new() })));
        let confidential = part.confidential.map(|item| self.confidential(item, kind, &fields));
        Definition {
            id: id.get_ref().clone(),
            is_main,
            kind,
            title: part.name,
            who: part.who.into_inner(),
            card: part.card,
            expired_card: part.expired_card,
            once,
            cache_hours: part.cache_hours,
            packs_at: self.source.place(part.packs.span()),
            packs: part.packs.into_inner(),
            facts: self.facts(part.facts, &fields, lines.as_ref(), &mut names),
            fields,
            documents,
            lines,
            limits: part.limits,
            conditions: part.conditions,
            message,
            lookup,
            print,
            confidential,
            receiver: part.receiver,
        }
    }

    /// What a kind cannot do without.
    fn fits_kind(&mut self, kind: &Spanned<Kind>, lookup: Option<&Lookup>, lines: Option<&Lines>, card: Proof) {
        let keyed = lookup.map(|lookup| lookup.key.is_some());
        let wrong = match kind.get_ref() {
            Kind::Query if keyed != Some(false) => Some("a query has a lookup without a key"),
            Kind::Pay | Kind::Collect if keyed != Some(true) => Some("what pays or collects has a lookup with a key"),
            Kind::Pay | Kind::Collect if card != Proof::Pin => Some("money is moved for who knows the card's PIN"),
            Kind::Settle if lines.is_none() => Some("a settlement has a bill"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.mistake(kind.span(), wrong);
        }
    }

    fn form(&mut self, form: Vec<Spanned<OrName<FormTable>>>, names: &mut BTreeSet<String>) -> Vec<Field> {
        form.into_iter().filter_map(|entry| self.field(entry, names)).collect()
    }

    fn field(&mut self, entry: Spanned<OrName<FormTable>>, names: &mut BTreeSet<String>) -> Option<Field> {
        let span = entry.span();
        let table = match entry.into_inner() {
            OrName::Name(item) => FormTable { item, optional: false, default: None, only: None, label: None },
            OrName::Table(table) => table,
        };
        let Some(item) = self.dictionary.item(&table.item) else {
            self.mistake(span, &format!("there is no item '{}'", table.item));
            return None;
        };
        let mut field = item.clone();
        if !names.insert(field.name.clone()) {
            self.mistake(span.clone(), "this name is there twice");
        }
        field.optional = table.optional || table.default.is_some();
        if let Some(only) = table.only {
            field.choices.retain(|choice| only.contains(&choice.value));
            if field.choices.len() != only.len() || only.is_empty() {
                self.mistake(span.clone(), "only names codes of the item's list, each once");
            }
        }
        if let Some(label) = table.label {
            self.source.labelled(span.clone(), &label, self.mistakes);
            field.label = label;
        }
        if let Some(default) = table.default {
            field.default = field.value(&default).ok();
            if field.default.is_none() {
                self.mistake(span, "the field does not take its own default");
            }
        }
        Some(field)
    }

    fn lines(&mut self, lines: LinesTable, kind: Kind, of_form: &[Field], names: &mut BTreeSet<String>) -> Lines {
        self.source.labelled(lines.name.span(), &lines.label, self.mistakes);
        self.name(&lines.name, names);
        if !(lines.least.max(1)..=MOST_LINES).contains(lines.most.get_ref()) {
            self.mistake(lines.most.span(), "there are 1 to 1000 lines, and no fewer than the least");
        }
        if lines.form.is_empty() {
            self.mistake(lines.name.span(), "a line needs a field");
        }
        let fields = self.form(lines.form, &mut BTreeSet::new());
        let (least, most) = (lines.least, lines.most.into_inner());
        let known_by = lines.known_by.into_iter().map(|by| self.known_by(by, kind, of_form, &fields)).collect();
        Lines { label: lines.label, least, most, fields, name: lines.name.into_inner(), known_by }
    }

    fn known_by(&mut self, by: Spanned<IdentityTable>, kind: Kind, of_form: &[Field], of_line: &[Field]) -> Identity {
        if kind != Kind::Settle {
            self.mistake(by.span(), "only the lines of a bill are known again");
        }
        if by.get_ref().lines.is_empty() {
            self.mistake(by.span(), "an item of the line itself tells it from the others of its bill");
        }
        let IdentityTable { fields, lines } = by.into_inner();
        for (names, known) in [(&fields, of_form), (&lines, of_line)] {
            for name in names {
                if !known.iter().any(|field| field.name == *name.get_ref()) {
                    self.mistake(name.span(), "there is no such field here");
                }
            }
        }
        let names = |names: Vec<Spanned<String>>| names.into_iter().map(Spanned::into_inner).collect();
        Identity { fields: names(fields), lines: names(lines) }
    }

    fn documents(
        &mut self,
        documents: Vec<Spanned<OrName<PaperTable>>>,
        names: &mut BTreeSet<String>,
    ) -> Vec<DocumentAsked> {
        let mut asked: Vec<DocumentAsked> = Vec::new();
        for entry in documents {
            let span = entry.span();
            let table = match entry.into_inner() {
                OrName::Name(document) => PaperTable { document, optional: false, scan: false },
                OrName::Table(table) => table,
            };
            let PaperTable { document: id, optional, scan } = table;
            if asked.iter().any(|other| other.id == id) {
                self.mistake(span.clone(), "this document is there twice");
            }
            match self.dictionary.document(&id) {
                Some(label) => asked.push(DocumentAsked { id, label: label.clone(), optional, scan }),
                None => self.mistake(span, &format!("there is no document '{id}'")),
            }
        }
        // What the form has them under, and what the rules are told of each.
        let taken = asked.iter().map(DocumentAsked::fact).chain([super::form::DOCUMENTS.to_owned()]);
        names.extend(taken.filter(|_| !asked.is_empty()));
        asked
    }

    fn once(&mut self, once: Spanned<OnceTable>, fields: &[Field], lines: Option<&Lines>) -> Once {
        let span = once.span();
        match once.into_inner() {
            OnceTable::Day => Once::Day,
            OnceTable::Month => Once::Month,
            OnceTable::Year => Once::Year,
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

    fn lookup(&mut self, lookup: LookupTable, kind: Kind, card: Proof, fields: &[Field]) -> Lookup {
        if lookup.columns.get_ref().is_empty() {
            self.mistake(lookup.columns.span(), "a record has columns");
        }
        let mut columns = Vec::new();
        for name in lookup.columns.into_inner() {
            match self.dictionary.item(name.get_ref()) {
                Some(item) => columns.push(item.clone()),
                None => self.mistake(name.span(), &format!("there is no item '{}'", name.get_ref())),
            }
        }
        if let Some(key) = &lookup.key {
            let in_form = fields.iter().any(|field| field.name == *key.get_ref() && !field.optional);
            if !in_form || !columns.iter().any(|column| column.name == *key.get_ref()) {
                self.mistake(key.span(), "the key is an item that the form must have, and a column");
            }
        }
        for name in &lookup.choose_by {
            if lookup.key.is_none() || card != Proof::Pin {
                self.mistake(name.span(), "one chooses where a key names one of the records and a PIN guards them");
            } else if !columns.iter().any(|column| column.name == *name.get_ref()) {
                self.mistake(name.span(), "one chooses by what is a column");
            }
        }
        if let Some(hours) = &lookup.hours
            && kind != Kind::Query
        {
            self.mistake(hours.span(), "only the answer to a query is shown later");
        }
        let (key, hours) = (lookup.key.map(Spanned::into_inner), lookup.hours.map(Spanned::into_inner));
        let choose_by = lookup.choose_by.into_iter().map(Spanned::into_inner).collect();
        Lookup { key, columns, choose_by, hours }
    }

    fn print(&mut self, print: PrintTable, kind: &Spanned<Kind>, card: Proof, lookup: Option<&Lookup>) -> Print {
        let paper = print.paper.as_ref().map_or(Paper::Slip, |paper| *paper.get_ref());
        if let Some(written) = print.paper.as_ref().filter(|_| paper != Paper::Slip) {
            if *kind.get_ref() != Kind::Query {
                self.mistake(kind.span(), "records and certificates are printed of what a query finds");
            } else if card != Proof::Pin {
                let message = "打印查询结果的业务须校验持卡人密码 a query of which records or a certificate are printed needs the \
                               holder's PIN: card = \"pin\"";
                self.mistake(written.span(), message);
            }
        }
        if let Some(a_day) = &print.a_day
            && (paper == Paper::Slip || *a_day.get_ref() == 0)
        {
            self.mistake(a_day.span(), "a_day counts the prints of records and certificates, and is at least 1");
        }
        for total in &print.total {
            let of = |column: &&Field| column.name == *total.get_ref() && column.kind == FieldType::Int;
            let column = lookup.and_then(|lookup| lookup.columns.iter().find(of));
            if paper == Paper::Slip || column.is_none() {
                self.mistake(total.span(), "a total is of a column of the page that is an int");
            }
        }
        let total = print.total.into_iter().map(Spanned::into_inner).collect();
        Print { paper, a_day: print.a_day.map(Spanned::into_inner), total }
    }

    fn confidential(&mut self, item: Spanned<String>, kind: Kind, fields: &[Field]) -> String {
        let flag = fields.iter().any(|field| field.name == *item.get_ref() && field.kind == FieldType::Bool);
        if kind != Kind::Report || !flag {
            self.mistake(item.span(), "what keeps the complainant secret is a bool of a report's form");
        }
        item.into_inner()
    }

    fn facts(
        &mut self,
        facts: BTreeMap<Spanned<String>, Spanned<String>>,
        fields: &[Field],
        lines: Option<&Lines>,
        names: &mut BTreeSet<String>,
    ) -> BTreeMap<String, FactSource> {
        let mut all = BTreeMap::new();
        for (name, written) in facts {
            // A fact may stand for a field that can be left out, and for no other.
            match fields.iter().find(|field| field.name == *name.get_ref()) {
                Some(field) if field.optional && field.default.is_none() => {}
                Some(_) => self.mistake(name.span(), "the form always has this"),
                None => self.name(&name, names),
            }
            if let Some(source) = self.source(&written, fields, lines) {
                all.insert(name.into_inner(), source);
            }
        }
        all
    }

    fn name(&mut self, name: &Spanned<String>, names: &mut BTreeSet<String>) {
        if !is_name(name.get_ref()) {
            self.mistake(name.span(), "a name is small letters, digits and _");
        }
        if !names.insert(name.get_ref().clone()) {
            self.mistake(name.span(), "this name is there twice");
        }
    }

    fn source(&mut self, written: &Spanned<String>, fields: &[Field], lines: Option<&Lines>) -> Option<FactSource> {
        let of_type =
            |fields: &[Field], name: &str, kind| fields.iter().any(|field| field.name == name && field.kind == kind);
        let in_lines = lines.map_or(&[][..], |lines| &lines.fields);
        let text = written.get_ref().as_str();
        let source = match (text, text.split_once(' ')) {
            ("business-date", _) => FactSource::BusinessDate,
            ("business-month", _) => FactSource::BusinessMonth,
            ("card-birth-date", _) => FactSource::CardBirthDate,
            ("card-sex", _) => FactSource::CardSex,
            ("age", _) => FactSource::Age,
            (_, Some(("sum", name))) if of_type(in_lines, name, FieldType::Money) => {
                FactSource::SumOfLines(name.to_owned())
            }
            (_, Some(("sum", _))) => {
                self.mistake(written.span(), "sum takes the name of a money field of the lines");
                return None;
            }
            (_, Some(("form-month", name))) if of_type(fields, name, FieldType::Date) => {
                FactSource::MonthOf(name.to_owned())
            }
            _ => {
                let message = "a source is business-date, business-month, card-birth-date, card-sex, age, sum FIELD or \
                               form-month DATE";
                self.mistake(written.span(), message);
                return None;
            }
        };
        Some(source)
    }

    fn mistake(&mut self, span: Range<usize>, message: &str) {
        self.mistakes.push(self.source.mistake(span, message));
    }
}
