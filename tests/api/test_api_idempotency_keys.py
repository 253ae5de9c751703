"""A write with an idempotency key has one effect, whatever its clients do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.conftest import call, context, handler, in_parallel, outcome, register, wait_until
from tests.helpers import Connection, become, connect, freeze_clock, one, raises, unbecome

EFFECT = """
declare v_id int;
begin
  {before}
  insert into guest.effects (note) values (p_payload ->> 'note') returning id into v_id;
  return jsonb_build_object('effect', v_id);
end"""
COUNT = "select count(*) from guest.effects"


def prepare(conn: Connection, before: str = "") -> None:
    body = EFFECT.format(before=before)
    signature = handler(conn, "put", body, "volatile")
    conn.execute(
        "create table guest.effects (id int generated always as identity, note text);"
        "grant all on guest.effects to public"
    )
    register(conn, "put", "v2", signature, "write")
    register(conn, "put", "v3", signature, "write")


def put(conn: Connection, key: object, note: str = "n", version: str | None = None) -> Any:
    return call(conn, "put", {"idempotency_key": key, "note": note}, version)["data"]


def test_the_same_request_gets_the_same_data(db: Connection) -> None:
    prepare(db)
    first = put(db, "k")
    assert put(db, "k") == first
    assert put(db, "other") != first
    assert one(db, COUNT) == 2
    payload = {"note": "n", "idempotency_key": "k"}
    assert call(db, "put", payload)["data"] == first


def test_the_key_survives_a_switch(db: Connection) -> None:
    prepare(db)
    first = put(db, "k")
    db.execute("select dbkit.switch_api_version('v3')")
    assert put(db, "k") == first
    assert one(db, COUNT) == 1


def test_another_payload_or_call_is_refused(db: Connection) -> None:
    prepare(db)
    register(db, "put_too", "v2", "guest.put(jsonb)", "write")
    freeze_clock(db, "2026-01-01T00:00:00Z")
    put(db, "k")
    for name, note in (("put", "different"), ("put_too", "n")):
        with raises(db, "KD110") as caught:
            call(db, name, {"idempotency_key": "k", "note": note})
        assert caught.detail["idempotency_key"] == "k"
        assert caught.detail["first_used_at"]
        assert caught.hint
    assert one(db, COUNT) == 1


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_bad_key_is_a_bad_payload(db: Connection, key: str) -> None:
    prepare(db)
    with raises(db, "KD105") as caught:
        put(db, key)
    assert caught.detail["field"] == "idempotency_key"
    assert caught.hint
    assert one(db, COUNT) == 0


def test_null_is_no_key(db: Connection) -> None:
    prepare(db)
    put(db, None)
    put(db, None)
    assert one(db, COUNT) == 2
    assert one(db, "select count(*) from dbkit.api_idempotency_keys") == 0


def test_a_read_takes_no_key(db: Connection) -> None:
    register(db, "echo", "v2", handler(db, "echo"))
    call(db, "echo", {"idempotency_key": "k"})
    assert one(db, "select count(*) from dbkit.api_idempotency_keys") == 0


def test_a_null_answer_is_kept_too(db: Connection) -> None:
    prepare(db)
    body = "begin insert into guest.effects (note) values ('x'); return null; end"
    register(db, "quiet", "v2", handler(db, "quiet", body, "volatile"), "write")
    for _ in range(2):
        assert call(db, "quiet", {"idempotency_key": "k"})["data"] is None
    assert one(db, COUNT) == 1


def test_an_error_leaves_the_key_free(db: Connection) -> None:
    prepare(db, "if p_payload ->> 'note' = 'bad' then raise exception 'no'; end if;")
    with raises(db, "P0001"):
        put(db, "k", "bad")
    assert put(db, "k", "good")["effect"]
    assert one(db, COUNT) == 1


def test_a_rollback_frees_the_key(pair: tuple[Connection, Connection]) -> None:
    left, right = pair
    prepare(left)
    with left.transaction(force_rollback=True):
        put(left, "k")
    assert put(right, "k", "other payload")
    assert one(left, COUNT) == 1


SCOPES = [
    {"user_id": "u1"},
    {"user_id": "u2"},
    {"user_id": "u1", "organization_id": "o1"},
    {"client_id": "u1"},
    {"client_id": "u2"},
]


def test_another_scope_does_not_see_the_key(db: Connection) -> None:
    prepare(db)
    seen = []
    for role in ("anon", "authenticated"):
        for keys in SCOPES:
            become(db, role, **keys)
            seen.append(put(db, "k", f"{role} {keys}")["effect"])
            unbecome(db)
    assert len(set(seen)) == len(seen) == 10


def test_an_unnamed_caller_has_no_scope_of_its_own(db: Connection) -> None:
    """All of them would share their keys, and one could read the answer to another."""
    prepare(db)
    for role in ("anon", "authenticated"):
        become(db, role, organization_id="o")
        with raises(db, "KD105") as caught:
            put(db, "k")
        assert caught.detail == {"field": "idempotency_key"}
        assert caught.hint
        unbecome(db)
    become(db, "service_role")
    assert put(db, "k") == put(db, "k")


def test_postgrest_claims_are_the_scope(db: Connection) -> None:
    prepare(db)
    effects = []
    for sub in ("a", "b", "a"):
        become(db, "authenticated", user_id="the same")
        db.execute("select set_config('request.jwt.claims', %s, true)", [f'{{"sub": "{sub}"}}'])
        effects.append(put(db, "k")["effect"])
        unbecome(db)
    assert effects[0] == effects[2] != effects[1]


def test_one_in_flight_answers_at_once(database: str) -> None:
    """While the first runs every other is refused; afterwards they replay."""
    with connect(database, autocommit=True) as gate, connect(database, autocommit=True) as watch:
        prepare(gate, "perform pg_advisory_xact_lock_shared(4242);")
        gate.execute("select pg_advisory_lock(4242)")
        with ThreadPoolExecutor(17) as pool:
            first = pool.submit(outcome, database, lambda c: put(c, "k"))
            wait_until(
                watch,
                "exists (select from pg_locks where objid = 4242 and not granted"
                " and locktype = 'advisory')",
            )
            others = in_parallel(49, lambda n: outcome(database, lambda c: put(c, "k")))
            assert others == ["KD111"] * 49
            with raises(watch, "KD111") as caught:
                put(watch, "k")
            assert caught.detail == {"idempotency_key": "k"}
            assert caught.hint
            with raises(watch, "KD111"):
                put(watch, "k", "even with another payload")
            gate.execute("select pg_advisory_unlock(4242)")
            effect = first.result()
        assert put(watch, "k") == effect
        assert one(watch, COUNT) == 1


def test_fifty_at_once_have_one_effect(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        prepare(conn)
    got = in_parallel(50, lambda n: outcome(database, lambda c: put(c, "k")))
    answers = [g for g in got if g != "KD111"]
    assert answers
    assert all(a == answers[0] for a in answers)
    with connect(database) as conn:
        assert one(conn, COUNT) == 1
    without_key = in_parallel(10, lambda n: outcome(database, lambda c: call(c, "put")))
    with connect(database) as conn:
        assert one(conn, COUNT) == 1 + len(without_key)


def test_an_old_snapshot_cannot_repeat_the_effect(pair: tuple[Connection, Connection]) -> None:
    left, right = pair
    prepare(left)
    with raises(left, "23505"):
        left.execute("set transaction isolation level repeatable read")
        one(left, COUNT)
        put(right, "k")
        put(left, "k")
    assert one(left, COUNT) == 1


def test_nobody_reads_the_keys_of_others(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, "select count(*) from dbkit.api_idempotency_keys")
        unbecome(db)


def test_context_of_one_call_is_not_the_next_ones(db: Connection) -> None:
    prepare(db)
    context(db, user_id="u1")
    first = put(db, "k")
    context(db)
    assert put(db, "k") != first
