"""Studies that look inside trained networks: those of the comparison layer-inputs."""

import statistics

from intervals import difference, of
from results import Missing, numbers, rows, where
from study import Lookup, Study
from training import FETCH_CIFAR, compare, error_table
from words import comparison, percent, significant, small, table, verdict

HIDDEN = 8
# The KS distance below which pre-activations count as N(0, 1).
NEAR = 0.05
RUNS = "layer-inputs"
METHODS = ["bn", "normprop", "normprop (centered rows)", "none"]
UNFILLED = ("Before training, the running averages of batch normalization are empty, and evaluation shows the network without "
            "normalization. The tables leave it out; in the pictures the two lines coincide.")
SAME_RUNS = "These are the networks of the study [../layer-inputs](../layer-inputs/)."


def of_run(table, label):
    """The rows of a method in a table of `stats`, whose runs are named by what differs between them."""
    centered = label.endswith("(centered rows)")
    return [row for row in table
            if row["run"].split(" ")[0] == label.split(" ")[0] and ("center_rows=true" in row["run"]) == centered]


def hidden(table, label):
    """The same for hidden layers."""
    return [row for row in of_run(table, label) if int(row["layer"]) <= HIDDEN]


def by_seed(table, value):
    """The median over layers of a value, for each seed."""
    seeds = sorted({row["seed"] for row in table})
    return {seed: statistics.median(value(row) for row in table if row["seed"] == seed) for seed in seeds}


def common_epochs(table):
    """The epochs that every run has: checkpoints of single best epochs are left out."""
    epochs = {}
    for row in table:
        epochs.setdefault((row["run"], row["seed"]), set()).add(int(row["epoch"]))
    return sorted(set.intersection(*epochs.values()))


def filled(label, epochs):
    """The epochs at which evaluation shows a method: batch normalization's averages are empty before training."""
    return [epoch for epoch in epochs if label != "bn" or epoch > 0]


# What hidden layers receive

def movement(label, column, since=1):
    """How far a layer's statistic moves from epoch `since` on, its largest value minus its smallest, in units of the
    layer's own mean standard deviation after epoch 0, since the values of methods differ in width; the median over layers,
    by seed."""
    table = where(rows(RUNS, "layers.csv"), label=label, batch_size=50)
    table = [row for row in table if int(row["epoch"]) >= since]
    moved = {}
    for seed in sorted({row["seed"] for row in table}):
        spans = []
        for layer in range(1, HIDDEN + 1):
            found = where(table, seed=seed, layer=layer)
            widths = numbers([row for row in found if int(row["epoch"]) > 0], column.split("_")[0] + "_std")
            values = numbers(found, column)
            spans.append((max(values) - min(values)) / statistics.fmean(widths))
        moved[seed] = statistics.median(spans)
    return moved


def mode_gaps(run):
    """The distance of evaluation and training loss of a run by step."""
    gaps = {int(row["step"]): abs(float(row["evaluation_loss"]) - float(row["training_loss"]))
            for row in of_run(rows(RUNS, "modes.csv"), run)}
    if not gaps:
        raise Missing(f"modes of {run}")
    return gaps


def inputs():
    columns = ["pre_mean", "pre_std", "post_mean", "post_std"]
    lines = [[label, str(since)] + [of(movement(label, column, since)).text() for column in columns]
             for label in METHODS for since in filled(label, (1, 0))]
    gaps = [difference(movement("normprop", column), movement("bn", column)) for column in ("post_mean", "post_std")]
    moved = {f"{norm}_{what}": of(movement(norm, f"post_{what}")).text() for norm in ("normprop", "bn") for what in ("mean", "std")}
    theirs, own = mode_gaps("bn"), mode_gaps("normprop")
    widest = max((step for step in theirs if step > 0), key=theirs.get)
    largest = max(own.values())
    return {**moved, "mean_is": comparison(gaps[0], "is smaller than", "is larger than"),
            "std_is": comparison(gaps[1], "is smaller than", "is larger than"), "mean_gap": gaps[0].text(),
            "std_gap": gaps[1].text(), "before": significant(theirs[0]), "widest": significant(theirs[widest]),
            "step": widest, "own": f"differ by up to {significant(largest)}" if largest else "are equal",
            "movements": table(["method", "since epoch"] + [f"`{column}`" for column in columns], lines),
            "errors": error_table(RUNS, "bn"), "unfilled": UNFILLED, "n": gaps[0].n, "verdict": small(verdict(gaps))}


INPUTS = Study(
    "layer-inputs",
    [FETCH_CIFAR, compare(RUNS),
     ("normprop stats --probe train-eval-gap runs/layer-inputs/bn-*-s0-* runs/layer-inputs/normprop-*-s0-* --steps 200 --every 5 "
      "--threads 1 --out results/layer-inputs", "results/layer-inputs/modes.csv")],
    inputs)


