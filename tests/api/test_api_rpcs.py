"""Table api_rpcs: what ships, and that every shipped handler keeps its promise."""

import jsonschema_rs

from tests.api.conftest import call
from tests.api.features import two_flags
from tests.helpers import Connection, raises, rows


def test_ships_the_platforms_calls(db: Connection) -> None:
    found = rows(
        db,
        "select name, version from dbkit.api_rpcs where name in"
        " ('get_features', 'check_compatibility', 'get_region_health') order by 1, 2",
    )
    assert [tuple(f.values()) for f in found] == [
        ("check_compatibility", "v1"),
        ("check_compatibility", "v2"),
        ("check_compatibility", "v3"),
        ("get_features", "v2"),
        ("get_features", "v3"),
        ("get_region_health", "v3"),
    ]


def test_answers_satisfy_their_response_schemas(db: Connection) -> None:
    two_flags(db)
    db.execute("select dbkit.update_region_health('us-east-1', true, 12)")
    checked = rows(
        db,
        "select name, version, response_schema from dbkit.api_rpcs where name in"
        " ('get_features', 'check_compatibility', 'get_region_health')",
    )
    for rpc in checked:
        payload = {} if rpc["name"] == "get_region_health" else {"app_version": "1.2.0"}
        data = call(db, rpc["name"], payload, rpc["version"])["data"]
        jsonschema_rs.validate(rpc["response_schema"], data)
        assert set(rpc["response_schema"]["required"]) == set(data)


def test_every_schema_is_a_json_schema(db: Connection) -> None:
    for rpc in rows(db, "select request_schema, response_schema from dbkit.api_rpcs"):
        jsonschema_rs.Draft202012Validator(rpc["request_schema"])
        if rpc["response_schema"] is not None:
            jsonschema_rs.Draft202012Validator(rpc["response_schema"])


def test_one_handler_a_call_and_version(db: Connection) -> None:
    with raises(db, "23505"):
        db.execute(
            "insert into dbkit.api_rpcs (name, version, handler_signature, access)"
            " values ('get_features', 'v2', 'x(jsonb)', 'read')"
        )
    with raises(db, "23514"):
        db.execute(
            "insert into dbkit.api_rpcs (name, version, handler_signature, access)"
            " values ('x', 'v2', 'x(jsonb)', 'maybe')"
        )
