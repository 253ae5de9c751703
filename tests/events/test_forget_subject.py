"""Forgetting destroys the key, once and for all, whatever else runs at the same time."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.events import groups
from tests.events.parts_integrity import PERSON, append, chain, data_of, problems, protect
from tests.events.webhooks import claim, fan_out, result, settle, subscribed
from tests.helpers import Connection, become, connect, one, raises, row, rows

FORGET = "select dbkit.forget_subject('cu-1', 'asked to')"
FORGOTTEN = {"$forgotten": True}
GONE = {"customer": {"id": "cu-1", "name": FORGOTTEN, "email": FORGOTTEN}, "plain": 1}


def test_makes_protected_fields_unreadable_and_leaves_the_rest(db: Connection) -> None:
    chain(db)
    protect(db)
    append(db, "a", "Registered", PERSON)
    append(db, "a", "Other", PERSON)
    append(db, "b", "Registered", {"customer": {"id": "cu-2", "name": "Bo"}})
    become(db, "service_role")
    receipt = one(db, FORGET)
    assert (receipt["events"], receipt["streams"], receipt["replayed"]) == (1, 1, False)
    assert data_of(db, "a") == [GONE, PERSON]
    assert data_of(db, "b") == [{"customer": {"id": "cu-2", "name": "Bo"}}]
    assert problems(db) == set(), "the chain is over what is stored, so forgetting leaves it whole"


def test_the_key_is_nowhere_in_the_tables(db: Connection) -> None:
    protect(db)
    append(db, "a", "Registered", PERSON)
    key = row(db, "select key from dbkit.event_subject_keys")["key"]
    db.execute(FORGET)
    assert rows(db, "select subject, key from dbkit.event_subject_keys") == [
        {"subject": "cu-1", "key": None}
    ]
    receipt = row(db, "select * from dbkit.event_subject_receipts")
    assert receipt["key_hash"] != key
    assert rows(db, "select * from dbkit.event_subject_streams") == []


def found_in(conn: Connection, text: str) -> set[str]:
    """Tables that hold a text anywhere, as a dump of the database would."""
    tables = rows(
        conn,
        "select format('dbkit.%I', c.relname) as name from pg_class c"
        " where c.relnamespace = 'dbkit'::regnamespace and c.relkind = 'r'",
    )
    return {
        each["name"]
        for each in tables
        if one(
            conn,
            f"select exists (select from {each['name']} t where t::text like %s)",
            f"%{text}%",
        )
    }


UPCASTER = """
create function public.judge(jsonb) returns jsonb language plpgsql immutable as $$
begin
  if $1 #>> '{customer,name}' = 'Ada' or $1 #> '{customer,name,$forgotten}' is not null then
    raise 'cannot take %', $1;
  end if;
  return $1;
