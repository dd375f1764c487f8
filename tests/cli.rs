//! The command line as programs see it: help, the JSON form of every failure, exit codes, and what needs no card.

mod rig;

use std::process::Stdio;

use rig::Ran;
use serde_json::Value;

/// Every command, as it is typed.
const COMMANDS: &[&str] = &[
    "run",
    "readers",
    "card read",
    "card release",
    "card file",
    "card pin tries",
    "card pin verify",
    "card pin change",
    "card pin reload",
    "card pin unblock",
    "card write",
    "card mend",
    "card account",
    "card bank",
    "scenario list",
    "scenario show",
    "scenario check",
    "case run",
    "case paper",
    "queue list",
    "queue show",
    "queue paper",
    "queue acknowledge",
    "queue verify",
    "queue key",
    "queue export",
    "queue backup",
    "queue rekey",
    "queue set-aside",
    "shift open",
    "shift close",
    "shift list",
    "shift show",
    "reconcile run",
    "reconcile list",
    "reconcile show",
    "reconcile repair",
    "policy check",
    "policy test",
    "policy explain",
    "policy diff",
    "policy replay",
    "policy reload",
    "policy keygen",
    "policy sign",
    "policy verify",
    "blacklist import",
    "blacklist status",
    "blacklist sign",
    "catalogue import",
    "catalogue show",
    "catalogue status",
    "catalogue sign",
    "script check",
    "script run",
    "script import",
    "record",
    "replay",
    "vcard",
    "center",
    "config check",
    "doctor",
];

/// `sbkd` with these words, without any configuration of this machine.
fn sbkd(line: &str) -> Ran {
    sbkd_with(&line.split_whitespace().collect::<Vec<_>>())
}

fn sbkd_with(args: &[&str]) -> Ran {
    let mut command = rig::bare();
    command.args(args);
    Ran::of(command)
}

#[test]
fn every_command_has_its_help() {
    let page = std::fs::read_to_string(rig::tree("docs/cli.md")).unwrap();
    let all = sbkd("--help");
    for line in COMMANDS {
        let ran = sbkd(&format!("{line} --help"));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{line}");
        assert!(ran.stdout.contains(&format!("Usage: sbkd {line}")), "{line}: {}", ran.stdout);
        assert!(ran.stdout.contains("--json"), "{line}");
        assert!(page.contains(&format!("sbkd {line}")), "docs/cli.md does not describe {line}");
        let first = line.split(' ').next().unwrap();
        assert!(all.stdout.lines().any(|told| told.trim_start().starts_with(first)), "--help does not name {first}");
    }
    let named = all.stdout.lines().skip_while(|told| *told != "Commands:").skip(1);
    for command in named.take_while(|told| !told.is_empty()).filter_map(|told| told.split_whitespace().next()) {
        assert!(COMMANDS.iter().any(|line| line.split(' ').next() == Some(command)), "{command} is in no test");
    }
}

#[test]
fn a_wrong_command_line_is_told_in_both_forms() {
    for line in
        ["", "dance", "case", "case run", "queue show not-an-id", "readers --nonsense", "queue list --limit many"]
    {
        let ran = sbkd(&format!("{line} --json"));
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(2), "E-CLI-USAGE"), "{line}");
        let ran = sbkd(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{line}");
        assert!(ran.stderr.contains("--help"), "{line}: {}", ran.stderr);
    }
}

#[test]
fn without_a_daemon_every_command_that_asks_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("nobody.sock");
    let socket = socket.to_str().unwrap();
    for line in [
        "readers",
        "card file DF04/EF05",
        "card pin tries",
        "card account",
        "card bank",
        "case run medical-settlement",
        "queue list",
        "queue show 01940000-0000-7000-8000-000000000000",
    ] {
        let mut args: Vec<&str> = line.split(' ').collect();
        args.extend(["--socket", socket]);
        let text = sbkd_with(&args);
        assert_eq!((text.code, text.stdout.as_str()), (Some(8), ""), "{line}: {text:?}");
        assert!(text.stderr.contains("办法") && text.stderr.contains("remedy"), "{line}: {}", text.stderr);
        args.push("--json");
        let ran = sbkd_with(&args);
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(8), "E-CLI-NO-DAEMON"), "{line}");
        assert!(ran.json()["error"]["detail"].as_str().unwrap().contains(socket), "{line} names the socket");
    }
}

