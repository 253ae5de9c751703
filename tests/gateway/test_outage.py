"""The database dies, freezes, ends sessions: answers stay honest and quick, and all comes back.

Each client keeps a ledger. What was answered 200 is there once; what was answered 503 without
OUTCOME_UNKNOWN is not there.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dbkit.gateway_pool import Pool
from dbkit.migrations import migrate
from dbkit.server import Server, down, up
from tests.gateway.conftest import SHOP
from tests.gateway.serving import Serving, serving
from tests.gateway.traffic import Wire, left_behind, watched_pools
from tests.helpers import connect, one, rows

SIZE, CLIENTS = 4, 12
QUEUE, TIMEOUT = 0.5, 0.5
PATIENCE = 2.0
MARGIN = 1.0
MANY = 40
"""Answers that are waited for: several of each client."""
"""Of a machine that does other things too."""

SLOW_NOTE = """
create function shop.slow_note(p jsonb) returns jsonb language plpgsql as $$
begin
  insert into shop.notes (note) values (p ->> 'note');
  perform pg_sleep(0.01);
  return '{}';
end $$;
grant execute on function shop.slow_note to public;
select dbkit.register_rpc('slow_note', 'v1', 'shop.slow_note(jsonb)', 'write',
  p_compatible_with => '{v2,v3}');
create role gateway_of_outage login password 'outage' in role dbkit_gateway;
"""


@dataclass
class Site:
    """A server of the test's own, which it may kill, and a gateway in front of it."""

    home: Path
    server: Server
    gateway: Serving
    pool: Pool

    @property
    def pid(self) -> int:
        assert self.server.pid is not None
        return self.server.pid

    def processes(self) -> list[int]:
        """The postmaster and its children."""
        found = [self.pid]
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == self.pid:
                found.append(int(stat.parent.name))
        return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("outage")
    server = up(home)
    assert server.data_dir is not None
    migrate(server.url)
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute(SHOP.read_bytes())
        conn.execute(SLOW_NOTE.encode())
    yield home
    down(home)
    shutil.rmtree(server.data_dir.parent, ignore_errors=True)


@pytest.fixture
def site(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    server = up(home)
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute("truncate shop.notes")
    url = make_conninfo(server.url, user="gateway_of_outage", password="outage")
    options: dict[str, Any] = {"pool": SIZE, "queue_seconds": QUEUE, "timeout": TIMEOUT}
    with watched_pools(monkeypatch) as pools, serving(url, **options) as gateway:
        yield Site(home, server, gateway, pools[0])


@dataclass(frozen=True)
class Answered:
    began: float
    ended: float
    reads: bool
    note: str
    status: int
    code: str | None
    retry_after: str | None

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass
class Ledger:
    answers: list[Answered] = field(default_factory=list)
    stopped: bool = False

    def between(self, begin: float, end: float) -> list[Answered]:
        return [a for a in self.answers if begin <= a.began and a.ended <= end]

    async def reaches(self, number: int, since: float) -> None:
        """So many answers to requests that began after that time."""
        await self.until(lambda: len(self.between(since, float("inf"))) >= number)

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not reached():  # noqa: ASYNC110  (other tasks write the answers)
                await asyncio.sleep(0.01)

    def slowest(self) -> float:
        return max(a.seconds for a in self.answers)

    def check(self, url: str) -> None:
        with connect(url) as conn:
            there = Counter(row["note"] for row in rows(conn, "select note from shop.notes"))
        writes = [a for a in self.answers if not a.reads]
        assert {a.status for a in self.answers} <= {200, 503}, Counter(
            (a.status, a.code) for a in self.answers
        )
        assert all(a.retry_after for a in self.answers if a.status == 503)
        assert [a for a in writes if a.status == 200 and there[a.note] != 1] == []
        undone = [a for a in writes if a.status == 503 and a.code != "OUTCOME_UNKNOWN"]
        assert [a for a in undone if there[a.note]] == []
        assert not [a for a in self.answers if a.reads and a.code == "OUTCOME_UNKNOWN"]
        print(Counter((a.reads, a.status, a.code) for a in self.answers), f"{self.slowest():.2f} s")


@contextmanager
def load(site: Site) -> Iterator[tuple[Ledger, list[asyncio.Task[None]]]]:
    """Clients that read and write without a pause, until the ledger is stopped."""
    ledger = Ledger()

    async def client(number: int) -> None:
        wire = Wire(site.gateway.port)
        turn = 0
        while not ledger.stopped:
            turn += 1
            note, reads, began = f"{number}-{turn}", turn % 2 == 0, time.monotonic()
            if reads:
                await wire.send("/rpc/whoami?a=1")
            else:
                await wire.send("/rpc/slow_note", {"note": note})
            reply = await wire.reply()
            code = None if reply.status == 200 else reply.body["error"]["code"]
            retry = reply.headers.get("retry-after")
            now = time.monotonic()
            ledger.answers.append(Answered(began, now, reads, note, reply.status, code, retry))
            if reply.status != 200:
                await asyncio.sleep(0.02)
        await wire.drop()

    tasks = [asyncio.create_task(client(number)) for number in range(CLIENTS)]
    yield ledger, tasks


async def whole_again(site: Site, url: str) -> None:
    """The pool has its size, its sessions are clean, and the server knows of no others."""
    assert await asyncio.to_thread(left_behind, site.pool) == []
    assert (site.pool.sessions, site.pool.in_use, site.pool.waiting) == (SIZE, 0, 0)
    with connect(url) as conn:
        count = "select count(*) from pg_stat_activity where application_name = 'dbkit gateway'"
        assert one(conn, count) == SIZE


async def accepts(url: str) -> float:
    """When the server takes connections again."""
    while True:
        try:
            await (await psycopg.AsyncConnection.connect(url, connect_timeout=2)).close()
            return time.monotonic()
        except psycopg.OperationalError:
            await asyncio.sleep(0.01)


async def finish(ledger: Ledger, tasks: list[asyncio.Task[None]], since: float) -> None:
    """When there are answers to requests that began after that time."""
    await ledger.reaches(MANY, since)
    ledger.stopped = True
    async with asyncio.timeout(20):
        await asyncio.gather(*tasks)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT, signal.SIGINT])
