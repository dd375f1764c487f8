//! A payment online: an order is paid once, or not at all; and whoever waits is told which.

use sbkd::center::Faults;
use sbkd::queue::{Draft, Row, State};
use sbkd::sync::{SettleError, Settled, pay};
use sbkd::value::{Fen, Kind};
use sbkd::wire::lookup::{Found, Lookup};
use sbkd::wire::payment::{Account, Paid, Payment};
use sbkd::wire::{Reply, Request, infno};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::world::{Centre, Life, PATIENCE, Process, center_settings, object, online, person, settlement};

/// The scenario, and its message name.
const DUES: &str = "exam-payment";
const ORDER: &str = "P0001";
const AMOUNT: Fen = Fen(26_000);

/// A centre with an order that is due.
async fn centre(dir: &TempDir) -> Centre {
    let people = std::fs::read_to_string("config/center/seed.toml").unwrap();
    let order = format!(
        "[[record]]\npsn_no = \"44010000000003\"\nscenario = \"{DUES}\"\n\
         values = {{ order_no = \"{ORDER}\", order_amt = \"{AMOUNT}\", order_stas = \"due\" }}\n"
    );
    let file = dir.path().join("seed.toml");
    std::fs::write(&file, people + &order).unwrap();
    let mut settings = center_settings();
    settings.seed = Some(file);
    Centre::with(settings).await
}

/// What the journal gets of a payment, and what the centre does.
fn paying(key: &str) -> (Draft, Request) {
    let (draft, request) = online(key);
    let payment = Payment {
        person: person(),
        scenario: DUES.into(),
        part: Kind::Pay,
        message: DUES.into(),
        business_date: settlement().business_date,
        order_no: ORDER.into(),
        order_amt: AMOUNT,
        account: Account { account: "621700******0001".into(), token: "00".repeat(32) },
        fields: Map::new(),
        facts: Map::new(),
    };
    let draft = Draft { scenario: DUES.into(), kind: Kind::Pay, amount: Some(AMOUNT), ..draft };
    (draft, Request { infno: DUES.into(), input: json!(payment), ..request })
}

async fn paid(process: &Process, key: &str) -> Result<Settled<Paid>, SettleError> {
    let (draft, request) = paying(key);
    pay(&process.queue, &process.uplink, draft, request, PATIENCE).await
}

/// How the order stands at the centre.
async fn order(process: &Process) -> Value {
    let lookup = Lookup {
        person: person(),
        scenario: DUES.into(),
        part: Kind::Pay,
        message: DUES.into(),
        business_date: settlement().business_date,
        fields: object(json!({ "order_no": ORDER })),
    };
    let question = Request { infno: DUES.into(), input: json!(lookup), ..online("q").1 };
    let found: Found = serde_json::from_value(process.plain.request(&question).await.unwrap().output).unwrap();
    found.records[0]["order_stas"].clone()
}

fn ended(row: &Row) -> bool {
    !row.state.is_open()
}

#[tokio::test]
async fn an_order_is_paid_and_the_answer_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let centre = centre(&dir).await;
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    assert_eq!(order(&process).await, "due");
    let Ok(Settled::Accepted(row, Paid { payinfo })) = paid(&process, "a").await else { panic!("not paid") };
    assert_eq!((row.state, row.centre_no.as_ref()), (State::Acked, Some(&payinfo.trace_no)));
    assert_eq!((payinfo.order_no.as_str(), payinfo.order_amt, &payinfo.msgid), (ORDER, AMOUNT, &row.msgid));
    assert!(row.is_untold(), "until somebody shows it");
    assert!(!process.queue.shown(row.id).unwrap().is_untold());
    assert_eq!(order(&process).await, "paid");
    // The same key is the same payment, and another one finds nothing due.
    assert!(matches!(paid(&process, "a").await, Ok(Settled::Accepted(again, _)) if again.id == row.id));
    let other = paid(&process, "b").await;
    assert!(matches!(&other, Ok(Settled::Refused(_, code, _)) if code == "C-ORDER-PAID"), "{other:?}");
    let payments = centre.ledger().await["payments"].clone();
    let each: Vec<_> = payments.as_array().unwrap().iter().map(|one| (&one["state"], &one["times"])).collect();
    assert_eq!(each, [(&json!("paid"), &json!(1)), (&json!("refused"), &json!(1))]);
    // Once its time is over nothing but the row is left: the payment tells the centre's time, the refusal none.
    assert_eq!(process.queue.erase(jiff::Timestamp::MAX).unwrap().transactions, 1);
    assert!(matches!(paid(&process, "a").await, Ok(Settled::Erased(again)) if again.id == row.id));
    process.end().await;
}

