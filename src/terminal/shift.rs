//! Operators' shifts: opened and closed here, told to the centre (签到 9001, 签退 9002) as soon as it can be reached.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;
use uuid::Uuid;

use super::errors;
use super::event::What;
use super::inner::{Inner, lock};
use super::open::operator;
use crate::failure::{Explain as _, Failure};
use crate::queue::{Row, State};
use crate::store::{Shift, ShiftTotal, Store, StoreError};
use crate::sync::{SignNumbers, UplinkError};
use crate::value::{Fen, Protocol};
use crate::wire::infno;
use crate::wire::shift::{SignOff, SignOn, SignedOn};
use crate::world::shanghai;

/// After how long the centre is told again where it did not answer though it can be reached.
const AGAIN: Duration = Duration::from_secs(30);

/// The shifts of this terminal.
pub(super) struct Shifts {
    /// Those that are open, by operator; as in the store.
    open: Mutex<BTreeMap<String, Shift>>,
    /// One shift is changed at a time, in the store first.
    changing: Mutex<()>,
    numbers: SignNumbers,
    /// The centre is to be told something.
    owing: Arc<Notify>,
}

impl Shifts {
    /// Those that the store has; `numbers` is what the requests of their operators carry.
    pub(super) fn load(store: &Store, numbers: SignNumbers) -> Result<Self, StoreError> {
        let open = store.open_shifts()?;
        for shift in &open {
            numbers.set(&shift.operator, shift.sign_no.clone());
        }
        let open = open.into_iter().map(|shift| (shift.operator.clone(), shift)).collect();
        Ok(Self { open: Mutex::new(open), changing: Mutex::default(), numbers, owing: Arc::default() })
    }

    fn open_of(&self, operator: &str) -> Option<Shift> {
        lock(&self.open).get(operator).cloned()
    }

    /// Keeps a shift as it stands now, and lets its operator work under it.
    fn keep(&self, store: &Store, shift: &Shift) -> Result<(), StoreError> {
        store.keep_shift(shift)?;
        let mut open = lock(&self.open);
        if shift.closed_at.is_none() {
            self.numbers.set(&shift.operator, shift.sign_no.clone());
            open.insert(shift.operator.clone(), shift.clone());
        } else if open.get(&shift.operator).is_some_and(|current| current.number == shift.number) {
            self.numbers.set(&shift.operator, None);
            open.remove(&shift.operator);
        }
        Ok(())
    }
}

impl Inner {
    /// Why a case of this operator may not be opened: shifts are opened by hand here, and theirs is not.
    pub(super) fn may_work(&self, operator: &str) -> Result<(), Failure> {
        match self.parts.config.shift.explicit && self.shifts.open_of(operator).is_none() {
            true => Err(Failure::with(&errors::NO_SHIFT, operator)),
            false => Ok(()),
        }
    }

    /// Lets a case be done in its operator's shift; opens one where that is left to the terminal. Blocks on the disk.
    pub(super) fn enter_shift(&self, id: Uuid, operator: &str) -> Result<(), Failure> {
        // Held until the case shows it: a shift that a case is done in is not closed.
        let changing = lock(&self.shifts.changing);
        let today = self.parts.clock.today();
        let of_today = |shift: &Shift| shanghai().to_datetime(shift.opened_at).date() == today;
        let shift = match self.shifts.open_of(operator) {
            Some(shift) if !shift.automatic || of_today(&shift) || self.is_busy(&shift) => shift,
            Some(earlier) => {
                self.close_in(&changing, earlier)?;
                self.begin_in(&changing, operator, true)?.0
            }
            None => {
                self.may_work(operator)?;
                self.begin_in(&changing, operator, true)?.0
            }
        };
        if let Some(case) = self.cases().get_mut(id) {
            case.view.shift = Some(shift.number);
        }
        Ok(())
    }

    /// Opens a shift by hand; the one that is open already otherwise. With whether it is new.
    pub(super) fn open_shift(&self, named: &str) -> Result<(Shift, bool), Failure> {
        let operator = operator(named)?;
        let changing = lock(&self.shifts.changing);
        self.begin_in(&changing, &operator, false)
    }

    fn begin_in(&self, _: &MutexGuard<'_, ()>, operator: &str, automatic: bool) -> Result<(Shift, bool), Failure> {
        if let Some(mut open) = self.shifts.open_of(operator) {
            if open.automatic && !automatic {
                // From now on it is theirs to end.
                open.automatic = false;
                self.shifts.keep(&self.store, &open).map_err(|error| error.failure())?;
            }
            return Ok((open, false));
        }
        let opened_at = self.parts.clock.now();
        let shift = Shift {
            number: self.shift_number(opened_at)?,
            operator: operator.to_owned(),
            automatic,
            opened_at,
            closed_at: None,
            after: self.queue.last_sequence().map_err(|error| error.failure())?,
            sign_no: None,
            signed_off: false,
            refusal: None,
            totals: Vec::new(),
        };
        self.shifts.keep(&self.store, &shift).map_err(|error| error.failure())?;
        self.log.tell(What::Shift { shift: shift.number.clone(), change: "opened" });
        self.shifts.owing.notify_one();
        Ok((shift, true))
    }

