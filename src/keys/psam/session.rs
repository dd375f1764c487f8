//! The process key inside a PSAM, and the commands that use it.

use zeroize::Zeroizing;

use super::{Psam, SCRIPT, output};
use crate::apdu::StatusWord;
use crate::cipher;
use crate::keys::{CardKeyId, KeyError, ProcessKey};
use crate::script::Vars;

/// The factors that a key needs so many levels above the card's, and behind them `tail`. All of it at once: growing would
/// leave a copy behind that nobody wipes.
pub(super) fn path(card: &CardKeyId, level: u8, tail: &[u8]) -> Zeroizing<Vec<u8>> {
    let factors = card.factors().for_command(level);
    let mut path = Zeroizing::new(Vec::with_capacity(8 * factors.len() + tail.len()));
    path.extend(factors.into_iter().flatten());
    path.extend_from_slice(tail);
    path
}

impl Psam {
    /// Enciphers block by block, as many in a command as the script has room for.
    pub(super) fn enciphered(&mut self, key: ProcessKey<'_>, blocks: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let block = key.card.algorithm().block();
        if blocks.is_empty() || !blocks.len().is_multiple_of(block) {
            return Err(KeyError::Blocks(blocks.len()));
        }
        let flow = if block == 8 { "encipher-8" } else { "encipher-16" };
        let room = self.room(flow, "block", block)?;
        self.deliver(key)?;
        let mut out = Zeroizing::new(Vec::with_capacity(blocks.len()));
        for (at, part) in blocks.chunks(room).enumerate() {
            let mut vars = Vars::new().with("block", part);
            self.use_key(key, flow, &mut vars, at > 0)?;
            let answer = output(&vars, "answer")?;
            if answer.len() != part.len() {
                return Err(KeyError::Script(format!("CIPHER DATA was answered by {} bytes", answer.len())));
            }
            out.extend_from_slice(answer);
        }
        Ok(out)
    }

    /// The MAC over a message. Where the script has no room for all of it in one command, the answer to one part is the
    /// initial vector of the next: which only a PSAM can be asked for that answers a whole block.
    pub(super) fn made_mac(&mut self, key: ProcessKey<'_>, message: &[u8]) -> Result<[u8; 4], KeyError> {
        let block = key.card.algorithm().block();
        let flow = if block == 8 { "mac-8" } else { "mac-16" };
        let room = self.room(flow, "data", block)?;
        self.deliver(key)?;
        let padded = cipher::pad_80(message, block);
        let mut vector = Zeroizing::new(vec![0; block]);
        for (at, part) in padded.chunks(room).enumerate() {
            if vector.len() != block {
                return Err(KeyError::Script(format!(
                    "a MAC of {} bytes begins no further part: the script has room for {room} bytes",
                    vector.len()
                )));
            }
            let mut vars = Vars::new().with("iv", &vector).with("data", part);
            self.use_key(key, flow, &mut vars, at > 0)?;
            vector = Zeroizing::new(output(&vars, "answer")?.to_vec());
        }
        mac_of(&vector, block)
    }

    /// How many bytes of whole blocks a flow takes of a value.
    fn room(&self, flow: &str, value: &str, block: usize) -> Result<usize, KeyError> {
        let flow = self.scripts.flow(SCRIPT, flow).map_err(|error| KeyError::Script(error.to_string()))?;
        let most = flow.most(value).unwrap_or(block);
        Ok((most / block * block).max(block))
    }

    /// Uses the process key that was delivered. Some PSAMs keep it for one command only: to use it again, it is delivered
    /// again, and from then on each time.
    fn use_key(&mut self, key: ProcessKey<'_>, flow: &str, vars: &mut Vars, again: bool) -> Result<(), KeyError> {
        if again && self.serves_once {
            self.deliver(key)?;
        }
        match self.run(flow, vars) {
            Err(KeyError::Status(StatusWord::CONDITIONS | StatusWord::INVALID_STATE)) if again && !self.serves_once => {
                self.serves_once = true;
                self.deliver(key)?;
                self.run(flow, vars)
            }
            done => done,
        }
    }

    /// Makes the process key inside the PSAM.
    fn deliver(&mut self, ProcessKey { card, role, process }: ProcessKey<'_>) -> Result<(), KeyError> {
        let place = self.place(role)?;
        let mut factor = Zeroizing::new(vec![0; card.algorithm().block()]);
        factor[..process.len()].copy_from_slice(&process);
        self.at_its_level(card, role, Some(place.levels), |psam, level| {
            let mut vars = Vars::new()
                .with("usage", &[place.usage(level)])
                .with("id", &[place.id])
                .with("factors", &path(card, level, &factor));
            psam.run("deliver", &mut vars).map_err(|error| match error {
                KeyError::Status(StatusWord::KEY_NOT_FOUND | StatusWord::KEY_INDEX) => KeyError::NoKey(role.clone()),
                other => other,
            })
        })
    }
}

/// Four bytes: the MAC itself, or what a whole block of it comes to (card-facts §3.2).
fn mac_of(answer: &[u8], block: usize) -> Result<[u8; 4], KeyError> {
    let mut mac = [0; 4];
    match answer.len() {
        4 => mac.copy_from_slice(answer),
        8 if block == 8 => mac.copy_from_slice(&answer[..4]),
        16 if block == 16 => answer.iter().enumerate().for_each(|(at, byte)| mac[at % 4] ^= byte),
        other => return Err(KeyError::Script(format!("a MAC of {other} bytes"))),
    }
    Ok(mac)
}
