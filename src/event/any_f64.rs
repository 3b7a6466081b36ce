//! Numbers in JSON, with the texts `NaN`, `inf` and `-inf` for those that JSON lacks.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(f64),
    Text(String),
}

/// Writes a number.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        NumberOrText::Number(*value).serialize(serializer)
    } else {
        NumberOrText::Text(value.to_string()).serialize(serializer)
    }
}

/// Reads a number or its text.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(value) => Ok(value),
        NumberOrText::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}
