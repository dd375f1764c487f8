//! The functions whose keys are in the caller's own security module: what it would be asked is given to the caller step by
//! step, and what it says is what the next step is called with (card-facts §4.5).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use zeroize::Zeroizing;

use super::call::Parameters;
use super::steps::Steps;
use crate::card::{self, CardError};
use crate::keys::{Hsm, HsmLink, HsmSettings, KeyError, LinkError};
use crate::national::{self, Code, Function, Outcome, Parameter, Refused};
use crate::reader::Lease;
use crate::terminal::inner::Inner;
use crate::wire::hsm::{Question, Text};

/// The caller as the way to its security module.
struct Caller {
    steps: Arc<Steps>,
    /// The functions' name without the step.
    group: &'static str,
    /// Which step was called last.
    step: AtomicUsize,
}

impl Caller {
    fn new(steps: &Arc<Steps>, group: &'static str) -> Arc<Self> {
        Arc::new(Self { steps: Arc::clone(steps), group, step: AtomicUsize::new(1) })
    }
}

impl HsmLink for Caller {
    /// However long it takes, the card is held no longer than from the first step on.
    fn ask(&self, question: &Question, _within: Duration) -> Result<Text, LinkError> {
        let step = self.step.fetch_add(1, Ordering::Relaxed) + 1;
        let next = Function::named(&format!("{}_Step{step}", self.group));
        let next = next.ok_or_else(|| LinkError::Away(format!("{} has no step {step}", self.group)))?;
        let output = Zeroizing::new(question.string.reveal().to_owned());
        let away = |refused: Refused| LinkError::Away(refused.text);
        let parameters = self.steps.ask(output, next.name).map_err(away)?;
        let key = parameters.text(Parameter::Key).map_err(|code| LinkError::Malformed(code.to_string()))?;
        Ok(Text::from(key.to_owned()))
    }

    /// All callers' security modules together: which one it was, no string says.
    fn identity(&self) -> Vec<u8> {
        b"driver".to_vec()
    }
}

/// `iReadCardBas_HSM_Step1` and `_Step2`.
pub(super) fn read_card_bas(inner: &Arc<Inner>, lease: &mut Lease, _: &Parameters, steps: &Arc<Steps>) -> Outcome {
    let driver = &inner.parts.config.driver;
    let settings = HsmSettings { dialect: driver.dialect.clone(), ..HsmSettings::default() };
    let mut keys = Hsm::new(Caller::new(steps, "iReadCardBas_HSM"), Arc::new(settings));
    let reading = card::read(inner.card_parts(lease, &mut keys), &mut |_| {}).map_err(|error| refused(&error))?;
    Ok(national::basic(&reading, None, &driver.device)?)
}

/// What is the caller's to answer for has codes of its own.
fn refused(error: &CardError) -> Refused {
    let code = match error {
        CardError::NotGenuine => Code::HSM_DIFFERS,
        CardError::Key(KeyError::Link(LinkError::Malformed(_))) => Code::ILLEGAL_INPUT,
        _ => return Refused::from(error),
    };
    Refused { code, ..Refused::from(error) }
}
