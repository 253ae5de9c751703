"""The alerts' figure: 200 rules, all different, over millions of metric rows, in one tick.

The rows are those of a day, up to now, and the roll-up runs before each tick, as the worker's does
every 10 s. Rules watch error rates, percentiles and counts of 20 endpoints over 5 minutes to 6
hours.
"""

from __future__ import annotations

import statistics
import time

import psycopg

from benchmarks.events_stores import Plan, create_store, execute, in_role, number
from benchmarks.figures import Figure, skipped

RULES = 200
MILLIONS = 10
"""Metric rows for each million of events that the plan stores."""

_PARTITIONS = """
set dbkit.clock = '{before}';
select dbkit.ensure_day_partitions('dbkit.runtime_metrics', 9);
"""
_LOADED = """
insert into dbkit.runtime_metrics (created_at, organization_id, event_type, event_data)
select clock_timestamp() - interval '24 hours' * (n::double precision / {rows}), 'default',
  'api_latency', jsonb_build_object('endpoint', 'endpoint_' || n % 20, 'latency_ms', 20 + n % 400,
    'status', case when n % 50 = 0 then 500 else 200 end)
from generate_series({first}, {last}) as n
where clock_timestamp() - interval '24 hours' * (n::double precision / {rows}) {side}
  clock_timestamp() - interval '2 minutes';
"""
_RULES = """
delete from dbkit.alert_rules;
select count(dbkit.create_alert_rule('rule ' || n,
  (array['error_rate', 'api_latency_p95', 'event_count'])[1 + n % 3], 'gt', 1000000,
  p_window_minutes => (array[5, 15, 60, 360])[1 + n / 3 % 4],
  p_metric_params => case n % 3
    when 2 then jsonb_build_object('event_type', 'api_latency', 'number', n,
      'match', jsonb_build_object('endpoint', 'endpoint_' || n % 20))
    else jsonb_build_object('endpoint', 'endpoint_' || n % 20, 'number', n) end))
from generate_series(1, {rules}) as n;
"""


def run(plan: Plan) -> list[Figure]:
    """What cannot be measured here is skipped, with the reason."""
    what = f"evaluation of {RULES} rules over {MILLIONS * plan.stored_millions:g} million rows"
    try:
        return [_evaluation(plan, what)]
    except (psycopg.Error, RuntimeError, OSError) as error:
        return [skipped("alerts", what, str(error).strip().splitlines()[0])]


def _evaluation(plan: Plan, what: str) -> Figure:
    plan.say(f"alerts: {what}; loading and rolling up takes minutes")
    store = create_store(plan.url, "alerts")
    rows = round(MILLIONS * plan.stored_millions * 1_000_000)
    _load(store, rows)
    execute(store, _RULES.format(rules=RULES))
    took: list[float] = []
    with psycopg.connect(in_role(store, "service_role"), autocommit=True) as conn:
        for _ in range(max(plan.rounds, 3) + 1):
            _rolled_up(store)
            started = time.perf_counter()
            ((done,),) = conn.execute("select dbkit.evaluate_alert_rules()").fetchall()
            took.append((time.perf_counter() - started) * 1000)
            if (done["evaluated"], done["failed"]) != (RULES, 0):
                raise RuntimeError(f"not all rules were evaluated: {done}")
    # The first call of a connection makes the plans.
    return Figure("alerts", what, 1, "ms", statistics.median(took[1:]), None, 200, "below")


def _load(store: str, rows: int) -> None:
    with psycopg.connect(store, autocommit=True) as conn:
        ((before,),) = conn.execute("select now() - interval '2 days'").fetchall()
    execute(store, _PARTITIONS.format(before=before))
    step = 1_000_000
    for first in range(1, rows + 1, step):
        given = {"rows": rows, "first": first, "last": min(first + step - 1, rows)}
        execute(store, _LOADED.format(**given, side="<"))
    while _rolled_up(store):
        pass
    execute(store, _LOADED.format(rows=rows, first=1, last=rows // 100, side=">="))
    execute(store, "vacuum analyze dbkit.runtime_metrics, dbkit.metric_rollups")
    if number(store, "select count(*) from dbkit.metric_rollups") == 0:
        raise RuntimeError("nothing was rolled up")


def _rolled_up(store: str) -> bool:
    """Whether there is more to roll up."""
    with psycopg.connect(in_role(store, "service_role"), autocommit=True) as conn:
        ((done,),) = conn.execute("select dbkit.rollup_metrics(240)").fetchall()
    return bool(done["more"])
