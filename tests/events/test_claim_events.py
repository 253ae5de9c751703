from __future__ import annotations

import psycopg
import pytest

from tests.events.groups import (
    append,
    at,
    claim,
    drain,
    must_claim,
    opened,
    register,
    status,
    stream_of_partition,
)
from tests.helpers import Connection, become, connect, one, raises, row, unbecome


def test_a_batch_has_the_next_events_whole(database: str) -> None:
    with opened(database) as conn:
        with conn.transaction():
            become(conn, "authenticated", organization_id="acme", user_id="ada")
            conn.execute("select dbkit.append_event('counter', 'a', 'Counted', '{\"by\": 2}')")
            unbecome(conn)
        register(conn)
        claimed = row(
            conn,
            "select c.partition, c.token, c.failures, c.leased_until - dbkit.clock() as left, e.*"
            " from dbkit.claim_events('g', 'me', 10, 30) c cross join unnest(c.events) e",
        )
        assert (claimed["partition"], claimed["token"], claimed["failures"]) == (0, 1, 0)
        assert 29 < claimed["left"].total_seconds() <= 30
        stored = row(conn, "select * from dbkit.events")
        assert {name: claimed[name] for name in stored} == stored


def test_batches_follow_one_another_without_a_gap(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 25)
        register(conn)
        found = []
        for size in (10, 10, 5):
            batch = must_claim(conn, limit=10)
            assert len(batch.positions) == size
            assert batch.ack(conn) == 0
            found += batch.positions
        assert found == there
        assert claim(conn) is None


def test_one_batch_of_a_partition_is_in_flight(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 25)
        register(conn)
        batch = must_claim(conn, limit=5)
        assert claim(conn, consumer="other") is None
        batch.ack(conn)
        assert must_claim(conn, consumer="other").positions[0] == batch.positions[-1] + 1


def test_partitions_are_worked_at_side_by_side_each_stream_in_one(database: str) -> None:
    with opened(database) as conn:
        register(conn, partitions=4)
        for n in range(40):
            append(conn, f"s{n % 20}")
        batches = [must_claim(conn, consumer=f"c{n}") for n in range(4)]
        assert claim(conn) is None
        assert {batch.partition for batch in batches} == {0, 1, 2, 3}
        streams = [set(batch.streams) for batch in batches]
        assert sum(len(each) for each in streams) == len(set().union(*streams)) == 20
        assert sorted(p for batch in batches for p in batch.positions) == list(range(1, 41))


def test_whoever_waited_longest_is_next(database: str) -> None:
    """A partition that always has something does not starve the others."""
    with opened(database) as conn:
        register(conn, partitions=3)
        names = [stream_of_partition(conn, number, 3) for number in range(3)]
        order = []
        for n in range(9):
            at(conn, n)
            for name in names:
                append(conn, name)
            batch = must_claim(conn, limit=1)
            order.append(batch.partition)
            batch.ack(conn)
        assert order == [0, 1, 2] * 3


def test_a_lease_that_has_ended_is_anybodys(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 3)
        register(conn)
        at(conn, 0)
        first = must_claim(conn, consumer="dead", seconds=60)
        at(conn, 59.9)
        assert claim(conn) is None
        at(conn, 60)
        second = must_claim(conn, consumer="heir")
        assert second.positions[0] == first.positions[0]
        assert second.token > first.token
        with raises(conn, "KD532"):
            first.ack(conn)
        assert second.ack(conn) == 0
        assert status(conn)["events"] == 3


def test_lost_leases_halve_the_batch_until_the_event_that_kills_is_alone(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 8)
        register(conn, poison_policy="dead_letter", max_failures=2)
        sizes, seconds = [], 0
        for _ in range(4):
            at(conn, seconds)
            sizes.append(len(must_claim(conn, limit=8).positions))
            seconds += 1000
        assert sizes == [8, 4, 2, 1]
        # That was the fourth lease in a row that was lost, and this event was alone in it.
        at(conn, seconds)
        assert claim(conn) is None
        assert status(conn)["failures"] == 1
        assert "without an answer" in status(conn)["last_error"]
        at(conn, seconds + 10)
        assert must_claim(conn).positions == there[:1]


def test_an_acknowledgement_ends_the_suspicion(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 40)
        register(conn)
        at(conn, 0)
        must_claim(conn, limit=8)
        at(conn, 100)
        batch = must_claim(conn, limit=8)
        assert len(batch.positions) == 4
        batch.ack(conn)
        assert len(must_claim(conn, limit=8).positions) == 8


