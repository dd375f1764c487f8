//! The centre's own certificate, and the roots that its terminals' certificates go back to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::errors::CenterError;
use super::jetstream::Broker;
use crate::wire::Digest;
use crate::wire::signature::sha256;

/// The files of a centre's TLS, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Its certificate, with those between it and the root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The roots that terminals' certificates go back to.
    pub client_roots: PathBuf,
}

/// Takes connections with TLS. Who shows no certificate is let in as far as the token goes: no terminal that is enrolled
/// with a certificate can be anybody without it.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, CenterError> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(roots(&files.client_roots)?);
    let clients = WebPkiClientVerifier::builder_with_provider(roots, ring.clone());
    let clients = clients.allow_unauthenticated().build().map_err(|error| bad(&files.client_roots, error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| bad(&files.key, error))?;
    let settings = ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            let own = certificates(&files.certificate).map_err(|error| rustls::Error::General(error.to_string()))?;
            builder.with_client_cert_verifier(clients).with_single_cert(own, key)
        })
        .map_err(|error| bad(&files.certificate, error))?;
    Ok(TlsAcceptor::from(Arc::new(settings)))
}

/// The settings of its connection to the servers of NATS: their roots, or the system's, and its own certificate.
pub(super) fn to_broker(broker: &Broker) -> Result<ClientConfig, CenterError> {
    let start = |error: rustls::Error| CenterError::Start(error.to_string());
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(ring.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(start)?;
    let builder = match &broker.roots {
        Some(file) => builder.with_root_certificates(roots(file)?),
        None => {
            let system = rustls_platform_verifier::Verifier::new(ring).map_err(start)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(system))
        }
    };
    let Some((certificate, key)) = &broker.client else { return Ok(builder.with_no_client_auth()) };
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, error))?;
    builder.with_client_auth_cert(certificates(certificate)?, private).map_err(|error| bad(certificate, error))
}

fn roots(file: &Path) -> Result<RootCertStore, CenterError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| bad(file, error))?;
    }
    Ok(roots)
}

/// What a certificate is known by: SHA-256 of the first one's DER form.
pub(super) fn fingerprint(file: &Path) -> Result<Digest, CenterError> {
    let all = certificates(file)?;
    all.first().map(|certificate| sha256(certificate)).ok_or_else(|| bad(file, "no certificate in it"))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, CenterError> {
    let all = CertificateDer::pem_file_iter(file).map_err(|error| bad(file, error))?;
    all.collect::<Result<_, _>>().map_err(|error| bad(file, error))
}

fn bad(file: &Path, why: impl std::fmt::Display) -> CenterError {
    CenterError::Start(format!("{}: {why}", file.display()))
}
