"""dbkit.unregister_metric_event_type."""

from __future__ import annotations

from tests.helpers import Connection, become, one, raises
from tests.metrics.parts import record

UNREGISTER = "select dbkit.unregister_metric_event_type(%s)"


def test_takes_no_more_of_them(db: Connection) -> None:
    db.execute("select dbkit.register_metric_event_type('kitchen')")
    record(db, "kitchen")
    db.execute(UNREGISTER, ["kitchen"])
    with raises(db, "KD702"):
        record(db, "kitchen")
    with raises(db, "KD702"):
        db.execute(UNREGISTER, ["kitchen"])
    assert one(db, "select count(*) from dbkit.runtime_metrics") == 1
    assert one(db, "select dbkit.rollup_metrics()")["late_minutes"] == 0


def test_the_documented_ones_stay(db: Connection) -> None:
    found = [r["t"] for r in db.execute("select event_type as t from dbkit.metric_event_types")]
    documented = [name for name in found if not name.startswith("gateway_")]
    assert len(documented) == 10
    for name in documented:
        with raises(db, "KD703"):
            db.execute(UNREGISTER, [name])


def test_is_for_the_super_admin(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "42501"):
        db.execute(UNREGISTER, ["kitchen"])
