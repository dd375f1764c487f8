//! Who may call, and what: tokens, origins, hosts and socket peers. What is not allowed here is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ring::digest;
use subtle::ConstantTimeEq as _;

use super::errors;
use crate::config::{self, Permission, TokenSource};
use crate::failure::Failure;

/// The shortest token that is taken from a file.
const SHORTEST: usize = 16;

/// Who calls, once proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The client's name, or `uid:N` at the socket.
    pub name: String,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
}

/// A peer at the Unix socket, as the kernel names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its user.
    pub uid: u32,
    /// Its groups, supplementary ones included.
    pub groups: Vec<u32>,
}

/// The rules of access of one daemon.
#[derive(Debug)]
pub struct Access {
    clients: Vec<Client>,
    origins: BTreeSet<String>,
    owner: u32,
    group: u32,
    /// What users at the socket may do besides what their group may.
    users: BTreeMap<u32, BTreeSet<Permission>>,
}

#[derive(Debug)]
struct Client {
    name: String,
    token: [u8; 32],
    permissions: BTreeSet<Permission>,
}

impl Access {
    /// The rules that the configuration sets; `owner` and `group` are the daemon's own.
    ///
    /// # Errors
    /// When a token file cannot be used, may be read by everybody where `mode` is not demo, or holds the token of
    /// another client: who calls would not be known.
    pub fn new(api: &config::Api, mode: config::Mode, owner: u32, group: u32) -> Result<Self, Failure> {
        let mut clients: Vec<Client> = Vec::new();
        for client in &api.clients {
            let client = Client::new(client, mode)?;
            if let Some(other) = clients.iter().find(|other| other.token == client.token) {
                return Err(Failure::with(&errors::TOKEN_FILE, format!("{}, {}", other.name, client.name)));
            }
            clients.push(client);
        }
        Ok(Self { clients, origins: api.origins.clone(), owner, group, users: api.users.clone() })
    }

    /// The same, with these users at the socket allowed the driver interface.
    pub fn with_drivers(mut self, users: &BTreeSet<u32>) -> Self {
        for user in users {
            self.users.entry(*user).or_default().insert(Permission::Driver);
        }
        self
    }

    /// The client whose token this is. All clients are compared, each in constant time, so that the time taken says
    /// nothing of any token.
    pub fn client(&self, token: &str) -> Option<Caller> {
        let hash = sha256(token);
        let mut found = None;
        for client in &self.clients {
            if bool::from(client.token.ct_eq(&hash)) {
                found = Some(client);
            }
        }
        found.map(|client| Caller { name: client.name.clone(), permissions: client.permissions.clone() })
    }

    /// What a peer at the socket may do: root and the daemon's own user all, its group what a counter needs, and whoever
    /// is named what they are named for. The socket's mode keeps others away already; this is the second lock.
    pub fn peer(&self, peer: &Peer) -> Option<Caller> {
        use Permission::{Account, Driver, Operate, Pin, Policy, Read, Unmask, Write};
        let mut permissions = if peer.uid == 0 || peer.uid == self.owner {
            BTreeSet::from([Read, Operate, Unmask, Policy, Pin, Write, Account, Driver])
        } else if peer.groups.contains(&self.group) {
            BTreeSet::from([Read, Operate])
        } else {
            BTreeSet::new()
        };
        permissions.extend(self.users.get(&peer.uid).into_iter().flatten());
        if permissions.is_empty() {
            return None;
        }
        Some(Caller { name: format!("uid:{}", peer.uid), permissions })
    }

    /// Whether a page of this origin may call.
    pub fn origin(&self, origin: &str) -> bool {
        self.origins.contains(origin)
    }
}

impl Client {
    fn new(client: &config::Client, mode: config::Mode) -> Result<Self, Failure> {
        let token = match &client.token {
            TokenSource::Sha256(digest) => digest.0,
            TokenSource::File(file) => {
                let refused = |why: String| Failure::with(&errors::TOKEN_FILE, why);
                let token = config::read_secret(file, mode).map_err(refused)?;
                if token.len() < SHORTEST {
                    return Err(refused(format!("{}: {} characters", file.display(), token.len())));
                }
                sha256(&token)
            }
        };
        Ok(Self { name: client.name.clone(), token, permissions: client.permissions.clone() })
    }
}

/// Whether `host`, as in a Host header, names this machine's loopback and this port. A page that rebinds its own name
/// to 127.0.0.1 still sends that name.
pub fn is_own_host(host: &str, port: u16) -> bool {
    let Some((name, written)) = host.rsplit_once(':') else { return port == 80 && is_loopback(host) };
    if host.ends_with(']') {
        return port == 80 && is_loopback(host);
    }
    written.parse() == Ok(port) && is_loopback(name)
}

