"""What tests of webhooks say in one line. Events are fanned out once they are committed, so tests
that append use `opened`: a clone, and a connection that commits each statement."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import sql
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.json import Jsonb

from tests.events.parts import append
from tests.helpers import Connection, become, connect, one, raises, rows, unbecome

Json = dict[str, Any]
URL = "https://example.com/hook"
NEVER = datetime.datetime.max.replace(tzinfo=datetime.UTC)
"""How `read` gives infinity."""
ALWAYS = datetime.datetime.min.replace(tzinfo=datetime.UTC)
"""How `read` gives -infinity."""


class _EndlessLoader(TimestamptzLoader):
    def load(self, data: Any) -> datetime.datetime:
        known = {b"infinity": NEVER, b"-infinity": ALWAYS}.get(bytes(data))
        return super().load(data) if known is None else known


def read(conn: Connection, statement: str, *args: object) -> list[Json]:
    """Rows, of which times may be infinity."""
    with conn.cursor() as cursor:
        cursor.adapters.register_loader("timestamptz", _EndlessLoader)
        return cursor.execute(statement.encode(), args or None).fetchall()


@contextmanager
def opened(url: str, at: str = "2026-03-01T00:00:00Z") -> Iterator[Connection]:
    """A connection that commits each statement, with the clock at a time that it keeps."""
    with connect(url, autocommit=True) as conn:
        clock(conn, at)
        yield conn


def clock(conn: Connection, at: str) -> None:
    """Set the clock of the session (freeze_clock: of the transaction)."""
    conn.execute("select set_config('dbkit.clock', %s, false)", [at])


def call(conn: Connection, function: str, **arguments: object) -> Any:
    """The answer of a function that is given named arguments, p_ left out."""
    named = [
        sql.SQL("{} => {}").format(sql.Identifier(f"p_{name}"), sql.Placeholder())
        for name in arguments
    ]
    query = sql.SQL("select {}({}) as answer").format(
        sql.Identifier("dbkit", function), sql.SQL(", ").join(named)
    )
    values = [Jsonb(value) if isinstance(value, dict) else value for value in arguments.values()]
    found = conn.execute(query, values).fetchall()
    assert len(found) == 1, f"{len(found)} rows"
    return found[0]["answer"]


def subscribe(conn: Connection, **arguments: object) -> Json:
    """Answer of create_subscription; arguments by name, without p_, and url has a default."""
    found = call(conn, "create_subscription", **{"url": URL, **arguments})
    assert isinstance(found, dict)
    return found


def subscribed(conn: Connection, **arguments: object) -> str:
    """Id of a new subscription."""
    return str(subscribe(conn, **arguments)["subscription_id"])


def append_order(
    conn: Connection, aggregate_id: str, event_type: str = "OrderPlaced", data: object = None
) -> Json:
    return append(conn, aggregate_id, event_type, data, aggregate_type="order")


def fan_out(conn: Connection) -> Json:
    found = one(conn, "select dbkit.queue_event_for_webhooks()")
    assert isinstance(found, dict)
    return found


def claim(
    conn: Connection, limit: int = 100, lease: int = 60, worker: str = "w"
) -> list[dict[str, Any]]:
    return rows(conn, "select * from dbkit.claim_deliveries(%s, %s, %s)", worker, limit, lease)


def settle(conn: Connection, *results: Json) -> Json:
    """Answer of settle_deliveries."""
    found = one(conn, "select dbkit.settle_deliveries(%s)", json.dumps(list(results)))
    assert isinstance(found, dict)
    return found


def result(claimed: Json, status_code: int | None = 200, **more: object) -> Json:
    """What settle takes for a claimed delivery."""
    parts = {"delivery_id": claimed["delivery_id"], "token": claimed["token"]}
    return {**parts, "status_code": status_code, **more}


def deliveries(conn: Connection) -> list[Json]:
    return read(conn, "select * from dbkit.event_delivery_log order by delivery_id")


def statuses(conn: Connection) -> list[str]:
    """Of all deliveries, in the order in which they were made."""
    return [found["status"] for found in deliveries(conn)]


def subscription(conn: Connection, subscription_id: str) -> Json:
    """A subscription as it is in the table."""
    statement = "select * from dbkit.event_subscriptions where subscription_id = %s"
    return read(conn, statement, subscription_id)[0]


def queue(conn: Connection, subscription_id: str) -> Json:
    """How the endpoint of a subscription is doing, as it is in the table."""
    statement = "select * from dbkit.event_delivery_queues where subscription_id = %s"
    return read(conn, statement, subscription_id)[0]


def signing_secrets(conn: Connection, subscription_id: str) -> Json:
    """The row of get_signing_secrets for a subscription."""
    statement = "select * from dbkit.get_signing_secrets(array[%s::uuid])"
    return read(conn, statement, subscription_id)[0]


@contextmanager
def within(conn: Connection, organization_id: str) -> Iterator[None]:
    """As service_role in another organization, in a transaction."""
    with conn.transaction():
        become(conn, "service_role", organization_id=organization_id)
        yield
        unbecome(conn)


def knows_only_its_own(conn: Connection, function: str, **arguments: object) -> str:
    """A subscription of another organization is as unknown as one that there is not; its id."""
    found = subscribed(conn)
    with raises(conn, "KD520"), within(conn, "acme"):
        call(conn, function, subscription_id=found, **arguments)
    with raises(conn, "KD520"):
        call(conn, function, subscription_id=uuid.uuid4(), **arguments)
    return found


def needs_service(conn: Connection, function: str, **arguments: object) -> None:
    """Users may not call it, and who is given the right to call it still needs the role."""
    for role in ("anon", "authenticated"):
        with raises(conn, "42501"):
            become(conn, role, organization_id="default")
            call(conn, function, **arguments)
    with raises(conn, "KD003") as caught:
        conn.execute(
            sql.SQL("grant execute on function {} to authenticated").format(
                sql.Identifier("dbkit", function)
            )
        )
        become(conn, "authenticated", organization_id="default")
        call(conn, function, **arguments)
    assert caught.detail["required_role"] == "service_role"
