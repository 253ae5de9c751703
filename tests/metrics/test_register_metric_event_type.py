"""dbkit.register_metric_event_type."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import Connection, become, connect, one, raises, row, rows, unbecome
from tests.metrics.parts import ingest, record, roll_up

REGISTER = "select dbkit.register_metric_event_type(%s, %s, %s, %s, %s, %s)"


def register(conn: Connection, *given: Any) -> None:
    conn.execute(REGISTER, [*given, *([None] * (6 - len(given)))])


def test_a_type_of_ones_own_has_counts_and_percentiles(db: Connection) -> None:
    register(db, "kitchen", "Ovens", False, "oven", "seconds")
    for seconds in (10, 20, 30):
        record(db, "kitchen", {"oven": "a", "seconds": seconds})
    roll_up(db)
    found = row(
        db,
        "select * from dbkit._metric_percentiles('kitchen', clock_timestamp() - interval '1 hour',"
        " clock_timestamp(), null, null, array[0.5])",
    )
    assert (found["series"], found["samples"], found["measured"]) == ("a", 3, 3)
    assert found["percentiles"][0] == pytest.approx(20, rel=0.025)
    with raises(db, "KD701"):
        record(db, "kitchen", {"seconds": "ten"})


def test_clients_send_it_only_if_they_may(db: Connection) -> None:
    register(db, "kitchen", "", False)
    become(db, "anon")
    assert ingest(db, {"event_type": "kitchen"})["reasons"] == {"forbidden_type": 1}
    unbecome(db)
    register(db, "kitchen", "", True)
    become(db, "anon")
    assert ingest(db, {"event_type": "kitchen"})["accepted"] == 1


def test_values_from_before_its_registration_do_no_harm(db: Connection) -> None:
    register(db, "kitchen")
    record(db, "kitchen", {"seconds": -5})
    record(db, "kitchen", {"seconds": "x"})
    one(db, """select dbkit.record_metric('kitchen', '{"seconds": 1e400}')""")
    register(db, "kitchen", "", False, None, "seconds", "seconds")
    found = rows(
        db,
        "select * from dbkit._aggregate_metrics(60, 'kitchen', '-infinity', 'infinity', '*')",
    )
    assert (sum(f["samples"] for f in found), sum(f["measured"] for f in found)) == (3, 0)


@pytest.mark.parametrize(
    "given",
    [
        ("Kitchen",),
        ("",),
        (None,),
        ("x" * 64,),
        ("a-b",),
        ("kitchen", "d" * 501),
        ("kitchen", "", True, ""),
        ("kitchen", "", True, None, "v" * 64),
    ],
)
def test_refuses_what_is_malformed(db: Connection, given: tuple[Any, ...]) -> None:
    with raises(db, "KD703"):
        register(db, *given)


def test_is_for_the_super_admin(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            register(db, "kitchen")
        unbecome(db)
    become(db, "super_admin")
    register(db, "kitchen")


def test_what_recording_knows_of_types_is_what_the_table_says(db: Connection) -> None:
    """record_metric has the types in its plan: a literal that is written with every change."""
    known = (
        "select t.event_type from dbkit.metric_event_types t"
        " where dbkit._metric_value_key(t.event_type) is distinct from coalesce(t.value_key, '')"
    )
    assert rows(db, known) == []
    register(db, "kitchen", "", False, "oven", "seconds")
    assert one(db, "select dbkit._metric_value_key('kitchen')") == "seconds"
    assert rows(db, known) == []
    db.execute("select dbkit.unregister_metric_event_type('kitchen')")
    assert one(db, "select dbkit._metric_value_key('kitchen')") is None
    assert rows(db, known) == []


def test_a_type_that_recording_has_not_heard_of_is_looked_up(db: Connection) -> None:
    db.execute(
        "insert into dbkit.metric_event_types (event_type, value_key) values ('oven', 'heat')"
    )
    assert one(db, "select dbkit._metric_value_key('oven')") is None
    record(db, "oven", {"heat": 220})
    with raises(db, "KD701"):
        record(db, "oven", {"heat": "hot"})


def test_two_at_once_wait_for_each_other(database: str) -> None:
    """Both write the same function: without the lock the second fails."""
    with connect(database) as first, connect(database) as second:
        first.execute("begin")
        register(first, "kitchen")
        second.execute("set lock_timeout = '50ms'")
        with raises(second, "55P03"):
            register(second, "oven")
        first.execute("commit")
        register(second, "oven")
        assert one(second, "select dbkit._metric_value_key('oven')") == ""
        assert one(second, "select dbkit._metric_value_key('kitchen')") == ""
