//! Each string is printed and read again in every dialect, and nothing else is one.

use proptest::prelude::*;

use super::*;
use crate::cipher::Algorithm;

fn algorithms() -> impl Strategy<Value = Algorithm> {
    prop_oneof![Just(Algorithm::TripleDes), Just(Algorithm::Ssf33), Just(Algorithm::Sm4)]
}

fn debit_form() -> DebitForm {
    DebitForm {
        step1:
            "{algorithm}|{key}|{random}{sequence}|{account}|{self-pay}|{pool}|{type}|{terminal}|{time}|{identifier}|"
                .parse()
                .unwrap(),
        step2: "{terminal-sequence}{mac1}".parse().unwrap(),
    }
}

fn dialects() -> impl Strategy<Value = Dialect> {
    let algorithm = prop_oneof![Just(AlgorithmForm::Number), Just(AlgorithmForm::Name)];
    let reset = prop_oneof![Just(ResetForm::Historical), Just(ResetForm::Whole)];
    let terminal = prop_oneof![Just(TerminalForm::Number), Just(TerminalForm::Empty), Just(TerminalForm::Absent)];
    let none = || prop_oneof![Just(NoExternalForm::Absent), Just(NoExternalForm::Empty)];
    let sealed = prop_oneof![Just(SealedForm::Data), Just(SealedForm::Command)];
    (algorithm, reset, terminal, none(), any::<bool>(), none(), sealed).prop_map(
        |(algorithm, reset, terminal, no_external, open_end, no_pin, sealed)| Dialect {
            algorithm,
            reset,
            terminal,
            no_external,
            open_end,
            no_pin,
            sealed,
            debit: Some(debit_form()),
        },
    )
}

fn randoms() -> impl Strategy<Value = Randoms> {
    any::<([u8; 8], [u8; 8])>().prop_map(|(process, original)| Randoms { process, original })
}

fn proofs() -> impl Strategy<Value = Proof> {
    any::<([u8; 8], [u8; 8])>().prop_map(|(proof, original)| Proof { proof, original })
}

fn addresses() -> impl Strategy<Value = Address> {
    "[0-9A-Za-z]{1,16}".prop_map(|text| Address::try_from(text).unwrap())
}

fn bases() -> impl Strategy<Value = (Bas, Dialect)> {
    let parts = (proptest::collection::vec(any::<u8>(), 2..=33), any::<[u8; 16]>(), any::<Option<[u8; 6]>>());
    (parts, algorithms(), randoms(), proptest::option::of(randoms()), dialects()).prop_map(
        |((mut reset, identifier, terminal), algorithm, internal, external, dialect)| {
            if dialect.reset == ResetForm::Historical {
                reset.resize(13, 0x3B);
            }
            // What a dialect has no place for is not there.
            let terminal = terminal.filter(|t| dialect.terminal == TerminalForm::Number && *t != [0; 6]);
            (Bas { reset, algorithm, identifier, internal, external, terminal }, dialect)
        },
    )
}

fn secured() -> impl Strategy<Value = Secured> {
    let command = prop_oneof!["[0-9]{4,16}".prop_map(PinCommand::Reload), Just(PinCommand::Unblock)];
    (algorithms(), addresses(), any::<[u8; 8]>(), command).prop_map(|(algorithm, key, process, command)| Secured {
        algorithm,
        key,
        process,
        command,
    })
}

