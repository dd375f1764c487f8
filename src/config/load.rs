//! From text to [`Config`]: first the shape, by `serde`; then what the tables mean together.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::{Date, Time};
use toml::Spanned;

use super::parts::{
    AlarmLimits, Api, Cases, Client, Config, Limits, Mode, ReconcileRules, Scenarios, ShiftRules, TokenSource, Uplink,
    UplinkKind,
};
use super::tables::{AlarmTable, ApiTable, CasesTable, ClientTable, File, UplinkTable};
use super::{ConfigError, Mistake};
use crate::failure::place;
use crate::sync::{HttpUplink, JetStreamUplink, TlsFiles};
use crate::value::Fen;

/// Where queue, store and keys live when nothing is said.
const STATE: &str = "/var/lib/sbkd";
/// The longest time that can be set, in seconds: a day.
const LONGEST_WAIT: u64 = 86_400;
/// The most ended cases that are kept in memory.
const MOST_KEPT: usize = 10_000;

impl Config {
    /// Reads and checks a file. Relative paths in it are taken from its directory.
    ///
    /// # Errors
    /// Every mistake that was found, each with line and column.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|err| ConfigError::Unreadable { file: file.clone(), why: err.to_string() })?;
        Self::parse(&file, &text, path.parent().unwrap_or(Path::new("")))
    }

    /// Checks a text; `file` names it in mistakes, relative paths in it are taken from `base`.
    ///
    /// # Errors
    /// As [`load`](Self::load). A mistake of syntax or type hides those of meaning.
    pub fn parse(file: &str, text: &str, base: &Path) -> Result<Self, ConfigError> {
        let invalid = |mistakes| ConfigError::Invalid { file: file.to_owned(), mistakes };
        let table: File = toml::from_str(text).map_err(|err| {
            let (line, column) = place(text, err.span().unwrap_or(0..0).start);
            invalid(vec![Mistake { line, column, message: err.message().to_owned() }])
        })?;
        let mut check = Check { text, base, mistakes: Vec::new() };
        let config = check.config(table);
        if check.mistakes.is_empty() {
            return Ok(config);
        }
        check.mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
        Err(invalid(check.mistakes))
    }
}

pub(super) struct Check<'a> {
    text: &'a str,
    base: &'a Path,
    mistakes: Vec<Mistake>,
}

