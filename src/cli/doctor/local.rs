//! What can be seen without the daemon: what it would work by, disk, the centre.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::Duration;

use super::finding::Finding;
use super::policy;
use crate::cli::{client, config};
use crate::config::Config;
use crate::failure::Explain as _;
use crate::terminal::Setup;
use crate::world::disk::{self, Refusal};

/// Below this the journal may soon have no room; each transaction takes a few KiB.
const LITTLE: u64 = 512 * 1024 * 1024;
/// Below this it is as good as full: SQLite needs room for its log beside the data.
const NONE: u64 = 32 * 1024 * 1024;
/// How long the centre is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// The port of NATS.
const NATS: u16 = 4222;

pub(super) fn centre_away(zh: &str, en: &str) -> Finding {
    let remedy = (
        "检查网络、[uplink] 的地址和令牌；待送交易不会丢失",
        "check the network, and address and token in [uplink]; nothing that waits is lost",
    );
    Finding::failed("upstream", (zh, en), remedy)
}

pub(super) fn no_centre() -> Finding {
    let remedy = ("在 [uplink] 中设置地址和令牌", "set address and token in [uplink]");
    Finding::warning("upstream", ("没有配置中心", "no centre is configured"), remedy)
}

/// The configuration is sound; so must be what it names, or the daemon does not start. And the packs that it would start
/// on.
pub(super) fn setup(file: &Path, config: &Config) -> (Finding, Finding) {
    match Setup::load(config) {
        Ok(setup) => (
            Finding::ok("config", file.display(), file.display()),
            policy::of_setup(&setup, config::business_day(config)),
        ),
        Err(error) => (Finding::of_failure("config", &error.failure()), Finding::skipped("policy", "config")),
    }
}

/// Room for the journal.
pub(super) fn disk(config: &Config) -> Finding {
    let there = config.state.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    if disk::refusal(there) == Some(Refusal::ReadOnly) {
        let (zh, en) = (format!("{} 只读", there.display()), format!("{} is read only", there.display()));
        return Finding::failed(
            "disk",
            (&zh, &en),
            ("检查该磁盘并恢复可写", "check the disk, and mount it for writing"),
        );
    }
    let free = match rustix::fs::statvfs(there) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => {
            let found = format!("{}: {error}", there.display());
            return Finding::failed("disk", (&found, &found), ("检查挂载", "check what is mounted"));
        }
    };
    room(there, free)
}

fn room(place: &Path, free: u64) -> Finding {
    let (place, mib) = (place.display(), free / 1024 / 1024);
    let found = (format!("{place} 剩余 {mib} MiB"), format!("{place} has {mib} MiB left"));
    let clean = ("清理磁盘或扩容", "free some space, or give it more");
    match free {
        0..NONE => Finding::failed("disk", (&found.0, &found.1), clean),
        NONE..LITTLE => Finding::warning("disk", (&found.0, &found.1), clean),
        _ => Finding::ok("disk", found.0, found.1),
    }
}

/// The centre, asked whether it answers at all; it is not given the token. With TLS it is only seen whether somebody takes
/// a connection there: who that is the daemon finds out, with its roots and its certificate.
pub(super) fn upstream(config: &Config) -> Finding {
    let Some(uplink) = &config.uplink else { return no_centre() };
    if !uplink.url.starts_with("http://") {
        return match uplink.url.split(',').any(takes_connections) {
            true => Finding::ok("upstream", "中心的地址可以连接", "the centre's address takes connections"),
            false => centre_away("连接不上", "it cannot be reached"),
        };
    }
    let Ok(runtime) = client::runtime() else { return centre_away("无法检查", "it cannot be checked") };
    let answer = runtime.block_on(async {
        let client = crate::world::loopback_client().timeout(PATIENCE).build()?;
        client.get(&uplink.url).send().await
    });
    match answer {
        Ok(_) => Finding::ok("upstream", "中心有应答", "the centre answers"),
        Err(error) => {
            // The error's own text has the address, which may carry more than a host.
            let why = if error.is_timeout() {
                ("超时", "it does not answer in time")
            } else {
                ("连接不上", "it cannot be reached")
            };
            centre_away(why.0, why.1)
        }
    }
}

/// Whether a server of this address takes a connection.
fn takes_connections(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let port = url.port_or_known_default().unwrap_or(NATS);
    let Some(addresses) = url.host_str().and_then(|host| (host.trim_matches(['[', ']']), port).to_socket_addrs().ok())
    else {
        return false;
    };
    addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn config(dir: &Path) -> Config {
        with(dir, "")
    }

    fn with(dir: &Path, more: &str) -> Config {
        let text = "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
                    [[api.client]]\nname = \"a\"\ntoken_file = \"token\"\npermissions = [\"read\"]\n";
        Config::parse("sbkd.toml", &format!("{text}{more}"), dir).unwrap()
    }

    #[test]
    fn a_disk_is_full_before_its_last_byte_and_a_warning_before_that() {
        for (free, status) in [
            (0, Status::Failed),
            (NONE - 1, Status::Failed),
            (NONE, Status::Warning),
            (LITTLE - 1, Status::Warning),
            (LITTLE, Status::Ok),
        ] {
            let finding = room(Path::new("/state"), free);
            assert_eq!(finding.status, status, "{free}");
            assert!(finding.text().contains(&format!("/state has {} MiB left", free / 1024 / 1024)), "{free}");
        }
    }

    #[test]
    fn a_centre_with_tls_takes_connections_or_is_away() {
        let dir = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let key = "0A".repeat(32);
        let ways = [
            format!("[uplink]\nurl = \"https://{address}\"\n"),
            format!(
                "[uplink]\nkind = \"jetstream\"\nurl = \"tls://127.0.0.1:1,tls://{address}\"\ncentre_key = \"{key}\"\n"
            ),
            format!("[uplink]\nkind = \"jetstream\"\nurl = \"nats://{address}\"\ncentre_key = \"{key}\"\n"),
        ];
        let found = || ways.each_ref().map(|way| upstream(&with(dir.path(), way)).status);
        assert_eq!(found(), [Status::Ok; 3]);
        drop(listener);
        assert_eq!(found(), [Status::Failed; 3]);
    }

    #[test]
    fn a_disk_with_room_is_fine_and_a_centre_that_is_not_configured_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert_ne!(disk(&config(dir.path())).status, Status::Failed);
        assert_eq!(upstream(&config(dir.path())).status, Status::Warning);
    }
}
