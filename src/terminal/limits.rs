//! How far the terminal may go by itself while the centre is away.

use crate::config::Limits;
use crate::scenario::Tightening;
use crate::value::Fen;

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
    if so_far.oldest_secs.unwrap_or(0) > i64::from(limits.age_hours) * 3600 {
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
    fn each_limit_holds_at_its_edge() {
        let fits = |amount, today, unsent, oldest_secs| {
            check(LIMITS, Fen(amount), Alone { today: Fen(today), unsent, oldest_secs }).is_ok()
        };
        assert!(fits(5000, 3000, 1, Some(3600)));
        assert!(!fits(5001, 0, 0, None));
        assert!(!fits(5000, 3001, 0, None));
        assert!(!fits(1, 0, 2, None));
        assert!(!fits(1, 0, 1, Some(3601)));
        assert!(!fits(1, i64::MAX, 0, None));
        let none = Limits { amount: Fen(0), person_day: Fen(0), count: 0, age_hours: 0 };
        assert!(check(none, Fen(1), Alone { today: Fen(0), unsent: 0, oldest_secs: None }).is_err());
    }
}
