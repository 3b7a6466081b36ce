"""Studies that look inside networks."""

import statistics

from study import Claim, Study
from tables import Interval, Missing, difference, error_table, final, line, numbers, only, path, percent, points, rows
from tables import significant, where
from training import CIFAR, FEW, RATES, SMALL, error
from words import comparison, direction, listed, verdict

HIDDEN = 8
RUNS = "layer-inputs"
NAMES = {"bn": "batch normalization", "normprop": "NormProp", "normprop (centred rows)": "NormProp with centred rows",
         "none": "no normalization"}


def of_run(table, label):
    """The rows of a method in a table of `stats`, whose runs are named by what tells them apart."""
    centred = label.endswith("(centred rows)")
    method = label.split(" ")[0]
    return [row for row in table if row["run"].split(" ")[0] == method and ("center_rows=true" in row["run"]) == centred]


def group(table, label):
    """The same for hidden layers."""
    return [row for row in of_run(table, label) if int(row["layer"]) <= HIDDEN]


def by_seed(table, value):
    """Median over layers of a value, for each seed."""
    seeds = sorted({row["seed"] for row in table})
    return {seed: statistics.median(value(row) for row in table if row["seed"] == seed) for seed in seeds}


def last_epoch(table):
    return max(int(row["epoch"]) for row in table)


# 3. What hidden layers receive

def drift(label, column):
    """How far a layer's statistic moves over the epochs, its largest value minus its smallest, the median over layers;
    by seed."""
    table = where(rows(RUNS, "layers.csv"), label=label, batch_size=50)
    moved = {}
    for seed in sorted({row["seed"] for row in table}):
        spans = []
        for layer in range(1, HIDDEN + 1):
            values = numbers(where(table, seed=seed, layer=layer), column)
            spans.append(max(values) - min(values))
        moved[seed] = statistics.median(spans)
    return moved


def show(interval, digits=2):
    return interval.text(lambda value: significant(value, digits))


def of(values):
    return Interval(list(values.values()))


def mode_gap(run):
    """Largest evaluation minus training loss of a run after its first step, and at which step."""
    table = [row for row in of_run(rows(RUNS, "modes.csv"), run) if int(row["step"]) > 0]
    most = max(table, key=lambda row: float(row["evaluation_loss"]) - float(row["training_loss"]))
    return float(most["evaluation_loss"]) - float(most["training_loss"]), int(most["step"])


def inputs_answer():
    mean = difference(drift("normprop", "post_mean"), drift("bn", "post_mean"))
    std = difference(drift("normprop", "post_std"), drift("bn", "post_std"))
    most, step = mode_gap("bn")
    return (f"Over training the mean of what a hidden layer hands on moves by {show(of(drift('normprop', 'post_mean')))} "
            f"with NormProp and {show(of(drift('bn', 'post_mean')))} with batch normalization, its standard deviation by "
            f"{show(of(drift('normprop', 'post_std')))} and {show(of(drift('bn', 'post_std')))}: NormProp's movement is "
            f"{comparison(mean, 'smaller than', 'larger than')} batch normalization's in the mean and "
            f"{comparison(std, 'smaller than', 'larger than')} it in the standard deviation. In the first 200 steps batch "
            f"normalization's loss in evaluation is up to {significant(most)} above that on the same images in training "
            f"(at step {step}); NormProp's two are the same function.")


def inputs_details():
    columns = ["pre_mean", "pre_std", "post_mean", "post_std"]
    lines = ["How far a statistic moves over the epochs (largest minus smallest, median over the hidden layers; mean over "
             "seeds with its interval). `pre` is the pre-activation, `post` what the next layer receives:", "",
             line(["method"] + [f"`{column}`" for column in columns]), line(["---"] + ["---:"] * 4)]
    for label in NAMES:
        lines.append(line([label] + [show(of(drift(label, column))) for column in columns]))
    return "\n".join(lines) + "\n\n" + error_table(RUNS, "bn")


def inputs_claim():
    mean = difference(drift("normprop", "post_mean"), drift("bn", "post_mean"))
    std = difference(drift("normprop", "post_std"), drift("bn", "post_std"))
    return Claim("The distribution of hidden layers' inputs is more stable over training than with batch normalization",
                 f"movement of mean and of standard deviation, NormProp minus batch normalization: {show(mean)} and "
                 f"{show(std)} (n = {mean.n})", verdict([mean, std]))


