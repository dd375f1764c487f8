//! The day as a table: a row a record, for a spreadsheet.

use std::io::{self, Write};

use crate::queue::Row;
use crate::wire;

/// The columns, in their order: `docs/queue.md` says what they mean.
pub const COLUMNS: [&str; 17] = [
    "sequence",
    "id",
    "msgid",
    "business_date",
    "created_at",
    "updated_at",
    "scenario",
    "kind",
    "state",
    "attempts",
    "operator",
    "amount",
    "provisional",
    "demo",
    "centre_no",
    "differs",
    "header_hash",
];

pub(super) struct Table<'a>(csv::Writer<&'a mut dyn Write>);

impl<'a> Table<'a> {
    pub(super) fn begin(out: &'a mut dyn Write) -> io::Result<Self> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
        writer.write_record(COLUMNS).map_err(io::Error::other)?;
        Ok(Self(writer))
    }

    pub(super) fn row(&mut self, row: &Row) -> io::Result<()> {
        let yes = |flag: bool| if flag { "1" } else { "0" }.to_owned();
        let fields: [String; COLUMNS.len()] = [
            row.sequence.to_string(),
            row.id.to_string(),
            text(&row.msgid),
            row.business_date.to_string(),
            wire::inf_time(row.created_at),
            wire::inf_time(row.updated_at),
            text(&row.scenario),
            row.kind.name().to_owned(),
            row.state.name().to_owned(),
            row.attempts.to_string(),
            text(&row.operator),
            row.amount.map(|amount| amount.to_string()).unwrap_or_default(),
            yes(row.provisional),
            yes(row.demo),
            text(row.centre_no.as_deref().unwrap_or_default()),
            text(&row.differs.join(" ")),
            row.header_hash.to_string(),
        ];
        self.0.write_record(&fields).map_err(io::Error::other)
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A text that a spreadsheet would take for a formula gets an apostrophe in front.
fn text(value: &str) -> String {
    match value.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{value}"),
        false => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_formula_is_text() {
        for (value, shown) in
            [("=1+1", "'=1+1"), ("+7", "'+7"), ("-7", "'-7"), ("@x", "'@x"), ("0007", "0007"), ("", "")]
        {
            assert_eq!(text(value), shown);
        }
    }
}
