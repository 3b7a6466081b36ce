"""Studies that look inside trained networks: those of the experiment layer-inputs."""

import statistics

from study import Claim, Study
from tables import (Missing, difference, epochs, error_table, heading, line, numbers, of, percent, rows, show, significant,
                    where)
from training import FETCH_CIFAR, SMALL, copy_of, few
from words import comparison, scaled, verdict

HIDDEN = 8
# The KS distance below which pre-activations count as N(0, 1).
NEAR = 0.05
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


def common_epochs(table):
    """The epochs that every run has: checkpoints of single best epochs are left out."""
    epochs = {}
    for row in table:
        epochs.setdefault((row["run"], row["seed"]), set()).add(int(row["epoch"]))
    return sorted(set.intersection(*epochs.values()))


def filled(label, wanted):
    """Those epochs at which a method is what it is called: before training batch normalization's averages hold nothing, and
    what evaluation shows is the network without normalization."""
    return [epoch for epoch in wanted if label != "bn" or epoch > 0]


UNFILLED = ("Before training batch normalization's running averages are not filled, and evaluation shows the network without "
            "normalization: it is left out of the texts, and in the pictures the two coincide.")


# 3. What hidden layers receive

def drift(label, column, since=1):
    """How far a layer's statistic moves from epoch `since` on, its largest value minus its smallest, in units of the
    layer's own mean standard deviation after epoch 0, since methods hand on values of different width; the median over
    layers, by seed."""
    table = where(rows(RUNS, "layers.csv"), label=label, batch_size=50)
    table = [row for row in table if int(row["epoch"]) >= since]
    moved = {}
    for seed in sorted({row["seed"] for row in table}):
        spans = []
        for layer in range(1, HIDDEN + 1):
            found = where(table, seed=seed, layer=layer)
            widths = numbers([row for row in found if int(row["epoch"]) > 0], column.split("_")[0] + "_std")
            values = numbers(found, column)
            spans.append((max(values) - min(values)) / statistics.fmean(widths))
        moved[seed] = statistics.median(spans)
    return moved


def mode_gaps(run):
    """Evaluation minus training loss of a run by step."""
    gaps = {int(row["step"]): float(row["evaluation_loss"]) - float(row["training_loss"])
            for row in of_run(rows(RUNS, "modes.csv"), run)}
    if not gaps:
        raise Missing(f"modes of {run}")
    return gaps


def widest(gaps):
    """The step after the first one at which the two modes are farthest apart."""
    return max((step for step in gaps if step > 0), key=lambda step: abs(gaps[step]))


def at_most(gaps):
    """How large a difference gets, in words."""
    most = abs(gaps[widest(gaps)])
    return f"up to {significant(most)}" if most else "nothing"


def movement_gaps():
    """NormProp's movement minus batch normalization's, of the mean and of the standard deviation that layers hand on."""
    return [difference(drift("normprop", column), drift("bn", column)) for column in ("post_mean", "post_std")]


def inputs_answer():
    mean, std = movement_gaps()
    theirs, own = mode_gaps("bn"), mode_gaps("normprop")
    step = widest(theirs)
    return (f"From the first epoch to the last the mean of what a hidden layer hands on, in units of its standard deviation, "
            f"moves by {show(of(drift('normprop', 'post_mean')))} with NormProp and {show(of(drift('bn', 'post_mean')))} "
            f"with batch normalization, its standard deviation by {show(of(drift('normprop', 'post_std')))} and "
            f"{show(of(drift('bn', 'post_std')))}: NormProp's movement is "
            f"{comparison(mean, 'smaller than', 'larger than')} batch normalization's in the mean and "
            f"{comparison(std, 'smaller than', 'larger than')} it in the standard deviation. Batch normalization's loss on the "
            f"same images in evaluation and in training differs by {significant(abs(theirs[0]))} before the first step, when "
            f"no average is filled, and by up to {significant(abs(theirs[step]))} in the 200 steps after it (at step {step}); "
            f"NormProp's by {at_most(own)}.")


def inputs_details():
    columns = ["pre_mean", "pre_std", "post_mean", "post_std"]
    lines = ["How far a statistic moves over the epochs (largest minus smallest, relative to the layer's mean standard "
             "deviation after epoch 0, median over the hidden layers; mean over seeds with its interval), from the first "
             "epoch on and with the state before training. `pre` is the "
             "pre-activation, `post` what the next layer receives:", "",
             heading(["method", "since epoch"] + [f"`{column}`" for column in columns])]
    for label in NAMES:
        for since in filled(label, (1, 0)):
            lines.append(line([label, str(since)] + [show(of(drift(label, column, since))) for column in columns]))
    return "\n".join(lines) + "\n\n" + error_table(RUNS, "bn")


