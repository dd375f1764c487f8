//! Certificates (X.509, GM/T 0015) whose keys are SM2's: what they say of a signature, and who vouches for them.

use std::time::Duration;

use x509_cert::der::asn1::{AnyRef, ObjectIdentifier};
use x509_cert::der::oid::AssociatedOid as _;
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::sm2::USER_ID;
use super::{PkiError, Sm2Key, Sm2Signature};

/// id-ecPublicKey, the curve of SM2, and signatures of SM2 over SM3 (GM/T 0006).
const EC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SM2_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
const SM2_WITH_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");

/// A certificate of an SM2 key. Names its holder: printed without anything of it.
pub struct Certificate {
    x509: x509_cert::Certificate,
    /// What its issuer signed, as it stands in the certificate.
    signed: Vec<u8>,
    key: Sm2Key,
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`PkiError::Certificate`] for anything else, or more; [`PkiError::CertificateKey`] where its key is of another kind.
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        let x509 = x509_cert::Certificate::from_der(der).map_err(|_| PkiError::Certificate)?;
        let key = sm2_key(x509.tbs_certificate().subject_public_key_info())?;
        let signed = SliceReader::new(der).and_then(|mut reader| {
            reader.sequence(|reader| {
                let signed = reader.tlv_bytes()?.to_vec();
                // The algorithm and the signature.
                reader.drain(reader.remaining_len())?;
                Ok(signed)
            })
        });
        let signed = signed.map_err(|_: x509_cert::der::Error| PkiError::Certificate)?;
        Ok(Self { x509, signed, key })
    }

    /// The certificate that a file begins with, and its own bytes: what is behind it is filling.
    ///
    /// # Errors
    /// As [`from_der`](Self::from_der).
    pub fn at_start(file: &[u8]) -> Result<(Self, &[u8]), PkiError> {
        let der = SliceReader::new(file).and_then(|mut reader| reader.tlv_bytes());
        let der = der.map_err(|_| PkiError::Certificate)?;
        Ok((Self::from_der(der)?, der))
    }

    /// Its holder's key.
    pub fn key(&self) -> &Sm2Key {
        &self.key
    }

    /// Holds the certificate to those that are trusted: one of them issued it, it holds at `now` (seconds since 1970), it is
    /// for signatures, and it demands nothing that is not looked at here.
    ///
    /// # Errors
    /// [`PkiError::Untrusted`] with what is wrong.
    pub fn vouched_for(&self, trusted: &[Issuer], now: Duration) -> Result<(), PkiError> {
        let mut issuers = trusted.iter().filter(|issuer| issuer.issued(self)).peekable();
        if issuers.peek().is_none() {
            return Err(PkiError::Untrusted("no trusted certificate issued it"));
        }
        if !self.holds_at(now) || !issuers.any(|issuer| issuer.0.holds_at(now)) {
            return Err(PkiError::Untrusted("it, or its issuer's, is not valid now"));
        }
        let usage = self.usage()?;
        if usage.is_some_and(|usage| !usage.digital_signature() && !usage.non_repudiation()) {
            return Err(PkiError::Untrusted("its key is not for signatures"));
        }
        self.demands_nothing_else()
    }

    fn holds_at(&self, now: Duration) -> bool {
        let validity = self.x509.tbs_certificate().validity();
        (validity.not_before.to_unix_duration()..=validity.not_after.to_unix_duration()).contains(&now)
    }

    fn usage(&self) -> Result<Option<KeyUsage>, PkiError> {
        let found = self.x509.tbs_certificate().get_extension::<KeyUsage>().map_err(|_| PkiError::Certificate)?;
        Ok(found.map(|(_, usage)| usage))
    }

    /// A critical extension that is not known makes a certificate one that is not to be used (RFC 5280 §4.2).
    fn demands_nothing_else(&self) -> Result<(), PkiError> {
        let known = [KeyUsage::OID, BasicConstraints::OID, ExtendedKeyUsage::OID];
        let extensions = self.x509.tbs_certificate().extensions().map(Vec::as_slice).unwrap_or_default();
        match extensions.iter().any(|extension| extension.critical && !known.contains(&extension.extn_id)) {
            true => Err(PkiError::Untrusted("it has a critical extension that is not known here")),
            false => Ok(()),
        }
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(..)")
    }
}

/// A certificate that is trusted to issue others.
#[derive(Debug)]
pub struct Issuer(Certificate);

impl Issuer {
    /// Reads the certificate of an authority in DER.
    ///
    /// # Errors
    /// As [`Certificate::from_der`]; [`PkiError::Untrusted`] where it is no authority's, by its own extensions.
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        let certificate = Certificate::from_der(der)?;
        let basic = certificate.x509.tbs_certificate().get_extension::<BasicConstraints>();
        let is_one = basic.map_err(|_| PkiError::Certificate)?.is_some_and(|(_, basic)| basic.ca);
        if !is_one || certificate.usage()?.is_some_and(|usage| !usage.key_cert_sign()) {
            return Err(PkiError::Untrusted("it is not an authority's"));
        }
        certificate.demands_nothing_else()?;
        Ok(Self(certificate))
    }

    /// Whether its holder issued a certificate: it names the one as issuer, and the other's key signed it.
    fn issued(&self, certificate: &Certificate) -> bool {
        let (own, other) = (self.0.x509.tbs_certificate(), certificate.x509.tbs_certificate());
        let algorithm = certificate.x509.signature_algorithm();
        if own.subject() != other.issuer() || algorithm != other.signature() || !is_sm2_with_sm3(algorithm) {
            return false;
        }
        let signature = certificate.x509.signature().as_bytes().map(Sm2Signature::from_der);
        // Authorities sign under the usual identifier, whatever their holders do (GM/T 0015).
        signature.is_some_and(|signature| {
            signature.is_ok_and(|signature| self.0.key.verify(USER_ID, &certificate.signed, &signature).is_ok())
        })
    }
}

fn sm2_key(info: &SubjectPublicKeyInfoOwned) -> Result<Sm2Key, PkiError> {
    let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.decode_as().ok());
    if info.algorithm.oid != EC_KEY || curve != Some(SM2_CURVE) {
        return Err(PkiError::CertificateKey);
    }
    Sm2Key::from_point(info.subject_public_key.as_bytes().ok_or(PkiError::Certificate)?)
}

/// Its parameters are left out, or NULL.
fn is_sm2_with_sm3(algorithm: &AlgorithmIdentifierOwned) -> bool {
    let plain = algorithm.parameters.as_ref().is_none_or(|parameters| AnyRef::from(parameters) == AnyRef::NULL);
    algorithm.oid == SM2_WITH_SM3 && plain
}
