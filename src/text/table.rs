//! One table for the terminal, for Markdown and for the report.

use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle,
    LineStyle, TableStyle, Width,
};
use textwrap::core::display_width;
use textwrap::{Options, fill};

use super::foreign::one_line;
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

/// Blanks at both sides of a cell.
const PADDING: usize = 2;

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

/// A table of texts, made by [`Table::of`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// A sentence above the table; none when empty.
    pub caption: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The cells, row by row, one for each column.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The table as text with a line feed at its end. On a terminal that is too narrow, cells wrap
    /// between words or, where even that is too wide, each row becomes a list of its cells;
    /// elsewhere a row is always one line.
    pub fn render(&self, terminal: &Terminal) -> String {
        let mut table = self.build(terminal);
        let caption = match self.caption.as_str() {
            "" => String::new(),
            caption => format!("{}\n", one_line(caption)),
        };
        let words = self.widest_words();
        // Between two columns stands one blank more.
        let narrowest: usize = words.iter().map(|width| width + PADDING + 1).sum();
        if terminal.styled
            && let Some(columns) = table.width()
        {
            if narrowest > usize::from(columns) + 1 {
                return caption + &self.records(usize::from(columns));
            }
            // Columns keep their longest word whole.
            for (column, width) in table.column_iter_mut().zip(words) {
                let width = u16::try_from(width + PADDING).unwrap_or(u16::MAX);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
            }
        }
        format!("{caption}{}\n", table.trim_fmt())
    }

    fn build(&self, terminal: &Terminal) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        let ruled = terminal.styled && terminal.unicode;
        table.load_style(if ruled { RULED } else { PLAIN });
        let bold = terminal.styled.then_some(Attribute::Bold);
        let heading = |column: &Column| {
            let cell = Cell::new(one_line(&column.name));
            cell.add_attributes(bold.into_iter().collect())
        };
        table.set_header(self.columns.iter().map(heading));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| one_line(cell)));
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
        table
    }

    /// The width of each column's longest word.
    fn widest_words(&self) -> Vec<usize> {
        let column = |(index, column): (usize, &Column)| {
            let cells = self.rows.iter().map(|row| &row[index]);
            let words = cells
                .chain([&column.name])
                .flat_map(|text| text.split_whitespace());
            words.map(display_width).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(column).collect()
    }

    /// Each row as lines of heading and cell, rows set apart by a blank line; long cells go on below their beginning.
    fn records(&self, columns: usize) -> String {
        let names = self.columns.iter().map(|column| one_line(&column.name));
        let names: Vec<String> = names.collect();
        let widest = names.iter().map(|name| display_width(name)).max();
        let indent = " ".repeat(widest.unwrap_or(0) + 3);
        let line = |(name, cell): (&String, &String)| {
            let name = format!(" {name:<0$}", indent.len() - 1);
            let options = Options::new(columns);
            let options = options.initial_indent(&name).subsequent_indent(&indent);
            fill(&one_line(cell), options) + "\n"
        };
        let record = |row: &Vec<String>| names.iter().zip(row).map(line).collect::<String>();
        self.rows.iter().map(record).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let normprop = ["normprop", "1", "16.6 % [15.0, 18.2]"];
        Table::of(&[normprop, ["bn", "50", "9.8 %"]])
            .left("method", |row| row[0].into())
            .right("batch", |row| row[1].into())
            .right("test error", |row| row[2].into())
            .build()
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
    fn narrow_terminals_wrap_between_words() {
        let terminal = Terminal {
            styled: true,
            unicode: false,
            columns: Some(32),
        };
        let text = sample().render(&terminal);
        assert!(text.lines().count() > 4, "{text}");
        for whole in ["normprop", "16.6", "[15.0,", "18.2]"] {
            assert!(text.contains(whole), "{text}");
        }
    }

    #[test]
    fn very_narrow_terminals_get_lists() {
        let terminal = Terminal {
            styled: true,
            unicode: false,
            columns: Some(21),
        };
        let expected = concat!(
            " method      normprop
",
            " batch       1
",
            " test error  16.6 %
",
            "             [15.0,
",
            "             18.2]
",
            "
",
            " method      bn
",
            " batch       50
",
            " test error  9.8 %
",
        );
        assert_eq!(sample().render(&terminal), expected);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let long = "a-word-that-is-longer-than-the-narrowest-terminal-is-wide";
        for cells in [["0.05", "[1.000, 13.80]"], ["normprop", long]] {
            let mut table = Table::of(&cells);
            for name in ["evaluation, ms", "format", "images/s", "batch size"] {
                table = table.right(name, |cell| (*cell).into());
            }
            let table = table.build();
            for columns in 30..90 {
                let terminal = Terminal {
                    styled: true,
                    unicode: false,
                    columns: Some(columns),
                };
                let text = table.render(&terminal);
                let text = text.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
                let widest = text.lines().map(display_width).max();
                assert!(widest <= Some(usize::from(columns)), "{columns}: {text}");
            }
        }
    }

    #[test]
    fn control_characters_are_tamed() {
        let table = Table::of(&["a\nb\u{1b}[2J"]).left("x\ty", |text| (*text).into());
        let text = table.build().render(&Terminal::plain());
        assert_eq!(text, " x y\n--------------\n a b\\u001b[2J\n");
    }
}
