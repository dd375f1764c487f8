//! What a session sends, taken down, and the same sent again through the `pcsc` crate alone.

use std::ffi::CString;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pcsc::{Card, Context, Disposition, MAX_BUFFER_SIZE, Protocols, Scope, ShareMode};
use sbkd::reader::{Atr, Interface, Protocol, Transport, TransportError};
use zeroize::Zeroizing;

use crate::rig::{HOLDER, PSAM};

/// One exchange: in which reader (0 the holder's, 1 the PSAM's), what was sent, what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// 0 for the holder's card, 1 for the PSAM.
    pub seat: usize,
    /// The TPDU.
    pub sent: Vec<u8>,
    /// The answer with its status word.
    pub got: Vec<u8>,
}

/// The exchanges of a session.
pub type Tape = Arc<Mutex<Vec<Exchange>>>;

/// A transport that takes down what passes through it.
pub struct Tap {
    inner: Box<dyn Transport>,
    seat: usize,
    tape: Tape,
}

impl Tap {
    /// Takes down what passes through `inner`.
    pub fn on(inner: Box<dyn Transport>, seat: usize, tape: &Tape) -> Box<dyn Transport> {
        Box::new(Self { inner, seat, tape: Arc::clone(tape) })
    }
}

impl Transport for Tap {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let answer = self.inner.exchange(tpdu)?;
        let exchange = Exchange { seat: self.seat, sent: tpdu.to_vec(), got: answer.to_vec() };
        self.tape.lock().expect("nobody panics with the tape").push(exchange);
        Ok(answer)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.inner.reset()
    }

    fn end(&mut self) -> Result<(), TransportError> {
        self.inner.end()
    }

    fn atr(&self) -> &Atr {
        self.inner.atr()
    }

    fn protocol(&self) -> Protocol {
        self.inner.protocol()
    }

    fn interface(&self) -> Interface {
        self.inner.interface()
    }
}

/// The context of the bare sessions: made once, as the daemon makes its own once.
pub fn establish() -> Context {
    Context::establish(Scope::System).expect("the rig's pcscd")
}

/// How long the three parts of a session took: the cards are opened, the session itself, the cards are given back.
pub type Parts = [Duration; 3];

/// Sends the tape through the `pcsc` crate and nothing else, in a session of the same extent: both cards connected,
/// for this program alone, and reset at the end, since both gave rights. Every answer must be that of the tape.
pub fn send(context: &Context, tape: &[Exchange]) -> Parts {
    let mut clock = Stopwatch::start();
    let cards = [HOLDER, PSAM].map(|reader| connect(context, reader));
    clock.part();
    let mut buffer = [0; MAX_BUFFER_SIZE];
    for Exchange { seat, sent, got } in tape {
        let answer = cards[*seat].transmit(sent, &mut buffer).expect("an answer");
        assert_eq!(answer, got, "the bare session is not the same as the one on the tape");
    }
    clock.part();
    for card in cards {
        card.disconnect(Disposition::ResetCard).map_err(|(_, error)| error).expect("a reset");
    }
    clock.part();
    clock.parts
}

fn connect(context: &Context, reader: &str) -> Card {
    let name = CString::new(reader).expect("a reader's name has no zero");
    context.connect(&name, ShareMode::Exclusive, Protocols::ANY).expect("the card")
}

/// Takes the time of the parts of a session.
pub struct Stopwatch {
    last: Instant,
    next: usize,
    /// What was taken so far.
    pub parts: Parts,
}

impl Stopwatch {
    /// Starts with the first part.
    pub fn start() -> Self {
        Self { last: Instant::now(), next: 0, parts: Parts::default() }
    }

    /// Ends a part and begins the next.
    pub fn part(&mut self) {
        let now = Instant::now();
        self.parts[self.next] = now - self.last;
        (self.last, self.next) = (now, self.next + 1);
    }
}
