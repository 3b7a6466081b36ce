//! A table in GitHub's Markdown, for README and results.

use textwrap::core::display_width;

use super::foreign::one_line;
use super::table::{Align, Table};

impl Table {
    /// The table in GitHub's Markdown, with columns lined up in the source too.
    pub fn markdown(&self) -> String {
        let names = self.columns.iter().map(|column| column.name.as_str());
        let mut lines: Vec<Vec<String>> = vec![names.map(escape).collect()];
        let rows = self.rows.iter();
        lines.extend(rows.map(|row| row.iter().map(|cell| escape(cell)).collect()));
        let width = |index: usize| {
            let cells = lines.iter().map(|line| display_width(&line[index]));
            cells.fold(3, usize::max)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let rule = self.columns.iter().zip(&widths);
        let rule = rule.map(|(column, width)| match column.align {
            Align::Left => "-".repeat(*width),
            Align::Right => "-".repeat(width - 1) + ":",
        });
        lines.insert(1, rule.collect());
        let padded = |(index, cell): (usize, &String)| {
            let room = " ".repeat(widths[index] - display_width(cell));
            match self.columns[index].align {
                Align::Left => format!("{cell}{room}"),
                Align::Right => format!("{room}{cell}"),
            }
        };
        let line = |cells: &Vec<String>| {
            let padded: Vec<String> = cells.iter().enumerate().map(padded).collect();
            format!("| {} |\n", padded.join(" | "))
        };
        let caption = match self.caption.as_str() {
            "" => String::new(),
            caption => format!("{}\n\n", escape(caption)),
        };
        caption + &lines.iter().map(line).collect::<String>()
    }
}

/// A text in which no character starts markup.
fn escape(text: &str) -> String {
    let escaped = one_line(text).replace('\\', "\\\\");
    let mut escaped = escaped.replace('&', "&amp;").replace('<', "&lt;");
    for special in ['|', '*', '`'] {
        escaped = escaped.replace(special, &format!("\\{special}"));
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_lines_up_and_escapes() {
        let normprop = ["normprop", "1", "16.6 % [15.0, 18.2]"];
        let mut table = Table::of(&[normprop, ["bn", "50", "9.8 %"], ["a|b <i>", "2", ""]])
            .left("method", |row| row[0].into())
            .right("batch", |row| row[1].into())
            .right("test error", |row| row[2].into())
            .build();
        table.caption = "Two runs".into();
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
