"""dbkit.evaluate_alert_rules: pending, firing, resolved; and that nobody misses or doubles one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.alerts.parts import (
    alerts,
    call,
    channel,
    minute,
    needs_service,
    notices,
    rule,
    say,
    state,
    tick,
)
from tests.helpers import Connection, become, freeze_clock, one, raises, row, rows


def test_fires_once_and_resolves(alerting: Connection) -> None:
    rule(alerting)
    say(alerting, 0, 4)
    say(alerting, 1, 6)
    say(alerting, 3, 5)
    assert tick(alerting, 0) == {
        "evaluated": 1, "fired": 0, "resolved": 0, "pending": 0, "failed": 0,
    }  # fmt: skip
    assert tick(alerting, 1)["fired"] == 1
    assert tick(alerting, 2)["fired"] == 0
    (alert,) = alerts(alerting)
    assert (alert["status"], alert["metric_value"], alert["severity"]) == (
        "triggered",
        6,
        "warning",
    )
    assert alert["message"] == "X: probe is 6 % (gt 5 % over 5 min)"
    assert tick(alerting, 3)["resolved"] == 1
    (alert,) = alerts(alerting)
    assert (alert["status"], alert["last_value"]) == ("resolved", 5)
    assert (alert["triggered_at"], alert["resolved_at"]) == (minute(1), minute(3))
    assert alert["resolved_by"] is None


def test_an_alert_is_a_metric_too(alerting: Connection) -> None:
    rule(alerting)
    say(alerting, 0, 9)
    call(alerting, "evaluate_alert_rules")
    found = row(alerting, "select event_data from dbkit.runtime_metrics where event_type = "
                "'alert_triggered'")  # fmt: skip
    assert found["event_data"]["rule_name"] == "X"


@pytest.mark.filterwarnings("ignore")
def test_a_metric_that_cannot_be_kept_does_not_keep_an_alert(alerting: Connection) -> None:
    rule(alerting)
    say(alerting, 0, 9)
    alerting.execute("delete from dbkit.metric_event_types where event_type = 'alert_triggered'")
    assert tick(alerting, 0)["fired"] == 1
    assert len(alerts(alerting, "open")) == 1


@pytest.mark.parametrize(
    ("condition", "below", "at", "above"),
    [
        ("gt", False, False, True),
        ("gte", False, True, True),
        ("lt", True, False, False),
        ("lte", True, True, False),
        ("eq", False, True, False),
    ],
)
def test_conditions(
    condition: str, below: bool, at: bool, above: bool, alerting: Connection
) -> None:
    rule(alerting, condition=condition, threshold=0.1)
    for n, (value, holds) in enumerate(((0.05, below), (0.1, at), (0.15, above))):
        say(alerting, n, value)
        tick(alerting, n)
        assert state(alerting) == ("firing" if holds else "ok")


def test_waits_for_for_minutes_without_a_gap(alerting: Connection) -> None:
    rule(alerting, for_minutes=3)
    for at, value in ((0, 9), (2, 1), (3, 9)):
        say(alerting, at, value)
    for at, expected in ((0, "pending"), (1, "pending"), (2, "ok"), (3, "pending"), (5, "pending")):
        assert tick(alerting, at)["fired"] == 0
        assert state(alerting) == expected
    assert tick(alerting, 6)["fired"] == 1


def test_keeps_firing_against_flapping(alerting: Connection) -> None:
    rule(alerting, keep_firing_minutes=3)
    for at, value in ((0, 9), (1, 1), (3, 9), (4, 1)):
        say(alerting, at, value)
    for at in range(7):
        assert tick(alerting, at)["resolved"] == 0
    assert tick(alerting, 7)["resolved"] == 1
    assert len(alerts(alerting)) == 1


def test_cooldown_gates_a_new_incident(alerting: Connection) -> None:
    rule(alerting, cooldown_minutes=10)
    for at, value in ((0, 9), (1, 1), (2, 9)):
        say(alerting, at, value)
    for at in range(10):
        tick(alerting, at)
    assert len(alerts(alerting)) == 1
    assert state(alerting) == "pending"
    assert tick(alerting, 10)["fired"] == 1


def test_repeat_tells_an_open_alert_again(alerting: Connection) -> None:
    channel(alerting)
    rule(alerting, repeat_minutes=5, channels=["ops"])
    say(alerting, 0, 9)
    for at in range(13):
        tick(alerting, at)
    assert [each[0] for each in notices(alerting)] == ["triggered", "repeated", "repeated"]


@pytest.mark.parametrize(
    ("no_data", "before", "after"),
    [
        ("ok", "ok", "ok"),
        ("alerting", "firing", "firing"),
        ("keep_last", "ok", "firing"),
        ("no_data", "no_data", "firing"),
    ],
)
@pytest.mark.parametrize("how", ["null", "nan", "infinity", "few"])
def test_no_data(no_data: str, before: str, after: str, how: str, alerting: Connection) -> None:
    """before: the first value is missing; after: the rule was firing when the data ended."""
    missing = {"null": None, "nan": math.nan, "infinity": math.inf, "few": 9.0}[how]
    rule(alerting, no_data=no_data, min_samples=10)
    say(alerting, 0, missing, samples=9 if how == "few" else 100)
    say(alerting, 1, 9)
    say(alerting, 2, missing, samples=9 if how == "few" else 100)
    tick(alerting, 0)
    assert state(alerting) == before
    tick(alerting, 1)
    assert state(alerting) == "firing"
    tick(alerting, 2)
    assert state(alerting) == after


def test_a_zero_denominator_is_no_data(alerting: Connection) -> None:
    """Not 0 %: with less traffic than none a rule of a floor would fire."""
    call(alerting, "create_alert_rule", name="E", metric_type="error_rate", condition="lte",
         threshold=0)  # fmt: skip
    assert call(alerting, "evaluate_alert_rules")["fired"] == 0
    found = row(alerting, "select last_value, last_samples, state from dbkit.get_alert_rules('E')")
    assert (found["last_value"], found["last_samples"], found["state"]) == (None, 0, "ok")


def test_a_bad_rule_is_isolated_and_keeps_its_state(alerting: Connection) -> None:
    rule(alerting, "A")
    rule(alerting, "B")
    rule(alerting, "C", metric_params={"name": "other"})
    say(alerting, 0, 9)
    tick(alerting, 0)
    call(alerting, "update_alert_rule", name="A", metric_params={"fails": "yes"})
    say(alerting, 1, 9, name="other")
    done = tick(alerting, 1)
    assert (done["evaluated"], done["fired"], done["failed"]) == (3, 1, 1)
    bad = row(alerting, "select * from dbkit.get_alert_rules('A')")
    assert (bad["state"], bad["last_error"]) == ("firing", "22012: division by zero")
    say(alerting, 2, 1)
    assert (tick(alerting, 2)["resolved"], state(alerting, "A")) == (1, "firing")
    call(alerting, "update_alert_rule", name="A", metric_params={"name": "x"})
    assert tick(alerting, 3)["resolved"] == 1


def test_a_metric_that_takes_too_long_is_isolated(alerting: Connection) -> None:
    rule(alerting, "B")
    say(alerting, 0, 9)
    alerting.execute("""create function public.slow(timestamptz, int, jsonb,
        out value double precision, out samples bigint) language sql stable
        as $$ select 1.0::double precision, 1::bigint from pg_sleep(60) $$""")
    alerting.execute("grant execute on function public.slow to service_role, super_admin")
    call(alerting, "register_alert_metric", metric_type="slow", function="public.slow")
    call(alerting, "create_alert_rule", name="A", metric_type="slow", condition="gt", threshold=0)
    alerting.execute("set local statement_timeout = '300ms'")
    done = tick(alerting, 0)
    assert (done["fired"], done["failed"]) == (1, 1)


def test_disabled_rules_are_not_evaluated(alerting: Connection) -> None:
    rule(alerting, enabled=False)
    say(alerting, 0, 9)
    assert tick(alerting, 0)["evaluated"] == 0


def test_a_tick_that_was_evaluated_is_left_alone(alerting: Connection) -> None:
    rule(alerting)
    say(alerting, 0, 1)
    tick(alerting, 0)
    say(alerting, 0, 9)
    assert tick(alerting, 0)["evaluated"] == 0
    assert tick(alerting, -1)["evaluated"] == 0


def test_rules_of_every_organization_are_evaluated(alerting: Connection) -> None:
    become(alerting, "service_role", organization_id="acme")
    rule(alerting, "theirs")
    become(alerting, "service_role")
    rule(alerting, "ours")
    alerting.execute("reset role")
    say(alerting, 0, 9)
    assert tick(alerting, 0)["fired"] == 2
    assert [each["rule_name"] for each in alerts(alerting)] == ["ours"]


def test_the_future_is_refused(alerting: Connection) -> None:
    """Else one call could put evaluation off for ever."""
    freeze_clock(alerting, "2026-03-01T12:00:00Z")
    for at in ("2026-03-01T12:02:00Z", "infinity", "-infinity"):
        with raises(alerting, "KD732"):
            alerting.execute("select dbkit.evaluate_alert_rules(%s)", [at])


def test_burn_rate_needs_the_long_and_the_short_window(alerting: Connection) -> None:
    alerting.execute("""create function public.burn(timestamptz, int, jsonb,
        out value double precision, out samples bigint) language sql stable
        as $$ select ($3 ->> $2::text)::double precision, 10::bigint $$""")
    alerting.execute("grant execute on function public.burn to service_role, super_admin")
    call(alerting, "register_alert_metric", metric_type="burn", function="public.burn")
    windows = [
        {"factor": 14.4, "long_minutes": 60, "short_minutes": 5},
        {"factor": 6, "long_minutes": 360, "short_minutes": 30},
    ]
    given: dict[str, Any] = {"burn_rate": {"objective": 99.9, "windows": windows}, "threshold": 1}
    rule(alerting, metric_type="burn", metric_params={}, **given)
    cases = [
        ({"60": 2, "5": 2, "360": 0, "30": 0}, 2 / 1.44),
        ({"60": 2, "5": 0.1, "360": 0, "30": 0}, 0.1 / 1.44),
        ({"60": 1, "5": 1, "360": 0.9, "30": 0.7}, 0.7 / 0.6),
        ({"60": 1, "5": 1, "360": 0.5, "30": 9}, 0.5 / 0.6),
        ({"60": 2, "5": None, "360": None, "30": 1}, None),
    ]
    for n, (params, burned) in enumerate(cases):
        call(alerting, "update_alert_rule", name="X", metric_params=params)
        tick(alerting, n)
        value = one(alerting, "select last_value from dbkit.get_alert_rules('X')")
        assert value is None if burned is None else value == pytest.approx(burned)
        assert (state(alerting) == "firing") == (burned is not None and burned > 1)


def test_an_alert_is_linked_to_the_last_deployment(alerting: Connection) -> None:
    rule(alerting)
    freeze_clock(alerting, minute(-5).isoformat())
    alerting.execute("select dbkit.log_deployment('v7', p_deployment_id => 'd7')")
    say(alerting, 0, 9)
    tick(alerting, 0)
    assert alerts(alerting)[0]["deployment_id"] == "d7"


def test_the_registered_function_has_the_rights_of_whoever_evaluates(
    alerting: Connection,
) -> None:
    alerting.execute("""create function public.whoami(timestamptz, int, jsonb,
        out value double precision, out samples bigint) language sql stable
        as $$ select (current_user = 'service_role')::int::double precision, 1::bigint $$""")
    alerting.execute("grant execute on function public.whoami to service_role, super_admin")
    call(alerting, "register_alert_metric", metric_type="whoami", function="public.whoami")
    call(alerting, "create_alert_rule", name="W", metric_type="whoami", condition="eq", threshold=1)
    become(alerting, "service_role")
    assert one(alerting, "select (dbkit.evaluate_alert_rules() ->> 'fired')::int") == 1


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select dbkit.evaluate_alert_rules()")


def test_the_defaults_are_the_documents(db: Connection) -> None:
    expected = {
        "High Error Rate": ("error_rate", "gt", 5, 15, "critical", ["email", "slack"]),
        "High API Latency": ("api_latency_p95", "gt", 2000, 15, "warning", ["email"]),
        "Stuck Orders": ("stuck_orders", "gt", 0, 45, "warning", ["email", "slack"]),
        "Payment Failures": (
            "payment_failure", "gt", 0, 5, "critical", ["email", "slack", "sms"],
        ),
        "Low Disk Space": ("storage_usage", "gt", 80, 1, "warning", ["email"]),
        "DB Connection Pool": ("db_connections", "gt", 90, 1, "critical", ["email", "slack"]),
    }  # fmt: skip
    found = {
        each["name"]: (
            each["metric_type"], each["condition"], each["threshold"], each["window_minutes"],
            each["severity"], each["channels"],
        )
        for each in rows(db, "select * from dbkit.get_alert_rules() where enabled")
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_every_default_rule_can_be_measured(db: Connection) -> None:
    done = call(db, "evaluate_alert_rules")
    assert done["failed"] == 0
    assert done["evaluated"] >= 14
    become(db, "service_role")
    db.execute("reset role")
    assert rows(db, "select * from dbkit.get_alert_rules() where last_error is not null") == []
