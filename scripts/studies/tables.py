"""What the texts of studies are made of: rows of CSV files, intervals, words that follow from numbers."""

import csv
import functools
import json
import math
import os
import statistics

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RESULTS = os.path.join(ROOT, "results")

# 97.5 % quantiles of Student's t at 1, 2, ... degrees of freedom, for the two-sided 95 % interval.
STUDENT = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604,
           2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860]


# The fewest seeds from which anything is concluded.
FEWEST = 3


class Missing(Exception):
    """Results that are not there, or not all of them: a text cannot be made yet."""


def path(*parts):
    return os.path.join(RESULTS, *parts)


@functools.lru_cache(maxsize=None)
def rows(*parts):
    """The rows of a CSV file in results/, as dictionaries; of two columns with one name the second counts."""
    file = path(*parts)
    if not os.path.isfile(file):
        raise Missing(os.path.relpath(file, ROOT))
    with open(file, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def forget():
    """Reads files anew from here on."""
    rows.cache_clear()


def manifest(study):
    file = path(study, "manifest.json")
    if not os.path.isfile(file):
        raise Missing(os.path.relpath(file, ROOT))
    with open(file, encoding="utf-8") as text:
        return json.load(text)


def where(table, **wanted):
    """Rows whose columns have these values; numbers are compared as numbers."""
    def fits(row):
        for column, value in wanted.items():
            if isinstance(value, (int, float)):
                if not row[column] or float(row[column]) != value:
                    return False
            elif row[column] != value:
                return False
        return True
    return [row for row in table if fits(row)]


def only(table, **wanted):
    found = where(table, **wanted)
    if len(found) != 1:
        raise Missing(f"{len(found)} rows with {wanted} in place of one")
    return found[0]


def numbers(table, column):
    return [float(row[column]) for row in table if row[column]]


def percent(value, digits=None):
    if digits is None:
        digits = 2 if value < 0.1 else 1
    return f"{100 * value:.{digits}f} %"


def points(value):
    """A difference of errors in percentage points, signed."""
    return f"{100 * value:+.{2 if abs(value) < 0.01 else 1}f}".replace("-", "−")


def nats(value):
    """A difference of losses, signed."""
    return f"{value:+.3f}".replace("-", "−")


def significant(value, digits=2):
    """A number with so many significant digits, without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}".replace("-", "−")


class Interval:
    """Mean of some values with the t interval of 95 %; without one for a single value."""

    def __init__(self, values):
        self.n = len(values)
        if not values:
            raise Missing("no run that finished, where a mean is needed")
        self.mean = statistics.fmean(values)
        self.low = self.high = math.nan
        if self.n > 1:
            half = STUDENT[self.n - 2] * statistics.stdev(values) / math.sqrt(self.n)
            self.low, self.high = self.mean - half, self.mean + half

    def of_errors(self):
        """The mean error with its interval, of which what lies outside 0 to 1 is cut off."""
        return self.text(lambda value: percent(min(max(value, 0.0), 1.0)))

    @property
    def direction(self):
        """What the interval says of its sign: "below", "above", "unclear", or "few" where there are fewer than three values:
        two that happen to agree give an interval of any narrowness."""
        if self.n < FEWEST:
            return "few"
        if self.high < 0:
            return "below"
        return "above" if self.low > 0 else "unclear"

    def text(self, show, unit=""):
        if self.n == 1:
            return f"{show(self.mean)}{unit} (n = 1, no interval)"
        return f"{show(self.mean)} [{show(self.low)}, {show(self.high)}]{unit}"


def of(values):
    """The interval of values by seed."""
    return Interval(list(values.values()))


def show(interval, digits=2):
    return interval.text(lambda value: significant(value, digits))


def last_epochs(study):
    """The last row of every run."""
    last = {}
    for row in rows(study, "curves.csv"):
        last[row["label"], row["batch_size"], row["seed"]] = row
    return list(last.values())


def lost_seeds(study, label, batch_size):
    """The seeds whose runs diverged."""
    return {row["seed"] for row in where(last_epochs(study), label=label, batch_size=batch_size, status="diverged")}


def diverged(study, label, batch_size):
    return len(lost_seeds(study, label, batch_size))


def labels(study):
    return list(dict.fromkeys(row["label"] for row in rows(study, "summary.csv")))


def batch_sizes(study):
    return sorted({int(row["batch_size"]) for row in rows(study, "summary.csv")})


def final(study, label, batch_size, column="test_error"):
    """Values of the last epoch of the runs that did not diverge, by seed."""
    return {row["seed"]: float(row[column])
            for row in where(last_epochs(study), label=label, batch_size=batch_size) if row["status"] != "diverged"}


def final_mean(study, label, batch_size, column="test_error"):
    return of(final(study, label, batch_size, column)).mean


def lowest(candidates, *settings):
    """The label with the lowest sum of mean errors over settings (study, batch size), of those that never diverged."""
    whole = [label for label in candidates if not any(diverged(study, label, size) for study, size in settings)]
    if not whole:
        raise Missing(f"a method of {', '.join(study for study, _ in settings)} without a diverged run")
    return min(whole, key=lambda label: sum(final_mean(study, label, size) for study, size in settings))


def at_epoch(study, label, batch_size, epoch, column="test_error"):
    found = where(rows(study, "curves.csv"), label=label, batch_size=batch_size, epoch=epoch)
    return {row["seed"]: float(row[column]) for row in found if row[column] and row["status"] != "diverged"}


def difference(one, other):
    """Of values by seed: the interval of the paired difference one − other."""
    return Interval([one[seed] - other[seed] for seed in sorted(set(one) & set(other))])


def of_errors(values, lost=0):
    """The mean of some runs' errors with its interval, and how many diverged besides."""
    return (Interval(values).of_errors() if values else "no run that finished") + (f" ({lost} diverged)" if lost else "")


def error_table(study, baseline, named=None):
    """A Markdown table of final test errors by method and batch size, with the paired difference to the baseline: one label
    for all, or a label for each label, which are `named` in the heading."""
    sizes, summary = batch_sizes(study), rows(study, "summary.csv")
    head = ["method"]
    for size in sizes:
        head += [f"batch size {size}: test error", f"minus {named or baseline}, points", "rate"]
    lines = [heading(head)]
    for label in labels(study):
        against = baseline if isinstance(baseline, str) else baseline.get(label, label)
        cells = [label]
        for size in sizes:
            cells += error_cells(study, label, against, size) if where(summary, label=label, batch_size=size) else ["–"] * 3
        lines.append(line(cells))
    return "\n".join(lines)


def error_cells(study, label, baseline, size):
    own, other = final(study, label, size), final(study, baseline, size)
    both = label != baseline and set(own) & set(other)
    rate = float(only(rows(study, "summary.csv"), label=label, batch_size=size)["lr"])
    return [of_errors(list(own.values()), diverged(study, label, size)),
            difference(own, other).text(points) if both else "–", f"{rate:.3g}"]


def line(cells):
    return "| " + " | ".join(cells) + " |"


def heading(names, text=1):
    """The head of a Markdown table; columns after the first `text` ones hold numbers."""
    return line(names) + "\n" + line(["---"] * text + ["---:"] * (len(names) - text))


def ratio(row, column):
    """A ratio in a row of `bench.csv` and the ends of its interval."""
    return tuple(float(row[column + end]) for end in ("", "_low", "_high"))


def ratio_text(ends):
    return "{:.2f} [{:.2f}, {:.2f}]".format(*ends)


def epochs(study):
    return max(int(row["epoch"]) for row in rows(study, "curves.csv"))


def number_of_seeds(*studies):
    """The fewest and the most runs of a method at a batch size."""
    counts = {}
    for study in studies:
        for run in manifest(study)["runs"]:
            key = study, run["label"], run["batch_size"]
            counts[key] = counts.get(key, 0) + 1
    return min(counts.values()), max(counts.values())


def machine(*studies):
    """What the runs were made with."""
    facts, commits, sums = {}, set(), set()
    for study in studies:
        about = manifest(study)
        facts.update(about["machine"])
        commits |= {(run["git_commit"] or "unknown")[:10] for run in about["runs"]}
        sums |= {run["dataset_sha256"][:16] for run in about["runs"]}
    least, most = number_of_seeds(*studies)
    seeds = f"{least} seed{'s' if least > 1 else ''}" if least == most else f"{least} to {most} seeds"
    said = [f"{facts[name]}" if name == "rustc" else f"{name[0].lower()}{name[1:]} {facts[name]}"
            for name in facts if name not in ("Processor", "Source tree", "Dataset SHA-256")]
    return (f"{facts['Processor']}; n = {seeds} each; {', '.join(said)}; commits {', '.join(sorted(commits))}; data "
            f"{', '.join(sorted(sums))}… (SHA-256).")