#[tokio::test]
async fn a_lost_answer_is_found_by_asking_under_the_payments_own_question() {
    let dir = tempfile::tempdir().unwrap();
    let centre = centre(&dir).await;
    centre.play(Faults { only: Some(DUES.into()), drop_answer: 1, ..Faults::default() });
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let Ok(Settled::Accepted(row, _)) = paid(&process, "a").await else { panic!("not paid") };
    assert_eq!(row.state, State::Acked);
    let sent: Vec<_> = process.sent.lock().unwrap().iter().map(|(infno, _)| infno.clone()).collect();
    assert_eq!(sent, [DUES, infno::PAYMENT]);
    process.end().await;
}

#[tokio::test]
async fn what_the_centre_never_did_is_void_and_pays_nothing_later() {
    let dir = tempfile::tempdir().unwrap();
    let centre = centre(&dir).await;
    centre.play(Faults { only: Some(DUES.into()), fail: 1, ..Faults::default() });
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let Ok(Settled::NothingSettled(row)) = paid(&process, "a").await else { panic!("paid") };
    assert_eq!(row.state, State::Void);
    // The lost request turns up late: the reversal came first.
    let late = Request { msgid: row.msgid, ..paying("a").1 };
    assert_eq!(process.plain.request(&late).await.unwrap().refusal().unwrap().0, "C-REVERSED");
    assert_eq!(order(&process).await, "due");
    centre.play(Faults { refuse: 1, ..Faults::default() });
    let refused = paid(&process, "on purpose").await;
    assert!(matches!(&refused, Ok(Settled::Refused(_, code, _)) if code == "C-ON-PURPOSE"), "{refused:?}");
    // Nothing stands in the way of another one.
    assert!(matches!(paid(&process, "b").await, Ok(Settled::Accepted(..))));
    process.end().await;
}

#[tokio::test]
async fn what_was_paid_unheard_is_taken_back_until_that_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let centre = centre(&dir).await;
    let mut process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
    process.lose(&[DUES, infno::PAYMENT, infno::REVERSE, infno::REVERSE]);
    let Ok(Settled::NothingSettled(row)) = paid(&process, "a").await else { panic!("paid") };
    assert_eq!(row.state, State::Reversing);
    assert!(matches!(paid(&process, "a").await, Ok(Settled::NothingSettled(again)) if again.id == row.id));
    process.deliver();
    let rows = process.until(ended).await;
    assert_eq!((rows.len(), rows[0].state), (1, State::Reversed));
    assert_eq!(centre.ledger().await["payments"][0]["state"], "reversed");
    assert_eq!(order(&process).await, "due");
    process.end().await;
}

/// Ways in which a success says nothing that can be right.
const WAYS: [fn(&mut Value); 6] = [
    |output| *output = Value::Null,
    |output| output["payinfo"]["order_no"] = json!("P0002"),
    |output| output["payinfo"]["order_amt"] = json!("260.01"),
    |output| output["payinfo"]["msgid"] = json!("SOMEBODY-ELSES"),
    |output| output["payinfo"]["trace_no"] = json!(""),
    |output| drop(output["payinfo"].as_object_mut().unwrap().remove("paid_at")),
];

