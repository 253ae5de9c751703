"""dbkit.register_metric_event_type."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import Connection, become, one, raises, row, rows, unbecome
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