def inputs_claim():
    mean, std = movement_gaps()
    return Claim("The distribution of hidden layers' inputs is more stable over training than with batch normalization",
                 f"movement of a layer's mean and of its standard deviation from epoch 1 on, in units of its standard "
                 f"deviation, NormProp minus batch normalization: {show(mean)} and {show(std)} (n = "
                 f"{min(mean.n, std.n)})", verdict([mean, std]))


INPUTS = Study(
    3, "layer-inputs", "What hidden layers receive over training",
    "Are the inputs of hidden layers more stable over training with NormProp than with batch normalization, and how far "
    "are batch normalization's two modes apart early on?",
    [FETCH_CIFAR, ("normprop compare experiments/layer-inputs.toml", None),
     ("normprop stats --modes runs/layer-inputs/bn-*-s0-* runs/layer-inputs/normprop-*-s0-* --steps 200 --every 5 "
      "--threads 1 --out results/layer-inputs", "results/layer-inputs/modes.csv")],
    inputs_answer, inputs_details, inputs_claim,
    [("layer-mean-bs50.svg", "Mean of pre-activations over epochs"),
     ("layer-std-bs50.svg", "Standard deviation of pre-activations over epochs"),
     ("modes.svg", "Loss and error of the same images as in training and as in evaluation")],
    lambda: [f"A fifth of CIFAR-10's training images, {epochs(RUNS)} epochs, float32."] + copy_of(RUNS) + [
        SMALL, few(RUNS), "Statistics are those of evaluation, on 500 test images.", UNFILLED,
        "The two modes are compared on one seed."],
    swept=lambda: (RUNS,))


# 4. Gaussianity

def ks(label, epoch, column="ks"):
    table = group(rows("gaussianity", "gaussianity-through.csv"), label)
    return of(by_seed(where(table, epoch=epoch), lambda row: float(row[column])))


def ks_of_scale(scale):
    """The KS distance between N(0, scale²) and N(0, 1)."""
    normal = statistics.NormalDist()
    return max(abs(normal.cdf(x / scale) - normal.cdf(x)) for x in (step / 1000 for step in range(4000)))


def gaussianity_epochs():
    epochs = common_epochs(rows("gaussianity", "gaussianity-through.csv"))
    return [epochs[0], epochs[1], epochs[-1]]


def gaussianity_answer():
    first, one, last = gaussianity_epochs()
    def said(label):
        return ", ".join(significant(ks(label, epoch).mean) for epoch in filled(label, (first, one, last)))
    fitted = ks("normprop", last, "ks_fitted").mean
    return (f"The KS distance of a hidden layer's pre-activations to N(0, 1) is for NormProp "
            f"{said('normprop')} before training, after one epoch and after {last}, for no normalization {said('none')}; for "
            f"batch normalization {said('bn')} after one epoch and after {last}. With mean and spread fitted, which leaves "
            f"the shape, NormProp's is {significant(fitted)} at the end and batch normalization's "
            f"{significant(ks('bn', last, 'ks_fitted').mean)}.")


def gaussianity_details():
    columns = [("KS to N(0, 1)", "ks"), ("KS, fitted", "ks_fitted"), ("KS of single units", "ks_of_units"),
               ("standard deviation", "std"), ("excess kurtosis", "excess_kurtosis")]
    lines = ["Medians over the hidden layers, mean over seeds with its interval (all units of a layer pooled, except where "
             "it says single units):", "", heading(["method", "epoch"] + [name for name, _ in columns])]
    for label in NAMES:
        for epoch in filled(label, gaussianity_epochs()):
            lines.append(line([label, str(epoch)] + [show(ks(label, epoch, column)) for _, column in columns]))
    return "\n".join(lines)


def gaussianity_claim():
    last = gaussianity_epochs()[-1]
    own, other = ks("normprop", last), ks("bn", last)
    word = "holds" if own.high < NEAR else "does not hold here" if own.low > NEAR else "no answer"
    return Claim("Pre-activations stay close to N(0, 1), as the constants assume",
                 f"KS distance at the end, median over hidden layers: NormProp {show(own)}, batch normalization "
                 f"{show(other)} (n = {own.n}; holds: the interval lies below {NEAR:g})", scaled(word))


GAUSSIANITY = Study(
    4, "gaussianity", "Are pre-activations Gaussian?",
    "How far from N(0, 1) are pre-activations by depth, before training, after one epoch and at the end?",
    [FETCH_CIFAR, ("normprop compare experiments/layer-inputs.toml", None),
     ("normprop stats --checkpoint all runs/layer-inputs/* --threads 1 --out results/gaussianity",
      "results/gaussianity/gaussianity-through.csv")],
    gaussianity_answer, gaussianity_details, gaussianity_claim,
    [("gaussianity-through.svg", "Distances to the normal distribution by layer and epoch")],
    lambda: ["The networks of the study layer-inputs.", f"γ starts at 1/1.21, so that NormProp's pre-activations are narrower "
             f"than N(0, 1) by design: were they Gaussian, their KS distance would be {significant(ks_of_scale(1 / 1.21))}.",
             "About 50,000 values of each layer; units and positions of one image depend on each other, so no p-values are "
             "given: distances are sizes of effects.", UNFILLED,
             "Layer 9 in the picture gives the scores of classes; it is not among the hidden layers of the texts.",
             "Batch normalization's pre-activation is the value behind it; NormProp's is γ·W·x/‖W‖ + β."] + copy_of(RUNS)
    + [SMALL, few(RUNS)], made_by=lambda: (RUNS,), swept=lambda: (RUNS,))


