//! Policy packs and their expressions.

use std::fmt::Write as _;

use sbkd::rules::{FactSpec, Input, Packs};
use serde_json::{Map, Value};

/// A small pack with a name of each kind and type, in which `EXPRESSION` stands for an expression.
const SMALL: &str = include_str!("small.toml");

/// Loads any bytes as a pack, and decides by what loads.
pub fn pack(data: &[u8]) {
    // Whoever reads a file refuses what is no text.
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(packs) = loaded(text) {
        assert!(packs.test().passed(), "a case fails that passed when the pack was loaded");
        // The values come from the end of the pack, which changes with it.
        decided(&packs, &mut Bytes(&data[data.len().saturating_sub(200)..]));
    }
}

/// Puts a text into the small pack as an expression, and decides whatever it is given by what loads. The first byte says
/// where it stands; the text ends with a zero, and what follows are the values. Whether it loads.
pub fn expression(data: &[u8]) -> bool {
    let mut bytes = Bytes(data);
    let place = usize::from(bytes.next());
    let end = bytes.0.iter().position(|byte| *byte == 0).unwrap_or(bytes.0.len());
    let (text, values) = bytes.0.split_at(end);
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let packs = loaded(&small(place, text));
    if let Some(packs) = &packs {
        decided(packs, &mut Bytes(values.get(1..).unwrap_or_default()));
    }
    packs.is_some()
}

/// The small pack with an expression in one of its places.
fn small(place: usize, text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => write!(quoted, "\\U{:08X}", u32::from(c)).expect("a string takes all"),
            c => quoted.push(c),
        }
    }
    let parts: Vec<_> = SMALL.split("# place\n").collect();
    let (head, places) = parts.split_first().expect("a split has a part");
    format!("{head}{}", places[place % places.len()].replace("EXPRESSION", &quoted))
}

/// The pack, if it loads; else its mistakes are few, and lie in it.
fn loaded(text: &str) -> Option<Packs> {
    match Packs::load(&[("p.toml".to_owned(), text.to_owned())]) {
        Ok(packs) => Some(packs),
        Err(mistakes) => {
            assert!((1..=200).contains(&mistakes.len()), "{} mistakes", mistakes.len());
            let lines = text.split('\n').count();
            for mistake in mistakes {
                assert!((1..=lines).contains(&mistake.line) && mistake.column >= 1, "{mistake}");
            }
            None
        }
    }
}

/// Decides a case of each pack, twice: the same comes of it, and nothing of what the loader proved fails.
fn decided(packs: &Packs, bytes: &mut Bytes<'_>) {
    for pack in packs.list() {
        for scenario in &pack.scenarios {
            let Some(input) = input(packs, scenario, &pack.valid_from, bytes) else { continue };
            let decision = packs.decide(scenario, &input);
            assert_eq!(decision, packs.decide(scenario, &input), "the same input came to something else");
            for reason in decision.iter().flat_map(|decision| &decision.reasons) {
                assert_ne!(reason.code, "E-DEFECT", "{input:?}");
            }
        }
    }
}

/// An input on a pack's first day, of the right form for the most part.
fn input(packs: &Packs, scenario: &str, day: &str, bytes: &mut Bytes<'_>) -> Option<Input> {
    let date_of = packs.date_of(scenario)?;
    let on = Map::from_iter([(date_of.to_owned(), Value::from(day))]);
    let schema = packs.schema(scenario, day.parse().ok()?, &on).ok()?;
    let mut values = |specs: &mut dyn Iterator<Item = &FactSpec>| -> Map<String, Value> {
        specs.filter_map(|spec| Some((spec.name.clone(), value(spec, bytes)?))).collect()
    };
    let mut facts = values(&mut schema.facts.iter());
    facts.extend(on);
    let accumulators = values(&mut schema.accumulators.iter().map(|accumulator| &accumulator.fact));
    let lines = (0..3).map(|_| values(&mut schema.lines.iter())).collect();
    Some(Input { facts, lines: if schema.lines.is_empty() { Vec::new() } else { lines }, accumulators })
}

/// A value of a fact; `None` to leave it out.
fn value(spec: &FactSpec, bytes: &mut Bytes<'_>) -> Option<Value> {
    if spec.optional && bytes.next().is_multiple_of(4) {
        return None;
    }
    let number = bytes.number();
    Some(match spec.kind.as_str() {
        "bool" => Value::from(number % 2 == 0),
        "int" | "days" => Value::from(number),
        "money" => Value::from(format!("{}.{:02}", number / 100, (number % 100).abs())),
        "price" | "quantity" => Value::from(format!("{}.{:04}", number / 10_000, (number % 10_000).abs())),
        "rate" => Value::from(format!("{}%", number.abs() % 1_000)),
        "date" => Value::from(format!(
            "{:04}-{:02}-{:02}",
            number.abs() % 10_000,
            number.abs() % 12 + 1,
            number.abs() % 28 + 1
        )),
        "month" => Value::from(format!("{:04}-{:02}", number.abs() % 10_000, number.abs() % 12 + 1)),
        "choice" => Value::from(spec.choices.get(usize::try_from(number).ok()? % spec.choices.len())?.value.clone()),
        _ => Value::from(format!("{}", number % 10)),
    })
}

/// Bytes that are used up; zeros after the last.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number of as many bytes as the first says, from none to eight.
    fn number(&mut self) -> i64 {
        let length = self.next() % 9;
        (0..length).fold(0, |number: i64, _| number.wrapping_mul(256).wrapping_add(self.next().into()))
    }
}
