"""dbkit.gateway_log: what was asked of the gateway, written off the requests."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from dbkit import gateway_log
from dbkit.database import OutcomeUnknown
from dbkit.gateway_log import BAD_ROWS, METRICS_SECONDS, OTHER, SERIES, UNKNOWN, Log, LogEntry
from tests.gateway.tokens import Clock, settings


class DataError(Exception):
    sqlstate = "22P05"


class Away(Exception):
    sqlstate = "57P01"


class Database:
    """Takes batches as Postgres would: all of one or none."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.error: Exception | None = None
        self.poison = "poison"
        self.gate: asyncio.Event | None = None
        self.asked = asyncio.Event()

    async def log(self, text: str) -> int:
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        rows = json.loads(text)
        self.sizes.append(len(rows))
        if any(self.poison in row["name"] for row in rows):
            raise DataError
        self.rows += rows
        return len(rows)

    async def ingest(self, text: str) -> None:
        if self.error is not None:
            raise self.error
        self.events += json.loads(text)


class Bench:
    def __init__(self, address: str = "hash", **given: Any) -> None:
        self.clock = Clock()
        self.database = Database()
        self.log = Log(
            settings(address=address),
            self.database.log,
            self.database.ingest,
            address_secret=b"secret",
            monotonic=self.clock,
            now=self.clock,
            **given,
        )

    def add(self, name: str = "get_menu", **more: Any) -> None:
        told: dict[str, Any] = {
            "status_code": 200,
            "duration_ms": 1.5,
            "served_version": "v1",
        } | more
        self.log.add(LogEntry(name=name, **told))

    @property
    def names(self) -> list[str]:
        return [row["name"] for row in self.database.rows]


# --- what is written -------------------------------------------------------------------------


async def test_an_entry_is_a_row_with_the_columns_that_have_a_value() -> None:
    bench = Bench()
    bench.add(request_id="r1", fallback=True, user_agent="curl", error_code="KD105")
    assert await bench.log.flush()
    assert bench.database.rows == [
        {
            "name": "get_menu",
            "status_code": 200,
            "duration_ms": 1.5,
            "request_id": "r1",
            "served_version": "v1",
            "fallback": True,
            "error_code": "KD105",
            "user_agent": "curl",
        }
    ]


@pytest.mark.parametrize(
    ("how", "address", "kept"),
    [
        ("none", "203.0.113.7", {}),
        ("whole", "203.0.113.7", {"ip_address": "203.0.113.7"}),
        ("whole", "2001:db8::1", {"ip_address": "2001:db8::1"}),
        ("whole", "fe80::1%eth0", {"ip_address": "fe80::1"}),
        ("whole", "testclient", {}),
        ("whole", None, {}),
        ("hash", None, {}),
    ],
)
async def test_of_an_address_is_kept_what_the_setting_says(
    how: str, address: str | None, kept: dict[str, str]
) -> None:
    bench = Bench(how)
    bench.add(ip_address=address)
    await bench.log.flush()
    found = bench.database.rows[0]
    assert {name: found[name] for name in found if name.startswith("ip_")} == kept


async def test_a_hashed_address_is_another_one_tomorrow() -> None:
    bench = Bench()
    for _ in range(2):
        bench.add(ip_address="203.0.113.7")
    await bench.log.flush()
    bench.clock.at += 86_400
    bench.add(ip_address="203.0.113.7")
    await bench.log.flush()
    first, second, tomorrow = (row["ip_hash"] for row in bench.database.rows)
    assert first == second != tomorrow
    assert "203.0.113" not in json.dumps(bench.database.rows)


async def test_what_postgres_would_refuse_is_made_fit() -> None:
    bench = Bench("whole")
    bench.add(
        "a\x00b" + "x" * 300,
        request_id="\ud800",
        user_agent="y" * 1000 + "\x00",
        client_id="é\x00",
        ip_address="'; drop table",
        duration_ms=-1.0,
    )
    bench.add(duration_ms=float("nan"))
    bench.add(duration_ms=float("inf"))
    assert await bench.log.flush()
    row = bench.database.rows[0]
    assert (len(row["name"]), len(row["user_agent"]), row["client_id"]) == (199, 500, "é")
    assert row["request_id"] == "?"
    assert [each["duration_ms"] for each in bench.database.rows] == [0, 0, 0]
    assert "\\u0000" not in json.dumps(bench.database.rows)


# --- when ------------------------------------------------------------------------------------


