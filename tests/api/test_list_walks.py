"""Walks through random lists, against a plain model; and walks while others write."""

from __future__ import annotations

import functools
import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.lists import TABLE, fill, ids, page, register, walk, walk_back
from tests.helpers import Connection, connect

Thing = dict[str, Any]
SIZES = ["small", "medium", "large"]

FEW_NAMES = st.sampled_from(["", "a", "A", "ab", "b", "é", "z", "a b", "%", "_"])
THINGS = st.fixed_dictionaries(
    {
        "name": FEW_NAMES,
        "size": st.sampled_from(SIZES),
        "total": st.sampled_from(["-1.5", "0", "0.00", "0.1", "2", "10", "1e10", "NaN"]),
        "weight": st.none() | st.sampled_from([-0.0, 0.0, 0.1, 1 / 3, 1e300, -1e-300, math.inf]),
        "note": st.none() | FEW_NAMES,
        "due": st.none() | st.integers(-800_000, 3).map(lambda n: _day(n)),
    }
)
COLUMNS = ["name", "size", "total", "weight", "note", "due", "id"]
SORTS = st.lists(
    st.tuples(st.sampled_from(COLUMNS), st.booleans()),
    min_size=1,
    max_size=4,
    unique_by=lambda term: term[0],
)


def _day(n: int) -> str:
    return str(date(2026, 1, 1) + timedelta(days=max(n, -700_000)))


@st.composite
def filters(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for column in draw(st.sets(st.sampled_from(COLUMNS), max_size=2)):
        if draw(st.booleans()) and column in ("weight", "note", "due"):
            made[column] = {"null": draw(st.booleans())}
            continue
        value = {
            "name": FEW_NAMES,
            "note": FEW_NAMES,
            "size": st.sampled_from(SIZES),
            "total": st.sampled_from(["0", "0.1", "2"]),
            "weight": st.sampled_from([0.0, 0.1]),
            "due": st.integers(-2, 2).map(_day),
            "id": st.integers(0, 20),
        }[column]
        if draw(st.booleans()):
            made[column] = {"in": draw(st.lists(value, max_size=3))}
        else:
            operator = draw(st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]))
            made[column] = {operator: draw(value)}
    return made


def _key(conn: Connection) -> dict[str, int]:
    """How the server's own collation orders the names that occur: that is not what is tested."""
    found = conn.execute(
        "select c, rank() over (order by c) as n from unnest(%s::text[]) c",
        [["", "a", "A", "ab", "b", "é", "z", "a b", "%", "_"]],
    ).fetchall()
    return {f["c"]: f["n"] for f in found}


class Model:
    """The list as Python sorts and filters it."""

    def __init__(self, names: dict[str, int], things: list[Thing]) -> None:
        self.names = names
        self.things = things

    def comparable(self, column: str, value: Any) -> Any:
        if column in ("name", "note"):
            return self.names[value]
        if column == "size":
            return SIZES.index(value)
        if column == "total":
            number = float(value)
            return (1, 0.0) if math.isnan(number) else (0, number)
        return value

    def compare(self, sort: list[tuple[str, bool]], a: Thing, b: Thing) -> int:
        for column, down in [*sort, ("id", sort[-1][1])]:
            x, y = a[column], b[column]
            if x is None or y is None:
                if (x is None) != (y is None):
                    return 1 if x is None else -1
                continue
            x, y = self.comparable(column, x), self.comparable(column, y)
            if x != y:
                return -1 if (x < y) != down else 1
        return 0

    def holds(self, thing: Thing, column: str, operator: str, given: Any) -> bool:
        value = thing[column]
        if operator == "null":
            return bool((value is None) == given)
        if value is None:
            return False
        mine = self.comparable(column, value)
        if operator == "in":
            return any(mine == self.comparable(column, g) for g in given)
        theirs = self.comparable(column, given)
        results: dict[str, bool] = {
            "eq": mine == theirs,
            "ne": mine != theirs,
            "gt": mine > theirs,
            "gte": mine >= theirs,
            "lt": mine < theirs,
            "lte": mine <= theirs,
        }
        return results[operator]

    def ids(self, sort: list[tuple[str, bool]], given: dict[str, dict[str, Any]]) -> list[int]:
        kept = [
            t
            for t in self.things
            if all(self.holds(t, c, o, v) for c, tests in given.items() for o, v in tests.items())
        ]
        kept.sort(key=functools.cmp_to_key(lambda a, b: self.compare(sort, a, b)))
        return [t["id"] for t in kept]


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    things=st.lists(THINGS, max_size=14),
    sort=SORTS,
    filter_=filters(),
    limit=st.integers(1, 5),
    turns=st.lists(st.booleans(), max_size=12),
)
def test_pages_equal_those_of_a_plain_model(
    db: Connection,
    things: list[Thing],
    sort: list[tuple[str, bool]],
    filter_: dict[str, dict[str, Any]],
    limit: int,
    turns: list[bool],
) -> None:
    with db.transaction(force_rollback=True):
        _prepare(db, things)
        expected = Model(_key(db), things).ids(sort, filter_)
        asked: dict[str, Any] = {
            "sort": ",".join(f"{'-' if down else ''}{column}" for column, down in sort),
            "filter": filter_,
            "limit": limit,
        }
        assert walk(db, **asked) == expected
        assert walk_back(db, **asked) == expected
        _wander(db, asked, expected, turns)
        for offset in (0, 1, limit, len(expected)):
            found = page(db, **asked, offset=offset, count="exact")
            assert ids(found) == expected[offset : offset + limit]
            assert found["page"]["total"] == len(expected)


