//! How well the probabilities of a network are those with which it is right: expected calibration error and Brier score.
//!
//! | | formula | source |
//! | --- | --- | --- |
//! | expected calibration error | Σ_b n_b/N · \|share right in b − mean confidence in b\| | C. Guo et al. 2017, arXiv:1706.04599 |
//! | Brier score | mean over images of Σ_c (p_c − 1{c is the label})² | G. W. Brier 1950 |
//!
//! The confidence is the largest probability. Bin b of [`BINS`] equal ones holds confidences above (b − 1)/15 and up to
//! b/15. The Brier score of several classes lies between 0 and 2. Probabilities are the softmax of the logits in float64.

use super::scores::first_largest;

/// Bins of the confidence, as Guo et al. have them.
pub const BINS: usize = 15;

/// The images whose confidence lies in one bin.
#[derive(Debug, Clone, Copy, Default)]
struct ConfidenceBin {
    right: u64,
    confidence_sum: f64,
}

/// What was seen so far.
#[derive(Debug, Clone, Default)]
pub struct Calibration {
    bins: [ConfidenceBin; BINS],
    brier_sum: f64,
    images: u64,
}

impl Calibration {
    /// Takes in a batch: its logits row by row, `classes` of them a row, and a label for each row.
    ///
    /// Logits from which no probabilities follow (NaN, +∞) make both measures NaN from then on.
    pub fn add(&mut self, logits: &[f64], classes: usize, labels: &[i64]) {
        for (row, &label) in logits.chunks(classes.max(1)).zip(labels) {
            let (prediction, probabilities) = softmax(row);
            let confidence = probabilities[prediction];
            let target = |class: usize| f64::from(u8::from(class as i64 == label));
            let squares = (0..).zip(&probabilities);
            let squares = squares.map(|(class, p)| (p - target(class)).powi(2));
            self.brier_sum += squares.sum::<f64>();
            let bin = &mut self.bins[bin_of(confidence)];
            bin.right += u64::from(prediction as i64 == label);
            bin.confidence_sum += confidence;
            self.images += 1;
        }
    }

    /// Expected calibration error, between 0 and 1; NaN without images.
    pub fn expected_error(&self) -> f64 {
        let gap = |bin: &ConfidenceBin| (bin.right as f64 - bin.confidence_sum).abs();
        self.bins.iter().map(gap).sum::<f64>() / self.images as f64
    }

    /// Brier score, between 0 and 2; NaN without images.
    pub fn brier_score(&self) -> f64 {
        self.brier_sum / self.images as f64
    }
}

/// The class of the first largest logit, and the probabilities of all.
fn softmax(logits: &[f64]) -> (usize, Vec<f64>) {
    let prediction = first_largest(logits);
    let parts = logits
        .iter()
        .map(|logit| (logit - logits[prediction]).exp());
    let mut probabilities: Vec<f64> = parts.collect();
    let sum: f64 = probabilities.iter().sum();
    for probability in &mut probabilities {
        *probability /= sum;
    }
    (prediction, probabilities)
}

