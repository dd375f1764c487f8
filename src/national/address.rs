//! `pFileAddr`, `pWriteData` and the text of `iReadCard`, which have one shape (card-facts §5.2).

use std::fmt;

use zeroize::Zeroizing;

use super::Code;
use super::unpublished::{Syntax, Unpublished};

/// More files, or items of one, than a card has.
const MOST: usize = 256;

/// Which directory a file lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directory {
    /// The social security environment.
    Environment,
    /// An application's, by its number: `DF04` is 4.
    Application(u8),
}

/// One file that is asked for, as it was written and as it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAddress {
    /// As written, which the answer repeats.
    written: String,
    /// Its directory.
    pub directory: Directory,
    /// The file's number: `EF05` is 5.
    pub ef: u8,
    /// Which record of a cyclic file, from 1; by an unpublished syntax only.
    pub record: Option<u8>,
    /// Its items in the order asked for; none stands for the file as a whole.
    pub items: Vec<ItemAddress>,
}

/// One item of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemAddress {
    /// Its tag.
    pub tag: u8,
    /// Which one of an item that a file has several times, from 1; by an unpublished syntax only.
    pub number: Option<u8>,
}

/// The values of one file in the order of its items; one where it is meant as a whole. Wiped.
pub type Values = Vec<Zeroizing<String>>;

impl FileAddress {
    /// A list `SSSEEF05|06|07|$DF04EF05|81|$`; a file without items, `SSSEEF08|$`, is meant as a whole.
    ///
    /// # Errors
    /// [`Code::PARAMETER`] for another form, [`Code::NOT_SUPPORTED`] for repeated items and cyclic records whose syntax is
    /// not set.
    pub fn parse(text: &str, unpublished: &Unpublished) -> Result<Vec<Self>, Code> {
        segments(text)?.into_iter().map(|segment| Self::one(segment, unpublished)).collect()
    }

    fn one(segment: Vec<&str>, unpublished: &Unpublished) -> Result<Self, Code> {
        let (written, items) = segment.split_first().ok_or(Code::PARAMETER)?;
        let (name, record) = unpublished.numbered(written)?;
        let (directory, ef) = named(name, unpublished.syntax()).ok_or(Code::PARAMETER)?;
        let item = |written: &&str| {
            let (tag, number) = unpublished.numbered(written)?;
            Ok(ItemAddress { tag: byte(tag).ok_or(Code::PARAMETER)?, number })
        };
        let items = items.iter().map(item).collect::<Result<Vec<_>, Code>>()?;
        Ok(Self { written: (*written).to_owned(), directory, ef, record, items })
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("SSSE"),
            Self::Application(number) => write!(f, "DF{number:02X}"),
        }
    }
}

/// As in the facts' tables: `DF04EF05`.
impl fmt::Display for FileAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}EF{:02X}", self.directory, self.ef)
    }
}

/// The values that `pWriteData` gives to the items of `pFileAddr`: the same shape, with values in the items' places.
///
/// # Errors
/// [`Code::ILLEGAL_INPUT`] when the two have not the same files with as many items.
pub fn write_data(text: &str, addresses: &[FileAddress]) -> Result<Vec<Values>, Code> {
    let segments = segments(text).map_err(|_| Code::ILLEGAL_INPUT)?;
    if segments.len() != addresses.len() {
        return Err(Code::ILLEGAL_INPUT);
    }
    let values = segments.iter().zip(addresses).map(|(segment, address)| {
        let (name, values) = segment.split_first()?;
        let fits = *name == address.written && values.len() == address.items.len().max(1);
        fits.then(|| values.iter().map(|value| Zeroizing::new((*value).to_owned())).collect())
    });
    values.collect::<Option<Vec<_>>>().ok_or(Code::ILLEGAL_INPUT)
}

/// The text of `iReadCard`: `pFileAddr` to the letter, with values in the items' places.
///
/// # Errors
/// [`Code::CHARACTERS`] when a value has a character that separates.
pub fn mirror(addresses: &[FileAddress], values: &[Values]) -> Result<Zeroizing<String>, Code> {
    if values.iter().flatten().any(|value| value.contains(['|', '$'])) {
        return Err(Code::CHARACTERS);
    }
    let length = |values: &Values| values.iter().map(|value| value.len() + 1).sum::<usize>();
    let room = addresses.iter().zip(values).map(|(address, values)| address.written.len() + 2 + length(values)).sum();
    // All of it at once: growing would leave a copy behind that nobody wipes.
    let mut text = Zeroizing::new(String::with_capacity(room));
    for (address, values) in addresses.iter().zip(values) {
        text.push_str(&address.written);
        text.push('|');
        for value in values {
            text.push_str(value);
            text.push('|');
        }
        text.push('$');
    }
    Ok(text)
}

/// The fields of each file: every one ends with a bar, every file with a dollar sign.
fn segments(text: &str) -> Result<Vec<Vec<&str>>, Code> {
    let files = text.strip_suffix('$').ok_or(Code::PARAMETER)?;
    let all: Option<Vec<_>> = files.split('$').take(MOST + 1).map(fields).collect();
    all.filter(|all| all.len() <= MOST).ok_or(Code::PARAMETER)
}

fn fields(file: &str) -> Option<Vec<&str>> {
    let fields: Vec<&str> = file.strip_suffix('|')?.split('|').collect();
    (fields.len() <= MOST).then_some(fields)
}

