//! A part of a scenario, for a person to read.

use serde::Serialize;
use serde_json::Value;

use crate::scenario::{
    Definition, DocumentAsked, ExpiredCard, Field, FieldType, Identity, MessagesFor, Once, Paper, Proof, Runner, Source,
};

/// Its form, documents, packs, message and print, a line each.
pub(super) fn described(part: &Definition) -> String {
    let mut lines = vec![format!("[{}] {} / {}", part.kind.name(), part.title.zh, part.title.en)];
    let who = part.who.iter().map(|runner| match runner {
        Runner::Clerk => "柜台 clerk",
        Runner::Holder => "自助 holder",
    });
    let proof = match part.card {
        Proof::Authenticate => "卡片认证 authenticate",
        Proof::Pin => "卡片认证和 PIN authenticate, PIN",
    };
    lines.push(format!("  办理 {}；{proof}", who.collect::<Vec<_>>().join("、")));
    let expired = match part.expired_card {
        ExpiredCard::Refuse => "不办理 refuse",
        ExpiredCard::Warn => "提示后办理 warn",
    };
    lines.push(format!("  过期卡 expired card {expired}"));
    let own = [("状况从严 conditions", set(&part.conditions)), ("限额从严 limits", set(&part.limits))];
    lines.extend(own.into_iter().filter(|(_, set)| !set.is_empty()).map(|(what, set)| format!("  {what} {set}")));
    if let Some(once) = &part.once {
        lines.push(format!("  一次 once {}", often(once)));
    }
    lines.extend(part.cache_hours.map(|hours| format!("  无中心时用多少小时内的记录 cache_hours {hours}")));
    lines.extend(part.fields.iter().map(|item| format!("  {}", field(item))));
    if let Some(group) = &part.lines {
        let (least, most) = (group.least, group.most);
        lines.push(format!("  {} {} / {}（{least}–{most}）", group.name, group.label.zh, group.label.en));
        lines.extend(group.fields.iter().map(|item| format!("    {}", field(item))));
        lines.extend(group.known_by.iter().map(|known_by| format!("    同一行 the same line: {}", items(known_by))));
    }
    lines.extend(part.documents.iter().map(|one| format!("  材料 {}", document(one))));
    if let Some(lookup) = &part.lookup {
        let columns: Vec<&str> = lookup.columns.iter().map(|column| column.name.as_str()).collect();
        let key = lookup.key.as_ref().map(|key| format!("；按 key {key}")).unwrap_or_default();
        let hours = lookup.hours.map(|hours| format!("；可用 hours {hours} 小时内的应答")).unwrap_or_default();
        lines.push(format!("  查询 lookup {}{key}{hours}", columns.join(", ")));
    }
    if !part.facts.is_empty() {
        let facts = part.facts.iter().map(|(name, source)| format!("{name} = {}", written(source)));
        lines.push(format!("  另告规则 facts {}", facts.collect::<Vec<_>>().join(", ")));
    }
    lines.extend(part.confidential.as_ref().map(|item| format!("  保密 confidential {item}")));
    lines.push(format!("  规则 packs {}", part.packs.join(", ")));
    let messages = [Some(&part.message.name), part.message.ask.as_ref(), part.message.cancel.as_ref()];
    let messages: Vec<&str> = messages.into_iter().flatten().map(String::as_str).collect();
    lines.push(format!("  报文 message {}", messages.join(", ")));
    lines.extend(part.message.by_choice.iter().map(|one| {
        let MessagesFor { item, values, name, ask, cancel } = one;
        format!("    {item} = {}: {name}, {ask}, {cancel}", values.join(", "))
    }));
    let receiver = serde_json::to_value(part.receiver).unwrap_or_default();
    lines.extend(receiver.as_str().map(|receiver| format!("  接收系统 receiver {receiver}")));
    let paper = match part.print.paper {
        Paper::Slip => "凭条 slip",
        Paper::Record => "记录单 record",
        Paper::Certificate => "凭证 certificate",
    };
    let a_day = part.print.a_day.map(|a_day| format!("，每日 {a_day} 次")).unwrap_or_default();
    lines.push(format!("  打印 print {paper}{a_day}"));
    lines.join("\n") + "\n"
}

/// What is set of these, each with its name.
fn set(all: &impl Serialize) -> String {
    let Ok(Value::Object(all)) = serde_json::to_value(all) else { return String::new() };
    let set = all.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| format!("{name}: {}", plain(value)));
    set.collect::<Vec<_>>().join(", ")
}

/// A value as the files have it, a text without its quotes.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Where a fact comes from, as the files have it.
fn written(source: &Source) -> String {
    match source {
        Source::BusinessDate => "business-date".to_owned(),
        Source::BusinessMonth => "business-month".to_owned(),
        Source::SumOfLines(field) => format!("sum {field}"),
        Source::MonthOf(date) => format!("form-month {date}"),
        Source::CardBirthDate => "card-birth-date".to_owned(),
        Source::CardSex => "card-sex".to_owned(),
        Source::Age => "age".to_owned(),
    }
}

fn often(once: &Once) -> String {
    match once {
        Once::Day => "每日 a day".to_owned(),
        Once::Month => "每月 a month".to_owned(),
        Once::Year => "每年 a year".to_owned(),
        Once::Form(identity) => format!("同一表单 the same form: {}", items(identity)),
    }
}

fn items(identity: &Identity) -> String {
    let items = identity.fields.iter().chain(&identity.lines);
    items.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn field(field: &Field) -> String {
    let kind = match field.kind {
        FieldType::Choice => field.choices.iter().map(|choice| choice.value.as_str()).collect::<Vec<_>>().join("|"),
        kind => serde_json::to_value(kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default(),
    };
    let check = field.check.map(|check| format!(" {}", check.name())).unwrap_or_default();
    let by = field.check_by.iter().flat_map(|by| by.checks.iter().map(|(code, check)| (&by.item, code, check)));
    let check = by.fold(check, |said, (item, code, check)| format!("{said} {item} {code}: {}", check.name()));
    let mark = if field.optional { "?" } else { "" };
    let default = field.default.as_ref().map(|value| format!(" = {}", plain(value))).unwrap_or_default();
    let fill = serde_json::to_value(field.fill).ok().and_then(|fill| Some(format!(" ← {}", fill.as_str()?)));
    let fill = fill.unwrap_or_default();
    let label = &field.label;
    format!("{}{mark} ({}) {} / {}: {kind}{check}{default}{fill}", field.name, field.code, label.zh, label.en)
}

fn document(document: &DocumentAsked) -> String {
    let how = if document.scan { "扫描 scan" } else { "出示 show" };
    let mark = if document.optional { "?" } else { "" };
    format!("{}{mark} {} / {}（{how}）", document.id, document.label.zh, document.label.en)
}
