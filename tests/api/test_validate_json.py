"""validate_json, the compiled expression and a library must say the same of every payload.

Documented differences: an integer must fit bigint and has no fraction (1.0 is none), and a pattern
is a POSIX one. The patterns and numbers generated here mean the same in both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import call, handler, register, state
from tests.helpers import Connection, connect, one, raises, rows

HOSTILE = [
    "a",
    "b",
    "it's",
    'say "x"',
    "back\\slash",
    "\\'",
    "%s %I %L %1$s",
    "$body$",
    "$text$",
    "p_payload",
    "a/b~c",
    "",
    "é😀",
    "line\nbreak",
    "{}",
    "a,b",
    "null",
    "--",
    "/*",
]
names = st.sampled_from(HOSTILE)
strings = st.one_of(
    names, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
)
bigints = st.integers(-(2**63), 2**63 - 1)
numbers = st.one_of(
    st.integers(-5, 5),
    bigints,
    st.integers(-40, 40).map(lambda n: n / 4 if n % 4 else n),
    st.just(10**10),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, strings)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=8,
)
TYPES = ["null", "boolean", "object", "array", "number", "string", "integer"]
counts = st.integers(0, 4)
KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.one_of(
        st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), min_size=1, unique=True)
    ),
    "enum": st.lists(values, min_size=1, max_size=4),
    "const": values,
    "minimum": numbers,
    "maximum": numbers,
    "exclusiveMinimum": numbers,
    "exclusiveMaximum": numbers,
    "minLength": counts,
    "maxLength": counts,
    "minItems": counts,
    "maxItems": counts,
    "pattern": st.sampled_from(["^a", "[0-9]+", "b$", "^[a-zé]{1,3}$", "'", '"|\\\\', "😀"]),
    "required": st.lists(names, min_size=1, max_size=3, unique=True),
    "title": strings,
    "format": st.just("date-time"),
    "default": scalars,
}


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    nested = {
        "properties": st.dictionaries(names, inner, max_size=3),
        "items": inner,
        "additionalProperties": inner,
    }
    return st.fixed_dictionaries({}, optional={**KEYWORDS, **nested})


# Few keywords a schema, or nothing would ever be valid.
schemas: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.booleans(),
        st.dictionaries(st.sampled_from(sorted(KEYWORDS)), st.none(), max_size=2).flatmap(
            lambda chosen: st.fixed_dictionaries({k: KEYWORDS[k] for k in chosen})
        ),
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"properties": st.dictionaries(names, inner, max_size=3)}),
        st.fixed_dictionaries(
            {"properties": st.dictionaries(names, inner, max_size=3), "additionalProperties": inner}
        ),
        st.fixed_dictionaries({"items": inner}, optional={"minItems": counts}),
        _schemas(inner),
    ),
    max_leaves=6,
)

JUDGE = """
create function pg_temp.judge(p_schema jsonb, p_values jsonb) returns jsonb language plpgsql as $$
declare v_check text; v_value jsonb; v_compiled boolean; v_all jsonb := '[]';
begin
  perform dbkit._check_json_schema(p_schema);
  v_check := dbkit._json_check(p_schema, '$1');
  for v_value in select * from jsonb_array_elements(p_values) loop
    execute 'select (' || v_check || ') is true' into v_compiled using v_value;
    v_all := v_all || jsonb_build_array(jsonb_build_array(v_compiled,
      not exists (select from dbkit.validate_json(p_schema, v_value))));
  end loop;
  return v_all;
