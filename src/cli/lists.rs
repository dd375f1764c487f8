//! What the commands of signed lists share: `sbkd blacklist`, `sbkd catalogue`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::direct::{self, own_store};
use super::file::{failed, replace};
use super::policy::signing_key;
use super::{Outcome, Problem, Shell, config, errors};
use crate::config::Config;
use crate::rules::{PublicKey, SIGNATURE_ENDING};
use crate::store::{Imported, ListError, ListFile, ListInfo as _, ListKind, Store};
use crate::terminal::list_file;
use crate::wire::Digest;

/// What the commands of one kind of list are told apart by.
pub(super) trait Listed: ListKind {
    /// Those of a terminal.
    type Kept;
    /// What is found of one that is read.
    type Checked: Serialize;
    /// What it is called in JSON.
    const MEMBER: &'static str;
    /// The table of the configuration that says whose are taken in.
    const TABLE: &'static str;
    /// That none was taken in.
    const NONE: &'static str;
    /// That the one in force is older than the configuration has it.
    const OLD: &'static str;

    /// Whose signatures hold, and how old one may be; none where the configuration does not say.
    fn rules(config: &Config) -> Option<Rules>;
    /// Those that a store keeps, with their entries in `folder`.
    fn kept(folder: &Path, store: Arc<Store>) -> Self::Kept;
    /// The one in force, proved.
    fn in_force(kept: &Self::Kept) -> Result<Option<Self::Info>, ListError<Self>>;
    /// Takes one in.
    fn import(
        kept: &Self::Kept,
        list: &mut ListFile,
        keys: &[PublicKey],
    ) -> Result<Imported<Self::Info>, ListError<Self>>;
    /// Reads all of one, and its SHA-256.
    fn check(list: &mut ListFile) -> Result<(Self::Checked, Digest), ListError<Self>>;
    /// The one in force, for a person.
    fn line(info: &Self::Info) -> String;
    /// What was found of one, for a person.
    fn found(checked: &Self::Checked) -> String;
}

/// What the configuration says of a kind of list.
pub(super) struct Rules {
    pub(super) keys: Vec<PublicKey>,
    pub(super) max_age: Option<Duration>,
}

/// Takes a list in.
pub(super) fn import<K: Listed>(file: &Path, shell: &Shell) -> Outcome {
    let (config, rules) = configured::<K>(shell)?;
    let kept = opened::<K>(&config)?;
    let taken = list_file(file).and_then(|mut list| K::import(&kept, &mut list, &rules.keys));
    let taken = taken.map_err(|error| told(&error))?;
    shell.show(&taken, || {
        let what =
            if taken.changed { "已启用 / taken in" } else { "已在使用，没有变化 / in force already" };
        format!("{what}\n{}", K::line(&taken.list))
    });
    Ok(())
}

/// Proves the list in force and says what it is.
pub(super) fn status<K: Listed>(shell: &Shell) -> Outcome {
    let (config, rules) = configured::<K>(shell)?;
    let list = match there::<K>(&config)? {
        Some(kept) => K::in_force(&kept).map_err(|error| told(&error))?,
        None => None,
    };
    let now = Timestamp::now();
    let age = list.as_ref().map(|list| list.age_secs(now));
    let old = list.as_ref().is_some_and(|list| list.is_older(rules.max_age, now));
    shell.show(&json!({ K::MEMBER: list, "age_secs": age, "old": old }), || match &list {
        None => K::NONE.to_owned(),
        Some(list) if old => format!("{}\n{}", K::line(list), K::OLD),
        Some(list) => K::line(list),
    });
    Ok(())
}

/// Signs a list once it is found sound: a signature beside one that no terminal takes helps nobody.
pub(super) fn signed<K: Listed>(key: &Path, file: &Path, shell: &Shell) -> Outcome {
    let checked = list_file(file).and_then(|mut list| K::check(&mut list));
    let (checked, sha256) = checked.map_err(|error| told(&error))?;
    let (signature, id) = sign::<K>(key, file, sha256)?;
    shell.show(&json!({ "key": id, "signed": signature, K::MEMBER: checked }), || {
        format!("{}  {id}\n{}", signature.display(), K::found(&checked))
    });
    Ok(())
}

/// The configuration, which says whose lists are taken in.
pub(super) fn configured<K: Listed>(shell: &Shell) -> Result<(Config, Rules), Problem> {
    let config = config::in_force(shell)?;
    let rules = config.as_ref().and_then(K::rules);
    let none = || Problem::with(&errors::USAGE, format!("no configuration has {}", K::TABLE));
    config.zip(rules).ok_or_else(none)
}

/// Nothing where there is no store yet: who only looks makes none.
pub(super) fn there<K: Listed>(config: &Config) -> Result<Option<K::Kept>, Problem> {
    match direct::store_of(config).try_exists() {
        Ok(false) => Ok(None),
        _ => opened::<K>(config).map(Some),
    }
}

fn opened<K: Listed>(config: &Config) -> Result<K::Kept, Problem> {
    let store = own_store(&direct::store_of(config))?;
    Ok(K::kept(&config.state, Arc::new(store)))
}

/// Puts a signature beside a list that was found sound; where it is, and the id of the key.
fn sign<K: ListKind>(key: &Path, file: &Path, sha256: Digest) -> Result<(PathBuf, String), Problem> {
    let key = signing_key(key)?;
    let mut signature = file.as_os_str().to_owned();
    signature.push(SIGNATURE_ENDING);
    let signature = PathBuf::from(signature);
    if signature.is_symlink() {
        return Err(failed(&signature, &std::io::Error::other("a link: no signature is written through it")));
    }
    replace(&signature, &key.sign(&K::SIGNED, sha256))?;
    Ok((signature, key.public().id()))
}

/// A failure with the places of what is wrong with the file.
pub(super) fn told<K: ListKind>(error: &ListError<K>) -> Problem {
    let problem = Problem::from_error(error);
    match error.diagnostics() {
        [] => problem,
        mistakes @ [_] => problem.and("diagnostics", json!(mistakes)),
        // A line each, as other programs read them.
        mistakes => problem.and("diagnostics", json!(mistakes)).as_lines(),
    }
}
