"""Workers are killed and frozen past their leases: nothing is lost, and little comes twice.

Several processes work on one database while events are appended. The schedule of faults is drawn
from the seed and printed before anything runs. DBKIT_SEED gives another one; DBKIT_TORTURE
multiplies faults and events (`make torture`).
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import pytest

from tests.events.stress import SEED, TORTURE
from tests.helpers import Connection, one, rows
from tests.worker.parts import append, open_connection, subscribe
from tests.worker.receiver import Got, Receiver, receiving_on_a_thread

FAULTS = 20 * TORTURE
EVENTS = 200 if TORTURE == 1 else 2000 * TORTURE
HEALTHY, DEAD, HANGING = 40, 5, 5
WORKERS = 3
CONCURRENCY = 20
LEASE_SECONDS = 3
"""Time-outs of the subscriptions are 2 s; the worker keeps a margin of its lease besides."""

CONTROL_FAULTS = 6


@dataclass(frozen=True)
class Fault:
    """What is done to which worker (the next one, if that is frozen), how long after the fault
    before, and for how long."""

    kind: Literal["kill", "freeze"]
    worker: int
    pause: float
    frozen: float


def draw_faults(number: int, seed: int) -> list[Fault]:
    """Half of them kills; a frozen worker sleeps past its lease."""
    draw = random.Random(seed)
    return [
        Fault(
            draw.choice(("kill", "freeze")),
            draw.randrange(WORKERS),
            draw.uniform(0.1, 0.6),
            draw.uniform(LEASE_SECONDS + 0.2, LEASE_SECONDS + 1.5),
        )
        for _ in range(number)
    ]


@dataclass
class Crew:
    """Processes of workers, each with a log; one that is killed gets a successor."""

    url: str
    folder: Path
    naive: bool = False
    processes: dict[int, subprocess.Popen[bytes]] = field(
        default_factory=dict[int, "subprocess.Popen[bytes]"]
    )
    frozen: dict[int, float] = field(default_factory=dict[int, float])
    logs: list[Path] = field(default_factory=list[Path])
    log_of: dict[int, Path] = field(default_factory=dict[int, Path])

    def start(self, number: int) -> None:
        command = [sys.executable, "-m", "dbkit", "worker", "--url", self.url]
        command += ["--lease", str(LEASE_SECONDS), "--poll", "0.1", "--without", "maintenance"]
        command += ["--concurrency", str(CONCURRENCY), "--grace", "2"]
        if self.naive:
            command = [sys.executable, "-m", "tests.worker.naive_worker", self.url]
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
        if fault.kind == "kill":
            self.processes[target].kill()
            self.processes[target].wait()
            self.start(target)
        else:
            self.processes[target].send_signal(signal.SIGSTOP)
            self.frozen[target] = time.monotonic() + fault.frozen

    def runs(self, number: int) -> bool:
        assert self.processes[number].poll() is None, "a worker ended by itself"
        return number not in self.frozen and self.log_of[number].stat().st_size > 0

    def thaw(self, number: int | None = None) -> None:
        """Those whose time has come, or one."""
        for each, end in list(self.frozen.items()):
            if each == number or (number is None and time.monotonic() >= end):
                del self.frozen[each]
                self.processes[each].send_signal(signal.SIGCONT)

    def end(self) -> list[int]:
        for number in list(self.frozen):
            self.thaw(number)
        for process in self.processes.values():
            process.send_signal(signal.SIGKILL if self.naive else signal.SIGTERM)
        codes: list[int] = []
        for process in self.processes.values():
            try:
                codes.append(process.wait(30))
            except subprocess.TimeoutExpired:
                process.kill()
                codes.append(process.wait())
        return codes

    def told(self, message: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for log in self.logs:
            for line in log.read_text("utf-8", "replace").splitlines():
                with suppress(json.JSONDecodeError):
                    said = json.loads(line)
                    if said.get("message") == message:
                        found.append(said)
        return found


@contextmanager
def crew(url: str, folder: Path, naive: bool = False) -> Iterator[Crew]:
    made = Crew(url, folder, naive)
    try:
        for number in range(WORKERS):
            made.start(number)
        yield made
    finally:
        made.end()


@pytest.fixture
def db(database: str) -> Iterator[Connection]:
    with open_connection(database) as conn:
        yield conn


def await_with(workers: Crew, reached: Any, seconds: float, what: str) -> None:
    """Frozen workers wake on time meanwhile."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, what
        workers.thaw()
        time.sleep(0.05)


