"""The limit: a Starlette handler that forwards one prepared statement, and does nothing else.

No roles, versions, context, log, limits, checks or errors: `/rpc` forwards the routed call,
`/direct` the handler's own function. psycopg's pool, autocommit, Postgres' own parameters (`$1`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, AsyncRawCursor
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_ROUTED = "select dbkit.route_api_call($1, $2::jsonb)::text"
_DIRECT = {
    "get_menu_items": "select dbkit.rpc_v3_get_menu_items($1::jsonb)::text",
    "bench_store": "select bench.store($1::jsonb)::text",
}

pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]] = AsyncConnectionPool(
    os.environ["REFERENCE_URL"],
    min_size=int(os.environ["REFERENCE_POOL"]),
    max_size=int(os.environ["REFERENCE_POOL"]),
    open=False,
    kwargs={"autocommit": True, "cursor_factory": AsyncRawCursor},
)


async def _forward(statement: str, *parameters: str) -> Response:
    async with pool.connection() as conn:
        cursor = await conn.execute(statement.encode(), parameters, prepare=True)
        row = await cursor.fetchone()
    assert row is not None
    return Response(row[0], media_type="application/json")


async def routed(request: Request) -> Response:
    return await _forward(_ROUTED, request.path_params["name"], (await request.body()).decode())


async def direct(request: Request) -> Response:
    statement = _DIRECT[request.path_params["name"]]
    return await _forward(statement, (await request.body()).decode())


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    await pool.open(wait=True)
    yield
    await pool.close()


app = Starlette(
    routes=[
        Route("/rpc/{name}", routed, methods=["POST"]),
        Route("/direct/{name}", direct, methods=["POST"]),
    ],
    lifespan=lifespan,
)
