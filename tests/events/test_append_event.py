"""dbkit.append_event: one event, at the version that the caller saw, once."""

from __future__ import annotations

import datetime
import json
import uuid

import pytest

from tests.events.parts import append, head, stored
from tests.helpers import Connection, become, freeze_clock, one, raises, rows, unbecome


def test_begins_a_stream_and_goes_on(db: Connection) -> None:
    first = append(db, "a", "Opened", {"name": "x"})
    second = append(db, "a", "Counted", {"by": 2})
    assert (first["version"], second["version"]) == (1, 2)
    assert second["position"] > first["position"]
    assert not first["replayed"]
    assert [(e["event_type"], e["event_data"]) for e in stored(db, "a")] == [
        ("Opened", {"name": "x"}),
        ("Counted", {"by": 2}),
    ]
    assert str(stored(db, "a")[0]["event_id"]) == first["event_id"]
    assert head(db, "a") == 2


@pytest.mark.parametrize(("expect", "begins"), [(None, True), (0, True), (-1, False), (1, False)])
def test_new_stream_by_expected_version(db: Connection, expect: int | None, begins: bool) -> None:
    if begins:
        assert append(db, "a", expect=expect)["version"] == 1
        return
    with raises(db, "KD502") as caught:
        append(db, "a", expect=expect)
    assert caught.detail["actual_version"] == 0
    assert caught.detail["expected_version"] == expect
    assert head(db, "a") == 0


@pytest.mark.parametrize("expect", [None, -1, 2])
def test_existing_stream_by_expected_version(db: Connection, expect: int | None) -> None:
    append(db, "a")
    append(db, "a")
    assert append(db, "a", expect=expect)["version"] == 3


@pytest.mark.parametrize("expect", [0, 1, 3, 9223372036854775807])
def test_conflict_tells_both_versions(db: Connection, expect: int) -> None:
    append(db, "a")
    append(db, "a")
    with raises(db, "KD501") as caught:
        append(db, "a", expect=expect)
    assert caught.detail == {
        "aggregate_type": "counter",
        "aggregate_id": "a",
        "expected_version": expect,
        "actual_version": 2,
    }
    assert head(db, "a") == 2
    assert len(stored(db, "a")) == 2


def test_same_id_and_content_returns_the_first_result(db: Connection) -> None:
    event_id = uuid.uuid4()
    first = append(db, "a", expect=0, event_id=event_id)
    append(db, "a")
    again = append(db, "a", expect=0, event_id=event_id)
    assert again == first | {"replayed": True}
    assert append(db, "a", event_id=event_id) == again
    assert head(db, "a") == 2
    assert len(stored(db, "a")) == 2
    last = stored(db, "a")[-1]["created_at"]
    assert one(db, "select last_event_at from dbkit.event_streams") == last


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"by": 9}},
        {"event_type": "Opened"},
        {"metadata": {"a": 1}},
        {"aggregate_type": "other"},
        {"aggregate_id": "b"},
    ],
)
def test_same_id_with_other_content_is_refused(db: Connection, other: dict[str, object]) -> None:
    event_id = uuid.uuid4()
    append(db, "a", event_id=event_id)
    append(db, "b")
    said: dict[str, object] = {"aggregate_id": "a", "event_id": event_id} | other
    with raises(db, "KD506") as caught:
        append(db, **said)  # type: ignore[arg-type]
    assert caught.detail["event_ids"] == [str(event_id)]
    assert (head(db, "a"), head(db, "b")) == (1, 1)


def test_ids_of_two_organizations_do_not_meet(db: Connection) -> None:
    event_id = uuid.uuid4()
    for organization in ("acme", "rival"):
        become(db, "authenticated", organization_id=organization)
        assert append(db, "a", event_id=event_id)["version"] == 1
        unbecome(db)


def test_context_is_inherited(db: Connection) -> None:
    context = {"user_id": "u", "correlation_id": "c", "causation_id": "d", "request_id": "r"}
    become(db, "authenticated", organization_id="acme", **context)
    append(db, "a")
    append(db, "a")
    become(db, "authenticated", organization_id="acme", request_id="r")
    append(db, "a")
    found = [
        (e["organization_id"], e["correlation_id"], e["causation_id"], e["actor_id"])
        for e in stored(db, "a")
    ]
    assert found == [("acme", "c", "d", "u")] * 2 + [("acme", "r", None, None)]


