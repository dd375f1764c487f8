//! How far the terminal may go by itself while the centre is away.

use jiff::Timestamp;
use serde::Serialize;

use super::errors;
use super::inner::Inner;
use super::who::Who;
use crate::config::Limits;
use crate::failure::{Explain as _, Failure};
use crate::scenario::{Definition, Tightening};
use crate::value::Fen;
use crate::world::shanghai;

/// The terminal's limits and a scenario's together: the lower of each.
pub(super) fn tightest(limits: Limits, own: Tightening) -> Limits {
    Limits {
        amount: own.amount.map_or(limits.amount, |amount| amount.min(limits.amount)),
        person_day: own.person_day.map_or(limits.person_day, |sum| sum.min(limits.person_day)),
        count: own.count.map_or(limits.count, |count| count.min(limits.count)),
        age_hours: own.age_hours.map_or(limits.age_hours, |age| age.min(limits.age_hours)),
    }
}

/// What was settled by the terminal alone so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alone {
    /// This person's sum of the day.
    pub(super) today: Fen,
    /// How many the centre has not answered.
    pub(super) unsent: u64,
    /// Age of the oldest of them, in seconds.
    pub(super) oldest_secs: Option<i64>,
}

/// What the terminal may still settle alone for a person: the countdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LimitsLeft {
    /// The largest amount of the next one: what is left of the person's day, or less.
    pub amount: Fen,
    /// What is left of the person's day.
    pub person_day: Fen,
    /// What is left for everybody.
    #[serde(flatten)]
    pub terminal: TerminalLeft,
}

/// What the terminal may still settle alone, whoever it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TerminalLeft {
    /// How many.
    pub count: u64,
    /// For how long, in seconds, until the oldest that is not delivered is too old; none while all are.
    #[schema(required)]
    pub age_secs: Option<u64>,
}

/// A clock that was set back by more than this, in seconds, tells no age.
const SET_BACK: i64 = 24 * 3600;

/// Whether an age is above a limit, both in seconds; one that nobody can tell is.
pub(super) fn is_too_old(age: i64, limit: u64) -> bool {
    age < -SET_BACK || u64::try_from(age).is_ok_and(|age| age > limit)
}

fn terminal_left(limits: Limits, unsent: u64, oldest_secs: Option<i64>) -> TerminalLeft {
    let limit = u64::from(limits.age_hours) * 3600;
    let age = |oldest: i64| match is_too_old(oldest, limit) {
        true => 0,
        false => limit.saturating_sub(u64::try_from(oldest).unwrap_or(0)),
    };
    TerminalLeft { count: u64::from(limits.count).saturating_sub(unsent), age_secs: oldest_secs.map(age) }
}

fn left(limits: Limits, so_far: Alone) -> LimitsLeft {
    let person_day = limits.person_day.checked_sub(so_far.today).unwrap_or_default().max(Fen::ZERO);
    let terminal = terminal_left(limits, so_far.unsent, so_far.oldest_secs);
    // Where not even nothing may be settled, there is no amount.
    let amount = check(limits, Fen::ZERO, so_far).map_or(Fen::ZERO, |()| limits.amount.min(person_day));
    LimitsLeft { amount, person_day, terminal }
}

impl Inner {
    /// Whether a provisional settlement keeps within the limits.
    pub(super) fn within_limits(&self, definition: &Definition, who: &Who, amount: Fen) -> Result<(), Failure> {
        let limits = tightest(self.parts.config.limits, definition.limits);
        check(limits, amount, self.alone(who)?).map_err(|which| Failure::with(&errors::LIMIT, which))
    }

    /// What is left of the limits for this person in this scenario.
    pub(super) fn limits_left(&self, definition: &Definition, who: &Who) -> Result<LimitsLeft, Failure> {
        Ok(left(tightest(self.parts.config.limits, definition.limits), self.alone(who)?))
    }

    /// What is left of the terminal's own limits, whoever it is for; `None` when the journal does not tell.
    pub(super) fn terminal_left(&self) -> Option<TerminalLeft> {
        let (unsent, oldest_secs) = self.queue.provisional_unsent().ok()?;
        Some(terminal_left(self.parts.config.limits, unsent, oldest_secs))
    }

