//! Words as they stand in sentences.

/// The text with a capital letter at its start.
pub fn capitalized(text: &str) -> String {
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    first.to_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_letter_becomes_a_capital() {
        assert_eq!(
            ["mean of 3", "", "été"].map(capitalized),
            ["Mean of 3", "", "Été"]
        );
    }
}
