"""Clients of several tenants against one gateway; each checks that it sees only its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

import dbkit.gateway_state
from dbkit.gateway_pool import Pool
from tests.gateway.pooled import CLEAN, kept, settled
from tests.helpers import connect, one

SECRET = "s" * 64
KINDS = {"ok": 74, "get": 10, "error": 8, "within": 4, "late": 0.1, "gone": 3, "hasty": 1}


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: Any


class Wire:
    """One keep-alive connection, which can be dropped in the middle of a request."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(
        self, target: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> None:
        """POST with a body, GET without."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        payload = b"" if body is None else json.dumps(body).encode()
        lines = [f"{'GET' if body is None else 'POST'} {target} HTTP/1.1", "host: x"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body is not None:
            lines += ["content-type: application/json", f"content-length: {len(payload)}"]
        writer = self._streams[1]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
        await writer.drain()

    async def reply(self) -> Reply:
        assert self._streams is not None
        reader = self._streams[0]
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (h.partition(":") for h in head[1:])
        }
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        return Reply(int(head[0].split()[1]), headers, json.loads(raw) if raw else None)

    async def drop(self) -> None:
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@dataclass(frozen=True)
class Tenant:
    """Its credentials, and what the database must then see."""

    headers: dict[str, str]
    seen: dict[str, Any]


def tenant(user: str, organization: str, role: str) -> Tenant:
    """By a token."""
    claims = {"sub": user, "role": role, "organization_id": organization, "exp": 4_000_000_000}
    token = jwt.encode(claims, SECRET, "HS256")
    seen = {"user_id": user, "organization_id": organization, "role": role, "claims": claims}
    return Tenant({"authorization": f"Bearer {token}"}, seen)


def tenants(shop: str) -> list[Tenant]:
    """Two by tokens, one by an API key, and nobody."""
    with connect(shop) as conn:
        conn.execute("set role service_role")
        made = one(
            conn,
            "select dbkit.create_api_key('till', 'authenticated', p_organization_id => 'org-c')",
        )
        conn.commit()
    key = Tenant(
        {"x-api-key": made["secret"]},
        {"organization_id": "org-c", "role": "authenticated", "client_id": "till"},
    )
    return [
        tenant("ada", "org-a", "authenticated"),
        tenant("bob", "org-b", "service_role"),
        key,
        Tenant({}, {"role": "anon"}),
    ]


@dataclass
class Outcome:
    """What a run met. `leaks` must be empty; the first few are kept."""

    seed: int
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    leaks: list[Any] = field(default_factory=list)

    def leak(self, *what: Any) -> None:
        if len(self.leaks) < 5:
            self.leaks.append(what)


async def storm(port: int, who: list[Tenant], requests: int, clients: int = 12) -> Outcome:
    """That many requests at random by as many clients at once."""
    outcome = Outcome(random.randrange(2**32))
    print(f"seed {outcome.seed}")
    numbers = iter(range(requests))
    dice = random.Random(outcome.seed)

    async def client() -> None:
        wire = Wire(port)
        for number in numbers:
            await _one(wire, dice, dice.choice(who), number, outcome)
        await wire.drop()

    async with asyncio.timeout(240):
        await asyncio.gather(*[client() for _ in range(clients)])
    return outcome


async def _one(wire: Wire, dice: random.Random, who: Tenant, number: int, outcome: Outcome) -> None:
    kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
    mine = {"x-request-id": f"r{number}"} | who.headers
    seen = who.seen | {"request_id": f"r{number}"}
    for header, key in (
        ("x-client-id", "client_id"),
        ("x-app-name", "app_name"),
        ("x-client-region", "region"),
        ("x-correlation-id", "correlation_id"),
    ):
        if dice.random() < 0.4:
            mine[header] = f"{key}-{number}"
            seen = {key: f"{key}-{number}"} | seen
    if kind in ("gone", "hasty"):
        await wire.send("/rpc/nap", {"seconds": 0.15}, mine)
        await asyncio.sleep(dice.random() * 0.14 if kind == "gone" else 0)
        await wire.drop()
        outcome.statuses[kind, 0] += 1
        return
    if kind == "error":
        await wire.send("/rpc/fail", {"sqlstate": dice.choice(["22012", "P0002", "XX000"])}, mine)
    elif kind == "late":
        await wire.send("/rpc/nap", {"seconds": 9}, mine | {"prefer": "wait=1"})
    elif kind == "get":
        await wire.send(f"/rpc/whoami?n={number}", None, mine)
    else:
        within = {"prefer": "wait=9"} if kind == "within" else {}
        await wire.send("/rpc/whoami", {"n": number}, mine | within)
    reply = await wire.reply()
    outcome.statuses[kind, reply.status] += 1
    if reply.headers["x-request-id"] != f"r{number}":
        outcome.leak("request id", number, reply)
    if kind in ("ok", "get", "within"):
        told = reply.body.get("data")
        read_only = "on" if kind == "get" else "off"
        wanted = seen | {"payload": {"n": number}, "read_only": read_only}
        if told is None or {"claims": None} | wanted != told:
            outcome.leak(kind, number, wanted, reply)


@contextmanager
def watched_pools(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Pool]]:
    """The pools of gateways that are made inside the block."""
    made: list[Pool] = []

    class Watched(Pool):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            made.append(self)

    with monkeypatch.context() as patch:
        patch.setattr(dbkit.gateway_state, "Pool", Watched)
        yield made


def left_behind(pool: Pool) -> list[list[str]]:
    """What sessions keep after all requests are over, other than nothing; asked on its loop."""

    async def look() -> list[list[str]]:
        await settled(pool)
        return [found for found in await kept(pool) if found != CLEAN]

    loop = next(iter(pool._all))._loop
    return asyncio.run_coroutine_threadsafe(look(), loop).result(30)
