//! The strings that other programs hand over: those of security modules, and those of the national driver interface.

use sbkd::cipher::Algorithm;
use sbkd::national::{
    CardInfo, Code, FileAddress, Function, Kind, PayField, Syntax, Unpublished, Values, mirror, write_data,
};
use sbkd::wire::hsm::{
    AlgorithmForm, Answer, Bas, BasAnswer, Debit, DebitAnswer, DebitForm, Dialect, NoExternalForm, PinCommand, Proof,
    ProofAsked, Question, ResetForm, SealedForm, Secured, Template, TerminalForm,
};
use zeroize::Zeroizing;

/// A dialect in the first byte; then lines, each taken for every string there is. Whether one was taken.
pub fn hsm(data: &[u8]) -> bool {
    let Some((flags, lines)) = flagged(data) else { return false };
    let dialect = dialect(flags);
    let key = "1".to_owned().try_into().expect("an address");
    let mut asked = Secured { algorithm: Algorithm::Sm4, key, process: [0; 8], command: PinCommand::Unblock };
    let mut form = debit_form();
    let mut taken = false;
    for line in lines.lines() {
        taken |= proofs(line, &dialect) | secured(line, &mut asked, &dialect) | debit(line, &dialect);
        taken |= enveloped(line);
        if let Ok(template) = line.parse::<Template>() {
            assert_eq!(template.to_string().parse(), Ok(template.clone()), "another template");
            // Where nothing is between a place and the next, only what it has been told of is read.
            let _ = (form.check(), Debit::parse(line, &form), DebitAnswer::parse(line, &form), template.names_key());
            form = DebitForm { step1: template, step2: form.step1 };
            taken = true;
        }
    }
    taken
}

/// Printed and read again it is the same.
fn proofs(line: &str, dialect: &Dialect) -> bool {
    let bas = Bas::parse(line, dialect).inspect(|asked| {
        assert!(Bas::parse(asked.print(dialect).reveal(), dialect).as_ref() == Ok(asked), "another string");
        assert_eq!(format!("{asked:?}"), format!("Bas({})", asked.algorithm), "a string that names its card");
    });
    let answer = BasAnswer::parse(line, dialect).inspect(|answer| {
        assert!(BasAnswer::parse(answer.print(dialect).reveal(), dialect).as_ref() == Ok(answer), "another answer");
    });
    let asked = ProofAsked::parse(line, dialect).inspect(|asked| {
        assert!(ProofAsked::parse(asked.print(dialect).reveal(), dialect).as_ref() == Ok(asked), "another question");
    });
    let proof = Proof::parse(line).inspect(|proof| {
        assert!(Proof::parse(proof.print().reveal()).as_ref() == Ok(proof), "another proof");
    });
    bas.is_ok() | answer.is_ok() | asked.is_ok() | proof.is_ok()
}

/// A line that asks for a command is what the next ones answer.
fn secured(line: &str, asked: &mut Secured, dialect: &Dialect) -> bool {
    let sealed = asked.sealed(line).inspect(|sealed| {
        let text = sealed.print(asked, dialect);
        assert!(asked.sealed(text.reveal()).as_ref() == Ok(sealed), "another command");
    });
    let Ok(next) = Secured::parse(line, dialect) else { return sealed.is_ok() };
    assert!(Secured::parse(next.print(dialect).reveal(), dialect).as_ref() == Ok(&next), "another question");
    if let PinCommand::Reload(pin) = &next.command {
        assert!(!format!("{next:?}").contains(pin.as_str()), "a PIN is shown");
    }
    *asked = next;
    true
}

fn debit(line: &str, dialect: &Dialect) -> bool {
    let form = debit_form();
    let asked = Debit::parse(line, &form).inspect(|asked| {
        let text = asked.print((&form, dialect), (Algorithm::Sm4, &[9; 16], &[8; 13]), None);
        assert!(Debit::parse(text.reveal(), &form).as_ref() == Ok(asked), "another purchase");
    });
    let answer = DebitAnswer::parse(line, &form).inspect(|answer| {
        let text = answer.print((&form, dialect), Algorithm::Sm4);
        assert!(DebitAnswer::parse(text.reveal(), &form).as_ref() == Ok(answer), "another answer");
    });
    asked.is_ok() | answer.is_ok()
}

/// The envelope that carries a string to the centre.
fn enveloped(line: &str) -> bool {
    let question = serde_json::from_str::<Question>(line).inspect(|question| {
        let text = serde_json::to_string(question).expect("a question is JSON");
        assert!(serde_json::from_str::<Question>(&text).is_ok_and(|again| again == *question), "another question");
    });
    question.is_ok() | serde_json::from_str::<Answer>(line).is_ok()
}

