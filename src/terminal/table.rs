//! The table of conditions: kind of scenario × condition, and what the terminal then does.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::conditions::{Condition, Conditions};
use crate::failure::place;
use crate::rules::Diagnostic;
use crate::scenario::{Conduct, Definition, Tighter};
use crate::value::{Kind, Protocol};

const BUILTIN: &str = include_str!("../../config/conditions.toml");

/// Every cell.
#[derive(Debug, Clone)]
pub struct Table(BTreeMap<Kind, Row>);

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    uplink_away: Conduct,
    card_service_away: Conduct,
    keys_away: Conduct,
    storage: Conduct,
    draining: Conduct,
    no_record: Conduct,
}

impl Row {
    /// What this kind cannot do.
    fn mistake(&self, kind: Kind) -> Option<&'static str> {
        let Self { uplink_away, card_service_away, keys_away, storage, draining, no_record } = *self;
        let cells = [uplink_away, card_service_away, keys_away, storage, draining, no_record];
        match kind.protocol() {
            _ if draining != Conduct::Refuse => Some("a terminal that stops begins nothing"),
            Protocol::Online if uplink_away == Conduct::CarryOut => {
                Some("without the centre it is provisional or refused: nothing else settles it")
            }
            Protocol::StoreAndForward if cells.contains(&Conduct::Provisional) => {
                Some("only what the centre settles can be provisional, and has limits")
            }
            _ => None,
        }
    }

    fn cell(&self, condition: Condition) -> Conduct {
        match condition {
            Condition::UplinkAway => self.uplink_away,
            Condition::CardServiceAway => self.card_service_away,
            Condition::KeysAway => self.keys_away,
            Condition::Storage => self.storage,
            Condition::Draining => self.draining,
        }
    }
}

impl Table {
    /// The table that ships with the product, which a test loads.
    ///
    /// # Errors
    /// Never for the table as shipped.
    pub fn builtin() -> Result<Self, Diagnostic> {
        Self::parse("conditions.toml", BUILTIN)
    }

    /// Reads a table; `file` names it in mistakes. Every kind and every condition has its cell.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(file: &str, text: &str) -> Result<Self, Diagnostic> {
        let mistake = |at: usize, message: String| {
            let (line, column) = place(text, at);
            Diagnostic { file: file.to_owned(), line, column, message }
        };
        let rows: BTreeMap<Kind, Spanned<Row>> = toml::from_str(text)
            .map_err(|error| mistake(error.span().unwrap_or(0..0).start, error.message().to_owned()))?;
        for (kind, row) in &rows {
            if let Some(what) = row.get_ref().mistake(*kind) {
                return Err(mistake(row.span().start, format!("{kind:?}: {what}")));
            }
        }
        if let Some(kind) = ALL_KINDS.iter().find(|kind| !rows.contains_key(kind)) {
            return Err(mistake(text.len(), format!("there is no row for {kind:?}")));
        }
        Ok(Self(rows.into_iter().map(|(kind, row)| (kind, row.into_inner())).collect()))
    }

    /// What a scenario may do under these conditions, and the condition that says so: the strictest. Where it tightens
    /// what its kind may, that counts.
    pub(super) fn of(&self, definition: &Definition, conditions: &Conditions) -> (Conduct, Option<Condition>) {
        self.strictest(conditions, |condition| {
            let of_kind = self.row(definition.kind, |row| row.cell(condition));
            of_kind.max(tightened(&definition.conditions, condition).unwrap_or(of_kind))
        })
    }

    /// What a scenario may do while the centre is away and has never told this terminal of the person.
    pub(super) fn without_record_of(&self, definition: &Definition) -> Conduct {
        let of_kind = self.without_record(definition.kind);
        of_kind.max(definition.conditions.no_record.unwrap_or(of_kind))
    }

    /// What a kind may do under these conditions, and the condition that says so: the strictest.
    pub fn conduct(&self, kind: Kind, conditions: &Conditions) -> (Conduct, Option<Condition>) {
        self.strictest(conditions, |condition| self.row(kind, |row| row.cell(condition)))
    }

    fn strictest(&self, conditions: &Conditions, cell: impl Fn(Condition) -> Conduct) -> (Conduct, Option<Condition>) {
        let cells = conditions.iter().map(|&condition| (cell(condition), Some(condition)));
        // Of equals the first is named.
        cells.fold((Conduct::CarryOut, None), |strictest, cell| if cell.0 > strictest.0 { cell } else { strictest })
    }

    /// What a kind may do while the centre is away and has never told this terminal of the person.
    pub fn without_record(&self, kind: Kind) -> Conduct {
        self.row(kind, |row| row.no_record)
    }

    fn row(&self, kind: Kind, cell: impl Fn(&Row) -> Conduct) -> Conduct {
        // Every kind has its row, as `parse` saw to; a kind that had none would get nothing done.
        self.0.get(&kind).map_or(Conduct::Refuse, cell)
    }
}