    fn alone(&self, who: &Who) -> Result<Alone, Failure> {
        let (unsent, oldest_secs) = self.queue.provisional_unsent().map_err(|error| error.failure())?;
        let midnight = self.parts.clock.today().at(0, 0, 0, 0);
        let midnight = shanghai().to_timestamp(midnight).unwrap_or(Timestamp::UNIX_EPOCH);
        let today = self.queue.provisional_sum(who.tag, midnight).map_err(|error| error.failure())?;
        Ok(Alone { today, unsent, oldest_secs })
    }
}

/// Whether one more provisional transaction keeps within the limits.
///
/// # Errors
/// Which limit it does not keep, in both languages.
pub(super) fn check(limits: Limits, amount: Fen, so_far: Alone) -> Result<(), &'static str> {
    if amount > limits.amount {
        return Err("单笔金额 amount");
    }
    if so_far.today.checked_add(amount).is_none_or(|sum| sum > limits.person_day) {
        return Err("每人每日累计 sum of the person and day");
    }
    if so_far.unsent >= u64::from(limits.count) {
        return Err("未送达的暂结笔数 number of unsent provisional settlements");
    }
    if so_far.oldest_secs.is_some_and(|age| is_too_old(age, u64::from(limits.age_hours) * 3600)) {
        return Err("未送达暂结的时限 age of the oldest unsent provisional settlement");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { amount: Fen(5000), person_day: Fen(8000), count: 2, age_hours: 1 };

    #[test]
    fn a_scenario_only_tightens() {
        let own = Tightening { amount: Some(Fen(9000)), count: Some(1), ..Tightening::default() };
        assert_eq!(tightest(LIMITS, own), Limits { count: 1, ..LIMITS });
    }

    #[test]
    fn the_countdown_ends_where_the_limits_do() {
        let left = |today, unsent, oldest_secs| left(LIMITS, Alone { today: Fen(today), unsent, oldest_secs });
        let terminal = TerminalLeft { count: 2, age_secs: None };
        assert_eq!(left(0, 0, None), LimitsLeft { amount: Fen(5000), person_day: Fen(8000), terminal });
        let terminal = TerminalLeft { count: 1, age_secs: Some(600) };
        assert_eq!(left(7000, 1, Some(3000)), LimitsLeft { amount: Fen(1000), person_day: Fen(1000), terminal });
        let terminal = TerminalLeft { count: 0, age_secs: Some(0) };
        assert_eq!(left(9000, 3, Some(9999)), LimitsLeft { amount: Fen(0), person_day: Fen(0), terminal });
        assert_eq!((left(0, 2, Some(0)).amount, left(0, 2, Some(0)).person_day), (Fen(0), Fen(8000)), "none is left");
        assert_eq!((left(0, 1, Some(3600)).amount, left(0, 1, Some(3601)).amount), (Fen(5000), Fen(0)));
        let behind = left(0, 1, Some(-86_401));
        assert_eq!((behind.amount, behind.terminal.age_secs), (Fen(0), Some(0)), "nobody knows how old it is");
        assert_eq!(left(0, 1, Some(-60)).terminal.age_secs, Some(3600));
        assert_eq!(left(i64::MIN, 3, Some(9999)).person_day, Fen(0), "what cannot be reckoned leaves nothing");
    }

    #[test]
    fn each_limit_holds_at_its_edge() {
        let fits = |amount, today, unsent, oldest_secs| {
            check(LIMITS, Fen(amount), Alone { today: Fen(today), unsent, oldest_secs }).is_ok()
        };
        assert!(fits(5000, 3000, 1, Some(3600)));
        assert!(!fits(5001, 0, 0, None));
        assert!(!fits(5000, 3001, 0, None));
        assert!(!fits(1, 0, 2, None));
        assert!(!fits(1, 0, 1, Some(3601)));
        assert!(fits(1, 0, 1, Some(-86_400)) && !fits(1, 0, 1, Some(-86_401)));
        assert!(!fits(1, i64::MAX, 0, None));
        let none = Limits { amount: Fen(0), person_day: Fen(0), count: 0, age_hours: 0 };
        assert!(check(none, Fen(1), Alone { today: Fen(0), unsent: 0, oldest_secs: None }).is_err());
    }
}
