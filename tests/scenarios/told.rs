//! A failure as the doors tell it.

use serde_json::Value;

/// It has one of these codes, and says what is to be done and by whom, in both languages.
#[track_caller]
pub fn told(failure: &Value, codes: &[&str], actor: &str, about: &dyn std::fmt::Display) {
    let code = failure["code"].as_str().unwrap_or("none");
    assert!(codes.contains(&code), "{about}: {code} in place of {codes:?}: {failure}");
    assert_eq!(failure["actor"], actor, "{about}: {failure}");
    for part in ["message", "cause", "remedy"] {
        for text in [&failure[part], &failure["en"][part]] {
            assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{about}: no {part} in {failure}");
        }
    }
}

/// Its detail names each of these.
#[track_caller]
pub fn names<'a>(failure: &Value, items: impl IntoIterator<Item = &'a str>, about: &dyn std::fmt::Display) {
    let detail = failure["detail"].as_str().unwrap_or_default();
    for item in items {
        assert!(detail.contains(item), "{about}: '{item}' is not named in '{detail}'");
    }
}
