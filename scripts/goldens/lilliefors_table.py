#!/usr/bin/env python3
"""Simulates the null distribution of the Lilliefors statistic at n = 100.

Prints `LILLIEFORS_TABLE` of src/stats/lilliefors.rs, P(Z >= z) at z = 0.26, 0.28, ...,
where z = D (sqrt(n) - 0.01 + 0.85 / sqrt(n)), and, for a few other n, the median and
upper quantiles of z that the shift for large n was read from.
Needs numpy and scipy; about ten minutes on one core.
"""
import sys

import numpy as np
from scipy.special import ndtr


def statistics(n, repetitions, rng):
    """`repetitions` draws of z for normal samples of size n."""
    steps, draws, chunk = np.arange(1, n + 1) / n, [], max(1, 4_000_000 // n)
    while repetitions > 0:
        rows = min(chunk, repetitions)
        repetitions -= rows
        x = rng.standard_normal((rows, n))
        x -= x.mean(1, keepdims=True)
        x /= np.sqrt((x * x).sum(1, keepdims=True) / (n - 1))
        x.sort(axis=1)
        f = ndtr(x)
        draws.append(np.maximum((steps - f).max(1), (f - steps + 1 / n).max(1)))
    return np.concatenate(draws) * (np.sqrt(n) - 0.01 + 0.85 / np.sqrt(n))


def main():
    rng = np.random.default_rng(20160407)
    z = np.sort(statistics(100, 6_000_000, rng))
    for knot in np.arange(0.26, 0.861, 0.02):
        p = 1 - np.searchsorted(z, knot) / len(z)
        print(f"{p:.4f},", flush=True)
    for n, repetitions in [(8, 10**6), (20, 10**6), (400, 400_000), (2000, 200_000), (10_000, 100_000)]:
        print(n, np.quantile(statistics(n, repetitions, rng), [0.1, 0.5, 0.9, 0.95, 0.99]).round(4), file=sys.stderr)


if __name__ == "__main__":
    main()
