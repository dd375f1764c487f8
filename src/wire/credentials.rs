//! A user's file of credentials with the servers of NATS: a JWT that says who it is and what it may, and the seed of the
//! key that signs what a server asks with. Such JWTs end, so the file is read for each connection: whoever puts a new one
//! in its place need not start anything again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_nats::{Auth, AuthError, ConnectOptions};
use nkeys::KeyPair;
use zeroize::Zeroizing;

/// What is in the file.
struct Credentials {
    jwt: String,
    key: KeyPair,
}

/// The options of a connection that shows the credentials of this file, as they are when it is made.
///
/// # Errors
/// When there are none in it now.
pub fn options(file: &Path) -> io::Result<ConnectOptions> {
    read(file)?;
    let file = PathBuf::from(file);
    Ok(ConnectOptions::with_auth_callback(move |nonce| {
        std::future::ready(shown(&file, &nonce).map_err(AuthError::new))
    }))
}

/// What a server is shown that asks with this nonce.
fn shown(file: &Path, nonce: &[u8]) -> io::Result<Auth> {
    let Credentials { jwt, key } = read(file)?;
    let mut auth = Auth::new();
    auth.signature = Some(key.sign(nonce).map_err(io::Error::other)?);
    auth.jwt = Some(jwt);
    Ok(auth)
}

fn read(file: &Path) -> io::Result<Credentials> {
    let text = Zeroizing::new(fs::read_to_string(file)?);
    let missing = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("no {what} in it"));
    let jwt = block(&text, "USER JWT").ok_or_else(|| missing("user's JWT"))?.to_owned();
    let seed = block(&text, "USER NKEY SEED").ok_or_else(|| missing("seed of a user's key"))?;
    let key = KeyPair::from_seed(seed).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(Credentials { jwt, key })
}

/// The line after the one that begins a block of this name.
fn block<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.starts_with("---") && line.contains("BEGIN") && line.contains(name))?;
    lines.next().filter(|line| !line.is_empty() && !line.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(jwt: &str, seed: &str, end: &str) -> String {
        [
            "-----BEGIN NATS USER JWT-----",
            jwt,
            "------END NATS USER JWT------",
            "",
            "************************* IMPORTANT *************************",
            "-----BEGIN USER NKEY SEED-----",
            seed,
            "------END USER NKEY SEED------",
            "",
        ]
        .join(end)
    }

    #[test]
    fn what_a_server_is_shown_is_what_the_file_has_now() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("terminal.creds");
        for (jwt, end) in [("a.b.c", "\n"), ("d.e-_.f", "\r\n")] {
            let key = KeyPair::new_user();
            fs::write(&file, written(jwt, &key.seed().unwrap(), end)).unwrap();
            let auth = shown(&file, b"nonce").unwrap();
            assert_eq!(auth.jwt.as_deref(), Some(jwt));
            key.verify(b"nonce", &auth.signature.unwrap()).unwrap();
        }
    }

    #[test]
    fn a_file_that_has_no_credentials_is_refused_and_the_refusal_has_nothing_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("terminal.creds");
        assert_eq!(options(&file).unwrap_err().kind(), io::ErrorKind::NotFound);
        let seed = KeyPair::new_user().seed().unwrap();
        let whole = written("a.b.c", &seed, "\n");
        let broken = seed[..seed.len() - 2].to_owned();
        let texts = [
            String::new(),
            "-----BEGIN NATS USER JWT-----".into(),
            written("", &seed, "\n"),
            written("a.b.c", "", "\n"),
            written("a.b.c", &broken, "\n"),
            whole.replace("USER NKEY SEED", "KEY"),
        ];
        for text in texts {
            fs::write(&file, &text).unwrap();
            let error = options(&file).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{text}");
            assert!(!error.to_string().contains(&broken), "{error}");
        }
        fs::write(&file, whole).unwrap();
        options(&file).unwrap();
    }
}
