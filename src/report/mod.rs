//! What is drawn and written of a comparison or of step times, from plain rows: pictures, tables, and the report in one file.

pub mod bench;
pub mod comparison;
mod html;
mod html_block;

pub use html::{HtmlReport, Section};
pub use html_block::Block;
