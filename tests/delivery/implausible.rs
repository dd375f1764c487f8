//! What a centre says of a settlement and cannot be right is no settlement: it is asked about, and taken back.

use sbkd::queue::State;
use sbkd::sync::{Settled, settle};
use sbkd::wire::infno;
use serde_json::{Value, json};

use super::world::{Centre, Life, PATIENCE, Process, online, provisional};

/// Ways in which a success says nothing that can be right.
const WAYS: [fn(&mut Value); 6] = [
    |output| *output = Value::Null,
    |output| *output = json!({ "setlinfo": { "setl_id": output["setlinfo"]["setl_id"] } }),
    |output| output["setlinfo"]["psn_cash_pay"] = json!("-5.00"),
    |output| output["setlinfo"]["hifp_pay"] = json!("22720.01"),
    |output| output["setlinfo"]["medins_setl_id"] = json!("SOMEBODY-ELSES"),
    |output| drop(output["setlinfo"].as_object_mut().unwrap().remove("psn_cash_pay")),
];

/// Settles with a decision whose figures the answer has to have.
async fn settled(process: &Process, key: &str) -> Settled {
    let (mut draft, request) = online(key);
    draft.payload = json!({ "decision": { "outputs": { "act_pay_dedc": "1600.00", "hifp_pay": "22720.00" } } });
    settle(&process.queue, &process.uplink, draft, request, PATIENCE).await.unwrap()
}

#[tokio::test]
async fn a_settlement_that_cannot_be_right_is_asked_about() {
    for way in WAYS {
        let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
        let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
        process.spoil(&[infno::SETTLE], way);
        let Settled::Accepted(row, answer) = settled(&process, "a").await else { panic!("not settled") };
        assert_eq!((row.state, &answer.setlinfo["psn_cash_pay"]), (State::Acked, &json!("7280.00")));
        process.end().await;
    }
}

#[tokio::test]
async fn one_that_nobody_can_tell_right_is_taken_back() {
    for way in WAYS {
        let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
        let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
        process.spoil(&[infno::SETTLE, infno::SETTLEMENT], way);
        let Settled::NothingSettled(row) = settled(&process, "a").await else { panic!("settled") };
        assert_eq!(row.state, State::Reversed);
        assert_eq!(centre.ledger().await["settlements"][0]["state"], "reversed");
        process.end().await;
    }
}

#[tokio::test]
async fn another_persons_settlement_is_none() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let process = Process::start(dir.path(), &centre.url, &Life::default()).unwrap();
    process.spoil(&[infno::SETTLE, infno::SETTLEMENT], |output| output["setlinfo"]["psn_no"] = json!("9"));
    let (draft, mut request) = online("a");
    request.input["psn_no"] = json!("44010000000003");
    let told = settle(&process.queue, &process.uplink, draft, request, PATIENCE).await.unwrap();
    assert!(matches!(told, Settled::NothingSettled(row) if row.state == State::Reversed));
    process.end().await;
}

#[tokio::test]
async fn a_figure_that_the_centre_does_not_tell_is_a_difference_and_no_reason_to_ask_for_ever() {
    let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
    let mut process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
    process.spoil(&["transactions"], |output| drop(output["setlinfo"].as_object_mut().unwrap().remove("act_pay_dedc")));
    let mut draft = provisional("a");
    draft.payload["detail"] =
        json!({ "decision": { "outputs": { "act_pay_dedc": "1600.00", "hifp_pay": "22720.00" } } });
    process.queue.commit_async(draft).await.unwrap();
    process.deliver();
    process.until(|row| row.state == State::Acked).await;
    assert_eq!(process.queue.list(&Default::default()).unwrap()[0].differs, ["act_pay_dedc"]);
    process.end().await;
}

#[tokio::test]
async fn a_receipt_without_a_settlement_that_can_be_right_is_asked_for_again() {
    for way in WAYS {
        let (dir, centre) = (tempfile::tempdir().unwrap(), Centre::start().await);
        let mut process = Process::without_worker(dir.path(), &centre.url, &Life::default()).unwrap();
        process.spoil(&["transactions"], way);
        let mut draft = provisional("a");
        draft.payload["detail"] = json!({ "decision": { "outputs": { "act_pay_dedc": "1600.00" } } });
        process.queue.commit_async(draft).await.unwrap();
        process.deliver();
        process.until(|row| row.attempts > 2).await;
        assert_eq!(process.queue.list(&Default::default()).unwrap()[0].state, State::Sending);
        process.spoil(&[], |_| {});
        process.until(|row| row.state == State::Acked).await;
        assert_eq!(centre.ledger().await["settlements"].as_array().unwrap().len(), 1);
        process.end().await;
    }
}
