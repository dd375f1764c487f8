//! A group's settlements held against the centre's, stretch by stretch of their message ids: a message has its bounds.

use std::ops::Bound;

use jiff::civil::Date;

use super::settled::Day;
use crate::wire::reconcile::{Detail, DetailDifference, Details, DetailsAnswer, Group, PAGE};

/// Every settlement of a group in which the two do not agree; `ask` asks the centre about a stretch.
pub(super) fn compared<E>(
    day: &Day,
    date: Date,
    group: &Group,
    mut ask: impl FnMut(&Details) -> Result<DetailsAnswer, E>,
) -> Result<Vec<DetailDifference>, E> {
    let (mut differences, mut from) = (Vec::new(), None);
    loop {
        let told = stretch(day, date, group, from);
        let answer = ask(&told)?;
        // A centre that knows of no stretches compares what is not in this one as well.
        differences.extend(answer.differences.into_iter().filter(|found| told.covers(&found.medins_setl_id)));
        // One that says nothing further on would be asked for ever.
        let more = answer.more.filter(|more| Some(more) > told.from.as_ref());
        match more.or(told.until) {
            Some(next) => from = Some(next),
            None => return Ok(differences),
        }
    }
}

/// As much of a group as one message asks about, from a message id on.
fn stretch(day: &Day, date: Date, group: &Group, from: Option<String>) -> Details {
    let start = from.as_ref().map_or(Bound::Unbounded, Bound::Included);
    let of_group = day.ours.range::<String, _>((start, Bound::Unbounded)).filter(|(_, one)| one.group == *group);
    let mut details: Vec<Detail> = of_group.map(|(_, one)| one.detail.clone()).take(PAGE + 1).collect();
    let until = if details.len() > PAGE { details.pop().map(|next| next.medins_setl_id) } else { None };
    Details { date, group: group.clone(), from, until, details }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::queue::tests::{draft, open};
    use crate::terminal::settled::Ours;
    use crate::value::Fen;
    use crate::wire::reconcile::{self, Figures};

    /// What a broker carries.
    const LARGEST: usize = 1 << 20;

    fn detail(n: usize, total: i64) -> Detail {
        let figures = Figures { medfee_sumamt: Fen(total), psn_cash_pay: Fen(total), ..Figures::default() };
        let medins_setl_id = format!("H4401001234520150803100000{n:06}");
        Detail { setl_id: format!("S{n:029}"), medins_setl_id, refd_setl_flag: "0".into(), figures }
    }

    #[test]
    fn a_day_of_many_settlements_is_compared_whole_in_messages_of_bounded_size() {
        let dir = tempfile::tempdir().unwrap();
        let row = open(dir.path()).commit(draft("a")).unwrap().row;
        let group = |insutype: &str| Group { insutype: insutype.into(), clr_type: None };
        let (own, other) = (group("310"), group("390"));
        let mut day = Day::default();
        for n in 0..4 * PAGE {
            let one = detail(n, 1);
            let group = if n % 4 == 3 { &other } else { &own };
            let ours = Ours { row: row.clone(), group: group.clone(), detail: one.clone() };
            day.ours.insert(one.medins_setl_id, ours);
        }
        let date = jiff::civil::date(2015, 8, 3);
        let compare = |theirs: &[Detail], knows_stretches: bool| {
            let mut asked = 0;
            let found = compared(&day, date, &own, |told| {
                asked += 1;
                let theirs = theirs.iter().cloned();
                let answer = match knows_stretches {
                    true => reconcile::answer(told, theirs),
                    false => {
                        let differences = reconcile::compare(&told.details, &theirs.collect::<Vec<_>>());
                        DetailsAnswer { differences, more: None }
                    }
                };
                assert!(!knows_stretches || serde_json::to_vec(&answer).unwrap().len() < LARGEST);
                assert!(serde_json::to_vec(told).unwrap().len() < LARGEST);
                Ok::<_, Infallible>(answer)
            });
            let Ok(found) = found;
            (asked, found.into_iter().map(|one| one.medins_setl_id).collect::<Vec<_>>())
        };
        let of_group = |n: &usize| n % 4 != 3;
        let mut theirs: Vec<Detail> = (0..4 * PAGE).filter(of_group).map(|n| detail(n, 1)).collect();
        assert_eq!(compare(&theirs, true), (3, vec![]));
        // One missing, one other and one too many, each in another stretch.
        let last = 4 * PAGE + 1;
        theirs[3 * PAGE / 2].figures.medfee_sumamt = Fen(2);
        let changed = theirs[3 * PAGE / 2].medins_setl_id.clone();
        let gone = theirs.remove(1).medins_setl_id;
        theirs.push(detail(last, 1));
        let all = [gone, changed, detail(last, 1).medins_setl_id];
        let (asked, mut found) = compare(&theirs, true);
        found.sort();
        assert_eq!((asked, &found[..]), (3, &all[..]));
        assert_eq!(compare(&theirs, false).1, found);
        // None of ours is there, and very many others are.
        let strangers: Vec<Detail> = (0..5 * PAGE).map(|n| detail(900_000 + n, 1)).collect();
        let (_, found) = compare(&strangers, true);
        assert_eq!(found.len(), 3 * PAGE + 5 * PAGE);
    }
}
