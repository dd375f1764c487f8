//! The catalogue that ships, and mistakes in one.

use super::*;
use crate::value::{Check, Kind};
use crate::wire::Receiver;

/// The table of 2015 as it was printed; the catalogue is held against it to the letter.
const TABLE: &str = include_str!("../../../fixtures/scenarios.tsv");

#[test]
fn the_catalogue_is_the_table_of_2015_to_the_letter() {
    let catalogue = Catalogue::builtin().unwrap_or_else(|mistakes| {
        panic!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let blank = |text: &Option<String>| text.clone().unwrap_or_default();
    let rows: Vec<String> = catalogue
        .entries()
        .map(|entry| {
            let also: Vec<&str> = entry.also.iter().map(|kind| kind.name()).collect();
            let cells = [
                entry.row.map(|row| row.to_string()).unwrap_or_default(),
                entry.printed.map(|printed| printed.to_string()).unwrap_or_default(),
                entry.id.clone(),
                entry.kind.name().to_owned(),
                also.join(","),
                entry.domain.clone(),
                entry.name.clone(),
                entry.usage.clone(),
                blank(&entry.remark),
                blank(&entry.note),
            ];
            cells.join("\t")
        })
        .collect();
    let table: Vec<&str> = TABLE.lines().skip(1).collect();
    assert_eq!(table.len(), 77);
    for (row, printed) in rows.iter().zip(&table) {
        assert_eq!(row, printed);
    }
    assert_eq!(rows.len(), table.len());
}

#[test]
fn every_scenario_has_the_packs_that_it_names() {
    let packs = crate::rules::Packs::builtin_for_use().list();
    for definition in Catalogue::builtin().unwrap().offered() {
        for id in &definition.packs {
            let there = packs.iter().any(|pack| pack.decides(id, &definition.id));
            assert!(there, "{}: there is no pack {id} for it", definition.id);
        }
    }
}

/// Else two ways to write a number would be two bills to the rules, which count what was claimed of each.
#[test]
fn a_settlement_is_named_in_one_form() {
    let catalogue = Catalogue::builtin().unwrap();
    let of_settlement = |definition: &Arc<Definition>| {
        let field = definition.fields.iter().find(|field| field.name == "setl_id")?;
        Some((definition.id.clone(), field.check))
    };
    let asked: Vec<_> = catalogue.offered().filter_map(of_settlement).collect();
    assert_eq!(asked, [("medical-reimbursement-application".to_owned(), Some(Check::SettlementNumber))]);
}

#[test]
fn a_mistake_names_file_line_and_column() {
    let with = |from: &str, to: &str| changed(&[(from, to)]).unwrap_err();
    let line = |text: &str| SMALL.lines().position(|line| line.starts_with(text)).unwrap() + 1;
    for (from, to, at, column, message) in [
        ("kind = \"settle\"", "kind = \"dance\"", "kind", 8, "unknown variant `dance`"),
        ("id = \"small\"", "id = \"Small\"", "id =", 6, "an id is small letters, digits and -"),
        ("usage = \"测试用。\"", "usage = \" \"", "usage", 9, "the usage is empty"),
        ("who = [\"clerk\"]", "who = []", "who", 7, "somebody must be allowed to run it"),
        ("packs = [\"p\"]", "packs = []", "packs", 9, "a policy pack must decide it"),
        ("most = 2", "mast = 2", "most", 1, "unknown field `mast`"),
        ("most = 2", "most = 0", "most", 8, "there are 1 to 1000 lines"),
        ("sum amount", "sum cnt", "total", 9, "sum takes the name of a money field"),
        ("total = \"sum", "level = \"sum", "total", 1, "the form always has this"),
        ("cancel = \"2208\"", "cancel = \"back\"", "cancel", 10, "a message is named by the national platform's"),
        ("codes = \"level\"", "codes = \"dance\"", "codes =", 9, "there is no such code list"),
        ("longest = 4", "check = \"past\"", "longest", 9, "a check belongs to a text"),
        ("longest = 4", "personal = \"no\"", "longest", 12, "invalid type: string"),
        ("longest = 4", "personnel = false", "longest", 1, "unknown field `personnel`"),
        (
            "codes = \"level\"",
            "personal = true\ncodes = \"level\"",
            "codes =",
            12,
            "personal belongs to a text, a date",
        ),
        (
            "fill = \"card.name\"",
            "personal = false\nfill = \"card.name\"",
            "fill",
            12,
            "its fill says of it is personal",
        ),
        ("longest = 4", "personal = false\ncheck = \"phone\"", "longest", 12, "what its check or its fill says"),
        ("[item.on]", "[item.level]", "[item.on]", 7, "duplicate key"),
        ("[item.on]", "[item.On]", "[item.on]", 7, "a name is small letters, digits and _"),
        ("fill = \"card.name\"", "fill = \"card.birth-date\"", "fill", 8, "what the card tells is of another type"),
        ("en = \"name\"", "en = \"\"", "[item.aac003]", 7, "a label is missing in Chinese or English"),
    ] {
        let told = with(from, to);
        let expected = format!("small.toml:{}:{column}: ", line(at));
        assert!(told.iter().any(|one| one.starts_with(&expected) && one.contains(message)), "{from}: {told:?}");
    }
    assert_eq!(load("[scenario").unwrap_err().len(), 1);
}

#[test]
fn a_text_is_personal_unless_the_dictionary_says_otherwise() {
    let personal = |changes: &[(&str, &str)], name: &str| {
        let definition = changed(changes).unwrap();
        definition.fields.iter().find(|field| field.name == name).unwrap().personal
    };
    assert!(personal(&[], "note") && !personal(&[], "on") && !personal(&[], "level"));
    assert!(!personal(&[("longest = 4", "personal = false")], "note"));
    assert!(personal(&[("type = \"date\"", "type = \"date\"\npersonal = true")], "on"));
}

/// What a pack says is printed as it is, on a slip that anybody may read: no sentence of one names a text that is
/// personal.
#[test]
fn no_pack_says_a_personal_text() {
    let catalogue = Catalogue::builtin().unwrap();
    let definitions: Vec<_> = catalogue.offered().collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/policy/guangzhou-2015");
    let mut said = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let Ok(pack) = std::fs::read_to_string(file.unwrap().path()).unwrap().parse::<toml::Table>() else { continue };
        let texts: Vec<&str> = pack
            .get("facts")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flatten()
            .filter_map(|(name, fact)| {
                (fact.get("type").and_then(toml::Value::as_str) == Some("text")).then_some(name.as_str())
            })
            .collect();
        let steps = pack.get("step").and_then(toml::Value::as_array).into_iter().flatten();
        let steps: Vec<_> = steps.filter_map(toml::Value::as_table).collect();
        let text =
            |step: &toml::Table, key: &str| step.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_owned).collect()
        };
        for sentence in steps.iter().map(|step| text(step, "say")) {
            let held: Vec<String> = sentence
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split_once('}'))
                .flat_map(|(held, _)| words(held))
                .collect();
            // What a step makes of a text counts as that text.
            let made_of = steps
                .iter()
                .filter(|step| held.contains(&text(step, "name")))
                .flat_map(|step| words(&text(step, "expr")));
            let named: Vec<String> = held.iter().cloned().chain(made_of).collect();
            for fact in texts.iter().filter(|fact| named.iter().any(|name| name == *fact)) {
                let scenarios = pack["pack"]["scenarios"].as_array().unwrap();
                for definition in
                    definitions.iter().filter(|one| scenarios.iter().any(|id| id.as_str() == Some(&one.id)))
                {
                    let looked_up = definition.lookup.iter().flat_map(|lookup| &lookup.columns);
                    let mut fields = definition.fields.iter().chain(looked_up).filter(|field| field.name == **fact);
                    if let Some(personal) = fields.find(|field| field.personal) {
                        panic!("{}: {} is personal, and is printed by: {sentence}", definition.id, personal.name);
                    }
                    said.push((definition.id.clone(), (*fact).to_owned()));
                }
            }
        }
    }
    assert!(said.contains(&("job-fair-registration".to_owned(), "booth_no".to_owned())), "it looks: {said:?}");
}

