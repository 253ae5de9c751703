"""Typed wrappers from a database's catalog: `dbkit typegen`, and this package's own `dbkit.calls`.

A function becomes a Python function of the same name that returns a `Call`. What it is told:

- Arguments lose their `p_`. A default that is NULL, a boolean, a number or a string is shown; any
  other reads `UNSET` and is left to the database. An argument takes None where its default is NULL
  or where the comment's line `Nullable: a, b.` names it (`Nullable argument: p_a.` where a result
  of the same name is not).
- A column or scalar result is nullable where that line names it (a scalar also when the comment
  mentions NULL, in capitals), or where the column is of a table and may be NULL there. All else is
  promised, and a NULL that comes all the same raises UnexpectedAnswer. `Nullable: result.` also
  does for a scalar. Elements of arrays are taken as not NULL.
- `returns table (…)` and several OUT arguments become a dataclass; so do composite types and
  tables. Enums become Literals, domains what they are made of.
- jsonb becomes a dataclass where the comment has a line `Returns {a text, b bigint?, c text[]}`
  (`?`: may be null; braces nest); else JsonValue. None as an argument is SQL NULL.
- What has no Python type of its own (ranges, inet, regclass …) is text, as `::text` writes it.
- STABLE and IMMUTABLE functions are calls that read only.

Left out: procedures, aggregates, triggers, functions of extensions, names that begin with `_`,
what has polymorphic arguments or an undeclared record as its result, and handlers of registered
calls: those are called through the router.

`generate_registered` writes the registered calls of an API version from their JSON Schemas. A
wrapper decodes the version that serves the call today; should another one answer (the app is too
old for it, or a newer handler was registered), it raises VersionMismatch, and `allow_fallback`
turns that into a Fallback with plain JSON.

`python -m dbkit.typegen [--url …] [--check]` writes what this package ships: `dbkit/calls/*.py`,
`dbkit/_error_codes.py` and the table of errors in `sql/README.md`. Without a database it migrates
one of its own on a temporary server.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from dbkit import sqltree
from dbkit.settings import settings
from dbkit.typegen_catalog import Argument, Catalog, Column, Function, SqlType, catalog
from dbkit.typegen_returns import Shape, ShapeField, parse_returns
from dbkit.typegen_schema import registered_module
from dbkit.typegen_source import (
    WIDTH,
    Field,
    Module,
    argument_name,
    class_name,
    docstring,
    header,
    identifier,
    literal,
    long_literal,
    unique,
    width,
)
from dbkit.typegen_source import TypegenError as TypegenError

_SCALARS = {
    "boolean": "bool",
    "smallint": "int",
    "integer": "int",
    "bigint": "int",
    "oid": "int",
    "real": "float",
    "double precision": "float",
    "numeric": "Decimal",
    "text": "str",
    "character varying": "str",
    "bpchar": "str",
    "name": "str",
    "uuid": "UUID",
    "timestamp with time zone": "datetime.datetime",
    "timestamp without time zone": "datetime.datetime",
    "date": "datetime.date",
    "time without time zone": "datetime.time",
    "time with time zone": "datetime.time",
    "interval": "datetime.timedelta",
    "bytea": "bytes",
    "json": "JsonValue",
    "jsonb": "JsonValue",
}
_INSIDE_JSON = {
    "bytea": "HexBytes",
    "interval": "str",
    "time with time zone": "str",
    "oid": "str",
}
_JSON = ("json", "jsonb")
_DEFAULT_LITERAL = re.compile(
    r"(?s)(?:'((?:[^']|'')*)'|\(?(-?\d+(?:\.\d+)?)\)?)(?:::[\w \".]+(?:\(\d+(?:,\d+)?\))?)?"
)
_DISPATCHED = re.compile(r"rpc_v\d+_(?!dispatch$)")
_MACHINE_LINES = re.compile(r"^(?:Returns \{.*|\s*Nullable(?: argument)?: .*)\n?", re.MULTILINE)
RESULT = "_result"


@dataclass(frozen=True)
class _Result:
    """How a result leaves SQL and enters Python."""

    annotation: str
    select: str
    """SQL with `{call}` where the function's call goes."""

    decode: str


