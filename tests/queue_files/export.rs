//! `sbkd queue export`: a business day as JSON lines and as CSV.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use sbkd::queue::{CSV_COLUMNS, Draft, Note, Queue, State};
use sbkd::value::{Fen, Kind};
use sbkd::wire::{Outcome, Receipt};
use serde_json::{Value, json};

use crate::rig;
use crate::world::{DAY, PERSON, Terminal, draft, outsider};

/// Two of the day before, three of the day with one of the next between them, one of the next.
fn days() -> (Terminal, Queue) {
    let terminal = Terminal::new();
    let queue = terminal.open();
    let on = |key: &str, date: &str| Draft { business_date: date.parse().unwrap(), ..draft(key) };
    for (key, date) in [
        ("1", "2015-08-02"),
        ("2", "2015-08-02"),
        ("3", DAY),
        ("4", "2015-08-04"),
        ("5", DAY),
        ("6", DAY),
        ("7", "2015-08-04"),
    ] {
        queue.commit(on(key, date)).unwrap();
    }
    // One was refused, with a name in the centre's words.
    let row = queue.commit(on("5", DAY)).unwrap().row;
    queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    let refused = Outcome::Refused { code: "E-9".into(), text: "张三 已领取".into() };
    let receipt = Receipt {
        id: row.id,
        outcome: refused,
        centre_no: "=C1".into(),
        received_at: row.created_at,
        output: json!({}),
    };
    queue.advance(row.id, State::Refused, receipt.into()).unwrap();
    (terminal, queue)
}

#[test]
fn a_day_has_its_records_and_what_proves_them_and_nothing_of_a_person() {
    let (terminal, queue) = days();
    let told = terminal.done(&["export", "--date", DAY, "--out", "day.jsonl"]);
    let sums = json!([
        {"state": "pending", "records": 2, "amount": "3032.00"},
        {"state": "refused", "records": 1, "amount": "1516.00"},
    ]);
    assert_eq!((&told["records"], &told["sums"], &told["date"]), (&json!(3), &sums, &json!(DAY)));
    assert_eq!(told["after"]["sequence"], 2);
    let file = terminal.path("day.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line.as_object().unwrap().keys().next().unwrap().as_str()).collect();
    let expected = ["head", "record", "group", "header", "group", "record", "group", "record", "group", "end"];
    assert_eq!(kinds, expected);
    assert_eq!(lines[5]["record"]["state"], "refused");
    let holder = queue.holder_tag(PERSON.as_bytes()).to_string();
    for personal in [PERSON, "张三", "已领取", "certno", &holder] {
        assert!(!text.contains(personal), "{personal}");
    }
    assert!(text.contains("unemployment-sign-in"), "the search finds what is there");
    // A file is never overwritten.
    assert_eq!(terminal.queue(&["export", "--date", DAY, "--out", "day.jsonl"]).error_code(), "E-CLI-EXISTS");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    queue.close();
}

#[test]
fn it_is_proved_with_the_anchor_where_that_lies_within() {
    let (terminal, queue) = days();
    let key = terminal.key();
    for (date, rows, behind) in [(DAY, 4, None), ("2015-08-04", 4, Some(0)), ("2015-08-02", 2, None)] {
        let name = format!("{date}.jsonl");
        terminal.done(&["export", "--date", date, "--out", &name]);
        let anchor = format!("--anchor={}", terminal.state("queue.anchor").display());
        let proof = outsider(&terminal.path(""), &["verify", &anchor, "--key", &key, &name]).success();
        assert_eq!((proof["rows"].as_u64(), proof["anchor_behind"].as_u64()), (Some(rows), behind), "{date}: {proof}");
        assert_eq!(proof["states"], true);
    }
    queue.close();
}

#[test]
fn a_day_without_records_is_a_file_that_says_so() {
    let (terminal, queue) = days();
    terminal.done(&["export", "--date", "2015-09-01", "--out", "none.jsonl"]);
    let proof = outsider(&terminal.path(""), &["verify", "--key", &terminal.key(), "none.jsonl"]).success();
    assert_eq!(proof["rows"], 0);
    queue.close();
}

#[test]
fn lines_of_another_export_do_not_fit() {
    let (terminal, queue) = days();
    terminal.done(&["export", "--date", DAY, "--out", "first"]);
    let id = queue.commit(draft("3")).unwrap().row.id;
    queue.advance(id, State::Sending, Note::Nothing).unwrap();
    terminal.done(&["export", "--date", DAY, "--out", "second"]);
    let [first, second] = ["first", "second"].map(|name| fs::read_to_string(terminal.path(name)).unwrap());
    let old = first.lines().nth(1).unwrap();
    let new = second.lines().nth(1).unwrap();
    assert_ne!(old, new);
    fs::write(terminal.path("mixed"), second.replace(new, old)).unwrap();
    assert_eq!(terminal.damaged(&["verify", "mixed"]).0, 3);
    queue.close();
}

#[test]
fn a_table_has_the_days_rows_in_yuan_and_no_formula() {
    let terminal = Terminal::new();
    let queue = terminal.open();
    queue.commit(Draft { operator: "=1+1".into(), ..draft("1") }).unwrap();
    queue.commit(Draft { amount: Some(Fen(-5)), kind: Kind::SignIn, operator: "-7".into(), ..draft("2") }).unwrap();
    queue.commit(Draft { amount: None, ..draft("3") }).unwrap();
    queue.commit(Draft { business_date: "2015-08-04".parse().unwrap(), ..draft("4") }).unwrap();
    let told = terminal.done(&["export", "--date", DAY, "--format", "csv", "--bom", "--out", "day.csv"]);
    assert_eq!(told["records"], 3);
    let text = fs::read_to_string(terminal.path("day.csv")).unwrap();
    let rows: Vec<Vec<&str>> =
        text.strip_prefix('\u{feff}').unwrap().split_terminator("\r\n").map(|row| row.split(',').collect()).collect();
    assert_eq!(rows[0], CSV_COLUMNS);
    let page = fs::read_to_string(rig::tree("docs/queue.md")).unwrap();
    for column in CSV_COLUMNS {
        assert!(page.contains(&format!("`{column}`")), "docs/queue.md does not describe {column}");
    }
    let column = |name: &str| {
        let at = rows[0].iter().position(|column| *column == name).unwrap();
        rows[1..].iter().map(|row| row[at]).collect::<Vec<_>>()
    };
    assert_eq!(column("sequence"), ["1", "2", "3"]);
    assert_eq!(column("amount"), ["1516.00", "-0.05", ""]);
    assert_eq!(column("operator"), ["'=1+1", "'-7", "0007"]);
    assert_eq!(column("business_date"), [DAY; 3]);
    assert!(!text.contains(PERSON));
    queue.close();
}

#[test]
fn a_damaged_record_is_not_exported_as_if_it_were_whole() {
    let (terminal, queue) = days();
    crate::world::tamper(&terminal.state("queue.db"), "UPDATE entries SET state = 'acked' WHERE sequence = 5");
    assert_eq!(terminal.damaged(&["export", "--date", DAY, "--out", "day"]).0, 5);
    assert!(!terminal.path("day").exists(), "half a file is taken away again");
    queue.close();
}

#[test]
fn standard_output_has_the_lines_themselves() {
    let (terminal, queue) = days();
    assert_eq!(terminal.queue(&["export", "--date", DAY]).error_code(), "E-CLI-USAGE");
    let mut command = rig::bare();
    command.current_dir(terminal.path("")).args(["--config", "sbkd.toml", "queue", "export", "--date", DAY]);
    let ran = rig::Ran::of(command);
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 10));
    queue.close();
}
