//! What becomes of the cases of two packs: each is decided by both.

use serde::Serialize;

use crate::rules::input::InputError;
use crate::rules::pack::{Case, Pack};
use crate::rules::replay::Otherwise;

/// What became of all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Effects {
    /// How many there are.
    pub cases: usize,
    /// How many both packs decide in the same way.
    pub same: usize,
    /// Those that come out otherwise.
    pub changed: Vec<CaseEffect>,
}

/// A case that comes out otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseEffect {
    /// Its name.
    pub case: String,
    /// `old`, `new`, or `both` when both packs have it.
    pub of: &'static str,
    /// What the new pack decides otherwise than the old one; left out where one of them does not decide it.
    #[serde(flatten)]
    pub otherwise: Option<Otherwise>,
    /// Why the old one does not decide it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_by_old: Option<String>,
    /// Why the new one does not decide it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_by_new: Option<String>,
}

impl Effects {
    pub(super) fn of(old: &Pack, new: &Pack) -> Self {
        let mut effects = Self::default();
        for case in &old.cases {
            // One of the same name may have another input in the other pack: then both are looked at.
            let twin = new.cases.iter().any(|other| other.name == case.name && other.starts_as(case));
            effects.take(old, new, case, if twin { "both" } else { "old" });
        }
        for case in &new.cases {
            let twin = old.cases.iter().any(|other| other.name == case.name && other.starts_as(case));
            if !twin {
                effects.take(old, new, case, "new");
            }
        }
        effects
    }

    fn take(&mut self, old: &Pack, new: &Pack, case: &Case, of: &'static str) {
        self.cases += 1;
        let (otherwise, not_by_old, not_by_new) = match (case.by(old), case.by(new)) {
            (Ok(then), Ok(now)) => (Some(Otherwise::between(new, &then, &now)), None, None),
            (then, now) => (None, why(then.err()), why(now.err())),
        };
        // What neither decides, and for the same reason, is not otherwise.
        let same = match &otherwise {
            Some(otherwise) => otherwise.is_nothing(),
            None => not_by_old == not_by_new,
        };
        if same {
            self.same += 1;
        } else {
            self.changed.push(CaseEffect { case: case.name.clone(), of, otherwise, not_by_old, not_by_new });
        }
    }
}

fn why(error: Option<InputError>) -> Option<String> {
    error.map(|error| error.to_string())
}
