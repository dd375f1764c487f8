//! What can be seen without the daemon: rights, clock, disk, the centre.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::finding::Finding;
use crate::cli::client;
use crate::config::{Config, Mode, TokenSource};

/// Below this the journal may soon have no room; each transaction takes a few KiB.
const LITTLE: u64 = 512 * 1024 * 1024;
/// Below this it is as good as full: SQLite needs room for its log beside the data.
const NONE: u64 = 32 * 1024 * 1024;
/// How long the centre is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// What systemd-timesyncd touches when the clock is set by the network.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

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

/// Files whose rights matter; a line each that is wrong, or one that all is well.
pub(super) fn rights(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    match std::fs::metadata(&config.state) {
        Ok(state) if !state.is_dir() => findings.push(wrong(&config.state, "不是目录", "is not a directory")),
        Ok(state) => findings.extend(open_to_all(&config.state, &state, config.mode)),
        // Made at the first start.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => findings.push(wrong(&config.state, error.to_string(), error.to_string())),
    }
    let tokens = config.api.clients.iter().filter_map(|client| match &client.token {
        TokenSource::File(file) => Some(file),
        TokenSource::Sha256(_) => None,
    });
    let uplink = config.uplink.iter().filter_map(|uplink| uplink.token_file.as_ref());
    for file in tokens.chain(uplink).chain(&config.keys.soft_file) {
        match std::fs::metadata(file) {
            Ok(found) => findings.extend(open_to_all(file, &found, config.mode)),
            Err(error) => findings.push(wrong(file, error.to_string(), error.to_string())),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            "rights",
            "目录与令牌文件权限正确",
            "directory and token files have the right modes",
        ));
    }
    findings
}

fn open_to_all(path: &Path, found: &Metadata, mode: Mode) -> Option<Finding> {
    let rights = found.mode() & 0o777;
    let open = rights & 0o007 != 0 && mode != Mode::Demo;
    open.then(|| wrong(path, format!("任何人可访问 ({rights:04o})"), format!("is open to everybody ({rights:04o})")))
}

fn wrong(path: &Path, zh: impl AsRef<str>, en: impl AsRef<str>) -> Finding {
    let found = (format!("{} {}", path.display(), zh.as_ref()), format!("{} {}", path.display(), en.as_ref()));
    Finding::failed(
        "rights",
        (&found.0, &found.1),
        (
            "建好该文件，归守护进程用户所有；目录 0700，令牌 0640",
            "make it, and give it to the daemon's user; directories 0700, tokens 0640",
        ),
    )
}

/// The clock decides business dates and expiry.
pub(super) fn clock() -> Finding {
    let installed = std::env::current_exe().and_then(std::fs::metadata).and_then(|exe| exe.modified()).ok();
    let installed = installed.and_then(|time| Timestamp::try_from(time).ok());
    clock_of(Timestamp::now(), installed, Path::new(SYNCHRONISED).exists())
}

fn clock_of(now: Timestamp, installed: Option<Timestamp>, synchronised: bool) -> Finding {
    let set = ("启用网络对时：timedatectl set-ntp true", "set the clock by the network: timedatectl set-ntp true");
    // This program cannot have been installed in the future.
    if installed.is_some_and(|installed| now < installed) {
        let found = ("系统时间早于本程序的安装时间", "the clock is behind this program's own installation");
        return Finding::failed("clock", found, set);
    }
    let now = crate::world::shanghai().to_datetime(now).strftime("%Y-%m-%d %H:%M:%S +08:00").to_string();
    if !synchronised {
        let found =
            (format!("{now}，未见 systemd-timesyncd 对时"), format!("{now}, not seen to be set by systemd-timesyncd"));
        return Finding::warning("clock", (&found.0, &found.1), set);
    }
    Finding::ok("clock", &now, &now)
}

/// Room for the journal.
pub(super) fn disk(config: &Config) -> Finding {
    let there = config.state.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
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

/// The centre, asked whether it answers at all; it is not given the token.
pub(super) fn upstream(config: &Config) -> Finding {
    let Some(uplink) = &config.uplink else { return no_centre() };
    let Ok(runtime) = client::runtime() else { return centre_away("无法检查", "it cannot be checked") };
    let answer = runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::Status;
    use super::*;

    fn config(dir: &Path) -> Config {
        let text = "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
                    [[api.client]]\nname = \"a\"\ntoken_file = \"token\"\npermissions = [\"read\"]\n";
        Config::parse("sbkd.toml", text, dir).unwrap()
    }

    #[test]
    fn rights_are_told_file_by_file() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        let (state, token) = (dir.path().join("state"), dir.path().join("token"));
        let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(rights(&config)[0].status, Status::Failed, "the token is missing");
        std::fs::create_dir(&state).unwrap();
        std::fs::write(&token, "x").unwrap();
        mode(&state, 0o700);
        mode(&token, 0o640);
        assert_eq!(rights(&config)[0].status, Status::Ok);
        mode(&state, 0o755);
        mode(&token, 0o644);
        let findings = rights(&config);
        assert_eq!(findings.iter().filter(|finding| finding.status == Status::Failed).count(), 2);
    }

    #[test]
    fn a_clock_behind_the_installation_fails_and_one_that_nobody_sets_is_a_warning() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (before, now) = (at("2026-01-01T00:00:00Z"), at("2026-06-30T16:00:00Z"));
        for (now, installed, synchronised, status) in [
            (before, Some(now), true, Status::Failed),
            (now, Some(before), false, Status::Warning),
            (now, Some(now), true, Status::Ok),
            (now, None, true, Status::Ok),
        ] {
            assert_eq!(clock_of(now, installed, synchronised).status, status, "{now} {installed:?} {synchronised}");
        }
        // In local time, which is what a business date goes by.
        assert!(clock_of(now, None, true).text().contains("2026-07-01 00:00:00 +08:00"));
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
    fn a_disk_with_room_is_fine_and_a_centre_that_is_not_configured_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert_ne!(disk(&config(dir.path())).status, Status::Failed);
        assert_eq!(upstream(&config(dir.path())).status, Status::Warning);
    }
}
