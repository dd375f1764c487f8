//! The packs in force.

use serde::Serialize;

use super::Diagnostic;
use super::decision::{Decision, PackRef};
use super::input::{Input, InputError};
use super::schema::Schema;

/// The packs in force, checked and compiled.
#[derive(Debug, Clone)]
pub struct Packs {}

/// A pack as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackInfo {
    /// Id, version, hash.
    #[serde(flatten)]
    pub pack: PackRef,
    /// The file it came from.
    pub file: String,
    /// The scenarios it decides.
    pub scenarios: Vec<String>,
    /// First day it holds.
    pub valid_from: String,
    /// Last day it holds.
    pub valid_to: String,
    /// For demonstration only.
    pub demo: bool,
    /// Its title in Chinese.
    pub title: String,
}

/// How one case of a pack went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseResult {
    /// The pack's id.
    pub pack: String,
    /// The case's name.
    pub name: String,
    /// What differs from what the case wants; empty when it passes.
    pub failures: Vec<String>,
}

/// All cases of all packs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CaseResults {
    /// One a case.
    pub cases: Vec<CaseResult>,
}

impl CaseResults {
    /// Whether every case passed.
    pub fn passed(&self) -> bool {
        self.cases.iter().all(|case| case.failures.is_empty())
    }
}

#[allow(clippy::todo)]
impl Packs {
    /// Loads the packs, each a name (for its mistakes) and its text, and runs their cases.
    ///
    /// # Errors
    /// Every mistake of every file, in the order of file and place.
    pub fn load(_files: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        todo!()
    }

    /// The packs that ship with the product.
    pub fn builtin() -> Self {
        todo!()
    }

    /// Decides one case.
    ///
    /// # Errors
    /// When the input is not what the pack needs; a case that fails its rules is a decision, not an error.
    pub fn decide(&self, _scenario: &str, _input: &Input) -> Result<Decision, InputError> {
        todo!()
    }

    /// What the packs of a scenario need to be told; one a pack.
    pub fn schema(&self, _scenario: &str) -> Vec<Schema> {
        todo!()
    }

    /// The packs.
    pub fn list(&self) -> Vec<PackInfo> {
        todo!()
    }

    /// Runs the cases of every pack again.
    pub fn test(&self) -> CaseResults {
        todo!()
    }
}

#[allow(clippy::todo)]
impl Decision {
    /// The lines of a slip in Chinese: each fen accounted for, and 演示参数 where figures are for demonstration.
    pub fn explain_zh(&self) -> Vec<String> {
        todo!()
    }

    /// The trace as a table for a terminal, aligned for wide characters.
    pub fn explain_table(&self) -> String {
        todo!()
    }
}
