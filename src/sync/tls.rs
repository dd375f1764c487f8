//! TLS to the centre: its roots, and the terminal's own certificate, which may be replaced while the daemon runs.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use zeroize::Zeroizing;

use super::UplinkError;

/// The files of a terminal's TLS, all PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Its certificate with those between it and the root, and its private key, which nobody else may read.
    pub client: Option<(PathBuf, PathBuf)>,
    /// The roots that the centre's certificate may go back to; the system's when absent.
    pub roots: Option<PathBuf>,
}

/// The settings of a connection with TLS 1.2 or 1.3.
pub(super) fn settings(files: &TlsFiles) -> Result<ClientConfig, UplinkError> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(ring.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| UplinkError::Setting(error.to_string()))?;
    let builder = match &files.roots {
        Some(file) => builder.with_root_certificates(roots(file)?),
        None => {
            let system = rustls_platform_verifier::Verifier::new(ring.clone());
            let system = system.map_err(|error| UplinkError::Setting(error.to_string()))?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(system))
        }
    };
    let mut settings = match &files.client {
        Some((certificate, key)) => builder.with_client_cert_resolver(Arc::new(Fresh::load(certificate, key, ring)?)),
        None => builder.with_no_client_auth(),
    };
    // A connection that is resumed shows the certificate of the one before, which may have been replaced since.
    settings.resumption = Resumption::disabled();
    Ok(settings)
}

fn roots(file: &Path) -> Result<RootCertStore, UplinkError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| bad(file, error))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, UplinkError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).map_err(|error| bad(file, error))?.collect();
    let all = all.map_err(|error| bad(file, error))?;
    if all.is_empty() { Err(bad(file, "no certificate in it")) } else { Ok(all) }
}

fn bad(file: &Path, why: impl std::fmt::Display) -> UplinkError {
    UplinkError::Setting(format!("{}: {why}", file.display()))
}

/// The terminal's certificate: its files are looked at for each connection, and read again when they changed.
struct Fresh {
    certificate: PathBuf,
    key: PathBuf,
    ring: Arc<CryptoProvider>,
    kept: Mutex<(Option<[Stamp; 2]>, Arc<CertifiedKey>)>,
}

/// What tells that a file is another one: its place on the disk, its time in seconds and nanoseconds, its length.
type Stamp = (u64, i64, i64, u64);

impl Fresh {
    fn load(certificate: &Path, key: &Path, ring: Arc<CryptoProvider>) -> Result<Self, UplinkError> {
        let kept = Mutex::new((stamps(certificate, key), read(certificate, key, &ring)?));
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), ring, kept })
    }
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl ResolvesClientCert for Fresh {
    fn resolve(&self, _roots: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = stamps(&self.certificate, &self.key);
        if stamps != kept.0 {
            match read(&self.certificate, &self.key, &self.ring) {
                Ok(new) => *kept = (stamps, new),
                // Half replaced: the old one goes on until both are there.
                Err(error) => tracing::warn!(%error, "the terminal's new certificate is not taken up yet"),
            }
        }
        Some(kept.1.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn stamps(certificate: &Path, key: &Path) -> Option<[Stamp; 2]> {
    let stamp = |file| fs::metadata(file).map(|data| (data.ino(), data.mtime(), data.mtime_nsec(), data.len())).ok();
    Some([stamp(certificate)?, stamp(key)?])
}

fn read(certificate: &Path, key: &Path, ring: &CryptoProvider) -> Result<Arc<CertifiedKey>, UplinkError> {
    let mode = fs::metadata(key).map_err(|error| bad(key, error))?.mode();
    if mode & 0o077 != 0 {
        return Err(bad(key, "others may read it"));
    }
    let text = Zeroizing::new(fs::read(key).map_err(|error| bad(key, error))?);
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(|error| bad(key, error))?;
    // It refuses a key that is not the certificate's.
    let certified = CertifiedKey::from_der(certificates(certificate)?, private, ring);
    certified.map(Arc::new).map_err(|error| bad(certificate, error))
}
