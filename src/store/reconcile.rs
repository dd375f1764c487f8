//! What reconciliation with the centre found on each day, and what operators did about it.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rusqlite::params;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Store, StoreError, json};
use crate::wire::reconcile::{Figures, Group};
use crate::world::shanghai;

/// How long after its end a day is reconciled: what was settled in its last moments has been answered by then, and the
/// clocks of terminal and centre may differ a little.
const LATE: SignedDuration = SignedDuration::from_mins(10);

/// How many runs are looked through for the last: more than a clock that was a year ahead leaves.
const LOOKED_THROUGH: u32 = 400;

/// A day held against the centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reconciliation {
    /// The day, Asia/Shanghai.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// When it was run last.
    #[schema(value_type = String, format = DateTime)]
    pub run_at: Timestamp,
    /// What time the centre's clock had then, where it told it in a way that is proved.
    #[serde(default)]
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub centre_at: Option<Timestamp>,
    /// Who ran it; none where the terminal did by itself.
    #[schema(required)]
    pub operator: Option<String>,
    /// The totals of each group, here and at the centre.
    pub totals: Vec<GroupTotals>,
    /// Differences that are not repaired.
    pub open: u64,
    /// Settlements that the centre has and whose outcome this terminal still asks for: no differences yet.
    pub under_way: u64,
}

impl Reconciliation {
    /// From when on a day's run may be its last.
    pub fn over(date: Date) -> Option<Timestamp> {
        let end = shanghai().to_timestamp(date.tomorrow().ok()?.at(0, 0, 0, 0)).ok()?;
        end.checked_add(LATE).ok()
    }

    /// Whether terminal and centre have the same of the day, and nothing is left to find out.
    pub fn is_clean(&self) -> bool {
        let same = |both: &GroupTotals| (both.here, both.here_count) == (both.centre, both.centre_count);
        self.open == 0 && self.under_way == 0 && self.totals.iter().all(same)
    }

    /// Whether the day needs no further run: it was over, by the centre's clock as well where that is known (its clock
    /// dates the settlements), and the outcome of all of it was known.
    pub fn is_complete(&self) -> bool {
        let is_over = |over| self.run_at >= over && self.centre_at.is_none_or(|at| at >= over);
        self.under_way == 0 && Self::over(self.date).is_some_and(is_over)
    }
}

/// A group's totals on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GroupTotals {
    /// Which group.
    #[serde(flatten)]
    pub group: Group,
    /// What stands here.
    pub here: Figures,
    /// How many stand here.
    pub here_count: u64,
    /// What stands at the centre.
    pub centre: Figures,
    /// How many stand there.
    pub centre_count: u64,
}

/// What is wrong with a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = DifferenceKind)]
pub enum DifferenceKind {
    /// It stands at the centre; here it was taken back or refused.
    CentreOnly,
    /// It stands at the centre, and the journal does not know its message: one that was set aside may, and whoever it is
    /// for may have paid here.
    UnknownHere,
    /// It stands here and not at the centre.
    HereOnly,
    /// It stands on both sides with other figures.
    Figures,
    /// It was accepted here, and what is kept of it does not say what it came to on that day: it is damaged, or the answer
    /// was of another day. Or it stands in another group at the centre.
    Unclear,
    /// The totals of a group are not the same, and the details do not say why; `msgid` is the group's name.
    Totals,
}

/// What is done about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = RepairAction)]
pub enum Action {
    /// Taken back at the centre: the holder was told that nothing was settled.
    Reverse,
    /// The centre's figures are taken over; the holder's next case tells of it.
    Adopt,
    /// Noted, with a remark, and dealt with elsewhere.
    Refer,
    /// Nobody did anything: a later run did not find it any more.
    Gone,
}

impl DifferenceKind {
    /// What an operator may do about it.
    pub fn actions(self) -> &'static [Action] {
        match self {
            Self::CentreOnly => &[Action::Reverse, Action::Refer],
            Self::UnknownHere => &[Action::Refer, Action::Reverse],
            Self::HereOnly | Self::Unclear | Self::Totals => &[Action::Refer],
            Self::Figures => &[Action::Adopt, Action::Refer],
        }
    }
}

