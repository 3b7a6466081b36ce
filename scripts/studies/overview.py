"""results/README.md: the claims of the paper and what was found, then what is in each folder; and the short form of the claims
in README.md."""

import os
import re

from gap import GAP
from geometry import JACOBIAN, LANDSCAPE
from inside import CANONICAL, GAUSSIANITY, INPUTS
from mnist import MNIST
from recurrent import RECURRENT
from residual import DEPTH_STUDY, RECIPE
from results import ROOT, Missing, value_of
from speed import SPEED, pytorch_sentence
from stream import STREAM
from study import COPIES, template
from training import BATCH_SIZE, CONVERGENCE, DATA_NORMALIZATION, DATASET_STUDY
from words import table, tally

STUDIES = [CONVERGENCE, BATCH_SIZE, INPUTS, GAUSSIANITY, DATA_NORMALIZATION, JACOBIAN, CANONICAL, SPEED, DATASET_STUDY, MNIST,
           GAP, LANDSCAPE, STREAM, DEPTH_STUDY, RECIPE, RECURRENT]

README = os.path.join(ROOT, "README.md")


def told(study, fields):
    """Each claim of a study in three fields, the last its verdict; a study may have several, or none."""
    for tail in ("", " 2"):
        if fields[0] + tail not in study.parts[0]:
            continue
        try:
            yield study.told(*(field + tail for field in fields))
        except Missing as missing:
            yield study.question, f"missing: {missing}; run `scripts/reproduce {study.name}`", "not tested"


def claims():
    lines = [[claim, f"{evidence}: [{study.name}]({study.name}/)", f"**{verdict}**"]
             for study in STUDIES for claim, evidence, verdict in told(study, ("claim", "evidence", "verdict"))]
    return table(["claim", "evidence", "verdict"], lines, 3)


def short_claims():
    """The table of claims in README.md, and how many got which verdict: of the studies whose template has them in short."""
    lines = [[f"[{claim}](results/{study.name}/)", number, verdict.replace(", at small scale", "\\*")]
             for study in STUDIES for claim, number, verdict in told(study, ("short", "number", "verdict"))]
    counts = tally([verdict.rstrip("\\*") for _, _, verdict in lines])
    return f"Of these {len(lines)} claims, {counts}.\n\n{table(['claim', 'found', 'verdict'], lines, 3)}"


def readme():
    """README.md with what it says of results as they give it: each part stands between two comments."""
    with open(README, encoding="utf-8") as file:
        page = file.read()
    for name, make in {"claims": short_claims, "pytorch": pytorch_sentence}.items():
        begin, end = f"<!-- {name}: written by scripts/reproduce --texts -->", f"<!-- /{name} -->"
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{make()}\n{end}{rest.split(end)[1]}"
    return page


def recalled():
    """The paper's error rates as they stand in the experiment files."""
    lines = []
    for name in ("cifar10", "cifar100", "svhn"):
        with open(os.path.join(ROOT, "experiments", f"{name}.toml"), encoding="utf-8") as file:
            text = file.read()
        errors = re.search(r"^test_error = \{(.*)\}", text, re.M)[1]
        pairs = re.findall(r'("[^"]+"|[\w-]+) = ([\d.]+)', errors)
        lines.append([value_of(text, "source"), ", ".join(f"{method.strip(chr(34))} {100 * float(value):.2f} %"
                                                          for method, value in pairs)])
    return table(["data", "test errors in the paper, recalled, unverified"], lines, 2)


def text():
    return template("overview").format(claims=claims(), copies=" ".join(COPIES.values()), recalled=recalled())
