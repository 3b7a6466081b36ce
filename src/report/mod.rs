//! What is drawn and written of a comparison or of step times, from plain rows: pictures, tables, and the report in one file.

pub mod bench;
pub mod comparison;
mod distinct;
pub mod files;
mod html_page;

pub use html_page::{HtmlPage, PictureFile, Section};
