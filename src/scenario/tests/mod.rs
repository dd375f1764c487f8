//! The catalogue, its definitions and their forms.

mod catalogue;
mod flow;
mod form;
mod messages;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

const SMALL: &str = r#"[codes.level]
source = "made up"
values = [{ value = "L1", zh = "一级", en = "1" }, { value = "L2", zh = "二级", en = "2" }]
[item.level]
label = { zh = "等级", en = "level" }
type = "choice"
codes = "level"
[item.on]
label = { zh = "日期", en = "date" }
type = "date"
[item.note]
label = { zh = "备注", en = "note" }
type = "text"
longest = 4
[item.amount]
label = { zh = "金额", en = "amount" }
type = "money"
[item.cnt]
label = { zh = "数量", en = "count" }
type = "quantity"
[item.aac003]
label = { zh = "姓名", en = "name" }
type = "text"
fill = "card.name"
[document.id-card]
label = { zh = "身份证", en = "citizen's card" }
[document.proof]
label = { zh = "证明", en = "proof" }
[[scenario]]
id = "small"
domain = "测试"
usage = "测试用。"
name = { zh = "结算", en = "settlement" }
kind = "settle"
who = ["clerk"]
packs = ["p"]
form = [{ item = "level", only = ["L1"] }, { item = "on", optional = true }, { item = "note", optional = true }]
[scenario.lines]
name = "lines"
label = { zh = "明细", en = "lines" }
most = 2
form = ["amount", "cnt"]
[scenario.facts]
total = "sum amount"
[scenario.message]
name = "2207"
ask = "2206"
cancel = "2208"
"#;

fn load(text: &str) -> Result<Catalogue, Vec<String>> {
    let loaded = Catalogue::load(&[("small.toml", text)]);
    loaded.map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

/// The one scenario of a file, with these changes to its text.
fn changed(changes: &[(&str, &str)]) -> Result<Arc<Definition>, Vec<String>> {
    let text = changes.iter().fold(SMALL.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    load(&text).map(|catalogue| Arc::clone(catalogue.scenarios()[0].part(None).unwrap()))
}

fn small() -> Arc<Definition> {
    changed(&[]).unwrap()
}

fn today() -> jiff::civil::Date {
    jiff::civil::date(2015, 8, 3)
}

impl Definition {
    /// A form as it is taken on the day of the tests.
    fn taken(&self, form: impl std::borrow::Borrow<Value>) -> Result<Form, ScenarioError> {
        self.check(form.borrow(), today())
    }
}

fn mistakes(form: Value) -> Vec<(String, FieldMistake)> {
    mistakes_of(&small(), form)
}

fn mistakes_of(definition: &Definition, form: Value) -> Vec<(String, FieldMistake)> {
    match definition.taken(form) {
        Err(ScenarioError::Form(mistakes)) => mistakes.into_iter().map(|m| (m.item, m.what)).collect(),
        Err(other) => panic!("{other}"),
        Ok(_) => Vec::new(),
    }
}

/// A form that the small scenario takes.
fn whole() -> Value {
    json!({"level": "L1", "lines": [{"amount": "1.00", "cnt": "1"}]})
}
