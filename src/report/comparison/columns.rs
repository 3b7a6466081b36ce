//! Which groups of runs are compared with each other, and the one order of methods by error that all pictures and tables
//! have.
//!
//! Methods are compared within a column: at one batch size and, where labels are [families](super::families), at one
//! number. Methods stand by the mean of their ranks in the columns ([`Standing`] says who stands before whom in one);
//! those of equal mean rank by their mean error; a method of which no run is over last.

use std::cmp::Ordering;

use super::families::{Member, numbers};
use super::standing::Standing;
use super::{Groups, Results, Shown};
use crate::report::distinct::distinct;
use crate::run_key::GroupKey;
use crate::stats::mean;

/// What is compared with each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComparisonColumn {
    /// The batch size.
    pub batch_size: u64,
    /// The number of the families.
    pub number: Option<f64>,
}

impl Groups {
    /// The columns, rising.
    pub fn columns(&self) -> Vec<ComparisonColumn> {
        let mut sizes = self.batch_sizes.clone();
        sizes.sort_unstable();
        let numbers: Vec<Option<f64>> = match &self.families {
            None => vec![None],
            Some(members) => numbers(members).into_iter().map(Some).collect(),
        };
        let of_size = |batch_size: u64| {
            let column = move |number: &Option<f64>| ComparisonColumn {
                batch_size,
                number: *number,
            };
            numbers.iter().map(column)
        };
        sizes.into_iter().flat_map(of_size).collect()
    }

    /// The groups to draw of a column, from the lowest error on.
    pub fn within(&self, column: ComparisonColumn) -> Vec<&Shown> {
        let is_within = |group: &&Shown| self.column(&group.key) == column;
        let mut groups: Vec<&Shown> = self.at(column.batch_size).filter(is_within).collect();
        groups.sort_by_key(|group| self.place(&group.key.label));
        groups
    }

    /// The column of a group.
    pub fn column(&self, key: &GroupKey) -> ComparisonColumn {
        ComparisonColumn {
            batch_size: key.batch_size,
            number: self.member(&key.label).map(|member| member.number),
        }
    }

    /// A column in words, as briefly as tells it from the others: "batch size 50", "depth 8", "batch size 50 and
    /// depth 8".
    pub fn column_name(&self, column: ComparisonColumn) -> String {
        let size = format!("batch size {}", column.batch_size);
        let member = self.families.iter().flatten().next();
        match (member, column.number) {
            (Some(member), Some(number)) if self.batch_sizes.len() == 1 => member.with(number),
            (Some(member), Some(number)) => format!("{size} and {}", member.with(number)),
            _ => size,
        }
    }

    /// What a label is called within its column: without the number of the families.
    pub fn name<'l>(&'l self, label: &'l str) -> &'l str {
        self.member(label)
            .map_or(label, |member| member.name.as_str())
    }

    /// The label that another is compared with: that of the experiment's first method, in the same column.
    pub fn first_beside(&self, label: &str) -> Option<&String> {
        let first = self.name(self.labels.first()?);
        let number = |label: &str| self.member(label).map(|member| member.number);
        let mut labels = self.labels.iter();
        labels.find(|other| self.name(other) == first && number(other) == number(label))
    }

    /// The names, from the lowest error on.
    pub fn names(&self) -> Vec<&str> {
        distinct(self.by_error.iter().map(|label| self.name(label)))
    }

    fn member(&self, label: &str) -> Option<&Member> {
        self.families.as_ref()?.get(self.slot(label)?)
    }

    /// A label's place in the order by error.
    pub fn place(&self, label: &str) -> Option<usize> {
        self.by_error.iter().position(|other| other == label)
    }

    /// Whether a group has the lowest error of its column: none of its runs diverged, and no other such group has less.
    pub fn is_lowest(&self, key: &GroupKey) -> bool {
        let whole = |key: &GroupKey| self.standing(key).filter(|own| own.lost == 0.0);
        let column = self.column(key);
        whole(key).is_some_and(|own| {
            let others = self.at(column.batch_size);
            let mut others = others.filter(|other| self.column(&other.key) == column);
            !others.any(|other| whole(&other.key).is_some_and(|other| other.error < own.error))
        })
    }

    /// The mean of the ranks that a name has in the columns in which a run of it is over, 1 for the lowest error; NaN where
    /// there is none.
    pub fn mean_rank(&self, name: &str) -> f64 {
        match self.rank(name, &self.columns()) {
            (rank, _) if rank.is_finite() => rank + 1.0,
            _ => f64::NAN,
        }
    }

    /// The labels in the order of their errors, by the rule of this file.
    pub(super) fn ordered(&self) -> Vec<String> {
        let columns = self.columns();
        let names = distinct(self.labels.iter().map(|label| self.name(label)));
        let ranked = names
            .into_iter()
            .map(|name| (self.rank(name, &columns), name));
        let mut ranked: Vec<((f64, f64), &str)> = ranked.collect();
        ranked.sort_by(|((rank, error), _), ((other, others), _)| {
            rank.total_cmp(other).then(error.total_cmp(others))
        });
        let labels = ranked.into_iter().flat_map(|(_, name)| {
            let own = self.labels.iter().filter(|label| self.name(label) == name);
            let mut own: Vec<&String> = own.collect();
            let number = |label: &String| self.member(label).map_or(0.0, |member| member.number);
            own.sort_by(|one, other| number(one).total_cmp(&number(other)));
            own
        });
        labels.cloned().collect()
    }

