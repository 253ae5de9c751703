"""Whatever becomes of writers and consumers, a group gets every committed event: its effect happens
once when it is acknowledged in the same transaction, and each stream keeps its order."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import psycopg

from tests.events import stress
from tests.events.groups import Claimed, claim, register
from tests.helpers import Connection, connect, one, rows

WRITERS = 6
TRANSACTIONS = 60 * stress.TORTURE
"""Of each writer."""
CONSUMERS = 5
PARTITIONS = 4

Fate = Literal[
    "done", "in parts", "rolled back", "killed idle", "killed in work", "paused", "failed", "left"
]
FATES: dict[Fate, int] = {
    "done": 50,
    "in parts": 12,
    "rolled back": 6,
    "killed idle": 3,
    "killed in work": 5,
    "paused": 14,
    "failed": 3,
    "left": 7,
}
"""What becomes of a batch, by weight. Paused: past its lease, and then it goes on."""

LATE = {"KD532", "KD004"}
KILLED = {"57P01"}

EFFECT = """
insert into public.effects (position, organization_id, stream, version)
select * from unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[])
"""


@dataclass
class Consumer:
    """One connection; `end` is how it acknowledges in its transaction."""

    url: str
    number: int
    end: Callable[[Connection, Claimed], None]
    happened: Counter[str] = field(default_factory=Counter)

    def connect(self) -> Connection:
        return connect(self.url, autocommit=True, options="-c role=service_role")

    def run(self, done: threading.Event) -> Counter[str]:
        chance = random.Random(stress.SEED * 100 + self.number)
        conn = self.connect()
        with connect(self.url, autocommit=True) as boss:
            while True:
                finished = done.is_set()
                if conn.closed:
                    conn = self.connect()
                batch = claim(conn, consumer=f"c{self.number}", limit=7, seconds=1)
                if batch:
                    fate = chance.choices(list(FATES), list(FATES.values()))[0]
                    self.happened[self.work(conn, boss, batch, fate, chance)] += 1
                elif finished and not one(boss, LEFT):
                    break
        conn.close()
        return self.happened

    def work(
        self, conn: Connection, boss: Connection, batch: Claimed, fate: Fate, chance: random.Random
    ) -> str:
        try:
            if fate == "left":
                batch.release(conn)
            elif fate == "failed":
                batch.fail(conn, chance.choice(batch.positions))
            elif fate == "killed idle":
                self.kill(conn, boss)
            else:
                self.do(conn, boss, batch, fate, chance)
        except psycopg.Error as error:
            if error.sqlstate in LATE:
                return f"{fate}, too late"
            if error.sqlstate not in KILLED and not conn.closed:
                raise
            conn.close()
        return fate

    def do(
        self, conn: Connection, boss: Connection, batch: Claimed, fate: Fate, chance: random.Random
    ) -> None:
        if fate == "paused":
            boss.execute(END_LEASE, [batch.partition, batch.token])
            conn.execute("select pg_sleep(%s)", [chance.choice((0.0, 0.01, 0.05))])
        cut = chance.randrange(len(batch.positions)) if fate == "in parts" else None
        with conn.transaction(force_rollback=fate == "rolled back"):
            conn.execute(EFFECT, effects_of(batch, 0, None if cut is None else cut + 1))
            if cut is None:
                self.end(conn, batch)
            else:
                batch.ack(conn, batch.positions[cut])
            if fate == "killed in work":
                self.kill(conn, boss)
        if cut is not None and cut + 1 < len(batch.positions):
            with conn.transaction():
                conn.execute(EFFECT, effects_of(batch, cut + 1, None))
                self.end(conn, batch)

    def kill(self, conn: Connection, boss: Connection) -> None:
        one(boss, "select pg_terminate_backend(%s)", conn.info.backend_pid)
        conn.execute("select 1")
        raise AssertionError("a killed session goes on")


def effects_of(batch: Claimed, begin: int, end: int | None) -> list[object]:
    columns = (batch.positions, batch.organizations, batch.streams, batch.versions)
    return [column[begin:end] for column in columns]


LEFT = """
select exists (
  select from dbkit.event_consumer_partitions p
  where p.leased_by is not null or p.retry_at is not null
    or p.position < (select max(e.position) from dbkit.event_store e))
