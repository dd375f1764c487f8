//! A PSAM of the field, in this test's own words: it makes MACs, enciphers several blocks and takes part in purchases, as
//! the standard names the commands (card-facts §4.3), in each of the ways that PSAMs differ.

use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use super::*;
use crate::cipher::{self, Factors, Formulas, Key16, SessionKey, Suite, Transaction};
use crate::reader::{Interface, Protocol, Transport};

/// The one key of all its keys; what it computes is its roots' business.
pub(super) const ROOT: [u8; 16] = [0x5A; 16];
const ALGORITHMS: [Algorithm; 2] = [Algorithm::TripleDes, Algorithm::Sm4];

/// How it differs.
#[derive(Debug, Clone)]
pub(super) struct Ways {
    /// Levels of diversification that its keys need.
    pub(super) levels: u8,
    /// The process key serves one command.
    pub(super) serves_once: bool,
    /// A MAC is answered by a whole block.
    pub(super) whole_block: bool,
    /// It takes part in purchases.
    pub(super) purchases: bool,
    /// The n-th TPDU, counted from 1, is not answered: it was pulled.
    pub(super) pulled_at: Option<usize>,
}

impl Default for Ways {
    fn default() -> Self {
        Self { levels: 2, serves_once: true, whole_block: false, purchases: true, pulled_at: None }
    }
}

struct Field {
    ways: Ways,
    atr: Atr,
    environment: Option<Algorithm>,
    session: Option<SessionKey>,
    /// 终端交易序号 of the last purchase, and the MAC2 that ends it.
    sequence: u32,
    mac2: Option<[u8; 4]>,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// The keys of such a PSAM, and what was sent to it.
pub(super) fn psam(ways: Ways, scripts: Library) -> (Psam, Arc<Mutex<Vec<Vec<u8>>>>) {
    let sent = Arc::new(Mutex::default());
    let field = Field {
        ways,
        atr: Atr::parse(&[0x3B, 0x00]).unwrap(),
        environment: None,
        session: None,
        sequence: 0x0001_0203,
        mac2: None,
        sent: Arc::clone(&sent),
    };
    let lease = Lease::new("psam", Box::new(field), Instant::now() + WITHIN);
    (Psam::new(lease, Arc::new(scripts), profile(), None), sent)
}

impl Field {
    fn answer(&mut self, tpdu: &[u8]) -> (Vec<u8>, u16) {
        let data = tpdu.get(4).map(|lc| tpdu.get(5..5 + usize::from(*lc)).unwrap_or_default()).unwrap_or_default();
        match tpdu {
            [0x00, 0xA4, 0x04, 0x00, ..] => self.environment(data),
            [0x00, 0xA4, 0x00, 0x00, 0x02, 0xDF, 0x01, ..] => (Vec::new(), 0x9000),
            [0x00, 0xB0, 0x95, ..] => (vec![7; 15], 0x9000),
            [0xBF, 0xDE, usage, ..] => self.deliver(*usage, data),
            [0x80, 0xFA, kind, 0x00, ..] => self.cipher(*kind, data),
            [0x80, 0x70, 0x01, 0x00, ..] => self.purchase(data),
            [0x80, 0x72, 0x00, 0x00, 0x04, ..] => match self.mac2.take() {
                Some(mac2) if mac2 == data => (Vec::new(), 0x9000),
                _ => (Vec::new(), 0x9302),
            },
            _ => (Vec::new(), 0x6D00),
        }
    }

    fn environment(&mut self, name: &[u8]) -> (Vec<u8>, u16) {
        self.environment = ALGORITHMS.into_iter().find(|algorithm| name[2] == b'0' + algorithm.id());
        (Vec::new(), if self.environment.is_some() { 0x9000 } else { 0x6A82 })
    }

    /// The process key of the card whose factors these are.
    fn session(&self, factors: &[u8], process: [u8; 8]) -> SessionKey {
        let suite = Suite::of(self.environment.unwrap()).unwrap();
        let path: Vec<[u8; 8]> = factors.chunks(8).rev().map(|factor| factor.try_into().unwrap()).collect();
        suite.session(&suite.diversify_by(&Key16::new(ROOT), &path), process)
    }

