//! Equal-width histograms with the normal density to compare them with.

use super::moments::quantile_of_sorted;
use super::sample::Sample;
use super::special::{normal_cdf, normal_pdf, normal_sf};

/// How many bins, and over which range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bins {
    /// Number of bins; `None` for the rule of Freedman and Diaconis, at most [`Bins::MAX_AUTOMATIC`].
    pub count: Option<usize>,
    /// Lower and upper end; `None` for the extremes of the sample.
    pub range: Option<(f64, f64)>,
}

impl Bins {
    /// Largest automatic number of bins: more show noise.
    pub const MAX_AUTOMATIC: usize = 80;

    /// Largest number of bins that can be asked for.
    pub const MAX_COUNT: usize = 1_000_000;
}

/// A normal distribution to compare with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation; 0 for all weight on the mean.
    pub std_dev: f64,
}

impl Normal {
    /// N(0, 1).
    pub const STANDARD: Normal = Normal {
        mean: 0.0,
        std_dev: 1.0,
    };

    /// The normal of the sample's mean and standard deviation; no spread for a single value.
    pub fn fitted(sample: &Sample) -> Normal {
        Normal {
            mean: sample.mean(),
            std_dev: sample.std_dev().max(0.0),
        }
    }

    /// The density at `x`, exp(−(x − μ)²/2σ²)/(σ√(2π)).
    pub fn density(&self, x: f64) -> f64 {
        normal_pdf((x - self.mean) / self.std_dev) / self.std_dev
    }

    /// P(low ≤ X < high), from the tail nearer to the bin so that far bins keep their digits.
    fn probability(&self, low: f64, high: f64) -> f64 {
        if self.std_dev == 0.0 {
            return f64::from((low..high).contains(&self.mean));
        }
        let standardized = |x: f64| (x - self.mean) / self.std_dev;
        let (a, b) = (standardized(low), standardized(high));
        if a > 0.0 {
            normal_sf(a) - normal_sf(b)
        } else {
            normal_cdf(b) - normal_cdf(a)
        }
    }
}

/// One bin: low ≤ x < high, the last one closed at both ends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Number of values inside.
    pub count: usize,
    /// count/(n·width), n being all values, those outside the range included.
    pub density: f64,
    /// Mean density of the reference normal over the bin, its probability divided by the width:
    /// what `density` estimates if the reference is true.
    pub normal_density: f64,
}

/// Counts of a sample in equal-width bins.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The bins, ascending, adjoining; never empty.
    pub bins: Vec<Bin>,
    /// Number of values below the range.
    pub below: usize,
    /// Number of values above the range.
    pub above: usize,
}

impl Histogram {
    /// Counts a sample.
    ///
    /// A range of no width (a constant sample) is widened by ½ on both sides. `None` for zero
    /// bins or more than [`Bins::MAX_COUNT`], a given range that is not finite and ascending, or one too narrow or too wide for a double to
    /// tell its bins apart.
    pub fn new(sample: &Sample, bins: Bins, reference: Normal) -> Option<Histogram> {
        let (low, high) = match bins.range {
            Some(given) => given,
            None if sample.min() == sample.max() => (sample.min() - 0.5, sample.max() + 0.5),
            None => (sample.min(), sample.max()),
        };
        let span = high - low;
        let count = bins.count.unwrap_or_else(|| automatic_count(sample, span));
        let width = span / count as f64;
        let distinguishable = low + width > low && high - width < high;
        if !(1..=Bins::MAX_COUNT).contains(&count) || !span.is_finite() || !distinguishable {
            return None;
        }
        let mut edges: Vec<f64> = (0..count).map(|k| low + k as f64 * width).collect();
        edges.push(high);
        let sorted = sample.sorted();
        let rank = |edge: &f64| sorted.partition_point(|value| value < edge);
        let mut ranks: Vec<usize> = edges.iter().map(rank).collect();
        ranks[count] = sorted.partition_point(|value| *value <= high);
        let n = sample.n() as f64;
        let bin = |(ends, ranks): (&[f64], &[usize])| {
            let count = ranks[1] - ranks[0];
            Bin {
                low: ends[0],
                high: ends[1],
                count,
                density: count as f64 / (n * width),
                normal_density: reference.probability(ends[0], ends[1]) / width,
            }
        };
        Some(Histogram {
            bins: edges.windows(2).zip(ranks.windows(2)).map(bin).collect(),
            below: ranks[0],
            above: sample.n() - ranks[count],
        })
    }

    /// The same bins, to count another sample in.
    pub fn same_bins(&self) -> Bins {
        let ends = self.bins.first().zip(self.bins.last());
        Bins {
            count: Some(self.bins.len()),
            range: ends.map(|(first, last)| (first.low, last.high)),
        }
    }
}

