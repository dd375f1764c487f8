//! Tests of the language as a whole.

mod grammar;
mod importing;
mod known;
mod recording;
mod redaction;
mod running;

use super::Library;

/// One script named `t`, which has to be sound.
fn library(text: &str) -> Library {
    match Library::load(&[("t.apdu".to_owned(), text.to_owned())]) {
        Ok(library) => library,
        Err(mistakes) => panic!("{mistakes:?}"),
    }
}

/// The mistakes of a script, each as `line:column: message`.
fn mistakes(text: &str) -> Vec<String> {
    let found = Library::load(&[("t.apdu".to_owned(), text.to_owned())]).err().unwrap_or_default();
    found.iter().map(|one| one.to_string().trim_start_matches("t.apdu:").to_owned()).collect()
}