# 7. The canonical error

def covariance(label, epoch, value):
    table = group(rows("canonical-error", "covariance-through.csv"), label)
    return of(by_seed(where(table, epoch=epoch), value))


def to_bound(row):
    return float(row["canonical_error"]) / float(row["bound"])


def beyond(label, epoch):
    """Layers whose canonical error exceeds the bound, a network, and how many layers there are."""
    table = where(group(rows("canonical-error", "covariance-through.csv"), label), epoch=epoch)
    seeds = len({row["seed"] for row in table})
    return sum(to_bound(row) > 1 for row in table) / seeds, len(table) // seeds


def canonical_epochs():
    return common_epochs(rows("canonical-error", "covariance-through.csv"))


def canonical_answer():
    first, last = canonical_epochs()[0], canonical_epochs()[-1]
    start, end = beyond("normprop", first), beyond("normprop", last)
    share = [covariance("normprop", epoch, lambda row: float(row["canonical_error_relative"])) for epoch in (first, last)]
    correlation = [covariance("normprop", epoch, lambda row: float(row["mean_abs_correlation"])) for epoch in (first, last)]
    return (f"NormProp's canonical error exceeds the bound of Proposition 1 in {significant(start[0])} of {start[1]} hidden "
            f"layers before training and in {significant(end[0])} of {end[1]} after {last} epochs (mean over seeds); the bound "
            f"takes inputs for uncorrelated, and their mean absolute correlation is {significant(correlation[0].mean)} and "
            f"{significant(correlation[1].mean)}. The canonical error is {percent(share[0].mean, 0)} and "
            f"{percent(share[1].mean, 0)} of the norm of the covariance matrix.")


def canonical_details():
    columns = [("mean abs. correlation of inputs", lambda row: float(row["mean_abs_correlation"])),
               ("coherence μ", lambda row: float(row["coherence"])),
               ("canonical error / norm of Σ", lambda row: float(row["canonical_error_relative"])),
               ("canonical error / bound", to_bound)]
    lines = ["Medians over the hidden layers, mean over seeds with its interval:", "",
             heading(["method", "epoch"] + [name for name, _ in columns] + ["layers beyond the bound"])]
    for label in NAMES:
        for epoch in filled(label, canonical_epochs()):
            over, all_layers = beyond(label, epoch)
            lines.append(line([label, str(epoch)] + [show(covariance(label, epoch, value)) for _, value in columns]
                              + [f"{significant(over)} of {all_layers}"]))
    return "\n".join(lines)


def canonical_claim():
    last = canonical_epochs()[-1]
    (start, layers), (end, _) = beyond("normprop", canonical_epochs()[0]), beyond("normprop", last)
    most = max(start, end)
    word = "holds" if most == 0 else "does not hold here" if most >= layers / 2 else "holds partly"
    far = max(to_bound(row) for row in group(rows("canonical-error", "covariance-through.csv"), "normprop"))
    correlation = covariance("normprop", last, lambda row: float(row["mean_abs_correlation"]))
    return Claim("Proposition 1's bound on the canonical error describes hidden layers",
                 f"hidden layers of {layers} beyond the bound: {significant(start)} before training, {significant(end)} after "
                 f"{last} epochs, at any epoch by up to {significant(far)} times, with inputs whose mean absolute "
                 f"correlation is {show(correlation)} where the bound assumes 0 (n = {correlation.n}; does not hold: half of "
                 f"the layers or more)",
                 scaled(word))


CANONICAL = Study(
    7, "canonical-error", "The canonical error and Proposition 1's bound",
    "How large is the canonical error through training, and does the bound hold on real inputs?",
    [FETCH_CIFAR, ("normprop compare experiments/layer-inputs.toml", None),
     ("normprop stats --checkpoint all --covariance runs/layer-inputs/* --threads 1 --out results/canonical-error",
      "results/canonical-error/covariance-through.csv")],
    canonical_answer, canonical_details, canonical_claim,
    [("covariance-through.svg", "Correlation, canonical error and its bound by layer and epoch")],
    lambda: ["The networks of the study layer-inputs.", "10,000 sites of each layer; sites of one image depend on each other.",
     "For batch normalization the rows are the effective ones, those of the map it is in evaluation.", UNFILLED] + copy_of(RUNS)
    + [SMALL, few(RUNS)], made_by=lambda: (RUNS,), swept=lambda: (RUNS,))
