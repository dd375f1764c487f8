//! Secure messaging (card-facts §3.2, STD-4): the MAC of a command, enciphered data, the PIN block.

use zeroize::Zeroizing;

use super::{SessionKey, mac, pad_80};

/// Bytes of a command's MAC, which Lc counts.
pub const MAC_LENGTH: usize = 4;

/// What a command with secure messaging cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data is too long for a command with secure messaging")]
pub struct TooLong;

/// The MAC of a command whose data is `data`, over CLA INS P1 P2 Lc ‖ data with a zero initial vector: Lc counts the MAC
/// itself. `header` is CLA INS P1 P2. The random is in the process key, not here.
///
/// # Errors
/// When data and MAC are more than Lc can count.
pub fn command_mac(session: &SessionKey, header: [u8; 4], data: &[u8]) -> Result<[u8; MAC_LENGTH], TooLong> {
    let lc = u8::try_from(data.len() + MAC_LENGTH).map_err(|_| TooLong)?;
    let mut input = Zeroizing::new(Vec::with_capacity(header.len() + 1 + data.len()));
    input.extend_from_slice(&header);
    input.push(lc);
    input.extend_from_slice(data);
    Ok(mac(session, [0; 8], &input))
}

/// Data as it is enciphered for a command: its length, itself, and 80 00… up to whole blocks of `block` bytes, but
/// nothing behind what fills its blocks already (unlike a MAC's input). A PSAM or a security module is given this.
///
/// # Errors
/// When the length does not fit its byte.
pub fn lengthened(plain: &[u8], block: usize) -> Result<Zeroizing<Vec<u8>>, TooLong> {
    let length = u8::try_from(plain.len()).map_err(|_| TooLong)?;
    let mut data = Zeroizing::new(Vec::with_capacity(1 + plain.len() + block));
    data.push(length);
    data.extend_from_slice(plain);
    Ok(if data.len().is_multiple_of(block) { data } else { pad_80(&data, block) })
}

/// Enciphers data for a command: [`lengthened`], block by block.
///
/// # Errors
/// As `lengthened`.
pub fn encipher(session: &SessionKey, plain: &[u8]) -> Result<Zeroizing<Vec<u8>>, TooLong> {
    Ok(each(&lengthened(plain, session.block())?, session.block(), |block| session.encrypt(block)))
}

/// The data of [`encipher`]; `None` when this is not made by it: not whole blocks, a length that does not fit, or
/// anything but 80 00… behind it.
pub fn decipher(session: &SessionKey, data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let block = session.block();
    if data.is_empty() || !data.len().is_multiple_of(block) {
        return None;
    }
    let clear = each(data, block, |block| session.decrypt(block));
    let plain = clear.get(1..1 + usize::from(clear[0]))?;
    let whole = lengthened(plain, block).ok()?;
    (whole == clear).then(|| Zeroizing::new(plain.to_vec()))
}

/// The block of a new PIN: its length in bytes, the packed BCD, 80 00… (six digits and 8-byte blocks: 03 ‖ 3 bytes ‖
/// 80 00 00 00, card-facts §3.2; 16-byte blocks by the same rule, grade C). `None` when it is more than one block.
pub fn pin_block(pin: &[u8], block: usize) -> Option<Zeroizing<Vec<u8>>> {
    lengthened(pin, block).ok().filter(|data| data.len() == block)
}

fn each(data: &[u8], block: usize, one: impl Fn(&[u8]) -> Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(data.len()));
    for block in data.chunks(block) {
        out.extend_from_slice(&one(block));
    }
    out
}
