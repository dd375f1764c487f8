//! The language of scripts and recordings, and the logs that become recordings.

use sbkd::failure::Diagnostic;
use sbkd::script::{Choice, ImportError, Library, Recording};

/// Any text as a script. Whether it is sound.
pub fn script(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let files = [("own.apdu".to_owned(), text.to_owned())];
    // By a name that the program looks for, its flows have to fit besides.
    if let Err(mistakes) = Library::fit(&[("ssc-3.0.apdu".to_owned(), text.to_owned())]) {
        lie_in(&mistakes, text);
    }
    match Library::load(&files) {
        Ok(library) => {
            for (_, flows) in library.scripts() {
                for flow in flows {
                    assert!(!flow.name().is_empty() && flow.inputs().count() <= text.len());
                }
            }
            true
        }
        Err(mistakes) => {
            lie_in(&mistakes, text);
            false
        }
    }
}

/// Any text as a recording. Whether it is sound.
pub fn recording(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let _ = Recording::is_one(text);
    match Recording::parse("r.apdu", text) {
        Ok(recording) => {
            printed(&recording);
            let replay = recording.replay();
            // Nothing was asked for yet.
            assert_eq!(replay.finish().is_ok(), recording.exchanges() == 0 && silent(text));
            true
        }
        Err(mistakes) => {
            lie_in(&mistakes, text);
            false
        }
    }
}

/// Any text as another program's log. Whether it can be kept.
pub fn log(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let now = "2026-01-31T08:00:00Z".parse().expect("a moment");
    let choice = Choice { card: None, psam: None, clock: None, now };
    match Recording::import(&[("a.log".to_owned(), text.to_owned())], &choice, "r.apdu") {
        Ok(recording) => {
            printed(&recording);
            true
        }
        Err(ImportError::Log(mistakes)) => {
            lie_in(&mistakes, text);
            false
        }
        Err(ImportError::Session(_)) => false,
    }
}

/// A recording is the same once it was printed and read.
fn printed(recording: &Recording) {
    let text = recording.to_string();
    let again = Recording::parse("r.apdu", &text).expect("what is printed is read");
    assert!(again == *recording && again.to_string() == text, "another recording");
}

/// Neither randoms nor resets stand in it.
fn silent(text: &str) -> bool {
    !text.lines().map(str::trim_start).any(|line| line.starts_with("random") || line.starts_with("reset"))
}

/// Mistakes are there, and in the text.
fn lie_in(mistakes: &[Diagnostic], text: &str) {
    assert!(!mistakes.is_empty(), "refused without a mistake");
    let lines = text.split('\n').count();
    for mistake in mistakes {
        assert!((1..=lines).contains(&mistake.line) && mistake.column >= 1, "{mistake}");
    }
}
