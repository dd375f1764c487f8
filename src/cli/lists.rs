//! What the commands of signed lists share: `sbkd blacklist`, `sbkd catalogue`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Problem;
use super::file::{failed, replace};
use super::policy::signing_key;
use crate::rules::SIGNATURE_ENDING;
use crate::store::{ListError, ListKind};
use crate::wire::Digest;

/// Puts a signature beside a list that was found sound; where it is, and the id of the key.
pub(super) fn sign<K: ListKind>(key: &Path, file: &Path, sha256: Digest) -> Result<(PathBuf, String), Problem> {
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
