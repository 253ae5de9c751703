"""An owner who is no superuser: row-level security is forced for that role too, so each table that
a SECURITY DEFINER function writes needs its owner's policy. The whole event store is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import Jsonb

from dbkit import migrations
from dbkit.server import Server
from tests.conftest import new_database, run_admin
from tests.helpers import Connection, become, connect, freeze_clock, one, row, rows, unbecome
from tests.orders.shop import build_shop

OWNER = "plain_owner_of_events"
MADE = """
create schema mine;
create function mine.fold(p_state jsonb, p_event dbkit.event_store) returns jsonb
language sql immutable as $$ select coalesce(p_state, '{}') || p_event.event_data $$;
create function mine.newer(p_data jsonb) returns jsonb
language sql immutable as $$ select p_data || '{"currency": "EUR"}' $$;
grant usage on schema mine to authenticated, service_role, super_admin;
grant execute on all functions in schema mine to authenticated, service_role, super_admin;
"""
REGISTERED = """
select dbkit.register_event_type('ItemAdded', '{"type": "object"}');
select dbkit.register_event_type('ItemAdded', '{"type": "object"}', 2);
select dbkit.register_upcaster('ItemAdded', 1, 2, 'mine.newer(jsonb)');
select dbkit.register_applier('cart', 'mine.fold');
select dbkit.configure_aggregate('cart', 2, p_is_chained => true);
select dbkit.register_projection('inline_carts', 'mine.fold', '{*}', 'inline');
select dbkit.register_projection('async_carts', 'mine.fold', '{*}', 'async');
select dbkit.register_projection('asked_carts', 'mine.fold', '{*}', 'on_demand');
select dbkit.protect_event_fields('CartOpened', '{by}', '[["name"]]');
"""
PROJECTIONS = ["inline_carts", "async_carts", "asked_carts"]


@pytest.fixture
def owned(server: Server, template: str) -> Iterator[str]:
    """A superuser's URL of a database that a plain role has migrated and registered handlers in.
    With the template the cluster's roles are there: who has granted one could not be dropped."""
    role = sql.Identifier(OWNER)
    run_admin(server.url, sql.SQL("create role {} login createrole password 'x'").format(role))
    try:
        with new_database(server, "template1") as url:
            parts = conninfo_to_dict(url)
            name = sql.Identifier(str(parts["dbname"]))
            run_admin(url, sql.SQL("alter database {} owner to {}").format(name, role))
            where = f"{parts['host']}:{parts['port']}/{parts['dbname']}"
            migrations.migrate(f"postgresql://{OWNER}:x@{where}")
            with connect(f"postgresql://{OWNER}:x@{where}") as conn:
                conn.execute(MADE.encode())
            with connect(url) as conn:
                become(conn, "super_admin")
                conn.execute(REGISTERED.encode())
            yield url
    finally:
        run_admin(server.url, sql.SQL("drop role {}").format(role))


def append(conn: Connection, kind: str, data: str, version: int | None = None) -> Any:
    statement = "select dbkit.append_event('cart', 'c-1', %s, %s, p_schema_version => %s)"
    return one(conn, statement, kind, data, version)


def test_the_owner_is_no_superuser(owned: str) -> None:
    with connect(owned) as conn:
        owner = "select r.rolname, r.rolsuper, r.rolbypassrls from pg_roles r join pg_proc p"
        found = row(conn, f"{owner} on r.oid = p.proowner where p.proname = 'append_event'")
    assert found == {"rolname": OWNER, "rolsuper": False, "rolbypassrls": False}


