"""Studies of residual networks: which methods train them at small batch sizes, and how deep."""

from intervals import Gap, error, lowest
from results import diverged, epochs, labels
from study import Study
from training import FETCH_CIFAR, compare, error_cells
from words import all_held, listed, points, small, table, verdict

# Batch sizes

# The comparison of each batch size: larger batches train for more epochs.
FASHION = {1: "residual-recipe", 8: "residual-recipe-bs8", 50: "residual-recipe-bs50"}
CIFAR = {1: "residual-recipe-cifar10", 8: "residual-recipe-cifar10-bs8", 50: "residual-recipe-cifar10-bs50"}
# Epochs of training and of the sweep.
EPOCHS = {FASHION[8]: (5, 3), FASHION[50]: (15, 6), CIFAR[8]: (3, 2), CIFAR[50]: (6, 4)}
CENTERED = "normprop, centered rows"


def command(file, size, name):
    if name == file:
        return compare(file)
    train, sweep = EPOCHS[name]
    return compare(file, f"--set name={name} --set batch_sizes=[{size}] --set run.epochs={train} --set sweep.set.epochs={sweep}")


def strongest_bn(folder, size):
    """Batch normalization's form with the lowest test error, which favors it."""
    return lowest([label for label in labels(folder) if label.split(",")[0] == "bn"], (folder, size))


def changes():
    return ["normprop"] + [label for label in labels(FASHION[1]) if label.startswith("centered, ")]


def gaps_to_centered(label):
    return {size: Gap(folder, label, CENTERED, size) for size, folder in FASHION.items()}


def parts():
    """What each change does to the error of NormProp with centered rows."""
    lines = [[label] + [gap.text(points, "") for gap in gaps_to_centered(label).values()] for label in changes()]
    return table(["in place of *normprop, centered rows*"] + [f"batch size {size}" for size in FASHION], lines)


def carried():
    """The changes that raise the error at some batch size, and where."""
    told = []
    for label in changes():
        worse = [str(size) for size, gap in gaps_to_centered(label).items() if gap.direction == "above"]
        if worse:
            told.append(f"*{label}* (batch size {listed(worse)})")
    return listed(told) or "none"


def best(folders):
    return listed(f"*{lowest(labels(folder), (folder, size))}* at batch size {size}" for size, folder in folders.items())


def errors(folders):
    head = ["method"] + [cell for size in folders
                         for cell in (f"batch size {size}: test error", "minus bn, points", "rate")]
    lines = [[label] + [cell for size, folder in folders.items() for cell in error_cells(folder, label, "bn", size)]
             for label in labels(folders[1])]
    return table(head, lines)


def recipe():
    found = {}
    for name, folders in (("fashion", FASHION), ("cifar", CIFAR)):
        gaps = {size: Gap(folder, CENTERED, strongest_bn(folder, size), size) for size, folder in folders.items()}
        found[name] = gaps.values()
        found[f"gaps_{name}"] = "; ".join(f"batch size {size}: {gap.text()} (*{gap.labels[1]}*)" for size, gap in gaps.items())
    gaps = [*found.pop("fashion"), *found.pop("cifar")]
    def listing(folders, of):
        return listed(f"{of(folder)} at {size}" for size, folder in folders.items())
    return {**found, "best_fashion": best(FASHION), "best_cifar": best(CIFAR), "errors": errors(FASHION),
            "errors_cifar": errors(CIFAR), "parts": parts(), "carried": carried(), "epochs_fashion": listing(FASHION, epochs),
            "epochs_cifar": listing(CIFAR, epochs), "n": min(gap.n for gap in gaps), "verdict": small(verdict(gaps))}


RECIPE = Study(
    "residual-recipe",
    [command("residual-recipe", *each) for each in FASHION.items()] + [FETCH_CIFAR]
    + [command("residual-recipe-cifar10", *each) for each in CIFAR.items()],
    recipe, (*FASHION.values(), *CIFAR.values()))


# Depth

DEPTH, DEPTHS, SIZE = "residual-depth", [8, 20, 32, 56], 8
NAIVE, ALPHA_BETA = "normprop, naive sum", "normprop"


def deeper(label):
    """The error of the deepest network minus that of the shallowest."""
    return Gap(DEPTH, *(f"{label}, depth {depth}" for depth in (DEPTHS[-1], DEPTHS[0])), SIZE)


def lost_or_deeper(label, unit=" points"):
    """The same in words, also where the deepest network was never trained to its end."""
    gap = deeper(label)
    is_lost = gap.lost[0] and not gap.left[0]
    return f"diverged at {DEPTHS[-1]} layers ({gap.lost[0]} of {gap.lost[0]} runs)" if is_lost else gap.text(points, unit)


def methods():
    return list(dict.fromkeys(label.rsplit(", depth ", 1)[0] for label in labels(DEPTH)))


def depth():
    lines = [[label] + [error(DEPTH, f"{label}, depth {depth}", SIZE) for depth in DEPTHS] + [lost_or_deeper(label, "")]
             for label in methods()]
    beside = Gap(DEPTH, *(f"{label}, depth {DEPTHS[-1]}" for label in (ALPHA_BETA, NAIVE)), SIZE)
    lost = listed(label for label in methods() if any(diverged(DEPTH, f"{label}, depth {depth}", SIZE) for depth in DEPTHS))
    held = [beside.direction == "below", deeper(NAIVE).direction == "above", deeper(ALPHA_BETA).direction != "above"]
    return {"errors": table(["method"] + [f"depth {depth}" for depth in DEPTHS] + [f"{DEPTHS[-1]} minus {DEPTHS[0]}, points"], lines),
            "naive_short": lost_or_deeper(NAIVE).split(" at ")[0], "alpha_beta_short": lost_or_deeper(ALPHA_BETA, ""),
            "naive": lost_or_deeper(NAIVE), "alpha_beta": lost_or_deeper(ALPHA_BETA), "lost": lost or "none",
            "n": deeper(ALPHA_BETA).n, "verdict": small(all_held(held))}


DEPTH_STUDY = Study("residual-depth", [FETCH_CIFAR, compare(DEPTH)], depth)
