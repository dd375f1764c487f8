//! Forms with one mistake each, made of a scenario's full form by its definition; with the items that must be named.

use serde_json::{Value, json};

use crate::catalogue::Item;
use crate::subject::Subject;

/// A form, and what its mistake is told as.
pub type BadForm = (Value, Vec<String>);

/// Each item that must be there, left out.
pub fn missing_fields(subject: &Subject) -> Vec<BadForm> {
    let mut all = changed(subject, |item, place| {
        let left_out = item.required.then(|| place.as_object_mut().unwrap().remove(&item.name));
        left_out.flatten().is_some()
    });
    if let Some(lines) = subject.asks.lines.as_ref().filter(|lines| lines.least > 0) {
        let mut form = subject.said.full_form();
        form.as_object_mut().unwrap().remove(&lines.name);
        all.push((form, vec![lines.name.clone()]));
    }
    all
}

/// So many mistakes of a form are told; the rest are seen once these are mended.
const TOLD: usize = 20;

/// What an item of a type does not take: a list, what comes close, and something else; and how each is told.
fn wrong_values(kind: &str) -> ([Value; 3], &'static str) {
    let (close, odd, told) = match kind {
        "money" => (json!(12.5), json!(true), "应为金额"),
        "price" | "quantity" => (json!(2.5), json!(true), "应为最多四位小数的数"),
        "rate" => (json!(0.1), json!(true), "应为比例"),
        "int" => (json!("3"), json!(1.5), "应为整数"),
        "bool" => (json!("true"), json!(1), "应为 true 或 false"),
        "date" => (json!(20150803), json!(true), "应为日期"),
        "month" => (json!(201508), json!(true), "应为月份"),
        "text" => (json!(5), json!(true), "应为文字"),
        "choice" => (json!(1), json!(true), "不在可选值中"),
        other => panic!("nobody knows what is no {other}"),
    };
    ([json!([]), close, odd], told)
}

/// Each item with each value that its type does not take, as many at once as are told; the group of lines, and an item
/// that the form does not have. Told is what is wrong with the value, and not that there is none.
pub fn wrong_types(subject: &Subject) -> Vec<BadForm> {
    let mut all = Vec::new();
    for which in 0..3 {
        for places in places(subject).chunks(TOLD) {
            let (mut form, mut mistakes) = (subject.said.full_form(), Vec::new());
            for Place { told, holder, item } in places {
                let (values, mistake) = wrong_values(&item.kind);
                form.pointer_mut(holder).unwrap()[&item.name] = values[which].clone();
                mistakes.push(format!("{told}: {mistake}"));
            }
            all.push((form, mistakes));
        }
    }
    let group = subject.asks.lines.iter().map(|lines| (lines.name.as_str(), "应为明细行"));
    for (name, mistake) in group.chain([("no_such_item", "没有这一项")]) {
        let mut form = subject.said.full_form();
        form[name] = json!(true);
        all.push((form, vec![format!("{name}: {mistake}")]));
    }
    all
}

/// Each item that has a validator, as that does not take it; and the mistake that is the scenario's own.
pub fn failed_validators(subject: &Subject) -> Vec<BadForm> {
    let mut all = changed(subject, |item, place| {
        // A settlement's number may be any text: of another centre's it is not known how they look.
        let Some(check) = item.check.as_ref().filter(|check| *check != "settlement-number") else { return false };
        let day = match check.as_str() {
            "past" => "2999-12-31",
            "not-past" => "1900-01-01",
            _ => "?",
        };
        place[&item.name] = json!(if item.kind == "month" { &day[..7] } else { day });
        true
    });
    all.push((subject.said.bad_form(), subject.said.bad.mistakes.clone()));
    all
}

/// Each document that must be there, left out and not shown; a scan, of which no hash is given.
pub fn missing_documents(subject: &Subject) -> Vec<BadForm> {
    let mut all = Vec::new();
    for document in &subject.asks.documents {
        let mut with = |given: Option<Value>| {
            let mut form = subject.said.full_form();
            match given {
                Some(given) => form["documents"][&document.name] = given,
                None => drop(form["documents"].as_object_mut().unwrap().remove(&document.name)),
            }
            all.push((form, vec![document.name.clone()]));
        };
        if !document.optional {
            with(None);
            with(Some(json!(false)));
        }
        if document.scan {
            with(Some(json!("no hash")));
        }
    }
    all
}

/// An item where it stands in a full form.
struct Place<'s> {
    /// What it is told as.
    told: String,
    /// The JSON pointer of the object that has it.
    holder: String,
    item: &'s Item,
}

/// The items of the form, and of its first line.
fn places<'s>(subject: &'s Subject) -> Vec<Place<'s>> {
    let form = subject.asks.form.iter().map(|item| Place { told: item.name.clone(), holder: String::new(), item });
    let lines = subject.asks.lines.iter().flat_map(|lines| {
        let name = &lines.name;
        let place = move |item: &'s Item| Place {
            told: format!("{name}[1].{}", item.name),
            holder: format!("/{name}/0"),
            item,
        };
        lines.form.iter().map(place)
    });
    form.chain(lines).collect()
}

/// The full form, once for each item that `change` changes where it stands.
fn changed(subject: &Subject, change: impl Fn(&Item, &mut Value) -> bool) -> Vec<BadForm> {
    let mut all = Vec::new();
    for Place { told, holder, item } in places(subject) {
        let mut form = subject.said.full_form();
        if change(item, form.pointer_mut(&holder).unwrap()) {
            all.push((form, vec![told]));
        }
    }
    all
}
