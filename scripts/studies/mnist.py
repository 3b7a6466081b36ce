"""The MNIST experiment of the paper of batch normalization."""

import statistics

from gaps import Gap
from study import Claim, Study
from tables import difference, error_table, numbers, of, points, rows, show, where
from training import FETCH_MNIST, error, smallest_n
from words import comparison, verdict


def mnist_answer():
    to_none, between = Gap("mnist-bn", "bn", "none", 60), Gap("mnist-bn", "normprop", "bn", 60)
    return (f"Batch normalization's test error, {error('mnist-bn', 'bn', 60)}, is {comparison(to_none)} that without "
            f"normalization, {error('mnist-bn', 'none', 60)} (difference {to_none.said}); its authors found "
            f"it lower. NormProp with the constants of the sigmoid reaches {error('mnist-bn', 'normprop', 60)}, "
            f"{comparison(between)} batch normalization's (difference {between.said}). {mnist_input()}")


def unit_movement(label, since=1000):
    """How far the median of a sigmoid's input moves from a step on, its largest value minus its smallest, in units of the
    mean distance between the 15th and the 85th percentile, by seed."""
    table = [row for row in where(rows("mnist-bn", "percentiles.csv"), label=label) if int(row["step"]) >= since]
    moved = {}
    for seed in sorted({row["seed"] for row in table}):
        p15, p50, p85 = (numbers(where(table, seed=seed), column) for column in ("p15", "p50", "p85"))
        moved[seed] = (max(p50) - min(p50)) / statistics.fmean(high - low for low, high in zip(p15, p85))
    return moved


def mnist_input():
    with_bn, without = unit_movement("bn"), unit_movement("none")
    gap = difference(with_bn, without)
    return (f"From step 1,000 on the median of a sigmoid's input moves by {show(of(with_bn))} times the distance of its 15th "
            f"to its 85th percentile with batch normalization and by {show(of(without))} times without: "
            f"{comparison(gap, 'less with it', 'more with it', 'no difference that could be told')}, where its authors show "
            f"that it moves less.")


def mnist_claim():
    intervals = [Gap("mnist-bn", "bn", "none", 60), Gap("mnist-bn", "normprop", "none", 60)]
    return Claim("(Ioffe and Szegedy) On MNIST with sigmoids normalization trains to a lower error than none",
                 f"minus none, points: batch normalization {intervals[0].text(points)}, NormProp {intervals[1].text(points)} "
                 f"(n = {smallest_n(intervals)})", verdict(intervals, full_scale=True))


MNIST = Study(
    10, "mnist-bn", "Batch normalization's own MNIST experiment",
    "Does the first figure of the paper of batch normalization come out, and what does NormProp do there?",
    [FETCH_MNIST, ("normprop compare experiments/mnist-bn.toml", None)],
    mnist_answer, lambda: error_table("mnist-bn", "bn"), mnist_claim,
    [("test-error.svg", "Test error over epochs"), ("percentiles.svg", "Percentiles of a unit's input over training")],
    lambda: ["Plain SGD and the learning rates are our choice: that paper does not give them. Its network, its batch size "
     "and its 50,000 steps are used in full.", "That paper starts from small random Gaussian weights, here every method starts "
     "from the same directions; it shows a typical unit, here it is the first of the last hidden "
     "layer. Learning rates differ between methods, which moves inputs too."], swept=lambda: ("mnist-bn",))
