//! What the doors ask of shifts, accounts and notices.

use jiff::civil::Date;
use uuid::Uuid;

use super::{Seen, Terminal};
use crate::failure::{Explain as _, Failure};
use crate::queue::Row;
use crate::store::{AccountDifference, Action, Reconciliation, Shift};

impl Terminal {
    /// Opens an operator's shift (签到); the one that is open already otherwise, with `false`. Blocks on the disk.
    ///
    /// # Errors
    /// No operator, and what the storage may do. A centre that is away is told later.
    pub fn open_shift(&self, operator: &str) -> Result<(Shift, bool), Failure> {
        self.inner.open_shift(operator)
    }

    /// Closes a shift (签退), with what was carried out in it; one that is closed already stays as it is. Blocks on the
    /// disk.
    ///
    /// # Errors
    /// No such shift, one whose operator has a case that has not ended, and what the storage may do.
    pub fn close_shift(&self, number: &str) -> Result<Shift, Failure> {
        self.inner.close_shift(number)
    }

    /// A shift, with what was carried out in it up to now. Blocks on the disk.
    ///
    /// # Errors
    /// No such shift, and what the storage may do.
    pub fn shift(&self, number: &str) -> Result<Shift, Failure> {
        self.inner.shift(number)
    }

    /// Shifts, the latest first; those that are open have no totals yet. Blocks on the disk.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn shifts(&self, limit: u32) -> Result<Vec<Shift>, Failure> {
        self.inner.store.shifts(limit).map_err(|error| error.failure())
    }

    /// Holds a day's settlements against the centre, by its totals first. Blocks on the disk and on the centre.
    ///
    /// # Errors
    /// A day to come, a centre that is away or refuses, and what the storage may do.
    pub fn reconcile(&self, date: Date, operator: &str) -> Result<Reconciliation, Failure> {
        self.inner.reconcile(date, Some(operator))
    }

    /// The days that were held against the centre, the latest first. Blocks on the disk.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn reconciliations(&self, limit: u32) -> Result<Vec<Reconciliation>, Failure> {
        self.inner.store.reconciliations(limit).map_err(|error| error.failure())
    }

    /// A day that was held against the centre. Blocks on the disk.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn reconciliation(&self, date: Date) -> Result<Option<Reconciliation>, Failure> {
        self.inner.store.reconciliation(date).map_err(|error| error.failure())
    }

    /// A day's differences. Blocks on the disk.
    ///
    /// # Errors
    /// What the storage may do.
    pub fn differences(&self, date: Date) -> Result<Vec<AccountDifference>, Failure> {
        self.inner.store.differences(date).map_err(|error| error.failure())
    }

    /// Repairs one difference; `remark` is needed to refer it. Blocks on the disk, and to reverse
    /// or adopt it on the centre.
    ///
    /// # Errors
    /// No such difference, what may not be done about it, a centre that does not answer, and what the storage may do.
    pub fn repair(
        &self,
        id: u64,
        action: Action,
        operator: &str,
        remark: Option<&str>,
    ) -> Result<AccountDifference, Failure> {
        self.inner.repair(id, action, operator, remark)
    }

    /// A holder was told how a transaction came out otherwise than they were told at first: no case of theirs carries it
    /// as a notice any more. `seen` is which notice they were told. Blocks on the disk.
    ///
    /// # Errors
    /// No such transaction, one of which there is nothing to tell, or other figures since that notice; and what the
    /// storage may do.
    pub fn acknowledge(&self, transaction: Uuid, seen: Seen, operator: &str) -> Result<Row, Failure> {
        self.inner.acknowledge(transaction, seen, operator)
    }
}
