"""dbkit.register_alert_metric: a function of one's own."""

from __future__ import annotations

import pytest

from tests.alerts.parts import call
from tests.helpers import Connection, become, raises, row, rows

GOOD = "(t timestamptz, w int, p jsonb, out value double precision, out samples bigint)"
BODY = "as $$ select 3.0::double precision, 1::bigint $$"


def function(conn: Connection, name: str, head: str = GOOD, kind: str = "stable") -> None:
    conn.execute(f"create function public.{name}{head} language sql {kind} {BODY}".encode())
    conn.execute(f"grant execute on function public.{name} to service_role, super_admin".encode())


def test_rules_can_watch_it(alerting: Connection) -> None:
    function(alerting, "queue_length")
    call(alerting, "register_alert_metric", metric_type="queue", function="public.queue_length",
         unit="jobs", description="d")  # fmt: skip
    call(alerting, "create_alert_rule", name="Q", metric_type="queue", condition="gt", threshold=2)
    assert call(alerting, "evaluate_alert_rules")["fired"] == 1
    found = row(alerting, "select * from dbkit.get_alert_metrics() where metric_type = 'queue'")
    assert found["function_signature"] == (
        "public.queue_length(timestamp with time zone,integer,jsonb)"
    )
    call(alerting, "register_alert_metric", metric_type="queue", function="public.queue_length",
         unit="x")  # fmt: skip
    assert len(rows(alerting, "select from dbkit.get_alert_metrics() where unit = 'x'")) == 1


def test_its_parameters_are_below_the_rules(alerting: Connection) -> None:
    call(alerting, "register_alert_metric", metric_type="probe2", function="public.probe",
         params={"name": "a"})  # fmt: skip
    alerting.execute("insert into public.probe_values values ('a', '2026-01-01', 9, 1)")
    alerting.execute("insert into public.probe_values values ('b', '2026-01-01', 1, 1)")
    for name, params in (("A", {}), ("B", {"name": "b"})):
        call(alerting, "create_alert_rule", name=name, metric_type="probe2", condition="gt",
             threshold=5, metric_params=params)  # fmt: skip
    assert call(alerting, "evaluate_alert_rules")["fired"] == 1


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (GOOD, "volatile"),
        ("(t timestamptz, w int, p jsonb, out value numeric, out samples bigint)", "stable"),
        ("(t timestamptz, w int, p jsonb, out x double precision, out y bigint)", "stable"),
        ("(t timestamptz, w int, out value double precision, out samples bigint)", "stable"),
    ],
)
def test_refuses_another_shape(head: str, kind: str, alerting: Connection) -> None:
    made = f"create function public.f{head} language plpgsql {kind} as $$ begin end $$"
    alerting.execute(made.encode())
    alerting.execute("grant execute on function public.f to service_role, super_admin")
    with raises(alerting, "KD724"):
        call(alerting, "register_alert_metric", metric_type="f", function="public.f")


def test_refuses_names_and_rights(alerting: Connection) -> None:
    alerting.execute(f"create function public.f{GOOD} language sql stable {BODY}".encode())
    for metric, name in (("f", "public.f"), ("F", "public.probe"), ("f", "no.such"), ("f", "a(b")):
        with raises(alerting, "KD724"):
            call(alerting, "register_alert_metric", metric_type=metric, function=name)
    for wrong in ({"unit": "x" * 21}, {"params": [1]}, {"description": None}):
        with raises(alerting, "KD724"):
            call(alerting, "register_alert_metric", metric_type="f", function="public.probe",
                 **wrong)  # fmt: skip


def test_needs_super_admin(alerting: Connection) -> None:
    for role in ("anon", "authenticated", "service_role"):
        become(alerting, role)
        with raises(alerting, "42501"):
            call(alerting, "register_alert_metric", metric_type="f", function="public.probe")
