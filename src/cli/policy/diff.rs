//! `sbkd policy diff`: what two packs say otherwise, and what that does to the cases of both.

use std::path::Path;

use serde_json::json;

use super::line;
use super::packs::{sources, told};
use super::report::otherwise;
use crate::cli::{Outcome, Shell};
use crate::rules::{CaseEffect, Comparison, Effects, PackChange, PackComparison};

/// What the parts of a pack are called.
const PARTS: &[(&str, &str)] = &[
    ("pack", "包头"),
    ("enums", "代码表"),
    ("facts", "事实"),
    ("lines", "明细"),
    ("lines.facts", "明细事实"),
    ("accumulators", "累计"),
    ("param", "参数"),
    ("table", "决策表"),
    ("line_step", "明细步骤"),
    ("step", "步骤"),
    ("line_guard", "明细条件"),
    ("guard", "条件"),
    ("line_check", "明细核对"),
    ("check", "核对"),
    ("post", "累计变动"),
    ("case_base", "案例基础"),
    ("case", "案例"),
];

/// The longest text of a side that is printed; `--json` has the whole.
const LONGEST: usize = 160;

pub(super) fn run(old: &Path, new: &Path, shell: &Shell) -> Outcome {
    let comparison = Comparison::of(&sources(&[old.to_owned()])?, &sources(&[new.to_owned()])?)
        .map_err(|mistakes| told(&mistakes))?;
    let mut shown = json!(comparison);
    shown["same"] = json!(comparison.is_nothing());
    shell.show(&shown, || text(&comparison));
    Ok(())
}

fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    text.extend(comparison.gone.iter().map(|info| format!("- {}", line(info))));
    text.extend(comparison.added.iter().map(|info| format!("+ {}", line(info))));
    for PackComparison { old, new, changes, effects, failing } in &comparison.packs {
        text += &format!("  {}→ {}", line(old).replace('\n', " "), line(new));
        if changes.is_empty() {
            text += "  内容相同 / they say the same\n";
        }
        text.extend(changes.iter().map(change));
        text += &effect(effects);
        if !failing.is_empty() {
            let (count, names) = (failing.len(), failing.join("、"));
            text += &format!(
                "✘ 新包自身有 {count} 例未通过，不能启用 / {count} of the new pack's own cases fail: {names}\n"
            );
        }
    }
    text
}

fn change(change: &PackChange) -> String {
    let PackChange { part, name, section, member, old, new } = change;
    let zh = PARTS.iter().find(|(known, _)| known == part).map_or("", |(_, zh)| zh);
    let place: Vec<&str> = [zh, part, name, section, member].into_iter().filter(|part| !part.is_empty()).collect();
    let place = place.join(" ");
    match (old, new) {
        (Some(old), Some(new)) => format!("~ {place}: {} → {}\n", short(old), short(new)),
        (Some(old), None) => format!("- {place}: {}\n", short(old)),
        (None, new) => format!("+ {place}: {}\n", short(new.as_deref().unwrap_or_default())),
    }
}

fn effect(Effects { cases, same, changed }: &Effects) -> String {
    let mut text: String = changed.iter().map(case).collect();
    let other = changed.len();
    text += &format!(
        "  两包案例共 {cases} 例：结果相同 {same}，不同 {other} / {cases} cases of both: {same} come out the same, {other} otherwise\n"
    );
    text
}

fn case(effect: &CaseEffect) -> String {
    let CaseEffect { case, of, otherwise: found, not_by_old, not_by_new } = effect;
    let of = match *of {
        "old" => "旧 / old",
        "new" => "新 / new",
        _ => "两 / both",
    };
    let not = |zh: &str, why: &Option<String>| why.as_ref().map(|why| format!("{zh}: {why}"));
    let what = match found {
        Some(found) => otherwise(found),
        None => {
            let not =
                [not("旧包不能核定 / not by the old", not_by_old), not("新包不能核定 / not by the new", not_by_new)];
            not.into_iter().flatten().collect::<Vec<_>>().join("  ")
        }
    };
    format!("! {case}（{of}）  {what}\n")
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
