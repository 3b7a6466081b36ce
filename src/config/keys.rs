//! Every key of a comparison and of a run, for people: from the types that are read and from the registries.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value as Json;

use super::experiment::{EXPERIMENT_SCHEMA, MethodEntry, Reference};
use super::sweep::SWEEP_SCHEMA;
use super::sweep::halving::Halving;
use super::sweep::range::Range;
use super::{RUN_SCHEMA, limits, schema};
use crate::methods::METHODS;
use crate::nn::networks::{self, NETWORKS};
use crate::options::OptionSpec;

/// One key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyDoc {
    /// Its name, dotted where it lies in a table.
    pub key: String,
    /// The values that it takes.
    pub values: String,
    /// Its value where none is given; empty where there is none.
    pub default: String,
    /// What it means.
    pub meaning: String,
}

/// The keys of one table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeySection {
    /// Which table it is.
    pub title: String,
    /// Where it stands and what it is for.
    pub text: String,
    /// Its keys.
    pub keys: Vec<KeyDoc>,
}

/// All tables.
pub fn sections() -> Vec<KeySection> {
    let mut sections = read_as_types();
    for network in NETWORKS.iter().filter(|network| !network.keys.is_empty()) {
        let name = network.name;
        let title = format!("Keys of the network `{name}`");
        let text = format!("Beside the keys of the run, with `model = \"{name}\"`.");
        sections.push(KeySection::new(&title, &text).of_specs("run.", network.keys));
    }
    for method in METHODS.iter().filter(|method| !method.options.is_empty()) {
        let title = format!("Options of the method `{}`", method.name);
        sections.push(KeySection::new(&title, "").of_specs("method.", method.options));
    }
    sections
}

/// The tables that are read as types.
fn read_as_types() -> Vec<KeySection> {
    let mut run = KeySection::new(
        "Run",
        "In the table `[run]` of an experiment file; at the top of a configuration of `normprop train --config`. \
         On the command line `--set KEY=VALUE` changes them in both. `threads` and `device` do not tell one run \
         from another, nor do keys that only record.",
    )
    .of_schema("run.", &RUN_SCHEMA);
    // Those of a network stand in its own section.
    let of_networks: Vec<String> = networks::keys()
        .map(|key| format!("run.{}", key.name))
        .collect();
    run.keys.retain(|doc| !of_networks.contains(&doc.key));
    vec![
        KeySection::new("Comparison", "At the top of an experiment file, above the first table header.")
            .of_schema("", &EXPERIMENT_SCHEMA),
        KeySection::new(
            "Entries of `methods`",
            "An entry is a name, or a table such as `{ name = \"normprop\", label = \"centered\", center_rows = true }`; \
             options of the method stand beside these keys.",
        )
        .of_schema("methods.", &schema::of::<MethodEntry>()),
        run,
        KeySection::new("Sweep", "In the table `[sweep]` of an experiment file.")
            .of_schema("sweep.", &SWEEP_SCHEMA),
        KeySection::new("Ranges", "Each key of `[sweep.range]`.")
            .of_schema("sweep.range.KEY.", &schema::of::<Range>()),
        KeySection::new("Halving", "In the table `[sweep.halving]`.")
            .of_schema("sweep.halving.", &schema::of::<Halving>()),
        KeySection::new("Reference", "In the table `[reference]` of an experiment file.")
            .of_schema("reference.", &schema::of::<Reference>()),
    ]
}

impl KeySection {
    fn new(title: &str, text: &str) -> KeySection {
        KeySection {
            title: title.to_owned(),
            text: text.to_owned(),
            keys: Vec::new(),
        }
    }

    /// With the keys of a schema, which stand behind `prefix`.
    fn of_schema(mut self, prefix: &str, schema: &Json) -> KeySection {
        let properties = schema["properties"].as_object().into_iter().flatten();
        self.keys.extend(properties.map(|(name, property)| KeyDoc {
            key: format!("{prefix}{name}"),
            values: values(property),
            default: default(property),
            meaning: meaning(property),
        }));
        self
    }

