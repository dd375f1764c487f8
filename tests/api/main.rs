//! The local interface over real HTTP and its Unix socket: who may pass, what is refused and how, and what it serves.

#[path = "../rig/mod.rs"]
mod rig;

mod bodies;
mod card;
mod commands;
mod described;
mod document;
mod doors;
mod events;
mod guard;
mod house;
mod own_scenario;
mod paper;
mod routes;

use rig::http::Answer;

/// The answer is a refusal of this kind, told with all its parts.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    let error = &answer.json()["error"];
    assert_eq!((answer.status, error["code"].as_str()), (status, Some(code)), "{answer:?}");
    for part in ["message", "cause", "remedy", "actor"] {
        assert!(error[part].as_str().is_some_and(|text| !text.is_empty()), "error.{part}: {answer:?}");
    }
}