def _prepare(db: Connection, things: list[Thing]) -> None:
    db.execute(TABLE.encode())
    for number, thing in enumerate(things):
        thing["id"] = number + 1
    db.execute(
        "insert into shop.things (id, name, size, total, weight, note, due) select id, name, size, "
        "total, weight, note, due from jsonb_to_recordset(%s) as r (id bigint, name text, "
        "size shop.size, total numeric, weight float8, note text, due date)",
        [json.dumps([{k: _plain(v) for k, v in t.items()} for t in things])],
    )
    register(db)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _wander(db: Connection, asked: dict[str, Any], expected: list[int], turns: list[bool]) -> None:
    """Forward and back as told: each page is the rows next to the one before it."""
    found = page(db, **asked)
    start, end = 0, len(ids(found))
    for forward in turns:
        cursor = found["page"]["next_cursor" if forward else "previous_cursor"]
        if cursor is None:
            assert (end >= len(expected)) if forward else (start <= 0)
            continue
        found = page(db, **asked, cursor=cursor)
        size = len(ids(found))
        start, end = (end, end + size) if forward else (start - size, start)
        assert ids(found) == expected[start:end]


@contextmanager
def writers(url: str, count: int) -> Iterator[threading.Event]:
    """Others who insert and delete rows of their own around those that stay."""
    stop = threading.Event()
    wrote = threading.Event()

    def write(number: int) -> None:
        with connect(url, autocommit=True) as conn:
            turn = 0
            while not stop.is_set():
                turn += 1
                key = 1_000_000 * (number + 1) + turn
                conn.execute(
                    "insert into shop.things (id, name, made_at, note) values (%s, 'passing', "
                    "'2026-01-01Z'::timestamptz + %s * interval '1 second', %s)",
                    [key, turn * 37 % 400, None if turn % 2 else "n"],
                )
                conn.execute("delete from shop.things where id = %s", [key - 5])
                wrote.set()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    try:
        assert wrote.wait(30)
        yield stop
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _stay(url: str) -> None:
    with connect(url) as conn:
        conn.execute(TABLE.encode())
        fill(
            conn,
            400,
            made_at="'2026-01-01Z'::timestamptz + n / 2 * interval '1 second'",
            note="case when n % 3 > 0 then 'n' || n % 7 end",
        )
        register(conn)


def test_rows_that_stay_are_seen_exactly_once(database: str) -> None:
    _stay(database)
    with writers(database, 3), connect(database, autocommit=True) as conn:
        for sort in ("-made_at", "note,-made_at", "-note", "made_at,-name"):
            for way in (walk, walk_back):
                seen = [n for n in way(conn, sort=sort, limit=7) if n <= 400]
                assert sorted(seen) == list(range(1, 401)), (sort, way)


def test_control_offsets_miss_or_double(database: str) -> None:
    """The same walk by offset, while a row comes before each page, then one goes."""
    _stay(database)
    with connect(database, autocommit=True) as conn:
        for change in (
            "insert into shop.things (id, name, made_at) values (%s + 5000, 'new', '2027-01-01Z')",
            "delete from shop.things where id = (select max(id) from shop.things"
            " where id + %s * 0 <= 400)",
        ):
            seen: list[int] = []
            found = page(conn, limit=50)
            while True:
                seen += ids(found)
                if not found["page"]["has_next"]:
                    break
                conn.execute(change.encode(), [len(seen)])
                found = page(conn, limit=50, offset=len(seen))
            kept = [n for n in seen if n <= 400]
            there = conn.execute("select id from shop.things where id <= 400").fetchall()
            missed = {row["id"] for row in there} - set(kept)
            assert missed or len(kept) != len(set(kept))
