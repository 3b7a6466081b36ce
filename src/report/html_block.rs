//! The pieces of a report's sections and their HTML. Results of writing to a `String` are dropped,
//! since that cannot fail.

use std::fmt::Write;

use crate::draw::{Figure, escape};
use crate::text::{Align, Table};

/// On narrow screens a picture shrinks to this share of its width, then scrolls.
const SMALLEST_SCALE: f64 = 0.72;

/// A piece of a section. All texts are escaped: markup in them is shown, not obeyed.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A paragraph of text.
    Paragraph(String),
    /// A table; it scrolls sideways where the screen is narrow.
    Table(Table),
    /// A picture with the text below it.
    Figure(Figure, String),
    /// Names and values, as for hardware and versions.
    Facts(Vec<(String, String)>),
    /// A configuration file or command, shown in full when its title is clicked.
    Code {
        /// The line that stands for it while it is folded.
        title: String,
        /// The text, kept as it is.
        text: String,
    },
    /// What the reader should not conclude; set off from the rest.
    Caveats(Vec<String>),
}

/// `<tag>text</tag>` with the text escaped.
pub(super) fn element(tag: &str, text: &str) -> String {
    format!("<{tag}>{}</{tag}>\n", escape(text))
}

/// Writes one piece of a section.
pub(super) fn write_block(page: &mut String, block: &Block) {
    match block {
        Block::Paragraph(text) => page.push_str(&element("p", text)),
        Block::Table(table) => write_table(page, table),
        Block::Figure(figure, caption) => write_figure(page, figure, caption),
        Block::Facts(facts) => {
            page.push_str("<dl>\n");
            for (name, value) in facts {
                let _ = writeln!(
                    page,
                    "<div><dt>{}</dt><dd>{}</dd></div>",
                    escape(name),
                    escape(value)
                );
            }
            page.push_str("</dl>\n");
        }
        Block::Code { title, text } => {
            let (title, text) = (escape(title), escape(text));
            let _ = writeln!(
                page,
                "<details>\n<summary>{title}</summary>\n<pre tabindex=\"0\"><code>{text}</code></pre>\n</details>"
            );
        }
        Block::Caveats(caveats) => {
            page.push_str("<aside>\n<h3>Caveats</h3>\n<ul>\n");
            caveats
                .iter()
                .for_each(|caveat| page.push_str(&element("li", caveat)));
            page.push_str("</ul>\n</aside>\n");
        }
    }
}

/// The picture stands on a white card in dark pages too; it scrolls rather than becoming illegible.
fn write_figure(page: &mut String, figure: &Figure, caption: &str) {
    let smallest = (SMALLEST_SCALE * figure.width).round();
    let _ = writeln!(
        page,
        "<figure>\n<div class=\"card\" tabindex=\"0\"><div style=\"min-width:{smallest}px;max-width:{}px\">\n{}</div></div>",
        figure.width,
        figure.inline_svg()
    );
    if !caption.is_empty() {
        page.push_str(&element("figcaption", caption));
    }
    page.push_str("</figure>\n");
}

fn write_table(page: &mut String, table: &Table) {
    if !table.caption.is_empty() {
        // Outside of what scrolls, so that it is read in full on narrow screens.
        let _ = writeln!(page, "<p class=\"caption\">{}</p>", escape(&table.caption));
    }
    page.push_str("<div class=\"scroll\" tabindex=\"0\">\n<table>\n");
    let class = |align: Align| {
        if align == Align::Right {
            " class=\"number\""
        } else {
            ""
        }
    };
    page.push_str("<thead><tr>");
    for column in &table.columns {
        let _ = write!(
            page,
            "<th scope=\"col\"{}>{}</th>",
            class(column.align),
            escape(&column.name)
        );
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in table.even_rows() {
        page.push_str("<tr>");
        for (cell, column) in row.into_iter().zip(&table.columns) {
            let _ = write!(page, "<td{}>{}</td>", class(column.align), escape(cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(block: &Block) -> String {
        let mut page = String::new();
        write_block(&mut page, block);
        page
    }

    #[test]
    fn tables_keep_their_caption_out_of_what_scrolls() {
        let mut table = Table::new([("method", Align::Left), ("n", Align::Right)]);
        table.caption = "Final errors".into();
        table.push(["bn"]);
        let page = html(&Block::Table(table));
        assert!(page.starts_with("<p class=\"caption\">Final errors</p>\n<div class=\"scroll\""));
        assert!(
            page.contains("<tr><td>bn</td><td class=\"number\"></td></tr>"),
            "{page}"
        );
    }

    #[test]
    fn pictures_shrink_to_a_limit() {
        let figure = crate::draw::LineChart::default().figure();
        let page = html(&Block::Figure(figure, String::new()));
        assert!(page.contains("min-width:547px;max-width:760px"), "{page}");
        assert!(!page.contains("figcaption"));
    }
}