def spread_faults(workers: Crew, db: Connection, faults: list[Fault], events: int) -> None:
    """The events come in equal parts between the faults."""
    for number, fault in enumerate(faults):
        part = events * (number + 1) // len(faults) - events * number // len(faults)
        append(db, part)
        end = time.monotonic() + fault.pause
        while time.monotonic() < end:
            workers.thaw()
            time.sleep(0.02)
        workers.strike(fault)


def test_kills_and_freezes_lose_nothing_and_starve_nobody(
    database: str, db: Connection, tmp_path: Path
) -> None:
    faults = draw_faults(FAULTS, SEED)
    print(f"\nseed {SEED}, {EVENTS} events, {len(faults)} faults:")
    for fault in faults:
        print(f"  {fault.pause:.2f} s, {fault.kind} {fault.worker}, {fault.frozen:.2f} s")
    with (
        receiving_on_a_thread() as receiver,
        socket.socket() as unheard,
        crew(database, tmp_path) as workers,
    ):
        receiver.keep = False
        unheard.bind(("127.0.0.1", 0))
        healthy = subscribe_all(db, receiver, unheard.getsockname()[1])
        spread_faults(workers, db, faults, EVENTS)
        await_with(
            workers, lambda: unfinished(db, healthy) == 0, 120 * TORTURE, "healthy endpoints wait"
        )
        assert one(db, "select count(*) from dbkit.event_delivery_log where status = 'leased'") <= (
            (DEAD + HANGING) * 2
        ), "only those that hang are under way"
        assert workers.end() == [0] * WORKERS
    check_copies(db, receiver, healthy, faults)
    stale = sum(len(each["deliveries"]) for each in workers.told("settled too late"))
    kinds = [fault.kind for fault in faults]
    print(f"{kinds.count('kill')} kills, {kinds.count('freeze')} freezes, {stale} stale tokens")
    assert stuck(db) == {"dead": DEAD, "hanging": HANGING}


def subscribe_all(db: Connection, receiver: Receiver, dead_port: int) -> dict[str, str]:
    """Paths of the healthy ones to their subscriptions."""
    common: dict[str, Any] = {"timeout_seconds": 2, "retry_schedule": [0] + [2] * 29}
    for number in range(HANGING):
        receiver.behave[f"/hang{number}"] = "hang"
        subscribe(db, receiver, f"/hang{number}", description="hanging", **common)
    for _ in range(DEAD):
        one(
            db,
            "select dbkit.create_subscription(%s, p_description => 'dead', p_timeout_seconds => 2,"
            " p_retry_schedule => %s::int[])",
            *(f"http://127.0.0.1:{dead_port}/", common["retry_schedule"]),
        )
    return {f"/{n}": subscribe(db, receiver, f"/{n}", **common) for n in range(HEALTHY)}


def unfinished(db: Connection, healthy: dict[str, str]) -> int:
    """Deliveries that healthy endpoints still wait for, events that are not queued yet included."""
    done = one(
        db,
        "select count(*) from dbkit.event_delivery_log where status = 'delivered'"
        " and subscription_id = any (%s::uuid[])",
        list(healthy.values()),
    )
    return int(one(db, "select count(*) from dbkit.events")) * len(healthy) - int(done)


