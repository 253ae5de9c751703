"""call, explain, switch, rpc: the commands around versioned calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import document, done, failed, run
from tests.helpers import connect, one, row


@pytest.fixture
def echo(database: str) -> str:
    """A database with a handler of the user's own, not registered."""
    with connect(database) as conn:
        conn.execute("create schema shop")
        conn.execute(
            "create function shop.echo(p jsonb) returns jsonb language sql stable "
            "as 'select p || jsonb_build_object(''caller'', dbkit.caller_role())'"
        )
        conn.execute("grant usage on schema shop to anon")
        conn.execute("grant execute on function shop.echo to anon")
    return database


# --- call ------------------------------------------------------------------------------------


def test_call_answers_data_and_meta(shared_database: str) -> None:
    answer = document("call", "get_features", "--app-version", "1.4.2", url=shared_database)
    assert answer["meta"]["version"] == "v2"
    assert answer["meta"]["requested_version"] is None
    assert set(map(type, answer["data"]["features"].values())) == {bool}


def test_call_shows_the_version_and_the_data(shared_database: str) -> None:
    shown = done("call", "get_features", "--api-version", "v3", url=shared_database)
    first, _, rest = shown.partition("\n")
    assert first == "get_features v3 (v3 was asked for)"
    assert "reason" in json.loads(rest)["features"][0]


def test_call_warns_about_a_fallback(shared_database: str) -> None:
    shown = done("call", "check_compatibility", "--app-version", "1.0.3", url=shared_database)
    assert shown.startswith(
        "check_compatibility v1 (fallback)\nwarning: v2 was asked for, v1 is served\n"
    )


@pytest.mark.parametrize("way", ["text", "file", "stdin"])
def test_call_takes_its_payload_from(way: str, shared_database: str, tmp_path: Path) -> None:
    text = '{"app_version": "1.2.0"}'
    (tmp_path / "payload.json").write_text(text)
    given = {"text": text, "file": f"@{tmp_path / 'payload.json'}", "stdin": "-"}[way]
    arguments = ["call", "check_compatibility", "--payload", given]
    answer = document(*arguments, url=shared_database, stdin=text)
    assert answer["data"]["app_version"] == "1.2.0"


@pytest.mark.parametrize("payload", ["{bad", "@/no/such/file", '{"a": NaN}'])
def test_call_refuses_a_payload_that_is_no_json(payload: str, shared_database: str) -> None:
    error = failed("call", "get_features", "--payload", payload, url=shared_database)
    assert error["exit_code"] == 2
    assert error["sqlstate"] is None


def test_call_keeps_every_digit(echo: str) -> None:
    done("rpc", "register", "echo", "v1", "shop.echo(jsonb)", url=echo)
    payload = '{"n": 12345678901234567890.10, "whole": 9007199254740993}'
    shown = done("call", "echo", "-p", payload, "--json", url=echo)
    assert "12345678901234567890.10" in shown
    assert "9007199254740993" in shown


def test_call_as_another_role(echo: str) -> None:
    done("rpc", "register", "echo", "v1", "shop.echo(jsonb)", url=echo)
    assert document("call", "echo", "--role", "anon", url=echo)["data"] == {"caller": "anon"}
    error = failed("call", "echo", "--role", "no such role", url=echo)
    assert (error["sqlstate"], error["exit_code"]) == ("22023", 1)


def test_call_passes_the_context_on(echo: str) -> None:
    with connect(echo) as conn:
        conn.execute(
            "create function shop.context(p jsonb) returns jsonb language sql stable "
            "as 'select dbkit.request_context()'"
        )
    done("rpc", "register", "context", "v1", "shop.context(jsonb)", url=echo)
    said = ["--app-name", "web", "--app-version", "1.4.2", "--client-id", "c1", "--user-id", "u1"]
    assert document("call", "context", *said, url=echo)["data"] == {
        "app_name": "web",
        "app_version": "1.4.2",
        "client_id": "c1",
        "user_id": "u1",
    }


def test_call_commits_what_a_write_did(echo: str) -> None:
    with connect(echo) as conn:
        conn.execute("create table shop.notes (note text)")
        conn.execute(
            "create function shop.note(p jsonb) returns jsonb language sql "
            "as 'insert into shop.notes values (p ->> ''note'') returning to_jsonb(note)'"
        )
    done("rpc", "register", "note", "v1", "shop.note(jsonb)", "--access", "write", url=echo)
    done("call", "note", "-p", '{"note": "kept"}', "--api-version", "v1", url=echo)
    with connect(echo) as conn:
        assert one(conn, "select note from shop.notes") == "kept"


