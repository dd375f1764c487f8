//! What a figure could have been mistaken for: its neighbours.

use crate::rules::types::{Enumeration, Type};

/// The values beside the one that is `written`, of type `typ`: a number one step of its last digit below and above, a
/// day or month before and after, the other truth, the next code.
pub(super) fn neighbours(written: &str, typ: Type, enums: &[Enumeration]) -> Vec<String> {
    let found = match typ {
        Type::Bool => vec![(written != "true").to_string()],
        Type::Enum(at) => {
            let values = &enums[at].values;
            let code = values.iter().position(|(value, _)| value == written).expect("a value of the enumeration");
            let next = &values[(code + 1) % values.len()].0;
            if next == written { Vec::new() } else { vec![next.clone()] }
        }
        Type::Date => days(written),
        Type::Month => months(written),
        Type::Text => vec![format!("{written}x")],
        _ => digits(written, Step::LastDigit),
    };
    found.into_iter().filter(|text| typ.reads(text, enums)).collect()
}

/// How far a number is moved.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// By one in the last digit that is written.
    LastDigit,
    /// By one whole unit.
    Unit,
}

/// A decimal, with its percent sign if it has one, moved down and up; none when it is no decimal.
pub(super) fn digits(written: &str, step: Step) -> Vec<String> {
    let (number, percent) = written.strip_suffix('%').map_or((written, ""), |number| (number, "%"));
    let places = number.split_once('.').map_or(0, |(_, places)| places.len());
    let Ok(value) = number.replace('.', "").parse::<i64>() else { return Vec::new() };
    let step = match step {
        Step::LastDigit => 1,
        Step::Unit => 10_i64.pow(u32::try_from(places).expect("few places")),
    };
    [value - step, value + step].map(|value| format!("{}{percent}", decimal(value, places))).into()
}

fn decimal(value: i64, places: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, rest) = digits.split_at(digits.len() - places);
    if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

/// The days beside a date.
pub(super) fn days(written: &str) -> Vec<String> {
    let Ok(date) = written.parse::<jiff::civil::Date>() else { return Vec::new() };
    [date.yesterday(), date.tomorrow()].into_iter().flatten().map(|date| date.to_string()).collect()
}

/// The months beside a month.
fn months(written: &str) -> Vec<String> {
    let Ok(date) = format!("{written}-15").parse::<jiff::civil::Date>() else { return Vec::new() };
    let month = jiff::Span::new().months(1);
    let beside = [date.checked_sub(month), date.checked_add(month)];
    beside.into_iter().flatten().map(|date| date.to_string()[..7].to_owned()).collect()
}

#[test]
fn a_number_keeps_its_form() {
    for (written, unit, beside) in [
        ("1600.00", false, ["1599.99", "1600.01"]),
        ("1600.00", true, ["1599.00", "1601.00"]),
        ("0", false, ["-1", "1"]),
        ("0.00", false, ["-0.01", "0.01"]),
        ("89.5%", false, ["89.4%", "89.6%"]),
        ("89.5%", true, ["88.5%", "90.5%"]),
        ("0.4050", false, ["0.4049", "0.4051"]),
    ] {
        assert_eq!(digits(written, if unit { Step::Unit } else { Step::LastDigit }), beside, "{written}");
    }
    assert_eq!(days("2015-03-01"), ["2015-02-28", "2015-03-02"]);
    assert_eq!(months("2015-01"), ["2014-12", "2015-02"]);
}
