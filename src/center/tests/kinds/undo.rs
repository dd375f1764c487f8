//! What was filed is withdrawn, as long as nothing came of it.

use super::*;
use crate::queue::{Note, State};
use crate::wire::filing::{Standing, WITHDRAWAL, Withdrawal};

impl World {
    /// The transaction that brought a filing, which was taken.
    pub(super) fn filed(&self, filing: &Filing) -> Receipt {
        let receipt = self.deliver(&filing.scenario, filing.part, filing);
        assert!(receipt.outcome == Outcome::Accepted);
        self.queue.advance(receipt.id, State::Sending, Note::Nothing).unwrap();
        self.queue.advance(receipt.id, State::Acked, receipt.clone().into()).unwrap();
        receipt
    }

    /// What comes of a withdrawal: its state, or the code of its refusal. Whatever comes of it, the filing stands in the
    /// journal again afterwards where it was refused.
    pub(super) fn withdraw(&self, withdrawal: &Withdrawal) -> Result<Filed, String> {
        self.withdraw_at(self.queue.terminal(), withdrawal)
    }

    /// The same at a terminal.
    fn withdraw_at(&self, terminal: &str, withdrawal: &Withdrawal) -> Result<Filed, String> {
        self.sent.set(self.sent.get() + 1);
        let payload = json!({ "request": withdrawal, "detail": { "cancels": withdrawal.id } });
        let (scenario, kind, cancels) = (withdrawal.scenario.clone(), withdrawal.part, Some(withdrawal.id));
        let draft = Draft { scenario, kind, payload, cancels, ..draft(&self.sent.get().to_string()) };
        let row = self.queue.commit(draft).unwrap().row;
        let mut envelope = self.queue.envelope(row.id).unwrap().unwrap();
        assert_eq!(envelope.header.cancels, Some(withdrawal.id));
        envelope.header.terminal = terminal.into();
        let answers = [(); 2].map(|()| {
            let one = std::slice::from_ref(&envelope);
            deliver::batch(&self.db, &self.packs, one, (true, 0), NOW).remove(0)
        });
        let [ItemAnswer::Receipt(receipt), ItemAnswer::Receipt(again)] = answers else { panic!("no receipt") };
        assert!(receipt == again, "the same transaction is answered alike");
        self.queue.advance(row.id, State::Sending, Note::Nothing).unwrap();
        let accepted = receipt.outcome == Outcome::Accepted;
        let to = if accepted { State::Acked } else { State::Refused };
        self.queue.advance(row.id, to, receipt.clone().into()).unwrap();
        match receipt.outcome {
            Outcome::Accepted => Ok(serde_json::from_value(receipt.output).unwrap()),
            Outcome::Refused { code, .. } => Err(code),
        }
    }
}

pub(super) fn withdrawal(filing: &Filing, of: &Receipt) -> Withdrawal {
    Withdrawal {
        person: filing.person.clone(),
        scenario: filing.scenario.clone(),
        part: filing.part,
        message: WITHDRAWAL.into(),
        business_date: DAY,
        id: of.id,
        number: of.output["number"].as_str().map(str::to_owned),
        reason: Some("填错了单位".into()),
    }
}

#[test]
fn what_was_filed_is_withdrawn_once_with_what_it_counted() {
    let world = World::new();
    let filing = Filing { once: Some("standing".into()), ..filing("ruled", Kind::Apply) };
    let first = world.filed(&filing);
    assert_eq!((world.counted(), world.file(&filing).unwrap_err()), ("\"1.00\"".into(), "C-ALREADY".into()));
    let filed = world.withdraw(&withdrawal(&filing, &first)).unwrap();
    assert_eq!((json!(filed.number), filed.state), (first.output["number"].clone(), Standing::Withdrawn));
    assert_eq!(world.counted(), "\"0.00\"");
    let kept = "SELECT group_concat(withdrawn_for) FROM filings";
    assert_eq!(world.db.query_row(kept, [], |row| row.get::<_, String>(0)).as_deref(), Ok("填错了单位"));
    let anew = world.filed(&filing);
    assert_eq!(world.counted(), "\"1.00\"");
    assert!(world.withdraw(&withdrawal(&filing, &anew)).is_ok());
}

