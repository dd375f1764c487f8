//! The keys of the journal, each in a file of its own with mode 0600.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use super::place::{self, folder_of};
use super::{QueueError, open};
use crate::world::{Random, disk};

/// The files of a folder of keys.
pub const FILES: [&str; 5] = ["seal.key", "commitment.key", "holder.key", "state.key", "signing.key"];

/// Where systemd keeps a service's credentials while it runs.
const CREDENTIALS: &str = "/run/credentials";

/// What the journal is written with: 32 bytes each, as hex in the files `seal.key`, `commitment.key`, `holder.key`,
/// `state.key` and `signing.key`. Wiped on drop; prints nothing.
#[derive(Clone)]
pub struct QueueKeys {
    /// AES-256-GCM: payloads and answers.
    pub(super) seal: Zeroizing<[u8; 32]>,
    /// HMAC-SHA-256: the header's commitment to its payload.
    pub(super) commitment: Zeroizing<[u8; 32]>,
    /// HMAC-SHA-256: what stands for a holder and for a caller's key.
    pub(super) holder: Zeroizing<[u8; 32]>,
    /// HMAC-SHA-256: states and the anchor.
    pub(super) state: Zeroizing<[u8; 32]>,
    /// Ed25519: commit groups.
    pub(super) signing: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for QueueKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueKeys(…)")
    }
}

impl QueueKeys {
    /// Reads the keys of a folder; makes new ones when it holds none of them.
    ///
    /// # Errors
    /// [`QueueError::Keys`] when some are missing, when a file is not 32 bytes of hex, or when others may read it.
    pub fn load_or_create(dir: &Path, random: &dyn Random) -> Result<Self, QueueError> {
        if FILES.iter().any(|name| !dir.join(name).exists()) || dir.join(MADE).exists() {
            make(dir, random)?;
        }
        Self::load(dir)
    }

    /// Reads the keys of a folder, which may be systemd's `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// As [`QueueKeys::load_or_create`].
    pub fn load(dir: &Path) -> Result<Self, QueueError> {
        let [seal, commitment, holder, state, signing] = FILES.map(|name| read(&dir.join(name)));
        Ok(Self { seal: seal?, commitment: commitment?, holder: holder?, state: state?, signing: signing? })
    }

    /// The public key that proves the journal's signatures.
    pub fn public_key(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.signer().public_key().as_ref());
        out
    }

    /// The key that seals what is kept of writes to cards: another one for each seal key, and not to be led back to it.
    pub fn card_writes(&self) -> Zeroizing<[u8; 32]> {
        derived(&self.seal, b"sbkd-card-writes-1")
    }

    /// The key of the tokens of bank cards: it stays what it is when the seal key is changed.
    pub fn bank_tokens(&self) -> Zeroizing<[u8; 32]> {
        derived(&self.holder, b"sbkd-bank-tokens-1")
    }

    pub(super) fn signer(&self) -> Ed25519KeyPair {
        // Invariant: any 32 bytes are an Ed25519 seed.
        Ed25519KeyPair::from_seed_unchecked(&*self.signing).expect("any 32 bytes are an Ed25519 seed")
    }
}

/// Another key for another use, which does not lead back to the one it is from.
fn derived(key: &[u8; 32], purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    let mut out = Zeroizing::new([0; 32]);
    out.copy_from_slice(ring::hmac::sign(&key, purpose).as_ref());
    out
}

/// Where new keys are made: what a start that was broken off left there is nobody's.
const MAKING: &str = ".making";
/// What that is called once it holds all of them: they are the folder's, and only have to be moved up.
const MADE: &str = ".made";

/// Makes what is missing, one program at a time: of two that begin at once the second would put its keys in the place of
/// those that the first one sealed with by then.
fn make(dir: &Path, random: &dyn Random) -> Result<(), QueueError> {
    let above = above_missing(dir);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed(dir))?;
    let folder = fs::File::open(dir).map_err(failed(dir))?;
    folder.lock().map_err(failed(dir))?;
    if FILES.iter().all(|name| !dir.join(name).exists()) && !dir.join(MADE).exists() {
        create(dir, &above, random)?;
    }
    move_up(dir)
}

/// `above` are folders that there were not before.
fn create(dir: &Path, above: &[&Path], random: &dyn Random) -> Result<(), QueueError> {
    let failed = failed(dir);
    let making = dir.join(MAKING);
    match fs::remove_dir_all(&making) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    fs::DirBuilder::new().mode(0o700).create(&making).map_err(&failed)?;
    for made in [dir, &making] {
        disk::give(made, folder_of(made)).map_err(&failed)?;
    }
    for name in FILES {
        let mut key = Zeroizing::new([0; 32]);
        random.fill(&mut *key)?;
        let text = Zeroizing::new(hex::encode_upper(*key));
        let path = making.join(name);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| disk::give(&path, &making))
            .map_err(&failed)?;
    }
    sync(&making)?;
    fs::rename(&making, dir.join(MADE)).map_err(&failed)?;
    sync(dir)?;
    above.iter().try_for_each(|dir| sync(dir))
}

/// The folders that will hold the names of what is made where a folder is missing: its own, and those above it.
fn above_missing(dir: &Path) -> Vec<&Path> {
    dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).map(folder_of).collect()
}

