"""A Call runs on any connection that a user has, and its answer is what its type says."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import rows as factories
from psycopg.adapt import Loader
from sqlalchemy.ext.asyncio import create_async_engine

from dbkit.call import Call
from dbkit.calls import api, core, v1, v2, v3
from dbkit.codec import (
    UNSET,
    Fallback,
    HexBytes,
    JsonValue,
    Routed,
    RoutedAs,
    allow_fallback,
    arguments,
    from_json,
    json_as,
    json_or_none,
    json_value,
    json_values,
    jsons_as,
    nothing,
    route,
    row_of,
    rows_of,
    scalar,
    scalar_or_none,
    scalars,
    scalars_or_none,
    to_json,
)
from dbkit.errors import UnexpectedAnswer, VersionMismatch
from tests.helpers import Connection

VERSION = core.semver_key("1.4.0")
VERSION_KEY = "a1a4a0~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    item: str
    price: Decimal
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    JSON_NAMES: ClassVar[Mapping[str, str]] = {"from_": "from", "first_name": "first name"}

    from_: int
    first_name: str | None = None
    lines: "list[Odd] | None" = None
    by_name: "dict[str, Odd] | None" = None
    free: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    id: int
    price: Decimal
    lines: list[Line]
    note: str | None


# --- where it runs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "factory",
    [
        factories.tuple_row,
        factories.dict_row,
        factories.namedtuple_row,
        factories.scalar_row,
        factories.class_row(dict),
    ],
)
def test_runs_whatever_the_row_factory(shared_database: str, factory: Any) -> None:
    with psycopg.connect(shared_database, row_factory=factory) as connection:
        assert VERSION.run(connection) == VERSION_KEY
        (active,) = api.get_active_api_version().run(connection)
        assert active.revision >= 0


@pytest.mark.parametrize("factory", [psycopg.ClientCursor, psycopg.RawCursor])
def test_runs_whatever_the_cursor_factory(shared_database: str, factory: Any) -> None:
    with psycopg.connect(shared_database, cursor_factory=factory) as connection:
        assert VERSION.run(connection) == VERSION_KEY


def test_runs_in_a_pipeline(shared_database: str) -> None:
    with psycopg.connect(shared_database) as connection, connection.pipeline():
        assert VERSION.run(connection) == VERSION_KEY


async def test_runs_on_an_asynchronous_connection(shared_database: str) -> None:
    connect = psycopg.AsyncConnection.connect
    async with await connect(shared_database, row_factory=factories.dict_row) as connection:
        assert await VERSION.arun(connection) == VERSION_KEY


@pytest.fixture
def engine(shared_database: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(shared_database.replace("postgresql:", "postgresql+psycopg:"))
    yield engine
    engine.dispose()


def test_runs_in_the_transaction_of_a_sqlalchemy_connection(engine: sa.Engine) -> None:
    set_context = core.set_request_context({"app_name": "alchemy"})
    with engine.begin() as connection:
        set_context.run(connection)
        assert core.context_value("app_name").run(connection) == "alchemy"
        assert api.validate_json({"type": "string"}, 5).run(connection)[0].keyword == "type"
    with engine.connect() as connection:
        assert not connection.in_transaction()
        VERSION.run(connection)
        assert connection.in_transaction()


async def test_runs_on_an_asynchronous_sqlalchemy_connection(shared_database: str) -> None:
    engine = create_async_engine(shared_database.replace("postgresql:", "postgresql+psycopg:"))
    async with engine.connect() as connection:
        assert await VERSION.arun(connection) == VERSION_KEY
        call = Call("percent", "select '%%' || %s::text", ("x",), scalar)
        assert await call.arun(connection) == "%x"
    await engine.dispose()


def test_a_percent_sign_is_doubled_with_and_without_parameters(engine: sa.Engine) -> None:
    without = Call("percent", "select '%%'", (), scalar)
    with engine.connect() as connection:
        assert without.run(connection) == "%"
    raw = engine.raw_connection()
    assert without.run(raw.driver_connection) == "%"  # type: ignore[arg-type]
    raw.close()


def test_the_transaction_is_the_callers(database: str) -> None:
    register = api.register_api_version("v9", "9.0.0")
    with psycopg.connect(database) as connection:
        register.run(connection)
        connection.rollback()
        sql = "select count(*) from dbkit.api_versions where version = %s"
        assert Call("count", sql, ("v9",), scalar).run(connection) == 0


def test_does_no_io_and_compares_by_value() -> None:
    assert core.semver_key("1.4.0") == VERSION
    assert hash(core.semver_key("1.4.0")) == hash(VERSION)
    assert VERSION.reads_only
    assert not api.switch_api_version("v3").reads_only


# --- what comes back ---------------------------------------------------------------------------


class FloatLoader(Loader):
    def load(self, data: Any) -> float:
        return float(bytes(data))


def test_json_does_not_depend_on_the_connections_adapters(shared_database: str) -> None:
    with psycopg.connect(shared_database) as connection:
        connection.adapters.register_loader("jsonb", FloatLoader)
        connection.adapters.register_loader("json", FloatLoader)
        sql = """select '{"a": 1.10, "b": 123456789012345678901234567890}'::jsonb::text"""
        call = Call("json", sql, (), json_value)
        assert call.run(connection) == {
            "a": Decimal("1.10"),
            "b": 123456789012345678901234567890,
        }


def test_decodes_rows(db: Connection) -> None:
    sql = """
      select 9007199254740993, 1.10::numeric, '[{"item": "x", "price": 2.50, "new": 1}]'::text, null
      where %s::boolean
    """
    row = Row(
        id=9007199254740993,
        price=Decimal("1.10"),
        lines=[Line(item="x", price=Decimal("2.50"))],
        note=None,
    )
    assert Call("rows", sql, (True,), rows_of(Row, "lines")).run(db) == [row]
    assert Call("rows", sql, (False,), rows_of(Row, "lines")).run(db) == []
    assert Call("row", sql, (True,), row_of(Row, "lines")).run(db) == row
    with pytest.raises(UnexpectedAnswer, match="row: no row"):
        Call("row", sql, (False,), row_of(Row, "lines")).run(db)


@pytest.mark.parametrize(
    ("sql", "decode", "expected"),
    [
        ("select 5", scalar, 5),
        ("select null", scalar_or_none, None),
        ("select 5 where false", scalar_or_none, None),
        ("values (1), (2)", scalars, [1, 2]),
        ("values (1), (null)", scalars_or_none, [1, None]),
        ("select ''::text", nothing, None),
        ('select \'{"item": "x", "price": 1}\'', json_as(Line), Line(item="x", price=Decimal(1))),
        ("select null", json_or_none(Line), None),
        ("values ('1'), ('2')", jsons_as(int), [1, 2]),
        ("values ('1.5'), ('null'), (null)", json_values, [Decimal("1.5"), None, None]),
        ("select null", json_value, None),
    ],
)
def test_decodes(db: Connection, sql: str, decode: Any, expected: object) -> None:
    assert Call("x", sql, (), decode).run(db) == expected


@pytest.mark.parametrize(
    ("sql", "decode", "what"),
    [
        ("select null", scalar, "shop.total: the result is NULL"),
        ("values (1), (null)", scalars, "the result is NULL"),
        ("select null", json_as(Line), "the result is NULL"),
        ("values (null)", jsons_as(Line), "the result is NULL"),
        ("select 'null'", json_as(Line), "Expected `object`"),
        ('select \'{"item": null, "price": 1}\'', json_as(Line), r"\$\.item"),
        ("select '{}'", json_as(Line), "missing required field"),
        ("select 1, 2.5, '[]', null::text union select null, 2.5, '[]', ''", rows_of(Row), '"id"'),
    ],
)
def test_refuses_an_answer_that_breaks_its_type(
    db: Connection, sql: str, decode: Any, what: str
) -> None:
    with pytest.raises(UnexpectedAnswer, match=what):
        Call("shop.total", sql, (), decode).run(db)


def test_json_names_that_are_no_python_names_are_mapped_by_type() -> None:
    value = Odd(
        from_=1,
        first_name="a",
        lines=[Odd(from_=2, free={"from": 3})],
        by_name={"from": Odd(from_=4)},
    )
    text = to_json(value)
    assert text == (
        '{"from":1,"first name":"a","lines":[{"from":2,"free":{"from":3}}],'
        '"by_name":{"from":{"from":4}}}'
    )
    assert from_json(text, Odd) == value
    assert from_json(f"[{text}]", list[Odd]) == [value]


def test_encodes_what_json_has_a_word_for() -> None:
    moment = datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC)
    value = {"d": Decimal("1.10"), "t": moment, "n": None, "b": b"\x00\xff", "u": UUID(int=1)}
    assert to_json(value) == (
        '{"d":1.10,"t":"2026-01-02T03:04:00Z","n":null,"b":"\\\\x00ff",'
        '"u":"00000000-0000-0000-0000-000000000001"}'
    )
    assert to_json(None) is None
    assert to_json(UNSET) is UNSET
    assert repr(UNSET) == "UNSET"
    assert from_json('"\\\\x00ff"', HexBytes) == b"\x00\xff"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), {"a": [1e999]}])
def test_refuses_numbers_that_json_lacks(value: object) -> None:
    with pytest.raises(ValueError, match="JSON has no number"):
        to_json(value)


def test_arguments_that_are_unset_are_left_out() -> None:
    parts = (("a => %s", 1), ("b => %s", UNSET), ("c => %s", None))
    assert arguments("select f(", ")", *parts) == ("select f(a => %s, c => %s)", (1, None))
    assert arguments("select f(", ")") == ("select f()", ())


# --- registered calls --------------------------------------------------------------------------


def answering(version: str, data: str) -> Call[Routed[Line]]:
    """A registered call of v3, answered by another version's handler."""
    meta = f'{{"rpc": "get_line", "version": "{version}", "fallback": true, "warnings": []}}'
    sql = f"""select '{{"data": {data}, "meta": {meta}}}'"""
    answer: RoutedAs[Line] = RoutedAs("v3", Line)
    return Call("get_line (v3)", sql, (), answer, reads_only=True)


