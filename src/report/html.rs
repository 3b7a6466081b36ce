//! The one-file HTML report: no script, no address, nothing to load.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;

use super::html_block::{Block, element, write_block};
use crate::draw::{Figure, escape, write_whole};
use crate::text::Table;

static STYLE: &str = include_str!("report.css");

/// A heading and what stands under it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// The pieces in order.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section without content.
    pub fn new(heading: impl Into<String>) -> Section {
        Section {
            heading: heading.into(),
            blocks: Vec::new(),
        }
    }

    /// Adds a paragraph.
    pub fn paragraph(mut self, text: impl Into<String>) -> Section {
        self.blocks.push(Block::Paragraph(text.into()));
        self
    }

    /// Adds a table.
    pub fn table(mut self, table: Table) -> Section {
        self.blocks.push(Block::Table(table));
        self
    }

    /// Adds a picture with the text below it.
    pub fn figure(mut self, figure: Figure, caption: impl Into<String>) -> Section {
        self.blocks.push(Block::Figure(figure, caption.into()));
        self
    }

    /// Adds any other piece.
    pub fn block(mut self, block: Block) -> Section {
        self.blocks.push(block);
        self
    }
}

/// A report in the making.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HtmlReport {
    /// The title of the page.
    pub title: String,
    /// The line below it: when and on what the results were made.
    pub subtitle: String,
    /// The sections in order; two or more get a table of contents.
    pub sections: Vec<Section>,
}

impl HtmlReport {
    /// The page as HTML text.
    pub fn render(&self) -> String {
        let title = escape(&self.title);
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n"
        );
        if !self.subtitle.is_empty() {
            page.push_str(&element("p", &self.subtitle));
        }
        page.push_str("</header>\n");
        self.write_contents(&mut page);
        for (index, section) in self.sections.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = writeln!(page, "<section id=\"section-{}\">", index + 1);
            page.push_str(&element("h2", &section.heading));
            for block in &section.blocks {
                write_block(&mut page, block);
            }
            page.push_str("</section>\n");
        }
        page.push_str("</main>\n</body>\n</html>\n");
        page
    }

    /// Writes the page; it appears whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_whole(path, self.render().as_bytes())
    }

    fn write_contents(&self, page: &mut String) {
        if self.sections.len() < 2 {
            return;
        }
        page.push_str("<nav aria-label=\"Contents\">\n<ul>\n");
        for (index, section) in self.sections.iter().enumerate() {
            let _ = writeln!(
                page,
                "<li><a href=\"#section-{}\">{}</a></li>",
                index + 1,
                escape(&section.heading)
            );
        }
        page.push_str("</ul>\n</nav>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{LineChart, Series};
    use crate::text::Align;

    fn report() -> HtmlReport {
        let mut table = Table::new([("method", Align::Left), ("n", Align::Right)]);
        table.push(["<b>bn</b>", "3"]);
        let chart = LineChart {
            title: "Loss".into(),
            series: vec![Series::new("bn", [(0.0, 1.0), (1.0, 0.5)])],
            ..LineChart::default()
        };
        let summary = Section::new("Summary & scope")
            .paragraph("1 < 2")
            .table(table)
            .figure(chart.figure(), "The \"loss\".");
        let setup = Section::new("Setup")
            .block(Block::Facts(vec![("CPU".into(), "2 cores".into())]))
            .block(Block::Code {
                title: "Configuration".into(),
                text: "a = \"</code><script>\"\n".into(),
            })
            .block(Block::Caveats(vec!["Only two seeds.".into()]));
        HtmlReport {
            title: "Run <1>".into(),
            subtitle: "2 runs".into(),
            sections: vec![summary, setup],
        }
    }

    #[test]
    fn every_text_is_escaped() {
        let page = report().render();
        for text in [
            "<title>Run &lt;1&gt;</title>",
            "<h2>Summary &amp; scope</h2>",
            "<p>1 &lt; 2</p>",
            "<td>&lt;b&gt;bn&lt;/b&gt;</td><td class=\"number\">3</td>",
            "<figcaption>The &quot;loss&quot;.</figcaption>",
            "a = &quot;&lt;/code&gt;&lt;script&gt;&quot;",
            "<div><dt>CPU</dt><dd>2 cores</dd></div>",
            "<li>Only two seeds.</li>",
            "<a href=\"#section-2\">Setup</a>",
        ] {
            assert!(page.contains(text), "{text}");
        }
    }

    #[test]
    fn the_page_loads_nothing_and_runs_nothing() {
        let page = report().render();
        for forbidden in ["http", "<script", "src=", "@import", "url(", "<link"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn tags_are_balanced() {
        let page = report().render();
        for tag in [
            "main", "section", "figure", "svg", "div", "table", "tr", "td", "details", "pre",
            "aside", "ul", "li", "dl",
        ] {
            let opened = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
            assert!(opened > 0, "{tag}");
        }
    }

    #[test]
    fn one_section_needs_no_contents() {
        let mut report = report();
        report.sections.truncate(1);
        assert!(!report.render().contains("<nav"));
        assert!(HtmlReport::default().render().ends_with("</html>\n"));
    }

    #[test]
    fn the_file_holds_the_page() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("report.html");
        report().save(&path)?;
        assert_eq!(std::fs::read_to_string(path)?, report().render());
        Ok(())
    }
}
