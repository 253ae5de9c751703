"""A release that its guard switched back, and a deployment rolled back, are told by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.parts import channel
from tests.api.conftest import handler, register
from tests.api.releases import at, begin, clients, evaluate, log, status
from tests.helpers import Connection, freeze_clock, one, row, rows

ALERTS = "select rule_name, status, severity, message from dbkit.get_alerts() order by id"
NOTICES = """
select n.transition, n.channel, n.status from dbkit.alert_notifications n order by n.id
"""
TICK = "select dbkit.evaluate_alert_rules(dbkit.clock())"
RULES = ("Release Switched Back", "Deployment Rolled Back")


@pytest.fixture
def watched(db: Connection) -> Connection:
    """These rules alone, and somebody to tell."""
    db.execute("delete from dbkit.alert_rules where name <> all (%s)", [list(RULES)])
    channel(db, "ops", "email")
    return db


def told(notice: dict[str, Any]) -> tuple[str, str, str]:
    return (notice["transition"], notice["channel"], notice["status"])


def ticks(conn: Connection, *seconds: float) -> Iterator[dict[str, Any]]:
    for second in seconds:
        at(conn, second)
        yield one(conn, TICK)


def a_bad_release(conn: Connection) -> None:
    """Every fifth call of v3 fails, as in the tests of evaluate_releases."""
    answer = "begin return '{}'; end"
    register(conn, "probe", "v2", handler(conn, "good", answer))
    register(conn, "probe", "v3", handler(conn, "bad", answer))
    buckets = clients(conn)
    begin(conn, 5)
    at(conn, 6)
    numbered = {name: number for number, name in enumerate(buckets)}
    log(conn, buckets, lambda name: buckets[name] < 5 and numbered[name] % 5 == 0)
    at(conn, 10)
    assert evaluate(conn)["action"] == "switched_back"


def test_a_release_that_is_switched_back_is_told_once_and_ends_by_itself(
    watched: Connection,
) -> None:
    at(watched, -60)
    assert one(watched, TICK)["fired"] == 0
    a_bad_release(watched)
    assert status(watched)["status"] == "switched_back"
    assert [t["fired"] for t in ticks(watched, 15, 30, 45, 3000)] == [1, 0, 0, 0]
    (alert,) = rows(watched, ALERTS)
    assert (alert["rule_name"], alert["status"]) == ("Release Switched Back", "triggered")
    assert (alert["severity"], "is 1 releases" in alert["message"]) == ("warning", True)
    found = row(watched, "select * from dbkit.alert_history")
    assert (found["rule_name"], found["resolved_at"]) == ("Release Switched Back", None)
    assert [told(n) for n in rows(watched, NOTICES)] == [
        ("triggered", "ops", "pending"),
        ("triggered", "slack", "suppressed"),
    ]
    assert [t["resolved"] for t in ticks(watched, 3611, 3626)] == [1, 0]
    assert rows(watched, ALERTS) == []
    assert one(watched, "select status from dbkit.alert_history") == "resolved"
    assert ("resolved", "ops", "pending") in [told(n) for n in rows(watched, NOTICES)]


def test_one_that_is_ended_by_hand_or_promoted_tells_nobody(watched: Connection) -> None:
    begin(watched, 5)
    one(watched, "select dbkit.abort_release()")
    begin(watched, 5)
    one(watched, "select dbkit.promote_release()")
    assert [t["fired"] for t in ticks(watched, 10, 60)] == [0, 0]


def deployed(conn: Connection, name: str, version: str, environment: str = "production") -> None:
    conn.execute(
        "select dbkit.log_deployment(p_deployment_id => %s, p_environment => %s, p_version => %s)",
        [name, environment, version],
    )
    conn.execute("select dbkit.update_deployment_status(%s, 'success', true)", [name])


def test_a_deployment_that_is_rolled_back_is_told(watched: Connection) -> None:
    freeze_clock(watched, "2026-06-01T11:00:00Z")
    deployed(watched, "one", "1.0")
    freeze_clock(watched, "2026-06-01T12:00:00Z")
    deployed(watched, "two", "1.1")
    assert one(watched, TICK)["fired"] == 0
    watched.execute("select dbkit.log_rollback('two', 'smoke tests failed')")
    assert [t["fired"] for t in ticks(watched, 15, 30)] == [1, 0]
    (alert,) = rows(watched, ALERTS)
    assert (alert["rule_name"], alert["severity"]) == ("Deployment Rolled Back", "critical")
    assert "is 1 deployments" in alert["message"]
    assert [t["resolved"] for t in ticks(watched, 3601)] == [1]


def test_one_that_is_only_reported_so_is_told_too(watched: Connection) -> None:
    """update_deployment_status keeps no time of it in the log."""
    now = datetime.now(UTC)
    freeze_clock(watched, str(now - timedelta(hours=6)))
    deployed(watched, "one", "1.0")
    freeze_clock(watched, str(now))
    watched.execute("select dbkit.update_deployment_status('one', 'rolled_back')")
    found = []
    for seconds in (15, 30, 3700):
        freeze_clock(watched, str(now + timedelta(seconds=seconds)))
        tick = one(watched, TICK)
        found.append((tick["fired"], tick["resolved"]))
    assert found == [(1, 0), (0, 0), (0, 1)]


def test_staging_is_told_of_where_a_rule_asks_for_it(watched: Connection) -> None:
    freeze_clock(watched, "2026-06-01T11:00:00Z")
    deployed(watched, "one", "1.0", "staging")
    freeze_clock(watched, "2026-06-01T12:00:00Z")
    deployed(watched, "two", "1.1", "staging")
    watched.execute("select dbkit.log_rollback('two', 'smoke tests failed')")
    assert [t["fired"] for t in ticks(watched, 15)] == [0]
    watched.execute(
        "select dbkit.update_alert_rule('Deployment Rolled Back',"
        """ p_metric_params => '{"environment": "staging"}')"""
    )
    assert [t["fired"] for t in ticks(watched, 30)] == [1]


def test_the_seed_leaves_what_its_owner_changed(db: Connection) -> None:
    """An install that has the rules keeps its own; one that lacks them gets them."""
    seed = Path(__file__).parents[2] / "sql/alerts/seed/release_rules.sql"
    text = seed.read_text("utf-8").partition("\n-- down\n")[0]
    db.execute("delete from dbkit.alert_rules where name = %s", [RULES[1]])
    db.execute("update dbkit.alert_rules set window_minutes = 7 where name = %s", [RULES[0]])
    db.execute(text.encode())
    db.execute(text.encode())
    found = rows(
        db,
        "select r.name, r.window_minutes, s.state from dbkit.alert_rules r"
        " left join dbkit.alert_rule_states s on s.rule_id = r.id"
        " where r.name = any (%s) order by r.name desc",
        list(RULES),
    )
    assert [(f["name"], f["window_minutes"]) for f in found] == [(RULES[0], 7), (RULES[1], 60)]
    assert all(f["state"] for f in found)
