"""dbkit.execute_query where nothing can be written: READ ONLY transactions, and a hot standby."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dbkit import server as servers
from dbkit.migrations import migrate
from dbkit.settings import settings
from tests.cqrs.parts import SHOP, Json, ask, execute
from tests.helpers import Connection, connect, one, raises, rows

TOTALS = """
create function shop.total(p_state jsonb, p_event dbkit.event_store) returns jsonb
language plpgsql immutable as $$
begin return jsonb_build_object('n', coalesce((p_state ->> 'n')::int, 0) + 1); end $$;
create function shop.read_total(p_params jsonb) returns jsonb
language plpgsql stable as $$
begin return coalesce(dbkit.get_projection('totals', 'c'), '{"n": 0}'); end $$;
grant execute on all functions in schema shop to authenticated, service_role, super_admin;
select dbkit.register_projection('totals', 'shop.total', '{Added}', 'async');
select dbkit.register_query('total', 'shop.read_total', p_projections => '{totals}');
"""
OURS = "-c role=authenticated -c dbkit.user_id=ada"
QUERIES = ("count", "shared", "by_role")


def kept(conn: Connection) -> int:
    found = one(conn, "select count(*) from dbkit.query_cache")
    assert isinstance(found, int)
    return found


# --- READ ONLY transactions ------------------------------------------------------------------


@contextmanager
def read_only(conn: Connection) -> Iterator[None]:
    with conn.transaction():
        conn.execute("set transaction read only")
        yield


@pytest.fixture
def admin(shop_url: str) -> Iterator[Connection]:
    with connect(shop_url, autocommit=True) as conn:
        conn.execute(TOTALS.encode())
        yield conn


def test_read_only_computes_and_keeps_nothing(admin: Connection, open_shop: Connection) -> None:
    with read_only(open_shop):
        for query in (*QUERIES, "total"):
            assert not ask(open_shop, query)["cached"]
            assert not ask(open_shop, query)["cached"]
    assert kept(admin) == 0


def test_read_only_by_default_is_the_same(shop_url: str, admin: Connection) -> None:
    options = f"{OURS} -c default_transaction_read_only=on"
    with connect(shop_url, autocommit=True, options=options) as conn:
        for query in QUERIES:
            assert not ask(conn, query)["cached"]
            assert not ask(conn, query)["cached"]
    assert kept(admin) == 0


def test_read_only_gets_what_others_keep(admin: Connection, open_shop: Connection) -> None:
    first = {query: ask(open_shop, query) for query in (*QUERIES, "total")}
    with read_only(open_shop):
        for query, answer in first.items():
            # Hits are counted by chance: often enough to meet one.
            assert all(ask(open_shop, query) == {**answer, "cached": True} for _ in range(200)), (
                query
            )
    assert kept(admin) == len(first)


def test_read_only_gets_nothing_stale(admin: Connection, open_shop: Connection) -> None:
    for query in QUERIES:
        ask(open_shop, query)
    with read_only(open_shop):
        for n in range(1, 4):
            mine = execute(admin, "add")["position"]
            for query in QUERIES:
                answer = ask(open_shop, query)
                assert (answer["cached"], answer["data"]["count"]) == (False, n)
                assert answer["position"] == mine


def test_read_only_has_what_min_position_asks_for(
    shop_url: str, admin: Connection, open_shop: Connection
) -> None:
    with connect(shop_url) as late, read_only(open_shop):
        mine = execute(late, "add")["position"]
        for query in QUERIES:
            with raises(open_shop, "KD608"):
                ask(open_shop, query, min_position=mine)
        late.commit()
        for query in QUERIES:
            answer = ask(open_shop, query, min_position=mine)
            assert (answer["data"]["count"], answer["position"]) == (1, mine)
        with raises(open_shop, "KD608"):
            ask(open_shop, "total", min_position=mine)
        one(admin, "select dbkit.run_projection('totals')")
        assert ask(open_shop, "total", min_position=mine)["data"] == {"n": 1}


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_read_only_in_another_isolation_level(open_shop: Connection, level: str) -> None:
    mine = execute(open_shop, "add")["position"]
    for query in QUERIES:
        ask(open_shop, query)
    with open_shop.transaction():
        open_shop.execute(f"set transaction isolation level {level}, read only".encode())
        for query in QUERIES:
            answer = ask(open_shop, query, min_position=mine)
            assert (answer["cached"], answer["data"]["count"]) == (False, 1)


def test_read_only_after_an_append_gets_its_own_events(
    admin: Connection, open_shop: Connection
) -> None:
    for query in QUERIES:
        ask(open_shop, query)
    with open_shop.transaction():
        mine = execute(open_shop, "add")["position"]
        open_shop.execute("set transaction read only")
        for query in QUERIES:
            answer = ask(open_shop, query, min_position=mine)
            assert (answer["cached"], answer["data"]["count"]) == (False, 1)
    assert rows(admin, "select from dbkit.query_cache where data ->> 'count' <> '0'") == []


def test_read_only_keeps_the_rules(open_shop: Connection) -> None:
    with read_only(open_shop):
        refused(open_shop)
        open_shop.execute("set local role anon")
        for query in QUERIES:
            with raises(open_shop, "KD003"):
                ask(open_shop, query)


def test_read_only_keeps_nothing_by_hand_either(shop_url: str, admin: Connection) -> None:
    """What a caller can execute by hand answers false and raises nothing."""
    revision = one(admin, "select revision from dbkit.query_definitions where query = 'count'")
    keep = "select dbkit._keep_own_answer('count', %s, %s, '1', 1, null, now())"
    with connect(shop_url, autocommit=True, options=OURS) as conn:
        with read_only(conn):
            assert one(conn, keep, b"k" * 32, revision) is False
        assert one(conn, keep, b"k" * 32, revision) is True


def refused(conn: Connection) -> None:
    with raises(conn, "KD606"):
        ask(conn, "nothing")
    for query in QUERIES:
        with raises(conn, "KD607"):
            ask(conn, query, {"cart": "x" * 70_000})


# --- a hot standby ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """URLs of the same database on a server and on its streaming standby."""

    primary: str
    standby: str

    def caught_up(self) -> None:
        with connect(self.primary) as here:
            upto = one(here, "select pg_current_wal_insert_lsn()::text")
            # What is committed is flushed with it.
            here.execute("select pg_logical_emit_message(true, 'dbkit', 'flush')")
        with connect(self.standby, autocommit=True) as there:
            wait(lambda: one(there, "select pg_last_wal_replay_lsn() >= %s::pg_lsn", upto))

    def reader(self, options: str = OURS) -> Connection:
        return connect(self.standby, autocommit=True, options=options)


def wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it has not come to that"


@contextmanager
def streaming_standby(url: str) -> Iterator[str]:
    """Of that server, made by the same binaries; it lives as a temporary server does."""
    binaries, account = servers._choose(settings().server, owner=None, major=None)
    with servers._watched(account) as (base, execute):
        site = servers._Site(base, binaries, account, execute)
        copy = ("-D", str(site.data), "-d", url, "-X", "stream", "-c", "fast", "-R", "-P")
        assert site.run("pg_basebackup", *copy) == 0, site.output.read_text()
        found = servers._launch(site, servers._TEMPORARY, 0)
        yield make_conninfo(url, port=found.port)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with servers.temporary_server(prefer=settings().server) as primary:
        migrate(primary.url)
        with connect(primary.url) as conn:
            conn.execute(SHOP.encode())
            conn.execute(TOTALS.encode())
        with streaming_standby(primary.url) as standby:
            assert conninfo_to_dict(standby)["port"] != conninfo_to_dict(primary.url)["port"]
            yield Pair(primary.url, standby)


def as_of(conn: Connection, query: str, min_position: int | None = None) -> Json:
    answer = ask(conn, query, min_position=min_position)
    assert not answer["cached"]
    assert answer["position"] == min_position
    return answer


def test_a_standby_computes_each_answer(pair: Pair) -> None:
    with connect(pair.primary, autocommit=True, options=OURS) as here:
        for query in QUERIES:
            ask(here, query)
            assert ask(here, query)["cached"]
    pair.caught_up()
    with pair.reader() as there:
        assert one(there, "select pg_is_in_recovery()")
        for query in (*QUERIES, "total"):
            as_of(there, query)
        assert as_of(there, "count")["data"]["nonce"] != as_of(there, "count")["data"]["nonce"]
        assert as_of(there, "count")["data"]["role"] == "authenticated"
        assert as_of(there, "shared")["data"]["role"] == "postgres", "by the owner, as elsewhere"


def test_a_standby_has_what_min_position_asks_for(pair: Pair) -> None:
    """A standby that has not come so far says so, and never answers with less."""
    with (
        connect(pair.primary, autocommit=True) as here,
        pair.reader() as there,
        connect(pair.standby, autocommit=True) as control,
    ):
        before = one(here, "select count(*) from dbkit.event_store where event_type = 'Added'")
        pair.caught_up()
        one(control, "select pg_wal_replay_pause()")
        wait(lambda: one(control, "select pg_get_wal_replay_pause_state()") == "paused")
        mine = execute(here, "add")["position"]
        for query in QUERIES:
            assert as_of(there, query)["data"]["count"] == before
            with raises(there, "KD608") as caught:
                ask(there, query, min_position=mine)
            assert caught.detail["min_position"] == mine
        one(control, "select pg_wal_replay_resume()")
        pair.caught_up()
        for query in QUERIES:
            assert as_of(there, query, mine)["data"]["count"] == before + 1
        with raises(there, "KD608"):
            ask(there, "count", min_position=mine + 1)


def test_a_standby_waits_for_no_projection(pair: Pair) -> None:
    with connect(pair.primary, autocommit=True) as here, pair.reader() as there:
        one(here, "select dbkit.run_projection('totals')")
        mine = execute(here, "add")["position"]
        pair.caught_up()
        before = as_of(there, "total")["data"]["n"]
        with raises(there, "KD608"):
            ask(there, "total", min_position=mine)
        one(here, "select dbkit.run_projection('totals')")
        pair.caught_up()
        assert as_of(there, "total", mine)["data"]["n"] == before + 1


def test_a_standby_keeps_the_rules(pair: Pair) -> None:
    pair.caught_up()
    with pair.reader() as there:
        refused(there)
        with raises(there, "25006"):
            execute(there, "add")
    with pair.reader("-c role=anon") as there:
        for query in QUERIES:
            with raises(there, "KD003"):
                ask(there, query)


def test_what_was_kept_before_a_standby_is_promoted_is_gone(pair: Pair) -> None:
    """The new primary draws positions again that the old one had and never sent."""
    with streaming_standby(pair.primary) as standby:
        with connect(pair.primary, autocommit=True) as here:
            ask(here, "count")
            assert kept(here) > 0
        with connect(standby, autocommit=True) as there:
            assert one(there, "select pg_promote()")
            assert kept(there) == 0
            there.execute("set dbkit.user_id = 'ada'")
            first = ask(there, "count")
            assert not first["cached"]
            assert ask(there, "count") == {**first, "cached": True}
            mine = execute(there, "add")["position"]
            assert ask(there, "count", min_position=mine)["position"] == mine


def test_an_answer_of_the_primary_can_be_asked_for_on_a_standby(pair: Pair) -> None:
    """The position of one is a token for the other: nothing older than what was seen."""
    with connect(pair.primary, autocommit=True, options=OURS) as here, pair.reader() as there:
        for _ in range(20):
            with connect(pair.primary, autocommit=True) as writer:
                execute(writer, "add")
            seen = ask(here, "shared")
            try:
                found = ask(there, "shared", min_position=seen["position"])
            except psycopg.Error as error:
                assert error.sqlstate == "KD608", error
            else:
                assert found["data"]["count"] >= seen["data"]["count"]
