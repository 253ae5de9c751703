from __future__ import annotations

from tests.helpers import Connection, become, one, raises

GET = "select dbkit.get_reader_checkpoint(%s)"


def test_a_reader_that_kept_nothing_begins_before_the_first_event(db: Connection) -> None:
    become(db, "service_role")
    assert one(db, GET, "mailer") == 0


def test_each_reader_has_its_own(db: Connection) -> None:
    append = "select (dbkit.append_event('order', 'a', 'Placed', '{}') ->> 'position')::bigint"
    first, second = one(db, append), one(db, append)
    become(db, "service_role")
    one(db, "select dbkit.save_reader_checkpoint('mailer', %s, 0)::text", second)
    one(db, "select dbkit.save_reader_checkpoint('search', %s, 0)::text", first)
    assert [one(db, GET, name) for name in ("mailer", "search", "other")] == [second, first, 0]


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, GET, "mailer")
