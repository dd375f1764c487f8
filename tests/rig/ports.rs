//! Ports for what the tests start.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// A port of this machine that nobody listens on, and that has a free neighbour: vpcd takes two.
pub fn free_ports() -> u16 {
    free_block(2)
}

/// The first of so many ports in a row that nobody listens on, and that this program gives to nobody else; an even number.
pub fn free_block(width: u16) -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Below the ports that the system gives out by itself; spread by process id, so that parallel test programs differ.
    for _ in 0..2000 {
        let taken = NEXT.fetch_add(u32::from(width), Ordering::Relaxed);
        let port = 12_000 + u16::try_from((std::process::id() * 97 + taken) % 18_000).expect("below 18,000");
        if (port..port + width).all(|port| TcpListener::bind(("0.0.0.0", port)).is_ok()) {
            return port;
        }
    }
    panic!("no {width} free ports in a row between 12000 and 30000");
}
