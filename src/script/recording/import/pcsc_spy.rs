//! The log of pcsc-spy (libpcsclite): each PC/SC call with its parameters, buffers as rows of sixteen bytes.
//!
//! ```text
//! SCardTransmit
//!  i hCard: 0x18EA4F4D
//!  i bSendLength 0x00000005 (5)
//!  i bSendBuffer
//!  i  0000 00 B2 01 2D 40 ...-@
//!  o bRecvLength 0x00000002 (2)
//!  o bRecvBuffer
//!  o  0000 61 1E a.
//!  => Command successful. (SCARD_S_SUCCESS [0x00000000])  [0.003519]
//! ```
//! The calls of the n-th thread are set in by 4n spaces, and those of several threads mix.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::log::{Log, Said, Wrong, bytes, from_words, plain};
use crate::reader::Protocol;

/// Whether a line is one of such a log and of no other.
pub(super) fn is_line(line: &str) -> bool {
    matches!(line, "SCardEstablishContext" | "SCardTransmit")
}

/// Whether it is one of what libpcscspy wrote before pcsc-spy made a log of it.
pub(super) fn is_raw(line: &str) -> bool {
    line.split_once("@>|").is_some_and(|(thread, _)| thread.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Reads a log.
///
/// # Errors
/// The first line that cannot be understood.
pub(super) fn read(text: &str) -> Result<Log, Wrong> {
    let mut spied = Spied::default();
    let mut open: BTreeMap<usize, Call> = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = plain(line);
        let (thread, said) = thread(&line);
        match said.split_at_checked(1) {
            Some((direction @ ("i" | "o"), rest)) if rest.starts_with(' ') => {
                if let Some(call) = open.get_mut(&thread) {
                    call.said.push((at + 1, direction == "o", Zeroizing::new(rest[1..].to_owned())));
                }
            }
            _ if said.starts_with("=> ") => {
                if let Some(call) = open.remove(&thread) {
                    spied.call(&call, said.contains("[0x00000000]"))?;
                }
            }
            // pcsc-spy 1.9 calls SCardControl SCarControl.
            _ if said.starts_with("SCar") => {
                open.insert(thread, Call { line: at + 1, name: said.trim_end().to_owned(), said: Vec::new() });
            }
            // What it makes of a reader's properties, and its statistics.
            _ => {}
        }
    }
    Ok(spied.log)
}

/// Whose call a line belongs to, and what it says.
fn thread(line: &str) -> (usize, &str) {
    let said = line.trim_start();
    // With --thread each line names it.
    let named = said.strip_prefix("(t").and_then(|rest| rest.split_once(')'));
    match named.map(|(number, rest)| (number.parse(), rest.trim_start())) {
        Some((Ok(number), rest)) => (number, rest),
        _ => ((line.len() - said.len()) / 4, said),
    }
}

/// One call and its parameters, each with its line and whether it came back.
struct Call {
    line: usize,
    name: String,
    said: Vec<(usize, bool, Zeroizing<String>)>,
}

impl Call {
    /// The parameter of this name.
    fn value(&self, out: bool, name: &str) -> Option<&str> {
        self.said.iter().filter(|(_, came, _)| *came == out).find_map(|(_, _, text)| {
            let rest = text.strip_prefix(name)?;
            let value = rest.strip_prefix(':').unwrap_or(rest);
            (value.is_empty() || value.starts_with(' ')).then(|| value.trim())
        })
    }

    /// A number of it: `0x00000014 (20)`.
    fn number(&self, out: bool, name: &str) -> Option<u64> {
        let first = self.value(out, name)?.split(' ').next()?;
        u64::from_str_radix(first.strip_prefix("0x")?, 16).ok()
    }

    /// A buffer: its bytes behind its name, or in rows after it.
    fn buffer(&self, out: bool, name: &str, length: &str) -> Result<Zeroizing<Vec<u8>>, Wrong> {
        let wrong = |line| (line, format!("the bytes of {name} cannot be read"));
        let length =
            self.number(out, length).and_then(|length| usize::try_from(length).ok()).ok_or(wrong(self.line))?;
        match self.value(out, name) {
            None => return Err(wrong(self.line)),
            Some("") => {}
            Some(here) => return bytes(here).filter(|bytes| bytes.len() == length).ok_or(wrong(self.line)),
        }
        let at = self.said.iter().position(|(_, came, text)| *came == out && text.trim_end() == name);
        let rows = at.map(|at| &self.said[at + 1..]).unwrap_or_default();
        let mut found = Zeroizing::new(Vec::with_capacity(length.min(MOST)));
        for (line, _, row) in rows.iter().take_while(|(_, came, row)| *came == out && row.starts_with(' ')) {
            // The characters that follow may be anything, also hex digits: what is missing says how many bytes there are.
            let here = length.saturating_sub(found.len()).min(ROW);
            let digits = row.trim_start().split(' ').skip(1).take(here);
            let row = from_words(digits).filter(|row| row.len() == here).ok_or(wrong(*line))?;
            found.extend_from_slice(&row);
        }
        if found.len() == length { Ok(found) } else { Err(wrong(self.line)) }
    }
}

/// Bytes in a row.
const ROW: usize = 16;
/// No short command and no answer to one is longer.
const MOST: usize = 261;

/// What the calls so far say.
#[derive(Default)]
struct Spied {
    log: Log,
    /// Each open handle, as it is printed, and the card it leads to.
    handles: BTreeMap<String, usize>,
}

impl Spied {
    fn call(&mut self, call: &Call, done: bool) -> Result<(), Wrong> {
        match call.name.as_str() {
            "SCardTransmit" => self.transmit(call, done),
            "SCardConnect" if done => self.connect(call),
            "SCardReconnect" if done => {
                let card = self.card(call)?;
                if let Some(protocol) = protocol(call) {
                    self.log.cards[card].protocol = Some(protocol);
                }
                // 0 leaves the card as it is.
                self.reset(call, card, call.number(false, "dwInitialization").is_some_and(|how| how != 0));
                Ok(())
            }
            "SCardDisconnect" | "SCardEndTransaction" if done => {
                let card = self.card(call)?;
                let leaves = call.value(false, "dwDisposition").is_none_or(|how| how.starts_with("SCARD_LEAVE_CARD"));
                self.reset(call, card, !leaves);
                if call.name == "SCardDisconnect" {
                    self.handles.remove(call.value(false, "hCard").unwrap_or_default());
                }
                Ok(())
            }
            "SCardStatus" if done => {
                let card = self.card(call)?;
                match (call.number(true, "bAtrLen"), call.value(true, "bAtr")) {
                    // A program may ask how long it is, or whether the card is there, and want no byte of it.
                    (None | Some(0), _) | (_, Some("NULL")) => Ok(()),
                    _ => self.log.atr(call.line, card, &call.buffer(true, "bAtr", "bAtrLen")?),
                }
            }
            "SCardGetAttrib" if done => {
                let card = self.card(call)?;
                match call.value(false, "dwAttrId") {
                    Some(which) if which.starts_with("SCARD_ATTR_ATR_STRING") => {
                        self.log.atr(call.line, card, &call.buffer(true, "bAttr", "bAttrLen")?)
                    }
                    _ => Ok(()),
                }
            }
            "SCardGetStatusChange" if done => self.states(call),
            _ => Ok(()),
        }
    }

    fn transmit(&mut self, call: &Call, done: bool) -> Result<(), Wrong> {
        let card = self.card(call)?;
        if !done {
            self.log.said.push((call.line, card, Said::Broken));
            return Ok(());
        }
        let sent = call.buffer(false, "bSendBuffer", "bSendLength")?;
        let answer = call.buffer(true, "bRecvBuffer", "bRecvLength")?;
        self.log.turn(call.line, card, sent, answer);
        Ok(())
    }

    fn connect(&mut self, call: &Call) -> Result<(), Wrong> {
        let reader = call.value(false, "szReader").ok_or((call.line, "the call names no reader".to_owned()))?;
        let handle = call.value(true, "phCard").and_then(|handle| handle.split(' ').next());
        let card = self.log.card(reader);
        if let Some(protocol) = protocol(call) {
            self.log.cards[card].protocol = Some(protocol);
        }
        self.handles.insert(handle.unwrap_or_default().to_owned(), card);
        Ok(())
    }

    /// The card of a call's handle. With `--diffable` no call says it: then there must be only one.
    fn card(&self, call: &Call) -> Result<usize, Wrong> {
        let handle = call.value(false, "hCard").unwrap_or_default();
        let only = || match self.handles.values().collect::<Vec<_>>()[..] {
            [card] if handle.contains('?') => Some(*card),
            _ => None,
        };
        let unknown = || (call.line, "no call before says which reader's card this is".to_owned());
        self.handles.get(handle).copied().or_else(only).ok_or_else(unknown)
    }

    fn reset(&mut self, call: &Call, card: usize, reset: bool) {
        if reset {
            self.log.said.push((call.line, card, Said::Reset));
        }
    }

    /// The readers' states: each names its reader, and the answer to reset of the card in it.
    fn states(&mut self, call: &Call) -> Result<(), Wrong> {
        let mut reader = None;
        for (line, out, text) in &call.said {
            if let (true, Some(name)) = (*out, text.strip_prefix("szReader:")) {
                reader = Some(name.trim().to_owned());
            }
            // Without a card, or where the memory was not the library's, there is none.
            let atr = text.trim_start().strip_prefix("Atr:").and_then(bytes).filter(|atr| *out && !atr.is_empty());
            if let (Some(reader), Some(atr)) = (&reader, atr) {
                let card = self.log.card(reader);
                self.log.atr(*line, card, &atr)?;
            }
        }
        Ok(())
    }
}

fn protocol(call: &Call) -> Option<Protocol> {
    match call.value(true, "dwActiveProtocol")?.split(' ').next()? {
        "T=0" => Some(Protocol::T0),
        "T=1" => Some(Protocol::T1),
        _ => None,
    }
}