/// What was done about a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Repair {
    /// What.
    pub action: Action,
    /// By whom; none for `gone`.
    #[schema(required)]
    pub operator: Option<String>,
    /// What they noted.
    #[schema(required)]
    pub remark: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `false`: it was begun; how it ended stands in the next one, or was not seen.
    #[serde(default = "was_done")]
    pub done: bool,
}

/// Those from before it was noted what was begun.
fn was_done() -> bool {
    true
}

/// One settlement in which terminal and centre do not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AccountDifference)]
pub struct AccountDifference {
    /// Its number here; 0 until it is kept.
    pub id: u64,
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// What is wrong.
    pub kind: DifferenceKind,
    /// What may be done about it.
    pub actions: Vec<Action>,
    /// 发送方报文ID.
    pub msgid: String,
    /// The centre's number.
    #[schema(required)]
    pub setl_id: Option<String>,
    /// The transaction here.
    #[schema(value_type = Option<String>, format = "uuid", required)]
    pub transaction: Option<Uuid>,
    /// Its state, as in the queue.
    #[schema(required)]
    pub state: Option<String>,
    /// The figures that are not the same.
    pub fields: Vec<String>,
    /// What stands here.
    #[schema(required)]
    pub here: Option<Figures>,
    /// What stands at the centre.
    #[schema(required)]
    pub centre: Option<Figures>,
    /// When it was found first.
    #[schema(value_type = String, format = DateTime)]
    pub found_at: Timestamp,
    /// What was done about it, as it was found last.
    #[schema(required)]
    pub repair: Option<Repair>,
    /// All that was ever begun and done about it, oldest first: nothing is taken from it when it is found again.
    #[serde(default)]
    pub repairs: Vec<Repair>,
}

impl AccountDifference {
    /// Something was done about it.
    pub fn settle(&mut self, repair: Repair) {
        self.repairs.push(repair.clone());
        self.repair = Some(repair);
    }

    /// All that was done about it. One from before that was kept has the last only.
    fn history(&self) -> Vec<Repair> {
        if self.repairs.is_empty() { self.repair.iter().cloned().collect() } else { self.repairs.clone() }
    }

    /// Whether another run found the same.
    fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.here, &self.centre) == (other.kind, &other.here, &other.centre)
    }
}

