"""What the gateway itself costs a request: CPU time in this process, with a database that answers
at once, and without a socket."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

from dbkit.gateway import Gateway
from dbkit.gateway_answers import Answers, Asked
from dbkit.gateway_pages import pages
from dbkit.gateway_pool import Parameters, Pool, Served
from dbkit.gateway_query import query_from_payload, query_index
from dbkit.gateway_state import State
from dbkit.gateway_version import Negotiated, Versions
from dbkit.settings import GatewaySettings

_REQUEST = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer"},
        "cursor": {"type": "string"},
        "status": {"type": "string"},
    },
}
_META = (
    b'{"rpc": "list_orders", "version": "v2", "fallback": false, "warnings": [],'
    b' "sunset_at": null, "deprecated": false, "requested_version": null}'
)
_ITEM = (
    b'{"id": 4711, "status": "preparing", "store_id": 42, "total": 21.80, "currency": "EUR",'
    b' "created_at": "2026-01-01T12:00:00+00:00", "customer": {"id": 7, "name": "Ada Example"}}'
)
_CURSOR = "eyJsIjoibGlzdF9vcmRlcnMiLCJzIjoiLWNyZWF0ZWRfYXQifQ" * 3
_PAGE = (
    b'{"limit": 20, "total": 900, "total_kind": "exact", "has_next": true, "has_previous": true,'
    b' "next_cursor": "%(cursor)b", "previous_cursor": "%(cursor)b"}'
    % {b"cursor": _CURSOR.encode()}
)


class _Prompt(Pool):
    """Gives one answer to everything, at once."""

    answer: Served

    async def serve(self, parameters: Parameters, *, within: float | None = None) -> Served:
        return self.answer


async def request_us(
    url: str, name: str, body: str, headers: dict[str, str], *, count: int, rounds: int
) -> float:
    """Median over the rounds of the microseconds of one call, its share of the log included."""
    state = State(url, GatewaySettings())
    await state.open()
    try:
        ask = _asking(state, name, body, headers)
        prompt = _Prompt(
            url, size=1, max_waiting=0, queue_seconds=1, timeout_seconds=state.settings.timeout
        )
        parameters = [name.encode(), body.encode(), None, b"anon", b"f", b"{}", None, None]
        prompt.answer = await state.pool.serve(parameters)
        real, state.pool = state.pool, prompt
        try:
            await _repeat(ask, count)
            return statistics.median([await _repeat(ask, count) for _ in range(rounds)])
        finally:
            state.pool = real
    finally:
        await state.close()


def _asking(state: State, name: str, body: str, headers: dict[str, str]) -> Callable[[], Any]:
    given = {"host": "127.0.0.1", "content-length": str(len(body))} | headers
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": f"/rpc/{name}",
        "query_string": b"",
        "headers": [(key.lower().encode(), value.encode()) for key, value in given.items()],
        "client": ("127.0.0.1", 1),
    }
    sent = {"type": "http.request", "body": body.encode()}
    application = Gateway(state, pages(state))

    async def receive() -> dict[str, Any]:
        return sent

    async def send(message: Any) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(f"the gateway answers {message['status']}")

    async def ask() -> None:
        await application(scope, receive, send)

    return ask


async def _repeat(ask: Callable[[], Any], count: int) -> float:
    begin = time.process_time()
    for _ in range(count):
        await ask()
        # Whatever the gateway does besides requests has its turn too.
        await asyncio.sleep(0)
    return (time.process_time() - begin) / count * 1e6


def envelope_us(*, count: int, rounds: int) -> float:
    """The same of the envelope of v2 around a list of 20, asked for by POST, with all its links."""
    versions = Versions.from_catalog(
        {"active_version": "v2", "versions": [{"version": "v2", "status": "active"}]}
    )
    index = query_index(_REQUEST)
    call = {
        "name": "list_orders",
        "version": "v2",
        "request_schema": _REQUEST,
        "response_schema": {"x-dbkit-list": True, "x-dbkit-related": {"stores": "list_stores"}},
    }
    answers = Answers(
        versions, [call], query_of=lambda _call, _version, sent: query_from_payload(index, sent)
    )
    asked = Asked(
        "0192f5c1-7a3b-7c44-9d1e-2f6b8a90c3d7",
        "/api/v2/rpc/list_orders",
        "/api/v2/rpc/",
        Negotiated("v2", "path"),
        "list_orders",
        b'{"limit": 20, "status": "preparing", "cursor": "%b"}' % _CURSOR.encode(),
    )
    data = b'{"items": [%b], "page": %b}' % (b", ".join([_ITEM] * 20), _PAGE)
    body = answers.success(asked, data, _META, 1.0).body
    if b'"next":' not in body or b'"related":' not in body or b'"success":true' not in body:
        raise RuntimeError("the envelope has no links")

    def once() -> float:
        begin = time.process_time()
        for _ in range(count):
            answers.success(asked, data, _META, 1.0)
        return (time.process_time() - begin) / count * 1e6

    return statistics.median([once() for _ in range(rounds + 1)][1:])