def check_copies(
    db: Connection, receiver: Receiver, healthy: dict[str, str], faults: list[Fault]
) -> None:
    """Each committed event at each healthy endpoint, well signed, and few of them twice."""
    ids = [
        "msg_" + str(each["event_id"]).replace("-", "")
        for each in rows(db, "select event_id from dbkit.events")
    ]
    assert len(ids) == EVENTS
    missing = [(path, each) for path in healthy for each in ids if not receiver.copies[path, each]]
    assert missing == []
    assert {each for path, each in receiver.copies if path in healthy} == set(ids)
    extra = [copies - 1 for copies in receiver.copies.values() if copies > 1]
    print(f"{len(ids) * len(healthy)} deliveries, {sum(extra)} copies too many,")
    print(f"of one message at most {max(extra, default=0)}")
    # One fault catches a message at most once, and a worker has so many under way at a time.
    assert max(extra, default=0) <= len(faults)
    assert sum(extra) <= len(faults) * CONCURRENCY


def stuck(db: Connection) -> dict[str, int]:
    """Subscriptions that got nothing, by what is wrong with them."""
    found = rows(
        db,
        "select s.description, count(*) as n from dbkit.event_subscriptions s"
        " where s.description <> '' and not exists ("
        " select from dbkit.event_delivery_log d where d.subscription_id = s.subscription_id"
        " and d.status = 'delivered') group by 1",
    )
    return {each["description"]: each["n"] for each in found}


def test_a_worker_that_settles_before_it_sends_loses(
    database: str, db: Connection, tmp_path: Path
) -> None:
    """The control: the same faults find what is lost without leases that outlive their holder."""
    faults = [Fault("kill", n % WORKERS, 0.7, 0) for n in range(CONTROL_FAULTS)]
    with receiving_on_a_thread() as receiver, crew(database, tmp_path, naive=True) as workers:
        for number in range(10):
            subscribe(db, receiver, f"/{number}")
        await_with(
            workers,
            lambda: all(log.read_bytes() for log in workers.logs),
            60,
            "the naive workers start",
        )
        spread_faults(workers, db, faults, 300)
        await_with(workers, lambda: one(db, WAITING) == 0, 120, "the naive workers go on")
        workers.end()
        sent = {(got.path, got.webhook_id) for got in receiver.got}
        claimed = one(
            db, "select count(*) from dbkit.event_delivery_log where status = 'delivered'"
        )
    print(f"\nthe control lost {claimed - len(sent)} of {claimed}")
    assert len(sent) < claimed


WAITING = (
    "select count(*) filter (where d.status <> 'delivered') + abs("
    " (select count(*) from dbkit.events) * (select count(*) from dbkit.event_subscriptions)"
    " - count(*)) from dbkit.event_delivery_log d"
)


def test_a_frozen_worker_that_wakes_too_late_is_refused(
    database: str, db: Connection, tmp_path: Path
) -> None:
    """It sleeps with a request under way; the delivery has been another's when it wakes."""
    with receiving_on_a_thread() as receiver:
        receiver.behave["/"] = ["hang", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]
        subscription = subscribe(db, receiver, "/", timeout_seconds=2)
        crew_of_one = Crew(database, tmp_path)
        crew_of_one.start(0)
        try:
            append(db)
            await_with(crew_of_one, lambda: len(receiver.got) == 1, 30, "the first request")
            crew_of_one.processes[0].send_signal(signal.SIGSTOP)
            crew_of_one.start(1)
            await_with(crew_of_one, lambda: finished(db, subscription), 30, "the second request")
            crew_of_one.processes[0].send_signal(signal.SIGCONT)
            await_with(
                crew_of_one,
                lambda: crew_of_one.told("settled too late"),
                30,
                "the late result is refused",
            )
        finally:
            crew_of_one.end()
    first, second = receiver.got
    assert first.webhook_id == second.webhook_id
    assert fresh(first) <= fresh(second)
    assert rows(db, "select token, attempts, status from dbkit.event_delivery_log") == [
        {"token": 2, "attempts": 1, "status": "delivered"}
    ]


def fresh(got: Got) -> int:
    return int(got.headers["webhook-timestamp"])


def finished(db: Connection, subscription: str) -> bool:
    return bool(
        one(
            db,
            "select bool_and(status = 'delivered') from dbkit.event_delivery_log"
            " where subscription_id = %s::uuid",
            subscription,
        )
    )
