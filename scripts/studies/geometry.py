"""Studies of how signals, gradients and the loss behave: Jacobians by depth, and the landscape of the loss."""

import statistics

from inside import METHODS, RUNS, of_run
from intervals import Gap, difference, error, of
from results import Missing, numbers, rows
from study import Study
from training import FETCH_CIFAR, compare
from words import significant, small, table, verdict

# The 1.21 question

DEPTHS = [4, 8, 16, 32]
# What the experiment calls the three values of jacobian_scale.
SCALES = {"init": "factor at the start", "fixed": "factor always", "none": "no factor"}


def jacobian(depth, scale):
    """Of a network at its start: mean squared singular value of hidden layers' Jacobians, and the standard deviation of
    the last hidden layer's pre-activations over images, within units: what units differ by on average says nothing of the
    image."""
    found = [row for row in rows("jacobian-scale", f"depth-{depth}", "jacobian.csv")
             if row["network"].startswith(f"jacobian_scale = {scale} ")]
    if len(found) < 2:
        raise Missing(f"Jacobians of {scale} at depth {depth}")
    layers = found[:-1]
    return statistics.fmean(float(row["mean_square"]) for row in layers), float(layers[-1]["pre_unit_std"])


def gap(depth, one="init", other="none"):
    """The test error with the factor at the start minus the error without it, or of two other treatments."""
    return Gap("jacobian-scale", *(f"{SCALES[scale]}, {depth} layers" for scale in (one, other)), 50)


def jacobian_scale():
    (init, init_std), (none, none_std) = jacobian(32, "init"), jacobian(32, "none")
    def told(*pair):
        return "; ".join(f"{depth} layers: {gap(depth, *pair).text()}" for depth in DEPTHS)
    starts = []
    for depth in DEPTHS:
        found = [jacobian(depth, scale) for scale in SCALES]
        starts.append([str(depth)] + [significant(number, 3) for column in zip(*found) for number in column])
    errors = [[str(depth)] + [error("jacobian-scale", f"{name}, {depth} layers", 50) for name in SCALES.values()]
              for depth in DEPTHS]
    gaps = [gap(depth) for depth in DEPTHS]
    return {"square": significant(init, 3), "std": significant(init_std), "square_without": significant(none, 3),
            "std_without": significant(none_std), "gaps": told(), "always": told("fixed", "init"),
            "starts": table(["depth"] + [f"{name}: {what}" for what in ("J²", "std") for name in SCALES.values()], starts, 0),
            "errors": table(["depth", *SCALES.values()], errors, 0),
            "evidence": "; ".join(f"{depth} layers: {each.text()}" + (f" (n = {each.n})" if each.n > 1 else "")
                                  for depth, each in zip(DEPTHS, gaps)), "verdict": small(verdict(gaps))}


JACOBIAN = Study(
    "jacobian-scale",
    [compare("jacobian-scale")]
    + [(f"normprop stats --probe jacobian --set model=mlp --set 'mlp_widths=[{','.join(['128'] * depth)}]' --threads 1 "
        f"--out results/jacobian-scale/depth-{depth}", f"results/jacobian-scale/depth-{depth}/jacobian.csv")
       for depth in DEPTHS],
    jacobian_scale)


# Landscape

# Folders below results/landscape by seed.
SEEDS = {0: "", 1: "seed-1", 2: "seed-2"}
RELATIVE, SMOOTHNESS = "relative to the gradient", "effective smoothness β"
QUANTITIES = {
    "loss max − min": lambda row: float(row["loss_max"]) - float(row["loss_min"]),
    "gradient change": lambda row: float(row["gradient_change_max"]),
    RELATIVE: lambda row: float(row["relative_change_max"]),
    SMOOTHNESS: lambda row: float(row["smoothness"]),
}


def along(run, quantity):
    """What was measured along the gradient of a run: medians over steps, by seed."""
    medians = {}
    for seed, folder in SEEDS.items():
        found = of_run(rows("landscape", *filter(None, [folder]), "landscape.csv"), run)
        if not found:
            raise Missing(f"landscape of {run}, seed {seed}")
        medians[seed] = statistics.median(map(QUANTITIES[quantity], found))
    return medians


def landscape():
    found = {f"{name}_{run}": of(along(run, quantity)).text() for run in ("normprop", "bn", "none")
             for name, quantity in [("relative", RELATIVE), ("smoothness", SMOOTHNESS), ("variation", "loss max − min")]}
    gaps = {f"{name}_gap_{run}": difference(along(run, quantity), along("none", quantity)) for run in ("bn", "normprop")
            for name, quantity in [("relative", RELATIVE), ("smoothness", SMOOTHNESS)]}
    lines = [[run] + [of(along(run, quantity)).text() for quantity in QUANTITIES]
             for run in METHODS]
    return {**found, **{name: each.text() for name, each in gaps.items()}, "n": gaps["relative_gap_bn"].n,
            "quantities": table(["method", *QUANTITIES], lines), "verdict": small(verdict(gaps.values()))}


def landscape_command(seed):
    runs = " ".join(f"runs/layer-inputs/{method}-*-s{seed}-*" for method in ("none", "bn", "normprop"))
    folder = "/".join(filter(None, ["results/landscape", SEEDS[seed]]))
    return f"normprop stats --probe landscape {runs} --threads 1 --out {folder}", f"{folder}/landscape.csv"


LANDSCAPE = Study("landscape", [FETCH_CIFAR, compare(RUNS)] + [landscape_command(seed) for seed in SEEDS], landscape, (RUNS,))
