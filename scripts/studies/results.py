"""What is in results/: rows of CSV files, manifests, and the values of runs by seed."""

import csv
import functools
import io
import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RESULTS = os.path.join(ROOT, "results")
# Training images of the datasets that experiments use whole.
IMAGES = {"cifar10": 50_000, "mnist": 60_000, "fashion-mnist-mini": 4_000}


class Missing(Exception):
    """Results that are not there, or not all of them: the text cannot be made yet."""


def read(*parts):
    """The text of a file in results/."""
    file = os.path.join(RESULTS, *parts)
    if not os.path.isfile(file):
        raise Missing("/".join(["results", *parts]))
    with open(file, newline="", encoding="utf-8") as text:
        return text.read()


@functools.lru_cache(maxsize=None)
def rows(*parts):
    """The rows of a CSV file in results/, as dictionaries."""
    return list(csv.DictReader(io.StringIO(read(*parts))))


def forget():
    """Reads files anew from here on."""
    rows.cache_clear()


def manifest(folder):
    return json.loads(read(folder, "manifest.json"))


def where(table, **wanted):
    """Rows whose columns have these values; numbers are compared as numbers."""
    def fits(value, wish):
        return value == wish if isinstance(wish, str) else bool(value) and float(value) == wish
    return [row for row in table if all(fits(row[column], wish) for column, wish in wanted.items())]


def only(table, **wanted):
    found = where(table, **wanted)
    if len(found) != 1:
        raise Missing(f"{len(found)} rows with {wanted} in place of one")
    return found[0]


def numbers(table, column):
    return [float(row[column]) for row in table if row[column]]


def labels(folder):
    return list(dict.fromkeys(row["label"] for row in rows(folder, "summary.csv")))


def batch_sizes(folder):
    return sorted({int(row["batch_size"]) for row in rows(folder, "summary.csv")})


def epochs(folder):
    return max(int(row["epoch"]) for row in rows(folder, "curves.csv"))


def diverged(folder, label, size):
    """How many runs of a method diverged."""
    return sum(int(row["n_diverged"]) for row in where(rows(folder, "summary.csv"), label=label, batch_size=size))


def final(folder, label, size, column="test_error"):
    """Values of the last epoch of the runs that finished, by seed."""
    found = where(rows(folder, "curves.csv"), label=label, batch_size=size, status="finished")
    return {row["seed"]: float(row[column]) for row in found}


def at_epoch(folder, label, size, epoch, column="test_error"):
    found = where(rows(folder, "curves.csv"), label=label, batch_size=size, epoch=epoch)
    return {row["seed"]: float(row[column]) for row in found if row[column] and row["status"] != "diverged"}


def configuration(folder, key, otherwise=None):
    """What the runs of a comparison have in common, by its manifest."""
    return value_of(manifest(folder)["configuration"], key, otherwise)


def value_of(text, key, otherwise=None):
    """The value of a key in TOML text, without its quotation marks."""
    found = re.search(rf"\b{key} = (\"[^\"]*\"|\[[^\]]*\]|[^,\s}}]+)", text)
    return found[1].strip('"') if found else otherwise


def images(folder):
    """How many training images the runs of a comparison use."""
    return int(configuration(folder, "train_subset", 0)) or IMAGES[configuration(folder, "dataset")]


def runs_by_setting(folders):
    """How many runs there are of each method and batch size."""
    counts = {}
    for folder in folders:
        for run in manifest(folder)["runs"]:
            key = folder, run["label"], run["batch_size"]
            counts[key] = counts.get(key, 0) + 1
    return list(counts.values())