end $$;
grant usage on schema public to authenticated, service_role, super_admin;
grant execute on function public.judge(jsonb) to authenticated, service_role, super_admin;
"""


@pytest.mark.parametrize("breaks", ["never", "before it is queued", "after"])
def test_webhooks_keep_nothing_of_them(database: str, breaks: str) -> None:
    """Not what is sent, what endpoints answered, or what an upcaster said that raises."""

    def break_it(conn: Connection) -> None:
        conn.execute(UPCASTER.encode())
        become(conn, "super_admin")
        conn.execute("select dbkit.register_upcaster('Registered', 1, 2, 'public.judge')")
        conn.execute("reset role")

    with connect(database, autocommit=True) as conn:
        protect(conn)
        subscribed(conn, retry_schedule=[0, 0, 0])
        append(conn, "a", "Registered", PERSON)
        if breaks == "before it is queued":
            break_it(conn)
        fan_out(conn)
        if breaks == "before it is queued":
            assert found_in(conn, "Ada") == {"dbkit.event_delivery_log", "dbkit.event_dead_letters"}
        else:
            echo = {"response": "we got Ada, ada@example.org", "error": "status: 500"}
            settle(conn, result(claim(conn)[0], 500, **echo))
            settle(conn, result(claim(conn)[0], 410, **echo))
            assert found_in(conn, "Ada") == {
                "dbkit.event_delivery_log",
                "dbkit.event_webhook_messages",
            }
        position = one(conn, "select position from dbkit.event_store where aggregate_id = 'a'")
        add = (
            "select dbkit._add_dead_letter('default', 'group', 'g', %s, null, 'no such name: Ada')"
        )
        one(conn, add, position)
        if breaks == "after":
            break_it(conn)
        conn.execute(FORGET)
        assert found_in(conn, "Ada") == found_in(conn, "ada@") == set()
        if breaks == "never":
            body = json.loads(one(conn, "select body from dbkit.event_webhook_messages"))
            assert body["data"] == GONE
            (log,) = rows(conn, "select last_error, failures from dbkit.event_delivery_log")
            assert log["last_error"] == "status: 500"
            assert [failure["status_code"] for failure in log["failures"]] == [500, 410]


JUDGES = """
create function public.judge(p_state jsonb, p_event dbkit.event_store) returns jsonb
language plpgsql immutable as $$
begin
  raise 'cannot take %', p_event.event_data;
end $$;
grant execute on function public.judge(jsonb, dbkit.event_store) to public;
select dbkit.register_projection('judged', 'public.judge(jsonb,dbkit.event_store)',
  '{Registered}', 'async');
