"""`make bench`: every figure of the README, measured on a server of its own.

Ratios and differences come from interleaved runs, medians are reported. `--quick` is for a look.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from benchmarks import dispatch, startup
from dbkit.migrations import migrate
from dbkit.server import temporary_server


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and short rounds")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    rounds, seconds = (3, 1) if given.quick else (9, 2)
    progress = Console(stderr=True)
    progress.print(f"{rounds} rounds of {seconds} s for each statement; leave the machine alone")
    with temporary_server(settings={"fsync": "on"}) as server:
        migrate(server.url)
        rows = dispatch.run(server.url, rounds=rounds, seconds=seconds, say=progress.print)
    starts = startup.run(rounds=rounds, say=progress.print)
    if given.json:
        print(json.dumps({"dispatch": [asdict(r) for r in rows], "startup": starts}, indent=2))
        return
    _print(rows, starts)


def _print(rows: list[dispatch.Row], starts: dict[str, float]) -> None:
    table = Table("handler", "direct µs", "routed µs", "extra µs", "throughput at 8 clients")
    for row in rows:
        table.add_row(
            row.handler,
            f"{row.direct_us:.0f}",
            f"{row.routed_us:.0f}",
            f"{row.extra_us:+.1f}",
            f"{row.throughput:.2f} ×",
        )
    console = Console()
    console.print(table)
    table = Table("what", "seconds (median)")
    for name, value in starts.items():
        table.add_row(name, f"{value:.3f}")
    console.print(table)


if __name__ == "__main__":
    main()
