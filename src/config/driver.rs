//! `[driver]`: the national driver interface, for programs that were written for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::load::Check;
use crate::card::pki::{HashedBy, PinCode, Signing};
use crate::cipher::{LONGEST_USER_ID, USER_ID};
use crate::national::{
    DataForm, DebitField, Encoding, PayField, PkiStrings, RecordField, SignField, SignatureForm, Syntax, Unpublished,
};
use crate::wire::hsm::{Address, Dialect};

/// The most characters of 终端设备号: the greatest output has room for it.
const DEVICE: usize = 64;

/// The driver interface's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Driver {
    /// The users whose programs may use it at the socket, beside root and the daemon's own: what it gives is unmasked.
    pub users: BTreeSet<u32>,
    /// 终端设备号, the last field of `iReadCardBas`.
    pub device: String,
    /// 终端机编号 of a purchase in steps, where no keys of the terminal say it.
    pub terminal: Option<[u8; 6]>,
    /// What of its strings is not publicly known.
    pub unpublished: Unpublished,
    /// The form of the strings of its steps with the caller's own security module.
    pub dialect: Dialect,
    /// Where that module has its keys, by the role's name.
    pub addresses: BTreeMap<String, Address>,
    /// What its PKI functions work by.
    pub pki: Pki,
}

/// `[driver.pki]`, beside the form of its strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pki {
    /// Under which identifier holders sign (GM/T 0009).
    pub user_id: String,
    /// The certificates, in PEM, of those who are trusted to issue others; without it no certificate is held to anybody's.
    pub roots: Option<PathBuf>,
    /// What is not public of how a card signs; without it none does.
    pub signing: Option<Signing>,
}

impl Default for Pki {
    fn default() -> Self {
        Self { user_id: USER_ID.to_owned(), roots: None, signing: None }
    }
}

/// The table as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DriverTable {
    users: BTreeSet<u32>,
    device: Option<Spanned<String>>,
    terminal: Option<Spanned<String>>,
    syntax: Option<Syntax>,
    pay_fields: Vec<PayField>,
    debit_fields: Vec<DebitField>,
    record_fields: Vec<RecordField>,
    dialect: Option<Spanned<Dialect>>,
    addresses: BTreeMap<String, Spanned<Address>>,
    pki: Option<PkiTable>,
}

/// `[driver.pki]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PkiTable {
    data: DataForm,
    encoding: Encoding,
    signature: SignatureForm,
    #[serde(default)]
    sign_fields: Vec<SignField>,
    user_id: Option<Spanned<String>>,
    roots: Option<Spanned<PathBuf>>,
    hash: Option<Spanned<HashedBy>>,
    pin: Option<Spanned<PinCode>>,
}

