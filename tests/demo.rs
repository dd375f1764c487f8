//! `make demo ONCE=1` as its script: it ends by itself, has shown what it promises, can be run again, and says why not.

mod rig;

use std::process::{Command, Stdio};

use rig::{Ran, program, tree};

fn demo(program: &std::path::Path) -> Ran {
    let mut command = Command::new(tree("tools/demo"));
    command.env("ONCE", "1").env("SBKD", program).stdin(Stdio::null());
    Ran::of(command)
}

#[test]
fn it_shows_both_scenarios_from_card_to_acknowledgement_twice() {
    for _ in 0..2 {
        let ran = demo(&program());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
        let mut rest = ran.stdout.as_str();
        // Each after the one before it.
        for part in [
            "external-authenticated",
            "结论：可以办理",
            "统筹基金支付",
            "中心已结算",
            "中心断开",
            "签到月份",
            "送达前的队列",
            " pending ",
            "中心恢复",
            " acked ",
            "centre_no",
        ] {
            let at = rest.find(part).unwrap_or_else(|| panic!("{part} is not shown in its place:\n{}", ran.stdout));
            rest = &rest[at + part.len()..];
        }
        assert!(!ran.stdout.contains("440103198806120021"), "the holder is shown masked:\n{}", ran.stdout);
    }
    let failed = demo(std::path::Path::new("/nonexistent/sbkd"));
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.contains("✘ demo: 没有 /nonexistent/sbkd"), "{}", failed.stderr);
}
