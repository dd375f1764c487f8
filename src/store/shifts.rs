//! The shifts of the terminal's operators: which one is open, what the centre was told of it, what was handed over.

use jiff::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::acknowledged::ToldInShift;
use super::{Store, StoreError, json};
use crate::value::{Fen, Kind};

/// An operator's shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Shift {
    /// The terminal's own number: `yyyyMMddHHmmss` of its opening in Asia/Shanghai, and two digits that tell those of
    /// one second apart.
    pub number: String,
    /// The operator's number.
    pub operator: String,
    /// Opened by the operator's first case, and ended by the first one of another day; else by the operator.
    pub automatic: bool,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// When it was closed.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub closed_at: Option<Timestamp>,
    /// The last transaction in the chain before it was opened.
    pub after: u64,
    /// 签到流水号, once the centre has given one.
    #[schema(required)]
    pub sign_no: Option<String>,
    /// The centre was told of its end.
    pub signed_off: bool,
    /// The code with which the centre refused to sign it on or off; it is not asked again.
    #[schema(required)]
    pub refusal: Option<String>,
    /// What was carried out, once it is closed: what is handed over.
    pub totals: Vec<ShiftTotal>,
    /// What holders were told in it of transactions that were carried out before: it is handed over as well.
    #[serde(default)]
    pub told: ToldInShift,
    /// Records of the journal since its opening that could not be read when that was added up. Some of them may be of this
    /// shift: what is handed over may be more.
    #[serde(default)]
    pub unreadable: u64,
}

/// The transactions of a shift that are of one kind and in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ShiftTotal {
    /// The kind.
    pub kind: Kind,
    /// The state of the transactions, as in the queue.
    pub state: String,
    /// Decided by the terminal alone.
    pub provisional: bool,
    /// How many.
    pub count: u64,
    /// What they are worth together.
    pub amount: Fen,
    /// What the holders were told to pay in cash; none where that cannot be read any more.
    #[schema(required)]
    pub cash: Option<Fen>,
}

impl Shift {
    /// Whether the centre is to be told something of it.
    pub fn is_owing(&self) -> bool {
        let signed = if self.closed_at.is_some() { self.signed_off } else { self.sign_no.is_some() };
        self.refusal.is_none() && !signed
    }
}

impl Store {
    /// Keeps a shift, a new one or as it stands now. On the disk when this returns.
    ///
    /// # Errors
    /// When the store cannot be written, or the operator has another one open.
    pub fn keep_shift(&self, shift: &Shift) -> Result<(), StoreError> {
        self.durably(
            "INSERT INTO shifts VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (number) DO UPDATE SET open = excluded.open, owing = excluded.owing, shift = excluded.shift",
            params![shift.number, shift.operator, shift.closed_at.is_none(), shift.is_owing(), json(shift)?],
        )
    }

    /// A shift by its number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn shift(&self, number: &str) -> Result<Option<Shift>, StoreError> {
        self.json("SELECT shift FROM shifts WHERE number = ?1", [number])
    }

    /// The latest shifts and all that are open, the latest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn shifts(&self, limit: u32) -> Result<Vec<Shift>, StoreError> {
        self.all_json(
            "SELECT number, shift FROM shifts
             WHERE open = 1 OR number IN (SELECT number FROM shifts ORDER BY number DESC LIMIT ?1)
             ORDER BY number DESC",
            [limit],
        )
    }

    /// Those that are open. One that cannot be read is none from now on: its operator opens another.
    ///
    /// # Errors
    /// When the store cannot be read, or not be written where that is needed.
    pub fn open_shifts(&self) -> Result<Vec<Shift>, StoreError> {
        let mut lost = Vec::new();
        let open = self.each_json("SELECT number, shift FROM shifts WHERE open = 1", [], |number| lost.push(number))?;
        for number in lost {
            tracing::error!(shift = number, "a shift cannot be read, and is open no longer");
            self.durably("UPDATE shifts SET open = 0, owing = 0 WHERE number = ?1", [number])?;
        }
        Ok(open)
    }

    /// Those of which the centre is to be told, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn owing_shifts(&self) -> Result<Vec<Shift>, StoreError> {
        self.all_json("SELECT number, shift FROM shifts WHERE owing = 1 ORDER BY number", [])
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::store) fn shift(number: &str, operator: &str) -> Shift {
        Shift {
            number: number.into(),
            operator: operator.into(),
            automatic: false,
            opened_at: Timestamp::UNIX_EPOCH,
            closed_at: None,
            after: 0,
            sign_no: None,
            signed_off: false,
            refusal: None,
            totals: Vec::new(),
            told: ToldInShift::default(),
            unreadable: 0,
        }
    }

    #[test]
    fn an_operator_has_one_open_shift_and_it_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let first = shift("2015080308000000", "0001");
        let store = Store::open(&path).unwrap();
        store.keep_shift(&first).unwrap();
        assert!(store.keep_shift(&shift("2015080309000000", "0001")).is_err(), "a second one of the same operator");
        store.keep_shift(&shift("2015080309000001", "0002")).unwrap();
        drop(store);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.open_shifts().unwrap().len(), 2);
        let closed = Shift { closed_at: Some(Timestamp::UNIX_EPOCH), ..first.clone() };
        store.keep_shift(&closed).unwrap();
        assert_eq!(store.shift(&first.number).unwrap(), Some(closed.clone()));
        store.keep_shift(&shift("2015080310000000", "0001")).unwrap();
        let numbers: Vec<String> = store.shifts(2).unwrap().into_iter().map(|shift| shift.number).collect();
        assert_eq!(numbers, ["2015080310000000", "2015080309000001"]);
        let numbers: Vec<String> = store.shifts(1).unwrap().into_iter().map(|shift| shift.number).collect();
        assert_eq!(numbers, ["2015080310000000", "2015080309000001"], "what is open, however old");
    }

    #[test]
    fn a_shift_that_cannot_be_read_keeps_nobody_from_theirs() {
        let store = Store::in_memory().unwrap();
        let (lost, other) = (shift("2015080308000000", "0001"), shift("2015080309000000", "0002"));
        store.keep_shift(&lost).unwrap();
        store.keep_shift(&other).unwrap();
        store.execute("UPDATE shifts SET shift = '{' WHERE operator = '0001'", []).unwrap();
        assert_eq!(store.shifts(10).unwrap(), std::slice::from_ref(&other));
        assert_eq!(store.owing_shifts().unwrap(), std::slice::from_ref(&other));
        assert_eq!(store.open_shifts().unwrap(), [other]);
        store.keep_shift(&shift("2015080310000000", "0001")).unwrap();
    }

    #[test]
    fn a_shift_is_owing_until_the_centre_was_told_of_both_its_ends_or_refused() {
        let owing = |sign_no: bool, closed: bool, signed_off: bool, refused: bool| {
            let shift = Shift {
                sign_no: sign_no.then(|| "1".to_owned()),
                closed_at: closed.then_some(Timestamp::UNIX_EPOCH),
                signed_off,
                refusal: refused.then(|| "C-NO".to_owned()),
                ..shift("1", "0001")
            };
            shift.is_owing()
        };
        assert!(owing(false, false, false, false));
        assert!(!owing(true, false, false, false));
        assert!(owing(false, true, false, false) && owing(true, true, false, false));
        assert!(!owing(true, true, true, false));
        assert!(!owing(false, false, false, true) && !owing(true, true, false, true));
    }
}
