//! The flows that the program looks for by name, and what each is given and asked for: what a script of such a name must
//! hold to work. A misspelt name would else be a flow that is not there, and a card's file taken for one that is free.

use std::collections::BTreeMap;

use super::flow::{Flow, Pattern};
use crate::failure::Diagnostic;

/// A flow that the program looks for.
struct Known {
    script: Script,
    flow: &'static str,
    /// What the program hands it.
    inputs: &'static [Given],
    /// What the program takes of it, each with its number of bytes where only one will do.
    outputs: &'static [(&'static str, Option<usize>)],
    need: Need,
}

/// The script a flow stands in.
#[derive(Clone, Copy, PartialEq)]
enum Script {
    /// The one of this name.
    Named(&'static str),
    /// `ssc-N.0`, the one of each generation N.
    Generation,
}

/// A value that the program hands a flow.
struct Given {
    name: &'static str,
    /// The fewest and the most bytes it has.
    bytes: (usize, usize),
    /// A script may do without it.
    spare: bool,
}

/// When a flow must be there.
enum Need {
    Always,
    /// From this generation on.
    From(u8),
    /// Where this other one is.
    With(&'static str),
    /// Only where the cards have it.
    Never,
}

const fn given(name: &'static str, least: usize, most: usize) -> Given {
    Given { name, bytes: (least, most), spare: false }
}

/// Le: a card may want another than what is known of its files.
const LENGTH: Given = Given { name: "length", bytes: (1, 1), spare: true };
/// P2 of the command that adds a record: of UPDATE RECORD, or of one that wants the short identifier alone.
const APPEND_P2: Given = Given { name: "p2", bytes: (1, 1), spare: true };
const APPEND_FILE: Given = Given { name: "file", bytes: (1, 1), spare: true };
const TAG: Given = given("tag", 1, 1);
/// 8 bytes for each level of diversification, one to three, and a block.
const FACTORS: Given = given("factors", 16, 40);
/// What INIT SAM FOR PURCHASE is made of, in an order that the script knows; its factors without a process factor.
const PURCHASE: &[Given] = &[
    given("random", 4, 4),
    given("sequence", 2, 2),
    given("account", 4, 4),
    given("self-pay", 4, 4),
    given("pool", 4, 4),
    given("type", 1, 1),
    given("time", 7, 7),
    Given { spare: true, ..given("key-version", 1, 1) },
    Given { spare: true, ..given("algorithm", 1, 1) },
    given("factors", 8, 24),
];
const SSC: Script = Script::Named("ssc");
const PSAM: Script = Script::Named("psam");
const BANK: Script = Script::Named("bank");
const ACCOUNT: Script = Script::Named("account");
const FILES: Script = Script::Named("files");
const PIN: Script = Script::Named("pin");
const PKI: Script = Script::Named("pki");
const P1: Given = given("p1", 1, 1);
const P2: Given = given("p2", 1, 1);
const ID: Given = given("id", 2, 2);
/// A record's tag or number.
const WHICH: Given = given("which", 1, 1);
/// What is written as it stands, and what has four bytes of MAC behind it.
const VALUE: Given = given("value", 1, 255);
const SECURED: Given = given("value", 1, 251);
const MAC: Given = given("mac", 4, 4);

const fn known(
    script: Script,
    flow: &'static str,
    inputs: &'static [Given],
    outputs: &'static [(&'static str, Option<usize>)],
    need: Need,
) -> Known {
    Known { script, flow, inputs, outputs, need }
}