    fn deliver(&mut self, usage: u8, data: &[u8]) -> (Vec<u8>, u16) {
        self.session = None;
        let levels = usize::from(self.ways.levels);
        if usize::from(usage >> 5) != levels {
            return (Vec::new(), 0x6A80);
        }
        let (factors, process) = data.split_at(8 * levels);
        assert_eq!(process.len(), self.environment.unwrap().block());
        self.session = Some(self.session(factors, process[..8].try_into().unwrap()));
        (Vec::new(), 0x9000)
    }

    fn cipher(&mut self, kind: u8, data: &[u8]) -> (Vec<u8>, u16) {
        let Some(session) = self.session.clone() else { return (Vec::new(), 0x6985) };
        if self.ways.serves_once {
            self.session = None;
        }
        assert!(data.len().is_multiple_of(session.block()) && !data.is_empty());
        match kind {
            0x00 => (data.chunks(session.block()).flat_map(|block| session.encrypt(block).to_vec()).collect(), 0x9000),
            0x05 => {
                let mut chain = data[..session.block()].to_vec();
                for block in data[session.block()..].chunks(session.block()) {
                    chain.iter_mut().zip(block).for_each(|(to, from)| *to ^= from);
                    chain = session.encrypt(&chain).to_vec();
                }
                match (self.ways.whole_block, session.block()) {
                    (true, _) => (chain, 0x9000),
                    (false, 8) => (chain[..4].to_vec(), 0x9000),
                    (false, _) => ((0..4).map(|at| (0..4).fold(0, |x, w| x ^ chain[4 * w + at])).collect(), 0x9000),
                }
            }
            _ => (Vec::new(), 0x6A86),
        }
    }

    fn purchase(&mut self, data: &[u8]) -> (Vec<u8>, u16) {
        if !self.ways.purchases {
            return (Vec::new(), 0x9403);
        }
        if data.len() != 0x1C + 8 * usize::from(self.ways.levels) {
            return (Vec::new(), 0x6A80);
        }
        self.sequence += 1;
        let number = |from: usize| u32::from_be_bytes(data[from..from + 4].try_into().unwrap());
        let about = Transaction {
            sequence: u16::from_be_bytes([data[4], data[5]]),
            account: number(6),
            self_pay: number(10),
            pool: number(14),
            terminal: [0x44, 1, 0, 0, 0, 1],
            time: data[19..26].try_into().unwrap(),
            ..Transaction::default()
        };
        let formula = Formulas::builtin().unwrap().purchase;
        assert_eq!((data[18], data[27]), (formula.code, self.environment.unwrap().id()));
        let process = cipher::purchase_factor(data[..4].try_into().unwrap(), about.sequence, self.sequence);
        let session = self.session(&data[28..], process);
        self.mac2 = Some(formula.mac2(&session, &about));
        let mac1 = formula.mac1(&session, &about);
        ([&self.sequence.to_be_bytes()[..], &mac1].concat(), 0x9000)
    }
}

impl Transport for Field {
    fn exchange(&mut self, tpdu: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let count = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(tpdu.to_vec());
            sent.len()
        };
        if self.ways.pulled_at.is_some_and(|at| count >= at) {
            return Err(TransportError::Removed);
        }
        let (mut answer, status) = self.answer(tpdu);
        answer.extend(status.to_be_bytes());
        Ok(Zeroizing::new(answer))
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn atr(&self) -> &Atr {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        Protocol::T1
    }

    fn interface(&self) -> Interface {
        Interface::Contact
    }
}

/// The process key of a card's key by such a PSAM's root, diversified as far as the PSAM's levels are.
pub(super) fn session(card: &CardKeyId, levels: u8, process: [u8; 8]) -> SessionKey {
    let suite = Suite::of(card.algorithm()).unwrap();
    let factors: Factors = card.factors();
    let descending = factors.descending();
    suite.session(&suite.diversify_by(&Key16::new(ROOT), &descending[3 - usize::from(levels)..]), process)
}