#[test]
fn the_catalogue_is_the_table_of_77() {
    let table = std::fs::read_to_string(rig::tree("fixtures/scenarios.tsv")).unwrap();
    let rows: Vec<Value> = table
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let row: u32 = cells[0].parse().unwrap();
            let also: Vec<&str> = cells[4].split(',').filter(|kind| !kind.is_empty()).collect();
            serde_json::json!({
                "row": row, "id": cells[2], "kind": cells[3], "also": also, "domain": cells[5], "name": cells[6],
                "available": true, "no_pack_today": false,
            })
        })
        .collect();
    assert_eq!(rows.len(), 77);
    assert_eq!(sbkd("scenario list --json").success(), Value::Array(rows));
    for command in ["list", "check"] {
        let text = sbkd(&format!("scenario {command}"));
        assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""), "{command}");
        assert_eq!(text.stdout.lines().filter(|line| line.contains('●')).count(), 77, "{command}");
    }
}

#[test]
fn a_scenario_is_shown_with_all_its_parts_and_packs() {
    let shown = sbkd("scenario show training-subsidy --json").success();
    let kinds: Vec<&str> = shown["parts"].as_array().unwrap().iter().filter_map(|part| part["kind"].as_str()).collect();
    assert_eq!(kinds, ["apply", "collect", "query"]);
    let text = sbkd("scenario show unemployment-sign-in").stdout;
    for told in
        ["58 unemployment-sign-in", "[sign-in] 领取失业金人员签到", "acc026 (ACC026)", "gz.unemployment.sign-in"]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
    for (scenario, told) in [
        (
            "unemployment-sign-in",
            &[
                "  规则 packs gz.unemployment.sign-in\n",
                "  不予 deny E-SIGN-ALREADY 本月已经签到 / already signed in this month（M）\n",
            ][..],
        ),
        (
            "medical-settlement",
            &["  过期卡 expired card 不办理 refuse\n", "  适用 for insutype: 310\n", " 逐行 each line E-"],
        ),
        (
            "designated-institution-change",
            &["  状况从严 conditions uplink-away: refuse\n", "  过期卡 expired card 提示后办理 warn\n"],
        ),
        ("maternity-admission", &[" = 510\n"]),
        ("pharmacy-settlement", &["medfee_sumamt = sum det_item_fee_sumamt"]),
        ("work-injury-settlement", &["  接收系统 receiver GSXT\n"]),
        ("unemployment-application", &[" ← card.sex\n", "  另告规则 facts apply_date = business-date"]),
        ("unemployment-collection", &["；按 key pay_no\n"]),
        ("skill-appraisal-query", &["；可用 hours 24 小时内的应答\n"]),
        ("labor-inspection-complaint", &["  保密 confidential confidential\n"]),
    ] {
        let text = sbkd(&format!("scenario show {scenario}")).stdout;
        for told in told {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
    let unknown = sbkd("scenario show dance --json");
    assert_eq!((unknown.code, unknown.error_code().as_str()), (Some(2), "E-SCN-UNKNOWN"));
}

#[test]
fn a_catalogue_without_a_pack_that_it_names_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let own = rig::tree("config/policy/guangzhou-2015/unemployment-sign-in.toml");
    std::fs::copy(own, dir.path().join("one.toml")).unwrap();
    let packs = dir.path().to_str().unwrap();
    let ran = sbkd_with(&["scenario", "check", "--packs", packs, "--json"]);
    assert_eq!((ran.code, ran.error_code().as_str()), (Some(7), "E-TERM-SETUP"));
    let detail = ran.json()["error"]["detail"].as_str().unwrap().to_owned();
    let medical = std::fs::read_to_string(rig::tree("config/scenarios/medical.toml")).unwrap();
    let (before, _) = medical.split_once("packs = [\n    \"gz.employee.inpatient\"").unwrap();
    let named = "there is no policy pack gz.employee.inpatient for medical-settlement";
    let told = format!("medical.toml:{}:9: {named}\n", before.lines().count() + 1);
    assert!(detail.contains(&told), "{told}{detail}");
    assert!(!detail.contains("unemployment-sign-in"), "{detail}");
    let listed = sbkd_with(&["scenario", "list", "--packs", packs, "--json"]).success();
    let ready = listed.as_array().unwrap().iter().filter(|line| line["available"] == true);
    assert_eq!(ready.map(|line| line["id"].as_str().unwrap()).collect::<Vec<_>>(), ["unemployment-sign-in"]);
}

#[test]
fn a_configuration_is_checked_by_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sbkd.toml");
    let file = file.to_str().unwrap();
    let check = |text: &str| {
        std::fs::write(file, text).unwrap();
        sbkd_with(&["config", "check", file, "--json"])
    };
    let sound = "mode = \"production\"\nterminal = \"H44010000001\"\n[keys]\nsource = \"psam\"\n";
    assert_eq!(check(sound).success()["ok"], true);
    for (text, places) in [
        ("mode = \"produktion\"\n", &[(1, 8)][..]),
        ("mode = [", &[(1, 9)]),
        (&format!("{sound}mood = 1\n"), &[(5, 1)]),
        (&format!("{sound}[api]\nlisten = \"0.0.0.0:80\"\norigins = [\"*\"]\n"), &[(6, 10), (7, 12)]),
        (&sound.replace("psam", "soft"), &[(4, 10), (4, 10)]),
    ] {
        let ran = check(text);
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(7), "E-CFG-INVALID"), "{text}");
        let mistakes = ran.json()["error"]["mistakes"].clone();
        let told: Vec<(u64, u64)> = mistakes
            .as_array()
            .unwrap()
            .iter()
            .map(|mistake| (mistake["line"].as_u64().unwrap(), mistake["column"].as_u64().unwrap()))
            .collect();
        assert_eq!(told, places, "{text}: {mistakes}");
        let text = sbkd_with(&["config", "check", file]);
        let (line, column) = places[0];
        assert!(text.stderr.contains(&format!("{file}:{line}:{column}: ")), "{}", text.stderr);
    }
    let missing = sbkd("config check /nonexistent/sbkd.toml --json");
    assert_eq!((missing.code, missing.error_code().as_str()), (Some(7), "E-CFG-UNREADABLE"));
}

