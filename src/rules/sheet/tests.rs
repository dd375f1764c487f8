//! Tables to CSV and back.

use ::csv::{QuoteStyle, Terminator, WriterBuilder};
use proptest::prelude::*;

use super::rows::{self, Rows};
use super::{RowChange, Sheet};

const MEDICAL: &str = include_str!("../../../config/policy/guangzhou-2015/medical-settlement.toml");

/// A table with comments, in a pack that loads.
const PACK: &str = r#"# 前
[pack]
id = "test.sheet"
version = "1"
title = "表"
scenarios = ["test"]
valid_from = 2015-01-01
valid_to = 2015-12-31
date_of = "date"
status = "demo"

[enums.level]
L1 = "一级"
L2 = "二级"
L3 = "三级"

[facts]
date = { type = "date" }
level = { type = "level" }
bill = { type = "money" }
urgent = { type = "bool" }

[[table]]
name = "pay"
on = ["level", "bill"]
out = { rate = "rate", text = "text", days = "int" }

[[table.version]]
from = 2015-01-01
to = 2015-06-30
source = "s"
confidence = "M"
verified_on = 2026-11-26
rows = [
  # 一级不分段
  ["L1", "*", "90%", "a,b", 1], # 见文件
  ["L2|L3", "..1000.00", "80%", 'say "x"', 2],
  ["L2|L3", "1000.00..", "85%", "", 3],
  # 末尾
]

[[table.version]]
from = 2015-07-01
source = "s"
confidence = "M"
verified_on = 2026-11-26
rows = [["*", "*", "50%", "=x", 7]]

[[table]]
name = "flags"
on = ["urgent"]
out = { all = "bool" }

[[table.version]]
from = 2015-01-01
source = "s"
confidence = "M"
verified_on = 2026-11-26
rows = [
  [true, false],
  [false, true]
]

[[param]]
name = "x"
type = "text"
values = [{ from = 2015-01-01, value = "x", source = "s", confidence = "M", verified_on = 2026-11-26 }]

[[step]]
name = "share"
expr = "if flags.all then half_up(bill * pay.rate, ¥0.01) else ¥0"
out = "share"

[[case]]
name = "一级"
facts = { date = 2015-03-01, level = "L1", bill = "100.00", urgent = false }
outcome = "allow"
want = { share = "90.00" }
"#;

const CSV: &str = "level,bill,rate,text,days\n\
    L1,*,90%,\"a,b\",1\n\
    L2|L3,..1000.00,80%,\"say \"\"x\"\"\",2\n\
    L2|L3,1000.00..,85%,,3\n";

fn pay(text: &str) -> Sheet<'_> {
    Sheet::find("pack.toml", text, "pay", Some(jiff::civil::date(2015, 1, 1))).unwrap()
}

/// What comes of a CSV in place of the first version of `pay`.
fn imported(csv: &str) -> Result<(String, Vec<RowChange>), Vec<String>> {
    match pay(PACK).import("pay.csv", csv.as_bytes()) {
        Ok(import) => Ok((import.text, import.changes)),
        Err(mistakes) => Err(mistakes.iter().map(ToString::to_string).collect()),
    }
}

/// The text with one edit.
fn edited(was: &str, is: &str) -> String {
    assert_eq!(PACK.matches(was).count(), 1, "{was}");
    PACK.replace(was, is)
}

#[test]
fn a_version_is_written_with_its_header() {
    assert_eq!(pay(PACK).to_csv(false), CSV);
    assert_eq!(pay(PACK).to_csv(true), format!("\u{feff}{CSV}"));
    let second = Sheet::find("pack.toml", PACK, "pay", Some(jiff::civil::date(2015, 7, 1))).unwrap();
    // What a spreadsheet program would take for a formula is told apart from one.
    assert_eq!(second.to_csv(false), "level,bill,rate,text,days\n*,*,50%,'=x,7\n");
}

