"""`dbkit metrics`: errors, latencies, summary, export."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest

from tests.cli.running import document, done, failed
from tests.helpers import Connection, connect
from tests.metrics.parts import latency, record


@pytest.fixture
def url(database: str) -> Iterator[str]:
    with connect(database, autocommit=True) as conn:
        fill(conn)
    yield database


def fill(conn: Connection) -> None:
    record(conn, "error", {"error_type": "fetch", "message": "no [red]answer[/red]\x1b[2J 17"})
    record(conn, "error", {"error_type": "fetch", "message": "no [red]answer[/red]\x1b[2J 4"})
    latency(conn, 40, endpoint="orders")
    latency(conn, 40, endpoint="orders", status=503)


def test_errors_are_shown_as_they_are_and_do_nothing(url: str) -> None:
    shown = done("metrics", "errors", url=url)
    assert "[red]" in shown and "[/red]" in shown
    assert "\x1b" not in shown
    assert shown.count("fetch") == 2
    found = document("metrics", "errors", "--limit", "1", url=url)["errors"]
    assert [f["occurrences"] for f in found] == [2]


def test_latency_of_each_endpoint(url: str) -> None:
    assert "orders" in done("metrics", "latency", url=url)
    found = document("metrics", "latency", url=url)["endpoints"]
    assert [(f["endpoint"], f["request_count"], f["p99_ms"]) for f in found] == [("orders", 2, 40)]


def test_summary_in_numbers_and_over_time(url: str) -> None:
    shown = done("metrics", "summary", url=url)
    assert "50.00 %" in shown and "40.00 ms" in shown
    found = document("metrics", "summary", "--hours", "2", "--bucket", "30", url=url)
    assert (found["errors"], found["error_rate"]) == (2, 50)
    assert sum(each["request_count"] for each in found["error_rates"]) == 2


def test_export_is_what_prometheus_reads(url: str) -> None:
    shown = done("metrics", "export", url=url)
    assert re.search(r"^dbkit_database_bytes [\d.e+]+$", shown, re.MULTILINE)
    found = document("metrics", "export", url=url)["figures"]
    workers = [f for f in found if f["figure"] == "workers"]
    assert [(f["labels"], f["value"]) for f in workers] == [({}, 0.0)]


def test_export_serves_prometheus_until_it_is_ended(url: str) -> None:
    command = [sys.executable, "-m", "dbkit", "metrics", "export", "--port", "0", "--url", url]
    command[command.index("0")] = str(_free_port())
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = process.stderr.readline().strip()
        with urllib.request.urlopen(address, timeout=20) as answer:
            text = answer.read().decode()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert "dbkit_up 1.0" in text
    assert "dbkit_connections_max" in text


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_clients_may_not_look(url: str) -> None:
    for command in ("errors", "latency", "summary", "export"):
        assert failed("metrics", command, "--role", "anon", url=url)["sqlstate"] == "42501"
