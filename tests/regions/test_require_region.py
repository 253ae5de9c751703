from __future__ import annotations

import pytest

from tests.helpers import Connection, become, one, raises


def test_lets_a_known_region_pass_also_when_inactive(db: Connection) -> None:
    db.execute("update dbkit.regions set status = 'inactive'")
    one(db, "select dbkit.require_region('us-east-1')")


@pytest.mark.parametrize("region", ["mars-1", "", None])
def test_refuses_an_unknown_region_and_names_the_known(db: Connection, region: str | None) -> None:
    become(db, "anon")
    with raises(db, "KD301") as caught:
        one(db, "select dbkit.require_region(%s)", region)
    assert caught.detail == {
        "region": region,
        "known": ["us-east-1", "us-west-2", "eu-west-1", "ap-southeast-1"],
    }


def test_repeats_at_most_100_characters(db: Connection) -> None:
    with raises(db, "KD301") as caught:
        one(db, "select dbkit.require_region(repeat('x', 5000))")
    assert caught.detail["region"] == "x" * 100
    assert len(caught.message) < 200
