"""The doctor is silent about a healthy database, and names each thing that was planted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbkit.doctor import (
    SAFE_CLIENTS,
    SAFE_MINORS,
    Check,
    Connection,
    client_version,
    examine,
    server_version,
)
from tests.cli.running import document, done, run


@pytest.fixture
def conn(shared_database: str) -> Iterator[Connection]:
    """In a transaction that is rolled back."""
    with psycopg.connect(shared_database) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def own(database: str) -> Iterator[Connection]:
    """On a database of the test's own, each statement committed."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def check(conn: psycopg.Connection[Any], name: str) -> Check:
    found = {check.name: check for check in examine(conn)}
    return found[name]


def test_a_healthy_database_has_no_problem(conn: Connection) -> None:
    conn.execute("set idle_in_transaction_session_timeout = '60s'")
    conn.execute("set track_functions = 'pl'")
    # The tests' own server is an older one at times, and does without fsync.
    ours = ("server version", "durability")
    checks = [one for one in examine(conn) if one.name not in ours]
    assert [one for one in checks if one.status != "ok"] == []
    assert [one.name for one in checks if one.advice] == []


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (140022, "problem"),
        *((major * 10000 + safe - 1, "problem") for major, safe in SAFE_MINORS.items()),
        *((major * 10000 + safe, "ok") for major, safe in SAFE_MINORS.items()),
        (190000, "ok"),
    ],
)
def test_server_versions_with_known_holes(number: int, status: str) -> None:
    found, _, advice = server_version(number)
    assert found == status
    assert bool(advice) == (status == "problem")


def test_names_the_minor_version_to_upgrade_to() -> None:
    assert server_version(180003)[2].startswith("Upgrade to 18.6 or newer")


