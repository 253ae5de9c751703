"""The gateway behind PgBouncer in transaction mode: the same calls, and contexts stay apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from dbkit.gateway_pool import Away, Failed
from tests.gateway.bouncer import KNOWS_STATEMENTS, PROGRAM, bouncing, version
from tests.gateway.pooled import CLEAN, call, kept, pooling, settled
from tests.gateway.serving import Serving, within
from tests.gateway.traffic import SECRET, left_behind, storm, tenants, watched_pools
from tests.helpers import connect, one, rows

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")
REQUESTS = 10_000
SERVERS = 3


@pytest.fixture(params=["0", "100"])
def through(request: pytest.FixtureRequest, gateway_url: str) -> Iterator[str]:
    """With and without prepared statements of its clients."""
    options = {}
    if version() >= KNOWS_STATEMENTS:
        options["max_prepared_statements"] = request.param
    elif request.param != "0":
        pytest.skip("PgBouncer before 1.21 knows no prepared statements")
    with bouncing(gateway_url, size=SERVERS, **options) as url:
        yield url


async def test_no_context_reaches_another_request(
    through: str, shop: str, serve: Callable[..., Serving], monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched_pools(monkeypatch) as pools:
        gateway = serve(through, pool=5, jwt_secret=SECRET, queue_seconds=10)
    outcome = await storm(gateway.port, tenants(shop), REQUESTS)
    assert outcome.leaks == []
    statuses = outcome.statuses
    assert sum(statuses.values()) == REQUESTS
    wanted = {("ok", 200), ("get", 200), ("within", 200), ("late", 504), ("gone", 0), ("hasty", 0)}
    assert {key for key in statuses if key[0] != "error"} <= wanted
    assert {status for kind, status in statuses if kind == "error"} == {422, 404, 500}
    assert await asyncio.to_thread(left_behind, pools[0]) == []
    assert pools[0].sessions == 5


async def test_the_pool_reaches_its_size_and_keeps_time_outs(through: str) -> None:
    """PgBouncer takes no statement_timeout at the start: every call brings its own."""
    async with pooling(through, size=6, timeout_seconds=0.3) as pool:
        with pytest.raises(Failed) as failed:
            await pool.serve(call("nap", {"seconds": 5}))
        assert failed.value.sqlstate == "57014"
        assert await kept(pool) == [CLEAN] * 6
        answers = await asyncio.gather(*[pool.serve(call("whoami")) for _ in range(6)])
        assert len(answers) == 6


async def test_time_outs_are_kept_when_the_wish_is_passed_over(gateway_url: str) -> None:
    with bouncing(gateway_url, ignore_startup_parameters="options") as url:
        async with pooling(url, timeout_seconds=0.3) as pool:
            with pytest.raises(Failed) as failed:
                await pool.serve(call("nap", {"seconds": 5}))
            assert failed.value.sqlstate == "57014"


async def test_a_cancelled_call_ends_and_no_other(through: str, shop: str) -> None:
    async with pooling(through, size=4, timeout_seconds=20) as pool:
        for _ in range(10):
            nap = asyncio.create_task(pool.serve(call("nap", {"seconds": 15})))
            await asyncio.sleep(0.03)
            others = [
                asyncio.create_task(pool.serve(call("nap", {"seconds": 0.05}))) for _ in range(4)
            ]
            nap.cancel()
            await asyncio.gather(*others)
            async with asyncio.timeout(5):
                await settled(pool)
        with connect(shop) as conn:
            assert (
                one(conn, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == 0
            )


async def test_server_connections_that_end(through: str, shop: str) -> None:
    """What PgBouncer says of a lost connection says nothing of the call."""
    async with pooling(through, size=2) as pool:
        task = asyncio.create_task(pool.serve(call("nap", {"seconds": 5})))
        await asyncio.sleep(0.1)
        with connect(shop) as conn:
            rows(
                conn,
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where wait_event = 'PgSleep' and datname = current_database()",
            )
        with pytest.raises((Failed, Away)) as ended:
            await task
        print(repr(ended.value), vars(ended.value))
        await settled(pool)
        assert (await pool.serve(call("whoami"))).meta


def test_the_catalog_is_read_by_the_clock(
    through: str, shop: str, serve: Callable[..., Serving]
) -> None:
    gateway = serve(through, pool=2)
    assert gateway.post("whoami").status_code == 200
    for _ in within(10):
        if gateway.client.get("/health/ready").status_code == 200:
            break