def test_an_open_append_is_waited_for_not_skipped(database: str) -> None:
    with opened(database) as conn, connect(database) as slow:
        register(conn)
        late = append(slow, "a")
        early = append(conn, "b")
        assert claim(conn) is None
        slow.commit()
        assert must_claim(conn).positions == [*late, *early]


def test_claims_do_not_wait_for_an_acknowledgement_that_is_under_way(database: str) -> None:
    """Nor do they take its partition, also when the lease has ended meanwhile."""
    with opened(database) as conn, connect(database) as other:
        conn.execute("set lock_timeout = '2s'")
        register(conn, partitions=2)
        append(conn, stream_of_partition(conn, 0, 2), 3)
        append(conn, stream_of_partition(conn, 1, 2), 3)
        at(conn, 0)
        first = must_claim(conn)
        first.ack(other)
        at(conn, 1000)
        assert must_claim(conn).partition != first.partition
        assert claim(conn) is None
        other.rollback()
        again = must_claim(conn)
        assert again.positions[0] == first.positions[0]


def test_empty_partitions_move_on_together(database: str) -> None:
    """What one scan has seen, no other claim reads again."""
    with opened(database) as conn:
        register(conn, partitions=8)
        name = stream_of_partition(conn, 5, 8)
        append(conn, name, 50)
        batch = must_claim(conn)
        assert batch.partition == 5
        positions = [status(conn, partition=number)["position"] for number in range(8)]
        assert positions == [50, 50, 50, 50, 50, 0, 50, 50]
        batch.ack(conn)
        assert status(conn, partition=5)["position"] == 50


def test_a_filter_that_nothing_passes_leaves_no_lag(database: str) -> None:
    with opened(database) as conn:
        register(conn, event_types=["Rare"], partitions=2)
        for n in range(300):
            append(conn, f"s{n}")
        rare = append(conn, "a", event_type="Rare")
        append(conn, "a", 5)
        assert drain(conn, limit=1) == rare
        assert claim(conn) is None
        assert [status(conn, partition=number)["lag"] for number in range(2)] == [0, 0]


def upcast(conn: Connection, body: str) -> None:
    """From version 1 of Counted to version 2."""
    conn.execute(f"create function public.upcast(jsonb) returns jsonb {body}".encode())
    conn.execute("grant usage on schema public to authenticated, service_role, super_admin")
    conn.execute(
        """grant execute on function public.upcast(jsonb)
        to authenticated, service_role, super_admin"""
    )
    conn.execute("select dbkit.register_event_type('Counted', '{}', 2)")
    conn.execute("select dbkit.register_upcaster('Counted', 1, 2, 'public.upcast(jsonb)')")


def test_events_come_as_they_read_today(database: str) -> None:
    with opened(database) as conn:
        append(conn)
        upcast(conn, """language sql immutable return $1 || '{"upcast": true}'""")
        register(conn)
        found = one(
            conn,
            "select e.event_data from dbkit.claim_events('g', 'me') c, unnest(c.events) e",
        )
        assert found == {"upcast": True}


def test_an_event_that_cannot_be_read_is_a_failure_of_its_own(database: str) -> None:
    """And not of the claim, which would stop the whole group."""
    with opened(database) as conn:
        for n in ("1", "2", '"many"', "4"):
            conn.execute(
                "select dbkit.append_event('counter', 'a', 'Counted', %s)", [f'{{"n": {n}}}']
            )
        upcast(conn, "language sql immutable return jsonb_build_object('n', ($1 ->> 'n')::int)")
        register(conn, poison_policy="dead_letter", max_failures=2)
        assert drain(conn) == [1, 2]
        assert status(conn)["failures"] == 1
        assert status(conn)["last_error"].startswith("22P02: ")
        at(conn, 0)
        assert drain(conn) == [4]
        assert one(conn, "select position from dbkit.event_dead_letters") == 3


def test_a_cancelled_claim_is_no_failure_of_the_event(database: str) -> None:
    with opened(database) as conn:
        append(conn)
        upcast(conn, "language plpgsql immutable as 'begin perform pg_sleep(60); return $1; end'")
        register(conn)
        conn.execute("set statement_timeout = '100ms'")
        with raises(conn, "57014"):
            claim(conn)
        conn.execute("reset statement_timeout")
        assert status(conn)["failures"] == 0


# --- rights and limits ---------------------------------------------------------------------


