//! What charts show in words, for those who cannot see them: which lines and rows lie lowest and highest.

use super::{IntervalGroup, LineChart, Point, Series};

/// So many of the lowest are named; beyond them the highest alone.
const NAMED: usize = 3;

impl LineChart {
    /// The lines at the end, and at the start too where that says more than where training starts.
    pub(super) fn summary(&self) -> String {
        let start = (!self.x.integer).then_some(End::First);
        let ends = start.into_iter().chain([End::Last]);
        let sentences =
            ends.filter_map(|end| in_order_at(self, end).map(|text| format!("At {text}")));
        sentences.collect::<Vec<_>>().join(" ")
    }
}

/// A sentence for each panel, about its end.
pub fn of_panels(panels: &[LineChart]) -> String {
    let sentence = |chart: &LineChart| {
        let text = in_order_at(chart, End::Last)?;
        Some(format!("{}: at {text}", chart.title))
    };
    let sentences = panels.iter().filter_map(sentence);
    sentences.collect::<Vec<_>>().join(" ")
}

/// An end of the horizontal axis.
#[derive(Clone, Copy, PartialEq)]
enum End {
    First,
    Last,
}

/// Which lines lie lowest and highest at an end, of those that reach it.
fn in_order_at(chart: &LineChart, end: End) -> Option<String> {
    let point = |line: &Series| match end {
        End::First => line.drawable().next().copied(),
        End::Last => line.drawable().next_back().copied(),
    };
    let lines = chart.series.iter().filter(|line| !line.muted);
    let points: Vec<(&Series, Point)> = lines
        .filter_map(|line| Some((line, point(line)?)))
        .collect();
    let places = points.iter().map(|(_, point)| point.x);
    let place = match end {
        End::First => places.min_by(f64::total_cmp),
        End::Last => places.max_by(f64::total_cmp),
    }?;
    let there = points.iter().filter(|(_, point)| point.x == place);
    let value = |(line, point): &(&Series, Point)| {
        let figures = chart.y.figures(point.y, None);
        (point.y, format!("{} {figures}", line.label))
    };
    let named = in_order(there.map(value).collect())?;
    Some(format!("{}: {named}.", lowered(&chart.x.place(place))))
}

/// A sentence for each group of rows.
pub fn of_rows(groups: &[IntervalGroup]) -> String {
    let sentence = |group: &IntervalGroup| {
        let rows = group.rows.iter().filter(|row| row.value.is_finite());
        let named = rows.map(|row| (row.value, format!("{} {}", row.label, row.text)));
        let named = in_order(named.collect())?;
        Some(match group.label.as_str() {
            "" => format!("{named}."),
            label => format!("{label}: {named}."),
        })
    };
    let sentences: Vec<String> = groups.iter().filter_map(sentence).collect();
    sentences.join(" ")
}

/// The lowest ones and the highest.
fn in_order(mut named: Vec<(f64, String)>) -> Option<String> {
    named.sort_by(|a, b| a.0.total_cmp(&b.0));
    let names: Vec<&str> = named.iter().map(|(_, name)| name.as_str()).collect();
    let (highest, lower) = names.split_last()?;
    Some(match lower {
        [] => (*highest).to_owned(),
        lower if lower.len() <= NAMED => {
            format!("lowest {}, highest {highest}", lower.join(", then "))
        }
        lower => format!(
            "lowest {}, highest of {} {highest}",
            lower[..NAMED].join(", then "),
            names.len()
        ),
    })
}

/// A label within a sentence: "epoch 5".
fn lowered(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Axis, IntervalRow};

    #[test]
    fn lines_are_named_from_the_lowest_end_up() {
        let line =
            |label: &str, end: f64| Series::new(label, [(0.0, 0.9), (5.0, end), (6.0, f64::NAN)]);
        let chart = |title: &str, lines: Vec<Series>| {
            LineChart::new(
                title,
                Axis::new("Epoch").integer(),
                Axis::new("Error").percent(),
                lines,
            )
        };
        let two = chart("A", vec![line("bn", 0.25), line("none", 0.125)]);
        assert_eq!(
            two.summary(),
            "At epoch 5: lowest none 12.5 %, highest bn 25.0 %."
        );
        let many = ["a", "b", "c", "d", "e"].iter().zip(1..);
        let many = chart(
            "B",
            many.map(|(label, n)| line(label, f64::from(n) / 8.0))
                .collect(),
        );
        let sizes = LineChart {
            x: Axis::new("Batch size"),
            ..two.clone()
        };
        assert_eq!(
            sizes.summary(),
            "At batch size 0: lowest bn 90.0 %, highest none 90.0 %. At batch size 5: lowest none 12.5 %, highest bn 25.0 %."
        );
        assert_eq!(
            of_panels(&[two, many, chart("C", Vec::new())]),
            "A: at epoch 5: lowest none 12.5 %, highest bn 25.0 %. \
             B: at epoch 5: lowest a 12.5 %, then b 25.0 %, then c 37.5 %, highest of 5 e 62.5 %."
        );
    }

    #[test]
    fn rows_are_named_with_their_figures() {
        let row = |label: &str, value: f64, text: &str| IntervalRow {
            label: label.into(),
            value,
            text: text.into(),
            ..IntervalRow::default()
        };
        let group = IntervalGroup {
            label: "Batch size 1".into(),
            rows: vec![
                row("bn", 0.9, "90 %"),
                row("none", 0.1, "10 %"),
                row("gone", f64::NAN, "diverged"),
            ],
        };
        assert_eq!(
            of_rows(&[group]),
            "Batch size 1: lowest none 10 %, highest bn 90 %."
        );
    }
}
