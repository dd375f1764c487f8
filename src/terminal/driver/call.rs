//! A call as the door hands it in, and what is given back.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::national::{Code, Function, Kind, Outcome, Parameter};

/// A function and what it is called with, by the parameters' C names.
pub struct DriverCall {
    /// Its name.
    pub function: String,
    /// Its parameters, numbers in digits. Wiped.
    pub parameters: BTreeMap<String, Zeroizing<String>>,
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
}

impl DriverAnswer {
    pub(super) fn of(outcome: Outcome) -> Self {
        match outcome {
            Ok(output) => Self { code: Code::SUCCESS, output },
            Err(refused) => Self { code: refused.code, output: Zeroizing::new(refused.text) },
        }
    }
}

/// The code alone.
impl fmt::Debug for DriverAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DriverAnswer({})", self.code)
    }
}

/// The parameters of a function that is known: all of them, and no others.
pub(super) struct Arguments<'c>(&'c BTreeMap<String, Zeroizing<String>>);

impl<'c> Arguments<'c> {
    /// # Errors
    /// [`Code::NOT_SUPPORTED`] for a function that is not in the interface, [`Code::PARAMETER`] for other parameters.
    pub(super) fn of(call: &'c DriverCall) -> Result<Self, Code> {
        let function = Function::named(&call.function).ok_or(Code::NOT_SUPPORTED)?;
        let wanted = function.parameters;
        let fits = wanted.len() == call.parameters.len()
            && wanted.iter().all(|parameter| call.parameters.contains_key(parameter.name()));
        if fits { Ok(Self(&call.parameters)) } else { Err(Code::PARAMETER) }
    }

    fn text(&self, parameter: Parameter) -> Result<&'c str, Code> {
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

    fn call(function: &str, parameters: &[(&str, &str)]) -> DriverCall {
        let parameters =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), Zeroizing::new((*value).to_owned())));
        DriverCall { function: function.to_owned(), parameters: parameters.collect() }
    }

    #[test]
    fn a_function_has_its_parameters_and_no_others() {
        let of = |call: &DriverCall| Arguments::of(call).and_then(|arguments| arguments.kind());
        assert_eq!(of(&call("iReadCardBas", &[("iType", "3")])), Ok(Kind::ContactFirst));
        for parameters in [&[][..], &[("iType", "1"), ("pKey", "")], &[("pKey", "1")], &[("iType", "5")]] {
            assert_eq!(of(&call("iReadCardBas", parameters)), Err(Code::PARAMETER), "{parameters:?}");
        }
        assert_eq!(of(&call("iGetErrMsg", &[])), Err(Code::NOT_SUPPORTED));
    }

    #[test]
    fn what_is_personal_is_not_printed() {
        let call = call("iReadCardBas_HSM_Step2", &[("pKey", "secret")]);
        let answer = DriverAnswer::of(Ok(Zeroizing::new("secret".to_owned())));
        assert!(!format!("{call:?}{answer:?}").contains("secret"));
    }
}
