//! How many times fewer steps to the target than `none`.

use crate::draw::{Axis, Figure, IntervalGroup, IntervalPlot, IntervalRow, ReferenceLine};
use crate::report::comparison::columns::ComparisonColumn;
use crate::report::comparison::final_errors::summary_of;
use crate::report::comparison::speedup::compared_with;
use crate::report::comparison::tables::speedup_text;
use crate::report::comparison::{Draw, PictureKind, Results, Shown, Topic};
use crate::text::capitalized;
use crate::text::numbers::significant;

/// Steps of `none` to the target divided by those of each method.
pub const PICTURE: PictureKind =
    PictureKind::new("speedup", Topic::Convergence, Draw::Once(figure))
        .drawn_from("summary.csv")
        .captioned(
            "Without a mark: a bound, since the target was not reached with every seed. The error is measured after each \
             epoch.",
        );

fn figure(results: &Results) -> Option<Figure> {
    let groups = &results.groups;
    let target = results.manifest.as_ref()?.target_test_error?;
    let other = compared_with(&results.summary, groups)?;
    let row = |group: &Shown| {
        let speedup = &summary_of(results, &group.key)?.speedup;
        (!speedup.speedup_over.is_empty()).then(|| IntervalRow {
            label: groups.name(&group.key.label).to_owned(),
            value: match speedup.speedup_bound {
                None => speedup.speedup,
                Some(_) => f64::NAN,
            },
            interval: Some((speedup.speedup_ci_low, speedup.speedup_ci_high)),
            text: speedup_text(speedup),
            style: Some(group.style),
            ..IntervalRow::default()
        })
    };
    let column = |column: ComparisonColumn| IntervalGroup {
        label: capitalized(&groups.column_name(column)),
        rows: groups.within(column).into_iter().filter_map(row).collect(),
    };
    let mut columns: Vec<IntervalGroup> = groups.columns().into_iter().map(column).collect();
    columns.retain(|group| !group.rows.is_empty());
    let has_value = |group: &IntervalGroup| group.rows.iter().any(|row| row.value.is_finite());
    columns.iter().find(|group| has_value(group))?;
    let plot = IntervalPlot {
        title: format!(
            "Times fewer steps than {other} to a test error of {} %",
            significant(100.0 * target, 3)
        ),
        subtitle: results.about(&format!(
            "geometric mean over seeds, with its 95 % paired t interval from three seeds on{}",
            groups.rate_note()
        )),
        axis: Axis::new(format!("Steps of {other} / steps of the method")).log(),
        groups: columns,
        references: vec![ReferenceLine::new(1.0, other)],
        ..IntervalPlot::default()
    };
    Some(plot.figure())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Status;
    use crate::report::comparison::differences::tests::run;
    use crate::report::comparison::speedup::tests::made;

    #[test]
    fn ratios_have_marks_and_bounds_a_text_only() {
        let never: &[f64] = &[0.9, 0.8, 0.7];
        let of = |label: &str, errors: &[f64]| {
            (0..3)
                .map(|seed| run(label, seed, errors, Status::Finished))
                .collect::<Vec<_>>()
        };
        let none = of("none", &[0.9, 0.5, 0.3]);
        let fast = of("fast", &[0.9, 0.3]);
        let slow = of("slow", never);
        let svg = figure(&made([none.clone(), fast, slow.clone()].concat()));
        let svg = svg.unwrap().svg();
        for text in [
            ">Times fewer steps than none to a test error of 30.0 %<",
            ">2.00 [2.00, 2.00]<",
            ">&lt; 1.00<",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        // Bounds alone make no picture.
        assert_eq!(figure(&made([none, slow].concat())), None);
    }
}
