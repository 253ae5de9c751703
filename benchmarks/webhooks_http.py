"""The two ends around the worker: an endpoint that costs next to nothing, and httpx2 by itself."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from typing import Any

import httpx2

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


# --- the endpoint ----------------------------------------------------------------------------


def whole_requests(text: bytes) -> tuple[int, bytes]:
    """How many requests are complete, and what is left over."""
    found = 0
    while (head := text.find(b"\r\n\r\n")) >= 0:
        length = _LENGTH.search(text, 0, head + 2)
        end = head + 4 + (int(length[1]) if length else 0)
        if len(text) < end:
            break
        found, text = found + 1, text[end:]
    return found, text


class _Endpoint(asyncio.Protocol):
    """Answers 204 to whatever is whole, and counts it."""

    def __init__(self, count: Any) -> None:
        self._count = count
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        found, self._rest = whole_requests(self._rest + data)
        self._count.value += found
        self._transport.write(_ANSWER * found)


def _serve(count: Any, told: Connection) -> None:
    async def forever() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Endpoint(count), "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


@dataclass(frozen=True)
class Endpoint:
    """A process that takes requests; `received` is how many so far."""

    url: str
    count: Synchronized[int]

    @property
    def received(self) -> int:
        return self.count.value


@contextmanager
def endpoint() -> Generator[Endpoint, None, None]:
    spawn = multiprocessing.get_context("spawn")
    count = spawn.Value("q", 0, lock=False)
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(count, theirs), daemon=True)
    process.start()
    try:
        yield Endpoint(f"http://127.0.0.1:{ours.recv()}/", count)
    finally:
        process.terminate()
        process.join()


# --- the client by itself --------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """These requests, so many at a time."""

    url: str
    requests: Sequence[tuple[dict[str, str], bytes]]
    at_a_time: int


def post_all(job: Job) -> float:
    """Requests a second of one AsyncClient, on connections that are open already."""
    return asyncio.run(_post_all(job))


async def _post_all(job: Job) -> float:
    limits = httpx2.Limits(max_connections=job.at_a_time, max_keepalive_connections=job.at_a_time)
    async with httpx2.AsyncClient(limits=limits, trust_env=False, timeout=20) as client:

        async def post(requests: Sequence[tuple[dict[str, str], bytes]]) -> None:
            for headers, body in requests:
                answer = await client.post(job.url, headers=headers, content=body)
                answer.raise_for_status()

        shares = [job.requests[number :: job.at_a_time] for number in range(job.at_a_time)]
        await asyncio.gather(*(post(share[:1]) for share in shares))
        begin = time.perf_counter()
        await asyncio.gather(*(post(share) for share in shares))
        return len(job.requests) / (time.perf_counter() - begin)
