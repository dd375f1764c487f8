//! The library's settings: `/etc/sbkd/driver.toml`, and the environment before it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Deserialize;

use crate::charset::Charset;
use crate::code::{LIBRARY, Refused};
use crate::function::GREATEST;
use crate::rights::has_more_rights;

/// The file where nothing else is said; it need not be there.
const FILE: &str = "/etc/sbkd/driver.toml";
/// Where the daemon's socket is when nothing is said.
const SOCKET: &str = "/run/sbkd/sbkd.sock";
/// The greatest output that can be set: a photo of 4,096 bytes in hex, and what stands around it, several times over.
const MOST: usize = 64 * 1024;

/// What the environment may say, with the key of the file it stands for.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("SBKD_DRIVER_SOCKET", "socket"),
    ("SBKD_DRIVER_CHARSET", "charset"),
    ("SBKD_DRIVER_LARGEST_OUTPUT", "largest_output"),
    ("SBKD_DRIVER_PIN_PROGRAM", "pin_program"),
];

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The daemon's socket.
    pub(crate) socket: PathBuf,
    /// The program's character set.
    pub(crate) charset: Charset,
    /// The most bytes, NUL included, that a function writes whose output is as long as what was asked for.
    pub(crate) largest_output: usize,
    /// The program that asks for a PIN; its one argument is what to ask.
    pub(crate) pin_program: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { socket: SOCKET.into(), charset: Charset::default(), largest_output: GREATEST, pin_program: None }
    }
}

impl Settings {
    /// Those of this process, read at its first call.
    pub(crate) fn of_process() -> Result<&'static Self, Refused> {
        static SETTINGS: OnceLock<Settings> = OnceLock::new();
        match SETTINGS.get() {
            Some(settings) => Ok(settings),
            None => Ok(SETTINGS.get_or_init({
                let settings = Self::load(&environment)?;
                move || settings
            })),
        }
    }

    fn load(environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Refused> {
        let mut settings = match environment("SBKD_DRIVER_CONFIG") {
            Some(file) => Self::read(Path::new(&file), true)?,
            None => Self::read(Path::new(FILE), false)?,
        };
        for (variable, key) in ENVIRONMENT {
            let Some(value) = environment(variable) else { continue };
            let wrong = || Refused::new(LIBRARY, format!("环境变量 {variable} 取值不对"));
            match key {
                "socket" => settings.socket = value.into(),
                "pin_program" => settings.pin_program = Some(value.into()),
                "charset" => settings.charset = Charset::named(&value).ok_or_else(wrong)?,
                _ => settings.largest_output = value.parse().map_err(|_| wrong())?,
            }
        }
        if (GREATEST..=MOST).contains(&settings.largest_output) {
            Ok(settings)
        } else {
            Err(Refused::new(LIBRARY, format!("largest_output 须为 {GREATEST} 至 {MOST}")))
        }
    }

    fn read(file: &Path, must: bool) -> Result<Self, Refused> {
        let wrong = |what: String| Refused::new(LIBRARY, format!("{}: {what}", file.display()));
        match std::fs::read_to_string(file) {
            Ok(text) => toml::from_str(&text).map_err(|error| wrong(error.message().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must => Ok(Self::default()),
            Err(error) => Err(wrong(error.to_string())),
        }
    }
}

/// A program that runs with more rights than its user must not take its settings from them.
fn environment(name: &str) -> Option<String> {
    (!has_more_rights()).then(|| std::env::var(name).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let path =
            std::env::temp_dir().join(format!("sbkd-driver-{}-{:?}", std::process::id(), std::thread::current().id()));
        std::fs::write(&path, file.unwrap_or_default()).unwrap();
        let mut all: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        all.push(("SBKD_DRIVER_CONFIG".to_owned(), path.display().to_string()));
        let loaded =
            Settings::load(&|name| all.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()));
        std::fs::remove_file(&path).unwrap();
        loaded.map_err(|refused| {
            assert_eq!(refused.code, LIBRARY);
            refused.text
        })
    }

    #[test]
    fn the_environment_comes_before_the_file() {
        assert_eq!(load(None, &[]), Ok(Settings::default()));
        let file = "socket = \"/tmp/a\"\ncharset = \"utf-8\"\nlargest_output = 16384\n";
        let variables =
            [("SBKD_DRIVER_CHARSET", "gbk"), ("SBKD_DRIVER_SOCKET", "/tmp/b"), ("SBKD_DRIVER_PIN_PROGRAM", "/tmp/c")];
        let wanted = Settings {
            socket: "/tmp/b".into(),
            charset: Charset::Gbk,
            largest_output: 16384,
            pin_program: Some("/tmp/c".into()),
        };
        let settings = load(Some(file), &variables).unwrap();
        assert_eq!(settings, wanted);
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (file, variables) in [
            (Some("sockets = 1"), &[][..]),
            (Some("charset = \"latin1\""), &[]),
            (Some("largest_output = 1023"), &[]),
            (Some("largest_output = 65537"), &[]),
            (None, &[("SBKD_DRIVER_CHARSET", "UTF8")]),
            (None, &[("SBKD_DRIVER_LARGEST_OUTPUT", "much")]),
        ] {
            assert!(load(file, variables).is_err(), "{file:?} {variables:?}");
        }
        let nowhere = |name: &str| (name == "SBKD_DRIVER_CONFIG").then(|| "/dev/null/nowhere".to_owned());
        assert_eq!(Settings::load(&nowhere).unwrap_err().code, LIBRARY, "what is named has to be there");
    }
}
