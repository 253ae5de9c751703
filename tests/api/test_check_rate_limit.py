"""dbkit.check_rate_limit: limits without a gateway."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, become, connect, freeze_clock, one, raises, unbecome

CHECK = "select dbkit.check_rate_limit(%s, %s)"
OWN = "select dbkit.check_rate_limit(p_call => %s)"
SET = "select dbkit.set_rate_limit(%s, %s, %s, %s)"


@pytest.fixture(autouse=True)
def clock(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:10Z")


def test_without_a_limit_there_is_nothing_to_say(db: Connection) -> None:
    assert one(db, CHECK, "key:1", "get_features") is None


def test_counts_and_refuses(db: Connection) -> None:
    one(db, SET, "*", "*", 2, 60)
    become(db, "service_role")
    assert one(db, CHECK, "key:1", "get_features") == {
        "limit": 2,
        "remaining": 1,
        "resets_at": "2026-01-01T00:01:00+00:00",
    }
    assert one(db, CHECK, "key:1", "place_order")["remaining"] == 0
    with raises(db, "KD125") as caught:
        one(db, CHECK, "key:1", "get_features")
    assert caught.detail == {
        "limit": 2,
        "window_seconds": 60,
        "remaining": 0,
        "resets_at": "2026-01-01T00:01:00+00:00",
        "retry_after": 50,
    }
    assert caught.hint
    assert one(db, CHECK, "key:2", "get_features")["remaining"] == 1
    freeze_clock(db, "2026-01-01T00:01:00Z")
    assert one(db, CHECK, "key:1", "get_features")["remaining"] == 1


def test_the_row_that_fits_best_counts(db: Connection) -> None:
    limits = {("*", "*"): 1, ("*", "a"): 2, ("key:1", "*"): 3, ("key:1", "a"): 4}
    for (consumer, call), most in limits.items():
        one(db, SET, consumer, call, most, 60)
    asked = {("key:1", "a"): 4, ("key:1", "b"): 3, ("key:2", "a"): 2, ("key:2", "b"): 1}
    for (consumer, call), most in asked.items():
        assert one(db, CHECK, consumer, call)["limit"] == most


def test_a_client_counts_for_itself_alone(db: Connection) -> None:
    one(db, SET, "*", "*", 1, 60)
    become(db, "authenticated", user_id="ada", client_id="web")
    assert one(db, OWN, "a")["remaining"] == 0
    with raises(db, "KD125"):
        one(db, OWN, "a")
    unbecome(db)
    become(db, "authenticated", user_id="bob")
    assert one(db, OWN, "a")["remaining"] == 0
    unbecome(db)
    become(db, "anon", client_id="ada")
    assert one(db, OWN, "a")["remaining"] == 0
    unbecome(db)
    become(db, "anon")
    assert one(db, OWN, "a")["remaining"] == 0
    unbecome(db)
    for consumer in ("user:ada", "user:bob", "client:ada", "role:anon"):
        with raises(db, "KD125"):
            one(db, CHECK, consumer, "a")


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_only_a_service_says_whom_it_counts_for(db: Connection, role: str) -> None:
    one(db, SET, "*", "*", 1, 60)
    become(db, role, user_id="u")
    with raises(db, "KD003"):
        one(db, CHECK, "user:ada", "a")
    unbecome(db)
    assert one(db, CHECK, "user:ada", "a")["remaining"] == 0


def test_a_read_only_transaction_counts_nothing_and_still_refuses(db: Connection) -> None:
    one(db, SET, "*", "*", 1, 60)
    with db.transaction(force_rollback=True):
        db.execute("set transaction read only")
        assert one(db, CHECK, "key:1", "a")["remaining"] == 1
        assert one(db, CHECK, "key:1", "a")["remaining"] == 1
    one(db, CHECK, "key:1", "a")
    db.execute("set transaction read only")
    with raises(db, "KD125"):
        one(db, CHECK, "key:1", "a")


def test_a_rollback_gives_the_call_back(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        one(conn, SET, "*", "*", 1, 86400)
        with conn.transaction(force_rollback=True):
            one(conn, CHECK, "key:1", "a")
        assert one(conn, CHECK, "key:1", "a")["remaining"] == 0


def test_odd_arguments(db: Connection) -> None:
    one(db, SET, "*", "*", 100, 60)
    for consumer, call in (("", ""), ("x" * 500, "%"), ("key:1", None)):
        assert one(db, CHECK, consumer, call)["limit"] == 100