    /// With these keys of a network, or options of a method.
    fn of_specs(mut self, prefix: &str, specs: &[OptionSpec]) -> KeySection {
        self.keys.extend(specs.iter().map(|spec| KeyDoc {
            key: format!("{prefix}{}", spec.name),
            values: spec.domain(),
            default: spec.default_value().to_string(),
            meaning: spec.help.to_owned(),
        }));
        self
    }
}

/// The keys whose names contain `pattern`, table by table.
pub fn find(pattern: &str) -> Vec<KeySection> {
    let mut sections = sections();
    for section in &mut sections {
        section.keys.retain(|key| key.key.contains(pattern));
    }
    sections.retain(|section| !section.keys.is_empty());
    sections
}

/// All keys as a page of documentation.
pub fn markdown() -> String {
    let mut page = "# Keys of comparisons and runs\n\n\
        Written by `normprop keys --markdown`; `normprop keys PATTERN` shows the same on the terminal.\n\
        `docs/experiment.schema.json` describes experiment files to editors.\n"
        .to_owned();
    for section in sections() {
        let _ = write!(page, "\n## {}\n\n", section.title);
        if !section.text.is_empty() {
            let _ = write!(page, "{}\n\n", section.text);
        }
        page += "| key | values | default | meaning |\n| --- | --- | --- | --- |\n";
        page.extend(section.keys.into_iter().map(markdown_row));
    }
    page
}

fn markdown_row(doc: KeyDoc) -> String {
    let default = match doc.default.as_str() {
        "" => String::new(),
        default => format!("`{default}`"),
    };
    let cells = [format!("`{}`", doc.key), doc.values, default, doc.meaning];
    let escaped = cells.map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", escaped.join(" | "))
}

/// The forms that a value may have.
fn forms(schema: &Json) -> impl Iterator<Item = &Json> {
    let forms = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    forms
        .into_iter()
        .flatten()
        .filter(|form| form["type"] != "null")
}

fn values(schema: &Json) -> String {
    if let Some(name) = schema["const"].as_str() {
        return format!("`{name}`");
    }
    let forms: Vec<String> = forms(schema).map(values).collect();
    if !forms.is_empty() {
        return forms.join(", ");
    }
    let range = limits::range(schema).map_or(String::new(), |range| format!(" {range}"));
    match schema["type"].as_str().or(schema["type"][0].as_str()) {
        Some("integer") => format!("whole number{range}"),
        Some("number") => format!("number{range}"),
        Some("boolean") => "`true`, `false`".to_owned(),
        Some("string") => match schema["maxLength"].as_u64() {
            Some(most) => format!("text of at most {most} bytes"),
            None => "text".to_owned(),
        },
        Some("array") if schema["items"].is_object() => {
            format!("list: {}", values(&schema["items"]))
        }
        Some("array") => "list".to_owned(),
        Some("object") => "table".to_owned(),
        _ => "any".to_owned(),
    }
}

fn default(schema: &Json) -> String {
    match &schema["default"] {
        Json::Null | Json::Object(_) => String::new(),
        Json::String(text) if text.is_empty() => String::new(),
        default => default.to_string(),
    }
}

