//! The tables that ARCHITECTURE.md prints are those that the program works by. `SBKD_WRITE=1 cargo test --test tables`
//! prints them anew.

use std::fs;
use std::path::Path;

use sbkd::queue::{By, MOVES, State};
use sbkd::terminal::{Condition, Conditions, Conduct, Table};
use sbkd::value::Kind;

const KINDS: [Kind; 11] = [
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

const CONDITIONS: [(Condition, &str); 5] = [
    (Condition::UplinkAway, "uplink away"),
    (Condition::CardServiceAway, "card service away"),
    (Condition::KeysAway, "keys away"),
    (Condition::Storage, "storage"),
    (Condition::Draining, "draining"),
];

fn told(conduct: Conduct) -> &'static str {
    match conduct {
        Conduct::CarryOut => "carry out",
        Conduct::Provisional => "provisional, within limits",
        Conduct::Refuse => "refuse",
    }
}

/// Kind by condition.
fn conditions() -> String {
    let table = Table::builtin().unwrap();
    let heads: Vec<&str> = CONDITIONS.iter().map(|(_, name)| *name).collect();
    let mut out = format!("| kind | {} | uplink away, no record |\n|---|{}\n", heads.join(" | "), "---|".repeat(6));
    for kind in KINDS {
        let cells = CONDITIONS.map(|(condition, _)| told(table.conduct(kind, &Conditions::from([condition])).0));
        out += &format!("| `{}` | {} | {} |\n", kind.name(), cells.join(" | "), told(table.without_record(kind)));
    }
    out
}

/// From each state, where a transaction may go.
fn states() -> String {
    let mut out = "| from | to, store and forward | to, online |\n|---|---|---|\n".to_owned();
    for from in State::ALL {
        let to = |by: By| {
            let moves = MOVES.iter().filter(|(at, _, of)| *at == from && (*of == By::Either || *of == by));
            let names: Vec<String> = moves.map(|(_, to, _)| format!("`{}`", to.name())).collect();
            if names.is_empty() { "–".to_owned() } else { names.join(", ") }
        };
        out += &format!("| `{}` | {} | {} |\n", from.name(), to(By::StoreAndForward), to(By::Online));
    }
    out
}

#[test]
fn the_page_prints_the_tables_that_the_program_works_by() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    for (name, table) in [("states", states()), ("conditions", conditions())] {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let text = fs::read_to_string(&page).unwrap();
        let from = text.find(&begin).unwrap_or_else(|| panic!("no {begin}")) + begin.len();
        let to = from + text[from..].find(&end).unwrap_or_else(|| panic!("no {end}"));
        if std::env::var_os("SBKD_WRITE").is_some() {
            fs::write(&page, format!("{}{table}{}", &text[..from], &text[to..])).unwrap();
        }
        let text = fs::read_to_string(&page).unwrap();
        let printed = &text[from..text.len().min(from + table.len())];
        assert_eq!(printed, table, "{name} is of another day: SBKD_WRITE=1 cargo test --test tables");
        assert!(text[from + table.len()..].starts_with(&end), "{name} has more than the table");
    }
}
