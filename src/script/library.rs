//! Scripts that were parsed and checked, by name.

use std::collections::BTreeMap;

use super::flow::Flow;
use super::{RunError, builtin, check, known, parse};
use crate::failure::Diagnostic;

/// Scripts without a mistake, each with its flows.
#[derive(Debug, Clone, Default)]
pub struct Library(BTreeMap<String, BTreeMap<String, Flow>>);

impl Library {
    /// The scripts that the program carries.
    ///
    /// # Panics
    /// Never: a test loads them.
    pub fn builtin() -> Self {
        let files: Vec<_> =
            builtin::FILES.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        // Invariant: they are part of this program, and a test loads them.
        Self::fit(&files).unwrap_or_else(|mistakes| unreachable!("a built-in script has mistakes: {mistakes:?}"))
    }

    /// Scripts from files: each a name to show in mistakes, whose stem becomes the script's name, and a text. For one
    /// flow to be run by hand, since what the program needs of a script is not asked for.
    ///
    /// # Errors
    /// Every mistake of every file.
    pub fn load(files: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        Self::loaded(files, |_, _, _| Vec::new())
    }

    /// The same; those of a name that the program knows must have the flows it looks for, and no other.
    ///
    /// # Errors
    /// Every mistake of every file.
    pub fn fit(files: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        Self::loaded(files, known::mistakes)
    }

    /// `unfit` is what a script that has no other mistake has wrong.
    fn loaded(
        files: &[(String, String)],
        unfit: impl Fn(&str, &str, &BTreeMap<String, Flow>) -> Vec<Diagnostic>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut library = Self::default();
        let mut mistakes = Vec::new();
        for (file, text) in files {
            let (flows, found) = script(file, text);
            if found.is_empty() {
                mistakes.extend(unfit(stem(file), file, &flows));
            }
            mistakes.extend(found);
            if library.0.insert(stem(file).to_owned(), flows).is_some() {
                let message = format!("there is a script {} already", stem(file));
                mistakes.push(Diagnostic { file: file.clone(), line: 1, column: 1, message });
            }
        }
        mistakes.sort();
        if mistakes.is_empty() { Ok(library) } else { Err(mistakes) }
    }

    /// The scripts that the program carries, and those of `files`, each in place of the one of its name. One of a name that
    /// the program does not look for is a mistake: it would be read and never used.
    ///
    /// # Errors
    /// Every mistake of every file.
    pub fn over_builtin(files: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        let own = Self::loaded(files, |script, file, flows| match known::is_known(script) {
            true => known::mistakes(script, file, flows),
            false => {
                let message = format!(
                    "the program looks for no script {script}, only for ssc, ssc-N.0, files, pin, pki, account, bank and psam"
                );
                vec![Diagnostic { file: file.to_owned(), line: 1, column: 1, message }]
            }
        })?;
        let mut all = Self::builtin();
        all.0.extend(own.0);
        Ok(all)
    }

    /// One flow of a script.
    ///
    /// # Errors
    /// [`RunError::NoFlow`] where there is none.
    pub fn flow(&self, script: &str, flow: &str) -> Result<&Flow, RunError> {
        let found = self.0.get(script).and_then(|flows| flows.get(flow));
        found.ok_or_else(|| RunError::NoFlow { script: script.to_owned(), flow: flow.to_owned() })
    }

    /// Every script with its flows, by name.
    pub fn scripts(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &Flow>)> {
        self.0.iter().map(|(name, flows)| (name.as_str(), flows.values()))
    }
}

/// The flows of one file, and its mistakes.
fn script(file: &str, text: &str) -> (BTreeMap<String, Flow>, Vec<Diagnostic>) {
    let mut parsed = parse::script(file, text);
    let mut flows: BTreeMap<String, Flow> = BTreeMap::new();
    for (flow, sound) in parsed.flows {
        if sound {
            parsed.mistakes.extend(check::flow(&flow));
        }
        // A head that was not understood has no name.
        if flow.name.is_empty() {
            continue;
        }
        if let Some(before) = flows.get(&flow.name) {
            let message = format!("there is a flow {} in line {} already", flow.name, before.line);
            parsed.mistakes.push(Diagnostic { file: file.to_owned(), line: flow.line, column: 6, message });
        } else {
            flows.insert(flow.name.clone(), flow);
        }
    }
    (flows, parsed.mistakes)
}

fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".apdu").unwrap_or(name)
}
