#!/usr/bin/env python3
"""Golden values for src/stats, from NumPy, SciPy and statsmodels.

Writes tests/goldens/stats.json. Long inputs are not stored: `uniform` and `normal_like`
below and in src/stats/goldens.rs are the same formula.
"""
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy import special, stats
from scipy.stats import _ksstats
from statsmodels.stats import _adnorm, _lilliefors, multitest, proportion
from statsmodels.stats._lilliefors_critical_values import PERCENTILES, normal_crit_vals

from lines import lines

OUT = Path(__file__).resolve().parents[2] / "tests" / "goldens" / "stats.json"


def uniform(index, seed):
    """SplitMix64's mixing function of index and seed, as a number in [0, 1)."""
    u = np.uint64
    with np.errstate(over="ignore"):
        bits = (np.asarray(index, u) + u(1)) * u(0x9E3779B97F4A7C15) + u(seed) * u(0xD1B54A32D192ED03)
        bits = (bits ^ (bits >> u(30))) * u(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> u(27))) * u(0x94D049BB133111EB)
        bits = bits ^ (bits >> u(31))
    return (bits >> u(11)).astype(float) / 2.0**53


def normal_like(index, seed):
    """A standard normal number, by Box and Muller."""
    index = np.asarray(index, np.uint64)
    two, one = np.uint64(2), np.uint64(1)
    radius = np.sqrt(-2.0 * np.log(1.0 - uniform(two * index, seed)))
    return radius * np.cos(2.0 * np.pi * uniform(two * index + one, seed))


FORMULAS = {
    "uniform": uniform,
    "normal_like": normal_like,
    "exponential_like": lambda i, seed: -np.log(1.0 - uniform(i, seed)),
}


def describe(x):
    """Everything the per-sample tests compare."""
    quartiles = np.quantile(x, [0.25, 0.75])
    ks, anderson = stats.kstest(x, "norm"), _adnorm.normal_ad(x)
    jarque, out = stats.jarque_bera(x), {}
    if len(x) <= 5000:
        shapiro = stats.shapiro(x)
        out = {"shapiro": shapiro.statistic, "shapiro_p": shapiro.pvalue}
    return out | {
        "mean": np.mean(x), "std": np.std(x, ddof=1), "skewness": stats.skew(x),
        "excess_kurtosis": stats.kurtosis(x), "median": np.median(x), "iqr": quartiles[1] - quartiles[0],
        "quantiles": np.quantile(x, [0.0, 0.01, 0.333, 0.9, 1.0]), "ks": ks.statistic, "ks_p": ks.pvalue,
        "lilliefors": _lilliefors.kstest_fit(x)[0], "anderson": anderson[0], "anderson_p": anderson[1],
        "jarque_bera": jarque.statistic, "jarque_bera_p": jarque.pvalue,
    }


def samples():
    given = {
        "ten": [148, 154, 158, 160, 161, 162, 166, 170, 182, 195.5],
        "small": [0.31, -1.2, 0.05, 2.4, -0.66, 1.13, -0.02, 0.47, -1.9],
        "tied": [1, 1, 2, 2, 2, 3, 3, 5, 8, 8, 8.5, 9],
    }
    rows = [{"name": name, "values": x} | describe(np.array(x, float)) for name, x in given.items()]
    for name, formula, n, seed, shift, scale in [
        ("normal", "normal_like", 137, 1, 0.0, 1.0), ("shifted normal", "normal_like", 900, 2, 1e4, 0.5),
        ("uniform", "uniform", 400, 3, -1.5, 3.0), ("exponential", "exponential_like", 300, 4, -1.0, 1.0),
        ("five thousand", "normal_like", 5000, 5, 0.01, 1.02), ("many", "normal_like", 50_000, 6, 0.0, 1.0),
        ("many uniform", "uniform", 20_000, 7, -1.0, 2.0),
    ]:
        x = shift + scale * FORMULAS[formula](np.arange(n), seed)
        row = {"name": name, "formula": formula, "n": n, "seed": seed, "shift": shift, "scale": scale}
        rows.append(row | describe(x))
    return rows


def values_of(row):
    if "values" in row:
        return np.array(row["values"], float)
    return row["shift"] + row["scale"] * FORMULAS[row["formula"]](np.arange(row["n"]), row["seed"])


