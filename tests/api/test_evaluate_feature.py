"""One flag for one client: OpenFeature reasons, sticky and fair shares."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest

from tests.api.conftest import context
from tests.helpers import Connection, become, one, raises, rows

EVALUATE = "select dbkit.evaluate_feature(%s, %s, %s, %s)"
SET = "select dbkit.set_feature_flag(%s, %s, %s, %s, %s, %s::numeric)"
ENABLED = """
select n from generate_series(1, %s) n
where (dbkit.evaluate_feature('f', 'v3', null, 'user-' || n) -> 'enabled')::boolean"""


def flag(
    conn: Connection,
    version: str = "v1",
    enabled: bool = True,
    app: str | None = None,
    names: list[str] | None = None,
    share: float = 100,
) -> None:
    conn.execute(SET, ["f", version, enabled, app, names, share])


def evaluate(conn: Connection, version: str = "v3", app: str | None = None, who: str = "u") -> Any:
    return one(conn, EVALUATE, "f", version, app, who)


def test_static(db: Connection) -> None:
    flag(db)
    become(db, "anon")
    assert evaluate(db) == {
        "feature": "f",
        "enabled": True,
        "reason": "STATIC",
        "error_code": None,
        "rollout_percentage": 100,
    }


def test_disabled_beats_all_else(db: Connection) -> None:
    flag(db, "v3", enabled=False, share=50)
    found = evaluate(db, "v1")
    assert (found["enabled"], found["reason"]) == (False, "DISABLED")


def test_unknown_flag_and_version(db: Connection) -> None:
    found = evaluate(db)
    assert (found["enabled"], found["reason"]) == (False, "ERROR")
    assert found["error_code"] == "FLAG_NOT_FOUND"
    with raises(db, "KD102"):
        evaluate(db, "v9")
    flag(db)
    with raises(db, "KD002"):
        evaluate(db, app="1.0")


@pytest.mark.parametrize(
    ("version", "app", "enabled", "reason"),
    [
        ("v1", "2.0.0", False, "DEFAULT"),
        ("v2", "2.0.0", True, "TARGETING_MATCH"),
        ("v2", "1.5.0", True, "TARGETING_MATCH"),
        ("v2", "1.5.0-rc.1", False, "DEFAULT"),
        ("v2", "1.10.0", True, "TARGETING_MATCH"),
        ("v2", None, False, "DEFAULT"),
    ],
)
def test_targets_versions(
    db: Connection, version: str, app: str | None, enabled: bool, reason: str
) -> None:
    flag(db, "v2", app="1.5.0")
    found = evaluate(db, version, app)
    assert (found["enabled"], found["reason"]) == (enabled, reason)


def test_targets_apps_by_name(db: Connection) -> None:
    flag(db, names=["ios", "android"])
    for name, reason in (("ios", "TARGETING_MATCH"), ("web", "DEFAULT"), (None, "DEFAULT")):
        context(db, **({"app_name": name} if name else {}))
        assert evaluate(db)["reason"] == reason
    flag(db, names=[])
    assert evaluate(db)["reason"] == "DEFAULT"


def test_app_and_consumer_come_from_the_context(db: Connection) -> None:
    flag(db, app="1.5.0", share=50)
    ask = "select dbkit.evaluate_feature('f', 'v3') -> 'enabled'"
    seen = set()
    for n in range(40):
        context(db, app_version="1.5.0", client_id=f"user-{n}")
        assert one(db, ask) == evaluate(db, app="1.5.0", who=f"user-{n}")["enabled"]
        seen.add(one(db, ask))
        context(db, app_version="1.5.0", user_id=f"user-{n}")
        assert one(db, ask) == evaluate(db, app="1.5.0", who=f"user-{n}")["enabled"]
    assert seen == {True, False}
    context(db, app_version="1.4.9", client_id="user-1")
    assert one(db, ask) is False


def test_raising_the_share_never_takes_it_away(db: Connection) -> None:
    had: set[int] = set()
    for share in (0, 0.01, 1, 5, 12.5, 33.33, 50, 80, 99.99, 100):
        flag(db, share=share)
        has = {r["n"] for r in rows(db, ENABLED, 1500)}
        assert had <= has, share
        had = has
    assert len(had) == 1500


@pytest.mark.parametrize("share", [1, 10, 50, 90])
def test_the_share_is_met_within_three_sigma(db: Connection, share: int) -> None:
    flag(db, share=share)
    count, p = 6000, share / 100
    has = len(rows(db, ENABLED, count))
    assert abs(has - count * p) <= 3 * sqrt(count * p * (1 - p)), has


def test_features_pick_different_consumers(db: Connection) -> None:
    flag(db, share=50)
    db.execute(SET, ["g", "v1", True, None, None, 50])
    both = one(
        db,
        "select count(*) filter (where"
        " (dbkit.evaluate_feature('f', 'v3', null, n::text) -> 'enabled') = ("
        "dbkit.evaluate_feature('g', 'v3', null, n::text) -> 'enabled'))"
        " from generate_series(1, 2000) n",
    )
    assert 850 < both < 1150


def test_split_says_so_to_both_halves(db: Connection) -> None:
    flag(db, share=50)
    found = {
        (f["enabled"], f["reason"]) for f in (evaluate(db, who=f"user-{n}") for n in range(40))
    }
    assert found == {(True, "SPLIT"), (False, "SPLIT")}
