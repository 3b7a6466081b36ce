"""How the learning rates of a comparison were found: on what, for how long, how precisely, and whether at an end of the grid."""

import math
import os
import re

from results import ROOT, Missing, batch_sizes, configuration, images, numbers, rows, value_of, where
from words import counted, listed


def sweep(folder):
    """The text of `[sweep]` in the experiment file, of which there is one for all batch sizes of a residual-recipe."""
    name = re.sub(r"^(residual-.*)-bs\d+$", r"\1", os.path.basename(folder))
    file = os.path.join(ROOT, "experiments", f"{name}.toml")
    if not os.path.isfile(file):
        raise Missing(os.path.relpath(file, ROOT))
    with open(file, encoding="utf-8") as text:
        return re.search(r"^\[sweep\]$(.*?)(?=^\[|\Z)", text.read(), re.M | re.S)[1]


def longest(folder, file, column):
    """The largest epoch in a file: one number, or one for each batch size where they differ."""
    table = rows(folder, file)
    found = [int(max(numbers(where(table, batch_size=size), column))) for size in batch_sizes(folder)]
    return found if len(set(found)) > 1 else found[:1]


def lengths(found):
    """Epochs in words."""
    return counted(found[0], "epoch") if len(found) == 1 else f"{listed(map(str, found))} epochs"


def trials(folder):
    """The runs by which the rates were chosen, beside those they were chosen for."""
    table, settings = rows(folder, "sweep.csv"), sweep(folder)
    seeds = max(int(row["n"]) + int(row["n_diverged"]) for row in table)
    whole, some = images(folder), int(value_of(settings, "train_subset", images(folder)))
    held_out = int(value_of(settings, "validation_subset", 0)) or round(float(value_of(settings, "validation_fraction", 0.1)) * some)
    errors = numbers(where(table, chosen="true"), "validation_error_mean")
    standard_error = math.sqrt(max(error * (1 - error) for error in errors) / held_out)
    own, trial = (longest(folder, file, column) for file, column in (("curves.csv", "epoch"), ("sweep.csv", "epochs")))
    less = [f"{lengths(trial)} instead of {listed(map(str, own))}"] if trial != own else []
    less += [f"{some:,} images instead of {whole:,}"] if some != whole else []
    precision = value_of(settings, "precision")
    less += [f"{precision} instead of {configuration(folder, 'precision', 'f32')}"] if precision else []
    length = f"in runs of {listed(less)}" if less else f"in full runs of {lengths(own)}"
    return (f"chosen in a sweep (`sweep.csv`) by the error on {held_out:,} held-out images with {counted(seeds, 'seed')}, {length}. "
            f"The standard error of these errors is up to {100 * standard_error:.1f} points: closer rates cannot be ranked.")


def edges(folder):
    """The methods and batch sizes whose learning rate was chosen at an end of the grid."""
    table = rows(folder, "sweep.csv")
    for row in where(table, chosen="true", at_edge="true"):
        tried = where(table, label=row["label"], batch_size=row["batch_size"])
        end = ("all diverged" if not any(int(other["n"]) for other in tried)
               else "the lowest" if float(row["lr"]) == min(numbers(tried, "lr")) else "the highest")
        yield f"*{row['label']}* at batch size {row['batch_size']} ({end})"


def sentences(page, folders):
    """For a study's page: how the learning rates of these folders of results/ were found."""
    own = [page] == list(folders)
    def place(folder):
        return "" if own else f" in {os.path.basename(folder)}"
    at = [f"{edge}{place(folder)}" for folder in folders for edge in edges(folder)]
    return [*(f"Each method{place(folder)} has its own learning rate, {trials(folder)}" for folder in folders),
            f"These rates lie at an end of their grid, so a better rate may lie outside: {', '.join(at)}." if at else
            "No chosen rate lies at an end of its grid."]
