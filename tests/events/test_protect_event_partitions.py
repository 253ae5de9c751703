"""An event store that was partitioned: no query changes, and verify_events sees that the guards are
on every partition."""

import datetime

import pytest

from dbkit import sqltree
from tests.events.parts_integrity import append, behind_the_guards, chain, data_of, problems
from tests.helpers import Connection, become, connect, one, raises, rows, unbecome

HASH = "hash (organization_id)"
MONTH = "range (created_at)"
WAYS = [HASH, MONTH]


def adapted(text: str, by: str) -> str:
    """The table's own file, partitioned; unique keys must hold the key of the partitions."""
    made = text.replace("\n);\n", f"\n) partition by {by};\n", 1)
    made = made.replace(
        "create sequence dbkit.event_position_seq as bigint cache 1 owned by",
        "alter sequence dbkit.event_position_seq owned by",
    )
    if by == MONTH:
        made = made.replace("aggregate_id, version)", "aggregate_id, version, created_at)", 1)
        made = made.replace("unique (organization_id, event_id)",
                            "unique (organization_id, event_id, created_at)", 1)  # fmt: skip
        made = made.replace("unique (position, organization_id)",
                            "unique (position, organization_id, created_at)", 1)  # fmt: skip
    assert made.count("partition by") == 1
    return made


def partitions(by: str) -> list[str]:
    make = "create table dbkit.event_store_{} partition of dbkit.event_store "
    if by == HASH:
        return [make.format(n) + f"for values with (modulus 3, remainder {n})" for n in range(3)]
    month = datetime.date.today().replace(day=1)
    later = (month + datetime.timedelta(days=40)).replace(day=1)
    return [
        make.format("now") + f"for values from ('{month}') to ('{later}')",
        make.format("rest") + "default",
    ]


def partition(conn: Connection, by: str) -> None:
    """Moves the rows over, and makes anew from sql/ what hangs on the table's row type: functions,
    view, triggers and policies, with their text as it is."""
    objects = sqltree.read_tree(sqltree.shipped_root() / "sql")
    table = sqltree.ObjectId("events", "tables", "event_store")
    conn.execute("create schema whole")
    conn.execute("alter table dbkit.event_store set schema whole")
    conn.execute("alter sequence whole.event_position_seq owned by none")
    conn.execute("alter sequence whole.event_position_seq set schema dbkit")
    for statement in [adapted(objects[table], by), *partitions(by)]:
        conn.execute(statement.encode())
    conn.execute("insert into dbkit.event_store select * from whole.event_store")
    conn.execute("drop schema whole cascade")
    conn.execute("set local check_function_bodies = off")
    for item in sqltree.creation_order(objects):
        guard = item.kind in ("triggers", "policies") and item.name == "event_store"
        if guard or item.kind in ("functions", "views"):
            conn.execute(sqltree.apply_sql(item, objects[item]).encode())
    conn.execute("select dbkit._generate_event_functions()")


def names(conn: Connection) -> list[str]:
    found = rows(conn, "select relation::text as n from dbkit._event_tables('{event_store}')"
                       " where is_partition")  # fmt: skip
    return [f["n"] for f in found]


def fill(conn: Connection) -> None:
    for organization in ["one", "two", "three", "four"]:
        become(conn, "authenticated", organization_id=organization, correlation_id="c")
        for stream in ["a", "a", "b"]:
            append(conn, stream)
    become(conn, "service_role", organization_id="one")


@pytest.mark.parametrize("by", WAYS)
def test_every_query_works_as_it_is(database: str, by: str) -> None:
    append_again = (
        "select dbkit.append_event('thing', 'a', 'x', '{}', p_expected_version => 4,"
        " p_event_id => '00000000-0000-4000-8000-000000000001') -> 'replayed'"
    )
    with connect(database) as db:
        chain(db)
        fill(db)
        db.execute("reset role")
        partition(db, by)
        db.execute("select * from dbkit.protect_event_partitions()")
        fill(db)
        db.commit()
        become(db, "authenticated", organization_id="one")
        found = rows(db, "select * from dbkit.get_events('thing', 'a')")
        assert [f["version"] for f in found] == [1, 2, 3, 4]
        assert len(rows(db, "select * from dbkit.get_events_by_type('Happened')")) == 6
        assert len(rows(db, "select * from dbkit.get_events_by_correlation('c')")) == 6
        unbecome(db)
        found = rows(db, "select * from dbkit.read_all()")
        assert [f["position"] for f in found] == sorted({f["position"] for f in found})
        assert len(found) == 24
        become(db, "authenticated", organization_id="one")
        assert [one(db, append_again), one(db, append_again)] == [False, True]
        with raises(db, "KD501"):
            one(db, append_again.replace("00000000-", "00000001-"))
        unbecome(db)
        assert problems(db) == set()
        behind_the_guards(db, "delete from dbkit.event_store where version = 2")
        assert "version_gap" in problems(db)


