"""dbkit.prune_maintenance: old runs go, those of the ledger with it."""

from __future__ import annotations

from tests.healing.parts import RUN, STEP, ledger, make_house, register_lamps
from tests.helpers import Connection, become, freeze_clock, one, raises

PRUNE = "select dbkit.prune_maintenance(%s, %s)"


def test_forgets_by_age(db: Connection) -> None:
    make_house(db)
    register_lamps(db)
    freeze_clock(db, "2026-01-01T00:00:00Z")
    assert one(db, RUN, "lamps")["healed"] == 10
    one(db, RUN, "lamps")
    one(db, STEP, "auto_heal")
    freeze_clock(db, "2026-01-31T00:00:00Z")
    become(db, "service_role")
    none = {"ledger": 0, "heal_runs": 0, "maintenance_runs": 0, "more": False}
    assert one(db, PRUNE, 30, 400) == none
    freeze_clock(db, "2026-01-31T00:00:01Z")
    # The run that healed stays for the ledger's sake; the idle ones, and those of the step, go.
    assert one(db, PRUNE, 30, 400) == none | {"heal_runs": 4, "maintenance_runs": 1}
    assert ledger(db) == 10
    freeze_clock(db, "2027-02-06T00:00:00Z")
    assert one(db, PRUNE, 30, 400) == none | {"ledger": 10, "heal_runs": 1}


def test_in_pieces(db: Connection) -> None:
    db.execute(
        "insert into dbkit.maintenance_runs (step, started_at, took_ms, outcome)"
        " select 'x', dbkit.clock() - interval '40 days', 0, 'done' from generate_series(1, 5001)"
    )
    first = one(db, PRUNE, 30, 400)
    assert (first["maintenance_runs"], first["more"]) == (5000, True)
    second = one(db, PRUNE, 30, 400)
    assert (second["maintenance_runs"], second["more"]) == (1, False)


def test_bad_arguments(db: Connection) -> None:
    for given in ((0, 400), (30, 30), (None, 400), (30, None), (3651, 400)):
        with raises(db, "KD004"):
            one(db, PRUNE, *given)


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, PRUNE, 30, 400)
