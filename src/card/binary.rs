//! Transparent files: photo, fingerprints, what is kept in reserve.

use zeroize::Zeroizing;

use super::CardError;
use super::session::{FILES, Session, output};
use crate::apdu::StatusWord;
use crate::profile::FileName;
use crate::script::Vars;

/// The most that one answer brings (card-facts §8), asked for by 00.
const MOST: usize = 256;

/// What one command brought, if anything, and how it ended.
type Part = (Option<Zeroizing<Vec<u8>>>, StatusWord);

impl Session<'_> {
    /// All bytes of a transparent file that has `size` at most: as many at once as the card gives. The first command names
    /// the file (`sfi`, 0 the current one), the others go on in it.
    pub(super) fn binary(&mut self, name: &FileName, sfi: u8, size: u16) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let size = usize::from(size);
        let mut bytes = Zeroizing::new(Vec::with_capacity(size + MOST));
        let mut most = MOST;
        while bytes.len() < size {
            let ask = most.min(size - bytes.len());
            let (part, status) = self.part(sfi, bytes.len(), ask)?;
            let Some(part) = part.filter(|part| !part.is_empty()) else {
                // 6B00: the file ends here, shorter than the profile has it.
                return match (status, bytes.is_empty()) {
                    (StatusWord::OFFSET, false) => Ok(bytes),
                    _ => Err(CardError::ItemGarbled {
                        item: name.to_string(),
                        what: "there is nothing in the answer".to_owned(),
                    }),
                };
            };
            if part.len() > ask {
                let what = "the answer has more than was asked for".to_owned();
                return Err(CardError::ItemGarbled { item: name.to_string(), what });
            }
            bytes.extend_from_slice(&part);
            if !status.is_ok() {
                // 6282: so many and no more.
                return Ok(bytes);
            }
            most = part.len();
        }
        Ok(bytes)
    }

    /// So many bytes of a transparent file from an offset on.
    pub(super) fn binary_at(
        &mut self,
        name: &FileName,
        sfi: u8,
        offset: u16,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        let garbled = |what: &str| CardError::ItemGarbled { item: name.to_string(), what: what.to_owned() };
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        // Past the first 256 bytes no short identifier goes with the offset: the first command names the file.
        if offset >= 0x100 && sfi != 0 {
            self.part(sfi, 0, 1)?;
        }
        while bytes.len() < length {
            let ask = length - bytes.len();
            let (part, _) = self.part(sfi, usize::from(offset) + bytes.len(), ask)?;
            let part = part.filter(|part| !part.is_empty() && part.len() <= ask);
            bytes.extend_from_slice(&part.ok_or_else(|| garbled("there is not what was asked for in the answer"))?);
        }
        Ok(bytes)
    }

    fn part(&mut self, sfi: u8, offset: usize, length: usize) -> Result<Part, CardError> {
        // A profile's file has less than 8000h bytes, as two bytes of offset say them.
        let [high, low] = u16::try_from(offset).unwrap_or(u16::MAX).to_be_bytes();
        let p1 = if offset < 0x100 && sfi != 0 { 0x80 | sfi } else { high & 0x7F };
        let le = u8::try_from(length).unwrap_or(0);
        let mut vars = Vars::new().with("p1", &[p1]).with("p2", &[low]).with("length", &[le]);
        let status = self.run(FILES, "read-binary", &mut vars)?;
        if status == StatusWord::OFFSET {
            return Ok((None, status));
        }
        Ok((Some(Zeroizing::new(output(&vars, "bytes")?.to_vec())), status))
    }
}