#[test]
fn what_a_form_names_is_in_the_dictionary() {
    let form = "form = [{ item = \"level\", only = [\"L1\"] }, { item = \"on\", optional = true }, { item = \"note\", optional = true }]";
    for (written, message) in [
        ("form = [\"dance\"]", "there is no item 'dance'"),
        ("form = [\"level\", \"level\"]", "this name is there twice"),
        ("form = [{ item = \"level\", only = [\"L9\"] }]", "only names codes of the item's list"),
        ("form = [{ item = \"on\", default = \"now\" }]", "the field does not take its own default"),
        ("form = [\"level\"]\ndocuments = [\"dance\"]", "there is no document 'dance'"),
        ("form = [\"level\"]\ndocuments = [\"proof\", \"proof\"]", "this document is there twice"),
    ] {
        let told = changed(&[(form, written)]).map(|_| ()).unwrap_err();
        assert!(told.iter().any(|one| one.contains(message)), "{written}: {told:?}");
    }
}

/// Who finds a card does not know its PIN, and at a kiosk nobody asks who they are.
#[test]
fn what_the_centre_knows_of_a_holder_is_shown_at_a_kiosk_for_their_pin_alone() {
    for part in Catalogue::builtin().unwrap().offered() {
        let at_a_kiosk = part.kind == Kind::Query && part.who.contains(&Runner::Holder);
        assert!(!at_a_kiosk || part.card == Proof::Pin, "{}", part.name());
    }
}

