"""The study that looks for what lies between NormProp and batch normalization."""

from study import Claim, Study
from tables import Interval, difference, error_table, final, labels, percent, points, where
from training import BF16, CIFAR, FEW, RATES, SMALL, error, gap
from words import comparison, direction, listed, verdict

AT_50, AT_1 = "gap", "gap-bs1"


def mean(study, label, size):
    values = list(final(study, label, size).values())
    return Interval(values).mean if values else 1.0


def best(study, size):
    """The change with the lowest mean test error."""
    changes = [label for label in labels(study) if label != "bn"]
    return min(changes, key=lambda label: mean(study, label, size))


def helping(study, size):
    """The changes whose test error is below plain NormProp's by more than chance."""
    changes = [label for label in labels(study) if label not in ("bn", "normprop")]
    return [label for label in changes if direction(gap(study, label, "normprop", size)) == "below"]


def answer():
    first, last = gap(AT_50, "normprop", "bn", 50), gap(AT_50, best(AT_50, 50), "bn", 50)
    helps = helping(AT_50, 50)
    said = listed(f"*{label}* ({gap(AT_50, label, 'normprop', 50).text(points)})" for label in helps) or "none"
    at_1 = gap(AT_1, best(AT_1, 1), "bn", 1)
    return (f"At batch size 50 the paper's NormProp ends {first.text(points)} points from batch normalization and the best "
            f"recipe tried, *{best(AT_50, 50)}*, {last.text(points)}; changes that lower NormProp's error by more than "
            f"chance are {said}. At batch size 1 the best, *{best(AT_1, 1)}*, ends {at_1.text(points)} points from batch "
            f"normalization.")


def details():
    return ("Batch size 50 (10,000 images, 8 epochs):\n\n" + error_table(AT_50, "bn")
            + "\n\nBatch size 1 (5,000 images, 4 epochs):\n\n" + error_table(AT_1, "bn")
            + "\n\nTraining loss at the end, batch size 50: " + listed(
                f"{label} {Interval(list(final(AT_50, label, 50, 'train_loss').values())).mean:.3f}"
                for label in labels(AT_50)) + ".")


def claim():
    intervals = [gap(AT_50, best(AT_50, 50), "bn", 50), gap(AT_1, best(AT_1, 1), "bn", 1)]
    return Claim("(ours) A variant of NormProp is no worse than batch normalization at batch size 50 and far better at 1",
                 f"best variant minus batch normalization, points: {intervals[0].text(points)} at 50 (*{best(AT_50, 50)}*), "
                 f"{intervals[1].text(points)} at 1 (*{best(AT_1, 1)}*) (n = {intervals[0].n})", word(intervals))


def word(intervals):
    at_50, at_1 = (direction(interval) for interval in intervals)
    no_worse = at_50 in ("below", "unclear")
    if no_worse and at_1 == "below":
        return "holds, at small scale"
    return "holds partly, at small scale" if no_worse or at_1 == "below" else "does not hold here, at small scale"


GAP = Study(
    11, "gap", "Closing the gap to batch normalization",
    "What lies between the paper's NormProp and batch normalization at batch size 50, and which change closes it?",
    [("normprop compare experiments/gap.toml", None), ("normprop compare experiments/gap-bs1.toml", None)],
    answer, details, claim,
    [("final-error.svg", "Final test error at batch size 50"), ("../gap-bs1/final-error.svg", "Final test error at batch size 1"),
     ("train-loss.svg", "Training loss at batch size 50")],
    ["Beyond the paper. The best of many recipes is chosen by the same test errors that are shown, which flatters it.",
     CIFAR, SMALL, BF16 + " At batch size 1 all is float32.", RATES, FEW])
