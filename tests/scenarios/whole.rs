//! The table, the catalogue and the fixtures are whole, and no scenario is another one under its name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::bad_forms;
use crate::catalogue::{definitions, files, table, tree};
use crate::fixture::{self, Part};
use crate::message;
use crate::subject::{self, Subject};

#[test]
fn every_row_of_the_table_has_its_definition_and_its_fixture() {
    let (rows, definitions) = (table(), definitions());
    assert_eq!(rows.len(), 77);
    let mut missing = Vec::new();
    for row in &rows {
        let kinds: Vec<&str> = std::iter::once(&row.kind).chain(&row.also).map(String::as_str).collect();
        let defined: Option<Vec<&str>> =
            definitions.get(&row.id).map(|parts| parts.iter().map(|part| part.kind.as_str()).collect());
        let fixed = fixture::of(&row.id).map(|fixture| fixture.parts);
        let further: Option<Vec<Option<String>>> = fixed.map(|parts| parts.into_iter().map(|part| part.part).collect());
        let mut named: Vec<Option<String>> = kinds.iter().map(|kind| Some((*kind).to_owned())).collect();
        named[0] = None;
        if defined.as_ref() != Some(&kinds) {
            missing.push(format!("{}: defined as {defined:?}, in the table {kinds:?}", row.id));
        }
        if further.as_ref() != Some(&named) {
            missing.push(format!("{}: parts of the fixture {further:?}, wanted {named:?}", row.id));
        }
    }
    assert!(missing.is_empty(), "{} are not whole:\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn there_is_no_fixture_of_anything_else() {
    let rows: BTreeSet<String> = table().into_iter().map(|row| row.id).collect();
    for file in files(&tree("fixtures/scenarios")) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(rows.contains(&name), "{} is of no scenario", file.display());
    }
}

