//! pcscd, the readers behind it and the PSAM in one of them, asked directly.

use std::sync::mpsc;
use std::time::Duration;

use super::finding::Finding;
use crate::cli::client;
use crate::config::{Config, PsamReader};
use crate::failure::Explain as _;
use crate::keys::KeyError;
use crate::reader::{PcscReaders, ReaderState, Readers as _, Role, RoleRule, TransportError, list_direct};

/// How long the cards are waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A reader as far as the doctor cares.
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) role: Option<Role>,
    pub(super) busy: bool,
}

/// pcscd, readers, PSAM, asked directly; and the readers that were found.
pub(super) fn direct(config: Option<&Config>) -> (Vec<Finding>, Vec<Seen>) {
    let nothing = |pcscd| (with_nothing_behind(pcscd), Vec::new());
    let cards = match within(PATIENCE, list_direct) {
        Some(Ok(list)) => list.iter().filter(|reader| reader.card).count(),
        Some(Err(TransportError::ServiceAway)) => return nothing(pcscd_away()),
        Some(Err(error)) => return nothing(Finding::of_failure("pcscd", &error.failure())),
        None => return nothing(pcscd_hangs()),
    };
    let rules = config.map(|config| config.readers.rule.clone()).unwrap_or_default();
    let list = asked(rules, cards);
    let all: Vec<Seen> =
        list.iter().map(|reader| Seen { name: reader.name.clone(), role: reader.role, busy: reader.busy }).collect();
    (vec![Finding::ok("pcscd", "可用", "reachable"), seen(&all), psam(config, &list)], all)
}

/// What `job` gives; `None` when it takes longer. It is then left to itself, and ends with the program.
pub(super) fn within<T: Send + 'static>(patience: Duration, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (told, answer) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more when it took too long.
        let _ = told.send(job());
    });
    answer.recv_timeout(patience).ok()
}

fn pcscd_hangs() -> Finding {
    let found = ("pcscd 没有应答", "pcscd does not answer");
    Finding::failed("pcscd", found, ("重新启动：systemctl restart pcscd", "start it anew: systemctl restart pcscd"))
}

/// The readers, once the cards in those without a configured role were asked what they are.
fn asked(rules: Vec<RoleRule>, cards: usize) -> Vec<ReaderState> {
    let readers = PcscReaders::start(rules);
    let mut events = readers.watch();
    let known = async {
        loop {
            let list = readers.list();
            if list.iter().filter(|reader| reader.card && reader.role.is_some()).count() >= cards {
                return list;
            }
            // Whatever happened, or was missed: the list tells.
            let _ = events.recv().await;
        }
    };
    let within = client::runtime()
        .ok()
        .and_then(|runtime| runtime.block_on(async { tokio::time::timeout(PATIENCE, known).await.ok() }));
    within.unwrap_or_else(|| readers.list())
}

fn psam(config: Option<&Config>, list: &[ReaderState]) -> Finding {
    let keys = config.map(|config| &config.keys);
    if keys.is_some_and(|keys| keys.soft_file().is_some()) {
        return Finding::warning(
            "psam",
            ("演示密钥，没有 PSAM", "demonstration keys, no PSAM"),
            ("仅供演示；生产请插入 PSAM", "for demonstration only; insert a PSAM for real work"),
        );
    }
    let reader = match keys {
        None => None,
        Some(keys) => match keys.psam() {
            Some(PsamReader(reader)) => reader.as_deref(),
            None => {
                return Finding::ok("psam", "密钥由加密机提供，见 upstream", "a security module's keys, see upstream");
            }
        },
    };
    let wanted = |found: &&ReaderState| match reader {
        Some(name) => found.name == name,
        None => found.role == Some(Role::Psam),
    };
    let found: Vec<&str> = list.iter().filter(|r| r.card).filter(wanted).map(|r| r.name.as_str()).collect();
    match found[..] {
        [] if keys.is_some_and(|keys| keys.hsm().is_some()) => Finding::warning(
            "psam",
            ("没有读到 PSAM 卡，改用加密机", "no PSAM was found, the security module is asked"),
            ("插好 PSAM 卡，可省去每次读卡的网络往返", "insert the PSAM, and no reading needs the network"),
        ),
        [] => no_psam("没有读到 PSAM 卡", "no PSAM was found"),
        [name] => Finding::ok("psam", name, name),
        _ => Finding::of_failure("psam", &KeyError::SeveralPsams(found.join(", ")).failure()),
    }
}

