"""dbkit.export: the package's own figures for Prometheus and OpenTelemetry."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dbkit import Database
from dbkit.calls.metrics import GetPlatformFiguresRow
from dbkit.export import PlatformCollector, prometheus_text, register_opentelemetry


def figure(
    name: str, value: float | None = 1.0, text: str = "Help.", **labels: Any
) -> GetPlatformFiguresRow:
    return GetPlatformFiguresRow(figure=name, labels=labels, value=value, help=text)


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Fixed:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def run(self, call: Any, *, context: Any = None, role: str | None = None) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_names_labels_and_kinds_are_prometheus_own() -> None:
    text = prometheus_text(
        [figure("workers", 2), figure("dropped_total", 7, reason="quota"), figure("none", None)]
    )
    assert samples(text) == {
        ("dbkit_workers", ()): 2,
        ("dbkit_dropped_total", (("reason", "quota"),)): 7,
    }
    assert "# TYPE dbkit_dropped_total counter" in text
    assert "# HELP dbkit_workers Help." in text


def test_what_no_format_takes_hides_nothing_else() -> None:
    """Names, labels and texts of figures that users registered are not the package's."""
    hostile = 'a"} 1\n# TYPE evil counter\nevil 1\\'
    text = prometheus_text(
        [
            figure("Bad Name"),
            figure(hostile),
            figure("ok", 1, hostile, **{"l": hostile, "no good": 1}),
            figure("ok", 2, other="x"),
            figure("twice", 1, l="x"),
            figure("twice", 2, l="x"),
            figure("inf", float("inf")),
        ]
    )
    found = samples(text)
    assert {name for name, _ in found} == {"dbkit_ok", "dbkit_twice", "dbkit_inf"}
    assert found[("dbkit_ok", (("l", hostile), ("other", "")))] == 1
    assert found[("dbkit_twice", (("l", "x"),))] == 2


def test_a_scrape_asks_the_database_and_says_when_it_cannot() -> None:
    now = [0.0]
    fixed = Fixed([figure("workers", 1)], psycopg.OperationalError("down"), [figure("workers", 3)])
    platform = PlatformCollector(fixed, monotonic=lambda: now[0])
    registry = CollectorRegistry()
    registry.register(platform)
    expected: list[dict[Any, float]] = [
        {("dbkit_up", ()): 1, ("dbkit_workers", ()): 1},
        {("dbkit_up", ()): 0},
        {("dbkit_up", ()): 1, ("dbkit_workers", ()): 3},
    ]
    for answer in expected:
        assert samples(generate_latest(registry).decode()) == answer
        assert samples(generate_latest(registry).decode()) == answer, "kept for a while"
        now[0] += 5


@pytest.fixture
def platform(database: str) -> Any:
    with Database(database) as db:
        yield PlatformCollector(db, role="service_role")


def test_the_real_figures_are_readable(platform: PlatformCollector) -> None:
    found = samples(prometheus_text(platform.rows() or []))
    # 14 on the day on which the database was made.
    assert found[("dbkit_partition_runway_days", (("table", "runtime_metrics"),))] > 13
    assert found[("dbkit_figures_failed", (("figures", "events"),))] == 0


def test_opentelemetry_sees_the_same(platform: PlatformCollector) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    register_opentelemetry(provider.get_meter("test"), platform)
    data = reader.get_metrics_data()
    assert data is not None
    points: dict[str, list[Any]] = {
        metric.name: list(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    runway = {
        str((point.attributes or {})["table"]): point
        for point in points["dbkit.partition_runway_days"]
    }
    assert set(runway) >= {"runtime_metrics", "api_request_log"}
    assert "dbkit.database_bytes" in points
    provider.shutdown()
