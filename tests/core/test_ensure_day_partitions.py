"""Days are UTC days, whatever the session's time zone."""

from __future__ import annotations

import pytest

from tests.api.conftest import in_parallel, outcome
from tests.core.parts import days, make_parent
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, rows

ENSURE = "select dbkit.ensure_day_partitions(%s::regclass, %s)"
ZONES = ["UTC", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Kiritimati"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "at", ["2026-03-28T00:30:00Z", "2026-03-28T11:30:00Z", "2026-03-28T23:30Z"]
)
def test_borders_are_utc_midnights(db: Connection, zone: str, at: str) -> None:
    make_parent(db)
    db.execute("select set_config('timezone', %s, true)", [zone])
    freeze_clock(db, at)
    assert one(db, ENSURE, "dbkit.things", 2) == 3
    assert days(db) == ["20260328", "20260329", "20260330"]
    for moment, day in (
        ("2026-03-28T00:00:00Z", "20260328"),
        ("2026-03-28T23:59:59.999999Z", "20260328"),
        ("2026-03-29T00:00:00Z", "20260329"),
        ("2026-03-30T23:59:59.999999Z", "20260330"),
    ):
        found = one(
            db,
            "insert into dbkit.things (at) values (%s) returning tableoid::regclass::text",
            moment,
        )
        assert found.endswith(f"things_{day}")
    for outside in ("2026-03-27T23:59:59.999999Z", "2026-03-31T00:00:00Z"):
        with raises(db, "23514"):
            db.execute("insert into dbkit.things (at) values (%s)", [outside])


def test_again_makes_only_what_is_missing(db: Connection) -> None:
    make_parent(db)
    freeze_clock(db, "2026-01-01T12:00:00Z")
    assert one(db, "select dbkit.ensure_day_partitions('dbkit.things')") == 8
    assert one(db, ENSURE, "dbkit.things", 7) == 0
    freeze_clock(db, "2026-01-02T00:00:00Z")
    assert one(db, ENSURE, "dbkit.things", 7) == 1
    db.execute("drop table dbkit.things_20260104")
    assert one(db, ENSURE, "dbkit.things", 7) == 1


def test_partitions_are_as_their_parent(db: Connection) -> None:
    make_parent(db)
    freeze_clock(db, "2026-01-01T12:00:00Z")
    one(db, ENSURE, "dbkit.things", 0)
    found = rows(
        db,
        "insert into dbkit.things (at) values ('2026-01-01Z'), ('2026-01-01Z') returning id, note",
    )
    assert [f["note"] for f in found] == ["n", "n"]
    assert found[0]["id"] != found[1]["id"]
    with raises(db, "23514"):
        db.execute("insert into dbkit.things (at, note) values ('2026-01-01Z', 'bad')")
    assert one(db, "select relrowsecurity from pg_class where relname = 'things_20260101'")
    assert one(
        db, "select count(*) from pg_index where indrelid = 'dbkit.things_20260101'::regclass"
    )


@pytest.mark.parametrize("ahead", [-1, 401, None])
def test_refuses_a_number_out_of_range(db: Connection, ahead: int | None) -> None:
    with raises(db, "KD004") as caught:
        one(db, ENSURE, "dbkit.api_request_log", ahead)
    assert caught.detail["argument"] == "p_days_ahead"


def test_refuses_other_tables(db: Connection) -> None:
    db.execute("create table public.elsewhere (at timestamptz) partition by range (at)")
    for table in ("dbkit.error_codes", "public.elsewhere", "pg_catalog.pg_class"):
        with raises(db, "KD004") as caught:
            one(db, ENSURE, table, 1)
        assert caught.detail["argument"] == "p_table"
    with raises(db, "KD004"):
        one(db, ENSURE, None, 1)


def test_many_at_once_make_each_day_once(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        make_parent(conn)
    made = in_parallel(8, lambda n: outcome(database, lambda c: one(c, ENSURE, "dbkit.things", 10)))
    assert sorted(made) == [0] * 7 + [11]


def test_needs_service_role(db: Connection) -> None:
    make_parent(db)
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, ENSURE, "dbkit.things", 1)
    db.execute("reset role")
    db.execute(
        "create schema guest; grant usage on schema guest to public;"
        "create function guest.wrap() returns int language sql security definer"
        " return dbkit.ensure_day_partitions('dbkit.things', 1);"
        "grant execute on function guest.wrap() to public"
    )
    become(db, "anon")
    with raises(db, "KD003"):
        one(db, "select guest.wrap()")
    become(db, "service_role")
    assert one(db, ENSURE, "dbkit.things", 1) == 2
