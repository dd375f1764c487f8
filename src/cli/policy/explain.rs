//! `sbkd policy explain`: one input, decided in words.

use std::path::{Path, PathBuf};

use super::packs::load;
use crate::cli::shell::{parse_json, read_text};
use crate::cli::{Outcome, Problem, Shell, errors};
use crate::failure::visible;
use crate::rules::{Decision, Input};
use crate::scenario::Catalogue;
use crate::value::Kind;

/// The longest name that is told.
const LONGEST: usize = 40;

pub(super) fn run(scenario: &str, input: &Path, packs: &[PathBuf], shell: &Shell) -> Outcome {
    let input = read(input, &read_text(input)?)?;
    let decision = load(packs)?.explain(scenario, &input).map_err(|error| Problem::from_error(&error))?;
    shell.show(&decision, || explained(&decision, kind_of(scenario)));
    Ok(())
}

/// The kind of a scenario; of one that is in no catalogue yet, that of which a pack reckons most.
fn kind_of(scenario: &str) -> Kind {
    let catalogue = Catalogue::builtin().ok();
    let part = catalogue.as_ref().and_then(|catalogue| catalogue.scenario(scenario)?.part(None));
    part.map_or(Kind::Settle, |part| part.kind)
}

/// The decision in words, then its trace, then what it changes.
fn explained(decision: &Decision, kind: Kind) -> String {
    let (words, changes) = (decision.explain_zh(kind).join("\n"), decision.explain_changes().join("\n"));
    format!("{words}\n\n{}\n\n{changes}", decision.explain_table())
}

/// An input: an object with the members that one has.
fn read(file: &Path, text: &str) -> Result<Input, Problem> {
    let wrong = |line: usize, column: usize, what: &str| {
        Problem::with(&errors::JSON, format!("{}:{line}:{column}: {what}", file.display()))
    };
    // A structure may stand in JSON as a list of its members, too.
    if text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('[') {
        return Err(wrong(1, 1, "not an object"));
    }
    parse_json(file, text).map_err(|problem| {
        // Of an item's name nothing is personal; all else that the parser says may be.
        let error = serde_json::from_str::<Input>(text.trim_start_matches('\u{feff}')).err();
        let told = error.and_then(|error| {
            let message = error.to_string();
            let name = message.strip_prefix("unknown field `")?.split_once('`')?.0;
            let name: String = visible(name).chars().take(LONGEST).collect();
            let what = format!("'{name}' is not known: an input has facts, lines and accumulators");
            Some(wrong(error.line(), error.column(), &what))
        });
        told.unwrap_or(problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_explained_as_what_it_is() {
        let kinds = ["medical-settlement", "unemployment-sign-in", "nowhere-yet"].map(kind_of);
        assert_eq!(kinds, [Kind::Settle, Kind::SignIn, Kind::Settle]);
    }

    #[test]
    fn an_input_is_an_object_whose_members_are_known() {
        let read =
            |text| read(Path::new("i.json"), text).map_err(|problem| problem.to_json()["error"]["detail"].to_string());
        assert!(read("\u{feff}{\"facts\": {}}").is_ok(), "with the mark that some editors put in front");
        for (text, told) in [
            ("[{}, [], {}]", "i.json:1:1: not an object"),
            ("\u{feff} [{}]", "i.json:1:1: not an object"),
            ("{\n \"facst\": {}}", "i.json:2:8: 'facst' is not known: an input has facts, lines and accumulators"),
            ("{\"facts\": 1}", "i.json:1:11: not what is wanted here"),
            ("{\"facts\": {}, \"facts\": {}}", "i.json:1:21: a member is there twice"),
            ("{\"facts\": {}", "i.json:1:12: not JSON"),
        ] {
            assert_eq!(read(text).unwrap_err(), format!("{told:?}"), "{text}");
        }
    }
}
