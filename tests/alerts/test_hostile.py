"""Every function of alerts takes whatever fits its signature: an answer, or an error of ours."""

from __future__ import annotations

from typing import Any

import psycopg

from dbkit import sqltree
from tests.alerts.outbox import queued
from tests.helpers import Connection, rows
from tests.proof import hostile
from tests.proof.test_hostile_events import LONGS, TEXTS, TIMES, WHOLES

USUAL: dict[str, Any] = {
    "p_name": "X0",
    "p_rule": "X0",
    "p_rule_name": None,
    "p_metric_type": "probe",
    "p_condition": "gt",
    "p_threshold": 1,
    "p_kind": "email",
    "p_url": "mailto://a:b@example.org",
    "p_function": "public.probe",
    "p_rule_pattern": "*",
    "p_reason": "r",
    "p_severity": "info",
    "p_no_data": "ok",
    "p_channels": "[]",
    "p_burn_rate": None,
    "p_metric_params": "{}",
    "p_params": "{}",
    "p_changes": "{}",
    "p_worker": "w",
    "p_status": None,
    "p_organization_id": None,
    "p_from": "2026-03-01T11:59Z",
    "p_to": "2026-03-01T12:00Z",
    "p_step": "1 minute",
    "p_description": "",
    "p_unit": "",
    "p_note": "",
    "p_now": None,
    "p_error": None,
    "p_older_than": "2 days",
    "p_starts_at": None,
}
MORE = [
    '{"objective": 1e400, "windows": [{}]}',
    '{"objective": 99, "windows": [{"factor": 1e-300, "long_minutes": 1, "short_minutes": 1}]}',
    '{"objective": 99, "windows": [{"factor": 1, "long_minutes": "1", "short_minutes": null}]}',
    '{"objective": 99, "windows": null}',
    '{"threshold": 1e131071}',
    '{"window_minutes": 99999999999}',
    '{"burn_rate": null}',
    '{"metric_params": null}',
    '["\\u0000"]',
]


def values(kind: str, conn: Connection) -> list[Any]:
    found: dict[str, list[Any]] = {
        "text": TEXTS,
        "integer": WHOLES,
        "bigint": LONGS,
        "boolean": [None, True, False],
        "numeric": [None, "NaN", "Infinity", "-1e131000", "1e131000", "1e-16000", "0"],
        "interval": [None, "0", "-1 day", "1000000 years", "1 month"],
        "timestamp with time zone": TIMES,
    }
    return found[kind] if kind != "jsonb" else [None, *_jsonb(conn)]


def _jsonb(conn: Connection) -> list[str]:
    """Texts that Postgres takes for jsonb at all."""
    taken = []
    for text in [*hostile.RAW_VALUES, *MORE]:
        try:
            with conn.transaction():
                conn.execute("select %s::jsonb", [text])
            taken.append(text)
        except psycopg.Error:
            continue
    return taken


def test_whatever_fits_the_signature_is_answered_or_refused_by_us(alerting: Connection) -> None:
    queued(alerting, "ops")
    names = [
        item.name
        for item in sqltree.read_tree(sqltree.shipped_root() / "sql")
        if (item.module, item.kind) == ("alerts", "functions") and not item.name.startswith("_")
    ]
    functions = rows(
        alerting,
        "select proname, proargnames[1:pronargs] as names, array(select format_type(t, null)"
        " from unnest(proargtypes) as t) as types from pg_proc"
        " where pronamespace = 'dbkit'::regnamespace and proname = any (%s) order by proname",
        names,
    )
    assert len(functions) == len(names)
    strange: list[str] = []
    calls = 0
    for each in functions:
        arguments = list(zip(each["names"] or [], each["types"], strict=True))
        usual = [USUAL.get(name, kind == "boolean" or 1) for name, kind in arguments]
        given = ", ".join(f"%s::{kind}" for _, kind in arguments)
        statement = f"select count(r::text) from dbkit.{each['proname']}({given}) as r"
        for nth, (name, kind) in enumerate(arguments):
            for value in values(kind, alerting):
                calls += 1
                said = [*usual[:nth], value, *usual[nth + 1 :]]
                code = outcome(alerting, statement, said)
                if code and not code.startswith("KD"):
                    strange.append(f"{each['proname']} {name} {str(value)[:60]!r}: {code}")
    assert strange == []
    assert calls > 1000


def outcome(conn: Connection, statement: str, given: list[Any]) -> str | None:
    """SQLSTATE of the error, if there is one; what was done is undone."""
    try:
        with conn.transaction(force_rollback=True):
            conn.execute("set local client_min_messages = error")
            conn.execute(statement.encode(), given)
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return None
