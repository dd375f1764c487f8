//! Payments of orders.

use super::*;

#[test]
fn an_order_that_is_due_is_paid_once_and_its_message_is_answered_alike() {
    let world = World::new();
    for (order, amount, code) in [
        ("P1", 25_999, "C-ORDER-AMOUNT"),
        ("P2", 1_000, "C-ORDER-CLOSED"),
        ("P3", 1_000, "C-ORDER-UNKNOWN"),
        ("", 26_000, "C-ORDER-UNKNOWN"),
    ] {
        assert_eq!(world.pay(&format!("refused {order}"), &payment(order, amount)).unwrap_err(), code, "{order}");
    }
    let on_purpose = ask(&world.db, &world.packs, ("dues", "on purpose", true), &payment("P1", 26_000));
    assert_eq!(told(on_purpose).unwrap_err(), "C-ON-PURPOSE");
    assert_eq!(world.stands("P1"), (json!("due"), "nothing".into()));
    let trace = world.pay("M1", &payment("P1", 26_000)).unwrap();
    assert_eq!(world.stands("P1"), (json!("paid"), "\"1.00\"".into()));
    assert_eq!(world.pay("M1", &payment("P1", 26_000)), Ok(trace.clone()));
    assert_eq!(world.pay("M1", &payment("P1", 25_999)).unwrap_err(), "C-CONFLICT");
    assert_eq!(world.pay("M2", &payment("P1", 26_000)).unwrap_err(), "C-ORDER-PAID");
    assert_eq!(world.pay("refused P1", &payment("P1", 25_999)).unwrap_err(), "C-ORDER-AMOUNT", "as at first");
    let asked = |msgid: &str| world.ask(infno::PAYMENT, "S1", &json!({ "msgid": msgid }));
    assert_eq!(asked("M1").output["payinfo"]["trace_no"], trace);
    assert_eq!([asked("M2").infcode, asked("M3").infcode], [Reply::NOT_FOUND; 2]);
    assert_eq!(world.stands("P1"), (json!("paid"), "\"1.00\"".into()));
}

#[test]
fn a_payment_that_is_taken_back_leaves_its_order_due_and_one_that_never_came_pays_nothing_later() {
    let world = World::new();
    world.pay("M1", &payment("P1", 26_000)).unwrap();
    assert_eq!(world.reverse("M1", infno::SETTLE), Reply::REFUSED, "it is no settlement, and stands");
    assert_eq!(world.stands("P1").0, "paid");
    for _ in 0..2 {
        assert_eq!(world.reverse("M1", "dues"), Reply::OK);
        assert_eq!(world.stands("P1"), (json!("due"), "\"0.00\"".into()));
        assert_eq!(world.reverse("M2", "dues"), Reply::NOT_FOUND);
    }
    for late in ["M1", "M2"] {
        assert_eq!(world.pay(late, &payment("P1", 26_000)).unwrap_err(), "C-REVERSED");
    }
    assert_eq!(world.ask(infno::PAYMENT, "S1", &json!({ "msgid": "M1" })).infcode, Reply::NOT_FOUND);
    assert!(world.pay("M3", &payment("P1", 26_000)).is_ok());
    let rows = payments::after(&world.db, "", 10).unwrap();
    let states: Vec<_> = rows.iter().map(|(_, row)| (row["msgid"].as_str().unwrap(), &row["state"])).collect();
    assert_eq!(states, [("M1", &json!("reversed")), ("M2", &json!("void")), ("M3", &json!("paid"))]);
    let other = Message { terminal: "T44010000002", msgid: "M3" };
    assert!(PAYMENTS.answer::<Value>(&world.db, other).unwrap().is_none(), "a message id is its terminal's own");
}
