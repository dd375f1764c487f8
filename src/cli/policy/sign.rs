//! `sbkd policy keygen`, `sign`, `verify`: who stands behind a pack.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use zeroize::Zeroizing;

use super::packs;
use crate::cli::file::{beside, exists, failed, keep_new, replace};
use crate::cli::{Outcome, Problem, Shell, config, errors};
use crate::rules::{Packs, PublicKey, SigningKey, Source, Trust, sign_pack};
use crate::terminal::{open_regular, read_file};
use crate::world::SystemRandom;

/// Far above what a key takes.
const LARGEST_KEY: u64 = 64 * 1024;

/// Makes a key: the private one at `out`, the public one beside it.
pub(super) fn keygen(out: &Path, shell: &Shell) -> Outcome {
    let random = SystemRandom::default();
    let made = SigningKey::make(&random).map_err(|error| Problem::with(&errors::RUNTIME, error.to_string()))?;
    let public = SigningKey::read(&made).map_err(|error| no_key(out, error))?.public();
    let public_file = beside(out, ".pub");
    // Where there is one of them already, nothing is touched.
    if public_file.symlink_metadata().is_ok() {
        return Err(exists(&public_file));
    }
    keep_new(out, &made, 0o600)?;
    keep_new(&public_file, format!("{public}\n").as_bytes(), 0o644)?;
    let value = json!({ "private": out, "public": public_file, "key": public.to_string(), "id": public.id() });
    shell.show(&value, || {
        format!(
            "{}：私钥，妥善保管 / private, keep it safe\n{}：公钥 / public\n{public}\n编号 / id {}",
            out.display(),
            public_file.display(),
            public.id()
        )
    });
    Ok(())
}

/// Signs each pack, once it is found sound: a signature beside one that no terminal takes helps nobody.
pub(super) fn sign(key: &Path, paths: &[PathBuf], shell: &Shell) -> Outcome {
    let key = private(key)?;
    let files = packs::read(paths)?;
    let mistakes: Vec<_> = files
        .sources
        .iter()
        .flat_map(|pack| match Packs::load(&[(pack.file.clone(), pack.text.clone())]) {
            Ok(packs) => packs.without_cases(),
            Err(mistakes) => mistakes,
        })
        .collect();
    packs::sound(&files, if mistakes.is_empty() { Ok(()) } else { Err(mistakes) })?;
    let packs = files.sources;
    // What could not be replaced is told before any is.
    if let Some(link) = packs.iter().map(|pack| PathBuf::from(pack.signature_file())).find(|file| file.is_symlink()) {
        return Err(failed(&link, &std::io::Error::other("a link: no signature is written through it")));
    }
    for pack in &packs {
        replace(Path::new(&pack.signature_file()), &sign_pack(&key, pack.text.as_bytes()))?;
    }
    let signed: Vec<String> = packs.iter().map(Source::signature_file).collect();
    let id = key.public().id();
    shell.show(&json!({ "key": id, "signed": signed }), || {
        signed.iter().map(|file| format!("{file}  {id}\n")).collect::<String>()
    });
    Ok(())
}

/// Looks at the signature of each pack, and fails when one does not hold.
pub(super) fn verify(keys: &[String], paths: &[PathBuf], shell: &Shell) -> Outcome {
    let keys = if keys.is_empty() { configured(shell)? } else { public(keys)? };
    let trust = Trust { keys, required: true };
    let (mut lines, mut packs, mut wrong) = (String::new(), Vec::new(), Vec::new());
    let files = packs::read(paths)?;
    for mistake in files.wrong() {
        lines += &format!("✘ {mistake}\n");
        wrong.push(mistake.to_string());
        packs.push(json!({ "file": mistake.file, "signed_by": null, "mistake": mistake }));
    }
    for pack in files.sources {
        let signer = trust.signer(&pack);
        lines += &match &signer {
            Ok(signer) => format!("✔ {}  {}\n", pack.file, signer.as_deref().unwrap_or_default()),
            Err(mistake) => format!("✘ {mistake}\n"),
        };
        let (signed_by, mistake) = (signer.as_ref().ok().cloned().flatten(), signer.err());
        packs.push(json!({ "file": pack.file, "signed_by": signed_by, "mistake": mistake }));
        wrong.extend(mistake.map(|mistake| mistake.to_string()));
    }
    if wrong.is_empty() {
        shell.show(&json!({ "ok": true, "packs": packs }), || lines);
        return Ok(());
    }
    shell.step(lines.trim_end());
    Err(Problem::with(&errors::SIGNATURE, wrong.join("\n")).and("packs", json!(packs)))
}

/// Public keys as they are named at the command line: a file that holds one, or the key itself.
pub(super) fn public(named: &[String]) -> Result<Vec<PublicKey>, Problem> {
    named.iter().map(|named| named.parse().or_else(|_| public_of(Path::new(named)))).collect()
}

fn public_of(file: &Path) -> Result<PublicKey, Problem> {
    let bytes = Zeroizing::new(read_file(file, LARGEST_KEY).map_err(|error| failed(file, &error))?);
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    text.trim().parse().map_err(|error| match SigningKey::read(&bytes) {
        Ok(_) => no_key(file, "a private key; the public one is wanted, which lies in the file that ends in .pub"),
        Err(_) => no_key(file, error),
    })
}

/// The keys that this terminal trusts.
fn configured(shell: &Shell) -> Result<Vec<PublicKey>, Problem> {
    let keys = config::in_force(shell)?.map(|config| config.packs.trust.keys).unwrap_or_default();
    if keys.is_empty() {
        return Err(Problem::with(&errors::USAGE, "--key is wanted: no configuration has keys in [policy]"));
    }
    Ok(keys)
}

/// The key that signs, from a file that is nobody else's.
pub(in crate::cli) fn private(file: &Path) -> Result<SigningKey, Problem> {
    let open = open_regular(file).map_err(|error| failed(file, &error))?;
    let rights = open.metadata().map_err(|error| failed(file, &error))?.mode() & 0o777;
    if rights & 0o077 != 0 {
        return Err(no_key(file, format!("mode {rights:04o}, not 0600")));
    }
    // Room for all of it from the first: what a growing one leaves behind is not wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    open.take(LARGEST_KEY).read_to_end(&mut bytes).map_err(|error| failed(file, &error))?;
    SigningKey::read(&bytes).map_err(|error| no_key(file, error))
}

fn no_key(file: &Path, why: impl std::fmt::Display) -> Problem {
    Problem::with(&errors::KEY, format!("{}: {why}", file.display()))
}
