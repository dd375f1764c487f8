//! How far the terminal may go by itself while the centre is away.

use crate::config::Limits;
use crate::queue::Stats;
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

/// Whether a provisional transaction keeps within the limits.
///
/// # Errors
/// Which limit it does not keep, in both languages.
pub(super) fn check(limits: Limits, amount: Fen, today: Fen, stats: &Stats) -> Result<(), &'static str> {
    if amount > limits.amount {
        return Err("单笔金额 amount");
    }
    if today.checked_add(amount).is_none_or(|sum| sum > limits.person_day) {
        return Err("每人每日累计 sum of the person and day");
    }
    if stats.unsent >= u64::from(limits.count) {
        return Err("未送达笔数 number of unsent transactions");
    }
    let oldest = stats.oldest_unsent_secs.unwrap_or(0);
    if oldest > i64::from(limits.age_hours) * 3600 {
        return Err("未送达时限 age of the oldest unsent transaction");
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
        let stats = |unsent, oldest| Stats {
            total: 9,
            unsent,
            oldest_unsent_secs: oldest,
            sum: Fen(0),
            refused: 0,
            last_ack: None,
        };
        let fits =
            |amount, today, unsent, oldest| check(LIMITS, Fen(amount), Fen(today), &stats(unsent, oldest)).is_ok();
        assert!(fits(5000, 3000, 1, Some(3600)));
        assert!(!fits(5001, 0, 0, None));
        assert!(!fits(5000, 3001, 0, None));
        assert!(!fits(1, 0, 2, None));
        assert!(!fits(1, 0, 1, Some(3601)));
        assert!(!fits(1, i64::MAX, 0, None));
        let none = Limits { amount: Fen(0), person_day: Fen(0), count: 0, age_hours: 0 };
        assert!(check(none, Fen(1), Fen(0), &stats(0, None)).is_err());
    }
}
