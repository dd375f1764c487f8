//! What was settled is cancelled, once or not at all, and what was filed is withdrawn: whatever is lost on the way,
//! journal and centre say the same, to the fen.

use sbkd::center::Faults;
use sbkd::queue::{Draft, Row, State};
use sbkd::sync::{SettleError, Settled, settle};
use sbkd::wire::filing::{WITHDRAWAL, Withdrawal};
use sbkd::wire::settle::Cancellation;
use sbkd::wire::{Reply, Request, infno};
use serde_json::{Value, json};

use super::online::{POOL, asker, ended, pool, settled};
use super::world::{Centre, Life, PATIENCE, Process, online, person, registration, settlement};

/// What the settlement leaves of the pool.
const TAKEN: &str = "34720.00";
const NUMBER: &str = "S00000000001";

/// What cancels the settlement of this row.
fn undo(key: &str, of: &Row) -> (Draft, Request) {
    let (draft, request) = online(key);
    let detail = json!({ "cancels": of.id, "insutype": "310", "decision": { "outputs": { "hifp_pay": "-22720.00" } } });
    let amount = of.amount.map(|amount| sbkd::value::Fen(-amount.0));
    let draft = Draft { amount, cancels: Some(of.id), payload: detail, ..draft };
    let input = Cancellation {
        setl_id: NUMBER.into(),
        mdtrt_id: settlement().mdtrt_id,
        psn_no: "44010000000003".into(),
        reason: None,
    };
    (draft, Request { infno: infno::CANCEL.into(), input: json!(input), ..request })
}

pub async fn cancelled(process: &Process, key: &str, of: &Row) -> Result<Settled, SettleError> {
    let (draft, request) = undo(key, of);
    settle(&process.queue, &process.uplink, draft, request, PATIENCE).await
}

async fn first(process: &Process) -> Row {
    let Ok(Settled::Accepted(row, _)) = settled(process, "a").await else { panic!("not settled") };
    row
}

fn state(process: &Process, row: &Row) -> State {
    process.queue.get(row.id).unwrap().unwrap().state
}

#[tokio::test]
async fn a_settlement_is_taken_back_to_the_fen_and_may_be_settled_again() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let row = first(&process).await;
    assert_eq!(pool(&process).await, TAKEN);
    let Ok(Settled::Accepted(back, answer)) = cancelled(&process, "undo", &row).await else { panic!("not cancelled") };
    assert_eq!((back.state, back.cancels, back.amount.unwrap().0), (State::Acked, Some(row.id), -3_000_000));
    assert_eq!(state(&process, &row), State::Cancelled);
    for (name, wanted) in [
        ("refd_setl_flag", json!("1")),
        ("medfee_sumamt", json!("-30000.00")),
        ("hifp_pay", json!("-22720.00")),
        ("psn_cash_pay", json!("-7280.00")),
        ("act_pay_dedc", json!("-1600.00")),
        ("balc", json!("500.00")),
        ("setl_id", json!("S00000000002")),
        ("medins_setl_id", json!(back.msgid)),
    ] {
        assert_eq!(answer.setlinfo[name], wanted, "{name}");
    }
    assert_eq!(answer.feedetail[0]["inscp_scp_amt"], "-30000.00", "line by line");
    assert_eq!(pool(&process).await, POOL);
    // The same again is the same, and another one is none.
    assert!(matches!(cancelled(&process, "undo", &row).await, Ok(Settled::Accepted(again, _)) if again.id == back.id));
    assert!(matches!(cancelled(&process, "twice", &row).await, Err(SettleError::Queue(_))));
    let (_, request) = undo("", &row);
    let another = asker(&process).request(infno::CANCEL, "0007", request.input);
    let reply = process.uplink.request(&another).await.unwrap();
    assert_eq!(reply.refusal().unwrap().0, "C-CANCELLED");
    // It is not reversed either: nothing of it is left to take back.
    let reversal = json!({ "omsgid": row.msgid, "oinfno": infno::SETTLE });
    let reversal = asker(&process).request(infno::REVERSE, "0007", reversal);
    assert_eq!(process.uplink.request(&reversal).await.unwrap().infcode, Reply::NOT_FOUND);
    assert_eq!(pool(&process).await, POOL);

    assert!(matches!(settled(&process, "b").await, Ok(Settled::Accepted(..))));
    assert_eq!(pool(&process).await, TAKEN, "with the deductible, as the first time");
    let ledger = process.until_told(&centre).await;
    let each = |one: &Value| (one["state"].clone(), one["cancelled"].clone(), one["refd_setl_flag"].clone());
    let settlements: Vec<_> = ledger["settlements"].as_array().unwrap().iter().map(each).collect();
    let settled = json!("settled");
    assert_eq!(settlements[0], (settled.clone(), json!(true), Value::Null));
    assert_eq!(settlements[1], (settled.clone(), json!(false), json!("1")));
    assert_eq!(settlements.last().unwrap(), &(settled, json!(false), Value::Null));
    process.queue.verify().unwrap();
    process.end().await;
}

