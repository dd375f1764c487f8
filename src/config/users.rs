//! `[[api.user]]`: what users of this machine may do at the socket besides what their group may.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::load::Check;
use super::parts::Permission;

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserTable {
    uid: Spanned<u32>,
    permissions: BTreeSet<Permission>,
}

impl Check<'_> {
    pub(super) fn users(&mut self, users: Vec<UserTable>) -> BTreeMap<u32, BTreeSet<Permission>> {
        let mut all = BTreeMap::new();
        for UserTable { uid, permissions } in users {
            if permissions.is_empty() || all.insert(*uid.get_ref(), permissions).is_some() {
                self.mistake(uid.span(), "a user is named once, with permissions");
            }
        }
        all
    }

    /// A client of the HTTP door has none of those that count at the socket alone.
    pub(super) fn no_token_gives(&mut self, permissions: &BTreeSet<Permission>, place: Range<usize>) {
        if permissions.iter().any(|permission| Permission::AT_SOCKET.contains(permission)) {
            self.mistake(place, "pin, write and account are given at the socket alone: [[api.user]]");
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
    fn a_user_may_what_is_written_and_a_token_gives_no_pin() {
        let text = format!("{SMALL}[[api.user]]\nuid = 1001\npermissions = [\"pin\", \"account\"]\n");
        let users = Config::parse("x", &text, Path::new("/")).unwrap().api.users;
        assert_eq!(users, BTreeMap::from([(1001, BTreeSet::from([Permission::Pin, Permission::Account]))]));
        let place = |lines: &str| mistakes(&format!("{SMALL}{lines}")).first().map(|line| line[..14].to_owned());
        let twice = "[[api.user]]\nuid = 1\npermissions = [\"pin\"]\n".repeat(2);
        assert_eq!(place(&twice).as_deref(), Some("sbkd.toml:9:7:"));
        assert_eq!(place("[[api.user]]\nuid = 1\npermissions = []\n").as_deref(), Some("sbkd.toml:6:7:"));
        for name in ["pin", "write", "account"] {
            let client = format!("[[api.client]]\nname = \"a\"\ntoken_file = \"t\"\npermissions = [\"{name}\"]\n");
            assert_eq!(place(&client).as_deref(), Some("sbkd.toml:5:1:"), "{name}");
        }
        assert!(place("[[api.user]]\nuid = 1\npermissions = [\"driver\"]\n").is_some(), "[driver] says who may");
    }
}
