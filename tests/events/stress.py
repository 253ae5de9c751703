"""Writers that commit late, out of order, in two phases or not at all, and who follows them.

Everything that goes wrong is drawn from the seed before anything runs. DBKIT_SEED gives another
seed; DBKIT_TORTURE multiplies how much is done (`make torture`).
"""

from __future__ import annotations

import json
import os
import random
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
from hypothesis import HealthCheck, settings

from tests.helpers import Connection, connect, one, rows

SEED = int(os.environ.get("DBKIT_SEED", "20261121"))
TORTURE = int(os.environ.get("DBKIT_TORTURE", "1"))

ORGANIZATIONS = ("acme", "bistro", "default")
HOT_STREAMS = 3
COLD_STREAMS = 400
EVENT_TYPES = ("Opened", "Changed", "Closed")
KILLED = "57P01"
CONFLICT = "KD501"

Ending = Literal["commit", "rollback", "prepare", "prepare_rollback", "killed"]
ENDINGS: dict[Ending, int] = {
    "commit": 60,
    "rollback": 14,
    "prepare": 10,
    "prepare_rollback": 3,
    "killed": 1,
}
"""How transactions end, by weight."""

DELAYS = (0.0, 0.0, 0.0, 0.001, 0.003, 0.01, 0.04)
"""Seconds between the last append and the commit."""


@dataclass(frozen=True)
class Append:
    """One call: its stream, what is expected of it, and the types of its events."""

    stream: str
    event_types: tuple[str, ...]
    expects: bool
    """With the version that was read before, tried again after a conflict."""
    savepoint: Literal["", "kept", "undone", "undone and done again"]


@dataclass(frozen=True)
class Step:
    """One transaction."""

    appends: tuple[Append, ...]
    delay: float
    ending: Ending


def draw_append(chance: random.Random) -> Append:
    hot = chance.random() < 0.35
    stream = (
        f"hot-{chance.randrange(HOT_STREAMS)}" if hot else f"s-{chance.randrange(COLD_STREAMS)}"
    )
    count = chance.choice((1, 1, 1, 1, 2, 7))
    return Append(
        stream,
        tuple(chance.choice(EVENT_TYPES) for _ in range(count)),
        chance.random() < 0.3,
        chance.choice(("", "", "", "", "kept", "undone", "undone and done again")),
    )