proptest! {
    #[test]
    fn bas_is_read_as_it_was_printed((asked, dialect) in bases()) {
        let text = asked.print(&dialect);
        prop_assert!(text.reveal().ends_with('|'));
        prop_assert_eq!(Bas::parse(text.reveal(), &dialect), Ok(asked));
    }

    #[test]
    fn its_answer_is_read_as_it_was_printed(
        internal in proofs(), external in proptest::option::of(proofs()), dialect in dialects()
    ) {
        let answer = BasAnswer { internal, external };
        prop_assert_eq!(BasAnswer::parse(answer.print(&dialect).reveal(), &dialect), Ok(answer));
    }

    #[test]
    fn a_proof_is_read_as_it_was_asked_and_answered(
        algorithm in algorithms(), key in addresses(), randoms in randoms(), proof in proofs(), dialect in dialects()
    ) {
        let asked = ProofAsked { algorithm, key, randoms };
        prop_assert_eq!(ProofAsked::parse(asked.print(&dialect).reveal(), &dialect), Ok(asked));
        prop_assert_eq!(Proof::parse(proof.print().reveal()), Ok(proof));
    }

    #[test]
    fn a_secured_command_is_read_as_it_was_asked_and_answered(
        asked in secured(), cipher: [u8; 16], mac: [u8; 4], dialect in dialects()
    ) {
        prop_assert_eq!(Secured::parse(asked.print(&dialect).reveal(), &dialect), Ok(asked.clone()));
        let block = usize::from(asked.command.header(asked.algorithm)[4]) - 4;
        let sealed = Sealed { cipher: cipher[..block].to_vec(), mac };
        let text = sealed.print(&asked, &dialect);
        prop_assert_eq!(asked.sealed(text.reveal()), Ok(sealed));
        // One digit short or long it is none, nor with another command's header.
        prop_assert!(asked.sealed(&text.reveal()[1..]).is_err());
        let long = ["0", text.reveal()].concat();
        prop_assert!(asked.sealed(&long).is_err());
        let other = format!("8424000204{}", "00".repeat(block + 4));
        prop_assert!(asked.sealed(&other).is_err());
    }

    #[test]
    fn a_purchase_is_read_as_it_was_asked_and_answered(
        numbers: ([u8; 4], [u8; 2], [u8; 4], [u8; 4], [u8; 4], u8, [u8; 6], [u8; 7]),
        algorithm in algorithms(), key in addresses(), dialect in dialects(), answer: ([u8; 4], [u8; 4])
    ) {
        let (random, sequence, account, self_pay, pool, kind, terminal, time) = numbers;
        let asked = Debit { random, sequence, account, self_pay, pool, kind, terminal, time, key_version: 0 };
        let form = debit_form();
        let text = asked.print((&form, &dialect), (algorithm, &[9; 16], &[8; 13]), Some(&key));
        prop_assert_eq!(Debit::parse(text.reveal(), &form), Ok(asked));
        let answer = DebitAnswer { terminal_sequence: answer.0, mac1: answer.1 };
        let text = answer.print((&form, &dialect), algorithm);
        prop_assert_eq!(DebitAnswer::parse(text.reveal(), &form), Ok(answer));
    }

    #[test]
    fn no_text_makes_it_stop(text in "[0-9A-Z|{}社]{0,140}", dialect in dialects()) {
        let form = debit_form();
        let asked = Secured {
            algorithm: Algorithm::Sm4,
            key: Address("1".into()),
            process: [0; 8],
            command: PinCommand::Unblock,
        };
        let _ = (Bas::parse(&text, &dialect), BasAnswer::parse(&text, &dialect), ProofAsked::parse(&text, &dialect));
        let _ = (Proof::parse(&text), Secured::parse(&text, &dialect), asked.sealed(&text));
        let _ = (Debit::parse(&text, &form), DebitAnswer::parse(&text, &form), text.parse::<Template>());
    }

    /// Cut or grown at any place it is none: no field is taken for another.
    #[test]
    fn a_string_that_was_cut_is_none((asked, dialect) in bases(), at in 0usize..400) {
        let text = asked.print(&dialect);
        let at = at % text.reveal().len();
        prop_assert!(Bas::parse(&text.reveal()[..at], &dialect).is_err());
        let grown = [text.reveal(), "|"].concat();
        prop_assert!(Bas::parse(&grown, &dialect).is_err());
    }
}

