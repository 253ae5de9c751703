from __future__ import annotations

import pytest

from tests.events.groups import append, at, claim, drain, must_claim, opened, register, status
from tests.events.parts import waiting
from tests.helpers import Connection, become, connect, one, raises


def test_a_part_of_a_batch_can_be_acknowledged(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 10)
        register(conn)
        batch = must_claim(conn)
        assert batch.ack(conn, there[3]) == 6
        assert (status(conn)["position"], status(conn)["events"]) == (there[3], 4)
        assert claim(conn) is None, "the lease goes on"
        assert batch.ack(conn, there[8]) == 1
        assert batch.ack(conn) == 0
        assert status(conn)["leased_by"] is None
        assert claim(conn) is None


def test_what_was_acknowledged_does_not_come_again_after_the_lease(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 10)
        register(conn)
        at(conn, 0)
        must_claim(conn).ack(conn, there[3])
        at(conn, 60)
        assert drain(conn, limit=100) == there[4:]


def test_effect_and_acknowledgement_are_committed_together_or_not_at_all(database: str) -> None:
    with opened(database) as conn, connect(database) as worker:
        conn.execute("create table public.effects (position bigint primary key)")
        append(conn, "a", 3)
        register(conn)
        at(conn, 0)
        batch = must_claim(conn)
        worker.execute("insert into public.effects select unnest(%s::bigint[])", [batch.positions])
        batch.ack(worker)
        worker.rollback()
        assert status(conn)["events"] == 0
        worker.execute("insert into public.effects select unnest(%s::bigint[])", [batch.positions])
        batch.ack(worker)
        worker.commit()
        assert status(conn)["events"] == one(conn, "select count(*) from public.effects") == 3


def test_a_stale_token_is_refused_and_rolls_the_effect_back(database: str) -> None:
    """Paused past its lease, a consumer comes back and finds that somebody else was quicker."""
    with opened(database) as conn, connect(database) as paused:
        conn.execute("create table public.effects (position bigint primary key)")
        append(conn, "a", 3)
        register(conn)
        at(conn, 0)
        old = must_claim(conn, consumer="paused")
        at(conn, 100)
        new = must_claim(conn, consumer="heir")
        with raises(paused, "KD532") as caught:
            paused.execute("insert into public.effects values (%s)", [old.positions[0]])
            old.ack(paused)
        assert caught.detail == {"group": "g", "partition": 0, "token": old.token}
        paused.commit()
        assert one(conn, "select count(*) from public.effects") == 0
        new.ack(conn)


def test_control_without_the_token_the_effect_happens_twice(database: str) -> None:
    """What an acknowledgement by position alone would do."""
    with opened(database) as conn:
        conn.execute("create table public.effects (position bigint)")
        append(conn)
        register(conn)
        at(conn, 0)
        old = must_claim(conn, consumer="paused")
        at(conn, 100)
        new = must_claim(conn, consumer="heir")
        for batch in (new, old):
            conn.execute("insert into public.effects values (%s)", [batch.positions[0]])
            conn.execute(
                "update dbkit.event_consumer_partitions set position = %s where position <= %s",
                [batch.positions[-1], batch.positions[-1]],
            )
        assert one(conn, "select count(*) from public.effects") == 2


def test_after_the_lease_it_still_counts_as_long_as_nobody_has_claimed(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 3)
        register(conn)
        at(conn, 0)
        batch = must_claim(conn)
        at(conn, 1000)
        assert batch.ack(conn) == 0


def test_a_claim_that_waits_for_nothing_does_not_overtake_an_open_acknowledgement(
    database: str,
) -> None:
    with opened(database) as conn, connect(database) as worker:
        append(conn, "a", 3)
        register(conn)
        at(conn, 0)
        batch = must_claim(conn)
        at(conn, 100)
        batch.ack(worker)
        assert claim(conn) is None
        worker.commit()
        assert claim(conn) is None
        assert status(conn)["events"] == 3


@pytest.mark.parametrize("which", ["twice", "earlier", "of another", "above"])
def test_goes_only_forward_and_only_through_its_own_batch(database: str, which: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 10)
        register(conn)
        batch = must_claim(conn, limit=5)
        batch.ack(conn, there[2])
        position = {"twice": 2, "earlier": 0, "of another": 7, "above": 9}[which]
        with raises(conn, "KD004") as caught:
            batch.ack(conn, there[position])
        assert caught.detail == {"argument": "p_position", "batch": there[3:5]}


def test_all_of_it_acknowledged_it_cannot_be_again(database: str) -> None:
    """A transaction that is sent again would have its effect twice."""
    with opened(database) as conn:
        append(conn, "a", 3)
        register(conn)
        batch = must_claim(conn)
        batch.ack(conn)
        with raises(conn, "KD532"):
            batch.ack(conn)


def test_two_who_acknowledge_the_same_take_turns_and_one_fails(database: str) -> None:
    with opened(database) as conn, connect(database) as first:
        append(conn, "a", 3)
        register(conn)
        batch = must_claim(conn)
        batch.ack(first)

        def again(other: Connection) -> None:
            with raises(other, "KD532"):
                batch.ack(other)

        with waiting(database, again) as future:
            first.commit()
        future.result()


def test_refuses_unknown_groups_and_partitions_and_clients(db: Connection) -> None:
    append(db)
    register(db)
    with raises(db, "KD530"):
        db.execute("select dbkit.ack_events('nothing', 0, 1, 1)")
    for partition in (-1, 1, None):
        with raises(db, "KD531"):
            db.execute("select dbkit.ack_events('g', %s, 1, 1)", [partition])
    with raises(db, "KD532"):
        db.execute("select dbkit.ack_events('g', 0, 0, 1)")
    become(db, "authenticated")
    with raises(db, "42501"):
        db.execute("select dbkit.ack_events('g', 0, 1, 1)")