fn dialect(flags: u8) -> Dialect {
    let is = |bit: u8| flags & bit != 0;
    Dialect {
        algorithm: if is(0x01) { AlgorithmForm::Name } else { AlgorithmForm::Number },
        reset: if is(0x02) { ResetForm::Whole } else { ResetForm::Historical },
        terminal: match flags >> 2 & 3 {
            0 => TerminalForm::Number,
            1 => TerminalForm::Empty,
            _ => TerminalForm::Absent,
        },
        no_external: if is(0x10) { NoExternalForm::Empty } else { NoExternalForm::Absent },
        open_end: is(0x20),
        no_pin: if is(0x80) { NoExternalForm::Empty } else { NoExternalForm::Absent },
        sealed: if is(0x40) { SealedForm::Command } else { SealedForm::Data },
        debit: None,
    }
}

fn debit_form() -> DebitForm {
    let step1 = "{algorithm}|{key}|{random}{sequence}|{account}|{self-pay}|{pool}|{type}|{terminal}|{time}|";
    DebitForm {
        step1: step1.parse().expect("a template"),
        step2: "{terminal-sequence}{mac1}".parse().expect("a template"),
    }
}

/// What is set of what is not published in the first byte; then lines, each taken for every parameter there is. Whether one
/// was taken.
pub fn driver(data: &[u8]) -> bool {
    let Some((flags, lines)) = flagged(data) else { return false };
    let unpublished = unpublished(flags);
    let mut addresses: Vec<FileAddress> = Vec::new();
    let mut taken = false;
    for line in lines.lines() {
        taken |= Kind::parse(line).is_some() | Function::named(line).is_some() | card(line);
        taken |= paid(line, &unpublished) | written(line, &addresses);
        match FileAddress::parse(line, &unpublished) {
            Ok(files) => {
                let values: Vec<Values> = files.iter().map(|file| vec![value(); file.items.len().max(1)]).collect();
                let text = mirror(&files, &values).expect("no value separates");
                assert!(write_data(&text, &files) == Ok(values), "another answer");
                (addresses, taken) = (files, true);
            }
            Err(code) => assert!([Code::PARAMETER, Code::NOT_SUPPORTED].contains(&code), "{code:?}"),
        }
    }
    taken
}

/// A card's number is never shown.
fn card(line: &str) -> bool {
    match CardInfo::parse(line) {
        Ok(info) => {
            let shown = format!("{info:?}");
            let mut fields = line.split('|').map(str::to_uppercase);
            assert!(!fields.any(|field| field.len() >= 9 && shown.contains(&field)), "a card is named");
            true
        }
        Err(code) => {
            assert!([Code::IDENTIFIER, Code::ILLEGAL_INPUT].contains(&code), "{code:?}");
            false
        }
    }
}

/// The last bar says nothing.
fn paid(line: &str, unpublished: &Unpublished) -> bool {
    let payment = unpublished.payment(line);
    match payment {
        Ok(_) if !line.ends_with('|') => assert_eq!(unpublished.payment(&format!("{line}|")), payment),
        Ok(_) => {}
        Err(code) => assert!([Code::NOT_SUPPORTED, Code::ILLEGAL_INPUT].contains(&code), "{code:?}"),
    }
    payment.is_ok()
}

/// What is written has the shape of what it is for, to the letter.
fn written(line: &str, addresses: &[FileAddress]) -> bool {
    match write_data(line, addresses) {
        Ok(values) => {
            assert!(mirror(addresses, &values).is_ok_and(|text| *text == line), "another text");
            true
        }
        Err(code) => {
            assert_eq!(code, Code::ILLEGAL_INPUT);
            false
        }
    }
}

fn unpublished(flags: u8) -> Unpublished {
    const FIELDS: [PayField; 6] = [
        PayField::Account,
        PayField::SelfPay,
        PayField::Pool,
        PayField::AccountYuan,
        PayField::SelfPayYuan,
        PayField::PoolYuan,
    ];
    let all = Unpublished::default().with_pay(FIELDS[..usize::from(flags >> 1) % 7].to_vec());
    if flags & 1 == 0 { all } else { all.with_syntax(Syntax::Jiangsu) }
}

fn value() -> Zeroizing<String> {
    Zeroizing::new("1".to_owned())
}

/// The first byte, and the text behind it.
fn flagged(data: &[u8]) -> Option<(u8, &str)> {
    let (flags, text) = data.split_first()?;
    Some((*flags, std::str::from_utf8(text).ok()?))
}