@dataclass
class _Writer:
    """Writes the functions of one schema into one module."""

    catalog: Catalog
    schema: str
    module: Module
    names: dict[int, str] = field(default_factory=dict[int, str])

    # --- types ---

    def annotation(self, kind: SqlType, *, inside_json: bool = False) -> str:
        """Python's type for a value that comes out of the database."""
        bottom = kind.bottom
        if bottom.kind == "array" and bottom.of is not None:
            return f"list[{self.annotation(bottom.of, inside_json=inside_json)}]"
        if bottom.kind == "enum" and bottom.labels:
            return self._alias(bottom)
        if bottom.kind == "composite":
            return self._dataclass(bottom)
        known = _SCALARS | _INSIDE_JSON if inside_json else _SCALARS
        return known.get(bottom.name, "str")

    def accepts(self, kind: SqlType) -> str:
        """Python's type for an argument."""
        if kind.bottom.kind == "array" and kind.bottom.of is not None:
            return f"list[{self.accepts(kind.bottom.of)}]"
        found = self.annotation(kind)
        return {"Decimal": "Decimal | int", "JsonValue": "JsonInput"}.get(found, found)

    def _alias(self, kind: SqlType) -> str:
        if kind.oid not in self.names:
            self.names[kind.oid] = unique(class_name(kind.plain), self.module.taken)
            self.module.add_literal(self.names[kind.oid], kind.labels)
        return self.names[kind.oid]

    def _dataclass(self, kind: SqlType) -> str:
        if kind.oid not in self.names:
            name = self.names[kind.oid] = unique(class_name(kind.plain), self.module.taken)
            place = len(self.module.definitions)
            columns = self.catalog.columns(kind.relation)
            nullable = replace(_NO_FUNCTION, comment=kind.comment).nullable
            fields = self._fields(columns, nullable, inside_json=True)
            doc = _MACHINE_LINES.sub("", kind.comment).strip() or f"`{kind.name}`"
            self.module.definitions.insert(place, self.module.class_source(name, doc, fields))
        return self.names[kind.oid]

    def _fields(
        self, columns: Iterable[Column], nullable: Iterable[str], *, inside_json: bool
    ) -> list[Field]:
        taken: set[str] = set()
        allowed = set(nullable)
        return [
            Field(
                name=unique(identifier(column.name), taken),
                annotation=_optional(
                    self.annotation(
                        column.type, inside_json=inside_json or self._travels_as_json(column.type)
                    ),
                    column.name in allowed or (inside_json and not column.not_null),
                ),
                json_name=column.name if inside_json else None,
                doc=column.comment,
            )
            for column in columns
        ]

    def _travels_as_json(self, kind: SqlType) -> bool:
        bottom = kind.bottom
        if bottom.kind == "array" and bottom.of is not None:
            return bottom.of.bottom.name in _JSON or self._travels_as_json(bottom.of)
        return bottom.kind == "composite"

    def select(self, kind: SqlType, value: str) -> str:
        """SQL for a value that psycopg, or the JSON decoder, reads as our annotation says."""
        bottom = kind.bottom
        if self._travels_as_json(kind):
            return f"to_json({value})::text"
        if bottom.kind == "array" and bottom.of is not None:
            element = bottom.of.bottom
            if bottom.of.kind == "base" and element.name in _SCALARS:
                return value
            plain = element.name if element.name in _SCALARS else "text"
            return f"{value}::{plain}[]"
        return value if bottom.name in _SCALARS and bottom.name not in _JSON else f"{value}::text"

    def placeholder(self, kind: SqlType) -> str:
        name = kind.name.replace("%", "%%")
        bottom = kind.bottom
        if bottom.kind == "composite":
            return f"jsonb_populate_record(null::{name}, %s::jsonb)"
        if bottom.kind == "array" and bottom.of is not None and self._travels_as_json(kind):
            element = bottom.of.name.replace("%", "%%")
            value = f"e.value::{element}"
            if bottom.of.bottom.kind == "composite":
                value = f"jsonb_populate_record(null::{element}, e.value)"
            return _ARRAY.replace("{value}", value) + f"::{name}"
        return f"%s::{name}"

    def encoded(self, kind: SqlType, name: str) -> str:
        """The Python expression that an argument is sent as."""
        if kind.bottom.name in _JSON or self._travels_as_json(kind):
            return f"to_json({name})"
        return name

    # --- functions ---

    def function(self, found: Function, python_name: str) -> None:
        found = self._without_unnamed(found)
        names, parameters, sent = self._arguments(found)
        result = self._result(found)
        uses = [*parameters, result.annotation, result.decode, *sent.values(), "Call"]
        for text in uses:
            self.module.use(text)
        text = header(f"def {python_name}", parameters, f") -> Call[{result.annotation}]")
        text += self._docstring(found)
        text += self._body(found, result, names, sent)
        self.module.functions.append(text)

    def _without_unnamed(self, found: Function) -> Function:
        """An argument without a name cannot be left out by name: from the first whose default
        only the database knows on, it is always left to the database."""
        for place, argument in enumerate(found.arguments):
            if not argument.name and self._left_to_database(argument):
                return replace(found, arguments=found.arguments[:place])
        return found

    def _docstring(self, found: Function) -> str:
        """The comment, without what the signature says already, with the names it has here."""
        text = _MACHINE_LINES.sub("", found.comment).strip()
        for argument in found.arguments:
            if argument.name.startswith("p_"):
                text = re.sub(rf"\b{re.escape(argument.name)}\b", argument.name[2:], text)
        return docstring(text or f"Calls `{found.schema}.{found.name}`.", 4)

    def _arguments(self, found: Function) -> tuple[list[str], list[str], dict[str, str]]:
        """Python names, parameters as written, and what is sent for each placeholder."""
        taken: set[str] = set()
        names = [
            unique(argument_name(a.name or f"argument{i}"), taken)
            for i, a in enumerate(found.arguments, 1)
        ]
        parameters = [
            f"{name}: {self._parameter(argument, found)}"
            for name, argument in zip(names, found.arguments, strict=True)
        ]
        pairs = zip(names, found.arguments, strict=True)
        return names, parameters, {name: self.encoded(a.type, name) for name, a in pairs}

    def _parameter(self, argument: Argument, found: Function) -> str:
        accepts = self.accepts(argument.type)
        if argument.name in found.nullable:
            accepts = _optional(accepts, True)
        if argument.default is None:
            return accepts
        default = self._default(argument)
        if default == "UNSET":
            accepts += " | Unset"
        return f"{_optional(accepts, default == 'None')} = {default}"

    def _result(self, found: Function) -> _Result:
        shape = _shape_of(found)
        if found.columns:
            return self._table(found)
        kind = found.result
        nullable = "result" in found.nullable or (
            kind.bottom.name not in _JSON and bool(re.search(r"\bNULL\b", found.comment))
        )
        source = f"select {{call}} as {RESULT}"
        value = "{call}"
        if found.returns_set:
            source, value = f"select {{value}} from {{call}} as {RESULT}", RESULT  # noqa: S608
        if kind.name == "void":
            return _Result("None", "select {call}", "nothing")
        if shape is not None or kind.bottom.name in _JSON or self._travels_as_json(kind):
            return self._json(found, shape, value, nullable)
        select = self.select(kind, value)
        annotation = _optional(self.annotation(kind), nullable)
        decode = "scalar_or_none" if nullable else "scalar"
        if found.returns_set:
            decode = decode.replace("scalar", "scalars", 1)
            return _Result(f"list[{annotation}]", source.replace("{value}", select), decode)
        return _Result(annotation, f"select {select}", decode)

    def _json(self, found: Function, shape: Shape | None, value: str, nullable: bool) -> _Result:
        select = self.select(found.result, value)
        tail = f" from {{call}} as {RESULT}" if found.returns_set else ""
        inner = self._shape_annotation(shape, found) if shape else self.annotation(found.result)
        if inner == "JsonValue":
            decode = "json_values" if found.returns_set else "json_value"
        else:
            optional = nullable or (shape is not None and shape.nullable)
            name = "json_or_none" if optional else "json_as"
            decode = f"{'jsons_as' if found.returns_set else name}({inner})"
            inner = _optional(inner, optional and not found.returns_set)
        outer = f"list[{inner}]" if found.returns_set else inner
        return _Result(outer, f"select {select}{tail}", decode)

    def _table(self, found: Function) -> _Result:
        name = unique(class_name(f"{found.name}_row"), self.module.taken)
        fields = self._fields(found.columns, found.nullable, inside_json=False)
        doc = f"A row of `{found.schema}.{found.name}`."
        self.module.add_class(name, doc, fields)
        selected = ", ".join(
            self.select(column.type, f"{RESULT}.{_quoted(column.name)}") for column in found.columns
        )
        json = [
            f.name
            for f, column in zip(fields, found.columns, strict=True)
            if column.type.bottom.name in _JSON or self._travels_as_json(column.type)
        ]
        arguments = [name, *(literal(column) for column in json)]
        sql = f"select {selected} from {{call}} as {RESULT}"  # noqa: S608
        if found.returns_set:
            return _Result(f"list[{name}]", sql, _applied("rows_of", arguments))
        return _Result(name, sql, _applied("row_of", arguments))

    def _shape_annotation(self, shape: Shape, found: Function) -> str:
        return self._shape(shape, class_name(f"{found.name}_result"), found)

    def _shape(self, shape: Shape, name: str, found: Function) -> str:
        """The annotation of a `Returns {…}` line, whose classes are written on the way."""
        if shape.fields is None:
            kind = self.catalog.named_type(shape.type, found.schema)
            if kind is None:
                raise TypegenError(f"{found.quoted}: its comment names no type: {shape.type}")
            inner = self.annotation(kind, inside_json=True)
        else:
            inner = unique(name, self.module.taken)
            place = len(self.module.definitions)
            fields = [self._shape_field(part, inner, found) for part in shape.fields]
            doc = f"What `{found.schema}.{found.name}` returns."
            self.module.definitions.insert(place, self.module.class_source(inner, doc, fields))
        for _ in range(shape.dimensions):
            inner = f"list[{inner}]"
        return inner

    def _shape_field(self, part: ShapeField, owner: str, found: Function) -> Field:
        inner = self._shape(part.shape, owner + class_name(part.name), found)
        annotation = _optional(inner, part.shape.nullable)
        return Field(identifier(part.name), annotation, json_name=part.name)

    # --- bodies ---

    def _body(
        self, found: Function, result: _Result, names: Sequence[str], sent: dict[str, str]
    ) -> str:
        before, after = result.select.split("{call}")
        quoted = found.quoted.replace("%", "%%")
        open_, close = f"{before.replace('%', '%%')}{quoted}(", f"){after.replace('%', '%%')}"
        title = long_literal(f"{found.schema}.{found.name}", 8)
        flag = "        reads_only=True,\n" if found.reads_only else ""
        if any(self._left_to_database(argument) for argument in found.arguments):
            middle = self._chosen(found, open_, close, names, sent)
        else:
            placed = ", ".join(_variadic(a) + self.placeholder(a.type) for a in found.arguments)
            sql = long_literal(f"{open_}{placed}{close}", 8)
            values = ", ".join(sent[name] for name in names) + ("," if len(names) == 1 else "")
            middle = f"        {sql},\n{_tuple(values, [sent[n] for n in names], 8)}"
        return (
            f"    return Call(\n        {title},\n{middle}        {result.decode},\n{flag}    )\n"
        )

    def _left_to_database(self, argument: Argument) -> bool:
        if argument.default is None:
            return False
        return self._default(argument) == "UNSET"

    def _default(self, argument: Argument) -> str:
        """The default as Python writes it, or UNSET for what only the database can work out."""
        return _python_default(argument, self.accepts(argument.type))

    def _chosen(
        self, found: Function, open_: str, close: str, names: Sequence[str], sent: dict[str, str]
    ) -> str:
        """Arguments by name, so that those which are UNSET can be left out."""
        self.module.use("arguments")
        parts = ""
        for name, argument in zip(names, found.arguments, strict=True):
            by_name = f"{_parameter_name(argument.name)} => " if argument.name else ""
            text = f"{_variadic(argument)}{by_name}{self.placeholder(argument.type)}"
            text = text if not by_name else text.replace(by_name, by_name.replace("%", "%%"), 1)
            line = f"            ({literal(text)}, {sent[name]}),\n"
            if len(line) > 100:
                line = (
                    f"            (\n                {long_literal(text, 16)},\n"
                    f"                {sent[name]},\n            ),\n"
                )
            parts += line
        return (
            f"        *arguments(\n            {long_literal(open_, 12)},\n"
            f"            {long_literal(close, 12)},\n{parts}        ),\n"
        )


