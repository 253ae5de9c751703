"""The figures of metrics: what recording costs, and what reading a week costs and is off by.

dbkit is installed by a login that is no superuser, and called by service_role.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import psycopg

from benchmarks.events_stores import Plan, create_store, execute, in_role
from benchmarks.figures import Figure, skipped
from benchmarks.pgbench import interleave, take_turns

ROWS = ("metrics",)

BATCH = 500
ENDPOINTS = 21
SAMPLES = 2_000_000
RULES = 200
RULE_ROWS = 10_000_000
DATA = '{"endpoint": "orders.select", "latency_ms": 12.5, "status": 200}'
_COLUMNS = "created_at, organization_id, user_id, session_id, event_type, event_data"
BARE = """
create table bench.metrics (like dbkit.runtime_metrics including all)
partition by range (created_at);
create table bench.metrics_today partition of bench.metrics
for values from ('2000-01-01Z') to ('2100-01-01Z');
grant insert on bench.metrics to service_role;
"""
_SINGLE = f"""
insert into bench.metrics ({_COLUMNS})
values (clock_timestamp(), 'default', null, 's1', 'api_latency', '{DATA}')
"""
_LOAD = """
insert into dbkit.runtime_metrics (created_at, event_type, event_data)
select clock_timestamp() - random() * interval '167 hours', 'api_latency',
  jsonb_build_object('endpoint', '/' || n % {endpoints},
    'latency_ms', round(exp(random() * 3 + random() * 4)::numeric, 2),
    'status', case when random() < 0.01 then 500 else 200 end)
from generate_series(1, {rows}) as n;
"""
_PARTITIONS = """
select set_config('dbkit.clock', (clock_timestamp() - interval '8 days')::text, false);
select dbkit._make_day_partitions('dbkit.runtime_metrics', 8);
"""
_EXACT = """
select event_data ->> 'endpoint' as endpoint,
  percentile_cont(array[0.5, 0.75, 0.95, 0.99])
    within group (order by (event_data ->> 'latency_ms')::float8)
from dbkit.runtime_metrics
where event_type = 'api_latency' and created_at > clock_timestamp() - interval '168 hours'
group by 1
"""
_STATS = """
select endpoint, array[p50_ms, p75_ms, p95_ms, p99_ms] from dbkit.get_api_latency_stats(168)
"""
_RULE = """
select count(m) from (
  select case when n % 2 = 0
    then dbkit.metric_error_rate(clock_timestamp(), 5 + n % 11)::text
    else dbkit.metric_api_latency_p95(clock_timestamp(), 5 + n % 11)::text end as m
  from generate_series(1, {rules}) as n offset 0
) as r
"""


def run(plan: Plan) -> list[Figure]:
    """What cannot be measured here is skipped, with the reason."""
    figures: list[Figure] = []
    for measure in (recording, ingesting, percentiles, rules):
        try:
            figures += measure(plan)
        except (psycopg.Error, RuntimeError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            figures.append(skipped("metrics", measure.__name__, reason))
    return figures


# --- recording -------------------------------------------------------------------------------


def _recording_store(plan: Plan, name: str) -> str:
    url = create_store(plan.url, name)
    execute(url, BARE)
    return in_role(url, "service_role")


def recording(plan: Plan) -> list[Figure]:
    url = _recording_store(plan, "metrics_recording")
    statements = {
        "bare": _SINGLE,
        "dbkit": f"select dbkit.record_metric('api_latency', '{DATA}', 's1')",
    }
    figures = []
    for clients in (1, 8):
        plan.say(f"metrics: one event a transaction, {clients} clients")
        found = interleave(
            url, statements, clients=clients, rounds=plan.rounds, seconds=plan.seconds
        )
        ours, theirs = found["dbkit"].latency_us, found["bare"].latency_us
        title = "record_metric / bare INSERT"
        figures.append(Figure("metrics", title, clients, "µs", ours, theirs, 1.3, rule="at most"))
    return figures


def ingesting(plan: Plan) -> list[Figure]:
    """From a client's driver, one commit a batch; the bare INSERT has a row for each event."""
    url = _recording_store(plan, "metrics_ingesting")
    plan.say(f"metrics: batches of {BATCH}")
    data = [{"endpoint": f"/{n % 20}", "latency_ms": n + 0.5, "status": 200} for n in range(BATCH)]
    events = json.dumps(
        [{"event_type": "api_latency", "event_data": d, "session_id": "s1"} for d in data]
    )
    values = ", ".join(["(clock_timestamp(), 'default', null, %s, 'api_latency', %s)"] * BATCH)
    bare = f"insert into bench.metrics ({_COLUMNS}) values {values}"
    parameters = [part for d in data for part in ("s1", json.dumps(d))]
    with psycopg.connect(url, autocommit=True) as conn:
        ways: dict[str, Callable[[], object]] = {
            "bare": lambda: conn.execute(bare.encode(), parameters),
            "dbkit": lambda: conn.execute("select dbkit.ingest_metrics(%s::jsonb)", [events]),
        }

        def measure(name: str, _: int) -> float:
            sent, begin = 0, time.perf_counter()
            while time.perf_counter() - begin < plan.seconds:
                ways[name]()
                sent += BATCH
            return sent / (time.perf_counter() - begin)

        rates = take_turns(list(ways), measure, rounds=plan.rounds)
    title = f"ingest_metrics of {BATCH} / bare multi-row INSERT"
    return [Figure("metrics", title, 1, "rows/s", rates["dbkit"], rates["bare"], 0.7)]


