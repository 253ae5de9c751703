"""up, psql, down: a server's life in a folder, and psql on any database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dbkit.cli import _psql_call, _psql_program
from dbkit.migrations import frozen_revisions
from tests.cli.running import document, done, process

HEAD = frozen_revisions()[-1]


def test_life_cycle(tmp_path: Path) -> None:
    first = process("up", "--json", home=tmp_path)
    try:
        assert first.returncode == 0, first.stderr
        up = json.loads(first.stdout)
        assert (up["started"], up["revision"], up["previous_revision"]) == (True, HEAD, None)
        again = process("up", home=tmp_path)
        assert "running already" in again.stdout
        assert f"revision  {HEAD} (nothing to do)" in again.stdout
        assert again.stdout.endswith(f"url       {up['url']}\n")
        # Without a URL a command finds the running server.
        answer = process("psql", "-Atc", "select current_database()", home=tmp_path)
        assert answer.stdout == "dbkit\n"
    finally:
        down = process("down", "--json", home=tmp_path)
    assert json.loads(down.stdout) == {"stopped": True}


def test_up_on_a_named_database_only_migrates(empty_database: str) -> None:
    found = document("up", url=empty_database)
    assert (found["kind"], found["started"], found["pid"]) == ("external", False, None)
    assert (found["previous_revision"], found["revision"]) == (None, HEAD)
    assert f"revision  {HEAD} (nothing to do)" in done("up", url=empty_database)


def test_psql_reads_stdin_and_returns_its_exit_code(shared_database: str, tmp_path: Path) -> None:
    arguments = ["psql", "--url", shared_database, "-At", "-v", "ON_ERROR_STOP=1"]
    shown = process(*arguments, home=tmp_path, stdin="select 41 + 1;\n")
    assert (shown.returncode, shown.stdout) == (0, "42\n")
    wrong = process(*arguments, home=tmp_path, stdin="selct;\n")
    assert wrong.returncode == 3
    assert "syntax error" in wrong.stderr


def test_psql_as_json(shared_database: str, tmp_path: Path) -> None:
    arguments = ["psql", "--url", shared_database, "--json", "-At", "-c"]
    shown = process(*arguments, "show search_path", home=tmp_path)
    assert json.loads(shown.stdout) == {
        "exit_code": 0,
        "stdout": '"$user", public, dbkit\n',
        "stderr": "",
    }
    wrong = process(*arguments, "selct", home=tmp_path)
    assert wrong.returncode == json.loads(wrong.stdout)["exit_code"] == 1


def test_psql_keeps_the_password_off_the_command_line() -> None:
    url = "postgresql://me:geheim@example.org:5433/shop?sslmode=require&keepalives=0"
    argv, environment = _psql_call("psql", url, ["-c", "select 1"])
    assert "geheim" not in " ".join(argv)
    assert argv[-2:] == ["-c", "select 1"]
    assert argv[1:3] == ["--dbname", "keepalives=0"]
    wanted = {
        "PGPASSWORD": "geheim",
        "PGHOST": "example.org",
        "PGPORT": "5433",
        "PGUSER": "me",
        "PGDATABASE": "shop",
        "PGSSLMODE": "require",
    }
    assert wanted.items() <= environment.items()


def test_psql_comes_along_where_the_machine_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program = Path(_psql_program())
    assert program.name == "psql"
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert "PostgreSQL" in shown.stdout


def test_python_dash_m_is_the_command() -> None:
    command = [sys.executable, "-m", "dbkit", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Start with `dbkit up`" in shown.stdout
