"""One exception for each SQLSTATE of dbkit.error_codes, told apart by the SQLSTATE alone."""

import pickle
from decimal import Decimal

import psycopg
import pytest
import sqlalchemy as sa

from dbkit import errors
from dbkit.call import Call
from dbkit.codec import nothing
from dbkit.errors import DbkitError
from tests.helpers import Connection, rows


def raising(sqlstate: str, message: str, detail: str = "{}", hint: str | None = None) -> Call[None]:
    """A call that fails as asked."""
    sql = "select dbkit.raise_error(%s::text, %s::text, %s::jsonb, %s::text)"
    return Call("raise", sql, (sqlstate, message, detail, hint), nothing)


def test_every_row_of_the_catalog_round_trips(db: Connection) -> None:
    codes = rows(db, "select * from dbkit.error_codes")
    assert {row["sqlstate"] for row in codes} == set(errors.BY_SQLSTATE)
    for row in codes:
        detail = '{"field": "price", "limit": 1.10, "id": 9007199254740993}'
        with pytest.raises(DbkitError) as caught, db.transaction():
            raising(row["sqlstate"], f"about {row['name']}", detail, "do this").run(db)
        kind = type(caught.value)
        assert kind is errors.BY_SQLSTATE[row["sqlstate"]]
        assert kind.__name__ == "".join(part.capitalize() for part in row["name"].split("_"))
        assert getattr(errors, kind.__name__) is kind
        assert kind.http_status == row["http_status"]
        assert kind.__doc__ is not None
        assert " ".join(kind.__doc__.split()) == row["summary"]
        for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
            assert (error.sqlstate, error.message) == (row["sqlstate"], f"about {row['name']}")
            assert error.detail == {
                "field": "price",
                "limit": Decimal("1.10"),
                "id": 9007199254740993,
            }
            assert error.hint == "do this"
            assert str(error) == error.message


def test_keeps_the_drivers_error_as_the_cause(db: Connection) -> None:
    with pytest.raises(errors.Forbidden) as caught:
        raising("KD003", "no").run(db)
    assert isinstance(caught.value.__cause__, psycopg.Error)
    assert caught.value.__cause__.sqlstate == "KD003"


def test_a_code_newer_than_this_package_is_the_base_class(db: Connection) -> None:
    with pytest.raises(DbkitError) as caught:
        raising("KD999", "from tomorrow", '{"a": 1}').run(db)
    assert type(caught.value) is DbkitError
    assert (caught.value.sqlstate, caught.value.http_status) == ("KD999", 500)
    assert caught.value.detail == {"a": 1}


def test_other_sqlstates_stay_the_drivers_errors(db: Connection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), db.transaction():
        Call("divide", "select 1 / 0", (), nothing).run(db)
    with pytest.raises(psycopg.errors.RaiseException):
        raising("P0001", "KD003 forbidden").run(db)


@pytest.mark.parametrize("detail", ["[1]", '"text"', "3"])
def test_a_detail_that_is_no_object_is_empty(db: Connection, detail: str) -> None:
    with pytest.raises(errors.Forbidden) as caught:
        raising("KD003", "no", detail).run(db)
    assert caught.value.detail == {}


def test_a_detail_that_is_no_json_is_empty(db: Connection) -> None:
    statement = "do $$ begin raise sqlstate 'KD003' using detail = 'plain {text'; end $$"
    with pytest.raises(psycopg.Error) as caught:
        db.execute(statement.encode())
    error = errors.translate(caught.value)
    assert isinstance(error, errors.Forbidden)
    assert error.detail == {}


def test_sees_through_sqlalchemys_wrapper(shared_database: str) -> None:
    engine = sa.create_engine(shared_database.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        with pytest.raises(errors.InvalidArgument) as caught:
            raising("KD004", "bad", '{"argument": "p"}').run(connection)
        assert caught.value.detail == {"argument": "p"}
        connection.rollback()
        with pytest.raises(sa.exc.DataError):
            Call("divide", "select 1 / 0", (), nothing).run(connection)
    engine.dispose()


def test_what_is_no_database_error_comes_back_unchanged() -> None:
    error = ValueError("KD003")
    assert errors.translate(error) is error