# NULL stays NULL, and an empty list an empty array.
_ARRAY = (
    "(select array(select {value} from jsonb_array_elements(given.list) with ordinality "
    "as e(value, n) order by e.n) from (select %s::jsonb as list) as given "
    "where given.list is not null)"
)
_VOID = SqlType("void", "void", "pseudo", 0)
_NO_FUNCTION = Function("", "", "", (), _VOID, (), False, False, "")


def _optional(annotation: str, nullable: bool) -> str:
    if not nullable or annotation == "JsonValue" or annotation.endswith("| None"):
        return annotation
    return f"{annotation} | None"


def _variadic(argument: Argument) -> str:
    return "variadic " if argument.variadic else ""


def _quoted(name: str) -> str:
    """A name after a dot or before `=>`: any simple word will do there."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        return name
    return '"' + name.replace('"', '""') + '"'


def _applied(name: str, arguments: Sequence[str]) -> str:
    """A decoder made by a function, as it stands eight columns in, with a comma behind it."""
    line = f"{name}({', '.join(arguments)})"
    if width(line) + 9 <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"            {a},\n" for a in arguments) + "        )"


def _parameter_name(name: str) -> str:
    """A name before `=>`, where a reserved word needs quotes."""
    quoted = _quoted(name)
    plain = quoted == name and name.startswith("p_")
    return quoted if plain or quoted != name else f'"{name}"'


def _tuple(values: str, parts: Sequence[str], indent: int) -> str:
    line = f"{' ' * indent}({values}),\n"
    if len(line) <= 101:
        return line
    inner = "".join(f"{' ' * (indent + 4)}{part},\n" for part in parts)
    return f"{' ' * indent}(\n{inner}{' ' * indent}),\n"


def _python_default(argument: Argument, accepts: str) -> str:
    sql = argument.default or ""
    if re.fullmatch(r"(?i)null(?:::.*)?", sql):
        return "None"
    if accepts == "bool":
        return {"true": "True", "false": "False"}.get(sql, "UNSET")
    match = _DEFAULT_LITERAL.fullmatch(sql)
    if match is None:
        return "UNSET"
    quoted, number = match.groups()
    text = quoted.replace("''", "'") if quoted is not None else ""
    if accepts in ("int", "Decimal | int", "float"):
        written = number or text
        whole = re.fullmatch(r"-?\d+", written)
        return written if whole or (accepts == "float" and number) else "UNSET"
    if quoted is not None and (accepts == "str" or text in argument.type.bottom.labels):
        return literal(text)
    return "UNSET"


def _shape_of(found: Function) -> Shape | None:
    """What the comment's line `Returns {…}` says, where the function returns JSON."""
    if found.result.bottom.name not in _JSON:
        return None
    return parse_returns(found.comment)