/// Moves keys that were made to where they belong.
fn move_up(dir: &Path) -> Result<(), QueueError> {
    let made = dir.join(MADE);
    if !made.exists() {
        return Ok(());
    }
    for name in FILES.iter().filter(|name| made.join(name).exists()) {
        fs::rename(made.join(name), dir.join(name)).map_err(failed(dir))?;
    }
    sync(dir)?;
    fs::remove_dir(&made).map_err(failed(dir))?;
    sync(dir)
}

fn failed(dir: &Path) -> impl Fn(io::Error) -> QueueError {
    move |error| not_written(dir, error)
}

/// Why a file of the keys, or its folder, was not written: the disk is no fault of the keys.
pub(super) fn not_written(path: &Path, error: io::Error) -> QueueError {
    let what = format!("{}: {error}", path.display());
    match open::io(error) {
        QueueError::StorageFull => QueueError::StorageFull,
        QueueError::DiskReadOnly(_) => QueueError::DiskReadOnly(what),
        _ => QueueError::Keys(what),
    }
}

/// What was made or renamed in a folder is there after a power cut.
pub(super) fn sync(dir: &Path) -> Result<(), QueueError> {
    place::sync(dir).map_err(failed(dir))
}

pub(super) fn read(path: &Path) -> Result<Zeroizing<[u8; 32]>, QueueError> {
    let bad = |what: &str| QueueError::Keys(format!("{}: {what}", path.display()));
    let mode = fs::metadata(path).map_err(|error| bad(&error.to_string()))?.mode();
    // There the group's right is the mask of an access list that lets one user in.
    let others = if path.starts_with(CREDENTIALS) { 0o037 } else { 0o077 };
    if mode & others != 0 {
        return Err(bad("others may read it"));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| bad(&error.to_string()))?);
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_end(), &mut *key).map_err(|_| bad("not 32 bytes of hex"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::world::SystemRandom;

    #[test]
    fn keys_stay_and_half_of_them_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        let first = QueueKeys::load_or_create(&keys, &SystemRandom::default()).unwrap();
        let again = QueueKeys::load_or_create(&keys, &SystemRandom::default()).unwrap();
        assert_eq!(first.public_key(), again.public_key());
        assert_eq!(*first.seal, *again.seal);
        assert_ne!(*first.seal, *first.state);
        assert_eq!(format!("{first:?}"), "QueueKeys(…)");

        fs::remove_file(keys.join("state.key")).unwrap();
        let lost = QueueKeys::load_or_create(&keys, &SystemRandom::default()).unwrap_err();
        assert!(lost.to_string().contains("state.key"), "{lost}");
    }

    #[test]
    fn programs_that_begin_at_once_have_the_same_keys() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let keys = dir.path().join("state/keys");
            let begun = std::thread::scope(|scope| {
                let load = || QueueKeys::load_or_create(&keys, &SystemRandom::default()).map(|keys| *keys.seal);
                [(); 8].map(|()| scope.spawn(load)).map(|one| one.join().unwrap().map_err(|error| error.to_string()))
            });
            let kept = QueueKeys::load(&keys).map(|keys| *keys.seal).map_err(|error| error.to_string());
            assert!(begun.iter().all(|one| *one == kept), "each has what stays");
        }
    }

    /// A source of randomness that ends after so many keys, as a start that is broken off there.
    #[derive(Debug)]
    struct Ends(std::sync::atomic::AtomicUsize);

    impl Random for Ends {
        fn fill(&self, out: &mut [u8]) -> Result<(), crate::world::NoRandom> {
            match self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) {
                0 => Err(crate::world::NoRandom),
                _ => SystemRandom::default().fill(out),
            }
        }
    }

    #[test]
    fn a_first_start_that_is_broken_off_is_begun_again() {
        for count in 0..FILES.len() {
            let dir = tempfile::tempdir().unwrap();
            let keys = dir.path().join("keys");
            QueueKeys::load_or_create(&keys, &Ends(count.into())).unwrap_err();
            let made = QueueKeys::load_or_create(&keys, &SystemRandom::default()).unwrap();
            assert_eq!(made.public_key(), QueueKeys::load(&keys).unwrap().public_key());
            // Broken off while they are moved to where they belong.
            fs::create_dir(keys.join(MADE)).unwrap();
            for name in &FILES[..count] {
                fs::rename(keys.join(name), keys.join(MADE).join(name)).unwrap();
            }
            let moved = QueueKeys::load_or_create(&keys, &SystemRandom::default()).unwrap();
            assert_eq!((*moved.seal, moved.public_key()), (*made.seal, made.public_key()));
            let mut left: Vec<_> = fs::read_dir(&keys).unwrap().map(|file| file.unwrap().file_name()).collect();
            left.sort();
            let mut files = FILES;
            files.sort_unstable();
            assert_eq!(left, files);
        }
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        QueueKeys::load_or_create(dir.path(), &SystemRandom::default()).unwrap();
        let seal = dir.path().join("seal.key");
        assert_eq!(fs::metadata(&seal).unwrap().mode() & 0o777, 0o600);
        fs::set_permissions(&seal, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(QueueKeys::load(dir.path()), Err(QueueError::Keys(_))));
    }
}