    /// The mean rank of a name over the columns in which a run of it is over, and its mean error there; infinite where
    /// there is none. Where every run diverged, all images count as misclassified.
    fn rank(&self, name: &str, columns: &[ComparisonColumn]) -> (f64, f64) {
        let (mut ranks, mut errors) = (Vec::new(), Vec::new());
        for column in columns {
            let beside = self.at(column.batch_size);
            let beside = beside.filter(|group| self.column(&group.key) == *column);
            let standings = beside.filter_map(|group| {
                Some((self.name(&group.key.label), self.standing(&group.key)?))
            });
            let standings: Vec<(&str, Standing)> = standings.collect();
            let Some((_, own)) = standings.iter().find(|(other, _)| *other == name) else {
                continue;
            };
            let better = standings
                .iter()
                .filter(|(_, other)| other.compare(own) == Ordering::Less);
            ranks.push(better.count() as f64);
            errors.push(own.error.min(1.0));
        }
        match ranks.is_empty() {
            true => (f64::INFINITY, f64::INFINITY),
            false => (mean(&ranks), mean(&errors)),
        }
    }
}

/// Rows about groups by column, within it in the order by error, then by learning rate.
pub fn in_order<'r, R>(
    results: &Results,
    rows: &'r [R],
    group: impl Fn(&R) -> &GroupKey,
) -> Vec<&'r R> {
    let (groups, columns) = (&results.groups, results.groups.columns());
    let place = |row: &R| {
        let key = group(row);
        let column = groups.column(key);
        let column = columns.iter().position(|other| *other == column);
        (column, groups.place(&key.label))
    };
    let mut rows: Vec<&R> = rows.iter().collect();
    rows.sort_by(|one, other| {
        let by_place = place(one).cmp(&place(other));
        by_place.then(group(one).lr.total_cmp(&group(other).lr))
    });
    rows
}

#[cfg(test)]
mod tests {
    use crate::report::comparison::conclusion::tests::{HIGH, LOW, results};
    use crate::report::comparison::{pivot, tables};

    #[test]
    fn methods_stand_by_mean_rank_then_mean_error_and_what_lost_runs_behind() {
        let made = results(&[
            ("far", 1, &[0.50, 0.52, 0.54]),
            ("lost", 1, &[0.01, 0.02, f64::NAN]),
            ("gone", 1, &[f64::NAN; 3]),
            ("near", 1, LOW),
            ("mid", 1, HIGH),
            // Ranks 2, 0 and 0, 2: equal, so the mean error decides.
            ("far", 50, LOW),
            ("near", 50, &[0.40, 0.41, 0.42]),
            ("mid", 50, HIGH),
            ("alone", 2, &[0.6, 0.6, 0.6]),
        ]);
        // Ranks: alone 0; near (0 + 2)/2, mid (1 + 1)/2, far (2 + 0)/2, with errors 0.265, 0.31, 0.32; lost 3; gone 4.
        assert_eq!(
            made.groups.names(),
            ["alone", "near", "mid", "far", "lost", "gone"]
        );
        let first: Vec<String> = pivot::errors(&made)
            .rows
            .into_iter()
            .map(|row| row[0].clone())
            .collect();
        assert_eq!(first, made.groups.names());
        let at_1 = tables::summary(&made)
            .rows
            .into_iter()
            .filter(|row| row[1] == "1");
        let at_1: Vec<String> = at_1.map(|row| row[0].clone()).collect();
        assert_eq!(at_1, ["near", "mid", "far", "lost", "gone"]);
    }

    #[test]
    fn labels_with_a_number_stand_by_the_ranks_of_their_names_at_each_number() {
        let made = results(&[
            ("a, depth 8", 1, HIGH),
            ("b, depth 8", 1, LOW),
            ("a, depth 56", 1, &[0.5, 0.5, 0.5]),
            ("b, depth 56", 1, HIGH),
            ("a, depth 20", 1, HIGH),
            ("b, depth 20", 1, LOW),
        ]);
        let groups = &made.groups;
        assert_eq!(groups.names(), ["b", "a"]);
        let columns = groups.columns();
        let names: Vec<String> = columns
            .iter()
            .map(|column| groups.column_name(*column))
            .collect();
        assert_eq!(names, ["depth 8", "depth 20", "depth 56"]);
        let within = groups.within(columns[2]);
        let within: Vec<&str> = within
            .iter()
            .map(|group| group.key.label.as_str())
            .collect();
        assert_eq!(within, ["b, depth 56", "a, depth 56"]);
        assert!(groups.is_lowest(&groups.within(columns[2])[0].key));
        // Each is compared with the first name at its own number.
        let paired = made
            .paired
            .iter()
            .map(|row| (row.group.label.as_str(), row.baseline_label.as_str()));
        let paired: Vec<(&str, &str)> = paired.collect();
        assert_eq!(
            paired,
            [
                ("b, depth 8", "a, depth 8"),
                ("b, depth 56", "a, depth 56"),
                ("b, depth 20", "a, depth 20")
            ]
        );
    }
}