def draw_steps(chance: random.Random, count: int, endings: dict[Ending, int]) -> list[Step]:
    """A transaction appends to up to three streams, in one order, so that none is a deadlock."""
    steps = []
    for _ in range(count):
        appends = [draw_append(chance) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
        by_stream = {append.stream: append for append in appends}
        ending = chance.choices(list(endings), list(endings.values()))[0]
        chosen = tuple(by_stream[name] for name in sorted(by_stream))
        steps.append(Step(chosen, chance.choice(DELAYS), ending))
    return steps


def draw_schedule(
    seed: int, writers: int, transactions: int, endings: dict[Ending, int] = ENDINGS
) -> list[list[Step]]:
    chance = random.Random(seed)
    return [draw_steps(chance, transactions, endings) for _ in range(writers)]


def history_settings(examples: int, steps: int, **more: Any) -> settings:
    """For random histories against a server, which no rule of the library's own may cut short."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        # The same histories in every run, unless more are asked for.
        derandomize=TORTURE == 1,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def in_two_phases(url: str) -> bool:
    with connect(url) as conn:
        return int(one(conn, "show max_prepared_transactions")) > 0


def without_two_phases() -> dict[Ending, int]:
    return {ending: weight for ending, weight in ENDINGS.items() if "prepare" not in ending}


# --- writing ---------------------------------------------------------------------------------


@dataclass
class Ledger:
    """What became of each event, as its writer knows it: event id to (organization, stream)."""

    committed: dict[str, tuple[str, str]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Rolled back, or in a transaction whose server process was ended before its commit."""
    happened: Counter[str] = field(default_factory=Counter)


class Conflict(Exception):
    """Somebody else was quicker, as often as we tried."""


@dataclass
class Writer:
    """One connection, as a client of one organization."""

    url: str
    number: int
    steps: list[Step]
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def organization(self) -> str:
        return ORGANIZATIONS[self.number % len(ORGANIZATIONS)]

    def connect(self) -> Connection:
        options = f"-c role=authenticated -c dbkit.organization_id={self.organization}"
        return connect(self.url, autocommit=True, options=options)

    def run(self) -> Ledger:
        conn = self.connect()
        try:
            for number, step in enumerate(self.steps):
                if conn.closed:
                    conn = self.connect()
                self.step(conn, number, step)
        finally:
            conn.close()
        return self.ledger

    def step(self, conn: Connection, number: int, step: Step) -> None:
        written: dict[str, tuple[str, str]] = {}
        conn.execute("begin")
        try:
            for append in step.appends:
                self.append(conn, append, written)
            if step.delay:
                conn.execute("select pg_sleep(%s)", [step.delay])
            self.end(conn, step.ending, f"dbkit-{self.number}-{number}", written)
        except (Conflict, psycopg.errors.DeadlockDetected) as error:
            # Whoever waits for a row while its savepoint is undone may come to wait for the whole
            # transaction, and that transaction, which wants the row again, for them.
            conn.execute("rollback")
            self.settle(type(error).__name__, written, is_there=False)

    def append(self, conn: Connection, append: Append, written: dict[str, tuple[str, str]]) -> None:
        if not append.savepoint:
            written |= self.call(conn, append)
            return
        conn.execute("savepoint part")
        made = self.call(conn, append)
        if append.savepoint == "kept":
            conn.execute("release part")
            written |= made
            return
        conn.execute("rollback to part")
        self.settle("savepoint undone", made, is_there=False)
        if append.savepoint == "undone and done again":
            written |= self.call(conn, append)

    def call(self, conn: Connection, append: Append) -> dict[str, tuple[str, str]]:
        ids = [str(uuid.uuid4()) for _ in append.event_types]
        for _ in range(50):
            expected = self.version(conn, append.stream) if append.expects else None
            try:
                with conn.transaction():
                    self.send(conn, append, ids, expected)
                return dict.fromkeys(ids, (self.organization, append.stream))
            except psycopg.Error as error:
                if error.sqlstate != CONFLICT:
                    raise
                self.ledger.happened["version conflict"] += 1
        raise Conflict

    def version(self, conn: Connection, stream: str) -> int:
        found = rows(
            conn,
            "select version from dbkit.event_streams where aggregate_type = 'stress'"
            " and aggregate_id = %s",
            stream,
        )
        return int(found[0]["version"]) if found else 0

    def send(self, conn: Connection, append: Append, ids: list[str], expected: int | None) -> None:
        if len(ids) == 1:
            conn.execute(
                "select dbkit.append_event('stress', %s, %s, '{\"n\": 1}', '{}', %s, %s)",
                [append.stream, append.event_types[0], expected, ids[0]],
            )
        else:
            events = [
                {"event_type": kind, "event_data": {"n": 1}, "event_id": event_id}
                for kind, event_id in zip(append.event_types, ids, strict=True)
            ]
            conn.execute(
                "select dbkit.append_events('stress', %s, %s, %s)",
                [append.stream, json.dumps(events), expected],
            )

    def end(
        self, conn: Connection, ending: Ending, gid: str, written: dict[str, tuple[str, str]]
    ) -> None:
        if ending == "killed":
            self.end_server_process(conn)
        elif ending in ("commit", "rollback"):
            conn.execute(ending)
        else:
            conn.execute(f"prepare transaction '{gid}'".encode())
            conn.execute("select pg_sleep(0.002)")
            word = "commit" if ending == "prepare" else "rollback"
            # Only its owner or a superuser may: the session is a superuser's that became a client.
            conn.execute("reset role")
            conn.execute(f"{word} prepared '{gid}'".encode())
            conn.execute("set role authenticated")
        self.settle(ending, written, is_there=ending in ("commit", "prepare"))

    def end_server_process(self, conn: Connection) -> None:
        """In the middle of its transaction, with its events written."""
        pid = conn.info.backend_pid
        with connect(self.url, autocommit=True) as other:
            assert one(other, "select pg_terminate_backend(%s)", pid)
        try:
            conn.execute("commit")
        except psycopg.OperationalError:
            conn.close()
        else:
            raise AssertionError("a killed session has committed")

    def settle(self, what: str, ids: dict[str, tuple[str, str]], *, is_there: bool) -> None:
        self.ledger.happened[what] += 1
        if is_there:
            self.ledger.committed |= ids
        else:
            self.ledger.gone |= ids.keys()


def run_writers(url: str, schedule: list[list[Step]], done: threading.Event) -> Ledger:
    """All at once; what they know, together."""
    writers = [Writer(url, number, steps) for number, steps in enumerate(schedule)]
    whole = Ledger()
    try:
        with ThreadPoolExecutor(len(writers)) as pool:
            for ledger in pool.map(Writer.run, writers):
                whole.committed |= ledger.committed
                whole.gone |= ledger.gone
                whole.happened += ledger.happened
    finally:
        done.set()
    return whole


# --- reading ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """What a reader keeps of an event."""

    position: int
    event_id: str
    event_type: str
    stream: tuple[str, str, str]
    version: int


COLUMNS = "position, event_id, event_type, organization_id, aggregate_type, aggregate_id, version"


def event(found: dict[str, Any]) -> Event:
    stream = (found["organization_id"], found["aggregate_type"], found["aggregate_id"])
    return Event(
        found["position"], str(found["event_id"]), found["event_type"], stream, found["version"]
    )


def fetch(conn: Connection, source: str, *args: object) -> list[Event]:
    return [event(f) for f in rows(conn, f"select {COLUMNS} from {source}", *args)]


Read = Callable[[Connection, int, int], tuple[list[Event], int]]
"""Connection, checkpoint and limit to events and the next checkpoint."""


def checkpoint_after(events: list[Event], before: int) -> int:
    return events[-1].position if events else before


def by_read_all(conn: Connection, after: int, limit: int) -> tuple[list[Event], int]:
    events = fetch(conn, "dbkit.read_all(%s, %s)", after, limit)
    return events, checkpoint_after(events, after)


def by_type(conn: Connection, after: int, limit: int) -> tuple[list[Event], int]:
    """Of the organization that the connection is for."""
    events = fetch(conn, "dbkit.get_events_by_type('Changed', %s, %s)", after, limit)
    return events, checkpoint_after(events, after)


def by_filter(conn: Connection, after: int, limit: int) -> tuple[list[Event], int]:
    """As read_all says for filters that few events pass: it goes on from the bound taken first."""
    bound = int(one(conn, "select dbkit.safe_position()"))
    source = "dbkit.read_all(%s, %s, array['Closed'], null, null, %s)"
    events = fetch(conn, source, after, limit, bound)
    return events, checkpoint_after(events, after) if len(events) == limit else max(after, bound)


def naively(conn: Connection, after: int, limit: int) -> tuple[list[Event], int]:
    """What one writes who does not know: the control."""
    source = "dbkit.event_store where position > %s order by position limit %s"
    events = fetch(conn, source, after, limit)
    return events, checkpoint_after(events, after)


@dataclass
class Reader:
    """Polls from a checkpoint of its own until the writers are done and nothing is left."""

    url: str
    read: Read
    limit: int
    options: str = "-c role=service_role"
    checkpoint: int = 0
    events: list[Event] = field(default_factory=list)
    polls: int = 0

    def poll(self, conn: Connection) -> bool:
        events, self.checkpoint = self.read(conn, self.checkpoint, self.limit)
        self.events += events
        self.polls += 1
        return bool(events)

    def run(self, done: threading.Event) -> None:
        with connect(self.url, autocommit=True, options=self.options) as conn:
            while not done.is_set():
                self.poll(conn)
            while self.poll(conn):
                pass


def follow(url: str, schedule: list[list[Step]], readers: Iterable[Reader]) -> Ledger:
    """Writers and readers together, until all are done."""
    done = threading.Event()
    following = list(readers)
    with ThreadPoolExecutor(len(following)) as pool:
        reading = [pool.submit(reader.run, done) for reader in following]
        ledger = run_writers(url, schedule, done)
        for one_reader in reading:
            one_reader.result()
    return ledger


# --- what must hold --------------------------------------------------------------------------


def stored(url: str) -> list[Event]:
    with connect(url) as conn:
        return fetch(conn, "dbkit.event_store order by position")


def misordered(events: Iterable[Event]) -> list[Event]:
    """Events that did not come right after the version before, in their stream."""
    newest: dict[tuple[str, str, str], int] = defaultdict(int)
    wrong = []
    for one_event in events:
        if one_event.version != newest[one_event.stream] + 1:
            wrong.append(one_event)
        newest[one_event.stream] = one_event.version
    return wrong


BROKEN_STREAMS = """
select s.organization_id, s.aggregate_type, s.aggregate_id
from dbkit.event_streams s
full join (
  select e.organization_id, e.aggregate_type, e.aggregate_id, max(e.version) as version,
    min(e.version) as first_version, count(*) as events, count(distinct e.version) as versions,
    max(e.created_at) as last_event_at,
    bool_and(e.in_order) as in_order
  from (
    select o.*, coalesce(o.position > lag(o.position) over w
      and o.created_at >= lag(o.created_at) over w, true) as in_order
    from dbkit.event_store o
    window w as (partition by o.organization_id, o.aggregate_type, o.aggregate_id
      order by o.version)) e
  group by 1, 2, 3
) e using (organization_id, aggregate_type, aggregate_id)
where (s.version = e.version and e.events = e.version and e.versions = e.version
  and e.first_version = 1 and e.in_order and s.last_event_at = e.last_event_at) is not true
"""
"""Streams whose head is not that of their events, that have a gap or a double version, or whose
positions or times go back."""


def broken_streams(url: str) -> list[dict[str, Any]]:
    with connect(url) as conn:
        return rows(conn, BROKEN_STREAMS)
