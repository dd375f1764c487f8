//! The pages in a real browser: printed to PDF, everything that a page says stands on paper of the right size.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::house::House;
use crate::subject;

/// One of each kind of paper: a settlement's slip, a record with a table, a certificate, the slip of a long form.
const PAPERS: [&str; 4] =
    ["medical-settlement", "benefit-record-query", "contribution-certificate-query", "hospital-admission"];

/// The page's form, the width and the height of its paper and the least margin, in points of 1/72 inch.
const SHEETS: [(&str, f64, f64, f64); 2] = [("a4", 595.3, 841.9, 45.0), ("80mm", 226.8, 841.9, 8.0)];

/// What a browser rounds: it counts in pixels of 1/96 inch.
const ROUNDED: f64 = 1.0;

#[test]
fn a_browser_prints_all_of_a_page_on_its_paper() {
    let house = House::open();
    let subjects: Vec<_> =
        subject::all().into_iter().filter(|one| one.said.part.is_none() && PAPERS.contains(&&*one.scenario)).collect();
    assert_eq!(subjects.len(), PAPERS.len());
    let papers = house.each(&subjects, |subject| {
        house.card_of(subject);
        let view = house.carried_out(subject, None);
        SHEETS.map(|(form, ..)| house.paper(&view, form).body)
    });
    let dir = tempfile::tempdir().unwrap();
    for (subject, pages) in subjects.iter().zip(papers) {
        for (page, (form, width, height, margin)) in pages.iter().zip(SHEETS) {
            let printed = Printed::of(page, &dir);
            for &(wide, high) in &printed.sheets {
                assert!((wide - width).abs() <= ROUNDED && (high - height).abs() <= ROUNDED, "{wide} × {high}");
            }
            for Word { text, left, right } in &printed.words {
                let fits = *left >= margin - ROUNDED && *right <= width - margin + ROUNDED;
                assert!(fits, "{subject}: {form}: `{text}` stands from {left} to {right} on {width}");
            }
            let said = texts(page);
            assert!(said.len() > 20, "{subject}: {form}: {said:?}");
            for text in said {
                assert!(printed.text.contains(&text), "{subject}: {form}: `{text}` is not on\n{}", printed.text);
            }
        }
    }
}

/// A page on paper.
struct Printed {
    /// Width and height of each sheet, in points.
    sheets: Vec<(f64, f64)>,
    words: Vec<Word>,
    /// Everything that is printed, without blanks.
    text: String,
}

struct Word {
    text: String,
    left: f64,
    right: f64,
}

impl Printed {
    /// The browser prints it, and is then asked nothing: what stands where is read from the paper.
    fn of(page: &str, dir: &TempDir) -> Self {
        let (html, pdf) = (dir.path().join("page.html"), dir.path().join("page.pdf"));
        fs::write(&html, page).unwrap();
        let mut chromium = Command::new("chromium");
        // Its sandbox has to be set up by root, which tests need not be; the page is our own.
        chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]);
        // A container may give it next to no shared memory.
        chromium.args(["--disable-dev-shm-usage", "--enable-logging=stderr", "--v=0"]);
        chromium.arg(format!("--user-data-dir={}", dir.path().join("profile").display()));
        chromium.arg(format!("--print-to-pdf={}", pdf.display())).arg(format!("file://{}", html.display()));
        let said = ran(&mut chromium).1;
        // What the page's policy forbids is told on the console, and so is what cannot be fetched.
        assert!(!said.contains("CONSOLE"), "{said}");
        let positions = ran(Command::new("pdftotext").arg("-bbox").args([&pdf, Path::new("-")])).0;
        let text = ran(Command::new("pdftotext").arg("-raw").args([&pdf, Path::new("-")])).0;
        let elements = |named: &str| -> Vec<&str> {
            positions.lines().map(str::trim).filter(|line| line.starts_with(named)).collect()
        };
        let number = |line: &&str, name: &str| attribute(line, name).parse::<f64>().unwrap();
        Self {
            sheets: elements("<page ").iter().map(|line| (number(line, "width"), number(line, "height"))).collect(),
            words: elements("<word ")
                .iter()
                .map(|line| Word {
                    text: line[line.find('>').unwrap() + 1..].to_owned(),
                    left: number(line, "xMin"),
                    right: number(line, "xMax"),
                })
                .collect(),
            text: without_blanks(&text),
        }
    }
}

/// What a command said on both channels; it has to succeed.
fn ran(command: &mut Command) -> (String, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error} (tools/install brings it)"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, told) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {told}");
    (said, told)
}

fn attribute<'l>(line: &'l str, name: &str) -> &'l str {
    let rest = line.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("no {name} in {line}")).1;
    rest.split('"').next().unwrap()
}

/// Each text between two marks of the page's body, as it is read, without blanks.
fn texts(page: &str) -> Vec<String> {
    let body = page.split_once("<body>").unwrap().1;
    let between = body.split('<').filter_map(|piece| Some(piece.split_once('>')?.1));
    let read = between.map(|text| {
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
        without_blanks(&text.replace("&amp;", "&"))
    });
    read.filter(|text| !text.is_empty()).collect()
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|sign| !sign.is_whitespace()).collect()
}
