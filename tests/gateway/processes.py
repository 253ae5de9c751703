"""`dbkit serve` as a user runs it: a process, or several, of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.gateway.serving import within


@dataclass
class Served:
    """A `dbkit serve` that listens."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, **options: Any) -> httpx2.Response:
        """On a connection of its own."""
        return httpx2.get(self.url + path, timeout=30, **options)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.post(self.url + path, json=body or {}, headers=named, timeout=30)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit code."""
        return self.process.wait(30)

    def said(self) -> list[dict[str, Any]]:
        """Its log, without the first line, which is for people."""
        lines = self.log.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines[1:]]

    def workers(self) -> list[int]:
        """The processes that serve, where there are several."""
        parent = self.process.pid
        text = Path(f"/proc/{parent}/task/{parent}/children").read_text("utf-8")
        found = [int(pid) for pid in text.split()]
        return [pid for pid in found if b"spawn_main" in _command_line(pid)]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@contextmanager
def served(
    url: str | None, *arguments: str, ready: bool = True, **environment: str
) -> Iterator[Served]:
    """`url`: DATABASE_URL, if any. `environment`: settings. `ready`: wait until it is."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DBKIT_", "DATABASE_"))}
    named = {} if url is None else {"DATABASE_URL": url}
    command = [sys.executable, "-m", "dbkit", "serve", "--json", "--port", "0", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                env=inherited | named | environment,
                stdout=subprocess.PIPE,
                stderr=file,
            )
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first, log.read_text("utf-8")
            running = Served(json.loads(first)["url"], process, log)
            if ready:
                until_ready(running)
            yield running
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=60)
            finally:
                process.kill()


def until_ready(running: Served) -> None:
    for _ in within(30):
        if running.get("/health/ready").status_code == 200:
            return