INPUTS = Study(
    3, "layer-inputs", "What hidden layers receive over training",
    "Are the inputs of hidden layers more stable over training with NormProp than with batch normalization, and how far "
    "are batch normalization's two modes apart early on?",
    [("normprop compare experiments/layer-inputs.toml", None),
     ("normprop stats --modes runs/layer-inputs/bn-*-s0-* runs/layer-inputs/normprop-*-s0-* --steps 200 --every 5 "
      "--threads 1 --out results/layer-inputs", "results/layer-inputs/modes.csv")],
    inputs_answer, inputs_details, inputs_claim,
    [("layer-mean-bs50.svg", "Mean of pre-activations over epochs"),
     ("layer-std-bs50.svg", "Standard deviation of pre-activations over epochs"),
     ("modes.svg", "Loss and error of the same images as in training and as in evaluation")],
    ["A fifth of CIFAR-10's training images, 8 epochs, float32.", CIFAR, SMALL, RATES, FEW,
     "Statistics are those of evaluation, on 500 test images, and include the state before training, when batch "
     "normalization's running averages are not filled yet.", "The two modes are compared on one seed."])


# 4. Gaussianity

def ks(label, epoch, column="ks"):
    table = group(rows("gaussianity", "gaussianity-through.csv"), label)
    return of(by_seed(where(table, epoch=epoch), lambda row: float(row[column])))


def gaussianity_epochs():
    last = last_epoch(rows("gaussianity", "gaussianity-through.csv"))
    return [0, 1, last]


def gaussianity_answer():
    first, one, last = gaussianity_epochs()
    def said(label):
        return ", ".join(significant(ks(label, epoch).mean) for epoch in (first, one, last))
    return (f"The KS distance of a hidden layer's pre-activations to N(0, 1), 0 being Gaussian and 0.1 being seen at once, "
            f"is for NormProp {said('normprop')} before training, after one epoch and after {last}; for batch "
            f"normalization {said('bn')}, for no normalization {said('none')}. What is not Gaussian about NormProp's is "
            f"not their spread alone: with mean and spread fitted {significant(ks('normprop', last, 'ks_fitted').mean)} are "
            f"left at the end ({significant(ks('bn', last, 'ks_fitted').mean)} for batch normalization).")


def gaussianity_details():
    columns = [("KS to N(0, 1)", "ks"), ("KS, fitted", "ks_fitted"), ("KS of single units", "ks_of_units"),
               ("standard deviation", "std"), ("excess kurtosis", "excess_kurtosis")]
    lines = ["Medians over the hidden layers, mean over seeds with its interval (all units of a layer pooled, except where "
             "it says single units):", "", line(["method", "epoch"] + [name for name, _ in columns]),
             line(["---", "---:"] + ["---:"] * len(columns))]
    for label in NAMES:
        for epoch in gaussianity_epochs():
            lines.append(line([label, str(epoch)] + [show(ks(label, epoch, column)) for _, column in columns]))
    return "\n".join(lines)


def gaussianity_claim():
    last = gaussianity_epochs()[-1]
    own, other = ks("normprop", last), ks("bn", last)
    word = "holds" if own.is_below(0.05) else "holds partly" if own.is_below(0.1) else "does not hold here"
    return Claim("Pre-activations stay close to N(0, 1), as the constants assume",
                 f"KS distance at the end, median over hidden layers: NormProp {show(own)}, batch normalization "
                 f"{show(other)} (n = {own.n}; holds: below 0.05, partly: below 0.1)", f"{word}, at small scale")


GAUSSIANITY = Study(
    4, "gaussianity", "Are pre-activations Gaussian?",
    "How far from N(0, 1) are pre-activations by depth, before training, after one epoch and at the end?",
    [("normprop compare experiments/layer-inputs.toml", None),
     ("normprop stats --checkpoint all runs/layer-inputs/* --threads 1 --out results/gaussianity",
      "results/gaussianity/gaussianity-through.csv")],
    gaussianity_answer, gaussianity_details, gaussianity_claim,
    [("gaussianity-through.svg", "Distances to the normal distribution by layer and epoch")],
    ["The networks of the study layer-inputs.", "About 50,000 values of each layer; units and positions of one image depend "
     "on each other, so no p-values are given: distances are sizes of effects.",
     "Batch normalization's pre-activation is the value behind it; NormProp's is γ·W·x/‖W‖ + β.", CIFAR, FEW],
    made_by=RUNS)


# 6. The 1.21 question

DEPTHS = [4, 8, 16, 32]
SCALES = ["init", "fixed", "none"]