#[test]
fn a_bill_says_of_what_kind_of_care_it_is_where_there_are_several_numbers() {
    for part in Catalogue::builtin().unwrap().offered() {
        for item in part.message.by_choice.iter().map(|one| &one.item) {
            let field = part.fields.iter().find(|field| field.name == *item).unwrap();
            assert_eq!((field.optional, &field.default), (false, &None), "{}: {item}", part.id);
        }
    }
}

#[test]
fn a_kind_has_what_it_cannot_do_without() {
    let keyless = "[scenario.lookup]\ncolumns = [\"note\"]\n[scenario.message]";
    let message = "[scenario.message]\nname = \"2207\"\nask = \"2206\"\ncancel = \"2208\"\n";
    for (changes, wrong) in [
        (vec![("kind = \"settle\"", "kind = \"query\""), (message, "")], "a query has a lookup without a key"),
        (vec![("kind = \"settle\"", "kind = \"pay\""), (message, "")], "what pays or collects has a lookup with a key"),
        (vec![(message, "")], "a settlement names its message"),
        (
            vec![("kind = \"settle\"", "kind = \"apply\"")],
            "only a settlement is asked about and cancelled by messages of their own",
        ),
        (
            vec![("[scenario.message]", "[scenario.print]\nas = \"record\"\n[scenario.message]")],
            "of what a query finds",
        ),
        (vec![("packs =", "confidential = \"level\"\npacks =")], "a bool of a report's form"),
    ] {
        let told = changed(&changes).map(|_| ()).unwrap_err();
        assert!(told.iter().any(|one| one.contains(wrong)), "{wrong}: {told:?}");
    }
    let query = changed(&[
        ("kind = \"settle\"", "kind = \"query\""),
        (message, keyless.strip_suffix("[scenario.message]").unwrap()),
    ]);
    assert_eq!(query.unwrap().kind, Kind::Query);
}

