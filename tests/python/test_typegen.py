"""Generated wrappers: what is shipped is fresh, and a user's own schema, however unkind, comes out
typed, clean and right."""

import datetime
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

import dbkit
from dbkit import typegen
from dbkit.errors import UnexpectedAnswer, VersionMismatch
from dbkit.sqltree import shipped_root
from dbkit.typegen_returns import Shape, ShapeField, parse_returns
from dbkit.typegen_source import docstring, identifier, literal, long_literal, width
from tests.helpers import Connection, connect, one, rows

ROOT = Path(__file__).parents[2]
UGLY = (Path(__file__).parent / "billing.sql").read_bytes()
LOYALTY = ROOT / "examples" / "loyalty"

USER_CODE = """
from decimal import Decimal
from typing import assert_type

import billing_calls as b
from dbkit.call import Call

assert_type(b.sum_of([1]), Call[int | None])
assert_type(b.total_int8(1), Call[Decimal])
assert_type(b.touch(), Call[None])
assert_type(b.invoices(), Call[list[b.Invoices]])
assert_type(b.invoice(1), Call[b.Invoices | None])
assert_type(b.maybe(), Call[list[str | None]])
assert_type(b.report(), Call[b.ReportResult])
assert_type(b.homes(2), Call[list[b.Address]])


def use(invoice: b.Invoices, row: b.OneRow) -> Decimal:
    assert_type(invoice.ship_to, b.Address | None)
    assert_type(row.f, Decimal)
    return invoice.total
"""
WRONG_CODE = """
import billing_calls as b

b.total_int8("one")
b.import_(1, list_="unpaid")
"""


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # msgspec looks annotations up in sys.modules.
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def run_tool(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env=environment
    )


@pytest.fixture
def ugly(db: Connection) -> Connection:
    db.execute(UGLY)
    return db


@pytest.fixture
def b(ugly: Connection, tmp_path: Path) -> Iterator[Any]:
    """The generated module of the unkind schema."""
    file = tmp_path / "billing_calls.py"
    file.write_text(typegen.generate_schema(ugly, "billing"), "utf-8")
    yield load(file)
    del sys.modules["billing_calls"]


# --- what this package ships -------------------------------------------------------------------


def test_the_shipped_calls_are_what_the_migrated_database_gives(db: Connection) -> None:
    assert typegen.write_dbkit(db, ROOT, check=True) == []


def test_finds_and_writes_what_is_stale(db: Connection, tmp_path: Path) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "dbkit" / "calls").mkdir(parents=True)
    for path in ("sql/README.md", "dbkit/_error_codes.py", "dbkit/calls/core.py"):
        (tmp_path / path).write_text((ROOT / path).read_text("utf-8"), "utf-8")
    (tmp_path / "dbkit" / "calls" / "old.py").write_text("")
    (tmp_path / "dbkit" / "calls" / "core.py").write_text("# by hand\n")
    stale = typegen.write_dbkit(db, tmp_path, check=True)
    assert {"dbkit/calls/core.py", "dbkit/calls/old.py", "dbkit/calls/v3.py"} <= set(stale)
    assert not {"sql/README.md", "dbkit/_error_codes.py"} & set(stale)
    assert typegen.write_dbkit(db, tmp_path) == stale
    assert typegen.write_dbkit(db, tmp_path, check=True) == []
    assert not (tmp_path / "dbkit" / "calls" / "old.py").exists()