async def test_it_is_written_after_a_while_or_at_so_many() -> None:
    bench = Bench(flush_seconds=0.02)
    bench.log.start()
    bench.add()
    await asyncio.wait_for(bench.database.asked.wait(), 5)
    await bench.log.stop()
    patient = Bench(flush_seconds=600.0)
    patient.log.start()
    for _ in range(500):
        patient.add()
    await asyncio.wait_for(patient.database.asked.wait(), 5)
    assert patient.database.sizes == [500]
    await patient.log.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_stop_writes_what_waits() -> None:
    bench = Bench(flush_seconds=600.0)
    bench.log.start()
    for _ in range(1200):
        bench.add()
    await bench.log.stop()
    stats = bench.log.stats()
    assert (stats.written, stats.waiting, stats.dropped) == (1200, 0, 0)
    assert told(bench)[0]["requests"] == 1200


async def test_a_stop_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_log, "CLOSE_SECONDS", 0.05)
    bench = Bench(flush_seconds=0.01)
    bench.database.gate = asyncio.Event()
    bench.log.start()
    for _ in range(10):
        bench.add()
    await bench.database.asked.wait()
    for _ in range(5):
        bench.add()
    await bench.log.stop()
    stats = bench.log.stats()
    assert (stats.written, stats.waiting, stats.dropped) == (0, 0, 15)


# --- faults ----------------------------------------------------------------------------------


async def test_while_the_database_is_away_entries_wait_in_order() -> None:
    bench = Bench()
    bench.database.error = Away()
    for number in range(1200):
        bench.add(f"n{number}")
    assert not await bench.log.flush()
    bench.add("n1200")
    bench.database.error = None
    assert await bench.log.flush()
    assert bench.names == [f"n{number}" for number in range(1201)]
    assert bench.log.stats().failed_flushes == 1


async def test_the_oldest_make_room_and_are_counted() -> None:
    bench = Bench(capacity=1000)
    bench.database.error = Away()
    for number in range(3000):
        bench.add(f"n{number}")
        if number % 700 == 0:
            assert not await bench.log.flush()
    stats = bench.log.stats()
    assert (stats.added, stats.waiting, stats.dropped) == (3000, 1000, 2000)
    bench.database.error = None
    await bench.log.flush()
    assert bench.names == [f"n{number}" for number in range(2000, 3000)]
    assert bench.log.stats().added == bench.log.stats().written + bench.log.stats().dropped


async def test_of_a_batch_that_comes_back_the_newest_stay_as_far_as_there_is_room() -> None:
    bench = Bench(capacity=10, flush_entries=10)
    bench.database.gate = asyncio.Event()
    for number in range(10):
        bench.add(f"n{number}")
    flushing = asyncio.ensure_future(bench.log.flush())
    await bench.database.asked.wait()
    for number in range(10, 16):
        bench.add(f"n{number}")
    bench.database.error = Away()
    bench.database.gate.set()
    assert not await flushing
    bench.database.error = None
    await bench.log.flush()
    assert bench.names == [f"n{number}" for number in range(6, 16)]
    assert bench.log.stats().dropped == 6


async def test_what_may_have_arrived_is_not_written_twice() -> None:
    bench = Bench()
    bench.database.error = OutcomeUnknown("lost while it committed")
    bench.add()
    assert not await bench.log.flush()
    bench.database.error = None
    await bench.log.flush()
    assert (bench.database.rows, bench.log.stats().dropped) == ([], 1)


async def test_bad_rows_do_not_hold_up_the_others() -> None:
    bench = Bench()
    for number in range(500):
        bench.add("poison" if number in (3, 250, 499) else f"n{number}")
    assert await bench.log.flush()
    assert len(bench.names) == 497
    assert sorted(bench.names, key=lambda name: int(name[1:])) == bench.names
    assert bench.log.stats().dropped == 3


async def test_where_all_is_bad_it_is_given_up_soon() -> None:
    bench = Bench()
    for _ in range(500):
        bench.add("poison")
    assert await bench.log.flush()
    assert len(bench.database.sizes) < BAD_ROWS * 4 + 20
    assert (bench.names, bench.log.stats().dropped) == ([], 500)


async def test_a_missing_right_is_waited_for_and_nothing_is_halved() -> None:
    class Forbidden(Exception):
        sqlstate = "42501"

    bench = Bench()
    bench.database.error = Forbidden()
    for _ in range(500):
        bench.add()
    assert not await bench.log.flush()
    assert (bench.log.stats().waiting, bench.log.stats().failed_flushes) == (500, 1)


