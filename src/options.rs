//! Options of methods and keys of networks: declared once as data, checked, defaulted and described from that.

use toml::{Table, Value};

use crate::error::{KeyFault, did_you_mean};
use crate::text::numbers::exact;

/// The longest list of whole numbers.
pub const MOST_COUNTS: usize = 100;

/// The kind and default of an option.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OptionKind {
    /// True or false.
    Flag(bool),
    /// A number from `low` to `high`, ends included.
    Number {
        /// Default.
        default: f64,
        /// Smallest value allowed.
        low: f64,
        /// Largest value allowed.
        high: f64,
    },
    /// A whole number from `low` to `high`, ends included.
    Count {
        /// Default.
        default: i64,
        /// Smallest value allowed.
        low: i64,
        /// Largest value allowed.
        high: i64,
    },
    /// A list, also an empty one, of at most [`MOST_COUNTS`] whole numbers from `low` to `high`, ends included.
    Counts {
        /// Default.
        default: &'static [i64],
        /// Smallest value allowed.
        low: i64,
        /// Largest value allowed.
        high: i64,
    },
    /// One of several names; the first is the default.
    Choice(&'static [&'static str]),
}

/// One option of a method or network.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// Key in a configuration.
    pub name: &'static str,
    /// Kind and default.
    pub kind: OptionKind,
    /// What it does, a line.
    pub help: &'static str,
}

impl OptionSpec {
    const fn new(name: &'static str, kind: OptionKind) -> OptionSpec {
        let help = "";
        OptionSpec { name, kind, help }
    }

    /// True or false.
    pub const fn flag(name: &'static str, default: bool) -> OptionSpec {
        OptionSpec::new(name, OptionKind::Flag(default))
    }

    /// A number from `low` to `high`, ends included.
    pub const fn number(name: &'static str, default: f64, low: f64, high: f64) -> OptionSpec {
        OptionSpec::new(name, OptionKind::Number { default, low, high })
    }

    /// A whole number from `low` to `high`, ends included.
    pub const fn count(name: &'static str, default: i64, low: i64, high: i64) -> OptionSpec {
        OptionSpec::new(name, OptionKind::Count { default, low, high })
    }

    /// A list, also an empty one, of whole numbers from `low` to `high`, ends included.
    pub const fn counts(
        name: &'static str,
        default: &'static [i64],
        low: i64,
        high: i64,
    ) -> OptionSpec {
        OptionSpec::new(name, OptionKind::Counts { default, low, high })
    }

    /// One of several names; the first is the default.
    pub const fn choice(name: &'static str, names: &'static [&'static str]) -> OptionSpec {
        OptionSpec::new(name, OptionKind::Choice(names))
    }

    /// The same with a line on what it does.
    pub const fn help(self, help: &'static str) -> OptionSpec {
        OptionSpec { help, ..self }
    }

    /// The default as a TOML value.
    pub fn default_value(&self) -> Value {
        match self.kind {
            OptionKind::Flag(value) => value.into(),
            OptionKind::Number { default, .. } => default.into(),
            OptionKind::Count { default, .. } => default.into(),
            OptionKind::Counts { default, .. } => default.to_vec().into(),
            OptionKind::Choice(names) => names[0].into(),
        }
    }

    /// The values it takes, in words.
    pub fn domain(&self) -> String {
        match self.kind {
            OptionKind::Flag(_) => "true, false".into(),
            OptionKind::Number { low, high, .. } => {
                format!("number in [{}, {}]", exact(low), exact(high))
            }
            OptionKind::Count { low, high, .. } => format!("whole number in [{low}, {high}]"),
            OptionKind::Counts { low, high, .. } => {
                format!("list of at most {MOST_COUNTS} whole numbers in [{low}, {high}]")
            }
            OptionKind::Choice(names) => names.join(", "),
        }
    }

    /// The value as the option keeps it; an error with `prefix` before the name where it is none of those allowed.
    pub fn check(&self, prefix: &str, value: &Value) -> Result<Value, KeyFault> {
        self.accept(value).ok_or_else(|| {
            let (name, domain) = (self.name, self.domain());
            let value = value.as_float().map_or_else(|| value.to_string(), exact);
            KeyFault::new(name, format!("{prefix}{name} = {value}: expected {domain}"))
        })
    }

    fn accept(&self, value: &Value) -> Option<Value> {
        let count = |value: &Value, low, high| {
            value
                .as_integer()
                .filter(|count| (low..=high).contains(count))
        };
        match self.kind {
            OptionKind::Flag(_) => value.as_bool().map(Value::from),
            OptionKind::Number { low, high, .. } => {
                let number = value.as_float().or(value.as_integer().map(|i| i as f64))?;
                (low..=high).contains(&number).then(|| number.into())
            }
            OptionKind::Count { low, high, .. } => count(value, low, high).map(Value::from),
            OptionKind::Counts { low, high, .. } => {
                let counts = value.as_array().filter(|list| list.len() <= MOST_COUNTS)?;
                let counts = counts.iter().map(|item| count(item, low, high));
                counts.collect::<Option<Vec<i64>>>().map(Value::from)
            }
            OptionKind::Choice(names) => {
                let text = value.as_str()?;
                names.contains(&text).then(|| text.into())
            }
        }
    }
}

/// The options of one method or the keys of one network, every one present and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    owner: String,
    values: Table,
}