# --- reading ---------------------------------------------------------------------------------


def _loaded_store(plan: Plan, name: str, rows: int) -> str:
    url = create_store(plan.url, name)
    plan.say(f"metrics: loading {rows:,} events of a week")
    execute(url, _PARTITIONS)
    execute(url, _LOAD.format(endpoints=ENDPOINTS, rows=rows))
    execute(url, "vacuum analyze dbkit.runtime_metrics")
    execute(url, "select dbkit.rollup_metrics(100000)")
    execute(url, "vacuum analyze dbkit.metric_rollups")
    return in_role(url, "service_role")


def _median_ms(conn: psycopg.Connection[tuple[object, ...]], statement: str, times: int) -> float:
    taken = []
    for _ in range(times + 1):
        begin = time.perf_counter()
        conn.execute(statement.encode()).fetchall()
        taken.append((time.perf_counter() - begin) * 1000)
    return statistics.median(taken[1:])


def percentiles(plan: Plan) -> list[Figure]:
    url = _loaded_store(plan, "metrics_week", int(SAMPLES * plan.stored_millions))
    with psycopg.connect(url, autocommit=True) as conn:
        ours = _median_ms(conn, _STATS, plan.rounds * 3)
        theirs = _median_ms(conn, _EXACT, 3)
        exact: dict[str, list[float]] = dict(conn.execute(_EXACT.encode()).fetchall())
        told: dict[str, list[float]] = dict(conn.execute(_STATS.encode()).fetchall())
    worst = max(
        abs(mine - true) / true
        for endpoint, values in exact.items()
        for mine, true in zip(told[endpoint], values, strict=True)
    )
    week = f"percentiles of a week, {ENDPOINTS} endpoints, {SAMPLES * plan.stored_millions:,.0f}"
    return [
        Figure("metrics", f"{week}: roll-ups", 1, "ms", ours, None, 150, rule="at most"),
        Figure("metrics", f"{week}: percentile_cont", 1, "ms", theirs),
        Figure("metrics", "largest error of these", 1, "%", worst * 100, None, 2.5, rule="at most"),
    ]


def rules(plan: Plan) -> list[Figure]:
    """The metrics' part of evaluating rules: error rates and percentiles of short windows."""
    rows = int(RULE_ROWS * plan.stored_millions)
    url = _loaded_store(plan, "metrics_rules", rows)
    with psycopg.connect(url, autocommit=True) as conn:
        ours = _median_ms(conn, _RULE.format(rules=RULES), plan.rounds)
    title = f"values for {RULES} rules over {rows:,} events"
    return [Figure("metrics", title, 1, "ms", ours, None, 200, rule="below")]
