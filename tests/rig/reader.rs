//! A reader with a PIN pad before vpcd's driver (`reader.c`), told by files what it claims and what a person does at it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tree;

/// Where the driver finds its files.
pub const PLACE: &str = "SBKD_TEST_READER";

/// The files of the reader.
pub struct Reader(PathBuf);

impl Reader {
    /// Compiles the driver into `dir`, before `behind`; claims nothing yet, and nobody is at the pad.
    pub fn build(dir: &Path, behind: &str) -> Self {
        let reader = Self(dir.join("reader"));
        fs::create_dir_all(&reader.0).expect("the reader's directory");
        reader.says("driver", &[behind]);
        let flags = Command::new("pkg-config").args(["--cflags", "libpcsclite"]).output();
        let flags = flags.expect("pkg-config is missing: run tools/install (make test does)");
        assert!(flags.status.success(), "libpcsclite's headers are missing: run tools/install (make test does)");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-Wall", "-Werror"]);
        compile.args(String::from_utf8_lossy(&flags.stdout).split_whitespace());
        compile.arg("-o").arg(reader.library()).arg(tree("tests/rig/reader.c")).args(["-ldl", "-lpthread"]);
        let out = compile.output().expect("cc is missing: apt-get install build-essential");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        reader
    }

    /// The driver, for pcscd.
    pub fn library(&self) -> PathBuf {
        self.0.join("libreader.so")
    }

    /// From now on the file `name` has these lines; none takes it away.
    pub fn says(&self, name: &str, lines: &[&str]) {
        let file = self.0.join(name);
        if lines.is_empty() {
            let _ = fs::remove_file(file);
        } else {
            fs::write(file, lines.join("\n") + "\n").expect("a file of the reader");
        }
    }

    /// What the person does at the next entry that is still open.
    pub fn person(&self, does: &str) {
        let file = OpenOptions::new().create(true).append(true).open(self.0.join("person"));
        writeln!(file.expect("the person's file"), "{does}").expect("the person's file");
    }

    /// What the driver was told so far.
    pub fn heard(&self) -> Vec<String> {
        fs::read_to_string(self.0.join("heard")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The commands that went from the pad to the card so far.
    pub fn sent(&self) -> Vec<String> {
        self.heard().into_iter().filter(|line| line.starts_with("sent ")).collect()
    }
}
