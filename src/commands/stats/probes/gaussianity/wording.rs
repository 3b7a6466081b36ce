//! What the figures say, in sentences: sizes of effects first, p-values last.

use super::measured::{LayerGaussianity, p_value as p_of};
use crate::probe::gaussianity::Gaussianity;
use crate::stats::{SampleSummary, range, std_dev};
use crate::text::numbers::{count, p_value, significant};

/// A distance between distribution functions that no eye sees in a histogram.
const CLOSE: f64 = 0.02;
/// One that a histogram shows at a second look.
const NEAR: f64 = 0.05;
/// One that is seen at once.
const FAR: f64 = 0.1;

/// Critical value of √n·D at the 5 % level, n large (Kolmogorov's distribution).
const CRITICAL: f64 = 1.3581;

/// What no figure here can tell.
pub const CAVEAT: &str = "\
Read the effect sizes first: the KS distance is the largest difference between the two distribution \
functions (0 to 1). With this many values the tests call deviations significant that no one could see, \
so a small p-value says that there are many values, not that the deviation matters; and units and \
positions of one image depend on each other, which makes every p-value too small. A pooled histogram mixes \
units with means and spreads of their own and may look normal where none of them is, or the reverse: \
gaussianity-units.csv has each unit.";

/// A sentence or three on one layer.
pub fn verdict(layer: &LayerGaussianity) -> String {
    let (pooled, summary) = (&layer.pooled, &layer.pooled.summary);
    let distance = pooled.standard.statistic;
    let n = summary.n as f64;
    format!(
        "Layer {} ({}): the pre-activation is {} the standard normal (KS distance {}; mean {}, std {}, \
         skewness {}, excess kurtosis {}). {}{} Tests: KS against N(0, 1) p {}, Lilliefors p {}, \
         Anderson-Darling p {}, Shapiro-Wilk p {}; with n = {} a distance above {} already has p < 0.05.",
        layer.read.layer,
        layer.read.name,
        closeness(distance),
        significant(distance, 2),
        significant(summary.mean, 2),
        significant(summary.std_dev, 3),
        significant(summary.skewness, 2),
        significant(summary.excess_kurtosis, 2),
        cause(pooled),
        units(layer),
        p_value(pooled.standard.p_value),
        p_value(p_of(pooled.fitted)),
        p_value(p_of(pooled.anderson_darling)),
        p_value(p_of(pooled.shapiro_wilk)),
        count(summary.n as u64),
        significant(CRITICAL / n.sqrt(), 2),
    )
}

fn closeness(distance: f64) -> &'static str {
    match distance {
        d if d < CLOSE => "as good as",
        d if d < NEAR => "close to",
        d if d < FAR => "visibly different from",
        _ => "far from",
    }
}

/// How much of the distance goes away with the sample's own mean and standard deviation.
fn cause(pooled: &Gaussianity) -> String {
    let Some(fitted) = pooled.fitted else {
        return "All values are equal or there are too few to fit a normal. ".into();
    };
    let (standard, own) = (pooled.standard.statistic, fitted.statistic);
    let distance = significant(own, 2);
    if standard < CLOSE {
        format!("Against the normal of its own mean and std the distance is {distance}. ")
    } else if own < NEAR && own < 0.5 * standard {
        format!(
            "Most of that is mean and spread: against the normal of its own mean and std the distance is {distance}. "
        )
    } else {
        let part = if own < 0.75 * standard {
            "Mean and spread are a part of that, the rest is "
        } else {
            "That is "
        };
        format!(
            "{part}{}: against the normal of its own mean and std the distance is still {distance}. ",
            shape(&pooled.summary)
        )
    }
}

fn shape(summary: &SampleSummary) -> &'static str {
    let (skewness, kurtosis) = (summary.skewness.abs(), summary.excess_kurtosis);
    match (skewness > 0.5, kurtosis > 1.0, kurtosis < -0.5) {
        (true, true, _) => {
            "its shape, lopsided and with a sharper peak and longer tails than a normal"
        }
        (true, _, _) => "its shape, lopsided",
        (_, true, _) => "its shape, a sharper peak and longer tails than a normal",
        (_, _, true) => "its shape, flatter and with shorter tails than a normal",
        _ => "its shape",
    }
}

/// How the single units fare.
fn units(layer: &LayerGaussianity) -> String {
    let total = layer.units.len();
    let fitted = layer.units.iter().filter_map(|unit| unit.fitted);
    let mut distances: Vec<f64> = fitted.map(|test| test.statistic).collect();
    distances.sort_unstable_by(f64::total_cmp);
    let Some((&median, &worst)) = distances.get(distances.len() / 2).zip(distances.last()) else {
        return format!("None of its {total} units has a spread to test.");
    };
    let good = distances.iter().filter(|&&one| one < NEAR).count();
    let means: Vec<f64> = layer.units.iter().map(|unit| unit.summary.mean).collect();
    let (narrowest, widest) = range(layer.units.iter().map(|unit| unit.summary.std_dev));
    format!(
        "Unit by unit, {good} of {total} lie within {NEAR} of their own normal (median {}, worst {}); \
         their means spread by {} (standard deviation), their stds run from {} to {}.",
        significant(median, 2),
        significant(worst, 2),
        significant(std_dev(&means), 2),
        significant(narrowest, 2),
        significant(widest, 2),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance::gaussian;
    use crate::probe::images::to_values;

    fn of(values: Vec<f64>) -> Gaussianity {
        Gaussianity::of(&values, 0).unwrap().0
    }

    #[test]
    fn the_cause_is_told_apart() {
        let normal = to_values(&gaussian(&[20_000], 1));
        let wide = of(normal.iter().map(|z| 3.0 * z + 1.0).collect());
        assert!(cause(&wide).contains("mean and spread"), "{}", cause(&wide));
        let squared = of(normal.iter().map(|z| z * z).collect());
        assert!(cause(&squared).contains("lopsided"), "{}", cause(&squared));
        let cubed = of(normal.iter().map(|z| z * z * z).collect());
        assert!(cause(&cubed).contains("longer tails"), "{}", cause(&cubed));
        assert!(cause(&of(vec![1.0; 9])).contains("equal"));
        assert_eq!(closeness(of(normal).standard.statistic), "as good as");
    }
}
