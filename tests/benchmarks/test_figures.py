from __future__ import annotations

import pytest

from benchmarks.figures import Figure, Rule, as_json, cells, skipped


@pytest.mark.parametrize(
    ("rule", "ours", "met"),
    [
        ("at least", 80.0, True),
        ("at least", 79.0, False),
        ("at most", 80.0, True),
        ("at most", 81.0, False),
        ("below", 79.0, True),
        ("below", 80.0, False),
    ],
)
def test_says_whether_the_target_is_met(rule: Rule, ours: float, met: bool) -> None:
    assert Figure("row", "what", 1, "tps", ours, 100.0, 0.8, rule).met is met


def test_a_time_is_compared_as_it_is() -> None:
    figure = Figure("state", "100 events", 1, "ms", 1.5, None, 2.0, "below")
    assert (figure.value, figure.met, figure.is_ratio) == (1.5, True, False)
    assert cells(figure)[3:] == ("1.50 ms", "", "1.50 ms", "< 2 ms", "met")


def test_a_ratio_without_a_target_has_no_verdict() -> None:
    figure = Figure("append", "what", 8, "tps", 3000.0, 4000.0)
    assert figure.met is None
    assert cells(figure)[3:] == ("3,000 tps", "4,000 tps", "0.75 ×", "", "")


def test_a_skipped_row_says_why() -> None:
    figure = skipped("emmett", "emmett", "npm is not installed")
    assert (figure.value, figure.met) == (None, None)
    assert cells(figure)[-1] == "skipped: npm is not installed"


def test_the_document_has_value_and_verdict() -> None:
    (row,) = as_json([Figure("append", "what", 1, "tps", 90.0, 100.0, 0.8)])
    assert (row["value"], row["met"], row["target"]) == (0.9, True, 0.8)
