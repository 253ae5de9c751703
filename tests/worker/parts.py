"""A worker in the test's own loop, subscriptions for it, and what became of their deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from dbkit.egress import AllowList
from dbkit.worker import Options, Worker
from tests.helpers import Connection, connect, one, rows
from tests.worker.receiver import Receiver

ALLOW = AllowList.parse("127.0.0.0/8, ::1")


def options(**changed: Any) -> Options:
    """Those of a worker that looks often."""
    given: dict[str, Any] = {"poll_seconds": 0.05, "allow": ALLOW, "grace_seconds": 10.0}
    return Options(**{**given, **changed})


@asynccontextmanager
async def working(url: str, **changed: Any) -> AsyncIterator[Worker]:
    """A worker that runs during the block, and must end well."""
    worker = Worker(url, options(**changed))
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        if not worker.stopping:
            worker.stop()
        async with asyncio.timeout(30):
            assert await running


async def work_once(url: str, **changed: Any) -> bool:
    return await Worker(url, options(once=True, listen=False, **changed)).run()


def subscribe(db: Connection, receiver: Receiver, path: str, **arguments: Any) -> str:
    """A subscription to the receiver's path, which learns its secret."""
    named = "".join(f", p_{name} => %s" for name in arguments)
    made = one(
        db,
        f"select dbkit.create_subscription(%s{named})",
        receiver.url(path),
        *arguments.values(),
    )
    receiver.secrets[path] = [made["secret"]]
    return str(made["subscription_id"])


def append(db: Connection, number: int = 1, data: str = "{}", event_type: str = "Happened") -> None:
    """Events of streams of their own, in one transaction."""
    one(
        db,
        "select count(dbkit.append_event('thing', gen_random_uuid()::text, %s, %s::jsonb))"
        " from generate_series(1, %s)",
        *(event_type, data, number),
    )


def deliveries(db: Connection, subscription_id: str | None = None) -> list[dict[str, Any]]:
    return rows(
        db,
        "select delivery_id, subscription_id, webhook_id, status, attempts, token, leased_by,"
        " last_status_code, last_error, failures from dbkit.event_delivery_log"
        " where %s::uuid is null or subscription_id = %s::uuid order by delivery_id",
        *(subscription_id, subscription_id),
    )


def statuses(db: Connection, subscription_id: str | None = None) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in deliveries(db, subscription_id):
        found[each["status"]] = found.get(each["status"], 0) + 1
    return found


async def until(reached: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for what the database shows."""
    async with asyncio.timeout(seconds):
        while True:
            if reached():
                return
            await asyncio.sleep(0.01)


def open_connection(url: str) -> Connection:
    return connect(url, autocommit=True)
