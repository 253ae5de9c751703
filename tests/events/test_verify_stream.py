import pytest

from tests.events.parts_integrity import append, behind_the_guards, chain
from tests.helpers import Connection, become, one, raises, rows

DIGEST = "select dbkit.get_stream_digest('thing', 'a') ->> 'last_hash'"
VERIFY = "select * from dbkit.verify_stream('thing', 'a', %s)"


def problems(db: Connection, expected_hash: str | None = None) -> list[str]:
    return [found["problem"] for found in rows(db, VERIFY, expected_hash)]


def rewrite_the_chain(db: Connection) -> None:
    """What an owner could do who changes an event and hides it as well as he can."""
    behind_the_guards(
        db,
        """do $$
        declare e dbkit.event_store; h bytea;
        begin
          for e in select * from dbkit.event_store order by version loop
            e.event_data := '{"n": 2}';
            h := dbkit._event_hash(h, e);
            update dbkit.event_store s set event_data = e.event_data, hash = h
            where s.position = e.position;
          end loop;
          update dbkit.event_streams set last_hash = h;
        end $$""",
    )


def test_finds_nothing_in_a_whole_stream(db: Connection) -> None:
    chain(db)
    for _ in range(3):
        append(db, "a")
    become(db, "service_role")
    assert problems(db) == []


def test_looks_at_the_named_stream_only(db: Connection) -> None:
    append(db, "a")
    append(db, "b")
    behind_the_guards(db, "delete from dbkit.event_store where aggregate_id = 'b'")
    assert problems(db) == []
    found = rows(db, "select * from dbkit.verify_stream('thing', 'b')")
    assert [f["problem"] for f in found] == ["stream_without_events"]


def test_says_where(db: Connection) -> None:
    chain(db)
    for _ in range(3):
        append(db, "a")
    behind_the_guards(db, "update dbkit.event_store set metadata = '{\"x\": 1}' where version = 2")
    found = rows(db, VERIFY, None)
    position = one(db, "select position from dbkit.event_store where version = 2")
    assert [(f["problem"], f["version"], f["position"]) for f in found] == [
        ("hash_differs", 2, position)
    ]


def test_a_chain_written_anew_is_found_by_a_digest_from_elsewhere(db: Connection) -> None:
    chain(db)
    append(db, "a")
    append(db, "a")
    digest = one(db, DIGEST)
    append(db, "a")
    assert problems(db, digest) == [], "the stream went on since"
    rewrite_the_chain(db)
    assert problems(db) == [], "the control: without a digest nobody can tell"
    assert problems(db, digest) == ["expected_hash_missing"]


def test_rejects_what_it_cannot_check(db: Connection) -> None:
    with raises(db, "KD502"):
        problems(db)
    append(db, "a")
    for wrong in ["", "xyz", "A" * 64]:
        with raises(db, "KD004"):
            problems(db, wrong)
    assert problems(db, "0" * 64) == ["expected_hash_missing"]


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_needs_service_role(db: Connection, role: str) -> None:
    append(db, "a")
    become(db, role)
    with raises(db, "42501"):
        problems(db)


def test_is_of_the_callers_organization(db: Connection) -> None:
    append(db, "a")
    become(db, "service_role", organization_id="other")
    with raises(db, "KD502"):
        problems(db)
