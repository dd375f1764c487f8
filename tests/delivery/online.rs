//! Settlement online: settled once, or not at all; and whoever waits is told which.

use std::sync::Arc;

use sbkd::center::Faults;
use sbkd::queue::{Row, State};
use sbkd::sync::{Asker, HttpUplink, SettleError, Settled, Uplink as _, UplinkError, settle};
use sbkd::wire::person::{Accumulations, Question};
use sbkd::wire::{Reply, Request, infno};
use serde_json::{Value, json};

use super::world::{
    Centre, Life, PATIENCE, Process, TERMINAL, center_settings, clock, journal, link, online, person, settlement,
};

/// What the centre's people have when they begin (config/center/seed.toml).
pub const POOL: &str = "12000.00";

pub fn ended(row: &Row) -> bool {
    !row.state.is_open()
}

pub async fn settled(process: &Process, key: &str) -> Result<Settled, SettleError> {
    let (draft, request) = online(key);
    settle(&process.queue, &process.uplink, draft, request, PATIENCE).await
}

pub fn asker(process: &Process) -> Asker {
    Asker::new(process.plain.clone(), Arc::new(clock()), TERMINAL, true)
}

fn question() -> Question {
    Question {
        person: person(),
        scenario: "medical-settlement".into(),
        business_date: settlement().business_date,
        mdtrt_id: None,
        facts: settlement().facts,
    }
}

async fn accumulations(process: &Process) -> Accumulations {
    asker(process).accumulations("0007", &question(), PATIENCE.answer).await.unwrap()
}

pub async fn pool(process: &Process) -> Value {
    accumulations(process).await.accumulators["pool"].clone()
}

#[tokio::test]
async fn the_centre_settles_and_the_answer_is_kept() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let told = asker(&process).person("0007", &question(), PATIENCE.answer).await.unwrap();
    assert_eq!((told.insutype.as_str(), &told.facts["balc"]), ("310", &json!("500.00")));
    // Pre-settlement may be repeated: it changes nothing.
    for _ in 0..2 {
        let computed = asker(&process).pre_settle("0007", &settlement(), PATIENCE.answer).await.unwrap();
        assert_eq!(computed.setlinfo["hifp_pay"], "22720.00");
        assert_eq!(pool(&process).await, POOL);
    }
    let Ok(Settled::Accepted(row, answer)) = settled(&process, "a").await else { panic!("not settled") };
    assert_eq!((row.state, row.attempts, row.centre_no.as_deref()), (State::Acked, 1, Some("S00000000001")));
    assert_eq!(answer.setlinfo["psn_cash_pay"], "7280.00");
    assert_eq!(answer.setlinfo["medins_setl_id"], json!(row.msgid));
    assert_eq!(process.queue.answer(row.id).unwrap().unwrap().output, json!(answer));
    let payload = process.queue.payload(row.id).unwrap().unwrap();
    assert_eq!((&payload["detail"]["decision"], &payload["request"]["infno"]), (&json!("local"), &json!("2207")));
    assert_eq!(pool(&process).await, "34720.00");
    let ledger = process.until_told(&centre).await;
    assert_eq!(
        (&ledger["settlements"][0]["state"], &ledger["settlements"][0]["times"]),
        (&json!("settled"), &json!(1))
    );
    // The same key again, in this life and the next, is the same settlement.
    assert!(matches!(settled(&process, "a").await, Ok(Settled::Accepted(again, _)) if again.id == row.id));
    process.end().await;
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    assert!(matches!(settled(&process, "a").await, Ok(Settled::Accepted(again, _)) if again.id == row.id));
    // And once its time is over, of which nothing but the row is left.
    assert_eq!(process.queue.erase(jiff::Timestamp::MAX).unwrap().transactions, 1);
    assert!(matches!(settled(&process, "a").await, Ok(Settled::Erased(again)) if again.id == row.id && again.erased));
    assert!(process.queue.stats().unwrap().damaged.is_empty());
    assert_eq!(centre.ledger().await["settlements"][0]["times"], 1);
    process.end().await;
}

#[tokio::test]
async fn a_lost_answer_is_found_by_asking() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    centre.play(Faults { only: Some(infno::SETTLE.into()), drop_answer: 1, ..Faults::default() });
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let Ok(Settled::Accepted(row, answer)) = settled(&process, "a").await else { panic!("not settled") };
    assert_eq!((row.state, &answer.setlinfo["hifp_pay"]), (State::Acked, &json!("22720.00")));
    assert_eq!(centre.ledger().await["settlements"].as_array().unwrap().len(), 1);
    process.end().await;
}

#[tokio::test]
async fn what_the_centre_never_did_is_void_and_stays_so() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    centre.play(Faults { only: Some(infno::SETTLE.into()), fail: 1, ..Faults::default() });
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let Ok(Settled::NothingSettled(row)) = settled(&process, "a").await else { panic!("settled") };
    assert_eq!(row.state, State::Void);
    // The lost request turns up late: the reversal came first.
    let (_, request) = online("a");
    let late = Request { msgid: row.msgid.clone(), ..request };
    let reply = process.uplink.request(&late).await.unwrap();
    assert_eq!(reply.refusal().unwrap().0, "C-REVERSED");
    assert_eq!(pool(&process).await, POOL);
    process.end().await;
}

