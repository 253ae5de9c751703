"""kill -9 of the whole server under writers: what was acknowledged is there, and nothing is torn.

Writers keep their own record of what the server acknowledged; a reader keeps its checkpoint, as a
consumer in another system would. DBKIT_TORTURE multiplies the rounds (`make torture`).
"""

from __future__ import annotations

import os
import random
import signal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from dbkit.migrations import migrate
from dbkit.server import Server, ServerError, down, find_binaries, up
from tests.events import stress
from tests.helpers import Connection, connect, one, rows

ROUNDS = 20 * stress.TORTURE
CONTROL_ROUNDS = 3
WRITERS = 8
TWO_PHASE_WRITERS = 2
"""So many of them prepare each transaction first."""
STREAMS = 12
ACKNOWLEDGED = (60, 600)
"""The server is killed after a number of acknowledgements between these, drawn for each round."""

LOSES = {
    "synchronous_commit": "off",
    "wal_writer_delay": "10s",
    "wal_writer_flush_after": "1GB",
    "wal_buffers": "64MB",
}
"""An acknowledgement does not wait for the disk, and nothing else writes the log soon."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of a server of our own; the settings are those of `dbkit up`: durable."""
    try:
        find_binaries()
    except ServerError as error:
        pytest.skip(f"a server to kill cannot be started here: {error}")
    return tmp_path / "project" / ".dbkit"


@dataclass
class Acknowledged:
    """What the server has said, recorded outside it."""

    versions: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Event id to stream and version, once its commit was acknowledged."""
    prepared: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """Name of a prepared transaction to its event id, stream and version, until it is committed."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def committed(self, event_id: str, stream: str, version: int) -> None:
        with self.changed:
            self.versions[event_id] = (stream, version)
            self.changed.notify_all()

    def until(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.versions) >= count, 60), "writers stand"


@dataclass(frozen=True)
class Round:
    """One life of the server, drawn before it."""

    kill_after: int
    seeds: list[int]
    two_phase_writers: int


def draw(rounds: int, two_phase_writers: int) -> list[Round]:
    chance = random.Random(stress.SEED)
    return [
        Round(
            chance.randint(*ACKNOWLEDGED),
            [chance.randrange(2**32) for _ in range(WRITERS)],
            two_phase_writers,
        )
        for _ in range(rounds)
    ]


def append(conn: Connection, stream: str, event_id: str) -> int:
    made = one(
        conn,
        "select dbkit.append_event('crash', %s, 'X', '{}', p_event_id => %s)",
        stream,
        event_id,
    )
    return int(made["version"])


def write(url: str, seed: int, in_two_phases: bool, said: Acknowledged) -> None:
    """Until the server dies. Nothing is recorded before it is acknowledged."""
    chance = random.Random(seed)
    with suppress(psycopg.OperationalError), connect(url, autocommit=True) as conn:
        while True:
            stream, event_id = f"s-{chance.randrange(STREAMS)}", str(uuid.uuid4())
            if not in_two_phases:
                said.committed(event_id, stream, append(conn, stream, event_id))
                continue
            conn.execute("begin")
            version = append(conn, stream, event_id)
            conn.execute(f"prepare transaction '{event_id}'".encode())
            said.prepared[event_id] = (event_id, stream, version)
            conn.execute(f"commit prepared '{event_id}'".encode())
            said.committed(event_id, stream, version)
            del said.prepared[event_id]


def follow(reader: stress.Reader) -> None:
    with suppress(psycopg.OperationalError), connect(reader.url, autocommit=True) as conn:
        while True:
            reader.poll(conn)


def processes(server: Server) -> list[int]:
    """The server's main process first, then those below it where the system tells them."""
    assert server.pid is not None
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    below = children.read_text().split() if children.exists() else []
    return [server.pid, *map(int, below)]


def kill(server: Server) -> None:
    for pid in processes(server):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def live_and_die(
    server: Server, planned: Round, said: Acknowledged, reader: stress.Reader | None
) -> None:
    wanted = len(said.versions) + planned.kill_after
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        working = [
            pool.submit(write, server.url, seed, number < planned.two_phase_writers, said)
            for number, seed in enumerate(planned.seeds)
        ]
        if reader is not None:
            working.append(pool.submit(follow, reader))
        try:
            said.until(wanted)
        finally:
            kill(server)
        for each in working:
            each.result()


