"""The gateway and what it is compared with: each a process of its own, with one worker."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

POOL = 10
"""Connections of each to the database: the gateway's own default."""

_ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 60.0

# As `dbkit serve` runs uvicorn, which takes uvloop where it is installed.
_UVICORN = (
    *("--host", "127.0.0.1", "--http", "httptools", "--loop", "uvloop", "--ws", "none"),
    *("--lifespan", "on", "--no-access-log", "--no-server-header", "--timeout-keep-alive", "75"),
    *("--log-level", "warning", "--backlog", "2048"),
)


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    url: str
    pid: int

    def cpu_seconds(self) -> float | None:
        """What its process has used so far; None where there is no /proc."""
        path = Path(f"/proc/{self.pid}/stat")
        if not path.exists():
            return None
        fields = path.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def gateway(url: str) -> Iterator[Running]:
    """`dbkit serve`, as a user starts it, with the settings that are shipped."""
    port = _free_port()
    settings = {"DATABASE_URL": url, "DBKIT_GATEWAY_POOL": str(POOL)}
    command = [sys.executable, "-m", "dbkit", "serve", "--port", str(port), "--drain", "0"]
    with _process(command, port, settings, "/health/ready") as running:
        yield running


@contextmanager
def reference(module: str, url: str) -> Iterator[Running]:
    """`app` of a module of the benchmarks."""
    port = _free_port()
    settings = {"REFERENCE_URL": url, "REFERENCE_POOL": str(POOL)}
    app = (f"benchmarks.{module}:app", "--app-dir", str(_ROOT), "--port", str(port))
    command = [sys.executable, "-m", "uvicorn", *_UVICORN, *app]
    with _process(command, port, settings, "/") as running:
        yield running


@contextmanager
def _process(
    command: Sequence[str], port: int, settings: dict[str, str], path: str
) -> Iterator[Running]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DBKIT_")}
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            command, env=kept | settings, stdout=subprocess.DEVNULL, stderr=said
        ) as process,
    ):
        try:
            _until_it_answers(f"http://127.0.0.1:{port}{path}", process)
            yield Running(f"http://127.0.0.1:{port}", process.pid)
        except BaseException:
            if process.poll() is not None:
                said.seek(0)
                last = (said.read().strip().splitlines() or ["without a word"])[-1]
                raise RuntimeError(f"{command[2]} ended: {last}") from None
            raise
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()


def _until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with httpx2.Client(trust_env=False, timeout=5) as client:
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(httpx2.TransportError):
                if client.get(url).status_code < 500:
                    return
            time.sleep(0.05)
    raise RuntimeError(f"nothing answers at {url}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
