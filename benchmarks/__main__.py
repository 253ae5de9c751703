"""`make bench`: every figure of the README, measured on servers of its own.

Ratios and differences come from interleaved runs, medians are reported. `--quick` is for a look;
`make bench ARGS="--only append --only state"` measures some rows of the event store alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import (
    alerts,
    cqrs,
    dispatch,
    events,
    gateway,
    healing,
    metrics,
    paging,
    startup,
    webhooks,
)
from benchmarks.events_stores import Plan
from benchmarks.figures import Figure, as_json, as_table
from dbkit.migrations import migrate
from dbkit.server import temporary_server

Say = Callable[[str], None]

STORES: dict[str, Callable[[Plan], list[Figure]]] = {
    "webhooks": webhooks.run,
    "cqrs": cqrs.run,
    "metrics": metrics.run,
    "alerts": alerts.run,
    "healing": healing.run,
    "paging": paging.run,
    "gateway": gateway.run,
}
"""What is measured on a server of its own each, like the event store."""

PARTS = ("dispatch", "startup", *events.ROWS, *STORES)


def main() -> None:
    given = _arguments().parse_args()
    wanted = chosen(given.only)
    rounds, seconds = (3, 1) if given.quick else (9, 2)
    stored = given.stored if given.stored is not None else (0.1 if given.quick else 1.0)
    progress = Console(stderr=True)
    progress.print(f"{rounds} rounds of {seconds} s for each statement; leave the machine alone")
    rows = _dispatch(rounds, seconds, progress.print) if "dispatch" in wanted else []
    starts = startup.run(rounds=rounds, say=progress.print) if "startup" in wanted else {}
    figures = _events(wanted, rounds, seconds, stored, progress.print)
    tables = {"events": figures}
    for name in STORES:
        if name in wanted:
            tables[name] = _store(name, rounds, seconds, stored, progress.print)
    if given.json:
        print(json.dumps(_document(rows, starts, tables), indent=2))
        return
    _print(rows, starts, tables)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and short rounds")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--only", action="append", choices=PARTS, help="may repeat; default: all")
    parser.add_argument(
        "--stored", type=float, metavar="N", help="million events of the big store (default 1)"
    )
    return parser


def chosen(only: Sequence[str] | None) -> list[str]:
    """The parts to measure, in their order."""
    return [part for part in PARTS if only is None or part in only]


def _dispatch(rounds: int, seconds: int, say: Say) -> list[dispatch.Row]:
    with temporary_server(settings={"fsync": "on"}) as server:
        migrate(server.url)
        return dispatch.run(server.url, rounds=rounds, seconds=seconds, say=say)


def _events(
    wanted: Sequence[str], rounds: int, seconds: int, stored: float, say: Say
) -> list[Figure]:
    rows = [row for row in wanted if row in events.ROWS]
    if not rows:
        return []
    with temporary_server(settings=events.SETTINGS) as server:
        return events.run(Plan(server.url, rounds, seconds, stored, say), rows)


def _store(name: str, rounds: int, seconds: int, stored: float, say: Say) -> list[Figure]:
    with temporary_server(settings=events.SETTINGS) as server:
        return STORES[name](Plan(server.url, rounds, seconds, stored, say))


def _document(
    rows: list[dispatch.Row], starts: dict[str, float], tables: dict[str, list[Figure]]
) -> dict[str, Any]:
    figures = {name: as_json(table) for name, table in tables.items()}
    return {"dispatch": [asdict(row) for row in rows], "startup": starts} | figures


def _print(
    rows: list[dispatch.Row], starts: dict[str, float], tables: dict[str, list[Figure]]
) -> None:
    console = Console()
    if rows:
        console.print(_dispatch_table(rows))
    if starts:
        console.print(_startup_table(starts))
    for name, figures in tables.items():
        if figures:
            console.print(as_table({"events": "event store"}.get(name, name), figures))


def _dispatch_table(rows: list[dispatch.Row]) -> Table:
    table = Table("handler", "direct µs", "routed µs", "extra µs", "throughput at 8 clients")
    for row in rows:
        table.add_row(
            row.handler,
            f"{row.direct_us:.0f}",
            f"{row.routed_us:.0f}",
            f"{row.extra_us:+.1f}",
            f"{row.throughput:.2f} ×",
        )
    return table


def _startup_table(starts: dict[str, float]) -> Table:
    table = Table("what", "seconds (median)")
    for name, value in starts.items():
        table.add_row(name, f"{value:.3f}")
    return table


if __name__ == "__main__":
    main()
