//! The functions of the national driver interface, carried out at this terminal's readers (card-facts §5).
//!
//! One call after the other, so that several programs share a reader without knowing of each other; a case at the reader,
//! somebody else's steps, or somebody who types at its pad, is told as −11, and other readers go on. A PIN is typed at the reader's pad. Where there is none, nobody is asked while a
//! card is held: the caller's side asks, and calls again.

mod account;
mod basic;
mod beside;
mod call;
mod card;
mod debit_steps;
mod files;
mod hsm;
mod hsm_files;
mod hsm_pin;
mod issuers;
mod pin;
mod pki;
mod proven;
mod reader;
mod steps;

pub use call::{Asked, DriverAnswer, DriverCall};
pub(super) use issuers::issuers;
pub(super) use proven::{By, Proven};
pub(super) use steps::Begun;

use std::sync::Arc;

use call::{Carried, Parameters, Stop};
use steps::Flow;
use uuid::Uuid;

use super::inner::Inner;
use super::reading::Unread;
use crate::card::account::Receipt;
use crate::national::{Code, Function, Refused};

/// How a function is carried out.
enum Work {
    /// By itself.
    Once(fn(&Arc<Inner>, &Parameters) -> Carried),
    /// As the first step of a flow that holds the card.
    First(Flow),
    /// As the step that a flow waits for.
    Next,
}

/// The functions that are carried out; any other is not supported.
const BUILT: &[(&str, Work)] = &[
    ("iReadCardBas", Work::Once(basic::read_card_bas)),
    ("iReadCard", Work::Once(files::read_card)),
    ("iWriteCard", Work::Once(files::write_card)),
    ("iVerifyPIN", Work::Once(pin::verify_pin)),
    ("iChangePIN", Work::Once(pin::change_pin)),
    ("iReloadPIN", Work::Once(pin::reload_pin)),
    ("iUnblockPIN", Work::Once(pin::unblock_pin)),
    ("iDoDebit", Work::Once(account::do_debit)),
    ("iReadDebitRecord", Work::Once(account::read_debit_record)),
    ("iReadCardBas_HSM_Step1", Work::First(hsm::read_card_bas)),
    ("iReadCardBas_HSM_Step2", Work::Next),
    ("iReadCard_HSM_Step1", Work::First(hsm_files::read_card)),
    ("iReadCard_HSM_Step2", Work::Next),
    ("iWriteCard_HSM_Step1", Work::First(hsm_files::write_card)),
    ("iWriteCard_HSM_Step2", Work::Next),
    ("iReloadPIN_HSM_Step1", Work::First(hsm_pin::reload_pin)),
    ("iReloadPIN_HSM_Step2", Work::Next),
    ("iReloadPIN_HSM_Step3", Work::Next),
    ("iUnblockPIN_HSM_Step1", Work::First(hsm_pin::unblock_pin)),
    ("iUnblockPIN_HSM_Step2", Work::Next),
    ("iUnblockPIN_HSM_Step3", Work::Next),
    ("iDoDebit_HSM_Step1", Work::First(debit_steps::do_debit)),
    ("iDoDebit_HSM_Step2", Work::Next),
    ("PKI_SignData", Work::Once(pki::sign_data)),
    ("PKI_VerifySign", Work::Once(pki::verify_sign)),
];

/// Carries out a call.
pub(super) fn call(inner: &Arc<Inner>, call: DriverCall) -> DriverAnswer {
    let (client, session) = (call.client.clone(), call.session);
    let (outcome, next) = carried_out(inner, call).unwrap_or_else(|stop| (Err(stop), None));
    if let (None, Some(session)) = (next, session) {
        // Whatever it was, it was not the next step.
        inner.driver_steps.end(session, &client);
    }
    DriverAnswer::of(outcome, next)
}

/// What came of it, and the number to go on by where there is a next step.
fn carried_out(inner: &Arc<Inner>, call: DriverCall) -> Result<(Carried, Option<Uuid>), Stop> {
    let function = Function::named(&call.function).ok_or(Code::NOT_SUPPORTED)?;
    let (_, work) = BUILT.iter().find(|(name, _)| *name == function.name).ok_or(Code::NOT_SUPPORTED)?;
    let (client, session) = (call.client.clone(), call.session);
    let parameters = Parameters::of(function, call)?;
    if let (Work::Once(_) | Work::First(_), Some(session)) = (work, session) {
        inner.driver_steps.end(session, &client);
    }
    Ok(match work {
        Work::Once(work) => (work(inner, &parameters), None),
        Work::First(flow) => {
            let reader = reader::take(inner, parameters.kind()?)?;
            inner.driver_steps.begin(inner, *flow, reader, &client, parameters)
        }
        Work::Next => inner.driver_steps.go_on(inner, session, function.name, &client, parameters),
    })
}

impl Inner {
    /// What a call told was given out. Blocks on the disk.
    pub(super) fn driver_told(&self, receipt: Receipt) {
        if let Err(error) = self.card_journal().told(receipt) {
            tracing::warn!(%error, "what was told of a card's account is told again");
        }
    }
}

impl From<Unread> for Refused {
    fn from(unread: Unread) -> Self {
        match &unread {
            Unread::KeysBusy => Self::by(Code::CONNECTION, &unread.failure()),
            Unread::Card(error) => Self::from(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_carried_out_is_in_the_interface_once() {
        let names: std::collections::BTreeSet<&str> = BUILT.iter().map(|(name, _)| *name).collect();
        assert!(names.iter().all(|name| Function::named(name).is_some()) && names.len() == BUILT.len(), "{names:?}");
    }
}