impl Options {
    /// Every option of `owner`, such as "method `bn`", at its default.
    pub fn defaults(owner: String, specs: &[OptionSpec]) -> Options {
        let value = |spec: &OptionSpec| (spec.name.to_owned(), spec.default_value());
        let values = specs.iter().map(value).collect();
        Options { owner, values }
    }

    /// Checks `given` against the options `specs`, and adds the defaults of those not given. Messages put `prefix`
    /// before an option's name to say where its value is set.
    pub fn resolve(
        owner: String,
        prefix: &str,
        specs: &[OptionSpec],
        given: &Table,
    ) -> Result<Options, KeyFault> {
        let mut options = Options::defaults(owner, specs);
        for (key, value) in given {
            let Some(spec) = specs.iter().find(|spec| spec.name == key) else {
                let hint = match specs.is_empty() {
                    true => "it has none".to_owned(),
                    false => did_you_mean(key, specs.iter().map(|spec| spec.name)),
                };
                let what = format!("{} has no option `{key}`; {hint}", options.owner);
                return Err(KeyFault::new(key, what));
            };
            options
                .values
                .insert(key.clone(), spec.check(prefix, value)?);
        }
        Ok(options)
    }

    /// Every option and its value.
    pub fn to_table(&self) -> Table {
        self.values.clone()
    }

    /// A flag. A name that is not declared, or as another kind, is a mistake of the author of method or network.
    pub fn flag(&self, name: &str) -> bool {
        self.read(name, Value::as_bool)
    }

    /// A number.
    pub fn number(&self, name: &str) -> f64 {
        self.read(name, Value::as_float)
    }

    /// A whole number.
    pub fn count(&self, name: &str) -> i64 {
        self.read(name, Value::as_integer)
    }

    /// A list of whole numbers.
    pub fn counts(&self, name: &str) -> Vec<i64> {
        let items = self.read(name, Value::as_array);
        items.iter().filter_map(Value::as_integer).collect()
    }

    /// A choice.
    pub fn choice(&self, name: &str) -> &str {
        self.read(name, Value::as_str)
    }

    fn read<'o, T>(&'o self, name: &str, kind: fn(&'o Value) -> Option<T>) -> T {
        self.values.get(name).and_then(kind).unwrap_or_else(|| {
            panic!(
                "{} reads option {name} in another way than it declares it",
                self.owner
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[OptionSpec] = &[
        OptionSpec::flag("center_rows", false),
        OptionSpec::choice("scale", &["init", "fixed"]),
        OptionSpec::counts("widths", &[4], 1, 9),
    ];

    fn resolve(text: &str) -> Result<Options, KeyFault> {
        Options::resolve(
            "method `x`".into(),
            "method.",
            SPECS,
            &text.parse().unwrap(),
        )
    }

    #[test]
    fn defaults_are_filled_in() {
        let options = resolve("center_rows = true").unwrap();
        assert!(options.flag("center_rows"));
        assert_eq!(options.choice("scale"), "init");
        assert_eq!(options.counts("widths"), [4]);
        assert_eq!(
            resolve("widths = []").unwrap().counts("widths"),
            Vec::<i64>::new()
        );
    }

    #[test]
    fn wrong_names_and_values_are_refused_with_what_would_work() {
        let message = |text: &str| resolve(text).unwrap_err().what;
        assert!(message("centre_rows = true").contains("method `x` has no option `centre_rows`"));
        assert!(message("centre_rows = true").contains("did you mean `center_rows`?"));
        assert!(
            message("scale = \"maybe\"").contains("method.scale = \"maybe\": expected init, fixed")
        );
        assert!(message("center_rows = 1").contains("true, false"));
        let long = format!("widths = [{}]", vec!["1"; MOST_COUNTS + 1].join(", "));
        assert!(message(&long).contains("list of at most 100 whole numbers in [1, 9]"));
        assert!(
            message("widths = [3, 10]").contains("list of at most 100 whole numbers in [1, 9]")
        );
    }
}
