//! What the cases of a pack start from, and the figures that stand in for a test.

use crate::rules::Packs;

const PACK: &str = r#"
[pack]
id = "test"
version = "1"
title = "测试"
scenarios = ["test"]
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "date"
status = "demo"
[facts]
date = { type = "date" }
amount = { type = "money" }
[[param]]
name = "empty"
type = "rate"
values = [{ from = 2015-01-01, source = "a", confidence = "U", verified_on = 2015-01-01 }]
[[step]]
name = "first"
expr = "half_up(amount * empty, ¥0.01)"
out = "first"
[[step]]
name = "second"
expr = "half_up(amount * 10%, ¥0.01)"
out = "second"
[case_base]
facts = { date = 2015-01-01, amount = "100.00" }
figures = { empty = "1%" }
"#;

/// What the case differs in.
fn failures(case: &str) -> Vec<String> {
    let text = format!("{PACK}[[case]]\nname = \"x\"\n{case}\n");
    match Packs::load(&[("test.toml".to_owned(), text)]) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.into_iter().map(|mistake| mistake.message).collect(),
    }
}

#[test]
fn a_case_starts_from_the_figures_of_the_base() {
    assert_eq!(failures("outcome = \"allow\"\nwant = { first = \"1.00\", second = \"10.00\" }"), [""; 0]);
    assert_eq!(failures("figures = { empty = \"2%\" }\noutcome = \"allow\"\nwant = { first = \"2.00\" }"), [""; 0]);
    let without =
        "without = [\"empty\"]\noutcome = \"refer\"\nreasons = [\"E-NO-PARAM\"]\nwant = { second = \"10.00\" }";
    assert_eq!(failures(without), [""; 0]);
    assert_eq!(failures("without = [\"nobody\"]\noutcome = \"allow\""), ["'nobody' is not in the base"]);
}
