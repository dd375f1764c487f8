//! Recording, redacting, writing, reading and replaying, without the rooms above: a session made by hand.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::apdu::{Command, tlv};
use crate::cipher::{Factors, fold};
use crate::failure::Explain;
use crate::reader::{Atr, Lease, Protocol, Transport, TransportError};
use crate::script::{RecordError, Recorder, Recording};
use crate::virtual_card::{Image, InProcess};
use crate::world::{Random, SystemClock, SystemRandom};

const SELECT_SSSE: &str = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF00";

fn transport(image: &str) -> Box<dyn Transport> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cards").join(image);
    let chip = Image::load(&path).unwrap().chip(Arc::new(SystemRandom::default()));
    Box::new(InProcess::new(chip).unwrap())
}

fn lease(transport: Box<dyn Transport>) -> Lease {
    Lease::new("test", transport, Instant::now() + Duration::from_secs(60))
}

fn send(lease: &mut Lease, command: &str) -> Result<Vec<u8>, TransportError> {
    let response = lease.send(&Command::parse(&hex::decode(command).unwrap()).unwrap())?;
    assert!(response.status().is_ok(), "{command}: {response:?}");
    Ok(response.data().to_vec())
}

/// What the terminal learned: EF05 and EF06.
type Read = (Vec<u8>, Vec<u8>);

/// Reads a 3.0 card with both authentications, as the rooms above do.
fn read(mut card: Lease, mut psam: Lease, random: &dyn Random) -> Result<Read, TransportError> {
    send(&mut card, SELECT_SSSE)?;
    let ef05 = send(&mut card, "00B2012D00")?;
    let city = tlv::records(&ef05).unwrap()[0].value[..3].try_into().unwrap();
    let factors = Factors::new(city, card.atr().historical()[5..13].try_into().unwrap());
    let mut process = [0; 8];
    random.fill(&mut process).map_err(|_| TransportError::Mute)?;
    let own = prove(&mut psam, "BFDE6708", 3, &factors, process)?;
    let answer = send(&mut card, &format!("0088000010{}{}08", hex::encode(process), hex::encode([7; 8])))?;
    assert_eq!(answer, own, "the card is not genuine");
    let challenge: [u8; 8] = send(&mut card, "0084000008")?.try_into().unwrap();
    let proof = prove(&mut psam, "BFDE470A", 2, &factors, challenge)?;
    send(&mut card, &format!("0082000A10{}{}", hex::encode(proof), hex::encode([7; 8])))?;
    let ef06 = send(&mut card, "00B2013500")?;
    Ok((ef05, ef06))
}

/// The PSAM's authentication data over the original 07….
fn prove(
    psam: &mut Lease,
    deliver: &str,
    levels: u8,
    factors: &Factors,
    process: [u8; 8],
) -> Result<Vec<u8>, TransportError> {
    send(psam, "00A404000F7378332E73682EC9E7BBE1B1A3D5CF00")?;
    send(psam, "00A4040006D1560000059000")?;
    let factors = hex::encode(factors.for_command(levels).concat());
    let length = 8 * levels + 16;
    send(psam, &format!("{deliver}{length:02X}{factors}{}{}", hex::encode(process), hex::encode([0; 8])))?;
    let block = send(psam, &format!("80FA000010{}{}10", hex::encode([7; 8]), hex::encode([0; 8])))?;
    Ok(fold(block.as_slice().try_into().unwrap()).to_vec())
}

fn recorded(image: &str) -> (Read, Recording) {
    let recorder = Recorder::new(&SystemClock);
    let card = lease(recorder.card("Reader \"0\"", transport(image)));
    let psam = lease(recorder.psam("Reader 1", transport("psam.toml")));
    let random = recorder.random(Box::new(SystemRandom::default()));
    let read = read(card, psam, &*random).unwrap();
    (read, recorder.finish("r.apdu").unwrap())
}

fn replayed(recording: &Recording) -> Result<Read, TransportError> {
    let replay = recording.replay();
    let (card, psam) = (lease(replay.card().1), lease(replay.psam().unwrap().1));
    let outcome = read(card, psam, &*replay.random());
    replay.finish().and(outcome)
}

