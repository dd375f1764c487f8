//! `PKI_SignData` and `PKI_VerifySign`: the holder signs with the card; a signature is held to the certificate of who is
//! said to have made it.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::call::{Carried, Parameters};
use super::{card, reader};
use crate::card::pki::{self, SignError, SigningPin, ToSign};
use crate::national::{Code, Parameter, Refused};
use crate::terminal::inner::Inner;

/// The PIN is the caller's own parameter; what can be wrong without it is looked at before it is tried.
pub(super) fn sign_data(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let driver = &inner.parts.config.driver;
    let strings = driver.unpublished.pki()?;
    let signing = driver.pki.signing.filter(|_| pki::is_known(&inner.scripts)).ok_or(Code::NOT_SUPPORTED)?;
    let kind = parameters.kind()?;
    let message = strings.data(parameters.text(Parameter::Data)?)?;
    let pin = SigningPin::parse(parameters.text(Parameter::UserPin)?, signing.pin).map_err(|_| Code::PIN_LENGTH)?;
    let reader = reader::take(inner, kind)?;
    let what = ToSign { message: &message, user_id: &driver.pki.user_id, hash: signing.hash };
    let signed = card::at(inner, &reader, parameters, None, |card| match card.sign(pin, &what) {
        // The card's own errors say something of reader and keys.
        Err(SignError::Card(error)) => Err(error),
        signed => Ok(signed),
    })?;
    Ok(strings.signed(&signed.map_err(|error| Refused::from(&error))?))
}

/// Needs no card, and sends the PIN nowhere.
pub(super) fn verify_sign(inner: &Arc<Inner>, parameters: &Parameters) -> Carried {
    let driver = &inner.parts.config.driver;
    let strings = driver.unpublished.pki()?;
    parameters.kind()?;
    let certificate = strings.certificate(parameters.text(Parameter::Certificate)?)?;
    let message = strings.data(parameters.text(Parameter::ClearText)?)?;
    let signature = strings.signature(parameters.text(Parameter::Signature)?)?;
    if let Some(issuers) = &inner.issuers {
        let since_1970 = inner.parts.clock.now().as_second();
        let now = Duration::from_secs(u64::try_from(since_1970).unwrap_or_default());
        certificate.vouched_for(issuers, now).map_err(|error| Refused::from(&error))?;
    }
    let verified = certificate.key().verify(&driver.pki.user_id, &message, &signature);
    verified.map_err(|error| Refused::from(&error))?;
    Ok(Zeroizing::default())
}
