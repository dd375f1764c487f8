//! Logs of other programs in every form they come in. The card and its bytes are made up.

use crate::script::{Choice, ImportError, RecordError, Recording};

const SELECT: &str = "00 A4 04 00 0F 73 78 31 2E 73 68 2E C9 E7 BB E1 B1 A3 D5 CF";
const ATR: &str = "3B 6D 00 00 86 03 53 42 44 00 03 44 01 30 00 00 03";

fn choice() -> Choice {
    Choice { card: None, psam: None, clock: None, now: "2026-01-31T08:00:00.5Z".parse().unwrap() }
}

fn import(logs: &[&str]) -> Result<Recording, ImportError> {
    let logs: Vec<(String, String)> = logs.iter().map(|text| ("a.log".to_owned(), (*text).to_owned())).collect();
    Recording::import(&logs, &choice(), "r.apdu")
}

fn text(logs: &[&str]) -> String {
    import(logs).unwrap_or_else(|error| panic!("{error}")).to_string()
}

/// The first mistake: its line and what it says.
fn wrong(logs: &[&str]) -> (usize, String) {
    match import(logs) {
        Err(ImportError::Log(found)) => (found[0].line, found[0].message.clone()),
        other => panic!("{other:?}"),
    }
}

/// A call as pcsc-spy prints it, each line set in.
fn call(thread: usize, name: &str, said: &[String]) -> Vec<String> {
    let indent = " ".repeat(4 * thread);
    let mut lines = vec![format!("{indent}{name}")];
    lines.extend(said.iter().map(|line| format!("{indent} {line}")));
    lines.push(format!("{indent} => Command successful. (SCARD_S_SUCCESS [0x00000000])  [0.000001]"));
    lines
}

fn lines(said: &[&str]) -> Vec<String> {
    said.iter().map(|line| (*line).to_owned()).collect()
}

fn rows(direction: &str, name: &str, length: &str, bytes: &str) -> Vec<String> {
    let bytes: Vec<&str> = bytes.split(' ').collect();
    let mut said =
        vec![format!("{direction} {length} 0x{:08X} ({})", bytes.len(), bytes.len()), format!("{direction} {name}")];
    for (at, row) in bytes.chunks(16).enumerate() {
        // What follows the bytes are the characters, which may be hex digits themselves.
        said.push(format!("{direction}  {:04X} {:48}41 42 43", 16 * at, row.join(" ") + " "));
    }
    said
}

fn transmit(thread: usize, handle: &str, sent: &str, answer: &str) -> Vec<String> {
    let mut said = lines(&[
        &format!("i hCard: {handle}"),
        "i pioSendPci.dwProtocol: 0x00000001",
        "i pioSendPci.cbPciLength: 0x00000010",
    ]);
    said.extend(rows("i", "bSendBuffer", "bSendLength", sent));
    said.extend(lines(&["o pioRecvPci.dwProtocol: 0x00000001", "o pioRecvPci.cbPciLength: 0x00000010"]));
    said.extend(rows("o", "bRecvBuffer", "bRecvLength", answer));
    call(thread, "SCardTransmit", &said)
}

fn connect(thread: usize, reader: &str, handle: &str, protocol: &str) -> Vec<String> {
    let reader = format!("i szReader {reader}");
    let (handle, protocol) = (format!("o phCard {handle} (1)"), format!("o dwActiveProtocol: {protocol} (0x00000001)"));
    call(thread, "SCardConnect", &lines(&["i hContext: 0x1", &reader, "i phCard 0x0 (0)", &handle, &protocol]))
}

fn status(thread: usize, handle: &str, atr: &str) -> Vec<String> {
    let length = format!("o bAtrLen 0x{:08X} ({})", atr.split(' ').count(), atr.split(' ').count());
    let said = [&format!("i hCard: {handle}"), "o mszReaderName R", &length, &format!("o bAtr {atr} ")];
    call(thread, "SCardStatus", &lines(&said))
}

fn joined(calls: &[Vec<String>]) -> String {
    calls.concat().join("\n")
}

#[test]
fn calls_of_several_threads_are_told_apart() {
    let (card, psam) = ("0x18EA4F4D", "0x7FFF0001");
    let mine = [
        connect(0, "Reader 0", card, "T=0"),
        status(0, card, ATR),
        transmit(0, card, SELECT, "61 1E"),
        transmit(0, card, "00 C0 00 00 04", "6F 02 84 00 90 00"),
        call(
            0,
            "SCardDisconnect",
            &lines(&[&format!("i hCard: {card}"), "i dwDisposition: SCARD_RESET_CARD (0x00000001)"]),
        ),
    ]
    .concat();
    let theirs = [
        connect(1, "Reader 1", psam, "T=0"),
        status(1, psam, "3B 6D 00 00 86 99 50 53 41 4D 01 44 01 90 00 00 01"),
        transmit(1, psam, "BF DE 27 08 08 01 02 03 04 05 06 07 08", "6A 80"),
    ]
    .concat();
    // Line by line in turn, with statistics behind.
    let mut mixed = Vec::new();
    for at in 0..mine.len().max(theirs.len()) {
        mixed.extend(mine.get(at).cloned());
        mixed.extend(theirs.get(at).cloned());
    }
    let log = mixed.join("\n") + "\n\nThread 1/2\n0.1 sec (  3 calls)  5.00% SCardTransmit\n";
    let found = text(&[&log]);
    assert!(found.contains("card \"Reader 0\" T0 contact 3B6D0000860353424400030000"), "{found}");
    assert!(found.contains("psam \"Reader 1\" T0 contact 3B6D000086995053414D01440190000001"), "{found}");
    assert!(found.contains("clock 2026-01-31T08:00:00Z"), "{found}");
    // Nothing gave a right: the last reset is the other program's own.
    assert!(found.contains("< 6F028400 9000") && !found.contains("reset"), "{found}");
}