    /// A number that no shift in the store has.
    fn shift_number(&self, now: Timestamp) -> Result<String, Failure> {
        let moment = shanghai().to_datetime(now).strftime("%Y%m%d%H%M%S").to_string();
        for nth in 0..100 {
            let number = format!("{moment}{nth:02}");
            if self.store.shift(&number).map_err(|error| error.failure())?.is_none() {
                return Ok(number);
            }
        }
        Err(Failure::of(&errors::MANY))
    }

    /// Closes a shift and keeps what was carried out in it; one that is closed already stays as it is.
    pub(super) fn close_shift(&self, number: &str) -> Result<Shift, Failure> {
        let changing = lock(&self.shifts.changing);
        let shift = self.store.shift(number).map_err(|error| error.failure())?;
        let shift = shift.ok_or_else(|| Failure::of(&errors::SHIFT_UNKNOWN))?;
        match () {
            () if shift.closed_at.is_some() => Ok(shift),
            () if self.is_busy(&shift) => Err(Failure::of(&errors::SHIFT_BUSY)),
            () => self.close_in(&changing, shift),
        }
    }

    fn close_in(&self, _: &MutexGuard<'_, ()>, mut shift: Shift) -> Result<Shift, Failure> {
        shift.totals = self.totals(&shift)?;
        shift.closed_at = Some(self.parts.clock.now());
        self.shifts.keep(&self.store, &shift).map_err(|error| error.failure())?;
        self.log.tell(What::Shift { shift: shift.number.clone(), change: "closed" });
        self.shifts.owing.notify_one();
        Ok(shift)
    }

    /// Whether something is being done in it.
    fn is_busy(&self, shift: &Shift) -> bool {
        self.cases().live().any(|case| case.view.shift.as_ref() == Some(&shift.number))
    }

    /// A shift as it stands: what was carried out in it up to now where it is open.
    pub(super) fn shift(&self, number: &str) -> Result<Shift, Failure> {
        let shift = self.store.shift(number).map_err(|error| error.failure())?;
        let mut shift = shift.ok_or_else(|| Failure::of(&errors::SHIFT_UNKNOWN))?;
        if shift.closed_at.is_none() {
            shift.totals = self.totals(&shift)?;
        }
        Ok(shift)
    }

    fn totals(&self, shift: &Shift) -> Result<Vec<ShiftTotal>, Failure> {
        let mut rows = Vec::new();
        let read = self.queue.each_of_shift(&shift.number, shift.after, |row| rows.push(row));
        read.map_err(|error| error.failure())?;
        let mut totals: BTreeMap<_, ShiftTotal> = BTreeMap::new();
        for row in rows {
            let cash = self.cash(&row)?;
            let total = totals.entry((row.kind, row.state, row.provisional)).or_insert_with(|| ShiftTotal {
                kind: row.kind,
                state: row.state.name().to_owned(),
                provisional: row.provisional,
                count: 0,
                amount: Fen::ZERO,
                cash: Some(Fen::ZERO),
            });
            total.count += 1;
            total.amount = add(total.amount, row.amount.unwrap_or_default());
            total.cash = total.cash.zip(cash).map(|(sum, cash)| add(sum, cash));
        }
        Ok(totals.into_values().collect())
    }

    /// What the holder was told to pay in cash: the centre's figure where it settled while the counter waited, the
    /// terminal's where it settled alone, and nothing where nothing was settled. `None` where it was erased.
    fn cash(&self, row: &Row) -> Result<Option<Fen>, Failure> {
        let figure = |value: Option<&Value>| value.and_then(Fen::of_json).unwrap_or_default();
        let (damaged, id) = (|error: crate::queue::QueueError| error.failure(), row.id);
        Ok(match (row.protocol(), row.state) {
            (Protocol::Online, State::Acked | State::Cancelling) => {
                let answer = self.queue.answer(id).map_err(damaged)?;
                answer.map(|receipt| figure(receipt.output.pointer("/setlinfo/psn_cash_pay")))
            }
            (Protocol::Online, _) => Some(Fen::ZERO),
            (Protocol::StoreAndForward, _) => {
                let payload = self.queue.payload(id).map_err(damaged)?;
                payload.map(|payload| figure(payload.pointer("/detail/decision/outputs/psn_cash_pay")))
            }
        })
    }

    /// Tells the centre what it was not told yet; whether all of it was.
    async fn tell_shifts(self: &Arc<Self>) -> bool {
        let (store, inner) = (Arc::clone(&self.store), Arc::clone(self));
        let owing = tokio::task::spawn_blocking(move || store.owing_shifts()).await;
        let Ok(Ok(owing)) = owing else {
            tracing::warn!("the store does not tell which shifts the centre is to be told of");
            return false;
        };
        for shift in owing {
            let Some(change) = inner.tell_shift(&shift).await else { return false };
            let (inner, number) = (Arc::clone(self), shift.number.clone());
            let kept = tokio::task::spawn_blocking(move || inner.shift_told(&number, change)).await;
            if !matches!(kept, Ok(Ok(()))) {
                tracing::warn!(shift = shift.number, "the store does not take what the centre said of a shift");
                return false;
            }
        }
        true
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
            Err(UplinkError::Refused { code, .. }) => Some(Told::Refused(code)),
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

/// What the centre said to a shift.
enum Told {
    On(String),
    Off,
    Refused(String),
}

fn add(a: Fen, b: Fen) -> Fen {
    Fen(a.0.saturating_add(b.0))
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
