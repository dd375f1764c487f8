//! From the errors of the rooms below to return codes: each has exactly one (card-facts §5.4). Where the list has none, the
//! nearest is taken, which docs/driver.md tells.

use zeroize::Zeroizing;

use super::Code;
use crate::apdu::StatusWord;
use crate::card::account::AccountError;
use crate::card::pki::SignError;
use crate::card::{CardError, Finding, ValueError};
use crate::cipher::PkiError;
use crate::failure::{Explain, Failure};
use crate::keys::{KeyError, LinkError};
use crate::reader::TransportError;

/// Why a function gave nothing: its code, and what `pOutInfo` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the function returns.
    pub code: Code,
    /// What a person is told. Nothing personal.
    pub text: String,
}

/// What a function gives.
pub type Outcome = Result<Zeroizing<String>, Refused>;

impl Refused {
    /// A code with the words of a failure of ours.
    pub fn by(code: Code, failure: &Failure) -> Self {
        let detail = failure.detail.as_deref().map(|detail| format!("：{detail}")).unwrap_or_default();
        let text = format!("{}{detail}（{}）", failure.entry.message.zh, failure.entry.code);
        Self { code, text }
    }
}

/// In the list's own words.
impl From<Code> for Refused {
    fn from(code: Code) -> Self {
        let text = code.listed().map_or_else(|| format!("卡应答 {:04X}", -code.value()), |listed| listed.zh.to_owned());
        Self { code, text }
    }
}

impl From<&CardError> for Refused {
    fn from(error: &CardError) -> Self {
        Self::by(of_card(error), &error.failure())
    }
}

impl From<&AccountError> for Refused {
    fn from(error: &AccountError) -> Self {
        Self::by(of_account(error), &error.failure())
    }
}

impl From<&SignError> for Refused {
    fn from(error: &SignError) -> Self {
        Self::by(of_signing(error), &error.failure())
    }
}

impl From<&PkiError> for Refused {
    fn from(error: &PkiError) -> Self {
        Self::by(of_pki(error), &error.failure())
    }
}

impl From<&TransportError> for Refused {
    fn from(error: &TransportError) -> Self {
        Self::by(of_transport(error), &error.failure())
    }
}

/// The code of what can go wrong on the way to a card.
pub fn of_transport(error: &TransportError) -> Code {
    match error {
        TransportError::NoReader(_)
        | TransportError::Ambiguous(_)
        | TransportError::Busy(_)
        | TransportError::Reset
        | TransportError::PadRefused(_)
        | TransportError::Other(_) => Code::CONNECTION,
        TransportError::NoPinPad => Code::NOT_SUPPORTED,
        TransportError::NoCard(_) | TransportError::Removed => Code::NO_CARD,
        TransportError::Mute | TransportError::Deadline => Code::MUTE,
        TransportError::ServiceAway => Code::NOT_CONNECTED,
        TransportError::Replay { .. } => Code::UNKNOWN,
    }
}

/// The code of what can go wrong with keys.
pub fn of_keys(error: &KeyError) -> Code {
    if let Some(value) = error.national() {
        return Code::of(value);
    }
    match error {
        KeyError::Transport(TransportError::NoReader(_) | TransportError::NoCard(_) | TransportError::Removed) => {
            Code::NO_PSAM
        }
        KeyError::Transport(error) => of_transport(error),
        KeyError::Unplaced { .. } => Code::of_status(StatusWord::KEY_NOT_FOUND),
        KeyError::NotOffered { .. } | KeyError::NoDebitForm => Code::NOT_SUPPORTED,
        KeyError::SeveralPsams(_) | KeyError::SoftRefused | KeyError::SoftFile(_) => Code::NO_PSAM,
        KeyError::Link(LinkError::Away(_) | LinkError::Refused(_)) => Code::NOT_CONNECTED,
        // What has a number was told above.
        _ => Code::UNKNOWN,
    }
}

