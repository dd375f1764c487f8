//! `sbkd queue rekey` and keys from elsewhere.

use std::fs;

use crate::world::{Terminal, draft};

#[test]
fn a_stopped_terminals_journal_gets_new_keys_and_the_same_public_key() {
    let (terminal, queue) = Terminal::with(3);
    assert_eq!(terminal.queue(&["rekey"]).error_code(), "E-QUEUE-IN-USE");
    queue.close();
    drop(queue);
    let before = fs::read(terminal.state("keys/seal.key")).unwrap();
    let public = terminal.done(&["key"]);
    let done = terminal.done(&["rekey"]);
    assert_eq!((&done["rows"], &done["payloads"], &done["cleared"]), (&3.into(), &3.into(), &true.into()), "{done}");
    assert_ne!(fs::read(terminal.state("keys/seal.key")).unwrap(), before);
    assert_eq!(terminal.done(&["key"]), public);
    assert_eq!(terminal.done(&["verify", "--anchor"])["payloads"], 3);
    let queue = terminal.open();
    assert!(queue.commit(draft("1")).unwrap().duplicate);
    queue.close();
}

#[test]
fn keys_that_are_only_read_are_written_elsewhere() {
    let (terminal, queue) = Terminal::with(2);
    queue.close();
    drop(queue);
    fs::rename(terminal.state("keys"), terminal.path("given")).unwrap();
    let configure = |dir: &str| {
        let text = fs::read_to_string(terminal.path("sbkd.toml")).unwrap();
        let text = text.split("[queue]").next().unwrap().to_owned();
        fs::write(terminal.path("sbkd.toml"), format!("{text}[queue]\nkeys = \"{dir}\"\n")).unwrap();
    };
    configure("given");
    assert_eq!(terminal.done(&["verify"])["payloads"], 2);
    assert_eq!(terminal.queue(&["rekey"]).error_code(), "E-CLI-USAGE");
    assert_eq!(terminal.queue(&["rekey", "--into", "given"]).error_code(), "E-CLI-EXISTS");
    terminal.done(&["rekey", "--into", "new"]);
    assert_eq!(terminal.queue(&["verify"]).error_code(), "E-QUEUE-WRONG-KEYS");
    configure("new");
    assert_eq!(terminal.done(&["verify", "--anchor"])["payloads"], 2);
}
