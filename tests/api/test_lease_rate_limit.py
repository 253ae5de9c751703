"""dbkit.lease_rate_limit: what is granted in a window is never more than the limit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.helpers import Connection, become, connect, freeze_clock, one, raises, rows

LEASE = "select dbkit.lease_rate_limit(%s)"


def entry(consumer: str = "key:1", call: str = "*", want: int = 10, **more: Any) -> dict[str, Any]:
    told = {"consumer": consumer, "call": call, "max_calls": 25, "window_seconds": 60}
    return told | {"want": want} | more


def lease(conn: Connection, *entries: dict[str, Any]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = one(conn, LEASE, json.dumps(entries))
    return answers


def granted(conn: Connection, *entries: dict[str, Any]) -> list[int]:
    return [answer["granted"] for answer in lease(conn, *entries)]


def test_grants_until_the_window_is_used_up(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:59Z")
    become(db, "service_role")
    (first,) = lease(db, entry())
    assert first == entry() | {
        "granted": 10,
        "remaining": 15,
        "resets_at": "2026-01-01T00:01:00+00:00",
        "resets_in": 1.0,
    }
    assert [granted(db, entry()) for _ in range(3)] == [[10], [5], [0]]
    freeze_clock(db, "2026-01-01T00:01:00Z")
    (fresh,) = lease(db, entry(want=30))
    assert (fresh["granted"], fresh["remaining"]) == (25, 0)
    assert fresh["resets_at"] == "2026-01-01T00:02:00+00:00"


def test_counts_each_consumer_call_and_window_by_itself(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    asked = [
        entry("key:2", want=25),
        entry("key:1", want=25),
        entry("key:1", "get_features", want=25),
        entry("key:1", want=25, window_seconds=3600),
        entry("key:1", want=1),
    ]
    answers = lease(db, *asked)
    assert [a["granted"] for a in answers] == [25, 25, 25, 25, 0]
    assert [{k: a[k] for k in entry()} for a in answers] == asked


def test_a_lower_limit_grants_no_more_and_a_higher_the_rest(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    assert granted(db, entry(want=20)) == [20]
    (low,) = lease(db, entry(max_calls=5))
    assert (low["granted"], low["remaining"]) == (0, 0)
    assert granted(db, entry(want=100, max_calls=30)) == [10]


def test_a_limit_of_nothing_grants_nothing(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    assert granted(db, entry(max_calls=0)) == [0]
    assert granted(db, entry(want=0)) == [0]


def test_a_clock_that_is_behind_takes_of_the_newest_window(db: Connection) -> None:
    """As of a transaction that read the clock, and then waited for the row over the border."""
    freeze_clock(db, "2026-01-01T00:01:00Z")
    assert granted(db, entry(want=20)) == [20]
    freeze_clock(db, "2026-01-01T00:00:59Z")
    (late,) = lease(db, entry(want=20))
    assert (late["granted"], late["resets_at"]) == (5, "2026-01-01T00:02:00+00:00")


@contextmanager
def workers(database: str, count: int) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(count) as pool:
        yield pool


def test_the_bound_is_exact_under_concurrency(database: str) -> None:
    """Twelve gateways, two limits in either order, some of whom roll back."""

    def gateway(number: int) -> list[int]:
        total = [0, 0]
        with connect(database, autocommit=True) as conn:
            conn.execute("set dbkit.clock = '2026-01-01T00:00:00Z'")
            for turn in range(40):
                asked = [entry("key:1", want=7, max_calls=1000), entry("key:2", max_calls=1500)]
                flip = (number + turn) % 2 == 1
                if turn % 5 == 4:
                    with conn.transaction(force_rollback=True):
                        lease(conn, *asked)
                    continue
                got = granted(conn, *(reversed(asked) if flip else asked))
                for place, grant in enumerate(reversed(got) if flip else got):
                    total[place] += grant
        return total

    with workers(database, 12) as pool:
        totals = list(pool.map(gateway, range(12)))
    assert [sum(each) for each in zip(*totals, strict=True)] == [1000, 1500]


def test_control_a_count_that_is_read_first_grants_too_much(database: str) -> None:
    with connect(database) as left, connect(database) as right:
        asked = "select coalesce(sum(taken), 0) < 1 from dbkit.api_rate_windows"
        assert one(left, asked)
        assert one(right, asked)


HOSTILE: list[object] = [
    None,
    {},
    "x",
    [1],
    [None],
    [{}],
    [[]],
    [entry(want=-1)],
    [entry(want=1_000_000_001)],
    [entry(max_calls=-1)],
    [entry(window_seconds=0)],
    [entry("")],
    [entry("x" * 201)],
    [entry(call="get_*")],
    [entry()] * 1001,
]


@pytest.mark.parametrize("leases", HOSTILE)
def test_what_is_no_lease(db: Connection, leases: object) -> None:
    with raises(db, "KD126") as caught:
        one(db, LEASE, None if leases is None else json.dumps(leases))
    assert caught.detail["field"]
    assert rows(db, "select from dbkit.api_rate_windows") == []


def test_numbers_that_are_none_are_bad_data(db: Connection) -> None:
    numbers: list[Any] = ["x", 1e30, 1.5, [1], {}]
    for number in numbers:
        with pytest.raises(Exception) as caught, db.transaction():
            lease(db, entry(want=number))
        assert str(getattr(caught.value, "sqlstate", "")).startswith(("22", "KD"))


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_is_for_services(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        lease(db, entry())