#[tokio::test]
async fn what_was_settled_unheard_is_taken_back_until_that_is_answered() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let mut process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
    process.lose(&[infno::SETTLE, infno::SETTLEMENT, infno::REVERSE, infno::REVERSE]);
    let Ok(Settled::NothingSettled(row)) = settled(&process, "a").await else { panic!("settled") };
    assert_eq!(row.state, State::Reversing);
    // The same key while it is being taken back: nothing is settled, and nothing new begins.
    assert!(matches!(settled(&process, "a").await, Ok(Settled::NothingSettled(again)) if again.id == row.id));
    process.deliver();
    let rows = process.until(ended).await;
    assert_eq!((rows.len(), rows[0].state), (1, State::Reversed));
    assert_eq!(centre.ledger().await["settlements"][0]["state"], "reversed");
    assert_eq!(accumulations(&process).await.accumulators["ded_paid"], "0.00");
    assert_eq!(pool(&process).await, POOL);
    process.end().await;
}

#[tokio::test]
async fn a_refusal_that_nobody_signed_voids_nothing() {
    for status in [401, 403] {
        let unsigned = UplinkError::Unauthorized(status);
        let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
        let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
        process.lose_as(&[infno::SETTLE], unsigned.clone());
        let Ok(Settled::Accepted(row, _)) = settled(&process, "a").await else { panic!("not found settled") };
        assert_eq!(row.state, State::Acked);
        // The query is said not to be allowed either: it is taken back.
        process.lose_as(&[infno::SETTLE, infno::SETTLEMENT], unsigned);
        let Ok(Settled::NothingSettled(row)) = settled(&process, "b").await else { panic!("settled") };
        assert_eq!(row.state, State::Reversed);
        let settlements = centre.ledger().await["settlements"].clone();
        let states: Vec<_> = settlements.as_array().unwrap().iter().map(|one| &one["state"]).collect();
        assert_eq!(states, ["settled", "reversed"]);
        process.end().await;
    }
}

#[tokio::test]
async fn nothing_is_owed_for_what_was_never_sent_or_was_refused() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let (mut draft, mut request) = online("frozen");
    // The stay of the bill is not theirs.
    request.input.as_object_mut().unwrap().remove("mdtrt_id");
    request.input["certno"] = json!("440105197904230011");
    draft.holder = b"440105197904230011".to_vec().into();
    let refused = settle(&process.queue, &process.uplink, draft, request, PATIENCE).await;
    let Ok(Settled::Refused(row, code, _)) = refused else { panic!("{refused:?}") };
    assert_eq!((row.state, code.as_str()), (State::Refused, "E-MED-FROZEN"));
    centre.play(Faults { refuse: 1, ..Faults::default() });
    assert!(
        matches!(settled(&process, "on purpose").await, Ok(Settled::Refused(_, code, _)) if code == "C-ON-PURPOSE")
    );
    process.until_told(&centre).await;

    centre.running.stop().await;
    let Ok(Settled::NothingSettled(row)) = settled(&process, "away").await else { panic!("settled") };
    assert_eq!(row.state, State::Void);
    process.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_each_settle_once() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Arc::new(Process::start(dir.path(), &centre.url, &Life::default()).unwrap());
    // Each key twice.
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let process = process.clone();
            tokio::spawn(async move { settled(&process, &format!("key {}", n / 2)).await })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(Settled::Accepted(..)) => accepted += 1,
            Err(SettleError::UnderWay) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(accepted >= 8, "{accepted}");
    let rows = process.until(ended).await;
    assert!(rows.len() == 8 && rows.iter().all(|row| row.state == State::Acked), "{rows:?}");
    let ledger = process.until_told(&centre).await;
    let settlements = ledger["settlements"].as_array().unwrap();
    assert!(settlements.len() == 8 && settlements.iter().all(|one| one["times"] == 1), "{settlements:?}");
    // The first pays the deductible of the stay, the others no more: 22720 + 7 × 24000.
    assert_eq!(pool(&process).await, "202720.00");
    process.queue.verify().unwrap();
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_it() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let mut changes = process.queue.changes();
    tokio::select! {
        biased;
        row = changes.recv() => assert_eq!(row.unwrap().state, State::Sending),
        _ = settled(&process, "a") => panic!("it was to be dropped before"),
    }
    let rows = process.until(ended).await;
    assert_eq!((rows.len(), rows[0].state), (1, State::Acked));
    process.end().await;
}

#[tokio::test]
async fn other_accumulators_than_the_terminals_give_another_result() {
    let mut settings = center_settings();
    settings.seed = Some("config/center/seed-other-accumulators.toml".into());
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::with(settings).await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    assert_eq!(pool(&process).await, POOL);
    let computed = asker(&process).pre_settle("0007", &settlement(), PATIENCE.answer).await.unwrap();
    // 445476 − 440000 is what the year's cap leaves.
    assert_eq!(computed.setlinfo["hifp_pay"], "5476.00");
    process.end().await;
}

