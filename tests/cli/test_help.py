"""Every command and option explains itself, quickly."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from dbkit.cli import app
from tests.cli.running import run


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*path, name))


COMMANDS = dict(_commands(typer.main.get_command(app)))
LEAVES = {path: c for path, c in COMMANDS.items() if not hasattr(c, "commands")}


def test_the_commands_are_those_that_the_docs_name() -> None:
    names = ["up", "down", "psql", "migrate", "current", "call", "switch", "explain"]
    names += ["typegen", "doctor", "demo", "deploy", "deployments", "release"]
    events = ["tail", "show", "state", "append", "archive", "restore", "project", "rebuild"]
    events += ["verify", "lag", "stats"]
    webhooks = ["add", "list", "show", "update", "pause", "resume", "disable", "enable", "remove"]
    webhooks += ["rotate", "test", "deliveries", "replay", "stats"]
    dead = ["list", "show", "requeue", "discard"]
    commands = ["list", "register", "unregister", "execute", "log", "stats"]
    queries = ["list", "register", "unregister", "execute", "stats", "flush"]
    heal = ["run", "rules", "ledger", "runs", "undo", "off", "on", "resume", "limits"]
    alerts = ["list", "show", "ack", "resolve", "evaluate", "notices", "metrics", "silence"]
    alerts += ["unsilence", "silences", "backtest", "test-channel"]
    rules = ["list", "add", "set", "enable", "disable", "delete"]
    assert set(LEAVES) == {
        *((name,) for name in names),
        *(("rpc", name) for name in ("list", "register")),
        *(("events", name) for name in events),
        *(("metrics", name) for name in ("errors", "latency", "summary", "export")),
        *(("webhooks", name) for name in webhooks),
        *(("webhooks", "dead", name) for name in dead),
        *(("commands", name) for name in commands),
        *(("queries", name) for name in queries),
        *(("heal", name) for name in heal),
        *(("maintenance", name) for name in ("run", "steps", "runs", "schedule")),
        *(("alerts", name) for name in alerts),
        *(("alerts", "rules", name) for name in rules),
        *(("alerts", "channels", name) for name in ("list", "add", "delete")),
        *(("gateway", "keys", name) for name in ("create", "list", "rotate", "revoke")),
        *(("gateway", "limits", name) for name in ("set", "list", "remove")),
        ("serve",),
        *(("worker", name) for name in ("status", "stop", "tasks")),
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_has_help(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    for parameter in command.params:
        assert parameter.help, f"{' '.join(path)}: {parameter.name}"
    shown = run(*path, "--help")
    assert shown.exit_code == 0
    assert not re.search(r"(?<![]}])\.\.\.", shown.stdout)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_takes_json_and_url(path: tuple[str, ...]) -> None:
    options = {option for parameter in LEAVES[path].params for option in parameter.opts}
    assert "--json" in options
    # `down` stops a server, and a server is no database.
    assert ("--url" in options) == (path != ("down",))


def test_nothing_heavy_is_imported_for_help() -> None:
    heavy = "{'psycopg', 'sqlalchemy', 'alembic', 'rich', 'pydantic', 'msgspec'}"
    code = f"import sys, dbkit.cli; print({heavy} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "set()\n"


def test_help_is_quick() -> None:
    def seconds() -> float:
        """Processor time, which on a quiet machine is all of it: nothing is waited for."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "dbkit", "--help"]
        subprocess.run(command, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.4
