"""The study of the stream of residual networks at their start: what was measured, beside what random weights would give."""

from results import Missing, rows
from study import Study
from training import FETCH_CIFAR
from words import significant, table

FOLDER = "residual-stream"
DEPTHS = [20, 56]
# What the probe calls the networks.
NETWORKS = {"alpha-beta": "residual = alpha-beta at initialization", "sqrt2": "residual = sqrt2 at initialization",
            "naive": "residual = naive at initialization", "none": "none at initialization", "bn": "bn at initialization"}
RULES = ["alpha-beta", "sqrt2", "naive"]
# How far a prediction may be off and still hold.
NEAR = 1.5


def sized(value):
    """A number with three significant digits, large ones with a power of ten."""
    if not 1e5 <= abs(value) < float("inf"):
        return significant(value, 3)
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa}·10" + str(int(exponent)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def places(depth, network):
    found = [row for row in rows(FOLDER, f"resnet-{depth}", "stream.csv") if row["network"] == NETWORKS[network]]
    if not found:
        raise Missing(f"the stream of {network} at depth {depth}")
    return found


def number(row, column):
    return float(row[column]) if row[column] else float("nan")


def grown(depth, network, column):
    """By what factor the stream's variance grows from first to last place, or the squared gradient from last to first."""
    found = places(depth, network)
    first, last = (number(found[place], column) for place in (0, -1))
    return first / last if column.startswith("gradient") else last / first


def in_a_unit(depth, network, column):
    """The same of one unit, as a geometric mean over units."""
    return grown(depth, network, column) ** (1 / (len(places(depth, network)) - 1))


def off(depth, network, column):
    """The largest factor between what was measured and what was predicted."""
    pairs = [(number(row, column), number(row, f"{column}_predicted")) for row in places(depth, network)]
    return max(max(one / other, other / one) for one, other in pairs)


def both(depth, network, value, column):
    """What was measured, and in brackets what was predicted."""
    predicted = value(depth, network, f"{column}_predicted")
    told = sized(value(depth, network, column))
    return told if predicted != predicted else f"{told} ({sized(predicted)})"


def at(place):
    return lambda depth, network, column: number(places(depth, network)[place], column)


def stream():
    columns = {"variance behind the last unit": (at(-1), "variance"),
               "growth of the squared gradient, all units": (grown, "gradient"),
               "in a unit": (in_a_unit, "gradient"), "similarity behind the last unit": (at(-1), "similarity"),
               "nonlinearity in front of the first": (at(0), "nonlinearity")}
    lines = [[str(depth), network] + [both(depth, network, *of) for of in columns.values()]
             for depth in DEPTHS for network in NETWORKS]
    held = {(depth, rule): max(off(depth, rule, column) for column in ("variance", "gradient"))
            for depth in DEPTHS for rule in RULES}
    near = [factor <= NEAR for factor in held.values()]
    word = "holds" if all(near) else "holds partly" if any(near) else "does not hold here"
    def growth(depth, rule):
        return sized(grown(depth, rule, "gradient"))
    correlations = [abs(number(row, "correlation")) for depth in DEPTHS for rule in RULES for row in places(depth, rule)[:-1]]
    return {"factors": "; ".join(f"{rule}, {depth} layers: {significant(factor, 3)}"
                                 for (depth, rule), factor in held.items()),
            "near": f"{NEAR:g}", "verdict": word, "table": table(["layers", "network", *columns], lines, 2),
            "ab_20": growth(20, "alpha-beta"), "ab_56": growth(56, "alpha-beta"), "sqrt2_20": growth(20, "sqrt2"),
            "sqrt2_56": growth(56, "sqrt2"), "naive_20": growth(20, "naive"), "naive_56": growth(56, "naive"),
            "correlation": significant(sum(correlations) / len(correlations)),
            "images": places(20, "naive")[0]["images"],
            "start": significant(number(places(20, "alpha-beta")[0], "variance"))}


STREAM = Study(
    FOLDER,
    [FETCH_CIFAR]
    + [(f"normprop stats --probe stream --set model=resnet --set depth={depth} --set dataset=cifar10 --set method.name=bn "
        f"--threads 1 --out results/{FOLDER}/resnet-{depth}", f"results/{FOLDER}/resnet-{depth}/stream.csv")
       for depth in DEPTHS],
    stream, (), lambda: "one initialization (seed 0) of each network, float32, images of the test set; the tables name no processor, "
                        "on which nothing here depends but rounding.")
