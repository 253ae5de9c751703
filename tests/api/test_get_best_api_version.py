"""The newest version that an app may use."""

import pytest

from tests.helpers import Connection, become, one, raises

BEST = "select dbkit.get_best_api_version(%s)"


@pytest.mark.parametrize(
    ("app", "best"),
    [
        ("0.9.9", None),
        ("1.0.0-rc.1", None),
        ("1.0.0", "v1"),
        ("1.0.3", "v1"),
        ("1.2.0-beta", "v1"),
        ("1.2.0", "v2"),
        ("1.2.0+build.5", "v2"),
        ("1.10.0", "v3"),
        ("1.4.0-rc.1", "v2"),
        ("1.4.2", "v3"),
        ("99.0.0", "v3"),
        (None, None),
    ],
)
def test_follows_the_version_matrix(db: Connection, app: str | None, best: str | None) -> None:
    become(db, "anon")
    assert one(db, BEST, app) == best


def test_does_not_hang_on_the_active_version_but_on_sunset(db: Connection) -> None:
    db.execute("select dbkit.sunset_api_version('v3')")
    assert one(db, BEST, "1.4.0") == "v2"


def test_refuses_what_is_no_version(db: Connection) -> None:
    with raises(db, "KD002"):
        one(db, BEST, "1.4")