#[test]
fn a_full_form_has_every_item_and_every_document() {
    let mut missing = Vec::new();
    for subject in subject::all() {
        let form = &subject.said.form;
        let mut wanted: Vec<&str> = subject.asks.form.iter().map(|item| item.name.as_str()).collect();
        wanted.extend(subject.asks.lines.iter().map(|lines| lines.name.as_str()));
        wanted.extend((!subject.asks.documents.is_empty()).then_some("documents"));
        missing.extend(difference(&subject, "", &wanted, &form.keys().map(String::as_str).collect()));
        if let Some(lines) = &subject.asks.lines {
            let given = form.get(&lines.name).and_then(Value::as_array).cloned().unwrap_or_default();
            let wanted: Vec<&str> = lines.form.iter().map(|item| item.name.as_str()).collect();
            let all = given.iter().filter_map(Value::as_object).flat_map(|line| line.keys().map(String::as_str));
            missing.extend(difference(&subject, &lines.name, &wanted, &all.collect()));
        }
        let wanted: Vec<&str> = subject.asks.documents.iter().map(|document| document.name.as_str()).collect();
        let given = form.get("documents").and_then(Value::as_object).cloned().unwrap_or_default();
        missing.extend(difference(&subject, "documents", &wanted, &given.keys().map(String::as_str).collect()));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

fn difference(subject: &Subject, group: &str, wanted: &[&str], given: &BTreeSet<&str>) -> Option<String> {
    let wanted: BTreeSet<&str> = wanted.iter().copied().collect();
    let (left_out, unknown): (Vec<_>, Vec<_>) =
        (wanted.difference(given).collect(), given.difference(&wanted).collect());
    let same = left_out.is_empty() && unknown.is_empty();
    (!same).then(|| format!("{subject} {group}: left out {left_out:?}, not asked for {unknown:?}"))
}

/// Two scenarios with the same form and the same message are one, unless an entry says why they are two.
#[test]
fn no_two_scenarios_have_the_same_form_and_the_same_message() {
    let mut alike: BTreeMap<(Vec<String>, Vec<String>), Vec<Subject>> = BTreeMap::new();
    for subject in subject::all() {
        let shape = (message::keys(&subject.said.form), message::keys(&subject.said.message));
        alike.entry(shape).or_default().push(subject);
    }
    let faults: Vec<String> = alike
        .values()
        // One of them needs no word; each other one has to say why it is as that one is.
        .filter(|alike| alike.iter().filter(|subject| !says_why(subject)).count() > 1)
        .map(|alike| alike.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        .collect();
    assert!(faults.is_empty(), "the same form and the same message:\n{}", faults.join("\n"));
}

fn says_why(subject: &Subject) -> bool {
    let same = &subject.said.own.same;
    same.field.is_some() && same.detail.is_some()
}

/// One of three things of which every part has one that no other part has.
struct Own {
    what: &'static str,
    /// All that a part has of it.
    has: fn(&Subject) -> Vec<String>,
    /// What its fixture names.
    names: fn(&Part) -> Vec<String>,
    /// Why that is another part's as well.
    why: fn(&Part) -> Option<&String>,
    /// Whether another part's could be taken for it.
    beside: fn(&Subject, &Subject) -> bool,
}

const OWN: [Own; 3] = [
    Own {
        what: "field",
        has: |subject| message::keys(&subject.said.form),
        names: |said| vec![said.own.field.clone()],
        why: |said| said.own.same.field.as_ref(),
        beside: |_, _| true,
    },
    Own {
        what: "detail",
        has: message::details,
        names: |said| vec![said.own.detail.clone()],
        why: |said| said.own.same.detail.as_ref(),
        // What goes up is not taken for what comes back.
        beside: |one, other| (one.asks.kind == "query") == (other.asks.kind == "query"),
    },
    Own {
        what: "refusal",
        has: |subject| subject.said.refused.reasons.clone(),
        names: |said| said.refused.reasons.clone(),
        why: |said| said.own.same.refusal.as_ref(),
        beside: |_, _| true,
    },
];

/// Each by itself. Who could name one of its own says no reason why not.
#[test]
fn every_part_has_a_field_a_detail_and_a_refusal_of_its_own_or_says_why_not() {
    let all = subject::all();
    let mut faults = Vec::new();
    for own in &OWN {
        for (at, subject) in all.iter().enumerate() {
            faults.extend(own.fault(subject, all.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, o)| o)));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

impl Own {
    /// What is wrong with what a fixture says of it.
    fn fault<'s>(&self, subject: &Subject, others: impl Iterator<Item = &'s Subject>) -> Option<String> {
        let (has, names) = ((self.has)(subject), (self.names)(&subject.said));
        let taken: Vec<(String, &Subject)> = others
            .filter(|other| (self.beside)(subject, other))
            .flat_map(|other| (self.has)(other).into_iter().map(move |name| (name, other)))
            .collect();
        let whose = |name: &String| taken.iter().find(|(other, _)| other == name).map(|(_, other)| other);
        let of_its_own: Vec<&String> = has.iter().filter(|name| whose(name).is_none()).collect();
        let said = match (self.why)(&subject.said) {
            _ if !names.iter().all(|name| has.contains(name)) => "it has no such thing".to_owned(),
            None if !names.iter().any(|name| whose(name).is_none()) => {
                let whose = names.iter().filter_map(whose).next().map(ToString::to_string).unwrap_or_default();
                format!("{whose} has it as well, and no word why; of its own it has {of_its_own:?}")
            }
            Some(why) if why.trim().is_empty() => "it does not say why".to_owned(),
            Some(_) if !of_its_own.is_empty() => format!("it says why it has none, and has {of_its_own:?}"),
            _ => return None,
        };
        Some(format!("{subject}: {} {names:?}: {said}", self.what))
    }
}

/// Also of those that share one or two of them, and say why.
#[test]
fn no_two_parts_name_the_same_three() {
    let mut named: BTreeMap<Vec<Vec<String>>, Vec<Subject>> = BTreeMap::new();
    for subject in subject::all() {
        named.entry(OWN.iter().map(|own| (own.names)(&subject.said)).collect()).or_default().push(subject);
    }
    let alike = named.values().filter(|alike| alike.len() > 1);
    let alike: Vec<Vec<String>> = alike.map(|alike| alike.iter().map(ToString::to_string).collect()).collect();
    assert!(alike.is_empty(), "{alike:?}");
}

/// For whom a kind of bad input has nothing to do, by name: a case that passes for want of anything to try is seen.
#[test]
fn what_no_bad_input_is_made_of_is_kept_in_a_list() {
    let none_of = |what: &str, nothing: fn(&Subject) -> bool| {
        let all = subject::all();
        let none: Vec<&Subject> = all.iter().filter(|subject| nothing(subject)).collect();
        let lines: String = none.iter().map(|subject| format!("  {subject}\n")).collect();
        format!("{what}: {} of {}\n{lines}", none.len(), all.len())
    };
    let list = [
        none_of("no item must be there, so that none is missing", |subject| {
            bad_forms::missing_fields(subject).is_empty()
        }),
        none_of("no document is asked for, so that none is missing", |subject| {
            bad_forms::missing_documents(subject).is_empty()
        }),
        none_of("no item has a validator: the mistake of its own alone", |subject| {
            bad_forms::failed_validators(subject).len() == 1
        }),
    ];
    let (file, list) = (tree("tests/scenarios/nothing-to-try.txt"), list.concat());
    if std::env::var_os("SBKD_WRITE").is_some() {
        std::fs::write(&file, &list).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap();
    assert_eq!(kept, list, "SBKD_WRITE=1 cargo test --test scenarios nothing");
}
