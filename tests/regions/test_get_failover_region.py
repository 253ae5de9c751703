from __future__ import annotations

import pytest

from tests.helpers import Connection, become, one, raises, row

FAILOVER = "select dbkit.get_failover_region(%s)"


def _check(conn: Connection, region: str, healthy: bool, latency: int | None) -> None:
    row(conn, "select * from dbkit.update_region_health(%s, %s, %s)", region, healthy, latency)


def test_takes_the_first_by_priority_when_nothing_is_known(db: Connection) -> None:
    assert one(db, FAILOVER, "us-east-1") == "us-west-2"
    assert one(db, FAILOVER, "us-west-2") == "us-east-1"


def test_prefers_healthy_to_degraded_to_unknown_whatever_the_latency(db: Connection) -> None:
    _check(db, "eu-west-1", False, 1)
    assert one(db, FAILOVER, "us-east-1") == "eu-west-1"
    _check(db, "ap-southeast-1", True, 500)
    assert one(db, FAILOVER, "us-east-1") == "ap-southeast-1"


def test_prefers_the_lowest_latency_of_the_healthy(db: Connection) -> None:
    _check(db, "us-west-2", True, 70)
    _check(db, "eu-west-1", True, None)
    _check(db, "ap-southeast-1", True, 69)
    assert one(db, FAILOVER, "us-east-1") == "ap-southeast-1"


def test_prefers_a_measured_latency_to_none(db: Connection) -> None:
    _check(db, "us-west-2", True, None)
    _check(db, "eu-west-1", True, 9000)
    assert one(db, FAILOVER, "us-east-1") == "eu-west-1"


def test_priority_decides_between_equals(db: Connection) -> None:
    for region in ("us-west-2", "eu-west-1", "ap-southeast-1"):
        _check(db, region, True, 50)
    db.execute("update dbkit.regions set priority = 1 where id = 'eu-west-1'")
    assert one(db, FAILOVER, "us-east-1") == "eu-west-1"


def test_the_name_decides_between_equals_in_all_else(db: Connection) -> None:
    db.execute("update dbkit.regions set priority = 5")
    assert one(db, FAILOVER, "us-east-1") == "ap-southeast-1"


def test_never_takes_the_region_itself_an_unhealthy_or_an_inactive_one(db: Connection) -> None:
    _check(db, "us-east-1", True, 1)
    for _ in range(3):
        _check(db, "us-west-2", False, 1)
    _check(db, "eu-west-1", True, 1)
    db.execute("update dbkit.regions set status = 'maintenance' where id = 'eu-west-1'")
    assert one(db, FAILOVER, "us-east-1") == "ap-southeast-1"


def test_says_null_when_there_is_none(db: Connection) -> None:
    db.execute("update dbkit.regions set status = 'inactive' where id <> 'us-east-1'")
    assert one(db, FAILOVER, "us-east-1") is None


@pytest.mark.parametrize("region", [None, "", "mars-1"])
def test_rejects_an_unknown_region(db: Connection, region: str | None) -> None:
    with raises(db, "KD301") as caught:
        one(db, FAILOVER, region)
    assert caught.detail["region"] == region


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "super_admin"])
def test_every_role_may_ask(db: Connection, role: str) -> None:
    become(db, role)
    assert one(db, FAILOVER, "us-east-1") == "us-west-2"
