"""What tests of the event store say in one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tests.helpers import Connection, connect, one, rows

APPEND = "select dbkit.append_event(%s, %s, %s, %s, %s, %s, %s, %s)"
Json = dict[str, Any]

BANK = """
create schema bank;
create function bank.apply(p_state jsonb, p_event dbkit.event_store) returns jsonb
language sql immutable as $$
  select jsonb_build_object('balance',
    coalesce((p_state ->> 'balance')::int, 0) + (p_event.event_data ->> 'amount')::int)
$$;
grant usage on schema bank to authenticated, service_role, super_admin;
grant execute on all functions in schema bank to authenticated, service_role, super_admin;
select dbkit.register_applier('account', 'bank.apply(jsonb,dbkit.event_store)');
"""
"""An applier that adds up the amounts of an account."""


def append(
    conn: Connection,
    aggregate_id: str,
    event_type: str = "Counted",
    data: object = None,
    *,
    aggregate_type: str = "counter",
    metadata: object = None,
    expect: int | None = None,
    event_id: object = None,
    schema_version: int | None = None,
) -> Json:
    """append_event with a default for all but the stream."""
    found = one(
        conn,
        APPEND,
        *(aggregate_type, aggregate_id, event_type),
        json.dumps({"by": 1} if data is None else data),
        json.dumps({} if metadata is None else metadata),
        *(expect, event_id, schema_version),
    )
    assert isinstance(found, dict)
    return found


def append_many(
    conn: Connection,
    aggregate_id: str,
    events: object,
    *,
    aggregate_type: str = "counter",
    expect: int | None = None,
) -> Json:
    found = one(
        conn,
        "select dbkit.append_events(%s, %s, %s, %s)",
        *(aggregate_type, aggregate_id, json.dumps(events), expect),
    )
    assert isinstance(found, dict)
    return found


def stored(conn: Connection, aggregate_id: str, aggregate_type: str = "counter") -> list[Json]:
    """The events of a stream as they are in the table, by version."""
    return rows(
        conn,
        "select * from dbkit.event_store where aggregate_type = %s and aggregate_id = %s"
        " order by organization_id, version",
        *(aggregate_type, aggregate_id),
    )


def head(conn: Connection, aggregate_id: str, aggregate_type: str = "counter") -> int:
    """Version of a stream's head; 0 where there is no stream."""
    found = rows(
        conn,
        "select version from dbkit.event_streams where aggregate_type = %s and aggregate_id = %s",
        *(aggregate_type, aggregate_id),
    )
    return found[0]["version"] if found else 0


@contextmanager
def waiting(url: str, work: Callable[[Connection], Any]) -> Iterator[Future[Any]]:
    """Run work on another connection until it waits for a lock, then the block, then its end."""
    with (
        ThreadPoolExecutor(1) as pool,
        connect(url, autocommit=True) as conn,
        connect(url, autocommit=True) as watcher,
    ):
        pid = conn.info.backend_pid
        future = pool.submit(work, conn)
        while not one(watcher, "select cardinality(pg_blocking_pids(%s)) > 0", pid):
            assert not future.done(), future.result()
        yield future
        future.exception(60)
