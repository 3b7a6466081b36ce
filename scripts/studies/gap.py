"""The study that looks for what lies between NormProp and batch normalization."""

from study import Claim, Study, is_there
from tables import Interval, Missing, diverged, error_table, final, labels, points
from training import BF16, FETCH_CIFAR, FEW, MARGIN, SMALL, copy_of, gap
from words import direction, listed, no_worse

AT_50, AT_1 = "gap", "gap-bs1"
CLAIM = "(ours) One variant of NormProp is no worse than batch normalization at batch size 50 and better at 1"


def changes(study):
    return [label for label in labels(study) if label not in ("bn", "normprop")]


def mean(study, label, size):
    return Interval(list(final(study, label, size).values())).mean


def best():
    """The change that was tried at both batch sizes, never diverged, and has the lowest sum of mean errors."""
    both = [label for label in changes(AT_50) if label in changes(AT_1)
            and not diverged(AT_50, label, 50) and not diverged(AT_1, label, 1)]
    if not both:
        raise Missing("a change that was tried at both batch sizes")
    return min(both, key=lambda label: mean(AT_50, label, 50) + mean(AT_1, label, 1))


def lowest(study, size):
    """The change with the lowest mean error at one batch size."""
    return min((label for label in changes(study) if not diverged(study, label, size)),
               key=lambda label: mean(study, label, size))


def helping(study, size):
    """The changes whose interval of the difference to plain NormProp lies below 0."""
    return [label for label in changes(study) if final(study, label, size)
            and direction(gap(study, label, "normprop", size)) == "below"]


def answer():
    label = lowest(AT_50, 50)
    helps = [f"*{name}* ({gap(AT_50, name, 'normprop', 50).text(points)})" for name in helping(AT_50, 50)]
    return (f"At batch size 50 the test error of the paper's NormProp minus batch normalization's is "
            f"{gap(AT_50, 'normprop', 'bn', 50).text(points)} points, and that of the best change tried, *{label}*, "
            f"{gap(AT_50, label, 'bn', 50).text(points)}; {len(helps)} of {len(changes(AT_50))} changes lower NormProp's "
            f"error{': ' if helps else ''}{listed(helps)}. {answer_at_1()}")


def answer_at_1():
    if not is_there(AT_1, "curves.csv"):
        return "Batch size 1 has not been run yet."
    return (f"At batch size 1 the paper's NormProp minus batch normalization is "
            f"{gap(AT_1, 'normprop', 'bn', 1).text(points)} points and the best change, *{lowest(AT_1, 1)}*, "
            f"{gap(AT_1, lowest(AT_1, 1), 'bn', 1).text(points)}.")


def details():
    losses = [f"{label} {Interval(list(final(AT_50, label, 50, 'train_loss').values())).mean:.3f}"
              for label in labels(AT_50) if final(AT_50, label, 50)]
    at_1 = "\n\nBatch size 1:\n\n" + error_table(AT_1, "bn") if is_there(AT_1, "curves.csv") else ""
    return ("Batch size 50:\n\n" + error_table(AT_50, "bn") + at_1
            + f"\n\nTraining loss at the end, batch size 50: {listed(losses)}.")


def claim():
    if not is_there(AT_1, "curves.csv"):
        label = lowest(AT_50, 50)
        at_50 = gap(AT_50, label, "bn", 50)
        return Claim(CLAIM, f"*{label}* minus batch normalization at batch size 50: {at_50.text(points)} points (n = {at_50.n}); "
                            "batch size 1 has not been run yet", "not tested at batch size 1")
    label = best()
    at_50, at_1 = gap(AT_50, label, "bn", 50), gap(AT_1, label, "bn", 1)
    level, better = no_worse(at_50, MARGIN), direction(at_1) == "below"
    word = "holds" if level and better else "holds partly" if level or better else "does not hold here"
    return Claim(CLAIM, f"*{label}* minus batch normalization, points of test error: {at_50.text(points)} at batch size 50, "
                 f"{at_1.text(points)} at 1 (n = {min(at_50.n, at_1.n)}; no worse: higher by less than one point)",
                 f"{word}, at small scale")


GAP = Study(
    11, "gap", "Closing the gap to batch normalization",
    "What lies between the paper's NormProp and batch normalization at batch size 50, and which change closes it?",
    [FETCH_CIFAR, ("normprop compare experiments/gap.toml", None), ("normprop compare experiments/gap-bs1.toml", None)],
    answer, details, claim,
    [("final-error.svg", "Final test error at batch size 50"), ("../gap-bs1/final-error.svg", "Final test error at batch size 1"),
     ("train-loss.svg", "Training loss at batch size 50")],
    lambda: ["Beyond the paper. The best of many recipes is chosen by the test errors that are shown, which flatters it; and "
             "each interval stands alone: of a dozen one may exclude 0 by chance.",
             "Adaptive clipping takes β, which starts at 0, for a unit of length 0.001 and so nearly stops it."]
    + copy_of(AT_50) + [SMALL, BF16 + " At batch size 1 all is float32.", FEW], swept=(AT_50, AT_1) if is_there(AT_1, "sweep.csv") else (AT_50,))