/// The description, with those of named values.
fn meaning(schema: &Json) -> String {
    let text = |schema: &Json| {
        schema["description"]
            .as_str()
            .unwrap_or_default()
            .replace('\n', " ")
    };
    let named = forms(schema).filter(|form| form["const"].is_string());
    let named: Vec<String> = named
        .map(|form| format!("{}: {}", values(form), text(form)))
        .collect();
    let parts = [text(schema), named.join(" ")];
    parts.join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::options::OptionKind;

    fn tracked(name: &str) -> String {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs")
            .join(name);
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn the_tracked_page_and_schema_are_those_that_the_program_writes() {
        let how = "run scripts/normprop keys --markdown > docs/configuration.md";
        assert_eq!(tracked("configuration.md"), markdown(), "{how}");
        let how = "run scripts/normprop keys --schema > docs/experiment.schema.json";
        let tracked: Json = serde_json::from_str(&tracked("experiment.schema.json")).unwrap();
        assert_eq!(tracked, *EXPERIMENT_SCHEMA, "{how}");
    }

    #[test]
    fn every_key_is_explained() {
        for key in sections().iter().flat_map(|section| &section.keys) {
            assert!(!key.meaning.is_empty() && !key.values.is_empty(), "{key:?}");
        }
        let keys: Vec<String> = find("train_sub")
            .into_iter()
            .flat_map(|section| section.keys)
            .map(|key| key.key)
            .collect();
        assert_eq!(keys, ["run.train_subset"]);
    }

    /// The places in a schema that take numbers, texts or lists of any size.
    fn unbounded(schema: &Json, place: &str) -> Vec<String> {
        let is = |kind: &str| {
            let kinds = &schema["type"];
            *kinds == kind
                || kinds
                    .as_array()
                    .is_some_and(|kinds| kinds.contains(&json!(kind)))
        };
        let has = |names: &[&str]| names.iter().any(|name| schema[*name].is_number());
        let (low, high) = (
            ["minimum", "exclusiveMinimum"],
            ["maximum", "exclusiveMaximum"],
        );
        let is_closed = schema["const"].is_string() || schema["enum"].is_array();
        let open = (is("number") || is("integer")) && !(has(&low) && has(&high))
            || is("string") && !is_closed && !has(&["maxLength"])
            || is("array") && !has(&["maxItems"]);
        let own = open.then(|| place.to_owned());
        let parts = [
            "properties",
            "anyOf",
            "oneOf",
            "items",
            "additionalProperties",
        ];
        let inner = parts.iter().flat_map(|part| match (*part, &schema[*part]) {
            ("properties", Json::Object(keys)) => keys
                .iter()
                .flat_map(|(key, inner)| unbounded(inner, &format!("{place}.{key}")))
                .collect::<Vec<_>>(),
            (_, Json::Array(forms)) => forms
                .iter()
                .flat_map(|form| unbounded(form, place))
                .collect(),
            (_, inner) => unbounded_of(inner, place),
        });
        own.into_iter().chain(inner).collect()
    }

    fn unbounded_of(inner: &Json, place: &str) -> Vec<String> {
        match inner.is_object() {
            true => unbounded(inner, &format!("{place}[]")),
            false => Vec::new(),
        }
    }

    #[test]
    fn every_number_text_and_list_has_its_bounds() {
        assert_eq!(unbounded(&EXPERIMENT_SCHEMA, ""), [""; 0]);
        assert_eq!(unbounded(&RUN_SCHEMA, ""), [""; 0]);
        assert_eq!(
            unbounded(
                &json!({ "properties": { "a": { "type": ["number", "null"] } } }),
                "x"
            ),
            ["x.a"]
        );
        let of_methods = METHODS.iter().flat_map(|method| method.options);
        for spec in NETWORKS
            .iter()
            .flat_map(|network| network.keys)
            .chain(of_methods)
        {
            let fits = match spec.kind {
                OptionKind::Number { low, high, .. } => low.abs() <= 1e30 && high.abs() <= 1e30,
                OptionKind::Count { low, high, .. } | OptionKind::Counts { low, high, .. } => {
                    low >= 0 && high <= 1_000_000_000
                }
                OptionKind::Flag(_) | OptionKind::Choice(_) => true,
            };
            assert!(fits, "{spec:?}");
        }
    }

    #[test]
    fn the_schema_for_editors_has_no_key_that_is_not_read() {
        // Reading refuses unknown keys by the same types; here the parts that have more than their types say.
        let schema = &*EXPERIMENT_SCHEMA;
        let set = &schema["properties"]["sweep"]["properties"]["set"];
        assert!(set["properties"]["width"].is_object() && set["properties"]["epochs"].is_object());
        let forms = &schema["properties"]["methods"]["items"]["anyOf"];
        assert_eq!(forms[0]["enum"].as_array().unwrap().len(), METHODS.len());
        assert_eq!(schema["properties"]["run"]["additionalProperties"], false);
        assert!(schema["properties"]["run"]["properties"]["lr"]["anyOf"].is_array());
    }
}