#[test]
fn a_query_of_which_records_are_printed_needs_the_holders_pin() {
    let message = "[scenario.message]\nname = \"2207\"\nask = \"2206\"\ncancel = \"2208\"\n";
    let query = |card: &str, paper: &str| {
        let prints = format!("[scenario.lookup]\ncolumns = [\"note\"]\n[scenario.print]\nas = \"{paper}\"\n");
        let kind = format!("kind = \"query\"\n{card}");
        changed(&[("kind = \"settle\"", &kind), (message, &prints)]).map(|_| ())
    };
    for paper in ["record", "certificate"] {
        let told = query("", paper).unwrap_err();
        let [one] = &told[..] else { panic!("{told:?}") };
        // After the line of the kind, and those of the lookup before it.
        let line = SMALL.lines().position(|line| line == "[scenario.message]").unwrap() + 5;
        assert!(one.starts_with(&format!("small.toml:{line}:6: ")), "{one}");
        assert!(one.contains("须校验持卡人密码") && one.contains("needs the holder's PIN"), "{one}");
        assert_eq!(query("card = \"pin\"", paper), Ok(()));
    }
    assert_eq!(query("", "slip"), Ok(()));
}

#[test]
fn one_chooses_by_columns_where_a_pin_guards_the_records() {
    let message = "[scenario.message]\nname = \"2207\"\nask = \"2206\"\ncancel = \"2208\"\n";
    let form = "form = [{ item = \"level\", only = [\"L1\"] }, { item = \"on\", optional = true }, { item = \"note\", optional = true }]";
    let collected = |kind: &str, choose_by: &str| {
        let lookup = format!(
            "[scenario.lookup]\nkey = \"level\"\ncolumns = [\"level\", \"on\"]\nchoose_by = [\"{choose_by}\"]\n"
        );
        changed(&[("kind = \"settle\"", kind), (message, &lookup), (form, "form = [\"level\"]")])
    };
    let guarded = collected("kind = \"collect\"\ncard = \"pin\"", "on").unwrap();
    assert_eq!(guarded.lookup.as_ref().unwrap().choose_by, ["on"]);
    for (kind, choose_by, message) in [
        ("kind = \"collect\"\ncard = \"pin\"", "note", "one chooses by what is a column"),
        ("kind = \"change\"", "on", "a key names one of the records and a PIN guards them"),
    ] {
        let told = collected(kind, choose_by).map(|_| ()).unwrap_err();
        assert!(told.iter().any(|one| one.contains(message)), "{told:?}");
    }
}

#[test]
fn a_total_is_of_a_column_of_whole_numbers() {
    let message = "[scenario.message]\nname = \"2207\"\nask = \"2206\"\ncancel = \"2208\"\n";
    let months = "[item.months]\nlabel = { zh = \"月数\", en = \"months\" }\ntype = \"int\"\n[document.id-card]";
    let told = |print: &str| {
        let lookup = format!("[scenario.lookup]\ncolumns = [\"note\", \"months\"]\n[scenario.print]\n{print}\n");
        let query = ("kind = \"settle\"", "kind = \"query\"\ncard = \"pin\"");
        let definition = changed(&[query, (message, &lookup), ("[document.id-card]", months)]);
        definition.map(|definition| definition.print.total.clone())
    };
    assert_eq!(told("as = \"record\"\ntotal = [\"months\"]").unwrap(), ["months"]);
    for wrong in ["as = \"record\"\ntotal = [\"note\"]", "as = \"record\"\ntotal = [\"cnt\"]", "total = [\"months\"]"] {
        let told = told(wrong).unwrap_err();
        assert!(told.iter().any(|one| one.contains("a total is of a column of the page")), "{wrong}: {told:?}");
    }
}

