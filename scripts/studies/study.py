"""A study: the commands that answer its question, and its page, a template filled with values from the files they leave.

A template (templates/NAME.md) begins with the claim, the evidence and the verdict of the study's line in results/README.md, and
with the short claim and the one number of its line in README.md.
Values stand in braces. `{n}` is one of those that the study's function gives; `{error:bn|50}` asks a `Folder`.
"""

import functools
import os
import re
from dataclasses import dataclass
from typing import Callable, Optional

import intervals
import rates
from intervals import Gap
from results import configuration, epochs, images, manifest, runs_by_setting
from words import comparison, counted, nats, percent, points

TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
# What a copy of the data is like, by the beginning of its checksum.
COPIES = {
    "3085902c40c55195": "111 of the 60,000 images of our copy of CIFAR-10 are decoded from JPEG copies (105 ships, 6 horses; "
                        "86 for training, 25 for testing). The others are the official ones.",
    "0d092e4f3a78276a": "Our copy of CIFAR-100 has 50 training and 10 test images of each class, all of them exact.",
}


class Lookup:
    """A value that a template names by arguments: `{error:bn|50}` is `find("bn", "50")`."""

    def __init__(self, find):
        self.find = find

    def __format__(self, arguments):
        return self.find(*arguments.split("|"))


class Folder:
    """What a template may ask of a comparison: `{error:LABEL|BATCH SIZE}`, `{difference:ONE|OTHER|BATCH SIZE}` (with
    `|EPOCH` where it is not the last) and `{is:...}`, the same in words."""

    def __init__(self, folder):
        def error(column):
            return Lookup(lambda label, size: intervals.error(folder, label, int(size), column))
        gap = functools.partial(Gap, folder)
        self.error, self.training_error = error("test_error"), error("train_error")
        self.mean_error = Lookup(lambda label, size: percent(intervals.mean(folder, label, int(size))))
        self.difference = Lookup(lambda *what: gap(*what[:3], "test_error", *what[3:]).text())
        self.points = Lookup(lambda *what: gap(*what).text(points, ""))
        self.loss_difference = Lookup(lambda *what: gap(*what[:3], "train_loss", *what[3:]).text(nats, " nats"))
        setattr(self, "is", Lookup(lambda *what: comparison(gap(*what[:3], "test_error", *what[3:]))))
        self.loss_is = Lookup(lambda *what: comparison(gap(*what[:3], "train_loss", *what[3:])))
        self.folder = folder

    @property
    def epochs(self):
        return epochs(self.folder)

    @property
    def images(self):
        return f"{images(self.folder):,}"


@dataclass
class Study:
    """A folder in results/ with its page."""

    name: str
    #: (command, file that it leaves where it is not to be run again)
    commands: list
    #: what its template names beside the lookups of its comparisons
    values: Callable[[], dict]
    #: the comparisons in results/ that it tells of; lookups without a prefix are of the first one
    runs: Optional[tuple] = None
    #: what it was made with, where that is not told by comparisons
    made_with: Optional[Callable] = None

    def __post_init__(self):
        self.runs = (self.name,) if self.runs is None else self.runs

    @property
    def parts(self):
        """The template: the fields of its head, and the page."""
        head, page = template(self.name).split("\n\n", 1)
        return dict(line.split(": ", 1) for line in head.splitlines()), page

    @property
    def question(self):
        return re.search(r"\*\*Question\.\*\* (.*)", self.parts[1])[1]

    def filled(self, text):
        folders = {os.path.basename(folder).replace("-", "_"): Folder(folder) for folder in self.runs}
        own = {}
        if self.runs:
            first = Folder(self.runs[0])
            own = {**vars(first), "epochs": first.epochs, "images": first.images, "usual": bullets(usual(self))}
        return text.format_map({**own, **folders, **self.values()})

    def told(self, *fields):
        """Fields of the template's head with their values, such as claim, evidence and verdict."""
        return [self.filled(self.parts[0][name]) for name in fields]

    def text(self):
        told = self.filled(self.parts[1]).strip()
        commands = "\n".join(command for command, _ in self.commands)
        about = self.made_with() if self.made_with else machine(self.runs)
        parts = [told, explained(told), f"**Commands.** `scripts/reproduce {self.name}` runs\n\n```sh\n{commands}\n```",
                 f"**Made with.** {about}"]
        return "\n\n".join(part for part in parts if part) + "\n"


def template(name):
    with open(os.path.join(TEMPLATES, f"{name}.md"), encoding="utf-8") as text:
        return text.read()


def bullets(sentences):
    return "\n".join(f"- {sentence}" for sentence in sentences)


def usual(study):
    """What is to be kept in mind of every comparison: data, network, precision, seeds, learning rates."""
    found = []
    checksums = {run["dataset_sha256"][:16] for folder in study.runs for run in manifest(folder)["runs"]}
    found += [copy for checksum, copy in COPIES.items() if checksum in checksums]
    first = study.runs[0]
    if configuration(first, "model") == "nin" and float(configuration(first, "width")) == 0.25:
        found.append("The network has a quarter of the paper's channels: its errors cannot be compared with the paper's.")
    rounded = [folder for folder in study.runs if configuration(folder, "precision") == "bf16"]
    if rounded:
        place = "" if len(rounded) == len(study.runs) else f" in {' and '.join(rounded)}"
        found.append(f"Activations and gradients{place} are bfloat16, parameters and their updates float32, for every method.")
    few = min(runs_by_setting(study.runs))
    found.append(f"With {counted(few, 'seed')}, a difference may exist without being seen here.")
    return found + rates.sentences(study.name, study.runs)


def explained(text):
    """The terms of the glossary that a text uses, or that their meanings use, as a section."""
    terms = dict(re.findall(r"^- \*(.*?)\*: (.*)$", template("glossary"), re.M))
    def uses(told):
        return [term for term in terms if term.lower() in told.lower()]
    found = uses(" ".join([text, *(terms[term] for term in uses(text))]))
    return "**Terms.**\n\n" + bullets(f"*{term}*: {terms[term]}" for term in found) if found else ""


def machine(folders):
    """What the runs were made with."""
    facts, commits, sums, counts = {}, set(), set(), runs_by_setting(folders)
    for folder in folders:
        about = manifest(folder)
        facts.update(about["machine"])
        commits |= {(run["git_commit"] or "unknown")[:10] for run in about["runs"]}
        sums |= {run["dataset_sha256"][:16] for run in about["runs"]}
    least, most = min(counts), max(counts)
    seeds = counted(least, "seed") if least == most else f"{least} to {most} seeds"
    told = [facts[name] if name == "rustc" else f"{name[0].lower()}{name[1:]} {facts[name]}"
            for name in facts if name not in ("Processor", "Source tree", "Dataset SHA-256")]
    return (f"{facts['Processor']}; {seeds} for each method; {', '.join(told)}; commits {', '.join(sorted(commits))}; data "
            f"{', '.join(sorted(sums))}… (SHA-256).")
