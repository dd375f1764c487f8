//! The clock decides business dates and expiry.

use std::path::Path;
use std::process::{Command, Stdio};

use super::finding::Finding;
use super::readers::{PATIENCE, within};
use crate::world::{Clock as _, SystemClock, installed};

/// What systemd-timesyncd touches when the clock is set by the network.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

pub(super) fn clock() -> Finding {
    let set = ("启用网络对时：timedatectl set-ntp true", "set the clock by the network: timedatectl set-ntp true");
    // This program cannot have been installed in the future.
    if installed().is_some_and(|installed| SystemClock.now() < installed) {
        let found = ("系统时间早于本程序的安装时间", "the clock is behind this program's own installation");
        return Finding::failed("clock", found, set);
    }
    let now =
        crate::world::shanghai().to_datetime(jiff::Timestamp::now()).strftime("%Y-%m-%d %H:%M:%S +08:00").to_string();
    if !kept(Path::new(SYNCHRONISED), timedatectl()) {
        let found = (format!("{now}，未见网络对时"), format!("{now}, not seen to be set by the network"));
        return Finding::warning("clock", (&found.0, &found.1), set);
    }
    Finding::ok("clock", &now, &now)
}

/// Tells what the kernel knows, whoever keeps its clock: chrony or ntpd as well.
fn timedatectl() -> Command {
    let mut command = Command::new("timedatectl");
    command.args(["show", "--property=NTPSynchronized", "--value"]);
    command
}

/// Whether the clock is set by the network, as far as the system tells.
fn kept(touched: &Path, mut asked: Command) -> bool {
    if touched.exists() {
        return true;
    }
    let told = within(PATIENCE, move || asked.stdin(Stdio::null()).output());
    told.and_then(Result::ok).is_some_and(|told| told.stdout.trim_ascii() == b"yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_keeps_the_clock_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let touched = dir.path().join("synchronized");
        let says = |what: &str| {
            let mut command = Command::new("echo");
            command.arg(what);
            command
        };
        assert!(kept(&touched, says("yes")));
        assert!(!kept(&touched, says("no")));
        assert!(!kept(&touched, Command::new("/nonexistent/timedatectl")), "nobody tells");
        std::fs::write(&touched, "").unwrap();
        assert!(kept(&touched, says("no")), "systemd-timesyncd says so itself");
    }
}