"""


def test_consumers_and_projections_keep_nothing_that_was_said_of_them(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        conn.execute(JUDGES.encode())
        protect(conn)
        said = "no such name: Ada"
        for group, policy in (("b", "block"), ("d", "dead_letter"), ("h", "halt"), ("r", "halt")):
            failures = 1 if group != "r" else 9
            groups.register(conn, group, poison_policy=policy, max_failures=failures)
        append(conn, "a", "Registered", PERSON)
        for group in "bdhr":
            groups.must_claim(conn, group).fail(conn, error=said)
        assert one(conn, "select dbkit.run_projection('judged')")["failed_position"]
        assert found_in(conn, "Ada") == {
            "dbkit.event_consumer_blocked_streams",
            "dbkit.event_consumer_partitions",
            "dbkit.event_dead_letters",
            "dbkit.event_projection_checkpoints",
        }
        before = [groups.status(conn, group)["failures"] for group in "hr"]
        conn.execute(FORGET)
        assert found_in(conn, "Ada") == set()
        assert [groups.status(conn, group)["failures"] for group in "hr"] == before == [1, 1]
        assert groups.status(conn, "h")["last_error"] == "forgotten"
        assert groups.blocked(conn, "b") == ["a"]
        # What is copied later is the text that is there now.
        conn.execute("select dbkit.unblock_stream('b', 'thing', 'a', p_skip => true)")
        conn.execute("select dbkit.resume_consumer_group('h', p_skip => true)")
        assert found_in(conn, "Ada") == set()


def test_what_is_said_of_others_stays(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        protect(conn)
        groups.register(conn, "h", poison_policy="halt", max_failures=1)
        append(conn, "b", "Registered", {"customer": {"id": "cu-2", "name": "Bo"}})
        append(conn, "a", "Registered", PERSON)
        groups.must_claim(conn, "h").fail(conn, error="no such name: Bo")
        conn.execute(FORGET)
        assert groups.status(conn, "h")["last_error"] == "no such name: Bo"


def test_what_a_consumer_says_later_is_not_kept(database: str) -> None:
    """It has claimed the event before, in plain text; who claims it later cannot quote that."""
    with connect(database, autocommit=True) as conn:
        protect(conn)
        groups.register(conn, "g", max_failures=9)
        append(conn, "a", "Registered", PERSON)
        claimed = groups.must_claim(conn)
        conn.execute(FORGET)
        claimed.fail(conn, error="no such name: Ada")
        assert groups.status(conn)["last_error"] == "forgotten"
        conn.execute("update dbkit.event_consumer_partitions set retry_at = null")
        groups.must_claim(conn).fail(conn, error="no name")
        assert groups.status(conn)["last_error"] == "no name"


def test_what_an_endpoint_answers_later_is_not_kept(database: str) -> None:
    """It was sent the event before, in plain text. Control: what is said of others stays."""
    other = {"customer": {"id": "cu-2", "name": "Ada", "email": "ada@example.com"}}
    with connect(database, autocommit=True) as conn:
        protect(conn)
        subscribed(conn, retry_schedule=[0, 0, 0])
        append(conn, "a", "Registered", PERSON)
        append(conn, "b", "Registered", other)
        fan_out(conn)
        claimed = claim(conn)
        assert len(claimed) == 2
        conn.execute(FORGET)
        for each in claimed:
            settle(conn, result(each, 500, response="we got Ada", error="body: Ada is odd"))
        logs = rows(
            conn,
            "select e.aggregate_id, l.last_error, l.failures from dbkit.event_delivery_log l"
            " join dbkit.event_store e using (position)",
        )
        kept = {log["aggregate_id"]: (log["last_error"], *log["failures"]) for log in logs}
        assert kept["a"][0] == kept["a"][1]["error"] == "body: forgotten"
        assert "response" not in kept["a"][1]
        assert kept["b"][0] == "body: Ada is odd"
        assert kept["b"][1]["response"] == "we got Ada"


def test_again_returns_the_first_receipt(db: Connection) -> None:
    protect(db)
    append(db, "a", "Registered", PERSON)
    first = one(db, FORGET)
    again = one(db, "select dbkit.forget_subject('cu-1', 'another reason')")
    assert again == {**first, "replayed": True}
    assert one(db, "select count(*) from dbkit.event_subject_receipts") == 1


def test_a_key_that_a_restore_brought_back_is_destroyed_again(db: Connection) -> None:
    protect(db)
    append(db, "a", "Registered", PERSON)
    key = row(db, "select key from dbkit.event_subject_keys")["key"]
    first = one(db, FORGET)
    db.execute("update dbkit.event_subject_keys set key = %s, forgotten_at = null", [key])
    assert data_of(db, "a") == [PERSON]
    assert one(db, FORGET)["receipt_id"] == first["receipt_id"]
    assert data_of(db, "a") == [GONE]


def test_nothing_more_is_stored_of_them(db: Connection) -> None:
    protect(db)
    receipt = one(db, FORGET)
    assert receipt["events"] == 0
    with raises(db, "KD514") as caught:
        append(db, "a", "Registered", PERSON)
    assert caught.detail["receipt_id"] == receipt["receipt_id"]
    with raises(db, "KD514"):
        db.execute("select dbkit.append_events('thing', 'a', %s::jsonb)",
                   [json.dumps([{"event_type": "Registered", "event_data": PERSON}])])  # fmt: skip
    assert rows(db, "select * from dbkit.event_streams") == []
    become(db, "authenticated", organization_id="other")
    append(db, "a", "Registered", PERSON)


def with_applier(db: Connection) -> None:
    db.execute(
        "create function public.last_data(jsonb, dbkit.event_store) returns jsonb immutable"
        " language sql as $$ select $2.event_data $$"
    )
    signature = "public.last_data(jsonb,dbkit.event_store)"
    readers = "authenticated, service_role, super_admin"
    db.execute(f"grant execute on function {signature} to {readers}".encode())
    db.execute("select dbkit.register_applier('thing', %s)", [signature])


def test_snapshots_of_their_streams_go(db: Connection) -> None:
    with_applier(db)
    protect(db)
    append(db, "a", "Registered", PERSON)
    append(db, "b", "Registered", {"customer": {"id": "cu-2"}})
    for stream in "ab":
        db.execute("select dbkit.create_snapshot('thing', %s)", [stream])
    assert one(db, "select state from dbkit.event_snapshots where aggregate_id = 'a'") == PERSON
    db.execute(FORGET)
    assert rows(db, "select aggregate_id from dbkit.event_snapshots") == [{"aggregate_id": "b"}]
    db.execute("select dbkit.create_snapshot('thing', 'a')")
    assert one(db, "select state from dbkit.event_snapshots where aggregate_id = 'a'") == GONE
    assert problems(db) == set()


def test_names_the_projections_that_must_be_rebuilt(db: Connection) -> None:
    protect(db)
    append(db, "a", "Registered", PERSON)
    for name, types in [("people", "{Registered}"), ("all_of_it", "{*}"), ("others", "{Other}")]:
        db.execute(
            "insert into dbkit.event_projection_definitions (projection, mode, event_types,"
            " reducer_signature, registered_at, registered_by)"
            " values (%s, 'async', %s, 'x', now(), 'me')",
            [name, types],
        )
    assert one(db, FORGET)["projections"] == ["all_of_it", "people"]


@pytest.mark.parametrize(
    ("subject", "reason"),
    [("", "r"), (None, "r"), ("x" * 201, "r"), ("cu-1", ""), ("cu-1", None), ("cu-1", "r" * 501)],
)
def test_rejects_bad_arguments(db: Connection, subject: str | None, reason: str | None) -> None:
    with raises(db, "KD004"):
        db.execute("select dbkit.forget_subject(%s, %s)", [subject, reason])


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_needs_service_role(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        db.execute(FORGET)


# --- at the same time -------------------------------------------------------------------------


@contextmanager
def three(url: str) -> Iterator[tuple[Connection, Connection, Connection]]:
    with connect(url) as setup:
        protect(setup)
        append(setup, "a", "Registered", PERSON)
    with connect(url) as one_, connect(url) as other, connect(url, autocommit=True) as watcher:
        yield one_, other, watcher


@contextmanager
def blocked(watcher: Connection, conn: Connection, statement: str) -> Iterator[Future[Any]]:
    """Runs a statement in a thread, and goes on once it waits for a lock."""
    pid = conn.info.backend_pid
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(one, conn, statement)
        waits = False
        while not waits:
            assert not running.done(), running.result()
            waits = one(watcher, "select cardinality(pg_blocking_pids(%s)) > 0", pid)
        yield running


REGISTER = f"select dbkit.append_event('thing', 'b', 'Registered', '{json.dumps(PERSON)}')"


def test_waits_for_an_open_append(database: str) -> None:
    with three(database) as (writer, other, watcher):
        append(writer, "b", "Registered", PERSON)
        with blocked(watcher, other, FORGET) as forgetting:
            writer.commit()
            assert forgetting.result()["events"] == 2
        other.commit()
        assert data_of(watcher, "b") == [GONE]


def test_waits_for_the_first_append_of_a_new_subject(database: str) -> None:
    with three(database) as (writer, other, watcher):
        append(writer, "b", "Registered", {"customer": {"id": "new", "name": "N"}})
        forget = "select dbkit.forget_subject('new', 'asked to')"
        with blocked(watcher, other, forget) as forgetting:
            writer.commit()
            assert forgetting.result()["events"] == 1
        other.commit()
        assert data_of(watcher, "b") == [{"customer": {"id": "new", "name": FORGOTTEN}}]


@pytest.mark.parametrize("subject", ["cu-1", "never-seen"])
def test_an_append_waits_and_is_refused(database: str, subject: str) -> None:
    with three(database) as (writer, other, watcher):
        one(other, f"select dbkit.forget_subject('{subject}', 'asked to')")
        statement = REGISTER.replace("cu-1", subject)
        with blocked(watcher, writer, statement) as appending:
            other.commit()
            with pytest.raises(psycopg.DatabaseError) as caught:
                appending.result()
        assert caught.value.sqlstate == "KD514"


def test_an_append_waits_and_goes_on_when_nobody_was_forgotten(database: str) -> None:
    with three(database) as (writer, other, watcher):
        one(other, FORGET)
        with blocked(watcher, writer, REGISTER) as appending:
            other.rollback()
            assert appending.result()["version"] == 1
        writer.commit()
        assert data_of(watcher, "b") == [PERSON]


@pytest.mark.parametrize("subject", ["cu-1", "never-seen"])
def test_an_older_snapshot_writes_nothing(database: str, subject: str) -> None:
    with three(database) as (writer, other, _):
        writer.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        one(writer, "select 1")
        one(other, f"select dbkit.forget_subject('{subject}', 'asked to')")
        other.commit()
        with pytest.raises(psycopg.DatabaseError) as caught:
            one(writer, REGISTER.replace("cu-1", subject))
        assert caught.value.sqlstate in ("40001", "KD514")


def test_a_statement_that_began_before_reads_nothing_after(database: str) -> None:
    with three(database) as (reader, other, watcher):
        one(watcher, "select pg_advisory_lock(1)::text")
        late = (
            "select array[(select pg_advisory_xact_lock_shared(1))::text, e.event_data::text]"
            " from dbkit.events e"
        )
        with blocked(watcher, reader, late) as reading:
            one(other, FORGET)
            other.commit()
            one(watcher, "select pg_advisory_unlock(1)")
            assert json.loads(reading.result()[1]) == GONE


def test_gives_up_while_a_reader_holds_plain_text(database: str) -> None:
    with three(database) as (reader, other, _):
        assert data_of(reader, "a") == [PERSON]
        with raises(other, "KD515"):
            one(other, FORGET)
        reader.rollback()
        assert one(other, FORGET)["events"] == 1


def test_no_deadlock_with_who_locks_the_key_first(database: str) -> None:
    with three(database) as (first, other, watcher):
        one(first, "select subject from dbkit.event_subject_keys for key share")
        with ThreadPoolExecutor(1) as pool:
            forgetting = pool.submit(one, other, FORGET)
            assert data_of(first, "a") == [PERSON]
            first.commit()
            assert forgetting.result()["events"] == 1
        other.commit()
        assert data_of(watcher, "a") == [GONE]


def test_no_snapshot_keeps_plain_text_that_was_made_meanwhile(database: str) -> None:
    with connect(database) as setup:
        with_applier(setup)
    with three(database) as (maker, other, watcher):
        one(maker, "select dbkit.create_snapshot('thing', 'a')")
        with blocked(watcher, other, FORGET) as forgetting:
            maker.commit()
            assert forgetting.result()["events"] == 1
        other.commit()
        assert rows(watcher, "select * from dbkit.event_snapshots") == []


def test_no_deadlock_with_who_claims_or_projects_a_failed_event(database: str) -> None:
    """They have the partition's or checkpoint's row first, and then read the event."""
    with connect(database, autocommit=True) as setup:
        setup.execute(JUDGES.encode())
        groups.register(setup, "g", max_failures=9)
    with three(database) as (first, other, watcher):
        groups.must_claim(watcher).fail(watcher, error="no such name: Ada")
        one(watcher, "select dbkit.run_projection('judged')")
        for table in ("event_consumer_partitions", "event_projection_checkpoints"):
            one(first, f"select count(*) from (select from dbkit.{table} for update) as held")
            with ThreadPoolExecutor(1) as pool:
                forgetting = pool.submit(one, other, FORGET)
                assert data_of(first, "a") == [PERSON]
                assert not forgetting.done(), forgetting.result()
                first.commit()
                assert forgetting.result()["events"] == 1
            other.rollback()


def test_waits_for_what_a_consumer_is_saying(database: str) -> None:
    with connect(database, autocommit=True) as setup:
        groups.register(setup, "g", max_failures=9)
    with three(database) as (consumer, other, watcher):
        groups.must_claim(watcher).fail(consumer, error="no such name: Ada")
        with blocked(watcher, other, FORGET) as forgetting:
            consumer.commit()
            assert forgetting.result()["events"] == 1
        other.commit()
        assert found_in(watcher, "Ada") == set()
