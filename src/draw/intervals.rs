//! Values with intervals in named groups, one row each: method by batch size.
//!
//! Every row carries its own name and its value in figures, so the picture needs no legend and
//! loses nothing in gray print.

use super::interval_row::IntervalRow;
use super::{Axis, ReferenceLine, Span};

/// How a value is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntervalMark {
    /// A marker at the value: right for any axis, also one without zero.
    #[default]
    Dot,
    /// A bar from zero to the value (a dot on a log axis, which has no zero).
    Bar,
}

/// Rows under a common heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntervalGroup {
    /// The heading, for example "Batch size 1"; none is drawn when empty.
    pub label: String,
    /// The rows from top to bottom.
    pub rows: Vec<IntervalRow>,
}

/// A dot-and-whisker plot, or a bar chart, with horizontal rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntervalPlot {
    /// The title.
    pub title: String,
    /// A second, lighter line below the title: what the whiskers are.
    pub subtitle: String,
    /// The axis of the values.
    pub axis: Axis,
    /// Dots or bars.
    pub mark: IntervalMark,
    /// The groups from top to bottom.
    pub groups: Vec<IntervalGroup>,
    /// Labeled vertical lines.
    pub references: Vec<ReferenceLine>,
}

impl IntervalPlot {
    /// All rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = &IntervalRow> {
        self.groups.iter().flat_map(|group| &group.rows)
    }

    /// What the axis has to show for some of the groups; `None` without a value to draw.
    pub(super) fn span(&self, groups: &[IntervalGroup]) -> Option<Span> {
        let of_row = |row: &IntervalRow| [row.outcomes.clone(), vec![row.value]].concat();
        let rows = || groups.iter().flat_map(|group| &group.rows);
        let values = || rows().flat_map(of_row);
        self.axis.span(values(), 0.0)?;
        let ends = rows().filter_map(|row| row.interval);
        let ends = ends.flat_map(|(low, high)| [low, high]);
        let references = self.references.iter().map(|reference| reference.value);
        let mut axis = self.axis.clone();
        axis.include_zero |= self.mark == IntervalMark::Bar;
        let span = axis.span(values().chain(ends).chain(references), 0.04)?;
        Some(span.comparing(rows().map(|row| row.value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, value: f64) -> IntervalRow {
        IntervalRow {
            label: label.into(),
            value,
            interval: Some((value - 0.02, value + 0.02)),
            outcomes: vec![value - 0.01, value + 0.01],
            text: format!("{value:.3}"),
            style: None,
        }
    }

    fn plot(mark: IntervalMark, rows: Vec<IntervalRow>) -> IntervalPlot {
        let group = IntervalGroup {
            label: "Batch size 1".into(),
            rows,
        };
        IntervalPlot {
            mark,
            axis: Axis::new("Test error"),
            groups: vec![group],
            ..IntervalPlot::default()
        }
    }

    #[test]
    fn rows_without_a_value_keep_their_text() {
        let diverged = IntervalRow {
            label: "bn".into(),
            value: f64::NAN,
            text: "diverged".into(),
            ..IntervalRow::default()
        };
        let figure = plot(IntervalMark::Dot, vec![diverged.clone(), row("none", 0.5)]).figure();
        assert!(figure.svg().contains(">diverged<"));
        assert_eq!(figure.svg().matches("stroke-width=\"0.8\"").count(), 1);
        assert!(
            plot(IntervalMark::Bar, vec![diverged])
                .figure()
                .svg()
                .contains(">no data<")
        );
        assert!(IntervalPlot::default().figure().png().is_ok());
    }

    fn groups(count: usize, rows: impl Fn(usize) -> Vec<IntervalRow>) -> IntervalPlot {
        let group = |index| IntervalGroup {
            label: format!("Batch size {index}"),
            rows: rows(index),
        };
        IntervalPlot {
            axis: Axis::new("Test error"),
            groups: (0..count).map(group).collect(),
            ..IntervalPlot::default()
        }
    }

    #[test]
    fn a_group_that_another_would_squash_has_a_range_of_its_own() {
        let axes = |factor: f64| {
            let rows =
                |index: usize| vec![row("bn", 0.1), row("none", 0.2 + factor * index as f64)];
            let svg = groups(2, rows).figure().svg();
            svg.matches(&format!("stroke=\"{}\" stroke-width=\"1\"/>", "#8c8c8c"))
                .count()
        };
        assert!(axes(10.0) > axes(0.0) + 3, "{} {}", axes(10.0), axes(0.0));
    }

    #[test]
    fn many_methods_stand_once_beside_a_column_a_group() {
        let rows = |_| {
            (0..9)
                .map(|index| row(&format!("m{index}"), 0.1 * index as f64))
                .collect()
        };
        let figure = groups(3, rows).figure();
        let svg = figure.svg();
        assert_eq!(svg.matches(">m3<").count(), 1);
        assert_eq!(svg.matches(">0.300<").count(), 3);
        assert!(figure.height < 400.0, "{}", figure.height);
    }
}
