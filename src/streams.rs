//! Random streams: every draw in this program comes from here.
//!
//! A stream's key is the SHA-256 of (seed, purpose, index), so streams are independent of each other, the
//! same on every platform, and a resumed run finds its place by index instead of replaying draws.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Weight directions of a block at the start; index: the block's place.
    Init,
    /// Order of images; index: the epoch.
    Order,
    /// Crops and flips; index: the optimizer step.
    Augment,
    /// Noise inside a layer; index: the optimizer step.
    Noise,
    /// Probes and tests.
    Probe,
    /// Resampling for intervals.
    Bootstrap,
    /// Settings of a random search; index: the setting's number.
    Search,
}

/// The stream of `seed` for `purpose`, number `index`.
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(b"normprop stream 1");
    hash.update(seed.to_le_bytes());
    hash.update([purpose as u8]);
    hash.update(index.to_le_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A permutation of 0..n (Fisher-Yates; unbiased up to 2⁻³²).
pub fn permutation(n: usize, stream: &mut ChaCha8Rng) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    for last in (1..n).rev() {
        order.swap(last, below(last as u32 + 1, stream) as usize);
    }
    order
}

/// A whole number in 0..bound, by the high part of a 64-bit product.
pub fn below(bound: u32, stream: &mut ChaCha8Rng) -> u32 {
    use rand::Rng;
    ((u64::from(stream.next_u32()) * u64::from(bound)) >> 32) as u32
}

/// A number in [0, 1): one of 2⁵³ evenly spaced ones.
pub fn uniform(stream: &mut ChaCha8Rng) -> f64 {
    use rand::Rng;
    (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        assert_eq!(draw(1, Purpose::Init, 0), draw(1, Purpose::Init, 0));
        let all = [
            draw(1, Purpose::Init, 0),
            draw(2, Purpose::Init, 0),
            draw(1, Purpose::Order, 0),
            draw(1, Purpose::Init, 1),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn permutations_hold_every_index_once() {
        let mut order = permutation(1000, &mut stream(5, Purpose::Order, 3));
        assert_ne!(order[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        order.sort_unstable();
        assert!(
            order
                .iter()
                .enumerate()
                .all(|(i, &value)| i as u32 == value)
        );
    }

    #[test]
    fn bounded_draws_are_even() {
        let mut source = stream(0, Purpose::Probe, 0);
        let mut counts = [0_u32; 9];
        for _ in 0..90_000 {
            counts[below(9, &mut source) as usize] += 1;
        }
        // Standard deviation of a count is 94; 6 of them are never exceeded by chance.
        assert!(
            counts.iter().all(|&count| count.abs_diff(10_000) < 570),
            "{counts:?}"
        );
    }
}
