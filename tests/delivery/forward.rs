//! Store and forward: sent again with the same id until answered, and once at the centre.

use sbkd::center::Faults;
use sbkd::queue::{self, Draft, Row, State};
use sbkd::sync::{Pace, UplinkError};
use sbkd::wire::Outcome;
use serde_json::json;

use super::world::{Centre, Life, Process, center_settings, delivered, online, provisional, registration, sign_in};

fn answered(row: &Row) -> bool {
    matches!(row.state, State::Acked | State::Refused)
}

#[tokio::test]
async fn what_is_committed_goes_up_once_and_its_receipt_is_kept() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let row = process.queue.commit_async(sign_in("a")).await.unwrap().row;
    let rows = process.until(answered).await;
    assert_eq!(
        (rows[0].state, rows[0].attempts, rows[0].centre_no.as_deref()),
        (State::Acked, 1, Some("C00000000001"))
    );
    let receipt = process.queue.answer(row.id).unwrap().unwrap();
    assert_eq!(receipt.output, json!({ "month": "2015-08", "already": false }));
    let ledger = process.until_told(&centre).await;
    assert_eq!((&ledger["transactions"][0]["times"], &ledger["sign_ins"]), (&json!(1), &json!(1)));
    // A second sign-in for the month, from anywhere, is recorded no second time.
    let second = process.queue.commit_async(sign_in("b")).await.unwrap().row;
    process.until(answered).await;
    assert_eq!(
        process.queue.answer(second.id).unwrap().unwrap().output,
        json!({ "month": "2015-08", "already": true })
    );
    assert_eq!(centre.ledger().await["sign_ins"], 1);
    process.end().await;
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_nothing_is_doubled() {
    for dropped in 1..=4 {
        let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
        centre.play(Faults { only: Some("transactions".into()), drop_answer: dropped, ..Faults::default() });
        let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
        process.queue.commit_async(sign_in("a")).await.unwrap();
        let rows = process.until(answered).await;
        assert_eq!((rows[0].state, rows[0].attempts), (State::Acked, dropped + 1));
        let ledger = process.until_told(&centre).await;
        assert_eq!(ledger["transactions"].as_array().unwrap().len(), 1);
        assert_eq!((&ledger["transactions"][0]["times"], &ledger["sign_ins"]), (&json!(dropped + 1), &json!(1)));
        process.end().await;
    }
}

#[tokio::test]
async fn a_refused_one_blocks_nothing() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let mut process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
    // The payload of the second has no request in it; the third is refused by the rules.
    let drafts = [
        registration("a"),
        Draft { payload: online("bill").0.payload, ..provisional("bill") },
        sign_in_without_statement(),
        registration("b"),
    ];
    for draft in drafts {
        process.queue.commit_async(draft).await.unwrap();
    }
    process.deliver();
    let rows = process.until(answered).await;
    let states: Vec<_> = rows.iter().rev().map(|row| row.state).collect();
    assert_eq!(states, [State::Acked, State::Refused, State::Refused, State::Acked]);
    let reasons: Vec<_> = rows.iter().rev().filter_map(|row| row.refusal.as_deref()).collect();
    assert_eq!(reasons, ["C-FORM", "E-SIGN-NO-STATEMENT"]);
    let ledger = process.until_told(&centre).await;
    assert_eq!(ledger["sign_ins"], 0);
    process.end().await;
}

fn sign_in_without_statement() -> Draft {
    let mut draft = sign_in("none");
    draft.payload["request"]["facts"]["acc026"] = json!(false);
    draft
}

