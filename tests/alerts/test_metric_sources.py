"""The metrics that come with the package: what they say of a known state, and of the past."""

from __future__ import annotations

from typing import Any

import pytest

from tests.alerts.outbox import claim, queued, settle
from tests.alerts.parts import minute, rule, say, tick
from tests.helpers import Connection, one, raises, row


def measure(conn: Connection, function: str, params: str = "{}", at: str = "now()") -> Any:
    found = row(conn, f"select * from dbkit.{function}({at}, 60, %s::jsonb)", params)
    return found["value"]


def test_storage_usage_is_of_what_the_operator_said(db: Connection) -> None:
    assert measure(db, "_alert_storage_usage") is None
    for wrong in ('{"capacity_gb": 0}', '{"capacity_gb": "much"}', '{"capacity_gb": -1}'):
        assert measure(db, "_alert_storage_usage", wrong) is None
    size = one(db, "select pg_database_size(current_database())")
    assert measure(db, "_alert_storage_usage", '{"capacity_gb": 1}') == pytest.approx(
        size / 1e7, rel=0.2
    )


def test_db_connections(db: Connection) -> None:
    value = measure(db, "_alert_db_connections")
    assert 0 < value < 100


def test_partition_runway(db: Connection) -> None:
    before = measure(db, "_alert_partition_runway")
    assert before >= 7
    db.execute("select dbkit.ensure_day_partitions('dbkit.runtime_metrics', 30)")
    assert measure(db, "_alert_partition_runway") == before, "the table with fewest counts"
    later = measure(db, "_alert_partition_runway", at="now() + interval '5 days'")
    assert later == before - 5


def test_worker_silence(db: Connection) -> None:
    assert measure(db, "_alert_worker_silence") is None
    db.execute("select dbkit.beat_worker(gen_random_uuid(), 'h', 1, 'v')")
    db.execute("update dbkit.workers set beat_at = now() - interval '3 minutes'")
    assert measure(db, "_alert_worker_silence") == pytest.approx(180)


def test_task_failures(db: Connection) -> None:
    assert measure(db, "_alert_task_failures") == 0
    db.execute("update dbkit.worker_tasks set failures_in_a_row = 2 where task ~ '^prune_alert'")
    assert measure(db, "_alert_task_failures") == 1


def test_evaluator_gap_and_broken_rules(alerting: Connection) -> None:
    rule(alerting, metric_params={"fails": 1})
    assert measure(alerting, "_alert_evaluator_gap") is None
    one(alerting, "select dbkit.evaluate_alert_rules(now() - interval '20 minutes')")
    assert measure(alerting, "_alert_evaluator_gap") == pytest.approx(20)
    assert measure(alerting, "_alert_broken_rules") == 1


def test_lost_notices(alerting: Connection) -> None:
    queued(alerting, "a")
    for _ in range(8):
        alerting.execute("update dbkit.alert_notifications set next_attempt_at = '2020-01-01'")
        (claimed,) = claim(alerting)
        settle(alerting, claimed, "refused: no")
    at = f"'{minute(30).isoformat()}'"
    assert measure(alerting, "_alert_lost_notices", at=at) == 1
    assert measure(alerting, "_alert_lost_notices", at=f"'{minute(90).isoformat()}'") == 0


def test_webhook_backlog(db: Connection) -> None:
    assert measure(db, "_alert_webhook_backlog") == 0


def test_ingest_drops(db: Connection) -> None:
    assert measure(db, "_alert_ingest_drops") == 0
    db.execute("insert into dbkit.metric_drops (hour, reason, dropped) values"
               " (date_trunc('hour', now()), 'quota', 7), ('2020-01-01', 'quota', 9)")  # fmt: skip
    assert measure(db, "_alert_ingest_drops") == 7


@pytest.mark.parametrize(
    "function",
    ["storage_usage", "db_connections", "partition_runway", "worker_silence", "task_failures"],
)
def test_of_the_past_the_server_knows_nothing(function: str, db: Connection) -> None:
    params = '{"capacity_gb": 1}'
    assert measure(db, f"_alert_{function}", params, "now() - interval '1 hour'") is None


def test_a_payment_that_failed_fires(db: Connection) -> None:
    db.execute("""select dbkit.record_metric('order_event', '{"event": "payment_failure"}')""")
    done = one(db, "select dbkit.evaluate_alert_rules(now() + interval '1 second')")
    assert done["fired"] == 1
    assert one(db, "select rule_name from dbkit.get_alerts()") == "Payment Failures"


def test_slow_requests_and_errors_fire(db: Connection) -> None:
    db.execute("""select dbkit.record_metric('api_latency', jsonb_build_object('endpoint', 'a',
        'latency_ms', 100 + 100 * n, 'status', case when n % 10 = 0 then 503 else 200 end))
        from generate_series(1, 40) as n""")
    one(db, "select dbkit.evaluate_alert_rules(now() + interval '1 second')")
    found = {
        each["name"]: (each["state"], each["last_value"], each["last_samples"])
        for each in db.execute("select * from dbkit.get_alert_rules()").fetchall()
    }
    assert found["High Error Rate"] == ("firing", 10, 40)
    state, value, samples = found["High API Latency"]
    assert (state, samples) == ("firing", 40)
    assert value == pytest.approx(3900, rel=0.03)


def test_clients_may_not_call_them(db: Connection) -> None:
    from tests.helpers import become

    become(db, "authenticated")
    with raises(db, "42501"):
        measure(db, "_alert_db_connections")


def test_no_state_of_a_rule_is_left_over(alerting: Connection) -> None:
    """firing exactly while an alert is open."""
    rule(alerting)
    for at in range(6):
        say(alerting, at, 9 if at % 2 else 1)
        tick(alerting, at)
        assert one(alerting, """select count(*) from dbkit.alert_rule_states s where
            (s.state = 'firing') <> exists (select from dbkit.alert_history h
              where h.alert_rule_id = s.rule_id and h.status <> 'resolved')""") == 0  # fmt: skip


def test_metrics_are_measured_up_to_where_the_roll_up_stands(db: Connection) -> None:
    """When that is seconds ago; what is older, or not come yet, is read to the end."""
    db.execute("set local dbkit.clock = '2026-03-01T12:00:00Z'")
    for seconds, expected in ((10, 10), (29, 29), (31, 0), (-1, 0)):
        db.execute(
            "update dbkit.metric_rollup_state set rolled_until ="
            " dbkit.clock() - make_interval(secs => %s)",
            [seconds],
        )
        assert (
            one(
                db,
                "select extract(epoch from t.now - dbkit._rolled_metric_time(t.now))::int"
                " from dbkit.clock() as t (now)",
            )
            == expected
        )
