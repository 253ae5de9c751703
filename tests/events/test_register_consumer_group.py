from __future__ import annotations

from typing import Any

import pytest

from tests.events.groups import append, claim, drain, must_claim, opened, register, status
from tests.helpers import Connection, become, connect, one, raises, row, rows, unbecome


def test_a_group_from_now_on_gets_what_comes_after_and_no_more(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 3)
        answer = register(conn, from_position=None)
        assert answer == {"group": "g", "partitions": 1, "created": True, "position": 3}
        assert claim(conn) is None
        assert drain(conn) == []
        new = append(conn, "a", 2)
        assert drain(conn) == new


def test_a_group_from_now_on_gets_what_was_open_when_it_was_registered(database: str) -> None:
    """It begins at the safe position: the newest one would skip an append that commits late."""
    with opened(database) as conn, connect(database) as slow:
        append(conn, "a")
        late = append(slow, "slow")
        early = append(conn, "b")
        assert late < early
        register(conn, from_position=None)
        slow.commit()
        assert drain(conn) == [*late, *early]


def test_from_zero_it_gets_everything(database: str) -> None:
    with opened(database) as conn:
        there = append(conn, "a", 3)
        register(conn, partitions=8, from_position=0)
        assert sorted(drain(conn)) == there


def test_again_it_changes_the_filter_and_the_policy_and_stays_where_it_is(database: str) -> None:
    with opened(database) as conn:
        append(conn, "a", 3)
        register(conn, poison_policy="block")
        drain(conn)
        answer = register(conn, event_types=["Other"], poison_policy="halt", max_failures=2)
        assert answer == {"group": "g", "partitions": 1, "created": False, "position": 3}
        append(conn, "a", 2)
        other = append(conn, "a", event_type="Other")
        assert drain(conn) == other
        found = row(conn, "select poison_policy, max_failures from dbkit.event_consumer_groups")
        assert found == {"poison_policy": "halt", "max_failures": 2}


def test_the_number_of_partitions_is_fixed(db: Connection) -> None:
    """A stream would change its partition, and two consumers could have it."""
    register(db, partitions=4)
    with raises(db, "KD531") as caught:
        register(db, partitions=5)
    assert caught.detail == {"argument": "p_partitions", "partitions": 4}
    assert one(db, "select count(*) from dbkit.event_consumer_partitions") == 4


def test_filters_let_pass_what_they_name(database: str) -> None:
    with opened(database) as conn:
        for organization in ("acme", "bistro"):
            with conn.transaction():
                become(conn, "authenticated", organization_id=organization)
                append(conn, "a", event_type="Opened")
                append(conn, "a", event_type="Closed")
                conn.execute("select dbkit.append_event('bill', '1', 'Opened', '{}')")
                unbecome(conn)
        register(conn, "type", event_types=["Closed"])
        register(conn, "aggregate", aggregate_types=["bill", "other"])
        register(conn, "organization", organization_id="bistro")
        register(conn, "all", event_types=["Opened"], aggregate_types=["counter"], partitions=3)
        assert drain(conn, "type") == [2, 5]
        assert drain(conn, "aggregate") == [3, 6]
        assert drain(conn, "organization") == [4, 5, 6]
        assert sorted(drain(conn, "all")) == [1, 4]
        assert status(conn, "type")["lag"] == 0


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("p_partitions", 0),
        ("p_partitions", 257),
        ("p_partitions", None),
        ("p_event_types", []),
        ("p_event_types", [None]),
        ("p_aggregate_types", []),
        ("p_poison_policy", "ignore"),
        ("p_poison_policy", None),
        ("p_max_failures", 0),
        ("p_from_position", -1),
        ("p_from_position", 1),
    ],
)
def test_refuses_what_cannot_be(db: Connection, argument: str, value: Any) -> None:
    with raises(db, "KD531") as caught:
        register(db, **{argument.removeprefix("p_"): value})
    assert caught.detail["argument"] == argument


def test_refuses_a_name_of_no_length_or_too_much(db: Connection) -> None:
    for name in ("", "x" * 101, None):
        with raises(db, "KD531"):
            db.execute("select dbkit.register_consumer_group(%s)", [name])


def test_is_for_the_service(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            register(db)
        unbecome(db)
    become(db, "service_role")
    assert register(db)["created"]


def test_groups_know_nothing_of_each_other(database: str) -> None:
    with opened(database) as conn:
        register(conn, "one")
        register(conn, "two")
        there = append(conn, "a", 3)
        first, second = must_claim(conn, "one"), must_claim(conn, "two")
        assert first.positions == second.positions == there
        first.ack(conn)
        assert drain(conn, "one") == []
        second.ack(conn)


def test_streams_are_spread_evenly_and_for_ever(db: Connection) -> None:
    """The numbers are those of any release: another hash would give a stream to two consumers."""
    spread = rows(
        db,
        """select dbkit._stream_partition('default', 'order', n::text, 8) as partition, count(*)
        from generate_series(1, 8000) n group by 1 order by 1""",
    )
    assert [each["partition"] for each in spread] == list(range(8))
    assert all(850 < each["count"] < 1150 for each in spread)
    found = rows(
        db,
        """select dbkit._stream_partition(o, 'order', 'käse/1', p) as partition
        from (values ('default', 8), ('acme', 8), ('default', 256)) as v (o, p)""",
    )
    assert [each["partition"] for each in found] == [3, 1, 203]