# --- what is written -------------------------------------------------------------------------


def _callable(found: Function) -> bool:
    kinds = [found.result, *(a.type for a in found.arguments)]
    pseudo = [k for k in kinds if k.bottom.kind == "pseudo" and k.name != "void"]
    fine_record = found.result.name == "record" and bool(found.columns)
    rest = [k for k in pseudo if not (k is found.result and fine_record)]
    return not rest and not found.name.startswith("_")


def _module(reader: Catalog, schema: str, doc: str, functions: Sequence[Function]) -> str:
    module = Module(doc)
    writer = _Writer(reader, schema, module)
    counts: dict[str, int] = {}
    for found in functions:
        counts[found.name] = counts.get(found.name, 0) + 1
    for found in functions:
        name = found.name
        if counts[name] > 1:
            # An overload is told apart by what it takes.
            name += "".join(f"_{re.sub(r'[^a-z0-9]+', '_', a.type.plain)}" for a in found.arguments)
        writer.function(found, unique(identifier(name), module.taken))
    return module.source()


def generate_schema(connection: psycopg.Connection[Any], schema: str) -> str:
    """A module with a wrapper for every function of a schema, but for handlers."""
    with catalog(connection) as reader:
        handlers = reader.handlers()
        functions = [
            f for f in reader.functions(schema) if _callable(f) and f.quoted not in handlers
        ]
        return _module(reader, schema, f"Calls of the schema {schema}.\n\n{_NOTE}", functions)


