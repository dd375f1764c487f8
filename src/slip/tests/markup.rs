//! No text breaks out of its element.

use proptest::prelude::*;

use super::super::document::{Block, Label, Table};
use super::*;

/// A paper with these texts, one after the other, in every place that there is for one.
fn paper(texts: &[String; 9]) -> Document {
    let text = |at: usize| Text::from(texts[at].as_str());
    let mut document = Document::titled(&texts[0]);
    document.marks.push(text(1));
    document.head.pair(&texts[2], texts[3].as_str());
    let mut section = Section::under(&texts[4]);
    section.say(&texts[5]);
    section.table(Table { columns: vec![Label { text: text(6), right: true }], rows: vec![vec![text(7)]] });
    document.sections.push(section);
    document.foot.blocks.push(Block::Sentences(vec![text(8)]));
    document
}

fn page(document: &Document, medium: Medium) -> String {
    String::from_utf8(medium.print(document).bytes.to_vec()).unwrap()
}

/// A page's tags, and what stands between them, as a browser reads it.
fn read(page: &str) -> (Vec<&str>, Vec<String>) {
    let (mut tags, mut texts, mut rest) = (Vec::new(), Vec::new(), page);
    while let Some(at) = rest.find('<') {
        texts.push(unescaped(&rest[..at]));
        let end = at + rest[at..].find('>').expect("a tag ends") + 1;
        tags.push(&rest[at..end]);
        rest = &rest[end..];
    }
    texts.push(unescaped(rest));
    // Lines break between elements alone.
    (tags, texts.into_iter().filter(|text| !text.trim_matches('\n').is_empty()).collect())
}

fn unescaped(text: &str) -> String {
    assert!(!text.contains(['>', '"', '\'']), "{text}");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// Texts as somebody would write them who wants out.
fn hostile() -> impl Strategy<Value = String> {
    let bits = [
        "<", ">", "&", "\"", "'", "</title>", "<script>", "</style>", "<!--", "-->", "]]>", "&lt;", "&#60;",
        "\u{202E}", "\u{2028}", "\n", "\0", "\u{1B}", "王", " ",
    ];
    let bit = prop_oneof![proptest::sample::select(bits.to_vec()).prop_map(str::to_owned), ".{1,4}"];
    proptest::collection::vec(bit, 1..8).prop_map(|bits| format!("x{}x", bits.concat()))
}

proptest! {
    #[test]
    fn no_text_breaks_out_of_its_element(texts in proptest::array::uniform9(hostile())) {
        let harmless: [String; 9] = std::array::from_fn(|at| format!("x{at}"));
        for medium in [Medium::A4, Medium::Roll] {
            let (page, plain) = (page(&paper(&texts), medium), page(&paper(&harmless), medium));
            prop_assert!(page.chars().all(|c| c == '\n' || !crate::failure::visible(&c.to_string()).starts_with('\\') || c == '\\'));
            let style = |page: &str| page.split_once("<style>").map(|(_, rest)| rest.split_once("</style>").unwrap().0.len());
            prop_assert_eq!(style(&page), style(&plain));
            let without = |page: &str| {
                let (head, rest) = page.split_once("<style>").unwrap();
                head.to_owned() + rest.split_once("</style>").unwrap().1
            };
            let (page, plain) = (without(&page), without(&plain));
            let ((tags, said), (plain_tags, plain_said)) = (read(&page), read(&plain));
            prop_assert_eq!(tags, plain_tags);
            // What is said is said to the letter: each text where the harmless one stands.
            let expected: Vec<String> = plain_said
                .iter()
                .map(|text| {
                    let at: usize = text.strip_prefix('x').and_then(|n| n.parse().ok()).expect("one of the texts");
                    crate::failure::visible(&texts[at]).into_owned()
                })
                .collect();
            prop_assert_eq!(said, expected);
        }
    }
}
