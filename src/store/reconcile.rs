//! What reconciliation with the centre found on each day, and what operators did about it.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Store, StoreError, json};
use crate::wire::reconcile::{Figures, Group};

/// A day held against the centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reconciliation {
    /// The day, Asia/Shanghai.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// When it was run last.
    #[schema(value_type = String, format = DateTime)]
    pub run_at: Timestamp,
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
    /// It stands at the centre; here it was taken back, refused, or is not known.
    CentreOnly,
    /// It stands here and not at the centre.
    HereOnly,
    /// It stands on both sides with other figures.
    Figures,
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
            Self::HereOnly => &[Action::Refer],
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
    /// What was done about it.
    #[schema(required)]
    pub repair: Option<Repair>,
}

impl AccountDifference {
    /// Whether another run found the same.
    fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.here, &self.centre) == (other.kind, &other.here, &other.centre)
    }
}

impl Store {
    /// Keeps what a run found. A difference that was found before stays as it is where it was referred to somebody;
    /// one that was not found again, and about which nothing was done, is gone. Gives the run with what is open now.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn keep_reconciliation(
        &self,
        mut run: Reconciliation,
        found: Vec<AccountDifference>,
    ) -> Result<Reconciliation, StoreError> {
        let before = self.differences(run.date)?;
        for mut known in before.iter().filter(|known| known.repair.is_none()).cloned() {
            if !found.iter().any(|found| found.msgid == known.msgid) {
                known.repair = Some(Repair { action: Action::Gone, operator: None, remark: None, at: run.run_at });
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
            }
            self.keep_difference(&difference)?;
        }
        run.open = self.differences(run.date)?.iter().filter(|known| known.repair.is_none()).count() as u64;
        self.put_reconciliation(&run)?;
        Ok(run)
    }

    /// Keeps a difference, a new one (number 0) or as it stands now.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn keep_difference(&self, difference: &AccountDifference) -> Result<(), StoreError> {
        let open = difference.repair.is_none();
        if difference.id == 0 {
            return self.durably(
                "INSERT INTO differences (date, msgid, open, difference) VALUES (?1, ?2, ?3, ?4)",
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

    /// A day's run.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn reconciliation(&self, date: Date) -> Result<Option<Reconciliation>, StoreError> {
        self.json("SELECT run FROM reconciliations WHERE date = ?1", [date.to_string()])
    }

    /// Runs, the latest day first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn reconciliations(&self, limit: u32) -> Result<Vec<Reconciliation>, StoreError> {
        self.all_json("SELECT run FROM reconciliations ORDER BY date DESC LIMIT ?1", [limit])
    }

    /// A day's differences, in the order in which they were found.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn differences(&self, date: Date) -> Result<Vec<AccountDifference>, StoreError> {
        self.all_json(&format!("{DIFFERENCES} WHERE date = ?1 ORDER BY id"), [date.to_string()])
    }

    /// A difference by its number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn difference(&self, id: u64) -> Result<Option<AccountDifference>, StoreError> {
        self.json(&format!("{DIFFERENCES} WHERE id = ?1"), [id])
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

/// Each with its number in the table.
const DIFFERENCES: &str = "SELECT json_set(difference, '$.id', id) FROM differences";