/// What there is in readers.
pub(super) fn seen(readers: &[Seen]) -> Finding {
    let plug =
        ("接好读卡器，检查驱动和 [readers] 规则", "plug a reader in; check its driver and the rules in [readers]");
    let names = |wanted: &dyn Fn(&Seen) -> bool| {
        let names: Vec<&str> = readers.iter().filter(|reader| wanted(reader)).map(|r| r.name.as_str()).collect();
        names.join(", ")
    };
    let busy = names(&|reader| reader.busy);
    if readers.iter().all(|reader| matches!(reader.role, Some(Role::Ignored | Role::Psam))) {
        return Finding::failed(
            "readers",
            ("没有可用于持卡人的读卡器", "there is no reader for the holder's card"),
            plug,
        );
    }
    if !busy.is_empty() {
        let found = (format!("被其他程序占用：{busy}"), format!("in use by another program: {busy}"));
        return Finding::warning(
            "readers",
            (&found.0, &found.1),
            ("关闭占用读卡器的程序", "close the program that uses the reader"),
        );
    }
    let all = names(&|_| true);
    Finding::ok("readers", &all, &all)
}

/// Readers and PSAM are behind pcscd.
pub(super) fn with_nothing_behind(pcscd: Finding) -> Vec<Finding> {
    vec![pcscd, Finding::skipped("readers", "pcscd"), Finding::skipped("psam", "pcscd")]
}

pub(super) fn pcscd_away() -> Finding {
    Finding::failed(
        "pcscd",
        ("智能卡服务不可用", "the smart card service cannot be reached"),
        (
            "安装并启动：apt-get install pcscd；systemctl enable --now pcscd.socket；检查 polkit 规则",
            "install and start it: apt-get install pcscd; systemctl enable --now pcscd.socket; check the polkit rule",
        ),
    )
}

pub(super) fn no_psam(zh: &str, en: &str) -> Finding {
    let remedy = (
        "插好 PSAM 卡；在 [readers] 或 keys.psam_reader 中指明其读卡器；使用加密机时检查 [uplink] 和 [keys.hsm]",
        "insert the PSAM; name its reader in [readers] or keys.psam_reader; with a security module check [uplink] and [keys.hsm]",
    );
    Finding::failed("psam", (zh, en), remedy)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Status;
    use super::*;
    use crate::config::Keys;

    #[test]
    fn a_reader_for_the_holder_is_needed() {
        let reader = |role, busy| Seen { name: "R 00 00".to_owned(), role, busy };
        assert_eq!(seen(&[]).status, Status::Failed);
        assert_eq!(seen(&[reader(Some(Role::Psam), false)]).status, Status::Failed);
        assert_eq!(seen(&[reader(Some(Role::Holder), true)]).status, Status::Warning);
        assert_eq!(seen(&[reader(None, false)]).status, Status::Ok);
    }

    #[test]
    fn one_psam_is_needed() {
        let reader = |name: &str, role| ReaderState { name: name.to_owned(), role, card: true, busy: false };
        let (a, b) = (reader("A", Some(Role::Psam)), reader("B", Some(Role::Psam)));
        let text = "mode = \"production\"\nterminal = \"H44010000001\"\n[keys]\nsource = \"psam\"\n";
        let mut config = Config::parse("sbkd.toml", text, std::path::Path::new("")).unwrap();
        assert_eq!(psam(Some(&config), &[reader("C", Some(Role::Holder))]).status, Status::Failed);
        assert_eq!(psam(Some(&config), std::slice::from_ref(&a)).status, Status::Ok);
        assert_eq!(psam(None, &[a.clone(), b.clone()]).status, Status::Failed);
        config.keys = Keys::Psam(PsamReader(Some("B".to_owned())));
        assert_eq!(psam(Some(&config), &[a, b]).status, Status::Ok);
        config.keys = Keys::Hsm(Arc::default());
        assert_eq!(psam(Some(&config), &[]).status, Status::Ok);
        config.keys = Keys::PsamThenHsm(PsamReader(None), Arc::default());
        assert_eq!(psam(Some(&config), &[]).status, Status::Warning);
        config.keys = Keys::Soft("keys.toml".into());
        assert_eq!(psam(Some(&config), &[]).status, Status::Warning);
    }
}