/// `SSSEEFxx`, `DFnnEFxx`; `MFEFxx` in the dialect that has it.
fn named(name: &str, syntax: Option<Syntax>) -> Option<(Directory, u8)> {
    let (directory, ef) = name.split_at_checked(name.len().checked_sub(4)?)?;
    let ef = byte(ef.strip_prefix("EF")?)?;
    let directory = match directory {
        "SSSE" => Directory::Environment,
        "MF" if syntax == Some(Syntax::Jiangsu) => Directory::Environment,
        other => Directory::Application(byte(other.strip_prefix("DF")?)?),
    };
    Some((directory, ef))
}

/// Two hexadecimal digits.
fn byte(text: &str) -> Option<u8> {
    let digits = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    digits.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Vec<FileAddress>, Code> {
        FileAddress::parse(text, &Unpublished::default())
    }

    fn value(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[test]
    fn the_examples_of_the_facts_are_read() {
        let files = parse("SSSEEF05|06|07|$SSSEEF06|08|09|$").unwrap();
        assert_eq!(files.iter().map(ToString::to_string).collect::<Vec<_>>(), ["SSSEEF05", "SSSEEF06"]);
        assert_eq!(files[1].items.iter().map(|item| item.tag).collect::<Vec<_>>(), [0x08, 0x09]);
        let whole = parse("SSSEEF08|$").unwrap();
        assert!(whole[0].items.is_empty() && whole[0].directory == Directory::Environment && whole[0].ef == 8);
        let other = parse("SSSEEF08|01|$").unwrap();
        assert_eq!(other[0].items, [ItemAddress { tag: 1, number: None }]);
        assert_eq!(parse("DF0AEF0C|EA|$").unwrap()[0].directory, Directory::Application(0x0A));
    }

    #[test]
    fn what_is_no_address_is_a_bad_parameter() {
        for text in [
            "",
            "$",
            "|$",
            "SSSEEF05|06|07|",
            "SSSEEF05|06$",
            "SSSEEF05|6|$",
            "SSSEEF05|GG|$",
            "SSSEEF5|06|$",
            "EF05|06|$",
            "MFEF05|06|$",
            "DF4EF05|81|$",
            "SSSEEF05||$",
            "SSSEEF05|06|$$",
            "SSSEEF05|+6|$",
            "中EF05|06|$",
        ] {
            assert_eq!(parse(text), Err(Code::PARAMETER), "{text}");
        }
        let many = "SSSEEF05|06|$".repeat(MOST + 1);
        assert_eq!(parse(&many), Err(Code::PARAMETER));
    }

    #[test]
    fn what_is_not_published_is_refused_until_it_is_set() {
        for text in ["DF02EF15|99:01|$", "DF02EF07:01|$"] {
            assert_eq!(parse(text), Err(Code::NOT_SUPPORTED), "{text}");
        }
        let set = Unpublished::default().with_syntax(Syntax::Jiangsu);
        let files = FileAddress::parse("MFEF05|07|$DF02EF15|99:02|$DF02EF07:01|$", &set).unwrap();
        assert_eq!(files[0].directory, Directory::Environment);
        assert_eq!(files[1].items, [ItemAddress { tag: 0x99, number: Some(2) }]);
        assert_eq!((files[2].record, files[2].items.len()), (Some(1), 0));
        for text in ["DF02EF07:00|$", "DF02EF07:|$", "DF02EF07:1:2|$", "DF02EF15|99:256|$"] {
            assert_eq!(FileAddress::parse(text, &set), Err(Code::PARAMETER), "{text}");
        }
    }

    #[test]
    fn the_answer_mirrors_the_question() {
        let files = parse("SSSEEF06|08|09|$SSSEEF08|$").unwrap();
        let values = [vec![value("440100"), value("王小明")], vec![value("FFD8")]];
        let text = mirror(&files, &values).unwrap();
        assert_eq!(*text, "SSSEEF06|440100|王小明|$SSSEEF08|FFD8|$");
        let read = write_data(&text, &files).unwrap();
        assert_eq!(read, values);
        for bad in ["a|b", "a$"] {
            assert_eq!(mirror(&files, &[vec![value(bad)]]), Err(Code::CHARACTERS));
        }
    }

    #[test]
    fn data_of_another_shape_is_illegal() {
        let files = parse("SSSEEF06|08|09|$SSSEEF08|$").unwrap();
        for text in [
            "",
            "SSSEEF06|1|2|$",
            "SSSEEF06|1|$SSSEEF08|F|$",
            "SSSEEF06|1|2|$SSSEEF08|$",
            "SSSEEF05|1|2|$SSSEEF08|F|$",
            "SSSEEF06|1|2|$SSSEEF08|F|G|$",
            "SSSEEF06|1|2|$SSSEEF08|F|",
        ] {
            assert_eq!(write_data(text, &files), Err(Code::ILLEGAL_INPUT), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", near in "(SSSE|DF0|MF)?(EF)?[0-9A-F:|$]{0,40}") {
            let set = Unpublished::default().with_syntax(Syntax::Jiangsu);
            for text in [text, near] {
                for unpublished in [&Unpublished::default(), &set] {
                    if let Ok(files) = FileAddress::parse(&text, unpublished) {
                        let values: Vec<Values> = files.iter().map(|f| vec![value("1"); f.items.len().max(1)]).collect();
                        let told = mirror(&files, &values).unwrap();
                        prop_assert_eq!(write_data(&told, &files).unwrap(), values);
                    }
                }
                let _ = write_data(&text, &parse("SSSEEF06|08|09|$").unwrap());
            }
        }
    }
}
