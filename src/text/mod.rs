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
    use crate::stats::Bin;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn histograms_bear_any_edges(edges in prop::collection::vec(any::<f64>(), 0..8)) {
            let bin = |ends: &[f64]| Bin { low: ends[0], high: ends[1], count: 3, normal_density: 0.1, ..Bin::default() };
            let bins: Vec<Bin> = edges.windows(2).map(bin).collect();
            let text = TextHistogram { bins: &bins, n: 9, bar_width: 30 };
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
