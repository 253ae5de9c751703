"""What a gateway process counts, for Prometheus. With several processes each answers for all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Figures:
    """Names and labels are part of the interface: dashboards read them."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "dbkit_gateway_requests",
            "Requests to calls that ended, by call, version served and status; 499: the client "
            "went away.",
            ["call", "version", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "dbkit_gateway_request_seconds",
            "From the request's head to the answer, the database included.",
            ["call"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._gauges: list[tuple[Gauge, Callable[[], float]]] = []
        # A request looks its series up here: `labels` costs more than all the rest of counting.
        self._counters: dict[tuple[str, str | None, int], tuple[Counter, Histogram]] = {}

    def request(self, call: str, version: str | None, status: int, seconds: float) -> None:
        series = self._counters.get((call, version, status))
        if series is None:
            counter = self._requests.labels(call, version or "none", str(status))
            series = self._counters[call, version, status] = (counter, self._seconds.labels(call))
        series[0].inc()
        series[1].observe(seconds)

    def gauge(self, name: str, meaning: str, now: Callable[[], float]) -> None:
        """A figure that is read when it is asked for; summed over the processes."""
        gauge = Gauge(name, meaning, registry=self._registry, multiprocess_mode="livesum")
        self._gauges.append((gauge, now))
        gauge.set(now())

    def refresh(self) -> None:
        """Write the gauges: other processes cannot ask this one."""
        for gauge, now in self._gauges:
            gauge.set(now())

    def text(self) -> bytes:
        """In Prometheus' text format."""
        self.refresh()
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        _forget_ended(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def _forget_ended(folder: Path) -> None:
    """What a process that was replaced or killed counts goes on; what it is does not."""
    for file in folder.glob("gauge_live*_*.db"):
        try:
            os.kill(int(file.stem.rpartition("_")[2]), 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)
