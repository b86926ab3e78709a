//! Lists: aligned columns under headings on a terminal, tabs and no headings elsewhere.

use serde::Serialize;

use super::text::{clean, cut, width};
use super::{Output, Style};
use crate::error::CliError;

/// Blanks between two columns.
const GAP: usize = 2;
/// What the last column is given even on a narrow terminal.
const LAST_COLUMN: usize = 20;

/// Rows to be printed together. The last column takes what is left of a terminal's width, and is cut there.
pub(crate) struct Table {
    headings: &'static [&'static str],
    rows: Vec<Vec<String>>,
    bare: bool,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(headings: &'static [&'static str]) -> Self {
        Self { headings, rows: Vec::new(), bare: false }
    }

    /// The same without its headings on a terminal, for the second page of a list.
    pub(crate) fn bare(mut self, bare: bool) -> Self {
        self.bare = bare;
        self
    }

    /// Adds a row, with a cell under each heading.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell)).collect());
    }

    /// Prints it; nothing at all if there is no row.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn print(self, output: &mut Output) -> Result<(), CliError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        if !output.is_terminal() {
            return self.rows.iter().try_for_each(|row| output.line(row.join("\t")));
        }
        let widths = self.widths(output.columns());
        if !self.bare {
            let headings: Vec<String> = self.headings.iter().map(ToString::to_string).collect();
            let line = aligned(&headings, &widths);
            output.line(output.paint(Style::Dim, &line))?;
        }
        self.rows.iter().try_for_each(|row| output.line(aligned(row, &widths)))
    }

    /// The width of each column; the last one's is what is left of `columns`.
    fn widths(&self, columns: usize) -> Vec<usize> {
        let last = self.headings.len().saturating_sub(1);
        let widest = |index: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| width(cell));
            cells.max().unwrap_or(0).max(if self.bare { 0 } else { self.headings[index].len() })
        };
        let mut widths: Vec<usize> = (0..last).map(widest).collect();
        let taken: usize = widths.iter().map(|width| width + GAP).sum();
        widths.push(columns.saturating_sub(taken).max(LAST_COLUMN));
        widths
    }
}

impl Output {
    /// Prints a list: a JSON value a line, or the rows of a table.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn list<'a, L: Serialize + 'a, R: IntoIterator<Item = String>>(
        &mut self,
        table: Table,
        lines: impl IntoIterator<Item = &'a L>,
        row: impl Fn(&'a L) -> R,
    ) -> Result<(), CliError> {
        self.list_as(table, lines, |line| line, row)
    }

    /// The same where programs read something else than what is listed.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn list_as<'a, L: 'a, J: Serialize, R: IntoIterator<Item = String>>(
        &mut self,
        mut table: Table,
        lines: impl IntoIterator<Item = &'a L>,
        json: impl Fn(&'a L) -> J,
        row: impl Fn(&'a L) -> R,
    ) -> Result<(), CliError> {
        for line in lines {
            if self.is_json() {
                self.data(&json(line))?;
            } else {
                table.row(row(line));
            }
        }
        table.print(self)
    }
}

/// A cell is one line without tabs, so that cells and rows can be told apart.
fn one_line(cell: &str) -> String {
    clean(&cell.replace(['\n', '\t', '\r'], " ")).into_owned()
}

fn aligned(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (index, (cell, &columns)) in cells.iter().zip(widths).enumerate() {
        if index + 1 == widths.len() {
            line.push_str(&cut(cell, columns));
        } else {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(cell)) + GAP));
        }
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_the_last_one_is_cut() {
        let mut table = Table::new(&["ID", "TEXT"]);
        table.row(["日本".to_owned(), "a\nb".to_owned()]);
        table.row(["x".to_owned(), "long ".repeat(9)]);
        let widths = table.widths(30);
        assert_eq!(widths, [4, 24]);
        assert_eq!(aligned(&table.rows[0], &widths), "日本  a b");
        assert_eq!(aligned(&table.rows[1], &widths), "x     long long long long lon…");
    }

    #[test]
    fn a_narrow_terminal_still_shows_something() {
        let mut table = Table::new(&["ID", "TEXT"]);
        table.row(["x".repeat(40), "text".to_owned()]);
        assert_eq!(table.widths(10), [40, LAST_COLUMN]);
    }
}
