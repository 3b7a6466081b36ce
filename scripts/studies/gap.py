"""The study that looks for what lies between NormProp and batch normalization."""

from gaps import Gap
from study import Claim, Study, is_there
from sweeps import images
from tables import (difference, epochs, error_table, final, final_mean, heading, labels, line, lowest, nats, only, points,
                    ratio, ratio_text, rows, significant)
from training import BF16, FETCH_CIFAR, MARGIN, SMALL, copy_of, error, few
from words import all_held, comparison, listed, no_worse, scaled

AT_50, AT_1 = "gap", "gap-bs1"
# One change on more images and for longer, at batch size 50: what it is called here and there.
BEST, ADOPTED, RECIPE = "best", "centred, pool moments", "normprop, best recipe"
CENTRED, FIXED, TOGETHER, NOISE = "centred rows", "fixed Jacobian scale", "centred, ", "centred, noise of 256 values"
# The paper's NormProp with the same images and epochs in another study.
SAME = "data-normalization", "normprop, global"
CLAIM = "(ours) One variant of NormProp is no worse than batch normalization at batch size 50 and better at 1"


def changes(study):
    return [label for label in labels(study) if label not in ("bn", "normprop")]


def helping(tried, base):
    """Those changes whose interval of the difference to `base` lies below 0, at batch size 50, in words."""
    gaps = [(label, Gap(AT_50, label, base, 50)) for label in tried]
    found = [f"*{label}* ({gap.said})" for label, gap in gaps if gap.direction == "below"]
    return f"{len(found)} of {len(gaps)}" + (f", {listed(found)}" if found else "")


def answer():
    label = lowest(changes(AT_50), (AT_50, 50))
    return (f"At batch size 50 the test error of the paper's NormProp minus batch normalization's is "
            f"{Gap(AT_50, 'normprop', 'bn', 50).said}, and that of the best change tried, *{label}*, "
            f"{Gap(AT_50, label, 'bn', 50).said}. {answer_at_1()}{answer_on_more()}")


def answer_at_1():
    if not is_there(AT_1, "curves.csv"):
        return "Batch size 1 has not been run yet."
    label = lowest(changes(AT_1), (AT_1, 1))
    return (f"At batch size 1 the paper's NormProp minus batch normalization is {Gap(AT_1, 'normprop', 'bn', 1).said} and the "
            f"best change, *{label}*, {Gap(AT_1, label, 'bn', 1).said}.")


def answer_on_more():
    if not is_there(BEST, "curves.csv"):
        return ""
    return (f" On {images(BEST)[0]:,} images and {epochs(BEST)} epochs the recipe of `experiments/best.toml`, *{ADOPTED}*, "
            f"reaches {error(BEST, RECIPE, 50)} at batch size 50: minus batch normalization's "
            f"{Gap(BEST, RECIPE, 'bn', 50).said}, minus that of the paper's NormProp {Gap(BEST, RECIPE, 'normprop', 50).said}.")


def what_helps():
    together = [name for name in changes(AT_50) if name.startswith(TOGETHER)]
    single = [name for name in changes(AT_50) if name not in together]
    return (f"Single changes that lower NormProp's error: {helping(single, 'normprop')}. Changes on top of centred rows that "
            f"lower it further: {helping(together, CENTRED)}. {over_both()}{at_another_rate()}")


def over_both():
    """The change that does best over both batch sizes, and how far from it those with centred rows are."""
    if not is_there(AT_1, "curves.csv"):
        return ""
    settings = (AT_50, 50), (AT_1, 1)
    asked = [label for label in changes(AT_50) if label in changes(AT_1)]
    best = lowest(asked, *settings)
    def over_both_sizes(label):
        at_50, at_1 = (final(study, label, size) for study, size in settings)
        return {seed: (at_50[seed] + at_1[seed]) / 2 for seed in at_50 if seed in at_1}
    others = [label for label in asked if label.startswith("centred") and label != best]
    said = listed(f"{difference(over_both_sizes(label), over_both_sizes(best)).text(points)} points with *{label}*"
                  for label in others)
    return f"Over both batch sizes *{best}* has the lowest mean error; minus its error: {said}. "


def at_another_rate():
    """The paper's NormProp stands in another study too, with another learning rate: what that alone does."""
    own, other = (only(rows(study, "summary.csv"), label=label, batch_size=50)["lr"]
                  for study, label in ((AT_50, "normprop"), SAME))
    if float(own) == float(other):
        return ""
    same = final(*SAME, 50)
    def minus_same(label):
        return difference(final(AT_50, label, 50), same).text(points)
    return (f"How much of this is the learning rate: the same NormProp has an error of {error(*SAME, 50)} with the rate "
            f"{float(other):g} in [../{SAME[0]}](../{SAME[0]}/), {error(AT_50, 'normprop', 50)} with {float(own):g} here. Set "
            f"against the former the difference is {minus_same(CENTRED)} points for *{CENTRED}* and {minus_same(FIXED)} points "
            f"for *{FIXED}*.")


def step(size):
    """The recipe's row in the bench."""
    return only(rows(BEST, "bench.csv"), norm="normprop", batch_size=size)