# Gaussianity

def ks(label, epoch, column="ks"):
    table = hidden(rows("gaussianity", "gaussianity-through.csv"), label)
    return of(by_seed(where(table, epoch=epoch), lambda row: float(row[column])))


def ks_of_scale(scale):
    """The KS distance between N(0, scale²) and N(0, 1)."""
    normal = statistics.NormalDist()
    return max(abs(normal.cdf(x / scale) - normal.cdf(x)) for x in (step / 1000 for step in range(4000)))


def gaussianity():
    columns = {"KS to N(0, 1)": "ks", "KS, fitted": "ks_fitted", "KS of single units": "ks_of_units",
               "standard deviation": "std", "excess kurtosis": "excess_kurtosis"}
    epochs = common_epochs(rows("gaussianity", "gaussianity-through.csv"))
    epochs = [epochs[0], epochs[1], epochs[-1]]
    last = epochs[-1]
    lines = [[label, str(epoch)] + [ks(label, epoch, column).text() for column in columns.values()]
             for label in METHODS for epoch in filled(label, epochs)]
    def told(label, when):
        return significant(ks(label, dict(zip(["before", "one", "last"], epochs))[when]).mean)
    own = ks("normprop", last)
    word = "holds" if own.high < NEAR else "does not hold here" if own.low > NEAR else "not concluded"
    return {"ks": Lookup(told), "last": last,
            "fitted_normprop": significant(ks("normprop", last, "ks_fitted").mean),
            "fitted_bn": significant(ks("bn", last, "ks_fitted").mean), "own": own.text(), "other": ks("bn", last).text(),
            "distances": table(["method", "epoch", *columns], lines), "ks_of_start": significant(ks_of_scale(1 / 1.21)),
            "unfilled": UNFILLED, "same_runs": SAME_RUNS, "near": f"{NEAR:g}", "n": own.n, "verdict": small(word)}


GAUSSIANITY = Study(
    "gaussianity",
    [FETCH_CIFAR, compare(RUNS),
     ("normprop stats --checkpoint all runs/layer-inputs/* --threads 1 --out results/gaussianity",
      "results/gaussianity/gaussianity-through.csv")],
    gaussianity, (RUNS,))


# The canonical error

def covariance(label, epoch, value):
    table = hidden(rows("canonical-error", "covariance-through.csv"), label)
    return of(by_seed(where(table, epoch=epoch), value))


def correlation(row):
    return float(row["mean_abs_correlation"])


def relative(row):
    return float(row["canonical_error_relative"])


def to_bound(row):
    return float(row["canonical_error"]) / float(row["bound"])


def beyond(label, epoch):
    """How many layers of a network have a canonical error above the bound, and how many layers there are."""
    table = where(hidden(rows("canonical-error", "covariance-through.csv"), label), epoch=epoch)
    seeds = len({row["seed"] for row in table})
    return sum(to_bound(row) > 1 for row in table) / seeds, len(table) // seeds


def canonical():
    whole = rows("canonical-error", "covariance-through.csv")
    epochs = common_epochs(whole)
    columns = {"mean abs. correlation of inputs": correlation, "coherence μ": lambda row: float(row["coherence"]),
               "canonical error / norm of Σ": relative, "canonical error / bound": to_bound}
    lines = [[label, str(epoch)] + [covariance(label, epoch, value).text() for value in columns.values()]
             + ["{} of {}".format(significant(beyond(label, epoch)[0]), beyond(label, epoch)[1])]
             for label in METHODS for epoch in filled(label, epochs)]
    first, last = epochs[0], epochs[-1]
    (start, layers), (end, _) = beyond("normprop", first), beyond("normprop", last)
    share = [percent(covariance("normprop", epoch, relative).mean, 0) for epoch in (first, last)]
    correlations = [covariance("normprop", epoch, correlation) for epoch in (first, last)]
    most = max(start, end)
    word = "holds" if most == 0 else "does not hold here" if most >= layers / 2 else "holds partly"
    return {"start": significant(start), "end": significant(end), "layers": layers, "last": last,
            "correlation_start": significant(correlations[0].mean), "correlation_end": significant(correlations[1].mean),
            "correlation": correlations[1].text(), "share_start": share[0], "share_end": share[1],
            "far": significant(max(to_bound(row) for row in hidden(whole, "normprop"))),
            "errors": table(["method", "epoch", *columns, "layers beyond the bound"], lines), "unfilled": UNFILLED,
            "same_runs": SAME_RUNS, "n": correlations[1].n, "verdict": small(word)}


CANONICAL = Study(
    "canonical-error",
    [FETCH_CIFAR, compare(RUNS),
     ("normprop stats --probe covariance --checkpoint all runs/layer-inputs/* --threads 1 --out results/canonical-error",
      "results/canonical-error/covariance-through.csv")],
    canonical, (RUNS,))
