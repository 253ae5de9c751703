"""The figures of metrics, alerts and healing can be taken: tiny ones, whose values say nothing."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from benchmarks import alerts, events, healing, metrics
from benchmarks.events_stores import Plan
from benchmarks.figures import Figure
from dbkit.server import temporary_server


@pytest.fixture(scope="module")
def plan() -> Iterator[Plan]:
    settings = events.SETTINGS | {"shared_buffers": "64MB", "fsync": "off"}
    with temporary_server(settings=settings) as server:
        yield Plan(server.url, 1, 1, 0.002, lambda _: None)


def check(figures: list[Figure], expected: list[str]) -> None:
    """All are there, and none was skipped: a statement that no longer works is."""
    assert [f.skipped for f in figures] == [""] * len(figures)
    for figure, begin in zip(figures, expected, strict=True):
        assert figure.what.startswith(begin)
        assert figure.value is not None
        assert figure.value >= 0


def test_metrics(plan: Plan) -> None:
    week = "percentiles of a week, 21 endpoints, 4,000: "
    expected = [
        "record_metric / bare INSERT",
        "record_metric / bare INSERT",
        "ingest_metrics of 500 / bare multi-row INSERT",
        f"{week}roll-ups",
        f"{week}percentile_cont",
        "largest error of these",
        "values for 200 rules over 20,000 events",
    ]
    check(metrics.run(plan), expected)


def test_alerts(plan: Plan) -> None:
    check(alerts.run(plan), ["evaluation of 200 rules over 0.02 million rows"])


def test_healing(plan: Plan) -> None:
    steps = "maintenance over 2,000 orders, a step a transaction: "
    call = "maintenance over 2,000 orders, in one call: "
    parts = ("longest wait for a lock", "refused after 50 ms", "duration")
    expected = [begin + part for begin in (steps, call) for part in parts]
    check(healing.run(plan), [*expected, "control, UPDATE and plain REFRESH"])


def test_what_cannot_be_measured_is_told_and_stops_no_other_figure(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> str:
        raise psycopg.OperationalError("the server is gone\nand more")

    for part in (alerts, healing, metrics):
        monkeypatch.setattr(part, "create_store", gone)
        figures = part.run(plan)
        assert {f.skipped for f in figures} == {"the server is gone"}
        assert len(figures) == (4 if part is metrics else 1)
