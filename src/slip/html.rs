//! A paper as a page that a browser prints: no script, nothing from elsewhere, and its own style alone.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::document::{Block, Document, Section, Table, Text};

/// The paper that a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sheet {
    /// 210 × 297 mm; tables as tables.
    A4,
    /// 80 mm wide; a table's rows one below the other.
    Roll,
}

impl Sheet {
    fn style(self) -> &'static str {
        match self {
            Self::A4 => include_str!("a4.css"),
            Self::Roll => include_str!("roll.css"),
        }
    }

    /// What a browser may do with the page: apply the style that is in it, known by its hash.
    pub(super) fn policy(self) -> String {
        let hash = ring::digest::digest(&ring::digest::SHA256, self.style().as_bytes());
        let hash = BASE64.encode(hash.as_ref());
        format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
    }
}

/// The page, UTF-8.
pub(super) fn page(document: &Document, sheet: Sheet) -> Zeroizing<Vec<u8>> {
    let mut page = Markup { text: Zeroizing::new(String::with_capacity(4096 + 3 * document.size())), sheet };
    page.put("<!DOCTYPE html>\n<html lang=\"zh-CN\" dir=\"ltr\">\n<head>\n<meta charset=\"utf-8\">\n");
    // The policy's own characters: nothing of a paper is in it. Kept in the page, it holds where the page is saved as well.
    page.put(&format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n", sheet.policy()));
    page.element("title", |page| page.text(&document.title));
    page.put(&format!("<style>{}</style>\n</head>\n<body>\n", sheet.style()));
    page.element("header", |page| {
        page.element("h1", |page| page.text(&document.title));
        document.marks.iter().for_each(|mark| page.element("strong", |page| page.text(mark)));
    });
    page.section(&document.head);
    document.sections.iter().for_each(|section| page.section(section));
    page.element("footer", |page| page.blocks(&document.foot));
    page.put("</body>\n</html>\n");
    Zeroizing::new(std::mem::take(&mut *page.text).into_bytes())
}

/// Markup being written.
struct Markup {
    text: Zeroizing<String>,
    sheet: Sheet,
}

impl Markup {
    /// Our own words, never a paper's.
    fn put(&mut self, markup: &str) {
        self.text.push_str(markup);
    }

    fn element(&mut self, tag: &'static str, inner: impl FnOnce(&mut Self)) {
        self.put(&format!("<{tag}>"));
        inner(self);
        self.put(&format!("</{tag}>\n"));
    }

    /// What stands on the paper. The one way from a text to the page.
    fn text(&mut self, text: &Text) {
        for c in text.as_str().chars() {
            match c {
                '&' => self.put("&amp;"),
                '<' => self.put("&lt;"),
                '>' => self.put("&gt;"),
                '"' => self.put("&quot;"),
                '\'' => self.put("&#39;"),
                c => self.text.push(c),
            }
        }
    }

    fn section(&mut self, section: &Section) {
        self.element("section", |page| {
            if let Some(heading) = &section.heading {
                page.element("h2", |page| page.text(heading));
            }
            page.blocks(section);
        });
    }

    fn blocks(&mut self, section: &Section) {
        for block in &section.blocks {
            match (block, self.sheet) {
                (Block::Pairs(pairs), _) => self.pairs(pairs.iter().map(|(name, value)| (name, value))),
                (Block::Sentences(sentences), _) => {
                    sentences.iter().for_each(|sentence| self.element("p", |page| page.text(sentence)));
                }
                (Block::Table(table), Sheet::A4) => self.table(table),
                (Block::Table(table), Sheet::Roll) => table.upright().for_each(|row| self.pairs(row)),
            }
        }
    }

    fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (&'a Text, &'a Text)>) {
        self.element("dl", |page| {
            for (name, value) in pairs {
                page.element("div", |page| {
                    page.element("dt", |page| page.text(name));
                    page.element("dd", |page| page.text(value));
                });
            }
        });
    }

    fn table(&mut self, table: &Table) {
        let class = |right: bool| if right { " class=\"right\"" } else { "" };
        self.put("<table>\n<thead>\n<tr>");
        for column in &table.columns {
            self.put(&format!("<th scope=\"col\"{}>", class(column.right)));
            self.text(&column.text);
            self.put("</th>");
        }
        self.put("</tr>\n</thead>\n<tbody>\n");
        for row in &table.rows {
            self.put("<tr>");
            for (column, cell) in table.columns.iter().zip(row) {
                self.put(&format!("<td{}>", class(column.right)));
                self.text(cell);
                self.put("</td>");
            }
            self.put("</tr>\n");
        }
        self.put("</tbody>\n</table>\n");
    }
}
