"""What maintenance costs everybody else: locks that others wait for, over a million orders.

Clients touch the very orders that are stuck, place orders, and read the view, each with a
lock_timeout of the target; a watcher asks the server how long anybody has been waiting. A control
does the same work in the plain way, and must be caught.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

import psycopg

from benchmarks.events_stores import Plan, create_store, execute, in_role
from benchmarks.figures import Figure, skipped

MOST_MS = 50
STORES = 20
STUCK = 150
"""Orders in each of the two statuses at the begin of a round: more than the batches heal."""

_STORES = f"""
insert into dbkit.stores (name, tax_rate) select 'store ' || n, 0.08
from generate_series(1, {STORES}) n
"""
_ORDERS = f"""
insert into dbkit.orders (store_id, status, currency, tax_rate, subtotal, tax, total, api_version,
  created_at, status_changed_at, completed_at)
select 1 + n % {STORES}, case when n % 20 = 0 then 'cancelled' else 'completed' end, 'USD', 0, s, 0,
  s, 'v3', t.at, t.at + interval '20 minutes',
  case when n % 20 > 0 then t.at + interval '20 minutes' end
from generate_series(1, {{orders}}) n
cross join lateral (select 5 + n % 50 as s, now() - interval '30 days' * n / {{orders}} as at) as t
"""
_STICK = f"""
insert into dbkit.orders (store_id, status, currency, tax_rate, subtotal, tax, total, api_version,
  created_at, status_changed_at)
select 1 + n % {STORES}, case when n % 2 = 0 then 'preparing' else 'ready' end, 'USD', 0, 9, 0, 9,
  'v3', now() - interval '4 hours', now() - interval '3 hours'
from generate_series(1, {2 * STUCK}) n
"""
_STUCK = """
select id from dbkit.orders where status in ('preparing', 'ready')
  and status_changed_at < now() - interval '45 minutes'