/// Every one of them.
#[rustfmt::skip]
const FLOWS: &[Known] = &[
    known(SSC, "select", &[], &[("fci", None)], Need::Always),
    known(SSC, "card-file", &[LENGTH], &[("records", None)], Need::Always),
    known(SSC, "card-record", &[TAG, LENGTH], &[("record", None)], Need::Always),

    known(Script::Generation, "internal-authenticate", &[given("process", 8, 8), given("original", 8, 8)], &[("proof", Some(8))], Need::Always),
    known(Script::Generation, "get-challenge", &[], &[("process", Some(8))], Need::With("external-authenticate")),
    // From 3.0 on the holder stands behind RKSSSE (card-facts §1.7).
    known(Script::Generation, "external-authenticate", &[given("proof", 8, 8), given("original", 8, 8)], &[], Need::From(3)),
    known(Script::Generation, "holder-file", &[LENGTH], &[("records", None)], Need::Always),
    known(Script::Generation, "holder-record", &[TAG, LENGTH], &[("record", None)], Need::Always),
    known(Script::Generation, "holder-name-extension", &[LENGTH], &[("record", None)], Need::Never),

    known(FILES, "select-by-name", &[given("name", 5, 16)], &[], Need::Always),
    known(FILES, "select-by-id", &[ID], &[], Need::Always),
    known(FILES, "select-file", &[ID], &[], Need::Always),
    known(FILES, "get-challenge", &[], &[("process", Some(8))], Need::Always),
    known(FILES, "external-authenticate", &[given("key", 1, 1), given("proof", 8, 8), given("original", 8, 8)], &[], Need::Always),
    known(FILES, "read-records", &[given("number", 1, 1), P2, LENGTH], &[("records", None)], Need::Always),
    known(FILES, "read-record", &[WHICH, P2, LENGTH], &[("record", None)], Need::Always),
    known(FILES, "read-binary", &[P1, P2, LENGTH], &[("bytes", None)], Need::Always),
    known(FILES, "update-record", &[WHICH, P2, VALUE], &[], Need::Always),
    known(FILES, "update-record-secured", &[WHICH, P2, SECURED, MAC], &[], Need::Always),
    known(FILES, "append-record", &[APPEND_P2, APPEND_FILE, VALUE], &[], Need::Always),
    known(FILES, "append-record-secured", &[APPEND_P2, APPEND_FILE, SECURED, MAC], &[], Need::Always),
    known(FILES, "update-binary", &[P1, P2, VALUE], &[], Need::Always),
    known(FILES, "update-binary-secured", &[P1, P2, SECURED, MAC], &[], Need::Always),

    known(PIN, "tries", &[], &[], Need::Always),
    known(PIN, "verify", &[given("pin", 2, 8)], &[], Need::Always),
    known(PIN, "change", &[given("old", 2, 8), given("new", 2, 8)], &[], Need::Always),
    known(PIN, "reload", &[given("block", 8, 16), MAC], &[], Need::Always),
    known(PIN, "unblock", &[MAC], &[], Need::Always),

    known(PSAM, "environment-3des", &[], &[], Need::Always),
    known(PSAM, "environment-ssf33", &[], &[], Need::Always),
    known(PSAM, "environment-sm4", &[], &[], Need::Always),
    known(PSAM, "application", &[], &[], Need::Always),
    known(PSAM, "public-information", &[], &[("serial", None)], Need::Always),
    known(PSAM, "terminal-information", &[], &[("number", Some(6))], Need::Always),
    known(PSAM, "deliver", &[given("usage", 1, 1), given("id", 1, 1), FACTORS], &[], Need::Always),
    // One block at least: the program gives as many as the script has room for.
    known(PSAM, "encipher-8", &[given("block", 8, 8)], &[("answer", None)], Need::Always),
    known(PSAM, "encipher-16", &[given("block", 16, 16)], &[("answer", None)], Need::Always),
    known(PSAM, "mac-8", &[given("iv", 8, 8), given("data", 8, 8)], &[("answer", None)], Need::Always),
    known(PSAM, "mac-16", &[given("iv", 16, 16), given("data", 16, 16)], &[("answer", None)], Need::Always),
    known(PSAM, "purchase", PURCHASE, &[("terminal-sequence", Some(4)), ("mac1", Some(4))], Need::Always),
    known(PSAM, "confirm-purchase", &[given("mac2", 4, 4)], &[], Need::Always),

    known(BANK, "select", &[given("name", 5, 16)], &[("fci", None)], Need::Always),
    known(BANK, "processing-options", &[given("data", 2, 129)], &[("options", None)], Need::Always),

    known(ACCOUNT, "balance", &[given("which", 1, 1), LENGTH], &[("amount", None)], Need::Always),
    known(ACCOUNT, "initialize-load", &[given("amount", 4, 4), given("terminal", 6, 6)], &[("answer", Some(16))], Need::Always),
    known(ACCOUNT, "credit-for-load", &[given("time", 7, 7), given("mac", 4, 4)], &[("tac", Some(4))], Need::Always),
    known(ACCOUNT, "initialize-purchase", &[given("amounts", 12, 12), given("terminal", 6, 6)], &[("answer", Some(22))], Need::Always),
    known(ACCOUNT, "debit-for-purchase", &[given("sequence", 4, 4), given("time", 7, 7), given("mac", 4, 4)], &[("tac", Some(4)), ("mac2", Some(4))], Need::Always),
    known(ACCOUNT, "proof", &[given("kind", 1, 1), given("sequence", 2, 2)], &[("mac", Some(4)), ("tac", Some(4))], Need::Always),

    // No such script is carried: a deployment writes it.
    known(PKI, "select", &[], &[], Need::Always),
    known(PKI, "select-certificate", &[], &[], Need::Always),
    known(PKI, "verify", &[given("pin", 2, 16)], &[], Need::Always),
    known(PKI, "sign", &[given("data", 1, 255)], &[("signature", None)], Need::Always),

    known(BANK, "record", &[given("number", 1, 1), given("file", 1, 1)], &[("record", None)], Need::Always),
];