/// The bin of a confidence; that of NaN does not matter, since its sum is NaN whichever it is.
fn bin_of(confidence: f64) -> usize {
    let above = (confidence * BINS as f64).ceil() as usize;
    above.clamp(1, BINS) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was seen of images with these probabilities.
    fn seen(images: &[(&[f64], i64)]) -> Calibration {
        let mut calibration = Calibration::default();
        for (probabilities, label) in images {
            let logits: Vec<f64> = probabilities.iter().map(|p| p.ln()).collect();
            calibration.add(&logits, logits.len(), &[*label]);
        }
        calibration
    }

    #[track_caller]
    fn assert_measures(calibration: &Calibration, expected_error: f64, brier_score: f64) {
        let found = [calibration.expected_error(), calibration.brier_score()];
        for (found, wanted) in found.into_iter().zip([expected_error, brier_score]) {
            assert!((found - wanted).abs() < 1e-12, "{found} for {wanted}");
        }
    }

    #[test]
    fn measures_worked_out_by_hand() {
        // Confidences 0.7 and 0.72 share the bin from 10/15 to 11/15, and 0.5 has one of its own; most bins are empty.
        let images: [(&[f64], i64); 3] = [
            (&[0.7, 0.2, 0.1], 0),
            (&[0.72, 0.18, 0.1], 1),
            (&[0.3, 0.2, 0.5], 2),
        ];
        let gap = (1.0 - (0.7 + 0.72_f64)).abs() + (1.0 - 0.5_f64).abs();
        let first = 0.3_f64.powi(2) + 0.2_f64.powi(2) + 0.1_f64.powi(2);
        let second = 0.72_f64.powi(2) + 0.82_f64.powi(2) + 0.1_f64.powi(2);
        let third = 0.3_f64.powi(2) + 0.2_f64.powi(2) + 0.5_f64.powi(2);
        assert_measures(&seen(&images), gap / 3.0, (first + second + third) / 3.0);
        assert!((gap / 3.0 - 0.306_666_666_666_666_7).abs() < 1e-12);
    }

    #[test]
    fn certainty_is_worth_all_or_nothing() {
        assert_measures(&seen(&[(&[1.0, 0.0], 0)]), 0.0, 0.0);
        assert_measures(&seen(&[(&[1.0, 0.0], 1)]), 1.0, 2.0);
        // Logits as far apart as a float goes.
        let mut calibration = Calibration::default();
        calibration.add(&[1e300, -1e300, -1e300, 1e300], 2, &[0, 1]);
        assert_measures(&calibration, 0.0, 0.0);
    }

    #[test]
    fn who_knows_nothing_and_says_so_is_calibrated() {
        let images: [(&[f64], i64); 4] = [
            (&[0.25; 4], 0),
            (&[0.25; 4], 1),
            (&[0.25; 4], 2),
            (&[0.25; 4], 3),
        ];
        assert_measures(&seen(&images), 0.0, 3.0 * 0.0625 + 0.5625);
        // One class leaves nothing to be wrong about.
        assert_measures(&seen(&[(&[1.0], 0)]), 0.0, 0.0);
    }

    #[test]
    fn a_bin_holds_its_upper_end() {
        let third = 1.0 / 3.0;
        assert_eq!(
            [0.0, third, 0.34, 1.0].map(bin_of),
            [0, 4, 5, BINS - 1],
            "third {third}"
        );
    }

    #[test]
    fn batches_add_up() {
        let mut whole = Calibration::default();
        whole.add(&[0.1, 2.0, -1.0, 3.0, 0.0, 0.5], 3, &[1, 2]);
        let mut parts = Calibration::default();
        parts.add(&[0.1, 2.0, -1.0], 3, &[1]);
        parts.add(&[3.0, 0.0, 0.5], 3, &[2]);
        assert_measures(&parts, whole.expected_error(), whole.brier_score());
    }

    #[test]
    fn what_gives_no_probabilities_has_no_measure() {
        assert!(Calibration::default().expected_error().is_nan());
        assert!(Calibration::default().brier_score().is_nan());
        for logit in [f64::NAN, f64::INFINITY] {
            for row in [[logit, 0.0], [0.0, logit]] {
                let mut calibration = Calibration::default();
                calibration.add(&[1.0, 0.0], 2, &[0]);
                calibration.add(&row, 2, &[0]);
                assert!(calibration.expected_error().is_nan(), "{row:?}");
                assert!(calibration.brier_score().is_nan(), "{row:?}");
            }
        }
        // A class that is ruled out is no fault.
        let mut calibration = Calibration::default();
        calibration.add(&[0.0, f64::NEG_INFINITY], 2, &[0]);
        assert_measures(&calibration, 0.0, 0.0);
    }
}