def test_events_from_the_append_to_the_receipt(owned: str) -> None:
    with connect(owned) as conn:
        become(conn, "authenticated", organization_id="acme", user_id="u1")
        append(conn, "CartOpened", '{"by": "u1", "name": "Ada"}')
        append(conn, "ItemAdded", '{"item": 7}', 1)
        many = '[{"event_type": "ItemAdded", "event_data": {"item": 8}}]'
        one(conn, "select dbkit.append_events('cart', 'c-1', %s, 2)", many)
        events = rows(conn, "select version, event_data from dbkit.get_events('cart', 'c-1')")
        assert [e["version"] for e in events] == [1, 2, 3]
        assert events[0]["event_data"]["name"] == "Ada"
        assert events[1]["event_data"]["currency"] == "EUR"
        whole = {"by": "u1", "name": "Ada", "item": 8, "currency": "EUR"}
        state = "select dbkit.get_aggregate_state('cart', 'c-1')"
        assert one(conn, state)["state"] == whole
        one(conn, "select dbkit.create_snapshot('cart', 'c-1')")
        assert one(conn, state)["snapshot_version"] == 3
        conn.commit()
        become(conn, "service_role", organization_id="acme")
        one(conn, "select dbkit.run_projection('async_carts')")
        one(conn, "select dbkit.run_snapshots()")
        conn.commit()
        become(conn, "authenticated", organization_id="acme", user_id="u1")
        for projection in PROJECTIONS:
            shown = one(conn, "select dbkit.get_projection(%s, 'c-1')", projection)
            assert shown["item"] == 8, projection
            assert len(rows(conn, "select * from dbkit.list_projection(%s)", projection)) == 1
        conn.commit()
        become(conn, "service_role", organization_id="acme")
        for _ in range(3):
            one(conn, "select dbkit.rebuild_projection('inline_carts')")
            conn.commit()
            become(conn, "service_role", organization_id="acme")
        assert len(rows(conn, "select * from dbkit.read_all()")) == 3
        one(conn, "select dbkit.save_reader_checkpoint('mailer', 2, 0)")
        assert rows(conn, "select * from dbkit.verify_events()") == []
        assert rows(conn, "select * from dbkit.verify_stream('cart', 'c-1')") == []
        one(conn, "select dbkit.archive_stream('cart', 'c-1')")
        one(conn, "select dbkit.restore_stream('cart', 'c-1')")
        conn.commit()
        become(conn, "service_role", organization_id="acme")
        receipt = one(conn, "select dbkit.forget_subject('u1', 'asked for it')")
        assert receipt["streams"] == 1
        conn.commit()
        become(conn, "authenticated", organization_id="acme", user_id="u1")
        opened = one(conn, "select event_data from dbkit.get_events('cart', 'c-1') limit 1")
        assert opened["name"] == {"$forgotten": True}


def test_orders_append_their_events(owned: str) -> None:
    with connect(owned) as conn:
        shop = build_shop(conn)
        become(conn, "authenticated", user_id="alice")
        order = one(
            conn,
            "select dbkit._place_order(jsonb_build_object('api_version', 'v3', 'store_id', %s::int,"
            " 'items', jsonb_build_array(jsonb_build_object('item_id', %s::int, 'quantity', 1))))",
            shop.stores["grill"],
            shop.items["soda"],
        )
        become(conn, "authenticated", user_id="sam")
        change = "select dbkit._change_order_status(%s, 'confirmed')"
        one(conn, change, order["order_id"])
        unbecome(conn)
        conn.commit()
        become(conn, "authenticated", user_id="sam")
        today = one(conn, "select dbkit.get_todays_orders(%s)", shop.stores["grill"])
        assert today["by_status"] == {"pending": 0, "confirmed": 1}


