"""Tests of the rules that pages follow; run by tests/house."""

import contextlib
import csv
import os
import statistics
import tempfile
import unittest
from string import Formatter

import results
from geometry import JACOBIAN
from inside import common_epochs, of_run
from intervals import Gap, Interval, difference, half_width, of
from overview import STUDIES
from results import Missing
from words import comparison, counted, error_rate, listed, no_worse, percent, points, ratio, significant, tally, verdict

BELOW, ABOVE = Interval(3, -2.5, -3.7, -1.3), Interval(3, 2.5, 1.3, 3.7)
UNCLEAR, SINGLE = Interval(3, 0.2, -2.4, 2.8), Interval(1, -1.0)
COLUMNS = ("label,other_label,batch_size,quantity,epoch,n,n_diverged,other_n,other_n_diverged,n_pairs,difference_mean,"
           "difference_ci_low,difference_ci_high").split(",")


@contextlib.contextmanager
def results_with(**tables):
    """A results folder with one comparison, `made`."""
    kept = results.RESULTS
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "made"))
        for name, rows in tables.items():
            with open(os.path.join(folder, "made", f"{name}.csv"), "w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)
        results.RESULTS = folder
        try:
            results.forget()
            half_width.cache_clear()
            yield
        finally:
            results.RESULTS = kept
            results.forget()
            half_width.cache_clear()


class Rules(unittest.TestCase):
    def test_an_interval_is_that_of_compare(self):
        interval = of([1.0, 2.0, 3.0])
        # Student's quantile at 2 degrees of freedom is 4.30265, the standard deviation 1.
        self.assertAlmostEqual(interval.high - interval.mean, 4.30265 / 3 ** 0.5, places=4)
        self.assertEqual(SINGLE.text(), "−1.0 (n = 1, no interval)")
        self.assertEqual(of([1.57, 1.57]).text(), "1.6 (n = 2, no interval)")
        with self.assertRaises(Missing):
            of([])

    def test_any_number_of_seeds_has_its_interval(self):
        values = [float(value) for value in range(40)]
        head = ["n"] + [f"final_test_error_{end}" for end in ("mean", "ci_low", "ci_high", "std")]
        cut = [[40, 0.5, 0, 1, 3], [40, 0.05, 0, 0.15, 0.5]]
        with results_with(summary=[head, *cut]):
            self.assertAlmostEqual(of(values).high - of(values).low, 0.4 * statistics.stdev(values))
            with self.assertRaises(Missing):
                of(values[:39])

    def test_directions(self):
        told = [interval.direction for interval in (BELOW, ABOVE, UNCLEAR, SINGLE)]
        self.assertEqual(told, ["below", "above", "unclear", "few"])
        told = [comparison(interval) for interval in (BELOW, ABOVE, UNCLEAR, SINGLE)]
        self.assertEqual(told, ["is lower than", "is higher than"] + 2 * ["does not differ clearly from"])

    def test_verdicts(self):
        cases = {("below", "below"): "holds", ("below", "above"): "holds partly", ("below", "unclear"): "holds partly",
                 ("above", "unclear"): "does not hold here", ("unclear",): "no difference seen",
                 ("below", "few"): "holds", ("few",): "not concluded: too few runs"}
        made = {"below": BELOW, "above": ABOVE, "unclear": UNCLEAR, "few": SINGLE}
        for words, expected in cases.items():
            self.assertEqual(verdict([made[word] for word in words]), expected)
        self.assertTrue(no_worse(BELOW, 0.0) and no_worse(UNCLEAR, 9.0))
        self.assertFalse(no_worse(UNCLEAR, 1.0) or no_worse(SINGLE, 9.0) or no_worse(ABOVE, 9.0))

    def test_differences_are_paired_by_seed(self):
        self.assertAlmostEqual(difference({"0": 0.5, "1": 0.7, "2": 0.1}, {"1": 0.6, "0": 0.3}).mean, 0.15)
        with self.assertRaises(Missing):
            difference({"0": 1.0}, {"1": 1.0})

    def test_a_method_that_lost_runs_is_never_said_to_be_lower(self):
        rows = [("hurt", "whole", 1, "test_error", 3, 3, 1, 4, 0, 3, -0.4, -0.41, -0.39),
                ("worse", "whole", 1, "test_error", 3, 3, 1, 4, 0, 3, 0.3, 0.2, 0.4),
                ("gone", "whole", 1, "test_error", 3, 0, 4, 4, 0, 0, "", "", ""),
                ("gone", "lost", 1, "test_error", 3, 0, 4, 0, 4, 0, "", "", ""),
                ("late", "whole", 1, "test_error", 1, 4, 0, 4, 0, 4, -0.2, -0.3, -0.1),
                ("late", "whole", 1, "test_error", 3, 4, 0, 4, 0, 4, 0.2, 0.1, 0.3)]
        with results_with(differences=[COLUMNS, *rows]):
            def told(one, other, **how):
                return Gap("made", one, other, 1, **how)
            self.assertEqual(told("hurt", "whole").direction, "unclear")
            self.assertEqual((told("whole", "hurt").direction, told("worse", "whole").direction), ("unclear", "above"))
            self.assertEqual((told("gone", "whole").direction, told("whole", "gone").direction), ("above", "below"))
            self.assertEqual(told("gone", "lost").direction, "unclear")
            self.assertFalse(no_worse(told("hurt", "whole"), 0.9) or no_worse(told("gone", "whole"), 0.9))
            self.assertTrue(no_worse(told("whole", "gone"), 0.0))
            self.assertEqual(told("gone", "whole").text(), "4 of 4 runs of *gone* diverged")
            self.assertEqual(told("whole", "hurt").text(), "+40.0 [+39.0, +41.0] points (1 of 4 runs of *hurt* diverged)")
            self.assertEqual((told("late", "whole").direction, told("late", "whole", epoch=1).direction), ("above", "below"))
            with self.assertRaises(Missing):
                told("whole", "absent")

    def test_numbers_are_shown_by_their_size(self):
        self.assertEqual([percent(0.3456), percent(0.0234)], ["34.6 %", "2.34 %"])
        self.assertEqual([points(-0.0123), points(0.0049)], ["−1.2", "+0.49"])
        self.assertEqual([points(0.0), points(-0.00001)], ["0.00", "0.00"])
        self.assertEqual([significant(0.01234), significant(123.4, 3), significant(-2.0)], ["0.012", "123", "−2.0"])
        self.assertEqual([listed("a"), listed("abc")], ["a", "a, b and c"])
        self.assertEqual(tally(["holds partly", "not tested", "holds partly", "holds"]), "1 holds, 2 hold partly and 1 not tested")
        self.assertEqual([counted(1, "seed"), counted(12, "epoch")], ["one seed", "12 epochs"])

    def test_an_interval_of_all_that_there_can_be_is_not_written(self):
        self.assertEqual(Interval(3, 0.742, -0.2, 1.3).text(error_rate), "74.2 % (seeds disagree)")
        self.assertEqual(Interval(3, 0.742, -0.2, 0.96).text(error_rate), "74 % [0, 96]")
        self.assertEqual(Interval(3, -0.57, -1.4, 1.2).text(points, " points"), "−57.0 points, seeds disagree")

    def test_an_interval_justifies_the_decimals_of_all_its_figures(self):
        # The same values as in the tests of src/text/numbers.rs.
        rates = [(0.166, 0.15, 0.182), (0.1662, 0.165, 0.1675), (0.0981, 0.09, 0.11), (0.737, 0.513, 0.961), (0.2, 0.2, 0.2),
                 (0.2, 0.10044, 0.2), (0.2, 0.1006, 0.2)]
        self.assertEqual([Interval(3, *ends).text(error_rate) for ends in rates],
                         ["16.6 % [15.0, 18.2]", "16.62 % [16.50, 16.75]", "9.8 % [9.0, 11.0]", "74 % [51, 96]",
                          "20.00 % [20.00, 20.00]", "20 % [10, 20]", "20.0 % [10.1, 20.0]"])
        gaps = [(-0.5991, -0.8252, -0.3731), (0.0043, -0.019, 0.0104), (0.02, 0.019, 0.021), (0.0, -0.0, 0.0)]
        self.assertEqual([Interval(3, *ends).text(points, " points") for ends in gaps],
                         ["−60 [−83, −37] points", "+0.4 [−1.9, +1.0] points", "+2.00 [+1.90, +2.10] points",
                          "0.00 [0.00, 0.00] points"])
        others = [(1.2149, 1.1, 1.3), (123.4, 99.6, 150.0), (-0.5, -1.2, 0.2), (0.0643, 0.021, 0.108)]
        self.assertEqual([Interval(3, *ends).text() for ends in others],
                         ["1.21 [1.10, 1.30]", "123 [100, 150]", "−0.50 [−1.20, 0.20]", "0.064 [0.021, 0.108]"])
        self.assertEqual([ratio((1.0321, 1.03, 1.0349)), ratio((1.5, 1.48, 1.52))], ["1.032 [1.030, 1.035]", "1.50 [1.48, 1.52]"])

    def test_runs_are_found_by_what_they_are_called(self):
        table = [{"run": run, "seed": "0", "epoch": str(epoch)} for run, epoch in
                 [("bn", 0), ("bn", 1), ("bn", 6), ("normprop center_rows=false lr=0.02", 0),
                  ("normprop center_rows=false lr=0.02", 1), ("normprop center_rows=true lr=0.06", 0),
                  ("normprop center_rows=true lr=0.06", 1)]]
        self.assertEqual([len(of_run(table, label)) for label in ("bn", "normprop", "normprop (centered rows)")], [3, 2, 2])
        self.assertEqual(common_epochs(table), [0, 1])

    def test_what_is_missing_is_named_and_no_page_is_made(self):
        with results_with(), self.assertRaisesRegex(Missing, "results/jacobian-scale/"):
            JACOBIAN.text()

    def test_a_template_uses_every_value_that_its_study_gives(self):
        for study in STUDIES:
            head, page = study.parts
            self.assertIn(list(head)[3:], (["short", "number"], []), study.name)
            self.assertEqual(list(head)[:3], ["claim", "evidence", "verdict"])
            named = {field.split(".")[0] for text in [*head.values(), page] for _, field, _, _ in Formatter().parse(text) if field}
            self.assertEqual(set(study.values()) - named, set(), study.name)


if __name__ == "__main__":
    unittest.main()