#[test]
fn resets_stand_where_this_program_resets() {
    let handle = "0x1";
    let reconnect = |how: &str| {
        let said = [
            &format!("i hCard: {handle}"),
            &format!("i dwInitialization {how} (1)"),
            "o dwActiveProtocol: T=1 (0x00000002)",
        ];
        call(0, "SCardReconnect", &lines(&said.map(|one: &str| one)))
    };
    let begin =
        [connect(0, "R", handle, "T=0"), status(0, handle, ATR), reconnect("0x00000001"), reconnect("0x00000001")];
    let verify = transmit(0, handle, "00 20 00 00 03 65 43 21", "90 00");
    let select = transmit(0, handle, SELECT, "90 00");
    let found = text(&[&joined(&[&begin[..], &[select.clone(), reconnect("0x00000000"), verify.clone()]].concat())]);
    assert!(
        found.contains("card \"R\" T1") && found.ends_with("> 00200000 [135791]\n< 9000\nreset\n\nend\n"),
        "{found}"
    );
    let found = text(&[&joined(
        &[&begin[..], &[verify, reconnect("0x00000001"), select.clone(), reconnect("0x00000002")]].concat(),
    )]);
    assert_eq!(found.matches("reset").count(), 1, "{found}");
}

#[test]
fn an_answer_to_reset_is_found_wherever_a_call_has_it() {
    let (handle, select) = ("0x1", transmit(0, "0x1", SELECT, "90 00"));
    let attribute = [
        &lines(&["i hCard: 0x1", "i dwAttrId: SCARD_ATTR_ATR_STRING (0x00090303)"])[..],
        &rows("o", "bAttr", "bAttrLen", ATR),
    ]
    .concat();
    let states = lines(&[
        "i szReader: R",
        "i  Atr length: 0x0 (0)",
        "i  Atr:",
        "o szReader: R",
        "o  Atr length: 0x11 (17)",
        &format!("o  Atr: {ATR} "),
    ]);
    let rows = [&lines(&["i hCard: 0x1"])[..], &rows("o", "bAtr", "bAtrLen", ATR)].concat();
    for found in
        [call(0, "SCardGetAttrib", &attribute), call(0, "SCardGetStatusChange", &states), call(0, "SCardStatus", &rows)]
    {
        // Programs ask how long it is first.
        let length = call(0, "SCardStatus", &lines(&["i hCard: 0x1", "o bAtrLen 0x00000011 (17)", "o bAtr NULL"]));
        let log = joined(&[connect(0, "R", handle, "T=0"), length, found.clone(), select.clone()]);
        assert!(text(&[&log]).contains("card \"R\" T0 contact 3B6D"), "{found:?}");
    }
    let none = joined(&[connect(0, "R", handle, "T=0"), select]);
    assert!(wrong(&[&none]).1.contains("does not say the answer to reset"));
}

#[test]
fn a_log_that_leaves_open_what_happened_is_refused_at_its_line() {
    let begin = [connect(0, "R", "0x1", "T=0"), status(0, "0x1", ATR), transmit(0, "0x1", SELECT, "90 00")];
    let with = |more: Vec<String>| joined(&[&begin[..], &[more]].concat());
    let at = begin.concat().len() + 1;
    // A handle that nobody opened; the same in a log that shows none, where there is only one.
    assert_eq!(wrong(&[&with(transmit(0, "0x2", "00 84 00 00 08", "90 00"))]).0, at);
    assert!(import(&[&with(transmit(0, "0x????", "00 84 00 00 08", "90 00"))]).is_ok());
    // Another card, a command that failed, bytes that are cut off.
    assert_eq!(wrong(&[&with(status(0, "0x1", "3B 00"))]).0, at);
    let failed = transmit(0, "0x1", "00 84 00 00 08", "90 00").join("\n").replace("[0x00000000]", "[0x80100069]");
    assert_eq!(
        wrong(&[&format!("{}\n{failed}", joined(&begin))]),
        (at, "the session broke here: cut the log before it".to_owned())
    );
    let short = transmit(0, "0x1", "00 84 00 00 08", "90 00").join("\n").replace("0x00000005 (5)", "0x00000015 (21)");
    assert_eq!(wrong(&[&format!("{}\n{short}", joined(&begin))]).0, at + 6);
    // Two cards, and neither is a PSAM.
    let other = [connect(0, "S", "0x3", "T=0"), status(0, "0x3", ATR), transmit(0, "0x3", SELECT, "90 00")];
    let two = joined(&[&begin[..], &other].concat());
    assert!(wrong(&[&two]).1.contains("R, S"));
    let one = Choice { card: Some("S".to_owned()), ..choice() };
    let chosen = Recording::import(&[("a.log".to_owned(), two)], &one, "r.apdu").unwrap().to_string();
    assert!(chosen.contains("card \"S\" T0"));
}

