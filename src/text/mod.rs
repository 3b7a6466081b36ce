//! Numbers and tables as text: for the terminal, for Markdown and for pages.

mod foreign;
mod markdown;
pub mod numbers;
mod table;
mod table_of;
mod terminal;

pub use foreign::{cell, of_cell, one_line, shown};
pub use table::{Align, Table};
pub use table_of::TableOf;
pub use terminal::Terminal;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

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
