"""The table regions, its rules and its seeds."""

from __future__ import annotations

import pytest

from dbkit import sqltree
from tests.helpers import Connection, become, one, raises, rows


def _seed(conn: Connection) -> None:
    text = (sqltree.shipped_root() / "sql/regions/seed/regions.sql").read_text("utf-8")
    conn.execute(sqltree.split_down(text)[0].encode())


def test_starts_with_four_regions_of_which_one_is_primary(db: Connection) -> None:
    found = rows(
        db, "select id, is_primary, is_read_replica, status from dbkit.regions order by priority"
    )
    assert [tuple(f.values()) for f in found] == [
        ("us-east-1", True, False, "active"),
        ("us-west-2", False, True, "active"),
        ("eu-west-1", False, True, "active"),
        ("ap-southeast-1", False, True, "active"),
    ]


def test_every_seeded_time_zone_exists(db: Connection) -> None:
    unknown = rows(
        db,
        """
        select timezone from dbkit.regions
        where timezone is null or timezone not in (select name from pg_timezone_names)
        """,
    )
    assert unknown == []


def test_seeding_again_leaves_what_an_operator_changed(db: Connection) -> None:
    db.execute("update dbkit.regions set is_primary = false where is_primary")
    db.execute(
        """
        update dbkit.regions
        set is_primary = true, is_read_replica = false, name = 'Dublin', status = 'maintenance'
        where id = 'eu-west-1'
        """
    )
    before = rows(db, "select * from dbkit.regions order by id")
    _seed(db)
    assert rows(db, "select * from dbkit.regions order by id") == before


def test_seeding_brings_back_a_missing_region_but_no_second_primary(db: Connection) -> None:
    db.execute("delete from dbkit.regions where id in ('us-east-1', 'us-west-2')")
    db.execute(
        "update dbkit.regions set is_primary = true, is_read_replica = false where id = 'eu-west-1'"
    )
    _seed(db)
    found = rows(db, "select id, is_primary from dbkit.regions order by priority")
    assert [tuple(f.values()) for f in found] == [
        ("us-west-2", False),
        ("eu-west-1", True),
        ("ap-southeast-1", False),
    ]


def test_has_one_primary_at_most(db: Connection) -> None:
    with raises(db, "23505") as caught:
        db.execute("insert into dbkit.regions (id, name, is_primary) values ('x-1', 'X', true)")
    assert "idx_regions_primary" in caught.message


def test_may_have_no_primary(db: Connection) -> None:
    db.execute("update dbkit.regions set is_primary = false")
    assert one(db, "select count(*) from dbkit.regions where is_primary") == 0


@pytest.mark.parametrize(
    "change",
    [
        "id = 'US-EAST-1'",
        "id = 'a b'",
        "name = ''",
        "is_primary = false, is_read_replica = false, status = 'gone'",
        "is_read_replica = true",
        "endpoint_url = 'ftp://x'",
        "endpoint_url = 'https://a b'",
        "priority = -1",
        "display_group = ''",
        "timezone = 'Europe Dublin'",
    ],
)
def test_rejects_a_row_that_breaks_a_check(db: Connection, change: str) -> None:
    with raises(db, "23514"):
        db.execute(f"update dbkit.regions set {change} where id = 'us-east-1'".encode())


def test_a_super_admin_configures_regions_with_plain_sql(db: Connection) -> None:
    become(db, "super_admin")
    db.execute("insert into dbkit.regions (id, name, is_read_replica) values ('x-1', 'X', true)")
    db.execute("update dbkit.regions set status = 'inactive' where id = 'x-1'")
    with raises(db, "42501"):
        db.execute("delete from dbkit.regions where id = 'x-1'")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_everybody_reads_and_nobody_else_writes(db: Connection, role: str) -> None:
    become(db, role)
    assert len(rows(db, "select * from dbkit.regions")) == 4
    with raises(db, "42501"):
        db.execute("update dbkit.regions set status = 'inactive'")