#[tokio::test]
async fn one_that_makes_the_centre_fail_or_gets_no_answer_waits_by_itself() {
    for (error, code) in [
        (UplinkError::Failed { status: 500, retry_after: None }, "E-UPLINK-FAILED"),
        (UplinkError::NoAnswer("the test says so".into()), "E-UPLINK-NO-ANSWER"),
    ] {
        let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
        let mut process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
        process.poison(Some((1, error)));
        process.queue.commit_async(registration("poison")).await.unwrap();
        process.queue.commit_async(registration("the same holder's")).await.unwrap();
        let hour = std::time::Duration::from_secs(3600);
        process.deliver_at(Pace { first: hour, longest: hour, heartbeat: hour });
        let rows = process.until(|row| row.sequence != 1 || row.reason.is_some()).await;
        assert_eq!(rows[1].reason.as_deref().unwrap().split(' ').next(), Some(code));
        // Its pause is an hour; what is committed now does not wait for that, and does not try it again.
        for key in ["a", "b"] {
            process.queue.commit_async(of_another(registration(key))).await.unwrap();
            process.until(|row| answered(row) || row.sequence <= 2).await;
        }
        let rows = process.queue.list(&Default::default()).unwrap();
        let (second, first) = (&rows[2], &rows[3]);
        assert_eq!((first.sequence, first.state, first.attempts), (1, State::Sending, 1));
        // The order of one holder stands.
        assert_eq!((second.sequence, second.state, second.attempts), (2, State::Pending, 0));
        assert!(process.worker().status().borrow().reachable);
        process.poison(None);
        process.worker().wake();
        let rows = process.until(answered).await;
        assert!(rows.iter().all(|row| row.state == State::Acked && row.reason.is_none()), "{rows:?}");
        process.queue.verify().unwrap();
        process.until_told(&centre).await;
        process.end().await;
    }
}

#[tokio::test]
async fn a_reason_that_somebody_else_wrote_shows() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let mut process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
    let refused = UplinkError::Answer("x".repeat(500));
    process.poison(Some((1, refused)));
    process.queue.commit_async(registration("a")).await.unwrap();
    process.deliver();
    let rows = process.until(|row| row.reason.is_some()).await;
    let reason = rows[0].reason.clone().unwrap();
    assert!(reason.starts_with("E-UPLINK-ANSWER xxx") && reason.chars().count() == 200, "{reason}");
    process.queue.verify().unwrap();
    process.end().await;
    for forged in ["NULL", "'E-UPLINK-ANSWER'", "''"] {
        let db = rusqlite::Connection::open(dir.path().join("queue.db")).unwrap();
        db.execute_batch(&format!("UPDATE entries SET reason = {forged}")).unwrap();
        drop(db);
        assert!(Process::without_worker(dir.path(), &centre.url, &Life::default()).is_none(), "{forged}");
    }
}

/// The same for somebody else.
pub fn of_another(draft: Draft) -> Draft {
    Draft { holder: draft.idempotency.clone().into_bytes().into(), ..draft }
}

/// Each holder's order, and what was on its way together, as the centre saw it.
#[tokio::test]
async fn holders_go_side_by_side_and_each_in_order() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let mut process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
    // Three of each of a hundred people, one after the other; and forty of one.
    let mut drafts = Vec::new();
    for round in 0..3 {
        drafts.extend((0..100).map(|holder| (format!("{holder}"), format!("{holder}/{round}"))));
    }
    drafts.extend((0..40).map(|round| ("one".to_owned(), format!("one/{round}"))));
    for (holder, key) in &drafts {
        let holder = holder.clone().into_bytes().into();
        process.queue.commit_async(Draft { holder, ..registration(key) }).await.unwrap();
    }
    // Answers that are lost, requests that fail, that come twice and in another order.
    let only = Some("transactions".to_owned());
    centre.play(Faults { only, drop_answer: 3, fail: 2, duplicate: 3, reorder: 2, ..Faults::default() });
    process.deliver();
    until_all(&process, drafts.len() as u64).await;
    let ledger = process.until_told(&centre).await;
    let taken = ledger["transactions"].as_array().unwrap();
    assert_eq!(taken.len(), drafts.len());
    let mut last = std::collections::HashMap::new();
    for one in taken {
        let sequence = one["sequence"].as_u64().unwrap();
        let before = last.insert(&drafts[sequence as usize - 1].0, sequence);
        assert!(before < Some(sequence), "{sequence} came after {before:?} of the same holder");
    }
    process.queue.verify().unwrap();
    process.end().await;
}

