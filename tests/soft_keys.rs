//! Demonstration keys in place of a PSAM, through a real pcscd: they carry a case, and only in a demonstration.

mod rig;

use std::fs;
use std::path::Path;

use serde_json::json;

use rig::http::Client;
use rig::{HOLDER, Rig, image, tree, until};

const KEYS: &str = "fixtures/cards/demonstration-keys.toml";
const TOKEN: &str = "a token of the local interface";

/// A card alone in its reader: nothing else could have answered for the keys.
fn rig_with_card(name: &str) -> Rig {
    let mut rig = Rig::start();
    rig.insert_alone(&image(name));
    rig
}

fn configuration(mode: &str) -> String {
    let date = if mode == "demo" { "business_date = 2015-08-03\n" } else { "" };
    format!(
        "mode = \"{mode}\"\nterminal = \"H44010099999\"\nstate = \"state\"\n{date}\
         [keys]\nsource = \"soft\"\nsoft_file = \"{}\"\n\
         [api]\nlisten = \"127.0.0.1:0\"\nsocket = \"sbkd.sock\"\n\
         [[api.client]]\nname = \"test\"\ntoken_file = \"token\"\npermissions = [\"read\", \"operate\"]\n",
        tree(KEYS).display()
    )
}

/// Writes the configuration for that mode, and its token; gives its place.
fn write(dir: &Path, mode: &str) -> String {
    fs::write(dir.join("token"), TOKEN).unwrap();
    let file = dir.join(format!("{mode}.toml"));
    fs::write(&file, configuration(mode)).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_card_is_read_with_demonstration_keys_in_demo_mode_alone() {
    for (name, external) in [("v3-sm4", true), ("v2-3des", false)] {
        let rig = rig_with_card(name);
        let read = |more: &[&str]| {
            rig.sbkd(&[&["card", "read", "--direct", "--reader", HOLDER, "--keys", KEYS, "--json"], more].concat())
        };
        let reading = read(&["--mode", "demo"]).success();
        assert_eq!(reading["authenticated"], json!({ "internal": true, "external": external, "by": "soft" }), "{name}");
        assert_eq!(reading["apdus"]["psam"], 0, "{name}");
        // The terminal's own configuration is for real work: no argument makes it a demonstration.
        let production = rig.dir().join("psam.toml");
        let text = "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n";
        fs::write(&production, text).unwrap();
        let production = production.to_str().unwrap();
        for refused in [read(&[]), read(&["--mode", "production"]), read(&["--mode", "demo", "--config", production])] {
            assert_eq!((refused.code, refused.error_code().as_str()), (Some(3), "E-KEYS-SOFT-REFUSED"), "{name}");
        }
    }
}

#[test]
fn a_daemon_with_demonstration_keys_carries_a_case_out_in_demo_mode_alone() {
    let rig = rig_with_card("v3-sm4");
    let production = write(rig.dir(), "production");
    for command in [&["run"][..], &["config", "check"]] {
        let refused = rig.sbkd(&[command, &["--json", "--config", &production]].concat());
        assert_eq!((refused.code, refused.error_code().as_str()), (Some(7), "E-CFG-INVALID"), "{command:?}");
        assert_eq!(refused.json()["error"]["mistakes"][0]["line"], 5, "{command:?}");
    }

    let demo = write(rig.dir(), "demo");
    rig.sbkd(&["config", "check", "--json", "--config", &demo]).success();
    let mut command = rig.command("run");
    command.args(["--json", "--config", &demo]);
    let mut daemon = rig.spawn("daemon", command);
    let ready = daemon.line("the daemon is ready", |line| serde_json::from_str::<serde_json::Value>(line).ok());
    let client = Client::tcp(ready["url"].as_str().unwrap()).token(TOKEN);
    let open = json!({
        "scenario": "unemployment-sign-in", "operator": "0017", "reader": HOLDER,
        "input": { "acc026": true, "acc027": false },
    });
    until("the daemon knows its reader", || {
        let readers = client.get("/v1/readers").success();
        readers
            .as_array()
            .unwrap()
            .iter()
            .any(|r| r["name"] == HOLDER && r["card"] == true && r["role"] == "holder")
            .then_some(())
    });
    let id = client.post("/v1/cases", &open).success()["id"].as_str().unwrap().to_owned();
    let state = |wanted: &str| {
        until(&format!("the case is {wanted}"), || {
            let view = client.get(&format!("/v1/cases/{id}")).success();
            assert!(view["failure"].is_null(), "{view:#}");
            (view["state"] == wanted).then_some(view)
        })
    };
    state("waiting-confirmation");
    client.post(&format!("/v1/cases/{id}/confirm"), &json!({})).success();
    assert!(state("done")["slip"].to_string().contains("演示"), "what leaves a demonstration says so");
    assert_eq!(client.post("/v1/card/read", &json!({ "reader": HOLDER })).success()["authenticated"]["by"], "soft");
    assert_eq!(client.get("/v1/transactions").success()[0]["demo"], true);
    assert_eq!(daemon.terminate(), Some(0));
}
