"""What the fault test must be able to find: a worker that settles first and sends then.

`python -m tests.worker.naive_worker URL`: the same claims, and a delivery is done when it is taken.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request

import psycopg


async def main(url: str) -> None:
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    print("ready", flush=True)
    while True:
        await connection.execute("select dbkit.queue_event_for_webhooks(1000)")
        cursor = await connection.execute(
            "select delivery_id, token, webhook_id, url, body"
            " from dbkit.claim_deliveries('naive', 100, 3600)"
        )
        claimed = await cursor.fetchall()
        done = [
            {"delivery_id": row[0], "token": row[1], "status_code": 200, "duration_ms": 1}
            for row in claimed
        ]
        await connection.execute("select dbkit.settle_deliveries(%s)", (json.dumps(done),))
        for _, _, webhook_id, target, body in claimed:
            request = urllib.request.Request(target, body.encode(), {"webhook-id": webhook_id})
            await asyncio.to_thread(send, request)


def send(request: urllib.request.Request) -> None:
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            answer.read()
    except OSError:
        return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