@pytest.mark.parametrize("by", WAYS)
def test_a_partition_named_directly_is_guarded_too(db: Connection, by: str) -> None:
    fill(db)
    db.execute("reset role")
    partition(db, by)
    assert problems(db) == {"guard_missing", "row_security_off"}, (
        "truncate triggers are for one table"
    )
    filled = next(n for n in names(db) if one(db, f"select count(*) from {n}") > 0)
    with raises(db, "22012"):
        db.execute(f"truncate {filled}".encode())
        db.execute("select 1 / 0")
    made = rows(db, "select * from dbkit.protect_event_partitions()")
    assert {m["partition_name"] for m in made} == set(names(db))
    assert {m["added"] for m in made} == {"event_store_is_not_truncated", "row security"}
    assert rows(db, "select * from dbkit.protect_event_partitions()") == []
    assert problems(db) == set()
    for change in ["update {} set event_data = '{{}}'", "delete from {}", "truncate {}",
                   "truncate {} cascade"]:  # fmt: skip
        for role in ["origin", "replica"]:
            with raises(db, "KD513"):
                db.execute(f"set local session_replication_role = {role}".encode())
                db.execute(change.format(filled).encode())


def test_a_partition_that_is_made_later_is_reported(db: Connection) -> None:
    partition(db, MONTH)
    db.execute("select * from dbkit.protect_event_partitions()")
    db.execute("create table dbkit.event_store_old partition of dbkit.event_store"
               " for values from ('2000-01-01') to ('2000-02-01')")  # fmt: skip
    found = rows(db, "select detail ->> 'table' as t from dbkit.verify_events()")
    assert {f["t"] for f in found} == {"event_store_old"}


def test_switched_off_triggers_of_a_partition_come_back(db: Connection) -> None:
    partition(db, MONTH)
    db.execute("select * from dbkit.protect_event_partitions()")
    db.execute("alter table dbkit.event_store_now disable trigger event_store_is_immutable")
    assert problems(db) == {"guard_disabled"}
    found = rows(db, "select * from dbkit.protect_event_partitions()")
    assert [f["added"] for f in found] == ["event_store_is_immutable"]
    assert problems(db) == set()


def test_a_dropped_partition_is_found(db: Connection) -> None:
    fill(db)
    db.execute("reset role")
    partition(db, MONTH)
    db.execute("select * from dbkit.protect_event_partitions()")
    db.execute("drop table dbkit.event_store_now")
    assert problems(db) == {"stream_without_events"}


def test_a_right_on_a_partition_shows_no_rows(db: Connection) -> None:
    fill(db)
    db.execute("reset role")
    partition(db, MONTH)
    db.execute("select * from dbkit.protect_event_partitions()")
    db.execute("grant select on dbkit.event_store_now to authenticated")
    become(db, "authenticated", organization_id="one")
    assert rows(db, "select * from dbkit.event_store_now") == []
    assert len(data_of(db, "a")) == 2


def test_without_partitions_there_is_nothing_to_add(db: Connection) -> None:
    become(db, "super_admin")
    assert rows(db, "select * from dbkit.protect_event_partitions()") == []
    become(db, "service_role")
    with raises(db, "42501"):
        rows(db, "select * from dbkit.protect_event_partitions()")


@pytest.mark.parametrize("by", WAYS)
def test_writers_of_partitions_lose_nothing(database: str, by: str) -> None:
    with connect(database) as conn:
        partition(conn, by)
    with connect(database) as first, connect(database) as second:
        append(first, "a")
        append(second, "b")
        first.commit()
        assert rows(first, "select * from dbkit.read_all()") == rows(
            first, "select * from dbkit.events where aggregate_id = 'a'"
        )
        second.commit()
        assert len(rows(first, "select * from dbkit.read_all()")) == 2
