//! Where the tests find what is in the source tree.

use std::path::{Path, PathBuf};

/// A file of the source tree.
pub fn tree(path: &str) -> PathBuf {
    // The bench, a directory below, uses the tests' modules as well.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.ends_with("bench") { here.with_file_name("").join(path) } else { here.join(path) }
}
