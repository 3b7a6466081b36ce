"""Words that follow from numbers, so that a sentence stays true when the numbers change."""


def comparison(difference, below="lower than", above="higher than", unclear="not to be told from"):
    """How one mean is to another."""
    return {"below": below, "above": above}.get(difference.direction, unclear)


def verdict(differences, full_scale=False):
    """What differences say of the claim that they are below 0. Those of fewer than three pairs of runs say nothing."""
    words = [difference.direction for difference in differences]
    told = [word for word in words if word != "few"]
    if not told:
        return "not tested: too few runs so far"
    if all(word == "below" for word in told):
        answer = "holds"
    elif "below" in told:
        answer = "holds partly"
    elif "above" in told:
        answer = "does not hold here"
    else:
        answer = "no difference seen here"
    return answer if full_scale else scaled(answer)


def scaled(answer):
    """A verdict on a claim that was made of larger networks and data."""
    return f"{answer}, at small scale"


def all_held(held):
    """What conditions say of a claim that all of them hold."""
    held = list(held)
    return "holds" if all(held) else "holds partly" if any(held) else "does not hold here"


def no_worse(difference, margin):
    """Whether a difference is not seen to be above 0 and its whole interval lies below a margin."""
    return difference.direction not in ("above", "few") and difference.high < margin


def listed(items):
    items = list(items)
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]
