//! Schemas made from types: what is read, its limits and its documentation.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Value as Json, json};

use super::axes::LearningRate;
use crate::nn::networks;
use crate::options::{MOST_COUNTS, OptionKind};

/// The schema of a type, with everything written out in place.
pub fn of<T: JsonSchema>() -> Json {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let generator = settings.into_generator();
    generator.into_root_schema_for::<T>().to_value()
}

/// The names of the keys that a schema has.
pub fn keys(schema: &Json) -> impl Iterator<Item = &str> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.map(|(key, _)| key.as_str())
}

/// Whether a schema has a key.
pub fn has(schema: &Json, key: &str) -> bool {
    schema["properties"].get(key).is_some()
}

/// Adds the keys of the networks to the schema of a run.
pub fn add_network_keys(run: &mut Schema) {
    let whole = |low, high| json!({ "type": "integer", "minimum": low, "maximum": high });
    for spec in networks::keys() {
        let mut schema = match spec.kind {
            OptionKind::Flag(_) => json!({ "type": "boolean" }),
            OptionKind::Number { low, high, .. } => {
                json!({ "type": "number", "minimum": low, "maximum": high })
            }
            OptionKind::Count { low, high, .. } => whole(low, high),
            OptionKind::Counts { low, high, .. } => {
                json!({ "type": "array", "maxItems": MOST_COUNTS, "items": whole(low, high) })
            }
            OptionKind::Choice(names) => json!({ "enum": names }),
        };
        schema["description"] = json!(spec.help);
        put(run, spec.name, schema);
    }
}

/// Lets the learning rate of a run be one for each batch size, as it may be in `[run]`.
pub fn take_rates_by_batch_size(run: &mut Schema) {
    put(run, "lr", of::<LearningRate>());
}

/// Lets the epochs of a run be a number for each batch size, as they may be in `[run]` and in a sweep's `set`.
pub fn take_epochs_by_batch_size(run: &mut Schema) {
    let mut own = run
        .pointer("/properties/epochs")
        .cloned()
        .unwrap_or_default();
    let description = own
        .as_object_mut()
        .and_then(|own| own.remove("description"));
    let by_size = json!({ "type": "object", "minProperties": 1, "additionalProperties": own });
    let text = description
        .as_ref()
        .and_then(Json::as_str)
        .unwrap_or_default();
    let text = format!("{text} Or one number for each batch size, as in `{{ 1 = 2, 50 = 10 }}`.");
    put(
        run,
        "epochs",
        json!({ "description": text, "anyOf": [own, by_size] }),
    );
}

fn put(table: &mut Schema, key: &str, schema: Json) {
    if let Some(properties) = table.pointer_mut("/properties") {
        properties[key] = schema;
    }
}
