//! Which other programs are connected to the PC/SC service: asked of the kernel after a sharing conflict, best effort.
//!
//! The service does not tell who holds a card. The kernel tells which Unix sockets belong to the service's socket file
//! who is at their other end and whose user that is (sock_diag(7)), and `/proc` which program has that end open, where
//! the rights allow.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, Socket, Type};

/// Where pcscd listens, unless the environment says otherwise, as pcsclite itself does it.
const SERVICE: &str = "/run/pcscd/pcscd.comm";
const SERVICE_VARIABLE: &str = "PCSCLITE_CSOCK_NAME";

/// The other programs that use the service, as `name (process id)`; of one that is another user's, and which this one
/// may therefore not look into, its user. `None` when the system does not tell.
pub(super) fn other_programs() -> Option<String> {
    let service = std::env::var_os(SERVICE_VARIABLE).map_or_else(|| PathBuf::from(SERVICE), PathBuf::from);
    let clients = clients_of(&service)?;
    let programs: Vec<String> = told(&clients, &holders(&clients)).into_iter().collect();
    (!programs.is_empty()).then(|| programs.join(", "))
}

/// The sockets at the other end of those that were accepted at `service`, by inode, and the user each belongs to.
fn clients_of(service: &Path) -> Option<BTreeMap<u32, Option<u32>>> {
    let file = fs::metadata(service).ok()?.ino();
    let all = unix_sockets().ok()?;
    let users: BTreeMap<u32, Option<u32>> = all.iter().map(|socket| (socket.inode, socket.user)).collect();
    let accepted = all.iter().filter(|socket| socket.file.map(u64::from) == Some(file));
    Some(accepted.filter_map(|socket| socket.peer).map(|peer| (peer, users.get(&peer).copied().flatten())).collect())
}

/// Which process has each of these sockets open, as far as we may look: this one as well.
fn holders(sockets: &BTreeMap<u32, Option<u32>>) -> BTreeMap<u32, u32> {
    let wanted: BTreeMap<PathBuf, u32> =
        sockets.keys().map(|inode| (PathBuf::from(format!("socket:[{inode}]")), *inode)).collect();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut found = BTreeMap::new();
    for id in ids {
        let open = fs::read_dir(Path::new("/proc").join(id.to_string()).join("fd")).into_iter().flatten().flatten();
        let targets = open.filter_map(|file| fs::read_link(file.path()).ok());
        found.extend(targets.filter_map(|target| Some((*wanted.get(&target)?, id))));
    }
    found
}

/// The programs other than this one, each once.
fn told(clients: &BTreeMap<u32, Option<u32>>, holders: &BTreeMap<u32, u32>) -> BTreeSet<String> {
    let program = |id: u32| {
        let name = fs::read_to_string(format!("/proc/{id}/comm")).ok()?;
        Some(format!("{} ({id})", name.trim()))
    };
    let name = |(inode, user): (&u32, &Option<u32>)| match holders.get(inode) {
        Some(id) if *id == std::process::id() => None,
        Some(id) => program(*id),
        None => user.map(|user| format!("? ({})", user_name(user))),
    };
    clients.iter().filter_map(name).collect()
}

/// The name of a user; the number of one without a name.
fn user_name(id: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let id = id.to_string();
    let found = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|user| user.get(2) == Some(&&*id));
    found.map_or(id.clone(), |user| user[0].to_owned())
}

/// One connected Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct UnixSocket {
    inode: u32,
    /// The user whose it is; kernels before 5.3 do not tell.
    user: Option<u32>,
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
const SHOW_FILE_PEER_AND_USER: u32 = 2 | 4 | 0x40;
const ATTRIBUTE_FILE: u16 = 1;
const ATTRIBUTE_PEER: u16 = 2;
const ATTRIBUTE_USER: u16 = 7;
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
    bytes.extend(SHOW_FILE_PEER_AND_USER.to_ne_bytes());
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
        let inode = u32_at(bytes, MESSAGE_HEADER + 4);
        if let (Some(inode), Some(attributes)) = (inode, bytes[..length].get(MESSAGE_HEADER + SOCKET_HEADER..)) {
            all.push(socket(inode, attributes));
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    true
}

fn socket(inode: u32, mut attributes: &[u8]) -> UnixSocket {
    let mut socket = UnixSocket { inode, user: None, peer: None, file: None };
    while let (Some(length), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
        match kind {
            ATTRIBUTE_FILE => socket.file = u32_at(attributes, 4),
            ATTRIBUTE_PEER => socket.peer = u32_at(attributes, 4),
            ATTRIBUTE_USER => socket.user = u32_at(attributes, 4),
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
        let (inode, user) = clients.first_key_value().unwrap();
        assert_eq!(link, PathBuf::from(format!("socket:[{inode}]")));
        let own = fs::metadata("/proc/self").unwrap().uid();
        assert_eq!(*user, Some(own));
        let holders = holders(&clients);
        assert_eq!(holders, [(*inode, std::process::id())].into());
        assert!(told(&clients, &holders).is_empty(), "this program is no other program");
        // Another user's program has its sockets where we may not look.
        assert_eq!(told(&clients, &BTreeMap::new()), [format!("? ({})", user_name(own))].into());
    }

    #[test]
    fn a_user_has_a_name_or_a_number() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_000_000_001), "4000000001");
    }

    proptest! {
        #[test]
        fn no_answer_of_the_kernel_does_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            messages(&bytes, &mut Vec::new());
            socket(1, &bytes);
        }
    }
}
