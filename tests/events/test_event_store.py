"""Each way to change an event is refused, or found by verify_events."""

import pytest

from tests.events.parts_integrity import append, behind_the_guards, chain, problems
from tests.helpers import Connection, become, raises, rows, unbecome

TABLES = ["event_store", "event_streams", "event_subject_receipts"]
CHANGES = [
    "update dbkit.event_store set event_data = '{}'",
    "delete from dbkit.event_store",
    "truncate dbkit.event_store",
    "truncate dbkit.event_store cascade",
    "merge into dbkit.event_store e using (select 1) x on true when matched then delete",
    "merge into dbkit.event_store e using (select 1) x on true"
    " when matched then update set event_type = 'x'",
    "insert into dbkit.event_store select * from dbkit.event_store"
    " on conflict (organization_id, event_id) do update set event_type = 'x'",
    "with gone as (delete from dbkit.event_store returning 1) select * from gone",
    "delete from dbkit.event_streams",
    "truncate dbkit.event_streams",
    "merge into dbkit.event_streams e using (select 1) x on true when matched then delete",
    "update dbkit.event_subject_receipts set reason = ''",
    "delete from dbkit.event_subject_receipts",
    "truncate dbkit.event_subject_receipts",
]


def fill(db: Connection) -> None:
    append(db, "a")
    append(db, "a")
    db.execute("select dbkit.forget_subject('cu-9', 'asked to')")


@pytest.mark.parametrize("change", CHANGES)
def test_refuses_the_owner(db: Connection, change: str) -> None:
    fill(db)
    with raises(db, "KD513") as caught:
        db.execute(change.encode())
    assert caught.detail["table"] in TABLES


@pytest.mark.parametrize("change", CHANGES)
def test_refuses_the_owner_of_a_replica(db: Connection, change: str) -> None:
    fill(db)
    with raises(db, "KD513"):
        db.execute("set local session_replication_role = replica")
        db.execute(change.encode())


