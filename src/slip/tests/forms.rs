//! The forms of a paper: pages as they are kept, and what fits on 80 mm.

use encoding_rs::GB18030;

use super::super::escpos::commands;
use super::super::html::Sheet;
use super::pages::{asked, copies_of, rows};
use super::*;

/// ESC @ and FS &.
const BEGIN: &[u8] = &[0x1B, 0x40, 0x1C, 0x26];
/// ESC d 1: prints the line.
const LINE: &[u8] = &[0x1B, 0x64, 0x01];
/// ESC d 4, and GS V A 0: a partial cut.
const END: &[u8] = &[0x1B, 0x64, 0x04, 0x1D, 0x56, 0x41, 0x01];

fn papers() -> [Document; 3] {
    let centre = json!({"setl_id": "S0001"});
    let certificate = copies_of(&rows(), &asked()).vouched(&row(false), row(false).created_at);
    [settlement(&row(false), centre.as_object()), registration(), certificate.of(Copy::Holder).as_ref().clone()]
}

fn html(document: &Document, medium: Medium) -> String {
    String::from_utf8(medium.print(document).bytes.to_vec()).unwrap()
}

/// A page without its style.
fn kept(document: &Document, medium: Medium) -> String {
    let page = html(document, medium);
    let (head, rest) = page.split_once("<style>").unwrap();
    let head: String =
        head.lines().filter(|line| !line.contains("http-equiv")).map(|line| format!("{line}\n")).collect();
    head + rest.split_once("</style>\n").unwrap().1
}

#[test]
fn pages_are_as_they_were() {
    let [settlement, registration, certificate] = papers();
    insta::assert_snapshot!("settlement", kept(&settlement, Medium::A4));
    insta::assert_snapshot!("registration", kept(&registration, Medium::A4));
    insta::assert_snapshot!("registration_80mm", kept(&registration, Medium::Roll));
    insta::assert_snapshot!("certificate", kept(&certificate, Medium::A4));
    insta::assert_snapshot!("certificate_text", certificate.lines(COLUMNS).join("\n"));
}

#[test]
fn a_page_asks_for_nothing_and_applies_its_own_style_alone() {
    for document in papers() {
        for (medium, sheet) in [(Medium::A4, Sheet::A4), (Medium::Roll, Sheet::Roll)] {
            let page = html(&document, medium);
            for word in ["<script", "<link", "<img", "<a ", "url(", "@import", "http:", "https:", " on", "javascript"] {
                assert!(!page.contains(word), "{word} in {page}");
            }
            let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
            let hash = ring::digest::digest(&ring::digest::SHA256, style.as_bytes());
            let hash = data_encoding::BASE64.encode(hash.as_ref());
            let policy = sheet.policy();
            assert!(policy.contains(&format!("style-src 'sha256-{hash}'")) && policy.starts_with("default-src 'none'"));
            assert!(page.contains(&format!("content=\"{policy}\"")), "it is in the page as well");
            assert!(medium.print(&document).policy.unwrap().starts_with(&policy));
        }
    }
}

#[test]
fn every_form_says_that_it_is_a_demonstration() {
    for document in papers() {
        for medium in Medium::ALL {
            let bytes = medium.print(&document).bytes;
            let text = match medium {
                Medium::EscPos => GB18030.decode_without_bom_handling(&bytes).0.into_owned(),
                _ => String::from_utf8(bytes.to_vec()).unwrap(),
            };
            assert!(text.contains("演示，不作凭证") && text.contains("（演示日期）"), "{medium:?}: {text}");
        }
    }
}

#[test]
fn every_line_fits_the_roll() {
    for document in papers() {
        let lines = document.lines(COLUMNS);
        assert!(lines.iter().all(|line| width(line) <= COLUMNS), "{lines:#?}");
        assert_eq!(html(&document, Medium::Text), lines.join("\n") + "\n");
    }
}