"""
# Of all databases: who waits for a row waits for a transaction, and that belongs to none.
_WAITING = """
select coalesce(max(extract(epoch from clock_timestamp() - l.waitstart) * 1000), 0)
from pg_locks l where not l.granted
"""
_PLAIN = """
begin;
update dbkit.orders set status = 'completed', status_changed_at = now(), completed_at = now()
where status in ('preparing', 'ready') and status_changed_at < now() - interval '45 minutes';
refresh materialized view dbkit.mv_order_health;
commit;
"""


@dataclass
class Seen:
    """What the clients met while something else was at work."""

    longest_ms: float = 0.0
    refused: int = 0
    done: int = 0
    took_ms: list[float] = field(default_factory=list[float])


def run(plan: Plan) -> list[Figure]:
    try:
        return _measure(plan)
    except (psycopg.Error, RuntimeError, OSError) as error:
        return [skipped("healing", "locks", str(error).strip().splitlines()[0])]


def _measure(plan: Plan) -> list[Figure]:
    orders = round(plan.stored_millions * 1_000_000)
    store = _load(plan, orders)
    of = f"maintenance over {orders:,} orders"
    figures = []
    for name, work in (("a step a transaction", _by_steps), ("in one call", _in_one_call)):
        plan.say(f"healing: {of}, {name}")
        seen = _watched(store, work, plan.rounds)
        figures += [
            Figure(
                "healing",
                f"{of}, {name}: longest wait for a lock",
                CLIENTS,
                "ms",
                seen.longest_ms,
                None,
                MOST_MS,
                "at most",
            ),
            Figure(
                "healing",
                f"{of}, {name}: refused after {MOST_MS} ms",
                CLIENTS,
                "statements",
                float(seen.refused),
                None,
                0,
                "at most",
            ),
            Figure("healing", f"{of}, {name}: duration", 1, "ms", max(seen.took_ms)),
        ]
    plan.say("healing: the control, an UPDATE and a plain REFRESH in one transaction")
    seen = _watched(store, _plainly, 1)
    what = "control, UPDATE and plain REFRESH: longest wait for a lock"
    figures.append(Figure("healing", what, CLIENTS, "ms", seen.longest_ms, None, MOST_MS))
    return figures


def _load(plan: Plan, orders: int) -> str:
    plan.say(f"healing: loading {orders:,} orders")
    store = create_store(plan.url, "healing")
    execute(store, _STORES)
    execute(store, _ORDERS.format(orders=orders))
    execute(store, "vacuum analyze dbkit.orders")
    _no_trip = "select dbkit.set_heal_limits(rule, 1000000, p_never_trips => true)"
    execute(store, f"{_no_trip} from dbkit.heal_rules")
    execute(store, "select dbkit.refresh_order_health()")
    return store


# --- the work --------------------------------------------------------------------------------


def _by_steps(store: str) -> None:
    """As a worker does it, or `dbkit maintenance run`."""
    with psycopg.connect(in_role(store, "service_role"), autocommit=True) as conn:
        steps = conn.execute("select step from dbkit.get_maintenance_steps()").fetchall()
        for (step,) in steps:
            ((ran,),) = conn.execute("select dbkit.run_maintenance_step(%s)", [step]).fetchall()
            if ran["outcome"] != "done":
                raise RuntimeError(f"{step}: {ran['outcome']} {ran['error']}")


def _in_one_call(store: str) -> None:
    with psycopg.connect(in_role(store, "service_role"), autocommit=True) as conn:
        ((ran,),) = conn.execute("select dbkit.run_system_maintenance()").fetchall()
        if not (ran["ok"] and ran["healed"] and ran["refreshed"]):
            raise RuntimeError(f"maintenance did not do its work: {ran}")


def _plainly(store: str) -> None:
    execute(store, _PLAIN)


def _watched(store: str, work: Callable[[str], None], rounds: int) -> Seen:
    seen = Seen()
    for _ in range(rounds):
        execute(store, _STICK)
        with clients(store, seen):
            begin = time.perf_counter()
            work(store)
            seen.took_ms.append((time.perf_counter() - begin) * 1000)
    if not seen.done:
        raise RuntimeError("the clients did nothing meanwhile")
    return seen


# --- the clients -----------------------------------------------------------------------------


@contextmanager
def clients(store: str, seen: Seen) -> Generator[None, None, None]:
    stop = Event()
    with psycopg.connect(store) as conn:
        stuck = [row[0] for row in conn.execute(_STUCK.encode()).fetchall()]
    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        running = [pool.submit(_client, store, each, stuck, stop, seen) for each in _STATEMENTS]
        running.append(pool.submit(_watcher, store, stop, seen))
        try:
            _until_all_run(seen)
            yield
        finally:
            stop.set()
            for each in running:
                each.result()


def _until_all_run(seen: Seen) -> None:
    """Connecting costs the processor more than anything that is measured here."""
    enough, end = seen.done + 20 * CLIENTS, time.monotonic() + 60
    while seen.done < enough:
        if time.monotonic() > end:
            raise RuntimeError("the clients do not get going")
        time.sleep(0.01)


_STATEMENTS = (
    "update dbkit.orders set customer_phone = '555-0100' where id = %(order)s",
    "update dbkit.orders set customer_name = 'Ada' where id = %(order)s",
    "insert into dbkit.orders (store_id, currency, tax_rate, subtotal, tax, total, api_version)"
    " values (1, 'USD', 0, 9, 0, 9, 'v3')",
    "select dbkit.get_order_health_summary()",
    "select dbkit.record_metric('order_event', '{\"event\": \"seen\"}')",
)
CLIENTS = len(_STATEMENTS)


def _client(store: str, statement: str, stuck: list[int], stop: Event, seen: Seen) -> None:
    orders = itertools.cycle(stuck)
    with psycopg.connect(in_role(store, "service_role"), autocommit=True) as conn:
        conn.execute(f"set lock_timeout = '{MOST_MS}ms'".encode())
        while not stop.is_set():
            try:
                conn.execute(statement.encode(), {"order": next(orders)})
            except psycopg.errors.LockNotAvailable:
                seen.refused += 1
            seen.done += 1
            time.sleep(0.002)  # a client thinks: five that do not would measure the scheduler


def _watcher(store: str, stop: Event, seen: Seen) -> None:
    with psycopg.connect(store, autocommit=True) as conn:
        while not stop.is_set():
            ((waiting,),) = conn.execute(_WAITING.encode()).fetchall()
            seen.longest_ms = max(seen.longest_ms, float(waiting))
            time.sleep(0.001)