#[test]
fn what_a_configuration_names_is_checked_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sbkd.toml");
    let sound = "mode = \"production\"\nterminal = \"H44010000001\"\n[keys]\nsource = \"psam\"\n[paths]\n";
    let check = |setting: &str| {
        std::fs::write(&file, format!("{sound}{setting}\n")).unwrap();
        sbkd_with(&["config", "check", file.to_str().unwrap(), "--json"])
    };
    for (name, place, code) in [
        ("scripts", "ssc-3.0.apdu", "E-TERM-SETUP"),
        ("policy", "pack.toml", "E-TERM-SETUP"),
        ("scenarios", "one.toml", "E-SCN-DEFINITION"),
    ] {
        let folder = dir.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(place), "nonsense =\n").unwrap();
        let ran = check(&format!("{name} = \"{name}\""));
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(7), code), "{name}");
        let detail = ran.json()["error"]["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(&format!("{name}/{place}:1:")), "{detail}");
    }
    std::fs::write(dir.path().join("conditions.toml"), "[form]\n").unwrap();
    let ran = check("conditions = \"conditions.toml\"");
    assert!(ran.json()["error"]["detail"].as_str().unwrap().contains("conditions.toml:1:"), "{ran:?}");
    assert_eq!(check("scripts = \"none\"").error_code(), "E-TERM-SETUP");
    let ours = format!("scripts = {:?}\npolicy = {:?}", rig::tree("apdu-scripts"), rig::tree("config/policy"));
    assert_eq!(check(&ours).success()["ok"], true);
}

#[test]
fn the_configurations_that_ship_are_sound() {
    for file in ["config/sbkd.toml", "config/demo.toml"] {
        assert_eq!(sbkd(&format!("config check {file} --json")).success()["ok"], true, "{file}");
        assert!(sbkd(&format!("config check --config {file}")).stdout.contains("配置无误"), "{file}");
    }
}

#[test]
fn the_environment_names_the_usual_place_and_the_command_line_another() {
    let dir = tempfile::tempdir().unwrap();
    let place = |named: Option<&str>, args: &[&str]| {
        let mut command = rig::bare();
        named.map(|file| command.env("SBKD_CONFIG", dir.path().join(file)));
        command.current_dir(dir.path()).args(["config", "check", "--json"]).args(args);
        Ran::of(command).success()["file"].as_str().map(std::path::PathBuf::from)
    };
    let sound = "mode = \"production\"\nterminal = \"H44010000001\"\n[keys]\nsource = \"psam\"\n";
    for file in ["own.toml", "other.toml"] {
        std::fs::write(dir.path().join(file), sound).unwrap();
    }
    assert_eq!(place(Some("own.toml"), &[]), Some(dir.path().join("own.toml")));
    assert_eq!(place(Some("own.toml"), &["--config", "other.toml"]), Some("other.toml".into()));
    // What these tests run finds nothing of the machine's own, and what is built in stands in for it.
    let none = sbkd("config check --json");
    assert_eq!(none.error_code(), "E-CFG-UNREADABLE");
    assert!(none.stdout.contains(rig::NOWHERE), "{}", none.stdout);
}

