"""The package's own figures for Prometheus and OpenTelemetry, as `dbkit.get_platform_figures` tells
them: connections, storage, queues, lags, roll-ups, partition runway, drops, and your own.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation

    from dbkit.calls.metrics import GetPlatformFiguresRow
    from dbkit.metrics import RunsCalls

PREFIX = "dbkit_"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def _labels(row: GetPlatformFiguresRow) -> dict[str, str]:
    if not isinstance(row.labels, dict):
        return {}
    pairs = cast("dict[str, Any]", row.labels)
    return {name: str(value) for name, value in pairs.items() if _NAME.fullmatch(name)}


def _usable(rows: Iterable[GetPlatformFiguresRow]) -> list[GetPlatformFiguresRow]:
    """A figure of somebody's own with a name that no format takes must not hide the others."""
    return [row for row in rows if row.value is not None and _NAME.fullmatch(row.figure)]


def families(rows: Sequence[GetPlatformFiguresRow]) -> list[Metric]:
    """Prometheus's view: one family a figure, all samples of it with the same labels."""
    by_figure: dict[str, list[GetPlatformFiguresRow]] = {}
    for row in _usable(rows):
        by_figure.setdefault(row.figure, []).append(row)
    return [_family(name, found) for name, found in sorted(by_figure.items())]


def _family(name: str, rows: list[GetPlatformFiguresRow]) -> Metric:
    labels = sorted({label for row in rows for label in _labels(row)})
    kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    family = kind(PREFIX + name, rows[0].help, labels=labels)
    seen: dict[tuple[str, ...], float] = {}
    for row in rows:
        values = _labels(row)
        # Two samples of the same labels would make the whole answer unreadable.
        seen[tuple(values.get(label, "") for label in labels)] = row.value or 0.0
    for key, value in seen.items():
        family.add_metric(key, value)
    return family


class PlatformCollector:
    """For a `prometheus_client` registry: asks the database at each scrape, at most once in
    `seconds`. While the database cannot be asked, `dbkit_up` is 0 and the figures are absent."""

    def __init__(
        self,
        database: RunsCalls,
        *,
        role: str | None = None,
        seconds: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._role = role
        self._seconds = seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._rows: list[GetPlatformFiguresRow] | None = None

    def rows(self) -> list[GetPlatformFiguresRow] | None:
        """The figures, or None when they cannot be had."""
        from dbkit.calls import metrics as calls

        with self._lock:
            now = self._monotonic()
            if self._asked_at is None or now - self._asked_at >= self._seconds:
                try:
                    self._rows = self._database.run(calls.get_platform_figures(), role=self._role)
                except Exception:
                    self._rows = None
                self._asked_at = self._monotonic()
            return self._rows

    def describe(self) -> Iterable[Metric]:
        """Registering asks nothing of the database."""
        return []

    def collect(self) -> Iterable[Metric]:
        rows = self.rows()
        up = GaugeMetricFamily(PREFIX + "up", "Whether the database answered.")
        up.add_metric([], 0.0 if rows is None else 1.0)
        return [up, *families(rows or [])]


def prometheus_text(rows: Sequence[GetPlatformFiguresRow]) -> str:
    """The figures in Prometheus's text format."""

    class Once:
        def collect(self) -> Iterable[Metric]:
            return families(rows)

    registry = CollectorRegistry()
    registry.register(Once())
    return generate_latest(registry).decode()


def register_opentelemetry(meter: Meter, platform: PlatformCollector) -> None:
    """Observable instruments for each figure that there is now: `dbkit.<figure>`.

    Needs opentelemetry-api (the extra `opentelemetry`). Register again for figures added later.
    """
    names = sorted({(row.figure, row.help) for row in _usable(platform.rows() or [])})
    for figure, text in names:
        callback = _observed(figure, platform)
        if figure.endswith("_total"):
            name = f"dbkit.{figure.removesuffix('_total')}"
            meter.create_observable_counter(name, [callback], description=text)
        else:
            meter.create_observable_gauge(f"dbkit.{figure}", [callback], description=text)


def _observed(
    figure: str, platform: PlatformCollector
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        from opentelemetry.metrics import Observation

        rows = _usable(platform.rows() or [])
        return [Observation(r.value or 0.0, _labels(r)) for r in rows if r.figure == figure]

    return observe
