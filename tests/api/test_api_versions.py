"""Table api_versions: the shipped matrix and what the table itself refuses."""

import pytest

from tests.helpers import Connection, raises, rows


def test_ships_the_version_matrix(db: Connection) -> None:
    found = rows(db, "select version, min_app_version, status from dbkit.api_versions order by 1")
    assert [tuple(f.values()) for f in found] == [
        ("v1", "1.0.0", "active"),
        ("v2", "1.2.0", "active"),
        ("v3", "1.4.0", "active"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        "version = 'v0'",
        "status = 'gone'",
        "status = 'deprecated'",
        "status = 'sunset', deprecated_at = now()",
        "successor = version",
        "deprecated_at = '2026-02-01', sunset_at = '2026-01-01'",
    ],
)
def test_refuses_a_broken_life_cycle(db: Connection, change: str) -> None:
    with raises(db, "23514"):
        db.execute(f"update dbkit.api_versions set {change} where version = 'v3'".encode())


def test_versions_sort_by_number(db: Connection) -> None:
    db.execute("insert into dbkit.api_versions (version, min_app_version) values ('v10', '9.0.0')")
    found = rows(db, "select version from dbkit.api_versions order by ordinal")
    assert [f["version"] for f in found] == ["v1", "v2", "v3", "v10"]
