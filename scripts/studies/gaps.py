"""How far apart two methods are at the end of training, and what to say where runs diverged."""

import math

from tables import Missing, at_epoch, difference, final, lost_seeds, points


class Gap:
    """The paired difference one − other of two labels' values at a batch size, at the end or after an epoch.

    A run that diverged has no value. The difference is taken over the seeds that are left, which flatters the label that
    lost some: it is never said to be the lower one.
    """

    def __init__(self, study, one, other, size, column="test_error", epoch=None):
        self.labels = one, other
        ends = [final(study, label, size, column) if epoch is None else at_epoch(study, label, size, epoch, column)
                for label in self.labels]
        self.lost = [len(lost_seeds(study, label, size) - set(values)) for label, values in zip(self.labels, ends)]
        self.left = [len(values) for values in ends]
        self.interval = difference(*ends) if set(ends[0]) & set(ends[1]) else None
        if not self.interval and not any(self.lost):
            raise Missing(f"runs of {one} and {other} in {study} with one seed")
        self.n = self.interval.n if self.interval else 0

    @property
    def direction(self):
        """What the difference says of its sign, as an interval does."""
        if not self.interval:
            return {(False, True): "above", (True, False): "below"}.get((self.left[0] > 0, self.left[1] > 0), "unclear")
        told = self.interval.direction
        if told == "few" and any(self.lost):
            return "unclear"
        flattered = {"below": self.lost[0], "above": self.lost[1]}
        return "unclear" if flattered.get(told) else told

    @property
    def high(self):
        """The interval's upper end; without bound where the first label lost runs."""
        if self.lost[0]:
            return math.inf
        return self.interval.high if self.interval else -math.inf

    @property
    def mean(self):
        return self.interval.mean if self.interval else math.nan

    @property
    def losses(self):
        """What diverged, in words."""
        return " and ".join(f"{lost} of {lost + left} runs of *{label}* diverged"
                            for label, lost, left in zip(self.labels, self.lost, self.left) if lost)

    def text(self, show, unit=""):
        if not self.interval:
            return self.losses
        return self.interval.text(show, unit) + (f" ({self.losses})" if self.losses else "")

    @property
    def said(self):
        """A difference of errors, in a sentence."""
        return self.text(points, " points")
