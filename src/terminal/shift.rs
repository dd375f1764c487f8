//! Operators' shifts: opened and closed here, with or without the centre.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;
use uuid::Uuid;

use super::case::Case;
use super::errors;
use super::event::What;
use super::inner::{Inner, lock};
use super::notice::{COLLECTED, unless_damaged};
use super::open::operator;
use crate::failure::{Explain as _, Failure};
use crate::queue::Row;
use crate::store::{Shift, ShiftTotal, Store, StoreError, ToldInShift};
use crate::sync::SignNumbers;
use crate::value::{Fen, Protocol};
use crate::world::shanghai;

/// How often it is looked whether a shift is of a day that is over.
const LOOK: Duration = Duration::from_secs(5);

/// The shifts of this terminal.
pub(super) struct Shifts {
    /// Those that are open, by operator; as in the store.
    open: Mutex<BTreeMap<String, Shift>>,
    /// One shift is changed at a time, in the store first.
    pub(super) changing: Mutex<()>,
    numbers: SignNumbers,
    /// The centre is to be told something.
    pub(super) owing: Arc<Notify>,
}

impl Shifts {
    /// Those that the store has; `numbers` is what the requests of their operators carry, `last` the last place in the
    /// chain.
    pub(super) fn load(store: &Store, numbers: SignNumbers, last: u64) -> Result<Self, StoreError> {
        let mut open = store.open_shifts()?;
        for shift in &mut open {
            if shift.after > last {
                // The journal is another one, or an earlier state of it: the shift's records are among all that it has.
                shift.after = 0;
                store.keep_shift(shift)?;
            }
            numbers.set(&shift.operator, shift.sign_no.clone());
        }
        let open = open.into_iter().map(|shift| (shift.operator.clone(), shift)).collect();
        Ok(Self { open: Mutex::new(open), changing: Mutex::default(), numbers, owing: Arc::default() })
    }

    fn open_of(&self, operator: &str) -> Option<Shift> {
        lock(&self.open).get(operator).cloned()
    }