def versions(url: str) -> dict[str, tuple[str, int]]:
    return {e.event_id: (e.stream[2], e.version) for e in stress.stored(url)}


def settle_prepared(url: str, said: Acknowledged) -> int:
    """A prepared transaction outlives the server, with its locks and mark; commit what is left."""
    with connect(url, autocommit=True) as conn:
        left = {f["gid"] for f in rows(conn, "select gid from pg_prepared_xacts")}
        there = versions(url)
        assert [g for g in said.prepared if g not in left and g not in there] == []
        marks = rows(conn, "select prepared_as, mark from dbkit.explain_lag()")
        assert {f["prepared_as"] for f in marks} == left
        safe = one(conn, "select dbkit.safe_position()")
        assert all(f["mark"] > safe for f in marks)
        for gid in left:
            conn.execute(f"commit prepared '{gid}'".encode())
    for event_id, stream, version in said.prepared.values():
        said.versions[event_id] = (stream, version)
    said.prepared.clear()
    return len(left)


def lost(url: str, said: Acknowledged) -> list[str]:
    """Acknowledged events that are not there, or not at their version."""
    there = versions(url)
    return [event_id for event_id, at in said.versions.items() if there.get(event_id) != at]


def test_no_acknowledged_event_is_lost_by_a_crash(home: Path) -> None:
    said, prepared = Acknowledged(), 0
    server = up(home)
    migrate(server.url)
    reader = stress.Reader(server.url, stress.by_read_all, 100)
    try:
        for planned in draw(ROUNDS, TWO_PHASE_WRITERS):
            live_and_die(server, planned, said, reader)
            server = up(home)
            assert server.started
            prepared += settle_prepared(server.url, said)
            assert lost(server.url, said) == []
            assert stress.broken_streams(server.url) == []
        with connect(server.url, autocommit=True) as conn:
            while reader.poll(conn):
                pass
        assert reader.events == stress.stored(server.url)
        assert stress.misordered(reader.events) == []
    finally:
        down(home)
    print(
        f"seed {stress.SEED}: {ROUNDS} kills under {WRITERS} writers, {len(said.versions)}"
        f" acknowledged events, 0 lost; {prepared} prepared transactions came back;"
        f" 95 % bound on a loss per kill {3 / ROUNDS:.2f}"
    )
    assert len(said.versions) >= ROUNDS * ACKNOWLEDGED[0]


def test_what_was_safe_before_a_crash_stays_below_what_comes_after_it(home: Path) -> None:
    """Positions that were drawn and rolled back may be drawn again after a crash, since nothing
    waited for the disk; a checkpoint that a consumer keeps elsewhere must not be above them."""
    server = up(home)
    migrate(server.url)
    try:
        with connect(server.url, autocommit=True) as conn:
            append(conn, "s", str(uuid.uuid4()))
            with connect(server.url) as undone:
                for _ in range(100):
                    append(undone, "s", str(uuid.uuid4()))
                    undone.rollback()
            safe = one(conn, "select dbkit.safe_position()")
            kill(server)
        server = up(home)
        with connect(server.url, autocommit=True) as conn:
            made = one(conn, "select dbkit.append_event('crash', 's', 'X', '{}')")
            reader = stress.Reader(server.url, stress.by_read_all, 10, checkpoint=safe)
            assert reader.poll(conn)
        assert made["position"] > safe
        assert [e.position for e in reader.events] == [made["position"]]
    finally:
        down(home)


def test_control_without_synchronous_commit_acknowledged_events_are_lost(home: Path) -> None:
    said, gone = Acknowledged(), set[str]()
    server = up(home)
    migrate(server.url)
    try:
        with connect(server.url, autocommit=True) as conn:
            for name, value in LOSES.items():
                conn.execute(f"alter system set {name} = '{value}'".encode())
        down(home)
        server = up(home)
        # Nobody prepares: that would write the log to the disk, for all.
        for planned in draw(CONTROL_ROUNDS, 0):
            live_and_die(server, planned, said, None)
            server = up(home)
            gone.update(lost(server.url, said))
    finally:
        down(home)
    print(f"seed {stress.SEED}: {len(gone)} of {len(said.versions)} acknowledged events lost")
    assert len(gone) > 0
