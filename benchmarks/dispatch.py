"""What routing costs: the same handler called directly and through route_api_call.

Both run on prepared connections to one server, in turn. `extra µs` is the difference of the median
latencies of one client; `throughput` is routed / direct transactions per second at 8 clients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from benchmarks.pgbench import interleave
from dbkit.demo_data import load_restaurant

SETUP = """
create schema bench;
create function bench.trivial(p_payload jsonb) returns jsonb language plpgsql stable as
  $$ begin return '{"ok": true}'; end $$;
select dbkit.register_rpc('bench_trivial', 'v1', 'bench.trivial(jsonb)');
"""


@dataclass(frozen=True)
class Row:
    handler: str
    direct_us: float
    routed_us: float
    extra_us: float
    throughput: float


def run(url: str, *, rounds: int, seconds: int, say: Callable[[str], None]) -> list[Row]:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(SETUP.encode())
        load_restaurant(conn, lambda: None)
        store = store_with_twenty_items(conn)
        conn.execute("select dbkit.switch_api_version('v3', 'v2')")
        conn.execute("vacuum analyze")
    payload = f'{{"store_id": {store}}}'
    say("dispatch: trivial handler")
    trivial = _compare(
        url,
        "trivial",
        "bench.trivial('{}')",
        "dbkit.route_api_call('bench_trivial', '{}')",
        rounds,
        seconds,
    )
    say("dispatch: menu")
    menu = _compare(
        url,
        "menu of 20 items, nested",
        f"dbkit.rpc_v3_get_menu_items('{payload}')",
        f"dbkit.route_api_call('get_menu_items', '{payload}')",
        rounds,
        seconds,
    )
    return [trivial, menu]


def store_with_twenty_items(conn: psycopg.Connection[tuple[object, ...]]) -> object:
    """The first store, its menu cut down to the 20 items with the most choices."""
    conn.execute(
        """
        delete from dbkit.menu_items where id not in (
          select i.id
          from dbkit.menu_items i
          left join dbkit.menu_item_customizations c on c.menu_item_id = i.id
          where i.store_id = (select min(id) from dbkit.stores)
          group by i.id order by count(c.id) desc, i.id limit 20)"""
    )
    return conn.execute("select min(id) from dbkit.stores").fetchall()[0][0]


def _compare(url: str, name: str, direct: str, routed: str, rounds: int, seconds: int) -> Row:
    both = {"direct": f"select {direct}", "routed": f"select {routed}"}
    one = interleave(url, both, clients=1, rounds=rounds, seconds=seconds)
    eight = interleave(url, both, clients=8, rounds=rounds, seconds=seconds)
    return Row(
        handler=name,
        direct_us=one["direct"].latency_us,
        routed_us=one["routed"].latency_us,
        extra_us=one["routed"].latency_us - one["direct"].latency_us,
        throughput=eight["routed"].tps / eight["direct"].tps,
    )