#[test]
fn apdu4j_is_read_in_every_form_it_has_had() {
    let select = SELECT.replace(' ', "");
    let (header, data) = select.split_at(8);
    let (lc, name) = data.split_at(2);
    let atr = ATR.replace(' ', "");
    let connect = format!("SCardConnect(\"A \"B\" 0\", T=*) -> T=0, {atr}");
    let logs = [
        format!("{connect}\nA>> T=0 (4+0015) {header} {lc} {name} 00\nA<< (0002+2) (12ms) 6F00 9000\n"),
        format!("# {connect}\nA>> (4+0015) {header} {lc} {name} 00\nA<< (0002+2) (1.20ms) 6F00 9000\nother words\n"),
        format!("# {connect}\nB>> T=0 (20) {select}\nB<< (4) 6F009000\n"),
        format!("# {connect}\n>> {header} {lc} {name} 00\n<< (12ms) 6F00 9000\n"),
        format!("# {connect}\n>> {header} {lc} {name} 00\n<< 6F00 9000 (12ms)\n"),
        format!(
            "# Using A \"B\" 0\n# ATR: {atr}\n# PROTOCOL: T=0\n#\n# Sent\n{select}00\n# Received in 12ms\n6F009000\n"
        ),
    ];
    let first = text(&[&logs[0]]);
    // In T=0 no Le follows data.
    assert!(first.contains(&format!("> {header} [{name}]\n< 6F00 9000\n")), "{first}");
    for log in &logs[1..] {
        assert_eq!(text(&[log]), first, "{log}");
    }
    let dump = "# Generated on Tue, 3 Mar 2020 10:11:12 +0800 by apdu4j/1\n# ATR: 3B8D800186035342440003440130000003A9\n# PROTOCOL: T=CL\n#\n00A4040000\n# 24ms\n6F009000\n";
    let found = text(&[dump]);
    assert!(found.contains("clock 2020-03-03T02:11:12Z\ncard \"apdu4j\" T1 contactless 3B8D"), "{found}");
}

#[test]
fn apdu4j_that_leaves_open_what_happened_is_refused_at_its_line() {
    let atr = ATR.replace(' ', "");
    let connect = format!("SCardConnect(\"R\", T=*) -> T=0, {atr}\n");
    let wrong = |text: String| wrong(&[&text]).0;
    assert_eq!(wrong(format!("{connect}A>> T=0 (4+0000) 00840000 08\n")), 2);
    assert_eq!(wrong(format!("{connect}A>> T=0 (4+0000) 00840000 08\nA>> T=0 (4+0000) 00840000 08\n")), 2);
    assert_eq!(wrong(format!("{connect}A<< (0000+2) (1ms) 9000\n")), 2);
    assert_eq!(wrong(format!("{connect}A#1>> T=0 (4+0000) 00840000 08\n")), 2);
    assert_eq!(wrong(format!("{connect}A>> T=0 (4+0000) 0084000 08\n")), 2);
    assert_eq!(wrong(format!("{connect}A>> T=0 (4+0000) 00840000 08\n<< (1ms) SCARD_W_REMOVED_CARD\n")), 2);
    assert_eq!(wrong(format!("{connect}SCardConnect(\"S\", T=*) -> T=0, {atr}\n")), 2);
    assert_eq!(wrong(">> 00840000 08\n<< 9000\n".to_owned()), 1);
    let nothing = import(&[&connect]);
    assert_eq!(nothing.err(), Some(ImportError::Session(RecordError::NoCard)));
}

#[test]
fn a_pin_of_a_log_never_gets_through() {
    let atr = ATR.replace(' ', "");
    let log = format!(
        "SCardConnect(\"R\", T=*) -> T=0, {atr}\n\
         A>> T=0 (4+0003) 00200000 03 654321\nA<< (0000+2) (1ms) 63C2\n\
         A>> T=0 (4+0003) 00200000 03 654322\nA<< (0000+2) (1ms) 9000\n"
    );
    let found = text(&[&log]);
    assert!(found.contains("[135791]\n< 63C2") && found.contains("[246802]\n< 9000"), "{found}");
    let unknown = log.replace("00200000 03", "80200000 03");
    assert_eq!(import(&[&unknown]).err(), Some(ImportError::Session(RecordError::Command { ins: 0x20 })));
}
