from __future__ import annotations

from tests.events.webhooks import (
    append_order,
    call,
    claim,
    fan_out,
    needs_service,
    opened,
    result,
    settle,
    subscribed,
    within,
)
from tests.helpers import Connection, row, rows

GET = "select * from dbkit.get_subscriptions(%s, %s::uuid)"


def test_values_of_headers_are_not_shown(db: Connection) -> None:
    subscribed(db, headers={"b": "secret-value", "Authorization": "secret-value"})
    found = row(db, GET, None, None)
    assert found["header_names"] == ["Authorization", "b"]
    assert "secret-value" not in str(found)


def test_of_the_own_organization_of_another_or_of_all(db: Connection) -> None:
    own = subscribed(db)
    with within(db, "acme"):
        other = subscribed(db)
    got = {
        organization: [str(found["subscription_id"]) for found in rows(db, GET, organization, None)]
        for organization in (None, "acme", "*", "nobody")
    }
    assert got == {None: [own], "acme": [other], "*": [other, own], "nobody": []}
    assert rows(db, GET, None, other) == []
    assert len(rows(db, GET, "*", other)) == 1


def test_it_shows_how_the_endpoint_is_doing(database: str) -> None:
    with opened(database) as conn:
        subscribed(conn, retry_schedule=[0])
        quiet = row(conn, GET, None, None)
        assert (quiet["waiting"], quiet["due_at"], quiet["paused_until"]) == (0, None, None)
        for order in ("1", "2", "3"):
            append_order(conn, order)
        fan_out(conn)
        first, _ = claim(conn)
        busy = row(conn, GET, None, None)
        assert (busy["send_window"], busy["in_flight"], busy["waiting"]) == (2, 2, 1)
        settle(conn, result(first, 500))
        bad = row(conn, GET, None, None)
        assert (bad["in_flight"], bad["open_dead_letters"], bad["consecutive_failures"]) == (
            1,
            1,
            1,
        )
        assert bad["failing_since"].isoformat() == "2026-03-01T00:00:00+00:00"


def test_deleted_ones_are_not_shown_and_disabled_ones_are(db: Connection) -> None:
    deleted, disabled = subscribed(db), subscribed(db)
    call(db, "delete_subscription", subscription_id=deleted)
    call(db, "disable_subscription", subscription_id=disabled, reason="why")
    found = row(db, GET, None, None)
    assert str(found["subscription_id"]) == disabled
    assert (found["status"], found["disabled_reason"]) == ("disabled", "why")


def test_needs_service(db: Connection) -> None:
    needs_service(db, "get_subscriptions")