def cost():
    """What the recipe costs, from `normprop bench`; empty where that was not run."""
    if not is_there(BEST, "bench.csv"):
        return ""
    lines = [f"What a step of the recipe costs, *{ADOPTED}*, one thread, methods taking turns (`../best/bench.csv`):", "",
             heading(["batch size", "step, ms", "recipe / none", "recipe / bn"])]
    for size in (1, 50):
        row = step(size)
        ratios = (ratio_text(ratio(row, f"ratio_to_{to}")) for to in ("none", "bn"))
        lines.append(line([str(size), significant(float(row["step_ms"]), 3), *ratios]))
    return "\n".join(lines)


def why():
    """Whether it is the fit that differs, and whether noise such as a batch brings is what is missing."""
    own, centred = (Gap(AT_50, label, "bn", 50, "train_loss") for label in ("normprop", CENTRED))
    noise = Gap(AT_50, NOISE, CENTRED, 50)
    return (f"**Why.** In these {epochs(AT_50)} epochs NormProp's training loss at the end is {comparison(own)} batch "
            f"normalization's ({own.text(nats)} nats); with centred rows it is {comparison(centred)} batch normalization's "
            f"({centred.text(nats)} nats). Noise such as statistics of 256 values would have, on top of centred rows, gives "
            f"a test error that is {comparison(noise)} that without it ({noise.said}). For more epochs and images see the "
            f"training losses of [../convergence](../convergence/).")


def details():
    losses = [f"{label} {final_mean(AT_50, label, 50, 'train_loss'):.3f}"
              for label in labels(AT_50) if final(AT_50, label, 50)]
    found = ["Batch size 50:", error_table(AT_50, "bn"), what_helps(),
             f"Training loss at the end, batch size 50: {listed(losses)}.", why()]
    if is_there(AT_1, "curves.csv"):
        found += ["Batch size 1:", error_table(AT_1, "bn")]
    if is_there(BEST, "curves.csv"):
        found += [f"The recipe on {images(BEST)[0]:,} images, {epochs(BEST)} epochs, flipped at random ([../best](../best/)):",
                  error_table(BEST, "bn")]
    return "\n\n".join(part for part in found + [cost()] if part)


def claim():
    if not is_there(AT_1, "curves.csv"):
        label = lowest(changes(AT_50), (AT_50, 50))
        at_50 = Gap(AT_50, label, "bn", 50)
        return Claim(CLAIM, f"*{label}* minus batch normalization at batch size 50: {at_50.said} (n = {at_50.n}); batch size 1 "
                            "has not been run yet", "not tested at batch size 1")
    study, label = (BEST, RECIPE) if is_there(BEST, "curves.csv") else (AT_50, ADOPTED)
    at_50, at_1 = Gap(study, label, "bn", 50), Gap(AT_1, ADOPTED, "bn", 1)
    claimed, held = CLAIM, [no_worse(at_50, MARGIN), at_1.direction == "below"]
    said = (f"*{ADOPTED}* minus batch normalization: {at_50.said} at batch size 50 ({images(study)[0]:,} images), {at_1.said} "
            f"at 1 ({images(AT_1)[0]:,}; n = {min(at_50.n, at_1.n)}; no worse: not seen to be higher, with an interval below "
            f"one point; chosen by test errors)")
    if is_there(BEST, "bench.csv"):
        ratios = {size: ratio(step(size), "ratio_to_bn") for size in (50, 1)}
        held += [high < 1 for _, _, high in ratios.values()]
        claimed += ", and its step is shorter at both"
        said += "; its step takes " + listed(f"{ratio_text(ends)} times as long at batch size {size}"
                                            for size, ends in ratios.items())
    return Claim(claimed, said, scaled(all_held(held)))


def parts():
    return tuple(study for study in (AT_50, AT_1, BEST) if is_there(study, "curves.csv"))


GAP = Study(
    11, "gap", "Closing the gap to batch normalization",
    "What lies between the paper's NormProp and batch normalization at batch size 50, and which change closes it?",
    [FETCH_CIFAR, ("normprop compare experiments/gap.toml", None), ("normprop compare experiments/gap-bs1.toml", None),
     ("normprop compare experiments/best.toml", None),
     ("normprop bench --norm none,bn,normprop --dataset cifar10 --set method.center_rows=true --set method.pool=moments "
      "--batch-sizes 1,50 --threads 1 --out results/best", "results/best/bench.csv"),
     ("normprop report results/best", None)],
    answer, details, claim,
    [("final-error.svg", "Final test error at batch size 50"),
     ("../gap-bs1/final-error.svg", "Final test error at batch size 1"),
     ("../best/final-error.svg", "Final test error of the recipe on more images"),
     ("train-loss.svg", "Training loss at batch size 50")],
    lambda: [f"{images(AT_50)[0]:,} images and {epochs(AT_50)} epochs at batch size 50, {images(AT_1)[0]:,} images and "
             f"{epochs(AT_1)} epochs at batch size 1: errors of the two cannot be compared.",
             "Beyond the paper. The best of many recipes is chosen by the test errors that are shown, which flatters it; and "
             "each interval stands alone: of a dozen one may exclude 0 by chance.",
             "Adaptive clipping takes β, which starts at 0, for a unit of length 0.001 and so nearly stops it."]
    + copy_of(AT_50) + [SMALL, BF16 + " At batch size 1 all is float32.", few(*parts())],
    made_by=parts, swept=parts)
