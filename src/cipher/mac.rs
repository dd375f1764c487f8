//! The MAC of secure messaging (card-facts §3.2, STD-4).

use zeroize::Zeroizing;

use super::SessionKey;

/// `data` with 80 00… behind it up to a multiple of `block`; data that is aligned already gets a whole block more.
pub fn pad_80(data: &[u8], block: usize) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(Vec::with_capacity(data.len() + block));
    padded.extend_from_slice(data);
    padded.push(0x80);
    while padded.len() % block != 0 {
        padded.push(0);
    }
    padded
}

/// CBC-MAC over `data` padded with [`pad_80`]. 8-byte blocks: the left four bytes; 16-byte blocks: the four words
/// folded by XOR. `iv` stands left in the first block; card commands use zeros.
pub fn mac(session: &SessionKey, iv: [u8; 8], data: &[u8]) -> [u8; 4] {
    mac_blocks(session, &iv, &pad_80(data, session.block()))
}

/// The same over blocks that are padded already: what a PSAM does with the blocks it is sent. `iv` stands left in the
/// first block; an incomplete last block is filled with 00.
pub fn mac_blocks(session: &SessionKey, iv: &[u8], blocks: &[u8]) -> [u8; 4] {
    mac_of_chain(&mac_chain(session, iv, blocks))
}

/// The block that a MAC over these blocks comes to before it is cut: what a MAC over several commands is carried on from.
pub fn mac_chain(session: &SessionKey, iv: &[u8], blocks: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut chain = Zeroizing::new(vec![0; session.block()]);
    for (to, from) in chain.iter_mut().zip(iv) {
        *to = *from;
    }
    for block in blocks.chunks(session.block()) {
        for (state, byte) in chain.iter_mut().zip(block) {
            *state ^= byte;
        }
        chain = session.encrypt(&chain);
    }
    chain
}

/// The MAC that its last block comes to.
pub fn mac_of_chain(chain: &[u8]) -> [u8; 4] {
    let words = if chain.len() == 8 { 1 } else { 4 };
    let mut mac = [0; 4];
    for (at, byte) in chain[..4 * words].iter().enumerate() {
        mac[at % 4] ^= byte;
    }
    mac
}
