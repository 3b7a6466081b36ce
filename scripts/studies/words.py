"""The rules by which words and figures follow from numbers, so that a sentence stays true when the numbers change."""

import math


def comparison(difference, below="is lower than", above="is higher than", unclear="does not differ clearly from"):
    """What a difference says of one mean and another."""
    return {"below": below, "above": above}.get(difference.direction, unclear)


def verdict(differences):
    """What differences say of the claim that they are below 0. Those of fewer than three pairs of runs say nothing."""
    told = [difference.direction for difference in differences if difference.direction != "few"]
    if not told:
        return "not concluded: too few runs"
    if all(word == "below" for word in told):
        return "holds"
    if "below" in told:
        return "holds partly"
    return "does not hold here" if "above" in told else "no difference seen"


def small(answer):
    """A verdict on a claim that was made of larger networks and data."""
    return f"{answer}, at small scale"


def all_held(held):
    """What conditions say of a claim that all of them hold."""
    held = list(held)
    return "holds" if all(held) else "holds partly" if any(held) else "does not hold here"


def tally(verdicts):
    """How many claims got which verdict."""
    several = {"holds": "hold", "holds partly": "hold partly", "no difference seen": "show no difference",
               "does not hold here": "do not hold here"}
    words = dict.fromkeys([*several, *verdicts])
    counts = {word: verdicts.count(word) for word in words if word in verdicts}
    return listed(f"{count} {several.get(word, word) if count > 1 else word}" for word, count in counts.items())


def no_worse(difference, margin):
    """Whether a difference is not seen to be above 0 and its whole interval lies below a margin."""
    return difference.direction not in ("above", "few") and difference.high < margin


def listed(items):
    items = list(items)
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]


def counted(number, thing):
    words = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
    return f"{words.get(number, number)} {thing}{'s' if number > 1 else ''}"


def minus(text):
    return text.replace("-", "−")


def percent(value, digits=None):
    if digits is None:
        digits = 2 if value < 0.1 else 1
    return f"{100 * value:.{digits}f} %"


def error_rate(value):
    """An error as a percentage; what an interval has outside 0 to 1 is cut off."""
    return percent(min(max(value, 0.0), 1.0))


def points(value):
    """A difference of errors in percentage points, signed; what an interval has outside -100 to 100 is cut off."""
    value = min(max(value, -1.0), 1.0)
    return minus(f"{100 * value:+.{2 if abs(value) < 0.01 else 1}f}")


def nats(value):
    """A difference of losses, signed."""
    return minus(f"{value:+.3f}")


def significant(value, digits=2):
    """A number with so many significant digits, without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return minus(f"{value:.{decimals}f}")


def ratio(ends):
    """A ratio with the ends of its interval."""
    return "{:.2f} [{:.2f}, {:.2f}]".format(*ends)


def table(head, lines, text=1):
    """A Markdown table; columns after the first `text` ones hold numbers."""
    rules = ["---"] * text + ["---:"] * (len(head) - text)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rules, *lines])
