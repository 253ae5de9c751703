"""Sessions and the pool against a real server: nothing is lost, whatever ends a call."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import signal
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dbkit.gateway_pool import Away, Busy, Failed, Pool, Session, Silent
from tests.gateway.pooled import CLEAN, call, kept, pooling, settled
from tests.helpers import connect, one, rows

MEGABYTE = 1_000_000


async def works(pool: Pool) -> None:
    """Each session serves, and knows nothing of what went before."""
    await settled(pool)
    assert await kept(pool) == [CLEAN] * pool.sessions
    for _ in range(2 * pool.sessions):
        told = json.loads((await pool.serve(call("whoami", request_id="mine"))).data)
        assert (told["request_id"], set(told)) == (
            "mine",
            {"request_id", "role", "read_only", "payload", "claims"},
        )
    await settled(pool)


def backends(url: str) -> list[int]:
    with connect(url) as conn:
        found = rows(
            conn,
            "select pid from pg_stat_activity where application_name = 'dbkit gateway'"
            " and datname = current_database()",
        )
    return [row["pid"] for row in found]


async def backend(pool: Pool) -> int:
    """Process of the first idle session."""
    return int(await pool._idle[0].ask(b"select pg_backend_pid()") or 0)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run, one step at a time, until it is so."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_ten_megabytes_there_and_back(gateway_url: str) -> None:
    async with pooling(gateway_url) as pool:
        for within in (None, 5.0):
            texts = [letter * 10 * MEGABYTE for letter in "abc"]
            served = await asyncio.gather(
                *[pool.serve(call("whoami", {"text": text}), within=within) for text in texts]
            )
            for text, answer in zip(texts, served, strict=True):
                assert json.loads(answer.data)["payload"] == {"text": text}
        await works(pool)


async def test_an_error_in_each_statement_of_a_pipeline(gateway_url: str, shop: str) -> None:
    with connect(shop) as conn:
        conn.execute(
            "create table shop.late (note text unique deferrable initially deferred);"
            "grant all on shop.late to public;"
            "create function shop.add_late(p jsonb) returns jsonb language plpgsql as $$"
            " begin insert into shop.late values (p ->> 'note'); return '{}'; end $$;"
            "grant execute on function shop.add_late to public;"
            "select dbkit.register_rpc('add_late', 'v1', 'shop.add_late(jsonb)', 'write',"
            " p_compatible_with => '{v2,v3}')"
        )
        conn.commit()
    async with pooling(gateway_url, size=1) as pool:
        session = pool._idle[0]
        results = await session.call_within(call("whoami"), 2**40)
        assert results[1].error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"22023"
        await session.recover()
        with pytest.raises(Failed) as failed:
            await pool.serve(call("fail", {"sqlstate": "22012"}), within=5.0)
        assert failed.value.sqlstate == "22012"
        note = call("add_late", {"note": "once"}, reads=False)
        await pool.serve(note, within=5.0)
        for within in (None, 5.0):
            with pytest.raises(Failed) as failed:
                await pool.serve(note, within=within)
            assert failed.value.sqlstate == "23505"
        assert pool._idle == [session]
        await works(pool)


@pytest.mark.parametrize("within", [None, 4.0])
async def test_cancelled_at_any_moment(gateway_url: str, within: float | None) -> None:
    """After k steps of the loop, and after random times; with others that wait for the session."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    async with pooling(gateway_url, size=1) as pool:
        for turn in range(120):
            name, payload = dice.choice(
                [("whoami", {}), ("nap", {"seconds": 0.01}), ("fail", {"sqlstate": "22012"})]
            )
            tasks = [
                asyncio.create_task(
                    pool.serve(call(name, payload, client_id="c", region="r"), within=within)
                )
                for _ in range(3)
            ]
            if turn < 40:
                for _ in range(turn):
                    await asyncio.sleep(0)
            else:
                await asyncio.sleep(dice.random() * 0.02)
            for task in dice.sample(tasks, dice.randint(1, 3)):
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert not [e for e in ends if isinstance(e, (Away, Busy))], (seed, turn, ends)
        assert pool.waiting == 0
        await works(pool)


