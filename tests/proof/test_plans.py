"""Calls on hot paths are planned once a session, not at every call.

A statement in PL/pgSQL is planned anew each time where Postgres believes that its parameters make a
cheaper plan: for a look-up by key the planning takes several times as long as the look-up.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from benchmarks.events_stores import create_store
from dbkit.demo_data import load_restaurant
from dbkit.server import temporary_server
from tests.helpers import Connection, connect, rows

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "all",
    "pg_stat_statements.track_planning": "on",
}

SETUP = """
create schema booking;
grant usage on schema booking to public;
create function booking.taken(p_params jsonb) returns jsonb language plpgsql stable as
  $$ begin return '{"taken": 4}'; end $$;
create function booking.reserve(p_payload jsonb) returns jsonb language plpgsql as $$ begin
  perform dbkit.append_event('evening', 'e1', 'TableReserved', p_payload); return '{"left": 6}';
end $$;
create function booking.too_late() returns void language plpgsql as $$ begin
  perform dbkit.append_event('evening', 'e2', 'TableReserved', '{}', '{}', 1);
exception when sqlstate 'KD501' then null; end $$;
create function booking.apply(p_state jsonb, p_event dbkit.event_store) returns jsonb
  language sql immutable as
  $$ select jsonb_set(p_state, '{taken}', to_jsonb(coalesce((p_state ->> 'taken')::int, 0) + 1)) $$;
grant execute on all functions in schema booking to public;
select dbkit.register_applier('evening', 'booking.apply');
select dbkit.register_query('taken', 'booking.taken', '{TableReserved}');
select dbkit.register_command('reserve', 'booking.reserve');
select dbkit.register_consumer_group('kitchen', 1);
select dbkit.create_subscription('https://example.com/hooks');
select count(dbkit.append_event('evening', 'e' || 1 + n % 3, 'TableReserved', '{}'))
from generate_series(1, 5000) as n;
select dbkit.create_snapshot('evening', 'e1');
select count(dbkit.append_event('evening', 'e1', 'TableReserved', '{}'))
from generate_series(1, 10);
analyze;
"""

CALLS = {
    "append": "select dbkit.append_event('evening', 'e1', 'TableReserved', '{}')",
    "append with an id": "select dbkit.append_event('evening', 'e1', 'TableReserved', '{}', '{}',"
    " -1, gen_random_uuid())",
    "append, refused": "select booking.too_late()",
    "append a batch": "select dbkit.append_events('evening', 'e1',"
    """ '[{"event_type": "TableReserved", "event_data": {}}]')""",
    "read a stream": "select count(*) from dbkit.get_events('evening', 'e2', 1, 20)",
    "read all": "select count(*) from dbkit.read_all(0, 20)",
    "read a type": "select count(*) from dbkit.get_events_by_type('TableReserved', 0, 20)",
    "state, folded": "select dbkit.get_aggregate_state('evening', 'e2')",
    "state, from a snapshot": "select dbkit.get_aggregate_state('evening', 'e1')",
    "fan out": "select dbkit.queue_event_for_webhooks(10)",
    "claim deliveries": "select count(*) from dbkit.claim_deliveries('w', 1, 60)",
    "look for work": "select dbkit.get_event_work()",
    "claim events": "select count(*) from dbkit.claim_events('kitchen', 'c', 5, 10)",
    "query": """select dbkit.execute_query('taken', '{"on": "friday"}')""",
    "query, not cached": "select dbkit.execute_query('taken',"
    " jsonb_build_object('on', clock_timestamp()))",
    "command": "select dbkit.execute_command('reserve', '{}', gen_random_uuid()::text)",
    "metric": """select dbkit.record_metric('api_latency', '{"endpoint": "/", "latency_ms": 1}')""",
    "metrics": "select dbkit.ingest_metrics('"
    """[{"event_type": "page_view", "event_data": {"page": "/"}}]')""",
    "call": "select dbkit.route_api_call('get_menu_items',"
    " jsonb_build_object('store_id', (select min(id) from dbkit.stores)))",
    "call, version named": "select dbkit.route_api_call('get_features', '{}', 'v3')",
    "rate limit": "select dbkit.lease_rate_limit('"
    """[{"consumer": "c", "call": "*", "max_calls": 9, "window_seconds": 60, "want": 1}]')""",
    "log": "select dbkit.log_api_requests('"
    """[{"name": "get_menu_items", "status_code": 200, "duration_ms": 1.5}]')""",
}


@pytest.fixture(scope="module")
def watched() -> Iterator[Connection]:
    """A session of the service, on a server that counts plans.

    The owner is no superuser: policies are part of the plans, also within definer functions.
    """
    with temporary_server(settings=SETTINGS) as server:
        store = create_store(server.url, "plans")
        with connect(store, autocommit=True) as session:
            session.execute("create extension pg_stat_statements with schema public")
            with psycopg.connect(store, autocommit=True) as loader:
                load_restaurant(loader, lambda: None)
            session.execute(SETUP.encode())
            yield session


def planned_anew(session: Connection, call: str) -> list[str]:
    """The statements within a call that are planned at more than every fourth one."""
    repeat(session, call)
    session.execute("select public.pg_stat_statements_reset()")
    repeat(session, call)
    found = rows(
        session,
        "select query from public.pg_stat_statements where not toplevel and plans > 3",
    )
    return [each["query"] for each in found]


def repeat(session: Connection, call: str) -> None:
    session.execute("set role service_role")
    for _ in range(12):
        session.execute(call.encode())
    session.execute("reset role")


@pytest.mark.parametrize("name", CALLS)
def test_is_planned_once(watched: Connection, name: str) -> None:
    assert planned_anew(watched, CALLS[name]) == []


def test_control_what_is_planned_at_each_call_is_found(watched: Connection) -> None:
    watched.execute(
        """
        create function booking.newer(p_position bigint) returns bigint language plpgsql as $$ begin
          return (select count(*) from dbkit.event_store e where e.position > p_position);
        end $$;
        grant execute on all functions in schema booking to public
        """
    )
    (found,) = planned_anew(watched, "select booking.newer(1000000)")
    assert "event_store" in found