/// A scenario's own cell.
fn tightened(own: &Tighter, condition: Condition) -> Option<Conduct> {
    match condition {
        Condition::UplinkAway => own.uplink_away,
        Condition::CardServiceAway => own.card_service_away,
        Condition::KeysAway => own.keys_away,
        Condition::Storage => own.storage,
        // A terminal that stops begins nothing, whatever a scenario says.
        Condition::Draining => None,
    }
}

/// Every kind of scenario.
const ALL_KINDS: [Kind; 11] = [
    Kind::Register,
    Kind::Apply,
    Kind::Query,
    Kind::Change,
    Kind::Visit,
    Kind::Settle,
    Kind::Pay,
    Kind::Collect,
    Kind::SignIn,
    Kind::Certify,
    Kind::Report,
];

#[cfg(test)]
mod tests {
    use super::*;

    const ALL_CONDITIONS: [Condition; 5] = [
        Condition::UplinkAway,
        Condition::CardServiceAway,
        Condition::KeysAway,
        Condition::Storage,
        Condition::Draining,
    ];

    /// The cells of design as they are meant, beside the file that says them: kind, and what is done under each condition
    /// and without a record.
    #[rustfmt::skip]
    const MEANT: [(Kind, [Conduct; 6]); 11] = {
        use Conduct::{CarryOut as Yes, Provisional as Some, Refuse as No};
        [
            (Kind::Register, [Yes,  No, No, No, No, Yes]),
            (Kind::Apply,    [Yes,  No, No, No, No, Yes]),
            (Kind::Query,    [Yes,  No, No, No, No, No]),
            (Kind::Change,   [Yes,  No, No, No, No, No]),
            (Kind::Visit,    [Yes,  No, No, No, No, Yes]),
            (Kind::Settle,   [Some, No, No, No, No, No]),
            (Kind::Pay,      [No,   No, No, No, No, No]),
            (Kind::Collect,  [No,   No, No, No, No, No]),
            (Kind::SignIn,   [Yes,  No, No, No, No, Yes]),
            (Kind::Certify,  [Yes,  No, No, No, No, Yes]),
            (Kind::Report,   [Yes,  No, No, No, No, Yes]),
        ]
    };

    #[test]
    fn each_cell_is_what_it_is_meant_to_be() {
        let table = Table::builtin().unwrap();
        for (kind, meant) in MEANT {
            for (condition, meant) in ALL_CONDITIONS.into_iter().zip(meant) {
                let named = (meant != Conduct::CarryOut).then_some(condition);
                assert_eq!(
                    table.conduct(kind, &Conditions::from([condition])),
                    (meant, named),
                    "{kind:?} {condition:?}"
                );
            }
            assert_eq!(table.without_record(kind), meant[5], "{kind:?}");
        }
        assert_eq!(MEANT.map(|(kind, _)| kind), ALL_KINDS);
    }

    #[test]
    fn of_every_set_of_conditions_the_strictest_cell_wins_and_the_first_of_equals_is_named() {
        let table = Table::builtin().unwrap();
        for (kind, cells) in MEANT {
            for set in 0..32_u32 {
                let holds = |n: &usize| set & (1 << *n) != 0;
                let conditions: Conditions = (0..5).filter(holds).map(|n| ALL_CONDITIONS[n]).collect();
                let strictest = (0..5).filter(holds).map(|n| cells[n]).max().unwrap_or(Conduct::CarryOut);
                let named = match strictest {
                    Conduct::CarryOut => None,
                    _ => (0..5).filter(holds).find(|n| cells[*n] == strictest).map(|n| ALL_CONDITIONS[n]),
                };
                assert_eq!(table.conduct(kind, &conditions), (strictest, named), "{kind:?} {conditions:?}");
            }
        }
    }

