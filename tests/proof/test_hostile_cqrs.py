"""Every function of commands and queries takes whatever fits its signature: the outcome is an
answer, or an error of ours that says what was wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cqrs.parts import SHOP
from tests.helpers import Connection, connect, one
from tests.proof import test_hostile_events as events
from tests.proof.test_hostile_input import Outcomes

USUAL: dict[str, Any] = {
    "p_command": "echo",
    "p_payload": '{"say": 1}',
    "p_idempotency_key": "k",
    "p_expected_version": None,
    "p_rejection": None,
    "p_query": "open",
    "p_params": '{"cart": "c"}',
    "p_min_position": 1,
    "p_handler": "shop.shared(jsonb)",
    "p_payload_schema": '{"type": "object"}',
    "p_params_schema": '{"type": "object"}',
    "p_required_role": "authenticated",
    "p_rejections": ["23514"],
    "p_depends_on": ["Added"],
    "p_ttl_seconds": 60,
    "p_vary": "user",
    "p_stream_type": "cart",
    "p_stream_param": "cart",
    "p_projections": [],
    "p_max_entries": 10,
    "p_before": None,
}
"""Good values by the name of the argument."""
ROLES = ["anon", "authenticated", "service_role", "super_admin"]
OPEN = """
select dbkit.register_command('outside_too', p_required_role => null);
select dbkit.register_query('open', 'shop.shared', '{Added}', p_vary => 'organization',
  p_required_role => null);
"""
REJECTIONS = [
    *('"no"', "[]", "7", '{"sqlstate": {"a": 1}}', '{"message": null, "sqlstate": null}'),
    *('{"sqlstate": "x", "detail": [1], "hint": 7, "message": {"a": "b"}}', "{}", "null"),
]


@pytest.fixture
def shop(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    with connect(database) as conn:
        conn.execute(SHOP.encode())
        conn.execute(OPEN.encode())
        conn.execute("select dbkit.append_event('cart', 'c', 'Added', '{}')")
    for name, value in USUAL.items():
        monkeypatch.setitem(events.USUAL, name, value)
    return database


def begin(conn: Connection, name: str) -> None:
    """finish_command has a command to finish, and gets its id."""
    if name == "finish_command":
        begun = one(conn, "select dbkit.begin_command('outside_too')")
        events.OF_FUNCTION[name] = {"p_command_id": begun["command_id"]}


@pytest.mark.parametrize("role", ROLES)
def test_hostile_arguments_of_every_function(
    shop: str, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "OF_FUNCTION", {"begin_command": {"p_command": "outside_too"}})
    seen = Outcomes()
    with events.session(shop, "authenticated" if role == "anon" else role) as conn:
        conn.execute("select set_config('dbkit.user_id', 'mallory', false)")
        values = events.values_by_type(conn)
        values["jsonb"] += REJECTIONS
        conn.execute(f"set role {role}".encode())
        called = events.signatures(conn, "cqrs")
        for name, arguments in called:
            before = len(seen.answered)
            begin(conn, name)
            for given in events.argument_lists(name, arguments, values):
                conn.execute("begin")
                try:
                    begin(conn, name)
                    current = events.OF_FUNCTION.get(name, {}).get("p_command_id")
                    fresh = [
                        current if n == "p_command_id" and g else g
                        for (n, _), g in zip(arguments, given, strict=True)
                    ]
                    seen.run(conn, events.call(name, arguments), *fresh)
                finally:
                    conn.execute("rollback")
            assert len(seen.answered) > before, name
    events.assert_refused_by_us(seen)
    assert len(called) >= {"anon": 6, "authenticated": 6, "service_role": 12}.get(role, 16)
    with connect(shop) as conn:
        assert one(conn, "select count(*) from dbkit.command_log") == 0
        assert one(conn, "select count(*) from dbkit.event_store") == 1


TEXTS = [text for text in events.TEXTS if text is not None]


def test_names_keys_and_contexts_are_never_sql(shop: str) -> None:
    """Stored, compared and hashed; what was kept for one text is not given for another."""
    seen = Outcomes()
    answers: dict[str, str] = {}
    with events.session(shop, "authenticated") as conn:
        for text in TEXTS:
            conn.execute("select set_config('dbkit.user_id', %s, false)", [text])
            seen.run(conn, "select dbkit.execute_command('echo', '{}', %s)::text", text)
            asked = (
                "select dbkit.execute_query('count', jsonb_build_object('cart', %s::text))::text"
            )
            before = len(seen.answered)
            seen.run(conn, asked, text)
            if len(seen.answered) > before:
                assert seen.answered[-1] not in answers
                answers[seen.answered[-1]] = text
    events.assert_refused_by_us(seen)
    assert len(answers) > 20