def histograms(rows):
    out, by_name = [], {row["name"]: values_of(row) for row in rows}
    for name, bins, limits in [
        ("ten", 5, None), ("normal", 20, (-3.0, 3.0)), ("uniform", None, None), ("five thousand", None, None),
        ("many", 64, (-2.0, 2.5)), ("exponential", 30, None),
    ]:
        x = by_name[name]
        counts, edges = np.histogram(x, bins or "fd", limits)
        law = stats.norm(x.mean(), x.std(ddof=1))
        width = np.diff(edges)
        # Each probability from the tail nearer to the bin.
        mass = np.where(edges[:-1] > x.mean(), law.sf(edges[:-1]) - law.sf(edges[1:]), law.cdf(edges[1:]) - law.cdf(edges[:-1]))
        out.append({"sample": name, "bins": bins, "range": limits or [], "counts": counts,
                    "densities": counts / (len(x) * width), "normal": mass / width})
    return out


def distributions():
    x = np.array([-38.0, -9.5, -3.0, -1.2, -0.3, 0.0, 1e-9, 0.7, 1.9, 2.5, 4.0, 6.5, 12.0, 29.9, 30.1, 37.0])
    p = np.array([1e-300, 1e-50, 1e-16, 1e-6, 0.003, 0.2, 0.4999, 0.5, 0.7, 0.975, 0.999999])
    pairs = [(t, df) for df in (1, 2, 3, 4.5, 9, 30, 200.3, 5000, 1e6) for t in (1e-3, 0.2, 1.0, 2.1, 5.0, 30.0)]
    t, df = np.array(pairs).T
    kstwo = [(n, d) for n in (1, 2, 5, 10, 37, 140, 141, 300, 1000, 1001, 5000, 100_000, 1_000_000)
             for d in np.r_[np.array([0.35, 0.5, 0.8, 1.0, 1.2, 1.36, 1.6, 1.9, 2.5, 5.0, 12.0]) / np.sqrt(n), 0.51, 0.9]
             if d < 1 and (n < 1000 or d < 0.5)]
    exact = [(n, np.sqrt(square / n)) for n in (141, 200, 300, 500) for square in (0.3, 0.64, 1.0, 1.5, 2.1, 2.3, 3.0, 3.9)]
    return {
        "normal": {"x": x, "cdf": special.ndtr(x), "sf": special.ndtr(-x), "log_sf": special.log_ndtr(-x)},
        "normal_quantile": {"p": p, "x": special.ndtri(p)},
        "student": {"t": t, "df": df, "p": 2 * stats.t.sf(t, df)},
        "kstwo": [{"n": n, "d": d, "sf": stats.kstwo.sf(d, n)} for n, d in kstwo],
        # SciPy's exact recursion beyond the n = 140 that SciPy itself stops at.
        "kstwo_exact": [{"n": n, "d": d, "sf": float(1 - _ksstats._kolmogn_Pomeranz(n, d))} for n, d in exact],
    }


def lilliefors():
    approx = [{"n": n, "d": d, "p": _lilliefors.pval_lf(d, n)} for n, d in
              [(5, 0.36), (8, 0.32), (20, 0.2), (50, 0.13), (50, 0.25), (99, 0.11), (100, 0.09), (100, 0.2)]]
    # The simulated critical values themselves: between them statsmodels interpolates coarsely.
    table = [{"n": n, "d": d, "p": 1 - percentile / 100}
             for n in (5, 10, 20, 50, 100, 200, 400, 800, 1600)
             for percentile, d in zip(PERCENTILES, normal_crit_vals[n])]
    return approx, table


def bootstrap():
    n, resamples = 25, 2000
    x = -np.log(1.0 - uniform(np.arange(n), 8))
    index = (uniform(np.arange(n * resamples), 5) * n).astype(int).reshape(resamples, n)
    done = SimpleNamespace(bootstrap_distribution=x[index].mean(axis=1))
    ends = {}
    for method in ("percentile", "BCa"):
        got = stats.bootstrap((x,), np.mean, n_resamples=0, bootstrap_result=done, method=method)
        ends |= {f"{method.lower()}_low": got.confidence_interval.low, f"{method.lower()}_high": got.confidence_interval.high}
    return {"values": x, "resamples": resamples} | ends


