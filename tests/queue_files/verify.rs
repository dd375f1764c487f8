//! `sbkd queue verify`: each kind of tampering × the journal beside its daemon, a copy, an export.

use std::fs;
use std::path::Path;

use sbkd::queue::{Note, State};
use sbkd::wire::{Outcome, Receipt};
use serde_json::{Value, json};

use crate::world::{Terminal, bytes_of, outsider, tamper};

/// What somebody does to the third of six records, in a journal and in an export of it.
struct Tampering {
    sql: &'static str,
    lines: fn(&mut Vec<String>),
    /// The record that is named, and how what is told of it begins.
    told: (u64, &'static str),
}

const TAMPERINGS: &[Tampering] = &[
    // A header.
    Tampering {
        sql: "UPDATE entries SET header = CAST(replace(CAST(header AS TEXT), '\"provisional\":false', '\"provisional\":true') AS BLOB)
              WHERE sequence = 3",
        lines: |lines| change(lines, 3, "\"provisional\":false", "\"provisional\":true"),
        told: (3, "changed: "),
    },
    Tampering {
        sql: "UPDATE entries SET header = x'7b7d' WHERE sequence = 3",
        lines: |lines| *record(lines, 3) = "{}".into(),
        told: (3, "changed: "),
    },
    Tampering {
        sql: "DELETE FROM entries WHERE sequence = 3",
        lines: |lines| drop(lines.remove(place(lines, 3))),
        told: (3, "removed"),
    },
    // A copy of the second one, with all that follows moved on.
    Tampering {
        sql: "UPDATE entries SET sequence = -sequence WHERE sequence >= 3;
              UPDATE entries SET sequence = 1 - sequence WHERE sequence < 0;
              INSERT INTO entries (sequence, id, msgid, idempotency, content, header, header_hash, holder, operator,
                  amount, online, created_at, payload, state, attempts, updated_at, state_mac)
              SELECT 3, randomblob(16), 'copy', randomblob(32), content, header, header_hash, holder, operator, amount,
                  online, created_at, payload, state, attempts, updated_at, state_mac FROM entries WHERE sequence = 2",
        lines: |lines| lines.insert(place(lines, 3), lines[place(lines, 2)].clone()),
        told: (3, "inserted: "),
    },
    Tampering {
        sql: "UPDATE entries SET sequence = 30 WHERE sequence = 3; UPDATE entries SET sequence = 3 WHERE sequence = 4;
              UPDATE entries SET sequence = 4 WHERE sequence = 30",
        lines: |lines| {
            let (third, fourth) = (place(lines, 3), place(lines, 4));
            lines.swap(third, fourth);
        },
        told: (3, "moved: "),
    },
    // With its signature.
    Tampering {
        sql: "DELETE FROM entries WHERE sequence > 3; DELETE FROM groups WHERE sequence > 3",
        lines: |lines| {
            let (fourth, end) = (place(lines, 4), lines.len() - 1);
            lines.drain(fourth..end);
        },
        told: (4, "cut off: "),
    },
    Tampering {
        sql: "UPDATE groups SET signature = zeroblob(64) WHERE sequence = 3",
        lines: |lines| {
            let at = place(lines, 3) + 1;
            let signature = lines[at].split('"').nth_back(1).unwrap().to_owned();
            lines[at] = lines[at].replace(&signature, &"0".repeat(128));
        },
        told: (3, "changed: "),
    },
    Tampering {
        sql: "DELETE FROM groups WHERE sequence > 5",
        lines: |lines| {
            let last = lines.len() - 2;
            lines.remove(last);
        },
        told: (6, ""),
    },
];

fn place(lines: &[String], record: u64) -> usize {
    let wanted = format!("\"sequence\":{record},");
    lines.iter().position(|line| line.starts_with("{\"record\"") && line.contains(&wanted)).unwrap()
}

fn record(lines: &mut [String], number: u64) -> &mut String {
    let at = place(lines, number);
    &mut lines[at]
}

fn change(lines: &mut [String], number: u64, from: &str, to: &str) {
    let line = record(lines, number);
    assert!(line.contains(from), "{line}");
    *line = line.replace(from, to);
}

#[track_caller]
fn told(found: (u64, String), expected: (u64, &str), of: &str) {
    assert_eq!(found.0, expected.0, "{of}: {}", found.1);
    assert!(found.1.starts_with(expected.1), "{of}: record {}: {}", found.0, found.1);
}

/// Copies the journal with its log, as it stands beside its daemon.
fn copy(terminal: &Terminal, name: &str) {
    for ending in ["", "-wal"] {
        let from = terminal.state(&format!("queue.db{ending}"));
        if from.exists() {
            fs::copy(from, terminal.path(&format!("{name}{ending}"))).unwrap();
        }
    }
    fs::copy(terminal.state("queue.anchor"), terminal.path(&format!("{name}.anchor"))).unwrap();
}

#[test]
fn a_journal_beside_its_daemon_names_the_record_with_the_public_key_and_with_all() {
    for Tampering { sql, told: expected, .. } in TAMPERINGS {
        let (terminal, queue) = Terminal::with(6);
        let key = terminal.key();
        let whole = terminal.done(&["verify", "--anchor", "--key", &key]);
        assert_eq!((whole["rows"].as_u64(), whole["anchor_behind"].as_u64()), (Some(6), Some(0)), "{whole}");
        assert_eq!(whole["unproved"], json!(["states", "payloads"]));
        let opened = terminal.done(&["verify", "--anchor"]);
        assert_eq!((opened["payloads"].as_u64(), &opened["unproved"]), (Some(6), &json!(["newest"])), "{opened}");
        tamper(&terminal.state("queue.db"), sql);
        told(terminal.damaged(&["verify", "--anchor", "--key", &key]), *expected, sql);
        told(terminal.damaged(&["verify", "--anchor"]), *expected, sql);
        queue.close();
    }
}

#[test]
fn a_copy_names_the_record_and_stays_as_it_was() {
    for Tampering { sql, told: expected, .. } in TAMPERINGS {
        let (terminal, queue) = Terminal::with(6);
        let key = terminal.key();
        copy(&terminal, "copy.db");
        assert!(terminal.path("copy.db-wal").exists(), "the log is not in the file yet");
        let before = bytes_of(&terminal.path(""));
        let whole = terminal.done(&["verify", "--anchor", "--key", &key, "copy.db"]);
        assert_eq!(whole["rows"], 6);
        assert_eq!(terminal.done(&["verify", "copy.db"])["payloads"], 6);
        assert_eq!(bytes_of(&terminal.path("")), before, "nothing was made or changed");
        tamper(&terminal.path("copy.db"), sql);
        let before = bytes_of(&terminal.path(""));
        let args = ["verify", "--anchor", "--key", &key, "copy.db"];
        told(terminal.damaged(&args), *expected, sql);
        assert_eq!(bytes_of(&terminal.path("")), before, "nothing was made or changed");
        queue.close();
    }
}

#[test]
fn an_export_names_the_record_with_the_public_key_alone() {
    let (terminal, queue) = Terminal::with(6);
    let key = terminal.key();
    terminal.done(&["export", "--date", crate::world::DAY, "--out", "day.jsonl"]);
    queue.close();
    let whole = fs::read_to_string(terminal.path("day.jsonl")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("day.jsonl");
    let verify = |text: &str| {
        fs::write(&file, text).unwrap();
        outsider(elsewhere.path(), &["verify", "--key", &key, "day.jsonl"])
    };
    let ran = verify(&whole);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let proof: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((proof["rows"].as_u64(), &proof["unproved"]), (Some(6), &json!(["payloads", "anchor"])));
    let own: Vec<Tampering> = vec![
        Tampering { sql: "state", lines: |lines| change(lines, 3, "\"pending\"", "\"acked\""), told: (3, "changed: ") },
        Tampering { sql: "amount", lines: |lines| change(lines, 3, "1516.00", "1517.00"), told: (3, "changed: ") },
        Tampering { sql: "end", lines: |lines| drop(lines.pop()), told: (7, "cut off: ") },
        Tampering { sql: "tail", lines: |lines| lines.truncate(place(lines, 5)), told: (5, "cut off: ") },
        Tampering { sql: "head", lines: |lines| lines[0] = lines[0].replace(":6,", ":5,"), told: (0, "changed: ") },
        Tampering { sql: "behind", lines: |lines| lines.push("hello".into()), told: (7, "inserted: ") },
        Tampering { sql: "again", lines: |lines| lines.push(lines[place(lines, 3)].clone()), told: (7, "inserted: ") },
        Tampering {
            sql: "forged",
            lines: |lines| lines.push(lines[place(lines, 3)].replace("1516.00", "9999.00")),
            told: (7, "inserted: "),
        },
        Tampering { sql: "aside", lines: |lines| lines.insert(3, "{\"x\":1}".into()), told: (2, "") },
    ];
    for Tampering { sql, lines: change, told: expected } in TAMPERINGS.iter().chain(&own) {
        let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
        change(&mut lines);
        let text = lines.join("\n") + "\n";
        assert_ne!(text, whole, "{sql}");
        let ran = verify(&text);
        let told_of: Value = serde_json::from_str(&ran.stdout).unwrap();
        let error = &told_of["error"];
        assert_eq!(error["code"], "E-QUEUE-DAMAGED", "{sql}: {told_of}");
        told((error["record"].as_u64().unwrap(), error["what"].as_str().unwrap().to_owned()), *expected, sql);
    }
    // Within a line.
    let ran = verify(&whole[..whole.len() - 40]);
    assert!(ran.stdout.contains("cut off: "), "{}", ran.stdout);
}

#[test]
fn states_need_the_keys_and_the_result_says_so() {
    let (terminal, queue) = Terminal::with(3);
    let key = terminal.key();
    tamper(&terminal.state("queue.db"), "UPDATE entries SET state = 'acked' WHERE sequence = 2");
    let proof = terminal.done(&["verify", "--key", &key]);
    assert_eq!(proof["unproved"], json!(["states", "payloads", "anchor"]));
    assert_eq!(terminal.damaged(&["verify"]).0, 2);
    queue.close();
}

#[test]
fn what_is_no_journal_or_another_keys_is_told() {
    let (terminal, queue) = Terminal::with(1);
    let other = "00".repeat(32);
    for file in [None, Some("day.jsonl")] {
        if file.is_some() {
            terminal.done(&["export", "--date", crate::world::DAY, "--out", "day.jsonl"]);
        }
        let args: Vec<&str> = ["verify", "--key", &other].into_iter().chain(file).collect();
        assert_eq!(terminal.queue(&args).error_code(), "E-QUEUE-WRONG-KEYS");
    }
    fs::write(terminal.path("text"), "{}\n").unwrap();
    assert_eq!(terminal.damaged(&["verify", "text"]).0, 0);
    fs::write(terminal.path("other.db"), b"").unwrap();
    rusqlite::Connection::open(terminal.path("other.db")).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert_eq!(terminal.damaged(&["verify", "--key", &terminal.key(), "other.db"]).0, 0);
    assert_eq!(terminal.queue(&["verify", "nowhere"]).error_code(), "E-CLI-FILE");
    assert_eq!(terminal.done(&["key"])["key"].as_str().unwrap().to_lowercase(), terminal.key());
    queue.close();
}

#[test]
fn a_file_on_a_disk_that_cannot_be_written_is_proved() {
    // A daemon that was killed leaves its log: the copy has both files and its folder takes no others.
    let (terminal, queue) = Terminal::with(3);
    copy(&terminal, "copy.db");
    queue.close();
    let folder = terminal.path("read-only");
    fs::create_dir(&folder).unwrap();
    for name in ["copy.db", "copy.db-wal"] {
        fs::rename(terminal.path(name), folder.join(name)).unwrap();
    }
    let closed = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        for path in [&folder, &folder.join("copy.db"), &folder.join("copy.db-wal")] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    closed(0o555);
    let before = bytes_of(&folder);
    let proof = terminal.done(&["verify", "--key", &terminal.key(), "read-only/copy.db"]);
    assert_eq!(proof["rows"], 3);
    assert_eq!(bytes_of(&folder), before);
    closed(0o755);
}

#[test]
fn an_answered_transaction_proves_as_well() {
    let (terminal, queue) = Terminal::with(2);
    let row = queue.commit(crate::world::draft("1")).unwrap().row;
    queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
    let receipt = Receipt {
        id: row.id,
        outcome: Outcome::Accepted,
        centre_no: "C1".into(),
        received_at: row.created_at,
        output: json!({}),
    };
    queue.advance(row.id, State::Acked, receipt.into()).unwrap();
    assert_eq!(terminal.done(&["verify"])["payloads"], 2);
    tamper(&terminal.state("queue.db"), "UPDATE entries SET answer = zeroblob(40) WHERE sequence = 1");
    assert_eq!(terminal.damaged(&["verify"]).0, 1);
    queue.close();
    assert!(Path::new(&terminal.state("queue.db")).exists());
}
