//! The table.

use crate::figures::{Line, Summary, Target, key};

/// What stands where. Processor time is in seconds per 1,000 of what is counted per second.
const COLUMNS: [(&str, Cell); 14] = [
    ("case", Cell::Name),
    ("/s", Cell::Figure(key::THROUGHPUT)),
    ("p50 ms", Cell::Figure(key::P50)),
    ("p99 ms", Cell::Figure(key::P99)),
    ("p99.9 ms", Cell::Figure(key::P999)),
    ("baseline", Cell::Figure(key::BASELINE)),
    ("ratio", Cell::Figure(key::RATIO)),
    ("target", Cell::Target),
    ("", Cell::Verdict),
    ("cpu server", Cell::Figure(key::CPU_SERVER)),
    ("database", Cell::Figure(key::CPU_DATABASE)),
    ("load", Cell::Figure(key::CPU_LOAD)),
    ("batch", Cell::Figure(key::BATCH)),
    ("rss MB", Cell::Figure(key::RSS)),
];

#[derive(Debug, Clone, Copy)]
enum Cell {
    Name,
    Figure(&'static str),
    Target,
    Verdict,
}

impl Cell {
    fn of(self, summary: &Summary) -> String {
        let line = &summary.line;
        match (self, line.target) {
            (Self::Name, _) => line.name.clone(),
            (Self::Figure(key), _) => line.figures.get(key).map(short).unwrap_or_default(),
            (Self::Target, Some(Target::AtLeast(_, bound))) => format!(">= {bound}"),
            (Self::Target, Some(Target::AtMost(_, bound))) => format!("<= {bound}"),
            (Self::Verdict, Some(target)) => match target.met_by(&line.figures) {
                Some(true) => "met".to_owned(),
                Some(false) => "MISSED".to_owned(),
                None => "?".to_owned(),
            },
            (Self::Target | Self::Verdict, None) => String::new(),
        }
    }
}

/// What one round of a case came to: the lines that have a target, or all if none has one.
pub(crate) fn brief(lines: &[Line]) -> String {
    let aimed = lines.iter().any(|line| line.target.is_some());
    let mut text = String::new();
    for line in lines.iter().filter(|line| line.target.is_some() == aimed) {
        text += &format!("  {}:", line.name.trim());
        for (header, cell) in COLUMNS {
            let Cell::Figure(key) = cell else { continue };
            if let Some(value) = line.figures.get(key) {
                text += &format!(" {header} {},", short(value));
            }
        }
        text.truncate(text.trim_end_matches(',').len());
        text.push('\n');
    }
    text
}

/// All lines, and below them the figures that have no column.
pub(crate) fn table(summaries: &[Summary]) -> String {
    let mut rows = vec![COLUMNS.map(|(header, _)| header.to_owned())];
    rows.extend(
        summaries
            .iter()
            .map(|one| COLUMNS.map(|(_, cell)| cell.of(one))),
    );
    let widths: [usize; COLUMNS.len()] = std::array::from_fn(|column| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    });
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line += &match line.as_str() {
                "" => format!("{cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            };
        }
        text += line.trim_end();
        text.push('\n');
    }
    for summary in summaries {
        text += &others(summary);
    }
    text
}

fn others(summary: &Summary) -> String {
    let shown = |key: &str| {
        let mut cells = COLUMNS.iter().map(|(_, cell)| cell);
        cells.any(|cell| matches!(cell, Cell::Figure(shown) if *shown == key))
    };
    let figures = &summary.line.figures;
    let others = figures.keys().filter(|key| !shown(key));
    let others: Vec<String> = others
        .filter_map(|key| Some(format!("{key} {}", short(figures.get(key)?))))
        .collect();
    if others.is_empty() {
        return String::new();
    }
    format!("{}: {}\n", summary.line.name.trim(), others.join(", "))
}

/// Three digits: more mean nothing.
fn short(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Figures, Line};

    #[test]
    fn columns_are_aligned() {
        let figures = Figures::default()
            .with(key::THROUGHPUT, 20_000.4)
            .with(key::RATIO, 1.994)
            .with(key::CLIENTS, 16.0);
        let line = Line::new("create", figures).target(Target::AtLeast(key::RATIO, 2.0));
        let text = table(&Summary::of(&[vec![line]]));
        let lines: Vec<_> = text.lines().collect();
        let [header, row, others] = lines.as_slice() else {
            panic!("{text}")
        };
        assert!(header.starts_with("case       /s  p50 ms"), "{header}");
        assert!(row.starts_with("create  20000"), "{row}");
        assert!(row.contains("1.99    >= 2  MISSED"), "{row}");
        assert_eq!(*others, "create: clients 16");
    }
}
