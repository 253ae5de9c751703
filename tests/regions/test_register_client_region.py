from __future__ import annotations

from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest

from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row, unbecome
from tests.regions.concurrency import CALLS, CONNECTIONS, hammer

REGISTER = "select dbkit.register_client_region(%s, %s, %s, %s, %s)"


def _seen(conn: Connection, client: str = "web_1") -> dict[str, Any]:
    return row(conn, "select * from dbkit.client_region_telemetry where client_id = %s", client)


def test_notes_a_new_client(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    one(db, REGISTER, "web_1", "us-east-1", "web", "1.4.0-rc.1", "v3")
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert _seen(db) == {
        "client_id": "web_1",
        "region_id": "us-east-1",
        "app_name": "web",
        "app_version": "1.4.0-rc.1",
        "api_version": "v3",
        "request_count": 1,
        "first_seen_at": now,
        "last_seen_at": now,
    }


def test_counts_and_follows_a_client_that_moves_and_upgrades(db: Connection) -> None:
    freeze_clock(db, "2026-01-01T12:00:00Z")
    one(db, REGISTER, "web_1", "us-east-1", "web", "1.2.0", "v2")
    freeze_clock(db, "2026-01-02T12:00:00Z")
    one(db, REGISTER, "web_1", "eu-west-1", "kiosk", "1.4.0", "v3")
    assert _seen(db) == {
        "client_id": "web_1",
        "region_id": "eu-west-1",
        "app_name": "kiosk",
        "app_version": "1.4.0",
        "api_version": "v3",
        "request_count": 2,
        "first_seen_at": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "last_seen_at": datetime(2026, 1, 2, 12, tzinfo=UTC),
    }


def test_keeps_what_a_later_call_does_not_say(db: Connection) -> None:
    one(db, REGISTER, "web_1", "us-east-1", "web", "1.2.0", "v2")
    one(db, "select dbkit.register_client_region('web_1', 'us-east-1')")
    found = _seen(db)
    assert (found["app_name"], found["app_version"], found["api_version"]) == ("web", "1.2.0", "v2")
    assert found["request_count"] == 2


def test_last_seen_never_goes_back(db: Connection) -> None:
    freeze_clock(db, "2026-01-02T12:00:00Z")
    one(db, REGISTER, "web_1", "us-east-1", "web", "1.2.0", "v2")
    freeze_clock(db, "2026-01-01T12:00:00Z")
    one(db, REGISTER, "web_1", "us-east-1", "web", "1.2.0", "v2")
    assert _seen(db)["last_seen_at"].day == 2


def test_keeps_clients_apart(db: Connection) -> None:
    one(db, REGISTER, "web_1", "us-east-1", None, None, None)
    one(db, REGISTER, "web_2", "us-east-1", None, None, None)
    assert _seen(db)["request_count"] == _seen(db, "web_2")["request_count"] == 1


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "super_admin"])
def test_every_role_may_register_and_learns_nothing(db: Connection, role: str) -> None:
    become(db, role)
    assert one(db, REGISTER, "web_1", "us-east-1", "web", "1.4.0", "v3") in (None, "")
    unbecome(db)
    assert _seen(db)["request_count"] == 1


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_clients_cannot_read_or_write_the_table(db: Connection, role: str) -> None:
    become(db, role)
    for statement in (
        "select * from dbkit.client_region_telemetry",
        "insert into dbkit.client_region_telemetry default values",
        "update dbkit.client_region_telemetry set request_count = 1",
        "delete from dbkit.client_region_telemetry",
    ):
        with raises(db, "42501"):
            db.execute(statement.encode())


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ((None, "us-east-1", None, None, None), "p_client_id"),
        (("", "us-east-1", None, None, None), "p_client_id"),
        (("a" * 201, "us-east-1", None, None, None), "p_client_id"),
        (("a\nb", "us-east-1", None, None, None), "p_client_id"),
        (("a", "us-east-1", "", None, None), "p_app_name"),
        (("a", "us-east-1", "a" * 101, None, None), "p_app_name"),
        (("a", "us-east-1", "a\x1bb", None, None), "p_app_name"),
        (("a", "us-east-1", None, None, ""), "p_api_version"),
        (("a", "us-east-1", None, None, "v" * 21), "p_api_version"),
        (("a", "us-east-1", None, None, "v 3"), "p_api_version"),
    ],
)
def test_rejects_a_bad_argument_by_name(
    db: Connection, arguments: tuple[str | None, ...], argument: str
) -> None:
    with raises(db, "KD004") as caught:
        one(db, REGISTER, *arguments)
    assert caught.detail == {"argument": argument}
    assert one(db, "select count(*) from dbkit.client_region_telemetry") == 0


def test_takes_arguments_of_exactly_the_longest_length(db: Connection) -> None:
    version = "1.0.0-" + "a" * 94
    one(db, REGISTER, "c" * 200, "us-east-1", "a" * 100, version, "v" * 20)
    assert _seen(db, "c" * 200)["app_version"] == version


@pytest.mark.parametrize("version", ["", "1.4", "v1.4.0", "1.4.0 "])
def test_rejects_an_app_version_that_is_no_version(db: Connection, version: str) -> None:
    with raises(db, "KD002"):
        one(db, REGISTER, "web_1", "us-east-1", "web", version, "v3")


@pytest.mark.parametrize("region", [None, "", "mars-1"])
def test_rejects_an_unknown_region(db: Connection, region: str | None) -> None:
    with raises(db, "KD301"):
        one(db, REGISTER, "web_1", region, "web", "1.4.0", "v3")


def test_sixteen_connections_lose_no_request(database: str) -> None:
    def work(conn: Connection, number: int, barrier: Barrier) -> None:
        conn.execute("set role anon")
        for _ in range(CALLS):
            one(conn, REGISTER, "shared", "us-east-1", "web", "1.4.0", "v3")
            one(conn, REGISTER, f"own_{number}", "eu-west-1", "web", "1.4.0", "v3")

    hammer(database, work)
    with connect(database) as conn:
        assert _seen(conn, "shared")["request_count"] == CONNECTIONS * CALLS
        own = "select sum(request_count) from dbkit.client_region_telemetry where client_id ~ 'own'"
        assert one(conn, own) == CONNECTIONS * CALLS
