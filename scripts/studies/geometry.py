"""Studies of how signals, gradients and the loss behave: Jacobians by depth, and the landscape of the loss."""

import statistics

from gaps import Gap
from inside import NAMES, RUNS, of_run
from study import Claim, Study
from tables import Missing, difference, epochs, heading, line, numbers, of, rows, show, significant
from training import FETCH_CIFAR, SMALL, copy_of, error, few
from words import listed, verdict

# 6. The 1.21 question

DEPTHS = [4, 8, 16, 32]
# What the experiment calls the three values of jacobian_scale.
SCALES = {"init": "factor at the start", "fixed": "factor always", "none": "no factor"}


def jacobian(depth, scale):
    """Of a network at its start: mean squared singular value of hidden layers' Jacobians, and the standard deviation of
    the last hidden layer's pre-activations over images, within units: what units differ by on average says nothing of the
    image."""
    table = [row for row in rows("jacobian-scale", f"depth-{depth}", "jacobian.csv")
             if row["network"].startswith(f"jacobian_scale = {scale} ")]
    if len(table) < 2:
        raise Missing(f"Jacobians of {scale} at depth {depth}")
    hidden = table[:-1]
    squares = statistics.fmean(float(row["mean_square"]) for row in hidden)
    return squares, float(hidden[-1]["pre_unit_std"])


def label(scale, depth):
    return f"{SCALES[scale]}, {depth} layers"


def scale_gap(depth, one="init", other="none"):
    """The test error with the factor at the start minus that without it, or of two other treatments."""
    return Gap("jacobian-scale", label(one, depth), label(other, depth), 50)


def scale_answer():
    (init, init_std), (none, none_std) = jacobian(32, "init"), jacobian(32, "none")
    gaps, fixed = (listed(f"{scale_gap(depth, *pair).said} at {depth}" for depth in DEPTHS)
                   for pair in (("init", "none"), ("fixed", "init")))
    return (f"With the factor 1/1.21 the mean squared singular value of a layer's Jacobian is "
            f"{significant(init, 3)} at the start, and the pre-activations of the 32nd layer vary over images with a standard "
            f"deviation of {significant(init_std)}; without it {significant(none, 3)} and {significant(none_std)}. The test "
            f"error with the factor at the start minus that without it: {gaps} layers; with the factor always minus that "
            f"with it at the start: {fixed} layers.")


def scale_details():
    lines = ["At the start, by depth: mean squared singular value J² of hidden layers' Jacobians, and standard deviation over "
             "images, within units, of the last hidden pre-activations.", "",
             heading(["depth"] + [f"{name}: {what}" for what in ("J²", "std") for name in SCALES.values()], 0)]
    for depth in DEPTHS:
        found = [jacobian(depth, scale) for scale in SCALES]
        lines.append(line([str(depth)] + [significant(square, 3) for square, _ in found]
                          + [significant(std, 3) for _, std in found]))
    errors = [heading(["depth", *SCALES.values()], 0)]
    for depth in DEPTHS:
        errors.append(line([str(depth)] + [error("jacobian-scale", label(scale, depth), 50) for scale in SCALES]))
    return "\n".join(lines) + "\n\nFinal test error:\n\n" + "\n".join(errors)


def scale_claim():
    gaps = [scale_gap(depth) for depth in DEPTHS]
    said = "; ".join(f"{depth} layers: {gap.said}" + (f" (n = {gap.n})" if gap.n > 1 else "")
                     for depth, gap in zip(DEPTHS, gaps))
    return Claim("Scaling by 1/1.21, which brings the Jacobian's singular values near 1, helps training",
                 f"test error with the factor minus without: {said}", verdict(gaps))


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
    lambda: ["Plain networks of dense layers of 128 units on 4,000 images of Fashion-MNIST, "
             f"{epochs('jacobian-scale')} epochs.", few("jacobian-scale"),
             "J² is the mean over hidden layers; it and the standard deviation are those of one initialization on 32 images. "
             "γ is trained, so they say nothing of the trained network."],
    swept=lambda: ("jacobian-scale",))


# 12. Landscape

# Folders below results/landscape by seed.
SEEDS = {0: "", 1: "seed-1", 2: "seed-2"}


def looks(run, seed):
    """What was seen along the gradient of a run: medians over the steps looked at."""
    table = of_run(rows("landscape", *filter(None, [SEEDS[seed]]), "landscape.csv"), run)
    if not table:
        raise Missing(f"landscape of {run}, seed {seed}")
    middle = lambda column: statistics.median(numbers(table, column))
    variation = statistics.median(float(row["loss_max"]) - float(row["loss_min"]) for row in table)
    return {"variation": variation, "change": middle("gradient_change_max"), "relative": middle("relative_change_max"),
            "smoothness": middle("smoothness")}


def landscape(run, key):
    """One of these numbers by seed."""
    return {seed: looks(run, seed)[key] for seed in SEEDS}


def landscape_answer():
    def said(key):
        return ", ".join(f"{show(of(landscape(run, key)))} {name}" for run, name in
                         [("normprop", "with NormProp"), ("bn", "with batch normalization"), ("none", "without normalization")])
    return (f"Along its gradient, within four times the learning rate, the gradient changes by up to so many times its length: "
            f"{said('relative')} (medians over 20 steps, mean over seeds). The effective smoothness β, the largest "
            f"change per distance, is {said('smoothness')}; the loss varies by {said('variation')}.")


def landscape_details():
    names = [("loss max − min", "variation"), ("gradient change", "change"), ("relative to the gradient", "relative"),
             ("effective smoothness β", "smoothness")]
    lines = [heading(["method"] + [name for name, _ in names])]
    for run in NAMES:
        lines.append(line([run] + [show(of(landscape(run, key)), 3) for _, key in names]))
    return "Medians over the steps looked at, mean over seeds with its interval:\n\n" + "\n".join(lines)


def landscape_claim():
    gaps = {(run, key): difference(landscape(run, key), landscape("none", key))
            for run in ("bn", "normprop") for key in ("relative", "smoothness")}
    def said(key):
        return f"batch normalization {show(gaps['bn', key])}, NormProp {show(gaps['normprop', key])}"
    return Claim("(Santurkar et al.) Batch normalization makes the loss smoother along its gradient, and so does NormProp",
                 f"minus that without normalization: change of the gradient relative to its length, {said('relative')}; "
                 f"effective smoothness β, {said('smoothness')} (n = {gaps['bn', 'relative'].n})", verdict(gaps.values()))


def landscape_command(seed):
    runs = " ".join(f"runs/layer-inputs/{method}-*-s{seed}-*" for method in ("none", "bn", "normprop"))
    folder = "/".join(filter(None, ["results/landscape", SEEDS[seed]]))
    return f"normprop stats --landscape {runs} --threads 1 --out {folder}", f"{folder}/landscape.csv"


LANDSCAPE = Study(
    12, "landscape", "The loss landscape",
    "Is the loss smoother along its gradient with NormProp, as it is said to be with batch normalization?",
    [FETCH_CIFAR, ("normprop compare experiments/layer-inputs.toml", None)] + [landscape_command(seed) for seed in SEEDS],
    landscape_answer, landscape_details, landscape_claim,
    [("landscape.svg", "Loss variation, gradient predictiveness and smoothness over steps, seed 0")],
    lambda: ["The configurations and learning rates of the study [../layer-inputs](../layer-inputs/), trained anew for 200 "
             "steps.",
             "Methods have learning rates of their own and so are looked at over different distances.", SMALL, few(RUNS)]
    + copy_of(RUNS), made_by=lambda: (RUNS,), swept=lambda: (RUNS,))
