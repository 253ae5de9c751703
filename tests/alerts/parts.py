"""A metric that says what the test wrote for a time, rules that watch it, and ticks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.helpers import Connection, one, rows

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PROBE = """
create table public.probe_values (
  name text, at timestamptz, value double precision, samples bigint, primary key (name, at));
create function public.probe(p_now timestamptz, p_window_minutes int, p_params jsonb,
  out value double precision, out samples bigint)
language plpgsql stable as $$
begin
  if p_params ->> 'fails' is not null then
    raise exception using errcode = '22012', message = 'division by zero';
  end if;
  -- The newest value that was written for a time up to p_now, as a gauge has it.
  select v.value, v.samples into value, samples from public.probe_values v
  where v.name = p_params ->> 'name' and v.at <= p_now
    and (p_params ->> 'windowed' is null or v.at > p_now - make_interval(mins => p_window_minutes))
  order by v.at desc limit 1;
end $$;
grant select on public.probe_values to service_role, super_admin;
grant execute on function public.probe to service_role, super_admin;
select dbkit.register_alert_metric('probe', 'public.probe', '%', 'What the test says');
"""


def quiet(conn: Connection) -> None:
    """No default rules: a test sees its own alone. And the probe."""
    conn.execute("delete from dbkit.alert_rules")
    conn.execute(PROBE.encode())


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def say(
    conn: Connection, at: float, value: float | None, samples: int = 100, name: str = "x"
) -> None:
    """From that minute on, the probe has this value."""
    conn.execute(
        "insert into public.probe_values values (%s, %s, %s, %s)"
        " on conflict (name, at) do update set value = excluded.value, samples = excluded.samples",
        [name, minute(at), value, samples],
    )


def rule(conn: Connection, name: str = "X", **given: Any) -> int:
    """Fires above 5; one at once, without a cooldown, unless told otherwise."""
    settings: dict[str, Any] = {
        "metric_type": "probe",
        "condition": "gt",
        "threshold": 5,
        "window_minutes": 5,
        "cooldown_minutes": 0,
        "metric_params": {"name": "x"},
    }
    return int(call(conn, "create_alert_rule", name=name, **(settings | given)))


def call(conn: Connection, function_name: str, /, **arguments: Any) -> Any:
    """dbkit.function(p_name => …); dicts and lists go as JSON."""
    named = ", ".join(f"p_{name} => %s" for name in arguments)
    given = [
        json.dumps(v) if isinstance(v, dict | list) else str(v) if isinstance(v, float) else v
        for v in arguments.values()
    ]
    return one(conn, f"select dbkit.{function_name}({named})", *given)


def tick(conn: Connection, at: float) -> dict[str, int]:
    """An evaluation at that minute, of the clock too."""
    conn.execute("select set_config('dbkit.clock', %s, false)", [minute(at).isoformat()])
    return dict(call(conn, "evaluate_alert_rules", now=minute(at)))


def state(conn: Connection, name: str = "X") -> str:
    return str(one(conn, "select state from dbkit.get_alert_rules(%s)", name))


def alerts(conn: Connection, status: str | None = None) -> list[dict[str, Any]]:
    """The oldest first."""
    return rows(conn, "select * from dbkit.get_alerts(%s) order by id", status)


def notices(conn: Connection, **where: Any) -> list[tuple[str, str, str, str | None]]:
    """transition, channel, status and reason of each, the oldest first."""
    found = rows(conn, "select * from dbkit.get_alert_notifications(p_limit => 1000) order by id")
    return [
        (each["transition"], each["channel"], each["status"], each["reason"])
        for each in found
        if all(each[key] == value for key, value in where.items())
    ]


def channel(conn: Connection, name: str = "ops", kind: str = "email", **given: Any) -> None:
    url = given.pop("url", "mailto://user:secret-password@example.org")
    call(conn, "set_alert_channel", name=name, kind=kind, url=url, **given)


def needs_service(conn: Connection, statement: str) -> None:
    """Clients have no right at all; a login with the grant alone and no role has none either."""
    from tests.helpers import become, raises, unbecome

    for role in ("anon", "authenticated"):
        become(conn, role)
        with raises(conn, "42501"):
            conn.execute(statement.encode())
        unbecome(conn)
    become(conn, "service_role")
    conn.execute(statement.encode())
    unbecome(conn)