#[test]
fn a_recording_replays_a_made_up_holder_with_every_byte_checked() {
    let (real, recording) = recorded("v3-sm4.toml");
    let text = recording.to_string();
    assert_eq!(Recording::parse("r.apdu", &text).unwrap(), recording);
    let (ef05, ef06) = replayed(&recording).unwrap();
    assert_eq!((ef05.len(), ef06.len()), (real.0.len(), real.1.len()));
    assert_ne!(ef06, real.1);
    let holder = tlv::records(&ef06).unwrap();
    assert!(crate::value::SocialSecurityNumber::parse(&holder[0].value).unwrap().is_some());
    for real in ["A10000031", "440103198806120021", "王小雅"] {
        let gbk = hex::encode_upper(encoding_rs::GBK.encode(real).0);
        assert!(!text.contains(&gbk), "{real}");
    }
    assert!(!text.contains("440130000003") && !text.contains("30000003"), "the card's serial");
}

#[test]
fn a_card_that_is_the_made_up_one_already_can_be_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("made-up.toml");
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cards/v3-sm4.toml");
    let settings =
        "historical = \"86035342440003440100000001\"\n[card]\nidentifier = \"440100D15600000500000001FFFFFFFF\"\n";
    std::fs::write(&file, format!("extends = {base:?}\n{settings}")).unwrap();
    let (_, recording) = recorded(file.to_str().unwrap());
    assert!(replayed(&recording).is_ok());
}

#[test]
fn what_is_sent_otherwise_ends_the_replay_at_its_line() {
    let (_, recording) = recorded("v3-sm4.toml");
    let text = recording.to_string();
    let line = |what: &str| text.lines().position(|line| line.starts_with(what)).unwrap() + 1;
    let replayed = |text: &str| match replayed(&Recording::parse("r.apdu", text).unwrap()) {
        Err(TransportError::Replay { file, line, what }) => (file, line, what),
        other => panic!("{other:?}"),
    };
    let at = line("> 0082000A");
    let flipped: String = text
        .lines()
        .enumerate()
        .map(|(n, one)| if n + 1 == at { one.replacen("[", "[00", 1).replacen("0707]", "07]", 1) } else { one.to_owned() } + "\n")
        .collect();
    assert_eq!(replayed(&flipped).1, at);
    assert!(replayed(&flipped).2.starts_with("INS 82 whose byte 6"), "{:?}", replayed(&flipped));
    let fewer = text.replacen("random ", "# ", 1);
    assert_eq!(replayed(&fewer).2, "the recording has no more random bytes");
    let more = text.replace("\nend", "\nrandom 00\nend");
    let at = more.lines().count() - 1;
    assert_eq!(replayed(&more), ("r.apdu".to_owned(), at, "nothing asked for this line".to_owned()));
}

#[test]
fn a_cut_or_mangled_recording_names_file_and_line() {
    let (_, recording) = recorded("v3-sm4.toml");
    let text = recording.to_string();
    let lines: Vec<&str> = text.lines().collect();
    // Less than the whole is never a recording, wherever it is cut.
    for kept in 0..lines.len() {
        let mistakes = Recording::parse("r.apdu", &(lines[..kept].join("\n") + "\n")).unwrap_err();
        assert_eq!((mistakes.len(), mistakes[0].line), (1, kept.max(1)), "{mistakes:?}");
    }
    for (from, to, wanted) in [
        ("recording\n", "recoding\n", "2:1: a recording begins with the line recording"),
        ("clock 2", "clock x2", "3:7: x2"),
        ("contact", "contac", "4:22: contac is neither contact nor contactless"),
        (" T0 ", " T7 ", "4:19: T7 is no protocol: T0 or T1"),
        ("3B6D", "3C6D", "4:30: the ATR begins with 3C"),
        ("on card", "on cord", "7:4: on card or on psam"),
        ("> 00A40400 [", "> 00A40400 [{x} ", "8:14: a recording holds bytes, not names"),
        ("< 61", "< * 61", "9:1: a recording holds bytes, not patterns"),
        ("< 61", "> 61", "9:1: the command in line 8 has no answer"),
        ("end", "end\nend", "the recording ended in line"),
    ] {
        let mistakes = Recording::parse("r.apdu", &text.replacen(from, to, 1)).unwrap_err();
        assert!(mistakes[0].to_string().contains(wanted), "{from}: {mistakes:?}");
        assert!(mistakes[0].to_string().starts_with("r.apdu:"));
    }
}