#[tokio::test]
async fn only_the_last_on_an_accumulator_is_taken_back() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let row = first(&process).await;
    let Ok(Settled::Accepted(later, _)) = settled(&process, "b").await else { panic!("not settled") };
    let before = pool(&process).await;
    let refused = cancelled(&process, "undo", &row).await;
    assert!(matches!(&refused, Ok(Settled::Refused(_, code, _)) if code == "C-LATER"), "{refused:?}");
    assert_eq!((state(&process, &row), pool(&process).await), (State::Acked, before));
    // The later one first.
    let (draft, mut request) = undo("later", &later);
    request.input["setl_id"] = json!("S00000000002");
    let decision = json!({ "outputs": {} });
    let detail = json!({ "cancels": later.id, "insutype": "310", "decision": decision });
    let draft = Draft { payload: detail, ..draft };
    let told = settle(&process.queue, &process.uplink, draft, request, PATIENCE).await;
    assert!(matches!(told, Ok(Settled::Accepted(..))), "{told:?}");
    assert!(matches!(cancelled(&process, "now", &row).await, Ok(Settled::Accepted(..))));
    assert_eq!(pool(&process).await, POOL);
    process.end().await;
}

#[tokio::test]
async fn nothing_but_what_stands_of_this_person_and_terminal_is_taken_back() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let row = first(&process).await;
    let asker = asker(&process);
    for (name, value) in [
        ("setl_id", json!("S00000000009")),
        ("setl_id", json!("x")),
        ("psn_no", json!("44010000000001")),
        ("mdtrt_id", json!("D2")),
    ] {
        let (_, mut request) = undo("", &row);
        request.input[name] = value;
        let reply = process.uplink.request(&asker.request(infno::CANCEL, "0007", request.input)).await;
        assert_eq!(reply.unwrap().refusal().unwrap().0, "C-NOT-FOUND", "{name}");
    }
    centre.play(Faults { refuse: 1, ..Faults::default() });
    let refused = cancelled(&process, "on purpose", &row).await;
    assert!(matches!(&refused, Ok(Settled::Refused(_, code, _)) if code == "C-ON-PURPOSE"), "{refused:?}");
    assert_eq!((state(&process, &row), pool(&process).await), (State::Acked, json!(TAKEN)));
    process.end().await;
}

#[tokio::test]
async fn what_was_cancelled_unheard_is_asked_for_and_what_nobody_answers_is_taken_back() {
    for (lost, becomes, left) in [
        (&[infno::CANCEL][..], State::Cancelled, POOL),
        (&[infno::CANCEL, infno::SETTLEMENT], State::Acked, TAKEN),
        (&[infno::CANCEL, infno::SETTLEMENT, infno::REVERSE], State::Acked, TAKEN),
    ] {
        let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
        let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
        let row = first(&process).await;
        process.lose(lost);
        let told = cancelled(&process, "undo", &row).await;
        process.until(ended).await;
        assert_eq!((state(&process, &row), pool(&process).await), (becomes, json!(left)), "{lost:?}: {told:?}");
        assert_eq!(matches!(told, Ok(Settled::Accepted(..))), becomes == State::Cancelled);
        let sent = process.sent.lock().unwrap().clone();
        let reversal = sent.iter().any(|(infno, _)| infno == infno::REVERSE);
        assert_eq!(reversal, becomes == State::Acked);
        if becomes == State::Acked {
            assert!(matches!(cancelled(&process, "again", &row).await, Ok(Settled::Accepted(..))), "{lost:?}");
            assert_eq!(pool(&process).await, POOL);
        }
        process.queue.verify().unwrap();
        process.end().await;
    }
}

#[tokio::test]
async fn an_answer_that_is_no_refund_cancels_nothing() {
    let spoils: [fn(&mut Value); 4] = [
        |output| output["setlinfo"]["refd_setl_flag"] = json!("0"),
        |output| output["setlinfo"]["psn_cash_pay"] = json!("7280.00"),
        |output| output["setlinfo"]["medins_setl_id"] = json!("another"),
        |output| output["setlinfo"]["psn_no"] = json!("44010000000001"),
    ];
    for (n, how) in spoils.into_iter().enumerate() {
        let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
        let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
        let row = first(&process).await;
        process.spoil(&[infno::CANCEL, infno::SETTLEMENT], how);
        let told = cancelled(&process, "undo", &row).await;
        assert!(matches!(told, Ok(Settled::NothingSettled(_))), "{n}: {told:?}");
        process.until(ended).await;
        assert_eq!((state(&process, &row), pool(&process).await), (State::Acked, json!(TAKEN)), "{n}");
        process.end().await;
    }
}