fn is_loopback(name: &str) -> bool {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;
    use crate::config::Mode;
    use crate::wire::Digest;

    fn access() -> Access {
        let api = config::Api {
            origins: BTreeSet::from(["http://127.0.0.1:8420".to_owned()]),
            clients: vec![config::Client {
                name: "counter".to_owned(),
                token: TokenSource::Sha256(Digest(sha256("a token of a client"))),
                permissions: BTreeSet::from([Permission::Read]),
            }],
            ..config::Api::default()
        };
        Access::new(&api, config::Mode::Production, 990, 991).unwrap()
    }

    #[test]
    fn a_token_is_its_clients_alone() {
        let access = access();
        assert_eq!(access.client("a token of a client").unwrap().name, "counter");
        assert_eq!(access.client("a token of a clienT"), None);
        assert_eq!(access.client(""), None);
    }

    #[test]
    fn two_clients_with_one_token_are_refused() {
        let client = |name: &str, permissions: &[Permission]| config::Client {
            name: name.to_owned(),
            token: TokenSource::Sha256(Digest(sha256("the same token for both"))),
            permissions: permissions.iter().copied().collect(),
        };
        let clients = vec![client("counter", &[Permission::Read]), client("kiosk", &[Permission::Unmask])];
        let api = config::Api { clients, ..config::Api::default() };
        let failure = Access::new(&api, Mode::Production, 990, 991).unwrap_err();
        assert_eq!((failure.entry.code, failure.detail.as_deref()), ("E-API-TOKEN-FILE", Some("counter, kiosk")));
    }

    fn from_file(file: &std::path::Path, mode: config::Mode) -> Result<Client, Failure> {
        let token = TokenSource::File(file.to_owned());
        Client::new(&config::Client { name: "x".to_owned(), token, permissions: BTreeSet::new() }, mode)
    }

    fn written(file: &std::path::Path, text: &str, rights: u32) {
        std::fs::write(file, text).unwrap();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(rights)).unwrap();
    }

    #[test]
    fn a_short_or_missing_token_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        assert_eq!(from_file(&file, Mode::Production).unwrap_err().entry.code, "E-API-TOKEN-FILE");
        written(&file, "short\n", 0o640);
        let failure = from_file(&file, Mode::Production).unwrap_err();
        assert!(!failure.to_string().contains("short"), "a token is never told");
        written(&file, "long enough to be a token\n", 0o640);
        assert_eq!(from_file(&file, Mode::Production).unwrap().token, sha256("long enough to be a token"));
    }

    #[test]
    fn a_token_that_everybody_may_read_serves_a_demonstration_only() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        for rights in [0o644, 0o642, 0o641] {
            written(&file, "long enough to be a token\n", rights);
            let failure = from_file(&file, Mode::Production).unwrap_err();
            assert_eq!(failure.entry.code, "E-API-TOKEN-FILE");
            assert!(failure.detail.unwrap().ends_with(&format!("mode {rights:04o}")));
            assert!(from_file(&file, Mode::Demo).is_ok());
        }
    }

    #[test]
    fn peers_are_known_by_user_and_group() {
        let access = access();
        let of = |uid, groups: &[u32]| access.peer(&Peer { uid, groups: groups.to_vec() });
        assert!(of(0, &[0]).unwrap().permissions.contains(&Permission::Unmask));
        assert!(of(990, &[]).unwrap().permissions.contains(&Permission::Unmask));
        assert!(!of(1000, &[1000, 991]).unwrap().permissions.contains(&Permission::Unmask));
        assert!(!of(1000, &[1000, 991]).unwrap().permissions.contains(&Permission::Policy));
        assert!(of(990, &[]).unwrap().permissions.contains(&Permission::Policy));
        assert_eq!(of(1000, &[1000]), None);
    }

    #[test]
    fn the_driver_interface_is_for_the_users_that_are_named() {
        let access = access().with_drivers(&BTreeSet::from([1001]));
        let of =
            |uid, groups: &[u32]| access.peer(&Peer { uid, groups: groups.to_vec() }).map(|caller| caller.permissions);
        let may = |uid, groups: &[u32]| of(uid, groups).is_some_and(|all| all.contains(&Permission::Driver));
        assert!(may(0, &[]) && may(990, &[]) && may(1001, &[991]) && !may(1000, &[991]));
        assert_eq!(of(1001, &[1001]), Some(BTreeSet::from([Permission::Driver])), "and nothing else");
    }

    #[test]
    fn pins_writing_and_the_account_are_for_the_users_that_are_named() {
        let users = BTreeMap::from([(1001, BTreeSet::from([Permission::Pin, Permission::Account]))]);
        let access = Access::new(&config::Api { users, ..config::Api::default() }, Mode::Production, 990, 991).unwrap();
        let of = |uid, groups: &[u32]| access.peer(&Peer { uid, groups: groups.to_vec() }).unwrap().permissions;
        for permission in Permission::AT_SOCKET {
            assert!(of(0, &[]).contains(&permission) && of(990, &[]).contains(&permission));
            assert!(!of(1000, &[991]).contains(&permission));
            assert_eq!(of(1001, &[991]).contains(&permission), permission != Permission::Write);
        }
        assert!(!of(1001, &[991]).contains(&Permission::Unmask));
    }

    #[test]
    fn only_loopback_names_with_the_port_are_own() {
        for own in ["127.0.0.1:8420", "localhost:8420", "LOCALHOST:8420", "[::1]:8420", "127.9.9.9:8420"] {
            assert!(is_own_host(own, 8420), "{own}");
        }
        for other in
            ["", "127.0.0.1", "127.0.0.1:80", "evil.example:8420", "localhost.evil.example:8420", "[::1]", ":8420"]
        {
            assert!(!is_own_host(other, 8420), "{other}");
        }
        assert!(is_own_host("localhost", 80) && is_own_host("[::1]", 80));
    }

    proptest! {
        #[test]
        fn no_host_header_panics(host in "\\PC*", port: u16) {
            let _ = is_own_host(&host, port);
        }
    }
}
