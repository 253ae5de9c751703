"""Callers never notice: 1,000 switches, and releases that change handlers and tables, up and down,
under load with no failed call and every answer of a version that was allowed at that moment.

The controls run the same callers against naive migrations, and those calls do fail.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbkit import catalog, migrations
from dbkit.server import find_binaries
from tests.helpers import connect, one, rows
from tests.orders.shop import Shop, build_shop
from tests.proof import later_release
from tests.proof.apps import order, reads
from tests.proof.traffic import Operator, Request, Span, Traffic, audit, not_allowed, switching

SEED = 20261121
SWITCHES = 1000
CALLS_BETWEEN_SWITCHES = 6
RELEASE_ROUNDS = 6


@pytest.fixture
def shop(database: str) -> Shop:
    with connect(database) as conn:
        made = build_shop(conn)
        conn.commit()
    return made


@pytest.fixture
def psql() -> Path:
    path = find_binaries().bin_dir / "psql"
    if not path.exists():
        pytest.skip(f"there is no psql beside the server's binaries in {path.parent}")
    return path


def old_and_new_apps(shop: Shop) -> dict[str, Any]:
    """Eight callers. Who names no version gets what the pointer and the app version say."""
    return {
        "sync": [
            [Request("get_menu_items", "1.0.3", None), order(shop, "v1", "1.0.3", None, None)],
            [*reads("1.2.0"), order(shop, "v2", "1.2.0", "v2", "alice")],
            [*reads("1.4.2"), order(shop, "v3", "1.4.2", "v3", "bob")],
        ],
        "asynchronous": [
            [*reads(None), *reads("1.4.2", "v3")],
            [*reads("1.2.0", "v2"), order(shop, "v2", "1.2.0", "v3", "carol")],
            [*reads("1.4.2"), order(shop, "v1", "1.4.2", "v1", None)],
            [Request("check_compatibility", "1.0.3", None), *reads("1.4.2", "v2")],
        ],
        "psql": [*reads("1.4.2"), *reads(None), order(shop, "v3", "1.4.2", "v3", None)],
    }


def orders_made(url: str) -> int:
    with connect(url) as conn:
        return int(one(conn, "select count(*) from dbkit.orders"))


def assert_nothing_was_noticed(traffic: Traffic, operator: Operator) -> None:
    assert not traffic.failures, "\n\n".join(map(str, traffic.failures))
    assert not_allowed(traffic.answers, operator.switches) == []
    wrote = sum(a.request.call == "place_order" for a in traffic.answers)
    assert orders_made(traffic.url) == wrote > 0
    kinds = {a.client.split()[0] for a in traffic.answers}
    assert kinds == {"psycopg", "async", "psql"}


def versions_by_app(traffic: Traffic) -> dict[str | None, set[str]]:
    """What was served to those who named no version."""
    found: dict[str | None, set[str]] = defaultdict(set)
    for answer in traffic.answers:
        if answer.request.asked is None:
            found[answer.request.app].add(answer.span.version)
    return found


def test_a_thousand_switches_fail_no_call(database: str, shop: Shop, psql: Path) -> None:
    chance = random.Random(SEED)
    traffic, operator = Traffic(database, psql), Operator(database)
    operator.start()
    with traffic.running(**old_and_new_apps(shop)), operator.connected() as conn:
        for _ in range(SWITCHES):
            active = operator.switches[-1].version
            operator.switch(conn, chance.choice([v for v in ("v1", "v2", "v3") if v != active]))
            traffic.more(CALLS_BETWEEN_SWITCHES)
    assert_nothing_was_noticed(traffic, operator)
    assert len(traffic.answers) >= SWITCHES * CALLS_BETWEEN_SWITCHES
    assert versions_by_app(traffic) == {
        "1.0.3": {"v1"},
        "1.2.0": {"v1", "v2"},
        "1.4.2": {"v1", "v2", "v3"},
        None: {"v1", "v2", "v3"},
        "2.0.0": {"v1", "v2", "v3"},
    }
    versions = [switch.version for switch in operator.switches]
    steps = [(*step, n) for n, step in enumerate(itertools.pairwise(versions), start=2)]
    assert audit(database) == steps
    # Control of the oracle: with a log that is one switch late many answers would be wrong.
    late = [
        replace(span, version=following)
        for span, following in zip(operator.switches, [*versions[1:], "v1"], strict=True)
    ]
    assert len(not_allowed(traffic.answers, late)) > SWITCHES // 10


def snapshot(url: str) -> dict[str, str]:
    with psycopg.connect(url) as conn:
        return catalog.snapshot(conn)


def menu_shapes(traffic: Traffic) -> set[str]:
    return {
        answer.note
        for answer in traffic.answers
        if answer.request.call == "get_menu_items" and answer.span.version != "v1"
    }


def test_later_releases_up_and_down_fail_no_call(
    database: str, shop: Shop, psql: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = later_release.make(tmp_path, monkeypatch)
    before = snapshot(database)
    apps = old_and_new_apps(shop)
    # Valid in v2 and v3, so that a client who names no version may be served by either.
    apps["asynchronous"][0].append(order(shop, "v2", "1.4.2", None, "dave"))
    traffic, operator = Traffic(database, psql), Operator(database)
    operator.start()
    with traffic.running(**apps), switching(traffic, operator):
        for _ in range(RELEASE_ROUNDS):
            for revision in (
                *(release.handlers, release.columns, release.readers, release.columns),
                *(release.handlers, release.shipped, release.readers, release.shipped),
            ):
                migrations.migrate(database, revision)
                traffic.more(40)
    assert_nothing_was_noticed(traffic, operator)
    assert menu_shapes(traffic) == {"categories", "categories,release"}
    left = "\n".join(catalog.differences(before, snapshot(database)))
    assert [line for line in left.splitlines() if "numeric(14,2)" in line] != []
    with connect(database) as conn:
        conn.execute("alter table dbkit.menu_items alter column price type numeric(12, 2)")
        conn.commit()
    assert catalog.differences(before, snapshot(database)) == []
    assert len(operator.switches) > 10
    versions = [switch.version for switch in operator.switches]
    assert [after for _, after, _ in audit(database)] == versions[1:]


MENU = "select dbkit.route_api_call('get_menu_items', %s, 'v3')"


@pytest.mark.parametrize("patience", [30.0, 0.0])
def test_an_open_transaction_calls_what_was_there_when_it_began(
    database: str,
    shop: Shop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    patience: float,
) -> None:
    """A statement that locks no table before it runs a function takes the function as its session
    remembers it. So a migration waits for transactions, also for those between two statements; the
    control does not, and the call reads a column that is gone."""
    release = later_release.make(tmp_path, monkeypatch)
    monkeypatch.setattr(migrations, "OLD_CALLS_SECONDS", patience)
    payload = f'{{"store_id": {shop.stores["grill"]}}}'
    migrations.migrate(database, release.readers)
    waits = (
        "select exists (select from pg_stat_activity"
        " where query like 'select virtualtransaction %' and datname = current_database()"
        " and clock_timestamp() - xact_start > interval '1 second')"
    )
    with (
        connect(database) as client,
        connect(database, autocommit=True) as watcher,
        ThreadPoolExecutor(1) as pool,
    ):
        served = one(client, MENU, payload)["data"]
        client.commit()
        client.execute("select 1")
        migrating = pool.submit(migrations.migrate, database, release.handlers)
        if patience:
            while not one(watcher, waits):
                assert not migrating.done()
            assert migrations.current(database) == release.readers
            assert one(client, MENU, payload)["data"] == served
        else:
            migrating.result(60)
            with pytest.raises(psycopg.errors.UndefinedColumn):
                one(client, MENU, payload)
        client.rollback()
        migrating.result(60)
    assert migrations.current(database) == release.handlers


def lock_waits(conn: psycopg.Connection[dict[str, Any]]) -> list[str]:
    found = rows(
        conn,
        "select query from pg_stat_activity where wait_event_type = 'Lock'"
        " and wait_event = 'relation' and datname = current_database() and query ~* '^.?alter'",
    )
    return [f["query"] for f in found]


def wait_for_waits(conn: psycopg.Connection[dict[str, Any]], times: int) -> None:
    """Wait until DDL was seen waiting for a table, that many separate times."""
    waiting = False
    while times:
        now = bool(lock_waits(conn))
        times -= now and not waiting
        waiting = now


def test_a_report_that_stays_open_holds_up_the_migration_alone(
    database: str, shop: Shop, psql: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = later_release.make(tmp_path, monkeypatch)
    traffic, operator = Traffic(database, psql), Operator(database)
    operator.start()
    failed: list[BaseException] = []

    def upgrade() -> None:
        try:
            migrations.migrate(database, release.readers)
        except BaseException as error:  # asserted below
            failed.append(error)

    with (
        connect(database, options="-c statement_timeout=60000") as report,
        connect(database, autocommit=True) as watcher,
        traffic.running(**old_and_new_apps(shop)),
    ):
        one(report, "select count(*) from dbkit.menu_items")
        migration = threading.Thread(target=upgrade)
        migration.start()
        wait_for_waits(watcher, times=3)
        assert migrations.current(database) == release.handlers
        traffic.more(200)
        report.rollback()
        migration.join(60)
        assert not migration.is_alive()
    assert failed == []
    assert migrations.current(database) == release.readers
    assert_nothing_was_noticed(traffic, operator)


def test_control_a_naive_alter_makes_calls_fail(database: str, shop: Shop, psql: Path) -> None:
    """Behind a report it waits for its lock without a limit, and every caller waits behind it."""
    traffic = Traffic(database, psql, statement_timeout_ms=1000)
    with (
        connect(database) as report,
        connect(database) as naive,
        traffic.running(**old_and_new_apps(shop)),
    ):
        one(report, "select count(*) from dbkit.menu_items")
        change = "alter table dbkit.menu_items alter column price type numeric(14, 4)"
        altering = threading.Thread(target=naive.execute, args=(change,))
        altering.start()
        traffic.until_failure("57014")
        report.rollback()
        altering.join(60)
        naive.rollback()
    assert {f.sqlstate for f in traffic.failures} == {"57014"}


def test_control_a_rewriting_alter_makes_rows_vanish(database: str, shop: Shop) -> None:
    """A call that waits for the rewrite looks with a snapshot from before it, and finds nothing."""
    found: list[Any] = []

    def buy() -> None:
        with connect(database) as client:
            request = order(shop, "v1", "1.0.3", None, None)
            try:
                client.execute(
                    "select dbkit.route_api_call('place_order', %s, 'v1')", [request.payload]
                )
            except psycopg.Error as error:
                found.append(error.sqlstate)

    with connect(database) as naive, connect(database, autocommit=True) as watcher:
        naive.execute("alter table dbkit.menu_items alter column price type numeric(9, 2)")
        client = threading.Thread(target=buy)
        client.start()
        waits = (
            "select exists (select from pg_locks where not granted and mode = 'AccessShareLock')"
        )
        while not one(watcher, waits):
            pass
        naive.commit()
        client.join(60)
    assert found == ["KD404"]


def test_control_a_dropped_function_makes_calls_fail(database: str, shop: Shop, psql: Path) -> None:
    """DROP, then CREATE, each in a transaction of its own."""
    traffic = Traffic(database, psql)
    with connect(database, autocommit=True) as naive:
        name = "dbkit.rpc_v2_get_menu_items(jsonb)"
        made = one(naive, f"select pg_get_functiondef('{name}'::regprocedure)")
        with traffic.running(**old_and_new_apps(shop)):
            naive.execute(f"drop function {name}".encode())
            traffic.until_failure("42883")
            naive.execute(made.encode())
            naive.execute(f"grant execute on function {name} to anon, authenticated".encode())
    assert "42883" in {f.sqlstate for f in traffic.failures}


def test_control_a_changed_row_type_breaks_prepared_statements(database: str) -> None:
    """Why calls answer jsonb: a prepared client of a function with columns is not so lucky."""
    call = "select * from dbkit.get_failover_region('us-east-1')"
    with (
        psycopg.connect(database, autocommit=True, prepare_threshold=0) as client,
        psycopg.connect(database) as naive,
    ):
        client.execute(call)
        client.execute(call)
        naive.execute(
            "drop function dbkit.get_failover_region(text); create function"
            " dbkit.get_failover_region(p_region text, out region_id text, out more int)"
            " language sql begin atomic select p_region, 1; end"
        )
        naive.commit()
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="cached plan must not change"):
            client.execute(call)


def test_the_oracle_knows_the_matrix() -> None:
    assert Request("get_menu_items", "1.3.9", None).served("v3") == "v2"
    assert Request("get_menu_items", None, None).served("v3") == "v3"
    assert Request("get_menu_items", "1.4.0", "v1").served("v3") == "v1"
    switches = [Span(float("-inf"), float("-inf"), "v2"), Span(10, 11, "v3"), Span(20, 21, "v2")]
    request = Request("get_menu_items", None, None)
    traffic = Traffic("", Path())
    for began, ended, version in [(5, 9, "v3"), (5, 10, "v3"), (11.5, 12, "v2"), (10.5, 12, "v2")]:
        traffic.answered("x", request, began, {"version": version, "note": ""})
        traffic.answers[-1] = replace(traffic.answers[-1], span=Span(began, ended, version))
    wrong = [a.span.began for a in not_allowed(traffic.answers, switches)]
    assert wrong == [5, 11.5]
