//! The report as one HTML file: no script, no address, nothing to load. All texts are escaped by construction.

use std::path::Path;

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::files::write;
use crate::draw::Figure;
use crate::text::{Align, Table};

static STYLE: &str = include_str!("report.css");

/// On narrow screens a picture shrinks to this share of its width, then scrolls.
const SMALLEST_SCALE: f64 = 0.72;

/// A heading and what stands under it.
#[derive(Clone, Debug, Default)]
pub struct Section {
    heading: String,
    introduction: Vec<String>,
    content: Vec<Markup>,
}

impl Section {
    /// A section without content.
    pub fn new(heading: impl Into<String>) -> Section {
        Section {
            heading: heading.into(),
            ..Section::default()
        }
    }

    /// Adds a paragraph above the content.
    pub fn paragraph(mut self, text: impl Into<String>) -> Section {
        self.introduction.push(text.into());
        self
    }

    /// Adds a table, if it has rows; it scrolls sideways where the screen is narrow.
    pub fn table(self, table: &Table) -> Section {
        if table.rows.is_empty() {
            return self;
        }
        let class = |align| (align == Align::Right).then_some("number");
        self.with(html! {
            // Outside of what scrolls, so that it is read in full on narrow screens.
            @if !table.caption.is_empty() { p.caption { (table.caption) } }
            div.scroll tabindex="0" {
                table {
                    thead { tr {
                        @for column in &table.columns {
                            th scope="col" class=[class(column.align)] { (column.name) }
                        }
                    } }
                    tbody { @for row in &table.rows { tr {
                        @for (cell, column) in row.iter().zip(&table.columns) {
                            td class=[class(column.align)] { (cell) }
                        }
                    } } }
                }
            }
        })
    }

    /// Adds a picture with the text below it. It stands on a white card in dark pages too, and scrolls rather than
    /// becoming illegible.
    pub fn figure(self, figure: &Figure, caption: &str) -> Section {
        let smallest = (SMALLEST_SCALE * figure.width).round();
        let widths = format!("min-width:{smallest}px;max-width:{}px", figure.width);
        self.with(html! {
            figure {
                div.card tabindex="0" { div style=(widths) { (PreEscaped(figure.inline_svg())) } }
                @if !caption.is_empty() { figcaption { (caption) } }
            }
        })
    }

    /// Adds names and values, as for hardware and versions.
    pub fn facts(self, facts: &[(String, String)]) -> Section {
        self.with(html! {
            dl { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } }
        })
    }

    /// Adds a configuration file or command, shown in full when its title is clicked.
    pub fn code(self, title: &str, text: &str) -> Section {
        self.with(html! {
            details { summary { (title) } pre tabindex="0" { code { (text) } } }
        })
    }

    /// Adds sentences, one below the other.
    pub fn list(self, sentences: &[String]) -> Section {
        self.with(html! { ul { @for sentence in sentences { li { (sentence) } } } })
    }

    /// Adds small print.
    pub fn note(self, text: &str) -> Section {
        self.with(html! { p { small { (text) } } })
    }

    /// Adds what the reader should not conclude, set off from the rest.
    pub fn caveats(self, caveats: &[String]) -> Section {
        self.with(html! {
            aside { h3 { "Caveats" } ul { @for caveat in caveats { li { (caveat) } } } }
        })
    }

    /// Whether it has more than paragraphs.
    pub fn is_filled(&self) -> bool {
        !self.content.is_empty()
    }

    fn with(mut self, content: Markup) -> Section {
        self.content.push(content);
        self
    }
}

/// A page in the making.
#[derive(Clone, Debug, Default)]
pub struct HtmlPage {
    /// The title of the page.
    pub title: String,
    /// The line below it: when and on what the results were made.
    pub subtitle: String,
    /// The sections in order; two or more get a table of contents.
    pub sections: Vec<Section>,
}

impl HtmlPage {
    /// The page as HTML text.
    pub fn render(&self) -> String {
        let numbered = || (1..).zip(&self.sections);
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body { main {
                    header {
                        h1 { (self.title) }
                        @if !self.subtitle.is_empty() { p { (self.subtitle) } }
                    }
                    @if self.sections.len() > 1 {
                        nav aria-label="Contents" { ul {
                            @for (number, section) in numbered() {
                                li { a href={ "#section-" (number) } { (section.heading) } }
                            }
                        } }
                    }
                    @for (number, section) in numbered() {
                        section id={ "section-" (number) } {
                            h2 { (section.heading) }
                            @for text in &section.introduction { p { (text) } }
                            @for content in &section.content { (content) }
                        }
                    }
                } }
            }
        };
        page.into_string() + "\n"
    }

    /// Writes the page; it appears whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        write(path, self.render().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{LineChart, Series};

    fn page() -> HtmlPage {
        let mut table = Table::of(&[["<b>bn</b>", "3"], ["none", ""]])
            .left("method", |row| row[0].into())
            .right("n", |row| row[1].into())
            .build();
        table.caption = "Final errors".into();
        let chart = LineChart {
            title: "Loss".into(),
            series: vec![Series::new("bn", [(0.0, 1.0), (1.0, 0.5)])],
            ..LineChart::default()
        };
        let summary = Section::new("Summary & scope")
            .paragraph("1 < 2")
            .table(&table)
            .figure(&chart.figure(), "The \"loss\".");
        let setup = Section::new("Setup")
            .facts(&[("CPU".into(), "2 cores".into())])
            .code("Configuration", "a = \"</code><script>\"\n")
            .caveats(&["Only two seeds.".into()]);
        HtmlPage {
            title: "Run <1>".into(),
            subtitle: "2 runs".into(),
            sections: vec![summary, setup],
        }
    }

    #[test]
    fn the_page_is_escaped_and_whole() {
        let page = page().render();
        let svg = &page[page.find("<svg").unwrap()..page.find("</svg>").unwrap()];
        let page = page.replace(svg, "<svg>").replace(STYLE, "");
        insta::assert_snapshot!(page.replace("><", ">\n<"));
    }

    #[test]
    fn the_page_loads_nothing_and_runs_nothing() {
        let page = page().render();
        for forbidden in ["http", "<script", "src=", "@import", "url(", "<link"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn one_section_needs_no_contents_and_empty_tables_are_left_out() {
        let mut page = page();
        page.sections.truncate(1);
        assert!(!page.render().contains("<nav"));
        assert!(HtmlPage::default().render().ends_with("</html>\n"));
        let empty = Table::of::<&str>(&[]).left("method", |name| (*name).into());
        assert!(
            !Section::new("Sweep")
                .paragraph("how")
                .table(&empty.build())
                .is_filled()
        );
    }

    #[test]
    fn the_file_holds_the_page() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("report.html");
        page().save(&path)?;
        assert_eq!(std::fs::read_to_string(path)?, page().render());
        Ok(())
    }
}
