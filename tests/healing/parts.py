"""Orders that got stuck, a rule of somebody's own, and what the tests ask of the ledger."""

from __future__ import annotations

from typing import Any

from tests.helpers import Connection, one, row, rows

HEAL = "select dbkit.auto_heal_stuck_orders()"
PREVIEW = "select dbkit.auto_heal_stuck_orders(true)"
RUN = "select dbkit.run_heal_rule(%s)"
DRY = "select dbkit.run_heal_rule(%s, true)"
UNDO = "select dbkit.undo_healing(%s, %s)"
STEP = "select dbkit.run_maintenance_step(%s)"


def stuck_orders(
    conn: Connection, store: int, count: int, status: str, minutes: float, total: str = "10.00"
) -> list[int]:
    """Orders that have been in a status for so long; as from before there were events."""
    found = rows(
        conn,
        "insert into dbkit.orders (organization_id, store_id, status, currency, tax_rate, subtotal,"
        " tax, total, api_version, created_at, status_changed_at, completed_at)"
        " select s.organization_id, s.id, %s, 'USD', 0, %s, 0, %s, 'v3',"
        "   dbkit.clock() - make_interval(secs => %s) - interval '5 minutes',"
        "   dbkit.clock() - make_interval(secs => %s),"
        "   case when %s = 'completed' then dbkit.clock() - make_interval(secs => %s) end"
        " from dbkit.stores s, generate_series(1, %s) where s.id = %s returning id",
        *(status, total, total, minutes * 60, minutes * 60, status, minutes * 60, count, store),
    )
    return [r["id"] for r in found]


def never_trips(conn: Connection, *, batch: int = 1000, budget: int = 100_000) -> None:
    conn.execute(
        "select dbkit.set_heal_limits(rule, %s, p_batch_size => %s, p_never_trips => true)"
        " from dbkit.heal_rules",
        [budget, batch],
    )


def order(conn: Connection, order_id: int) -> dict[str, Any]:
    return row(
        conn,
        "select status, status_changed_at, completed_at from dbkit.orders where id = %s",
        order_id,
    )


def statuses(conn: Connection) -> dict[str, int]:
    found = rows(conn, "select status, count(*) as n from dbkit.orders group by 1")
    return {r["status"]: r["n"] for r in found}


def events(conn: Connection, order_id: int) -> list[tuple[str, str]]:
    """Type, and the status that the order has by it."""
    found = rows(
        conn,
        "select event_type as t, coalesce(event_data ->> 'to_status', event_data ->> 'status') as s"
        " from dbkit.event_store where aggregate_type = 'order' and aggregate_id = %s"
        " order by version",
        str(order_id),
    )
    return [(r["t"], r["s"]) for r in found]


def ledger(conn: Connection) -> int:
    return int(one(conn, "select count(*) from dbkit.heal_ledger"))


LAMPS = """
create schema house;
grant usage on schema house to service_role, super_admin;
create table house.lamps (name text primary key, lit boolean not null default false);
grant select, insert, update, delete on house.lamps to service_role, super_admin;
create function house.find_dark(p_params jsonb, p_limit int, p_except text[])
returns table (subject text, organization_id text, before jsonb, after jsonb)
language sql stable as $$
  select name, 'default', '{"lit": false}'::jsonb, '{"lit": true}'::jsonb from house.lamps
  where not lit and name <> all (p_except) order by name limit p_limit $$;
create function house.light(p_params jsonb, p_limit int, p_except text[])
returns table (subject text, organization_id text, before jsonb, after jsonb)
language sql volatile as $$
  update house.lamps l set lit = true
  from (select name from house.lamps where not lit and name <> all (p_except)
    order by name limit p_limit for update skip locked) as f
  where l.name = f.name
  returning l.name, 'default', '{"lit": false}'::jsonb, '{"lit": true}'::jsonb $$;
create function house.darken(p_subject text, p_before jsonb, p_after jsonb) returns text
language plpgsql volatile as $$ begin
  update house.lamps set lit = false where name = p_subject and lit;
  return case when not found then 'it is dark' end; end $$;
create function house.count_lamps(p_params jsonb) returns bigint
language sql stable return (select count(*) from house.lamps);
create function house.too_many(p_params jsonb, p_limit int, p_except text[])
returns table (subject text, organization_id text, before jsonb, after jsonb)
language sql volatile as $$
  update house.lamps set lit = true returning name, 'default', '{}'::jsonb, '{}'::jsonb $$;
create function house.writes_while_looking(p_params jsonb, p_limit int, p_except text[])
returns table (subject text, organization_id text, before jsonb, after jsonb)
language plpgsql stable as $$ begin
  perform house.break_one();
  return query select name, 'default', '{}'::jsonb, '{}'::jsonb from house.lamps where not lit;
end $$;
create function house.break_one() returns void language sql as $$
  update house.lamps set lit = false $$;
create function house.fails(p_params jsonb, p_limit int, p_except text[])
returns table (subject text, organization_id text, before jsonb, after jsonb)
language plpgsql volatile as $$ begin
  update house.lamps set lit = true; raise 'a fuse blew'; end $$;
grant execute on all functions in schema house to service_role, super_admin;
"""


def make_house(conn: Connection, lamps: int = 10) -> None:
    """A rule's functions of a user's own: lamps that shall be lit."""
    conn.execute(LAMPS.encode())
    conn.execute(
        "insert into house.lamps select 'lamp ' || n from generate_series(1, %s) n", [lamps]
    )


def register_lamps(conn: Connection, **given: object) -> None:
    arguments: dict[str, object] = {
        "p_rule": "lamps",
        "p_description": "dark lamps are lit",
        "p_find_function": "house.find_dark",
        "p_apply_function": "house.light",
        "p_undo_function": "house.darken",
    } | given
    named = ", ".join(f"{name} => %s" for name in arguments)
    conn.execute(f"select dbkit.register_heal_rule({named})".encode(), list(arguments.values()))


def lit(conn: Connection) -> int:
    return int(one(conn, "select count(*) from house.lamps where lit"))
