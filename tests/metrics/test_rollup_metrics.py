"""dbkit.rollup_metrics: what is rolled up is what the events say, whenever these arrived."""

from __future__ import annotations

import json
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers import Connection, become, connect, one, raises, row, rows
from tests.metrics.parts import add_days, differences, latency, record, roll_up, today

SEED = 5150


def _shuffled(count: int, days: int, source: random.Random) -> list[tuple[datetime, str, str]]:
    """Events of some types, all over the last days; whole numbers, so that sums are exact."""
    now = datetime.now(UTC)
    events = []
    for _ in range(count):
        at = now - timedelta(seconds=source.uniform(0, (now - today()).seconds + days * 86400))
        kind = source.choice(["api_latency", "api_latency", "error", "order_event", "page_view"])
        data = {
            "endpoint": source.choice(["/a", "/b", "*", ""]),
            "latency_ms": source.choice([0, 1, source.randrange(10**6), 10**12]),
            "status": source.choice([200, 404, 500, 503, "500", None]),
            "event": source.choice(["placed", "payment_failure"]),
        }
        events.append((at, kind, json.dumps(data)))
    source.shuffle(events)
    return events


def test_equals_recomputation_after_shuffled_late_arrivals(database: str) -> None:
    """In commits of all sizes, rolled up between them in steps of all sizes."""
    source = random.Random(SEED)
    with connect(database, autocommit=True) as conn:
        add_days(conn, 3)
        events = _shuffled(1500, 3, source)
        while events:
            batch = [events.pop() for _ in range(min(len(events), source.randrange(1, 120)))]
            with conn.transaction():
                for at, kind, data in batch:
                    conn.execute("select dbkit.record_metric(%s, %s, null, %s)", [kind, data, at])
            if source.random() < 0.6:
                one(conn, "select dbkit.rollup_metrics(%s)", source.choice([1, 30, 500, 100000]))
                assert differences(conn) == [], f"seed {SEED}"
        roll_up(conn)
        assert differences(conn) == []
        assert one(conn, "select count(*) from dbkit.metric_rollup_dirty") == 0
        assert one(conn, "select count(*) from dbkit.metric_rollups where level = 86400") > 0
        total = one(
            conn,
            "select (dbkit._metric_counts('api_latency', %s, %s)).samples",
            today() - timedelta(4),
            datetime.now(UTC),
        )
        assert total == one(
            conn, "select count(*) from dbkit.runtime_metrics where event_type = 'api_latency'"
        )


def test_control_an_event_past_the_functions_is_missed(db: Connection) -> None:
    """So the comparison above would see a lost event; rebuild_metric_rollups heals it."""
    add_days(db, 1)
    at = today() - timedelta(hours=1)
    latency(db, 5, at)
    roll_up(db)
    db.execute(
        "insert into dbkit.runtime_metrics (created_at, event_type, event_data)"
        """ values (%s, 'api_latency', '{"latency_ms": 7}')""",
        [at],
    )
    assert differences(db) != []
    one(db, "select dbkit.rebuild_metric_rollups(%s, %s)", at, at + timedelta(minutes=1))
    roll_up(db)
    assert differences(db) == []


def test_a_transaction_that_commits_late_is_not_missed(database: str) -> None:
    """It wrote before the roll-up went by: the roll-up waits for it where it began."""
    with connect(database) as slow, connect(database, autocommit=True) as conn:
        held = one(slow, "select dbkit._guard_metrics()")
        latency(slow, 7)
        for _ in range(3):
            latency(conn, 5)
            answer = one(conn, "select dbkit.rollup_metrics()")
            assert datetime.fromisoformat(answer["rolled_until"]) <= held
        slow.commit()
        # As if a minute had gone by: nobody holds anything back any more.
        settled = one(conn, "select dbkit._metrics_settled()")
        assert settled > held


def test_control_without_the_guard_it_would_be(database: str) -> None:
    """The same writer past _guard_metrics: the roll-up goes by it, and misses its event."""
    with connect(database) as slow, connect(database, autocommit=True) as conn:
        add_days(conn, 1)
        at = datetime.now(UTC) - timedelta(minutes=3)
        slow.execute(
            "insert into dbkit.runtime_metrics (created_at, event_type) values (%s, 'error')", [at]
        )
        latency(conn, 5, at - timedelta(minutes=1))
        roll_up(conn)
        slow.commit()
        roll_up(conn)
        assert differences(conn) != []


