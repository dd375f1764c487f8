//! How long bytes take on a line, by the standards' own figures. What a card needs to think is not in it: it is the same
//! for the same commands.

use std::time::Duration;

use crate::tape::Exchange;

/// A line to a card.
pub struct Line {
    /// As the table calls it.
    pub name: &'static str,
    kind: Kind,
}

enum Kind {
    /// ISO/IEC 7816-3, T=0: a character is a start bit, eight bits, parity and two etu of guard time.
    Contact { baud: u64 },
    /// ISO/IEC 14443 type A at 106 kbit/s: blocks of ISO/IEC 14443-4.
    Radio,
}

/// etu of a character with its guard time.
const CHARACTER: u64 = 12;
/// Header of a T=0 command: CLA INS P1 P2 P3.
const HEADER: usize = 5;
/// Carrier of ISO/IEC 14443, Hz; a bit at 106 kbit/s is 128 of its periods.
const CARRIER: u64 = 13_560_000;
const BIT: u64 = 128;
/// Frame delay in periods of the carrier: from reader to card and back, the least that is allowed (ISO/IEC 14443-3).
const DELAYS: u64 = 1236 + 1172;
/// Bytes of a block besides what it carries: PCB and two of CRC; and what it carries at most, for frames of 256 bytes.
const BLOCK: usize = 3;
const CARRIED: usize = 253;

impl Line {
    /// By contacts at the basic rate (card-facts §8).
    pub const CONTACT_9600: Self = Self { name: "contact 9600", kind: Kind::Contact { baud: 9600 } };
    /// By contacts at the highest common rate.
    pub const CONTACT_115200: Self = Self { name: "contact 115200", kind: Kind::Contact { baud: 115_200 } };
    /// By radio at the basic rate.
    pub const RADIO_106: Self = Self { name: "contactless 106", kind: Kind::Radio };

    /// The time of what a tape of T=0 says.
    pub fn time(&self, tape: &[Exchange]) -> Duration {
        match self.kind {
            Kind::Contact { baud } => {
                let characters: usize = tape.iter().map(characters).sum();
                Duration::from_nanos(characters as u64 * CHARACTER * 1_000_000_000 / baud)
            }
            Kind::Radio => {
                let periods: u64 =
                    by_radio(tape).iter().map(|(sent, got)| periods(*sent) + periods(*got) + DELAYS).sum();
                Duration::from_nanos(periods * 1_000_000_000 / CARRIER)
            }
        }
    }
}

/// Characters of one T=0 exchange: a header is always five, and data on either side follows a procedure byte.
fn characters(exchange: &Exchange) -> usize {
    let data = exchange.sent.len() > HEADER || exchange.got.len() > 2;
    exchange.sent.len().max(HEADER) + exchange.got.len() + usize::from(data)
}

/// The same session as APDUs by radio, each as the bytes there and back: what T=0 fetches with GET RESPONSE comes with
/// the command's own answer. An Le of 00 is answered 6Cxx there, too: it is the card's command that says so (STD-5).
fn by_radio(tape: &[Exchange]) -> Vec<(usize, usize)> {
    let mut apdus: Vec<(usize, usize)> = Vec::new();
    let mut waiting = false;
    for exchange in tape {
        let fetches = waiting && exchange.sent.get(1) == Some(&0xC0);
        match (fetches, apdus.last_mut()) {
            // The answer that was announced, and the Le that asks for it.
            (true, Some(last)) => *last = (last.0 + 1, exchange.got.len()),
            _ => apdus.push((exchange.sent.len(), exchange.got.len())),
        }
        waiting = matches!(exchange.got.as_slice(), [0x61, _]);
    }
    apdus
}

/// Periods of the carrier that so many bytes take: nine bits a byte, a start bit a block; a chain has an
/// acknowledgement a block, with its delays.
fn periods(bytes: usize) -> u64 {
    let blocks = bytes.div_ceil(CARRIED).max(1);
    let bits = |bytes: usize| 1 + 9 * bytes as u64;
    let carried = bits(bytes + blocks * BLOCK) + blocks as u64 - 1;
    let acknowledged = (blocks as u64 - 1) * (bits(BLOCK) * BIT + DELAYS);
    carried * BIT + acknowledged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(sent: usize, got: &[u8]) -> Exchange {
        Exchange { seat: 0, sent: vec![0; sent], got: got.to_vec() }
    }

    #[test]
    fn a_character_at_9600_takes_a_millisecond_and_a_quarter() {
        // Header, procedure byte, eight bytes, status word.
        let challenge = exchange(5, &[0, 0, 0, 0, 0, 0, 0, 0, 0x90, 0x00]);
        assert_eq!(Line::CONTACT_9600.time(std::slice::from_ref(&challenge)), Duration::from_millis(20));
        assert_eq!(characters(&exchange(4, &[0x90, 0x00])), 7);
    }

    #[test]
    fn by_radio_nothing_is_fetched() {
        let mut fetch = exchange(5, &[1, 2, 3, 0x90, 0x00]);
        fetch.sent[1] = 0xC0;
        let tape = [exchange(20, &[0x61, 3]), fetch, exchange(5, &[0x6C, 4]), exchange(5, &[1, 2, 3, 4, 0x90, 0x00])];
        assert_eq!(by_radio(&tape), [(21, 5), (5, 2), (5, 6)]);
        // Eight bytes with three of the block: 100 bits of 128 periods.
        assert_eq!(periods(8), 100 * BIT);
        assert!(periods(254) > periods(253) + DELAYS);
    }
}
