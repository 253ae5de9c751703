"""dbkit.create_alert_rule: what a rule may be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.alerts.parts import call, needs_service, rule
from tests.helpers import Connection, become, one, raises, row


def test_keeps_what_was_given(alerting: Connection) -> None:
    given = {
        "description": "d", "for_minutes": 1, "keep_firing_minutes": 2, "cooldown_minutes": 3,
        "repeat_minutes": 4, "min_samples": 5, "no_data": "keep_last", "severity": "critical",
        "channels": ["email", "ops-2"], "enabled": False, "window_minutes": 6,
        "condition": "lte", "metric_params": {"name": "y"},
    }  # fmt: skip
    number = rule(alerting, "Kept", **given)
    found = row(alerting, "select * from dbkit.get_alert_rules('Kept')")
    assert {name: found[name] for name in given} == given
    assert (found["id"], found["state"], found["threshold"]) == (number, "ok", 5)


@pytest.mark.parametrize("threshold", [None, "NaN", "Infinity", "-Infinity", "1e400"])
def test_a_threshold_is_a_finite_number(threshold: str | None, alerting: Connection) -> None:
    """NaN > x would hold for ever, and NULL never."""
    with raises(alerting, "KD721") as caught:
        rule(alerting, threshold=threshold)
    assert caught.detail["argument"] == "p_threshold"
    if threshold not in (None, "1e400"):
        with raises(alerting, "23514"):
            rule(alerting, "direct")
            alerting.execute("update dbkit.alert_rules set threshold = %s::numeric", [threshold])


BURN = {"objective": 99.9, "windows": [{"factor": 14.4, "long_minutes": 60, "short_minutes": 5}]}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("name", "a\nb"),
        ("name", None),
        ("description", None),
        ("condition", "ne"),
        ("condition", None),
        ("window_minutes", 0),
        ("window_minutes", 43201),
        ("cooldown_minutes", -1),
        ("for_minutes", 10081),
        ("keep_firing_minutes", -1),
        ("repeat_minutes", None),
        ("min_samples", -1),
        ("no_data", "fine"),
        ("severity", "fatal"),
        ("enabled", None),
        ("channels", {"a": 1}),
        ("channels", ["a b"]),
        ("channels", [1]),
        ("channels", ["a"] * 21),
        ("channels", None),
        ("metric_params", [1]),
        ("metric_params", {"a": "x" * 8000}),
        ("burn_rate", {}),
        ("burn_rate", BURN | {"objective": 100}),
        ("burn_rate", BURN | {"windows": []}),
        ("burn_rate", BURN | {"more": 1}),
        ("burn_rate", {"objective": 99, "windows": [{"factor": 0, "long_minutes": 5,
                                                     "short_minutes": 1}]}),
        ("burn_rate", {"objective": 99, "windows": [{"factor": 1, "long_minutes": 5,
                                                     "short_minutes": 6}]}),
        ("burn_rate", {"objective": 99, "windows": [{"factor": 1, "long_minutes": 1.5,
                                                     "short_minutes": 1}]}),
        ("burn_rate", {"objective": 99, "windows": ["x"]}),
    ],
)  # fmt: skip
def test_refuses(argument: str, value: Any, alerting: Connection) -> None:
    with raises(alerting, "KD721") as caught:
        rule(alerting, **{argument: value})
    assert caught.detail["argument"] == f"p_{argument}"


def test_takes_a_burn_rate(alerting: Connection) -> None:
    rule(alerting, burn_rate=BURN)
    assert one(alerting, "select burn_rate from dbkit.get_alert_rules('X')") == BURN


def test_refuses_an_unknown_metric(alerting: Connection) -> None:
    with raises(alerting, "KD723"):
        rule(alerting, metric_type="nothing")


def test_a_name_is_there_once_an_organization(alerting: Connection) -> None:
    rule(alerting)
    with raises(alerting, "KD722"):
        rule(alerting)
    become(alerting, "service_role", organization_id="acme")
    rule(alerting)


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select dbkit.create_alert_rule('R', 'probe', 'gt', 1)")
    become(alerting, "service_role")
    with raises(alerting, "42501"):
        alerting.execute("update dbkit.alert_rules set threshold = 1")
    assert call(alerting, "evaluate_alert_rules")["evaluated"] == 1
