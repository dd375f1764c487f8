//! Byte strings that become others wherever they stand: on the way to the PSAM the same value appears in another dress,
//! and a replay must find it there as well.

use zeroize::Zeroizing;

use super::Event;
use super::exchange::Exchange;

/// Shorter values are no evidence when they are found: any two bytes may stand anywhere.
pub(super) const EVIDENT: usize = 4;

/// What becomes what.
#[derive(Default)]
pub(super) struct Swaps {
    pairs: Vec<(Zeroizing<Vec<u8>>, Vec<u8>)>,
    /// Blocks made up so far.
    blocks: u32,
}

/// The block size that both ciphers' blocks are made of.
const BLOCK: usize = 8;

impl Swaps {
    /// From now on `real` becomes `made_up`, which is as long. What is too short to be known again is left alone.
    pub(super) fn add(&mut self, real: &[u8], made_up: &[u8]) {
        let known = self.pairs.iter().any(|(known, _)| known.as_slice() == real);
        if real.len() >= EVIDENT && real.len() == made_up.len() && !known {
            self.pairs.push((Zeroizing::new(real.to_vec()), made_up.to_vec()));
        }
    }

    /// Enciphered data becomes made-up blocks: who has the key could read it else.
    pub(super) fn seal(&mut self, sealed: &[u8]) {
        for block in sealed.chunks_exact(BLOCK) {
            self.blocks += 1;
            let made_up = [&b"SBKD"[..], &self.blocks.to_be_bytes()].concat();
            self.add(block, &made_up);
        }
    }

    /// Replaces from left to right, the longest first.
    pub(super) fn apply(&self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            let here = |(real, _): &&(Zeroizing<Vec<u8>>, Vec<u8>)| bytes[at..].starts_with(real);
            match self.pairs.iter().filter(here).max_by_key(|(real, _)| real.len()) {
                Some((real, made_up)) => {
                    bytes[at..at + real.len()].copy_from_slice(made_up);
                    at += real.len();
                }
                None => at += 1,
            }
        }
    }

    /// Replaces in the data of commands that carry one stream, cut anywhere; the stream as it is then.
    pub(super) fn apply_across(&self, stream: &[&Exchange], events: &mut [Event]) -> Zeroizing<Vec<u8>> {
        let parts: Vec<&[u8]> = stream.iter().map(|exchange| exchange.command.data()).collect();
        let mut whole = Zeroizing::new(parts.concat());
        self.apply(&mut whole);
        let mut rest = whole.as_slice();
        for exchange in stream {
            let (here, after) = rest.split_at(exchange.command.data().len());
            exchange.put_sent(events, here);
            rest = after;
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_is_replaced_and_what_was_replaced_is_left_alone() {
        let mut swaps = Swaps::default();
        swaps.add(&[1, 2, 3, 4], &[5, 6, 7, 8]);
        swaps.add(&[1, 2, 3, 4, 5], &[9, 1, 2, 3, 4]);
        swaps.add(&[7, 7], &[8, 8]);
        let mut bytes = [0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 7, 7];
        swaps.apply(&mut bytes);
        assert_eq!(bytes, [0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 7, 7]);
    }

    #[test]
    fn enciphered_blocks_become_others_each_always_the_same() {
        let mut swaps = Swaps::default();
        swaps.seal(&[[1; 8], [2; 8], [1; 8]].concat());
        let mut bytes = [[2; 8], [1; 8]].concat();
        swaps.apply(&mut bytes);
        assert_eq!(bytes, b"SBKD\0\0\0\x02SBKD\0\0\0\x01");
    }
}
