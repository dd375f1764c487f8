//! Whether the terminal's files are there, and nobody else's to see.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::owners;
use crate::config::{Config, Mode, TokenSource};
use crate::failure::Explain as _;
use crate::queue::QueueKeys;

/// Where systemd keeps a service's credentials while it runs.
const CREDENTIALS: &str = "/run/credentials";

/// A line each file that is wrong, or one that all is well. What the caller may not look at is for others to look at:
/// the daemon that runs has done so.
pub(super) fn rights(config: &Config, daemon: bool) -> Vec<Finding> {
    let mut look = Look { mode: config.mode, wrong: Vec::new(), unseen: Vec::new() };
    look.state(&config.state);
    look.keys(config.journal_keys().path());
    let tokens = config.api.clients.iter().filter_map(|client| match &client.token {
        TokenSource::File(file) => Some(file),
        TokenSource::Sha256(_) => None,
    });
    let uplink = config.uplink.iter().filter_map(|uplink| uplink.token_file.as_ref());
    for file in tokens.chain(uplink).chain(config.keys.soft_file()) {
        look.secret(file, daemon);
    }
    look.wrong.extend(owners::strangers(config));
    look.findings(daemon)
}

/// What was found so far.
struct Look {
    mode: Mode,
    wrong: Vec<Finding>,
    /// What this user may not look at.
    unseen: Vec<PathBuf>,
}

impl Look {
    fn state(&mut self, state: &Path) {
        match std::fs::metadata(state) {
            Ok(found) if !found.is_dir() => self.wrong.push(wrong(state, "不是目录", "is not a directory")),
            Ok(found) => self.open_to_all(state, &found),
            // Made at the first start.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => self.failed(state, &error),
        }
    }

