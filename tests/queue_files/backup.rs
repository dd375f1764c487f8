//! `sbkd queue backup`: a copy made while another process writes all the time.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::rig::until;
use crate::world::{Terminal, bytes_of, draft, outsider, tamper};

#[test]
fn a_copy_under_a_busy_writer_is_whole_and_has_its_anchor() {
    let (terminal, queue) = Terminal::with(1);
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(1)));
    let writer = {
        let (queue, stop, written) = (queue.clone(), stop.clone(), written.clone());
        std::thread::spawn(move || {
            for n in 2.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                queue.commit(draft(&n.to_string())).unwrap();
                written.store(n, Ordering::Relaxed);
            }
        })
    };
    for n in 0..3 {
        let before = written.load(Ordering::Relaxed);
        until("something was committed", || (written.load(Ordering::Relaxed) > before + 5).then_some(()));
        let name = format!("backup-{n}.db");
        let told = terminal.done(&["backup", &name]);
        assert!(told["rows"].as_u64().unwrap() > before, "all that was committed before is in it: {told}");
        assert_eq!(fs::metadata(terminal.path(&name)).unwrap().permissions().mode() & 0o777, 0o600);
        let key = terminal.key();
        let proof = outsider(&terminal.path(""), &["verify", "--anchor", "--key", &key, &name]).success();
        assert_eq!((&proof["rows"], &proof["anchor_behind"]), (&told["rows"], &0.into()));
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    // Its end shows by its own anchor.
    tamper(
        &terminal.path("backup-0.db"),
        "DELETE FROM entries WHERE sequence = (SELECT max(sequence) FROM entries);
         DELETE FROM groups WHERE sequence = (SELECT max(sequence) FROM groups)",
    );
    let (_, what) = terminal.damaged(&["verify", "--anchor", "backup-0.db"]);
    assert!(what.starts_with("cut off: "), "{what}");
    queue.close();
}

#[test]
fn nothing_is_overwritten_and_no_half_copy_stays() {
    let (terminal, queue) = Terminal::with(2);
    for taken in ["a.db", "b.db.anchor"] {
        fs::write(terminal.path(taken), "mine").unwrap();
    }
    let before = bytes_of(&terminal.path(""));
    for name in ["a.db", "b.db"] {
        assert_eq!(terminal.queue(&["backup", name]).error_code(), "E-CLI-EXISTS");
    }
    tamper(&terminal.state("queue.db"), "DELETE FROM entries WHERE sequence = 2");
    terminal.damaged(&["backup", "c.db"]);
    assert_eq!(bytes_of(&terminal.path("")), before);
    queue.close();
}
