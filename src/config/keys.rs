//! Every key of a comparison and of a run, for people and for editors: from the types that are read and from the
//! registries.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::axes::LearningRate;
use super::experiment::{Experiment, MethodEntry, Reference};
use super::sweep::Sweep;
use super::sweep::halving::Halving;
use super::sweep::range::Range;
use super::{limits, schema};
use crate::methods::METHODS;
use crate::nn::networks::NETWORKS;
use crate::options::{OptionKind, OptionSpec};

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
    let section = |title: &str, text: &str, prefix: &str, schema: &Json| KeySection {
        title: title.to_owned(),
        text: text.to_owned(),
        keys: keys_of(schema, prefix),
    };
    let mut sections = vec![
        section(
            "Comparison",
            "At the top of an experiment file, above the first table header.",
            "",
            &schema::of::<Experiment>(),
        ),
        section(
            "Entries of `methods`",
            "An entry is a name, or a table such as `{ name = \"normprop\", label = \"centered\", center_rows = true }`; \
             options of the method stand beside these keys.",
            "methods.",
            &schema::of::<MethodEntry>(),
        ),
        section(
            "Run",
            "In the table `[run]` of an experiment file; at the top of a configuration of `normprop train --config`. \
             On the command line `--set KEY=VALUE` changes them in both. `threads` and `device` do not tell one run \
             from another, nor do keys that only record.",
            "run.",
            &schema::RUN,
        ),
        section(
            "Sweep",
            "In the table `[sweep]` of an experiment file.",
            "sweep.",
            &schema::of::<Sweep>(),
        ),
        section(
            "Ranges",
            "Each key of `[sweep.range]`.",
            "sweep.range.KEY.",
            &schema::of::<Range>(),
        ),
        section(
            "Halving",
            "In the table `[sweep.halving]`.",
            "sweep.halving.",
            &schema::of::<Halving>(),
        ),
        section(
            "Reference",
            "In the table `[reference]` of an experiment file.",
            "reference.",
            &schema::of::<Reference>(),
        ),
    ];
    for network in NETWORKS.iter().filter(|network| !network.keys.is_empty()) {
        sections.push(KeySection {
            title: format!("Keys of the network `{}`", network.name),
            text: format!(
                "Beside the keys of the run, with `model = \"{}\"`.",
                network.name
            ),
            keys: network
                .keys
                .iter()
                .map(|spec| of_spec(spec, "run."))
                .collect(),
        });
    }
    for method in METHODS.iter().filter(|method| !method.options.is_empty()) {
        sections.push(KeySection {
            title: format!("Options of the method `{}`", method.name),
            text: String::new(),
            keys: method
                .options
                .iter()
                .map(|spec| of_spec(spec, "method."))
                .collect(),
        });
    }
    sections
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
        for KeyDoc {
            key,
            values,
            default,
            meaning,
        } in section.keys
        {
            let default = if default.is_empty() {
                default
            } else {
                format!("`{default}`")
            };
            let cells = [format!("`{key}`"), values, default, meaning];
            let _ = writeln!(
                page,
                "| {} |",
                cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
            );
        }
    }
    page
}

/// The schema of experiment files, for editors.
pub fn editor_schema() -> Json {
    let mut whole = schema::of::<Experiment>();
    let names: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
    add_network_keys(&mut whole["properties"]["run"]);
    add_network_keys(&mut whole["properties"]["sweep"]["properties"]["set"]);
    whole["properties"]["run"]["properties"]["lr"] = schema::of::<LearningRate>();
    let forms = whole["properties"]["methods"]["items"]["anyOf"].as_array_mut();
    for form in forms.into_iter().flatten() {
        let name = match form["type"] == "string" {
            true => form,
            false => {
                add_network_keys(&mut form["properties"]["set"]);
                &mut form["properties"]["name"]
            }
        };
        name["enum"] = json!(names);
    }
    whole
}

/// Adds the keys of the networks to the schema of a run's table.
fn add_network_keys(run: &mut Json) {
    let names: Vec<&str> = NETWORKS.iter().map(|network| network.name).collect();
    run["properties"]["model"]["enum"] = json!(names);
    for spec in NETWORKS.iter().flat_map(|network| network.keys) {
        let mut schema = match spec.kind {
            OptionKind::Flag(_) => json!({ "type": "boolean" }),
            OptionKind::Number { low, high, .. } => {
                json!({ "type": "number", "minimum": low, "maximum": high })
            }
            OptionKind::Count { low, high, .. } => {
                json!({ "type": "integer", "minimum": low, "maximum": high })
            }
            OptionKind::Counts { low, high, .. } => {
                json!({ "type": "array", "items": { "type": "integer", "minimum": low, "maximum": high } })
            }
            OptionKind::Choice(names) => json!({ "enum": names }),
        };
        schema["description"] = json!(spec.help);
        run["properties"][spec.name] = schema;
    }
}

fn keys_of(schema: &Json, prefix: &str) -> Vec<KeyDoc> {
    let properties = schema["properties"].as_object();
    let key = |(name, property): (&String, &Json)| KeyDoc {
        key: format!("{prefix}{name}"),
        values: values(property),
        default: default(property),
        meaning: meaning(property),
    };
    properties.into_iter().flatten().map(key).collect()
}

fn of_spec(spec: &OptionSpec, prefix: &str) -> KeyDoc {
    KeyDoc {
        key: format!("{prefix}{}", spec.name),
        values: spec.domain(),
        default: spec.default_value().to_string(),
        meaning: spec.help.to_owned(),
    }
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
    let kind = schema["type"].as_str().or(schema["type"][0].as_str());
    let with_range = |kind: &str| match limits::range(schema) {
        Some(range) => format!("{kind} {range}"),
        None => kind.to_owned(),
    };
    match kind {
        Some("integer") => with_range("whole number"),
        Some("number") => with_range("number"),
        Some("boolean") => "`true`, `false`".to_owned(),
        Some("string") => "text".to_owned(),
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
    use super::*;

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
        let schema: Json = serde_json::from_str(&tracked("experiment.schema.json")).unwrap();
        assert_eq!(schema, editor_schema(), "{how}");
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

    #[test]
    fn the_schema_for_editors_has_no_key_that_is_not_read() {
        // Reading refuses unknown keys by the same types; here the parts that are patched for editors.
        let schema = editor_schema();
        let set = &schema["properties"]["sweep"]["properties"]["set"];
        assert!(set["properties"]["width"].is_object() && set["properties"]["epochs"].is_object());
        let forms = &schema["properties"]["methods"]["items"]["anyOf"];
        assert_eq!(forms[0]["enum"].as_array().unwrap().len(), METHODS.len());
        assert_eq!(schema["properties"]["run"]["additionalProperties"], false);
        assert!(schema["properties"]["run"]["properties"]["lr"]["anyOf"].is_array());
    }
}