def test_a_routed_answer_carries_its_meta(db: Connection) -> None:
    routed = answering("v3", '{"item": "x", "price": 1.5}').run(db)
    assert routed.data == Line(item="x", price=Decimal("1.5"))
    assert (routed.meta.version, routed.meta.sunset_at) == ("v3", None)


def test_another_version_than_the_wrappers_raises(db: Connection) -> None:
    call = answering("v1", '{"old": 1.5}')
    with pytest.raises(VersionMismatch, match=r"served in v1.*decodes v3") as caught:
        call.run(db)
    assert caught.value.data == {"old": Decimal("1.5")}
    assert caught.value.meta.version == "v1"
    answer = allow_fallback(call).run(db)
    assert isinstance(answer, Fallback)
    assert answer.data == {"old": Decimal("1.5")}
    assert allow_fallback(call).reads_only


def test_allow_fallback_leaves_the_own_version_typed(db: Connection) -> None:
    answer = allow_fallback(answering("v3", '{"item": "x", "price": 1}')).run(db)
    assert isinstance(answer, Routed)
    assert answer.data.item == "x"


def test_route_leaves_optional_arguments_out_and_knows_an_idempotency_key() -> None:
    answer: RoutedAs[Line] = RoutedAs("v3", Line)
    call = route("f", "v3", answer, {"a": None}, optional={"b": None, "idempotency_key": "k"})
    assert call.params == ("f", '{"a":null,"idempotency_key":"k"}', "v3")
    assert call.idempotent
    assert not route("f", "v3", answer, {}, optional={"idempotency_key": None}).idempotent


def test_the_real_router_answers_with_the_same_shape(db: Connection) -> None:
    routed = v1.check_compatibility(app_version="1.0.3").run(db)
    assert (routed.data.compatible, routed.data.app_version) == (True, "1.0.3")
    assert (routed.meta.rpc, routed.meta.requested_version) == ("check_compatibility", "v1")


def test_an_app_that_is_too_old_gets_a_version_mismatch(db: Connection) -> None:
    core.set_request_context({"app_version": "1.2.0"}).run(db)
    with pytest.raises(VersionMismatch) as caught:
        v3.check_compatibility().run(db)
    assert caught.value.meta.version == "v2"
    assert v2.check_compatibility().run(db).data.app_version == "1.2.0"
