//! What the program looks for by name is there, or its absence is a mistake with its place.

use crate::script::Library;

const V2: &str = include_str!("../../../apdu-scripts/ssc-2.0.apdu");
const V3: &str = include_str!("../../../apdu-scripts/ssc-3.0.apdu");
const PSAM: &str = include_str!("../../../apdu-scripts/psam.apdu");

/// The mistakes of a script under a name, each as `line:column: message`.
fn mistakes(name: &str, text: &str) -> Vec<String> {
    let files = [(format!("own/{name}.apdu"), text.to_owned())];
    let over = Library::over_builtin(&files).err().unwrap_or_default();
    assert_eq!(Library::fit(&files).err().unwrap_or_default(), over, "{name}: both ways to look at it");
    over.iter().map(|one| one.to_string().trim_start_matches(&format!("own/{name}.apdu:")).to_owned()).collect()
}

/// The line on which a text stands.
fn line(text: &str, what: &str) -> usize {
    text.lines().position(|line| line.starts_with(what)).unwrap() + 1
}

#[test]
fn a_script_of_a_known_name_is_whole() {
    for (name, text) in [("ssc-2.0", V2), ("ssc-3.0", V3), ("ssc-9.0", V3), ("psam", PSAM), ("ssc-1.0", V3)] {
        assert_eq!(mistakes(name, text), Vec::<String>::new(), "{name}");
    }
    let all = mistakes("ssc-3.0", "");
    let missing = |flow: &str, why: &str| format!("1:1: the flow {flow} is missing{why}");
    let mut expected = vec![
        missing("internal-authenticate", ""),
        missing("external-authenticate", ": cards from 3.0 on ask for it"),
        missing("holder-file", ""),
        missing("holder-record", ""),
    ];
    expected.sort();
    assert_eq!(all, expected);
    assert_eq!(mistakes("ssc", "").len(), 3);
    assert_eq!(mistakes("psam", "# Nothing.\n").len(), 13);
    // Before 3.0 the holder is free to read.
    assert_eq!(mistakes("ssc-2.0", "").len(), 3);
}

#[test]
fn a_name_that_is_misspelt_is_told_where_it_stands() {
    let head = line(V3, "flow external-authenticate");
    let told = mistakes("ssc-3.0", &V3.replace("flow external-authenticate", "flow external-autenticate"));
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "1:1: the flow external-authenticate is missing: cards from 3.0 on ask for it");
    assert!(
        told[1]
            .starts_with(&format!("{head}:6: the program has no use for a flow external-autenticate here, only for"))
    );
    let told = mistakes("ssc-2.0", &V2.replace("flow holder-name-extension", "flow holder-name-extention"));
    assert_eq!(told.len(), 1, "{told:?}");
    let told = mistakes("ssc-3.0", &V3.replace("flow get-challenge", "flow challenge"));
    assert_eq!(told[0], "1:1: the flow get-challenge is missing: external-authenticate needs it");
    // A script's own name as well: it would be read and never used.
    for name in ["ssc-3.1", "ssc-30.0", "ssc-3", "scc-3.0", "t"] {
        let files = [(format!("own/{name}.apdu"), V3.to_owned())];
        assert!(Library::fit(&files).is_ok(), "{name}");
        let told = Library::over_builtin(&files).unwrap_err();
        let expected = format!(
            "own/{name}.apdu:1:1: the program looks for no script {name}, only for ssc, ssc-N.0, files, pin, pki, account, bank and psam"
        );
        assert_eq!(told.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn what_a_flow_is_given_and_asked_for_must_fit() {
    let at = line(V3, "flow internal-authenticate");
    let head = "flow internal-authenticate process:8 original:8 -> proof\n> 00880000 [{process}{original}] 08";
    assert!(V3.contains(head));
    for (instead, expected) in [
        (
            "flow internal-authenticate process:16 original:8 -> proof\n> 00880000 [{process}{original}] 08",
            format!("{at}:28: the program gives 8 bytes as process"),
        ),
        (
            "flow internal-authenticate process:8 -> proof\n> 00880000 [{process}] 08",
            format!("{at}:1: the flow internal-authenticate does not take original"),
        ),
        (
            "flow internal-authenticate process:8 original:8 key:1 -> proof\n> 008800{key} [{process}{original}] 08",
            format!("{at}:49: the program gives no key to this flow"),
        ),
        (
            "flow internal-authenticate process:8 original:8 -> proof proof\n> 00880000 [{process}{original}] 08",
            format!("{at}:58: proof is named twice"),
        ),
    ] {
        assert_eq!(mistakes("ssc-3.0", &V3.replace(head, instead)), [expected]);
    }
    // A range that has what is given in it will do.
    assert_eq!(mistakes("ssc-3.0", &V3.replace("process:8 original:8 ->", "process:1..8 original:* ->")), [""; 0]);
    // A card may want a length of its own.
    let record = "flow holder-record tag:1 length:1 -> record\n> 00B2{tag}30 {length}";
    let without = "flow holder-record tag:1 -> record\n> 00B2{tag}30 00";
    assert_eq!(mistakes("ssc-3.0", &V3.replace(record, without)), [""; 0]);

    let at = line(V3, "flow get-challenge");
    let long = V3.replace("> 00840000 08\n< {process:8}", "> 00840000 10\n< {process:16}");
    assert_eq!(mistakes("ssc-3.0", &long), [format!("{}:4: the program takes 8 bytes as process", at + 2)]);
    let other = V3.replace("flow get-challenge -> process", "flow get-challenge -> random");
    let other = other.replace("< {process:8}", "< {random:8}");
    assert_eq!(
        mistakes("ssc-3.0", &other),
        [
            format!("{at}:1: the flow get-challenge does not keep process"),
            format!("{at}:23: the program takes no random of this flow"),
        ]
    );
    let at = line(PSAM, "flow deliver");
    let two = PSAM.replacen("factors:16..40", "factors:16..32", 1);
    assert_eq!(mistakes("psam", &two), [format!("{at}:27: the program gives 16 to 40 bytes as factors")]);
}

#[test]
fn a_script_that_was_not_understood_is_told_its_own_mistakes_alone() {
    assert_eq!(mistakes("ssc-3.0", "flow\n"), ["1:6: the flow has no name"]);
}