/// Whether the program looks for a script of this name.
pub(super) fn is_known(script: &str) -> bool {
    flows(script).next().is_some()
}

/// What a script of a name that the program knows has wrong; nothing of any other script.
pub(super) fn mistakes(script: &str, file: &str, flows: &BTreeMap<String, Flow>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for flow in flows.values() {
        match self::flows(script).find(|known| known.flow == flow.name) {
            Some(known) => compare(known, flow, &mut found),
            None if is_known(script) => {
                let names: Vec<&str> = self::flows(script).map(|known| known.flow).collect();
                let message =
                    format!("the program has no use for a flow {} here, only for {}", flow.name, names.join(", "));
                tell(&mut found, flow, flow.line, 6, message);
            }
            None => {}
        }
    }
    for known in self::flows(script).filter(|known| !flows.contains_key(known.flow)) {
        let why = match known.need {
            Need::Always => String::new(),
            Need::From(first) if generation(script).is_some_and(|generation| generation >= first) => {
                format!(": cards from {first}.0 on ask for it")
            }
            Need::With(other) if flows.contains_key(other) => format!(": {other} needs it"),
            _ => continue,
        };
        let message = format!("the flow {} is missing{why}", known.flow);
        found.push(Diagnostic { file: file.to_owned(), line: 1, column: 1, message });
    }
    found
}

/// The flows that the program looks for in a script.
fn flows(script: &str) -> impl Iterator<Item = &'static Known> {
    let kind = match (script, generation(script)) {
        (_, Some(_)) => Some(Script::Generation),
        ("ssc", _) => Some(SSC),
        ("psam", _) => Some(PSAM),
        ("bank", _) => Some(BANK),
        ("account", _) => Some(ACCOUNT),
        ("files", _) => Some(FILES),
        ("pin", _) => Some(PIN),
        ("pki", _) => Some(PKI),
        _ => None,
    };
    FLOWS.iter().filter(move |known| Some(known.script) == kind)
}

/// N of `ssc-N.0`.
fn generation(script: &str) -> Option<u8> {
    match script.strip_prefix("ssc-")?.strip_suffix(".0")?.as_bytes() {
        [digit @ b'0'..=b'9'] => Some(digit - b'0'),
        _ => None,
    }
}

/// Whether a flow takes what it is handed, and keeps what is asked of it.
fn compare(known: &Known, flow: &Flow, found: &mut Vec<Diagnostic>) {
    for input in &flow.inputs {
        let (name, line, column) = (&input.name.text, input.name.line, input.name.column);
        match known.inputs.iter().find(|given| given.name == name) {
            None => tell(found, flow, line, column, format!("the program gives no {name} to this flow")),
            Some(Given { bytes: (least, most), .. }) if *least < input.least || *most > input.most => {
                let bytes = if least == most { least.to_string() } else { format!("{least} to {most}") };
                tell(found, flow, line, column, format!("the program gives {bytes} bytes as {name}"));
            }
            Some(_) => {}
        }
    }
    for given in known.inputs.iter().filter(|given| !given.spare) {
        if !flow.inputs().any(|name| name == given.name) {
            tell(found, flow, flow.line, 1, format!("the flow {} does not take {}", flow.name, given.name));
        }
    }
    for output in &flow.outputs {
        if !known.outputs.iter().any(|(name, _)| *name == output.text) {
            let message = format!("the program takes no {} of this flow", output.text);
            tell(found, flow, output.line, output.column, message);
        }
    }
    for (name, bytes) in known.outputs {
        if !flow.outputs().any(|output| output == *name) {
            tell(found, flow, flow.line, 1, format!("the flow {} does not keep {name}", flow.name));
        }
        for pattern in flow.steps.iter().flat_map(|step| &step.answers).flat_map(|answer| &answer.data) {
            if let (Pattern::Keep(kept, Some(length)), Some(wanted)) = (pattern, bytes)
                && kept.text == *name
                && length != wanted
            {
                let message = format!("the program takes {wanted} bytes as {name}");
                tell(found, flow, kept.line, kept.column, message);
            }
        }
    }
}

fn tell(found: &mut Vec<Diagnostic>, flow: &Flow, line: usize, column: usize, message: String) {
    found.push(Diagnostic { file: flow.file.clone(), line, column, message });
}
