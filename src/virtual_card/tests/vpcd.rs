//! The vpcd protocol, spoken by a test in vpcd's place.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::*;
use crate::virtual_card::{Ended, Torn, serve};

/// Long enough for any step here; reaching it fails the test.
const LIMIT: Duration = Duration::from_secs(10);

struct Served {
    thread: Option<JoinHandle<Ended>>,
    stop: Arc<AtomicBool>,
}

impl Served {
    fn start(mut chip: Box<dyn Chip>, address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = thread::spawn(move || serve(&mut *chip, address, &flag));
        Self { thread: Some(thread), stop }
    }

    fn stop(mut self) -> Ended {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }

    fn ended(mut self) -> Ended {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Vpcd(TcpStream);

impl Vpcd {
    fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self(stream)
    }

    /// As vpcd does: length and body in two writes.
    fn send(&mut self, body: &[u8]) {
        self.0.write_all(&(body.len() as u16).to_be_bytes()).unwrap();
        self.0.write_all(body).unwrap();
    }

    fn receive(&mut self) -> Vec<u8> {
        let mut length = [0; 2];
        self.0.read_exact(&mut length).unwrap();
        let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut body).unwrap();
        body
    }

    fn ask(&mut self, body: &str) -> String {
        self.send(&hex::decode(body).unwrap());
        hex::encode_upper(self.receive())
    }
}

fn start(chip: Box<dyn Chip>) -> (TcpListener, Served, Vpcd) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let served = Served::start(chip, listener.local_addr().unwrap());
    let vpcd = Vpcd::accept(&listener);
    (listener, served, vpcd)
}

#[test]
fn controls_and_tpdus_are_told_apart() {
    let (_listener, served, mut vpcd) = start(chip("v3-sm4"));
    vpcd.send(&[0x01]);
    assert_eq!(vpcd.ask("04"), hex::encode_upper(chip("v3-sm4").atr()));
    assert_eq!(vpcd.ask(SELECT_SSSE), "611E");
    assert_eq!(vpcd.ask("00C000001E").len(), 2 * 0x20);
    assert_eq!(vpcd.ask("00B2012D40").len(), 2 * 0x42);
    // Reset and power off take the selection back and answer nothing.
    for control in [0x02, 0x00] {
        vpcd.send(&[control]);
        assert_eq!(vpcd.ask("00B2012D40"), "6A82");
        assert_eq!(vpcd.ask(SELECT_SSSE), "611E");
    }
    assert_eq!(served.stop(), Ended::Stopped);
}

#[test]
fn it_answers_as_in_process() {
    let (_listener, _served, mut vpcd) = start(chip("v2-3des"));
    let mut talk = Talk::with("v2-3des");
    for tpdu in
        [SELECT_SSSE, "00C000001E", "00B2012D00", "00B2012D40", "00B201355B", "0020000003111111", "00FF", "0084000007"]
    {
        let (data, status) = talk.send(tpdu);
        assert_eq!(vpcd.ask(tpdu), format!("{}{status}", hex::encode_upper(data)), "{tpdu}");
    }
}

#[test]
fn a_message_in_pieces_is_one_message() {
    let (_listener, _served, mut vpcd) = start(chip("v2-3des"));
    vpcd.0.set_nodelay(true).unwrap();
    for byte in [0x00, 0x05, 0x00, 0x84, 0x00, 0x00, 0x08] {
        vpcd.0.write_all(&[byte]).unwrap();
    }
    assert_eq!(vpcd.receive().len(), 10);
}

#[test]
fn it_comes_back_when_vpcd_does() {
    let (listener, served, vpcd) = start(chip("v2-3des"));
    drop(vpcd);
    let mut again = Vpcd::accept(&listener);
    assert_eq!(again.ask(SELECT_SSSE), "611E");
    assert_eq!(served.stop(), Ended::Stopped);
}

#[test]
fn it_waits_for_a_vpcd_that_is_not_there_yet() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let served = Served::start(chip("v2-3des"), address);
    let listener = TcpListener::bind(address).unwrap();
    assert_eq!(Vpcd::accept(&listener).ask("0084000004").len(), 12);
    drop(listener);
    assert_eq!(served.stop(), Ended::Stopped);
}

#[test]
fn a_removed_chip_leaves_the_reader() {
    let (_listener, served, mut vpcd) = start(image("v3-sm4").removed_at(2).chip(Arc::new(SystemRandom::default())));
    assert_eq!(vpcd.ask(SELECT_SSSE), "611E");
    vpcd.send(&hex::decode("00C000001E").unwrap());
    assert_eq!(vpcd.0.read(&mut [0; 2]).unwrap(), 0, "the connection is closed");
    assert_eq!(served.ended(), Ended::Removed);
}

#[test]
fn a_card_that_is_put_in_again_is_the_same_card() {
    let image = image("v3-full");
    let memory = image.memory().unwrap();
    for (torn, pin) in [(Torn::Before, "123456"), (Torn::After, "654321")] {
        let pulled = image.clone().removed_at(1).torn(torn);
        let (_listener, served, mut vpcd) = start(pulled.chip_with(&memory, Arc::new(SystemRandom::default())));
        vpcd.send(&hex::decode("805E010007123456FF654321").unwrap());
        assert_eq!(served.ended(), Ended::Removed);
        let (_listener, _served, mut vpcd) = start(image.chip_with(&memory, Arc::new(SystemRandom::default())));
        assert_eq!(vpcd.ask("0020000000"), "63C3");
        assert_eq!(vpcd.ask(&format!("0020000003{pin}")), "9000");
    }
}

#[test]
fn a_contactless_card_is_served_whole_commands() {
    let (_listener, _served, mut vpcd) = start(chip("v3-contactless"));
    vpcd.send(&[0x01]);
    assert_eq!(vpcd.ask("04"), hex::encode_upper(chip("v3-contactless").atr()));
    assert!(vpcd.ask(&format!("{SELECT_SSSE}00")).ends_with("9000"));
    assert_eq!(vpcd.ask("00B2012D00").len(), 2 * 0x42);
}

#[test]
fn a_warm_reset_brings_the_answer_that_a_cold_one_does_not() {
    let (_listener, _served, mut vpcd) = start(chip("v2-warm"));
    vpcd.send(&[0x01]);
    assert_eq!(vpcd.ask("04"), "0000");
    vpcd.send(&[0x02]);
    assert_eq!(vpcd.ask("04"), hex::encode_upper(chip("v2-3des").atr()));
}

#[test]
fn answers_are_not_held_back_by_tcp() {
    let (_listener, _served, mut vpcd) = start(chip("v2-3des"));
    vpcd.ask("0084000008");
    let before = Instant::now();
    for _ in 0..50 {
        vpcd.ask("0084000008");
    }
    // Delayed acknowledgements cost 40 ms each: 2 s for these.
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
}
