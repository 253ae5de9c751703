"""What tests of commands and queries say in one line."""

from __future__ import annotations

import json
from typing import Any

from tests.helpers import Connection, one

Json = dict[str, Any]

SHOP = """
create schema shop;
create function shop.add(p_payload jsonb, p_expected_version bigint) returns jsonb
language plpgsql as $$
declare
  v_appended jsonb;
begin
  v_appended := dbkit.append_event('cart', p_payload ->> 'cart', 'Added', p_payload, '{}',
    p_expected_version);
  if p_payload ? 'refuse' then
    perform dbkit.raise_error(p_payload ->> 'refuse', 'sold out', '{"left": 0}', 'Take another.');
  elsif p_payload ? 'fail' then
    perform 1 / 0;
  end if;
  return jsonb_build_object('version', v_appended -> 'version');
end $$;
create function shop.echo(p_payload jsonb) returns jsonb
language plpgsql as $$ begin return p_payload -> 'say'; end $$;
create function shop.count(p_params jsonb) returns jsonb
language plpgsql stable as $$
begin
  return jsonb_build_object('count', (select count(*) from dbkit.event_store e
      where e.event_type = 'Added' and e.organization_id = (select dbkit.current_organization())
        and (not p_params ? 'cart' or e.aggregate_id = p_params ->> 'cart')),
    'role', current_user, 'user', dbkit.context_value('user_id'), 'nonce', random());
end $$;
create function shop.shared(p_params jsonb) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, dbkit, pg_temp as $$
begin return shop.count(p_params); end $$;
grant usage on schema shop to anon, authenticated, service_role, super_admin;
grant execute on all functions in schema shop
to anon, authenticated, service_role, super_admin;
select dbkit.register_command('add', 'shop.add',
  '{"type": "object", "required": ["cart"], "properties": {"cart": {"type": "string"}}}');
select dbkit.register_command('echo', 'shop.echo', p_required_role => null);
select dbkit.register_command('outside');
select dbkit.register_query('count', 'shop.count', '{Added}');
select dbkit.register_query('shared', 'shop.shared', '{Added}', p_vary => 'organization');
select dbkit.register_query('by_role', 'shop.shared', '{Added}', p_vary => 'role');
select dbkit.register_query('cart', 'shop.count', p_stream_type => 'cart',
  p_stream_param => 'cart');
"""
"""Handlers that append, echo and count; counts have a random nonce, so that one computed anew
differs from one that was kept."""


def execute(
    conn: Connection,
    command: str,
    payload: object = None,
    key: str | None = None,
    expect: int | None = None,
) -> Json:
    found = one(
        conn,
        "select dbkit.execute_command(%s, %s, %s, %s)",
        *(command, json.dumps({"cart": "c"} if payload is None else payload), key, expect),
    )
    assert isinstance(found, dict)
    return found


def ask(
    conn: Connection, query: str, params: object = None, min_position: int | None = None
) -> Json:
    found = one(
        conn,
        "select dbkit.execute_query(%s, %s, %s)",
        *(query, json.dumps(params or {}), min_position),
    )
    assert isinstance(found, dict)
    return found


def added(conn: Connection, cart: str = "c") -> int:
    """How many events a cart has; seen by a superuser."""
    found = one(
        conn,
        "select count(*) from dbkit.event_store "
        "where aggregate_type = 'cart' and aggregate_id = %s",
        cart,
    )
    assert isinstance(found, int)
    return found


def logged(conn: Connection) -> int:
    found = one(conn, "select count(*) from dbkit.command_log")
    assert isinstance(found, int)
    return found