impl Store {
    /// Keeps what a run found. A difference that was found before stays as it is where it was referred to somebody;
    /// one that was not found again, and about which nothing was done, is gone. One that cannot be read any more is as if
    /// it had not been found before. Gives the run with what is open now.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn keep_reconciliation(
        &self,
        mut run: Reconciliation,
        found: Vec<AccountDifference>,
    ) -> Result<Reconciliation, StoreError> {
        let mut lost = Vec::new();
        let before = self.each_difference(run.date, |msgid| lost.push(msgid))?;
        for msgid in lost {
            tracing::error!(day = %run.date, msgid, "what was found and done about it cannot be read any more");
            let gone = "UPDATE differences SET open = 0 WHERE date = ?1 AND msgid = ?2";
            self.durably(gone, params![run.date.to_string(), msgid])?;
        }
        for mut known in before.iter().filter(|known| known.repair.is_none()).cloned() {
            if !found.iter().any(|found| found.msgid == known.msgid) {
                let at = run.run_at;
                known.settle(Repair { action: Action::Gone, operator: None, remark: None, at, done: true });
                self.keep_difference(&known)?;
            }
        }
        for mut difference in found {
            if let Some(known) = before.iter().find(|known| known.msgid == difference.msgid) {
                let referred = known.repair.as_ref().is_some_and(|repair| repair.action == Action::Refer);
                if referred && known.is_same(&difference) {
                    continue;
                }
                (difference.id, difference.found_at) = (known.id, known.found_at);
                difference.repairs = known.history();
            }
            self.keep_difference(&difference)?;
        }
        run.open = self.differences(run.date)?.iter().filter(|known| known.repair.is_none()).count() as u64;
        self.put_reconciliation(&run)?;
        Ok(run)
    }

    /// Keeps a difference, a new one (number 0; also one that takes the place of what cannot be read any more) or as it
    /// stands now.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn keep_difference(&self, difference: &AccountDifference) -> Result<(), StoreError> {
        let open = difference.repair.is_none();
        if difference.id == 0 {
            return self.durably(
                "INSERT INTO differences (date, msgid, open, difference) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (date, msgid) DO UPDATE SET open = excluded.open, difference = excluded.difference",
                params![difference.date.to_string(), difference.msgid, open, json(difference)?],
            );
        }
        self.durably(
            "UPDATE differences SET open = ?2, difference = ?3 WHERE id = ?1",
            params![difference.id, open, json(difference)?],
        )
    }

    /// Counts again what is open of a day, after something was done about it.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn count_open(&self, date: Date) -> Result<u64, StoreError> {
        let open = self.differences(date)?.iter().filter(|known| known.repair.is_none()).count() as u64;
        if let Some(run) = self.reconciliation(date)? {
            self.put_reconciliation(&Reconciliation { open, ..run })?;
        }
        Ok(open)
    }

    /// A day's run. One that cannot be read any more is none, here and in what follows: the day is run again.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn reconciliation(&self, date: Date) -> Result<Option<Reconciliation>, StoreError> {
        Ok(self.all_json("SELECT date, run FROM reconciliations WHERE date = ?1", [date.to_string()])?.pop())
    }

    /// Runs of a day and those after it, the earliest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn reconciliations_since(&self, date: Date) -> Result<Vec<Reconciliation>, StoreError> {
        self.all_json("SELECT date, run FROM reconciliations WHERE date >= ?1 ORDER BY date", [date.to_string()])
    }

    /// Runs, the latest day first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn reconciliations(&self, limit: u32) -> Result<Vec<Reconciliation>, StoreError> {
        self.all_json("SELECT date, run FROM reconciliations ORDER BY date DESC LIMIT ?1", [limit])
    }

    /// The latest day whose run was made by then, and is no later itself: a clock that was ahead left others.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_reconciliation(&self, then: Timestamp) -> Result<Option<Reconciliation>, StoreError> {
        let today = shanghai().to_datetime(then).date();
        let runs: Vec<Reconciliation> = self.all_json(
            "SELECT date, run FROM reconciliations WHERE date <= ?1 ORDER BY date DESC LIMIT ?2",
            params![today.to_string(), LOOKED_THROUGH],
        )?;
        Ok(runs.into_iter().find(|run| run.run_at <= then))
    }

    /// A day's differences, in the order in which they were found. One that cannot be read any more is none until a run
    /// of the day finds it again.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn differences(&self, date: Date) -> Result<Vec<AccountDifference>, StoreError> {
        self.each_difference(date, |msgid| tracing::warn!(day = %date, msgid, "a difference cannot be read"))
    }

    fn each_difference(
        &self,
        date: Date,
        unreadable: impl FnMut(String),
    ) -> Result<Vec<AccountDifference>, StoreError> {
        self.each_json(&format!("{DIFFERENCES} WHERE date = ?1 ORDER BY id"), [date.to_string()], unreadable)
    }

    /// A difference by its number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn difference(&self, id: u64) -> Result<Option<AccountDifference>, StoreError> {
        Ok(self.all_json(&format!("{DIFFERENCES} WHERE id = ?1"), [id])?.pop())
    }

    /// How many differences of all days are not repaired.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open_differences(&self) -> Result<u64, StoreError> {
        let db = self.db();
        Ok(db.prepare_cached("SELECT count(*) FROM differences WHERE open = 1")?.query_row([], |row| row.get(0))?)
    }

    fn put_reconciliation(&self, run: &Reconciliation) -> Result<(), StoreError> {
        self.durably(
            "INSERT OR REPLACE INTO reconciliations VALUES (?1, ?2)",
            params![run.date.to_string(), json(run)?],
        )
    }
}

/// Each with its number in the table, where there is JSON to put it into.
const DIFFERENCES: &str = "SELECT msgid,
     CASE json_valid(difference) WHEN 1 THEN json_set(difference, '$.id', id) ELSE difference END
     FROM differences";