def jacobian(depth, scale):
    """Mean squared singular value of hidden layers' Jacobians, and the standard deviation of the last hidden layer's
    pre-activation, of a network at its start."""
    table = [row for row in rows("jacobian-scale", f"depth-{depth}", "jacobian.csv")
             if row["network"].endswith(f"jacobian_scale = {scale}")]
    hidden = table[:-1]
    squares = statistics.fmean(float(row["mean_square"]) for row in hidden)
    return squares, float(hidden[-1]["pre_std"]), float(table[0]["gain_from_top"])


def scale_gap(one, other, depth):
    return difference(final("jacobian-scale", f"{one}, {depth} layers", 50),
                      final("jacobian-scale", f"{other}, {depth} layers", 50))


def scale_answer():
    (init, init_std, _), (none, none_std, _) = jacobian(32, "init"), jacobian(32, "none")
    gaps = listed(f"{scale_gap('init', 'none', depth).text(points)} at {depth}" for depth in DEPTHS)
    return (f"Both cannot be had: with the factor 1/1.21 the mean squared singular value of a layer's Jacobian is "
            f"{significant(init, 3)} at the start, and the pre-activations of the 32nd layer have a standard deviation of "
            f"{significant(init_std)}; without it {significant(none, 3)} and {significant(none_std)}. The test error with "
            f"the factor at the start minus that without it is, in points by depth, {gaps} layers.")


def scale_details():
    lines = ["At the start, by depth: mean squared singular value of hidden layers' Jacobians and standard deviation of "
             "the last hidden pre-activation.", "",
             line(["depth"] + [f"{scale}: J²" for scale in SCALES] + [f"{scale}: std" for scale in SCALES]),
             line(["---:"] * 7)]
    for depth in DEPTHS:
        found = [jacobian(depth, scale) for scale in SCALES]
        lines.append(line([str(depth)] + [significant(square, 3) for square, _, _ in found]
                          + [significant(std, 3) for _, std, _ in found]))
    errors = [line(["depth"] + SCALES), line(["---:"] * 4)]
    for depth in DEPTHS:
        errors.append(line([str(depth)] + [error("jacobian-scale", f"{scale}, {depth} layers", 50) for scale in SCALES]))
    return "\n".join(lines) + "\n\nFinal test error:\n\n" + "\n".join(errors)


def scale_claim():
    gaps = [scale_gap("init", "none", depth) for depth in DEPTHS]
    said = "; ".join(f"{depth} layers {interval.text(points)}" for depth, interval in zip(DEPTHS, gaps))
    return Claim("Scaling by 1/1.21, which brings the Jacobian's singular values near 1, helps training",
                 f"test error with the factor minus without, points: {said} (n = {gaps[0].n})", verdict(gaps))


JACOBIAN = Study(
    6, "jacobian-scale", "The 1.21 question",
    "Unit Jacobian or unit forward variance: which treatment of 1.21 trains, at depths from 4 to 32?",
    [("normprop compare experiments/jacobian-scale.toml", None)]
    + [(f"normprop stats --jacobian --set model=mlp --set mlp_widths=[{','.join(['128'] * depth)}] --threads 1 "
        f"--out results/jacobian-scale/depth-{depth}", f"results/jacobian-scale/depth-{depth}/jacobian.csv")
       for depth in DEPTHS],
    scale_answer, scale_details, scale_claim,
    [("depth-32/jacobian.svg", "Jacobians and forward standard deviation in 32 layers"),
     ("final-error.svg", "Final test error")],
    ["Plain networks of dense layers of 128 units on 4,000 images of Fashion-MNIST, 6 epochs.", RATES, FEW,
     "J² is the mean over hidden layers, at the start; γ is trained, so it says nothing of the trained network."])


# 7. The canonical error

def covariance(label, epoch, value):
    table = group(rows("canonical-error", "covariance-through.csv"), label)
    return of(by_seed(where(table, epoch=epoch), value))


def to_bound(row):
    return float(row["canonical_error"]) / float(row["bound"])


def beyond(label, epoch):
    table = where(group(rows("canonical-error", "covariance-through.csv"), label), epoch=epoch)
    return sum(to_bound(row) > 1 for row in table), len(table)


def canonical_epochs():
    return sorted({int(row["epoch"]) for row in rows("canonical-error", "covariance-through.csv")})


def canonical_answer():
    first, last = canonical_epochs()[0], canonical_epochs()[-1]
    start, end = beyond("normprop", first), beyond("normprop", last)
    share = [covariance("normprop", epoch, lambda row: float(row["canonical_error_relative"])) for epoch in (first, last)]
    correlation = [covariance("normprop", epoch, lambda row: float(row["mean_abs_correlation"])) for epoch in (first, last)]
    return (f"NormProp's canonical error exceeds the bound of Proposition 1 in {start[0]} of {start[1]} layers before "
            f"training and in {end[0]} of {end[1]} after {last} epochs, because the bound takes inputs for uncorrelated and "
            f"their mean |correlation| is {significant(correlation[0].mean)} and {significant(correlation[1].mean)}. The "
            f"error is no small remainder: it is {percent(share[0].mean, 0)} and {percent(share[1].mean, 0)} of the norm "
            f"of the covariance matrix.")


