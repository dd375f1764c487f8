//! A program with more rights than the user who starts it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::rig::NOWHERE;
use super::{compiled_with, library};

/// Gives a file the capability to bind a port below 1024: permitted and effective, as the kernel keeps it (revision 2).
const GIVE: &str = "import os, sys; os.setxattr(sys.argv[1], 'security.capability', \
    bytes.fromhex('0100000200040000000000000000000000000000'))";

/// What the program is told whose settings are named in its environment, and are not there.
fn code(program: &Path, by_another_user: bool) -> i32 {
    let mut command = if by_another_user { Command::new("setpriv") } else { Command::new(program) };
    if by_another_user {
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program);
    }
    command.args(["1", "utf-8"]).env("SBKD_DRIVER_CONFIG", NOWHERE).stdin(Stdio::null());
    let output = command.output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let code = said.split(' ').next().and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("{said} {}", String::from_utf8_lossy(&output.stderr)))
}

/// Only root may give a file capabilities: whoever may not proves the first half alone.
#[test]
fn capabilities_of_its_file_keep_a_program_from_its_environment() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let own = dir.path().join("libSSCardDriver.so");
    fs::copy(library(), &own).unwrap();
    let program = compiled_with(dir.path(), &own);
    let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    assert_eq!(code(&program, root), -5, "it takes its settings from where its user says");
    let given = Command::new("python3").args(["-c", GIVE]).arg(&program).output().expect("python3");
    if given.status.success() {
        assert_eq!(code(&program, true), -12, "it asks the daemon where the machine says");
    }
}
