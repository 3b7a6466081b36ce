"""Words that follow from numbers, so that a sentence stays true when the numbers change."""


def direction(interval):
    """What an interval of a difference says of its sign: "below", "above", "unclear", or "single" for n = 1."""
    if interval.n == 1:
        return "single"
    if interval.high < 0:
        return "below"
    return "above" if interval.low > 0 else "unclear"


def comparison(interval, below="lower than", above="higher than", unclear="not to be told from"):
    """How one mean is to another."""
    told = direction(interval)
    if told == "single":
        told = "below" if interval.mean < 0 else "above"
    return {"below": below, "above": above, "unclear": unclear}[told]


def verdict(intervals, full_scale=False):
    """What differences say of the claim that they are below 0; in place of an interval its direction may stand. Those of
    a single pair of runs say nothing."""
    words = [word if isinstance(word, str) else direction(word) for word in intervals]
    told = [word for word in words if word != "single"]
    if not told:
        return "not tested: one run of each so far"
    if all(word == "below" for word in told):
        answer = "holds"
    elif "below" in told:
        answer = "holds partly"
    elif "above" in told:
        answer = "does not hold here"
    else:
        answer = "no difference seen here"
    return answer if full_scale else f"{answer}, at small scale"


def no_worse(interval, margin):
    """Whether the whole interval of a difference lies below a margin."""
    return interval.n > 1 and interval.high < margin


def listed(items):
    items = list(items)
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]
