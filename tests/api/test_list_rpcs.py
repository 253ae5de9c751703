"""The registered calls, or those that a version serves."""

from tests.api.conftest import handler, let_end, register
from tests.helpers import Connection, become, one, raises, rows

SERVED = "select name, version from dbkit.list_rpcs(%s)"


def test_lists_every_registration(db: Connection) -> None:
    found = rows(db, "select * from dbkit.list_rpcs()")
    assert len(found) == one(db, "select count(*) from dbkit.api_rpcs")
    shipped = [f for f in found if f["name"] == "get_features"]
    assert [f["version"] for f in shipped] == ["v2", "v3"]
    assert shipped[0]["handler_signature"] == "dbkit.rpc_v2_get_features(jsonb)"
    assert (shipped[0]["access"], shipped[0]["required_role"]) == ("read", None)
    assert shipped[0]["description"]


def test_lists_what_a_version_serves(db: Connection) -> None:
    register(db, "aaa", "v1", handler(db, "aaa"))
    found = {f["name"]: f["version"] for f in rows(db, SERVED, "v2")}
    assert found["aaa"] == "v1"
    assert found["get_features"] == "v2"
    assert "get_region_health" not in found


def test_leaves_out_writes_that_would_not_be_served(db: Connection) -> None:
    signature = handler(db, "put", volatility="volatile")
    register(db, "put", "v1", signature, "write", compatible_with=["v2"])
    names = {v: [f["name"] for f in rows(db, SERVED, v)] for v in ("v1", "v2", "v3")}
    assert ["put" in names[v] for v in ("v1", "v2", "v3")] == [True, True, False]


def test_leaves_out_what_is_sunset(db: Connection) -> None:
    register(db, "aaa", "v1", handler(db, "aaa"))
    db.execute("select dbkit.switch_api_version('v3', 'v2')")
    let_end(db, "v1")
    assert rows(db, SERVED, "v1") == []
    assert "aaa" not in [f["name"] for f in rows(db, SERVED, "v3")]


def test_unknown_version(db: Connection) -> None:
    with raises(db, "KD102"):
        rows(db, SERVED, "v9")


def test_anybody_may_read_it(db: Connection) -> None:
    become(db, "anon")
    assert rows(db, SERVED, "v1")
