"""dbkit.get_metric_drops."""

from tests.helpers import Connection, become, freeze_clock, one, raises, rows, unbecome
from tests.metrics.parts import ingest

DROPS = "select * from dbkit.get_metric_drops(%s)"


def test_counts_by_hour_and_reason(db: Connection) -> None:
    now = one(db, "select date_trunc('hour', clock_timestamp())")
    become(db, "anon")
    for _ in range(3):
        ingest(db, 7, 8, {"event_type": "nope"})
    unbecome(db)
    found = rows(db, DROPS, 24)
    assert [(f["hour"], f["reason"], f["dropped"]) for f in found] == [
        (now, "malformed", 6),
        (now, "unknown_type", 3),
    ]
    freeze_clock(db, str(one(db, "select clock_timestamp() + interval '1 hour'")))
    ingest(db, 7)
    assert [f["reason"] for f in rows(db, DROPS, 24)] == ["malformed", "malformed", "unknown_type"]


def test_is_for_operators(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        rows(db, DROPS, 24)
    become(db, "service_role")
    with raises(db, "KD004"):
        rows(db, DROPS, 0)
