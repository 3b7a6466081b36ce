"""A recurrent network: which normalization helps an LSTM."""

from intervals import Gap
from results import labels
from study import Study
from training import compare, error_table, smallest_n
from words import all_held, small


def recurrent():
    folder = "recurrent"
    kinds = {"SGD": "", "Adam": ", Adam"}
    gaps = {kind: {norm: Gap(folder, norm + tail, "none" + tail, 50)
                   for norm in ("weight-norm", "layer-norm", "normprop", "normprop, sum")} for kind, tail in kinds.items()}
    held = [gap.direction == "below" for found in gaps.values() for gap in (found["normprop"], found["normprop, sum"])]
    def told(kind):
        return "; ".join(f"{norm} {gap.text()}" for norm, gap in gaps[kind].items())
    return {"errors": error_table(folder, {label: "none" + (", Adam" if label.endswith(", Adam") else "") for label in labels(folder)},
                                  "none under the same optimizer"),
            "sgd": told("SGD"), "adam": told("Adam"), "n": smallest_n([gap for found in gaps.values() for gap in found.values()]),
            "variances": "; ".join(f"{kind}: {Gap(folder, 'normprop, sum' + tail, 'normprop' + tail, 50).text()}"
                                   for kind, tail in kinds.items()),
            "verdict": small(all_held(held))}


RECURRENT = Study("recurrent", [compare("recurrent")], recurrent)