/// ⌈span/w⌉ with w = 2·IQR/n^{1/3} (D. Freedman and P. Diaconis, 1981), or Sturges' ⌈log₂ n⌉ + 1
/// where half the sample is one value; between 1 and [`Bins::MAX_AUTOMATIC`].
fn automatic_count(sample: &Sample, span: f64) -> usize {
    let quartile = |q| quantile_of_sorted(sample.sorted(), q);
    let n = sample.n() as f64;
    let width = 2.0 * (quartile(0.75) - quartile(0.25)) / n.cbrt();
    let count = if width > 0.0 {
        (span / width).ceil()
    } else {
        n.log2().ceil() + 1.0
    };
    count.clamp(1.0, Bins::MAX_AUTOMATIC as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::goldens::{assert_relative, column, named_samples, rows};

    #[test]
    fn counts_agree_with_numpy() {
        let mut seen = 0;
        for row in rows("histogram") {
            let name = row["sample"].as_str().unwrap();
            let (_, values, _) = named_samples().into_iter().find(|s| s.0 == name).unwrap();
            let sample = Sample::new(values).unwrap();
            let range = column(&row, "range");
            let bins = Bins {
                count: row["bins"].as_u64().map(|bins| bins as usize),
                range: (range.len() == 2).then(|| (range[0], range[1])),
            };
            let got = Histogram::new(&sample, bins, Normal::fitted(&sample)).unwrap();
            let counts: Vec<f64> = got.bins.iter().map(|bin| bin.count as f64).collect();
            assert_eq!(counts, column(&row, "counts"), "{name}");
            let (densities, normal) = (column(&row, "densities"), column(&row, "normal"));
            for (k, bin) in got.bins.iter().enumerate() {
                assert_relative(bin.density, densities[k], 1e-10, name);
                assert_relative(bin.normal_density, normal[k], 1e-8, name);
            }
            let inside: usize = got.bins.iter().map(|bin| bin.count).sum();
            assert_eq!(inside + got.below + got.above, sample.n());
            seen += 1;
        }
        assert!(seen >= 4);
    }

    #[test]
    fn bins_adjoin_and_the_last_is_closed() {
        let sample = Sample::new([0.0, 0.5, 1.0, 1.5, 2.0, -1.0, 9.0]).unwrap();
        let bins = Bins {
            count: Some(2),
            range: Some((0.0, 2.0)),
        };
        let got = Histogram::new(&sample, bins, Normal::STANDARD).unwrap();
        assert_eq!((got.below, got.above), (1, 1));
        assert_eq!([got.bins[0].count, got.bins[1].count], [2, 3]);
        assert_eq!(got.bins[0].high, got.bins[1].low);
        assert_relative(
            got.bins[0].normal_density,
            0.341_344_746_068_542_9,
            1e-10,
            "Φ(1) − ½",
        );
    }

    #[test]
    fn a_constant_sample_has_one_full_bin() {
        let sample = Sample::new([3.0; 8]).unwrap();
        let reference = Normal::fitted(&sample);
        let got = Histogram::new(&sample, Bins::default(), reference).unwrap();
        let full: Vec<&Bin> = got.bins.iter().filter(|bin| bin.count > 0).collect();
        assert_eq!((full.len(), full[0].count), (1, 8));
        assert_eq!(full[0].density, full[0].normal_density);
        assert_eq!(
            (got.bins[0].low, got.bins[got.bins.len() - 1].high),
            (2.5, 3.5)
        );
    }

    #[test]
    fn impossible_bins_are_refused() {
        let sample = Sample::new([1.0, 2.0]).unwrap();
        for range in [
            (1.0, 1.0),
            (2.0, 1.0),
            (f64::NAN, 1.0),
            (0.0, f64::INFINITY),
        ] {
            let bins = Bins {
                count: Some(3),
                range: Some(range),
            };
            assert_eq!(Histogram::new(&sample, bins, Normal::STANDARD), None);
        }
        for count in [0, Bins::MAX_COUNT + 1, usize::MAX] {
            let bins = Bins {
                count: Some(count),
                range: None,
            };
            assert_eq!(Histogram::new(&sample, bins, Normal::STANDARD), None);
        }
        let crowded = Bins {
            count: Some(4),
            range: Some((1.0, 1.0 + f64::EPSILON)),
        };
        assert_eq!(Histogram::new(&sample, crowded, Normal::STANDARD), None);
    }

    #[test]
    fn automatic_bins_are_capped() {
        let mut values: Vec<f64> = (0..1000).map(f64::from).collect();
        values.push(1e9);
        let got = Histogram::new(
            &Sample::new(values).unwrap(),
            Bins::default(),
            Normal::STANDARD,
        );
        assert_eq!(got.unwrap().bins.len(), Bins::MAX_AUTOMATIC);
    }
}
