"""The task that keeps two weeks of the request log ahead."""

from __future__ import annotations

from tests.helpers import Connection, become, freeze_clock, one, raises

ENSURE = "select dbkit.ensure_request_log_partitions()"


def test_makes_what_two_weeks_need(db: Connection) -> None:
    freeze_clock(db, "2040-01-01T12:00:00Z")
    become(db, "service_role")
    assert one(db, ENSURE) == 15
    assert one(db, ENSURE) == 0
    freeze_clock(db, "2040-01-02T00:00:00Z")
    assert one(db, ENSURE) == 1
    assert one(db, "select to_regclass('dbkit.api_request_log_20400116') is not null")


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, ENSURE)
