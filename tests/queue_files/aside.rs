//! `sbkd queue set-aside`, and what an auditor and the daemon see afterwards.

use std::fs;

use serde_json::json;

use crate::world::{DAY, Terminal, draft, outsider, tamper};

#[test]
fn a_terminal_goes_on_with_what_is_whole_and_the_hole_is_told_of_everywhere() {
    let (terminal, queue) = Terminal::with(6);
    let key = terminal.key();
    assert_eq!(terminal.queue(&["set-aside"]).error_code(), "E-QUEUE-IN-USE");
    queue.close();
    drop(queue);
    assert_eq!(terminal.queue(&["set-aside"]).error_code(), "E-QUEUE-WHOLE");
    tamper(&terminal.state("queue.db"), "UPDATE entries SET payload = zeroblob(40) WHERE sequence IN (3, 6)");
    let done = terminal.done(&["set-aside"]);
    assert_eq!((&done["rows"], done["lost"].as_array().unwrap().len()), (&json!(4), 2), "{done}");
    assert!(fs::exists(terminal.path(done["damaged"].as_str().unwrap()).join("queue.db")).unwrap());
    let proof = terminal.done(&["verify", "--anchor", "--key", &key]);
    assert_eq!((&proof["rows"], &proof["lost"], &proof["anchor_behind"]), (&json!(4), &done["lost"], &json!(0)));

    let queue = terminal.open();
    assert_eq!(queue.commit(draft("7")).unwrap().row.sequence, 7);
    assert!(queue.commit(draft("5")).unwrap().duplicate);
    terminal.done(&["export", "--date", DAY, "--out", "day.jsonl"]);
    let proof = outsider(&terminal.path(""), &["verify", "--key", &key, "day.jsonl"]).success();
    assert_eq!((&proof["rows"], &proof["lost"]), (&json!(5), &done["lost"]));
    terminal.done(&["backup", "backup.db"]);
    let proof = outsider(&terminal.path(""), &["verify", "--anchor", "--key", &key, "backup.db"]).success();
    assert_eq!((&proof["rows"], &proof["lost"]), (&json!(5), &done["lost"]));
    queue.close();
    // A hole that is not on the list is damage.
    tamper(&terminal.path("backup.db"), "DELETE FROM entries WHERE sequence = 4");
    let (record, what) = terminal.damaged(&["verify", "--key", &key, "backup.db"]);
    assert_eq!((record, what.as_str()), (4, "removed"));
}

#[test]
fn what_cannot_be_read_at_all_is_given_up_by_leave_alone() {
    let (terminal, queue) = Terminal::with(3);
    queue.close();
    drop(queue);
    let path = terminal.state("queue.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..4096].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(terminal.queue(&["set-aside"]).error_code(), "E-QUEUE-DAMAGED");
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let done = terminal.done(&["set-aside", "--all-lost"]);
    assert_eq!((&done["rows"], &done["lost"][0]["until"]["sequence"]), (&json!(0), &json!(3)));
    assert_eq!(terminal.open().commit(draft("4")).unwrap().row.sequence, 4);
}
