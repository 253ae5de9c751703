"""get_region_health: every region, the same as the function says."""

from tests.api.conftest import call
from tests.helpers import Connection, become, raises, rows, unbecome


def test_lists_every_region(db: Connection) -> None:
    become(db, "anon")
    data = call(db, "get_region_health", version="v3")["data"]
    unbecome(db)
    expected = rows(db, "select region_id, status from dbkit.get_region_health() order by 1")
    assert [{k: r[k] for k in ("region_id", "status")} for r in data["regions"]] == expected
    assert len(data["regions"]) == 4


def test_takes_no_payload(db: Connection) -> None:
    with raises(db, "KD105"):
        call(db, "get_region_health", {"region": "us-east-1"}, "v3")
