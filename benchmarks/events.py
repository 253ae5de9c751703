"""The event store's figures: each is a ratio or a time from one interleaved run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import psycopg

from benchmarks import events_append, events_peers, events_python, events_read
from benchmarks.events_stores import Plan, create_store
from benchmarks.figures import Figure, skipped

_SINGLES = ("append", *(peer.key for peer in events_peers.PEERS))
ROWS = (*_SINGLES, "work", "batch", "python", "contention", "state", "read", "size")

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
}
"""Real commits; no checkpoint falls into one contestant's turn and not into another's."""


def run(plan: Plan, wanted: Iterable[str] = ROWS) -> list[Figure]:
    """The wanted rows; one that cannot be measured here is skipped, with the reason."""
    rows = [row for row in ROWS if row in set(wanted)]
    store = create_store(plan.url, "events")
    figures: list[Figure] = []
    for row, measure in _measures(plan, store, rows):
        try:
            figures += measure()
        except (psycopg.Error, ImportError, RuntimeError) as error:
            figures.append(skipped(row, "not measured", str(error).strip().splitlines()[0]))
    return figures


def _measures(
    plan: Plan, store: str, rows: Sequence[str]
) -> list[tuple[str, Callable[[], list[Figure]]]]:
    """Appending one by one is one run for dbkit, the bare INSERT and all peers."""
    measures: dict[str, Callable[[], list[Figure]]] = {
        "work": lambda: events_append.beside_work(plan, store),
        "batch": lambda: events_python.batches(plan, store),
        "python": lambda: events_python.singles(plan, store),
        "contention": lambda: events_append.one_stream(plan, store),
        "state": lambda: events_read.state(plan, store),
        "read": lambda: events_read.pages(plan, store),
        "size": lambda: events_append.size(plan),
    }
    singles = [row for row in rows if row in _SINGLES]
    chosen = [(row, measures[row]) for row in rows if row in measures]
    if singles:
        return [("append", lambda: events_append.singles(plan, store, singles)), *chosen]
    return chosen
