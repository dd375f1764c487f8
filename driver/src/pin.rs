//! The holder's PIN where the reader has no pad: a program asks for it, as SSH_ASKPASS does. Its one argument is what to ask,
//! and it writes what was entered to its standard output; another exit status than 0 is a cancellation.

use std::io::{ErrorKind, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::code::{CANCELLED, DIFFER, NOT_SUPPORTED, PIN_LENGTH, Refused, TIMED_OUT};

/// How long a person may take for one entry.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether a program has ended.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the end of a program that was killed is waited for.
const DYING: Duration = Duration::from_secs(1);
/// More than anybody enters.
const LONGEST: usize = 64;

/// What the daemon wants to have asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ask {
    /// The PIN.
    Pin,
    /// The PIN, and a new one twice.
    Change,
    /// A new PIN, twice.
    New,
}

/// What was entered.
#[derive(Default, Serialize)]
pub(crate) struct Entered {
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<Digits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_pin: Option<Digits>,
}

#[derive(PartialEq, Eq)]
struct Digits(Zeroizing<String>);

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Has a person asked.
pub(crate) fn ask(program: Option<&Path>, what: Ask) -> Result<Entered, Refused> {
    let none = || Refused::new(NOT_SUPPORTED, "读卡器没有密码键盘，driver.toml 中也没有 pin_program");
    let program = program.ok_or_else(none)?;
    let one = |prompt: &str| entry(program, prompt, PATIENCE);
    let pin = if what == Ask::New { None } else { Some(one("请输入密码")?) };
    let new_pin = if what == Ask::Pin { None } else { Some(one("请输入新密码")?) };
    if new_pin.is_some() && new_pin != Some(one("请再次输入新密码")?) {
        return Err(Refused::new(DIFFER, "两次输入的新密码不一致"));
    }
    Ok(Entered { pin, new_pin })
}

fn entry(program: &Path, prompt: &str, within: Duration) -> Result<Digits, Refused> {
    let cancelled = |why: String| Refused::new(CANCELLED, format!("密码输入被取消：{}{why}", program.display()));
    let end = Instant::now() + within;
    let mut command = Command::new(program);
    // In a group of its own, so that what it starts can be ended with it.
    command.arg(prompt).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|error| cancelled(format!(": {error}")))?;
    let said = match child.stdout.take() {
        Some(stdout) => line(stdout, end),
        None => Err(ErrorKind::BrokenPipe.into()),
    };
    // Who has said all may live on.
    let over = said.and_then(|digits| Ok((digits, ended(&mut child, end)?)));
    if over.is_err() {
        killed(&mut child);
    }
    match over {
        Ok((digits, true)) => digits,
        Ok((_, false)) => Err(cancelled(String::new())),
        Err(error) if error.kind() == ErrorKind::TimedOut => Err(Refused::new(TIMED_OUT, "密码输入超时")),
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(no_pin()),
        Err(error) => Err(cancelled(format!(": {error}"))),
    }
}

/// Waits for the program's end, and says whether it was a good one. There is nothing to wait on for less than this on the
/// kernels that the library is for, and a program that has ended its output ends at once, as a rule.
fn ended(child: &mut Child, end: Instant) -> std::io::Result<bool> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) => {}
            // A program that ignores its children's ends learns of none.
            Err(_) => return Ok(true),
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        std::thread::sleep(left.min(PAUSE));
    }
}

/// Ends the program and what it started.
fn killed(child: &mut Child) {
    // It has ended by itself, else; or is another user's, and is left to itself.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = ended(child, Instant::now() + DYING);
}

