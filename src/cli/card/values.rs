//! New values of `sbkd card write`: from a file or from standard input, never from the command line, which others may
//! read.

use std::fmt;
use std::io::{BufRead, Read as _, stdin};
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use zeroize::Zeroizing;

use super::super::{Problem, errors, shell};
use crate::card::CardError;
use crate::profile::{Address, ItemAddress};
use crate::terminal::holder_card::{NewItem, Secret};

/// More than any file of a card holds, as text.
const MOST: usize = 64 * 1024;

/// The values of `file` from a file of lines, `81=11`, or a JSON object, `{"81": "11"}`; `-` is standard input as far as the
/// first empty line, since the holder's PIN may come behind it.
pub(super) fn values(file: &Address, from: &Path) -> Result<Vec<NewItem>, Problem> {
    let text = match from == Path::new("-") {
        true => paragraph(&mut stdin().lock()).map_err(|error| Problem::with(&errors::FILE, error.to_string()))?,
        false => {
            let bytes = Zeroizing::new(shell::read_bytes(from)?);
            let told = |_| Problem::with(&errors::FILE, format!("{}: not UTF-8", from.display()));
            Zeroizing::new(std::str::from_utf8(&bytes).map_err(told)?.to_owned())
        }
    };
    parse(file, &text)
}

/// The lines before the first empty one.
fn paragraph(input: &mut dyn BufRead) -> std::io::Result<Zeroizing<String>> {
    // All there is room for at once, so that no copy is left behind.
    let mut text = Zeroizing::new(String::with_capacity(MOST + 1));
    loop {
        let before = text.len();
        // One more than there may be, so that a line without an end is too long and not waited for.
        (&mut *input).take((MOST + 1 - before) as u64).read_line(&mut text)?;
        if text[before..].trim().is_empty() {
            return Ok(text);
        }
        if text.len() > MOST {
            return Err(std::io::Error::other("too much at once"));
        }
    }
}

fn parse(file: &Address, text: &str) -> Result<Vec<NewItem>, Problem> {
    if text.trim_start().starts_with('{') {
        let read: Result<Pairs, _> = serde_json::from_str(text);
        // What serde_json says of it would show a value.
        let told =
            |error: serde_json::Error| Problem::with(&errors::JSON, format!("{}:{}", error.line(), error.column()));
        let Pairs(pairs) = read.map_err(told)?;
        return pairs.into_iter().map(|(at, value)| Ok(new(item(file, &at)?, value))).collect();
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let (at, value) = line.split_once('=').ok_or_else(|| unknown(file, "…"))?;
            Ok(new(item(file, at.trim())?, Zeroizing::new(value.to_owned())))
        })
        .collect()
}

/// The members of an object as they stand there: of two with one name none is lost, and the write refuses them as it does
/// two lines.
struct Pairs(Vec<(String, Zeroizing<String>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((at, value)) = map.next_entry::<String, String>()? {
                    pairs.push((at, Zeroizing::new(value)));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

fn new(item: ItemAddress, value: Zeroizing<String>) -> NewItem {
    NewItem { item, value: Secret(value) }
}

fn item(file: &Address, at: &str) -> Result<ItemAddress, Problem> {
    at.parse().map_err(|_| unknown(file, at))
}

fn unknown(file: &Address, at: &str) -> Problem {
    Problem::from_error(&CardError::UnknownItem(format!("{file}/{at}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let file = "DF02/EF15".parse().unwrap();
        let values = parse(&file, text).map_err(|problem| problem.to_json()["error"].to_string())?;
        Ok(values.into_iter().map(|new| (new.item.to_string(), new.value.0.to_string())).collect())
    }

    #[test]
    fn lines_and_an_object_are_read_alike() {
        let expected = [("0F", "20240101"), ("99:2/10", "A=B 中")].map(|(at, value)| (at.to_owned(), value.to_owned()));
        assert_eq!(read("0F=20240101\r\n\n 99:2/10 =A=B 中\n").unwrap(), expected);
        assert_eq!(read("{\"0F\": \"20240101\",\n \"99:2/10\": \"A=B 中\"}").unwrap(), expected);
        assert_eq!(read("").unwrap(), []);
        let twice = [("0F", "1"), ("0F", "2")].map(|(at, value)| (at.to_owned(), value.to_owned()));
        assert_eq!(read("0F=1\n0F=2").unwrap(), twice, "refused where it is written");
        assert_eq!(read("{\"0F\": \"1\", \"0F\": \"2\"}").unwrap(), twice);
    }

    #[test]
    fn a_mistake_names_its_place_and_no_value() {
        for (text, code, place) in [
            ("secret", "E-CARD-UNKNOWN-ITEM", "DF02/EF15/…"),
            ("9=secret", "E-CARD-UNKNOWN-ITEM", "DF02/EF15/9"),
            ("{\"0F\": \"secret\"", "E-CLI-JSON", "1:"),
            ("{\"0F\": [\"secret\"]}", "E-CLI-JSON", "1:"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(code) && told.contains(place) && !told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn what_is_behind_an_empty_line_is_left_for_the_pin() {
        let mut input = "0F=1\n1F=2\n\n123456\n".as_bytes();
        assert_eq!(*paragraph(&mut input).unwrap(), "0F=1\n1F=2\n\n");
        assert_eq!(input, b"123456\n");
        assert_eq!(*paragraph(&mut "0F=1".as_bytes()).unwrap(), "0F=1");
        assert!(paragraph(&mut "0F=1\n".repeat(MOST).as_bytes()).is_err());
        let line = "1".repeat(4 * MOST);
        let mut endless = line.as_bytes();
        assert!(paragraph(&mut endless).is_err());
        assert_eq!(endless.len(), line.len() - MOST - 1, "no more of it is read");
    }
}
