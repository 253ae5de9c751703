"""What `dbkit.typegen` knows of a database: functions, their arguments and results, types."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row


@dataclass(frozen=True)
class SqlType:
    """A type of the database, resolved as far as Python needs it.

    `kind` is base, enum, domain, composite, array or pseudo.
    """

    name: str
    """As SQL writes it, with its schema."""

    plain: str
    """The last part of the name, unquoted."""

    kind: str
    oid: int
    of: SqlType | None = None
    """Element of an array, base of a domain."""

    labels: tuple[str, ...] = ()
    relation: int = 0
    comment: str = ""

    @property
    def bottom(self) -> SqlType:
        """The type below all domains."""
        return self.of.bottom if self.kind == "domain" and self.of is not None else self


@dataclass(frozen=True)
class Column:
    """A column of a composite type or of `returns table`."""

    name: str
    type: SqlType
    not_null: bool = False
    comment: str = ""


@dataclass(frozen=True)
class Argument:
    """An input argument; `default` is its SQL, None where it has none."""

    name: str
    type: SqlType
    default: str | None
    variadic: bool = False


@dataclass(frozen=True)
class Function:
    """A function as the catalog has it."""

    schema: str
    name: str
    quoted: str
    """Schema and name as SQL writes them."""

    arguments: tuple[Argument, ...]
    result: SqlType
    columns: tuple[Column, ...]
    """Of `returns table` and of several OUT arguments; else empty."""

    returns_set: bool
    reads_only: bool
    comment: str

    @property
    def nullable(self) -> frozenset[str]:
        """Names on the comment's lines `Nullable: a, b.`, also without their p_; those on
        `Nullable argument: p_a.` as they are, where a column a has always a value."""
        names: set[str] = set()
        for only, line in re.findall(_NULLABLE, self.comment):
            found = {name.strip() for name in line.split(",")}
            names |= found if only else found | {re.sub(r"^p_", "", name) for name in found}
        return frozenset(names)


_NULLABLE = re.compile(r"^\s*Nullable( argument)?: (.*?)\.?\s*$", re.MULTILINE)

_FUNCTIONS = """
select p.oid, p.proname as name, n.nspname as schema,
  quote_ident(n.nspname) || '.' || quote_ident(p.proname) as quoted,
  p.proretset as returns_set, p.provolatile <> 'v' as reads_only, p.prorettype as result,
  coalesce(obj_description(p.oid, 'pg_proc'), '') as comment,
  coalesce(p.proallargtypes, p.proargtypes::oid[])::oid[] as types,
  coalesce(p.proargnames, '{}')::text[] as names, p.proargmodes::text[] as modes,
  array(select pg_get_function_arg_default(p.oid, i)
    from generate_series(1, coalesce(cardinality(p.proallargtypes), p.pronargs::int)) as i
  ) as defaults
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname = %s and p.prokind = 'f'
  and not exists (select from pg_depend d
    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by p.proname collate "C", pg_get_function_identity_arguments(p.oid) collate "C"
"""

# As SQL writes them, character and bit would mean a length of 1.
_TYPE = """
select t.oid, case t.typname when 'bpchar' then 'bpchar' when '_bpchar' then 'bpchar[]'
    when 'bit' then 'pg_catalog."bit"' when '_bit' then 'pg_catalog."bit"[]'
    else format_type(t.oid, null) end as name, t.typname as plain, t.typtype as kind,
  t.typcategory = 'A' and t.typelem <> 0 as is_array, t.typelem as element, t.typbasetype as base,
  t.typrelid as relation, c.relkind,
  array(
    select e.enumlabel from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder
  )::text[] as labels,
  coalesce(obj_description(t.oid, 'pg_type'), obj_description(t.typrelid, 'pg_class'), '')
    as comment
from pg_type t
left join pg_class c on c.oid = t.typrelid
where t.oid = %s
"""

_COLUMNS = """
select a.attname as name, a.atttypid as type,
  coalesce(col_description(a.attrelid, a.attnum), '') as comment,
  a.attnotnull or coalesce(t.typnotnull, false) as not_null, c.relkind
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_type t on t.oid = a.atttypid
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""

_NAMED_TYPE = """
select coalesce(to_regtype(%s), to_regtype(quote_ident(%s) || '.' || %s))::oid as oid
"""

_KINDS = {"e": "enum", "d": "domain", "c": "composite", "p": "pseudo"}


@dataclass
class Catalog:
    """Reads a database; types and columns are read once."""

    connection: psycopg.Connection[Any]
    types: dict[int, SqlType] = field(default_factory=dict[int, SqlType])
    relations: dict[int, tuple[Column, ...]] = field(default_factory=dict[int, tuple[Column, ...]])

    def rows(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        with psycopg.Cursor(self.connection, row_factory=dict_row) as cursor:
            return cursor.execute(statement.encode(), parameters).fetchall()

    def functions(self, schema: str) -> list[Function]:
        """Functions of a schema without those of extensions, sorted."""
        return [self._function(row) for row in self.rows(_FUNCTIONS, schema)]

    def handlers(self) -> set[str]:
        """Schema and name, as SQL writes them, of the registered calls' handlers."""
        if self.rows("select to_regclass('dbkit.api_rpcs') as there")[0]["there"] is None:
            return set()
        found = self.rows("select distinct handler_signature as handler from dbkit.api_rpcs")
        return {str(row["handler"]).removesuffix("(jsonb)") for row in found}

    def _function(self, row: dict[str, Any]) -> Function:
        types: list[int] = row["types"]
        modes: Sequence[str] = row["modes"] or ["i"] * len(types)
        names = [*row["names"], *[""] * len(types)]
        arguments: list[Argument] = []
        columns: list[Column] = []
        for name, oid, mode, default in zip(names, types, modes, row["defaults"], strict=False):
            if mode in "ibv":
                arguments.append(Argument(name, self.type(oid), default, mode == "v"))
            if mode in "bto":
                columns.append(Column(name or f"column{len(columns) + 1}", self.type(oid)))
        return Function(
            schema=row["schema"],
            name=row["name"],
            quoted=row["quoted"],
            arguments=tuple(arguments),
            result=self.type(row["result"]),
            columns=tuple(columns) if len(columns) > 1 or "t" in modes else (),
            returns_set=row["returns_set"],
            reads_only=row["reads_only"],
            comment=row["comment"],
        )

    def type(self, oid: int) -> SqlType:
        if oid not in self.types:
            self.types[oid] = self._type(oid)
        return self.types[oid]

    def _type(self, oid: int) -> SqlType:
        row = self.rows(_TYPE, oid)[0]
        kind, of = _KINDS.get(row["kind"], "base"), None
        if row["is_array"]:
            kind, of = "array", self.type(row["element"])
        elif kind == "domain":
            of = self.type(row["base"])
        return SqlType(
            name=row["name"],
            plain=row["plain"],
            kind=kind,
            oid=oid,
            of=of,
            labels=tuple(row["labels"]),
            relation=row["relation"],
            comment=row["comment"],
        )

    def columns(self, relation: int) -> tuple[Column, ...]:
        """Columns of a composite type or table. Only a table knows which are never NULL; of a view
        or type those on its comment's line `Nullable:` may be."""
        if relation not in self.relations:
            self.relations[relation] = tuple(self._columns(relation))
        return self.relations[relation]

    def _columns(self, relation: int) -> Iterator[Column]:
        for row in self.rows(_COLUMNS, relation):
            certain = row["not_null"] or row["relkind"] not in "rpf"
            yield Column(row["name"], self.type(row["type"]), certain, row["comment"])

    def named_type(self, name: str, schema: str) -> SqlType | None:
        """The type that a comment means by a name; None when there is none."""
        rows = self.rows(_NAMED_TYPE, name, schema, name)
        return self.type(rows[0]["oid"]) if rows[0]["oid"] else None


@contextmanager
def catalog(connection: psycopg.Connection[Any]) -> Generator[Catalog, None, None]:
    """Read with an empty search_path, so that every name comes with its schema."""
    with connection.transaction(force_rollback=True):
        with psycopg.Cursor(connection, row_factory=tuple_row) as cursor:
            cursor.execute("select set_config('search_path', '', true)")
        yield Catalog(connection)
