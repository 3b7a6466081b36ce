//! The report as one HTML file that loads nothing: it is whole without its script, which adds what can be touched. All
//! texts are escaped by construction.

mod section;

use std::path::Path;

use anyhow::Result;
use maud::{DOCTYPE, PreEscaped, html};

pub use section::{PictureFile, Section};

use super::files::write;

static STYLE: &str = include_str!("html_page/page.css");
static SCRIPT: &str = concat!(
    include_str!("html_page/zoom.js"),
    include_str!("html_page/pictures.js"),
    include_str!("html_page/tables.js")
);
/// The browser itself keeps the page from loading anything. Pictures that are copied are data of the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// A page in the making.
#[derive(Clone, Debug, Default)]
pub struct HtmlPage {
    /// The title of the page.
    pub title: String,
    /// The line below it: when and on what the results were made.
    pub subtitle: String,
    /// The sections in order; two or more get a table of contents.
    pub sections: Vec<Section>,
    /// The page loads itself again after so many seconds; a page that is finished does not.
    pub reload_s: Option<u32>,
    /// Columns that stand side by side and take the whole width of the screen; 0 for an ordinary page.
    pub columns: usize,
}

impl HtmlPage {
    /// The page as HTML text.
    pub fn render(&self) -> String {
        let numbered = || (1..).zip(&self.sections);
        let wide = (self.columns > 0).then_some("wide");
        let columns = wide.map(|_| format!("--columns:{}", self.columns));
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    @if let Some(seconds) = self.reload_s {
                        meta http-equiv="refresh" content=(seconds);
                    }
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body { main class=[wide] style=[columns] {
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
                    @for (number, section) in numbered() { (section.render(number)) }
                } script type="module" { (PreEscaped(SCRIPT)) } }
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
    use crate::text::Table;

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
        let file = |name, path: &str| PictureFile {
            name,
            path: path.into(),
        };
        let files = [file("SVG", "../loss 1.svg"), file("CSV", "curves.csv")];
        let summary = Section::new("Summary & scope")
            .paragraph("1 < 2")
            .table(&table)
            .figure(&chart.figure(), "The \"loss\".", &files);
        let setup = Section::new("Setup")
            .facts(&[("CPU".into(), "2 cores".into())])
            .code("Configuration", "a = \"</code><script>\"\n")
            .caveats(&["Only two seeds.".into()]);
        HtmlPage {
            title: "Run <1>".into(),
            subtitle: "2 runs".into(),
            sections: vec![summary, setup],
            ..HtmlPage::default()
        }
    }

    #[test]
    fn the_page_is_escaped_and_whole() {
        let page = page().render();
        let svg = &page[page.find("<svg").unwrap()..page.find("</svg>").unwrap()];
        let page = page
            .replace(svg, "<svg>")
            .replace(STYLE, "")
            .replace(SCRIPT, "");
        insta::assert_snapshot!(page.replace("><", ">\n<"));
    }

    #[test]
    fn the_page_names_no_address() {
        let page = page().render();
        for forbidden in ["://", "src=", "@import", "url(", "<link"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert_eq!(page.matches("<script").count(), 1);
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
