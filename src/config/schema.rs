//! Schemas made from types: what is read, its limits and its documentation.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::RunConfig;
use crate::nn::networks::NETWORKS;

/// The schema of a run.
pub static RUN: LazyLock<Json> = LazyLock::new(of::<RunConfig>);
/// The schema of a type, with everything written out in place.
pub fn of<T: JsonSchema>() -> Json {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// The names of the keys that a schema has.
pub fn keys(schema: &Json) -> impl Iterator<Item = &str> {
    schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(|keys| keys.keys().map(String::as_str))
}

/// The keys of a run, with those of every network.
pub fn run_keys() -> impl Iterator<Item = &'static str> {
    let of_networks = NETWORKS.iter().flat_map(|network| network.keys);
    keys(&RUN).chain(of_networks.map(|key| key.name))
}
