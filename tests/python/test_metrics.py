"""dbkit.metrics: collectors keep, send, and never get into the way of the application."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
import pytest

from dbkit import AsyncDatabase, Database, OutcomeUnknown, RequestContext
from dbkit.call import Call
from dbkit.metrics import AsyncMetricsCollector, MetricsCollector
from tests.helpers import connect, rows

T = TypeVar("T")


class Fake:
    """Takes batches, or fails as it is told."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.batches: list[list[dict[str, Any]]] = []
        self.said: list[tuple[RequestContext | None, str | None]] = []

    def run(
        self, call: Call[T], *, context: RequestContext | None = None, role: str | None = None
    ) -> T:
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append(json.loads(str(call.params[0])))
        self.said.append((context, role))
        answer = {"accepted": len(self.batches[-1]), "dropped": 0, "reasons": {}}
        return call.answer([[json.dumps(answer)]])


class AsyncFake(Fake):
    async def run(  # type: ignore[override]
        self, call: Call[T], *, context: RequestContext | None = None, role: str | None = None
    ) -> T:
        await asyncio.sleep(0)
        return super().run(call, context=context, role=role)


def until(reached: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.005)


async def reached(met: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not met():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def collector(fake: Fake, **options: Any) -> MetricsCollector:
    return MetricsCollector(fake, **({"flush_seconds": 1000.0} | options))


class Watched(threading.Event):
    """Counts how often it is set, and tells when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.times_set = 0
        self.waited_for = threading.Event()

    def set(self) -> None:
        self.times_set += 1
        super().set()

    def wait(self, timeout: float | None = None) -> bool:
        self.waited_for.set()
        return super().wait(timeout)


def test_twenty_entries_are_sent_at_once() -> None:
    fake = Fake()
    with collector(fake) as metrics:
        wake = metrics._wake = Watched()
        for _ in range(19):
            metrics.record_page_view("/menu")
        assert (wake.times_set, fake.batches) == (0, [])
        metrics.record_page_view("/menu")
        until(lambda: fake.batches)
    assert [len(batch) for batch in fake.batches] == [20]


def test_fewer_are_sent_after_a_while() -> None:
    fake = Fake()
    with collector(fake, flush_seconds=0.05) as metrics:
        metrics.record_page_view("/menu")
        until(lambda: fake.batches)
        assert metrics.stats.accepted == 1


def test_each_kind_has_its_documented_keys() -> None:
    fake = Fake()
    metrics = collector(fake, session_id="s1", flush_entries=1000)
    metrics.record_page_view("/menu", referrer="/", user_agent="x")
    metrics.record_api_latency("orders.select", 150, 200)
    metrics.record_error("fetch_error", "Network timeout", stack="at …", url="/menu")
    metrics.record_user_action("add_to_cart", {"itemId": 123})
    metrics.record_performance("LCP", 1200)
    metrics.record("error", {"error_type": "own"})
    metrics.close()
    sent = {e["event_type"]: e["event_data"] for e in fake.batches[0][:-1]}
    assert sent == {
        "page_view": {"page": "/menu", "referrer": "/", "userAgent": "x"},
        "api_latency": {"endpoint": "orders.select", "latency_ms": 150, "status": 200},
        "error": {
            "error_type": "fetch_error",
            "message": "Network timeout",
            "stack": "at …",
            "url": "/menu",
        },
        "user_action": {"action": "add_to_cart", "metadata": {"itemId": 123}},
        "performance": {"metric": "LCP", "value": 1200},
    }
    assert {e["session_id"] for e in fake.batches[0]} == {"s1"}


def test_a_collector_without_a_session_has_one_of_its_own() -> None:
    assert collector(Fake()).session_id != collector(Fake()).session_id


def test_an_exception_brings_its_class_and_stack() -> None:
    fake = Fake()
    metrics = collector(fake)
    try:
        raise KeyError("k" * 9000)
    except KeyError as error:
        metrics.record_exception(error)
    metrics.close()
    data = fake.batches[0][0]["event_data"]
    assert data["error_type"] == "KeyError"
    assert len(data["message"]) == 2000
    assert len(data["stack"]) == 4000


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "data",
    [{"x": Hostile()}, {Hostile(): 1}, {"x": "\0"}, {"x": "y" * 2000} | {f"{n}": "y" * 1999
     for n in range(9)}, {"x": b"\xff" * 9000}, [1, 2], 7, {"x": "\ud800"}],
)  # fmt: skip
def test_what_cannot_be_sent_is_counted_and_raises_nothing(data: Any) -> None:
    fake = Fake()
    metrics = collector(fake)
    metrics.record("error", data)
    metrics.record_page_view("/menu")
    metrics.close()
    assert [len(batch) for batch in fake.batches] == [1]
    assert metrics.stats.accepted == 1
    assert metrics.stats.dropped_here <= 1


def test_memory_is_bounded_and_the_newest_stay() -> None:
    fake = Fake(*[psycopg.OperationalError("down")] * 3)
    metrics = collector(fake, capacity=50, flush_entries=10**9)
    for n in range(200):
        metrics.record_performance("LCP", n)
    assert metrics.flush() is False
    for n in range(200, 230):
        metrics.record_performance("LCP", n)
    stats = metrics.stats
    assert (stats.recorded, stats.waiting, stats.failed_flushes) == (230, 50, 1)
    assert stats.dropped_here == 180
    fake.failures.clear()
    metrics.close()
    values = [e["event_data"]["value"] for batch in fake.batches for e in batch]
    assert values == list(range(180, 230))


def test_what_failed_is_sent_again_in_its_order() -> None:
    fake = Fake(psycopg.OperationalError("down"))
    metrics = collector(fake)
    for n in range(5):
        metrics.record_performance("LCP", n)
    assert metrics.flush() is False
    metrics.record_performance("LCP", 5)
    assert metrics.flush() is True
    assert [e["event_data"]["value"] for e in fake.batches[0]] == [0, 1, 2, 3, 4, 5]
    metrics.close()


def test_what_may_have_arrived_is_not_sent_twice() -> None:
    fake = Fake(OutcomeUnknown("?"))
    metrics = collector(fake)
    metrics.record_page_view("/menu")
    assert metrics.flush() is False
    assert (metrics.stats.waiting, metrics.stats.dropped_here) == (0, 1)
    metrics.close()


def test_a_broken_database_is_not_asked_all_the_time() -> None:
    fake = Fake(*[psycopg.OperationalError("down")] * 1000)
    with collector(fake) as metrics:
        closing = metrics._closing = Watched()
        for _ in range(400):
            metrics.record_page_view("/menu")
        # After the first refusal it rests until it is closed, for 1000 seconds at most, ...
        assert closing.waited_for.wait(20)
        for _ in range(400):
            metrics.record_page_view("/menu")
        # ... whatever comes in.
        assert (metrics.stats.failed_flushes, closing.times_set) == (1, 0)


def test_batches_fit_into_a_call() -> None:
    fake = Fake()
    metrics = collector(fake, capacity=5000, flush_entries=10**9)
    for _ in range(1200):
        metrics.record_page_view("/menu")
    for _ in range(100):
        metrics.record("error", {"stack": "s" * 4000})
    metrics.close()
    assert sum(len(batch) for batch in fake.batches) == 1300
    assert max(len(batch) for batch in fake.batches) == 500
    assert max(len(json.dumps(batch)) for batch in fake.batches) < 262_144


def test_many_threads_lose_nothing() -> None:
    fake = Fake()
    metrics = collector(fake, capacity=10**6)

    def write() -> None:
        for _ in range(500):
            metrics.record_page_view("/menu")

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics.close()
    assert sum(len(batch) for batch in fake.batches) == 4000
    assert metrics.stats.accepted == 4000


def test_closing_twice_and_recording_afterwards_do_no_harm() -> None:
    fake = Fake()
    metrics = collector(fake)
    metrics.close()
    metrics.close()
    metrics.record_page_view("/menu")
    assert metrics.stats.waiting == 1
    assert fake.batches == []


def test_a_forked_child_leaves_its_parents_connections_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = Fake()
    metrics = collector(fake)
    metrics.record_page_view("/menu")
    here = os.getpid()
    with monkeypatch.context() as patched:
        patched.setattr("os.getpid", lambda: here + 1)
        assert metrics.flush() is False
    assert fake.batches == []
    metrics.close()
    assert len(fake.batches) == 1


PROGRAM = """
import sys
from dbkit import Database
from dbkit.metrics import MetricsCollector
metrics = MetricsCollector(Database(sys.argv[1]), session_id="exit", role="anon")
metrics.record_page_view("/last")
"""


def test_what_waits_at_the_end_of_a_process_is_sent(database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, database], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    with connect(database) as conn:
        found = rows(conn, "select * from dbkit.runtime_metrics where session_id = 'exit'")
    assert [f["event_data"] for f in found] == [{"page": "/last"}]


def test_the_database_takes_what_it_sends(database: str) -> None:
    context = RequestContext(client_id="c1", organization_id="acme")
    with (
        Database(database) as db,
        MetricsCollector(db, context=context, role="anon") as metrics,
    ):
        for n in range(45):
            metrics.record_api_latency("orders", n, 200)
        metrics.record("order_event", {"event": "payment_failure"})
    assert (metrics.stats.accepted, metrics.stats.dropped_there) == (45, 1)
    with connect(database) as conn:
        found = rows(conn, "select * from dbkit.runtime_metrics")
    assert {f["organization_id"] for f in found} == {"acme"}
    assert len(found) == 45


async def test_the_asynchronous_one_does_the_same(database: str) -> None:
    async with AsyncDatabase(database) as db, AsyncMetricsCollector(db, role="anon") as metrics:
        for n in range(45):
            metrics.record_api_latency("orders", n, 200)
        await reached(lambda: metrics.stats.accepted >= 20)
    assert metrics.stats.accepted == 45


async def test_the_asynchronous_one_keeps_what_failed() -> None:
    fake = AsyncFake(psycopg.OperationalError("down"))
    metrics = AsyncMetricsCollector(fake, flush_seconds=0.02, capacity=30)
    for _ in range(50):
        metrics.record_page_view("/menu")
    await reached(lambda: metrics.stats.accepted)
    await metrics.close()
    stats = metrics.stats
    assert (stats.failed_flushes, stats.dropped_here, stats.accepted) == (1, 20, 30)


def test_the_asynchronous_one_without_a_loop_only_keeps() -> None:
    metrics = AsyncMetricsCollector(AsyncFake())
    metrics.record_page_view("/menu")
    assert metrics.stats.waiting == 1
    with pytest.warns(ResourceWarning, match="not closed: 1 metrics that waited are lost"):
        del metrics
        gc.collect()


def test_what_waits_when_a_loop_ends_is_sent() -> None:
    fake = AsyncFake()

    async def application() -> AsyncMetricsCollector:
        metrics = AsyncMetricsCollector(fake, flush_seconds=1000.0)
        for n in range(3):
            metrics.record_page_view(f"/{n}")
        await asyncio.sleep(0)
        return metrics

    metrics = asyncio.run(application())
    assert [len(batch) for batch in fake.batches] == [3]
    assert (metrics.stats.accepted, metrics.stats.waiting) == (3, 0)


def test_a_database_that_does_not_answer_keeps_no_loop_from_ending() -> None:
    class Hanging(AsyncFake):
        async def run(  # type: ignore[override]
            self, call: Call[T], *, context: RequestContext | None = None, role: str | None = None
        ) -> T:
            await asyncio.Event().wait()
            raise AssertionError

    async def application() -> AsyncMetricsCollector:
        metrics = AsyncMetricsCollector(Hanging(), flush_seconds=0.05)
        metrics.record_page_view("/menu")
        await asyncio.sleep(0)
        return metrics

    stats = asyncio.run(application()).stats
    assert (stats.dropped_here, stats.waiting, stats.accepted) == (1, 0, 0)


def test_one_that_is_closed_says_nothing_whatever_became_of_it() -> None:
    async def application() -> None:
        metrics = AsyncMetricsCollector(AsyncFake(psycopg.OperationalError("down")))
        metrics.record_page_view("/menu")
        await metrics.close()
        assert metrics.stats.waiting == 1

    asyncio.run(application())
    gc.collect()


UNCLOSED = """
import asyncio, sys
from dbkit import AsyncDatabase
from dbkit.metrics import AsyncMetricsCollector

async def application():
    global metrics
    async with AsyncDatabase(sys.argv[1]) as db:
        metrics = AsyncMetricsCollector(db, session_id="unclosed", role="anon")
        metrics.record_page_view("/one")
        metrics.record_page_view("/two")

asyncio.run(application())
"""


def test_a_process_that_ends_says_what_it_lost(database: str) -> None:
    """The database is closed before the loop is: nothing can be sent any more."""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", UNCLOSED, database],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert "ResourceWarning: a collector was not closed: 2 metrics" in done.stderr
    with connect(database) as conn:
        found = rows(conn, "select from dbkit.runtime_metrics where session_id = 'unclosed'")
    assert found == []
