"""What routing costs: the same handler called directly and through route_api_call.

Both run on prepared connections to one server, in turn. `extra µs` is the difference of the median
latencies of one client; `throughput` is routed / direct transactions per second at 8 clients.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from benchmarks.pgbench import interleave
from dbkit.demo import load_restaurant

SETUP = """
create schema bench;
create function bench.trivial(p_payload jsonb) returns jsonb language plpgsql stable as
  $$ begin return '{"ok": true}'; end $$;
create function bench.menu(p_payload jsonb) returns jsonb language plpgsql stable as $$
begin
  return dbkit.rpc_v3_get_menu_items(p_payload);
end $$;
select dbkit.register_rpc('bench_trivial', 'v1', 'bench.trivial(jsonb)');
"""


@dataclass(frozen=True)
class Row:
    handler: str
    direct_us: float
    routed_us: float
    extra_us: float
    throughput: float


def run(url: str, *, rounds: int, seconds: int) -> list[Row]:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(SETUP.encode())
        load_restaurant(conn)
        store = _store_with_twenty_items(conn)
        conn.execute("select dbkit.switch_api_version('v3', 'v2')")
        conn.execute("vacuum analyze")
    menu = f'{{"store_id": {store}}}'
    return [
        _compare(url, "trivial", "bench.trivial('{}')",
                 "dbkit.route_api_call('bench_trivial', '{}')", rounds, seconds),
        _compare(url, "menu of 20 items, nested", f"dbkit.rpc_v3_get_menu_items('{menu}')",
                 f"dbkit.route_api_call('get_menu_items', '{menu}')", rounds, seconds),
    ]


def _store_with_twenty_items(conn: psycopg.Connection[tuple[object, ...]]) -> object:
    """A store of its own with the 20 items that have most customizations in the first one."""
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
