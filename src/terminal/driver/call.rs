//! A call as the door hands it in, and what is given back.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::card::Pin;
use crate::card::account::Receipt;
use crate::national::{Code, Function, Kind, Parameter, Refused};

/// A function and what it is called with.
#[derive(Default)]
pub struct DriverCall {
    /// Its name.
    pub function: String,
    /// Its parameters by their C names, numbers in digits. Wiped.
    pub parameters: BTreeMap<String, Zeroizing<String>>,
    /// The PIN, where the caller was told to ask for it. Wiped.
    pub pin: Option<Zeroizing<String>>,
    /// The new one, likewise.
    pub new_pin: Option<Zeroizing<String>>,
    /// The name of the card that they were asked for, as the caller was told it.
    pub card: Option<String>,
    /// Who calls: nobody goes on with another's steps.
    pub client: String,
    /// The number that the caller was told when its steps began.
    pub session: Option<Uuid>,
}

impl DriverCall {
    /// The function's name for a log; what is no function is not repeated.
    pub fn known(&self) -> &'static str {
        Function::named(&self.function).map_or("?", |function| function.name)
    }
}

/// The function alone: the rest may be personal, or a PIN.
impl fmt::Debug for DriverCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DriverCall({})", self.known())
    }
}

/// What a function returns and what it writes to `pOutInfo`.
pub struct DriverAnswer {
    /// 0, or why not.
    pub code: Code,
    /// The output; on failure its description. Wiped.
    pub output: Zeroizing<String>,
    /// What the caller has to have asked of the holder, before it calls again.
    pub ask: Option<Asked>,
    /// The name of the card that it is asked for: the caller brings it with what was entered.
    pub card: Option<String>,
    /// By which number the caller goes on, where the card is held for a next step.
    pub session: Option<Uuid>,
    /// Where it tells what became of a transaction on a card's account: what lets go of that once it was given out
    /// ([`Terminal::driver_told`](crate::terminal::Terminal::driver_told)).
    pub receipt: Option<Receipt>,
}

impl DriverAnswer {
    pub(super) fn of(carried: Carried, session: Option<Uuid>) -> Self {
        let ended = |code, output| Self { code, output, ask: None, card: None, session, receipt: None };
        match carried {
            Ok(output) => ended(Code::SUCCESS, output),
            Err(Stop::Tells { code, output, receipt }) => Self { receipt: Some(receipt), ..ended(code, output) },
            Err(Stop::Refused(refused)) => ended(refused.code, refused.text.into()),
            // As if the holder had not answered, for a caller that asks nobody.
            Err(Stop::Asked(ask, card)) => {
                let refused = Refused::from(Code::CANCELLED);
                Self { ask: Some(ask), card: Some(card), ..ended(refused.code, refused.text.into()) }
            }
        }
    }
}

/// The code alone.
impl fmt::Debug for DriverAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DriverAnswer({})", self.code)
    }
}

/// What the holder is to be asked. Nobody is while a card is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// The PIN.
    Pin,
    /// The PIN, and a new one twice.
    Change,
    /// A new PIN, twice.
    New,
}

/// What a function gives, or how it ended otherwise.
pub(super) type Carried = Result<Zeroizing<String>, Stop>;

/// How a function ended, but for one that gives something and leaves nothing open.
pub(super) enum Stop {
    /// It failed.
    Refused(Refused),
    /// It tells what became of a transaction on a card's account, which is kept until that was given out to this caller
    /// and no other.
    Tells {
        /// 0 for what was carried out now.
        code: Code,
        /// What is told.
        output: Zeroizing<String>,
        /// By which it is let go of.
        receipt: Receipt,
    },
    /// The holder of the card of this name is to be asked first.
    Asked(Asked, String),
}

impl<T: Into<Refused>> From<T> for Stop {
    fn from(refused: T) -> Self {
        Self::Refused(refused.into())
    }
}

/// The parameters of a function: all of them, and no others. Wiped.
pub(super) struct Parameters(DriverCall);