#[tokio::test]
async fn a_payment_that_cannot_be_right_is_asked_about_and_taken_back_where_nobody_tells_it_right() {
    for (at, way) in WAYS.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let centre = centre(&dir).await;
        let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
        process.spoil(&[DUES, infno::PAYMENT], way);
        let Ok(Settled::NothingSettled(row)) = paid(&process, "a").await else { panic!("paid: {at}") };
        assert_eq!(row.state, State::Reversed, "{at}");
        process.spoil(&[], |_| {});
        assert_eq!(order(&process).await, "due", "{at}");
        process.spoil(&[DUES], way);
        let Ok(Settled::Accepted(row, paid)) = paid(&process, "b").await else { panic!("not paid: {at}") };
        assert_eq!((row.state, paid.payinfo.order_amt), (State::Acked, AMOUNT), "{at}");
        process.end().await;
    }
}

#[tokio::test]
async fn a_reversal_under_another_number_takes_nothing_back_and_voids_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let centre = centre(&dir).await;
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let Ok(Settled::Accepted(row, _)) = paid(&process, "a").await else { panic!("not paid") };
    let reversal = json!({ "omsgid": row.msgid, "oinfno": infno::SETTLE });
    let request = Request { infno: infno::REVERSE.into(), input: reversal, ..online("r").1 };
    assert_eq!(process.plain.request(&request).await.unwrap().infcode, Reply::REFUSED);
    assert_eq!(order(&process).await, "paid");
    process.end().await;
}

#[tokio::test]
async fn one_failing_step_leaves_no_doubt_about_the_outcome() {
    for n in 1.. {
        let (dir, life) = (tempfile::tempdir().unwrap(), Life::stumbles_at(n));
        let centre = centre(&dir).await;
        let process = Process::start(dir.path(), &centre.url, &life).unwrap();
        let told = paid(&process, "a").await;
        let rows = process.until(ended).await;
        let hit = life.was_hit();
        check(told, &rows, &process, &centre, n).await;
        process.end().await;
        if !hit {
            assert!(n > 10, "only {n} steps were seen");
            return;
        }
    }
}

#[tokio::test]
async fn a_process_that_dies_at_any_step_leaves_no_doubt_about_the_outcome() {
    // By the straight way, and by query and reversal.
    for lost in [&[][..], &[DUES], &[DUES, infno::PAYMENT]] {
        for n in 1.. {
            let (dir, life) = (tempfile::tempdir().unwrap(), Life::dies_at(n));
            let centre = centre(&dir).await;
            let first = Process::start(dir.path(), &centre.url, &life).unwrap();
            first.lose(lost);
            let told = paid(&first, "a").await;
            let hit = life.was_hit();
            first.kill();
            let second = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
            let rows = second.until(ended).await;
            check(told, &rows, &second, &centre, n).await;
            second.end().await;
            if !hit {
                assert!(n > 10, "only {n} steps were seen");
                break;
            }
        }
    }
}

/// What the caller was told, what the journal says and what the centre holds are the same.
async fn check(told: Result<Settled<Paid>, SettleError>, rows: &[Row], process: &Process, centre: &Centre, n: usize) {
    let payments = centre.ledger().await["payments"].clone();
    let standing = payments.as_array().unwrap().iter().filter(|one| one["state"] == "paid").count();
    let state = rows.first().map(|row| row.state);
    assert!(rows.len() <= 1 && standing <= 1, "n = {n}: {rows:?} {payments}");
    assert_eq!(standing == 1, state == Some(State::Acked), "n = {n}: {rows:?} {payments}");
    assert_eq!(order(process).await, if standing == 1 { "paid" } else { "due" }, "n = {n}");
    match told {
        Ok(Settled::Accepted(..)) => assert_eq!(state, Some(State::Acked), "n = {n}"),
        Ok(Settled::NothingSettled(_)) => assert_eq!(standing, 0, "n = {n}: {rows:?}"),
        Ok(Settled::Refused(..) | Settled::Erased(_)) => panic!("n = {n}: refused, or erased"),
        Err(SettleError::UnderWay) => panic!("n = {n}: nobody else has it"),
        // Told that the outcome is open; the list shows what came of it.
        Err(SettleError::Unsure(..)) => assert!(!rows.is_empty(), "n = {n}"),
        // The journal did not take it, as far as it knows; the process died while it did, or the list shows nothing.
        Err(SettleError::Queue(_)) => assert_eq!(standing, 0, "n = {n}: {rows:?}"),
    }
    process.queue.verify().unwrap();
}
