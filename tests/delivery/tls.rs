//! Certificates for a test: an authority, its centre's and its terminals'.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use sbkd::{center, sync};

/// An authority with its files in a folder.
pub struct Authority {
    dir: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(dir: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(dir.join("roots.pem"), issuer.pem()).unwrap();
        Self { dir: dir.to_owned(), issuer }
    }

    /// A centre on the loopback.
    pub fn server(&self) -> center::TlsFiles {
        let (certificate, key) = self.issue("centre", ExtendedKeyUsagePurpose::ServerAuth);
        center::TlsFiles { certificate, key, client_roots: self.dir.join("roots.pem") }
    }

    /// A terminal.
    pub fn client(&self, name: &str) -> sync::TlsFiles {
        let client = Some(self.issue(name, ExtendedKeyUsagePurpose::ClientAuth));
        sync::TlsFiles { client, roots: Some(self.dir.join("roots.pem")) }
    }

    /// The same files under another name.
    pub fn copy(&self, from: &str, to: &str) -> sync::TlsFiles {
        let (from, to) = (self.files(from), self.files(to));
        fs::copy(&from.0, &to.0).unwrap();
        fs::copy(&from.1, &to.1).unwrap();
        sync::TlsFiles { client: Some(to), roots: Some(self.dir.join("roots.pem")) }
    }

    fn files(&self, name: &str) -> (PathBuf, PathBuf) {
        (self.dir.join(format!("{name}.pem")), self.dir.join(format!("{name}.key")))
    }

    fn issue(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.files(name);
        let mut params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let pair = KeyPair::generate().unwrap();
        fs::write(&certificate, params.signed_by(&pair, &self.issuer).unwrap().pem()).unwrap();
        fs::write(&key, pair.serialize_pem()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        (certificate, key)
    }
}
