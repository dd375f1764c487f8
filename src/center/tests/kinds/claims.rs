//! The settlement that a filing names: one number however it is written, and of this person.

use super::undo::{settled, withdrawal};
use super::*;
use crate::wire::person::{Accumulations, Question};

/// Pays once of a bill, whatever else the claim says.
const CLAIMS: &str = r#"
[pack]
id = "k"
version = "1"
title = "报销"
scenarios = ["claim"]
scheme = "k"
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "aae036"
status = "official"
[facts]
aae036 = { type = "date" }
setl_id = { type = "text" }
[accumulators]
claimed = { type = "money", scope = "benefit", by = "setl_id", default = "0.00" }
[[guard]]
code = "E-CLAIMED"
when = "acc.claimed > ¥0"
outcome = "deny"
text = { zh = "该账单已经申请", en = "claimed already" }
basis = "试验"
[[post]]
name = "claimed"
add = "¥1"
"#;

fn world() -> World {
    let packs = [("p.toml".into(), PACK.into()), ("k.toml".into(), CLAIMS.into())];
    World { packs: Packs::load(&packs).unwrap(), ..World::new() }
}

/// A claim of what a settlement left to be paid.
fn claim(setl_id: &str) -> Filing {
    Filing {
        fields: object(json!({ "setl_id": setl_id })),
        facts: object(json!({ "aae036": DAY, "setl_id": setl_id })),
        ..filing("claim", Kind::Apply)
    }
}

impl World {
    /// What is kept of the settlement that the last filing names, and by what it was counted.
    fn kept(&self) -> (String, String) {
        let read = "SELECT json_extract(fields, '$.setl_id'), json_extract(posted, '$.changes[0].period.by')
                    FROM filings ORDER BY number DESC LIMIT 1";
        self.db.query_row(read, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    }
}

#[test]
fn a_claim_keeps_its_settlement_from_being_cancelled_however_it_names_it() {
    let world = world();
    let setl_id = settled(&world, "M1");
    assert_eq!(setl_id, "S00000000001");
    let asked = Cell::new(0);
    let cancel = || {
        asked.set(asked.get() + 1);
        let meant = json!({ "setl_id": setl_id, "psn_no": "44010000000003" });
        told(world.ask(infno::CANCEL, &format!("U{}", asked.get()), &meant)).map(drop)
    };
    for written in ["S1", "s1", "S00000000001", "s00000000001", "Ｓ１"] {
        let claim = claim(written);
        let receipt = world.filed(&claim);
        assert_eq!(world.kept(), ("S00000000001".into(), "S00000000001".into()), "{written}");
        assert_eq!(cancel().unwrap_err(), "C-LATER", "{written}");
        assert!(world.withdraw(&withdrawal(&claim, &receipt)).is_ok());
    }
    assert_eq!(cancel(), Ok(()));
    for written in ["S1", "s00000000001"] {
        assert_eq!(world.file(&claim(written)).unwrap_err(), "C-NOT-FOUND", "{written}");
    }
}

#[test]
fn a_bill_is_claimed_once_however_it_is_named() {
    let world = world();
    settled(&world, "M1");
    assert!(world.file(&claim("S00000000001")).is_ok());
    for written in ["s00000000001", "S1", "s01"] {
        assert_eq!(world.file(&claim(written)).unwrap_err(), "E-CLAIMED", "{written}");
        // A terminal that asks first is told the same.
        let question = Question {
            person: person(),
            scenario: "claim".into(),
            business_date: DAY,
            mdtrt_id: None,
            facts: object(json!({ "setl_id": written, "aae036": DAY })),
        };
        let known = told(world.ask(infno::ACCUMULATIONS, "Q1", &question)).unwrap();
        let known: Accumulations = serde_json::from_value(known).unwrap();
        assert_eq!(known.accumulators["claimed"], "1.00", "{written}");
    }
    // Other centres' numbers are what they are, to the letter.
    for written in ["W1", "w1", "S2015042500031", "s2015042500031"] {
        assert!(world.file(&claim(written)).is_ok(), "{written}");
        assert_eq!(world.kept(), (written.into(), written.into()));
    }
}

#[test]
fn nothing_is_claimed_of_what_is_not_this_persons_settlement() {
    let world = world();
    settled(&world, "M1");
    let refused = json!({ "setl_id": "S00000000009", "psn_no": "44010000000003" });
    assert_eq!(told(world.ask(infno::CANCEL, "M2", &refused)).unwrap_err(), "C-NOT-FOUND");
    let said = |filing: &Filing| match world.deliver("claim", Kind::Apply, filing).outcome {
        Outcome::Refused { code, text } => (code, text),
        Outcome::Accepted => panic!("it was filed"),
    };
    // One of another person is told as one that there is not.
    let anothers = said(&Filing { person: another(), ..claim("S1") });
    assert_eq!(anothers.0, "C-NOT-FOUND");
    assert_eq!(said(&claim("s2")), anothers, "the number of a message that was refused");
    let facts_alone = Filing { fields: Map::new(), person: another(), ..claim("S1") };
    assert_eq!(said(&facts_alone), anothers);
    assert!(world.file(&claim("S3")).is_ok(), "nothing was numbered so yet");
}
