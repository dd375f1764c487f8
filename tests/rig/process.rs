//! Child processes that end with their owner, with their output kept in files.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::until;

/// A running child; killed when dropped.
pub struct Child {
    process: std::process::Child,
    out: PathBuf,
}

impl Child {
    /// Starts `command`; its output is appended to `NAME.out` and `NAME.err` in `dir`.
    #[track_caller]
    pub fn spawn(name: &str, mut command: Command, dir: &Path) -> Self {
        let file = |ending: &str| {
            let path = dir.join(name).with_extension(ending);
            OpenOptions::new().create(true).append(true).open(path).expect("an output file in the rig's directory")
        };
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        let process = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { process, out: dir.join(name) }
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> bool {
        self.process.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits for its own end, and gives its exit status.
    pub fn wait(mut self) -> Option<i32> {
        until("the child ends by itself", || self.process.try_wait().ok().flatten()).code()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.stop();
    }

    /// Asks it to end (SIGTERM), waits, and gives its exit status.
    pub fn terminate(self) -> Option<i32> {
        signal("TERM", &self.process.id().to_string());
        self.wait()
    }

    /// Asks it to read its files again (SIGHUP).
    pub fn hang_up(&self) {
        signal("HUP", &self.process.id().to_string());
    }

    /// As Ctrl-C does: SIGINT to the process group, which it must lead.
    pub fn interrupt(&self) {
        signal("INT", &format!("-{}", self.process.id()));
    }

    /// Waits for a line of its output that `found` makes something of.
    #[track_caller]
    pub fn line<T>(&mut self, what: &str, mut found: impl FnMut(&str) -> Option<T>) -> T {
        until(what, || {
            let text =
                ["out", "err"].map(|ending| fs::read_to_string(self.out.with_extension(ending)).unwrap_or_default());
            let hit = text.iter().flat_map(|t| t.lines()).find_map(&mut found);
            assert!(hit.is_some() || !self.ended(), "{what}: it ended instead, saying:\n{}{}", text[0], text[1]);
            hit
        })
    }

    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends a signal by the shell's own `kill`: the program of that name is not part of every Debian.
fn signal(name: &str, whom: &str) {
    let sent = Command::new("sh").args(["-c", "kill -s \"$1\" -- \"$2\"", "sh", name, whom]).status();
    assert!(sent.is_ok_and(|status| status.success()), "SIG{name} can be sent to {whom}");
}

/// Both streams of the child `name` so far.
pub fn output(dir: &Path, name: &str) -> String {
    ["out", "err"].map(|ending| fs::read_to_string(dir.join(name).with_extension(ending)).unwrap_or_default()).concat()
}

/// A command that ran to its end.
#[derive(Debug)]
pub struct Ran {
    /// The exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Runs `command` to its end.
    #[track_caller]
    pub fn of(mut command: Command) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("standard output is not JSON ({error}): {self:?}"))
    }

    /// The same, and the command must have succeeded.
    #[track_caller]
    pub fn success(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "the command failed: {self:?}");
        self.json()
    }

    /// The command must have failed; the code of its error, whose every part is there.
    #[track_caller]
    pub fn error_code(&self) -> String {
        assert!(!matches!(self.code, Some(0) | None), "the command did not fail as it should: {self:?}");
        let error = &self.json()["error"];
        for key in ["code", "message", "cause", "remedy", "actor"] {
            assert!(error[key].as_str().is_some_and(|text| !text.is_empty()), "error.{key} is missing: {self:?}");
        }
        error["code"].as_str().unwrap_or_default().to_owned()
    }
}
