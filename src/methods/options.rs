//! A method's options: declared once as data, checked and defaulted from that.

use anyhow::Result;

use super::Descriptor;
use crate::error::did_you_mean;
use crate::usage;

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
    /// One of several names; the first is the default.
    Choice(&'static [&'static str]),
}

/// One option of a method.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// Key in a configuration's `[method]` table.
    pub name: &'static str,
    /// Kind and default.
    pub kind: OptionKind,
    /// What it does, a line.
    pub help: &'static str,
}

impl OptionSpec {
    /// The default as a TOML value.
    pub fn default_value(&self) -> toml::Value {
        match self.kind {
            OptionKind::Flag(value) => value.into(),
            OptionKind::Number { default, .. } => default.into(),
            OptionKind::Count { default, .. } => default.into(),
            OptionKind::Choice(names) => names[0].into(),
        }
    }

    /// The values it takes, in words.
    pub fn domain(&self) -> String {
        match self.kind {
            OptionKind::Flag(_) => "true, false".into(),
            OptionKind::Number { low, high, .. } if high == f64::INFINITY => {
                format!("number ≥ {low}")
            }
            OptionKind::Number { low, high, .. } => format!("number in [{low}, {high}]"),
            OptionKind::Count {
                low,
                high: i64::MAX,
                ..
            } => format!("whole number ≥ {low}"),
            OptionKind::Count { low, high, .. } => format!("whole number in [{low}, {high}]"),
            OptionKind::Choice(names) => names.join(", "),
        }
    }

    fn check(&self, value: &toml::Value) -> Option<toml::Value> {
        match self.kind {
            OptionKind::Flag(_) => value.as_bool().map(toml::Value::Boolean),
            OptionKind::Number { low, high, .. } => {
                let number = value.as_float().or(value.as_integer().map(|i| i as f64))?;
                (low..=high)
                    .contains(&number)
                    .then_some(toml::Value::Float(number))
            }
            OptionKind::Count { low, high, .. } => {
                let count = value.as_integer()?;
                (low..=high)
                    .contains(&count)
                    .then_some(toml::Value::Integer(count))
            }
            OptionKind::Choice(names) => {
                let text = value.as_str()?;
                names.contains(&text).then(|| text.into())
            }
        }
    }
}

/// The options of one method, every one present and checked.
#[derive(Debug, Clone)]
pub struct Options {
    method: &'static Descriptor,
    values: toml::Table,
}

impl std::fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Options {
    /// Checks `given` against the method's options and adds the defaults of those not given.
    pub fn resolve(method: &'static Descriptor, given: &toml::Table) -> Result<Options> {
        for key in given.keys() {
            if !method.has_option(key) {
                let names = method.options.iter().map(|spec| spec.name);
                let hint = if method.options.is_empty() {
                    "it has none".to_string()
                } else {
                    did_you_mean(key, names)
                };
                return Err(usage!(
                    "method `{}` has no option `{key}`; {hint}",
                    method.name
                ));
            }
        }
        let mut values = toml::Table::new();
        for spec in method.options {
            let value = match given.get(spec.name) {
                None => spec.default_value(),
                Some(value) => spec.check(value).ok_or_else(|| {
                    usage!("method.{} = {value}: expected {}", spec.name, spec.domain())
                })?,
            };
            values.insert(spec.name.into(), value);
        }
        Ok(Options { method, values })
    }

    /// Every option and its value.
    pub fn to_table(&self) -> toml::Table {
        self.values.clone()
    }

    /// A flag. A name that the method does not declare is a mistake of the method's author.
    pub fn flag(&self, name: &str) -> bool {
        self.value(name)
            .as_bool()
            .unwrap_or_else(|| self.misdeclared(name))
    }

    /// A number.
    pub fn number(&self, name: &str) -> f64 {
        self.value(name)
            .as_float()
            .unwrap_or_else(|| self.misdeclared(name))
    }

    /// A whole number.
    pub fn count(&self, name: &str) -> i64 {
        self.value(name)
            .as_integer()
            .unwrap_or_else(|| self.misdeclared(name))
    }

    /// A choice.
    pub fn choice(&self, name: &str) -> &str {
        self.value(name)
            .as_str()
            .unwrap_or_else(|| self.misdeclared(name))
    }

    fn value(&self, name: &str) -> &toml::Value {
        self.values
            .get(name)
            .unwrap_or_else(|| self.misdeclared(name))
    }

    fn misdeclared(&self, name: &str) -> ! {
        panic!(
            "method {} reads option {name} in another way than it declares it",
            self.method.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods;

    fn resolve(text: &str) -> Result<Options> {
        Options::resolve(methods::find("normprop").unwrap(), &text.parse().unwrap())
    }

    #[test]
    fn defaults_are_filled_in() {
        let options = resolve("center_rows = true").unwrap();
        assert!(options.flag("center_rows"));
        assert_eq!(options.choice("jacobian_scale"), "init");
    }

    #[test]
    fn wrong_names_and_values_are_refused_with_what_would_work() {
        let message = |text: &str| resolve(text).unwrap_err().to_string();
        assert!(message("centre_rows = true").contains("did you mean `center_rows`?"));
        assert!(message("jacobian_scale = \"maybe\"").contains("init, fixed, none"));
        assert!(message("center_rows = 1").contains("true, false"));
    }

    #[test]
    fn every_declared_default_is_valid() {
        for method in methods::METHODS {
            for spec in method.options {
                assert_eq!(
                    spec.check(&spec.default_value()),
                    Some(spec.default_value()),
                    "{}",
                    spec.name
                );
            }
        }
    }
}