#[test]
fn every_table_that_ships_comes_back_to_the_byte() {
    let sheet = Sheet::find("pack.toml", MEDICAL, "pay", None).unwrap();
    let back = sheet.import("pay.csv", sheet.to_csv(true).as_bytes()).unwrap();
    assert_eq!((back.text.as_str(), back.changes), (MEDICAL, Vec::new()));
}

#[test]
fn what_a_spreadsheet_program_does_to_a_file_is_no_change() {
    let quoted = CSV.replace("L1,*,90%,\"a,b\",1", "\"L1\",\"*\",\"90%\",\"a,b\",\"1\"");
    let figures = CSV.replace("1000.00", "1000").replace("85%", "85.00%");
    for csv in [
        CSV.to_owned(),
        format!("\u{feff}{CSV}"),
        CSV.replace('\n', "\r\n"),
        CSV.trim_end().to_owned(),
        quoted,
        figures,
        format!("{CSV}\n\n\r\n"),
        format!("{CSV},,,,\n,,,,\n"),
        CSV.replace('\n', ",,\n"),
        CSV.replace("L2|L3,..", ",,,,\nL2|L3,.."),
    ] {
        assert_eq!(imported(&csv), Ok((PACK.to_owned(), Vec::new())), "{csv}");
    }
    let flags = Sheet::find("pack.toml", PACK, "flags", None).unwrap();
    assert_eq!(flags.import("f.csv", b"urgent,all\r\nTRUE,FALSE\r\nFALSE,TRUE\r\n").unwrap().text, PACK);
}