impl Check<'_> {
    /// `[driver]`, with the built-in profile of the card or another.
    pub(super) fn driver(&mut self, driver: DriverTable, builtin: bool) -> Driver {
        let device = driver.device;
        let fits = |text: &str| {
            text.chars().count() <= DEVICE && !text.contains(['|', '$']) && !text.contains(char::is_control)
        };
        if let Some(device) = device.as_ref().filter(|device| !fits(device.get_ref())) {
            self.mistake(device.span(), "device is at most 64 characters, and none of them | or $");
        }
        let dialect = driver.dialect.map(|dialect| self.dialect(dialect)).unwrap_or_default();
        let mut unpublished = Unpublished::default()
            .with_pay(driver.pay_fields)
            .with_debit(driver.debit_fields)
            .with_records(driver.record_fields);
        if let Some(syntax) = driver.syntax {
            unpublished = unpublished.with_syntax(syntax);
        }
        let pki = driver.pki.map(|pki| {
            let (strings, pki) = self.pki(pki);
            unpublished = std::mem::take(&mut unpublished).with_pki(strings);
            pki
        });
        Driver {
            users: driver.users,
            device: device.map(Spanned::into_inner).unwrap_or_default(),
            terminal: driver.terminal.and_then(|written| self.terminal_number(&written)),
            unpublished,
            dialect,
            addresses: self.addresses(driver.addresses, builtin),
            pki: pki.unwrap_or_default(),
        }
    }

    fn pki(&mut self, pki: PkiTable) -> (PkiStrings, Pki) {
        if let Some(user_id) = pki.user_id.as_ref().filter(|id| !(1..=LONGEST_USER_ID).contains(&id.get_ref().len())) {
            self.mistake(user_id.span(), "user_id has 1 to 8191 bytes");
        }
        let signing = match (pki.hash, pki.pin) {
            (None, None) => None,
            (Some(hash), Some(pin)) => Some(Signing { hash: hash.into_inner(), pin: pin.into_inner() }),
            (hash, pin) => {
                let alone = hash.map(|hash| hash.span()).or(pin.map(|pin| pin.span()));
                self.mistake(alone.unwrap_or_default(), "hash and pin come together: a card signs by both");
                None
            }
        };
        let PkiTable { data, encoding, signature, sign_fields, .. } = pki;
        let pki = Pki {
            user_id: pki.user_id.map_or_else(|| USER_ID.to_owned(), Spanned::into_inner),
            roots: self.path(pki.roots),
            signing,
        };
        (PkiStrings { data, encoding, signature, sign_fields }, pki)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::load::tests::{SMALL, mistakes};
    use super::*;
    use crate::config::Config;

    #[test]
    fn nobody_may_and_nothing_is_known_until_it_is_set() {
        let config = |lines: &str| Config::parse("x", &format!("{SMALL}{lines}"), Path::new("/")).unwrap().driver;
        assert_eq!(config(""), Driver::default());
        let set = config(
            "[driver]\nusers = [1001]\ndevice = \"01\"\nterminal = \"440100000009\"\nsyntax = \"jiangsu\"\npay_fields = [\"account-yuan\"]\n\
             debit_fields = [\"tac\"]\nrecord_fields = [\"sequence\", \"type\"]\naddresses = { PUK = \"0090\" }\n",
        );
        assert_eq!(set.addresses["PUK"].as_str(), "0090");
        assert_eq!(set.terminal, Some([0x44, 1, 0, 0, 0, 9]));
        assert_eq!((set.users, set.device.as_str()), (BTreeSet::from([1001]), "01"));
        assert_eq!(set.unpublished.syntax(), Some(Syntax::Jiangsu));
        assert!(set.unpublished.payment("1.00|").is_ok());
        assert!(set.unpublished.debit().is_ok() && set.unpublished.records().is_ok());
        assert_eq!(
            mistakes(&format!("{SMALL}[driver]\ndevice = \"a|b\"\n"))[0].split(": ").next(),
            Some("sbkd.toml:6:10")
        );
        let mistake = mistakes(&format!("{SMALL}[driver]\nterminal = \"44010000000A\"\n"));
        assert!(mistake[0].ends_with("the terminal's number is twelve digits"), "{mistake:?}");
        let debit = "[driver.dialect.debit]\nstep1 = \"{random}|\"\nstep2 = \"{terminal-sequence}{mac1}\"\n";
        let mistake = mistakes(&format!("{SMALL}{debit}"));
        assert!(mistake[0].ends_with("the template has no sequence"), "{mistake:?}");
        let mistake = mistakes(&format!("{SMALL}[driver]\naddresses = {{ PUKK = \"0090\" }}\n"));
        assert!(mistake[0].ends_with("no key of the card has the name PUKK"), "{mistake:?}");
    }

    #[test]
    fn the_strings_of_the_pki_are_said_as_a_whole_or_not_known() {
        let with = |lines: &str| format!("{SMALL}[driver.pki]\n{lines}\n");
        let parsed = |text: &str| Config::parse("x", text, Path::new("/etc/sbkd")).unwrap().driver;
        assert!(parsed(SMALL).unpublished.pki().is_err());
        let all = "data = \"gbk\"\nencoding = \"base64\"\nsignature = \"raw\"";
        let set = parsed(&with(all));
        let strings = PkiStrings {
            data: DataForm::Gbk,
            encoding: Encoding::Base64,
            signature: SignatureForm::Raw,
            sign_fields: Vec::new(),
        };
        assert_eq!((set.unpublished.pki(), set.pki), (Ok(&strings), Pki::default()));
        let set = parsed(&with(&format!("{all}\nuser_id = \"A\"\nroots = \"roots.pem\""))).pki;
        assert_eq!(set, Pki { user_id: "A".to_owned(), roots: Some("/etc/sbkd/roots.pem".into()), signing: None });
        let signs = parsed(&with(&format!("{all}\nhash = \"card\"\npin = \"digits\""))).pki.signing;
        assert_eq!(signs, Some(Signing { hash: HashedBy::Card, pin: PinCode::Digits }));
        for left in all.lines() {
            let lines: Vec<&str> = all.lines().filter(|line| *line != left).collect();
            assert_eq!(mistakes(&with(&lines.join("\n"))).len(), 1, "without {left}");
        }
        for (line, place) in [
            ("user_id = \"\"", "sbkd.toml:9:11"),
            ("roots = \"\"", "sbkd.toml:9:9"),
            ("hash = \"card\"", "sbkd.toml:9:8"),
            ("pin = \"digits\"", "sbkd.toml:9:7"),
        ] {
            assert_eq!(mistakes(&with(&format!("{all}\n{line}")))[0].split(": ").next(), Some(place), "{line}");
        }
    }
}