#[test]
fn an_input_file_with_a_mistake_is_told_by_its_place_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("input.json");
    let file = file.to_str().unwrap();
    for (text, place) in [
        ("{\"a\": 1,\n \"110105194912310021\" 2}", ":2:23: not JSON"),
        ("[1]", ":1:1: not an object"),
        ("\"110105194912310021\"", ":1:1: not an object"),
        ("", ":1:0: not JSON"),
    ] {
        std::fs::write(file, text).unwrap();
        let ran = sbkd_with(&["case", "run", "medical-settlement", "--input", file, "--json"]);
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(2), "E-CLI-JSON"), "{text}");
        let detail = ran.json()["error"]["detail"].as_str().unwrap().to_owned();
        assert_eq!(detail, format!("{file}{place}"));
        assert!(!ran.stdout.contains("110105194912310021"));
    }
    let missing = sbkd("case run medical-settlement --input /nonexistent.json --json");
    assert_eq!((missing.code, missing.error_code().as_str()), (Some(2), "E-CLI-FILE"));
}

#[test]
fn the_exit_codes_are_documented() {
    let page = std::fs::read_to_string(rig::tree("docs/cli.md")).unwrap();
    for code in 0..=8 {
        assert!(page.contains(&format!("| {code} | ")), "exit code {code}");
    }
}

#[test]
fn the_doctor_has_a_line_for_each_part_and_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sbkd.toml");
    let text = "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
                [api]\nsocket = \"nobody.sock\"\n[uplink]\nurl = \"http://127.0.0.1:9\"\ntoken_file = \"token\"\n";
    let doctor = |form: &[&str]| {
        let mut command = rig::bare();
        command.arg("doctor").arg("--config").arg(&file).args(form);
        Ran::of(command)
    };
    for (text, wrong) in [(text, &["rights", "pcscd", "upstream"][..]), ("mode = 1\n", &["config", "pcscd"])] {
        std::fs::write(&file, text).unwrap();
        let ran = doctor(&["--json"]);
        assert_eq!((ran.code, ran.error_code().as_str()), (Some(1), "E-CLI-UNWELL"));
        let report = ran.json();
        assert_eq!((report["ok"].as_bool(), report["daemon"].as_bool()), (Some(false), Some(false)));
        let checks = report["checks"].as_array().unwrap();
        let names: Vec<&str> = checks.iter().map(|check| check["check"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            ["config", "daemon", "policy", "rights", "pcscd", "readers", "psam", "clock", "disk", "upstream"]
        );
        let failed: Vec<&str> =
            checks.iter().filter(|c| c["status"] == "failed").map(|c| c["check"].as_str().unwrap()).collect();
        assert_eq!(failed, wrong);
        for check in checks {
            assert_eq!(check["remedy"].is_null(), check["status"] == "ok", "{check}");
        }
        let text = doctor(&[]);
        assert_eq!((text.code, text.stderr.as_str()), (Some(1), ""));
        assert_eq!(text.stdout.lines().filter(|line| !line.starts_with(' ')).count(), 10, "{}", text.stdout);
    }
}

#[test]
fn output_that_is_lost_is_a_failure_unless_nobody_wants_it() {
    let listed = |to: std::fs::File| {
        let mut command = rig::bare();
        command.args(["scenario", "list", "--json"]).stdout(to).stderr(Stdio::piped());
        let ended = command.spawn().unwrap().wait_with_output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
    };
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (code, told) = listed(full);
    assert!(code == Some(1) && told.contains("E-CLI-FILE") && told.contains("standard output"), "{code:?}: {told}");
    let (gone, pipe) = std::io::pipe().unwrap();
    drop(gone);
    assert_eq!(listed(std::os::fd::OwnedFd::from(pipe).into()), (Some(0), String::new()));
}
