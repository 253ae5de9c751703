"""Processes of workers, and what is done to them: killed, or frozen for longer than their lease."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from tests.helpers import Connection, rows

WORKERS = 3
Naive = Literal["early", "late"]


@dataclass(frozen=True)
class Fault:
    """What is done to which worker (the next one, if that is frozen), how long after the fault
    before, and for how long."""

    kind: Literal["kill", "freeze"]
    worker: int
    pause: float
    frozen: float

    def __str__(self) -> str:
        what = f"freeze for {self.frozen:.2f} s" if self.kind == "freeze" else "kill"
        return f"{self.pause:.2f} s, worker {self.worker}: {what}"


def draw_faults(number: int, seed: int, lease: int) -> list[Fault]:
    """About half of them kills; a frozen worker sleeps past its lease."""
    draw = random.Random(seed)
    return [
        Fault(
            draw.choice(("kill", "freeze")),
            draw.randrange(WORKERS),
            draw.uniform(0.1, 0.6),
            draw.uniform(lease + 0.2, lease + 1.5),
        )
        for _ in range(number)
    ]


@dataclass(frozen=True)
class Options:
    lease: int = 4
    concurrency: int = 20
    naive: Naive | None = None


@dataclass
class Crew:
    """A log each; one that is killed gets a successor."""

    url: str
    folder: Path
    db: Connection
    options: Options = field(default_factory=Options)
    processes: dict[int, subprocess.Popen[bytes]] = field(
        default_factory=dict[int, "subprocess.Popen[bytes]"]
    )
    frozen: dict[int, float] = field(default_factory=dict[int, float])
    logs: list[Path] = field(default_factory=list[Path])
    log_of: dict[int, Path] = field(default_factory=dict[int, Path])
    struck: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """What workers had leased when it befell them: only that may come twice, once for each time."""

    def start(self, number: int) -> None:
        command = [sys.executable, "-m", "dbkit", "worker", "--url", self.url]
        command += ["--lease", str(self.options.lease), "--poll", "0.1", "--without", "maintenance"]
        command += ["--concurrency", str(self.options.concurrency), "--grace", "2"]
        if self.options.naive:
            command = [sys.executable, "-m", "tests.worker.naive_worker", self.url]
            command += [self.options.naive]
        log = self.folder / f"worker-{len(self.logs)}.log"
        self.logs.append(log)
        self.log_of[number] = log
        with log.open("wb") as file:
            self.processes[number] = self._spawn(command, file)

    def _spawn(self, command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        environment = os.environ | {"DBKIT_WEBHOOK_ALLOW": "127.0.0.0/8"}
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def strike(self, fault: Fault) -> None:
        """Once there is one that runs: a fault that hits nobody is none."""
        target = None
        while target is None:
            self.thaw()
            order = [(fault.worker + n) % WORKERS for n in range(WORKERS)]
            target = next((each for each in order if self.runs(each)), None)
            time.sleep(0.01)
        process = self.processes[target]
        if fault.kind == "kill":
            process.kill()
            process.wait()
        else:
            process.send_signal(signal.SIGSTOP)
            self.frozen[target] = time.monotonic() + fault.frozen
        self.struck += leased_by(self.db, process.pid)
        if fault.kind == "kill":
            self.start(target)

    def runs(self, number: int) -> bool:
        assert self.processes[number].poll() is None, "a worker ended by itself"
        return number not in self.frozen and self.log_of[number].stat().st_size > 0

    def thaw(self, number: int | None = None) -> None:
        """Those whose time has come, or one."""
        for each, end in list(self.frozen.items()):
            if each == number or (number is None and time.monotonic() >= end):
                del self.frozen[each]
                self.processes[each].send_signal(signal.SIGCONT)

    def until(self, reached: Callable[[], bool], seconds: float, what: str) -> None:
        """Frozen workers wake on time meanwhile."""
        end = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < end, what
            self.thaw()
            time.sleep(0.05)

    def rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.thaw()
            time.sleep(0.02)

    def end(self) -> list[int]:
        """Exit codes: all of them are asked to stop, and the frozen ones wake for it."""
        for number in list(self.frozen):
            self.thaw(number)
        for process in self.processes.values():
            process.send_signal(signal.SIGKILL if self.options.naive else signal.SIGTERM)
        codes: list[int] = []
        for process in self.processes.values():
            try:
                codes.append(process.wait(30))
            except subprocess.TimeoutExpired:
                process.kill()
                codes.append(process.wait())
        return codes

    def told(self, message: str, logs: Iterable[Path] | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for log in self.logs if logs is None else logs:
            for line in log.read_text("utf-8", "replace").splitlines():
                with suppress(json.JSONDecodeError):
                    said = json.loads(line)
                    if said.get("message") == message:
                        found.append(said)
        return found

    @property
    def risked(self) -> Counter[tuple[str, str]]:
        """How often each message to each subscription was under way in a worker that was struck."""
        return Counter((each["subscription_id"], each["webhook_id"]) for each in self.struck)


def leased_by(db: Connection, pid: int) -> list[dict[str, Any]]:
    return rows(
        db,
        "select delivery_id, token, subscription_id::text, webhook_id from dbkit.event_delivery_log"
        " where status = 'leased' and leased_by like %s",
        f"%:{pid}:%",
    )


@contextmanager
def crew(url: str, folder: Path, db: Connection, options: Options) -> Iterator[Crew]:
    """They run before the block begins, and have ended after it."""
    made = Crew(url, folder, db, options)
    try:
        for number in range(WORKERS):
            made.start(number)
        made.until(lambda: all(made.runs(each) for each in range(WORKERS)), 60, "no worker starts")
        yield made
    finally:
        made.end()
