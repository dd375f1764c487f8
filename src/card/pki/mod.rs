//! The card's own signature, by the key in its application of certificates (card-facts §1.1, grade B).
//!
//! How a card is told to sign is not public: which PIN it asks for, in which form, by which commands, and whether it makes
//! the digest. So the commands are in the script `pki`, which a deployment has from whoever issues its cards, and the rest
//! is [`Signing`]. Whatever they say, a signature is given out only where it verifies by the card's own certificate.

mod errors;

pub use errors::{ENTRIES, SignError};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::open::Card;
use super::pin::answered;
use super::session::output;
use super::{CardError, Pin, PinForm};
use crate::apdu::StatusWord;
use crate::cipher::{Certificate, Sm2Signature};
use crate::profile::FileName;
use crate::script::{Library, Vars};

/// The script, and the directory and file that errors name the certificate by.
const SCRIPT: &str = "pki";
const CERTIFICATE: (&str, u8) = ("PKI", 0x18);
/// The most bytes of the certificate's file that are read.
const LARGEST: u16 = 4096;
/// The most that one command brings to the card.
const MOST: usize = 255;

/// What of a card's signature is not public, beside its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signing {
    /// Who makes the digest.
    pub hash: HashedBy,
    /// What the card takes for a PIN.
    pub pin: PinCode,
}

/// Who makes the digest that is signed, SM3 over Z and the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HashedBy {
    /// The terminal, by the card's certificate: the card is sent 32 bytes.
    Terminal,
    /// The card: it is sent the message.
    Card,
}

/// What the application takes for a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PinCode {
    /// Digits in packed BCD, as the card's own PIN.
    Digits,
    /// Characters as they are, in ASCII.
    Characters,
}

/// The PIN of a signature, used up by its one attempt. Wiped on drop, never printed.
pub struct SigningPin {
    pub(super) sent: Zeroizing<Vec<u8>>,
    /// The same, where it can be one of the card's initial PINs.
    digits: Option<Pin>,
}

/// What is to be signed, and how.
pub struct ToSign<'a> {
    /// The message.
    pub message: &'a [u8],
    /// The signer's identifier (GM/T 0009).
    pub user_id: &'a str,
    /// Who makes the digest.
    pub hash: HashedBy,
}

/// A signature of the card's holder. Prints nothing of it.
pub struct Signed {
    /// The signature.
    pub signature: Sm2Signature,
    /// The certificate that it verifies by, in DER. Names the holder.
    pub certificate: Zeroizing<Vec<u8>>,
}

impl SigningPin {
    /// A PIN from what a person entered.
    ///
    /// # Errors
    /// [`PinForm`] for other than 4 to 16 digits, or characters.
    pub fn parse(text: &str, code: PinCode) -> Result<Self, PinForm> {
        let digits = Pin::parse(text);
        let sent = match code {
            PinCode::Digits => digits.as_ref().map_err(|form| *form)?.packed(),
            PinCode::Characters => Some(text.as_bytes())
                .filter(|bytes| (4..=16).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic))
                .ok_or(PinForm)?,
        };
        Ok(Self { sent: Zeroizing::new(sent.to_vec()), digits: digits.ok() })
    }
}

impl std::fmt::Debug for SigningPin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningPin(…)")
    }
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signed(…)")
    }
}

/// Whether there is a script that says how a card signs.
pub fn is_known(scripts: &Library) -> bool {
    scripts.flow(SCRIPT, "sign").is_ok()
}

