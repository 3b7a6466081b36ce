"""Tests of the rules that texts follow; run by tests/house.rs."""

import unittest
from unittest import mock

import tables
from gaps import Gap
from geometry import JACOBIAN
from inside import common_epochs, of_run
from tables import Interval, Missing, difference, percent, points, significant
from words import comparison, listed, no_worse, verdict

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
        told = [interval.direction for interval in (BELOW, ABOVE, UNCLEAR, SINGLE)]
        self.assertEqual(told, ["below", "above", "unclear", "few"])
        self.assertEqual(comparison(UNCLEAR), "not to be told from")
        told = [comparison(interval) for interval in (BELOW, ABOVE, UNCLEAR, SINGLE)]
        self.assertEqual(told, ["lower than", "higher than", "not to be told from", "not to be told from"])

    def test_verdicts(self):
        cases = {("below", "below"): "holds", ("below", "above"): "holds partly", ("below", "unclear"): "holds partly",
                 ("above", "unclear"): "does not hold here", ("unclear",): "no difference seen here",
                 ("below", "few"): "holds"}
        made = {"below": BELOW, "above": ABOVE, "unclear": UNCLEAR, "few": SINGLE}
        for words, expected in cases.items():
            self.assertEqual(verdict([made[word] for word in words], full_scale=True), expected)
        self.assertEqual(verdict([SINGLE]), "not tested: too few runs so far")
        self.assertEqual(Interval([1.57, 1.57]).direction, "few")
        self.assertTrue(no_worse(BELOW, 0.0) and no_worse(UNCLEAR, 9.0))
        self.assertFalse(no_worse(UNCLEAR, 1.0) or no_worse(SINGLE, 9.0) or no_worse(ABOVE, 9.0))

    def test_differences_are_paired_by_seed(self):
        interval = difference({"0": 0.5, "1": 0.7, "2": 0.1}, {"1": 0.6, "0": 0.3})
        self.assertEqual((interval.n, round(interval.mean, 9)), (2, 0.15))
        with self.assertRaises(Missing):
            difference({"0": 1.0}, {"1": 1.0})

    def test_a_method_that_lost_runs_is_never_said_to_be_lower(self):
        def row(label, seed, error, status):
            return {"label": label, "batch_size": "1", "seed": seed, "epoch": "3", "test_error": error, "status": status}
        errors = {"whole": ["0.5", "0.6", "0.7", "0.6"], "hurt": ["0.1", "0.2", "0.3", "1.0"],
                  "worse": ["0.8", "0.9", "1.0", "1.0"], "gone": ["1.0"] * 4}
        lost = {"whole": 0, "hurt": 1, "worse": 1, "gone": 4}
        table = [row(label, str(seed), error, "finished" if seed < len(values) - lost[label] else "diverged")
                 for label, values in errors.items() for seed, error in enumerate(values)]
        with mock.patch("tables.rows", lambda *_: table):
            def told(one, other, **how):
                return Gap("study", one, other, 1, **how)
            self.assertEqual(told("hurt", "whole").direction, "unclear")
            self.assertEqual(told("hurt", "whole", epoch=3).direction, "unclear")
            self.assertEqual((told("whole", "hurt").direction, told("worse", "whole").direction), ("unclear", "above"))
            self.assertEqual((told("gone", "whole").direction, told("whole", "gone").direction), ("above", "below"))
            self.assertEqual(told("gone", "gone").direction, "unclear")
            self.assertFalse(no_worse(told("hurt", "whole"), 0.9) or no_worse(told("gone", "whole"), 0.9))
            self.assertTrue(no_worse(told("whole", "gone"), 0.0))
            self.assertEqual(told("gone", "whole").said, "4 of 4 runs of *gone* diverged")
            self.assertTrue(told("hurt", "whole").said.endswith("] points (1 of 4 runs of *hurt* diverged)"))
            with self.assertRaises(Missing):
                told("whole", "absent")

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
