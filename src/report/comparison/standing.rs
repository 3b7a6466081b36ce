//! How a group of runs stands among others by its final test error.

use std::cmp::Ordering;

use super::SummaryRow;

/// How a group stands among those of its column, the better one less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// The share of its runs that diverged.
    pub lost: f64,
    /// The mean final test error of the others, infinite where there is none.
    pub error: f64,
}

impl Standing {
    /// That of a row; `None` while no run is over.
    pub fn of(row: &SummaryRow) -> Option<Standing> {
        let runs = row.n + row.n_diverged;
        let finite = Some(row.final_test_error_mean).filter(|mean| mean.is_finite());
        (runs > 0).then(|| Standing {
            lost: row.n_diverged as f64 / runs as f64,
            error: finite.unwrap_or(f64::INFINITY),
        })
    }

    /// The better one first: one of which no run diverged, of these the lower error; the others behind them, a larger
    /// share of diverged runs further behind.
    pub fn compare(&self, other: &Standing) -> Ordering {
        let by_loss = self.lost.total_cmp(&other.lost);
        by_loss.then(self.error.total_cmp(&other.error))
    }
}