def test_a_database_without_dbkit(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as conn:
        assert check(conn, "revision").status == "problem"
        assert "dbkit migrate" in check(conn, "revision").advice
        assert "catalog drift" not in {one.name for one in examine(conn)}


@pytest.mark.parametrize(
    ("revision", "advice"), [("0001", "Run `dbkit migrate`."), ("9999", "Upgrade the Python")]
)
def test_another_revision(revision: str, advice: str, conn: Connection) -> None:
    conn.execute("update dbkit.alembic_version set version_num = %s", [revision])
    found = check(conn, "revision")
    assert found.status == "problem"
    assert found.advice.startswith(advice)


def test_idle_transactions_and_function_statistics(conn: Connection) -> None:
    conn.execute("set idle_in_transaction_session_timeout = 0")
    conn.execute("set track_functions = 'none'")
    for name in ("idle transactions", "function statistics"):
        found = check(conn, name)
        assert found.status == "warning"
        # The advice works as it stands.
        conn.execute(found.advice.encode())


def test_connections(conn: Connection) -> None:
    found = check(conn, "connections")
    assert found.status == "ok"
    most = conn.execute("show max_connections").fetchall()[0][0]
    assert found.found.endswith(f"of {most} connections in use")


def test_few_connections_left(conn: Connection) -> None:
    # A table of that name in front of the catalog's view plays a server that is nearly full.
    conn.execute("create temp table pg_stat_activity (backend_type text)")
    conn.execute(
        "insert into pg_stat_activity select 'client backend' "
        "from generate_series(1, current_setting('max_connections')::int)"
    )
    conn.execute("set search_path = pg_temp, pg_catalog, dbkit")
    assert check(conn, "connections").status == "warning"


def test_search_path(own: Connection) -> None:
    own.execute("set search_path = public")
    found = check(own, "search path")
    assert found.status == "warning"
    own.execute(found.advice.encode())
    own.execute("reset search_path")
    with psycopg.connect(own.info.dsn, password=own.info.password, autocommit=True) as again:
        assert check(again, "search path").status == "ok"


def test_a_changed_function(conn: Connection) -> None:
    conn.execute(
        "create or replace function dbkit.is_super_admin() returns boolean language plpgsql stable "
        "as $$ begin return true; end $$"
    )
    found = check(conn, "catalog drift")
    assert found.status == "warning"
    assert found.found == "not as shipped: is_super_admin"


def test_generated_functions_are_no_drift(conn: Connection) -> None:
    """Each registry of the event store writes functions; only a registered one differs."""
    conn.execute(
        """
        create function public.fold(jsonb, dbkit.event_store) returns jsonb
        language sql immutable as $$ select $2.event_data $$;
        create function public.newer(jsonb) returns jsonb
        language sql immutable as $$ select $1 $$;
        grant execute on all functions in schema public
        to authenticated, service_role, super_admin;
        select dbkit.register_event_type('A', '{"type": "object"}');
        select dbkit.register_upcaster('A', 1, 2, 'public.newer(jsonb)');
        select dbkit.register_applier('cart', 'public.fold');
        select dbkit.register_projection('carts', 'public.fold', '{A}', 'inline');
        select dbkit.protect_event_fields('B', '{by}', '[["name"]]');
        select dbkit.configure_aggregate('cart', 10, p_access => 'service');
        """
    )
    written = conn.execute(
        "select proname from pg_proc where pronamespace = 'dbkit'::regnamespace"
        " and strpos(prosrc, 'public.fold') > 0"
    ).fetchall()
    assert {"_fold_event"} <= {name for (name,) in written}
    assert check(conn, "catalog drift").status == "ok"


def test_a_function_that_lost_security_definer(conn: Connection) -> None:
    conn.execute("alter function dbkit.switch_api_version security invoker")
    assert check(conn, "catalog drift").found == "not as shipped: switch_api_version"


def test_a_function_that_lost_its_search_path(conn: Connection) -> None:
    conn.execute("alter function dbkit.switch_api_version reset search_path")
    assert check(conn, "catalog drift").found == "not as shipped: switch_api_version"


def test_an_overload(conn: Connection) -> None:
    conn.execute(
        "create function dbkit.clock(p_zone text) returns text language sql as 'select p_zone'"
    )
    assert check(conn, "catalog drift").found == "not as shipped: clock"


def test_a_function_that_is_gone_and_one_that_is_not_ours(conn: Connection) -> None:
    conn.execute("drop function dbkit.get_version_adoption")
    conn.execute("create function dbkit.mine() returns int language sql as 'select 1'")
    found = check(conn, "catalog drift")
    assert found.status == "problem"
    assert found.found == "missing: get_version_adoption; not ours: mine"


@pytest.fixture
def lost_handler(own: Connection) -> Connection:
    """A registered call of v1 whose function was dropped afterwards."""
    own.execute("create schema shop")
    own.execute("create function shop.gone(jsonb) returns jsonb stable language sql as 'select $1'")
    own.execute("select dbkit.register_rpc('gone', 'v1', 'shop.gone(jsonb)')")
    own.execute("drop function shop.gone")
    return own


def test_a_missing_handler(lost_handler: Connection) -> None:
    found = check(lost_handler, "handlers")
    assert found.status == "problem"
    assert found.found == "no such function: gone v1: shop.gone(jsonb)"


def test_promised_calls_of_the_active_and_the_fallback_version(lost_handler: Connection) -> None:
    found = check(lost_handler, "promised calls")
    assert found.status == "problem"
    assert "gone in v2: the handler shop.gone(jsonb) does not exist" in found.found
    assert "gone in v1: the handler shop.gone(jsonb) does not exist" in found.found


@pytest.mark.parametrize(("days", "status"), [(0, "ok"), (12, "warning"), (30, "problem")])
def test_partitions_run_out(days: int, status: str, conn: Connection) -> None:
    later = f"select set_config('dbkit.clock', (now() + interval '{days} days')::text, false)"
    conn.execute(later.encode())
    found = check(conn, "partitions")
    assert found.status == status
    if status != "ok":
        conn.execute(found.advice.partition(" every day")[0].encode())
        assert check(conn, "partitions").status == "ok"


def test_partitions_that_are_not_days_have_no_runway(conn: Connection) -> None:
    conn.execute("create table dbkit.by_month (at timestamptz) partition by range (at)")
    conn.execute(
        "create table dbkit.by_month_202601 partition of dbkit.by_month"
        " for values from ('2026-01-01') to ('2026-02-01')"
    )
    assert check(conn, "partitions").status == "ok"
    conn.execute("drop table dbkit.by_month_202601")
    assert check(conn, "partitions").status == "problem", "the control: a table without any"


def test_rights_of_public(conn: Connection) -> None:
    conn.execute("grant execute on function dbkit.clock() to public")
    found = check(conn, "rights of PUBLIC")
    assert found.status == "problem"
    assert "clock()" in found.found
    conn.execute(found.advice.encode())
    assert check(conn, "rights of PUBLIC").status == "ok"


@pytest.fixture
def gateway(conn: Connection) -> Connection:
    conn.execute("create role till_gateway login in role dbkit_gateway")
    return conn


def test_a_login_of_the_gateway(gateway: Connection) -> None:
    assert check(gateway, "gateway logins").status == "ok"
    assert "till_gateway" in check(gateway, "gateway logins").found
    # To connect is what it is for.
    name = sql.Identifier(gateway.info.dbname)
    gateway.execute(sql.SQL("grant connect on database {} to till_gateway").format(name))
    assert check(gateway, "gateway logins").status == "ok"


@pytest.mark.parametrize(
    ("change", "status", "found"),
    [
        ("alter role till_gateway superuser", "problem", "is a superuser"),
        ("alter role till_gateway bypassrls", "problem", "has BYPASSRLS"),
        ("alter role till_gateway createrole", "problem", "has CREATEROLE"),
        ("alter role till_gateway replication", "problem", "has REPLICATION"),
        ("create schema tills authorization till_gateway", "problem", "owns 1 objects"),
        (
            "grant select on dbkit.orders to till_gateway",
            "warning",
            "has rights of its own on 1 objects",
        ),
        ("grant service_role to till_gateway", "warning", "is a member of service_role"),
    ],
)
def test_a_login_of_the_gateway_that_may_more(
    gateway: Connection, change: str, status: str, found: str
) -> None:
    gateway.execute(change.encode())
    shown = check(gateway, "gateway logins")
    assert (shown.status, shown.found) == (status, f"till_gateway {found}")


def test_a_login_behind_a_group_of_gateways(gateway: Connection) -> None:
    gateway.execute("create role tills in role dbkit_gateway")
    gateway.execute("create role till_2 login bypassrls in role tills")
    assert check(gateway, "gateway logins").found == "till_2 has BYPASSRLS"


def test_who_only_administers_the_role_is_no_gateway(gateway: Connection) -> None:
    if gateway.info.server_version < 160000:
        pytest.skip("before 16 a membership always gives the rights")
    gateway.execute("create role maker login createrole")
    gateway.execute("grant dbkit_gateway to maker with admin true, inherit false, set false")
    assert check(gateway, "gateway logins").status == "ok"


def test_an_invalid_index(own: Connection) -> None:
    own.execute("create table public.things (n int)")
    own.execute("insert into public.things values (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        own.execute("create unique index concurrently things_n on public.things (n)")
    found = check(own, "indexes")
    assert found.status == "warning"
    assert found.found.endswith("things_n")
    own.execute("delete from public.things")
    own.execute(found.advice.encode())
    assert check(own, "indexes").status == "ok"


def test_an_unused_replication_slot(conn: Connection) -> None:
    conn.execute("select pg_create_physical_replication_slot('dbkit_doctor_test', true)")
    try:
        found = check(conn, "replication slots")
        assert found.status == "warning"
        assert "dbkit_doctor_test" in found.found
    finally:
        conn.execute("select pg_drop_replication_slot('dbkit_doctor_test')")


def test_what_a_login_may_not_see_is_a_warning(conn: Connection) -> None:
    conn.execute("set role anon")
    found = check(conn, "promised calls")
    assert found.status == "warning"
    assert found.found.startswith("this login may not look: ")


def test_an_older_revision_is_checked_as_far_as_it_goes(empty_database: str) -> None:
    done("migrate", "--to", "0001", url=empty_database)
    with psycopg.connect(empty_database, autocommit=True) as conn:
        assert check(conn, "catalog drift").status == "ok"
        assert check(conn, "promised calls").status == "warning"
        assert check(conn, "promised calls").found.startswith("cannot be checked at this revision")


# --- the command -----------------------------------------------------------------------------


def test_the_command_fails_with_a_problem_only(lost_handler: Connection, database: str) -> None:
    result = run("doctor", url=database)
    assert result.exit_code == 1
    assert "gone v1: shop.gone(jsonb)" in result.stdout
    assert run("doctor", "--json", url=database).exit_code == 1
    lost_handler.execute("select dbkit.unregister_rpc('gone', 'v1')")
    rest = [one for one in examine(lost_handler) if one.status == "problem"]
    # An old server is a problem of its own; the tests' server does without fsync.
    assert {one.name for one in rest} <= {"server version", "durability"}
    assert run("doctor", url=database).exit_code == bool(rest)


def test_the_command_counts(empty_database: str, database: str) -> None:
    shown = run("doctor", "--json", url=empty_database)
    assert shown.exit_code == 1
    if run("doctor", url=database).exit_code == 0:
        found = document("doctor", url=database)
        statuses = [one["status"] for one in found["checks"]]
        assert found["problems"] == 0
        assert found["warnings"] == statuses.count("warning")
        shown = run("doctor", url=database)
        assert f"{len(statuses)} checks: 0 problems, {found['warnings']} warnings" in shown.stdout


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (120022, "problem"),
        *((major * 10000 + safe - 1, "problem") for major, safe in SAFE_CLIENTS.items()),
        *((major * 10000 + safe, "ok") for major, safe in SAFE_CLIENTS.items()),
        (190000, "ok"),
    ],
)
def test_client_libraries_with_known_holes(number: int, status: str) -> None:
    assert client_version(number)[0] == status


