//! JSON that is kept for a while.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// JSON as text, shared by all that show it: a tree of values takes ten times the room, and a decision on a long bill
/// with its trace is long enough already.
#[derive(Debug, Clone)]
pub struct JsonText(Arc<RawValue>);

impl JsonText {
    /// The JSON of a value; none where it has none.
    pub(super) fn of(value: &impl Serialize) -> Option<Self> {
        serde_json::value::to_raw_value(value).ok().map(|text| Self(text.into()))
    }

    /// Its length in bytes.
    pub(super) fn size(&self) -> usize {
        self.0.get().len()
    }

    /// The JSON as a tree, to look into.
    pub fn value(&self) -> Value {
        // It was written as JSON a moment ago.
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
