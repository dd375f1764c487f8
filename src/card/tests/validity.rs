//! The validity step: what it finds, and what may be let pass.

use jiff::Timestamp;
use jiff::civil::Date;

use super::Desk;
use crate::card::{Accepted, Finding, Lenience, Listing, Reading, Verdict};
use crate::failure::Explain as _;
use crate::store::Hit;
use crate::world::{Clock, FixedClock};

const CLEAR: Listing = Listing::Looked { hit: None, old: None };

fn reading(image: &str) -> Reading {
    Desk::new(image).read().outcome.unwrap()
}

/// Noon of that day.
fn noon(day: &str) -> Timestamp {
    format!("{day}T12:00:00+08:00").parse().unwrap()
}

fn verdict(reading: &Reading, on: &str, accepted: &Accepted, listing: Listing) -> Verdict {
    reading.card().verdict(&FixedClock(noon(on)), accepted, listing)
}

fn codes(reading: &Reading, on: &str, accepted: &Accepted, listing: Listing) -> Vec<&'static str> {
    verdict(reading, on, accepted, listing).findings().iter().map(|finding| finding.entry().code).collect()
}

#[test]
fn where_nothing_is_asked_for_nothing_is_found() {
    let reading = reading("v3-sm4");
    for listing in [Listing::Exempt, CLEAR] {
        assert_eq!(codes(&reading, "2026-01-01", &Accepted::default(), listing), [""; 0]);
    }
}

#[test]
fn all_that_speaks_against_a_card_is_found_the_gravest_first() {
    let reading = reading("v3-sm4");
    let accepted =
        Accepted { issuers: vec!["9156000002330".into()], categories: vec!['1'], versions: vec!["2".into()] };
    let hit = Some(Hit { label: Some("挂失".into()) });
    let listing = Listing::Looked { hit, old: Some(Timestamp::UNIX_EPOCH) };
    let found = codes(&reading, "2040-06-01", &accepted, listing.clone());
    let all = [
        "E-CARD-BLACKLISTED",
        "E-CARD-BLACKLIST-OLD",
        "E-CARD-ISSUER",
        "E-CARD-CATEGORY",
        "E-CARD-VERSION-NOT-ACCEPTED",
        "E-TERM-CARD-EXPIRED",
    ];
    assert_eq!(found, all);
    let verdict = verdict(&reading, "2040-06-01", &accepted, listing);
    let first = verdict.obstacle(Lenience { expired: true, list: true }).unwrap();
    assert_eq!((first, first.detail().as_deref()), (&Finding::Blacklisted(Some("挂失".into())), Some("挂失")));
    let details: Vec<_> = verdict.findings().iter().map(|finding| finding.detail().unwrap_or_default()).collect();
    assert_eq!(details, ["挂失", "1970-01-01T00:00:00Z", "", "3", "3.00", "2040-05-31"]);
}

#[test]
fn a_terminal_accepts_what_begins_as_it_lists_and_no_card_that_does_not_say() {
    let reading = reading("v3-sm4");
    let with = |issuers: &[&str], categories: &[char], versions: &[&str]| Accepted {
        issuers: issuers.iter().map(|text| (*text).to_owned()).collect(),
        categories: categories.to_vec(),
        versions: versions.iter().map(|text| (*text).to_owned()).collect(),
    };
    let found = |reading: &Reading, accepted: &Accepted| codes(reading, "2026-01-01", accepted, Listing::Exempt);
    assert_eq!(found(&reading, &with(&["9156000002330", "9156000002440100"], &['2', '3'], &["2.01", "3"])), [""; 0]);
    assert_eq!(found(&reading, &with(&["91560000024401000440100011"], &[], &[])), ["E-CARD-ISSUER"]);
    assert_eq!(found(&reading, &with(&[], &['2'], &[])), ["E-CARD-CATEGORY"]);
    assert_eq!(found(&reading, &with(&[], &[], &["3.01", "2"])), ["E-CARD-VERSION-NOT-ACCEPTED"]);
    let blank = super::super::data::CardFile { issuer: None, category: None, ..reading.card().clone() };
    let blank = Reading { card: blank, ..reading };
    assert_eq!(found(&blank, &with(&[], &[], &[])), [""; 0]);
    assert_eq!(found(&blank, &with(&["9"], &['3'], &[])), ["E-CARD-ISSUER", "E-CARD-CATEGORY"]);
}

#[test]
fn only_an_expired_card_and_a_list_that_is_away_or_old_can_be_let_pass() {
    let none = Lenience::default();
    let (expired, list) = (Lenience { expired: true, ..none }, Lenience { list: true, ..none });
    let passes = |image: &str, on: &str, listing: Listing| {
        let verdict = verdict(&reading(image), on, &Accepted::default(), listing);
        assert_eq!(verdict.findings().len(), 1);
        [none, expired, list].map(|lenience| verdict.obstacle(lenience).is_none())
    };
    let hit = Listing::Looked { hit: Some(Hit { label: None }), old: None };
    assert_eq!(passes("v3-sm4", "2026-01-01", hit), [false; 3]);
    assert_eq!(passes("v3-sm4", "2026-01-01", Listing::NoList(None)), [false, false, true]);
    let old = Listing::Looked { hit: None, old: Some(Timestamp::UNIX_EPOCH) };
    assert_eq!(passes("v3-sm4", "2026-01-01", old), [false, false, true]);
    assert_eq!(passes("v3-expired", "2026-01-01", Listing::Exempt), [false, true, false]);
    assert_eq!(passes("v3-sm4", "2020-05-31", Listing::Exempt), [false; 3]);
}

/// The clock of a program that was put here on a day.
struct Installed {
    shows: Timestamp,
    on: Date,
}

impl Clock for Installed {
    fn now(&self) -> Timestamp {
        self.shows
    }

    fn earliest(&self) -> Option<Date> {
        Some(self.on)
    }
}

#[test]
fn a_clock_that_cannot_be_right_makes_no_card_valid() {
    let found = |image: &str, shows: &str| {
        let clock = Installed { shows: noon(shows), on: "2026-11-27".parse().unwrap() };
        let verdict = reading(image).card().verdict(&clock, &Accepted::default(), Listing::Exempt);
        let lenient = Lenience { expired: true, list: true };
        let told: Vec<_> = verdict.findings().iter().map(|found| (found.entry().code, found.detail())).collect();
        (told, verdict.obstacle(lenient).is_some())
    };
    let day = |text: &str| Some(text.to_owned());
    // Issued in 2020, valid until 2040; the other one until some day before the program was there.
    assert_eq!(found("v3-sm4", "2026-11-27"), (vec![], false));
    assert_eq!(found("v3-sm4", "2026-11-26"), (vec![("E-TERM-CARD-CLOCK", day("2026-11-26"))], true));
    assert_eq!(
        found("v3-sm4", "2015-08-01"),
        (vec![("E-TERM-CARD-CLOCK", day("2015-08-01"))], true),
        "nor not issued yet"
    );
    let expired = reading("v3-expired").card().expires.unwrap();
    assert!(expired < "2026-11-26".parse().unwrap());
    assert_eq!(found("v3-expired", &expired.to_string()).0, [("E-TERM-CARD-CLOCK", Some(expired.to_string()))]);
}
