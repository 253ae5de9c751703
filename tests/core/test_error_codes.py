"""Table error_codes: the one list of what can go wrong."""

import pytest

from tests.helpers import Connection, become, one, raises, rows


def test_core_declares_its_codes(db: Connection) -> None:
    found = rows(db, "select sqlstate, name, http_status from dbkit.error_codes order by 1 limit 4")
    assert [tuple(f.values()) for f in found] == [
        ("KD001", "invalid_context", 400),
        ("KD002", "invalid_version_number", 400),
        ("KD003", "forbidden", 403),
        ("KD004", "invalid_argument", 400),
    ]


def test_every_code_that_a_function_raises_is_declared(db: Connection) -> None:
    missing = rows(
        db,
        "select p.proname, m[1] as code"
        " from pg_proc p, regexp_matches(p.prosrc, '''(KD[0-9]{3})''', 'g') as m"
        " where p.pronamespace = 'dbkit'::regnamespace"
        " and not exists (select from dbkit.error_codes e where e.sqlstate = m[1])",
    )
    assert missing == []


@pytest.mark.parametrize(
    "values",
    [
        "('P0001', 'some_name', 400, 's')",
        "('KD99', 'some_name', 400, 's')",
        "('KD998', 'Some Name', 400, 's')",
        "('KD998', 'some_name', 200, 's')",
        "('KD998', 'some_name', 600, 's')",
    ],
)
def test_refuses_other_shapes(db: Connection, values: str) -> None:
    with raises(db, "23514"):
        db.execute(f"insert into dbkit.error_codes values {values}".encode())


def test_names_are_unique(db: Connection) -> None:
    with raises(db, "23505"):
        db.execute("insert into dbkit.error_codes values ('KD998', 'forbidden', 400, 's')")


def test_everybody_reads_and_nobody_writes(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role", "super_admin"):
        become(db, role)
        assert one(db, "select count(*) from dbkit.error_codes") > 4
        with raises(db, "42501"):
            db.execute("delete from dbkit.error_codes")
        db.execute("reset role")