impl Card<'_> {
    /// Has the holder sign: one attempt with the PIN, once what can be wrong without it was looked at. The signature
    /// was verified by the card's certificate.
    ///
    /// # Errors
    /// [`SignError::None`] for a card without the application; [`CardError::PinWrong`], [`CardError::PinLocked`] and
    /// [`CardError::PinInitial`]; [`CardError::NotValid`] before the PIN is tried, where the card may not be used;
    /// [`SignError::Differs`] where what the card gave is no signature of this message.
    pub fn sign(&mut self, pin: SigningPin, what: &ToSign<'_>) -> Result<Signed, SignError> {
        self.must_be_valid()?;
        if pin.digits.as_ref().is_some_and(|pin| self.is_initial(pin)) {
            return Err(CardError::PinInitial.into());
        }
        if what.hash == HashedBy::Card && !(1..=MOST).contains(&what.message.len()) {
            return Err(SignError::Length);
        }
        self.enter_certificates()?;
        let before = match self.signing_certificate() {
            // A card may show it to its holder alone.
            Err(SignError::Card(CardError::NotAllowed { .. })) => None,
            certificate => Some(certificate?),
        };
        self.verify_signing_pin(pin)?;
        let (certificate, der) = match before {
            Some(certificate) => certificate,
            None => self.signing_certificate()?,
        };
        let mut vars = match what.hash {
            HashedBy::Card => Vars::new().with("data", what.message),
            HashedBy::Terminal => {
                let digest = certificate.key().digest(what.user_id, what.message);
                Vars::new().with("data", &digest.map_err(SignError::Certificate)?)
            }
        };
        self.session.run(SCRIPT, "sign", &mut vars).map_err(CardError::of_use)?;
        let signature = signature(output(&vars, "signature")?)?;
        let verified = certificate.key().verify(what.user_id, what.message, &signature);
        verified.map_err(|_| SignError::Differs)?;
        Ok(Signed { signature, certificate: der })
    }

    /// Selects the application. It lies beside the environment: what keys gave is gone.
    fn enter_certificates(&mut self) -> Result<(), SignError> {
        self.session.ahead = None;
        self.proven.directory.clear();
        self.proven.keys.clear();
        match self.session.run(SCRIPT, "select", &mut Vars::new()) {
            Ok(status) if status.is_ok() => Ok(()),
            Ok(StatusWord::FILE_NOT_FOUND) | Err(CardError::Status { status: StatusWord::FILE_NOT_FOUND, .. }) => {
                Err(SignError::None)
            }
            Ok(status) => Err(CardError::Status { step: "select", status }.of_use().into()),
            Err(error) => Err(error.of_use().into()),
        }
    }

    /// The certificate and its bytes.
    fn signing_certificate(&mut self) -> Result<(Certificate, Zeroizing<Vec<u8>>), SignError> {
        let (directory, ef) = CERTIFICATE;
        self.session.run(SCRIPT, "select-certificate", &mut Vars::new()).map_err(CardError::of_use)?;
        let file = self.session.binary(&FileName::new(directory, ef), 0, LARGEST).map_err(CardError::of_use)?;
        let (certificate, der) = Certificate::at_start(&file).map_err(SignError::Certificate)?;
        let der = Zeroizing::new(der.to_vec());
        Ok((certificate, der))
    }

    /// One attempt. Whatever the command is: the right that it gives ends with the lease.
    fn verify_signing_pin(&mut self, pin: SigningPin) -> Result<(), CardError> {
        self.session.parts.lease.gains_a_right();
        let mut vars = Vars::new().with("pin", &pin.sent);
        let status = match self.session.run(SCRIPT, "verify", &mut vars) {
            // A refusal is one whether the script has a line for it or not.
            Err(CardError::Status { status, .. }) if status.tries_left().is_some() || status == StatusWord::LOCKED => {
                status
            }
            ended => ended.map_err(CardError::of_use)?,
        };
        answered(status)?;
        // A script may end there on what is no success.
        if status.is_ok() { Ok(()) } else { Err(CardError::Status { step: "verify", status }.of_use()) }
    }
}

/// A signature as a card gives it: r ‖ s, or both in DER.
fn signature(bytes: &[u8]) -> Result<Sm2Signature, SignError> {
    let signature = Sm2Signature::from_raw(bytes).or_else(|_| Sm2Signature::from_der(bytes));
    signature.map_err(|_| SignError::Differs)
}