class Service:
    """service_role of an organization, which commits each statement."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, statement: str, *arguments: object) -> list[dict[str, Any]]:
        with connect(self.url) as conn:
            become(conn, "service_role", organization_id="acme")
            return rows(conn, statement, *arguments)

    def one(self, statement: str, *arguments: object) -> Any:
        ((answer,),) = (each.values() for each in self.rows(statement, *arguments))
        return answer

    def settle(self, **outcome: object) -> dict[str, Any]:
        """The one delivery that is due."""
        (found,) = self.rows("select * from dbkit.claim_deliveries('w')")
        said = {"delivery_id": found["delivery_id"], "token": found["token"], **outcome}
        answer = self.one("select dbkit.settle_deliveries(%s)", Jsonb([said]))
        assert answer == {"settled": 1, "stale": []}
        return found


def test_webhooks_from_the_subscription_to_the_dead_letter(owned: str) -> None:
    service = Service(owned)
    made = service.one(
        "select dbkit.create_subscription('https://example.com/', '{CartOpened}',"
        " p_is_ordered => true, p_retry_schedule => '{0}')"
    )
    the = made["subscription_id"]
    with connect(owned) as conn:
        become(conn, "authenticated", organization_id="acme", user_id="u1")
        append(conn, "CartOpened", '{"by": "u1", "name": "Ada"}')
    assert service.one("select dbkit.get_event_work()")["fan_out"]
    assert service.one("select dbkit.queue_event_for_webhooks()")["deliveries"] == 1
    secrets = "select secrets from dbkit.get_signing_secrets(array[%s::uuid])"
    assert service.one(secrets, the) == [made["secret"]]
    rotated = service.one("select dbkit.rotate_subscription_secret(%s::uuid)", the)
    assert service.one(secrets, the) == [rotated["secret"], made["secret"]]
    found = service.settle(status_code=200)
    assert "Ada" in found["body"]
    again = "select dbkit.replay_deliveries(%s::uuid, p_status => 'delivered')"
    assert service.one(again, the)["replayed"] == 1
    service.settle(status_code=500, response="we know Ada")
    (letter,) = service.rows("select * from dbkit.get_dead_letters()")
    requeue = "select dbkit.requeue_dead_letters(array[%s::bigint])"
    assert service.one(requeue, letter["dead_letter_id"]) == 1
    service.settle(status_code=410)
    (gone,) = service.rows("select * from dbkit.get_subscriptions()")
    assert gone["status"] == "disabled"
    assert service.one("select dbkit.enable_subscription(%s::uuid)", the)["enabled"]
    service.rows("select dbkit.pause_subscription(%s::uuid)", the)
    service.rows("select dbkit.resume_subscription(%s::uuid)", the)
    service.rows("select dbkit.update_subscription(%s::uuid, p_timeout_seconds => 5)", the)
    test = service.one("select dbkit.send_test_event(%s::uuid)", the)
    (tried,) = service.rows("select * from dbkit.claim_deliveries('w')")
    assert tried["delivery_id"] == test["delivery_id"]
    lease = Jsonb([{"delivery_id": tried["delivery_id"], "token": tried["token"]}])
    assert service.one("select dbkit.release_deliveries(%s)", lease) == 1
    (letter,) = service.rows("select * from dbkit.get_dead_letters()")
    discard = "select dbkit.discard_dead_letters(array[%s::bigint], 'x')"
    assert service.one(discard, letter["dead_letter_id"]) == 1
    assert len(service.rows("select * from dbkit.get_deliveries()")) == 2
    assert service.rows("select * from dbkit.get_webhook_delivery_stats()") != []
    assert service.one("select dbkit.forget_subject('u1', 'asked for it')")["events"] == 1
    body = "select dbkit.get_delivery_body(%s)"
    forgotten = service.one(body, found["delivery_id"])
    assert "$forgotten" in forgotten
    assert "Ada" not in forgotten
    assert service.one("select dbkit.run_worker_task('prune_deliveries')")["ran"]
    with connect(owned) as conn:
        freeze_clock(conn, "2100-01-01T00:00:00Z")
        become(conn, "service_role", organization_id="acme")
        assert one(conn, "select dbkit.prune_deliveries()") == 1
    assert service.one("select dbkit.delete_subscription(%s::uuid)", the) == 1
    with connect(owned) as conn:
        assert one(conn, "select count(*) from dbkit.event_subscription_secrets") == 0