async def test_a_cancelled_call_ends_in_the_database(gateway_url: str, shop: str) -> None:
    async with pooling(gateway_url, size=1) as pool:
        session = pool._idle[0]
        task = asyncio.create_task(pool.serve(call("nap", {"seconds": 30})))
        await asyncio.sleep(0.05)
        task.cancel()
        async with asyncio.timeout(2):
            await settled(pool)
        assert pool._idle == [session]
        with connect(shop) as conn:
            running = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
            assert one(conn, running) == 0
        await works(pool)


async def test_an_unconfirmed_cancel_ends_the_session(
    gateway_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it could arrive while the next request's statement runs."""

    async def unconfirmed(self: Session) -> None:
        raise psycopg.errors.CancellationTimeout("not confirmed")

    async with pooling(gateway_url, size=1) as pool:
        session = pool._idle[0]
        monkeypatch.setattr(Session, "cancel", unconfirmed)
        task = asyncio.create_task(pool.serve(call("nap", {"seconds": 0.1})))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await works(pool)
        assert session.lost


async def test_a_ticket_that_is_cancelled_with_a_session_gives_it_back(gateway_url: str) -> None:
    async with pooling(gateway_url, size=1) as pool:
        session = pool._idle.pop()
        first, second = [asyncio.create_task(pool.serve(call("whoami"))) for _ in range(2)]
        await until(lambda: pool.waiting == 2)
        pool._release(session)
        first.cancel()
        assert json.loads((await second).data)["role"] == "anon"
        assert first.cancelled()
        await works(pool)


async def test_a_session_that_breaks_on_its_way_to_a_ticket_is_not_used(gateway_url: str) -> None:
    async with pooling(gateway_url, size=1) as pool:
        session = pool._idle.pop()
        waiting = asyncio.create_task(pool.serve(call("whoami")))
        await until(lambda: pool.waiting == 1)
        pool._release(session)
        session.close()
        assert json.loads((await waiting).data)["role"] == "anon"
        await works(pool)


async def test_the_queue_is_bounded_in_length_and_time(gateway_url: str) -> None:
    async with pooling(gateway_url, size=1, max_waiting=2, queue_seconds=0.1) as pool:
        nap = asyncio.create_task(pool.serve(call("nap", {"seconds": 0.5})))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(pool.serve(call("whoami"))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await pool.serve(call("whoami"))
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [Busy, Busy]
        await nap
        await works(pool)


async def test_a_statement_that_vanished(gateway_url: str) -> None:
    async with pooling(gateway_url) as pool:
        for session in pool._idle:
            await session.ask(b"deallocate all")
        for within in (None, 4.0):
            for _ in range(3):
                await pool.serve(call("whoami"), within=within)
        await works(pool)


async def test_sessions_that_are_ended_while_idle_are_replaced(gateway_url: str, shop: str) -> None:
    """A request that comes in between waits for the new ones; it does not fail."""
    async with pooling(gateway_url) as pool:
        for _ in range(5):
            with connect(shop) as conn:
                conn.execute(
                    "select pg_terminate_backend(pid, 5000) from unnest(%s) as pid",
                    [backends(shop)],
                )
            await until(lambda: pool.sessions < 2)
            assert (await pool.serve(call("whoami"))).meta
            await works(pool)


@pytest.mark.parametrize("within", [None, 4.0])
async def test_a_call_whose_backend_is_ended_is_known_to_be_undone(
    gateway_url: str, shop: str, within: float | None
) -> None:
    async with pooling(gateway_url, size=1) as pool:
        task = asyncio.create_task(pool.serve(call("nap", {"seconds": 5}), within=within))
        await asyncio.sleep(0.05)
        with connect(shop) as conn:
            for pid in backends(shop):
                conn.execute("select pg_terminate_backend(%s)", [pid])
        with pytest.raises(Failed) as failed:
            await task
        assert failed.value.sqlstate == "57P01"
        await works(pool)


async def test_the_outcome_is_unknown_when_a_backend_is_killed(gateway_url: str, shop: str) -> None:
    """Seen from here by a socket that ends; a kill -9 would restart the server of all tests."""
    async with pooling(gateway_url, size=1) as pool:
        task = asyncio.create_task(pool.serve(call("nap", {"seconds": 0.2}, reads=False)))
        await asyncio.sleep(0.02)
        (session,) = pool._all
        copy = socket.socket(fileno=os.dup(session._socket))
        copy.shutdown(socket.SHUT_RDWR)
        copy.close()
        with pytest.raises(Away) as away:
            await task
        assert away.value.sent
        await works(pool)


async def test_an_error_of_a_handler_that_looks_like_a_lost_connection(gateway_url: str) -> None:
    async with pooling(gateway_url, size=1) as pool:
        session = pool._idle[0]
        for sqlstate in ("08006", "57P01"):
            with pytest.raises(Failed):
                await pool.serve(call("fail", {"sqlstate": sqlstate}))
        assert pool._idle == [session]


async def test_a_frozen_backend_is_given_up(gateway_url: str) -> None:
    async with pooling(gateway_url, size=1, timeout_seconds=0.2) as pool:
        pid = await backend(pool)
        os.kill(pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(0.2 + 2.0 + 0.6):
                with pytest.raises(Silent) as silent:
                    await pool.serve(call("whoami"))
            assert silent.value.sent
            await works(pool)
        finally:
            os.kill(pid, signal.SIGCONT)


async def test_a_frozen_backend_is_given_up_while_connections_are_refused(
    gateway_url: str,
) -> None:
    async with pooling(gateway_url, size=2, timeout_seconds=0.2) as pool:
        pool._url = make_conninfo(gateway_url, port=1)
        pool._idle[0].close()
        pid = await backend(pool)
        os.kill(pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(0.2 + 2.0 + 0.6):
                with pytest.raises(Silent):
                    await pool.serve(call("whoami"))
        finally:
            os.kill(pid, signal.SIGCONT)
        with pytest.raises(Away) as away:
            while True:
                await pool.serve(call("whoami"))
        assert not away.value.sent
        pool._url = gateway_url
        await works(pool)


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("within", [None, 5.0])
async def test_a_reset_is_noticed(gateway_url: str, watched: bool, within: float | None) -> None:
    """Also where the loop does not tell: uvloop ceases to watch a socket that is reset."""
    async with relay(gateway_url) as (url, reset), pooling(url) as pool:
        task = asyncio.create_task(pool.serve(call("nap", {"seconds": 4}), within=within))
        await asyncio.sleep(0.1)
        if not watched:
            for session in pool._all:
                session._loop.remove_reader(session._socket)
        reset()
        async with asyncio.timeout(1.5):
            with pytest.raises(Away) as away:
                await task
        assert away.value.sent
        async with asyncio.timeout(1.5):
            await works(pool)


@asynccontextmanager
async def relay(url: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """The same database by another port, and what resets all connections there."""
    target = conninfo_to_dict(url)
    writers: list[asyncio.StreamWriter] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = str(target["host"]), int(str(target["port"]))
        there, back = await asyncio.open_connection(host, port)
        await asyncio.gather(copy(reader, back), copy(there, writer))

    def reset() -> None:
        for writer in writers:
            linger = struct.pack("ii", 1, 0)
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
            writer.transport.abort()
        writers.clear()

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    yield make_conninfo(url, port=port), reset
    reset()
    listening.close()


async def test_closing_while_calls_run(gateway_url: str) -> None:
    """Whoever runs or waits hears of it; no session, task or unheard error is left."""
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    async with pooling(gateway_url, queue_seconds=3) as pool:
        tasks = [
            asyncio.create_task(pool.serve(call("nap", {"seconds": 2}), within=w))
            for w in (None, 4.0, None, 4.0)
        ]
        gone = asyncio.create_task(pool.serve(call("nap", {"seconds": 2})))
        await asyncio.sleep(0.05)
        gone.cancel()
        tasks[0].cancel()
        await asyncio.sleep(0)
        await pool.close()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ends[1:]] == [Away] * 3
        assert (pool.sessions, pool.in_use, pool.waiting) == (0, 0, 0)
        with pytest.raises(Away):
            await pool.serve(call("whoami"))
    del tasks, gone, ends
    gc.collect()
    assert unheard == []
    assert len(asyncio.all_tasks()) == 1


async def test_closing_while_it_connects(gateway_url: str) -> None:
    for steps in range(0, 60, 3):
        pool = Pool(gateway_url, size=3, max_waiting=1, queue_seconds=1, timeout_seconds=1)
        await pool.open()
        for _ in range(steps):
            await asyncio.sleep(0)
        await pool.close()
        assert pool.sessions == 0
    gc.collect()
    assert len(asyncio.all_tasks()) == 1