/// Waits until so many are acknowledged.
async fn until_all(process: &Process, wanted: u64) {
    let mut changes = process.queue.changes();
    let all = async {
        while process.queue.stats().unwrap().unsent > 0 {
            // Missed changes are no harm: the journal is asked again.
            drop(changes.recv().await);
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), all).await.expect("all are answered");
    let acked = queue::Filter { states: vec![State::Acked], limit: Some(100_000) };
    assert_eq!(process.queue.list(&acked).unwrap().len() as u64, wanted);
}

/// A terminal whose first transaction is answered like this by its centre, however often it comes.
async fn busy_for_the_first(status: u16) -> (tempfile::TempDir, Centre, Process) {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
    process.poison(Some((1, UplinkError::Failed { status, retry_after: None })));
    (dir, centre, process)
}

/// It is answered as well, as soon as that is over.
async fn ends_well(process: Process) {
    process.poison(None);
    let rows = process.until(answered).await;
    assert!(rows.iter().all(|row| row.state == State::Acked), "{rows:?}");
    process.end().await;
}

#[tokio::test]
async fn a_centre_that_wants_to_be_left_alone_is_not_given_the_rest() {
    for status in [408, 429, 503] {
        let (_dir, _centre, mut process) = busy_for_the_first(status).await;
        for key in ["a", "b", "c"] {
            process.queue.commit_async(registration(key)).await.unwrap();
        }
        process.deliver();
        // Two rounds are over when the third begins.
        let rows = process.until(|row| row.sequence > 1 || row.attempts > 2).await;
        assert!(rows[..2].iter().all(|row| (row.state, row.attempts) == (State::Pending, 0)), "{rows:?}");
        assert!(process.worker().status().borrow().reachable);
        ends_well(process).await;
    }
}

#[tokio::test]
async fn one_for_which_the_centre_is_always_busy_blocks_nobody_else() {
    for status in [408, 429, 503] {
        let (_dir, _centre, mut process) = busy_for_the_first(status).await;
        process.queue.commit_async(registration("poison")).await.unwrap();
        process.queue.commit_async(registration("the same holder's")).await.unwrap();
        for key in ["a", "b", "c"] {
            process.queue.commit_async(of_another(registration(key))).await.unwrap();
        }
        process.deliver();
        let rows = process.until(|row| answered(row) || row.sequence <= 2).await;
        assert_eq!((rows[3].state, rows[3].attempts), (State::Pending, 0), "the order of one holder stands");
        ends_well(process).await;
    }
}

#[tokio::test]
async fn a_centre_that_does_not_take_the_token_is_not_away() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = center_settings();
    settings.token = "another terminal's token".into();
    let centre = Centre::with(settings.clone()).await;
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let mut status = process.worker().status();
    status.wait_for(|status| status.unauthorized && !status.reachable).await.unwrap();
    settings.listen = centre.running.address;
    centre.running.stop().await;
    status.wait_for(|status| !status.unauthorized && !status.reachable).await.unwrap();
    settings.token = center_settings().token;
    let centre = Centre::with(settings).await;
    status.wait_for(|status| !status.unauthorized && status.reachable).await.unwrap();
    process.queue.commit_async(registration("a")).await.unwrap();
    process.until(answered).await;
    process.until_told(&centre).await;
    process.end().await;
}

#[tokio::test]
async fn a_damaged_one_is_not_sent_and_keeps_no_other_from_going_up() {
    let another_date = "CAST(replace(CAST(header AS TEXT), '2015-08-03\"', '2015-08-04\"') AS BLOB)";
    for (column, value) in [("header", another_date), ("header", "x'00'"), ("payload", "x'00'")] {
        let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
        let mut process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
        for key in ["a", "b", "c"] {
            process.queue.commit_async(registration(key)).await.unwrap();
        }
        let db = rusqlite::Connection::open(dir.path().join("queue.db")).unwrap();
        db.execute_batch(&format!(
            "DROP TRIGGER entries_fixed; UPDATE entries SET {column} = {value} WHERE sequence = 2"
        ))
        .unwrap();
        process.deliver();
        process.until(|row| answered(row) || row.sequence == 2).await;
        assert_eq!(process.queue.stats().unwrap().damaged, [2]);
        assert!(process.worker().status().borrow().reachable);
        let ledger = centre.ledger().await;
        let sent: Vec<_> = ledger["transactions"].as_array().unwrap().iter().map(|one| &one["sequence"]).collect();
        assert_eq!(sent, [&json!(1), &json!(3)], "{column} = {value}");
        process.end().await;
    }
}

