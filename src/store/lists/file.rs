//! A list's file, open, with the signature beside it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};

use ring::digest::{Context, SHA256};

use super::lines::Lines;
use super::{ListError, ListKind};
use crate::failure::Diagnostic;
use crate::wire::Digest;
use crate::wire::detached::{ENDING, PublicKey};

/// How much is read at once.
const BLOCK: usize = 64 * 1024;

/// A list as it lies somewhere, open.
pub struct ListFile {
    /// What its mistakes are told under; the signature is told with `.sig` behind it.
    pub name: String,
    /// The list.
    pub file: File,
    /// The text of the signature beside it, where there is one.
    pub signature: Option<String>,
}

/// The lines of a list's file.
pub(in crate::store) type FileLines<'a> = Lines<BufReader<Hashed<'a>>>;

impl ListFile {
    /// Its lines, behind the first one.
    pub(in crate::store) fn lines<K: ListKind>(&mut self) -> Result<FileLines<'_>, ListError<K>> {
        self.rewind()?;
        let input = Hashed { file: &mut self.file, context: Context::new(&SHA256) };
        let input = BufReader::with_capacity(BLOCK, input);
        Lines::begin(&self.name, input, K::SIGNED.domain, K::LONGEST_LINE)
            .map_err(|error| ListError::of(&self.name, error))
    }

    pub(super) fn digest<K: ListKind>(&mut self) -> Result<Digest, ListError<K>> {
        self.rewind()?;
        digest(&mut self.file).map_err(|error| ListError::file(&self.name, &error))
    }

    fn rewind<K: ListKind>(&mut self) -> Result<(), ListError<K>> {
        self.file.rewind().map_err(|error| ListError::file(&self.name, &error))
    }

    pub(super) fn signer<K: ListKind>(&self, keys: &[PublicKey], file: Digest) -> Result<String, ListError<K>> {
        let named = format!("{}{ENDING}", self.name);
        let Some(signature) = &self.signature else {
            let message = format!("the {} is not signed: there is no {named}", K::SIGNED.name);
            return Err(ListError::Signature(Diagnostic { file: self.name.clone(), line: 1, column: 1, message }));
        };
        K::SIGNED.signer(keys, file, &named, signature).map_err(ListError::Signature)
    }
}

/// A file that is hashed as it is read.
pub(in crate::store) struct Hashed<'a> {
    file: &'a mut File,
    context: Context,
}

impl Read for Hashed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.context.update(&into[..read]);
        Ok(read)
    }
}

impl Hashed<'_> {
    fn finish(self) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(self.context.finish().as_ref());
        Digest(out)
    }
}

/// The SHA-256 of what was read: of all of it, once there was no other line.
pub(in crate::store) fn read_whole(lines: FileLines<'_>) -> Digest {
    lines.into_input().into_inner().finish()
}

/// The SHA-256 of a file from where it stands.
pub(super) fn digest(file: &mut File) -> io::Result<Digest> {
    let mut hashed = Hashed { file, context: Context::new(&SHA256) };
    io::copy(&mut BufReader::with_capacity(BLOCK, &mut hashed), &mut io::sink())?;
    Ok(hashed.finish())
}