"""
END_LEASE = """
update dbkit.event_consumer_partitions set leased_until = clock_timestamp()
where partition = %s and token = %s
"""


def acknowledge(conn: Connection, batch: Claimed) -> None:
    batch.ack(conn)


def acknowledge_without_token(conn: Connection, batch: Claimed) -> None:
    """What one writes who does not know."""
    conn.execute("set local role none")
    conn.execute(
        """update dbkit.event_consumer_partitions
        set position = greatest(position, %s), leased_by = null, leased_until = null, batch = null
        where partition = %s""",
        [batch.positions[-1], batch.partition],
    )


def prepare(url: str) -> None:
    """The effects have no key, so that nothing but the acknowledgement keeps one from happening
    twice."""
    with connect(url) as conn:
        conn.execute(
            """create table public.effects (nth bigint generated always as identity,
            position bigint, organization_id text, stream text, version bigint)"""
        )
        conn.execute("grant usage on schema public to service_role")
        conn.execute("grant all on public.effects to service_role")
        register(conn, partitions=PARTITIONS, max_failures=1000)


def run(url: str, end: Callable[[Connection, Claimed], None]) -> tuple[stress.Ledger, Counter[str]]:
    endings = stress.ENDINGS if stress.in_two_phases(url) else stress.without_two_phases()
    schedule = stress.draw_schedule(stress.SEED, WRITERS, TRANSACTIONS, endings)
    done = threading.Event()
    happened: Counter[str] = Counter()
    with ThreadPoolExecutor(CONSUMERS) as pool:
        consumers = [Consumer(url, number, end) for number in range(CONSUMERS)]
        running = [pool.submit(consumer.run, done) for consumer in consumers]
        ledger = stress.run_writers(url, schedule, done)
        for each in running:
            happened += each.result(300)
    return ledger, happened


def positions(url: str, statement: str) -> list[int]:
    with connect(url) as conn:
        return [r["position"] for r in rows(conn, statement)]


def out_of_order(url: str) -> list[str]:
    """Streams whose effects are not those of versions 1, 2, 3 and so on."""
    with connect(url) as conn:
        found = rows(
            conn,
            """select organization_id || '/' || stream as stream,
              array_agg(version order by nth) as v
            from public.effects group by 1""",
        )
    return [r["stream"] for r in found if r["v"] != list(range(1, len(r["v"]) + 1))]


EFFECTS = "select position from public.effects order by position"
EVENTS = "select position from dbkit.event_store order by position"


def test_every_effect_happens_once_and_in_the_order_of_its_stream(database: str) -> None:
    prepare(database)
    ledger, happened = run(database, acknowledge)
    there = positions(database, EVENTS)
    assert len(there) == len(ledger.committed)
    assert positions(database, EFFECTS) == there
    assert out_of_order(database) == []
    with connect(database) as conn:
        events = one(conn, "select sum(events) from dbkit.event_consumer_partitions")
    assert events == len(there)
    assert {name.removesuffix(", too late") for name in happened} == FATES.keys()
    assert happened["paused, too late"] > 0
    print(
        f"seed {stress.SEED}: {len(there)} events by {WRITERS} writers, {CONSUMERS} consumers,"
        f" 0 missed, 0 twice, 0 misordered; {dict(happened)}"
    )


def test_control_without_token_and_mark_events_are_lost_and_come_twice(database: str) -> None:
    """The same with the two protections taken away, one at each end."""
    prepare(database)
    with connect(database) as conn:
        conn.execute(
            """create or replace function dbkit.safe_position() returns bigint language sql volatile
            security definer as 'select coalesce(max(position), 0) from dbkit.event_store'"""
        )
    ledger, happened = run(database, acknowledge_without_token)
    done = positions(database, EFFECTS)
    missed = len(ledger.committed) - len(set(done))
    twice = len(done) - len(set(done))
    print(f"seed {stress.SEED}: missed {missed}, twice {twice}; {dict(happened)}")
    assert missed > 0
    assert twice > 0


def test_acknowledged_afterwards_each_event_comes_at_least_once(database: str) -> None:
    """At most twice for a fault: the effect is committed, and the acknowledgement is not."""
    prepare(database)

    def afterwards(conn: Connection, batch: Claimed) -> None:
        conn.execute("commit")
        conn.execute("begin")
        batch.ack(conn)

    ledger, happened = run(database, afterwards)
    done = positions(database, EFFECTS)
    there = positions(database, EVENTS)
    assert sorted(set(done)) == there
    assert len(there) == len(ledger.committed)
    faults = sum(count for fate, count in happened.items() if fate not in ("done", "left"))
    twice = len(done) - len(there)
    print(f"seed {stress.SEED}: {twice} of {len(there)} twice by {faults} faults")
    assert 0 < twice <= 7 * faults