#[tokio::test]
async fn a_damaged_one_goes_up_once_it_is_mended() {
    for (column, wrong) in [("header", "x'00'"), ("payload", "x'00'"), ("attempts", "attempts + 1")] {
        let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
        let mut process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
        for key in ["a", "b", "c"] {
            process.queue.commit_async(registration(key)).await.unwrap();
        }
        let db = rusqlite::Connection::open(dir.path().join("queue.db")).unwrap();
        let one = |sql: &str| db.query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        let trigger = one("SELECT sql FROM sqlite_schema WHERE name = 'entries_fixed'");
        let rusqlite::types::Value::Text(trigger) = trigger else { panic!("{trigger:?}") };
        let right = one(&format!("SELECT {column} FROM entries WHERE sequence = 1"));
        db.execute_batch("DROP TRIGGER entries_fixed").unwrap();
        db.execute_batch(&format!("UPDATE entries SET {column} = {wrong} WHERE sequence = 1; {trigger}")).unwrap();
        process.deliver();
        process.until(|row| answered(row) || row.sequence == 1).await;
        assert_eq!(process.queue.stats().unwrap().damaged, [1], "{column}");

        db.execute_batch("DROP TRIGGER entries_fixed").unwrap();
        db.execute(&format!("UPDATE entries SET {column} = ?1 WHERE sequence = 1"), [right]).unwrap();
        db.execute_batch(&trigger).unwrap();
        process.queue.verify().unwrap();
        // Nothing else happens, and nobody asks for it.
        let rows = process.until(answered).await;
        assert!(rows.len() == 3 && rows.iter().all(|row| row.state == State::Acked), "{column}: {rows:?}");
        let told = async {
            while centre.ledger().await["terminals"][0]["sequence"] != 3 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), told).await.expect("the centre has the headers");
        process.end().await;
    }
}

#[tokio::test]
async fn a_centre_that_fails_or_is_away_is_tried_until_it_is_back() {
    let (dir, file) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut settings = center_settings();
    settings.database = Some(file.path().join("centre.db"));
    let centre = Centre::with(settings.clone()).await;
    centre.play(Faults { fail: 3, ..Faults::default() });
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let mut status = process.worker().status();
    status.wait_for(|status| status.reachable).await.unwrap();
    process.queue.commit_async(registration("a")).await.unwrap();
    process.until(answered).await;

    // Away: what is committed waits. Then it is back at the same place, and nothing was restarted here.
    settings.listen = centre.running.address;
    centre.running.stop().await;
    status.wait_for(|status| !status.reachable).await.unwrap();
    process.queue.commit_async(registration("b")).await.unwrap();
    assert_eq!(process.queue.stats().unwrap().unsent, 1);
    let centre = Centre::with(settings).await;
    status.wait_for(|status| status.reachable).await.unwrap();
    let rows = process.until(answered).await;
    assert!(rows.iter().all(|row| row.state == State::Acked));
    let ledger = process.until_told(&centre).await;
    assert_eq!(ledger["transactions"].as_array().unwrap().len(), 2);
    process.end().await;
}

#[tokio::test]
async fn one_failing_step_heals_by_itself_whichever_it_is() {
    for n in 1.. {
        let (dir, centre, life) = (tempfile::tempdir().unwrap(), Centre::start().await, Life::stumbles_at(n));
        let process = Process::start(dir.path(), &centre.url, &life).unwrap();
        for key in ["a", "b"] {
            // What a caller does who is told of a failure: the same again, with the same key.
            if process.queue.commit_async(registration(key)).await.is_err() {
                process.queue.commit_async(registration(key)).await.unwrap();
            }
        }
        let rows = process.until(answered).await;
        let hit = life.was_hit();
        check(&rows, &process, &centre, n).await;
        process.end().await;
        if !hit {
            assert!(n > 20, "only {n} steps were seen");
            return;
        }
    }
}