def test_call_reports_an_error_of_dbkit(shared_database: str) -> None:
    error = failed("call", "no_such_call", url=shared_database)
    assert (error["exit_code"], error["sqlstate"]) == (1, "KD101")
    assert error["detail"]["rpc"] == "no_such_call"
    shown = run("call", "no_such_call", url=shared_database)
    assert shown.exit_code == 1
    assert shown.stdout == ""
    first, second = shown.stderr.splitlines()
    assert first == 'error [KD101]: there is no call "no_such_call"'
    assert second.startswith("hint: ")


# --- explain ---------------------------------------------------------------------------------


def test_explain_says_version_and_reason(shared_database: str) -> None:
    found = document("explain", "get_features", "--app-version", "1.2.0", url=shared_database)
    assert found["served_version"] == "v2"
    assert found["asked_because"] == "active"
    shown = done("explain", "get_features", "-p", '{"wrong": 1}', url=shared_database)
    assert "get_features: v2 would be served" in shown
    assert "payload    /wrong is not a known field" in shown
    assert "can serve" in shown


def test_explain_says_that_nothing_would_serve(shared_database: str) -> None:
    arguments = ["explain", "get_region_health", "--api-version", "v3", "--app-version", "1.0.3"]
    shown = done(*arguments, url=shared_database)
    assert "get_region_health: nothing would be served" in shown
    assert "needs app 1.4.0" in shown


# --- switch ----------------------------------------------------------------------------------


def test_switch_moves_the_version_and_logs_it(database: str) -> None:
    switched = document("switch", "v3", "--fallback", "v2", url=database)
    assert switched["previous_version"] == "v2"
    assert switched["current_version"] == "v3"
    shown = done("switch", "v2", "--expect-revision", str(switched["revision"]), url=database)
    assert shown.startswith("v3 -> v2, fallback v1, revision 3, logged as dep_")
    with connect(database) as conn:
        logged = row(conn, "select * from deployment_log order by id desc limit 1")
    assert (logged["kind"], logged["version"]) == ("api_switch", "v2")


def test_switch_refuses_a_stale_revision(database: str) -> None:
    error = failed("switch", "v3", "--expect-revision", "7", url=database)
    assert (error["exit_code"], error["sqlstate"]) == (1, "KD113")
    with connect(database) as conn:
        assert one(conn, "select current_version from active_api_version") == "v2"


# --- rpc -------------------------------------------------------------------------------------


def test_rpc_list(shared_database: str) -> None:
    every = document("rpc", "list", url=shared_database)
    of_v2 = document("rpc", "list", "--version", "v2", url=shared_database)
    assert {"name", "version", "handler_signature", "access"} <= set(every[0])
    assert {line["version"] for line in every} == {"v1", "v2", "v3"}
    assert len({line["name"] for line in of_v2}) == len(of_v2) < len(every)
    shown = done("rpc", "list", url=shared_database)
    assert all(line["handler_signature"] in shown for line in every)
    assert failed("rpc", "list", "--version", "v9", url=shared_database)["sqlstate"] == "KD102"


def test_rpc_register_with_everything(echo: str, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(
        '{"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}}'
    )
    options = {
        "--access": "write",
        "--required-role": "service_role",
        "--request-schema": f"@{schema}",
        "--response-schema": '{"type": "object"}',
        "--compatible-with": "v3",
        "--description": "Says it again",
    }
    given = [part for pair in options.items() for part in pair]
    arguments = ["rpc", "register", "echo", "v1", "shop.echo(jsonb)", *given]
    found = document(*arguments, "--compatible-with", "v2", url=echo)
    with connect(echo) as conn:
        written = row(conn, "select * from api_rpcs where rpc_id = %s", found["rpc_id"])
    assert written["handler_signature"] == "shop.echo(jsonb)"
    assert written["access"] == "write"
    assert written["required_role"] == "service_role"
    assert written["request_schema"]["required"] == ["n"]
    assert written["response_schema"] == {"type": "object"}
    assert written["compatible_with"] == ["v3", "v2"]
    assert written["description"] == "Says it again"


def test_rpc_register_says_what_it_registered(echo: str) -> None:
    shown = done("rpc", "register", "echo", "v2", "shop.echo(jsonb)", url=echo)
    assert shown.startswith("registered echo v2 as number ")
    with connect(echo) as conn:
        written = row(conn, "select * from api_rpcs where name = 'echo'")
    assert (written["access"], written["response_schema"]) == ("read", None)
    assert written["request_schema"] == {"type": "object"}


def test_rpc_register_refuses_a_handler_that_is_not_there(shared_database: str) -> None:
    error = failed("rpc", "register", "echo", "v1", "shop.nothing(jsonb)", url=shared_database)
    assert (error["exit_code"], error["sqlstate"]) == (1, "KD108")
