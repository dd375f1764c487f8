//! A call as the door hands it in, and what is given back.

use std::collections::BTreeMap;
use std::fmt;

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::national::{Code, Function, Kind, Parameter, Refused};

/// A function and what it is called with.
pub struct DriverCall {
    /// Its name.
    pub function: String,
    /// Its parameters by their C names, numbers in digits. Wiped.
    pub parameters: BTreeMap<String, Zeroizing<String>>,
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
    /// By which number the caller goes on, where the card is held for a next step.
    pub session: Option<Uuid>,
}

impl DriverAnswer {
    pub(super) fn of(outcome: Result<Zeroizing<String>, Refused>, session: Option<Uuid>) -> Self {
        let (code, output) = match outcome {
            Ok(output) => (Code::SUCCESS, output),
            Err(refused) => (refused.code, Zeroizing::new(refused.text)),
        };
        Self { code, output, session }
    }
}

/// The code alone.
impl fmt::Debug for DriverAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DriverAnswer({})", self.code)
    }
}

/// The parameters of a function: all of them, and no others. Wiped.
pub(super) struct Parameters(BTreeMap<String, Zeroizing<String>>);

impl Parameters {
    /// # Errors
    /// [`Code::PARAMETER`] for other parameters.
    pub(super) fn of(function: &Function, given: BTreeMap<String, Zeroizing<String>>) -> Result<Self, Code> {
        let wanted = function.parameters;
        let fits = wanted.len() == given.len() && wanted.iter().all(|parameter| given.contains_key(parameter.name()));
        if fits { Ok(Self(given)) } else { Err(Code::PARAMETER) }
    }

    /// One that the function has.
    pub(super) fn text(&self, parameter: Parameter) -> Result<&str, Code> {
        self.0.get(parameter.name()).map(|text| text.as_str()).ok_or(Code::PARAMETER)
    }

    /// `iType`.
    pub(super) fn kind(&self) -> Result<Kind, Code> {
        Kind::parse(self.text(Parameter::Type)?).ok_or(Code::PARAMETER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(parameters: &[(&str, &str)]) -> BTreeMap<String, Zeroizing<String>> {
        parameters.iter().map(|(name, value)| ((*name).to_owned(), Zeroizing::new((*value).to_owned()))).collect()
    }

    #[test]
    fn a_function_has_its_parameters_and_no_others() {
        let function = Function::named("iReadCardBas").unwrap();
        let of =
            |parameters: &[_]| Parameters::of(function, given(parameters)).and_then(|parameters| parameters.kind());
        assert_eq!(of(&[("iType", "3")]), Ok(Kind::ContactFirst));
        for parameters in [&[][..], &[("iType", "1"), ("pKey", "")], &[("pKey", "1")], &[("iType", "5")]] {
            assert_eq!(of(parameters), Err(Code::PARAMETER), "{parameters:?}");
        }
    }

    #[test]
    fn what_is_personal_is_not_printed() {
        let call = DriverCall {
            function: "iReadCardBas_HSM_Step2".to_owned(),
            parameters: given(&[("pKey", "secret")]),
            client: "uid:1".to_owned(),
            session: None,
        };
        let answer = DriverAnswer::of(Ok(Zeroizing::new("secret".to_owned())), None);
        assert!(!format!("{call:?}{answer:?}").contains("secret"));
    }
}
