"""Studies that train networks and compare their errors."""

from intervals import Gap, error, lowest, mean, of_errors
from results import at_epoch, batch_sizes, diverged, epochs, images, labels, only, rows, where
from study import Study
from words import listed, no_worse, percent, points, significant, small, table, verdict

FETCH_CIFAR = ("normprop data fetch cifar10", "data/cifar-10-batches-bin/test_batch.bin")
FETCH_MNIST = ("normprop data fetch mnist", "data/mnist/t10k-labels-idx1-ubyte.gz")
# How much higher an error may be and still count as no worse.
MARGIN = 0.01
# The error above which a training has failed.
FAILURE = 0.5


def compare(name, *more):
    return " ".join([f"normprop compare experiments/{name}.toml", *more]), None


def error_table(folder, baseline, named=None):
    """Final test errors by method and batch size, with the difference to the baseline: one label for all, or a label for
    each label, which are `named` in the heading."""
    head = ["method"]
    for size in batch_sizes(folder):
        head += [f"batch size {size}: test error", f"minus {named or baseline}, points", "rate"]
    lines = []
    for label in labels(folder):
        against = baseline if isinstance(baseline, str) else baseline.get(label, label)
        cells = [cell for size in batch_sizes(folder) for cell in error_cells(folder, label, against, size)]
        lines.append([label, *cells])
    return table(head, lines)


def error_cells(folder, label, baseline, size):
    found = where(rows(folder, "summary.csv"), label=label, batch_size=size)
    if not found:
        return ["–"] * 3
    gap = Gap(folder, label, baseline, size) if label != baseline else None
    return [error(folder, label, size), gap.interval.text(unit="", show=points) if gap and gap.n else "–",
            f"{float(found[0]['lr']):.3g}"]


def smallest_n(gaps):
    return min(gap.n for gap in gaps)


# Convergence

PAIRS = [("normprop", "bn"), ("normprop, crop and flip", "bn, crop and flip")]


def convergence():
    last = epochs("convergence")
    shown = sorted({1, 3, 5, 10, last // 2, last})
    lines = [[label] + [of_errors(at_epoch("convergence", label, 50, epoch)) for epoch in shown]
             for label in labels("convergence")]
    early = [Gap("convergence", *pair, 50, epoch=3) for pair in PAIRS]
    late = [Gap("convergence", *pair, 50) for pair in PAIRS]
    word = verdict(early)
    if word.startswith("holds") and not all(no_worse(gap, MARGIN) for gap in late):
        word = "holds partly"
    elif not word.startswith("holds") and any(gap.direction == "above" for gap in late):
        word = "does not hold here"
    return {"errors_by_epoch": table(["method"] + [f"epoch {epoch}" for epoch in shown], lines),
            "errors": error_table("convergence", dict(PAIRS), "bn on the same images"),
            "n": smallest_n(early + late), "verdict": small(word)}


CONVERGENCE = Study("convergence", [FETCH_CIFAR, compare("convergence")], convergence)


# Batch sizes

def fails(label, size):
    """Whether training fails: a run diverged, or the mean error lies above one half."""
    return diverged("batch-size", label, size) > 0 or mean("batch-size", label, size) > FAILURE


def batch_size():
    best = lowest(labels("batch-size"), ("batch-size", 1))
    lost = [(diverged("batch-size", best, size), size) for size in batch_sizes("batch-size")]
    lost = listed(f"{number} at batch size {size}" for number, size in lost if number)
    times, every = rows("batch-size", "bench.csv"), images("batch-size")
    sizes = sorted({int(row["batch_size"]) for row in times})
    def seconds(norm, size):
        return significant(every / float(only(times, norm=norm, batch_size=size)["images_per_s"]), 3)
    lines = [[norm] + [seconds(norm, size) for size in sizes] for norm in dict.fromkeys(row["norm"] for row in times)]
    lower = Gap("batch-size", "normprop", "bn", 1)
    word = verdict([lower])
    if fails("normprop", 1):
        word = "does not hold here"
    elif word == "holds" and not fails("bn", 1):
        word = "holds partly"
    return {"best": best, "best_error": f"{percent(mean('batch-size', best, 1))}",
            "lost": f" Some of its runs diverged: {lost}." if lost else "", "errors": error_table("batch-size", "bn"),
            "times": table(["method"] + [f"batch size {size}" for size in sizes], lines), "n": lower.n,
            "verdict": small(word)}


BATCH_SIZE = Study(
    "batch-size",
    [compare("batch-size"),
     ("normprop bench --norm none,bn,normprop,weight-norm,layer-norm,group-norm --batch-sizes 1,2,8,50,100 --threads 1 "
      "--steps 20 --warmup 4 --out results/batch-size", "results/batch-size/bench.csv"),
     ("normprop report results/batch-size", None)],
    batch_size)


# Data normalization

def data_normalization():
    gaps = [Gap("data-normalization", "normprop, batch", "normprop, global", size) for size in (8, 50)]
    baselines = {f"{norm}, batch": f"{norm}, global" for norm in ("normprop", "bn")}
    return {"errors": error_table("data-normalization", baselines, "global"), "n": smallest_n(gaps),
            "verdict": small(verdict(gaps))}


DATA_NORMALIZATION = Study("data-normalization", [FETCH_CIFAR, compare("data-normalization")], data_normalization)


# Other data

DATASETS = {"Fashion-MNIST (4,000 images)": "datasets/datasets-fashion-mnist",
            "MNIST (10,000 images)": "datasets/datasets-mnist", "CIFAR-100 (5,000 images)": "datasets/datasets-cifar100"}


def datasets():
    shown = labels(DATASETS["MNIST (10,000 images)"])
    lines = [[name] + [error(folder, label, 50) for label in shown] for name, folder in DATASETS.items()]
    gaps = [Gap(folder, "normprop", "bn", 50) for folder in DATASETS.values()]
    return {"errors": table(["data"] + shown, lines), "n": smallest_n(gaps), "verdict": small(verdict(gaps[-1:]))}


DATASET_STUDY = Study(
    "datasets",
    [FETCH_MNIST, ("normprop data fetch cifar100", "data/cifar-100-binary/train.bin")]
    + [compare(folder.split("/")[1], "--out results/datasets") for folder in DATASETS.values()],
    datasets, tuple(DATASETS.values()))