#[tokio::test]
async fn a_process_that_dies_at_any_step_leaves_no_doubt_about_what_is_cancelled() {
    for lost in [&[][..], &[infno::CANCEL], &[infno::CANCEL, infno::SETTLEMENT]] {
        for n in 1.. {
            let (dir, centre, life) = (tempfile::tempdir().unwrap(), Centre::start().await, Life::dies_at(n));
            let before = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
            let row = first(&before).await;
            before.end().await;
            let Some(dying) = Process::start(dir.path(), &centre.url, &life) else { continue };
            dying.lose(lost);
            let told = cancelled(&dying, "undo", &row).await;
            let hit = life.was_hit();
            dying.kill();
            let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
            let rows = process.until(ended).await;
            check(told, &rows, &process, &row, n).await;
            process.end().await;
            if !hit {
                assert!(n > 8, "only {n} steps were seen");
                break;
            }
        }
    }
}

/// The settlement stands, or it is cancelled, and the money is where the journal says.
async fn check(told: Result<Settled, SettleError>, rows: &[Row], process: &Process, row: &Row, n: usize) {
    let stands = state(process, row);
    let back = rows.iter().find(|one| one.cancels == Some(row.id)).map(|one| one.state);
    let left = if stands == State::Cancelled { POOL } else { TAKEN };
    assert_eq!(pool(process).await, left, "n = {n}: {rows:?}");
    assert_eq!(stands == State::Cancelled, back == Some(State::Acked), "n = {n}: {rows:?}");
    assert!(matches!(stands, State::Cancelled | State::Acked), "n = {n}: {rows:?}");
    match told {
        Ok(Settled::Accepted(..)) => assert_eq!(stands, State::Cancelled, "n = {n}"),
        Ok(_) => assert_eq!(stands, State::Acked, "n = {n}: {rows:?}"),
        Err(SettleError::Queue(_)) => assert_eq!(stands, State::Acked, "n = {n}"),
        Err(_) => assert!(back.is_some(), "n = {n}"),
    }
    process.queue.verify().unwrap();
}

/// What takes back the filing of this row.
fn withdrawal(key: &str, of: &Row) -> Draft {
    let request = Withdrawal {
        person: person(),
        scenario: of.scenario.clone(),
        part: of.kind,
        message: WITHDRAWAL.into(),
        business_date: of.business_date,
        id: of.id,
        number: None,
        reason: None,
    };
    let payload = json!({ "request": request, "detail": { "cancels": of.id } });
    Draft { cancels: Some(of.id), payload, ..registration(key) }
}

#[tokio::test]
async fn what_was_filed_is_withdrawn_later_and_its_key_is_free() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let once = |key: &str| {
        let mut draft = registration(key);
        draft.payload["request"]["once"] = json!("standing");
        draft
    };
    let row = process.queue.commit_async(once("a")).await.unwrap().row;
    process.until(ended).await;
    assert_eq!(state(&process, &row), State::Acked);
    let back = process.queue.commit_async(withdrawal("undo", &row)).await.unwrap().row;
    let anew = process.queue.commit_async(once("b")).await.unwrap().row;
    process.until(ended).await;
    assert_eq!([&row, &back, &anew].map(|row| state(&process, row)), [State::Cancelled, State::Acked, State::Acked]);
    let output = |row: &Row| process.queue.answer(row.id).unwrap().unwrap().output;
    let mut withdrawn = output(&row);
    withdrawn["state"] = json!("withdrawn");
    assert_eq!(output(&back), withdrawn);
    let ledger = centre.ledger().await;
    let states: Vec<_> = ledger["filings"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states[states.len() - 2..], ["withdrawn", "accepted"]);
    process.until_told(&centre).await;
    process.end().await;
}

#[tokio::test]
async fn a_withdrawal_that_is_refused_leaves_what_was_filed() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    let row = process.queue.commit_async(registration("a")).await.unwrap().row;
    process.until(ended).await;
    let mut wrong = withdrawal("wrong", &row);
    wrong.payload["request"]["number"] = json!("F00000000009");
    let mut nobody = withdrawal("nobody", &row);
    nobody.payload["request"]["certno"] = json!("440105197904230011");
    for (draft, code) in [(wrong, "C-FORM"), (nobody, "C-NOT-FOUND")] {
        let back = process.queue.commit_async(draft).await.unwrap().row;
        process.until(ended).await;
        let back = process.queue.get(back.id).unwrap().unwrap();
        assert_eq!((back.state, back.refusal.as_deref()), (State::Refused, Some(code)));
        assert_eq!(state(&process, &row), State::Acked);
    }
    process.end().await;
}