#[tokio::test]
async fn a_process_that_dies_at_any_step_loses_and_doubles_nothing() {
    for n in 1.. {
        let (dir, centre, life) = (tempfile::tempdir().unwrap(), Centre::start().await, Life::dies_at(n));
        let first = Process::start(dir.path(), &centre.url, &life).unwrap();
        let mut committed = Vec::new();
        for key in ["a", "b"] {
            committed.extend(first.queue.commit_async(registration(key)).await.ok().map(|done| done.row.id));
        }
        tokio::select! {
            _ = first.until(answered) => {}
            () = life.hit() => {}
        }
        let hit = life.was_hit();
        first.kill();

        let second = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
        for id in committed {
            assert!(second.queue.get(id).unwrap().is_some(), "n = {n}: what was said to be committed is lost");
        }
        for key in ["a", "b"] {
            second.queue.commit_async(registration(key)).await.unwrap();
        }
        let rows = second.until(answered).await;
        check(&rows, &second, &centre, n).await;
        second.end().await;
        if !hit {
            assert!(n > 20, "only {n} steps were seen");
            return;
        }
    }
}

/// Both are acknowledged, and the centre has each once.
async fn check(rows: &[Row], process: &Process, centre: &Centre, n: usize) {
    assert_eq!(rows.len(), 2, "n = {n}");
    assert!(rows.iter().all(|row| row.state == State::Acked), "n = {n}: {rows:?}");
    let ledger = process.until_told(centre).await;
    assert_eq!(ledger["transactions"].as_array().unwrap().len(), 2, "n = {n}");
    process.queue.verify().unwrap();
}

#[tokio::test]
async fn a_provisional_settlement_is_settled_by_the_centre_when_it_comes() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    centre.play(Faults { only: Some("transactions".into()), drop_answer: 2, ..Faults::default() });
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let row = process.queue.commit_async(provisional("a")).await.unwrap().row;
    let rows = process.until(answered).await;
    assert_eq!((rows[0].state, rows[0].attempts), (State::Acked, 3));
    let output = process.queue.answer(row.id).unwrap().unwrap().output;
    assert_eq!(output["setlinfo"]["hifp_pay"], "22720.00");
    assert_eq!(output["setlinfo"]["medins_setl_id"], json!(row.msgid));
    let ledger = process.until_told(&centre).await;
    assert_eq!(ledger["settlements"].as_array().unwrap().len(), 1);
    assert_eq!(ledger["settlements"][0]["state"], "settled");
    process.end().await;
}

#[tokio::test]
async fn a_provisional_settlement_that_the_centre_settles_otherwise_is_marked() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    for (key, hifp_pay, differs) in
        [("a", "22720.00", &[][..]), ("b", "22720.00", &["hifp_pay"]), ("c", "24000.00", &[])]
    {
        // The first pays the deductible of the stay, the others no more.
        let mut draft = provisional(key);
        draft.payload["detail"] =
            json!({ "decision": { "outputs": { "medfee_sumamt": "30000", "hifp_pay": hifp_pay } } });
        let row = process.queue.commit_async(draft).await.unwrap().row;
        process.until(answered).await;
        let row = process.queue.get(row.id).unwrap().unwrap();
        assert_eq!(
            (row.state, row.differs.as_slice()),
            (State::Acked, differs.iter().map(|&name| name.to_owned()).collect::<Vec<_>>().as_slice())
        );
    }
    process.end().await;
}

#[tokio::test]
async fn the_same_id_with_another_payload_is_refused_and_the_first_stands() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
    let row = process.queue.commit_async(registration("a")).await.unwrap().row;
    let envelope = process.queue.envelope(row.id).unwrap().unwrap();
    let first = delivered(&process.uplink, &envelope).await.unwrap();
    let mut other = envelope.clone();
    other.payload["detail"] = json!("else");
    let refused = delivered(&process.uplink, &other).await.unwrap();
    assert!(matches!(refused.outcome, Outcome::Refused { code, .. } if code == "C-CONFLICT"));
    assert_eq!(delivered(&process.uplink, &envelope).await.unwrap(), first);
    process.end().await;
}
