//! Numbers and tables as text: for the terminal, for Markdown and for pages.

mod foreign;
mod markdown;
pub mod numbers;
mod table;
mod table_of;
mod terminal;
mod words;

pub use foreign::{cell, of_cell, one_line, shown};
pub use table::{Align, Table};
pub use table_of::TableOf;
pub use terminal::Terminal;
pub use words::capitalized;

/// Items as in a sentence: "a, b and c".
pub fn listed(items: impl IntoIterator<Item = String>) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    match items.pop() {
        Some(last) if !items.is_empty() => format!("{} and {last}", items.join(", ")),
        only => only.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn items_are_listed_as_in_a_sentence() {
        let list = |items: &[&str]| listed(items.iter().map(|item| (*item).to_owned()));
        assert_eq!([list(&[]), list(&["a"])], ["", "a"]);
        assert_eq!(
            [list(&["a", "b"]), list(&["a", "b", "c"])],
            ["a and b", "a, b and c"]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn numbers_are_written_without_panic(value in any::<f64>(), low in any::<f64>(), digits in 0usize..30) {
            use numbers::*;
            let written = [
                significant(value, digits),
                interval(value, low, low, digits),
                percent_interval(value, low, low),
                error_rate(value),
                percent_within(value, low, low),
                points(value, low, low),
                points_within(value, low, low),
                duration(value),
                p_value(value),
            ];
            prop_assert!(written.iter().all(|text| !text.is_empty() && !text.contains("NaN")));
        }
    }
}
