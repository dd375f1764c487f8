//! Which other programs are connected to the PC/SC service: asked of the kernel after a sharing conflict, best effort.
//!
//! The service does not tell who holds a card. The kernel tells which Unix sockets belong to the service's socket file
//! and who is at their other end (sock_diag(7)), and `/proc` which program has that end open, where the rights allow.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, Socket, Type};

/// Where pcscd listens, unless the environment says otherwise, as pcsclite itself does it.
const SERVICE: &str = "/run/pcscd/pcscd.comm";
const SERVICE_VARIABLE: &str = "PCSCLITE_CSOCK_NAME";

/// The other programs that use the service, as `name (process id)`; `None` when the system does not tell.
pub(super) fn other_programs() -> Option<String> {
    let service = std::env::var_os(SERVICE_VARIABLE).map_or_else(|| PathBuf::from(SERVICE), PathBuf::from);
    let sockets = clients_of(&service)?;
    let programs: Vec<String> = holders(&sockets).into_iter().collect();
    (!programs.is_empty()).then(|| programs.join(", "))
}

/// The sockets at the other end of those that were accepted at `service`, by inode.
fn clients_of(service: &Path) -> Option<BTreeSet<u32>> {
    let file = fs::metadata(service).ok()?.ino();
    let all = unix_sockets().ok()?;
    Some(
        all.iter().filter(|socket| socket.file.map(u64::from) == Some(file)).filter_map(|socket| socket.peer).collect(),
    )
}

/// The programs other than this one that have one of these sockets open, and which we may look at.
fn holders(sockets: &BTreeSet<u32>) -> BTreeSet<String> {
    let wanted: BTreeSet<PathBuf> = sockets.iter().map(|inode| PathBuf::from(format!("socket:[{inode}]"))).collect();
    let has = |process: &Path| {
        let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        open.filter_map(|file| fs::read_link(file.path()).ok()).any(|target| wanted.contains(&target))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| *id != std::process::id())
        .map(|id| (id, Path::new("/proc").join(id.to_string())))
        .filter(|(_, process)| has(process))
        .filter_map(|(id, process)| Some(format!("{} ({id})", fs::read_to_string(process.join("comm")).ok()?.trim())))
        .collect()
}

/// One connected Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct UnixSocket {
    /// The inode of the socket at its other end.
    peer: Option<u32>,
    /// The inode of the file it was bound to.
    file: Option<u32>,
}

// linux/netlink.h, linux/sock_diag.h, linux/unix_diag.h.
const AF_NETLINK: i32 = 16;
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_DONE: u16 = 3;
const REQUEST_AND_DUMP: u16 = 0x301;
const AF_UNIX: u8 = 1;
const STATE_ESTABLISHED: u32 = 1 << 1;
const SHOW_FILE_AND_PEER: u32 = 2 | 4;
const ATTRIBUTE_FILE: u16 = 1;
const ATTRIBUTE_PEER: u16 = 2;
const MESSAGE_HEADER: usize = 16;
const SOCKET_HEADER: usize = 16;

fn unix_sockets() -> std::io::Result<Vec<UnixSocket>> {
    let mut kernel =
        Socket::new(Domain::from(AF_NETLINK), Type::from(3 /* SOCK_RAW */), Some(Protocol::from(NETLINK_SOCK_DIAG)))?;
    kernel.set_read_timeout(Some(std::time::Duration::from_secs(1)))?;
    kernel.write_all(&request())?;
    let mut all = Vec::new();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let length = kernel.read(&mut buffer)?;
        if !messages(&buffer[..length], &mut all) {
            return Ok(all);
        }
    }
}

fn request() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(40_u32.to_ne_bytes()); // the header's 16 bytes and the request's 24
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST_AND_DUMP.to_ne_bytes());
    bytes.extend([0; 8]); // sequence and port: one question, one answer
    bytes.extend([AF_UNIX, 0, 0, 0]);
    bytes.extend(STATE_ESTABLISHED.to_ne_bytes());
    bytes.extend([0; 4]); // every inode
    bytes.extend(SHOW_FILE_AND_PEER.to_ne_bytes());
    bytes.extend([0; 8]); // no cookie
    bytes
}

/// Reads what one datagram of the kernel holds; false when it was the last.
fn messages(mut bytes: &[u8], all: &mut Vec<UnixSocket>) -> bool {
    while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let length = length as usize;
        if kind != SOCK_DIAG_BY_FAMILY || kind == NLMSG_DONE || length < MESSAGE_HEADER || length > bytes.len() {
            return false;
        }
        if let Some(attributes) = bytes[..length].get(MESSAGE_HEADER + SOCKET_HEADER..) {
            all.push(socket(attributes));
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    true
}

fn socket(mut attributes: &[u8]) -> UnixSocket {
    let mut socket = UnixSocket { peer: None, file: None };
    while let (Some(length), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
        match kind {
            ATTRIBUTE_FILE => socket.file = u32_at(attributes, 4),
            ATTRIBUTE_PEER => socket.peer = u32_at(attributes, 4),
            _ => {}
        }
        let step = usize::from(length).next_multiple_of(4).max(4);
        attributes = attributes.get(step..).unwrap_or_default();
    }
    socket
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_client_of_a_socket_file_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("service");
        let listener = UnixListener::bind(&file).unwrap();
        let client = UnixStream::connect(&file).unwrap();
        let _accepted = listener.accept().unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&client))).unwrap();
        let clients = clients_of(&file).unwrap();
        assert_eq!(clients.len(), 1);
        assert_eq!(link, PathBuf::from(format!("socket:[{}]", clients.first().unwrap())));
        assert!(holders(&clients).is_empty(), "this program is no other program");
    }

    proptest! {
        #[test]
        fn no_answer_of_the_kernel_does_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            messages(&bytes, &mut Vec::new());
            socket(&bytes);
        }
    }
}