def comparisons():
    a = np.array([0.112, 0.131, 0.127, 0.119, 0.142])
    b = np.array([0.121, 0.133, 0.139, 0.124, 0.14])
    long_a, long_b = normal_like(np.arange(40), 21), 0.3 + 2.0 * normal_like(np.arange(40), 22)
    paired, welch = [], []
    for x, y, level in [(a, b, 0.95), (a, b, 0.5), (long_a, long_b, 0.99)]:
        got = stats.ttest_rel(x, y)
        ends = got.confidence_interval(level)
        paired.append({"a": x, "b": y, "level": level, "t": got.statistic, "df": got.df, "p": got.pvalue, "low": ends.low, "high": ends.high})
    for x, y, level in [(a, b, 0.95), (long_a, long_b[:17], 0.9), (a, long_b, 0.95)]:
        got = stats.ttest_ind(x, y, equal_var=False)
        ends = got.confidence_interval(level)
        welch.append({"a": x, "b": y, "level": level, "t": got.statistic, "df": got.df, "p": got.pvalue, "low": ends.low, "high": ends.high})
    p_values = [[0.01, 0.04, 0.03, 0.005], [0.5, 0.9, 0.2], [0.02], [1e-9, 1e-3, 1e-3, 0.7, 0.3, 0.049]]
    holm = [{"p": p, "adjusted": multitest.multipletests(p, method="holm")[1]} for p in p_values]
    return {"paired_t": paired, "welch_t": welch, "holm": holm, "wilcoxon": signed_ranks(a, b)}


def signed_ranks(a, b):
    out = []
    whole = lambda x: np.round(2 * x)
    long_a, long_b = normal_like(np.arange(300), 31), 0.2 + normal_like(np.arange(300), 32)
    cases = [(a, b), (long_a[:9], long_b[:9]), (long_a[:31], long_b[:31]), (long_a[:50], long_b[:50]), (long_a, long_b),
             (whole(long_a[:12]), whole(long_b[:12])), (whole(long_a[:40]), whole(long_b[:40])), (whole(long_a), whole(long_b))]
    for x, y in cases:
        difference = (x - y)[x != y]
        got, exact = stats.wilcoxon(x, y, correction=False), len(difference) <= 50
        p = got.pvalue
        if exact and len(np.unique(np.abs(difference))) < len(difference) and len(x) > 13:
            # SciPy leaves the exact test here; the same permutation distribution, counted out.
            ranks = np.round(2 * stats.rankdata(np.abs(difference))).astype(int)
            ways = np.ones(1)
            for rank in ranks:
                ways = np.convolve(ways, np.r_[1.0, np.zeros(rank - 1), 1.0])
            p = min(1.0, 2 * ways[: int(2 * got.statistic) + 1].sum() / ways.sum())
        out.append({"a": x, "b": y, "statistic": got.statistic, "p": p, "exact": int(exact)})
    return out


def intervals():
    t_rows, wilson_rows = [], []
    for x, level in [([0.1, 0.12, 0.09, 0.2], 0.95), ([5.0, 5.5, 6.1, 7.0, 4.2], 0.8), (list(range(500)), 0.999)]:
        low, high = stats.t.interval(level, len(x) - 1, loc=np.mean(x), scale=stats.sem(x))
        t_rows.append({"values": x, "level": level, "low": low, "high": high})
    for successes, n, level in [(0, 10, 0.95), (10, 10, 0.95), (3, 17, 0.9), (612, 10_000, 0.95), (1, 1, 0.99), (9999, 10_000, 0.95)]:
        low, high = proportion.proportion_confint(successes, n, 1 - level, method="wilson")
        wilson_rows.append({"successes": successes, "n": n, "level": level, "low": low if successes else 0.0, "high": high if successes < n else 1.0})
    return {"t_interval": t_rows, "wilson": wilson_rows}


def million():
    x = normal_like(np.arange(1_000_000), 9)
    ks, anderson = stats.kstest(x, "norm"), _adnorm.normal_ad(x)
    return {"ks": ks.statistic, "ks_p": ks.pvalue, "anderson": anderson[0], "anderson_p": anderson[1]}


def shapiro_small():
    out = []
    for n in (3, 4, 5, 6, 7, 11, 12, 13, 50):
        for name in ("normal_like", "exponential_like"):
            x = FORMULAS[name](np.arange(n), 40 + n)
            got = stats.shapiro(x)
            out.append({"values": x, "w": got.statistic, "p": got.pvalue})
    return out


def plain(value):
    """NumPy values as JSON ones."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def main():
    rows = samples()
    approx, table = lilliefors()
    goldens = {"samples": rows, "histogram": histograms(rows), "bootstrap": bootstrap(), "million": million(),
               "shapiro_small": shapiro_small(), "lilliefors_approx": approx, "lilliefors_table": table}
    goldens |= distributions() | comparisons() | intervals()
    OUT.write_text(lines(goldens, 2, default=plain) + "\n")


if __name__ == "__main__":
    main()