    /// Keeps a shift as it stands now, and lets its operator work under it.
    pub(super) fn keep(&self, store: &Store, shift: &Shift) -> Result<(), StoreError> {
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

/// Closes the shifts of past days as these end, until the terminal does.
pub(super) async fn end_of_days(inner: Weak<Inner>) {
    while let Some(now) = inner.upgrade() {
        if let Err(error) = tokio::task::spawn_blocking(move || now.close_past()).await {
            tracing::error!(%error, "a defect while shifts of past days were closed");
        }
        tokio::time::sleep(LOOK).await;
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
        // A case that was in one before it waited for its form again stays there.
        if self.cases().get(id).is_some_and(|case| case.view.shift.is_some()) {
            return Ok(());
        }
        let shift = self.shift_of(&changing, operator)?;
        if let Some(case) = self.cases().get_mut(id) {
            case.view.shift = Some(shift.number);
        }
        Ok(())
    }

    /// The shift in which an operator does something now; opens one where that is left to the terminal.
    pub(super) fn shift_of(&self, changing: &MutexGuard<'_, ()>, operator: &str) -> Result<Shift, Failure> {
        self.end_earlier(changing, operator)?;
        self.may_work(operator)?;
        Ok(self.begin_in(changing, operator, true)?.0)
    }

    /// Opens a shift by hand; the one that is open already otherwise. With whether it is new.
    pub(super) fn open_shift(&self, named: &str) -> Result<(Shift, bool), Failure> {
        let operator = operator(named)?;
        let changing = lock(&self.shifts.changing);
        self.end_earlier(&changing, &operator)?;
        self.begin_in(&changing, &operator, false)
    }

    /// Closes the shift that opened by itself on another day: nothing of this one is taken along into it.
    fn end_earlier(&self, changing: &MutexGuard<'_, ()>, operator: &str) -> Result<(), Failure> {
        let past = |open: &Shift| open.automatic && !self.is_of_today(open);
        match self.shifts.open_of(operator).filter(past) {
            Some(earlier) if self.is_busy(&earlier) => Err(Failure::of(&errors::SHIFT_PAST)),
            Some(earlier) => self.close_in(changing, earlier).map(drop),
            None => Ok(()),
        }
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
            told: ToldInShift::default(),
            unreadable: 0,
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
        // What is handed over does not change any more: what nobody has asked is told, and collected, in another.
        self.leave_to_notices(|case| case.view.shift.as_ref() == Some(&shift.number))?;
        self.add_up(&mut shift)?;
        shift.closed_at = Some(self.parts.clock.now());
        self.shifts.keep(&self.store, &shift).map_err(|error| error.failure())?;
        self.log.tell(What::Shift { shift: shift.number.clone(), change: "closed" });
        self.shifts.owing.notify_one();
        Ok(shift)
    }

    /// Closes shifts that opened by themselves on a day that is over, and in which nothing is done any more.
    fn close_past(&self) {
        let changing = lock(&self.shifts.changing);
        let open: Vec<Shift> = lock(&self.shifts.open).values().cloned().collect();
        for shift in open.into_iter().filter(|shift| shift.automatic && !self.is_of_today(shift)) {
            let number = shift.number.clone();
            if !self.is_busy(&shift)
                && let Err(failure) = self.close_in(&changing, shift)
            {
                tracing::warn!(shift = number, code = failure.entry.code, "a shift of a day that is over stays open");
            }
        }
    }

    fn is_of_today(&self, shift: &Shift) -> bool {
        shanghai().to_datetime(shift.opened_at).date() == self.parts.clock.today()
    }

    /// Whether something is being done in it, or is about to be told.
    fn is_busy(&self, shift: &Shift) -> bool {
        let now = self.parts.clock.now();
        let is_busy = |case: &Case| !case.view.state.is_final() || case.is_about_to_tell(now).is_some();
        self.cases().all().any(|case| case.view.shift.as_ref() == Some(&shift.number) && is_busy(case))
    }

    /// A shift as it stands: what was carried out in it up to now where it is open.
    pub(super) fn shift(&self, number: &str) -> Result<Shift, Failure> {
        let shift = self.store.shift(number).map_err(|error| error.failure())?;
        let mut shift = shift.ok_or_else(|| Failure::of(&errors::SHIFT_UNKNOWN))?;
        if shift.closed_at.is_none() {
            self.add_up(&mut shift)?;
        }
        Ok(shift)
    }

    /// What was carried out in it up to now.
    fn add_up(&self, shift: &mut Shift) -> Result<(), Failure> {
        self.note_shown()?;
        let mut totals: BTreeMap<_, ShiftTotal> = BTreeMap::new();
        let mut failed = Ok(());
        let read = self.queue.each_of_shift(&shift.number, shift.after, |row| {
            let cash = self.cash(&row).unwrap_or_else(|failure| {
                failed = Err(failure);
                None
            });
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
        });
        let unreadable = read.map_err(|error| error.failure())?;
        failed?;
        shift.totals = totals.into_values().collect();
        shift.told = self.store.told_in(&shift.number).map_err(|error| error.failure())?;
        shift.unreadable = unreadable;
        Ok(())
    }

    /// What the holder was told to pay in cash: the centre's figure where it settled while the counter waited, the
    /// terminal's where it settled alone, and nothing where nothing was settled, or nobody was told. `None` where it was
    /// erased, or is damaged.
    fn cash(&self, row: &Row) -> Result<Option<Fen>, Failure> {
        let figure = |value: Option<&Value>| value.and_then(Fen::of_json).unwrap_or_default();
        Ok(match (row.protocol(), row.state) {
            _ if row.is_untold() => Some(Fen::ZERO),
            // What is paid back of one that was cancelled is of whoever cancelled it.
            (Protocol::Online, state) if state.was_accepted() => {
                let answer = unless_damaged(self.queue.answer(row.id))?;
                answer.map(|receipt| {
                    // Figures that were taken over later were not collected then.
                    let first = receipt.output.get(COLLECTED);
                    figure(first.or_else(|| receipt.output.pointer("/setlinfo/psn_cash_pay")))
                })
            }
            (Protocol::Online, _) => Some(Fen::ZERO),
            (Protocol::StoreAndForward, _) => {
                let payload = unless_damaged(self.queue.payload(row.id))?;
                payload.map(|payload| figure(payload.pointer("/detail/decision/outputs/psn_cash_pay")))
            }
        })
    }
}

fn add(a: Fen, b: Fen) -> Fen {
    Fen(a.0.saturating_add(b.0))
}
