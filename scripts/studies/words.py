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


def places(half):
    """The decimals that an interval justifies: those of two significant digits of half its width, none where that is 10 or
    more. None without an interval, or where it has no width. `normprop` has the same rule in src/text/numbers.rs."""
    return max(0, 1 - int(f"{half:.1e}".split("e")[1])) if math.isfinite(half) and half > 0 else None


def hundredths(value, half, small):
    """The decimals of a percentage or of points, two at most; without an interval two below `small`, else one."""
    found = places(100 * half)
    return min(2, found) if found is not None else 2 if half == 0 or abs(100 * value) < small else 1


def percent(value, digits=None):
    # A tie must not go by what rounding left in the last digits: as src/text/numbers.rs has it.
    return f"{round(100 * value, 9):.{hundredths(value, math.nan, 10) if digits is None else digits}f} %"


def error_rate(value, half=math.nan):
    """An error as a percentage, with the decimals that half the width of its interval justifies; what an interval has outside
    0 to 1 is cut off."""
    value = min(max(value, 0.0), 1.0)
    return percent(value, hundredths(value, half, 10))


def signed(value, decimals):
    """A number with its sign, which 0 does not have."""
    text = f"{round(value, 9):+.{decimals}f}"
    return minus(text if text.strip("+-0.") else text[1:])


def points(value, half=math.nan):
    """A difference of errors in percentage points, signed; what an interval has outside -100 to 100 is cut off."""
    value = min(max(value, -1.0), 1.0)
    return signed(100 * value, hundredths(value, half, 1))


def nats(value, half=math.nan):
    """A difference of losses, signed."""
    found = places(half)
    return signed(value, 3 if found is None else found)


def number(value, half=math.nan):
    """Any other number, with the decimals that half the width of its interval justifies, else with two significant digits."""
    found = places(half)
    return significant(value) if found is None else minus(f"{value:.{found}f}")


def significant(value, digits=2):
    """A number with so many significant digits, without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return minus(f"{value:.{decimals}f}")


def ratio(ends):
    """A ratio with the ends of its interval, to two decimals, or three where the interval is that narrow, as in
    src/report/bench/tables.rs."""
    decimals = 3 if ends[2] - ends[1] < 0.02 else 2
    return "{:.{}f} [{:.{}f}, {:.{}f}]".format(*(part for end in ends for part in (end, decimals)))


def table(head, lines, text=1):
    """A Markdown table; columns after the first `text` ones hold numbers."""
    rules = ["---"] * text + ["---:"] * (len(head) - text)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rules, *lines])
