"""What a worker counts: for Prometheus, and for its line in `dbkit worker status`."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30)


class Metrics:
    """Of one process. Names and labels are part of the interface: dashboards read them."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.totals: Counts[str] = Counts()
        self._deliveries = Counter(
            "dbkit_deliveries",
            "Webhook deliveries that ended: delivered, refused (an answer that is not 2xx), "
            "timeout, connect, dns, tls, reset, protocol, blocked, released, stale.",
            ["outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "dbkit_delivery_seconds",
            "From the request to the end of the answer.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._in_flight = Gauge(
            "dbkit_deliveries_in_flight", "Requests under way.", registry=registry
        )
        self._fanned_out = Counter(
            "dbkit_events_fanned_out", "Events looked at for subscriptions.", registry=registry
        )
        self._queued = Counter("dbkit_deliveries_queued", "Deliveries made.", registry=registry)
        self._lag = Gauge(
            "dbkit_lag_positions", "How far a task is behind.", ["task"], registry=registry
        )
        self._projected = Counter(
            "dbkit_events_projected", "Events applied.", ["projection"], registry=registry
        )
        self._snapshots = Counter(
            "dbkit_snapshots", "Snapshots: made, failed.", ["outcome"], registry=registry
        )
        self._runs = Counter(
            "dbkit_task_runs",
            "Runs of maintenance tasks: done, failed.",
            ["task", "outcome"],
            registry=registry,
        )
        self._notices = Counter(
            "dbkit_alert_notices",
            "Notices of alerts: sent, refused, blocked, timeout, config, error, stale.",
            ["outcome"],
            registry=registry,
        )
        self._errors = Counter(
            "dbkit_worker_errors", "Errors that a task met.", ["task"], registry=registry
        )

    def serve(self, port: int, address: str) -> Callable[[], None]:
        """Answers GET /metrics, on a thread of its own; returns what ends that."""
        server, thread = start_http_server(port, address, self.registry)

        def end() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return end

    def watch_in_flight(self, now: Callable[[], int]) -> None:
        self._in_flight.set_function(now)

    def deliveries(self, outcome: str, number: int = 1) -> None:
        self._deliveries.labels(outcome).inc(number)
        self.totals[outcome] += number

    def durations(self, seconds: Iterable[float]) -> None:
        for each in seconds:
            self._seconds.observe(each)

    def fanned_out(self, events: int, deliveries: int, lag: int) -> None:
        self._fanned_out.inc(events)
        self._queued.inc(deliveries)
        self._lag.labels("fan-out").set(lag)
        self.totals["fanned_out"] += events

    def projected(self, projection: str, events: int, lag: int) -> None:
        self._projected.labels(projection).inc(events)
        self._lag.labels(projection).set(lag)
        self.totals["projected"] += events

    def snapshots(self, made: int, failed: int) -> None:
        self._snapshots.labels("made").inc(made)
        self._snapshots.labels("failed").inc(failed)
        self.totals["snapshots"] += made

    def ran(self, task: str, failed: bool) -> None:
        self._runs.labels(task, "failed" if failed else "done").inc()
        self.totals["tasks_failed" if failed else "tasks_done"] += 1

    def notice(self, outcome: str) -> None:
        self._notices.labels(outcome).inc()
        self.totals["notices" if outcome == "sent" else f"notices_{outcome}"] += 1

    def error(self, task: str) -> None:
        self._errors.labels(task).inc()
        self.totals["errors"] += 1