@pytest.mark.parametrize("change", CHANGES)
def test_refuses_a_role_with_granted_rights(db: Connection, change: str) -> None:
    fill(db)
    with raises(db, "KD513"):
        db.execute("grant all on all tables in schema dbkit to super_admin")
        for table in TABLES:
            policy = f"create policy everything on dbkit.{table} to super_admin using (true)"
            db.execute(policy.encode())
        become(db, "super_admin")
        db.execute(change.encode())


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "super_admin"])
@pytest.mark.parametrize("change", CHANGES)
def test_no_role_has_the_rights(db: Connection, role: str, change: str) -> None:
    fill(db)
    become(db, role)
    with raises(db, "42501"):
        db.execute(change.encode())


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "super_admin"])
def test_no_role_may_switch_the_triggers_off(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        db.execute("alter table dbkit.event_store disable trigger all")
    with raises(db, "42501"):
        db.execute("drop trigger event_store_is_immutable on dbkit.event_store")


def test_copy_replaces_no_event(db: Connection) -> None:
    fill(db)
    with db.cursor() as cursor, cursor.copy("copy dbkit.event_store to stdout") as copy:
        lines = [bytes(line) for line in copy]
    into = "copy dbkit.event_store from stdin"
    with raises(db, "23505"), db.cursor() as cursor, cursor.copy(into) as copy:
        for line in lines:
            copy.write(line)


@pytest.mark.parametrize("role", ["authenticated", "service_role", "super_admin"])
def test_no_role_copies_events_in(db: Connection, role: str) -> None:
    become(db, role)
    into = "copy dbkit.event_store from stdin"
    with raises(db, "42501"), db.cursor() as cursor, cursor.copy(into) as copy:
        copy.write(b"")


def test_inserted_events_are_found(db: Connection) -> None:
    fill(db)
    copied = (
        "insert into dbkit.event_store select position + 1000 + {n}, version + {n}, created_at,"
        " gen_random_uuid(), 1, organization_id, aggregate_type, {id}, event_type, event_data,"
        " metadata from dbkit.event_store where version = 2"
    )
    db.execute(copied.format(n=1, id="aggregate_id").encode())
    db.execute(copied.format(n=0, id="'b'").encode())
    assert problems(db) == {
        "head_differs",
        "event_without_stream",
        "version_gap",
        "sequence_behind",
    }


def test_switched_off_triggers_are_found(db: Connection) -> None:
    assert problems(db) == set()
    for table in TABLES:
        db.execute(f"alter table dbkit.{table} disable trigger user".encode())
    assert problems(db) == {"guard_disabled"}
    db.execute("alter table dbkit.event_store enable trigger user")
    found = rows(db, "select detail ->> 'table' as name from dbkit.verify_events()")
    assert {f["name"] for f in found} == {"event_store", "event_streams", "event_subject_receipts"}


def test_a_dropped_or_weakened_trigger_is_found(db: Connection) -> None:
    db.execute("drop trigger event_store_is_immutable on dbkit.event_store")
    assert problems(db) == {"guard_missing"}
    db.execute(
        "create trigger event_store_is_immutable before update or delete on dbkit.event_store"
        " for each row when (false) execute function dbkit._refuse_event_change()"
    )
    assert problems(db) == {"guard_missing"}


@pytest.mark.parametrize("privilege", ["insert", "update (event_data)", "truncate", "trigger"])
def test_granted_rights_to_write_are_found(db: Connection, privilege: str) -> None:
    db.execute(f"grant {privilege} on dbkit.event_store to authenticated".encode())
    found = rows(db, "select * from dbkit.verify_events()")
    assert [(f["problem"], f["detail"]["grantee"]) for f in found] == [
        ("unexpected_grant", "authenticated")
    ]


def test_a_right_on_the_keys_is_found(db: Connection) -> None:
    db.execute("grant select on dbkit.event_subject_keys to service_role")
    assert problems(db) == {"unexpected_grant"}


def test_row_security_that_is_off_is_found(db: Connection) -> None:
    db.execute("alter table dbkit.event_snapshots no force row level security")
    assert problems(db) == {"row_security_off"}


CHANGED = {
    "delete from dbkit.event_store where version = 2": "version_gap",
    "delete from dbkit.event_store where version = 1": "version_gap",
    "delete from dbkit.event_store where version = 3": "head_differs",
    "delete from dbkit.event_store": "stream_without_events",
    "delete from dbkit.event_streams": "event_without_stream",
    "update dbkit.event_streams set version = 4": "head_differs",
    "update dbkit.event_streams set last_event_at = '2000-01-01'": "head_differs",
    "update dbkit.event_streams set last_hash = null": "head_differs",
    "update dbkit.event_store set version = 4 where version = 3": "version_gap",
    "update dbkit.event_store set position = position + 1000 where version = 1":
        "position_not_rising",
    "update dbkit.event_store set position = position - 1 where version = 3": "position_twice",
    "update dbkit.event_store set created_at = created_at + '1 day' where version = 1":
        "time_not_rising",
    "update dbkit.event_store set event_data = '{}' where version = 2": "hash_differs",
    "update dbkit.event_store set actor_id = 'me' where version = 2": "hash_differs",
    "update dbkit.event_store set hash = null where version = 2": "hash_differs",
    "update dbkit.event_streams set is_chained = false": "hash_unexpected",
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGED)
def test_what_the_owner_changes_is_found(db: Connection, change: str) -> None:
    chain(db)
    for _ in range(3):
        append(db, "a")
    assert problems(db) == set()
    behind_the_guards(db, change)
    assert CHANGED[change] in problems(db)


def test_a_changed_event_of_a_stream_without_hashes_is_not_found(db: Connection) -> None:
    """The control of the chain: without it, what the owner changes in its place shows nowhere."""
    append(db, "a")
    behind_the_guards(db, "update dbkit.event_store set event_data = '{}'")
    assert problems(db) == set()


def test_appending_goes_on_under_the_guards(db: Connection) -> None:
    become(db, "authenticated")
    assert append(db, "a")["version"] == 1
    assert append(db, "a")["version"] == 2
    unbecome(db)
    assert problems(db) == set()
