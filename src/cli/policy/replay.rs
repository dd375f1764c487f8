//! `sbkd policy replay`: the journal's past cases, decided again by other packs.

use std::path::PathBuf;

use jiff::civil::Date;

use super::packs::load_without_cases;
use super::report::Report;
use crate::cli::{Outcome, Problem, Shell, config, errors, queue};
use crate::queue::{QueueError, Row};
use crate::scenario::Catalogue;
use crate::scenario::ScenarioError::Definition;

/// Arguments of `sbkd policy replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The packs to decide by: files or directories
    #[arg(long, value_name = "PATH", required = true)]
    packs: Vec<PathBuf>,
    /// Only cases of this business date and later
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Only cases up to this business date
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// Only this scenario
    #[arg(long, value_name = "ID")]
    scenario: Option<String>,
}

pub(super) fn run(args: &Args, shell: &Shell) -> Outcome {
    args.check()?;
    let packs = load_without_cases(&args.packs)?;
    let config = config::load(&config::place(shell))?;
    let mut report = Report::default();
    let read = queue::past(&config)?.each(|read| match read {
        Ok((row, payload)) if args.wants(&row) => report.take(&packs, row, payload),
        Ok(_) => {}
        Err(QueueError::Damaged { record, .. }) => report.damaged(record),
        // What is read of a row fails in no other way.
        Err(error) => tracing::warn!(%error, "a record of the journal cannot be read"),
    });
    read.map_err(|error| Problem::from_error(&error))?;
    let (value, text) = (report.value(&packs), || report.text(&packs));
    if report.counts.own_different == 0 {
        shell.show(&value, text);
        return Ok(());
    }
    let own = format!("{} / {}", report.counts.own_different, report.counts.own);
    let problem = Problem::with(&errors::REPLAY, own);
    let mut told = value;
    told["error"] = problem.to_json()["error"].clone();
    shell.show(&told, || format!("{}\n{}", text(), problem.to_text()));
    Err(problem.shown())
}

