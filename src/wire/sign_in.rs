//! The monthly sign-in of a person who draws unemployment benefit.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::person::PersonKey;

/// What a sign-in carries upstream.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct SignIn {
    /// Whose.
    #[serde(flatten)]
    pub person: PersonKey,
    /// The month it is for, `2015-08`. The centre records one a person, scenario and month.
    pub month: String,
    /// The facts of the case as given to the rules (`rules::Input.facts`).
    pub facts: Map<String, Value>,
}

/// What the centre answers, as the receipt's `output`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The month.
    pub month: String,
    /// Another transaction had signed in this scenario for this month before: nothing was recorded twice.
    pub already: bool,
}