end $$"""


@pytest.fixture(scope="module")
def judge(shared_database: str) -> Iterator[Connection]:
    with connect(shared_database, autocommit=True) as conn:
        conn.execute(JUDGE.encode())
        yield conn


def verdicts(conn: Connection, schema: object, instances: list[Any]) -> list[list[bool]]:
    arguments = (json.dumps(schema), json.dumps(instances))
    found: list[list[bool]] = one(conn, "select pg_temp.judge(%s, %s)", *arguments)
    return found


def test_three_judges_agree(judge: Connection) -> None:
    seen = {True: 0, False: 0}

    @settings(
        max_examples=250,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(schema=schemas, instances=st.lists(values, min_size=12, max_size=20))
    def agree(schema: Any, instances: list[Any]) -> None:
        library = jsonschema_rs.Draft202012Validator(schema)
        for instance, found in zip(instances, verdicts(judge, schema, instances), strict=True):
            valid = library.is_valid(instance)
            seen[valid] += 1
            assert found == [valid, valid], f"{schema!r} {instance!r}: [compiled, validate_json]"

    agree()
    assert min(seen.values()) > 200, seen


NASTY: list[tuple[Any, str, bool]] = [
    ({"type": "integer"}, "9223372036854775807", True),
    ({"type": "integer"}, "9223372036854775808", False),
    ({"type": "integer"}, "-9223372036854775808", True),
    ({"type": "integer"}, "-9223372036854775809", False),
    ({"type": "integer"}, "1e400", False),
    ({"type": "integer"}, "1e-400", False),
    ({"type": "integer"}, "1.0", False),
    ({"type": "integer"}, "1e2", True),
    ({"type": "integer"}, "-0", True),
    ({"type": "number"}, "1e400", True),
    ({"maximum": 10}, "1e400", False),
    ({"maximum": 10}, "-1e400", True),
    ({"enum": [1]}, "1.0", True),
    ({"enum": [1]}, "true", False),
    ({"enum": [None]}, "null", True),
    ({"const": None}, "null", True),
    ({"const": None}, "0", False),
    ({"const": {"a": 1, "b": 2}}, '{"b": 2.0, "a": 1}', True),
    ({"properties": {"a": {"type": "string"}}}, "{}", True),
    ({"properties": {"a": {"type": "string"}}}, '{"a": null}', False),
    ({"required": ["a"]}, '{"a": null}', True),
    ({"required": ["a"]}, "[]", True),
    ({"required": ["a"]}, '["a"]', True),
    ({"required": ["a"]}, '"a"', True),
    ({"maxLength": 1}, '"😀"', True),
    ({"maxLength": 1}, '"e\\u0301"', False),
    ({"minLength": 1}, '""', False),
    ({"minItems": 1}, "{}", True),
    ({"minItems": 1}, "[]", False),
    ({"additionalProperties": False}, '{"a": null}', False),
    ({"properties": {"a": True}, "additionalProperties": False}, '{"a": 1}', True),
    ({"properties": {"a": False}}, '{"a": 1}', False),
    ({"items": {"items": {"type": "string"}}}, '[["a"], [], ["b", 1]]', False),
    ({"items": False}, "[]", True),
    ({"items": False}, "[null]", False),
]


@pytest.mark.parametrize(("schema", "text", "valid"), NASTY)
def test_nasty_instances(judge: Connection, schema: object, text: str, valid: bool) -> None:
    found = one(judge, "select pg_temp.judge(%s, %s)", json.dumps(schema), f"[{text}]")
    assert found == [[valid, valid]]


def test_sql_null_satisfies_no_type(db: Connection) -> None:
    assert rows(db, 'select keyword from dbkit.validate_json(\'{"type": "object"}\', null)')


def test_deep_instances_and_schemas(judge: Connection) -> None:
    deep = "[" * 2000 + "]" * 2000
    found = one(judge, "select pg_temp.judge(%s, %s)", '{"type": "array"}', f"[{deep}]")
    assert found == [[True, True]]
    schema: Any = {"type": "string"}
    good: Any = "x"
    bad: Any = 1
    for _ in range(30):
        schema, good, bad = {"properties": {"a": schema}}, {"a": good}, {"a": bad}
    assert verdicts(judge, schema, [good, bad]) == [[True, True], [False, False]]


def test_reports_every_fault_with_a_json_pointer(db: Connection) -> None:
    schema = {
        "required": ["x/y"],
        "properties": {"a": {"items": {"minimum": 3}}, "m~n": {"type": ["string", "null"]}},
        "additionalProperties": False,
    }
    value = {"a": [5, 1], "m~n": 4, "other": 1}
    found = rows(
        db, "select * from dbkit.validate_json(%s, %s)", json.dumps(schema), json.dumps(value)
    )
    assert {(f["path"], f["keyword"]) for f in found} == {
        ("/x~1y", "required"),
        ("/a/1", "minimum"),
        ("/m~0n", "type"),
        ("/other", "additionalProperties"),
    }
    assert next(f["message"] for f in found if f["path"] == "/m~0n") == (
        "must be string or null, is number"
    )


def test_callers_may_validate(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        with db.transaction(force_rollback=True):
            db.execute(f"set local role {role}".encode())
            value = '{"a": [1, "x"]}'
            schema = '{"properties": {"a": {"items": {"type": "integer", "minimum": 1}}}}'
            found = rows(db, "select path from dbkit.validate_json(%s, %s)", schema, value)
            assert found == [{"path": "/a/1"}]


REFUSED: list[Any] = [
    None,
    [],
    3,
    "x",
    {"type": "text"},
    {"type": []},
    {"type": ["string", "text"]},
    {"type": None},
    {"type": {"a": 1}},
    {"enum": []},
    {"enum": "a"},
    {"required": "a"},
    {"required": [1]},
    {"required": []},
    {"minimum": "1"},
    {"maxLength": -1},
    {"maxLength": 1.5},
    {"maxLength": 10**12},
    {"minItems": None},
    {"pattern": 1},
    {"pattern": "("},
    {"pattern": "a{99999}"},
    {"properties": []},
    {"properties": {"a": {"items": {"oneOf": []}}}},
    {"properties": {"a": 1}},
    {"items": [{"type": "string"}]},
    {"additionalProperties": "no"},
    {"$ref": "#/x"},
    {"allOf": []},
    {"uniqueItems": True},
    {"minlength": 1},
]


@pytest.mark.parametrize("schema", REFUSED, ids=json.dumps)
def test_refuses_a_schema_that_it_would_not_check(db: Connection, schema: object) -> None:
    signature = handler(db, "echo")
    before = state(db)
    text = json.dumps(schema)
    for column in ("p_request_schema", "p_response_schema"):
        if schema is None and column == "p_response_schema":
            text = '"x"'
        statement = f"select dbkit.register_rpc('echo', 'v2', '{signature}', {column} => %s)"
        with raises(db, "KD108") as caught:
            one(db, statement, text)
        assert caught.detail
        assert caught.hint
    assert state(db) == before


def test_hostile_names_neither_break_nor_enter_the_dispatcher(db: Connection) -> None:
    attack = (
        "$body$; create table pwned(); --",
        "'; perform pg_sleep(0); --",
        "') or true or ('",
        "\\'; drop schema dbkit cascade; --",
        "E'\\\\' || (select 1) || '",
        "end; $$ language plpgsql; --",
        *HOSTILE,
    )
    for n, name in enumerate(attack):
        schema = {
            "type": "object",
            "required": [name],
            "properties": {
                name: {"enum": [name], "const": name, "minLength": 0},
                "list": {"items": {"properties": {name: {"type": "integer"}}}},
            },
            "additionalProperties": {"pattern": "^a'\\\\\"%s\\$body\\$"},
        }
        register(db, f"hostile_{n}", "v2", handler(db, "echo"), schema=schema)
    for n, name in enumerate(attack):
        assert call(db, f"hostile_{n}", {name: name})["data"]["handler"] == "echo"
        for bad in (
            {},
            {name: "other"},
            {name: name, "list": [{name: "x"}]},
            {name: name, "?": "b"},
        ):
            with raises(db, "KD105"):
                call(db, f"hostile_{n}", bad)
    assert one(db, "select to_regclass('pwned') is null and to_regclass('public.pwned') is null")


def test_hostile_payload_is_data(db: Connection) -> None:
    register(db, "echo", "v2", handler(db, "echo"), schema={"additionalProperties": False})
    name = "') is true then return '{}'; end if; --"
    with raises(db, "KD105") as caught:
        call(db, "echo", {name: 1})
    assert caught.detail["errors"][0]["keyword"] == "additionalProperties"
