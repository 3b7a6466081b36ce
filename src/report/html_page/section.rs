//! A section of the page: a heading and what stands under it.

use maud::{Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::draw::Figure;
use crate::text::{Align, Table};

/// What stays as it is in the address of a file beside the page.
const FILE_NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'/');

/// A file that belongs to a picture: what it is called, and where it lies, seen from the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureFile {
    /// "SVG", "PNG", "CSV".
    pub name: &'static str,
    /// Its path from the page's folder.
    pub path: String,
}

/// A cell that is broken into lines between a number and its interval only.
fn numbers_whole(cell: &str) -> String {
    let (value, ends) = cell.split_at(cell.find('[').unwrap_or(cell.len()));
    let value = value.replace(" %", "\u{a0}%").replace("* ", "*\u{a0}");
    let value = value.replace("≈ ", "≈\u{a0}");
    value + &ends.replace(", ", ",\u{a0}").replace("] p", "]\u{a0}p")
}

/// A heading and what stands under it.
#[derive(Clone, Debug, Default)]
pub struct Section {
    pub(super) heading: String,
    introduction: Vec<String>,
    content: Vec<Markup>,
    folded: bool,
    beside: bool,
    column: Option<usize>,
}

impl Section {
    /// A section without content.
    pub fn new(heading: impl Into<String>) -> Section {
        Section {
            heading: heading.into(),
            ..Section::default()
        }
    }

    /// The same, opened when its heading is clicked.
    pub fn folded(mut self) -> Section {
        self.folded = true;
        self
    }

    /// The same, with its pictures next to its words where there is room.
    pub fn beside(mut self) -> Section {
        self.beside = true;
        self
    }

    /// What is added from here on stands in a column of the page, the first being 1.
    pub fn in_column(mut self, column: usize) -> Section {
        self.column = Some(column);
        self
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
        let name = match table.caption.as_str() {
            "" => self.heading.clone(),
            caption => caption.to_owned(),
        };
        let unseen = table.caption.is_empty().then_some("unseen");
        self.with(html! {
            div.block {
                div.scroll tabindex="0" role="region" aria-label=(name) {
                    table {
                        caption class=[unseen] { span { (name) } }
                        thead { tr {
                            @for column in &table.columns {
                                th scope="col" class=[class(column.align)] { (column.name) }
                            }
                        } }
                        tbody { @for row in &table.rows { tr {
                            @for (index, (cell, column)) in row.iter().zip(&table.columns).enumerate() {
                                @if index == 0 { th scope="row" class=[class(column.align)] { (cell) } }
                                @else { td class=[class(column.align)] { (numbers_whole(cell)) } }
                            }
                        } } }
                    }
                }
            }
        })
    }

    /// Adds tables, those that have rows.
    pub fn tables(self, tables: impl IntoIterator<Item = Table>) -> Section {
        let tables = tables.into_iter();
        tables.fold(self, |section, table| section.table(&table))
    }

    /// Adds the content of another section, without its heading.
    pub fn content_of(self, other: Section) -> Section {
        self.with(html! { @for content in &other.content { (content) } })
    }

    /// Adds the content of another section, shown when its heading is clicked.
    pub fn fold(self, other: Section) -> Section {
        let Section {
            heading, content, ..
        } = other;
        self.with(
            html! { details { summary { (heading) } @for content in &content { (content) } } },
        )
    }

    /// Adds a picture with the text below it, and links to its files.
    pub fn figure(self, figure: &Figure, caption: &str, files: &[PictureFile]) -> Section {
        let widest = format!("max-width:{}px", figure.width);
        let address = |name: &str| utf8_percent_encode(name, FILE_NAME).to_string();
        self.with(html! {
            figure style=(widest) {
                div.card { (PreEscaped(figure.inline_svg())) }
                figcaption {
                    @if !caption.is_empty() { (caption) " " }
                    span.files { @for file in files {
                        a href=(address(&file.path)) { (file.name) } " "
                    } }
                }
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

    /// Adds sentences under a title of their own.
    pub fn titled_list(self, title: &str, sentences: &[String]) -> Section {
        self.with(html! { h3 { (title) } ul { @for sentence in sentences { li { (sentence) } } } })
    }

    /// Adds small print.
    pub fn note(self, text: &str) -> Section {
        self.with(html! { p { small { (text) } } })
    }

    /// Adds what the reader should not conclude, set off from the rest.
    pub fn caveats(self, caveats: &[String]) -> Section {
        if caveats.is_empty() {
            return self;
        }
        self.with(html! {
            aside aria-label="Caveats" { ul { @for caveat in caveats { li { (caveat) } } } }
        })
    }

    /// Whether it has more than paragraphs.
    pub fn is_filled(&self) -> bool {
        !self.content.is_empty()
    }

    /// The section as HTML.
    pub(super) fn render(&self, number: usize) -> Markup {
        let body = html! {
            @for text in &self.introduction { p { (text) } }
            @for content in &self.content { (content) }
        };
        html! {
            section id={ "section-" (number) } class=[self.beside.then_some("beside")] {
                @if self.folded {
                    details { summary { h2 { (self.heading) } } (body) }
                } @else {
                    h2 { (self.heading) }
                    (body)
                }
            }
        }
    }

    fn with(mut self, content: Markup) -> Section {
        self.content.push(match self.column {
            Some(column) => html! { div.column style={ "grid-column:" (column) } { (content) } },
            None => content,
        });
        self
    }
}