#[tokio::test]
async fn one_failing_step_leaves_no_doubt_about_the_outcome() {
    for n in 1.. {
        let (dir, centre, life) = (tempfile::tempdir().unwrap(), Centre::start().await, Life::stumbles_at(n));
        let process = Process::start(dir.path(), &centre.url, &life).unwrap();
        let told = settled(&process, "a").await;
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
    for lost in [&[][..], &[infno::SETTLE], &[infno::SETTLE, infno::SETTLEMENT]] {
        for n in 1.. {
            let (dir, centre, life) = (tempfile::tempdir().unwrap(), Centre::start().await, Life::dies_at(n));
            let first = Process::start(dir.path(), &centre.url, &life).unwrap();
            first.lose(lost);
            let told = settled(&first, "a").await;
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
async fn check(told: Result<Settled, SettleError>, rows: &[Row], process: &Process, centre: &Centre, n: usize) {
    let settlements = centre.ledger().await["settlements"].clone();
    let standing = settlements.as_array().unwrap().iter().filter(|one| one["state"] == "settled").count();
    let state = rows.first().map(|row| row.state);
    assert!(rows.len() <= 1 && standing <= 1, "n = {n}: {rows:?} {settlements}");
    assert_eq!(standing == 1, state == Some(State::Acked), "n = {n}: {rows:?} {settlements}");
    assert_eq!(pool(process).await, if standing == 1 { "34720.00" } else { POOL }, "n = {n}");
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

#[tokio::test]
async fn a_reversal_that_comes_again_gets_the_same_answer() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let Ok(Settled::Accepted(row, _)) = settled(&process, "a").await else { panic!("not settled") };
    let request = |omsgid: &str| {
        asker(&process).request(infno::REVERSE, "0007", json!({ "omsgid": omsgid, "oinfno": infno::SETTLE }))
    };
    for _ in 0..3 {
        assert_eq!(process.uplink.request(&request(&row.msgid)).await.unwrap().infcode, Reply::OK);
        assert_eq!(process.uplink.request(&request("never")).await.unwrap().infcode, Reply::NOT_FOUND);
        assert_eq!(pool(&process).await, POOL);
    }
    process.end().await;
}

/// Sends a message of a terminal, whose id another terminal's has too.
async fn send((terminal, uplink): &(&str, HttpUplink), infno: &str, input: Value) -> Reply {
    let request = Request {
        infno: infno.into(),
        msgid: "H44010099999201508031000000001".into(),
        fixmedins_code: (*terminal).into(),
        input,
        ..online("a").1
    };
    uplink.request(&request).await.unwrap()
}

#[tokio::test]
async fn a_message_id_is_its_terminals_own() {
    let (dirs, centre) = ([(); 2].map(|()| tempfile::tempdir().unwrap()), Centre::start().await);
    let (ours, theirs) = ((TERMINAL, &dirs[0]), ("H44010099998", &dirs[1]));
    let uplinks = [ours, theirs]
        .map(|(terminal, dir)| (terminal, HttpUplink::new(&link(&centre.url), journal(dir.path(), terminal)).unwrap()));
    let [ours, theirs] = &uplinks;
    for (terminal, key, number) in [(ours, "a", "S00000000001"), (theirs, "b", "S00000000002")] {
        let reply = send(terminal, infno::SETTLE, online(key).1.input).await;
        assert_eq!(reply.output["setlinfo"]["setl_id"], number, "{}", reply.err_msg);
    }
    let message = json!({ "omsgid": "H44010099999201508031000000001", "oinfno": infno::SETTLE });
    assert_eq!(send(theirs, infno::REVERSE, message).await.infcode, Reply::OK);
    let question = json!({ "medins_setl_id": "H44010099999201508031000000001" });
    assert_eq!(send(ours, infno::SETTLEMENT, question.clone()).await.output["setlinfo"]["setl_id"], "S00000000001");
    assert_eq!(send(theirs, infno::SETTLEMENT, question).await.infcode, Reply::NOT_FOUND);
}

#[tokio::test]
async fn no_question_has_a_transactions_message_id() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    process.lose(&[infno::SETTLE, infno::SETTLEMENT]);
    let asker = Asker::new(process.uplink.clone(), Arc::new(clock()), TERMINAL, true);
    asker.person("0007", &question(), PATIENCE.answer).await.unwrap();
    assert!(matches!(settled(&process, "a").await, Ok(Settled::NothingSettled(_))));
    // The clock stands: only the last four tell them apart.
    let sent = process.sent.lock().unwrap().clone();
    let told: Vec<(&str, &str)> = sent.iter().map(|(infno, msgid)| (infno.as_str(), &msgid[26..])).collect();
    assert_eq!(
        told,
        [(infno::PERSON, "Q000"), (infno::SETTLE, "0001"), (infno::SETTLEMENT, "S001"), (infno::REVERSE, "R001")]
    );
    process.end().await;
}