#[test]
fn what_identifies_a_form_is_always_there() {
    let once = |what: &str| {
        changed(&[("packs =", &format!("once = {{ form = {{ {what} }} }}\npacks ="))]).map(|_| ()).unwrap_err()
    };
    let told = |what: &str, message: &str| {
        let told = once(what);
        assert!(told.iter().any(|one| one.ends_with(message)), "{what}: {told:?}");
    };
    told("lines = [\"dance\"]", "there is no such field here");
    told("fields = [\"amount\"]", "there is no such field here");
    told("fields = [\"on\"]", "what may be left out does not make a form the same");
    told("lines = []", "nothing is named that makes a form the same");
}

#[test]
fn a_deployments_file_takes_the_place_of_the_built_in_one_of_its_name_and_adds_to_the_others() {
    let own =
        SMALL.replacen("[codes.level]", "[codes.own_level]", 1).replace("codes = \"level\"", "codes = \"own_level\"");
    let own = ["level", "on", "note", "amount", "cnt"].iter().fold(own, |text, item| {
        let renamed = text.replace(&format!("[item.{item}]"), &format!("[item.own_{item}]"));
        renamed.replace(&format!("item = \"{item}\""), &format!("item = \"own_{item}\""))
    });
    let own =
        own.replace("[\"amount\", \"cnt\"]", "[\"own_amount\", \"own_cnt\"]").replace("sum amount", "sum own_amount");
    let own = own.replace("[item.aac003]", "[item.own_name]").replace("[document.id-card]", "[document.own-card]");
    let own = own.replace("[document.proof]", "[document.own-proof]");
    let catalogue = Catalogue::over_builtin(&[("here/own.toml".into(), own.clone())]).unwrap();
    assert_eq!(catalogue.entries().len(), 78);
    assert_eq!(catalogue.entries().last().map(|entry| (entry.id.as_str(), entry.row)), Some(("small", None)));
    // In place of the file with rows 75 to 77.
    let catalogue = Catalogue::over_builtin(&[("here/retirees.toml".into(), own)]).unwrap();
    assert_eq!(catalogue.entries().len(), 75);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_loader_stop(text in "[a-z0-9\\[\\]{}=\"'.,\n社# -]{0,120}") {
        let _ = load(&text);
    }
}

#[test]
fn what_a_line_is_known_by_is_in_the_form_and_in_the_line() {
    let known_by = |what: &str| changed(&[("most = 2", &format!("most = 2\nknown_by = [{what}]"))]);
    let told = |what: &str, message: &str| {
        let told = known_by(what).map(|_| ()).unwrap_err();
        assert!(told.iter().any(|one| one.ends_with(message)), "{what}: {told:?}");
    };
    told("{ lines = [\"dance\"] }", "there is no such field here");
    told("{ fields = [\"amount\"], lines = [\"cnt\"] }", "there is no such field here");
    told("{ fields = [\"level\"] }", "an item of the line itself tells it from the others of its bill");
    assert!(known_by("{ fields = [\"note\"], lines = [\"cnt\"] }").is_ok(), "another one of them may be known without");
    let group = "kind = \"apply\"";
    let told = changed(&[("kind = \"settle\"", group), ("most = 2", "most = 2\nknown_by = [{ lines = [\"cnt\"] }]")]);
    let told = told.map(|_| ()).unwrap_err();
    assert!(told.iter().any(|one| one.ends_with("only the lines of a bill are known again")), "{told:?}");
}

#[test]
fn what_is_of_a_work_injury_or_of_veterans_is_for_a_system_of_its_own() {
    for definition in Catalogue::builtin().unwrap().offered() {
        let is_injury = definition.id.starts_with("work-injury-") || definition.id.starts_with("work-capacity-");
        let [none, employee, veteran] = [None, Some("310"), Some("340")].map(|one| definition.receiver_of(one));
        let wanted = match is_injury {
            true => [Receiver::WorkInjury; 3],
            false => [Receiver::Ordinary, Receiver::Ordinary, Receiver::Veterans],
        };
        assert_eq!([none, employee, veteran], wanted, "{}", definition.id);
    }
}
