"""Old keys go; their requests may then be sent anew."""

from tests.helpers import Connection, become, freeze_clock, one, raises, unbecome

INSERT = """
insert into dbkit.api_idempotency_keys (scope, key, fingerprint, created_at)
select 's', n::text, 'f', dbkit.clock() - n * interval '1 hour' from generate_series(0, 47) n"""


def test_deletes_what_is_older(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    db.execute(INSERT)
    assert one(db, "select dbkit.expire_idempotency_keys()") == 23
    assert one(db, "select dbkit.expire_idempotency_keys('10 hours')") == 14
    assert one(db, "select max(key::int) from dbkit.api_idempotency_keys") == 10


def test_needs_service_role(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T00:00:00Z")
    db.execute(INSERT)
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, "select dbkit.expire_idempotency_keys('0')")
        unbecome(db)
    become(db, "service_role")
    assert one(db, "select dbkit.expire_idempotency_keys('30 hours')") == 17
