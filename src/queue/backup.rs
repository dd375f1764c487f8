//! A copy of the journal as it stands at one moment, made beside the process that writes it.

use std::fs::File;
use std::path::Path;

use super::anchor::{self, Anchor};
use super::proof::{Anchored, Proof};
use super::{Past, QueueError, look, open, place, witness};
use crate::wire::ChainHead;

impl Past {
    /// Copies the journal into `file`, and its head into `anchor`, both of which are there and empty. `live` is the
    /// anchor of the journal itself. The copy is proved with the public key before this returns, and is on the disk.
    ///
    /// # Errors
    /// [`QueueError::Damaged`] when the copy is not whole, and what the storage may do; the files are worth nothing then.
    pub fn backup(&self, file: &Path, anchor: &Path, live: &Path) -> Result<Proof, QueueError> {
        let (crypto, terminal) = (&self.context.crypto, &self.context.terminal);
        // Before the snapshot, so that it is not ahead of it.
        let anchored = anchor::peek(live, &anchor::Proof::Keys(crypto), terminal).map_err(open::io)?;
        let name = file.to_str().ok_or_else(|| QueueError::Storage("the name of the copy is not UTF-8".into()))?;
        // One statement, one snapshot; what was deleted or erased is not in it.
        self.db.execute("VACUUM INTO ?1", [name])?;
        File::open(file).and_then(|file| file.sync_all()).map_err(open::io)?;
        let found = |_: &anchor::Proof<'_>, _: &str| Ok(Anchored::from(anchored));
        let proof = witness::public(&look::still(file)?, &crypto.public_key, &found)?;
        let head = ChainHead { sequence: proof.last(), hash: proof.head };
        Anchor::open(anchor).and_then(|mut anchor| anchor.write(crypto, terminal, &head)).map_err(open::io)?;
        for file in [file, anchor] {
            place::sync_folder(file)?;
        }
        Ok(proof)
    }
}
