"""What the fault tests must be able to find: workers that are wrong in one thing each.

`python -m tests.worker.naive_worker URL early` settles first and sends then: a delivery is done
when it is taken, and lost when it is killed in between. `… late` sends without a look at its lease,
which ends before it has sent all that it took: others send that too.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from datetime import UTC, datetime
from typing import Any

import psycopg
from standardwebhooks import Webhook

CLAIM = (
    "select c.delivery_id, c.token, c.webhook_id, c.url, c.body, s.secrets[1]"
    " from dbkit.claim_deliveries('naive:' || %s || ':', 100, %s) c"
    " join lateral dbkit.get_signing_secrets(array[c.subscription_id]) s on true"
)


async def main(url: str, how: str) -> None:
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    print("ready", flush=True)
    lease = 5 if how == "early" else 1
    while True:
        await connection.execute("select dbkit.queue_event_for_webhooks(1000)")
        cursor = await connection.execute(CLAIM, (connection.info.backend_pid, lease))
        claimed = await cursor.fetchall()
        if claimed:
            say("claimed", len(claimed))
            await deliver(connection, claimed, how)
            say("sent", len(claimed))


def say(message: str, count: int) -> None:
    """In the log: for whoever waits until what is claimed is sent."""
    print(json.dumps({"message": message, "count": count}), flush=True)


async def deliver(connection: psycopg.AsyncConnection[Any], claimed: list[Any], how: str) -> None:
    if how == "early":
        await settle(connection, claimed)
        for each in claimed:
            await asyncio.to_thread(send, each)
            await asyncio.sleep(0.005)
    else:
        for each in claimed:
            await asyncio.to_thread(send, each)
            await asyncio.sleep(0.02)
            await settle(connection, [each])


async def settle(connection: psycopg.AsyncConnection[Any], claimed: list[Any]) -> None:
    done = [
        {"delivery_id": row[0], "token": row[1], "status_code": 200, "duration_ms": 1}
        for row in claimed
    ]
    await connection.execute("select dbkit.settle_deliveries(%s)", (json.dumps(done),))


def send(claimed: Any) -> None:
    _, _, webhook_id, target, body, secret = claimed
    now = datetime.now(UTC)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, now, body),
    }
    try:
        request = urllib.request.Request(target, body.encode(), headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            answer.read()
    except OSError:
        return


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