def canonical_details():
    columns = [("mean abs. correlation of inputs", lambda row: float(row["mean_abs_correlation"])),
               ("coherence μ", lambda row: float(row["coherence"])),
               ("canonical error / norm of Σ", lambda row: float(row["canonical_error_relative"])),
               ("canonical error / bound", to_bound)]
    lines = ["Medians over the hidden layers, mean over seeds with its interval:", "",
             line(["method", "epoch"] + [name for name, _ in columns] + ["layers beyond the bound"]),
             line(["---", "---:"] + ["---:"] * (len(columns) + 1))]
    for label in NAMES:
        for epoch in canonical_epochs():
            over, all_layers = beyond(label, epoch)
            lines.append(line([label, str(epoch)] + [show(covariance(label, epoch, value)) for _, value in columns]
                              + [f"{over} of {all_layers}"]))
    return "\n".join(lines)


def canonical_claim():
    last = canonical_epochs()[-1]
    (start, layers), (end, _) = beyond("normprop", 0), beyond("normprop", last)
    word = "holds" if start == end == 0 else "does not hold here" if end > layers / 2 else "holds partly"
    return Claim("Proposition 1 bounds the canonical error, so that outputs of incoherent unit rows stay uncorrelated",
                 f"layers beyond the bound: {start} of {layers} before training, {end} of {layers} after {last} epochs; "
                 f"its condition (uncorrelated inputs) is not met", f"{word}, at small scale")


CANONICAL = Study(
    7, "canonical-error", "The canonical error and Proposition 1's bound",
    "How large is the canonical error through training, and does the bound hold on real inputs?",
    [("normprop compare experiments/layer-inputs.toml", None),
     ("normprop stats --checkpoint all --covariance runs/layer-inputs/* --threads 1 --out results/canonical-error",
      "results/canonical-error/covariance-through.csv")],
    canonical_answer, canonical_details, canonical_claim,
    [("covariance-through.svg", "Correlation, canonical error and its bound by layer and epoch")],
    ["The networks of the study layer-inputs.", "10,000 sites of each layer; sites of one image depend on each other.",
     "For batch normalization the rows are the effective ones, those of the map it is in evaluation.", CIFAR, FEW],
    made_by=RUNS)


# 12. Landscape

def landscape(run):
    table = of_run(rows("landscape", "landscape.csv"), run)
    middle = lambda column: statistics.median(numbers(table, column))
    variation = statistics.median(float(row["loss_max"]) - float(row["loss_min"]) for row in table)
    return {"variation": variation, "change": middle("gradient_change_max"), "relative": middle("relative_change_max"),
            "smoothness": middle("smoothness"), "n": len(table)}


def landscape_answer():
    own, bn, none = (landscape(run) for run in ("normprop", "bn", "none"))
    return (f"Along its gradient, at up to four times the learning rate, the gradient changes by {significant(own['relative'])} "
            f"of its length with NormProp, {significant(bn['relative'])} with batch normalization and "
            f"{significant(none['relative'])} without normalization (medians over {own['n']} looks in 200 steps). The loss "
            f"varies by {significant(own['variation'])}, {significant(bn['variation'])} and {significant(none['variation'])}.")


def landscape_details():
    names = [("loss max − min", "variation"), ("gradient change", "change"), ("relative to the gradient", "relative"),
             ("effective smoothness β", "smoothness")]
    lines = [line(["method"] + [name for name, _ in names]), line(["---"] + ["---:"] * len(names))]
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
    [("normprop compare experiments/layer-inputs.toml", None),
     ("normprop stats --landscape runs/layer-inputs/none-*-s0-* runs/layer-inputs/bn-*-s0-* "
      "runs/layer-inputs/normprop-*-s0-* --threads 1 --out results/landscape", "results/landscape/landscape.csv")],
    landscape_answer, landscape_details, landscape_claim,
    [("landscape.svg", "Loss variation, gradient predictiveness and smoothness over steps")],
    ["The configurations of the study layer-inputs, seed 0, trained anew for 200 steps.",
     "Methods have learning rates of their own and so are looked at over different distances.", CIFAR],
    made_by=RUNS)
