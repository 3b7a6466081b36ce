//! Numbers and tables as text: for the terminal, for Markdown and for pages.

mod markdown;
pub mod numbers;
mod table;
mod terminal;
mod text_histogram;

pub use table::{Align, Column, Table, TableOf};
pub use terminal::Terminal;
pub use text_histogram::TextHistogram;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn histograms_bear_any_edges(edges in prop::collection::vec(any::<f64>(), 0..8)) {
            let counts = vec![3; edges.len()];
            let text = TextHistogram { edges, counts, ..TextHistogram::default() };
            prop_assert!(text.render(&Terminal::plain()).ends_with('\n'));
        }

        #[test]
        fn numbers_are_written_without_panic(value in any::<f64>(), low in any::<f64>(), digits in 0usize..30) {
            use numbers::*;
            let written = [
                significant(value, digits),
                interval(value, low, low, digits),
                percent_interval(value, low, low),
                duration(value),
                p_value(value),
            ];
            prop_assert!(written.iter().all(|text| !text.is_empty() && !text.contains("NaN")));
        }
    }
}
