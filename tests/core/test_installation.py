"""Table installation: what the first revision changed outside the schema."""

from tests.helpers import Connection, become, one, raises


def test_notes_what_a_downgrade_puts_back(db: Connection) -> None:
    assert one(db, "select count(*) from dbkit.installation") >= 1
    with raises(db, "23514"):
        db.execute("insert into dbkit.installation values ('another fact', true)")


def test_public_executes_nothing(db: Connection) -> None:
    """Neither what ships nor what the migrating role makes later."""
    assert (
        one(
            db,
            "select count(*) from pg_proc where pronamespace = 'dbkit'::regnamespace"
            " and has_function_privilege('public', oid, 'execute')",
        )
        == 0
    )
    db.execute("create function dbkit.made_later() returns int language sql return 1")
    become(db, "anon")
    with raises(db, "42501"):
        one(db, "select dbkit.made_later()")


def test_is_for_services(db: Connection) -> None:
    become(db, "anon")
    with raises(db, "42501"):
        one(db, "select count(*) from dbkit.installation")
