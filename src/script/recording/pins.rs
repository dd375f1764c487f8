//! PINs: each becomes a made-up one of as many digits, everywhere the same, so that who replays the session can enter it.

use zeroize::Zeroizing;

/// The PINs of a session in the order they first appeared, packed as they are sent (card-facts §6).
#[derive(Default)]
pub(super) struct Pins(Vec<Zeroizing<Vec<u8>>>);

impl Pins {
    /// The made-up PIN in the place of `real`: the n-th of a session has the digits n, n+2, n+4, …, which no issuer is
    /// known to give a card as its first PIN. Filler nibbles (F) stay.
    pub(super) fn made_up(&mut self, real: &[u8]) -> Zeroizing<Vec<u8>> {
        // Asked for the tries that are left.
        if real.is_empty() {
            return Zeroizing::default();
        }
        let known = self.0.iter().position(|pin| pin.as_slice() == real);
        let nth = known.unwrap_or_else(|| {
            self.0.push(Zeroizing::new(real.to_vec()));
            self.0.len() - 1
        });
        // Both are below ten.
        let digit = |at: usize| ((nth + 1 + 2 * at) % 10) as u8;
        let nibble = |real: u8, at: usize| if real == 0x0F { real } else { digit(at) };
        let byte = |(at, real): (usize, &u8)| nibble(real >> 4, 2 * at) << 4 | nibble(real & 0x0F, 2 * at + 1);
        Zeroizing::new(real.iter().enumerate().map(byte).collect())
    }

    /// CHANGE PIN's data: the old PIN, FF, the new one. Without an FF all of it is one.
    pub(super) fn two_made_up(&mut self, data: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut parts = data.splitn(2, |byte| *byte == 0xFF);
        let mut made_up = self.made_up(parts.next().unwrap_or_default());
        if let Some(new) = parts.next() {
            made_up = Zeroizing::new([&made_up[..], &[0xFF], &self.made_up(new)[..]].concat());
        }
        made_up
    }

    /// A PIN block in clear, as a PSAM is given it to encipher (card-facts §3.2): its length, the PIN, 80, zeros. The
    /// block with the made-up PIN, or none when it is no PIN block.
    pub(super) fn block(&mut self, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (length, rest) = block.split_first()?;
        let (pin, padding) = rest.split_at_checked(usize::from(*length))?;
        let packed = (2..=8).contains(&pin.len()) && pin.iter().all(|byte| is_packed(*byte));
        let padded = match padding {
            [] => true,
            [0x80, zeros @ ..] => zeros.iter().all(|byte| *byte == 0),
            _ => false,
        };
        let made_up = |pins: &mut Self| Zeroizing::new([&[*length], &pins.made_up(pin)[..], padding].concat());
        (packed && padded && block.len().is_multiple_of(8)).then(|| made_up(self))
    }

    /// Each real PIN with its length before it, as VERIFY and a PIN block have it, unless it is the made-up one itself.
    pub(super) fn traces(&mut self) -> Vec<Zeroizing<Vec<u8>>> {
        let real: Vec<_> = self.0.clone();
        let other = real.into_iter().filter(|pin| self.made_up(pin) != *pin);
        // A PIN is 16 bytes at most in one command.
        other.map(|pin| Zeroizing::new([&[pin.len() as u8], &pin[..]].concat())).collect()
    }
}

/// Two digits, or a digit and filler.
fn is_packed(byte: u8) -> bool {
    byte >> 4 <= 9 && (byte & 0x0F <= 9 || byte & 0x0F == 0x0F)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_the_same_made_up_one_wherever_it_stands() {
        let mut pins = Pins::default();
        assert!(pins.made_up(&[]).is_empty());
        assert_eq!(*pins.made_up(&[0x65, 0x43, 0x21]), [0x13, 0x57, 0x91]);
        assert_eq!(*pins.made_up(&[0x88, 0x88, 0x8F]), [0x24, 0x68, 0x0F]);
        let data = [0x65, 0x43, 0x21, 0xFF, 0x11, 0x22];
        assert_eq!(*pins.two_made_up(&data), [0x13, 0x57, 0x91, 0xFF, 0x35, 0x79]);
        assert_eq!(*pins.two_made_up(&data[..3]), [0x13, 0x57, 0x91]);
    }

    #[test]
    fn a_block_is_one_only_as_the_standard_pads_it() {
        let mut pins = Pins::default();
        let block = [3, 0x65, 0x43, 0x21, 0x80, 0, 0, 0];
        assert_eq!(**pins.block(&block).unwrap(), [3, 0x13, 0x57, 0x91, 0x80, 0, 0, 0]);
        let wide = [&block[..], &[0; 8]].concat();
        assert_eq!(pins.block(&wide).unwrap()[..5], [3, 0x13, 0x57, 0x91, 0x80]);
        for other in
            [&block[..7], &[3, 0x6A, 0x43, 0x21, 0x80, 0, 0, 0], &[3, 0x65, 0x43, 0x21, 0x81, 0, 0, 0], &[9; 8], &[]]
        {
            assert!(pins.block(other).is_none(), "{other:02X?}");
        }
        assert_eq!(pins.traces().iter().map(|trace| trace.to_vec()).collect::<Vec<_>>(), [[3, 0x65, 0x43, 0x21]]);
    }
}