def test_settings_that_lose_data(conn: Connection) -> None:
    conn.execute("set synchronous_commit = off")
    assert "synchronous_commit is off" in check(conn, "durability").found


def overdue(conn: Connection, task: str, by: str, *, ran: bool) -> None:
    finished = "next_run_at" if ran else "null"
    late = f"next_run_at = dbkit.clock() - interval '{by}'"
    for change in (late, f"last_finished_at = {finished}"):
        statement = f"update dbkit.worker_tasks set {change} where task = %s"
        conn.execute(statement.encode(), [task])


def test_no_worker_is_alive(conn: Connection) -> None:
    overdue(conn, "expire_idempotency_keys", "59 min", ran=False)
    assert check(conn, "workers").status == "ok"
    overdue(conn, "expire_idempotency_keys", "61 min", ran=False)
    found = check(conn, "workers")
    assert (found.status, "expire_idempotency_keys" in found.found) == ("problem", True)


def test_a_worker_that_fell_silent(conn: Connection) -> None:
    beat = "select dbkit.beat_worker(gen_random_uuid(), %s, 7, '1', '{}')"
    conn.execute(beat, ["left"])
    assert check(conn, "workers").status == "ok"
    conn.execute("update dbkit.workers set beat_at = beat_at - interval '2 min'")
    found = check(conn, "workers")
    assert (found.status, "left (7)" in found.found) == ("problem", True)
    conn.execute(beat, ["right"])
    assert check(conn, "workers").status == "warning"