#[test]
fn nothing_but_what_stands_of_this_person_is_withdrawn() {
    let world = World::new();
    let filing = filing("free", Kind::Apply);
    let receipt = world.filed(&filing);
    let right = || withdrawal(&filing, &receipt);
    for (wrong, code) in [
        (Withdrawal { person: another(), ..right() }, "C-NOT-FOUND"),
        (Withdrawal { person: of("11010519491231002X"), ..right() }, "C-NO-PERSON"),
        (Withdrawal { number: Some("F00000000001".into()), ..right() }, "C-FORM"),
        (Withdrawal { message: "free".into(), ..right() }, "C-FORM"),
        (Withdrawal { reason: Some("字".repeat(201)), ..right() }, "C-FORM"),
        (Withdrawal { reason: Some("a\nb".into()), ..right() }, "C-FORM"),
        (Withdrawal { reason: Some(String::new()), ..right() }, "C-FORM"),
    ] {
        assert_eq!(world.withdraw(&wrong).unwrap_err(), code);
    }
    assert!(world.withdraw(&right()).is_ok());
}

#[test]
fn what_came_of_a_filing_keeps_it_from_being_withdrawn() {
    let world = World::new();
    let fields = |name: &str, value: &str| object(json!({ name: value }));
    let collected = Filing { fields: fields("pay_no", "B1"), ..filing("benefit", Kind::Collect) };
    let changed = Filing {
        fields: object(json!({ "fix_srt_no": "2", "fixmedins_name": "丙医院", "AAE013": "搬家" })),
        facts: object(json!({ "aae036": DAY, "fixmedins_name": "丙医院", "fix_name_now": "乙医院" })),
        ..filing("point", Kind::Change)
    };
    for filing in [collected, changed] {
        let receipt = world.filed(&filing);
        assert_eq!(world.withdraw(&withdrawal(&filing, &receipt)).unwrap_err(), "C-ACTED", "{:?}", filing.part);
    }
    world.db.execute("INSERT INTO visits (mdtrt_id, psn_no) VALUES ('M1', '44010000000003')", []).unwrap();
    let visit = Filing { fields: fields("mdtrt_id", "M1"), ..filing("free", Kind::Visit) };
    let receipt = world.filed(&visit);
    let settled = "INSERT INTO settlements (terminal, msgid, state, psn_no, posted, times)
         VALUES ('T', 'M', 'settled', '44010000000003', json_object('settlement', json_object('mdtrt_id', 'M1')), 1)";
    world.db.execute(settled, []).unwrap();
    assert_eq!(world.withdraw(&withdrawal(&visit, &receipt)).unwrap_err(), "C-ACTED");
    let cancelled = "INSERT INTO settlements (terminal, msgid, state, psn_no, posted, times, cancels)
         SELECT 'T', 'N', 'settled', psn_no, posted, 1, number FROM settlements";
    world.db.execute(cancelled, []).unwrap();
    assert!(world.withdraw(&withdrawal(&visit, &receipt)).is_ok(), "the settlement that named it is cancelled");
}

#[test]
fn a_visit_that_something_names_stays_and_one_that_was_withdrawn_is_over() {
    let world = World::new();
    let registration = Filing { message: "2201".into(), ..filing("free", Kind::Register) };
    let registered = world.filed(&registration);
    let visit =
        Filing { fields: object(json!({ "mdtrt_id": registered.output["mdtrt_id"] })), ..filing("free", Kind::Visit) };
    let visited = world.filed(&visit);
    assert_eq!(world.withdraw(&withdrawal(&registration, &registered)).unwrap_err(), "C-ACTED");
    assert!(world.withdraw(&withdrawal(&visit, &visited)).is_ok());
    let filed = world.withdraw(&withdrawal(&registration, &registered)).unwrap();
    assert_eq!((filed.state, json!(filed.mdtrt_id)), (Standing::Withdrawn, registered.output["mdtrt_id"].clone()));
    assert_eq!(world.file(&visit).unwrap_err(), "C-VISIT-ENDED");
}

