"""Studies of how signals, gradients and the loss behave: Jacobians by depth, and the landscape of the loss."""

import statistics

from inside import RUNS, of_run
from study import Claim, Study
from tables import Missing, difference, diverged, final, heading, line, numbers, points, rows, significant
from training import FETCH_CIFAR, FEW, copy_of, error
from words import direction, listed, verdict

# 6. The 1.21 question

DEPTHS = [4, 8, 16, 32]
SCALES = ["init", "fixed", "none"]


def jacobian(depth, scale):
    """Of a network at its start: mean squared singular value of hidden layers' Jacobians, and the standard deviation of
    the last hidden layer's pre-activation."""
    table = [row for row in rows("jacobian-scale", f"depth-{depth}", "jacobian.csv")
             if row["network"].startswith(f"jacobian_scale = {scale} ")]
    if len(table) < 2:
        raise Missing(f"Jacobians of {scale} at depth {depth}")
    hidden = table[:-1]
    squares = statistics.fmean(float(row["mean_square"]) for row in hidden)
    return squares, float(hidden[-1]["pre_std"])


def scale_gap(depth):
    """The test error with the factor at the start minus that without it, in words, and its direction."""
    with_it, without = (f"{scale}, {depth} layers" for scale in ("init", "none"))
    lost = [diverged("jacobian-scale", label, 50) for label in (with_it, without)]
    ends = [final("jacobian-scale", label, 50) for label in (with_it, without)]
    if not ends[1] and ends[0]:
        return f"all {lost[1]} runs without it diverged", "below"
    if not ends[0]:
        return f"all {lost[0]} runs with it diverged", "above" if ends[1] else "unclear"
    interval = difference(*ends)
    return f"{interval.text(points)} points (n = {interval.n})", direction(interval)


def scale_answer():
    (init, init_std), (none, none_std) = jacobian(32, "init"), jacobian(32, "none")
    gaps = listed(f"{scale_gap(depth)[0]} at {depth}" for depth in DEPTHS)
    return (f"Both cannot be had: with the factor 1/1.21 the mean squared singular value of a layer's Jacobian is "
            f"{significant(init, 3)} at the start, and the pre-activations of the 32nd layer have a standard deviation of "
            f"{significant(init_std)}; without it {significant(none, 3)} and {significant(none_std)}. The test error with "
            f"the factor at the start minus that without it: {gaps} layers.")


def scale_details():
    lines = ["At the start, by depth: mean squared singular value of hidden layers' Jacobians and standard deviation of "
             "the last hidden pre-activation.", "",
             heading(["depth"] + [f"{scale}: J²" for scale in SCALES] + [f"{scale}: std" for scale in SCALES], 0)]
    for depth in DEPTHS:
        found = [jacobian(depth, scale) for scale in SCALES]
        lines.append(line([str(depth)] + [significant(square, 3) for square, _ in found]
                          + [significant(std, 3) for _, std in found]))
    errors = [heading(["depth"] + SCALES, 0)]
    for depth in DEPTHS:
        errors.append(line([str(depth)] + [error("jacobian-scale", f"{scale}, {depth} layers", 50) for scale in SCALES]))
    return "\n".join(lines) + "\n\nFinal test error:\n\n" + "\n".join(errors)


def scale_claim():
    gaps = [scale_gap(depth) for depth in DEPTHS]
    said = "; ".join(f"{depth} layers: {words}" for depth, (words, _) in zip(DEPTHS, gaps))
    return Claim("Scaling by 1/1.21, which brings the Jacobian's singular values near 1, helps training",
                 f"test error with the factor minus without: {said}", verdict([word for _, word in gaps]))


JACOBIAN = Study(
    6, "jacobian-scale", "The 1.21 question",
    "Unit Jacobian or unit forward variance: which treatment of 1.21 trains, at depths from 4 to 32?",
    [("normprop compare experiments/jacobian-scale.toml", None)]
    + [(f"normprop stats --jacobian --set model=mlp --set 'mlp_widths=[{','.join(['128'] * depth)}]' --threads 1 "
        f"--out results/jacobian-scale/depth-{depth}", f"results/jacobian-scale/depth-{depth}/jacobian.csv")
       for depth in DEPTHS],
    scale_answer, scale_details, scale_claim,
    [("depth-32/jacobian.svg", "Jacobians and forward standard deviation in 32 layers"),
     ("final-error.svg", "Final test error")],
    lambda: ["Plain networks of dense layers of 128 units on 4,000 images of Fashion-MNIST, 6 epochs.", FEW,
             "J² is the mean over hidden layers, at the start; γ is trained, so it says nothing of the trained network."],
    swept=lambda: ("jacobian-scale",))


# 12. Landscape

def landscape(run):
    table = of_run(rows("landscape", "landscape.csv"), run)
    if not table:
        raise Missing(f"landscape of {run}")
    middle = lambda column: statistics.median(numbers(table, column))
    variation = statistics.median(float(row["loss_max"]) - float(row["loss_min"]) for row in table)
    return {"variation": variation, "change": middle("gradient_change_max"), "relative": middle("relative_change_max"),
            "smoothness": middle("smoothness"), "n": len(table)}


def landscape_answer():
    own, bn, none = (landscape(run) for run in ("normprop", "bn", "none"))
    return (f"Along its gradient, within four times the learning rate, the gradient changes by up to "
            f"{significant(own['relative'])} times its length with NormProp, {significant(bn['relative'])} with batch "
            f"normalization and {significant(none['relative'])} without normalization (medians over {own['n']}, {bn['n']} and "
            f"{none['n']} looks). The loss varies by {significant(own['variation'])}, {significant(bn['variation'])} and "
            f"{significant(none['variation'])}.")


def landscape_details():
    names = [("loss max − min", "variation"), ("gradient change", "change"), ("relative to the gradient", "relative"),
             ("effective smoothness β", "smoothness")]
    lines = [heading(["method"] + [name for name, _ in names])]
    for run in ("none", "bn", "normprop"):
        found = landscape(run)
        lines.append(line([run] + [significant(found[key], 3) for _, key in names]))
    return "Medians over the steps looked at:\n\n" + "\n".join(lines)


def landscape_claim():
    own, none = landscape("normprop"), landscape("none")
    word = "agrees" if own["relative"] < none["relative"] else "does not agree"
    return Claim("(Santurkar et al.) Normalization makes the loss smoother along its gradient; does NormProp?",
                 f"change of the gradient relative to its length: NormProp {significant(own['relative'])}, no normalization "
                 f"{significant(none['relative'])}, batch normalization {significant(landscape('bn')['relative'])} "
                 f"(n = 1 run each, no interval)", f"{word}, one seed")


LANDSCAPE = Study(
    12, "landscape", "The loss landscape",
    "Is the loss smoother along its gradient with NormProp, as it is said to be with batch normalization?",
    [FETCH_CIFAR, ("normprop compare experiments/layer-inputs.toml", None),
     ("normprop stats --landscape runs/layer-inputs/none-*-s0-* runs/layer-inputs/bn-*-s0-* "
      "runs/layer-inputs/normprop-*-s0-* --threads 1 --out results/landscape", "results/landscape/landscape.csv")],
    landscape_answer, landscape_details, landscape_claim,
    [("landscape.svg", "Loss variation, gradient predictiveness and smoothness over steps")],
    lambda: ["The configurations of the study layer-inputs, seed 0, trained anew for 200 steps.",
             "Methods have learning rates of their own and so are looked at over different distances."] + copy_of(RUNS),
    made_by=lambda: (RUNS,))