async def test_a_broken_entry_harms_no_request() -> None:
    bench = Bench()
    broken: Any = object()
    bench.log.add(broken)
    worse: Any = LogEntry(name="x", status_code=200, duration_ms="slow")  # type: ignore[arg-type]
    bench.log.add(worse)
    bench.add("good")
    await bench.log.flush()
    assert bench.names == ["good"]
    assert bench.log.stats().dropped == 2


async def test_a_cancelled_flush_loses_what_was_under_way_and_counts_it() -> None:
    bench = Bench()
    bench.database.gate = asyncio.Event()
    for _ in range(700):
        bench.add()
    flushing = asyncio.ensure_future(bench.log.flush())
    await bench.database.asked.wait()
    flushing.cancel()
    await asyncio.gather(flushing, return_exceptions=True)
    stats = bench.log.stats()
    assert (stats.dropped, stats.waiting) == (500, 200)


async def test_while_the_database_is_away_a_burst_is_no_reason_to_ask_sooner() -> None:
    bench = Bench(flush_seconds=600.0)
    bench.database.error = Away()
    bench.log.start()
    for _ in range(500):
        bench.add()
    await bench.database.asked.wait()
    for _ in range(5000):
        bench.add()
        await asyncio.sleep(0)
    assert bench.log.stats().failed_flushes == 1
    bench.database.error = None
    await bench.log.stop()
    assert bench.log.stats().written == 5500


# --- metrics ---------------------------------------------------------------------------------


def told(bench: Bench, event_type: str = "gateway_request") -> list[dict[str, Any]]:
    found = bench.database.events
    return [each["event_data"] for each in found if each["event_type"] == event_type]


async def test_metrics_are_sums_of_a_while() -> None:
    bench = Bench(gateway="g1")
    bench.log.state = lambda: {"queued": 3}
    for ms in (1, 2, 30):
        bench.add(duration_ms=float(ms))
    bench.add(status_code=422, duration_ms=4.0)
    bench.add(served_version="v2", status_code=503, duration_ms=5.0)
    await bench.log.flush()
    assert bench.database.events == []
    bench.clock.at += METRICS_SECONDS
    await bench.log.flush()
    call = {"call": "get_menu"}
    assert told(bench) == [
        call | {"version": "v1", "status": 200, "requests": 3, "duration_ms": 11, "max_ms": 30},
        call | {"version": "v1", "status": 400, "requests": 1, "duration_ms": 4, "max_ms": 4},
        call | {"version": "v2", "status": 500, "requests": 1, "duration_ms": 5, "max_ms": 5},
    ]
    state = {"gateway": "g1", "requests": 5, "errors": 1, "dropped": 0, "queued": 3}
    assert told(bench, "gateway_state") == [state]
    bench.database.events.clear()
    bench.add(duration_ms=7.0)
    await bench.log.flush(metrics=True)
    (event,) = told(bench)
    assert (event["requests"], event["max_ms"]) == (1, 7)
    bench.database.events.clear()
    await bench.log.flush(metrics=True)
    assert bench.database.events == []


async def test_metrics_that_could_not_be_told_count_on() -> None:
    bench = Bench()
    bench.add(duration_ms=9.0)
    await bench.log.flush()
    bench.database.error = Away()
    assert not await bench.log.flush(metrics=True)
    bench.database.error = None
    bench.add(duration_ms=2.0)
    await bench.log.flush(metrics=True)
    (event,) = told(bench)
    assert (event["requests"], event["duration_ms"], event["max_ms"]) == (2, 5.5, 9)


async def test_dropped_entries_are_told_once() -> None:
    bench = Bench(capacity=10)
    for _ in range(25):
        bench.add()
    for _ in range(2):
        await bench.log.flush(metrics=True)
    (state,) = told(bench, "gateway_state")
    assert (state["requests"], state["dropped"]) == (25, 15)


async def test_names_that_clients_make_up_are_no_series() -> None:
    bench = Bench()
    bench.log.names = {"place_order"}
    for number in range(5000):
        status = (404, 401, 429, 503)[number % 4]
        bench.add(f"made-up-{number}", served_version=None, status_code=status)
    bench.add("place_order", served_version=None, status_code=429)
    await bench.log.flush(metrics=True)
    found = {(each["call"], each["status"]) for each in told(bench)}
    assert found == {(UNKNOWN, 400), (UNKNOWN, 500), ("place_order", 400)}


async def test_series_are_bounded() -> None:
    bench = Bench()
    for number in range(SERIES * 3):
        bench.add(f"n{number}")
    await bench.log.flush(metrics=True)
    calls = [each["call"] for each in told(bench)]
    assert len(calls) == SERIES + 1 and OTHER in calls
    assert sum(each["requests"] for each in told(bench)) == SERIES * 3