def test_claims_and_headers_of_postgrest_are_the_context(db: Connection) -> None:
    become(db, "authenticated", organization_id="said", user_id="said")
    claims = json.dumps({"organization_id": "acme", "sub": "ada"})
    headers = json.dumps({"x-correlation-id": "c", "x-causation-id": "d"})
    db.execute("select set_config('request.jwt.claims', %s, true)", [claims])
    db.execute("select set_config('request.headers', %s, true)", [headers])
    append(db, "a")
    append(db, "a")
    found = [
        (e["organization_id"], e["correlation_id"], e["causation_id"], e["actor_id"])
        for e in stored(db, "a")
    ]
    assert found == [("acme", "c", "d", "ada")] * 2


@pytest.mark.parametrize("which", ["claims", "headers"])
def test_one_of_claims_and_headers_alone_leaves_the_rest_to_the_context(
    db: Connection, which: str
) -> None:
    said = {"user_id": "said", "correlation_id": "said", "causation_id": "said"}
    become(db, "authenticated", organization_id="said", **said)
    append(db, "a")
    if which == "claims":
        claims = json.dumps({"organization_id": "acme", "sub": "ada"})
        db.execute("select set_config('request.jwt.claims', %s, true)", [claims])
    else:
        become(db, "authenticated", organization_id="said", user_id="said")
        headers = json.dumps({"x-request-id": "r", "x-causation-id": "d"})
        db.execute("select set_config('request.headers', %s, true)", [headers])
    append(db, "a")
    append(db, "a")
    columns = ("organization_id", "correlation_id", "causation_id", "actor_id")
    found = [tuple(e[c] for c in columns) for e in stored(db, "a")]
    expected = ("acme", "said", "said", "ada") if which == "claims" else ("said", "r", "d", "said")
    assert found.count(expected) == 2


def test_time_never_goes_back_in_a_stream(db: Connection) -> None:
    freeze_clock(db, "2026-01-02T00:00:00Z")
    append(db, "a")
    append(db, "a")
    freeze_clock(db, "2026-01-01T00:00:00Z")
    append(db, "a")
    freeze_clock(db, "2026-01-03T00:00:00Z")
    append(db, "a")
    days = [e["created_at"].astimezone(datetime.UTC).day for e in stored(db, "a")]
    assert days == [2, 2, 2, 3]


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("aggregate_type", {"aggregate_type": ""}),
        ("aggregate_type", {"aggregate_type": "x" * 101}),
        ("aggregate_id", {"aggregate_id": ""}),
        ("aggregate_id", {"aggregate_id": "x" * 201}),
        ("events/0", {"event_type": ""}),
        ("events/0", {"event_type": "x" * 101}),
        ("events/0", {"data": [1]}),
        ("events/0", {"data": "text"}),
        ("events/0", {"data": {"text": "x" * 1_100_000}}),
        ("events/0", {"metadata": [1]}),
        ("events/0", {"metadata": {"text": "x" * 70_000}}),
        ("events/0", {"schema_version": 0}),
        ("expected_version", {"expect": -2}),
    ],
)
def test_malformed_events_are_refused(
    db: Connection, field: str, said: dict[str, object], exists: bool
) -> None:
    if exists:
        append(db, "a")
    with raises(db, "KD504") as caught:
        append(db, **{"aggregate_id": "a"} | said)  # type: ignore[arg-type]
    assert caught.detail["field"] == field
    assert head(db, "a") == int(exists)


@pytest.mark.parametrize("null", range(5))
def test_null_is_not_a_value(db: Connection, null: int) -> None:
    said: list[object] = ["counter", "a", "Counted", "{}", "{}"]
    append(db, "a")
    said[null] = None
    with raises(db, "KD504"):
        one(db, "select dbkit.append_event(%s, %s, %s, %s, %s)", *said)


def test_odd_text_is_kept_as_it_is(db: Connection) -> None:
    odd = "'; drop table x; -- $$ \\ % \u2028 \U0001f600 'Ä"
    append(db, odd, odd, {odd: odd}, aggregate_type=odd)
    append(db, odd, odd, {odd: odd}, aggregate_type=odd)
    for event in stored(db, odd, odd):
        assert (event["event_type"], event["event_data"]) == (odd, {odd: odd})


