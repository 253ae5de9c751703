"""Whatever fits a signature gets an answer or an error of ours; what was let in can be read."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from dbkit import sqltree
from tests.helpers import Connection, become, one, rows, unbecome
from tests.metrics.parts import add_days, roll_up
from tests.proof import hostile

SEED = 701
TEXTS: list[Any] = [
    None,
    "",
    " ",
    "*",
    "__other__",
    "'; drop table dbkit.runtime_metrics; --",
    "%s",
]
TEXTS += ["x" * 201, "é" * 70_000, "api_latency", "error", "\u202e\x1b[2J", "dbkit.now()", "{", "1"]
NUMBERS: list[Any] = [None, 0, -1, 1, 24, 2**31 - 1, -(2**31)]
TIMES: list[Any] = [None, "infinity", "-infinity", "4713-01-01 BC", "294276-12-31", "2026-11-21"]
DEEP = ["[" * 1500 + "]" * 1500, '{"a":' * 1500 + "1" + "}" * 1500]
DOCUMENTS: list[Any] = [None, "null", "0", '""', "[]", "{}", "[[]]", "[{}]", "[null]", *DEEP]
DOCUMENTS += ['{"event_type": ["error"], "match": 7}', '{"event_type": "error", "match": []}']
DOCUMENTS += ['{"event_type": "error", "match": {"error_type": null}}', '{"endpoint": {"a": 1}}']
DOCUMENTS += ['{"event_type": "api_latency", "match": {"endpoint": "*"}, "organization": [1]}']
KEYS = ["latency_ms", "status", "endpoint", "message", "error_type", "value"]
VALUES: dict[str, list[Any]] = {
    "text": TEXTS,
    "integer": NUMBERS,
    "timestamp with time zone": TIMES,
    "jsonb": DOCUMENTS,
    "boolean": [None, True, False],
}
PUBLIC = sorted(
    item.name
    for item in sqltree.read_tree(sqltree.shipped_root() / "sql")
    if item.module == "metrics" and item.kind == "functions" and item.name[0] != "_"
)


def argument_types(conn: Connection, name: str) -> list[str]:
    return [
        f["type"]
        for f in rows(
            conn,
            "select format_type(t, null) as type from pg_proc p,"
            " unnest(p.proargtypes::oid[]) with ordinality as a (t, n)"
            " where p.pronamespace = 'dbkit'::regnamespace and p.proname = %s order by a.n",
            name,
        )
    ]


def argument_lists(types: list[str], source: random.Random) -> Iterator[list[Any]]:
    for place, kind in enumerate(types):
        for value in VALUES[kind]:
            given = [source.choice(VALUES[t]) for t in types]
            given[place] = value
            yield given
    for _ in range(40):
        yield [source.choice(VALUES[t]) for t in types]


@pytest.mark.parametrize("name", PUBLIC)
def test_the_outcome_is_an_answer_or_an_error_of_ours(db: Connection, name: str) -> None:
    source = random.Random(f"{SEED} {name}")
    types = argument_types(db, name)
    call = f"select dbkit.{name}({', '.join(f'%s::{t}' for t in types)})"
    refused: list[str] = []
    for given in argument_lists(types, source):
        try:
            with db.transaction(force_rollback=True):
                db.execute(call.encode(), given)
        except psycopg.Error as error:
            if not (error.sqlstate or "").startswith("KD"):
                refused.append(f"{error.sqlstate} {error} for {str(given)[:200]}")
    assert refused == []


def hostile_events(source: random.Random, count: int) -> Iterator[str]:
    """As JSON text, since some of it is nothing that Python would write."""
    names = ["event_type", "event_data", "session_id", "created_at", *hostile.EXTRA_KEYS[:4]]
    kinds = ['"error"', '"api_latency"', '"page_view"', '"performance"']
    inner = [*hostile.RAW_VALUES, "12.5", "500", '"/x"', '"\\u202e"']
    for _ in range(count):
        data = ", ".join(
            f'"{source.choice(KEYS)}": {source.choice(inner)}' for _ in range(source.randrange(4))
        )
        event = {"event_type": source.choice(kinds), "event_data": "{" + data + "}"}
        if source.random() < 0.6:
            event[source.choice(names)] = source.choice(inner)
        yield "{" + ", ".join(f"{json.dumps(k)}: {v}" for k, v in event.items()) + "}"


def test_anonymous_payloads_are_taken_or_dropped_and_always_readable(db: Connection) -> None:
    source = random.Random(SEED)
    add_days(db, 1)
    db.execute(
        "update dbkit.metric_settings set anon_bytes_per_minute = 1e12,"
        " sender_bytes_per_minute = 1e12, max_age_minutes = 600"
    )
    become(db, "anon", client_id="hostile")
    outcomes = {"accepted": 0, "dropped": 0, "not json": 0}
    for event in hostile_events(source, 3000):
        try:
            with db.transaction():
                answer = one(db, "select dbkit.ingest_metrics(%s::jsonb)", f"[{event}]")
        except psycopg.Error as error:
            # Text that is no JSON fails in the cast, before anything of ours runs.
            assert error.sqlstate in ("22P02", "22P05", "54001", "22003"), f"{error} {event[:300]}"
            assert "::jsonb" in event or error.diag.context is None or "JSON" in str(error), event
            outcomes["not json"] += 1
        else:
            outcomes["accepted"] += answer["accepted"]
            outcomes["dropped"] += answer["dropped"]
            assert answer["accepted"] + answer["dropped"] == 1
    unbecome(db)
    assert outcomes["accepted"] > 300 and outcomes["dropped"] > 300, outcomes
    roll_up(db)
    for read in (
        "get_recent_errors(1000)",
        "get_api_latency_stats()",
        "get_metrics_summary()",
        "get_error_rate_timeseries()",
        "get_platform_figures()",
    ):
        rows(db, f"select * from dbkit.{read}")
