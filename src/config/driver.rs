//! `[driver]`: the national driver interface, for programs that were written for it.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use super::load::Check;
use crate::national::{DebitField, PayField, RecordField, Syntax, Unpublished};
use crate::wire::hsm::Dialect;

/// The most characters of 终端设备号: the greatest output has room for it.
const DEVICE: usize = 64;

/// The driver interface's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Driver {
    /// The users whose programs may use it at the socket, beside root and the daemon's own: what it gives is unmasked.
    pub users: BTreeSet<u32>,
    /// 终端设备号, the last field of `iReadCardBas`.
    pub device: String,
    /// What of its strings is not publicly known.
    pub unpublished: Unpublished,
    /// The form of the strings of its steps with the caller's own security module.
    pub dialect: Dialect,
}

/// The table as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DriverTable {
    users: BTreeSet<u32>,
    device: Option<Spanned<String>>,
    syntax: Option<Syntax>,
    pay_fields: Vec<PayField>,
    debit_fields: Vec<DebitField>,
    record_fields: Vec<RecordField>,
    dialect: Option<Spanned<Dialect>>,
}

impl Check<'_> {
    pub(super) fn driver(&mut self, driver: DriverTable) -> Driver {
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
        Driver {
            users: driver.users,
            device: device.map(Spanned::into_inner).unwrap_or_default(),
            unpublished,
            dialect,
        }
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
            "[driver]\nusers = [1001]\ndevice = \"01\"\nsyntax = \"jiangsu\"\npay_fields = [\"account-yuan\"]\n\
             debit_fields = [\"tac\"]\nrecord_fields = [\"sequence\", \"type\"]\n",
        );
        assert_eq!((set.users, set.device.as_str()), (BTreeSet::from([1001]), "01"));
        assert_eq!(set.unpublished.syntax(), Some(Syntax::Jiangsu));
        assert!(set.unpublished.payment("1.00|").is_ok());
        assert!(set.unpublished.debit().is_ok() && set.unpublished.records().is_ok());
        assert_eq!(
            mistakes(&format!("{SMALL}[driver]\ndevice = \"a|b\"\n"))[0].split(": ").next(),
            Some("sbkd.toml:6:10")
        );
        let debit = "[driver.dialect.debit]\nstep1 = \"{random}|\"\nstep2 = \"{terminal-sequence}{mac1}\"\n";
        let mistakes = mistakes(&format!("{SMALL}{debit}"));
        assert!(mistakes[0].ends_with("the template has no sequence"), "{mistakes:?}");
    }
}
