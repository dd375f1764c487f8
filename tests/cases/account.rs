//! The medical account on the card: what was paid is kept until somebody was told, and told of meanwhile.

use sbkd::terminal::{DriverAnswer, DriverCall};

use crate::counter::{Counter, HOLDER, Setup, chip, statement};

/// The card's identifier and number, as the driver's callers name it.
const INFO: &str = "440100D15600000530000003FFFFFFFF|A10000031|";

fn counter() -> Counter {
    let config = "[driver]\npay_fields = [\"account\"]\ndebit_fields = [\"balance\", \"tac\"]\n";
    Counter::with(Setup { card: "v3-money", config, ..Setup::default() })
}

/// With a holder who enters the PIN where the terminal asks for it.
fn debit(counter: &Counter) -> DriverAnswer {
    let answer = called(counter, None);
    if answer.ask.is_some() { called(counter, answer.card) } else { answer }
}

/// With the PIN of the card of this name, if any.
fn called(counter: &Counter, card: Option<String>) -> DriverAnswer {
    let parameters = [("iType", "1"), ("pCardInfo", INFO), ("pPayInfo", "100|")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned().into()));
    counter.terminal.drive(DriverCall {
        function: "iDoDebit".to_owned(),
        parameters: parameters.into(),
        pin: card.as_ref().map(|_| "123456".to_owned().into()),
        card,
        client: "tests".to_owned(),
        ..DriverCall::default()
    })
}

#[test]
fn what_was_paid_is_told_by_the_next_call_where_the_first_answer_reached_nobody() {
    let counter = counter();
    let open = || counter.terminal.health().open_on_accounts;
    let findings = || {
        let view = counter.decided("unemployment-sign-in", statement());
        let codes: Vec<&str> = view.findings.iter().map(|finding| finding.entry.code).collect();
        if !view.state.is_final() {
            counter.terminal.cancel(view.id).unwrap();
        }
        codes
    };
    assert_eq!((open(), findings()), (Some(0), vec![]));
    // Its answer is given out to nobody.
    let first = debit(&counter);
    assert_eq!((first.code.value(), &first.output[..7]), (0, "149900|"), "{}", *first.output);
    assert_eq!((open(), findings()), (Some(1), vec!["E-CARD-ACCOUNT-OPEN"]), "whoever reads the card is told");
    for _ in 0..2 {
        let told = debit(&counter);
        let tac = first.output[7..].trim_end_matches('|');
        assert!(told.code.value() == -999 && told.output.contains("E-TERM-DRIVER-PAID"), "{}", *told.output);
        assert!(told.output.contains(&format!("TAC {tac}")), "{} {tac}", *told.output);
        assert_eq!(told.receipt, first.receipt, "nothing else was paid");
    }
    counter.terminal.driver_told(first.receipt.unwrap());
    assert_eq!((open(), findings()), (Some(0), vec![]));
    let second = debit(&counter);
    assert_eq!((second.code.value(), &second.output[..7]), (0, "149800|"));
}

#[test]
fn a_write_that_was_torn_is_told_when_the_card_is_read_next() {
    let counter = counter();
    let write = || {
        let parameters =
            [("iType", "1"), ("pCardInfo", INFO), ("pFileAddr", "DF04EF05|84|$"), ("pWriteData", "DF04EF05|440105|$")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned().into()));
        let (function, client) = ("iWriteCard".to_owned(), "tests".to_owned());
        counter.terminal.drive(DriverCall { function, parameters: parameters.into(), client, ..DriverCall::default() })
    };
    let torn = (1..100).any(|n| {
        counter.readers.insert(HOLDER, chip("v3-money"));
        counter.readers.pull_at(HOLDER, n);
        let answer = write();
        assert_ne!(answer.code.value(), 0, "it was not pulled at {n}");
        answer.output.contains("E-CARD-WRITE-TORN")
    });
    assert!(torn, "it was never torn");
    let known = || {
        let health = counter.terminal.health();
        (health.torn_writes, health.lost_on_cards)
    };
    assert_eq!(known(), (Some(1), Some(0)));
    counter.readers.insert(HOLDER, chip("v3-money"));
    let view = counter.decided("unemployment-sign-in", statement());
    let codes: Vec<&str> = view.findings.iter().map(|finding| finding.entry.code).collect();
    assert_eq!(codes, ["E-CARD-WRITE-OPEN"]);
    counter.terminal.cancel(view.id).unwrap();
    // The card holds the old value: the write is completed.
    let written = write();
    assert_eq!((written.code.value(), known()), (0, (Some(0), Some(0))), "{}", *written.output);
}