#[test]
fn a_changed_cell_changes_itself_alone() {
    let cell = |row, column: &str, was: &str, is: &str| RowChange::Cell {
        row,
        column: column.to_owned(),
        was: was.to_owned(),
        is: is.to_owned(),
    };
    let csv = CSV.replace("85%,,3", "85.5%,\"he said \"\"no\"\"\",30");
    let text = edited(r#""85%", "", 3]"#, r#""85.5%", "he said \"no\"", 30]"#);
    let changes =
        vec![cell(3, "rate", "85%", "85.5%"), cell(3, "text", "", "he said \"no\""), cell(3, "days", "3", "30")];
    assert_eq!(imported(&csv), Ok((text, changes)));
    // The comments stay, though it is now another condition.
    let csv = CSV.replace("L1,*", "L1,..");
    assert_eq!(imported(&csv).unwrap().0, edited(r#"["L1", "*","#, r#"["L1", "..","#));
    // In quotes of the other kind only where it must be.
    let csv = CSV.replace("\"say \"\"x\"\"\"", "it's");
    assert_eq!(imported(&csv).unwrap().0, edited(r#"'say "x"'"#, r#""it's""#));
}

#[test]
fn rows_come_in_and_go_out_on_lines_of_their_own() {
    let csv = CSV.replace("..1000.00,80%", "..500.00,70%,new,9\nL2|L3,500.00..1000.00,80%");
    let text = edited(
        "  [\"L2|L3\", \"..1000.00\", \"80%\"",
        "  [\"L2|L3\", \"..500.00\", \"70%\", 'new', 9],\n  [\"L2|L3\", \"500.00..1000.00\", \"80%\"",
    );
    let (got, changes) = imported(&csv).unwrap();
    assert_eq!(got, text);
    assert_eq!(changes.len(), 5, "{changes:?}");
    let csv = CSV.replace("L2|L3,..1000.00,80%,\"say \"\"x\"\"\",2\nL2|L3,1000.00..", "L2|L3,*");
    let text = edited("  [\"L2|L3\", \"1000.00..\", \"85%\", \"\", 3],\n", "");
    let text = text.replace("\"..1000.00\", \"80%\", 'say \"x\"', 2]", "\"*\", \"85%\", '', 3]");
    assert_eq!(imported(&csv).unwrap().0, text);
}

#[test]
fn rows_keep_their_layout() {
    let rows = |list: &str| {
        let pack = "[[table]]\nname = \"t\"\non = [\"a\"]\nout = { b = \"text\" }\n[[table.version]]\nfrom = 2015-01-01\nrows = ";
        format!("{pack}{list}\n[after]\n")
    };
    for (list, csv, wanted) in [
        ("[]", "x,y", "[[\"x\", \"y\"]]"),
        ("[\n]", "x,y", "[\n  [\"x\", \"y\"]\n]"),
        ("[[\"a\", \"b\"]]", "a,b\nx,y", "[[\"a\", \"b\"], [\"x\", \"y\"]]"),
        ("[[\"a\", \"b\"]]", "x,y\na,b", "[[\"x\", \"y\"], [\"a\", \"b\"]]"),
        ("[[\"a\", \"b\"], [\"c\", \"d\"],]", "a,b\nx,y\nc,d", "[[\"a\", \"b\"], [\"x\", \"y\"], [\"c\", \"d\"],]"),
        ("[[\"a\", \"b\"], [\"c\", \"d\"]]", "c,d", "[ [\"c\", \"d\"]]"),
        ("[\n\t[\"a\", \"b\"]\n]", "a,b\nx,y\nz,z", "[\n\t[\"a\", \"b\"],\n\t[\"x\", \"y\"],\n\t[\"z\", \"z\"]\n]"),
        ("[\n\t['a', 'b'], # one\n]", "a,b\nx,y", "[\n\t['a', 'b'], # one\n\t['x', 'y'],\n]"),
        ("[\r\n  ['a', 'b'],\r\n]", "a,b\nx,y", "[\r\n  ['a', 'b'],\r\n  ['x', 'y'],\r\n]"),
        ("[\n  ['a', 'b'],\n  ['c', 'd']\n]", "a,b", "[\n  ['a', 'b'],\n]"),
        // A row that is moved is as it was.
        ("[\n ['a','b'],\n ['c','d'],\n]", "c,d\na,b", "[\n ['c','d'],\n ['a', 'b'],\n]"),
    ] {
        let text = rows(list);
        let sheet = Sheet::find("f", &text, "t", None).unwrap();
        let csv = format!("a,b\n{csv}\n");
        let read = sheet.read("c", csv.as_bytes()).unwrap();
        assert_eq!(sheet.rewrite(&read).unwrap().0, rows(wanted), "{list} {csv}");
    }
}

#[test]
fn a_comment_whose_row_goes_is_told_with_its_place() {
    let told = |csv: &str| imported(csv).unwrap_err().join("\n");
    let whose = "rows come in or go out at this comment, and it cannot be told to which row it belongs: \
                 change these rows here, not in the CSV";
    let without_first = CSV.replace("L1,*,90%,\"a,b\",1\n", "").replace("L2|L3", "*");
    assert_eq!(told(&without_first), format!("pack.toml:35:3: {whose}"));
    let text = PACK.replace("  # 一级不分段\n", "").replace("1], # 见文件\n", "1] # 见文件\n,\n");
    let csv = CSV.replace("L2|L3,..1000.00", "L1,5..6,1%,x,1\nL2|L3,..1000.00");
    let mistakes = pay(&text).import("pay.csv", csv.as_bytes()).unwrap_err();
    assert_eq!(mistakes[0].to_string(), "pack.toml:36:1: put this comma behind its row: rows come in or go out here");
}

#[test]
fn a_mistake_of_the_csv_is_told_by_its_place_there() {
    let told = |csv: &str| imported(csv).unwrap_err().join("\n");
    assert_eq!(told(""), "pay.csv:1:1: the CSV is empty");
    assert_eq!(
        told("level;bill;rate;text;days\r\nL1;*;90%;a;1\r\n"),
        "pay.csv:1:1: the cells are separated by semicolons: save it as CSV with commas"
    );
    assert_eq!(told(&CSV.replace("bill,", "")), "pay.csv:1:7: this column is 'bill', not 'rate'");
    assert_eq!(told(&CSV.replace(",text,days", ",text,days,note")), "pay.csv:1:27: the table has no column 'note'");
    assert_eq!(told(&CSV.replace("text,days\n", "text\n")), "pay.csv:1:17: column 'days' is missing");
    assert_eq!(told(&CSV.replace("85%,,3", "85%,,3,4")), "pay.csv:4:1: the row has 6 cells, not 5");
    assert_eq!(told(&CSV.replace("85%,,3", "85%,3")), "pay.csv:4:1: the row has 4 cells, not 5");
    // What the loader finds in the rows.
    assert_eq!(told(&CSV.replace("85%,,3", "85,,3")), "pay.csv:4:17: a rate such as \"89.5%\" is wanted here");
    let both = told(&CSV.replace("L1,*,90%,\"a,b\",1", "L9,*,90%,\"a,\nb\",one"));
    assert!(both.starts_with("pay.csv:2:1: 'L9' is no condition"), "{both}");
    assert!(both.ends_with("\npay.csv:3:4: a whole number is wanted here"), "{both}");
    assert!(told(&CSV.replace("1000.00..,", "900.00..,")).contains("pay.csv:4:1: row 3 overlaps row 2"));
    // And outside of them, where the file has it now.
    let line = |what: &str| PACK.lines().position(|line| line == what).unwrap() + 1;
    assert_eq!(
        told(&CSV.replace("..1000.00,80%", "..900.00,80%")),
        format!("pack.toml:{}:8: table pay has no row for (L2|L3, ¥900.00..¥1000.00)", line("name = \"pay\""))
    );
    let more = "L2|L3,..1000.00,80%,\"say \"\"x\"\"\",2";
    let failing = CSV.replace("90%", "91%").replace(more, "L2|L3,..5.00,80%,x,2\nL2|L3,5.00..1000.00,80%,x,2");
    assert_eq!(
        told(&failing),
        format!("pack.toml:{}:8: case '一级': share is \"91.00\", not \"90.00\"", line("name = \"一级\""))
    );
}

#[test]
fn what_is_not_utf_8_is_told_by_place_and_remedy() {
    let mut bytes = CSV.as_bytes().to_vec();
    let at = CSV.find("say").unwrap();
    // 级 in GBK.
    bytes.splice(at..at, [0xBC, 0xB6]);
    let mistakes = pay(PACK).import("pay.csv", &bytes).unwrap_err();
    assert_eq!(mistakes[0].to_string(), "pay.csv:3:22: not UTF-8: save it as \"CSV UTF-8 (comma delimited)\"");
}

#[test]
fn quotes_that_are_not_closed_are_told_where_they_begin() {
    let header = "level,bill,rate,text,days\n";
    for (row, place) in [("L1,*,90%,\"a,b,1\n", "2:10"), ("L1,*,90%,\"say \"\"x,1\nL2,*,80%,c,2\n", "2:10")] {
        let told = imported(&format!("{header}{row}")).unwrap_err();
        assert_eq!(told, [format!("pay.csv:{place}: these quotes are not closed: the file ends within")], "{row}");
    }
    // Closed, doubled, and in the middle of a cell.
    for text in ["\"a\nb\"", "\"say \"\"x\"\"\"", "5\" wide"] {
        let read = pay(PACK).read("pay.csv", format!("{header}L1,*,90%,{text},1\n").as_bytes()).map(|_| ());
        assert_eq!(read, Ok(()), "{text}");
    }
}

#[test]
fn what_a_program_could_take_for_a_formula_is_guarded_and_comes_back() {
    for text in ["=1+1", "\t=1", "\r=1", " =1", "＝1", "＋1", "－1", "＠A1", "@A1", "+x", "-x", "'quoted"] {
        let guarded = super::csv::guarded(text);
        assert_eq!((guarded.as_str(), super::csv::unguarded(&guarded)), (&*format!("'{text}"), text));
    }
    for text in ["-5.00", "+5%", "a=b", "", "it's", "1-2"] {
        assert_eq!((super::csv::guarded(text).as_str(), super::csv::unguarded(text)), (text, text));
    }
}

#[test]
fn a_table_that_is_not_there_is_told_with_those_that_are() {
    let told = |table: &str, from| Sheet::find("pack.toml", PACK, table, from).unwrap_err()[0].message.clone();
    assert_eq!(told("no", None), "there is no table 'no'; there are: pay, flags");
    assert_eq!(told("pay", None), "table pay: --from is wanted; its versions begin on: 2015-01-01, 2015-07-01");
    let from = Some(jiff::civil::date(2015, 2, 1));
    assert_eq!(told("flags", from), "table flags: none begins on 2015-02-01; its versions begin on: 2015-01-01");
    let broken = PACK.replace("[pack]", "[pack");
    assert!(Sheet::find("pack.toml", &broken, "pay", None).is_err());
    let short = PACK.replace(", 7]]", "]]");
    let from = Some(jiff::civil::date(2015, 7, 1));
    assert_eq!(Sheet::find("p", &short, "pay", from).unwrap_err()[0].message, "the row has 4 cells, not 5");
}

/// A cell as TOML may write it.
fn cell() -> impl Strategy<Value = String> {
    let basic = "[ -~一二“=@+'\t\n\"\\\\]{0,6}".prop_map(|text| {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
        format!("\"{escaped}\"")
    });
    let literal = "[ -&(-~三]{0,6}".prop_map(|text| format!("'{text}'"));
    let long = "[a-z ,\n]{0,6}".prop_map(|text| format!("\"\"\"{text}\"\"\""));
    let number = any::<i32>().prop_map(|n| n.to_string());
    let truth = any::<bool>().prop_map(|b| b.to_string());
    let amount = (0_u32..100_000).prop_map(|n| format!("\"{}.{:02}\"", n / 100, n % 100));
    let date = (1_i8..28).prop_map(|day| format!("2015-08-{day:02}"));
    prop_oneof![basic, literal, long, number, truth, amount, date]
}

/// What may stand between two cells or rows, around the comma.
fn between() -> impl Strategy<Value = (String, String)> {
    let space = prop_oneof![
        3 => Just(""),
        2 => Just(" "),
        3 => Just("\n  "),
        1 => Just(" # 说明, [\"x\"]\n "),
        1 => Just("\n\n # 一\n # 二\n\t"),
        1 => Just("\r\n"),
    ];
    (prop_oneof![4 => Just(""), 1 => space.clone()], space).prop_map(|(a, b)| (a.to_owned(), b.to_owned()))
}

/// A pack's text with a table of random shape, and its columns' number.
fn pack() -> impl Strategy<Value = (String, usize)> {
    (1_usize..4, 1_usize..4).prop_flat_map(|(on, out)| {
        let row = (prop::collection::vec((cell(), between()), on + out), between());
        let rows = prop::collection::vec(row, 0..6);
        let types = prop::collection::vec(prop::sample::select(vec!["money", "rate", "text", "int", "bool"]), on + out);
        (rows, types, between(), any::<bool>()).prop_map(move |(rows, types, (open, close), trailing)| {
            let count = rows.len();
            let rows = rows.into_iter().enumerate().map(|(at, (cells, (before, after)))| {
                let cells: Vec<_> = cells.into_iter().map(|(cell, (a, b))| format!("{b}{cell}{a}")).collect();
                // A row of nothing at all is not one that a spreadsheet program keeps.
                let comma = if at + 1 < count || trailing { "," } else { "" };
                format!("[{}]{before}{comma}{after}", cells.join(","))
            });
            let list = format!("[{open}{}{}]", rows.collect::<String>(), close.replace(',', ""));
            let names = |from: usize, to: usize| (from..to).map(|n| format!("\"n{n}\"")).collect::<Vec<_>>().join(", ");
            let facts: String = (0..on).map(|n| format!("n{n} = {{ type = \"{}\" }}\n", types[n])).collect();
            let gives: Vec<_> = (on..on + out).map(|n| format!("n{n} = \"{}\"", types[n])).collect();
            let text = format!(
                "# 前\n[facts]\n{facts}[[table]]\nname = \"t\"\non = [{}]\nout = {{ {} }}\n[[table.version]]\n\
                 from = 2015-01-01\nrows = {list} # 后\n[after]\n",
                names(0, on),
                gives.join(", ")
            );
            (text, on + out)
        })
    })
}

/// The texts of all cells.
fn texts(rows: &Rows) -> Vec<Vec<String>> {
    rows.rows.iter().map(|row| row.cells.iter().map(|cell| cell.text.clone()).collect()).collect()
}

/// The same rows as a spreadsheet program may write them.
fn by_another_hand(csv: &str) -> Vec<u8> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
    let mut writer =
        WriterBuilder::new().quote_style(QuoteStyle::Always).terminator(Terminator::CRLF).from_writer(Vec::new());
    for record in reader.records() {
        writer.write_record(&record.unwrap()).unwrap();
    }
    [b"\xEF\xBB\xBF".as_slice(), &writer.into_inner().unwrap(), b"\r\n\r\n"].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_table_comes_back_to_the_byte((text, _) in pack()) {
        let Ok(sheet) = Sheet::find("f", &text, "t", None) else { panic!("{text}") };
        prop_assume!(texts(&sheet.rows).iter().all(|row| row.iter().any(|cell| !cell.is_empty())));
        let csv = sheet.to_csv(false);
        for csv in [csv.clone().into_bytes(), by_another_hand(&csv)] {
            let read = sheet.read("c", &csv).unwrap();
            prop_assert_eq!(sheet.rewrite(&read).unwrap(), (text.clone(), Vec::new()));
        }
    }

    #[test]
    fn other_rows_go_in_and_nothing_else_changes(
        (text, columns) in pack(),
        edits in prop::collection::vec((0_usize..5, any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[ -~一,]{1,5}"), 1..5),
    ) {
        let Ok(sheet) = Sheet::find("f", &text, "t", None) else { panic!("{text}") };
        let mut rows = texts(&sheet.rows);
        for (what, one, other, cell) in edits {
            let new = vec![cell.clone(); columns];
            match (what, rows.len()) {
                (0, _) | (_, 0) => rows.insert(one.index(rows.len() + 1), new),
                (1, count) => drop(rows.remove(one.index(count))),
                (2, count) => rows.swap(one.index(count), other.index(count)),
                (_, count) => rows[one.index(count)][other.index(columns)] = cell,
            }
        }
        prop_assume!(rows.iter().all(|row| row.iter().any(|cell| !cell.is_empty())));
        let csv = super::csv::write(&sheet.rows.columns, rows.iter().map(|row| row.iter().map(String::as_str)), false);
        let read = sheet.read("c", csv.as_bytes()).unwrap();
        match sheet.rewrite(&read) {
            Err(mistakes) => {
                let told = &mistakes[0].message;
                prop_assert!(told.contains("at this comment") || told.contains("put this comma"), "{}", told);
            }
            Ok((after, changes)) => {
                let found = rows::find(&after, "t", None).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{after}"));
                let got = texts(&found);
                prop_assert_eq!(got.len(), rows.len());
                for (got, wanted) in got.iter().flatten().zip(rows.iter().flatten()).enumerate().map(|(at, (a, b))| ((at % columns, a), b)) {
                    prop_assert!(sheet.rows.same(got.0, got.1, wanted), "{} {}\n{}", got.1, wanted, after);
                }
                prop_assert_eq!(&text[..sheet.rows.list.start], &after[..found.list.start]);
                prop_assert_eq!(&text[sheet.rows.list.end..], &after[found.list.end..]);
                prop_assert_eq!(changes.is_empty(), after == text);
                // No comment is lost or doubled.
                for comment in ["说明, [\"x\"]", "# 一\n", "# 二\n"] {
                    prop_assert_eq!(text.matches(comment).count(), after.matches(comment).count(), "{}", after);
                }
                let again = Sheet::find("f", &after, "t", None).unwrap();
                prop_assert_eq!(again.rewrite(&again.read("c", csv.as_bytes()).unwrap()).unwrap(), (after.clone(), Vec::new()));
            }
        }
    }
}