#[test]
fn a_printer_of_80_mm_gets_its_lines_in_its_own_characters() {
    for document in papers() {
        let (lines, bytes) = (document.lines(COLUMNS), Medium::EscPos.print(&document).bytes);
        assert_eq!(printed(&bytes), lines.iter().map(|line| replaced(line)).collect::<Vec<_>>());
        // Four bytes have the characters that most such printers do not: none of our own words is among them.
        for c in lines.iter().flat_map(|line| line.chars()).map(|c| replaced(&c.to_string())) {
            assert!(GB18030.encode(&c).0.len() <= 2, "{c}");
        }
    }
}

fn replaced(line: &str) -> String {
    line.replace('¥', "￥").replace(['−', '–'], "－")
}

/// The lines that these commands print; no byte of one may be a command.
fn printed(bytes: &[u8]) -> Vec<String> {
    let mut rest = bytes.strip_prefix(BEGIN).expect("it begins").strip_suffix(END).expect("it ends");
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let end = rest.windows(LINE.len()).position(|window| window == LINE).expect("each line is printed");
        let line = &rest[..end];
        assert!(line.iter().all(|byte| *byte >= 0x20 && *byte != 0x7F), "{line:X?}");
        lines.push(GB18030.decode_without_bom_handling_and_without_replacement(line).unwrap().into_owned());
        rest = &rest[end + LINE.len()..];
    }
    lines
}

#[test]
fn a_medium_is_known_by_its_name() {
    for medium in Medium::ALL {
        assert_eq!(Medium::named(medium.name()), Some(medium));
    }
    assert_eq!(Medium::named("A4"), None);
}

/// Private characters of old systems that GB18030 has given to characters of Unicode since: a printer prints the same
/// shape for both, so that what was printed reads back as the newer one.
const GIVEN_SINCE: [(char, char); 18] = [
    ('\u{E78D}', '︐'),
    ('\u{E78E}', '︒'),
    ('\u{E78F}', '︑'),
    ('\u{E790}', '︓'),
    ('\u{E791}', '︔'),
    ('\u{E792}', '︕'),
    ('\u{E793}', '︖'),
    ('\u{E794}', '︗'),
    ('\u{E795}', '︘'),
    ('\u{E796}', '︙'),
    ('\u{E81E}', '龴'),
    ('\u{E826}', '龵'),
    ('\u{E82B}', '龶'),
    ('\u{E82C}', '龷'),
    ('\u{E832}', '龸'),
    ('\u{E843}', '龹'),
    ('\u{E854}', '龺'),
    ('\u{E864}', '龻'),
];
/// The one character that GB18030 does not have, and what is printed for it: its number.
const UNKNOWN: (char, &str) = ('\u{E5E5}', "&#58853;");

/// What stands on the paper where a line has this.
fn on_paper(line: &str) -> String {
    let newer = |c: char| GIVEN_SINCE.iter().find(|(old, _)| *old == c).map_or(c, |(_, new)| *new);
    replaced(line).chars().map(newer).collect::<String>().replace(UNKNOWN.0, UNKNOWN.1)
}

#[test]
fn each_character_there_is_is_printed_as_itself_or_as_its_listed_stand_in() {
    let all: Vec<String> =
        ('\u{20}'..=char::MAX).map(String::from).filter(|c| Text::from(c.as_str()).as_str() == c).collect();
    assert!(all.len() > 1_000_000);
    for lines in all.chunks(1_000) {
        let expected: Vec<String> = lines.iter().map(|line| on_paper(line)).collect();
        assert_eq!(printed(&commands(lines)), expected);
    }
}

proptest::proptest! {
    #[test]
    fn no_text_is_a_printers_command(texts in proptest::collection::vec(".{0,60}", 0..6)) {
        let lines: Vec<String> = texts.iter().map(|text| Text::from(text.as_str()).as_str().to_owned()).collect();
        let expected: Vec<String> = lines.iter().map(|line| on_paper(line)).collect();
        proptest::prop_assert_eq!(printed(&commands(&lines)), expected);
    }
}
