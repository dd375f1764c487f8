//! The values a flow is given, and those it keeps.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

/// Named byte strings. Wiped on drop; only their lengths are ever printed.
#[derive(Clone, Default)]
pub struct Vars(BTreeMap<String, Zeroizing<Vec<u8>>>);

impl Vars {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// These values and one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &[u8]) -> Self {
        self.set(name, value);
        self
    }

    /// Gives `name` a value, in place of the one it had.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        self.0.insert(name.to_owned(), Zeroizing::new(value.to_vec()));
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(|value| value.as_slice())
    }

    /// Every name with its value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// Takes a value away.
    pub(super) fn clear(&mut self, name: &str) {
        self.0.remove(name);
    }
}

/// Names and lengths.
impl fmt::Debug for Vars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, value.len()))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_lengths_only() {
        let vars = Vars::new().with("pin", &[0x12, 0x34, 0x56]);
        assert_eq!(vars.get("pin"), Some(&[0x12, 0x34, 0x56][..]));
        assert_eq!(format!("{vars:?}"), "{\"pin\": 3}");
    }
}
