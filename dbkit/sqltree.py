"""The `sql/` tree: which objects there are, in which order they are made, how each is undone.

An object is a file `sql/<module>/<kind>/<name>.sql`. Everything here is text in, text out; the
same rules read the live tree and the frozen copies below `alembic/frozen/<revision>/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MODULES = (
    "core",
    "metrics",
    "deployments",
    "regions",
    "api",
    "events",
    "cqrs",
    "orders",
    "alerts",
    "healing",
    "messaging",
    "analytics",
)
KINDS = ("schema", "tables", "functions", "views", "triggers", "policies", "seed")
DOWN_MARK = "-- down"
"""A line of its own; what follows it undoes the file (needed for kinds `schema` and `seed`)."""

ROLES = ("anon", "authenticated", "service_role", "super_admin")


class SqlTreeError(ValueError):
    """A file below `sql/` breaks a rule of the tree."""


@dataclass(frozen=True, order=True)
class ObjectId:
    """Identity of an object: where its file lies below a root."""

    module: str
    kind: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.module}/{self.kind}/{self.name}.sql"

    @classmethod
    def parse(cls, path: str) -> ObjectId:
        parts = path.removesuffix(".sql").split("/")
        if len(parts) != 3 or parts[0] not in MODULES or parts[1] not in KINDS:
            raise SqlTreeError(
                f"{path}: expected <module>/<kind>/<name>.sql with a module of {MODULES} "
                f"and a kind of {KINDS}"
            )
        return cls(*parts)


@cache
def shipped_root() -> Path:
    """Folder that holds `sql/` and `alembic/`: the checkout, or the wheel's copy of both."""
    checkout = Path(__file__).parent.parent
    wheel = Path(__file__).parent / "_shipped"
    return wheel if wheel.is_dir() else checkout


def read_tree(root: Path) -> dict[ObjectId, str]:
    """Every object below `root` with its text."""
    return {
        ObjectId.parse(file.relative_to(root).as_posix()): file.read_text("utf-8")
        for file in sorted(root.rglob("*.sql"))
    }


def split_down(text: str) -> tuple[str, str | None]:
    """The statements that make an object and, if the file has them, those that undo it."""
    up, mark, down = text.partition(f"\n{DOWN_MARK}\n")
    return up.rstrip() + "\n", down.strip() + "\n" if mark else None


def _without_comments(text: str) -> str:
    return re.sub(r"--[^\n]*|'(?:[^']|'')*'", "", text)


def _mentions(text: str) -> set[str]:
    return set(re.findall(r"\bdbkit\.(\w+)", _without_comments(text)))


_AGGREGATE = re.compile(r"^create or replace aggregate", re.MULTILINE)
_MATERIALIZED = re.compile(r"^create materialized view", re.MULTILINE)


def creation_order(objects: Mapping[ObjectId, str]) -> list[ObjectId]:
    """Modules lowest first, kinds in order; a table, view or aggregate after what it names."""
    by_name = {o.name: o for o in objects if o.kind in ("tables", "functions", "views")}
    ordered: list[ObjectId] = []

    def visit(item: ObjectId, trail: tuple[ObjectId, ...]) -> None:
        if item in ordered:
            return
        if item in trail:
            raise SqlTreeError(f"{item.path} and {trail[-1].path} need each other")
        if item.kind in ("tables", "views") or _AGGREGATE.search(objects[item]):
            for name in sorted(_mentions(split_down(objects[item])[0])):
                needed = by_name.get(name)
                if needed is not None and needed != item:
                    visit(needed, (*trail, item))
        ordered.append(item)

    for item in sorted(
        objects, key=lambda o: (MODULES.index(o.module), KINDS.index(o.kind), o.name)
    ):
        visit(item, ())
    return ordered


def apply_sql(item: ObjectId, text: str) -> str:
    """SQL that brings the object to `text`, whatever older text of it is there now.

    `create or replace` keeps old rights, so a function or view first loses them all: what the
    file grants is all that is granted. All of it happens in the revision's transaction.
    """
    up, _ = split_down(text)
    before = ""
    if item.kind == "functions":
        before = _revoke_if_exists(item.name, "pg_proc", "proname", "pronamespace", "function")
        after = f"revoke all on function dbkit.{item.name} from public;\n"
        return before + _grants_last(up, after)
    if item.kind == "views" and _MATERIALIZED.search(up):
        # It cannot be replaced; made anew it is filled at once, in the same transaction.
        before = f"drop materialized view if exists dbkit.{item.name};\n"
    elif item.kind == "views":
        before = _revoke_if_exists(item.name, "pg_class", "relname", "relnamespace", "table")
    if item.kind in ("triggers", "policies"):
        before = "".join(_part_drops(item, up, if_exists=True))
    return before + up


def _revoke_if_exists(name: str, catalog: str, column: str, namespace: str, sort: str) -> str:
    return (
        f"do $revoke$ begin if exists (select from pg_catalog.{catalog} where {column} = '{name}' "
        f"and {namespace} = to_regnamespace('dbkit')) then revoke all on {sort} dbkit.{name} "
        f"from public, {', '.join(ROLES)}; end if; end $revoke$;\n"
    )


def _grants_last(up: str, revoke: str) -> str:
    """Put the revoke from PUBLIC right after the definition, before the file's own grants."""
    match = re.search(r"^(comment on|grant) ", up, flags=re.MULTILINE)
    cut = match.start() if match else len(up)
    return up[:cut] + revoke + up[cut:]


def _part_drops(item: ObjectId, up: str, *, if_exists: bool) -> Iterable[str]:
    """Drops for the triggers or policies that a file makes (one file for each table)."""
    sort = "trigger" if item.kind == "triggers" else "policy"
    pattern = rf"create {sort} (\w+)\s.*?\bon (dbkit\.\w+)"
    optional = "if exists " if if_exists else ""
    for name, table in re.findall(pattern, _without_comments(up), flags=re.DOTALL):
        yield f"drop {sort} {optional}{name} on {table};\n"


def drop_sql(item: ObjectId, text: str) -> str:
    """SQL that undoes the object altogether."""
    up, down = split_down(text)
    if down is not None:
        return down
    if item.kind in ("schema", "seed"):
        raise SqlTreeError(f"{item.path} needs a line '{DOWN_MARK}' and statements that undo it")
    if item.kind in ("triggers", "policies"):
        return "".join(_part_drops(item, up, if_exists=False))
    sort = {"tables": "table", "functions": "routine", "views": "view"}[item.kind]
    if item.kind == "views" and _MATERIALIZED.search(up):
        sort = "materialized view"
    return f"drop {sort} dbkit.{item.name};\n"


def replace_sql(item: ObjectId, text: str, replaced: str) -> str:
    """SQL that brings the object from the text `replaced` (undone first where it can be)."""
    _, down = split_down(replaced)
    undo = down if item.kind == "seed" and down is not None else ""
    if item.kind in ("triggers", "policies"):
        undo = "".join(_part_drops(item, split_down(replaced)[0], if_exists=True))
    return undo + apply_sql(item, text)
