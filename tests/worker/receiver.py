"""A receiver of webhooks: a real HTTP server that keeps what it got and answers as it is told."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from standardwebhooks import Webhook, WebhookVerificationError

Behaviour: TypeAlias = bytes | Literal["hang", "reset"]
"""The bytes of an answer, or what is done instead of answering."""


def answer(status: int, *headers: str, body: str = "") -> bytes:
    lines = [f"HTTP/1.1 {status} Said", *headers, f"content-length: {len(body.encode())}"]
    return "\r\n".join([*lines, "", body]).encode()


OK = answer(200, body="ok")


@dataclass(frozen=True)
class Got:
    """A request; `signed` says by which of the path's secrets the library found it signed."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    signed: tuple[str, ...]

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Answers 200 to all, except where `behave` has something else for the path."""

    secrets: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    behave: dict[str, Behaviour | list[Behaviour]] = field(
        default_factory=dict[str, Behaviour | list[Behaviour]]
    )
    got: list[Got] = field(default_factory=list[Got])
    copies: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """How often each message came to each path and was answered well."""
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends `hang`, with an answer."""
    keep: bool = True
    """Whether requests are remembered, and not only counted."""
    base: str = ""

    def url(self, path: str) -> str:
        return f"{self.base}:{self.port}{path}"

    def at(self, path: str) -> list[Got]:
        return [each for each in self.got if each.path == path]

    async def until(self, reached: Callable[[], bool], seconds: float = 30) -> None:
        """Wait for what arrives."""
        async with asyncio.timeout(seconds):
            while not reached():
                self.arrived.clear()
                await self.arrived.wait()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        got = Got(path, headers, body, self._signed(path, headers, body))
        behaviour = self.behave.get(path, OK)
        if isinstance(behaviour, list):
            behaviour = behaviour.pop(0) if len(behaviour) > 1 else behaviour[0]
        if self.keep:
            self.got.append(got)
        self.arrived.set()
        if behaviour == "reset":
            writer.transport.abort()
            return False
        if behaviour == "hang":
            await self.release.wait()
            behaviour = OK
        assert isinstance(behaviour, bytes)
        if behaviour == OK and got.signed:
            self.copies[path, got.webhook_id] += 1
        writer.write(behaviour)
        await writer.drain()
        return True

    def _signed(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
        found: list[str] = []
        for secret in self.secrets.get(path, []):
            try:
                Webhook(secret).verify(body, dict(headers), json_parse=False)
                found.append(secret)
            except WebhookVerificationError:
                continue
        return tuple(found)


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """On the test's own loop."""
    receiver = Receiver(base="https://localhost" if tls else "http://127.0.0.1")
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        with suppress(asyncio.CancelledError):
            await receiver.talk(reader, writer)

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls, limit=2**22, backlog=1000)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        receiver.release.set()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def receiving_on_a_thread() -> Iterator[Receiver]:
    """For tests whose workers are processes."""
    ready: list[Receiver] = []
    started, loop = threading.Event(), asyncio.new_event_loop()
    ending = asyncio.Event()

    async def serve() -> None:
        async with receiving() as receiver:
            ready.append(receiver)
            started.set()
            await ending.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert started.wait(10)
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
        loop.close()
