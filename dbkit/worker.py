"""`dbkit worker`: a process that does what the database leaves to be done, any number side by side.

The database knows what there is to do and who may do it: rows are locked or leased, so two workers
never do one thing at a time, and one that dies is no loss. Here is only the round: look (by LISTEN
or by a clock, the second is enough), hand out to tasks, each of which has a connection of its own
and goes on until nothing is left, beat, and stop without leaving a mess.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeAlias
from uuid import UUID, uuid4

import msgspec
import psycopg
import structlog
from structlog.typing import FilteringBoundLogger

from dbkit.database import lost_connection
from dbkit.egress import AllowList, Sender
from dbkit.worker_alerts import Notices
from dbkit.worker_delivery import Deliveries
from dbkit.worker_link import Connection, Link
from dbkit.worker_metrics import Metrics

Task: TypeAlias = Literal[
    "fan-out", "webhooks", "projections", "snapshots", "maintenance", "alerts"
]
TASKS: tuple[Task, ...] = (
    *("fan-out", "webhooks", "projections", "snapshots", "maintenance"),
    "alerts",
)

CHANNEL = "dbkit_worker"
BEAT_SECONDS = 10.0
CLOSE_AFTER_SECONDS = 60.0
"""A task that has had nothing to do for so long gives its connection back."""

COALESCE_SECONDS = 0.02
"""Between two looks, however many notifications come."""

BUSY_SECONDS = 0.1
"""Until a fan-out that another has its hands on is tried again."""

EVENTS = 1000
SNAPSHOTS = 100
STOP_SECONDS = 5.0
"""For the last words to the database, beyond the grace of what is under way."""

# The database's time too: when something is due is a time of its clock, not of this machine's.
_LOOK = "select dbkit.get_event_work(), dbkit.clock(), dbkit.get_alert_work()"
_BEAT = "select dbkit.beat_worker(%s, %s, %s, %s, %s)"
_END = "select dbkit.end_worker(%s)"
_FAN_OUT = "select dbkit.queue_event_for_webhooks(%s)"
_PROJECT = "select dbkit.run_projection(%s, %s)"
_SNAPSHOTS = "select dbkit.run_snapshots(%s)"
_RUN_TASK = "select dbkit.run_worker_task(%s)"

_BUSY = ("KD510", "KD511", "KD512")
"""A projection that somebody else runs, or that is gone or not ready: no error, later again."""


@dataclass(frozen=True)
class Options:
    """How a worker works; the command line's options of the same names."""

    tasks: frozenset[Task] = frozenset(TASKS)
    concurrency: int = 100
    poll_seconds: float = 1.0
    lease_seconds: int = 60
    grace_seconds: float = 25.0
    listen: bool = True
    once: bool = False
    metrics_port: int | None = None
    metrics_address: str = "127.0.0.1"
    role: str | None = None
    allow: AllowList | None = None
    """Private targets that webhooks and notices may reach all the same."""
    ca_file: Path | None = None


class Work(msgspec.Struct):
    """The answer of get_event_work."""

    fan_out: bool
    deliveries_due_at: datetime | None
    projections: list[str]
    snapshots: bool
    tasks: list[str]
    newest_position: int


@dataclass
class Rests:
    """What is left alone for a while: each time twice as long, until it goes well."""

    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    _until: dict[str, tuple[float, int]] = field(default_factory=dict[str, tuple[float, int]])

    def rest(self, name: str) -> None:
        _, times = self._until.get(name, (0.0, 0))
        seconds = min(self.longest_seconds, self.first_seconds * 2.0 ** min(times, 20))
        self._until[name] = (time.monotonic() + seconds, times + 1)

    def wake(self, name: str) -> None:
        self._until.pop(name, None)

    def resting(self, name: str) -> bool:
        return time.monotonic() < self._until.get(name, (0.0, 0))[0]


class Lane:
    """One task: a step again and again while there is more, then it waits to be told."""

    def __init__(
        self,
        name: Task,
        link: Link,
        step: Callable[[Connection], Awaitable[bool]],
        failed: Callable[[str, psycopg.Error, int], None],
    ) -> None:
        self.name = name
        self.link = link
        self._step = step
        self._failed = failed
        self._told = asyncio.Event()
        self.busy = False
        self.failures = 0
        self._draining = False

    def drain(self) -> None:
        """No step after the one that runs."""
        self._draining = True
        self._told.clear()

    def tell(self) -> None:
        self._told.set()

    @property
    def idle(self) -> bool:
        return not (self.busy or self._told.is_set())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await asyncio.wait_for(self._told.wait(), CLOSE_AFTER_SECONDS)
            except TimeoutError:
                await self.link.close()
                continue
            self.busy = True
            self._told.clear()
            await self._work()
            self.busy = False

    async def _work(self) -> None:
        try:
            while not self._draining and await self._step(await self.link.open()):
                pass
            self.failures = 0
        except psycopg.Error as error:
            self.failures += 1
            self._failed(self.name, error, self.failures)
            if lost_connection(error):
                await self.link.close()
            pause = min(10.0, 0.1 * 2.0 ** min(self.failures, 10))
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311


