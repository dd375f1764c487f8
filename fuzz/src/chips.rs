//! What comes from a card: TLV, an answer to reset, a file control information, records.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use sbkd::apdu::{ber, tlv};
use sbkd::card::{self, Pairs, Parts, Validation};
use sbkd::cipher::Algorithm;
use sbkd::keys::Soft;
use sbkd::profile::Profile;
use sbkd::reader::{Atr, Interface, Lease, Protocol, Transport, TransportError};
use sbkd::script::{Library, RecordError, Recorder, Recording};
use sbkd::virtual_card::{Image, InProcess};
use sbkd::world::{FixedClock, SystemRandom};
use zeroize::Zeroizing;

/// Any bytes as records, and as the BER-TLV of an FCI.
pub fn tlv(data: &[u8]) {
    if let Ok(records) = tlv::records(data) {
        let again: Vec<u8> = records.iter().flat_map(|record| tlv::record_bytes(record.tag, &record.value)).collect();
        assert!(data.starts_with(&again), "records that are not what was read");
    }
    for path in [&[0x6F, 0xA5, 0x9F0C][..], &[0x6F, 0x84], &[0x70, 0x5A], &[0x86]] {
        let _ = tlv::ber_find(data, path);
    }
    for element in ber::elements(data).unwrap_or_default() {
        let wide = ber::tag(data).map(|(tag, _)| tag).into_iter().chain([element.tag]);
        wide.for_each(|tag| {
            let _ = ber::find(data, &[tag, 0x5A]);
        });
        assert!(element.value.len() < data.len(), "a value that is longer than what was read");
    }
}

/// Any bytes as an answer to reset.
pub fn atr(data: &[u8]) {
    let Ok(atr) = Atr::parse(data) else { return };
    assert_eq!(atr.as_bytes(), data);
    let other = vec![0x5A; atr.historical().len()];
    let changed = atr.with_historical(&other).expect("as many bytes as before");
    let again = Atr::parse(changed.as_bytes()).expect("still an answer to reset");
    assert_eq!((again.historical(), changed.as_bytes().len()), (&other[..], data.len()));
    assert_eq!(atr.is_contactless_form(), changed.is_contactless_form());
    // Bytes 8 to 13 name one card.
    let own = atr.historical().len().saturating_sub(7);
    assert!(atr.masked().matches('*').count() >= 2 * own, "a masked answer to reset names the card");
}

/// Reads a card whose SELECT is answered with these bytes.
pub fn fci(data: &[u8]) {
    read(Instead { select: Some(data), card: None, holder: None });
}

/// Reads a card whose files are these bytes: what stands before a byte pair FE FE is EF05, what follows is EF06. Without
/// the pair all of it is EF06, and EF05 is the card's own. Whether the reading succeeds.
pub fn record(data: &[u8]) -> bool {
    match data.windows(2).position(|pair| pair == [0xFE, 0xFE]) {
        Some(at) => read(Instead { select: None, card: Some(&data[..at]), holder: Some(&data[at + 2..]) }),
        None => read(Instead { select: None, card: None, holder: Some(data) }),
    }
}

/// What a card answers instead of its own.
#[derive(Clone, Copy)]
struct Instead<'d> {
    select: Option<&'d [u8]>,
    card: Option<&'d [u8]>,
    holder: Option<&'d [u8]>,
}

/// A file of the source tree, from either crate that this is compiled into.
fn tree(path: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.ends_with("fuzz") { here.with_file_name("").join(path) } else { here.join(path) }
}

/// Read once: most of an input's time would go by otherwise.
static IMAGE: LazyLock<Image> =
    LazyLock::new(|| Image::load(&tree("fixtures/cards/v2-3des.toml")).expect("the demonstration card"));
static SCRIPTS: LazyLock<Library> = LazyLock::new(Library::builtin);
static PROFILE: LazyLock<Profile> = LazyLock::new(Profile::builtin);

fn read(instead: Instead<'_>) -> bool {
    let chip = InProcess::new(IMAGE.chip(Arc::new(SystemRandom::default()))).expect("its answer to reset");
    let card = Replaced {
        chip,
        select: instead.select.map(<[u8]>::to_vec),
        card: instead.card.map(<[u8]>::to_vec),
        holder: instead.holder.map(<[u8]>::to_vec),
        waiting: None,
    };
    let mut lease = Lease::new("fuzz", Box::new(card), Instant::now() + Duration::from_secs(60));
    let mut keys = Soft::load(&tree("fixtures/cards/demonstration-keys.toml"), true).expect("the demonstration's keys");
    let parts = Parts {
        lease: &mut lease,
        keys: &mut keys,
        scripts: &SCRIPTS,
        profile: &PROFILE,
        store: None,
        pairs: Pairs::Needless,
        clock: &FixedClock("2026-01-31T08:00:00Z".parse().expect("a moment")),
        random: &SystemRandom::default(),
        default_algorithm: Some(Algorithm::TripleDes),
        initial_pins: &sbkd::card::InitialPins::default(),
        validation: Validation::WITHOUT_LIST,
    };
    match card::read(parts, &mut |_| ()) {
        Ok(reading) => {
            // What is shown of a reading whose fields may be anything.
            assert!(reading.to_json(true).is_object() && reading.to_json(false).is_object());
            true
        }
        Err(_) => false,
    }
}