impl Parameters {
    /// # Errors
    /// [`Code::PARAMETER`] for other parameters.
    pub(super) fn of(function: &Function, call: DriverCall) -> Result<Self, Code> {
        let (wanted, given) = (function.parameters, &call.parameters);
        let fits = wanted.len() == given.len() && wanted.iter().all(|parameter| given.contains_key(parameter.name()));
        if fits { Ok(Self(call)) } else { Err(Code::PARAMETER) }
    }

    /// One that the function has.
    pub(super) fn text(&self, parameter: Parameter) -> Result<&str, Code> {
        self.0.parameters.get(parameter.name()).map(|text| text.as_str()).ok_or(Code::PARAMETER)
    }

    /// `iType`.
    pub(super) fn kind(&self) -> Result<Kind, Code> {
        Kind::parse(self.text(Parameter::Type)?).ok_or(Code::PARAMETER)
    }

    /// The PIN that was entered for the card of [`card`](Self::card); `None` where nobody was asked yet.
    pub(super) fn pin(&self) -> Result<Option<Pin>, Code> {
        self.entered(self.0.pin.as_deref())
    }

    /// The new one, likewise.
    pub(super) fn new_pin(&self) -> Result<Option<Pin>, Code> {
        self.entered(self.0.new_pin.as_deref())
    }

    /// Who calls.
    pub(super) fn client(&self) -> &str {
        &self.0.client
    }

    /// The name of the card that the caller was told to ask for.
    pub(super) fn card(&self) -> Option<&str> {
        self.0.card.as_deref()
    }

    /// A PIN that comes without a card's name was asked for by nobody here.
    fn entered(&self, pin: Option<&String>) -> Result<Option<Pin>, Code> {
        let pin = pin.filter(|_| self.0.card.is_some());
        pin.map(|pin| Pin::parse(pin).map_err(|_| Code::PIN_LENGTH)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(parameters: &[(&str, &str)]) -> DriverCall {
        let text = |text: &str| Zeroizing::new(text.to_owned());
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
        DriverCall { function: "iVerifyPIN".to_owned(), parameters, ..DriverCall::default() }
    }

    fn parameters(call: DriverCall) -> Result<Parameters, Code> {
        Parameters::of(Function::named("iVerifyPIN").unwrap(), call)
    }

    #[test]
    fn a_function_has_its_parameters_and_no_others() {
        let of = |given: &[_]| parameters(call(given)).and_then(|parameters| parameters.kind());
        assert_eq!(of(&[("iType", "3")]), Ok(Kind::ContactFirst));
        for given in [&[][..], &[("iType", "1"), ("pKey", "")], &[("pKey", "1")], &[("iType", "5")]] {
            assert_eq!(of(given), Err(Code::PARAMETER), "{given:?}");
        }
    }

    #[test]
    fn a_pin_comes_with_the_name_of_its_card_and_has_the_length_of_one() {
        let of = |pin: &str, card: Option<&str>| {
            let pin = Some(Zeroizing::new(pin.to_owned()));
            let call = DriverCall { pin, card: card.map(str::to_owned), ..call(&[("iType", "1")]) };
            parameters(call).unwrap().pin().map(|pin| pin.is_some())
        };
        for (pin, card, entered) in [
            ("123456", None, Ok(false)),
            ("123", None, Ok(false)),
            ("123", Some("name"), Err(Code::PIN_LENGTH)),
            ("12345a", Some("name"), Err(Code::PIN_LENGTH)),
            ("123456", Some("name"), Ok(true)),
        ] {
            assert_eq!(of(pin, card), entered, "{pin} {card:?}");
        }
    }

    #[test]
    fn who_asks_nobody_is_told_that_nobody_answered() {
        let answer = DriverAnswer::of(Err(Stop::Asked(Asked::New, "name".to_owned())), None);
        assert_eq!(
            (answer.code, answer.ask, answer.card.as_deref()),
            (Code::CANCELLED, Some(Asked::New), Some("name"))
        );
    }

    #[test]
    fn what_is_personal_is_not_printed() {
        let pin = Some(Zeroizing::new("secret".to_owned()));
        let call = DriverCall { pin, ..call(&[("pKey", "secret")]) };
        let answer = DriverAnswer::of(Ok(Zeroizing::new("secret".to_owned())), None);
        assert!(!format!("{call:?}{answer:?}").contains("secret"));
    }
}
