//! The vpcd protocol: each message is its length, two bytes big-endian, and a body. A body of one byte from vpcd is a
//! control, any other a TPDU; a chip answers a TPDU and the control that asks for its answer to reset, nothing else.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::chip::{Chip, Reaction};

const POWER_OFF: u8 = 0;
const POWER_ON: u8 = 1;
const RESET: u8 = 2;
const GET_ATR: u8 = 4;

/// Pauses between attempts to connect: doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a stop may go unnoticed.
const NOTICE: Duration = Duration::from_millis(100);

/// How [`serve`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The chip was removed: a fault of its image.
    Removed,
    /// It was told to stop.
    Stopped,
}

/// Puts `chip` into vpcd's reader at `address` and answers until `stop` is set or the chip is removed. When vpcd is not
/// there, or goes, it connects again for ever, with growing pauses.
pub fn serve(chip: &mut dyn Chip, address: SocketAddr, stop: &AtomicBool) -> Ended {
    let mut pause = FIRST_PAUSE;
    while !stop.load(Ordering::Relaxed) {
        match TcpStream::connect_timeout(&address, LONGEST_PAUSE) {
            Ok(stream) => {
                pause = FIRST_PAUSE;
                match session(chip, stream, stop) {
                    Ok(ended) => return ended,
                    Err(reason) => tracing::debug!(%address, %reason, "vpcd went"),
                }
            }
            Err(reason) => tracing::trace!(%address, %reason, "vpcd is not there"),
        }
        wait(pause, stop);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ended::Stopped
}

fn wait(pause: Duration, stop: &AtomicBool) {
    let until = Instant::now() + pause;
    while !stop.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(NOTICE));
    }
}

/// One connection, until vpcd goes (an error), the chip is removed, or `stop`.
fn session(chip: &mut dyn Chip, stream: TcpStream, stop: &AtomicBool) -> io::Result<Ended> {
    let mut wire = Wire { stream };
    wire.stream.set_nodelay(true)?;
    wire.stream.set_read_timeout(Some(NOTICE))?;
    chip.power_on();
    loop {
        let Some(message) = wire.receive(stop)? else {
            return Ok(Ended::Stopped);
        };
        match message.as_slice() {
            [POWER_OFF | POWER_ON] => chip.power_on(),
            [RESET] => chip.reset(),
            [GET_ATR] => wire.send(&chip.atr())?,
            // A control this protocol does not have is answered by nothing, as those it has are.
            [_] | [] => {}
            tpdu => match chip.answer(tpdu) {
                Reaction::Answer(answer) => wire.send(&Zeroizing::new(answer))?,
                Reaction::Mute => wire.send(&[])?,
                Reaction::Removed => return Ok(Ended::Removed),
            },
        }
    }
}

struct Wire {
    stream: TcpStream,
}

impl Wire {
    /// The next message; `None` when `stop` is set.
    fn receive(&mut self, stop: &AtomicBool) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut length = [0; 2];
        if !self.fill(&mut length, stop)? {
            return Ok(None);
        }
        let mut body = Zeroizing::new(vec![0; usize::from(u16::from_be_bytes(length))]);
        Ok(self.fill(&mut body, stop)?.then_some(body))
    }

    /// Fills `bytes`, waking now and then to look at `stop`; false when it is set.
    fn fill(&mut self, mut bytes: &mut [u8], stop: &AtomicBool) -> io::Result<bool> {
        while !bytes.is_empty() {
            match self.stream.read(bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => bytes = &mut bytes[read..],
                Err(err) if matches!(err.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
            if stop.load(Ordering::Relaxed) && !bytes.is_empty() {
                return Ok(false);
            }
            self.acknowledge_at_once()?;
        }
        Ok(true)
    }

    /// vpcd sends length and body as two packets, and waits for the first one's acknowledgement before the second: left
    /// to itself TCP delays that by 40 ms. The kernel forgets the setting, so it is made again after every read.
    fn acknowledge_at_once(&self) -> io::Result<()> {
        socket2::SockRef::from(&self.stream).set_tcp_quickack(true)
    }

    /// Length and body in one write, so in one packet.
    fn send(&mut self, body: &[u8]) -> io::Result<()> {
        let length = u16::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        let mut message = Zeroizing::new(Vec::with_capacity(body.len() + 2));
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        self.stream.write_all(&message)
    }
}
