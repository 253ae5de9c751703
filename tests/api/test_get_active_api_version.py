"""The pointer, as anybody may read it."""

from tests.helpers import Connection, become, row


def test_always_one_row(db: Connection) -> None:
    become(db, "anon")
    found = row(db, "select * from dbkit.get_active_api_version()")
    assert list(found) == [
        "current_version",
        "fallback_version",
        "revision",
        "updated_at",
        "updated_by",
        "deployment_id",
    ]
    assert (found["current_version"], found["fallback_version"]) == ("v2", "v1")
    assert (found["revision"], found["deployment_id"]) == (1, None)
