//! The Unix socket and the life of the doors.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use sbkd::api::Server;

use super::house::House;
use super::refused;
use super::rig::http::Client;

#[test]
fn at_the_socket_the_user_counts_and_no_token() {
    let house = House::open();
    let mode = std::fs::metadata(house.socket()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o660);
    let client = Client::unix(house.socket());
    assert_eq!(client.get("/v1/scenarios").success().as_array().unwrap().len(), 77);
    // A page cannot reach a socket; whatever claims to be one is refused all the same.
    refused(&client.with("Origin", "http://elsewhere.example").get("/v1/scenarios"), 403, "E-API-ORIGIN");
}

#[test]
fn a_second_daemon_is_told_who_runs_already() {
    let house = House::open();
    let mut config = (*house.config).clone();
    config.api.listen = None;
    let failure = match house.wait(Server::open(&config, house.terminal.clone())) {
        Err(failure) => failure,
        Ok(_) => panic!("two daemons at one socket"),
    };
    assert_eq!(failure.entry.code, "E-API-IN-USE");
    let detail = failure.detail.unwrap();
    assert!(detail.contains(&std::process::id().to_string()), "{detail}");
    Client::unix(house.socket()).get("/v1/scenarios").success();
}

#[test]
fn a_socket_that_nobody_answers_is_replaced() {
    let house = House::open();
    let stale = house.socket().with_file_name("stale.sock");
    drop(UnixListener::bind(&stale).unwrap());
    let mut config = (*house.config).clone();
    (config.api.listen, config.api.socket) = (None, Some(stale.clone()));
    let server = house.wait(Server::open(&config, house.terminal.clone())).unwrap();
    Client::unix(&stale).get("/v1/scenarios").success();
    house.wait(server.close());
    assert!(!stale.exists(), "a socket does not outlive its daemon");
}
