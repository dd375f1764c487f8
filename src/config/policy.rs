//! `[policy]`: whose packs are taken.

use std::time::Duration;

use super::load::Check;
use super::parts::Packs;
use super::tables::PolicyTable;
use crate::rules::Trust;

impl Check<'_> {
    /// Nobody signed what is built in, so that a terminal which takes nothing unsigned has a directory of its own.
    pub(super) fn packs(&mut self, policy: PolicyTable, own: bool) -> Packs {
        let keys = self.public_keys(policy.keys);
        let required = policy.require_signature.filter(|required| *required.get_ref());
        if let Some(written) = &required {
            if keys.is_empty() {
                self.mistake(written.span(), "signatures are required, and keys names nobody whose they could be");
            }
            if !own {
                self.mistake(written.span(), "the built-in packs are not signed: name a directory in paths.policy");
            }
        }
        Packs {
            trust: Trust { keys, required: required.is_some() },
            poll: self.seconds(policy.poll_secs.as_ref(), Duration::from_secs(5)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::config::load::tests::{SMALL, mistakes};

    #[test]
    fn who_takes_signed_packs_alone_says_whose() {
        let key = |digit: char| format!("\"{}\"", digit.to_string().repeat(64));
        let with = |policy: &str| format!("{SMALL}[paths]\npolicy = \"p\"\n[policy]\n{policy}\n");
        let parsed = |text: &str| Config::parse("x", text, Path::new("/etc/sbkd")).unwrap().packs;
        assert_eq!(parsed(SMALL), Packs { trust: Trust::default(), poll: Duration::from_secs(5) });
        let both =
            parsed(&with(&format!("keys = [{}, {}]\nrequire_signature = true\npoll_secs = 1", key('a'), key('B'))));
        assert_eq!((both.trust.keys.len(), both.trust.required, both.poll), (2, true, Duration::from_secs(1)));
        let places = |text: &str| {
            mistakes(text).iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let doubled = with(&format!("keys = [{}, {}, \"1\"]", key('a'), key('A')));
        assert_eq!(places(&doubled), ["sbkd.toml:8:77", "sbkd.toml:8:145"]);
        assert_eq!(places(&with("require_signature = true")), ["sbkd.toml:8:21"]);
        assert_eq!(places(&with("require_signature = false")), [""; 0]);
        assert_eq!(places(&with("poll_secs = 0")), ["sbkd.toml:8:13"]);
        let built_in = format!("{SMALL}[policy]\nkeys = [{}]\nrequire_signature = true\n", key('a'));
        assert!(mistakes(&built_in)[0].contains("paths.policy"), "{:?}", mistakes(&built_in));
    }
}
