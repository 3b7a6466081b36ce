"""results/README.md: the claims of the paper and what was found, then what is in each folder."""

import os
import re

from catalogue import STUDIES
from tables import ROOT, Missing, heading, line
from training import COPIES

INTRODUCTION = """\
# Results

Everything here is written by commands of this repository, from data and on hardware that are named; no result is typed by
hand, on this page either: `scripts/reproduce --texts` writes it from the CSV files, and a test compares. Remake a study from
nothing with `scripts/reproduce STUDY` (`all` for all of them, in many hours); it goes on where it was stopped.

## What the paper claims, and what was found

Differences are in percentage points of test error, negative where the first named is better, with 95 % t intervals of
paired differences over n seeds. "At small scale": a quarter of the paper's channels, part of the data, or few epochs. A
verdict follows from the numbers by a rule. Unless a line states another: the claim holds where every interval lies on the
claimed side of 0, holds partly where some do, does not hold where none does and some lie on the other side, and no difference
was seen where all contain 0. Of fewer than three seeds nothing is concluded."""

OTHERS = [
    ("gap-bs1", "`scripts/reproduce gap`", "The part of [gap](gap/) at batch size 1."),
    ("best", "`scripts/reproduce gap`",
     "The part of [gap](gap/) that tries its best recipe on more images, and what a step of it costs."),
    ("methods-sweep", "`normprop compare experiments/methods-sweep.toml`",
     "`sweep.csv`: three learning rates for each of 29 methods at batch sizes 1, 2 and 50, on 500 held-out training images; "
     "one seed, 1,000 images, 2 epochs. `at_edge` marks choices at the end of that coarse grid."),
    ("methods", "`normprop compare experiments/methods.toml`, then `normprop bench --norm all --batch-sizes 1,2,50 --threads 1 "
     "--steps 25 --warmup 4 --out results/methods` and `normprop report results/methods`",
     "Every method with the rate from that sweep: test error over 3 seeds, 1,000 images, 3 epochs, and step times, all "
     "methods taking turns. It shows which methods work at a batch size, not which is best."),
    ("speed-pytorch", "`scripts/bench-both`, see its page", "The same networks in PyTorch, process after process in turn."),
    ("precision", "`normprop compare experiments/precision.toml`",
     "float32 and bfloat16 by test error, three seeds."),
]


def claims():
    lines = [heading(["claim", "evidence", "verdict"], 3)]
    for study in STUDIES:
        try:
            claim = study.claim()
            lines.append(line([claim.claim, f"{claim.evidence}: [{study.name}]({study.name}/)", f"**{claim.verdict}**"]))
        except Missing as missing:
            lines.append(line([study.question, f"wanting: {missing}; `scripts/reproduce {study.name}`", "**not tested**"]))
    return "\n".join(lines)


def recalled():
    """The paper's error rates as they stand in the experiment files."""
    lines = [heading(["data", "test errors in the paper, recalled, unverified"], 2)]
    for name in ("cifar10", "cifar100", "svhn"):
        with open(os.path.join(ROOT, "experiments", f"{name}.toml"), encoding="utf-8") as file:
            text = file.read()
        source = re.search(r'^source = "(.*)"', text, re.M).group(1)
        errors = re.search(r"^test_error = \{(.*)\}", text, re.M).group(1)
        pairs = re.findall(r'("[^"]+"|[\w-]+) = ([\d.]+)', errors)
        said = ", ".join(f"{method.strip(chr(34))} {100 * float(value):.2f} %" for method, value in pairs)
        lines.append(line([source, said]))
    return "\n".join(lines)


def text():
    folders = [heading(["folder", "command", "what it is"], 3)]
    folders += [line([f"[{name}]({name}/)", command, what]) for name, command, what in OTHERS
                if os.path.isdir(os.path.join(ROOT, "results", name))]
    return "\n\n".join([
        INTRODUCTION, claims(),
        "## Data", " ".join(COPIES.values()) + " MNIST and Fashion-MNIST are the official images. `manifest.json` in each "
        "folder has the checksum of the data, the processor, versions and the commits of the runs.",
        "## The paper's numbers", "None of them was read again, and none can be compared with a network of a quarter of the "
        "channels:", recalled(),
        "## Other folders", "\n".join(folders)]) + "\n"