#[test]
fn what_may_carry_a_secret_is_refused() {
    let fails = |command: &str, image: &str| {
        let recorder = Recorder::new(&SystemClock);
        let mut card = lease(recorder.card("r", transport(image)));
        let _ = card.send(&Command::parse(&hex::decode(command).unwrap()).unwrap());
        drop(card);
        recorder.finish("r.apdu").unwrap_err()
    };
    // A command that blocks the card, and one that no rule is known for.
    assert_eq!(fails("841600000411223344", "v3-sm4.toml"), RecordError::Command { ins: 0x16 });
    assert_eq!(fails("80CA9F7F00", "v3-sm4.toml"), RecordError::Command { ins: 0xCA });
    assert_eq!(Recorder::new(&SystemClock).finish("r.apdu").unwrap_err(), RecordError::NoCard);
    assert_eq!(RecordError::Soft.entry().code, "E-SCRIPT-RECORD-SOFT");
}

/// A card that gives these answers, in hex, one after the other.
struct Answers(std::vec::IntoIter<String>, Atr);

impl Transport for Answers {
    fn exchange(&mut self, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let answer = self.0.next().ok_or(TransportError::Removed)?;
        Ok(Zeroizing::new(hex::decode(answer + "9000").unwrap()))
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn atr(&self) -> &Atr {
        &self.1
    }

    fn protocol(&self) -> Protocol {
        Protocol::T0
    }
}

#[test]
fn what_stands_where_no_rule_looks_is_found_and_refused() {
    let number = hex::encode("440103198806120021");
    let record = format!("0812{number}");
    let atr = || Atr::parse(&hex::decode("3B6D000086035342440003440130000003").unwrap()).unwrap();
    let finish = |fci: &str| {
        let recorder = Recorder::new(&SystemClock);
        let answers = vec![fci.to_owned(), record.clone()].into_iter();
        let mut card = lease(recorder.card("r", Box::new(Answers(answers, atr()))));
        send(&mut card, SELECT_SSSE).unwrap();
        send(&mut card, "00B2083014").unwrap();
        drop(card);
        recorder.finish("r.apdu")
    };
    assert!(!finish("6F00").unwrap().to_string().contains(&number.to_uppercase()));
    let left = |what| Err(RecordError::Left { what });
    assert_eq!(finish(&format!("6F12{number}")), left("the social security number"));
    assert_eq!(finish("6F06440130000003"), left("the historical bytes"));
}

#[test]
fn a_session_that_broke_is_no_recording() {
    let recorder = Recorder::new(&SystemClock);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cards/v3-sm4.toml");
    let chip = Image::load(&path).unwrap().removed_at(2).chip(Arc::new(SystemRandom::default()));
    let mut card = lease(recorder.card("r", Box::new(InProcess::new(chip).unwrap())));
    assert!(send(&mut card, SELECT_SSSE).is_err());
    assert_eq!(recorder.finish("r.apdu").unwrap_err(), RecordError::Broken(TransportError::Removed));
}

proptest! {
    #[test]
    fn any_text_is_a_recording_or_refused(text in any::<String>()) {
        let _ = Recording::parse("r.apdu", &text);
    }

    #[test]
    fn what_is_printed_is_read(
        turns in proptest::collection::vec(
            (any::<[u8; 4]>(), proptest::collection::vec(any::<u8>(), 0..=255), any::<Option<u8>>(),
             proptest::collection::vec(any::<u8>(), 0..=256), any::<[u8; 2]>(), 0..4u8),
            0..8,
        )
    ) {
        let mut text = "recording\nclock 2026-01-31T08:00:00Z\ncard \"a\" T1 contactless 3B800181\npsam \"b\" T0 contact 3B00\n".to_owned();
        for (header, data, le, answer, status, event) in turns {
            text += match event { 0 => "random 0011\non card\n", 1 => "on psam\nreset\n", 2 => "on card\n", _ => "on psam\n" };
            let data = if data.is_empty() { String::new() } else { format!(" [{}]", hex::encode(data)) };
            let le = le.map(|le| format!(" {le:02x}")).unwrap_or_default();
            text += &format!("> {}{data}{le}\n< {} {}\n", hex::encode(header), hex::encode(answer), hex::encode(status));
        }
        let recording = Recording::parse("a.apdu", &(text + "end\n")).unwrap();
        prop_assert_eq!(Recording::parse("a.apdu", &recording.to_string()).unwrap(), recording);
    }
}
