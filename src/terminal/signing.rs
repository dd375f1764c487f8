//! The centre is told of operators' shifts (签到 9001, 签退 9002) as soon as it can be reached.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::Value;

use super::event::What;
use super::inner::{Inner, lock};
use crate::store::{Shift, StoreError};
use crate::sync::UplinkError;
use crate::wire::shift::{SignOff, SignOn, SignedOn};
use crate::wire::{infno, plain_code};

/// After how long the centre is told again where it did not answer though it can be reached.
const AGAIN: Duration = Duration::from_secs(30);

/// What the centre said to a shift.
enum Told {
    On(String),
    Off,
    Refused(String),
}

/// Tells the centre of shifts as they open and close, and of those of before once it can be reached.
pub(super) async fn tell_centre(inner: Weak<Inner>) {
    let Some((mut status, owing)) = inner.upgrade().and_then(|inner| {
        let upstream = inner.upstream.as_ref()?;
        Some((upstream.status.clone(), Arc::clone(&inner.shifts.owing)))
    }) else {
        return;
    };
    loop {
        let reachable = status.borrow_and_update().reachable;
        let Some(now) = inner.upgrade() else { return };
        let all_told = !reachable || now.tell_shifts().await;
        drop(now);
        let again = async {
            match all_told {
                true => std::future::pending().await,
                false => tokio::time::sleep(AGAIN).await,
            }
        };
        tokio::select! {
            changed = status.changed() => if changed.is_err() { return },
            () = owing.notified() => {}
            () = again => {}
        }
    }
}

impl Inner {
    /// Tells the centre what it was not told yet; whether all of it was.
    async fn tell_shifts(self: &Arc<Self>) -> bool {
        let store = Arc::clone(&self.store);
        let owing = tokio::task::spawn_blocking(move || store.owing_shifts()).await;
        let Ok(Ok(owing)) = owing else {
            tracing::warn!("the store does not tell which shifts the centre is to be told of");
            return false;
        };
        let mut all_told = true;
        for shift in owing {
            let Some(change) = self.tell_shift(&shift).await else {
                // The others go on, unless nobody is there to be told.
                all_told = false;
                match self.upstream.as_ref().is_some_and(|upstream| upstream.status.borrow().reachable) {
                    true => continue,
                    false => return false,
                }
            };
            let (inner, number) = (Arc::clone(self), shift.number.clone());
            let kept = tokio::task::spawn_blocking(move || inner.shift_told(&number, change)).await;
            if !matches!(kept, Ok(Ok(()))) {
                tracing::warn!(shift = shift.number, "the store does not take what the centre said of a shift");
                return false;
            }
        }
        all_told
    }

    /// Tells the centre the next thing of a shift; `None` when it did not answer.
    async fn tell_shift(&self, shift: &Shift) -> Option<Told> {
        let upstream = self.upstream.as_ref()?;
        let within = upstream.patience;
        let (asker, operator) = (&upstream.asker, shift.operator.as_str());
        let told = match &shift.sign_no {
            None => {
                let input = SignOn { shift: shift.number.clone() };
                let signed = asker.ask::<SignedOn>(infno::SIGN_ON, operator, &input, within).await;
                signed.map(|signed| Told::On(signed.sign_no))
            }
            Some(sign_no) => {
                let input = SignOff { sign_no: sign_no.clone() };
                asker.ask::<Value>(infno::SIGN_OFF, operator, &input, within).await.map(|_| Told::Off)
            }
        };
        match told {
            Ok(told) => Some(told),
            Err(UplinkError::Refused { code, .. }) => Some(Told::Refused(plain_code(&code).to_owned())),
            Err(error) => {
                tracing::info!(%error, "the centre does not answer to a shift");
                None
            }
        }
    }

    /// Keeps what the centre said to a shift, as that stands by now.
    fn shift_told(&self, number: &str, told: Told) -> Result<(), StoreError> {
        let _one = lock(&self.shifts.changing);
        let Some(mut shift) = self.store.shift(number)? else { return Ok(()) };
        let change = match told {
            Told::On(sign_no) => {
                shift.sign_no = Some(sign_no);
                "signed-on"
            }
            Told::Off => {
                shift.signed_off = true;
                "signed-off"
            }
            Told::Refused(code) => {
                shift.refusal = Some(code);
                "refused"
            }
        };
        self.shifts.keep(&self.store, &shift)?;
        self.log.tell(What::Shift { shift: shift.number.clone(), change });
        if shift.is_owing() {
            self.shifts.owing.notify_one();
        }
        Ok(())
    }
}
