//! Lines as the commands of an 80 mm printer. The crate sets and encodes them; of Chinese it knows the encoding alone, and
//! not how a printer is told to expect it.

use std::cell::RefCell;

use encoding_rs::GB18030;
use escpos::driver::Driver;
use escpos::errors::Result;
use escpos::printer::Printer;
use escpos::utils::{Encoder, Protocol};
use zeroize::Zeroizing;

/// `FS &`: two bytes are a Chinese character from here on, as the printer's own character set has it.
const CHINESE: [u8; 2] = [0x1C, 0x26];
/// How far the paper is moved on before it is cut, in lines: the knife stands above the head.
const FEED: u8 = 4;
/// What stands for characters that GBK, and so the character set of most such printers, does not have.
const STAND_INS: [(char, char); 3] = [('¥', '￥'), ('−', '－'), ('–', '－')];

/// The commands that print these lines and cut the paper.
pub(super) fn commands(lines: &[String]) -> Zeroizing<Vec<u8>> {
    // The memory takes every byte, and what GB18030 does not have is written by its number.
    printed(lines).expect("a printer in memory takes everything")
}

fn printed(lines: &[String]) -> Result<Zeroizing<Vec<u8>>> {
    let encoder = Encoder::new(GB18030).allow_unencodable(true);
    let mut printer = Printer::new(Memory::default(), Protocol::new(encoder), None);
    printer.init()?.custom(&CHINESE)?;
    for line in lines {
        printer.writeln(&replaced(line))?;
    }
    printer.feeds(FEED)?.partial_cut()?.print()?;
    Ok(printer.driver().0.into_inner())
}

fn replaced(line: &str) -> Zeroizing<String> {
    let instead = |c: char| STAND_INS.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to);
    Zeroizing::new(line.chars().map(instead).collect())
}

/// A printer that keeps what it is sent.
#[derive(Default)]
struct Memory(RefCell<Zeroizing<Vec<u8>>>);

impl Driver for Memory {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn write(&self, data: &[u8]) -> Result<()> {
        self.0.borrow_mut().extend_from_slice(data);
        Ok(())
    }

    fn read(&self, _: &mut [u8]) -> Result<usize> {
        Ok(0)
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}