impl Check<'_> {
    fn config(&mut self, file: File) -> Config {
        let (mode, builtin) = (file.mode, file.paths.card.is_none());
        Config {
            mode,
            terminal: file.terminal,
            state: self.path(file.state).unwrap_or_else(|| PathBuf::from(STATE)),
            business_date: file.business_date.and_then(|date| self.business_date(mode, &date)),
            readers: self.readers(file.readers, &file.cases),
            keys: self.keys(file.keys, (mode, file.uplink.is_some(), builtin)),
            card: self.card(file.card),
            catalogue: file.catalogue.map(|catalogue| self.catalogue(catalogue)),
            api: self.api(file.api),
            uplink: file.uplink.map(|uplink| self.uplink(uplink)),
            limits: Limits {
                amount: self.limit(file.limits.amount),
                person_day: self.limit(file.limits.person_day),
                count: file.limits.count,
                age_hours: file.limits.age_hours,
            },
            cases: self.cases(&file.cases),
            shift: ShiftRules { explicit: file.shift.explicit },
            alarm: self.alarm(file.alarm),
            reconcile: ReconcileRules { at: file.reconcile.at.and_then(|at| self.time_of_day(&at)) },
            scenarios: Scenarios {
                folder: self.path(file.paths.scenarios),
                at: file.scenarios.at,
                only: file.scenarios.only,
            },
            packs: self.packs(file.policy, file.paths.policy.is_some()),
            policy: self.path(file.paths.policy),
            scripts: self.path(file.paths.scripts),
            card_profile: self.path(file.paths.card),
            conditions: self.path(file.paths.conditions),
            anchor: self.path(file.paths.anchor),
            queue: self.queue(file.queue),
            driver: self.driver(file.driver, builtin),
        }
    }

    fn business_date(&mut self, mode: Mode, written: &Spanned<toml::value::Datetime>) -> Option<Date> {
        if mode != Mode::Demo {
            self.mistake(written.span(), "business_date is for mode = \"demo\" only");
        }
        // With a time it is another thing, though a date is in it.
        let whole = written.get_ref();
        let date = whole.time.is_none().then(|| whole.to_string().parse().ok()).flatten();
        if date.is_none() {
            self.mistake(written.span(), "business_date is a date, as in 2015-08-03");
        }
        date
    }

    /// Nothing is provisional with a limit of zero; below it there is nothing.
    fn limit(&mut self, written: Option<Spanned<Fen>>) -> Fen {
        let Some(written) = written else { return Fen::ZERO };
        if *written.get_ref() < Fen::ZERO {
            self.mistake(written.span(), "a limit is not below zero");
        }
        written.into_inner()
    }

    fn api(&mut self, api: ApiTable) -> Api {
        if let Some(listen) = &api.listen
            && !listen.get_ref().ip().is_loopback()
        {
            self.mistake(listen.span(), "the local interface listens on a loopback address only");
        }
        for origin in &api.origins {
            if !is_origin(origin.get_ref()) {
                self.mistake(origin.span(), "an origin is scheme://host or scheme://host:port, without a path");
            }
        }
        let mut names = BTreeSet::new();
        for client in &api.client {
            let name = &client.get_ref().name;
            if !names.insert(name.get_ref().clone()) {
                self.mistake(name.span(), "there is another client of this name");
            }
        }
        Api {
            listen: api.listen.map(Spanned::into_inner),
            socket: self.path(api.socket),
            origins: api.origins.into_iter().map(Spanned::into_inner).collect(),
            clients: api.client.into_iter().filter_map(|client| self.client(client)).collect(),
            users: self.users(api.user),
        }
    }

    fn client(&mut self, client: Spanned<ClientTable>) -> Option<Client> {
        let span = client.span();
        let ClientTable { name, token_file, token_sha256, permissions } = client.into_inner();
        if permissions.is_empty() {
            self.mistake(span.clone(), "a client without permissions can do nothing");
        }
        self.no_token_gives(&permissions, span.clone());
        let token = match (token_file, token_sha256) {
            (Some(file), None) => TokenSource::File(self.joined(file)),
            (None, Some(hash)) => TokenSource::Sha256(hash),
            _ => {
                self.mistake(span, "a client has either token_file or token_sha256");
                return None;
            }
        };
        Some(Client { name: self.name(name, "a client is audited by its name"), token, permissions })
    }

    fn uplink(&mut self, uplink: UplinkTable) -> Uplink {
        let (fits, wanted) = match uplink.kind {
            UplinkKind::Https => (
                HttpUplink::check(uplink.url.get_ref()).is_ok(),
                "the centre is reached by https, or by http on this machine's loopback, where a tunnel ends its TLS",
            ),
            UplinkKind::JetStream => (
                JetStreamUplink::check(uplink.url.get_ref()).is_ok() && uplink.centre_key.is_some(),
                "JetStream is reached by tls, or by nats on this machine's loopback, and needs centre_key",
            ),
        };
        if !fits {
            self.mistake(uplink.url.span(), wanted);
        }
        Uplink {
            kind: uplink.kind,
            answer: self.seconds(uplink.answer_secs.as_ref(), Duration::from_secs(15)),
            resolve: self.seconds(uplink.resolve_secs.as_ref(), Duration::from_secs(5)),
            heartbeat: self.seconds(uplink.heartbeat_secs.as_ref(), Duration::from_secs(30)),
            url: uplink.url.into_inner(),
            token_file: self.path(uplink.token_file),
            tls: TlsFiles {
                client: self.certificate(uplink.client_cert, uplink.client_key),
                roots: self.path(uplink.roots),
            },
            credentials: self.path(uplink.credentials),
            centre_key: uplink.centre_key,
        }
    }

    /// A certificate is of use with its key, and neither alone.
    fn certificate(
        &mut self,
        certificate: Option<Spanned<PathBuf>>,
        key: Option<Spanned<PathBuf>>,
    ) -> Option<(PathBuf, PathBuf)> {
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some((self.joined(certificate), self.joined(key))),
            (Some(alone), None) | (None, Some(alone)) => {
                self.mistake(alone.span(), "client_cert and client_key come together");
                None
            }
            (None, None) => None,
        }
    }

    fn alarm(&mut self, alarm: AlarmTable) -> AlarmLimits {
        let usual = AlarmLimits::default();
        AlarmLimits {
            oldest_unsent_secs: self.above_nothing(alarm.oldest_unsent_secs, usual.oldest_unsent_secs),
            unsent_count: self.above_nothing(alarm.unsent_count, usual.unsent_count),
            unsent_sum: self.above_nothing(alarm.unsent_sum, usual.unsent_sum),
        }
    }

    /// A limit that is not passed by nothing at all.
    fn above_nothing<T: PartialOrd + Default>(&mut self, written: Option<Spanned<T>>, usual: T) -> T {
        let Some(written) = written else { return usual };
        if *written.get_ref() <= T::default() {
            self.mistake(written.span(), "an alarm's limit is above zero");
        }
        written.into_inner()
    }

    fn time_of_day(&mut self, written: &Spanned<String>) -> Option<Time> {
        let time = Time::strptime("%H:%M", written.get_ref()).ok();
        if time.is_none() {
            self.mistake(written.span(), "a time of the day is as in \"03:00\"");
        }
        time
    }

    fn cases(&mut self, cases: &CasesTable) -> Cases {
        let usual = Cases::default();
        let keep = cases.keep.as_ref();
        if let Some(keep) = keep.filter(|keep| !(1..=MOST_KEPT).contains(keep.get_ref())) {
            self.mistake(keep.span(), "keep is 1 to 10000 cases");
        }
        Cases {
            card: self.seconds(cases.card_secs.as_ref(), usual.card),
            input: self.seconds(cases.input_secs.as_ref(), usual.input),
            confirm: self.seconds(cases.confirm_secs.as_ref(), usual.confirm),
            reading: self.seconds(cases.reading_secs.as_ref(), usual.reading),
            keep: keep.map_or(usual.keep, |keep| *keep.get_ref()),
        }
    }

    pub(super) fn seconds(&mut self, written: Option<&Spanned<u64>>, usual: Duration) -> Duration {
        let Some(written) = written else { return usual };
        if !(1..=LONGEST_WAIT).contains(written.get_ref()) {
            self.mistake(written.span(), "a time is 1 to 86400 seconds");
        }
        Duration::from_secs(*written.get_ref())
    }

    pub(super) fn path(&mut self, path: Option<Spanned<PathBuf>>) -> Option<PathBuf> {
        path.map(|path| self.joined(path))
    }

    pub(super) fn joined(&mut self, path: Spanned<PathBuf>) -> PathBuf {
        if path.get_ref().as_os_str().is_empty() {
            self.mistake(path.span(), "this path is empty");
        }
        self.base.join(path.into_inner())
    }

    /// A name that names something.
    pub(super) fn name(&mut self, name: Spanned<String>, why: &str) -> String {
        if name.get_ref().trim().is_empty() {
            self.mistake(name.span(), &format!("this name is empty: {why}"));
        }
        name.into_inner()
    }

    pub(super) fn mistake(&mut self, span: Range<usize>, message: &str) {
        let (line, column) = place(self.text, span.start);
        self.mistakes.push(Mistake { line, column, message: message.to_owned() });
    }
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ', '?', '#', '@']))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in super::super) const SMALL: &str =
        "mode = \"production\"\nterminal = \"H44010000001\"\n[keys]\nsource = \"psam\"\n";

    pub(in super::super) fn mistakes(text: &str) -> Vec<String> {
        match Config::parse("sbkd.toml", text, Path::new("/etc/sbkd")) {
            Err(err) => err.to_string().lines().map(str::to_owned).collect(),
            Ok(_) => Vec::new(),
        }
    }

    #[test]
    fn the_files_that_ship_are_sound() {
        for (name, text) in [
            ("sbkd.toml", include_str!("../../config/sbkd.toml")),
            ("demo.toml", include_str!("../../config/demo.toml")),
        ] {
            Config::parse(name, text, Path::new("/etc/sbkd")).unwrap();
        }
    }

    #[test]
    fn what_is_left_out_is_strict() {
        let config = Config::parse("sbkd.toml", SMALL, Path::new("/etc/sbkd")).unwrap();
        assert_eq!(config.limits, Limits { amount: Fen(0), person_day: Fen(0), count: 0, age_hours: 0 });
        assert!(config.uplink.is_none() && config.api.listen.is_none() && config.api.clients.is_empty());
        assert_eq!(config.state, Path::new("/var/lib/sbkd"));
    }

    #[test]
    fn paths_are_taken_from_the_files_directory() {
        let config = Config::parse("x", &format!("state = \"s\"\n{SMALL}"), Path::new("/etc/sbkd")).unwrap();
        assert_eq!(config.state, Path::new("/etc/sbkd/s"));
    }

    #[test]
    fn a_mistake_of_form_names_its_place() {
        assert!(mistakes(&format!("{SMALL}sauce = 1\n"))[0].starts_with("sbkd.toml:5:1: unknown field"));
        assert!(mistakes("mode = \"test\"\n")[0].starts_with("sbkd.toml:1:8: "));
        assert!(
            mistakes("mode = \"demo\"\nterminal = \"太短\"\n")[0].starts_with("sbkd.toml:2:12: the terminal's name")
        );
        assert!(mistakes("mode = [\n")[0].starts_with("sbkd.toml:"));
        assert!(mistakes(&format!("{SMALL}[limits]\namount = 5\n"))[0].starts_with("sbkd.toml:6:10: "));
    }

    #[test]
    fn all_mistakes_of_meaning_are_told() {
        let text = "mode = \"production\"\nterminal = \"H44010000001\"\nbusiness_date = 2015-08-03\n\
                    [keys]\nsource = \"soft\"\n[api]\nlisten = \"0.0.0.0:80\"\norigins = [\"http://a\", \"b\"]\n\
                    [[api.client]]\nname = \"a\"\npermissions = [\"read\"]\n[uplink]\nurl = \"http://centre.example/\"\n";
        let places: Vec<String> =
            mistakes(text).iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect();
        assert_eq!(
            places,
            ["3:17", "5:10", "5:10", "7:10", "8:24", "9:1", "13:7"].map(|place| format!("sbkd.toml:{place}"))
        );
    }

    #[test]
    fn what_says_nothing_is_a_mistake() {
        let demo = SMALL.replace("production", "demo");
        for (text, at) in [
            (format!("{SMALL}[limits]\namount = \"-5.00\"\nperson_day = \"-0.01\"\n"), &["6:10", "7:14"][..]),
            (format!("business_date = 2015-08-03T10:00:00\n{demo}"), &["1:17"]),
            (format!("business_date = 10:00:00\n{demo}"), &["1:17"]),
            (format!("state = \"\"\n{SMALL}psam_reader = \"\"\n"), &["1:9", "6:15"]),
            (format!("{SMALL}[api]\nsocket = \"\"\n"), &["6:10"]),
            (format!("{SMALL}[paths]\npolicy = \"\"\nanchor = \"\"\n"), &["6:10", "7:10"]),
            (format!("{SMALL}[readers]\nrule = [{{ pattern = \" \", role = \"psam\" }}]\n"), &["6:21"]),
            (
                format!("{SMALL}[[api.client]]\nname = \"\"\ntoken_file = \"\"\npermissions = [\"read\"]\n"),
                &["6:8", "7:14"],
            ),
        ] {
            let found = mistakes(&text);
            let places: Vec<&str> =
                found.iter().map(|line| line.split_once(':').unwrap().1.split(": ").next().unwrap()).collect();
            assert_eq!(places, at, "{text}{found:?}");
        }
    }

    #[test]
    fn times_have_bounds() {
        let places = mistakes(&format!("{SMALL}[cases]\ncard_secs = 0\nkeep = 0\ninput_secs = 86401\n"));
        assert_eq!(places.len(), 3);
        assert!(places[1].starts_with("sbkd.toml:7:8: keep"), "{places:?}");
        let set = Config::parse("x", &format!("{SMALL}[cases]\nconfirm_secs = 9\n"), Path::new("")).unwrap();
        assert_eq!(set.cases, Cases { confirm: Duration::from_secs(9), ..Cases::default() });
    }

    #[test]
    fn an_alarm_has_limits_above_zero() {
        let config = Config::parse("x", &format!("{SMALL}[alarm]\nunsent_count = 9\n"), Path::new("")).unwrap();
        assert_eq!(config.alarm, AlarmLimits { unsent_count: 9, ..AlarmLimits::default() });
        let none = "[alarm]\noldest_unsent_secs = 0\nunsent_count = 0\nunsent_sum = \"0.00\"\n";
        assert_eq!(mistakes(&format!("{SMALL}{none}")).len(), 3);
    }

    #[test]
    fn a_time_of_the_day_has_hours_and_minutes() {
        let set = |at: &str| format!("{SMALL}[reconcile]\nat = \"{at}\"\n");
        let config = Config::parse("x", &set("03:30"), Path::new("")).unwrap();
        assert_eq!(config.reconcile.at, Some(jiff::civil::time(3, 30, 0, 0)));
        for wrong in ["", "3", "24:00", "03:30:00", "03:60"] {
            assert!(mistakes(&set(wrong))[0].starts_with("sbkd.toml:6:6: a time"), "{wrong}");
        }
    }

    #[test]
    fn the_centre_is_reached_by_tls_or_on_this_machine() {
        for (url, fits) in [
            ("http://127.0.0.1:9000/x", true),
            ("http://[::1]:9000", true),
            ("http://localhost", true),
            ("http://localhost.example", false),
            ("http://10.0.0.1", false),
            ("https://centre.example", true),
            ("centre.example", false),
        ] {
            for mode in ["production", "demo"] {
                let text = format!("{}[uplink]\nurl = \"{url}\"\n", SMALL.replace("production", mode));
                assert_eq!(mistakes(&text).is_empty(), fits, "{mode}: {url}");
            }
        }
    }

    #[test]
    fn a_certificate_comes_with_its_key_and_the_centres_key_is_one() {
        let text = |more: &str| format!("{SMALL}[uplink]\nurl = \"https://centre.example\"\n{more}");
        for (more, place) in [
            ("client_cert = \"a\"\n", "7:15"),
            ("client_key = \"a\"\n", "7:14"),
            ("centre_key = \"AB\"\n", "7:14"),
            ("client_cert = \"\"\nclient_key = \"b\"\n", "7:15"),
        ] {
            let found = mistakes(&text(more));
            assert!(found[0].starts_with(&format!("sbkd.toml:{place}: ")), "{found:?}");
        }
        let nats = |url: &str, more: &str| format!("{SMALL}[uplink]\nkind = \"jetstream\"\nurl = \"{url}\"\n{more}");
        let key = format!("centre_key = \"{}\"\n", "AB".repeat(32));
        for (url, more, fits) in [
            ("tls://a:4222,tls://b:4222", key.as_str(), true),
            ("nats://127.0.0.1:4222", &key, true),
            ("tls://a:4222", "", false),
            ("tls://a:4222,nats://b:4222", &key, false),
            ("https://a", &key, false),
        ] {
            assert_eq!(mistakes(&nats(url, more)).is_empty(), fits, "{url} {more}");
        }
        let whole = text("client_cert = \"a\"\nclient_key = \"b\"\nroots = \"c\"\n");
        let uplink = Config::parse("x", &whole, Path::new("/etc/sbkd")).unwrap().uplink.unwrap();
        assert_eq!(uplink.tls.client, Some(("/etc/sbkd/a".into(), "/etc/sbkd/b".into())));
        assert_eq!(uplink.tls.roots, Some("/etc/sbkd/c".into()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_stop(text in "[a-z0-9\\[\\]{}=\"'.,\n社# -]{0,120}") {
            let _ = Config::parse("x", &text, Path::new(""));
        }
    }
}
