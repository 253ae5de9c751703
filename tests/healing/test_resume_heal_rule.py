"""dbkit.resume_heal_rule: after somebody has looked, and for as much as they allow."""

from __future__ import annotations

from decimal import Decimal

from tests.healing.parts import RUN, lit, make_house, register_lamps
from tests.helpers import Connection, become, one, raises

RESUME = "select dbkit.resume_heal_rule(%s, %s)"


def tripping(db: Connection) -> None:
    make_house(db)
    register_lamps(
        db,
        p_population_function="house.count_lamps",
        p_trip_share=Decimal("0.1"),
        p_trip_min=2,
        p_batch_size=4,
    )
    become(db, "service_role")
    assert one(db, RUN, "lamps")["outcome"] == "tripped"


def test_without_an_allowance_it_trips_again(db: Connection) -> None:
    tripping(db)
    assert one(db, RESUME, "lamps", 0) is True
    assert one(db, RUN, "lamps")["outcome"] == "tripped"
    assert lit(db) == 0


def test_what_is_allowed_is_healed_and_no_more(db: Connection) -> None:
    tripping(db)
    one(db, RESUME, "lamps", 6)
    assert [one(db, RUN, "lamps")["healed"] for _ in range(2)] == [4, 2]
    assert one(db, RUN, "lamps")["outcome"] == "tripped"
    assert lit(db) == 6


def test_of_one_that_has_not_tripped(db: Connection) -> None:
    assert one(db, RESUME, "ready_orders", 0) is False


def test_unknown_and_bad(db: Connection) -> None:
    with raises(db, "KD740"):
        one(db, RESUME, "nothing", 0)
    for allow in (-1, 1_000_001, None):
        with raises(db, "KD004"):
            one(db, RESUME, "ready_orders", allow)


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, RESUME, "ready_orders", 0)
