"""Tests of the rules that texts follow; run by tests/house.rs."""

import unittest

import tables
from geometry import JACOBIAN
from inside import common_epochs, of_run
from tables import Interval, Missing, difference, percent, points, significant
from words import comparison, direction, listed, no_worse, verdict

BELOW, ABOVE = Interval([-3.0, -2.0, -2.5]), Interval([3.0, 2.0, 2.5])
UNCLEAR, SINGLE = Interval([-1.0, 0.5, 1.0]), Interval([-1.0])


class Rules(unittest.TestCase):
    def test_an_interval_is_students(self):
        interval = Interval([1.0, 2.0, 3.0, 4.0])
        # Standard deviation 1.29099, quantile 3.18245 at 3 degrees of freedom.
        self.assertAlmostEqual(interval.high - interval.mean, 3.18245 * 1.2909944 / 2, places=4)
        self.assertEqual(SINGLE.text(str), "-1.0 (n = 1, no interval)")
        with self.assertRaises(Missing):
            Interval([])

    def test_directions(self):
        told = [direction(interval) for interval in (BELOW, ABOVE, UNCLEAR, SINGLE)]
        self.assertEqual(told, ["below", "above", "unclear", "single"])
        self.assertEqual(comparison(UNCLEAR), "not to be told from")
        self.assertEqual(comparison(SINGLE), "lower than")

    def test_verdicts(self):
        cases = {("below", "below"): "holds", ("below", "above"): "holds partly", ("below", "unclear"): "holds partly",
                 ("above", "unclear"): "does not hold here", ("unclear",): "no difference seen here",
                 ("below", "single"): "holds"}
        made = {"below": BELOW, "above": ABOVE, "unclear": UNCLEAR, "single": SINGLE}
        for words, expected in cases.items():
            self.assertEqual(verdict([made[word] for word in words], full_scale=True), expected)
        self.assertEqual(verdict([SINGLE]), "not tested: one run of each so far")
        self.assertTrue(no_worse(BELOW, 0.0) and not no_worse(UNCLEAR, 1.0) and not no_worse(SINGLE, 9.0))

    def test_differences_are_paired_by_seed(self):
        interval = difference({"0": 0.5, "1": 0.7, "2": 0.1}, {"1": 0.6, "0": 0.3})
        self.assertEqual((interval.n, round(interval.mean, 9)), (2, 0.15))
        with self.assertRaises(Missing):
            difference({"0": 1.0}, {"1": 1.0})

    def test_numbers_are_shown_as_their_size_asks(self):
        self.assertEqual([percent(0.3456), percent(0.0234)], ["34.6 %", "2.34 %"])
        self.assertEqual([points(-0.0123), points(0.0049)], ["−1.2", "+0.49"])
        self.assertEqual([significant(0.01234), significant(123.4, 3), significant(-2.0)], ["0.012", "123", "−2.0"])
        self.assertEqual([listed("a"), listed("abc")], ["a", "a, b and c"])

    def test_runs_are_found_by_what_they_are_called(self):
        table = [{"run": run, "seed": "0", "epoch": str(epoch)} for run, epoch in
                 [("bn", 0), ("bn", 1), ("bn", 6), ("normprop center_rows=false lr=0.02", 0),
                  ("normprop center_rows=false lr=0.02", 1), ("normprop center_rows=true lr=0.06", 0),
                  ("normprop center_rows=true lr=0.06", 1)]]
        self.assertEqual([len(of_run(table, label)) for label in ("bn", "normprop", "normprop (centred rows)")], [3, 2, 2])
        self.assertEqual(common_epochs(table), [0, 1])

    def test_what_is_missing_is_named_and_no_text_is_made(self):
        tables.RESULTS, kept = "/nowhere", tables.RESULTS
        tables.forget()
        try:
            with self.assertRaises(Missing):
                JACOBIAN.text()
        finally:
            tables.RESULTS = kept
            tables.forget()


if __name__ == "__main__":
    unittest.main()
