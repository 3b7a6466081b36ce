//! Tables from rows of any type: a column is its name and what stands in a row's cell.

use super::table::{Align, Column, Table};

/// A table in the making, column by column.
pub struct TableOf<'r, R> {
    rows: &'r [R],
    table: Table,
}

impl Table {
    /// A table to be made column by column, with a row for each of `rows`.
    pub fn of<R>(rows: &[R]) -> TableOf<'_, R> {
        let mut table = Table::default();
        table.rows.resize(rows.len(), Vec::new());
        TableOf { rows, table }
    }
}

impl<R> TableOf<'_, R> {
    /// Adds a column of texts.
    pub fn left(self, name: &str, cell: impl Fn(&R) -> String) -> Self {
        self.column(name, Align::Left, cell)
    }

    /// Adds a column of numbers.
    pub fn right(self, name: &str, cell: impl Fn(&R) -> String) -> Self {
        self.column(name, Align::Right, cell)
    }

    /// The table.
    pub fn build(self) -> Table {
        self.table
    }

    fn column(mut self, name: &str, align: Align, cell: impl Fn(&R) -> String) -> Self {
        let name = name.to_owned();
        self.table.columns.push(Column { name, align });
        for (cells, row) in self.table.rows.iter_mut().zip(self.rows) {
            cells.push(cell(row));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_a_row_for_each_item() {
        let table = Table::of(&[1, 20])
            .left("name", |n| format!("n{n}"))
            .right("square", |n| (n * n).to_string())
            .build();
        assert_eq!(table.rows, [["n1", "1"], ["n20", "400"]]);
        assert_eq!(table.columns[1].align, Align::Right);
        assert_eq!(table.columns[0].name, "name");
    }
}
