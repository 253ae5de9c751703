"""dbkit.undo_healing: back as it was, unless it has moved on; and it stays so."""

from __future__ import annotations

from tests.api.conftest import in_parallel, outcome
from tests.healing.parts import (
    HEAL,
    RUN,
    UNDO,
    events,
    lit,
    make_house,
    order,
    register_lamps,
    stuck_orders,
)
from tests.helpers import (
    TOMORROW,
    Connection,
    become,
    connect,
    freeze_clock,
    one,
    raises,
    row,
    rows,
    unbecome,
)

FIRST = "select min(id) from dbkit.heal_ledger"


def test_restores_what_was_there(db: Connection, grill: int) -> None:
    stuck = [stuck_orders(db, grill, 1, *given)[0] for given in (("preparing", 60), ("ready", 130))]
    before = [order(db, each) for each in stuck]
    become(db, "service_role")
    assert one(db, HEAL)["healed"] == 2
    assert [order(db, each)["status"] for each in stuck] == ["ready", "completed"]
    for entry in rows(db, "select id from dbkit.heal_ledger"):
        one(db, UNDO, entry["id"], "they say so")
    assert [order(db, each) for each in stuck] == before
    assert events(db, stuck[1]) == [
        ("OrderImported", "ready"),
        ("OrderStatusChanged", "completed"),
        ("OrderStatusChanged", "ready"),
    ]
    kept = row(
        db,
        "select undone_at is not null as undone, undone_by, undo_reason from dbkit.heal_ledger"
        " where subject = %s",
        str(stuck[0]),
    )
    me = one(db, "select session_user")
    assert kept == {"undone": True, "undone_by": me, "undo_reason": "they say so"}
    told = rows(
        db,
        "select event_data #>> '{details,subject}' as subject from dbkit.runtime_metrics"
        " where event_type = 'auto_heal' and event_data ->> 'action' = 'undone'",
    )
    assert sorted(t["subject"] for t in told) == sorted(map(str, stuck))


def test_what_was_undone_is_not_healed_again(db: Connection, grill: int) -> None:
    freeze_clock(db, f"{TOMORROW}T12:00:00Z")
    (stuck,) = stuck_orders(db, grill, 1, "preparing", 60)
    one(db, HEAL)
    one(db, UNDO, one(db, FIRST), None)
    assert one(db, HEAL)["healed"] == 0
    assert order(db, stuck)["status"] == "preparing"
    freeze_clock(db, one(db, "select (dbkit.clock() + interval '31 days')::text"))
    assert one(db, HEAL)["healed"] == 1


def test_refuses_what_has_moved_on(db: Connection, grill: int) -> None:
    (stuck,) = stuck_orders(db, grill, 1, "preparing", 60)
    become(db, "service_role")
    one(db, HEAL)
    one(db, "select dbkit._change_order_status(%s, 'completed')", stuck)
    with raises(db, "KD743") as caught:
        one(db, UNDO, one(db, FIRST), None)
    assert "it is completed" in caught.detail["reason"]
    assert order(db, stuck)["status"] == "completed"
    assert one(db, "select undone_at from dbkit.heal_ledger") is None


def test_refuses_what_came_back_by_another_way(db: Connection, grill: int) -> None:
    """The same status, but a later one: somebody has decided since."""
    (stuck,) = stuck_orders(db, grill, 1, "preparing", 60)
    one(db, HEAL)
    db.execute("update dbkit.orders set status_changed_at = status_changed_at + interval '1 s'")
    with raises(db, "KD743"):
        one(db, UNDO, one(db, FIRST), None)
    db.execute("delete from dbkit.orders where id = %s", [stuck])
    with raises(db, "KD743") as caught:
        one(db, UNDO, one(db, FIRST), None)
    assert caught.detail["reason"] == "the order is gone"


def test_once_only(db: Connection) -> None:
    make_house(db, 1)
    register_lamps(db)
    one(db, RUN, "lamps")
    one(db, UNDO, one(db, FIRST), None)
    with raises(db, "KD744"):
        one(db, UNDO, one(db, FIRST), None)


def test_ten_at_once_undo_once(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        make_house(conn, 1)
        register_lamps(conn)
        one(conn, RUN, "lamps")
        entry = one(conn, FIRST)
        done = in_parallel(
            10, lambda n: outcome(database, lambda c: one(c, UNDO, entry, None) is not None)
        )
        assert sorted(map(str, done)) == [*["KD744"] * 9, "True"]
        assert lit(conn) == 0


def test_works_while_healing_is_switched_off(db: Connection) -> None:
    make_house(db)
    register_lamps(db)
    one(db, RUN, "lamps")
    one(db, "select dbkit.set_healing_enabled(false)")
    one(db, UNDO, one(db, FIRST), None)
    assert lit(db) == 9


def test_a_rule_that_cannot_undo_or_is_gone(db: Connection) -> None:
    make_house(db, 2)
    register_lamps(db, p_undo_function=None)
    one(db, RUN, "lamps")
    with raises(db, "KD745"):
        one(db, UNDO, one(db, FIRST), None)
    one(db, "select dbkit.unregister_heal_rule('lamps')")
    with raises(db, "KD745"):
        one(db, UNDO, one(db, FIRST), None)


def test_unknown_and_bad(db: Connection) -> None:
    for entry in (-1, None, 2**62):
        with raises(db, "KD742"):
            one(db, UNDO, entry, None)
    with raises(db, "KD004"):
        one(db, UNDO, 1, "x" * 501)


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, UNDO, 1, None)
        unbecome(db)
