"""A table with everything that makes paging hard, and what the tests of lists say in one line."""

from __future__ import annotations

import json
from typing import Any

from tests.helpers import Connection, one

TABLE = """
create schema shop;
create type shop.size as enum ('small', 'medium', 'large');
create table shop.things (
  id bigint primary key,
  organization_id text not null default 'default' collate "C",
  name text not null,
  size shop.size not null default 'small',
  total numeric not null default 0,
  weight float8,
  note text,
  ref uuid not null default gen_random_uuid(),
  due date,
  made_at timestamptz not null default '2026-01-01T00:00:00Z',
  secret text
);
create index things_made on shop.things (made_at, id);
create unique index things_ref on shop.things (ref);
grant usage on schema shop to anon, authenticated, service_role, super_admin;
grant select on shop.things to authenticated, service_role, super_admin;
"""
SHOWN = ["id", "name", "size", "total", "weight", "note", "ref", "due", "made_at"]
SORTS = ["name", "size", "total", "weight", "note", "ref", "due", "made_at"]
LIST: dict[str, Any] = {
    "p_name": "things",
    "p_source": "shop.things",
    "p_columns": SHOWN,
    "p_key": ["id"],
    "p_sorts": SORTS,
    "p_default_sort": "-made_at",
    "p_filters": json.dumps(dict.fromkeys((*SORTS, "id", "organization_id"), True)),
    "p_search": ["name", "note"],
}


def register(conn: Connection, **given: Any) -> dict[str, Any]:
    """The list of things, but for what is given."""
    arguments = LIST | given
    named = ", ".join(f"{name} => %({name})s" for name in arguments)
    found = conn.execute(f"select dbkit.register_list({named}) as r".encode(), arguments).fetchone()
    assert found is not None
    answer: dict[str, Any] = found["r"]
    return answer


def fill(conn: Connection, count: int, **columns: str) -> None:
    """Things 1 to count; a column may be given as an expression over n."""
    values = {"id": "n", "name": "'thing ' || n"} | columns
    conn.execute(
        f"insert into shop.things ({', '.join(values)}) select {', '.join(values.values())} "
        f"from generate_series(1, {count}) n".encode()
    )


def page(conn: Connection, _name: str = "things", _version: Any = None, **request: Any) -> Any:
    return one(conn, "select dbkit.page_list(%s, %s, %s)", _name, json.dumps(request), _version)


def ids(found: dict[str, Any]) -> list[int]:
    return [item["id"] for item in found["items"]]


def walk(conn: Connection, **request: Any) -> list[int]:
    """All ids, forward, cursor by cursor."""
    seen: list[int] = []
    found = page(conn, **request)
    while True:
        seen += ids(found)
        if not found["page"]["has_next"]:
            return seen
        assert found["items"], "a page that promises a next one is not empty"
        found = page(conn, **request, cursor=found["page"]["next_cursor"])


def walk_back(conn: Connection, **request: Any) -> list[int]:
    """All ids in the list's order, read from the last page to the first."""
    seen: list[int] = []
    found = page(conn, **request, last=True)
    while True:
        seen = ids(found) + seen
        if not found["page"]["has_previous"]:
            return seen
        assert found["items"]
        found = page(conn, **request, cursor=found["page"]["previous_cursor"])