    #[test]
    fn the_strictest_cell_wins() {
        let table = Table::builtin().unwrap();
        let conduct = |kind, conditions: &[Condition]| table.conduct(kind, &conditions.iter().copied().collect());
        assert_eq!(conduct(Kind::Settle, &[]), (Conduct::CarryOut, None));
        assert_eq!(
            conduct(Kind::Settle, &[Condition::UplinkAway]),
            (Conduct::Provisional, Some(Condition::UplinkAway))
        );
        assert_eq!(conduct(Kind::SignIn, &[Condition::UplinkAway]), (Conduct::CarryOut, None));
        assert_eq!(
            conduct(Kind::Settle, &[Condition::UplinkAway, Condition::Storage]),
            (Conduct::Refuse, Some(Condition::Storage))
        );
        assert_eq!(conduct(Kind::Pay, &[Condition::UplinkAway]).0, Conduct::Refuse);
    }

    #[test]
    fn each_kind_goes_on_without_the_centre_as_its_protocol_allows() {
        use Kind::*;
        let table = Table::builtin().unwrap();
        for kind in ALL_KINDS {
            // Sent again until answered; asked of the centre or paid out by it; settled by it.
            let (away, unknown) = match kind {
                Register | Apply | Visit | SignIn | Certify | Report => (Conduct::CarryOut, Conduct::CarryOut),
                // What the centre told not long ago is shown.
                Change | Query => (Conduct::CarryOut, Conduct::Refuse),
                Settle => (Conduct::Provisional, Conduct::Refuse),
                Pay | Collect => (Conduct::Refuse, Conduct::Refuse),
            };
            assert_eq!(table.conduct(kind, &Conditions::from([Condition::UplinkAway])).0, away, "{kind:?}");
            assert_eq!(table.without_record(kind), unknown, "{kind:?}");
        }
    }

    #[test]
    fn nothing_is_committed_where_it_cannot_be_kept_and_nothing_begins_at_the_end() {
        let table = Table::builtin().unwrap();
        for kind in ALL_KINDS {
            for condition in [Condition::Storage, Condition::Draining, Condition::KeysAway, Condition::CardServiceAway]
            {
                assert_eq!(table.conduct(kind, &Conditions::from([condition])).0, Conduct::Refuse, "{kind:?}");
            }
        }
    }

    #[test]
    fn a_mistake_names_its_place() {
        let shown = |text: &str| Table::parse("c.toml", text).unwrap_err().to_string();
        assert!(shown("[dance]\n").starts_with("c.toml:1:"), "{}", shown("[dance]\n"));
        assert!(shown(&BUILTIN.replacen("storage = \"refuse\"", "storage = \"maybe\"", 1)).contains("c.toml:12:11: "));
        assert!(shown(&BUILTIN.replacen("keys-away = \"refuse\"\n", "", 1)).contains("c.toml:8:1: missing field"));
        assert!(
            shown(&BUILTIN.replacen("draining = \"refuse\"", "draining = \"carry-out\"", 1)).contains("c.toml:8:1: ")
        );
        let row = |kind: &str, cell: &str, other: &str| {
            let at = BUILTIN.find(&format!("[{kind}]")).unwrap();
            format!("{}{}", &BUILTIN[..at], BUILTIN[at..].replacen(cell, other, 1))
        };
        let away = |kind, from, to| {
            shown(&row(kind, &format!("uplink-away = \"{from}\""), &format!("uplink-away = \"{to}\"")))
        };
        assert!(away("settle", "provisional", "carry-out").contains("Settle: without the centre"));
        assert!(away("sign-in", "carry-out", "provisional").contains("SignIn: only what the centre settles"));
        let last = BUILTIN.find("[report]").unwrap();
        assert!(shown(&BUILTIN[..last]).contains("no row for Report"));
    }
}
