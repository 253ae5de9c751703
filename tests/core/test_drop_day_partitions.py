"""Old days go, and nothing else."""

from __future__ import annotations

import pytest

from tests.core.parts import days, make_parent
from tests.helpers import Connection, become, connect, freeze_clock, one, raises

DROP = "select dbkit.drop_day_partitions(%s::regclass, %s)"


def ten_days(conn: Connection) -> None:
    make_parent(conn)
    freeze_clock(conn, "2026-02-25T12:00:00Z")
    one(conn, "select dbkit.ensure_day_partitions('dbkit.things', 9)")


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
@pytest.mark.parametrize("at", ["2026-03-04T00:00:00Z", "2026-03-04T23:59:59Z"])
def test_keeps_the_last_days_and_the_future(db: Connection, zone: str, at: str) -> None:
    ten_days(db)
    db.execute("select set_config('timezone', %s, true)", [zone])
    freeze_clock(db, at)
    assert one(db, DROP, "dbkit.things", 2) == 5
    assert days(db) == ["20260302", "20260303", "20260304", "20260305", "20260306"]
    assert one(db, DROP, "dbkit.things", 2) == 0


def test_leaves_partitions_with_other_names(db: Connection) -> None:
    ten_days(db)
    db.execute(
        "create table dbkit.things_old partition of dbkit.things for values"
        " from ('2020-01-01Z') to ('2020-02-01Z');"
        "create table dbkit.things_99999999 partition of dbkit.things for values"
        " from ('2020-02-01Z') to ('2020-03-01Z')"
    )
    freeze_clock(db, "2030-01-01T00:00:00Z")
    assert one(db, DROP, "dbkit.things", 1) == 10
    assert days(db) == ["99999999", "old"]


@pytest.mark.parametrize("keep", [0, -5, None, 2**31 - 1])
def test_refuses_a_number_out_of_range(db: Connection, keep: int | None) -> None:
    ten_days(db)
    with raises(db, "KD004") as caught:
        one(db, DROP, "dbkit.things", keep)
    assert caught.detail["argument"] == "p_keep_days"
    assert len(days(db)) == 10


def test_does_not_queue_writers_behind_it(database: str) -> None:
    """A reader of an old day holds it back: it gives up after its own lock_timeout."""
    with connect(database) as reader, connect(database) as janitor:
        ten_days(janitor)
        janitor.commit()
        reader.execute("select * from dbkit.things")
        freeze_clock(janitor, "2030-01-01T00:00:00Z")
        with raises(janitor, "55P03"):
            one(janitor, DROP, "dbkit.things", 1)
        assert len(days(janitor)) == 10
        reader.rollback()
        assert one(janitor, DROP, "dbkit.things", 1) == 10
        janitor.rollback()


def test_needs_service_role(db: Connection) -> None:
    ten_days(db)
    freeze_clock(db, "2030-01-01T00:00:00Z")
    become(db, "anon")
    with raises(db, "42501"):
        one(db, DROP, "dbkit.things", 1)
    become(db, "service_role")
    assert one(db, DROP, "dbkit.things", 5) == 10
