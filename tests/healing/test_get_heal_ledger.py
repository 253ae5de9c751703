"""dbkit.get_heal_ledger: newest first, a page at a time."""

from __future__ import annotations

from tests.healing.parts import HEAL, RUN, make_house, register_lamps, stuck_orders
from tests.helpers import Connection, become, one, raises, rows

LEDGER = "select * from dbkit.get_heal_ledger({})"


def test_by_rule_subject_and_run(db: Connection, grill: int) -> None:
    make_house(db)
    register_lamps(db, p_batch_size=6)
    stuck = stuck_orders(db, grill, 2, "ready", 130)
    become(db, "service_role")
    run = one(db, RUN, "lamps")["run_id"]
    one(db, RUN, "lamps")
    one(db, HEAL)
    assert len(rows(db, LEDGER.format(""))) == 12
    assert len(rows(db, LEDGER.format("'lamps'"))) == 10
    assert len(rows(db, LEDGER.format("p_run_id => %s"), run)) == 6
    (found,) = rows(db, LEDGER.format("p_subject => %s"), str(stuck[0]))
    assert (found["rule"], found["organization_id"]) == ("ready_orders", "smoke")
    assert (found["before"]["status"], found["after"]["status"]) == ("ready", "completed")
    assert found["undone_at"] is None


def test_pages(db: Connection) -> None:
    make_house(db)
    register_lamps(db)
    one(db, RUN, "lamps")
    become(db, "service_role")
    seen: list[int] = []
    while page := rows(
        db, LEDGER.format("p_before_id => %s, p_limit => 3"), min(seen, default=None)
    ):
        assert len(page) <= 3
        seen += [p["ledger_id"] for p in page]
    assert len(seen) == 10
    assert seen == sorted(seen, reverse=True)


def test_bad_limits(db: Connection) -> None:
    for limit in (0, -1, 1001, None):
        with raises(db, "KD004"):
            rows(db, LEDGER.format("p_limit => %s"), limit)


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        rows(db, LEDGER.format(""))