def test_big_numbers_keep_their_digits(db: Connection) -> None:
    big = 2**70
    append(db, "a", data={"n": big})
    assert one(db, "select event_data ->> 'n' from dbkit.event_store") == str(big)


def test_one_lock_however_much_a_transaction_appends(db: Connection) -> None:
    for i in range(20):
        append(db, f"s{i % 3}")
    held = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
    assert one(db, held) == 1


def test_nobody_writes_the_tables(db: Connection) -> None:
    append(db, "a")
    for role in ("anon", "authenticated", "service_role", "super_admin"):
        become(db, role)
        for statement in (
            "insert into dbkit.event_store select * from dbkit.event_store",
            "update dbkit.event_streams set version = 9",
            "delete from dbkit.event_store",
            "truncate dbkit.event_store",
            "select nextval('dbkit.event_position_seq')",
        ):
            with raises(db, "42501"):
                db.execute(statement)
        unbecome(db)


def test_anon_may_not_append(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "42501"):
        append(db, "a")


def test_a_caller_cannot_put_functions_in_front(db: Connection) -> None:
    db.execute("create schema guest")
    db.execute("grant all on schema guest to authenticated")
    become(db, "authenticated")
    db.execute("set local search_path = guest, pg_catalog, dbkit, public")
    db.execute(
        "create function guest.jsonb_build_object(variadic text[]) returns jsonb language sql"
        " as $$ select '{}'::jsonb $$"
    )
    assert append(db, "a")["version"] == 1
    assert append(db, "a")["version"] == 2


def test_several_appends_in_one_statement(db: Connection) -> None:
    found = rows(
        db,
        "select dbkit.append_event('counter', 'a', 'Counted', '{}', '{}', n - 1) as a"
        " from generate_series(1, 5) n",
    )
    assert [f["a"]["version"] for f in found] == [1, 2, 3, 4, 5]


# --- the hot path ----------------------------------------------------------------------------


def slow_appends(conn: Connection) -> int:
    """How often _append_event_slowly has run in this session, as far as it was tracked."""
    found = one(
        conn,
        "select coalesce(sum(calls), 0)::int from pg_stat_xact_user_functions"
        " where funcname = '_append_event_slowly'",
    )
    assert isinstance(found, int)
    return found


ORDINARY: dict[str, dict[str, object]] = {
    "any version": {},
    "a stream that exists": {"expect": -1},
    "at a version": {"expect": 1},
    "with an id": {"expect": 1, "event_id": str(uuid.uuid4())},
    "with metadata": {"metadata": {"why": "because"}},
    "with a schema version": {"schema_version": 3},
    "a long type": {"event_type": "x" * 100},
    "of 60 kB": {"data": {"text": "".join(map(str, range(12_000)))}},
}
"""Appends to a stream with one event."""

UNUSUAL: dict[str, dict[str, object]] = {
    "a long type of two bytes a letter": {"event_type": "ü" * 100},
    "more than 64 kB": {"data": {"text": "".join(map(str, range(40_000)))}},
}
"""These are appended as well, with more work."""


@pytest.mark.parametrize("name", ORDINARY)
@pytest.mark.parametrize("context", [{}, {"user_id": "u", "correlation_id": "c"}])
def test_an_ordinary_append_goes_the_hot_path(
    db: Connection, name: str, context: dict[str, str]
) -> None:
    db.execute("set local track_functions = 'all'")
    before = slow_appends(db)
    become(db, "authenticated", organization_id="acme", **context)
    append(db, "a")
    assert slow_appends(db) == before + 1, "control: a new stream is begun by the other path"
    assert append(db, "a", **ORDINARY[name])["version"] == 2  # type: ignore[arg-type]
    assert slow_appends(db) == before + 1


@pytest.mark.parametrize("name", UNUSUAL)
@pytest.mark.parametrize("expect", [None, -1, 1])
def test_an_unusual_append_loses_nothing(db: Connection, name: str, expect: int | None) -> None:
    said = UNUSUAL[name]
    append(db, "a")
    assert append(db, "a", expect=expect, **said)["version"] == 2  # type: ignore[arg-type]
    event = stored(db, "a")[1]
    for key, column in (("event_type", "event_type"), ("data", "event_data")):
        if key in said:
            assert event[column] == said[key]
