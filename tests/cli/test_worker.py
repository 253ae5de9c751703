"""`dbkit worker`: run it, see it, stop it; as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.running import document, done, failed, run
from tests.helpers import Connection, connect, one, row


@pytest.fixture
def db(database: str) -> Iterator[Connection]:
    with connect(database, autocommit=True) as conn:
        yield conn


@contextmanager
def running(url: str, log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "dbkit", "worker", "--url", url, *arguments]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(reached: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def alive(url: str) -> list[str]:
    found = json.loads(run("worker", "status", "--json", url=url).stdout)["workers"]
    return [each["worker_id"] for each in found if each["is_alive"]]


def test_once_does_what_there_is_and_ends(database: str, db: Connection) -> None:
    one(db, "select dbkit.append_event('thing', '1', 'Happened', '{}')")
    assert done("worker", "--once", url=database) == ""
    assert one(db, "select bool_and(runs > 0) from dbkit.worker_tasks") is True
    newest = one(db, "select max(position) from dbkit.events")
    assert one(db, "select dbkit.get_reader_checkpoint('dbkit.webhooks')") == newest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(database: str, db: Connection, tmp_path: Path, number: int) -> None:
    log = tmp_path / "log"
    with running(database, log) as process:
        until(lambda: alive(database), "it shows itself")
        process.send_signal(number)
        assert process.wait(30) == 0
    said = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert (said[0]["message"], said[-1]["message"]) == ("worker started", "worker stopped")
    assert {each["level"] for each in said} == {"info"}
    assert alive(database) == []


def test_stop_names_one_or_all(database: str, tmp_path: Path) -> None:
    with running(database, tmp_path / "a") as first, running(database, tmp_path / "b") as second:
        until(lambda: len(alive(database)) == 2, "both show themselves")
        one_of_them = alive(database)[0]
        assert document("worker", "stop", one_of_them, url=database) == {"asked": 1}
        until(lambda: len(alive(database)) == 1, "one ends")
        assert done("worker", "stop", "--all", url=database) == "asked 1 to stop\n"
        assert [first.wait(30), second.wait(30)] == [0, 0]
    error = failed("worker", "stop", one_of_them, url=database)
    assert "there is no worker" in error["message"]
    for wrong in (["worker", "stop"], ["worker", "stop", "x"], ["worker", "stop", "x", "--all"]):
        assert failed(*wrong, url=database)["exit_code"] == 2


def test_status_tells_the_silent_from_the_living(database: str, db: Connection) -> None:
    assert run("worker", "status", url=database).exit_code == 1
    one(db, "select dbkit.beat_worker(gen_random_uuid(), 'here', 7, '1', '{\"in_flight\": 3}')")
    shown = done("worker", "status", url=database)
    assert "here" in shown
    assert "alive" in shown
    db.execute("update dbkit.workers set beat_at = beat_at - interval '1 min'")
    silent = run("worker", "status", url=database)
    assert (silent.exit_code, "silent" in silent.stdout) == (1, True)


def test_tasks_fail_visibly(database: str, db: Connection) -> None:
    names = {each["task"] for each in document("worker", "tasks", url=database)["tasks"]}
    assert {"expire_idempotency_keys", "prune_deliveries"} <= names
    db.execute("update dbkit.worker_tasks set last_error = 'P0001: no' where task like 'expire%'")
    shown = run("worker", "tasks", url=database)
    assert (shown.exit_code, "P0001: no" in shown.stdout) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--only", "everything"],
        ["--without", "x"],
        ["--only", "webhooks", "--without", "webhooks"],
        ["--concurrency", "0"],
        ["--lease", "1"],
    ],
)
def test_mistyped(database: str, arguments: list[str]) -> None:
    assert run("worker", "--once", *arguments, url=database).exit_code == 2


def test_an_allow_list_that_is_none(database: str) -> None:
    command = [sys.executable, "-m", "dbkit", "worker", "--once", "--url", database]
    environment = os.environ | {"DBKIT_WEBHOOK_ALLOW": "http://x/"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "DBKIT_WEBHOOK_ALLOW: neither a network" in ended.stderr


def test_metrics_on_a_port_of_its_own(database: str, tmp_path: Path) -> None:
    import socket
    import urllib.request

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running(database, tmp_path / "log", "--metrics-port", str(port)):
        until(lambda: alive(database), "it shows itself")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            assert b"dbkit_deliveries_in_flight 0.0" in page.read()


def test_beats_say_what_it_does(database: str, db: Connection, tmp_path: Path) -> None:
    with running(database, tmp_path / "log", "--only", "fan-out", "--concurrency", "7"):
        until(lambda: alive(database), "it shows itself")
        state = row(db, "select state from dbkit.get_workers()")["state"]
    assert (state["tasks"], state["concurrency"]) == (["fan-out"], 7)
