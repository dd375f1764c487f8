//! The totals of a day's groups on both sides.

use std::collections::BTreeMap;

use super::settled::{Day, Ours};
use crate::store::GroupTotals;
use crate::wire::reconcile::{DetailDifference, Figures, Group, Total};

/// Whether the two totals of a group are the same but for the settlements in which the two do not agree.
pub(super) fn explains(both: &GroupTotals, day: &Day, told: &[DetailDifference]) -> bool {
    let of_group = |one: &&Ours| one.group == both.group;
    let ours = told.iter().filter_map(|told| day.ours.get(&told.medins_setl_id).filter(of_group));
    let theirs = told.iter().filter_map(|told| told.centre.as_ref());
    let with = |figures: Figures, count: u64, more: &mut dyn Iterator<Item = Figures>| {
        more.fold((figures, count), |(sum, count), figures| (sum.and(figures), count + 1))
    };
    with(both.here, both.here_count, &mut theirs.map(|detail| detail.figures))
        == with(both.centre, both.centre_count, &mut ours.map(|one| one.detail.figures))
}

/// Each group that either side has.
pub(super) fn side_by_side(here: &[Total], centre: &[Total]) -> Vec<GroupTotals> {
    let mut all: BTreeMap<Group, GroupTotals> = BTreeMap::new();
    let nothing = |group: &Group| GroupTotals {
        group: group.clone(),
        here: Figures::default(),
        here_count: 0,
        centre: Figures::default(),
        centre_count: 0,
    };
    for total in here {
        let both = all.entry(total.group.clone()).or_insert_with(|| nothing(&total.group));
        (both.here, both.here_count) = (total.figures, total.count);
    }
    for total in centre {
        let both = all.entry(total.group.clone()).or_insert_with(|| nothing(&total.group));
        (both.centre, both.centre_count) = (total.figures, total.count);
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Fen;
    use crate::wire::reconcile::Detail;

    #[test]
    fn totals_are_explained_by_the_details_that_lead_from_one_to_the_other() {
        let figures = |total| Figures { medfee_sumamt: Fen(total), ..Figures::default() };
        let both = |here, here_count, centre, centre_count| GroupTotals {
            group: Group { insutype: "310".into(), clr_type: None },
            here: figures(here),
            here_count,
            centre: figures(centre),
            centre_count,
        };
        let told = |total| DetailDifference {
            medins_setl_id: "M1".into(),
            centre: Some(Detail {
                setl_id: "S1".into(),
                medins_setl_id: "M1".into(),
                refd_setl_flag: "0".into(),
                figures: figures(total),
            }),
        };
        let day = Day::default();
        assert!(!explains(&both(5, 1, 7, 2), &day, &[]), "no difference, and other totals");
        assert!(explains(&both(5, 1, 7, 2), &day, &[told(2)]));
        assert!(!explains(&both(5, 1, 7, 2), &day, &[told(1)]) && !explains(&both(5, 1, 7, 3), &day, &[told(2)]));
    }

    #[test]
    fn a_group_that_only_one_side_has_stands_beside_nothing() {
        let total = |insutype: &str, count| Total {
            group: Group { insutype: insutype.into(), clr_type: None },
            figures: Figures { medfee_sumamt: Fen(7), ..Figures::default() },
            count,
        };
        let both = side_by_side(&[total("310", 1), total("390", 2)], &[total("390", 2), total("510", 3)]);
        let counts: Vec<_> =
            both.iter().map(|both| (both.group.insutype.as_str(), both.here_count, both.centre_count)).collect();
        assert_eq!(counts, [("310", 1, 0), ("390", 2, 2), ("510", 0, 3)]);
        assert_eq!((both[2].here, both[2].centre.medfee_sumamt), (Figures::default(), Fen(7)));
    }
}
