"""dbkit.register_platform_figures."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, become, one, raises, rows

REGISTER = "select dbkit.register_platform_figures(%s, %s)"
MAKE = (
    "create schema mine; grant usage on schema mine to service_role;"
    "create function mine.{name} returns {result} language sql as $$ {body} $$;"
    "grant execute on all functions in schema mine to service_role"
)
TABLE = "table (a text, b jsonb, c double precision, d text)"
BODY = "select 'ovens', '{\"hot\": true}'::jsonb, 3.0::float8, 'Ovens.'"


def test_adds_figures_of_ones_own(db: Connection) -> None:
    db.execute(MAKE.format(name="ovens()", result=TABLE, body=BODY).encode())
    db.execute(REGISTER, ["mine", "mine.ovens()"])
    db.execute(REGISTER, ["mine", "mine.ovens()"])
    found = rows(db, "select * from dbkit.get_platform_figures() where figure = 'ovens'")
    assert found == [{"figure": "ovens", "labels": {"hot": True}, "value": 3.0, "help": "Ovens."}]


@pytest.mark.parametrize(
    ("name", "result", "body"),
    [
        ("f(a int)", TABLE, BODY),
        ("f()", "table (a text, b jsonb)", "select 'a', '{}'::jsonb"),
        ("f()", "int", "select 1"),
    ],
)
def test_refuses_another_shape(db: Connection, name: str, result: str, body: str) -> None:
    db.execute(MAKE.format(name=name, result=result, body=body).encode())
    with raises(db, "KD705"):
        db.execute(REGISTER, ["mine", "mine.f(int)" if "int" in name else "mine.f()"])


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("Mine", "dbkit._core_figures()"),
        (None, "dbkit._core_figures()"),
        ("mine", "mine.none()"),
        ("mine", "'; drop table dbkit.metric_figures; --"),
        ("mine", None),
    ],
)
def test_refuses_what_is_malformed(db: Connection, name: str | None, function: str | None) -> None:
    with raises(db, "KD705"):
        db.execute(REGISTER, [name, function])


def test_is_for_the_super_admin(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "42501"):
        one(db, REGISTER, "mine", "dbkit._core_figures()")
