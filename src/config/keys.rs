//! `[keys]`: who answers for the keys, and how a security module is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::load::Check;
use super::parts::{Keys, Mode, PsamReader};
use super::tables::{HsmTable, KeysTable, Source};
use crate::keys::HsmSettings;
use crate::profile::{KeyRole, Profile};
use crate::wire::hsm::{Address, Dialect};

/// How long a security module may take, where nothing is said.
const ANSWER: Duration = Duration::from_secs(5);

impl Check<'_> {
    /// `[keys]`, in this mode, with an uplink or without, and with the built-in profile of the card or another.
    pub(super) fn keys(&mut self, keys: KeysTable, (mode, uplink, builtin): (Mode, bool, bool)) -> Keys {
        let KeysTable { source, psam_reader, soft_file, hsm } = keys;
        let (kind, span) = (*source.get_ref(), source.span());
        let (psam, afar) =
            (matches!(kind, Source::Psam | Source::PsamHsm), matches!(kind, Source::Hsm | Source::PsamHsm));
        if kind == Source::Soft && mode != Mode::Demo {
            self.mistake(span.clone(), "demonstration keys (soft) are refused unless mode = \"demo\"");
        }
        if kind == Source::Soft && soft_file.is_none() {
            self.mistake(span.clone(), "source = \"soft\" needs soft_file");
        }
        if afar && !uplink {
            self.mistake(span, "a security module is reached through the centre: [uplink] is missing");
        }
        if let (true, Some(file)) = (kind != Source::Soft, &soft_file) {
            self.mistake(file.span(), "soft_file belongs to source = \"soft\"");
        }
        if let (false, Some(reader)) = (psam, &psam_reader) {
            self.mistake(reader.span(), "psam_reader belongs to source = \"psam\" or \"psam-hsm\"");
        }
        if let (false, Some(table)) = (afar, &hsm) {
            self.mistake(table.span(), "[keys.hsm] belongs to source = \"hsm\" or \"psam-hsm\"");
        }
        let why = "leave it out and the PSAM's reader is found";
        let reader = PsamReader(psam_reader.map(|name| self.name(name, why)));
        let hsm = Arc::new(self.hsm(hsm.map(Spanned::into_inner).unwrap_or_default(), builtin));
        match kind {
            Source::Psam => Keys::Psam(reader),
            Source::Hsm => Keys::Hsm(hsm),
            Source::PsamHsm => Keys::PsamThenHsm(reader, hsm),
            Source::Soft => Keys::Soft(soft_file.map_or_else(PathBuf::new, |file| self.joined(file))),
        }
    }

    /// The form of a security module's strings, of which a purchase's say all that they have to.
    pub(super) fn dialect(&mut self, dialect: Spanned<Dialect>) -> Dialect {
        let span = dialect.span();
        let dialect = dialect.into_inner();
        if let Some(Err(missing)) = dialect.debit.as_ref().map(|form| form.check()) {
            self.mistake(span, &missing.to_string());
        }
        dialect
    }

    fn hsm(&mut self, hsm: HsmTable, builtin: bool) -> HsmSettings {
        let within = self.seconds(hsm.answer_secs.as_ref(), ANSWER);
        let terminal = hsm.terminal.and_then(|written| self.terminal_number(&written));
        let dialect = hsm.dialect.map(|dialect| self.dialect(dialect));
        let addresses = self.addresses(hsm.addresses, builtin);
        HsmSettings { dialect: dialect.unwrap_or_default(), addresses, terminal, within, randoms: hsm.randoms }
    }

    /// 终端机编号.
    pub(super) fn terminal_number(&mut self, written: &Spanned<String>) -> Option<[u8; 6]> {
        let mut number = [0; 6];
        let digits = written.get_ref().bytes().all(|byte| byte.is_ascii_digit());
        if digits && hex::decode_to_slice(written.get_ref(), &mut number).is_ok() {
            return Some(number);
        }
        self.mistake(written.span(), "the terminal's number is twelve digits");
        None
    }

    /// Where a security module has its keys: each is one of the card's, as far as its profile is known here.
    pub(super) fn addresses(
        &mut self,
        written: BTreeMap<String, Spanned<Address>>,
        builtin: bool,
    ) -> BTreeMap<String, Address> {
        let profile = builtin.then(Profile::builtin);
        let mut addresses = BTreeMap::new();
        for (role, address) in written {
            if profile.as_ref().is_some_and(|profile| profile.key(&KeyRole::named(role.as_str())).is_none()) {
                self.mistake(address.span(), &format!("no key of the card has the name {role}"));
            }
            addresses.insert(role, address.into_inner());
        }
        addresses
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::super::load::tests::mistakes;
    use super::*;
    use crate::keys::RandomSource;
    use crate::wire::hsm::{AlgorithmForm, SealedForm};

    fn text(source: &str, rest: &str) -> String {
        format!(
            "mode = \"production\"\nterminal = \"H44010000001\"\n[uplink]\nurl = \"https://centre.example\"\n\
             [keys]\nsource = \"{source}\"\n{rest}"
        )
    }

    fn keys(source: &str, rest: &str) -> Keys {
        Config::parse("sbkd.toml", &text(source, rest), Path::new("/etc/sbkd")).unwrap().keys
    }

    #[test]
    fn each_source_is_one() {
        assert_eq!(keys("psam", ""), Keys::Psam(PsamReader(None)));
        assert_eq!(keys("psam", "psam_reader = \"R\"\n").psam(), Some(&PsamReader(Some("R".to_owned()))));
        let hsm = keys("hsm", "");
        assert_eq!((hsm.psam(), hsm.hsm().map(|hsm| hsm.within)), (None, Some(Duration::from_secs(5))));
        let both = keys("psam-hsm", "[keys.hsm]\nanswer_secs = 2\n");
        assert_eq!((both.psam().is_some(), both.hsm().map(|hsm| hsm.within)), (true, Some(Duration::from_secs(2))));
    }

    #[test]
    fn a_security_module_is_asked_as_the_deployment_says() {
        let debit = "{random}{sequence}{account}{self-pay}{pool}{type}{terminal}{time}";
        let keys = keys(
            "hsm",
            &format!(
                "[keys.hsm]\nterminal = \"440100000001\"\nrandoms = \"card\"\n[keys.hsm.addresses]\nPUK = \"0090\"\n\
                 [keys.hsm.dialect]\nalgorithm = \"name\"\nsealed = \"command\"\nopen_end = true\n\
                 [keys.hsm.dialect.debit]\nstep1 = \"{debit}\"\nstep2 = \"{{terminal-sequence}}{{mac1}}\"\n"
            ),
        );
        let hsm = keys.hsm().unwrap();
        assert_eq!((hsm.terminal, hsm.randoms), (Some([0x44, 1, 0, 0, 0, 1]), RandomSource::Card));
        assert_eq!((hsm.dialect.algorithm, hsm.dialect.sealed), (AlgorithmForm::Name, SealedForm::Command));
        assert_eq!(hsm.addresses["PUK"].as_str(), "0090");
        assert!(hsm.dialect.debit.is_some());
    }

    #[test]
    fn what_does_not_fit_is_a_mistake_at_its_place() {
        for (source, rest, at) in [
            ("hsm", "psam_reader = \"R\"\n", "7:15"),
            ("psam", "[keys.hsm]\n", "7:1"),
            ("psam-hsm", "soft_file = \"f\"\n", "7:13"),
            ("hsm", "[keys.hsm]\nterminal = \"44010000000A\"\n", "8:12"),
            ("hsm", "[keys.hsm]\nanswer_secs = 0\n", "8:15"),
            ("hsm", "[keys.hsm.addresses]\nPUKK = \"0090\"\n", "8:8"),
            ("hsm", "[keys.hsm.addresses]\nPUK = \"00|90\"\n", "8:7"),
            ("hsm", "[keys.hsm.dialect]\nalgorithm = \"letters\"\n", "8:13"),
            ("hsm", "[keys.hsm.dialect.debit]\nstep1 = \"{pin}\"\nstep2 = \"\"\n", "8:9"),
            ("hsm", "[keys.hsm]\nsauce = 1\n", "8:1"),
        ] {
            let found = mistakes(&text(source, rest));
            assert_eq!(found.len(), 1, "{rest}{found:?}");
            assert!(found[0].starts_with(&format!("sbkd.toml:{at}: ")), "{rest}{found:?}");
        }
        let missing = mistakes(&text("hsm", "[keys.hsm.dialect.debit]\nstep1 = \"{random}\"\nstep2 = \"{mac1}\"\n"));
        assert!(missing[0].ends_with("the template has no sequence"), "{missing:?}");
        let alone = "mode = \"production\"\nterminal = \"H44010000001\"\n[keys]\nsource = \"psam-hsm\"\n";
        assert!(mistakes(alone)[0].starts_with("sbkd.toml:4:10: "));
    }
}
