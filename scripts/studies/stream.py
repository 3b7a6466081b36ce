"""The study of the stream of residual networks at their start: what was measured, beside what random weights would give."""

import math

from results import Missing, rows
from study import Study
from training import FETCH_CIFAR
from words import counted, listed, significant, table

FOLDER = "residual-stream"
DEPTHS = [20, 56]
# What the probe calls the networks.
NETWORKS = {"alpha-beta": "residual = alpha-beta at initialization", "sqrt2": "residual = sqrt2 at initialization",
            "naive": "residual = naive at initialization", "none": "none at initialization", "bn": "bn at initialization"}
RULES = ["alpha-beta", "sqrt2", "naive"]
# Folders by seed, below those of the depths.
SEEDS = {0: "", 1: "seed-1", 2: "seed-2"}
# How far a prediction may be off and still hold.
NEAR = 1.5


def sized(value):
    """A number with three significant digits, large ones with a power of ten."""
    if not 1e5 <= abs(value) < float("inf"):
        return significant(value, 3)
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa}·10" + str(int(exponent)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def places(depth, network, seed):
    parts = [f"resnet-{depth}", *filter(None, [SEEDS[seed]])]
    found = [row for row in rows(FOLDER, *parts, "stream.csv") if row["network"] == NETWORKS[network]]
    if not found:
        raise Missing(f"the stream of {network} at depth {depth}, seed {seed}")
    return found


def number(row, column):
    return float(row[column]) if row[column] else float("nan")


def over_seeds(value):
    """The geometric mean of a value over seeds."""
    return math.exp(sum(math.log(value(seed)) for seed in SEEDS) / len(SEEDS))


def grown(depth, network, column):
    """By what factor the squared gradient grows from the last place to the first."""
    return over_seeds(lambda seed: number(places(depth, network, seed)[0], column)
                      / number(places(depth, network, seed)[-1], column))


def in_a_unit(depth, network, column):
    """The same of one unit, as a geometric mean over units."""
    return grown(depth, network, column) ** (1 / (len(places(depth, network, 0)) - 1))


def at(place):
    return lambda depth, network, column: over_seeds(lambda seed: number(places(depth, network, seed)[place], column))


def off(depth, network, column):
    """The largest factor at any unit and seed between what was measured and what was predicted."""
    pairs = [(number(row, column), number(row, f"{column}_predicted"))
             for seed in SEEDS for row in places(depth, network, seed)]
    return max(max(one / other, other / one) for one, other in pairs)


def both(depth, network, value, column):
    """What was measured, and in brackets what was predicted."""
    predicted = value(depth, network, f"{column}_predicted")
    told = sized(value(depth, network, column))
    return told if predicted != predicted else f"{told} ({sized(predicted)})"


def factors(held):
    return "; ".join(f"{rule}, {depth} layers: {sized(factor)}" for (depth, rule), factor in held.items())


def stream():
    columns = {"variance behind the last unit": (at(-1), "variance"),
               "growth of the squared gradient, all units": (grown, "gradient"), "in a unit": (in_a_unit, "gradient"),
               "similarity behind the last unit": (at(-1), "similarity"),
               "nonlinearity in front of the first": (at(0), "nonlinearity")}
    lines = [[str(depth), network] + [both(depth, network, *of) for of in columns.values()]
             for depth in DEPTHS for network in NETWORKS]
    variances, gradients = ({(depth, rule): off(depth, rule, column) for depth in DEPTHS for rule in RULES}
                            for column in ("variance", "gradient"))
    near = [factor <= NEAR for held in (variances, gradients) for factor in held.values()]
    word = "holds" if all(near) else "holds partly" if any(near) else "does not hold here"
    growth = {f"{rule.replace('-', '_')}_{depth}": sized(grown(depth, rule, "gradient")) for depth in DEPTHS for rule in RULES}
    correlations = [abs(number(row, "correlation")) for depth in DEPTHS for rule in RULES for seed in SEEDS
                    for row in places(depth, rule, seed)[:-1]]
    starts = [number(places(20, "alpha-beta", seed)[0], "variance") for seed in SEEDS]
    return {**growth, "variances": factors(variances), "gradients": factors(gradients), "near": f"{NEAR:g}",
            "verdict": word, "table": table(["layers", "network", *columns], lines, 2), "n": len(SEEDS),
            "correlation": significant(sum(correlations) / len(correlations)), "images": places(20, "naive", 0)[0]["images"],
            "starts": listed(significant(start) for start in starts)}


def command(depth, seed):
    folder = "/".join(filter(None, [f"results/{FOLDER}/resnet-{depth}", SEEDS[seed]]))
    return (f"normprop stats --probe stream --set model=resnet --set depth={depth} --set dataset=cifar10 --set method.name=bn "
            f"--set seed={seed} --threads 1 --out {folder}", f"{folder}/stream.csv")


STREAM = Study(
    FOLDER, [FETCH_CIFAR] + [command(depth, seed) for depth in DEPTHS for seed in SEEDS], stream, (),
    lambda: f"{counted(len(SEEDS), 'initialization')} of each network (seeds {listed(map(str, SEEDS))}), float32, test images. "
            "Nothing here is a time, and nothing depends on the processor but rounding.")