class Worker:
    """One process's worth of work; `await run()` ends when it was asked to stop."""

    def __init__(self, url: str, options: Options, log: FilteringBoundLogger | None = None) -> None:
        self.worker_id: UUID = uuid4()
        self._options = options
        self._log: FilteringBoundLogger = (log or structlog.get_logger()).bind(
            worker=str(self.worker_id)[:8]
        )
        self._version = version("dbkit-pg")
        self._metrics = Metrics()
        self._control = self._link(url)
        self._listening: Connection | None = None
        self._url = url
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._beat_at = 0.0
        self._naps = 0
        self._moved = 0
        self._projections: list[str] = []
        self._tasks: list[str] = []
        self._rests = Rests()
        self._lanes: dict[Task, Lane] = {}
        self._sender: Sender | None = None
        self._deliveries: Deliveries | None = None
        self._notices = Notices(
            worker=self._name,
            allow=options.allow or AllowList(),
            metrics=self._metrics,
            log=self._log,
        )
        self._add_lanes()

    @property
    def _name(self) -> str:
        """As leases say it."""
        return f"{socket.gethostname()}:{os.getpid()}:{self.worker_id}"[:200]

    def _link(self, url: str) -> Link:
        return Link(url, self._options.role)

    def _add_lanes(self) -> None:
        steps: dict[Task, Callable[[Connection], Awaitable[bool]]] = {
            "fan-out": self._fan_out,
            "projections": self._project,
            "snapshots": self._snapshot,
            "maintenance": self._maintain,
            "alerts": self._notices.step,
        }
        for name, step in steps.items():
            if name in self._options.tasks:
                self._lanes[name] = Lane(name, self._link(self._url), step, self._failed)

    # --- beginning and end -------------------------------------------------------------------

    def stop(self) -> None:
        """Ask it to stop; asked twice, it waits for nothing that is under way."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    async def run(self) -> bool:
        """Until told to stop, or with `once` until nothing is left to do. Whether all went well.

        Only with `once` an error of the first connection is raised; else it is tried again.
        """
        options = self._options
        end_metrics = None
        if options.metrics_port is not None:
            end_metrics = self._metrics.serve(options.metrics_port, options.metrics_address)
        running = [asyncio.create_task(lane.run()) for lane in self._lanes.values()]
        if "webhooks" in options.tasks:
            running.append(asyncio.create_task(self._open_deliveries().run()))
        self._log.info("worker started", tasks=sorted(options.tasks), version=self._version)
        looking = asyncio.create_task(self._once() if options.once else self._look_around())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({looking, stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
            await self._end(looking, running)
            return self._raise_or_say(looking, running)
        finally:
            stopping.cancel()
            if end_metrics is not None:
                await asyncio.to_thread(end_metrics)

    def hear_signals(self) -> None:
        """SIGTERM and SIGINT stop it."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self.stop)
            except (NotImplementedError, RuntimeError, ValueError):
                return  # Windows, or not the main thread: whoever runs it there calls stop()

    def _open_deliveries(self) -> Deliveries:
        self._sender = Sender(allow=self._options.allow, ca_file=self._options.ca_file)
        self._deliveries = Deliveries(
            self._link(self._url),
            self._sender,
            worker=self._name,
            user_agent=f"dbkit/{self._version}",
            concurrency=self._options.concurrency,
            lease_seconds=self._options.lease_seconds,
            metrics=self._metrics,
            log=self._log,
        )
        return self._deliveries

    async def _end(
        self, looking: asyncio.Task[None], running: Sequence[asyncio.Task[None]]
    ) -> None:
        """Takes no more work, finishes what it has or gives it back, and says goodbye."""
        self._log.info("worker stopping", in_flight=self._in_flight)
        looking.cancel()
        await asyncio.wait({looking})
        lanes = asyncio.create_task(self._settle_lanes())
        if self._deliveries is not None:
            sending = asyncio.create_task(self._deliveries.finish(self._options.grace_seconds))
            hurry = asyncio.create_task(self._hurry.wait())
            await asyncio.wait({sending, hurry}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                sending.cancel()
                await self._deliveries.finish(0)
            hurry.cancel()
            await self._until(lambda: self._deliveries is None or self._deliveries.idle)
        await lanes
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await self._say_last_words()
        for link in self._links():
            await link.close()
        if self._sender is not None:
            await self._sender.aclose()
        self._log.info("worker stopped", **self._metrics.totals)

    async def _settle_lanes(self) -> None:
        """A step is one transaction: what does not end in time is rolled back by the server."""
        for lane in self._lanes.values():
            lane.drain()
        await self._until(
            lambda: all(lane.idle for lane in self._lanes.values()), self._options.grace_seconds
        )

    async def _until(self, reached: Callable[[], bool], seconds: float = STOP_SECONDS) -> None:
        end = time.monotonic() + seconds
        while True:
            if reached() or time.monotonic() >= end or self._hurry.is_set():
                return
            await asyncio.sleep(0.01)

    async def _say_last_words(self) -> None:
        """What was answered, what is given back, goodbye. Without them leases end by themselves."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                if self._deliveries is not None:
                    await self._deliveries.settle_rest()
                await (await self._control.open()).execute(_END, (self.worker_id,))
        except (psycopg.Error, TimeoutError):
            self._log.warning("the database was not there for the last words")

    def _raise_or_say(
        self, looking: asyncio.Task[None], running: Sequence[asyncio.Task[None]]
    ) -> bool:
        for task in (looking, *running):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        failed = any(lane.failures for lane in self._lanes.values())
        return not (failed and self._options.once)

    def _links(self) -> list[Link]:
        links = [self._control, *(lane.link for lane in self._lanes.values())]
        if self._deliveries is not None:
            links.append(self._deliveries.link)
        return links

    @property
    def _in_flight(self) -> int:
        return self._deliveries.in_flight if self._deliveries is not None else 0

    # --- looking -----------------------------------------------------------------------------

    async def _look_around(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            try:
                connection = await self._open_control()
                if time.monotonic() >= self._beat_at:
                    await self._beat(connection)
                pause = await self._look(connection)
                failures = 0
                await self._rest(connection, pause)
            except psycopg.Error as error:
                failures += 1
                self._failed("look", error, failures)
                await self._control.close()
                pause = min(5.0, 0.1 * 2.0 ** min(failures, 10))
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311

    async def _open_control(self) -> Connection:
        connection = await self._control.open()
        if self._options.listen and connection is not self._listening:
            await connection.execute(f"listen {CHANNEL}".encode())
            self._listening = connection
        return connection

    async def _once(self) -> None:
        """Rounds until one of them moves nothing."""
        connection = await self._control.open()
        while True:
            before = self._progress
            await self._beat(connection)
            await self._look(connection)
            await self._until(lambda: self._idle, float("inf"))
            if self._progress == before or self._stop.is_set():
                return

    @property
    def _idle(self) -> bool:
        lanes = all(lane.idle for lane in self._lanes.values())
        return lanes and (self._deliveries is None or self._deliveries.idle)

    @property
    def _progress(self) -> int:
        moved = self._moved + self._notices.moved
        return moved + (self._deliveries.progress if self._deliveries is not None else 0)

    async def _look(self, connection: Connection) -> float:
        """Hands out what there is to do; returns for how long nothing more is expected."""
        cursor = await connection.execute(_LOOK)
        ((found, now, notices_due_at),) = await cursor.fetchall()
        work = msgspec.convert(found, Work)
        self._hand_out(work, notices_due_at is not None and notices_due_at <= now)
        if work.deliveries_due_at is None or self._deliveries is None:
            return self._options.poll_seconds
        wait: float = (work.deliveries_due_at - now).total_seconds()
        if wait > 0:
            self._naps = 0
            return min(wait, self._options.poll_seconds)
        self._deliveries.look()
        if self._deliveries.in_flight:
            # What comes back brings the next along.
            self._naps = 0
            return self._options.poll_seconds
        # Due, and not to be had: another worker has its hands on it.
        self._naps += 1
        return min(self._options.poll_seconds, 0.05 * 2.0 ** min(self._naps, 10))

    def _hand_out(self, work: Work, notices: bool) -> None:
        self._projections = [p for p in work.projections if not self._rests.resting(p)]
        self._tasks = list(work.tasks)
        told = {
            "fan-out": work.fan_out,
            "projections": bool(self._projections),
            "snapshots": work.snapshots and not self._rests.resting("snapshots"),
            "maintenance": bool(self._tasks),
            "alerts": notices,
        }
        for name, lane in self._lanes.items():
            if told[name]:
                lane.tell()

    async def _rest(self, connection: Connection, seconds: float) -> None:
        """Until there is a reason to look again."""
        if not self._options.listen:
            await asyncio.sleep(seconds)
            return
        heard = [note.payload async for note in connection.notifies(timeout=seconds, stop_after=1)]
        if heard:
            await asyncio.sleep(COALESCE_SECONDS)
            heard += [note.payload async for note in connection.notifies(timeout=0)]
        if "stop" in heard:
            self._beat_at = 0.0

    async def _beat(self, connection: Connection) -> None:
        self._beat_at = time.monotonic() + BEAT_SECONDS
        state: dict[str, Any] = {
            "tasks": sorted(self._options.tasks),
            "in_flight": self._in_flight,
            "concurrency": self._options.concurrency,
            "counts": dict(self._metrics.totals),
        }
        said = (self.worker_id, socket.gethostname(), os.getpid(), self._version)
        cursor = await connection.execute(_BEAT, (*said, msgspec.json.encode(state).decode()))
        ((answer,),) = await cursor.fetchall()
        if answer["stop"]:
            self._log.info("asked to stop by the database")
            self._stop.set()

    def _failed(self, what: str, error: psycopg.Error, times: int) -> None:
        self._metrics.error(what)
        # A database that is away is told of when it goes, and now and then.
        if times <= 3 or times % 20 == 0:
            text = error.diag.message_primary or str(error).strip().partition("\n")[0]
            self._log.warning(
                "database error", task=what, sqlstate=error.sqlstate, error=text, times=times
            )

    # --- steps of tasks: True when there is more ---------------------------------------------

    async def _fan_out(self, connection: Connection) -> bool:
        cursor = await connection.execute(_FAN_OUT, (EVENTS,))
        ((done,),) = await cursor.fetchall()
        if done["busy"]:
            # Another worker may have looked before this one was told; pruning does not look at all.
            await asyncio.sleep(BUSY_SECONDS)
            return not self._options.once
        self._moved += done["events"]
        self._metrics.fanned_out(done["events"], done["deliveries"], done["lag"] or 0)
        if done["deliveries"] and self._deliveries is not None:
            self._deliveries.look()
        return bool(done["lag"])

    async def _project(self, connection: Connection) -> bool:
        """One batch of each that is behind, so that none waits for another."""
        behind: list[str] = []
        for name in self._projections:
            if await self._project_one(connection, name):
                behind.append(name)
        self._projections = behind
        return bool(behind)

    async def _project_one(self, connection: Connection, name: str) -> bool:
        try:
            cursor = await connection.execute(_PROJECT, (name, EVENTS))
            ((done,),) = await cursor.fetchall()
        except psycopg.Error as error:
            if error.sqlstate not in _BUSY:
                raise
            self._rests.rest(name)
            return False
        self._moved += done["events"]
        self._metrics.projected(name, done["events"], done["lag"])
        if done["failed_position"] is not None:
            self._rests.rest(name)
            self._log.warning(
                "projection stopped by an event",
                projection=name,
                position=done["failed_position"],
                error=done["last_error"],
            )
            return False
        self._rests.wake(name)
        return bool(done["lag"])

    async def _snapshot(self, connection: Connection) -> bool:
        cursor = await connection.execute(_SNAPSHOTS, (SNAPSHOTS,))
        ((done,),) = await cursor.fetchall()
        self._moved += done["made"]
        self._metrics.snapshots(done["made"], done["failed"])
        if done["failed"]:
            self._rests.rest("snapshots")
            self._log.warning("snapshots failed", failed=done["failed"], error=done["errors"][0])
        elif done["made"]:
            self._rests.wake("snapshots")
        return bool(done["made"]) and not done["failed"]

    async def _maintain(self, connection: Connection) -> bool:
        names, self._tasks = self._tasks, []
        for name in names:
            cursor = await connection.execute(_RUN_TASK, (name,))
            ((done,),) = await cursor.fetchall()
            if not done["ran"]:
                continue
            self._moved += 1
            self._metrics.ran(name, done["error"] is not None)
            if done["error"] is not None:
                self._log.warning("task failed", task=name, error=done["error"])
            else:
                self._log.info("task done", task=name, result=done["result"])
        return False


def run_worker(make: Callable[[], Worker]) -> bool:
    """In an event loop of its own (uvloop's would save less than a tenth), until a signal."""

    async def main() -> bool:
        worker = make()
        worker.hear_signals()
        return await worker.run()

    return asyncio.run(main())