def test_the_command_checks_and_writes(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typegen.main(["--url", database, "--check"])
    assert "nothing changed" in capsys.readouterr().out
    with connect(database) as conn:
        conn.execute("comment on function dbkit.clock() is 'Other words.'")
    with pytest.raises(SystemExit, match=r"dbkit/calls/core\.py"):
        typegen.main(["--url", database, "--check"])


def test_the_command_needs_no_database_of_yours(capsys: pytest.CaptureFixture[str]) -> None:
    typegen.main(["--check"])
    assert "nothing changed" in capsys.readouterr().out


def test_a_readme_without_its_markers_is_refused() -> None:
    with pytest.raises(typegen.TypegenError, match="markers"):
        typegen.error_table("no markers", [])


def test_every_public_function_but_handlers_has_a_wrapper(db: Connection) -> None:
    names = rows(
        db,
        """
        select p.proname as name from pg_proc p
        where p.pronamespace = 'dbkit'::regnamespace and p.proname !~ '^_'
          and p.prorettype <> 'trigger'::regtype
          and (p.proname !~ '^rpc_v[0-9]+_' or p.proname ~ '_dispatch$')
        """,
    )
    folder = ROOT / "dbkit" / "calls"
    source = "".join(file.read_text("utf-8") for file in folder.glob("[a-z]*[a-z].py"))
    assert [r["name"] for r in names if f"\ndef {r['name']}(" not in source] == []


def test_every_registered_call_has_a_wrapper_in_every_version_that_serves_it(
    db: Connection,
) -> None:
    for row in rows(db, "select distinct asked, name from dbkit.api_routes where explicit"):
        source = (ROOT / "dbkit" / "calls" / f"{row['asked']}.py").read_text("utf-8")
        assert f"\ndef {row['name']}(" in source


def test_every_line_that_declares_a_shape_can_be_read(db: Connection) -> None:
    comments = rows(
        db,
        r"""
        select p.proname as name, obj_description(p.oid) as comment from pg_proc p
        where p.pronamespace = 'dbkit'::regnamespace and obj_description(p.oid) ~ '(^|\n)Returns \{'
        """,
    )
    assert comments
    assert [r["name"] for r in comments if parse_returns(r["comment"]) is None] == []


def test_importing_the_package_loads_no_driver() -> None:
    code = (
        "import sys, dbkit; from dbkit import RequestContext; "
        "heavy = {'psycopg', 'psycopg_pool', 'sqlalchemy', 'msgspec', 'pydantic', 'alembic'}; "
        "sys.exit(','.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_argument_may_be_none_where_a_column_of_its_name_is_not() -> None:
    """`Nullable argument: p_status.`: NULL asks for all of them, and each of them has one."""
    from dbkit.calls import events

    assert get_type_hints(events.get_dead_letters)["status"] == str | None
    assert get_type_hints(events.GetDeadLettersRow)["status"] is str


def test_every_name_that_the_package_offers_is_there() -> None:
    for name in dbkit._HOMES:
        assert getattr(dbkit, name).__module__.startswith(("dbkit", "typing", "builtins"))
    assert set(dbkit._HOMES) <= set(dir(dbkit))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dbkit.nothing


# --- a user's own schema -----------------------------------------------------------------------


def test_the_output_is_clean_and_typed_strictly(
    ugly: Connection, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "billing_calls.py").write_text(typegen.generate_schema(ugly, "billing"), "utf-8")
    (tmp_path / "use.py").write_text(USER_CODE, "utf-8")
    register_ugly(ugly)
    (tmp_path / "registered.py").write_text(typegen.generate_registered(ugly, "v3"), "utf-8")
    (tmp_path / "wrong.py").write_text(WRONG_CODE, "utf-8")
    config = f"--config={ROOT / 'pyproject.toml'}"
    generated = ("billing_calls.py", "registered.py")
    for command in (("check", config), ("format", "--check", config)):
        done = run_tool("ruff", *command, *generated, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    done = run_tool("mypy", "--strict", *generated, "use.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    done = run_tool("mypy", "--strict", "wrong.py", cwd=tmp_path)
    assert done.stdout.count("error:") == 2, done.stdout


def test_the_output_passes_pyright_strictly(ugly: Connection, tmp_path: Path) -> None:
    (tmp_path / "billing_calls.py").write_text(typegen.generate_schema(ugly, "billing"), "utf-8")
    (tmp_path / "use.py").write_text(USER_CODE, "utf-8")
    register_ugly(ugly)
    (tmp_path / "registered.py").write_text(typegen.generate_registered(ugly, "v3"), "utf-8")
    settings = f'{{"typeCheckingMode": "strict", "extraPaths": ["{ROOT}"]}}'
    (tmp_path / "pyrightconfig.json").write_text(settings)
    # It is downloaded at its first run.
    there = run_tool("pyright", "--version", cwd=tmp_path)
    if there.returncode != 0:
        pytest.skip(f"pyright cannot run here: {(there.stderr or there.stdout)[-200:]}")
    done = run_tool("pyright", "--pythonpath", sys.executable, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_writes_the_same_text_again_and_leaves_the_connection_as_it_was(ugly: Connection) -> None:
    before = one(ugly, "show search_path")
    assert typegen.generate_schema(ugly, "billing") == typegen.generate_schema(ugly, "billing")
    assert one(ugly, "show search_path") == before


def test_leaves_out_what_cannot_be_called(b: Any) -> None:
    for name in ("_private", "on_change", "poly", "untyped", "proc", "agg"):
        assert not hasattr(b, name)


def test_an_empty_schema_gives_an_empty_module(db: Connection) -> None:
    db.execute("create schema nothing_here")
    text = typegen.generate_schema(db, "nothing_here")
    assert "def " not in text
    compile(text, "nothing_here.py", "exec")


def test_every_type_goes_in_and_comes_out(b: Any, ugly: Connection) -> None:
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
    sent = {
        "a": -(2**15),
        "b": 2**31 - 1,
        "c": 2**63 - 1,
        "d": 0.5,
        "e": 1e300,
        "f": Decimal("12345678901234567890.10"),
        "g": "text 'quoted' % ü",
        "h": "five5",
        "i": "abc",
        "j": UUID(int=5),
        "k": moment,
        "l_": moment.replace(tzinfo=None),
        "m": moment.date(),
        "n": datetime.time(1, 2, 3),
        "o": datetime.time(1, 2, 3, tzinfo=datetime.UTC),
        "p": datetime.timedelta(days=1, seconds=5),
        "q": b"\x00\xff",
        "r": True,
        "s": "10.0.0.1/32",
        "t": "[1,5)",
        "u": "dbkit.error_codes",
        "v": "101",
        "w": 17,
        "x": "name",
    }
    (row,) = b.one(**sent).run(ugly)
    expected = sent | {"u": row.u}
    assert row == b.OneRow(**expected)
    assert row.u.endswith("error_codes")


def test_arrays_go_in_and_come_out(b: Any, ugly: Connection) -> None:
    moment = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    full = {
        "ints": [1, 2],
        "money": [Decimal("1.10")],
        "states": ["paid", 'it\'s "odd" \\ here'],
        "cents": [2**40],
        "ranges": ["[1,5)", "empty"],
        "json": [{"a": Decimal("1.10")}, None, [1]],
        "tags": ["a,b", "{}", 'c"'],
        "times": [moment],
    }
    empty: dict[str, Any] = {key: [] for key in full}
    missing = dict.fromkeys(full)
    for sent in (full, empty, missing):
        assert b.arrays(**sent).run(ugly) == [b.ArraysRow(**sent)]


def test_composites_go_in_and_come_out(b: Any, ugly: Connection) -> None:
    address = b.Address(
        street="x,(y)",
        from_='"q"',
        post_code="1",
        class_="ü",
        list_=[1, 2],
        raw=b"\x00\xff",
    )
    bare = b.Address(street="s", from_="f", post_code="p", class_="import", list_=None, raw=None)
    sent = {"one": address, "many": [address, bare], "home": bare, "document": {"from": [1.5]}}
    (row,) = b.composites(**sent).run(ugly)
    assert row == b.CompositesRow(**sent | {"document": {"from": [Decimal("1.5")]}})
    assert type(row.one.raw).__name__ == "HexBytes"
    none = dict.fromkeys(sent)
    assert b.composites(**none).run(ugly) == [b.CompositesRow(**none)]
    assert b.home_of(bare).run(ugly) == bare
    assert [a.list_ for a in b.homes(2).run(ugly)] == [[1], [1]]


def test_defaults_that_python_can_write_are_shown(b: Any, ugly: Connection) -> None:
    direct = one(ugly, 'select billing."import"(1)')
    assert b.import_(1).run(ugly) == direct == "1/x'y\\/-3/paid/5/%s/t/1.5"
    assert b.import_.__defaults__ == ("x'y\\", -3, "paid", 5, "%s", True, 1.5)


def test_other_defaults_are_the_databases(b: Any, ugly: Connection) -> None:
    assert b.defaults().run(ugly) == {
        "order": {"a": 1},
        "ints": [1, 2],
        "rate": Decimal("1.10"),
        "nothing": None,
        "when": "2026-01-01",
        "count": 7,
        "now": True,
    }
    assert b.defaults(order={"from": 1}, ints=[], nothing_="x").run(ugly)["order"] == {"from": 1}
    assert b.unnamed(1).run(ugly) == "1/a/t/3"


def test_scalars_and_sets(b: Any, ugly: Connection) -> None:
    assert b.sum_of([1, 2]).run(ugly) == 3
    assert b.sum_of([]).run(ugly) is None
    assert b.touch().run(ugly) is None
    assert b.numbers(3).run(ugly) == [1, 2, 3]
    assert b.states().run(ugly) == ["draft", "paid", 'it\'s "odd" \\ here']
    assert b.maybe().run(ugly) == ["a", None]
    assert b.documents().run(ugly) == [{"a": Decimal("1.10")}, None, None]
    assert b.pair(5).run(ugly) == b.PairRow(low=5, High=None)
    assert b.single().run(ugly) == Decimal("1.10")
    assert b.both(1).run(ugly) == 2
    assert b.one_column().run(ugly) == [b.OneColumnRow(select="a")]
    assert b.list_("a", "b", 1).run(ugly) == "list"
    assert b.Weird_Name__q___s(1).run(ugly) == 1
    name = "a_name_that_is_as_long_as_postgres_lets_a_name_be_which_is_63"
    assert len(getattr(b, name)().run(ugly)) == 1


def test_a_null_that_was_not_promised_is_an_error(b: Any, ugly: Connection) -> None:
    with pytest.raises(UnexpectedAnswer, match=r"billing\.promised: the result is NULL"):
        b.promised().run(ugly)
    with pytest.raises(UnexpectedAnswer, match=r"billing\.total"):
        b.total_int8(99).run(ugly)


def test_declared_json_becomes_a_dataclass(b: Any, ugly: Connection) -> None:
    report = b.report().run(ugly)
    assert report == b.ReportResult(
        from_=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        state="paid",
        steps=[b.ReportResultSteps(name="a", ms=None)],
        grid=[[1, 2], [3]],
        any={"x": [Decimal("1.10"), None]},
        money=Decimal("1.10"),
        key=None,
    )
    assert b.maybe_report(True).run(ugly) == b.MaybeReportResult(a=1)
    assert b.maybe_report(False).run(ugly) is None
    assert b.prose().run(ugly) == []


def test_tables_become_dataclasses(b: Any, ugly: Connection) -> None:
    home = b.Address(street="s", from_="f", post_code="p", class_="import", list_=None, raw=b"\x01")
    number = b.add("2026-1", Decimal("1.10"), home).run(ugly)
    other = b.add("2026-2", 5).run(ugly)
    first, second = b.invoices().run(ugly)
    assert (first.id, first.total, first.ship_to) == (number, Decimal("1.10"), home)
    assert (second.id, second.ship_to, second.others) == (other, None, [])
    assert b.invoice(number).run(ugly) == first
    assert b.invoice(-1).run(ugly) is None
    assert b.total_int8(number).run(ugly) == b.total_text("2026-1").run(ugly) == Decimal("1.10")
    assert b.open_ones().run(ugly)[0] == b.OpenInvoices(id=number, due=None)


def test_calls_read_only_where_the_database_says_so(b: Any) -> None:
    assert b.invoices().reads_only
    assert b.sum_of([1]).reads_only
    assert not b.touch().reads_only
    assert not b.add("x", 1).reads_only


def test_comments_become_docstrings_whatever_is_in_them(b: Any) -> None:
    text = " ".join(b.import_.__doc__.split())
    assert text.startswith('"""Imports""" at C:\\new\\table\\u0041 \'x\' — größe, 数字')
    assert text.endswith('indented \u200b end "')
    assert b.Invoices.__doc__ == 'An invoice. "Quoted" at both ends, "really"'
    assert b.report.__doc__ == "A report."
    assert b.arrays.__doc__ == "Arrays, all of which may be missing."


# --- registered calls --------------------------------------------------------------------------

REQUEST = {
    "type": "object",
    "additionalProperties": False,
    "required": ["class", "lines", "note"],
    "properties": {
        "class": {"enum": ["a", "b", 'c"', None]},
        "post-code": {"type": "string", "description": 'Code\nwith "quotes" \\'},
        "note": {"type": ["string", "null"]},
        "when": {"type": "string", "format": "date"},
        "lines": {
            "type": "array",
            "items": {
                "title": "order line",
                "type": "object",
                "required": ["from"],
                "properties": {
                    "from": {"type": "integer"},
                    "amount": {"type": "number"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
        "kind": {"const": "only"},
        "either": {"type": ["integer", "boolean", "null"]},
        "free": {},
        "idempotency_key": {"type": "string"},
    },
}
RESPONSE = {
    "title": "echo",
    "type": "object",
    "required": ["class", "lines", "note"],
    "properties": REQUEST["properties"],
}


def register_ugly(conn: Connection) -> None:
    """Calls with unkind schemas: one with everything, one with nothing, and a list."""
    conn.execute(
        """
        create function billing.echo(p_payload jsonb) returns jsonb language sql volatile
        as $$ select p_payload $$;
        create function billing.look(p_payload jsonb) returns jsonb language sql stable
        as $$ select coalesce(p_payload -> 'answer', p_payload) $$;
        grant usage on schema billing to public;
        """
    )
    register = "select dbkit.register_rpc(%s, %s, %s, %s, null, %s, %s, %s, %s)"
    open_object = Jsonb({"type": "object"})
    numbers = {"type": "object", "additionalProperties": {"type": "number"}}
    wide = Jsonb({"type": "array", "items": numbers})
    text = Jsonb({"type": "string"})
    echo, look = "billing.echo(jsonb)", "billing.look(jsonb)"
    registrations: list[tuple[object, ...]] = [
        ("echo", "v3", echo, "write", Jsonb(REQUEST), Jsonb(RESPONSE), [], 'E"""\\'),
        ("class", "v3", look, "read", open_object, None, [], ""),
        ("wide", "v3", look, "read", open_object, wide, [], ""),
        ("older", "v2", look, "read", open_object, text, [], ""),
        ("note", "v2", echo, "write", open_object, None, ["v3"], ""),
        ("gone", "v2", echo, "write", open_object, None, [], ""),
    ]
    for given in registrations:
        conn.execute(register.encode(), given)


@pytest.fixture
def calls(ugly: Connection, tmp_path: Path) -> Iterator[Any]:
    register_ugly(ugly)
    file = tmp_path / "registered_calls.py"
    names = ["echo", "class", "wide", "older", "note"]
    file.write_text(typegen.generate_registered(ugly, "v3", names), "utf-8")
    yield load(file)
    del sys.modules["registered_calls"]


def test_a_payload_arrives_as_it_was_written(calls: Any, ugly: Connection) -> None:
    line = calls.OrderLine(from_=1, amount=Decimal("1.10"))
    call = calls.echo(
        class_='c"',
        lines=[line],
        note=None,
        post_code="x",
        when=datetime.date(2026, 1, 2),
        kind="only",
        either=5,
        idempotency_key="k",
    )
    assert call.idempotent
    assert not call.reads_only
    answer = call.run(ugly)
    assert answer.data == calls.Echo(
        class_='c"',
        lines=[type(answer.data.lines[0])(from_=1, amount=Decimal("1.10"))],
        note=None,
        post_code="x",
        when=datetime.date(2026, 1, 2),
        kind="only",
        either=5,
        idempotency_key="k",
    )
    assert answer.meta.version == "v3"
    assert call.run(ugly).data == answer.data


def test_schemas_without_a_shape_take_and_give_json(calls: Any, ugly: Connection) -> None:
    assert calls.class_().run(ugly).data == {}
    assert calls.class_({"a": [1.5]}).run(ugly).data == {"a": [Decimal("1.5")]}
    wide = calls.wide({"answer": [{"a": 1, "b": 2.50}]}).run(ugly)
    assert wide.data == [{"a": Decimal(1), "b": Decimal("2.50")}]


def test_a_call_served_by_an_older_version_expects_that_version(
    calls: Any, ugly: Connection
) -> None:
    older = calls.older({"answer": "x"})
    assert older.run(ugly).data == "x"
    assert older.run(ugly).meta.version == "v2"
    assert not calls.note({"a": 1}).run(ugly).meta.deprecated
    ugly.execute("select dbkit.register_rpc('older', 'v3', 'billing.look(jsonb)', 'read')")
    with pytest.raises(VersionMismatch, match="served in v3"):
        older.run(ugly)


def test_refuses_calls_that_the_version_does_not_serve(ugly: Connection) -> None:
    register_ugly(ugly)
    with pytest.raises(typegen.TypegenError, match="v3 serves no call gone, unheard"):
        typegen.generate_registered(ugly, "v3", ["echo", "gone", "unheard"])
    with pytest.raises(typegen.TypegenError, match="no API version v99"):
        typegen.generate_registered(ugly, "v99")


# --- parts -------------------------------------------------------------------------------------


INT = ShapeField("a", Shape("int"))


@pytest.mark.parametrize(
    ("comment", "fields"),
    [
        ("Returns {a int}", [INT]),
        ("x\nReturns {a int?}.", [ShapeField("a", Shape("int", nullable=True))]),
        ("Returns {a numeric(12, 2)[][]}", [ShapeField("a", Shape("numeric(12, 2)", None, 2))]),
        ("Returns {a time with time zone}", [ShapeField("a", Shape("time with time zone"))]),
        ("Returns {b {a int}[]}", [ShapeField("b", Shape("", (INT,), 1))]),
        ("It Returns {a int}", None),
        ("Returns {a}", None),
        ("Returns {a int", None),
        ("Returns {a int} or not", None),
        ("Returns {a int; b int}", None),
        ("Returns {}", None),
        ("Returns nothing", None),
    ],
)
def test_reads_the_line_that_declares_a_shape(
    comment: str, fields: list[ShapeField] | None
) -> None:
    expected = None if fields is None else Shape("", tuple(fields))
    assert parse_returns(comment) == expected


def test_a_shape_may_be_a_list_or_missing() -> None:
    assert parse_returns("Returns {a int}[]?") == Shape("", (INT,), 1, True)


def test_a_type_that_is_none_is_refused(db: Connection) -> None:
    db.execute("create function public.f() returns jsonb language sql as $$ select '{}'::jsonb $$")
    db.execute("comment on function public.f() is 'Returns {a nonsense}'")
    with pytest.raises(typegen.TypegenError, match=r"public\.f.*nonsense"):
        typegen.generate_schema(db, "public")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("from", "from_"),
        ("list", "list_"),
        ("Call", "Call_"),
        ("2nd", "n2nd"),
        ("post code", "post_code"),
        ("__x", "x"),
        ("___", "unnamed"),
        ("größe", "größe"),
        ("ﬁeld", "field"),
        ("l", "l_"),
    ],
)
def test_any_name_becomes_a_python_name(name: str, expected: str) -> None:
    assert identifier(name) == expected
    assert identifier(name).isidentifier()


@pytest.mark.parametrize("text", ["", "a'b", 'a"b', "a\\", "\n\t\x00\u200b\U000e0001", "'\"" * 80])
def test_any_text_becomes_a_literal(text: str) -> None:
    assert eval(literal(text)) == text
    written = long_literal(text, 8)
    assert eval(f"({written})") == text
    assert all(width(line) <= 100 for line in written.splitlines())


@pytest.mark.parametrize(
    "text", ['"', '""', '"""', "\\", 'a"\\"', "x" * 300, "a " * 200, "\x0c", "a\r\nb"]
)
def test_any_text_becomes_a_docstring(text: str) -> None:
    source = f"def f():\n{docstring(text, 4)}"
    space: dict[str, Any] = {}
    exec(source, space)
    assert space["f"].__doc__.split() == text.split() or text == "\x0c"


# --- the example -------------------------------------------------------------------------------


def test_the_example_app_registers_its_call_and_calls_it_typed(database: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DATABASE_URL": database}
    generated = [LOYALTY / "loyalty_calls.py", LOYALTY / "loyalty_sql.py"]
    before = [file.read_text("utf-8") for file in generated]
    outputs: list[str] = []
    for script in ("register.py", "app.py"):
        done = subprocess.run(
            [sys.executable, "-W", "error", str(LOYALTY / script)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    shown = (LOYALTY / "README.md").read_text("utf-8").split("```")[3].strip()
    assert outputs[1].strip() == shown
    assert [file.read_text("utf-8") for file in generated] == before
    with psycopg.connect(database) as conn:
        answer = conn.execute("select route_api_call('get_loyalty_balance', '{}', 'v3')").fetchone()
    assert answer is not None
    assert answer[0]["data"] == {"points": 0, "level": "silver", "last_earned_at": None}


def test_the_shipped_root_is_this_checkout() -> None:
    assert shipped_root() == ROOT
