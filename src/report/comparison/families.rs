//! Methods that differ by a number in their labels: "no factor, 4 layers", "no factor, 8 layers", or "bn, depth 8".

use super::SummaryRow;
use crate::draw::Style;
use crate::methods;
use crate::report::distinct::distinct;

/// From so many numbers on, lines over them say more than lists.
const FEWEST_NUMBERS: usize = 3;

/// A method that was run at several numbers of something.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The label without the number: "no factor".
    pub name: String,
    /// The number.
    pub number: f64,
    /// What it counts or is: "layers", "depth".
    pub unit: String,
    /// Whether the unit stands before the number: "depth 8".
    pub unit_first: bool,
}

impl Member {
    /// A number with the unit: "4 layers", "depth 8".
    pub fn with(&self, number: f64) -> String {
        match self.unit_first {
            true => format!("{} {number}", self.unit),
            false => format!("{number} {}", self.unit),
        }
    }

    /// What the numbers are: "number of layers", "depth".
    pub fn quantity(&self) -> String {
        match self.unit_first {
            true => self.unit.clone(),
            false => format!("number of {}", self.unit),
        }
    }
}

/// The name, the number and its unit in a label like "no factor, 4 layers" or "bn, depth 8".
pub fn member(label: &str) -> Option<Member> {
    let (name, end) = label.rsplit_once(", ")?;
    let before = end
        .split_once(' ')
        .map(|(number, unit)| (number, unit, false));
    let behind = end
        .rsplit_once(' ')
        .map(|(unit, number)| (number, unit, true));
    let parsed = |(number, unit, unit_first): (&str, _, _)| {
        Some((number.parse::<f64>().ok()?, unit, unit_first))
    };
    let (number, unit, unit_first): (f64, &str, bool) =
        before.and_then(parsed).or(behind.and_then(parsed))?;
    (number.is_finite() && number > 0.0).then(|| Member {
        name: name.to_owned(),
        number,
        unit: unit.to_owned(),
        unit_first,
    })
}

/// The members in the order of the labels, where every label is one of three or more numbers of the same unit, and there
/// are several names.
pub fn families(labels: &[String]) -> Option<Vec<Member>> {
    let members: Option<Vec<Member>> = labels.iter().map(|label| member(label)).collect();
    let members = members?;
    let units = distinct(members.iter().map(|it| (&it.unit, it.unit_first)));
    let names = distinct(members.iter().map(|member| &member.name));
    let is_family = units.len() == 1 && names.len() > 1;
    (is_family && numbers(&members).len() >= FEWEST_NUMBERS).then_some(members)
}

/// The numbers that occur, rising.
pub fn numbers(members: &[Member]) -> Vec<f64> {
    let mut numbers: Vec<f64> = members.iter().map(|member| member.number).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    numbers
}

/// How each label looks: as its method, or for a further label of the same method as a variant of it. Labels of one family
/// look alike.
pub fn styles(
    summary: &[SummaryRow],
    labels: &[String],
    families: Option<&[Member]>,
) -> Vec<Style> {
    let method = |place: usize| {
        let label = &labels[place];
        let row = summary.iter().find(|row| row.group.label == *label);
        row.map_or(label.as_str(), |row| row.group.method.as_str())
    };
    let name = |place: usize| match families {
        Some(members) => members[place].name.as_str(),
        None => labels[place].as_str(),
    };
    let style = |place: usize| {
        let own = method(place);
        let same = (0..labels.len()).filter(|other| method(*other) == own);
        let mut names = distinct(same.map(name));
        // The one that is called as the method stands for it.
        names.sort_by_key(|name| *name != own);
        let variant = names.iter().position(|other| *other == name(place));
        methods::style(own, variant.unwrap_or(0))
    };
    (0..labels.len()).map(style).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(of: &[&str]) -> Vec<String> {
        of.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn labels_with_a_number_at_their_end_are_families() {
        let found = families(&labels(&[
            "no factor, 4 layers",
            "a, b, 4 layers",
            "no factor, 8 layers",
            "a, b, 16 layers",
        ]));
        let found = found.unwrap();
        assert_eq!(numbers(&found), [4.0, 8.0, 16.0]);
        assert_eq!((found[1].name.as_str(), found[1].number), ("a, b", 4.0));
        let found = families(&labels(&["bn, depth 8", "bn, depth 20", "a, b, depth 56"])).unwrap();
        assert_eq!((found[2].name.as_str(), found[2].number), ("a, b", 56.0));
        assert_eq!(
            [found[2].with(8.0), found[2].quantity()],
            ["depth 8", "depth"]
        );
        for other in [
            vec!["bn", "none"],
            vec!["a, depth 8", "b, 9 depth", "c, depth 20"],
            vec!["a, 4 layers", "b, 8 layers", "c"],
            vec!["a, 4 layers", "b, 8 units", "c, 9 layers"],
            vec!["a, 4 layers", "b, 8 layers"],
            vec!["a, noise of 64 values", "b, 8 values", "c, 9 values"],
        ] {
            assert_eq!(families(&labels(&other)), None, "{other:?}");
        }
    }
}