/// A card that answers some commands otherwise than its chip does.
struct Replaced {
    chip: InProcess,
    select: Option<Vec<u8>>,
    card: Option<Vec<u8>>,
    holder: Option<Vec<u8>>,
    /// What GET RESPONSE is to fetch.
    waiting: Option<Vec<u8>>,
}

impl Transport for Replaced {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let answer = self.chip.exchange(tpdu)?;
        let other = match tpdu {
            [0x00, 0xA4, ..] => self.select.clone(),
            [0x00, 0xB2, _, 0x28..=0x2F, ..] => self.card.clone(),
            [0x00, 0xB2, _, 0x30..=0x37, ..] => self.holder.clone(),
            [0x00, 0xC0, ..] => self.waiting.take(),
            _ => None,
        };
        let Some(mut other) = other else { return Ok(answer) };
        // No answer of a card is longer.
        other.truncate(256);
        if tpdu[1] == 0xA4 && !other.is_empty() {
            let length = u8::try_from(other.len()).unwrap_or(0);
            self.waiting = Some(other);
            return Ok(Zeroizing::new(vec![0x61, length]));
        }
        other.extend([0x90, 0x00]);
        Ok(Zeroizing::new(other))
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.chip.reset()
    }

    fn atr(&self) -> &Atr {
        self.chip.atr()
    }

    fn protocol(&self) -> Protocol {
        Protocol::T0
    }
}

/// Records a session of any commands and answers: each is a byte (bit 0: for the PSAM; bit 1: a reset), a length and so
/// many bytes that are sent, a length and so many bytes that are answered. Whether it can be kept.
pub fn session(data: &[u8]) -> bool {
    let recorder = Recorder::new(&FixedClock("2026-01-31T08:00:00Z".parse().expect("a moment")));
    let mut rest = data;
    let contactless = take(&mut rest, 1).first().is_some_and(|first| first & 1 == 1);
    let mut card = recorder.card("card", Box::new(Answers::new(contactless)));
    let mut psam = recorder.psam("psam", Box::new(Answers::new(false)));
    let mut any = 0;
    while let [kind, ..] = rest {
        let to = *kind & 3;
        take(&mut rest, 1);
        let transport = if to & 1 == 1 { &mut psam } else { &mut card };
        if to & 2 == 2 {
            let _ = transport.reset();
            continue;
        }
        // The chip answers what follows the command.
        let sent = counted(&mut rest);
        let mut tpdu = sent.to_vec();
        tpdu.extend(counted(&mut rest));
        let answer = tpdu.split_off(sent.len());
        ANSWER.with(|next| next.borrow_mut().push_back(answer));
        let _ = transport.exchange(&tpdu);
        any += 1;
    }
    match recorder.finish("r.apdu") {
        Ok(recording) => {
            let text = recording.to_string();
            let again = Recording::parse("r.apdu", &text).expect("what is printed is read");
            assert!(again == recording && again.to_string() == text);
            assert_eq!(recording.exchanges(), any);
            true
        }
        Err(RecordError::NoText) => panic!("a session without a form as text"),
        Err(_) => false,
    }
}

thread_local! {
    /// What the chips of this thread answer next.
    static ANSWER: std::cell::RefCell<VecDeque<Vec<u8>>> = const { std::cell::RefCell::new(VecDeque::new()) };
}

fn take<'d>(rest: &mut &'d [u8], length: usize) -> &'d [u8] {
    let (here, after) = rest.split_at(length.min(rest.len()));
    *rest = after;
    here
}

fn counted<'d>(rest: &mut &'d [u8]) -> &'d [u8] {
    let length = take(rest, 1).first().copied().unwrap_or_default();
    take(rest, length.into())
}

/// A chip that answers what it is told to.
struct Answers {
    atr: Atr,
    contactless: bool,
}

impl Answers {
    fn new(contactless: bool) -> Self {
        let mut bytes = vec![0x3B, 0x6D, 0x00, 0x00];
        if contactless {
            bytes = vec![0x3B, 0x8D, 0x80, 0x01];
        }
        bytes.extend([0x86, 0x03, 0x53, 0x42, 0x44, 0x00, 0x03, 0x44, 0x01, 0x30, 0x00, 0x00, 0x03]);
        if contactless {
            bytes.push(bytes[1..].iter().fold(0, |check, byte| check ^ byte));
        }
        Self { atr: Atr::parse(&bytes).expect("an answer to reset"), contactless }
    }
}

impl Transport for Answers {
    fn exchange(&mut self, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let answer = ANSWER.with(|next| next.borrow_mut().pop_front());
        answer.map(Zeroizing::new).ok_or(TransportError::Removed)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn atr(&self) -> &Atr {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        if self.contactless { Protocol::T1 } else { Protocol::T0 }
    }

    fn interface(&self) -> Interface {
        if self.contactless { Interface::Contactless } else { Interface::Contact }
    }
}
