"""The whole context as one object; test_set_request_context.py writes it."""

from tests.helpers import Connection, one


def test_is_empty_without_any(db: Connection) -> None:
    assert one(db, "select dbkit.request_context()") == {}


def test_merges_settings_claims_and_headers(db: Connection) -> None:
    db.execute("""select dbkit.set_request_context('{"app_name": "web", "user_id": "said"}')""")
    claims = '{"sub": "real", "organization_id": "o", "role": "super_admin"}'
    db.execute("select set_config('request.jwt.claims', %s, true)", [claims])
    headers = '{"x-app-name": "other", "x-client-region": "eu-west-1", "authorization": "secret"}'
    db.execute("select set_config('request.headers', %s, true)", [headers])
    assert one(db, "select dbkit.request_context()") == {
        "app_name": "web",
        "user_id": "real",
        "organization_id": "o",
        "region": "eu-west-1",
    }
