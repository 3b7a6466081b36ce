"""The MNIST experiment of the paper of batch normalization."""

import statistics

from intervals import Gap, difference, of
from results import numbers, rows, where
from study import Study
from training import FETCH_MNIST, compare, error_table, smallest_n
from words import comparison, verdict


def unit_movement(label, since=1000):
    """How far the median of a sigmoid's input moves from a step on, its largest value minus its smallest, in units of the
    mean distance between the 15th and the 85th percentile, by seed."""
    table = [row for row in where(rows("mnist-bn", "percentiles.csv"), label=label) if int(row["step"]) >= since]
    moved = {}
    for seed in sorted({row["seed"] for row in table}):
        p15, p50, p85 = (numbers(where(table, seed=seed), column) for column in ("p15", "p50", "p85"))
        moved[seed] = (max(p50) - min(p50)) / statistics.fmean(high - low for low, high in zip(p15, p85))
    return moved


def values():
    with_bn, without = unit_movement("bn"), unit_movement("none")
    gaps = [Gap("mnist-bn", norm, "none", 60) for norm in ("bn", "normprop")]
    return {"moved_bn": of(with_bn).text(), "moved_none": of(without).text(),
            "moved": comparison(difference(with_bn, without), "so the median moves less with batch normalization",
                                "so the median moves more with batch normalization", "which is no clear difference"),
            "errors": error_table("mnist-bn", "bn"), "n": smallest_n(gaps), "verdict": verdict(gaps)}


MNIST = Study("mnist-bn", [FETCH_MNIST, compare("mnist-bn")], values)
