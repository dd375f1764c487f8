//! The medical account.

use super::*;

fn number<T: TryFrom<u64, Error: std::fmt::Debug>>(case: &Value, field: &str) -> T {
    case[field].as_u64().unwrap().try_into().unwrap()
}

fn transaction(case: &Value) -> Transaction {
    Transaction {
        balance: number(case, "balance"),
        sequence: number(case, "sequence"),
        account: number(case, "account"),
        self_pay: number(case, "self_pay"),
        pool: number(case, "pool"),
        terminal: bytes(case, "terminal").try_into().unwrap(),
        terminal_sequence: number(case, "terminal_sequence"),
        time: bytes(case, "time").try_into().unwrap(),
    }
}

fn random(case: &Value) -> [u8; 4] {
    bytes(case, "random").try_into().unwrap()
}

#[test]
fn a_loads_macs_and_tac_are_as_known() {
    let formula = Formulas::builtin().unwrap().load;
    for case in known("account") {
        let (suite, about, load) = (suite(&case), transaction(&case), &case["load"]);
        let factor = load_factor(random(&case), about.sequence);
        assert_eq!(factor, eight(load, "factor"));
        let process = suite.session(&key(&case, "dlk"), factor);
        assert_eq!(formula.mac1(&process, &about).to_vec(), bytes(load, "mac1"));
        assert_eq!(formula.mac2(&process, &about).to_vec(), bytes(load, "mac2"));
        assert_eq!(formula.tac(&suite.tac_key(&key(&case, "dtk")), &about).to_vec(), bytes(load, "tac"));
    }
}

#[test]
fn a_purchases_macs_and_tac_are_as_known() {
    let formula = Formulas::builtin().unwrap().purchase;
    for case in known("account") {
        let (suite, about, purchase) = (suite(&case), transaction(&case), &case["purchase"]);
        let factor = purchase_factor(random(&case), about.sequence, about.terminal_sequence);
        assert_eq!(factor, eight(purchase, "factor"));
        let process = suite.session(&key(&case, "dpk"), factor);
        assert_eq!(formula.mac1(&process, &about).to_vec(), bytes(purchase, "mac1"));
        assert_eq!(formula.mac2(&process, &about).to_vec(), bytes(purchase, "mac2"));
        assert_eq!(formula.tac(&suite.tac_key(&key(&case, "dtk")), &about).to_vec(), bytes(purchase, "tac"));
    }
}

#[test]
fn the_input_is_what_the_mac_is_made_over() {
    let formula = Formulas::builtin().unwrap().purchase;
    for case in known("account") {
        let about = transaction(&case);
        let process = suite(&case).session(&key(&case, "dpk"), eight(&case["purchase"], "factor"));
        assert_eq!(mac(&process, [0; 8], &formula.mac1_input(&about)).to_vec(), bytes(&case["purchase"], "mac1"));
        assert_eq!(mac(&process, [0; 8], &formula.mac2_input(&about)).to_vec(), bytes(&case["purchase"], "mac2"));
    }
}

#[test]
fn the_inputs_are_data() {
    let text = include_str!("../../../config/card/account.toml");
    let swapped = text.replace(r#"["account", "self-pay", "pool"]"#, r#"["pool", "account"]"#).replace("0x32", "0x06");
    let (built_in, other) = (Formulas::builtin().unwrap(), Formulas::parse(&swapped).unwrap());
    assert_eq!((built_in.load.code, built_in.purchase.code, other.purchase.code), (0x31, 0x32, 0x06));
    let about = Transaction { account: 1, self_pay: 2, pool: 3, ..Transaction::default() };
    assert_eq!(other.purchase.mac2_input(&about), [0, 0, 0, 3, 0, 0, 0, 1]);
    assert_eq!(other.purchase.mac1_input(&about)[12], 0x06);
    let numbered = text.replace("proof_number = 0", "proof_number = 1").replace("log_number = 0", "log_number = -1");
    let (numbered, unnumbered) = (Formulas::parse(&numbered).unwrap(), text.replace("proof_number = 0\n", ""));
    assert_eq!((numbered.purchase.proof_number(7), numbered.load.log_number(7)), (8, 6));
    assert_eq!(Formulas::parse(&unnumbered).unwrap().load.proof_number(7), 7, "left out it is 0");
}

#[test]
fn formulas_that_cannot_be_are_refused() {
    let text = include_str!("../../../config/card/account.toml");
    let wrong = [
        text.replace("self-pay", "selfpay"),
        text.replace("[load]", "[loading]"),
        text.replace(r#"["account", "self-pay", "pool"]"#, "[]"),
        text.replace(r#"["balance", "account", "type", "terminal"]"#, r#"["balance", "time"]"#),
        text.replace(r#"["account", "type", "terminal", "time"]"#, r#"["pool"]"#),
        text.replace("0x31", "0x131"),
        text.replace("proof_number = 0", "proof_number = 1000"),
    ];
    for text in wrong {
        assert!(Formulas::parse(&text).is_err(), "{text}");
    }
}