async def test_a_database_that_dies_and_comes_back(site: Site, how: signal.Signals) -> None:
    with load(site) as (ledger, tasks):
        await ledger.reaches(MANY, 0)
        os.kill(site.pid, how)
        dead = time.monotonic() + 0.3
        await ledger.reaches(MANY, dead)
        back = asyncio.create_task(accepts(site.server.url))
        begun = time.monotonic()
        site.server = await asyncio.to_thread(up, site.home)
        accepted = await back
        await finish(ledger, tasks, accepted + 2)
    during = ledger.between(dead, begun)
    assert during
    assert {a.status for a in during} == {503}
    assert ledger.slowest() < QUEUE + MARGIN
    first = min(a.ended for a in ledger.answers if a.status == 200 and a.ended > begun)
    print(f"served {first - accepted:.2f} s after it accepts")
    assert first - accepted < 2
    after = ledger.between(accepted + 2, float("inf"))
    assert after
    assert {a.status for a in after} == {200}
    ledger.check(site.server.url)
    await whole_again(site, site.server.url)


async def test_a_frozen_database(site: Site) -> None:
    """SIGSTOP to all of its processes: connections stay open and say nothing."""
    with load(site) as (ledger, tasks):
        await ledger.reaches(MANY, 0)
        frozen = site.processes()
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        at = time.monotonic()
        await ledger.reaches(MANY, at + 0.1)
        # Also those that were under way have been given up.
        await ledger.until(lambda: ledger.slowest() > TIMEOUT + PATIENCE)
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        thawed = time.monotonic()
        await finish(ledger, tasks, thawed + 2)
    during = ledger.between(at + 0.1, thawed)
    assert during
    assert {a.status for a in during} == {503}
    assert ledger.slowest() < QUEUE + TIMEOUT + PATIENCE + MARGIN
    first = min(a.ended for a in ledger.answers if a.status == 200 and a.ended > thawed)
    print(f"served {first - thawed:.2f} s after it goes on")
    assert first - thawed < 2
    assert {a.status for a in ledger.between(thawed + 2, float("inf"))} == {200}
    ledger.check(site.server.url)
    await whole_again(site, site.server.url)


async def test_a_frozen_postmaster_is_not_missed(site: Site) -> None:
    """No new connections; the old ones serve on."""
    with load(site) as (ledger, tasks):
        os.kill(site.pid, signal.SIGSTOP)
        try:
            await finish(ledger, tasks, time.monotonic())
        finally:
            os.kill(site.pid, signal.SIGCONT)
    assert {a.status for a in ledger.answers} == {200}
    ledger.check(site.server.url)
    await whole_again(site, site.server.url)


async def test_sessions_that_are_ended_under_load(site: Site) -> None:
    """A read is tried again on a new session; one in a round may meet the next end too."""
    rounds = 8
    with load(site) as (ledger, tasks), connect(site.server.url, autocommit=True) as conn:
        for _ in range(rounds):
            await ledger.reaches(MANY, time.monotonic())
            conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'dbkit gateway'"
            )
        ended = time.monotonic()
        await finish(ledger, tasks, ended + 1)
    ledger.check(site.server.url)
    refused = [a for a in ledger.answers if a.reads and a.status != 200]
    print(f"{len(refused)} reads refused in {rounds} rounds")
    assert len(refused) <= rounds
    assert {a.status for a in ledger.between(ended + 1, float("inf"))} == {200}
    assert ledger.slowest() < QUEUE + MARGIN
    await whole_again(site, site.server.url)