impl Args {
    /// What nothing could be looked at by is a mistake of who wrote it.
    fn check(&self) -> Outcome {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            return Err(Problem::with(&errors::USAGE, format!("--from {from} is after --to {to}")));
        }
        let Some(scenario) = &self.scenario else { return Ok(()) };
        let catalogue = Catalogue::builtin().map_err(|mistakes| Problem::from_error(&Definition(mistakes)))?;
        match catalogue.scenario(scenario).is_some() {
            true => Ok(()),
            false => Err(Problem::with(&errors::USAGE, format!("--scenario {scenario}: see sbkd scenario list"))),
        }
    }

    fn wants(&self, row: &Row) -> bool {
        // By what a cancellation was decided is in what it takes back.
        row.cancels.is_none()
            && self.from.is_none_or(|from| from <= row.business_date)
            && self.to.is_none_or(|to| row.business_date <= to)
            && self.scenario.as_ref().is_none_or(|scenario| *scenario == row.scenario)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::super::report::Counts;
    use super::*;
    use crate::queue::tests::{draft, keys, open, receipt, settings};
    use crate::queue::{Draft, Note, Past, State};
    use crate::rules::{Input, Packs};
    use crate::wire;

    const PACK: &str = r#"
[pack]
id = "test.wage"
version = "1"
title = "工资"
scenarios = ["s"]
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "on"
status = "official"
[facts]
on = { type = "date" }
wage = { type = "money" }
[[step]]
name = "pay"
expr = "half_up(wage * 10%, ¥0.01)"
out = "pay"
[[guard]]
code = "E-TOO-MUCH"
when = "wage > ¥5000"
outcome = "deny"
text = { zh = "过高", en = "too much" }
"#;

    fn packs(text: &str) -> Packs {
        Packs::load(&[("wage.toml".to_owned(), text.to_owned())]).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
    }

    fn detail(on: &str, wage: &str) -> Value {
        let facts: Map<String, Value> = json!({ "on": on, "wage": wage }).as_object().unwrap().clone();
        let input = Input { facts, ..Input::default() };
        json!({ "decision": packs(PACK).decide("s", &input).unwrap(), "input": input })
    }

    /// What is reported of a journal of four cases and some that cannot be compared.
    fn report(by: &str, args: &[&str]) -> Report {
        let dir = tempfile::tempdir().unwrap();
        let queue = open(dir.path());
        let commit = |key: &str, detail: Value| {
            let payload = json!({ "request": {}, "detail": detail });
            let date = detail_date(&payload);
            queue.commit(Draft { scenario: "s".into(), business_date: date, payload, ..draft(key) }).unwrap().row
        };
        for (key, wage) in [("1", "1000.00"), ("2", "2000.00"), ("3", "4000.01"), ("4", "4500.00")] {
            commit(key, detail(&format!("2015-0{key}-01"), wage));
        }
        commit("of another version", json!({ "decision": {} }));
        let refused = commit("refused", detail("2015-06-01", "9.00"));
        queue.advance(refused.id, State::Sending, Note::Nothing).unwrap();
        let answer = wire::Outcome::Refused { code: "E".into(), text: "否".into() };
        queue.advance(refused.id, State::Refused, receipt(&refused, answer).into()).unwrap();

        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: Args,
        }
        let line = ["replay", "--packs", "unused"].iter().chain(args);
        let args = <Line as clap::Parser>::parse_from(line).args;
        let (packs, mut report) = (packs(by), Report::default());
        let past = Past::open(&settings(dir.path()), &keys()).unwrap();
        past.each(|read| {
            let (row, payload) = read.unwrap();
            if args.wants(&row) {
                report.take(&packs, row, payload);
            }
        })
        .unwrap();
        report
    }

    fn detail_date(payload: &Value) -> Date {
        payload["detail"]["input"]["facts"]["on"].as_str().unwrap_or("2015-05-01").parse().unwrap()
    }

    fn counts(report: &Report) -> [u64; 6] {
        let Counts { transactions, same, different, outcome_changed, undecided, .. } = report.counts;
        [transactions, same, different, outcome_changed, undecided, report.counts.other_version]
    }

    #[test]
    fn the_same_pack_decides_them_as_they_were() {
        let report = report(PACK, &[]);
        assert_eq!(counts(&report), [6, 4, 0, 0, 0, 1]);
        let Counts { not_standing, own, own_different, erased, .. } = report.counts;
        assert_eq!([not_standing, own, own_different, erased], [1, 4, 0, 0]);
        assert!(report.cases.is_empty() && report.sums["pay"].then == 115_000, "{}", report.text(&packs(PACK)));
    }

    #[test]
    fn another_pack_says_who_would_get_what_and_what_it_comes_to() {
        let other = PACK.replace("10%", "20%").replace("¥5000", "¥4200");
        let packs = packs(&other);
        let report = report(&other, &[]);
        assert_eq!(counts(&report), [6, 0, 3, 1, 0, 1]);
        assert_eq!(report.counts.own, 0);
        let value = report.value(&packs);
        let sum = json!([{ "field": "pay", "cases": 4, "old": "1150.00", "new": "1400.00", "difference": "250.00" }]);
        assert_eq!(value["sums"], sum, "what is denied is worth nothing");
        let cases = value["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 4);
        assert_eq!(cases[0]["fields"], json!([{ "field": "pay", "old": "100.00", "new": "200.00" }]));
        assert_eq!(
            (&cases[3]["outcome"], &cases[3]["reasons"]),
            (&json!(["allow", "deny"]), &json!([[], ["E-TOO-MUCH"]]))
        );
        let text = report.text(&packs);
        for part in [
            "2015-01-01 s  pay 100.00 → 200.00\n",
            "2015-04-01 s  allow → deny  – → E-TOO-MUCH  pay 450.00 → –\n",
            "合计 / sum pay: 1150.00 → 1400.00，差额 / difference 250.00（4 笔 / cases）\n",
            "6 in all: 0 the same, 3 with other figures, 1 with another outcome, 0 that cannot be decided\n",
            "其中 1 笔由其他版本的程序记录",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn what_a_pack_cannot_decide_is_told_and_counted_with_why() {
        let other = PACK.replace("valid_from = 2015-01-01", "valid_from = 2015-03-01");
        let report = report(&other, &[]);
        assert_eq!(counts(&report), [6, 2, 0, 0, 2, 1]);
        let value = report.value(&packs(&other));
        assert_eq!(value["reasons"].as_array().unwrap().len(), 2);
        assert!(value["cases"][0]["undecided"].as_str().unwrap().contains("2015-01-01"), "{value:#}");
    }

    #[test]
    fn a_pack_that_fails_its_own_cases_decides_all_the_same_and_says_so() {
        let case = "[[case]]\nname = \"百分之十\"\nfacts = { on = 2015-01-01, wage = \"100.00\" }\noutcome = \"allow\"\nwant = { pay = \"10.00\" }\n";
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("other.toml");
        std::fs::write(&file, PACK.replace("10%", "20%") + case).unwrap();
        let packs = load_without_cases(&[file]).unwrap();
        let report = Report::default();
        assert_eq!(report.value(&packs)["failing"], json!([{ "pack": "test.wage", "name": "百分之十" }]));
        assert!(report.text(&packs).contains("✘ test.wage：案例未通过"), "{}", report.text(&packs));
    }

    #[test]
    fn what_is_damaged_is_one_of_those_that_were_looked_at() {
        let mut report = Report::default();
        report.damaged(7);
        assert_eq!((report.counts.transactions, &report.counts.damaged), (1, &vec![7]));
    }

    #[test]
    fn what_nothing_is_looked_at_by_is_refused() {
        let args = |from: Option<&str>, to: Option<&str>, scenario: Option<&str>| Args {
            packs: Vec::new(),
            from: from.map(|day| day.parse().unwrap()),
            to: to.map(|day| day.parse().unwrap()),
            scenario: scenario.map(str::to_owned),
        };
        assert!(args(Some("2015-01-02"), Some("2015-01-02"), Some("unemployment-sign-in")).check().is_ok());
        for wrong in [args(Some("2015-01-02"), Some("2015-01-01"), None), args(None, None, Some("nonsense"))] {
            assert_eq!(wrong.check().unwrap_err().code(), "E-CLI-USAGE");
        }
    }

    #[test]
    fn days_and_scenario_choose_what_is_looked_at() {
        assert_eq!(counts(&report(PACK, &["--from", "2015-02-01", "--to", "2015-03-01"])), [2, 2, 0, 0, 0, 0]);
        assert_eq!(counts(&report(PACK, &["--scenario", "t"])), [0; 6]);
        assert_eq!(counts(&report(PACK, &["--scenario", "s"]))[0], 6);
    }
}
