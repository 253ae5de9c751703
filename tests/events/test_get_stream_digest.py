from tests.events.parts_integrity import append, chain
from tests.helpers import Connection, become, one, raises

DIGEST = "select dbkit.get_stream_digest('thing', 'a')"


def test_is_the_newest_hash(db: Connection) -> None:
    chain(db)
    append(db, "a")
    append(db, "a")
    become(db, "authenticated")
    newest = one(db, "select encode(hash, 'hex') from dbkit.event_store where version = 2")
    assert one(db, DIGEST) == {"version": 2, "last_hash": newest}
    assert len(newest) == 64


def test_has_no_hash_without_a_chain(db: Connection) -> None:
    append(db, "a")
    assert one(db, DIGEST) == {"version": 1, "last_hash": None}


def test_rejects_an_unknown_stream(db: Connection) -> None:
    append(db, "a")
    become(db, "authenticated", organization_id="other")
    with raises(db, "KD502"):
        one(db, DIGEST)
