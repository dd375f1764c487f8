//! The functions whose keys are in the caller's own security module: what it would be asked is given to the caller step by
//! step, and what it says is what the next step is called with (card-facts §4.5).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use zeroize::Zeroizing;

use super::call::{Carried, Parameters};
use super::proven::By;
use super::steps::Steps;
use crate::card::CardError;
use crate::config::Driver;
use crate::failure::Explain as _;
use crate::keys::{Hsm, HsmLink, HsmSettings, KeyError, KeySource, LinkError};
use crate::national::{self, Code, Function, Parameter, Refused};
use crate::profile::KeyRole;
use crate::reader::Lease;
use crate::terminal::inner::{Inner, lock};
use crate::wire::hsm::{Question, Text};

/// The caller as the way to its security module.
pub(super) struct Caller {
    steps: Arc<Steps>,
    /// The functions' name without the step.
    group: &'static str,
    /// Which step was called last.
    step: AtomicUsize,
    /// What it was called with, where that was not the first.
    heard: Mutex<Option<Parameters>>,
}

impl Caller {
    pub(super) fn new(steps: &Arc<Steps>, group: &'static str) -> Arc<Self> {
        Arc::new(Self { steps: Arc::clone(steps), group, step: AtomicUsize::new(1), heard: Mutex::default() })
    }

    /// Its module's keys, one question a key: internal authentication is none of them.
    pub(super) fn keys(self: &Arc<Self>, inner: &Inner) -> Hsm {
        let Driver { dialect, addresses, .. } = &inner.parts.config.driver;
        let settings = HsmSettings { dialect: dialect.clone(), addresses: addresses.clone(), ..HsmSettings::default() };
        Hsm::one_by_one(Arc::<Self>::clone(self), Arc::new(settings))
    }

    /// A person is about to be asked.
    pub(super) fn rest(&self) {
        self.steps.rest();
    }

    /// What the last step was called with, once; `None` before the second.
    pub(super) fn heard(&self) -> Option<Parameters> {
        lock(&self.heard).take()
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
        let key = Text::from(key.to_owned());
        *lock(&self.heard) = Some(parameters);
        Ok(key)
    }

    /// All callers' security modules together: which one it was, no string says.
    fn identity(&self) -> Vec<u8> {
        b"driver".to_vec()
    }
}

/// `iReadCardBas_HSM_Step1` and `_Step2`.
pub(super) fn read_card_bas(
    inner: &Arc<Inner>,
    lease: &mut Lease,
    parameters: &Parameters,
    steps: &Arc<Steps>,
) -> Carried {
    let driver = &inner.parts.config.driver;
    let settings = HsmSettings { dialect: driver.dialect.clone(), ..HsmSettings::default() };
    let mut keys = Hsm::new(Caller::new(steps, "iReadCardBas_HSM"), Arc::new(settings));
    let by = By::Caller(parameters.client().to_owned());
    let card = inner.open_card_by(by, lease, &mut keys, &mut |_| {});
    let reading = card.and_then(|mut card| card.reading(&mut |_| {})).map_err(|error| refused(&error))?;
    Ok(national::basic(&reading, None, &driver.device)?)
}

/// Whether the settings say where the caller's module has a key: no string names it, else.
pub(super) fn addressed(inner: &Inner, role: &KeyRole) -> Result<(), Refused> {
    if inner.parts.config.driver.addresses.contains_key(role.name()) {
        return Ok(());
    }
    let unplaced = KeyError::Unplaced { role: role.clone(), by: KeySource::Hsm };
    Err(Refused::by(Code::NOT_SUPPORTED, &unplaced.failure()))
}

/// What is the caller's to answer for has codes of its own.
pub(super) fn refused(error: &CardError) -> Refused {
    let code = match error {
        CardError::NotGenuine => Code::HSM_DIFFERS,
        CardError::Key(KeyError::Link(LinkError::Malformed(_))) => Code::ILLEGAL_INPUT,
        _ => return Refused::from(error),
    };
    Refused { code, ..Refused::from(error) }
}
