//! The table that is printed.

/// What was measured, and whether it is as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What.
    pub what: String,
    /// The figure.
    pub figure: String,
    /// The goal, where there is one, and whether it is met.
    pub goal: Option<(String, bool)>,
}

impl Row {
    /// A figure without a goal.
    pub fn plain(what: &str, figure: String) -> Self {
        Self { what: what.to_owned(), figure, goal: None }
    }

    /// A figure with its goal.
    pub fn with_goal(what: &str, figure: String, goal: &str, met: bool) -> Self {
        Self { what: what.to_owned(), figure, goal: Some((goal.to_owned(), met)) }
    }
}

/// The rows as a table in Markdown.
pub fn render(rows: &[Row]) -> String {
    let mut text = String::from("| what | measured | goal | |\n|---|---|---|---|\n");
    for Row { what, figure, goal } in rows {
        let (goal, met) = match goal {
            Some((goal, met)) => (goal.as_str(), if *met { "met" } else { "MISSED" }),
            None => ("", ""),
        };
        text.push_str(&format!("| {what} | {figure} | {goal} | {met} |\n"));
    }
    text
}

/// The rows of a table that [`render`] made.
pub fn parse(text: &str) -> Vec<Row> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = text.lines().skip(2).filter(|line| line.starts_with('|')).map(cells);
    rows.filter_map(|cells| {
        let [what, figure, goal, met] = <[String; 4]>::try_from(cells).ok()?;
        let goal = (!goal.is_empty()).then(|| (goal, met == "met"));
        Some(Row { what, figure, goal })
    })
    .collect()
}

#[cfg(test)]
pub mod tests {
    use super::Row;
    use crate::rig::tree;

    /// The documentation has each of these rows, whatever was measured when it was written.
    pub fn are_documented(rows: &[Row]) {
        let documentation = std::fs::read_to_string(tree("docs/bench.md")).expect("the documentation");
        let missing = rows.iter().filter(|row| !documentation.contains(&format!("\n| {} |", row.what)));
        let missing: Vec<&str> = missing.map(|row| row.what.as_str()).collect();
        assert!(missing.is_empty(), "docs/bench.md does not have: {missing:#?}");
    }
}