def test_needs_the_service(db: Connection) -> None:
    register(db)
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            claim(db)
        unbecome(db)
    become(db, "service_role")
    assert claim(db) is None


def test_refuses_unknown_groups_and_arguments_out_of_range(db: Connection) -> None:
    register(db)
    with raises(db, "KD530"):
        claim(db, "nothing")
    for limit in (0, -1, 10001):
        with raises(db, "KD004"):
            claim(db, limit=limit)
    for seconds in (0, -5, 86401):
        with raises(db, "KD004"):
            claim(db, seconds=seconds)
    for name in ("", "x" * 201):
        with raises(db, "KD004"):
            claim(db, consumer=name)


def test_refuses_another_isolation_level(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        conn.execute("begin isolation level repeatable read")
        with raises(conn, "KD507"):
            claim(conn)
        conn.execute("rollback")


# --- the plan ------------------------------------------------------------------------------

SCANS = """
select relname, seq_scan, idx_scan, idx_tup_fetch
from pg_stat_xact_user_tables
where relid in ('dbkit.event_store'::regclass, 'dbkit.event_consumer_blocked_streams'::regclass,
  'dbkit.event_dead_letters'::regclass)
"""


def fill(conn: Connection) -> None:
    """10,000 events of 200 streams, and what other groups hold back and gave up on."""
    conn.execute(
        """select dbkit.append_event('counter', 's' || i % 200, 'Counted', '{}')
        from generate_series(1, 10000) i"""
    )
    conn.execute(
        """select dbkit.register_consumer_group('other' || n, 1) from generate_series(1, 20) n"""
    )
    conn.execute(
        """insert into dbkit.event_consumer_blocked_streams (group_name, organization_id,
          aggregate_type, aggregate_id, partition, version, position, failures, last_error,
          blocked_at)
        select 'other' || n, 'default', 'counter', 'x' || i, 0, 1, i, 1, 'bad', now()
        from generate_series(1, 20) n, generate_series(1, 500) i"""
    )
    conn.execute(
        """insert into dbkit.event_dead_letters (organization_id, source, source_name, position,
          aggregate_type, aggregate_id, reason, status, created_at, resolved_at)
        select 'default', 'group', 'other' || n, i, 'counter', 'x', 'bad',
          case when i % 10 = 0 then 'requeued' else 'discarded' end, now(), now()
        from generate_series(1, 20) n, generate_series(1, 500) i"""
    )
    conn.execute("analyze")


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("position", [0, 9000, 10000])
def test_a_claim_reads_a_range_of_an_index_wherever_it_is(
    database: str, plans: str, position: int
) -> None:
    """As many events as the partitions share of a batch, and none when there is nothing to do."""
    with opened(database) as conn:
        fill(conn)
        register(conn, partitions=4, from_position=position)
        conn.execute(f"set plan_cache_mode = {plans}".encode())
        conn.execute("select pg_stat_force_next_flush()")
        with conn.transaction():
            conn.execute("select dbkit.claim_events('g', 'me', 50)")
            found = {r["relname"]: r for r in conn.execute(SCANS).fetchall()}
        assert all(each["seq_scan"] == 0 for each in found.values()), found
        # 200 scanned, 50 of them read, and what the newest position takes.
        assert found["event_store"]["idx_tup_fetch"] <= (300 if position < 10000 else 1)
        assert found["event_dead_letters"]["idx_tup_fetch"] == 0
        assert found["event_consumer_blocked_streams"]["idx_tup_fetch"] == 0


def test_control_a_claim_without_the_index_reads_the_table(database: str) -> None:
    with opened(database) as conn:
        fill(conn)
        register(conn, partitions=4)
        conn.execute("drop index dbkit.idx_event_store_position")
        conn.execute("select pg_stat_force_next_flush()")
        with conn.transaction():
            conn.execute("select dbkit.claim_events('g', 'me', 50)")
            found = {r["relname"]: r for r in conn.execute(SCANS).fetchall()}
        assert found["event_store"]["seq_scan"] > 0


def test_a_dead_session_leaves_its_lease_and_no_lock(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 3)
        register(conn)
        at(conn, 0)
        with connect(database, autocommit=True) as victim:
            at(victim, 0)
            batch = must_claim(victim)
            victim.execute("begin")
            batch.ack(victim)
            one(conn, "select pg_terminate_backend(%s)", victim.info.backend_pid)
            with pytest.raises(psycopg.OperationalError):
                victim.execute("commit")
        at(conn, 60)
        assert must_claim(conn).positions[0] == batch.positions[0]
