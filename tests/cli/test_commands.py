"""`dbkit commands` and `dbkit queries`: what each prints, as JSON too, and its errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import document, done, failed, run
from tests.cqrs.parts import SHOP
from tests.helpers import connect, one

ADA = ("--user-id", "ada", "--role", "authenticated")
CART = ("--payload", '{"cart": "c"}')


@pytest.fixture
def url(database: str) -> str:
    with connect(database) as conn:
        conn.execute(SHOP.encode())
    return database


def execute(url: str, *options: str) -> Any:
    return document("commands", "execute", "add", *CART, *options, url=url)


def ask(url: str, query: str, *options: str) -> Any:
    return document("queries", "execute", query, *options, url=url)


# --- commands --------------------------------------------------------------------------------


def test_list_shows_what_handles_each(url: str) -> None:
    found = {each["command"]: each for each in document("commands", "list", url=url)}
    assert found["add"]["handler_signature"] == "shop.add(jsonb,bigint)"
    assert found["outside"]["handler_signature"] is None
    assert found["echo"]["required_role"] is None
    shown = done("commands", "list", url=url)
    assert re.search(r"shop\.echo\(jsonb\) +any", shown)
    assert "a program" in shown


def test_register_takes_every_setting_and_can_be_executed_at_once(url: str) -> None:
    given = ["--schema", '{"type": "object", "required": ["say"]}', "--required-role", "anon"]
    given += ["--rejection", "23514", "--rejection", "KD416", "--description", "says it"]
    made = document("commands", "register", "say", "shop.echo(jsonb)", *given, url=url)
    assert made == {"command": "say", "handler": "shop.echo(jsonb)"}
    (found,) = [e for e in document("commands", "list", url=url) if e["command"] == "say"]
    assert found["payload_schema"] == {"type": "object", "required": ["say"]}
    assert (found["required_role"], found["rejections"]) == (None, ["23514", "KD416"])
    assert found["description"] == "says it"
    asked = ["--payload", '{"say": 1.10}', "--role", "anon"]
    assert document("commands", "execute", "say", *asked, url=url)["response"] == 1.10
    assert done("commands", "register", "say", url=url) == "registered the command say\n"


def test_register_that_is_refused(url: str) -> None:
    assert failed("commands", "register", "a", "shop.none(jsonb)", url=url)["sqlstate"] == "KD604"
    assert failed("commands", "register", "A b", url=url)["sqlstate"] == "KD604"
    typed = failed("commands", "register", "a", "--schema", "{", url=url)
    assert (typed["exit_code"], typed["sqlstate"]) == (2, None)


def test_unregister(url: str) -> None:
    gone = document("commands", "unregister", "echo", url=url)
    assert gone == {"command": "echo", "was_there": True}
    assert done("commands", "unregister", "echo", url=url) == "there was no command echo\n"
    assert done("commands", "unregister", "add", url=url) == "unregistered add\n"
    assert failed("commands", "execute", "echo", url=url)["sqlstate"] == "KD601"


def test_execute_shows_the_response_and_the_position(url: str) -> None:
    told = execute(url, *ADA, "--key", "k", "--expected-version", "0")
    assert (told["status"], told["response"], told["replayed"]) == ("done", {"version": 1}, False)
    assert told["rejection"] is None
    again = execute(url, *ADA, "--key", "k", "--expected-version", "0")
    assert again == told | {"replayed": True}
    shown = done("commands", "execute", "add", *CART, *ADA, url=url)
    assert shown.startswith("done  ")
    assert f"position {told['position'] + 1}\n" in shown
    assert json.loads(shown.partition("{")[1] + shown.partition("{")[2]) == {"version": 2}
    shown = done("commands", "execute", "add", *CART, *ADA, "--key", "k2", url=url)
    shown = done("commands", "execute", "add", *CART, *ADA, "--key", "k2", url=url)
    assert shown.startswith("done (replayed)  ")


@pytest.mark.parametrize("way", ["text", "file", "stdin"])
def test_execute_takes_its_payload(url: str, way: str, tmp_path: Path) -> None:
    payload = '{"say": 12345678901234567890.10}'
    (tmp_path / "payload").write_text(payload)
    given = {"text": payload, "file": f"@{tmp_path / 'payload'}", "stdin": "-"}[way]
    shown = done("commands", "execute", "echo", "-p", given, url=url, stdin=payload)
    assert "12345678901234567890.10" in shown, "fractions keep their digits"


def test_a_rejected_command_ends_with_1_and_says_why(url: str) -> None:
    refuse = ("--payload", '{"cart": "c", "refuse": "KD605"}')
    told = run("commands", "execute", "add", *refuse, "--json", url=url)
    assert told.exit_code == 1
    answer = json.loads(told.stdout)
    assert (answer["status"], answer["rejection"]["sqlstate"]) == ("rejected", "KD605")
    shown = run("commands", "execute", "add", *refuse, url=url)
    assert shown.exit_code == 1
    assert "KD605: sold out\nhint: Take another.\n" in shown.stdout
    (entry, _) = document("commands", "log", url=url)
    assert entry["rejection"]["detail"] == {"left": 0}, "it is recorded all the same"


@pytest.mark.parametrize(
    ("options", "sqlstate", "exit_code"),
    [
        (["--payload", '{"cart": 1}'], "KD602", 1),
        (["--payload", "{"], None, 2),
        (["--payload", "@missing.json"], None, 2),
        ([*CART, "--expected-version", "x"], None, 2),
        ([*CART, "--role", "anon"], "KD003", 1),
        ([*CART, "--role", "authenticated", "--key", "k"], "KD602", 1),
        (['--payload={"cart": "c", "fail": 1}'], "22012", 1),
    ],
)
def test_execute_that_fails(
    url: str, options: list[str], sqlstate: str | None, exit_code: int
) -> None:
    error = failed("commands", "execute", "add", *options, url=url)
    assert (error["sqlstate"], error["exit_code"]) == (sqlstate, exit_code)
    with connect(url) as conn:
        assert one(conn, "select count(*) from dbkit.command_log") == 0


def test_log_is_the_newest_first_by_organization_in_pages(url: str) -> None:
    ids = [execute(url, *ADA, "--key", f"k{n}")["command_id"] for n in range(3)]
    document("commands", "execute", "echo", url=url)
    execute(url, "--organization", "acme")

    def log(*options: str) -> list[str]:
        return [each["command_id"] for each in document("commands", "log", *options, url=url)]

    assert log("--command", "add") == ids[::-1]
    assert log("--command", "add", "--limit", "2") == ids[:0:-1]
    assert log("--before", ids[1]) == ids[:1]
    assert log("--status", "rejected") == []
    assert len(log("--organization", "acme")) == 1
    shown = done("commands", "log", "--command", "add", url=url)
    assert ids[0] in shown
    assert "ada" in shown
    assert "k2" in shown


@pytest.mark.parametrize("wrong", [["--before", "7"], ["--limit", "0"], ["--limit", "x"]])
def test_log_that_is_typed_wrongly(wrong: list[str]) -> None:
    assert failed("commands", "log", *wrong)["exit_code"] == 2


def test_stats_count_what_was_done_and_rejected(url: str) -> None:
    execute(url)
    run("commands", "execute", "add", "-p", '{"cart": "c", "refuse": "KD605"}', url=url)
    (found,) = document("commands", "stats", url=url)
    assert (found["command"], found["done"], found["rejected"]) == ("add", 1, 1)
    assert (found["events"], found["rejections"]) == (1, {"KD605": 1})
    assert '{"KD605":1}' in done("commands", "stats", "--hours", "1", url=url)
    assert document("commands", "stats", "--organization", "acme", url=url) == []
    assert failed("commands", "stats", "--hours", "0", url=url)["exit_code"] == 2


@pytest.mark.parametrize(
    "command", [["commands", "log"], ["commands", "stats"], ["queries", "stats"]]
)
def test_figures_are_the_services(url: str, command: list[str]) -> None:
    assert failed(*command, "--role", "authenticated", url=url)["sqlstate"] == "42501"
    done(*command, "--role", "service_role", url=url)


# --- queries ---------------------------------------------------------------------------------


def test_list_shows_what_queries_depend_on(url: str) -> None:
    found = {each["query"]: each for each in document("queries", "list", url=url)}
    assert (found["count"]["event_types"], found["count"]["vary"]) == (["Added"], "user")
    assert (found["cart"]["stream_type"], found["cart"]["stream_param"]) == ("cart", "cart")
    shown = done("queries", "list", url=url)
    assert "stream cart/cart" in shown
    assert "300 s" in shown


def test_register_a_query_with_every_setting(url: str) -> None:
    with connect(url) as conn:
        conn.execute(
            b"""create function shop.fold(p_state jsonb, p_event dbkit.event_store) returns jsonb
            language sql immutable as $$ select '{}'::jsonb $$;
            grant execute on all functions in schema shop
            to authenticated, service_role, super_admin;
            select dbkit.register_projection('totals', 'shop.fold', '{Added}')"""
        )
    given = ["--depends-on", "Added", "--depends-on", "Taken", "--stream", "cart:cart"]
    given += ["--projection", "totals", "--ttl", "9", "--vary", "role", "--max-entries", "7"]
    given += ["--schema", '{"type": "object"}', "--required-role", "service_role"]
    given += ["--description", "counts"]
    made = document("queries", "register", "all", "shop.shared(jsonb)", *given, url=url)
    assert made == {"query": "all", "handler": "shop.shared(jsonb)"}
    (found,) = [each for each in document("queries", "list", url=url) if each["query"] == "all"]
    expected = {
        "event_types": ["Added", "Taken"],
        "stream_type": "cart",
        "stream_param": "cart",
        "projections": ["totals"],
        "ttl_seconds": 9,
        "vary": "role",
        "max_entries": 7,
        "required_role": "service_role",
        "description": "counts",
        "params_schema": {"type": "object"},
    }
    assert {name: found[name] for name in expected} == expected
    assert "projection totals" in done("queries", "list", url=url)


@pytest.mark.parametrize(
    ("options", "sqlstate", "exit_code"),
    [
        ([], "KD609", 1),
        (["--depends-on", "A", "--vary", "all"], "KD609", 1),
        (["--depends-on", "A", "--vary", "role"], "KD609", 1),
        (["--stream", "cart"], None, 2),
        (["--stream", ":cart"], None, 2),
        (["--ttl", "-1"], None, 2),
        (["--max-entries", "0"], None, 2),
        (["--depends-on", "A", "--schema", "{"], None, 2),
    ],
)
def test_register_a_query_that_is_refused(
    url: str, options: list[str], sqlstate: str | None, exit_code: int
) -> None:
    error = failed("queries", "register", "new", "shop.count(jsonb)", *options, url=url)
    assert (error["sqlstate"], error["exit_code"]) == (sqlstate, exit_code)


def test_ask_shows_the_answer_and_how_old_it_is(url: str) -> None:
    first = ask(url, "count", *ADA)
    assert (first["cached"], first["data"]["count"], first["data"]["user"]) == (False, 0, "ada")
    assert ask(url, "count", *ADA) == first | {"cached": True}
    told = execute(url, *ADA)
    params = ["--params", '{"cart": "c"}', "--min-position", str(told["position"])]
    assert ask(url, "cart", *params, *ADA)["data"]["count"] == 1
    shown = done("queries", "execute", "cart", *params, *ADA, url=url)
    assert shown.startswith("cached            2")
    assert f"\nposition          {told['position']}\n" in shown
    assert '"count": 1' in shown
    theirs = ask(url, "count", *ADA, "--organization", "acme")
    assert theirs["data"]["count"] == 0


@pytest.mark.parametrize(
    ("query", "options", "sqlstate", "exit_code"),
    [
        ("nothing", [], "KD606", 1),
        ("count", ["--params", "[]"], "KD607", 1),
        ("count", ["--min-position", "1000000"], "KD608", 1),
        ("count", ["--role", "anon"], "KD003", 1),
        ("count", ["--params", "{"], None, 2),
        ("count", ["--min-position", "-1"], None, 2),
    ],
)
def test_ask_that_fails(
    url: str, query: str, options: list[str], sqlstate: str | None, exit_code: int
) -> None:
    error = failed("queries", "execute", query, *options, url=url)
    assert (error["sqlstate"], error["exit_code"]) == (sqlstate, exit_code)


def test_stats_and_flush(url: str) -> None:
    for _ in range(2):
        ask(url, "count", *ADA)
    found = {each["query"]: each for each in document("queries", "stats", url=url)}
    assert (found["count"]["entries"], found["count"]["computations"]) == (1, 1)
    assert (found["cart"]["entries"], found["cart"]["average_ms"]) == (0, None)
    assert "about 0" in done("queries", "stats", url=url)
    assert document("queries", "flush", "cart", url=url) == {"query": "cart", "answers": 0}
    assert ask(url, "count", *ADA)["cached"]
    assert done("queries", "flush", url=url) == "dropped 1 answers\n"
    assert not ask(url, "count", *ADA)["cached"]
    assert failed("queries", "flush", "nothing", url=url)["sqlstate"] == "KD606"
    assert failed("queries", "flush", "--role", "authenticated", url=url)["sqlstate"] == "42501"


def test_unregister_a_query(url: str) -> None:
    gone = document("queries", "unregister", "count", url=url)
    assert gone == {"query": "count", "was_there": True}
    assert done("queries", "unregister", "count", url=url) == "there was no query count\n"
    assert done("queries", "unregister", "cart", url=url) == "unregistered cart\n"
    assert failed("queries", "execute", "count", url=url)["sqlstate"] == "KD606"
