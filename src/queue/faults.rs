//! Where a test makes the journal fail: each write of the commit path passes a point.

use std::fmt;
use std::sync::Arc;

use super::QueueError;

/// A write of the commit path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// Before a transaction begins.
    Begin,
    /// Before a row is inserted.
    Insert,
    /// Before a row changes state.
    Advance,
    /// Before the head is signed.
    Sign,
    /// Before the commit.
    Commit,
    /// After the commit and before anyone hears of it.
    Committed,
    /// Before the anchor is written.
    Anchor,
    /// Before it is looked whether the disk has room.
    Room,
}

type Hook = Arc<dyn Fn(Point) -> Result<(), QueueError> + Send + Sync>;

/// A hook that may fail at a [`Point`]. None outside tests.
#[derive(Clone, Default)]
pub struct Faults(Option<Hook>);

impl Faults {
    /// Calls `hook` at each point; what it returns there is what the disk did.
    pub fn new(hook: impl Fn(Point) -> Result<(), QueueError> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    pub(super) fn at(&self, point: Point) -> Result<(), QueueError> {
        self.0.as_ref().map_or(Ok(()), |hook| hook(point))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Faults(on)" } else { "Faults(off)" })
    }
}