/// The strings of public drivers, with made-up values (card-facts §4.5).
#[test]
fn the_forms_of_public_drivers_are_dialects() {
    let plain = Dialect::default();
    let card = "440100|86035342440003440130000003|03|440100D15600000530000003FFFFFFFF|";
    let bas = format!("{card}0102030405060708|1112131415161718|2122232425262728|3132333435363738|440100000001|");
    let asked = Bas::parse(&bas, &plain).unwrap();
    assert_eq!((asked.algorithm, asked.terminal), (Algorithm::Sm4, Some([0x44, 1, 0, 0, 0, 1])));
    assert_eq!(asked.print(&plain).reveal(), bas);

    let eight = Dialect { terminal: TerminalForm::Absent, ..Dialect::default() };
    let before_3 = format!("{}0102030405060708|1112131415161718|||", card.replace("|03|", "|01|"));
    let asked = Bas::parse(&before_3, &eight).unwrap();
    assert_eq!((asked.external.is_none(), asked.terminal), (true, None));
    assert!(Bas::parse(&before_3, &plain).is_err(), "it has no ninth field");

    let named = Dialect {
        algorithm: AlgorithmForm::Name,
        reset: ResetForm::Whole,
        terminal: TerminalForm::Empty,
        ..Dialect::default()
    };
    let whole = "440100|3B6D000086035342440003440130000003|SM4|440100D15600000530000003FFFFFFFF|\
                 0102030405060708|1112131415161718|||||";
    assert_eq!(Bas::parse(&whole.replace("|||||", "||||"), &named).unwrap().reset.len(), 17);
    assert!(Bas::parse(whole, &named).is_err(), "a bar too many");
    let elsewhere = bas.replacen("440100|", "440200|", 1);
    assert!(Bas::parse(&elsewhere, &plain).is_err(), "the region is the identifier's");

    let reload = "03|0173|0102030405060708|8424000114|246810";
    let open = Dialect { open_end: true, ..Dialect::default() };
    let asked = Secured::parse(reload, &open).unwrap();
    assert_eq!(asked.command, PinCommand::Reload("246810".into()));
    assert!(Secured::parse(reload, &plain).is_err() && Secured::parse(&format!("{reload}|"), &plain).is_ok());
    assert_eq!(asked.print(&open).reveal(), reload);
    for other in [
        "01|0173|0102030405060708|8424000114|246810",
        "03|0173|0102030405060708|8424000104|246810",
        "03|0173|0102030405060708|8424000114|24681",
        "03|0173|0102030405060708|8424000114|24681X",
        "03|0173|0102030405060708|8424000004|246810",
        "03||0102030405060708|8424000114|246810",
    ] {
        assert_eq!(Secured::parse(other, &open).is_ok(), other.ends_with("|24681"), "{other}");
    }
    let unblock = Secured::parse("01|0173|0102030405060708|8424000004|", &plain).unwrap();
    let empty = Dialect { no_pin: NoExternalForm::Empty, ..Dialect::default() };
    assert_eq!(unblock.print(&empty).reveal(), "01|0173|0102030405060708|8424000004||");
    assert!(Secured::parse("01|0173|0102030405060708|8424000004|", &empty).is_err());
    assert_eq!(unblock.command, PinCommand::Unblock);
    let sealed = |text: &str| asked.sealed(text).is_ok();
    assert!(sealed(&"AB".repeat(20)) && !sealed(&"AB".repeat(12)) && !sealed(&"AB".repeat(25)));
    assert_eq!(unblock.sealed("01020304").unwrap().mac, [1, 2, 3, 4]);
}

#[test]
fn a_template_names_what_there_is_and_where_it_ends() {
    for (text, error) in [
        ("{random", TemplateError::Brace),
        ("random}", TemplateError::Brace),
        ("{random}{", TemplateError::Brace),
        ("a}{random}", TemplateError::Brace),
        ("{pin}", TemplateError::Unknown("pin".into())),
        ("{}", TemplateError::Unknown(String::new())),
        ("{key}{random}", TemplateError::Endless("key")),
        ("{algorithm}{random}", TemplateError::Endless("algorithm")),
        ("{key}0|{random}", TemplateError::Blurred("key")),
        ("{algorithm}M4|{random}", TemplateError::Blurred("algorithm")),
        ("{random}|{random}", TemplateError::Twice("random")),
    ] {
        assert_eq!(text.parse::<Template>(), Err(error), "{text}");
    }
    let form = debit_form();
    assert_eq!(form.check(), Ok(()));
    let text = String::from(form.step1.clone());
    for needed in ["random", "sequence", "account", "self-pay", "pool", "type", "terminal", "time"] {
        let step1 = text.replace(&format!("{{{needed}}}"), "").parse().unwrap();
        assert_eq!(DebitForm { step1, ..form.clone() }.check(), Err(TemplateError::Missing(needed)));
    }
    let step2 = "{mac1}".parse().unwrap();
    assert_eq!(DebitForm { step2, ..form }.check(), Err(TemplateError::Missing("terminal-sequence")));
}

#[test]
fn the_envelope_is_json_and_says_nothing_when_it_is_printed() {
    let dialect = Dialect { open_end: true, sealed: SealedForm::Command, ..Dialect::default() };
    let card = Card { algorithm: Algorithm::Sm4, identifier: [0x44; 16], historical: [0x86; 13] };
    let string = Text::from("03|0173|0102030405060708|8424000114|246810".to_owned());
    let question = Question { kind: Kind::Secured, card, role: Some("STK".into()), dialect, string };
    let json = serde_json::to_value(&question).unwrap();
    assert_eq!(json["card"]["identifier"], "44".repeat(16));
    assert_eq!(json["dialect"]["sealed"], "command");
    assert_eq!(serde_json::from_value::<Question>(json.clone()).unwrap(), question);
    let asked = Secured::parse(question.string.reveal(), &question.dialect).unwrap();
    let printed = format!("{question:?} {asked:?} {:?}", Answer { string: question.string.clone() });
    assert!(!printed.contains("246810") && !printed.contains("4444") && !printed.contains("0102"), "{printed}");
    for (part, value) in [("/card/identifier", "44"), ("/card/historical", "x"), ("/kind", "pin"), ("/sauce", "")] {
        let mut bad = json.clone();
        match bad.pointer_mut(part) {
            Some(place) => *place = value.into(),
            None => bad["sauce"] = value.into(),
        }
        assert!(serde_json::from_value::<Question>(bad).is_err(), "{part}");
    }
}