def test_a_task_that_fails_or_is_late(conn: Connection) -> None:
    conn.execute(
        "update dbkit.worker_tasks set failures_in_a_row = 3, last_error = 'P0001: no'"
        " where task = 'expire_idempotency_keys'"
    )
    found = check(conn, "worker tasks")
    assert (found.status, "P0001: no" in found.found) == ("problem", True)
    conn.execute("update dbkit.worker_tasks set failures_in_a_row = 0")
    overdue(conn, "evaluate_releases", "6 min", ran=True)
    assert check(conn, "worker tasks").status == "warning"
    overdue(conn, "evaluate_releases", "4 min", ran=True)
    assert check(conn, "worker tasks").status == "ok"


def test_nobody_evaluates_the_alert_rules(conn: Connection) -> None:
    there = conn.execute("select to_regclass('dbkit.alert_rules') is not null").fetchall()[0][0]
    if not there:
        conn.execute("create table dbkit.alert_rules (enabled boolean)")
        conn.execute("insert into dbkit.alert_rules values (true)")
        conn.execute(
            "select dbkit._register_worker_task("
            "'evaluate_alert_rules', 'dbkit.evaluate_releases', 15)"
        )
    overdue(conn, "evaluate_alert_rules", "4 min", ran=True)
    assert check(conn, "alert evaluator").status == "ok"
    overdue(conn, "evaluate_alert_rules", "6 min", ran=True)
    assert check(conn, "alert evaluator").status == "problem"


def test_disabled_webhooks(conn: Connection) -> None:
    conn.execute("select dbkit.create_subscription('https://example.com/hook')")
    conn.execute(
        "update dbkit.event_subscriptions set status = 'disabled', disabled_at = dbkit.clock(),"
        " disabled_reason = 'gone'"
    )
    found = check(conn, "webhooks")
    assert (found.status, "gone" in found.found) == ("warning", True)


def test_dead_letters(conn: Connection) -> None:
    conn.execute(
        "insert into dbkit.event_dead_letters"
        " (organization_id, source, source_name, reason, created_at)"
        " select 'default', 'group', 'mailer', 'no', dbkit.clock() from generate_series(1, 3)"
    )
    assert check(conn, "dead letters").found == "open: 3 of mailer (group)"


def test_a_release_that_nobody_watches(conn: Connection) -> None:
    conn.execute("select dbkit.begin_release('v3', 5)")
    assert check(conn, "guarded release").status == "ok"
    conn.execute("update dbkit.api_releases set started_at = started_at - interval '2 min'")
    assert check(conn, "guarded release").status == "problem"
    conn.execute(
        "update dbkit.api_releases set evaluated_at = dbkit.clock(),"
        " step_started_at = step_started_at - interval '6 min'"
    )
    found = check(conn, "guarded release")
    assert (found.status, "no call is logged" in found.found) == ("warning", True)


def test_a_deployment_that_never_ended(conn: Connection) -> None:
    conn.execute("select dbkit.log_deployment('2.0.0', p_deployment_id => 'd2')")
    assert check(conn, "deployments").status == "ok"
    conn.execute("update dbkit.deployment_log set deployed_at = deployed_at - interval '2 hours'")
    found = check(conn, "deployments")
    assert (found.status, "d2" in found.found) == ("warning", True)
