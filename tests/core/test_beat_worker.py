"""A worker shows itself, hears whether to stop, and is forgotten a day after its last sign."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.helpers import Connection, become, freeze_clock, one, raises, row

BEAT = "select dbkit.beat_worker(%s, 'a-host', 7, '1.0', %s::jsonb)"
A = UUID(int=1)
B = UUID(int=2)


def test_the_first_beat_enters_and_the_next_brings_news(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    assert one(db, BEAT, A, '{"sent": 1}') == {"stop": False}
    freeze_clock(db, "2026-01-01T00:00:10Z")
    assert one(db, BEAT, A, '{"sent": 2}') == {"stop": False}
    found = row(db, "select *, beat_at - started_at as age from dbkit.workers")
    assert (found["worker_id"], found["host"], found["pid"]) == (A, "a-host", 7)
    assert found["state"] == {"sent": 2}
    assert found["age"].total_seconds() == 10


def test_hears_that_it_shall_stop_at_each_beat(db: Connection) -> None:
    one(db, BEAT, A, "{}")
    one(db, BEAT, B, "{}")
    assert one(db, "select dbkit.stop_worker(%s)", A) == 1
    assert [one(db, BEAT, A, "{}")["stop"] for _ in range(2)] == [True, True]
    assert one(db, BEAT, B, "{}") == {"stop": False}


def test_forgets_the_silent_after_a_day(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    one(db, BEAT, A, "{}")
    freeze_clock(db, "2026-01-02T00:00:00Z")
    one(db, BEAT, B, "{}")
    assert one(db, "select count(*) from dbkit.workers") == 2
    freeze_clock(db, "2026-01-02T00:00:01Z")
    one(db, BEAT, B, "{}")
    assert one(db, "select worker_id from dbkit.workers") == B


@pytest.mark.parametrize(
    "wrong",
    [
        "null, 'h', 1, '1', '{}'",
        "gen_random_uuid(), '', 1, '1', '{}'",
        "gen_random_uuid(), 'h', null, '1', '{}'",
        "gen_random_uuid(), 'h', 1, null, '{}'",
        "gen_random_uuid(), 'h', 1, '1', '[]'",
        "gen_random_uuid(), 'h', 1, '1', null",
    ],
)
def test_refuses_a_worker_that_says_too_little(db: Connection, wrong: str) -> None:
    with raises(db, "KD004"):
        one(db, f"select dbkit.beat_worker({wrong})")


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, BEAT, A, "{}")
    become(db, "service_role")
    assert one(db, BEAT, A, "{}") == {"stop": False}
