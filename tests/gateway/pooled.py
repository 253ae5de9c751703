"""Calls straight on a pool, and a look at what its sessions keep."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dbkit.gateway_pool import Parameters, Pool

CONTEXT = (
    "app_name",
    "app_version",
    "app_version_key",
    "client_id",
    "region",
    "request_id",
    "user_id",
    "organization_id",
    "correlation_id",
    "causation_id",
    "idempotency_key",
    "api_version",
)
_KEPT = (
    "select json_build_array(current_setting('role'), current_setting('transaction_read_only'),"
    + ",".join(f" coalesce(current_setting('dbkit.{name}', true), '')" for name in CONTEXT)
    + ", coalesce(current_setting('request.jwt.claims', true), ''))::text"
).encode()
CLEAN = ["none", "off", *[""] * len(CONTEXT), ""]


def call(name: str, payload: Any = None, *, reads: bool = True, **context: str) -> Parameters:
    """Parameters of `dbkit.serve_call`, as the gateway makes them."""
    return [
        name.encode(),
        json.dumps(payload or {}).encode(),
        None,
        b"anon",
        b"t" if reads else b"f",
        json.dumps(context).encode(),
        None,
        None,
    ]


@asynccontextmanager
async def pooling(url: str, **options: Any) -> AsyncIterator[Pool]:
    """An open pool; small and patient unless told otherwise."""
    given = {"size": 2, "max_waiting": 10, "queue_seconds": 5.0, "timeout_seconds": 5.0}
    pool = Pool(url, **(given | options))
    await pool.open()
    try:
        await settled(pool)
        yield pool
    finally:
        await pool.close()


async def settled(pool: Pool, seconds: float = 10) -> None:
    """Wait until the pool has its size and nobody uses it."""
    async with asyncio.timeout(seconds):
        while pool.sessions < pool._size or pool.in_use or pool._cancelling:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def kept(pool: Pool) -> list[list[str]]:
    """Role, read-only and settings that each idle session has now."""
    found: list[list[str]] = []
    for session in pool._idle:
        value = await session.ask(_KEPT)
        assert value is not None
        found.append(json.loads(value))
    return found
