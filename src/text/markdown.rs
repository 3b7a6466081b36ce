//! A table in GitHub's Markdown, for README and results.

use super::table::{Align, Table, one_line};

impl Table {
    /// The table in GitHub's Markdown, with columns lined up in the source too.
    pub fn markdown(&self) -> String {
        let escape = |text: &str| {
            let mut escaped = one_line(text)
                .replace('\\', "\\\\")
                .replace('&', "&amp;")
                .replace('<', "&lt;");
            for special in ['|', '*', '`'] {
                escaped = escaped.replace(special, &format!("\\{special}"));
            }
            escaped
        };
        let header: Vec<String> = self
            .columns
            .iter()
            .map(|column| escape(&column.name))
            .collect();
        let rows: Vec<Vec<String>> = self
            .even_rows()
            .map(|row| row.into_iter().map(escape).collect())
            .collect();
        let width = |index: usize| {
            let cells = std::iter::once(&header)
                .chain(&rows)
                .filter_map(|row| row.get(index));
            cells.map(|cell| cell.chars().count()).fold(3, usize::max)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded =
                cells
                    .iter()
                    .zip(&self.columns)
                    .zip(&widths)
                    .map(|((cell, column), width)| match column.align {
                        Align::Left => format!("{cell:<width$}"),
                        Align::Right => format!("{cell:>width$}"),
                    });
            format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
        };
        let rule = self
            .columns
            .iter()
            .zip(&widths)
            .map(|(column, width)| match column.align {
                Align::Left => "-".repeat(*width),
                Align::Right => format!("{}:", "-".repeat(width - 1)),
            });
        let caption = if self.caption.is_empty() {
            String::new()
        } else {
            format!("{}\n\n", escape(&self.caption))
        };
        let rule: Vec<String> = rule.collect();
        let body: String = rows.iter().map(|row| line(row)).collect();
        format!("{caption}{}| {} |\n{body}", line(&header), rule.join(" | "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_lines_up_and_escapes() {
        let columns = [
            ("method", Align::Left),
            ("batch", Align::Right),
            ("test error", Align::Right),
        ];
        let mut table = Table::new(columns);
        table.push(["normprop", "1", "16.6 % [15.0, 18.2]"]);
        table.push(["bn", "50", "9.8 %"]);
        table.caption = "Two runs".into();
        table.push(["a|b <i>", "2"]);
        let expected = "\
Two runs

| method      | batch |          test error |
| ----------- | ----: | ------------------: |
| normprop    |     1 | 16.6 % [15.0, 18.2] |
| bn          |    50 |               9.8 % |
| a\\|b &lt;i> |     2 |                     |
";
        assert_eq!(table.markdown(), expected);
    }

    #[test]
    fn a_table_without_columns_is_still_one() {
        assert_eq!(Table::default().markdown(), "|  |\n|  |\n");
    }
}
