"""What is typed wrongly or cannot be done says so in a line, without a traceback or a password."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbkit.settings import settings
from tests.cli.running import document, failed, process, run

UNREACHABLE = "postgresql://someone:geheim@127.0.0.1:1/nowhere"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """No DATABASE_URL and no server of ours, until the test says otherwise."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("DBKIT_HOME", str(tmp_path))
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


def test_no_database(environment: pytest.MonkeyPatch) -> None:
    shown = run("current")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "DATABASE_URL is not set" in shown.stderr
    assert "hint: Run `dbkit up`, or set DATABASE_URL, or pass --url." in shown.stderr
    assert "dbkit up" in failed("current")["hint"]


def test_database_url_is_the_default(environment: pytest.MonkeyPatch, shared_database: str) -> None:
    # Also as SQLAlchemy writes it.
    environment.setenv(
        "DATABASE_URL", shared_database.replace("postgresql:", "postgresql+psycopg:")
    )
    assert document("current")["up_to_date"]


def test_down_without_a_server(environment: pytest.MonkeyPatch) -> None:
    assert document("down") == {"stopped": False}
    assert run("down").stdout.startswith("no server runs in ")


@pytest.mark.parametrize("command", ["current", "doctor", "migrate", "up", "demo"])
def test_a_server_that_does_not_answer(command: str) -> None:
    error = failed(command, url=UNREACHABLE)
    assert error["exit_code"] == 1
    assert "geheim" not in str(error)
    shown = run(command, url=UNREACHABLE)
    assert "Traceback" not in shown.stderr
    assert shown.stderr.startswith("error: ")


@pytest.mark.parametrize("url", ["host=localhost", "postgresql://u:geheim@h:port/d", "mysql://x"])
def test_what_is_no_url_is_not_quoted(url: str) -> None:
    error = failed("current", url=url)
    assert error["exit_code"] == 1
    assert error["message"] == "the database is not given as a URL"
    assert "geheim" not in str(error)


def test_a_database_without_dbkit(empty_database: str) -> None:
    error = failed("call", "get_features", url=empty_database)
    assert (error["exit_code"], error["sqlstate"]) == (1, "3F000")
    assert "dbkit migrate" in error["hint"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["call"],
        ["switch", "v3", "--expect-revision", "many"],
        ["current", "--no-such-option"],
        ["demo", "--seconds", "0"],
    ],
    ids=" ".join,
)
def test_usage_errors_are_exit_code_2(arguments: list[str]) -> None:
    assert failed(*arguments)["exit_code"] == 2
    shown = run(*arguments)
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "Error: " in shown.stderr


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("dbkit.migrations.current", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        run("current", url=UNREACHABLE)


def test_no_colour_when_piped(shared_database: str, tmp_path: Path) -> None:
    shown = process("doctor", "--url", shared_database, home=tmp_path, TERM="xterm-256color")
    assert "server version" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_colour_on_a_terminal(shared_database: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    inherited = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    with subprocess.Popen(
        [sys.executable, "-m", "dbkit", "rpc", "list", "--url", shared_database],
        env=inherited | {"TERM": "xterm-256color", "DBKIT_HOME": str(tmp_path)},
        stdin=theirs,
        stdout=theirs,
    ):
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:
            # Linux says EIO once the other end is closed.
            pass
        finally:
            os.close(ours)
    assert b"get_features" in shown
    assert b"\x1b[1m" in shown


def test_a_reader_that_stops_early_is_no_error(shared_database: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "dbkit", "rpc", "list", "--json", "--url", shared_database],
        env=os.environ | {"DBKIT_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.close()
        assert listing.stderr.read() == ""
    assert listing.returncode == 1
