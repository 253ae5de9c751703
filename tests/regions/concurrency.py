"""Many connections at the same function at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.helpers import Connection, connect

CONNECTIONS = 16
CALLS = 25


def hammer(url: str, work: Callable[[Connection, int, Barrier], None]) -> None:
    """Run `work(connection, number, barrier)` on 16 autocommit connections that start together."""
    barrier = Barrier(CONNECTIONS, timeout=60)

    def run(number: int) -> None:
        with connect(url, autocommit=True) as conn:
            barrier.wait()
            work(conn, number, barrier)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for done in [pool.submit(run, number) for number in range(CONNECTIONS)]:
            done.result()
