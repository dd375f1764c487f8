//! `sbkd catalogue`: catalogues signed, taken in and looked at.

mod rig;

use std::fs;
use std::path::Path;

use rig::Ran;
use serde_json::json;

/// A terminal's configuration that trusts one key, and that key.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        let made = desk.sbkd(&["policy", "keygen", "--out", "own.key", "--json"]);
        let config = format!(
            "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
             [catalogue]\nkeys = [\"{}\"]\nmax_age_days = 1\n",
            made.json()["key"].as_str().unwrap()
        );
        fs::write(desk.dir.path().join("sbkd.toml"), config).unwrap();
        fs::create_dir(desk.dir.path().join("state")).unwrap();
        fs::copy(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("config/catalogue/demo.csv"),
            desk.dir.path().join("demo.csv"),
        )
        .unwrap();
        desk
    }

    fn sbkd(&self, arguments: &[&str]) -> Ran {
        let mut command = rig::bare();
        command.args(arguments).current_dir(self.dir.path());
        if self.dir.path().join("sbkd.toml").exists() {
            command.args(["--config", "sbkd.toml"]);
        }
        Ran::of(command)
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> serde_json::Value {
        let ran = self.sbkd(&[arguments, &["--json"]].concat());
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        ran.json()
    }
}

#[test]
fn the_demonstrations_catalogue_is_signed_taken_in_and_looked_at() {
    let desk = Desk::new();
    let none = desk.done(&["catalogue", "status"]);
    assert_eq!(none, json!({"catalogue": null, "age_secs": null, "old": false}));
    let ran = desk.sbkd(&["catalogue", "show", "B1", "--json"]);
    assert_eq!((ran.error_code().as_str(), ran.code), ("E-TERM-CATALOGUE-NONE", Some(4)));

    let signed = desk.done(&["catalogue", "sign", "--key", "own.key", "demo.csv"]);
    assert_eq!((&signed["signed"], &signed["catalogue"]["items"]), (&json!("demo.csv.sig"), &json!(12)));
    let taken = desk.done(&["catalogue", "import", "demo.csv"]);
    assert_eq!((&taken["changed"], &taken["signed_by"]), (&json!(true), &signed["key"]));
    assert!(taken["note"].as_str().unwrap().contains("made up"), "it says what it is");
    assert_eq!(desk.done(&["catalogue", "import", "demo.csv"])["changed"], false);
    let status = desk.done(&["catalogue", "status"]);
    assert_eq!((&status["catalogue"]["sha256"], &status["old"]), (&signed["catalogue"]["sha256"], &json!(true)));
    assert!(desk.sbkd(&["catalogue", "status"]).stdout.contains("目录制作已久"));

    let told = desk.done(&["catalogue", "show", "A2", "--on", "2015-08-03"]);
    assert_eq!(told["items"][0]["chrgitm_lv"], "01");
    assert_eq!(told["prices"], json!([{"insutype": "", "begndate": "2015-01-01", "enddate": null, "value": "0.0000"}]));
    assert_eq!((&told["rates"], &told["catalogue"]["serial"]), (&json!([]), &json!(2_015_080_101)));
    let text = desk.sbkd(&["catalogue", "show", "DEMO-DRUG-B"]).stdout;
    assert!(text.contains("演示乙类药品") && text.contains("10%") && text.contains("全部 / all"), "{text}");
    for on in ["2014-12-31", "2015-01-01"] {
        let items = desk.done(&["catalogue", "show", "B1", "--on", on])["items"].as_array().unwrap().len();
        assert_eq!(items, usize::from(on == "2015-01-01"), "{on}");
    }
    assert!(desk.sbkd(&["catalogue", "show", "NO-SUCH"]).stdout.contains("目录中没有这个编码"));
}

#[test]
fn what_is_no_good_catalogue_is_refused_by_the_places_of_its_mistakes() {
    let desk = Desk::new();
    let path = desk.dir.path().join("demo.csv");
    let good = fs::read_to_string(&path).unwrap();
    let refused = |code: &str, exit: i32| {
        let ran = desk.sbkd(&["catalogue", "import", "demo.csv", "--json"]);
        assert_eq!((ran.error_code().as_str(), ran.code), (code, Some(exit)), "{}", ran.stdout);
        ran.json()["error"].clone()
    };
    refused("E-STORE-CATALOGUE-SIGNATURE", 7);
    fs::write(&path, good.replace("0.4500", "45%").replace("2015-01-01,,0.1000", "2015-01-02,,0.1000")).unwrap();
    // Nobody signs what no terminal takes.
    let ran = desk.sbkd(&["catalogue", "sign", "--key", "own.key", "demo.csv", "--json"]);
    assert_eq!((ran.error_code().as_str(), ran.code), ("E-STORE-CATALOGUE-FORM", Some(7)));
    let places: Vec<_> =
        ran.json()["error"]["diagnostics"].as_array().unwrap().iter().map(|at| at["line"].clone()).collect();
    assert_eq!(places, [25, 26, 27]);
    let ran = desk.sbkd(&["catalogue", "sign", "--key", "own.key", "demo.csv"]);
    let told: Vec<_> = ran.stderr.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(told, ["demo.csv:25:22", "demo.csv:26:19", "demo.csv:27:15"], "{}", ran.stderr);
    assert!(!desk.dir.path().join("demo.csv.sig").exists());
    fs::write(&path, &good).unwrap();
    desk.done(&["catalogue", "sign", "--key", "own.key", "demo.csv"]);
    desk.done(&["catalogue", "import", "demo.csv"]);
    fs::write(&path, good.replace("serial 2015080101", "serial 1")).unwrap();
    refused("E-STORE-CATALOGUE-SIGNATURE", 7);
    desk.done(&["catalogue", "sign", "--key", "own.key", "demo.csv"]);
    refused("E-STORE-CATALOGUE-OLDER", 7);
    fs::remove_file(&path).unwrap();
    refused("E-STORE-CATALOGUE-FILE", 2);
    assert_eq!(desk.done(&["catalogue", "status"])["catalogue"]["serial"], 2_015_080_101);
}