/// The code of what can go wrong with a card.
pub fn of_card(error: &CardError) -> Code {
    match error {
        CardError::Transport(error) => of_transport(error),
        CardError::Key(error) => of_keys(error),
        CardError::WrongType(_)
        | CardError::NoAlgorithm
        | CardError::UnknownAlgorithm(_)
        | CardError::Version
        | CardError::Historical(_) => Code::WRONG_TYPE,
        CardError::Blocked => Code::of_status(StatusWord::NOT_SUPPORTED),
        CardError::ApplicationLocked => Code::of_status(StatusWord::APPLICATION_LOCKED),
        CardError::NotGenuine => Code::NOT_GENUINE,
        CardError::Identifier => Code::IDENTIFIER,
        CardError::Garbled { .. } | CardError::Number(_) | CardError::HolderNumber(_) | CardError::Answer(_) => {
            Code::CHECKSUM
        }
        CardError::Name(_) => Code::CHARACTERS,
        CardError::TerminalRefused { left: Some(left) } => Code::of_status(StatusWord(0x63C0 | u16::from(*left))),
        CardError::TerminalRefused { left: None } => Code::of_status(StatusWord(0x6300)),
        // The proof is withheld: the card is as if it had not come.
        CardError::PairHeld => Code::of_status(StatusWord::SECURITY_STATE),
        CardError::KeyLocked => Code::of_status(StatusWord::LOCKED),
        CardError::Status { status, .. } => Code::of_status(*status),
        CardError::ItemGarbled { .. } => Code::CHECKSUM,
        CardError::UnknownItem(_) => Code::PARAMETER,
        CardError::NoFile(_) => Code::of_status(StatusWord::FILE_NOT_FOUND),
        CardError::Never(_) | CardError::PinNeeded => Code::of_status(StatusWord::SECURITY_STATE),
        CardError::NoKey(role) => of_keys(&KeyError::NoKey(role.clone())),
        CardError::PinWrong { .. } => Code::PIN_WRONG,
        CardError::PinLocked => Code::PIN_LOCKED,
        CardError::PinInitial => Code::INITIAL_PIN,
        CardError::PinToInitial => Code::TO_INITIAL_PIN,
        CardError::PinsDiffer => Code::ENTRIES_DIFFER,
        CardError::PinCancelled => Code::CANCELLED,
        CardError::PinTimedOut => Code::TIMED_OUT,
        CardError::PadLength | CardError::PinForm(_) => Code::PIN_LENGTH,
        CardError::NewValue { why: ValueError::Long(_) | ValueError::Marker, .. } => Code::LENGTH,
        CardError::NewValue { .. } => Code::CHARACTERS,
        CardError::Swapped => Code::OTHER_CARD,
        CardError::NotValid(finding) => of_finding(finding),
        // The card went away in the middle: it is completed or undone when it comes again.
        CardError::WriteTorn(error) => of_card(error),
        CardError::PinUnsure(_) => Code::UNKNOWN,
        CardError::NotWritten(_)
        | CardError::HalfWritten(_)
        | CardError::ChangedElsewhere(_)
        | CardError::WriteOpen
        | CardError::WritesLost(_)
        | CardError::WritesUnknown(_) => Code::UNKNOWN,
        CardError::NotAllowed { status, .. }
        | CardError::Protection { status, .. }
        | CardError::Memory { status, .. } => Code::of_status(*status),
        CardError::PairsUnknown(_) | CardError::Script(_) | CardError::Random(_) => Code::UNKNOWN,
    }
}

/// The code of what speaks against a card's use. The list has none of its own: a card of another issuer, category or version
/// is of the wrong type here; one that is refused or out of its time does not fulfil the conditions of use (6985); what is
/// wrong with list or clock says nothing of the card.
fn of_finding(finding: &Finding) -> Code {
    match finding {
        Finding::Issuer | Finding::Category(_) | Finding::Version(_) => Code::WRONG_TYPE,
        Finding::Blacklisted(_) | Finding::Expired(_) | Finding::NotYet(_) => Code::of_status(StatusWord::CONDITIONS),
        Finding::NoList(_) | Finding::ListOld(_) | Finding::Clock(_) => Code::UNKNOWN,
    }
}

/// The code of what can go wrong with the medical account.
pub fn of_account(error: &AccountError) -> Code {
    match error {
        AccountError::Card(error) => of_card(error),
        // Its directory is not there.
        AccountError::None => Code::of_status(StatusWord::FILE_NOT_FOUND),
        AccountError::PinNeeded => Code::of_status(StatusWord::SECURITY_STATE),
        AccountError::Amount => Code::ILLEGAL_INPUT,
        AccountError::Funds => Code::of_status(StatusWord::INSUFFICIENT_FUNDS),
        AccountError::Counter => Code::of_status(StatusWord::COUNTER),
        AccountError::Keys(status) => Code::of_status(*status),
        // None of the list says that it is not known: neither that nothing was paid, nor that another way is to be tried.
        AccountError::Torn { .. } | AccountError::Disputed { .. } | AccountError::Unsettled => Code::UNKNOWN,
        AccountError::Answer(_) => Code::CHECKSUM,
    }
}

/// The code of what can be wrong with a certificate or a signature that is handed in: the list has none for either. A
/// signature that does not verify is as data whose check does not come out; what is not to be taken at all, a certificate
/// that nobody vouches for among it, is illegal input.
pub fn of_pki(error: &PkiError) -> Code {
    match error {
        PkiError::Differs => Code::CHECKSUM,
        PkiError::Certificate
        | PkiError::CertificateKey
        | PkiError::Key
        | PkiError::Signature
        | PkiError::Untrusted(_)
        | PkiError::UserId => Code::ILLEGAL_INPUT,
    }
}

