"""An example that the tests of projections share: orders per store, derived from order events."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tests.helpers import Connection, connect, one, rows

REDUCERS = """
create schema app;
create function app.orders_per_store(p_state jsonb, p_event dbkit.event_store)
returns jsonb
language plpgsql
immutable
as $$
begin
  return jsonb_build_object(
    'orders', coalesce((p_state ->> 'orders')::int, 0)
      + case p_event.event_type when 'OrderPlaced' then 1 else -1 end,
    'cents', coalesce((p_state ->> 'cents')::int, 0) + (p_event.event_data ->> 'cents')::int);
end
$$;
create function app.orders_twice(p_state jsonb, p_event dbkit.event_store)
returns jsonb
language sql
immutable
as $$
select jsonb_build_object('orders', coalesce((p_state ->> 'orders')::int, 0) + 2)
$$;
create function app.last_status(p_state jsonb, p_event dbkit.event_store)
returns jsonb
language sql
immutable
as $$
select case when p_event.event_type <> 'OrderClosed' then p_event.event_data end
$$;
create function app.store(p_event dbkit.event_store)
returns text
language sql
immutable
as $$
select p_event.event_data ->> 'store'
$$;
"""
REDUCER = "app.orders_per_store(jsonb,dbkit.event_store)"
TWICE = "app.orders_twice(jsonb,dbkit.event_store)"
LAST_STATUS = "app.last_status(jsonb,dbkit.event_store)"
STORE = "app.store(dbkit.event_store)"

# Counted by plain SQL from the events, so not by the code that is tested.
EXPECTED = """
select organization_id, event_data ->> 'store' as key, jsonb_build_object(
  'orders', sum(case event_type when 'OrderPlaced' then 1 else -1 end),
  'cents', sum((event_data ->> 'cents')::int)) as state
from dbkit.event_store
where event_type in ('OrderPlaced', 'OrderCancelled')
group by 1, 2
"""
STORED = """
select p.organization_id, p.key, p.state
from dbkit.event_projections p
join dbkit.event_projection_definitions d
  on d.projection = p.projection and d.live_generation = p.generation
where p.projection = %s
"""

Rows = dict[tuple[str, str], dict[str, Any]]


@contextmanager
def opened(url: str) -> Iterator[Connection]:
    """An autocommit connection to a database that has the reducers."""
    with connect(url, autocommit=True) as conn:
        conn.execute(REDUCERS.encode())
        conn.execute("set lock_timeout = '20s'")
        yield conn


def register(
    conn: Connection,
    name: str = "orders_per_store",
    *,
    mode: str = "async",
    reducer: str = REDUCER,
    key: str | None = STORE,
    types: tuple[str, ...] = ("OrderPlaced", "OrderCancelled"),
) -> dict[str, Any]:
    statement = "select dbkit.register_projection(%s, %s, %s, %s, %s)"
    answer: dict[str, Any] = one(conn, statement, name, reducer, list(types), mode, key)
    return answer


def place(
    conn: Connection, order: str, store: str, cents: int = 100, event_type: str = "OrderPlaced"
) -> int:
    """Append an order event; its position."""
    data = json.dumps({"store": store, "cents": cents})
    statement = "select dbkit.append_event('purchase', %s, %s, %s) ->> 'position'"
    return int(one(conn, statement, order, event_type, data))


def place_many(conn: Connection, count: int, stores: int = 7) -> None:
    conn.execute(
        """select dbkit.append_event('purchase', 'm' || i, 'OrderPlaced',
          jsonb_build_object('store', 's' || i %% %s, 'cents', i))
        from generate_series(1, %s) i""",
        [stores, count],
    )


def run(conn: Connection, name: str = "orders_per_store", limit: int = 1000) -> dict[str, Any]:
    answer: dict[str, Any] = one(conn, "select dbkit.run_projection(%s, %s)", name, limit)
    return answer


def run_all(conn: Connection, name: str = "orders_per_store") -> dict[str, Any]:
    answer = run(conn, name)
    while answer["lag"] > 0 and answer["failed_position"] is None:
        answer = run(conn, name)
    return answer


def rebuild(conn: Connection, name: str = "orders_per_store", limit: int = 1000) -> dict[str, Any]:
    answer: dict[str, Any] = one(conn, "select dbkit.rebuild_projection(%s, %s)", name, limit)
    return answer


def rebuild_all(
    conn: Connection, name: str = "orders_per_store", limit: int = 1000
) -> dict[str, Any]:
    answer = rebuild(conn, name, limit)
    while answer["phase"] != "swapped":
        answer = rebuild(conn, name, limit)
    return answer


def status(conn: Connection, name: str = "orders_per_store") -> dict[str, Any]:
    return rows(conn, "select * from dbkit.get_projection_status(%s)", name)[0]


def stored(conn: Connection, name: str = "orders_per_store") -> Rows:
    return {(r["organization_id"], r["key"]): r["state"] for r in rows(conn, STORED, name)}


def expected(conn: Connection) -> Rows:
    return {(r["organization_id"], r["key"]): r["state"] for r in rows(conn, EXPECTED)}


def problems(conn: Connection, name: str = "orders_per_store") -> list[dict[str, Any]]:
    return rows(conn, "select * from dbkit.verify_projection(%s)", name)


def wait_for_lock(conn: Connection, pid: int) -> None:
    """Return once the session `pid` waits for a lock; an error when it does not within 10 s."""
    statement = "select wait_event_type from pg_stat_activity where pid = %s"
    until = time.monotonic() + 10
    while one(conn, statement, pid) != "Lock":
        assert time.monotonic() < until, "it does not wait"


@contextmanager
def writers(
    url: str, count: int, work: Callable[[Connection, int, int], None]
) -> Iterator[threading.Event]:
    """Threads that call `work(connection, writer, n)` until the block ends, each at least once
    before it begins; raises their errors."""
    stop = threading.Event()
    begun = threading.Semaphore(0)

    def write(number: int) -> None:
        with connect(url, autocommit=True) as conn:
            try:
                work(conn, number, 0)
            finally:
                begun.release()
            for done in itertools.count(1):
                if stop.is_set():
                    return
                work(conn, number, done)

    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(write, number) for number in range(count)]
        try:
            assert all(begun.acquire(timeout=60) for _ in range(count))
            yield stop
        finally:
            stop.set()
        for future in running:
            future.result()
