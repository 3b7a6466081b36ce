"""How the learning rates of a study were found: on what, for how long, how sharply, and whether at an end of the grid."""

import functools
import math
import os
import re

from tables import ROOT, Missing, epochs, numbers, rows, where

# Training images of the datasets that experiments use whole.
IMAGES = {"cifar10": 50_000, "mnist": 60_000, "fashion-mnist-mini": 4_000}


@functools.lru_cache(maxsize=None)
def settings(study):
    """The text of a study's experiment file before `[sweep]` and in it."""
    file = os.path.join(ROOT, "experiments", os.path.basename(study) + ".toml")
    if not os.path.isfile(file):
        raise Missing(os.path.relpath(file, ROOT))
    with open(file, encoding="utf-8") as text:
        before, _, after = text.read().partition("[sweep]")
    return before, after


def value(text, key, otherwise=None):
    found = re.search(rf"\b{key} = (\"[^\"]*\"|\[[^\]]*\]|[^,\s}}]+)", text)
    return found[1].strip('"') if found else otherwise


def images(study):
    """How many training images the study uses, and its trial runs."""
    before, after = settings(study)
    whole = int(value(before, "train_subset", IMAGES.get(value(before, "dataset"), 0)))
    return whole, int(value(after, "train_subset", whole))


def held_out(study):
    """How many images learning rates are judged by."""
    return round(float(value(settings(study)[1], "validation_fraction")) * images(study)[1])


def sharpness(study):
    """The largest standard error of the errors by which learning rates were chosen."""
    errors = numbers(where(rows(study, "sweep.csv"), chosen="true"), "validation_error_mean")
    return math.sqrt(max(error * (1 - error) for error in errors) / held_out(study))


def trials(study, whose):
    """The runs that learning rates were chosen by, beside those they were chosen for."""
    table = rows(study, "sweep.csv")
    short, whole = max(int(row["epochs"]) for row in table), epochs(study)
    length = (f"as long as {whose} ({whole} epochs)" if short == whole
              else f"of {short} epoch{'s' if short > 1 else ''} where {whose} have {whole}")
    before, after = settings(study)
    every, some = images(study)
    others = [f"{some:,} images for {every:,}"] if some != every else []
    if value(after, "precision"):
        others.append(f"{value(after, 'precision')} for {value(before, 'precision', 'f32')}")
    seeds = max(int(row["n"]) + int(row["n_diverged"]) for row in table)
    return (f"{held_out(study):,} held-out images and {'one seed' if seeds == 1 else f'{seeds} seeds'}, in runs {length}"
            + "".join(f", {other}" for other in others) + f" (standard error up to {100 * sharpness(study):.1f} points)")


def edges(study):
    """The methods and batch sizes whose learning rate was chosen at an end of the grid."""
    table = rows(study, "sweep.csv")
    at = []
    for row in table:
        if row["chosen"] != "true" or row["at_edge"] != "true":
            continue
        tried = where(table, label=row["label"], batch_size=row["batch_size"])
        end = ("all diverged" if not any(int(other["n"]) for other in tried)
               else "the lowest" if float(row["lr"]) == min(numbers(tried, "lr")) else "the highest")
        at.append(f"*{row['label']}* at batch size {row['batch_size']} ({end})")
    return at


def rates(page, folders):
    """Sentences for a study's page on how the learning rates of these folders of results/ were found."""
    if not folders:
        return []
    own = [page] == [os.path.basename(folder) for folder in folders]
    whose = "the study's" if own else "its own"
    def place(folder):
        return "" if own else f" in {os.path.basename(folder)}"
    found = ";".join(f"{place(folder)} by {trials(folder, whose)}" for folder in folders)
    at = [f"{edge}{place(folder)}" for folder in folders for edge in edges(folder)]
    return [f"Every method has its own learning rate (`sweep.csv`), found{found}. Rates whose errors are nearer to each other "
            "than that are not told apart.",
            f"Chosen at an end of the grid, so that a better rate may lie beyond it: {', '.join(at)}." if at else
            "No rate was chosen at an end of its grid."]
