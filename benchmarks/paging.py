"""What a page of a list costs: by cursor and by offset, at the start and deep inside.

One table under row level security, in a database whose owner is no superuser, read by service_role
on prepared connections in turn. The hand-written page is one prepared keyset query that answers the
same items, without a check, a cursor or a count of what follows.
"""

from __future__ import annotations

import psycopg

from benchmarks.events_stores import Plan, create_store, execute, in_role
from benchmarks.figures import Figure, skipped
from benchmarks.pgbench import run_script, take_turns

FASTER = 500
"""How much faster than an offset a cursor must be at nine tenths of the list."""
LOAD = 4
"""Clients that keep two cores busy: with one alone, a page of 0.1 ms is to a good part the time in
which an idle processor wakes up, twice."""

_TABLE = """
create schema shop;
create table shop.items (
  id bigint generated always as identity primary key,
  organization_id text not null default 'default' collate "C",
  name text not null,
  status text not null,
  total numeric(12, 2) not null,
  created_at timestamptz not null
);
insert into shop.items (name, status, total, created_at)
select 'item ' || n, (array['new', 'paid', 'sent'])[1 + n % 3], n % 1000,
  '2026-01-01Z'::timestamptz + n * interval '1 second'
from generate_series(1, {rows}) n;
create index on shop.items (created_at, id);
alter table shop.items enable row level security;
create policy items_organization on shop.items
using (organization_id = (select dbkit.current_organization()));
grant usage on schema shop to public;
grant select on shop.items to service_role;
select dbkit.register_list('items', 'shop.items', '{{id,name,status,total,created_at}}', '{{id}}',
  '{{created_at}}', '-created_at', '{{"status": true, "created_at": true}}');
vacuum analyze shop.items;
"""
_HAND = """
select json_agg(p) from (
  select id, name, status, total, created_at from shop.items
  {where} order by created_at desc, id desc limit 20) p;
"""


def run(plan: Plan) -> list[Figure]:
    """What cannot be measured here is skipped, with the reason."""
    try:
        return _measure(plan)
    except (psycopg.Error, RuntimeError, OSError) as error:
        return [skipped("paging", "pages", str(error).strip().splitlines()[0])]


def _measure(plan: Plan) -> list[Figure]:
    count = max(10_000, round(plan.stored_millions * 1_000_000))
    depth = count * 9 // 10
    plan.say(f"paging: a list of {count:,} rows")
    store = create_store(plan.url, "paging")
    for statement in _TABLE.format(rows=count).split(";\n"):
        if statement.strip():
            execute(store, statement)
    url = in_role(store, "service_role")
    scripts = _scripts(url, depth)

    turns = {name: (name, LOAD) for name in scripts}
    turns |= {f"{name} alone": (name, 1) for name in ("cursor", "cursor, by hand", "offset")}

    def measure(turn: str, _: int) -> float:
        name, clients = turns[turn]
        return run_script(url, scripts[name], clients=clients, seconds=plan.seconds).tps

    rates = take_turns(list(turns), measure, rounds=plan.rounds)
    return _figures(rates, f"of {count:,} rows", depth)


def _scripts(url: str, depth: int) -> dict[str, str]:
    """A transaction each. The pages at depth are the same rows, told by cursor and by offset."""
    with psycopg.connect(url) as conn:
        found = conn.execute(
            "select dbkit.page_list('items', jsonb_build_object('offset', %s::int, 'limit', 1))"
            " #>> '{page,next_cursor}'",
            [min(depth, 1_000_000)],
        ).fetchone()
        edge = conn.execute(
            "select created_at, id from shop.items order by created_at desc, id desc "
            "offset %s limit 1",
            [depth],
        ).fetchone()
    assert found is not None
    assert edge is not None
    where = f"where (created_at, id) < ('{edge[0].isoformat()}', {edge[1]})"
    page = "select dbkit.page_list('items', '{{{}}}');\n"
    return {
        "first": page.format(""),
        "first, by hand": _HAND.format(where=""),
        "cursor": page.format(f'"cursor": "{found[0]}"'),
        "cursor, by hand": _HAND.format(where=where),
        "offset": page.format(f'"offset": {depth + 1}'),
        "filter": page.format('"filter": {"status": {"eq": "new"}}'),
    }


def _figures(rates: dict[str, float], of: str, depth: int) -> list[Figure]:
    def against(
        what: str, ours: str, theirs: str, *, alone: bool = False, target: int | None = None
    ) -> Figure:
        end = " alone" if alone else ""
        return Figure(
            "paging",
            what,
            1 if alone else LOAD,
            "tps",
            rates[ours + end],
            rates[theirs + end],
            target,
        )

    deep = f"a page behind row {depth:,} {of}: cursor against offset"
    by_hand = f"a page by cursor {of} against a query by hand"
    return [
        against(deep, "cursor", "offset", target=FASTER),
        against(deep, "cursor", "offset", alone=True),
        against(by_hand, "cursor", "cursor, by hand"),
        against(by_hand, "cursor", "cursor, by hand", alone=True),
        against(f"the first page {of} against a query by hand", "first", "first, by hand"),
        Figure("paging", f"filtered pages {of}", LOAD, "tps", rates["filter"]),
    ]
