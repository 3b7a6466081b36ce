"""Means and differences with their 95 % intervals."""

import functools
import glob
import math
import os
import statistics

import results
from results import Missing, diverged, final, rows, where
from words import error_rate, number, points

# The fewest values from which an interval is given and anything is concluded.
FEWEST = 3


@functools.lru_cache(maxsize=None)
def half_width(n):
    """Half of a 95 % t interval of a mean of n values, in standard deviations: what `compare` wrote for as many runs.

    Ends are cut to where errors lie, 0 and 1: the longer half of an interval is whole unless both are cut.
    """
    for file in sorted(glob.glob(os.path.join(results.RESULTS, "**", "summary.csv"), recursive=True)):
        for row in where(rows(os.path.relpath(file, results.RESULTS)), n=n):
            mean, low, high, deviation = (float(row[f"final_test_error_{end}"]) for end in ("mean", "ci_low", "ci_high", "std"))
            if deviation > 0 and (low > 0 or high < 1):
                return max(mean - low, high - mean) / deviation
    raise Missing(f"a summary.csv with a method of {n} runs")


class Interval:
    """A mean of n values with the ends of its interval, which fewer than three values do not have."""

    def __init__(self, n, mean, low=math.nan, high=math.nan):
        self.n, self.mean, self.low, self.high = n, mean, low, high

    @property
    def direction(self):
        """What the interval says of its sign: "below", "above", "unclear", or "few" where there are too few values."""
        if self.n < FEWEST:
            return "few"
        return "below" if self.high < 0 else "above" if self.low > 0 else "unclear"

    def text(self, show=number, unit=""):
        """In figures. Mean and ends have the same decimals: those that the longer half of the interval justifies."""
        if self.n < FEWEST:
            return f"{show(self.mean)}{unit} (n = {self.n}, no interval)"
        half = max(self.mean - self.low, self.high - self.mean)
        if half <= 1e-9 * max(abs(self.low), abs(self.high)):
            half = 0.0  # What rounding leaves of equal values is no width.
        low, high = show(self.low, half), show(self.high, half)
        # Of errors and their differences, an interval can be all that there can be. `compare` says the same of it.
        if show in (error_rate, points) and (low, high) == (show(-1.0, half), show(1.0, half)):
            said = ", seeds disagree" if show is points else " (seeds disagree)"
            return show(self.mean) + unit + said
        return f"{show(self.mean, half)} [{low.removesuffix(' %')}, {high.removesuffix(' %')}]{unit}"


def of(values):
    """The interval of some values, or of values by seed."""
    values = list(values.values() if isinstance(values, dict) else values)
    if not values:
        raise Missing("no run that finished, where a mean is needed")
    mean = statistics.fmean(values)
    half = half_width(len(values)) * statistics.stdev(values) if len(values) >= FEWEST else math.nan
    return Interval(len(values), mean, mean - half, mean + half)


def difference(one, other):
    """Of values by seed: the interval of the paired difference one − other."""
    return of([one[seed] - other[seed] for seed in one if seed in other])


def error(folder, label, size, column="test_error"):
    """A method's final error with its interval, and how many runs diverged."""
    return of_errors(final(folder, label, size, column), diverged(folder, label, size))


def of_errors(values, lost=0):
    return (of(values).text(error_rate) if values else "no run that finished") + (f" ({lost} diverged)" if lost else "")


def mean(folder, label, size, column="test_error"):
    return of(final(folder, label, size, column)).mean


def lowest(candidates, *settings):
    """The label with the lowest sum of mean errors over settings (folder, batch size), of those that never diverged."""
    whole = [label for label in candidates if not any(diverged(folder, label, size) for folder, size in settings)]
    if not whole:
        raise Missing(f"a method of {', '.join(folder for folder, _ in settings)} without a diverged run")
    return min(whole, key=lambda label: sum(mean(folder, label, size) for folder, size in settings))


class Gap:
    """The paired difference one − other of two methods at a batch size, from `differences.csv`: at the end of training, or
    after an epoch.

    A run that diverged has no value. The difference is taken over the seeds that are left, which flatters the method that
    lost some: that method is never said to be the lower one.
    """

    def __init__(self, folder, one, other, size, quantity="test_error", epoch=None):
        self.labels = one, other
        table = where(rows(folder, "differences.csv"), batch_size=int(size), quantity=quantity)
        found = where(table, label=one, other_label=other)
        swapped = not found
        found = found or where(table, label=other, other_label=one)
        by_epoch = {int(row["epoch"]): row for row in found}
        row = by_epoch.get(int(epoch) if epoch else max(by_epoch, default=0))
        if not row:
            raise Missing(f"the difference of {one} and {other} at batch size {size} in {folder}")
        counts = [(int(row[f"{whose}n"]), int(row[f"{whose}n_diverged"])) for whose in ("", "other_")]
        self.left, self.lost = zip(*(reversed(counts) if swapped else counts))
        self.n = int(row["n_pairs"])
        ends = [float(row[f"difference_{end}"] or "nan") for end in ("mean", "ci_low", "ci_high")]
        if swapped:
            ends = [-ends[0], -ends[2], -ends[1]]
        self.interval = Interval(self.n, *ends)
        if not self.n and not any(self.lost):
            raise Missing(f"runs of {one} and {other} in {folder} with one seed")

    @property
    def direction(self):
        """What the difference says of its sign, as an interval does."""
        if not self.n:
            return {(False, True): "above", (True, False): "below"}.get(tuple(n > 0 for n in self.left), "unclear")
        told = self.interval.direction
        if told == "few" and any(self.lost):
            return "unclear"
        flattered = {"below": self.lost[0], "above": self.lost[1]}
        return "unclear" if flattered.get(told) else told

    @property
    def high(self):
        """The interval's upper end; without bound where the first method lost runs."""
        return math.inf if self.lost[0] else self.interval.high if self.n else -math.inf

    def text(self, show=points, unit=" points"):
        losses = " and ".join(f"{lost} of {lost + left} runs of *{label}* diverged"
                              for label, lost, left in zip(self.labels, self.lost, self.left) if lost)
        if not self.n:
            return losses
        return self.interval.text(show, unit) + (f" ({losses})" if losses else "")