#[test]
fn what_was_counted_on_since_is_not_taken_back() {
    let world = World::new();
    let (filing, other) = (filing("ruled", Kind::Apply), filing("ruled", Kind::Certify));
    let (first, later) = (world.filed(&filing), world.filed(&other));
    assert_eq!(world.withdraw(&withdrawal(&filing, &first)).unwrap_err(), "C-LATER", "a filing, of another part");
    assert_eq!(world.counted(), "\"2.00\"");
    assert!(world.withdraw(&withdrawal(&other, &later)).is_ok());
    world.pay("M1", &payment("P1", 26_000)).unwrap();
    assert_eq!(world.withdraw(&withdrawal(&filing, &first)).unwrap_err(), "C-LATER", "a payment");
    assert_eq!(world.reverse("M1", "dues"), Reply::OK);
    assert!(world.withdraw(&withdrawal(&filing, &first)).is_ok());
    assert_eq!(world.counted(), "\"0.00\"");
}

/// What a settlement by the rules settled: its number.
pub(super) fn settled(world: &World, msgid: &str) -> Value {
    let mut settlement = json!(person());
    settlement.as_object_mut().unwrap().extend(object(json!({
        "insutype": "310", "med_type": "11", "medfee_sumamt": "1.00", "psn_setlway": "01", "acct_used_flag": "0",
        "scenario": "ruled", "business_date": DAY, "facts": { "aae036": DAY }, "feedetail": [],
    })));
    told(world.ask(infno::SETTLE, msgid, &settlement)).unwrap()["setlinfo"]["setl_id"].clone()
}

#[test]
fn a_settlement_on_which_a_filing_rests_is_not_cancelled() {
    let world = World::new();
    let setl_id = settled(&world, "M1");
    let asked = Cell::new(0);
    let cancel = || {
        asked.set(asked.get() + 1);
        let meant = json!({ "setl_id": setl_id, "psn_no": "44010000000003" });
        told(world.ask(infno::CANCEL, &format!("U{}", asked.get()), &meant)).map(drop)
    };
    // It counted on the same, or it names the bill.
    let named = Filing { fields: object(json!({ "setl_id": setl_id })), ..filing("free", Kind::Apply) };
    for filing in [filing("ruled", Kind::Apply), named] {
        let receipt = world.filed(&filing);
        assert_eq!(cancel().unwrap_err(), "C-LATER", "{}", filing.scenario);
        assert!(world.withdraw(&withdrawal(&filing, &receipt)).is_ok());
    }
    let other = Filing { fields: object(json!({ "setl_id": "S00000000099" })), ..filing("free", Kind::Apply) };
    let another =
        Filing { person: another(), fields: object(json!({ "setl_id": setl_id })), ..filing("free", Kind::Apply) };
    assert!(world.file(&other).is_ok(), "not numbered here");
    assert_eq!(world.file(&another).unwrap_err(), "C-NOT-FOUND");
    assert_eq!(world.counted(), "\"1.00\"");
    assert_eq!(cancel(), Ok(()));
    assert_eq!(world.counted(), "\"0.00\"");
    // Nothing is left to be claimed of it.
    let late = Filing { fields: object(json!({ "setl_id": setl_id })), ..filing("free", Kind::Apply) };
    assert_eq!(world.file(&late).unwrap_err(), "C-NOT-FOUND");
}

#[test]
fn what_was_filed_is_withdrawn_by_the_terminal_that_filed_it() {
    let world = World::new();
    let filing = filing("free", Kind::Apply);
    let receipt = world.filed(&filing);
    let wanted = withdrawal(&filing, &receipt);
    assert_eq!(world.withdraw_at("T44010000002", &wanted).unwrap_err(), "C-NOT-FOUND");
    // Its journal was put aside since.
    world.db.execute("UPDATE transactions SET terminal = terminal || '~AB~1'", []).unwrap();
    assert_eq!(world.withdraw_at("T4401000000", &wanted).unwrap_err(), "C-NOT-FOUND");
    assert!(world.withdraw(&wanted).is_ok());
}
