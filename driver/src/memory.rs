//! The program's memory: what it hands in, and the buffer it is given the answer in. C says of neither how long it is.

use std::ffi::c_char;

use zeroize::Zeroizing;

/// The bytes of a C string up to its NUL; `None` when none comes within `longest` bytes.
///
/// # Safety
/// `text` is not NULL, and everything from there to the first NUL, or to `longest` bytes where there is none before, may be
/// read and is not written meanwhile.
pub(crate) unsafe fn bytes(text: *const c_char, longest: usize) -> Option<Zeroizing<Vec<u8>>> {
    // SAFETY: one byte after the other, and none behind a NUL: so no more is read than the caller answers for.
    let at = |index: usize| unsafe { text.add(index).cast::<u8>().read() };
    let length = (0..longest).find(|index| at(*index) == 0)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    bytes.extend((0..length).map(at));
    Some(bytes)
}

/// Writes `bytes`, and a NUL behind them.
///
/// # Safety
/// `out` is not NULL, and `bytes.len() + 1` bytes from there may be written.
pub(crate) unsafe fn write(out: *mut c_char, bytes: &[u8]) {
    // SAFETY: the caller answers for as many bytes; `bytes` is ours, so that the two do not overlap.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), out.cast::<u8>(), bytes.len());
        out.add(bytes.len()).write(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(memory: &[u8], longest: usize) -> Option<Vec<u8>> {
        assert!(memory.contains(&0) || longest <= memory.len());
        // SAFETY: the line above.
        unsafe { bytes(memory.as_ptr().cast(), longest) }.map(|bytes| bytes.to_vec())
    }

    #[test]
    fn a_text_ends_at_its_nul_and_is_not_looked_for_behind_the_bound() {
        assert_eq!(read(b"ab\0c", 10), Some(b"ab".to_vec()));
        assert_eq!(read(b"\0", 10), Some(Vec::new()));
        assert_eq!(read(b"abc", 3), None);
        assert_eq!(read(b"ab\0", 3), Some(b"ab".to_vec()));
        assert_eq!(read(b"ab\0", 2), None);
    }

    #[test]
    fn nothing_is_written_behind_the_nul() {
        let mut memory = [7_u8; 6];
        // SAFETY: four of its six bytes are written.
        unsafe { write(memory.as_mut_ptr().cast(), b"abc") };
        assert_eq!(&memory, b"abc\0\x07\x07");
    }
}
