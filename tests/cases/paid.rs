//! What was paid online beside what was settled: its notice, its shift, its day.

use sbkd::queue::{Draft, Note, Queue, Row, State};
use sbkd::value::{Fen, Kind};
use sbkd::wire::payment::{Paid, PayInfo};
use sbkd::wire::{Outcome, Receipt};
use sbkd::world::{Clock as _, SystemClock, shanghai};
use serde_json::json;

use crate::counter::{Counter, bill};
use crate::notices::{SETTLE, notices};

/// A payment that the centre took while nobody waited any more.
fn paid_unheard(queue: &Queue, shift: &str) -> Row {
    let (order_no, order_amt) = ("P0001".to_owned(), Fen(26_000));
    let input = json!({ "order_no": order_no, "order_amt": order_amt });
    let draft = Draft {
        idempotency: "a payment".into(),
        caller: None,
        scenario: "exam-payment".into(),
        kind: Kind::Pay,
        business_date: jiff::civil::date(2015, 8, 3),
        provisional: false,
        holder: b"440103198806120021".to_vec().into(),
        operator: "0001".into(),
        shift: Some(shift.into()),
        amount: Some(order_amt),
        cancels: None,
        payload: json!({
            "request": { "infno": "exam-payment", "input": input },
            "detail": { "decision": { "accumulators": [], "outputs": {} }, "admission": null },
        }),
        state: State::Sending,
    };
    let row = queue.commit(draft).unwrap().row;
    let now = SystemClock.now();
    let (trace_no, msgid) = ("B00000000001".to_owned(), row.msgid.clone());
    let paid = Paid { payinfo: PayInfo { order_no, order_amt, trace_no: trace_no.clone(), paid_at: now, msgid } };
    let receipt =
        Receipt { id: row.id, outcome: Outcome::Accepted, centre_no: trace_no, received_at: now, output: json!(paid) };
    let note = Note::Receipt(Box::new(receipt), vec![Row::OUTCOME.to_owned()]);
    queue.advance(row.id, State::Acked, note).unwrap()
}

#[test]
fn what_was_paid_is_no_settlement_and_nothing_of_it_is_cash() {
    let counter = Counter::new();
    let shift = counter.carried_out(SETTLE, bill()).shift.unwrap();
    let mut paid = None;
    let counter = counter.restarted_after(|queue| paid = Some(paid_unheard(queue, &shift)));
    let paid = paid.unwrap();
    // Its holder never heard of it: they are told, and owe nothing.
    let told = notices(&counter).remove(0);
    assert_eq!((told.transaction, told.untold, told.collected), (paid.id, true, None));
    assert_eq!((told.owed, told.cash), (Some(Fen::ZERO), Some(Fen::ZERO)));
    counter.terminal.acknowledge(paid.id, told.seen(), "0001").unwrap();
    assert!(notices(&counter).is_empty());
    // It is in its shift with what was paid, and with no cash.
    let totals = counter.terminal.shift(&shift).unwrap().totals;
    let of = |kind| totals.iter().find(|total| total.kind == kind).map(|total| (total.count, total.amount, total.cash));
    assert_eq!(of(Kind::Pay), Some((1, Fen(26_000), Some(Fen::ZERO))));
    assert_eq!(of(Kind::Settle), Some((1, Fen(3_000_000), Some(Fen(728_000)))));
    // And the day's settlements are the centre's, without it.
    let run = counter.terminal.reconcile(shanghai().to_datetime(paid.updated_at).date(), "0009").unwrap();
    assert_eq!((run.open, run.under_way, run.totals.len()), (0, 0, 1), "{run:?}");
    assert_eq!((run.totals[0].here_count, run.totals[0].here), (1, run.totals[0].centre));
}
