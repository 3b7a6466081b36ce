//! Lines in pixels: broken at gaps, thinned where crowded, marked here and there.

/// Series with more points than this carry markers at some of them only.
const MOST_MARKERS: usize = 16;
/// A stretch of a line without gaps, in pixels.
pub type Stretch = Vec<(f64, f64)>;

/// Collects runs of `Some`.
pub fn unbroken<T>(items: impl Iterator<Item = Option<T>>) -> Vec<Vec<T>> {
    let mut runs = vec![Vec::new()];
    for item in items {
        match (item, runs.last_mut()) {
            (Some(item), Some(run)) => run.push(item),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The lowest and the highest point of each crowded pixel column, and both ends of the line: the
/// same picture from a file that does not grow with the number of steps.
pub fn thin_out(stretch: &[(f64, f64)]) -> Stretch {
    let mut kept: Stretch = stretch.first().copied().into_iter().collect();
    for column in stretch.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        if column.len() <= 3 {
            kept.extend_from_slice(column);
            continue;
        }
        let heights = || column.iter().enumerate();
        let lowest = heights().min_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let highest = heights().max_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let mut extremes: Vec<_> = lowest.into_iter().chain(highest).collect();
        extremes.sort_unstable_by_key(|(index, _)| *index);
        kept.extend(extremes.into_iter().map(|(_, point)| *point));
    }
    kept.extend(stretch.last());
    kept.dedup();
    kept
}

/// Pixels along a line, close enough together that no label slips between them.
pub fn sampled(stretch: &[(f64, f64)]) -> Stretch {
    const DISTANCE: f64 = 5.0;
    let thin = thin_out(stretch);
    let between = |pair: &[(f64, f64)]| {
        let ((x, y), (next_x, next_y)) = (pair[0], pair[1]);
        // A line that leaves the picture is not followed far.
        let count = ((next_x - x).hypot(next_y - y) / DISTANCE).clamp(1.0, 400.0) as usize;
        let at = move |index: usize| {
            let blend = index as f64 / count as f64;
            (x + blend * (next_x - x), y + blend * (next_y - y))
        };
        (0..count).map(at).collect::<Stretch>()
    };
    let lines = thin.windows(2).flat_map(between);
    lines.chain(thin.last().copied()).collect()
}

/// Where markers stand: at every point of a short series, at evenly spread ones of a long series
/// (set off by the line's place, so that series do not hide each other), and always at lone points.
pub fn marked(stretches: &[Stretch], place: usize) -> Stretch {
    let count: usize = stretches.iter().map(Vec::len).sum();
    let step = match count {
        0..=MOST_MARKERS => 1,
        _ => count.div_ceil(10),
    };
    let offset = place * step.div_ceil(3) % step;
    let with_alone = |stretch: &Stretch| {
        let alone = stretch.len() == 1;
        let points = stretch.clone().into_iter();
        points.map(move |point| (point, alone))
    };
    let points = stretches.iter().flat_map(with_alone).enumerate();
    let kept = points.filter(|(index, (_, alone))| *alone || index % step == offset);
    kept.map(|(_, (point, _))| point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let stretch: Stretch = (0..10_000)
            .map(|index| {
                (
                    f64::from(index) / 100.0,
                    if index == 5_055 {
                        99.0
                    } else {
                        f64::from(index % 7)
                    },
                )
            })
            .collect();
        let thin = thin_out(&stretch);
        assert!(thin.len() <= 202);
        assert_eq!(
            (thin.first(), thin.last()),
            (stretch.first(), stretch.last())
        );
        assert!(thin.contains(&(50.55, 99.0)));
        assert!(thin.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    #[test]
    fn long_series_carry_few_markers_at_different_places() {
        let stretch: Stretch = (0..100).map(|index| (f64::from(index), 0.0)).collect();
        let marks = |place| marked(std::slice::from_ref(&stretch), place);
        let (first, second) = (marks(0), marks(1));
        assert_eq!(first.len(), 10);
        assert!(first.iter().all(|point| !second.contains(point)));
        assert_eq!(marked(&[stretch[..9].to_vec()], 3).len(), 9);
        assert_eq!(
            marked(&[stretch, vec![(200.0, 0.0)]], 0).last(),
            Some(&(200.0, 0.0))
        );
    }

    #[test]
    fn samples_along_a_line_are_close_together() {
        let samples = sampled(&[(0.0, 0.0), (100.0, 0.0), (100.0, 1e5)]);
        assert!(samples.len() >= 20 && samples.len() < 600);
        assert_eq!(samples.last(), Some(&(100.0, 1e5)));
        assert_eq!(sampled(&[(3.0, 4.0)]), [(3.0, 4.0)]);
    }

    #[test]
    fn runs_end_at_gaps() {
        let runs = unbroken([None, Some(1), Some(2), None, None, Some(3)].into_iter());
        assert_eq!(runs, [vec![1, 2], vec![3]]);
    }
}
