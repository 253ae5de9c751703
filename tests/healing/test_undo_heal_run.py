"""dbkit.undo_heal_run: as much of a run as has not moved on."""

from __future__ import annotations

from tests.healing.parts import RUN, lit, make_house, order, register_lamps, stuck_orders
from tests.helpers import Connection, become, one, raises

UNDO_RUN = "select dbkit.undo_heal_run(%s, %s)"


def test_all_of_a_run_and_of_no_other(db: Connection) -> None:
    make_house(db)
    register_lamps(db, p_batch_size=4)
    become(db, "service_role")
    first, second = (one(db, RUN, "lamps")["run_id"] for _ in range(2))
    answer = one(db, UNDO_RUN, first, "a test")
    assert answer == {"run_id": first, "undone": 4, "refused": []}
    assert lit(db) == 4
    assert one(db, UNDO_RUN, first, None)["undone"] == 0
    assert one(db, UNDO_RUN, second, None)["undone"] == 4
    assert lit(db) == 0


def test_what_moved_on_is_told_and_left(db: Connection, grill: int) -> None:
    moved, still = stuck_orders(db, grill, 2, "preparing", 60)
    become(db, "service_role")
    run = one(db, RUN, "preparing_orders")["run_id"]
    one(db, "select dbkit._change_order_status(%s, 'completed')", moved)
    answer = one(db, UNDO_RUN, run, None)
    assert answer["undone"] == 1
    assert "it is completed" in answer["refused"][0]["reason"]
    assert [order(db, o)["status"] for o in (moved, still)] == ["completed", "preparing"]


def test_unknown(db: Connection) -> None:
    for run in (-1, None):
        with raises(db, "KD742"):
            one(db, UNDO_RUN, run, None)


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, UNDO_RUN, 1, None)
