//! Who is trusted to issue certificates: `roots` of `[driver.pki]`.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::cipher::Issuer;
use crate::terminal::folder::read;
use crate::terminal::setup::SetupError;

/// The authorities of a file in PEM.
///
/// # Errors
/// [`SetupError::Place`]: the file cannot be read, has no certificate, or one that is no authority's; which, by its number.
pub(in crate::terminal) fn issuers(file: &Path) -> Result<Vec<Issuer>, SetupError> {
    let bad = |why: String| SetupError::Place(format!("{}: {why}", file.display()));
    let text = read(file)?;
    let mut issuers = Vec::new();
    for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(text.as_bytes())) {
        let certificate = certificate.map_err(|error| bad(format!("certificate {number}: {error}")))?;
        issuers.push(Issuer::from_der(&certificate).map_err(|error| bad(format!("certificate {number}: {error}")))?);
    }
    if issuers.is_empty() { Err(bad("no certificate in it".to_owned())) } else { Ok(issuers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_certificate_of_the_file_is_an_authoritys() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("roots.pem");
        let told = |text: &str| {
            std::fs::write(&file, text).unwrap();
            issuers(&file).map(|issuers| issuers.len()).map_err(|error| error.to_string())
        };
        let authority = include_str!("../../../fixtures/pki/authority.pem");
        assert_eq!(told(&[authority, authority].concat()), Ok(2));
        let bad = |why: &str| Err(format!("{}: {why}", file.display()));
        assert_eq!(told(""), bad("no certificate in it"));
        let key = authority.replace("MIIB", "MIIC");
        assert_eq!(told(&[authority, &key].concat()), bad("certificate 2: not a certificate"));
        let cut = &authority[..authority.len() / 2];
        assert!(told(cut).unwrap_err().starts_with(&format!("{}: certificate 1: ", file.display())));
        std::fs::remove_file(&file).unwrap();
        assert!(issuers(&file).is_err());
    }
}
