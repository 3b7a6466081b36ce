//! One table for the terminal, for Markdown and for the report.

use comfy_table::{
    Attribute, Cell, CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, TableStyle,
};

use super::terminal::Terminal;

/// Horizontal rules above, below the header and below; two spaces between columns.
const RULED: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// A rule below the header, for outputs of which nothing is known.
const PLAIN: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('-').junction(' '))
    .content_lines(ContentLineStyle::none());

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// Names and sentences.
    #[default]
    Left,
    /// Numbers.
    Right,
}

/// The head of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// The heading, with the unit where the cells have none.
    pub name: String,
    /// Where the cells' text stands.
    pub align: Align,
}

/// A table of texts; rows that are too short are filled up, surplus cells are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// A sentence above the table; none when empty.
    pub caption: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The cells, row by row.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Align)>) -> Table {
        let column = |(name, align): (&str, Align)| Column {
            name: name.to_string(),
            align,
        };
        Table {
            columns: columns.into_iter().map(column).collect(),
            ..Table::default()
        }
    }

    /// Adds a row.
    pub fn push(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The cells of each row, exactly one for each column.
    pub(super) fn even_rows(&self) -> impl Iterator<Item = Vec<&str>> {
        self.rows.iter().map(|row| {
            (0..self.columns.len())
                .map(|index| row.get(index).map_or("", String::as_str))
                .collect()
        })
    }

    /// The table as text with a line feed at its end. Where the output is a terminal, cells wrap to
    /// fit its width; elsewhere a row is always one line.
    pub fn render(&self, terminal: &Terminal) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(if terminal.styled && terminal.unicode {
            RULED
        } else {
            PLAIN
        });
        table.set_header(self.columns.iter().map(|column| {
            let cell = Cell::new(one_line(&column.name));
            if terminal.styled {
                cell.add_attribute(Attribute::Bold)
            } else {
                cell
            }
        }));
        for row in self.even_rows() {
            table.add_row(row.into_iter().map(one_line));
        }
        if terminal.styled {
            table
                .enforce_styling()
                .set_content_arrangement(ContentArrangement::Dynamic);
            if let Some(columns) = terminal.columns {
                table.set_width(columns);
            }
        } else {
            table.force_no_tty();
        }
        for (column, set) in self.columns.iter().zip(table.column_iter_mut()) {
            set.set_cell_alignment(match column.align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
        let caption = if self.caption.is_empty() {
            String::new()
        } else {
            format!("{}\n", one_line(&self.caption))
        };
        format!("{caption}{}\n", table.trim_fmt())
    }

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

/// `text` with control characters (line feeds, escape sequences from a file name) made blanks.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new([
            ("method", Align::Left),
            ("batch", Align::Right),
            ("test error", Align::Right),
        ]);
        table.push(["normprop", "1", "16.6 % [15.0, 18.2]"]);
        table.push(["bn", "50", "9.8 %"]);
        table
    }

    #[test]
    fn plain_tables_are_ascii_lines() {
        let expected = concat!(
            " method     batch            test error\n",
            "---------- ------- ---------------------\n",
            " normprop       1   16.6 % [15.0, 18.2]\n",
            " bn            50                 9.8 %\n",
        );
        assert_eq!(sample().render(&Terminal::plain()), expected);
    }

    #[test]
    fn terminals_get_rules_and_bold_headers() {
        let terminal = Terminal {
            styled: true,
            unicode: true,
            columns: Some(80),
        };
        let text = sample().render(&terminal);
        assert!(
            text.starts_with("─") && text.contains("\u{1b}[1m"),
            "{text}"
        );
        assert_eq!(text.matches("───\n").count(), 3);
    }

    #[test]
    fn narrow_terminals_wrap_cells() {
        let terminal = Terminal {
            styled: true,
            unicode: false,
            columns: Some(30),
        };
        let text = sample().render(&terminal);
        assert!(text.lines().count() > 4, "{text}");
        assert!(!text.contains('─'));
    }

    #[test]
    fn markdown_lines_up_and_escapes() {
        let mut table = sample();
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
    fn uneven_rows_and_control_characters_are_tamed() {
        let mut table = sample();
        table.push(["a\nb\u{1b}[2J", "1", "2", "3", "4"]);
        let text = table.render(&Terminal::plain());
        assert_eq!(text.lines().count(), 5);
        assert!(text.contains("a b [2J") && !text.contains('4'), "{text}");
        assert_eq!(Table::default().markdown(), "|  |\n|  |\n");
    }
}
