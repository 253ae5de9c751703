"""One request; who called comes from the context."""

from tests.helpers import Connection, become, one, raises, row, unbecome

LOG = "select dbkit.log_api_request('get_menu', 'v2', 200, 12.3456)"


def test_takes_the_client_from_the_context(db: Connection) -> None:
    become(
        db,
        "service_role",
        app_name="web",
        app_version="1.4.0",
        api_version="v3",
        client_id="c",
        region="us-east-1",
        request_id="r",
        user_id="u",
        organization_id="o",
    )
    db.execute(
        "select dbkit.log_api_request('get_menu', 'v2', 503, 12.3456, 'v3', true, 'KD114',"
        " '10.0.0.1', 'curl')"
    )
    unbecome(db)
    found = row(db, "select * from dbkit.api_request_log")
    assert (found["name"], found["served_version"], found["status_code"]) == ("get_menu", "v2", 503)
    assert (found["requested_version"], found["fallback"]) == ("v3", True)
    assert (found["error_code"], found["user_agent"]) == ("KD114", "curl")
    assert (str(found["duration_ms"]), str(found["ip_address"])) == ("12.346", "10.0.0.1")
    assert (found["app_name"], found["app_version"]) == ("web", "1.4.0")
    assert (found["client_id"], found["region"], found["request_id"]) == ("c", "us-east-1", "r")
    assert (found["user_id"], found["organization_id"]) == ("u", "o")
    assert found["caller_role"] == "service_role"


def test_works_without_a_context(db: Connection) -> None:
    db.execute(LOG)
    found = row(db, "select * from dbkit.api_request_log")
    assert (found["app_name"], found["fallback"], found["ip_address"]) == (None, False, None)


def test_needs_service_role(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            one(db, LOG)
        unbecome(db)
