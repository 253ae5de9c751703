"""What is found about snapshots, and in pages; test_event_store has each change of an event."""

import psycopg
import pytest

from tests.events.parts_integrity import (
    append,
    behind_the_guards,
    chain,
    data_of,
    problems,
)
from tests.helpers import Connection, become, connect, one, raises, rows

GRANT = (
    "grant execute on function public.{}(jsonb, dbkit.event_store)"
    " to authenticated, service_role, super_admin"
)


def with_snapshot(db: Connection) -> None:
    db.execute(
        "create function public.count_it(jsonb, dbkit.event_store) returns jsonb immutable"
        " language sql as $$ select jsonb_build_object('n',"
        " coalesce($1 ->> 'n', '0')::int + ($2.event_data ->> 'n')::int) $$"
    )
    db.execute(GRANT.format("count_it").encode())
    db.execute("select dbkit.register_applier('thing', 'public.count_it(jsonb,dbkit.event_store)')")
    for _ in range(3):
        append(db, "a")
    db.execute("select dbkit.create_snapshot('thing', 'a')")


def test_finds_nothing_when_all_is_well(db: Connection) -> None:
    chain(db)
    for stream in ["a", "b", "a"]:
        append(db, stream)
    become(db, "service_role")
    assert problems(db) == set()


def test_a_snapshot_that_is_the_fold_is_fine(db: Connection) -> None:
    with_snapshot(db)
    assert one(db, "select state from dbkit.event_snapshots") == {"n": 3}
    assert problems(db) == set()


@pytest.mark.parametrize("change", ["state = '{\"n\": 4}'", "position = 1", "version = 7"])
def test_a_snapshot_that_is_not_the_fold_is_found(db: Connection, change: str) -> None:
    with_snapshot(db)
    db.execute(f"update dbkit.event_snapshots set {change}".encode())
    assert problems(db) == {"snapshot_differs"}
    found = rows(db, "select * from dbkit.verify_stream('thing', 'a')")
    assert [f["problem"] for f in found] == ["snapshot_differs"]


def test_a_snapshot_that_is_never_used_may_differ(db: Connection) -> None:
    with_snapshot(db)
    db.execute("update dbkit.event_snapshots set state = '{}', fingerprint = 'another'")
    assert problems(db) == set()


def test_a_changed_event_shows_in_the_snapshot(db: Connection) -> None:
    with_snapshot(db)
    behind_the_guards(db, "update dbkit.event_store set event_data = '{\"n\": 5}'")
    assert problems(db) == {"snapshot_differs"}


def test_reads_in_pages(db: Connection) -> None:
    for stream in "abc":
        append(db, stream)
    behind_the_guards(db, "update dbkit.event_store set version = 2")
    first = one(db, "select min(position) from dbkit.event_store")
    page = "select aggregate_id from dbkit.verify_events(%s, 1) where problem = 'version_gap'"
    found = [[f["aggregate_id"] for f in rows(db, page, first - 1 + n)] for n in range(-1, 4)]
    assert found == [[], ["a"], ["b"], ["c"], []]


@pytest.mark.parametrize("page", ["-1, 10", "0, 0", "0, 1000001", "null, 1", "0, null"])
def test_rejects_bad_pages(db: Connection, page: str) -> None:
    with raises(db, "KD004"):
        rows(db, f"select * from dbkit.verify_events({page})")


def test_an_open_append_is_no_problem(database: str) -> None:
    with connect(database) as writer, connect(database) as reader:
        append(writer, "a")
        writer.commit()
        append(writer, "a")
        append(writer, "b")
        assert problems(reader) == set()
        assert data_of(reader, "b") == []
        writer.commit()
        assert problems(reader) == set()


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_needs_service_role(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        problems(db)


def test_a_sequence_behind_the_events_is_found(db: Connection) -> None:
    """Else what is appended gets positions that readers have passed."""
    append(db, "a")
    last = append(db, "a")["position"]
    assert problems(db) == set()
    db.execute("select setval('dbkit.event_position_seq', %s)", [last - 1])
    assert problems(db) == {"sequence_behind"}
    db.execute("select setval('dbkit.event_position_seq', %s)", [last])


TWICE = """insert into dbkit.event_store
select e.* from dbkit.event_store s, lateral jsonb_populate_record(s, jsonb_build_object(
  'organization_id', %s::text, 'aggregate_id', %s::text, 'event_id', gen_random_uuid())) e
where s.aggregate_id = 'a' and s.version = 1;
insert into dbkit.event_streams
select e.* from dbkit.event_streams s, lateral jsonb_populate_record(s, jsonb_build_object(
  'organization_id', %s::text, 'aggregate_id', %s::text, 'version', 1)) e
where s.aggregate_id = 'a' on conflict do nothing"""


@pytest.mark.parametrize("other", [("default", "b"), ("bistro", "a")])
def test_one_position_of_two_events_is_found(db: Connection, other: tuple[str, str]) -> None:
    """No index keeps positions apart, and read_all would lose one at the end of a page."""
    position = append(db, "a")["position"]
    statement = psycopg.ClientCursor(db).mogrify(TWICE, [*other, *other])
    behind_the_guards(db, statement)
    found = rows(db, "select * from dbkit.verify_events()")
    assert sorted((f["organization_id"], f["aggregate_id"]) for f in found) == sorted(
        [("default", "a"), other]
    )
    assert {(f["problem"], f["position"]) for f in found} == {("position_twice", position)}
    assert all(f["detail"] == {"events": 2} for f in found)
    one_stream = rows(db, "select * from dbkit.verify_stream('thing', 'a')")
    assert [f["problem"] for f in one_stream] == ["position_twice"]
