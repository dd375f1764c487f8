//! A call as the door hands it in, and what is given back.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::card::Pin;
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
    /// By which number the caller goes on, where the card is held for a next step.
    pub session: Option<Uuid>,
}

impl DriverAnswer {
    pub(super) fn of(carried: Carried, session: Option<Uuid>) -> Self {
        match carried {
            Ok(output) => Self { code: Code::SUCCESS, output, ask: None, session },
            Err(Stop::Refused(refused)) => Self { code: refused.code, output: refused.text.into(), ask: None, session },
            // As if the holder had not answered, for a caller that asks nobody.
            Err(Stop::Asked(ask)) => {
                let refused = Refused::from(Code::CANCELLED);
                Self { code: refused.code, output: refused.text.into(), ask: Some(ask), session }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// The PIN.
    Pin,
    /// The PIN, and a new one twice.
    Change,
    /// A new PIN, twice.
    New,
}

/// What a function gives, or why it did not come to its end.
pub(super) type Carried = Result<Zeroizing<String>, Stop>;

/// Why a function did not come to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// It failed.
    Refused(Refused),
    /// The holder is to be asked first.
    Asked(Asked),
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

    /// The PIN that was entered; `asked` where nobody has yet.
    pub(super) fn pin(&self, asked: Asked) -> Result<Pin, Stop> {
        pin(self.0.pin.as_deref(), asked)
    }

    /// The new one.
    pub(super) fn new_pin(&self, asked: Asked) -> Result<Pin, Stop> {
        pin(self.0.new_pin.as_deref(), asked)
    }
}

fn pin(entered: Option<&String>, asked: Asked) -> Result<Pin, Stop> {
    let entered = entered.ok_or(Stop::Asked(asked))?;
    Ok(Pin::parse(entered).map_err(|_| Code::PIN_LENGTH)?)
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
    fn a_pin_is_asked_for_and_then_has_the_length_of_one() {
        let of = |pin: Option<&str>| {
            let pin = pin.map(|pin| Zeroizing::new(pin.to_owned()));
            let parameters = parameters(DriverCall { pin, ..call(&[("iType", "1")]) }).unwrap();
            DriverAnswer::of(parameters.pin(Asked::Pin).map(|_| Zeroizing::default()), None)
        };
        for (pin, code, ask) in [
            (None, Code::CANCELLED, Some(Asked::Pin)),
            (Some("123"), Code::PIN_LENGTH, None),
            (Some("12345a"), Code::PIN_LENGTH, None),
            (Some("123456"), Code::SUCCESS, None),
        ] {
            let answer = of(pin);
            assert_eq!((answer.code, answer.ask), (code, ask), "{pin:?}");
        }
    }

    #[test]
    fn what_is_personal_is_not_printed() {
        let pin = Some(Zeroizing::new("secret".to_owned()));
        let call = DriverCall { pin, ..call(&[("pKey", "secret")]) };
        let answer = DriverAnswer::of(Ok(Zeroizing::new("secret".to_owned())), None);
        assert!(!format!("{call:?}{answer:?}").contains("secret"));
    }
}