    /// As the journal does it: all of its keys, each nobody else's; none yet before the first start.
    fn keys(&mut self, keys: &Path) {
        match std::fs::read_dir(keys).map(|mut files| files.next().is_none()) {
            Ok(true) => {}
            Ok(false) => {
                if let Err(error) = QueueKeys::load(keys) {
                    self.wrong.push(Finding::of_failure("rights", &error.failure()));
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => self.failed(keys, &error),
        }
    }

    fn secret(&mut self, file: &Path, daemon: bool) {
        match std::fs::metadata(file) {
            Ok(found) => self.open_to_all(file, &found),
            Err(error) if error.kind() == ErrorKind::NotFound && !daemon && file.starts_with(CREDENTIALS) => {
                let found = (
                    format!("{} 只在服务运行时存在", file.display()),
                    format!("{} is there only while the service runs", file.display()),
                );
                let remedy =
                    ("启动服务后再检查：systemctl start sbkd", "start it and look again: systemctl start sbkd");
                self.wrong.push(Finding::warning("rights", (&found.0, &found.1), remedy));
            }
            Err(error) => self.failed(file, &error),
        }
    }

    fn open_to_all(&mut self, path: &Path, found: &Metadata) {
        let rights = found.mode() & 0o777;
        if rights & 0o007 != 0 && self.mode != Mode::Demo {
            let (zh, en) = (format!("任何人可访问 ({rights:04o})"), format!("is open to everybody ({rights:04o})"));
            self.wrong.push(wrong(path, &zh, &en));
        }
    }

    fn failed(&mut self, path: &Path, error: &std::io::Error) {
        match error.kind() {
            ErrorKind::PermissionDenied => self.unseen.push(path.to_path_buf()),
            _ => self.wrong.push(wrong(path, &error.to_string(), &error.to_string())),
        }
    }

    fn findings(mut self, daemon: bool) -> Vec<Finding> {
        let unseen: Vec<String> = self.unseen.iter().map(|path| path.display().to_string()).collect();
        let unseen = unseen.join(", ");
        if !unseen.is_empty() && !daemon {
            let found = (format!("当前用户无权查看 {unseen}"), format!("this user may not look at {unseen}"));
            let remedy =
                ("以 root 或守护进程的用户运行 sbkd doctor", "run sbkd doctor as root or as the daemon's user");
            self.wrong.push(Finding::warning("rights", (&found.0, &found.1), remedy));
        }
        if !self.wrong.is_empty() {
            return self.wrong;
        }
        let aside = |zh_or_en: &str| if unseen.is_empty() { String::new() } else { format!("{zh_or_en}{unseen}") };
        let (zh, en) = (aside("；守护进程在用，未另行查看："), aside("; in the daemon's use, not looked at: "));
        vec![Finding::ok(
            "rights",
            format!("目录与令牌文件权限正确{zh}"),
            format!("directory and token files have the right modes{en}"),
        )]
    }
}

fn wrong(path: &Path, zh: &str, en: &str) -> Finding {
    let found = (format!("{} {zh}", path.display()), format!("{} {en}", path.display()));
    Finding::failed(
        "rights",
        (&found.0, &found.1),
        (
            "建好该文件，归守护进程用户所有；目录 0700，令牌 0640",
            "make it, and give it to the daemon's user; directories 0700, tokens 0640",
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::Status;
    use super::*;
    use crate::world::SystemRandom;

    fn config(dir: &Path, token: &str) -> Config {
        let text = format!(
            "mode = \"production\"\nterminal = \"H44010000001\"\nstate = \"state\"\n[keys]\nsource = \"psam\"\n\
             [[api.client]]\nname = \"a\"\ntoken_file = \"{token}\"\npermissions = [\"read\"]\n"
        );
        Config::parse("sbkd.toml", &text, dir).unwrap()
    }

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn rights_are_told_file_by_file() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), "token");
        let (state, token) = (dir.path().join("state"), dir.path().join("token"));
        assert_eq!(rights(&config, false)[0].status, Status::Failed, "the token is missing");
        std::fs::create_dir(&state).unwrap();
        std::fs::write(&token, "x").unwrap();
        mode(&state, 0o700);
        mode(&token, 0o640);
        assert_eq!(rights(&config, false)[0].status, Status::Ok);
        mode(&state, 0o755);
        mode(&token, 0o644);
        let findings = rights(&config, false);
        assert_eq!(findings.iter().filter(|finding| finding.status == Status::Failed).count(), 2);
    }

    #[test]
    fn the_journals_keys_are_looked_at_as_the_journal_does() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "x").unwrap();
        mode(&dir.path().join("token"), 0o640);
        let config = config(dir.path(), "token");
        let keys = config.state.join("keys");
        std::fs::create_dir_all(&keys).unwrap();
        mode(&config.state, 0o700);
        assert_eq!(rights(&config, false)[0].status, Status::Ok, "before the first start");
        QueueKeys::load_or_create(&keys, &SystemRandom::default()).unwrap();
        assert_eq!(rights(&config, false)[0].status, Status::Ok);
        mode(&keys.join("seal.key"), 0o644);
        let findings = rights(&config, false);
        assert_eq!((findings.len(), findings[0].status), (1, Status::Failed));
        assert!(findings[0].text().contains("seal.key"), "{}", findings[0].text());
    }

    #[test]
    fn what_the_caller_may_not_look_at_is_no_fault_of_the_terminal() {
        let look = || Look {
            mode: Mode::Production,
            wrong: Vec::new(),
            unseen: vec!["/etc/sbkd/tokens/counter".into(), "/var/lib/sbkd/keys".into()],
        };
        let [with, without] = [true, false].map(|daemon| look().findings(daemon));
        assert_eq!((with.len(), with[0].status), (1, Status::Ok));
        assert_eq!((without.len(), without[0].status), (1, Status::Warning));
        for finding in [&with[0], &without[0]] {
            assert!(finding.text().contains("tokens/counter, /var/lib/sbkd/keys"), "{}", finding.text());
        }
        let mut look = look();
        look.failed(Path::new("/x"), &ErrorKind::PermissionDenied.into());
        assert_eq!((look.wrong.len(), look.unseen.len()), (0, 3));
    }

    #[test]
    fn a_credential_is_there_only_while_the_service_runs() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), "/run/credentials/nobodys.service/counter");
        assert_eq!(rights(&config, false)[0].status, Status::Warning);
        assert_eq!(rights(&config, true)[0].status, Status::Failed);
    }
}