/// What the program writes before it ends its output.
fn line(mut stdout: ChildStdout, end: Instant) -> std::io::Result<Result<Digits, Refused>> {
    let mut bytes = Zeroizing::new(vec![0; LONGEST]);
    let mut filled = 0;
    while filled < LONGEST {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| std::io::Error::from(ErrorKind::TimedOut))?;
        match poll(&mut [PollFd::new(&stdout.as_fd(), PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err(ErrorKind::TimedOut.into()),
            Ok(_) => {}
            // A signal of the program that called: it says nothing of this one.
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match stdout.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if filled == LONGEST {
        // It may write for ever: it is ended, and its exit status says nothing.
        return Err(ErrorKind::InvalidData.into());
    }
    let written = &bytes[..filled];
    let entered = written.strip_suffix(b"\n").map_or(written, |line| line.strip_suffix(b"\r").unwrap_or(line));
    let digits = (4..=16).contains(&entered.len()) && entered.iter().all(u8::is_ascii_digit);
    // Only digits are left.
    Ok(if digits { Ok(Digits(Zeroizing::new(String::from_utf8_lossy(entered).into_owned()))) } else { Err(no_pin()) })
}

fn no_pin() -> Refused {
    Refused::new(PIN_LENGTH, "密码须为 4 至 16 位数字")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    use std::sync::Mutex;

    use super::*;

    /// A program that is still open for writing in a child that was just forked, by another test, cannot be run.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    /// A program of these lines.
    fn program(lines: &str) -> PathBuf {
        let id = format!("sbkd-pin-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(id);
        std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// What comes of a program of these lines.
    fn asked(lines: &str, what: Ask) -> Result<(String, Option<String>), i32> {
        let _alone = ONE_AT_A_TIME.lock().unwrap();
        let path = program(lines);
        let entered = ask(Some(&path), what);
        std::fs::remove_file(&path).unwrap();
        let entered = entered.map_err(|refused| refused.code)?;
        Ok((entered.pin.unwrap().0.to_string(), entered.new_pin.map(|new| new.0.to_string())))
    }

    #[test]
    fn what_is_entered_is_taken() {
        assert_eq!(asked("echo 123456", Ask::Pin), Ok(("123456".to_owned(), None)));
        assert_eq!(asked("printf '1234\\r\\n'", Ask::Pin), Ok(("1234".to_owned(), None)));
        let change = "case $1 in *新*) echo 654321;; *) echo 123456;; esac";
        assert_eq!(asked(change, Ask::Change), Ok(("123456".to_owned(), Some("654321".to_owned()))));
    }

    #[test]
    fn what_is_none_has_its_code() {
        for (lines, code) in [
            ("exit 1", -31),
            ("echo 123456; exit 1", -31),
            ("echo 123", -33),
            ("echo 12345678901234567", -33),
            ("echo secret", -33),
            ("yes", -33),
            ("case $1 in *再*) echo 111111;; *) echo 222222;; esac", -34),
        ] {
            assert_eq!(asked(lines, Ask::Change).err(), Some(code), "{lines}");
        }
        assert_eq!(ask(None, Ask::Pin).err().unwrap().code, -13);
        assert_eq!(ask(Some(Path::new("/dev/null/nowhere")), Ask::Pin).err().unwrap().code, -31);
    }

    #[test]
    fn who_takes_too_long_is_not_waited_for() {
        let _alone = ONE_AT_A_TIME.lock().unwrap();
        let refused = entry(Path::new("/usr/bin/sleep"), "60", Duration::ZERO).err().unwrap();
        assert_eq!(refused.code, TIMED_OUT);
    }

    #[test]
    fn who_lives_on_after_its_answer_is_ended_with_what_it_started() {
        let _alone = ONE_AT_A_TIME.lock().unwrap();
        let started = std::env::temp_dir().join(format!("sbkd-pin-started-{}", std::process::id()));
        // Its child writes who it is, and both live on.
        let lines = format!(
            "sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600' >&- & \
             until test -e {0}; do :; done; echo 123456; exec >&-; sleep 600",
            started.display()
        );
        let program = program(&lines);
        let refused = entry(&program, "", Duration::from_secs(5)).err().unwrap();
        assert_eq!(refused.code, TIMED_OUT);
        let id = std::fs::read_to_string(&started).unwrap();
        for file in [program, started] {
            std::fs::remove_file(file).unwrap();
        }
        // Gone, or dead and waited for by nobody.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z ") || stat.contains(") X "), "{stat}");
    }
}
