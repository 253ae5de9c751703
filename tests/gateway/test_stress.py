"""Many clients at once: contexts stay apart, overload is bounded, who is gone is let go."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dbkit.server import Server
from tests.conftest import new_database
from tests.gateway.conftest import SHOP
from tests.gateway.serving import Serving, within
from tests.gateway.traffic import SECRET, Wire, left_behind, storm, tenants, watched_pools
from tests.helpers import connect, one, rows

Serve = Callable[..., Serving]
REQUESTS = 10_000
CONTROL = 600


async def test_no_context_reaches_another_request(
    serve: Serve, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched_pools(monkeypatch) as pools:
        gateway = serve(pool=5, jwt_secret=SECRET, queue_seconds=10)
    outcome = await storm(gateway.port, tenants(shop), REQUESTS)
    assert outcome.leaks == []
    statuses = outcome.statuses
    assert sum(statuses.values()) == REQUESTS
    assert {key for key in statuses if key[0] != "error"} <= {
        ("ok", 200),
        ("get", 200),
        ("within", 200),
        ("late", 504),
        ("gone", 0),
        ("hasty", 0),
    }
    assert {status for kind, status in statuses if kind == "error"} == {422, 404, 500}
    assert await asyncio.to_thread(left_behind, pools[0]) == []
    assert pools[0].sessions == 5


async def test_a_context_that_outlives_its_transaction_would_be_seen(
    serve: Serve,
    server: Server,
    template: str,
    gateway_login: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: the same with a serve_call that sets for the session."""
    user, password = gateway_login
    with new_database(server, template) as url:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(SHOP.read_bytes())
            found = conn.execute(
                "select pg_get_functiondef('dbkit.serve_call'::regproc)"
            ).fetchone()
            assert found is not None
            broken = found[0]
            for name in ("dbkit.", "request.jwt"):
                lines = [
                    line.replace(", true)", ", false)") if f"set_config('{name}" in line else line
                    for line in broken.splitlines()
                ]
                broken = "\n".join(lines)
            assert broken != found[0]
            conn.execute(broken.encode())
        with watched_pools(monkeypatch) as pools:
            gateway = serve(
                make_conninfo(url, user=user, password=password), pool=5, jwt_secret=SECRET
            )
        outcome = await storm(gateway.port, tenants(url), CONTROL)
        assert outcome.leaks
        assert await asyncio.to_thread(left_behind, pools[0])


async def test_overload_is_refused_at_once_and_passes(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 clients, two sessions, a queue of 20: each has its answer within queue time and call."""
    with watched_pools(monkeypatch) as pools:
        gateway = serve(pool=2, max_waiting=20, queue_seconds=0.5)
    (pool,) = pools

    async def client() -> tuple[int, str | None, float]:
        wire = Wire(gateway.port)
        await wire.send("/rpc/whoami", {})
        await wire.reply()
        await ready.wait()
        began = time.monotonic()
        await wire.send("/rpc/nap", {"seconds": 0.3})
        reply = await wire.reply()
        await wire.drop()
        return reply.status, reply.headers.get("retry-after"), time.monotonic() - began

    ready = asyncio.Event()
    clients: list[asyncio.Task[tuple[int, str | None, float]]] = []
    for _ in range(30):
        clients += [asyncio.create_task(client()) for _ in range(10)]
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    ready.set()
    answers = await asyncio.gather(*clients)
    slowest = max(answer[2] for answer in answers)
    print(f"slowest {slowest:.2f} s, {Counter(answer[0] for answer in answers)}")
    assert {answer[0] for answer in answers} == {200, 503}
    assert all(answer[1] == "1" for answer in answers if answer[0] == 503)
    assert sum(answer[0] == 200 for answer in answers) >= 4
    assert slowest < 0.5 + 0.3 + 1.0
    for _ in within(5):
        if (pool.sessions, pool.in_use, pool.waiting) == (2, 0, 0):
            break
    assert gateway.post("whoami").status_code == 200
    assert await asyncio.to_thread(left_behind, pool) == []


async def test_a_client_that_goes_away_ends_its_call(
    serve: Serve, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched_pools(monkeypatch) as pools:
        gateway = serve(pool=2)
    (pool,) = pools
    assert await asyncio.to_thread(left_behind, pool) == []
    sessions = set(pool._all)
    with connect(shop, autocommit=True) as conn:

        def running() -> Any:
            return one(
                conn,
                "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
                " and datname = current_database()",
            )

        for name in ("gone-1", "gone-2"):
            wire = Wire(gateway.port)
            prefer = {"prefer": "wait=9"} if name == "gone-2" else {}
            await wire.send("/rpc/nap", {"seconds": 30}, {"x-request-id": name} | prefer)
            for _ in within(5):
                if running() == 1:
                    break
            await wire.drop()
            began = time.monotonic()
            for _ in within(1):
                if running() == 0:
                    break
            print(f"ended after {time.monotonic() - began:.3f} s")
        logged: list[Any] = []
        for _ in within(20):
            logged = rows(
                conn,
                "select status_code, error_code from dbkit.api_request_log"
                " where request_id in ('gone-1', 'gone-2')",
            )
            if len(logged) == 2:
                break
        assert [tuple(row.values()) for row in logged] == [(499, "CLIENT_GONE")] * 2
    for _ in within(5):
        if pool.in_use == 0:
            break
    assert set(pool._all) == sessions
    assert gateway.post("whoami").status_code == 200
