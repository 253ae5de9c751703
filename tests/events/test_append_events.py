"""dbkit.append_events: a batch is one act."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.events.parts import append, append_many, head, stored
from tests.helpers import Connection, become, one, raises

TWO = [
    {"event_type": "Opened", "event_data": {"name": "x"}},
    {"event_type": "Counted", "event_data": {"by": 1}, "metadata": {"m": 1}},
]


def test_versions_follow_the_order(db: Connection) -> None:
    batch = [{"event_type": f"E{i}", "event_data": {"i": i}} for i in range(250)]
    found = append_many(db, "a", batch)
    assert (found["first_version"], found["last_version"]) == (1, 250)
    events = stored(db, "a")
    assert [e["event_type"] for e in events] == [f"E{i}" for i in range(250)]
    positions = [e["position"] for e in events]
    assert positions == sorted(set(positions))
    assert positions[-1] == found["last_position"]
    assert [str(e["event_id"]) for e in events] == found["event_ids"]
    assert append_many(db, "a", TWO, expect=250)["last_version"] == 252
    assert head(db, "a") == 252


def test_all_or_none(db: Connection) -> None:
    append(db, "a")
    with raises(db, "KD501"):
        append_many(db, "a", TWO, expect=7)
    with raises(db, "KD504"):
        append_many(db, "a", [*TWO, {"event_type": "Bad"}])
    assert head(db, "a") == 1


def with_ids(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event | {"event_id": str(uuid.uuid4())} for event in batch]


def test_the_same_batch_again_returns_the_first_result(db: Connection) -> None:
    batch = with_ids(TWO)
    first = append_many(db, "a", batch, expect=0)
    append(db, "a")
    assert append_many(db, "a", batch, expect=0) == first | {"replayed": True}
    assert append_many(db, "a", batch) == first | {"replayed": True}
    assert head(db, "a") == 3


def test_a_batch_that_is_partly_stored_is_refused(db: Connection) -> None:
    batch = with_ids(TWO)
    append_many(db, "a", batch)
    for other in (
        [batch[1], batch[0]],
        [batch[0], *with_ids(TWO[1:])],
        [batch[0], TWO[1]],
        [batch[0], batch[0]],
        [{**batch[0], "event_data": {"name": "y"}}, batch[1]],
    ):
        with raises(db, "KD506"):
            append_many(db, "a", other)
    with raises(db, "KD506"):
        append_many(db, "b", batch)
    assert (head(db, "a"), head(db, "b")) == (2, 0)
    assert append_many(db, "a", batch[:1])["replayed"], "a part in its place is a replay"


def test_one_id_twice_in_a_batch_is_refused(db: Connection) -> None:
    event = with_ids(TWO[:1])[0]
    with raises(db, "KD506"):
        append_many(db, "a", [event, event])
    assert head(db, "a") == 0


@pytest.mark.parametrize(
    "batch",
    [
        {},
        [],
        "text",
        [1],
        [[]],
        [{}],
        [{"event_type": "A"}],
        [{"event_data": {}}],
        [{"event_type": 1, "event_data": {}}],
        [{"event_type": "A", "event_data": []}],
        [{"event_type": "A", "event_data": {}, "metadata": 1}],
        [{"event_type": "A", "event_data": {}, "event_id": "no uuid"}],
        [{"event_type": "A", "event_data": {}, "event_id": 1}],
        [{"event_type": "A", "event_data": {}, "schema_version": "x"}],
        [{"event_type": "A", "event_data": {}, "schema_version": 1.5}],
        [{"event_type": "A", "event_data": {}, "schema_version": -1}],
        [{"event_type": "A", "event_data": {}, "unknown": 1}],
        [{"event_type": "A", "event_data": {}}] * 10_001,
    ],
)
def test_malformed_batches_are_refused(db: Connection, batch: object) -> None:
    with raises(db, "KD504") as caught:
        append_many(db, "a", batch)
    assert caught.detail["field"].startswith("events")
    assert caught.hint
    assert head(db, "a") == 0


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "-" * 36,
        "g1234567-1234-1234-1234-123456789abc",
        "12345678-1234-1234-1234-12345678-abc",
        "1234567-81234-1234-1234-123456789abc",
        "{12345678-1234-1234-1234-12345678ab}",
        "12345678123412341234123456789abc",
        " 2345678-1234-1234-1234-123456789abc",
        "é2345678-1234-1234-1234-123456789abc",
        "12345678-1234-1234-1234-123456789abc\n",
    ],
)
def test_the_event_whose_id_is_no_uuid_is_named(db: Connection, bad: str) -> None:
    event: dict[str, object] = {"event_type": "A", "event_data": {}}
    ids = (str(uuid.uuid4()), None, str(uuid.uuid4()).upper(), bad, "no uuid either")
    with raises(db, "KD504") as caught:
        append_many(db, "a", [event | {"event_id": event_id} for event_id in ids])
    assert caught.detail == {"field": "events/3"}
    assert head(db, "a") == 0
    assert append_many(db, "a", [event | {"event_id": i} for i in ids[:3]])["last_version"] == 3


def test_null_is_a_missing_key(db: Connection) -> None:
    event: dict[str, object] = {
        "event_type": "A",
        "event_data": {},
        "metadata": None,
        "event_id": None,
    }
    found = append_many(db, "a", [event | {"schema_version": None}])
    assert found["last_version"] == 1


def test_belongs_to_the_callers_organization(db: Connection) -> None:
    become(db, "authenticated", organization_id="acme", user_id="u")
    append_many(db, "a", TWO)
    found = {(e["organization_id"], e["actor_id"]) for e in stored(db, "a")}
    assert found == {("acme", "u")}


def test_anon_may_not_append(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "42501"):
        append_many(db, "a", TWO)


def test_chained_events_link_to_the_one_before(db: Connection) -> None:
    db.execute("select dbkit.configure_aggregate('counter', p_is_chained => true)")
    append(db, "a")
    append_many(db, "a", TWO)
    append(db, "a")
    hashes = [e["hash"] for e in stored(db, "a")]
    assert len(set(hashes)) == 4
    again = "select dbkit._event_hash(%s, e) from dbkit.event_store e where version = %s"
    for version, before in enumerate([None, *hashes[:-1]], start=1):
        assert one(db, again, before, version) == hashes[version - 1]
    assert one(db, "select last_hash from dbkit.event_streams") == hashes[-1]