/// The code of what can go wrong when a card signs.
pub fn of_signing(error: &SignError) -> Code {
    match error {
        SignError::Card(error) => of_card(error),
        // Its application is not there.
        SignError::None => Code::of_status(StatusWord::FILE_NOT_FOUND),
        SignError::Length => Code::LENGTH,
        SignError::Certificate(_) | SignError::Differs => Code::CHECKSUM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::Algorithm;
    use crate::profile::KeyRole;

    #[test]
    fn what_the_facts_name_has_the_facts_code() {
        let of = |error: CardError| of_card(&error).value();
        let key = |error: KeyError| of_card(&CardError::Key(error)).value();
        for (code, wanted) in [
            (of(CardError::WrongType(StatusWord::FILE_NOT_FOUND)), -1),
            (of(CardError::Transport(TransportError::NoCard("R".to_owned()))), -2),
            (of(CardError::Transport(TransportError::Removed)), -2),
            (of(CardError::Transport(TransportError::Mute)), -4),
            (of(CardError::Transport(TransportError::Busy(None))), -11),
            (of(CardError::Transport(TransportError::ServiceAway)), -12),
            (of(CardError::Identifier), -20),
            (of(CardError::NotGenuine), -21),
            (key(KeyError::Level), -24),
            (key(KeyError::NoPsam), -2201),
            (key(KeyError::NoAlgorithm(Algorithm::Sm4)), -2202),
            (key(KeyError::NoKey(KeyRole::RKSSSE)), -2203),
            (key(KeyError::NoKey(KeyRole::IRK)), -27272),
            (key(KeyError::NoPurchase), -37891),
            (key(KeyError::Mac), -37634),
            (key(KeyError::Link(LinkError::Away(String::new()))), -12),
            (key(KeyError::Status(StatusWord(0x9403))), -37891),
            (of(CardError::TerminalRefused { left: Some(2) }), -25538),
            (of(CardError::PinWrong { left: 2 }), -51),
            (of(CardError::PinLocked), -52),
            (of(CardError::PinForm(crate::card::PinForm)), -33),
            (of(CardError::PinCancelled), -31),
            (of(CardError::PinTimedOut), -32),
            (of(CardError::PadLength), -33),
            (of(CardError::PinsDiffer), -34),
            (of(CardError::PinInitial), -35),
            (of(CardError::PinToInitial), -36),
            (of(CardError::Swapped), -22),
            (of(CardError::NewValue { item: String::new(), why: ValueError::Text }), -41),
            (of(CardError::NewValue { item: String::new(), why: ValueError::Long(4) }), -42),
            (of(CardError::NotValid(Finding::Blacklisted(None))), -27013),
            (of(CardError::NotValid(Finding::Issuer)), -1),
            (of(CardError::NotValid(Finding::NoList(None))), -999),
            (of(CardError::KeyLocked), -27011),
            (of(CardError::Blocked), -27265),
            (of(CardError::ApplicationLocked), -37635),
            (of(CardError::Status { step: "x", status: StatusWord(0x6700) }), -26368),
        ] {
            assert_eq!(code, wanted);
        }
    }

    #[test]
    fn what_the_account_refuses_follows_the_status_rule() {
        let torn = AccountError::Torn { kind: crate::card::account::Kind::Purchase, sequence: 4 };
        for (error, wanted) in [
            (AccountError::Funds, -37889),
            (AccountError::Counter, -37890),
            (AccountError::Keys(StatusWord::KEY_INDEX), -37891),
            (AccountError::Keys(StatusWord::WRONG_MAC), -37634),
            (AccountError::PinNeeded, -27010),
            (AccountError::None, -27266),
            (AccountError::Amount, -23),
            (AccountError::Answer("a TAC"), -15),
            (AccountError::Unsettled, -999),
            (AccountError::Card(CardError::NotGenuine), -21),
            (torn, -999),
        ] {
            assert_eq!(of_account(&error).value(), wanted, "{error}");
            let goes_on = super::super::FALL_BACK.contains(&of_account(&error));
            assert!(!goes_on, "{error}: no other way of paying is tried");
        }
    }

    #[test]
    fn signatures_and_certificates_have_the_nearest_code() {
        for (error, wanted) in [
            (PkiError::Differs, -15),
            (PkiError::Signature, -23),
            (PkiError::Certificate, -23),
            (PkiError::CertificateKey, -23),
            (PkiError::Untrusted("x"), -23),
        ] {
            assert_eq!(of_pki(&error).value(), wanted, "{error}");
        }
        for (error, wanted) in [
            (SignError::None, -27266),
            (SignError::Length, -42),
            (SignError::Certificate(PkiError::Certificate), -15),
            (SignError::Differs, -15),
            (SignError::Card(CardError::PinWrong { left: 2 }), -51),
            (SignError::Card(CardError::PinLocked), -52),
            (SignError::Card(CardError::PinInitial), -35),
        ] {
            assert_eq!(of_signing(&error).value(), wanted, "{error}");
        }
    }

    #[test]
    fn a_psam_that_is_pulled_is_no_psam_and_a_slow_one_is_not() {
        assert_eq!(of_keys(&KeyError::Transport(TransportError::Removed)), Code::NO_PSAM);
        assert_eq!(of_keys(&KeyError::Transport(TransportError::Mute)), Code::MUTE);
    }

    #[test]
    fn the_words_name_our_code_and_nothing_of_the_card() {
        let refused = Refused::from(&CardError::NotGenuine);
        assert_eq!(refused.text, "卡未通过真伪鉴别（E-CARD-NOT-GENUINE）");
        assert_eq!(Refused::from(Code::NO_CARD).text, "无卡");
        assert_eq!(Refused::from(Code::of_status(StatusWord(0x6985))).text, "卡应答 6985");
    }
}
