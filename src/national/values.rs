//! A card's items as the interface's strings have them.

use zeroize::Zeroizing;

use super::unpublished::Unpublished;
use super::{Code, FileAddress, Values};
use crate::card::{Content, Contents, Holding, Value};

/// The values of one file, in the order that `address` asks for them.
///
/// # Errors
/// [`Code::PARAMETER`] when the file is not of a kind that can be asked for so; [`Code::NOT_SUPPORTED`] where that needs a
/// syntax that is not set.
pub fn values(address: &FileAddress, holding: &Holding, unpublished: &Unpublished) -> Result<Values, Code> {
    match (&holding.contents, address.record) {
        (Contents::Bytes(bytes), None) if address.items.len() <= 1 => Ok(vec![hexadecimal(bytes)]),
        (Contents::Items(items), None) if !address.items.is_empty() => {
            let wanted = address.items.iter();
            wanted.map(|item| text(nth(items, item.tag, item.number)?, unpublished)).collect()
        }
        (Contents::Records(records), Some(record)) => {
            let record = usize::from(record).checked_sub(1).and_then(|at| records.get(at)?.as_ref());
            record.map_or_else(
                || Ok(vec![Zeroizing::default()]),
                |parts| Ok(vec![unpublished.parts(&texts(parts, unpublished)?)?]),
            )
        }
        // How the national syntax asks for them is not published.
        (Contents::Records(_), None) => Err(Code::NOT_SUPPORTED),
        _ => Err(Code::PARAMETER),
    }
}

/// The item of a tag; of one that is there several times the one of this number, the first where none is said.
fn nth(items: &[Value], tag: u8, number: Option<u8>) -> Result<&Value, Code> {
    let mut of = items.iter().filter(|item| item.tag == Some(tag));
    let several = of.clone().count() > 1;
    match number {
        None if several => Err(Code::NOT_SUPPORTED),
        number => {
            let at = usize::from(number.unwrap_or(1)).checked_sub(1).ok_or(Code::PARAMETER)?;
            of.nth(at).ok_or(Code::PARAMETER)
        }
    }
}

fn text(value: &Value, unpublished: &Unpublished) -> Result<Zeroizing<String>, Code> {
    match &value.content {
        Content::Parts(parts) => unpublished.parts(&texts(parts, unpublished)?),
        content => plain(content).ok_or(Code::NOT_SUPPORTED),
    }
}

/// A value that has no parts.
pub(super) fn plain(content: &Content) -> Option<Zeroizing<String>> {
    match content {
        Content::Empty => Some(Zeroizing::default()),
        Content::Text(text) | Content::Digits(text) => Some(text.clone()),
        Content::Number(number) => Some(Zeroizing::new(number.to_string())),
        Content::Bytes(bytes) | Content::Former(bytes) => Some(hexadecimal(bytes)),
        Content::Parts(_) => None,
    }
}

fn texts(values: &[Value], unpublished: &Unpublished) -> Result<Vec<Zeroizing<String>>, Code> {
    values.iter().map(|value| text(value, unpublished)).collect()
}

fn hexadecimal(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(hex::encode_upper(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::national::Syntax;
    use crate::profile::FileName;

    fn value(tag: u8, content: Content) -> Value {
        Value { tag: Some(tag), name: None, content }
    }

    fn word(text: &str) -> Content {
        Content::Text(Zeroizing::new(text.to_owned()))
    }

    /// What is given for the first file of `address`, whatever its name.
    fn of(address: &str, contents: Contents, unpublished: &Unpublished) -> Result<Vec<String>, Code> {
        let address = FileAddress::parse(address, unpublished)?.remove(0);
        let holding = Holding { name: FileName::new("DF02", 0x15), label: String::new(), contents };
        values(&address, &holding, unpublished).map(|all| all.iter().map(|value| value.to_string()).collect())
    }

    fn items() -> Contents {
        let parts = vec![value(0x10, word("a")), value(0x11, Content::Empty), value(0x12, Content::Number(7))];
        Contents::Items(vec![
            value(0x0F, Content::Digits(Zeroizing::new("20200601".to_owned()))),
            value(0x1F, Content::Bytes(Zeroizing::new(vec![0xAB, 0x0C]))),
            value(0x99, Content::Parts(parts)),
            value(0x99, Content::Empty),
        ])
    }

    #[test]
    fn items_come_in_the_order_asked_for_and_what_is_not_there_is_empty() {
        let published = Unpublished::default();
        assert_eq!(of("DF02EF15|1F|0F|$", items(), &published), Ok(vec!["AB0C".to_owned(), "20200601".to_owned()]));
        assert_eq!(of("DF02EF15|20|$", items(), &published), Err(Code::PARAMETER));
        let one = Contents::Items(vec![value(0x0F, Content::Empty)]);
        assert_eq!(of("DF02EF15|0F|$", one, &published), Ok(vec![String::new()]));
    }

    #[test]
    fn what_is_not_published_needs_its_syntax() {
        let (published, set) = (Unpublished::default(), Unpublished::default().with_syntax(Syntax::Jiangsu));
        let records = || Contents::Records(vec![Some(vec![value(0, word("a")), value(0, word("b"))]), None]);
        assert_eq!(of("DF02EF15|99|$", items(), &published), Err(Code::NOT_SUPPORTED));
        assert_eq!(of("DF02EF15|$", records(), &published), Err(Code::NOT_SUPPORTED));
        for (address, contents, wanted) in [
            ("DF02EF15|99:01|$", items(), "a,,7"),
            ("DF02EF15|99:02|$", items(), ""),
            ("DF02EF15:01|$", records(), "a,b"),
            ("DF02EF15:02|$", records(), ""),
            ("DF02EF15:03|$", records(), ""),
        ] {
            assert_eq!(of(address, contents, &set), Ok(vec![wanted.to_owned()]), "{address}");
        }
        assert_eq!(of("DF02EF15|99:03|$", items(), &set), Err(Code::PARAMETER));
        let comma = Contents::Items(vec![value(0x99, Content::Parts(vec![value(0x10, word("a,b"))]))]);
        assert_eq!(of("DF02EF15|99:01|$", comma, &set), Err(Code::CHARACTERS));
    }

    #[test]
    fn a_file_of_bytes_is_meant_as_a_whole_either_way() {
        let bytes = || Contents::Bytes(Zeroizing::new(vec![0xFF, 0xD8]));
        for address in ["DF02EF15|$", "DF02EF15|01|$"] {
            assert_eq!(of(address, bytes(), &Unpublished::default()), Ok(vec!["FFD8".to_owned()]), "{address}");
        }
        assert_eq!(of("DF02EF15|01|02|$", bytes(), &Unpublished::default()), Err(Code::PARAMETER));
    }
}
