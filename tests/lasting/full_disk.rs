//! The daemon on a disk that is full: it says so, refuses what it could not keep, loses nothing, and heals by itself.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::rig::walk::{Setting, Walk, bill, sign_in};
use crate::rig::{image, until};

#[test]
fn a_full_disk_is_a_condition_a_reason_and_over_when_there_is_room() {
    let mut walk = Walk::without_processes(Setting::default());
    walk.start_centre();
    walk.start_daemon_on_a_disk_of("4m");
    walk.rig.keep_psam(&image("psam"));
    walk.rig.insert(&image("v3-sm4"));
    let daemon = walk.daemon_id();
    let signed = walk.carry_out("unemployment-sign-in", &sign_in(), &["done"]);
    walk.until_transaction(signed["transaction"]["id"].as_str().unwrap(), "acked");

    // Of the daemon's disk only its own namespace has a view.
    let inside = walk.file("state").join("ballast");
    let ballast = PathBuf::from(format!("/proc/{daemon}/root")).join(inside.strip_prefix("/").unwrap());
    drop(fs::write(&ballast, vec![0; 4 << 20]).unwrap_err());
    let refused = walk.open("medical-settlement", &bill());
    let refused = walk.until_case(&refused, &["failed", "refused"]);
    assert_eq!(refused["failure"]["code"], "E-TERM-STORAGE", "{refused:#}");
    for part in ["message", "cause", "remedy", "actor"] {
        assert!(refused["failure"][part].as_str().is_some_and(|text| !text.is_empty()), "{part}: {refused:#}");
    }
    assert!(walk.condition("storage"));
    let kept = walk.transactions();
    assert_eq!((kept.len(), &kept[0]["state"]), (1, &json!("acked")), "{kept:?}");

    fs::remove_file(&ballast).unwrap();
    until("the daemon notices that there is room", || (!walk.condition("storage")).then_some(()));
    walk.carry_out("medical-settlement", &bill(), &["done"]);
    assert_eq!(walk.transactions().len(), 2);
    assert_eq!(walk.daemon_id(), daemon, "nothing of this stopped the daemon");
    assert_eq!(walk.stop_daemon(), Some(0));
}
