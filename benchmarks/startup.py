"""What one waits for before the first answer, as medians of whole processes or calls."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from dbkit.migrations import migrate
from dbkit.server import down, temporary_server, up


def run(*, rounds: int, say: Callable[[str], None]) -> dict[str, float]:
    say("start-up figures")
    empty = _process("-c", "pass", rounds=rounds)
    return {
        "import dbkit (beyond an empty interpreter)": _process("-c", "import dbkit", rounds=rounds)
        - empty,
        "dbkit --help": _process("-m", "dbkit", "--help", rounds=rounds),
        "fresh upgrade head": _upgrade(rounds),
        "warm start of the embedded server to the first answer": _warm_start(rounds),
    }


def _median(measure: Callable[[], float], rounds: int) -> float:
    measure()
    return statistics.median(measure() for _ in range(rounds))


def _process(*arguments: str, rounds: int) -> float:
    def once() -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        return time.perf_counter() - begin

    return _median(once, rounds)


def _upgrade(rounds: int) -> float:
    with temporary_server() as server:

        def once() -> float:
            migrate(server.url, "base")
            begin = time.perf_counter()
            migrate(server.url)
            return time.perf_counter() - begin

        return _median(once, rounds)


def _warm_start(rounds: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        up(home)

        def once() -> float:
            down(home)
            begin = time.perf_counter()
            with psycopg.connect(up(home).url) as conn:
                conn.execute("select 1")
            return time.perf_counter() - begin

        try:
            return _median(once, rounds)
        finally:
            down(home)
