"""The study that looks for what lies between NormProp and batch normalization."""

from intervals import Gap, difference, lowest, mean
from results import final, labels, only, rows
from study import Folder, Study
from training import FETCH_CIFAR, MARGIN, compare, error_table
from words import all_held, listed, no_worse, points, ratio, significant, small, table

AT_50, AT_1 = "gap", "gap-bs1"
# One change on more images and for longer, at batch size 50: what it is called here and there.
BEST, ADOPTED, RECIPE = "best", "centered, pool moments", "normprop, best recipe"
# The paper's NormProp with the same images and epochs in another study.
SAME = "data-normalization", "normprop, global", 50


def changes(folder):
    return [label for label in labels(folder) if label not in ("bn", "normprop")]


def helping(tried, base):
    """Which of some changes have an error below that of `base`, and of how many."""
    gaps = {label: Gap(AT_50, label, base, 50) for label in tried}
    found = [f"*{label}* ({gap.text()})" for label, gap in gaps.items() if gap.direction == "below"]
    return f"{listed(found) or 'none'}, of {len(gaps)} tried"


def over_both_sizes(label):
    at_50, at_1 = final(AT_50, label, 50), final(AT_1, label, 1)
    return {seed: (at_50[seed] + at_1[seed]) / 2 for seed in at_50 if seed in at_1}


def minus_same(label):
    """The difference of a change to the paper's NormProp with the learning rate of the other study."""
    return difference(final(AT_50, label, 50), final(*SAME)).text(points, " points")


def step(size):
    """The recipe's row in the bench."""
    return only(rows(BEST, "bench.csv"), norm="normprop", batch_size=size)


def step_ratio(size, to):
    return tuple(float(step(size)[f"ratio_to_{to}{end}"]) for end in ("", "_low", "_high"))


def values():
    centered = [label for label in changes(AT_50) if label.startswith("centered, ")]
    both = [label for label in changes(AT_50) if label in changes(AT_1)]
    best = lowest(both, (AT_50, 50), (AT_1, 1))
    others = [label for label in both if label.startswith("centered") and label != best]
    said = (f"{difference(over_both_sizes(label), over_both_sizes(best)).text(points, ' points')} for *{label}*" for label in others)
    losses = (f"*{label}* {mean(AT_50, label, 50, 'train_loss'):.3f}" for label in labels(AT_50) if final(AT_50, label, 50))
    lines = [[str(size), significant(float(step(size)["step_ms"]), 3), ratio(step_ratio(size, "none")), ratio(step_ratio(size, "bn"))]
             for size in (1, 50)]
    at_50, at_1 = Gap(BEST, RECIPE, "bn", 50), Gap(AT_1, ADOPTED, "bn", 1)
    held = [no_worse(at_50, MARGIN), at_1.direction == "below"] + [step_ratio(size, "bn")[2] < 1 for size in (50, 1)]
    best_50, best_1 = lowest(changes(AT_50), (AT_50, 50)), lowest(changes(AT_1), (AT_1, 1))
    def rate(folder, label):
        return f"{float(only(rows(folder, 'summary.csv'), label=label, batch_size=50)['lr']):g}"
    return {"best_50": best_50, "best_50_gap": Gap(AT_50, best_50, "bn", 50).text(), "best_1": best_1,
            "best_1_gap": Gap(AT_1, best_1, "bn", 1).text(), "adopted": ADOPTED,
            "single": helping([label for label in changes(AT_50) if label not in centered], "normprop"),
            "more": helping(centered, "centered rows"), "best_both": best, "others": listed(said),
            "own_rate": rate(AT_50, "normprop"), "other_rate": rate(*SAME[:2]), "minus_centered": minus_same("centered rows"),
            "minus_fixed": minus_same("fixed Jacobian scale"), "losses": "; ".join(losses), "errors_50": error_table(AT_50, "bn"),
            "errors_1": error_table(AT_1, "bn"), "errors_best": error_table(BEST, "bn"),
            "steps": table(["batch size", "step, ms", "recipe / none", "recipe / bn"], lines),
            "step_50": ratio(step_ratio(50, "bn")), "step_1": ratio(step_ratio(1, "bn")), "n": min(at_50.n, at_1.n),
            "verdict": small(all_held(held)), "elsewhere": Folder(SAME[0])}


GAP = Study(
    "gap",
    [FETCH_CIFAR, compare(AT_50), compare(AT_1), compare(BEST),
     ("normprop bench --norm none,bn,normprop --dataset cifar10 --set method.center_rows=true --set method.pool=moments "
      "--batch-sizes 1,50 --threads 1 --out results/best", "results/best/bench.csv"),
     ("normprop report results/best", None)],
    values, (AT_50, AT_1, BEST))