def test_writers_and_roll_ups_at_once_lose_nothing(database: str) -> None:
    """Writers with old and new events, rollbacks and pauses; two roll-ups going all the time."""
    done = threading.Event()
    failures: list[BaseException] = []

    def write(number: int) -> None:
        source = random.Random(SEED + number)
        try:
            with connect(database) as conn:
                for _ in range(60):
                    for _ in range(source.randrange(1, 8)):
                        age = source.choice([0, 0, 5, 11, 15, 70, 200])
                        at = datetime.now(UTC) - timedelta(seconds=age) if age else None
                        latency(conn, source.randrange(1000), at, f"/{number}")
                    if source.random() < 0.2:
                        conn.rollback()
                    else:
                        conn.commit()
        except BaseException as error:
            failures.append(error)

    def roll() -> None:
        try:
            with connect(database, autocommit=True) as conn:
                while not done.is_set():
                    one(conn, "select dbkit.rollup_metrics()")
                    assert differences(conn) == []
        except BaseException as error:
            failures.append(error)

    with connect(database, autocommit=True) as conn:
        add_days(conn, 1)
    writers = [threading.Thread(target=write, args=[n]) for n in range(6)]
    rollers = [threading.Thread(target=roll) for _ in range(2)]
    for thread in writers + rollers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in rollers:
        thread.join()
    assert failures == []
    with connect(database, autocommit=True) as conn:
        roll_up(conn)
        assert differences(conn) == []
        assert one(conn, "select count(*) from dbkit.metric_rollups") > 0


def test_gaps_do_not_keep_it_busy(db: Connection) -> None:
    add_days(db, 20)
    latency(db, 5, today() - timedelta(days=20))
    first = one(db, "select dbkit.rollup_metrics(60)")
    assert first["more"]
    latency(db, 5, today() - timedelta(hours=3))
    one(db, "select dbkit.rollup_metrics(60)")
    answer = roll_up(db)
    assert answer["late_minutes"] <= 1
    assert differences(db) == []
    days = rows(db, "select bucket from dbkit.metric_rollups where level = 86400 and series = '*'")
    assert len(days) == 2


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/New_York", "Asia/Kathmandu"])
def test_days_are_utc_days_whatever_the_time_zone(db: Connection, zone: str) -> None:
    """Also where a local day has 23 or 25 hours: the borders are those of UTC."""
    add_days(db, 3)
    db.execute("select set_config('timezone', %s, true)", [zone])
    border = today() - timedelta(days=1)
    latency(db, 1, border - timedelta(microseconds=1))
    latency(db, 2, border)
    latency(db, 3, border + timedelta(days=1) - timedelta(microseconds=1))
    roll_up(db)
    found = rows(
        db,
        "select bucket at time zone 'UTC' as day, samples from dbkit.metric_rollups"
        " where level = 86400 and series = '*' order by 1",
    )
    days = [border - timedelta(days=1), border]
    assert [f["day"] for f in found] == [d.replace(tzinfo=None) for d in days]
    assert [f["samples"] for f in found] == [1, 2]
    assert differences(db) == []


def test_minutes_are_kept_for_two_days_and_late_ones_still_count(db: Connection) -> None:
    add_days(db, 4)
    old = today() - timedelta(days=3)
    latency(db, 5, old)
    roll_up(db)
    assert one(db, "select count(*) from dbkit.metric_rollups where level = 60") == 0
    latency(db, 7, old + timedelta(minutes=7))
    roll_up(db)
    hours = rows(db, "select samples from dbkit.metric_rollups where level = 3600 and series = '*'")
    assert [h["samples"] for h in hours] == [2]
    assert differences(db) == []


def test_only_one_runs_at_a_time(database: str) -> None:
    with connect(database) as first, connect(database) as second:
        one(first, "select dbkit.rollup_metrics()")
        answer = one(second, "select dbkit.rollup_metrics()")
        assert answer == {"rolled_until": None, "minutes": 0, "late_minutes": 0, "more": True}


def test_is_for_the_service_in_read_committed(database: str) -> None:
    with connect(database) as conn:
        become(conn, "authenticated")
        with raises(conn, "42501"):
            one(conn, "select dbkit.rollup_metrics()")
        conn.rollback()
        conn.execute("set transaction isolation level repeatable read")
        with raises(conn, "KD004"):
            one(conn, "select dbkit.rollup_metrics()")
        conn.rollback()
        for limit in (0, None, 100001):
            with raises(conn, "KD004"):
                one(conn, "select dbkit.rollup_metrics(%s)", limit)


def test_is_a_task_of_workers(db: Connection) -> None:
    found = row(db, "select * from dbkit.worker_tasks where task = 'rollup_metrics'")
    assert found["every_seconds"] == 10
    record(db, "error")
    ran = one(db, "select dbkit.run_worker_task('rollup_metrics', true)")
    assert ran["error"] is None
    assert ran["result"]["minutes"] >= 0
