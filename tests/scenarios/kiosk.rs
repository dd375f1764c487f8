//! Who runs what: at a kiosk there is no clerk, and at a counter the holder runs nothing.

use crate::counter::Setup;
use crate::house::House;
use crate::subject;
use crate::told;

#[test]
fn at_a_kiosk_the_holder_runs_what_is_the_holders() {
    let config = "[scenarios]\nat = \"kiosk\"\n";
    each_is_run_by(&House::with(Setup { centre: None, config, ..Setup::default() }), "holder");
}

#[test]
fn at_a_counter_the_clerk_runs_what_is_the_clerks() {
    each_is_run_by(&House::alone(), "clerk");
}

/// Each part is opened where it is this one's, and refused where it is not; a scenario that has no part of theirs is
/// listed as not carried out.
fn each_is_run_by(house: &House, runner: &str) {
    let all = subject::all();
    let is_theirs = |subject: &subject::Subject| subject.asks.who.iter().any(|who| who == runner);
    house.each(&all, |subject| match is_theirs(subject) {
        true => {
            house.card_of(subject);
            let id = house.asked(subject);
            house.give_up(id);
        }
        false => {
            let failure = house.not_opened(subject, None, None);
            told::told(&failure, &["E-SCN-ELSEWHERE"], "holder", subject);
            told::names(&failure, [subject.scenario.as_str()], subject);
        }
    });
    assert_eq!(house.committed(), 0);
    for listed in house.listed() {
        let mut parts = all.iter().filter(|subject| listed["id"] == subject.scenario.as_str());
        assert_eq!(listed["available"], parts.any(is_theirs), "{runner}: {listed}");
    }
}