def generate_registered(
    connection: psycopg.Connection[Any], version: str, names: Iterable[str] | None = None
) -> str:
    """A module with a wrapper for every registered call that an API version serves, or for some."""
    with catalog(connection) as reader:
        return registered_module(reader, version, names)


_NOTE = "Generated by `dbkit typegen` from the database: change its functions and comments instead."


def _rooms() -> dict[str, str]:
    """Function name to the module of `sql/` that it lives in."""
    tree = sqltree.read_tree(sqltree.shipped_root() / "sql")
    return {item.name: item.module for item in tree if item.kind == "functions"}


def shipped_modules(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """File name below `dbkit/calls/` to its text."""
    rooms = _rooms()
    modules: dict[str, str] = {}
    with catalog(connection) as reader:
        functions = [
            f
            for f in reader.functions("dbkit")
            if _callable(f) and not _DISPATCHED.match(f.name) and f.name in rooms
        ]
        for room in sqltree.MODULES:
            own = [f for f in functions if rooms[f.name] == room]
            if own:
                doc = f"Calls of dbkit's module {room}.\n\n{_NOTE}"
                modules[f"{room}.py"] = _module(reader, "dbkit", doc, own)
        for row in reader.rows("select version from dbkit.api_versions order by ordinal"):
            modules[f"{row['version']}.py"] = registered_module(reader, row["version"], None)
    return modules


def error_codes_module(rows: Sequence[dict[str, Any]]) -> str:
    """`dbkit/_error_codes.py`: one exception class a row."""
    classes = [class_name(row["name"]) for row in rows]
    exported = "".join(f'    "{name}",\n' for name in sorted(["ALL", *classes], key=_all_order))
    listed = "".join(f"    {name},\n" for name in classes)
    bodies = [
        f"class {name}(DbkitError):\n{docstring(row['summary'], 4)}\n"
        f'    code: ClassVar[str] = "{row["sqlstate"]}"\n'
        f"    http_status: ClassVar[int] = {row['http_status']}\n"
        for name, row in zip(classes, rows, strict=True)
    ]
    head = (
        '"""One exception for each row of `dbkit.error_codes`.\n\n'
        "Generated by `python -m dbkit.typegen`: change `sql/*/seed/error_codes.sql` instead.\n"
        '"""\n\nfrom __future__ import annotations\n\nfrom typing import ClassVar\n\n'
        f"from dbkit._error_base import DbkitError\n\n__all__ = [\n{exported}]\n"
    )
    tail = f"ALL: tuple[type[DbkitError], ...] = (\n{listed})\n"
    return "\n\n".join([head, *bodies]) + "\n\n" + tail


def _all_order(name: str) -> tuple[bool, str]:
    return not name.isupper(), name


_BEGIN, _END = "<!-- errors: generated -->", "<!-- /errors -->"


def error_table(text: str, rows: Sequence[dict[str, Any]]) -> str:
    """A README with the table between its markers written again."""
    lines = ["| SQLSTATE | name | exception | HTTP | meaning |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['sqlstate']} | {row['name']} | `{class_name(row['name'])}` | {row['http_status']} "
        f"| {row['summary'].replace('|', '&#124;')} |"
        for row in rows
    ]
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise TypegenError(f"sql/README.md needs the markers {_BEGIN} and {_END}")
    return f"{before}{_BEGIN}\n{chr(10).join(lines)}\n{_END}{after}"


def write_dbkit(
    connection: psycopg.Connection[Any], folder: Path, check: bool = False
) -> list[str]:
    """Write everything that this package generates, below a checkout; returns what was stale.

    With `check` nothing is written.
    """
    statement = b"select * from dbkit.error_codes order by sqlstate"
    with catalog(connection) as reader:
        rows = reader.rows(statement.decode())
    readme = folder / "sql" / "README.md"
    wanted = {f"dbkit/calls/{name}": text for name, text in shipped_modules(connection).items()}
    wanted["dbkit/_error_codes.py"] = error_codes_module(rows)
    wanted["sql/README.md"] = error_table(readme.read_text("utf-8"), rows)
    calls = folder / "dbkit" / "calls"
    extra = [f for f in sorted(calls.glob("*.py")) if f.name != "__init__.py"]
    gone = [f for f in extra if f"dbkit/calls/{f.name}" not in wanted]
    stale = [path for path, text in wanted.items() if _differs(folder / path, text)]
    if not check:
        for path in stale:
            (folder / path).write_text(wanted[path], "utf-8")
        for file in gone:
            file.unlink()
    return sorted([*stale, *(f"dbkit/calls/{file.name}" for file in gone)])


def _differs(file: Path, text: str) -> bool:
    return not file.exists() or file.read_text("utf-8") != text


@contextmanager
def migrated(url: str | None) -> Generator[str, None, None]:
    """The URL given, or that of a fresh database: a used one may hold calls of its own."""
    if url is not None:
        yield url
        return
    from dbkit.migrations import migrate
    from dbkit.server import temporary_server

    with temporary_server(prefer=settings().server) as server:
        migrate(server.url)
        yield server.url


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m dbkit.typegen",
        description="Write dbkit/calls, dbkit/_error_codes.py and the table in sql/README.md.",
    )
    parser.add_argument("--url", help="a migrated database; default: a new one of its own")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    given = parser.parse_args(arguments)
    with migrated(given.url) as url, psycopg.connect(url) as connection:
        stale = write_dbkit(connection, sqltree.shipped_root(), given.check)
    if given.check and stale:
        sys.exit(f"not generated: {', '.join(stale)}; run make generate")
    print("\n".join(f"wrote {path}" for path in stale) or "nothing changed")


if __name__ == "__main__":
    main()
