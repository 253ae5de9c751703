"""dbkit.begin_release: who gets the new version, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import handler, in_parallel, outcome, register, state
from tests.api.releases import START, actions, at, begin, clients, status, version_of
from tests.helpers import Connection, become, connect, one, raises, row, unbecome


def test_serves_the_share_and_nobody_else(db: Connection) -> None:
    buckets = clients(db)
    begun = begin(db, 5)
    assert (begun["status"], begun["verdict"], begun["version"]) == (
        "running",
        "inconclusive",
        "v3",
    )
    served = {name: version_of(db, name) for name in list(buckets)[:400]}
    assert served == {n: "v3" if buckets[n] < 5 else "v2" for n in served}
    assert 40 < sum(bucket < 5 for bucket in buckets.values()) < 160
    assert actions(db) == ["release_begun"]


def test_nobody_without_a_name_is_part_of_it(db: Connection) -> None:
    begin(db, 99)
    assert version_of(db, None) == "v2"


def test_user_and_organization_count_where_no_client_is_said(db: Connection) -> None:
    name = next(n for n, bucket in clients(db).items() if bucket < 5)
    begin(db, 5)
    for key in ("user_id", "organization_id"):
        one(
            db,
            "select dbkit.set_request_context(jsonb_build_object(%s::text, %s::text))",
            key,
            name,
        )
        meta = one(db, "select dbkit.route_api_call('get_features') -> 'meta'")
        assert meta["version"] == "v3"


def test_behind_postgrest_the_claim_counts(db: Connection) -> None:
    name = next(n for n, bucket in clients(db).items() if bucket < 5)
    begin(db, 5)
    db.execute("select set_config('request.jwt.claims', %s, true)", [f'{{"sub": "{name}"}}'])
    assert one(db, "select dbkit.route_api_call('get_features') -> 'meta'")["version"] == "v3"


def test_a_named_version_and_a_pin_are_stronger(db: Connection) -> None:
    inside = [n for n, bucket in clients(db).items() if bucket < 5][:2]
    begin(db, 5)
    one(db, "select dbkit.pin_consumer(%s, 'v1')", inside[0])
    one(
        db, "select dbkit.set_request_context(jsonb_build_object('client_id', %s::text))", inside[0]
    )
    call = "select dbkit.route_api_call('check_compatibility', '{\"app_version\":\"1.4.0\"}', %s) "
    assert one(db, call + "-> 'meta'", None)["version"] == "v1"
    assert one(db, call + "-> 'meta'", "v3")["version"] == "v3"
    one(
        db, "select dbkit.set_request_context(jsonb_build_object('client_id', %s::text))", inside[1]
    )
    assert one(db, call + "-> 'meta'", None)["version"] == "v3"
    assert one(db, call + "-> 'meta'", "v2")["version"] == "v2"


def test_unpinning_during_a_release_leaves_the_share(db: Connection) -> None:
    name = next(n for n, bucket in clients(db).items() if bucket < 5)
    begin(db, 5)
    one(db, "select dbkit.pin_consumer('somebody', 'v1')")
    one(db, "select dbkit.pin_consumer('somebody', null)")
    assert version_of(db, name) == "v3"


def test_an_app_too_old_for_the_new_version_keeps_its_own(db: Connection) -> None:
    name = next(n for n, bucket in clients(db).items() if bucket < 5)
    begin(db, 5)
    said = (
        "select dbkit.set_request_context(jsonb_build_object("
        "'client_id', %s::text, 'app_version', %s::text))"
    )
    for app, version in (("1.2.0", "v2"), ("1.4.0", "v3")):
        one(db, said, name, app)
        meta = one(db, "select dbkit.route_api_call('get_features') -> 'meta'")
        assert meta["version"] == version


def test_explain_says_that_it_is_a_release(db: Connection) -> None:
    name = next(n for n, bucket in clients(db).items() if bucket < 5)
    begin(db, 5)
    explain = "select dbkit.explain_route('get_features') ->> 'asked_because'"
    assert one(db, explain) == "active"
    one(db, "select dbkit.set_request_context(jsonb_build_object('client_id', %s::text))", name)
    assert one(db, explain) == "release"
    one(db, "select dbkit.pin_consumer(%s, 'v1')", name)
    assert one(db, explain) == "pinned"


def test_routing_is_what_it_was_before_and_after(db: Connection) -> None:
    """The hot path knows nothing of releases: the pointer's row and the routes say all."""
    pointer = "select fast_suffix from dbkit.active_api_version"
    texts = (
        "select string_agg(prosrc, '' order by proname) from pg_proc where oid in"
        " ('dbkit._fast_route(text)'::regprocedure, 'dbkit._dispatch(int, jsonb)'::regprocedure,"
        " 'dbkit.route_api_call(text, jsonb, text)'::regprocedure)"
    )
    before = one(db, texts)
    assert "release" not in before
    assert one(db, pointer) == "*v2"
    begin(db, 5)
    assert one(db, pointer) is None
    one(db, "select dbkit.abort_release()")
    assert one(db, pointer) == "*v2"
    assert one(db, texts) == before


def test_a_write_goes_to_the_released_version_too(db: Connection) -> None:
    for version in ("v2", "v3"):
        register(db, "put", version, handler(db, f"put_{version}", volatility="volatile"), "write")
    buckets = clients(db)
    begin(db, 5)
    for name in list(buckets)[:60]:
        one(db, "select dbkit.set_request_context(jsonb_build_object('client_id', %s::text))", name)
        meta = one(db, "select dbkit.route_api_call('put') -> 'meta'")
        assert meta["version"] == ("v3" if buckets[name] < 5 else "v2")


BAD = [
    ({"p_share": 0}, "p_share"),
    ({"p_share": 100}, "p_share"),
    ({"p_share": "NaN"}, "p_share"),
    ({"p_share": None}, "p_share"),
    ({"p_share": -5}, "p_share"),
    ({"p_guard": ""}, "p_guard"),
    ({"p_guard": None}, "p_guard"),
    ({"p_guard": "error_rate,"}, "p_guard"),
    ({"p_guard": "errors'; drop table x"}, "p_guard"),
    ({"p_min_samples": 19}, "p_min_samples"),
    ({"p_min_samples": None}, "p_min_samples"),
    ({"p_max_minutes": 9}, "p_max_minutes"),
    ({"p_max_minutes": 2147483647}, "p_max_minutes"),
    ({"p_steps": [5]}, "p_steps"),
    ({"p_steps": [50, 25]}, "p_steps"),
    ({"p_steps": [None]}, "p_steps"),
    ({"p_steps": [100]}, "p_steps"),
    ({"p_steps": None}, "p_steps"),
    ({"p_steps": [10], "p_max_minutes": 19}, "p_max_minutes"),
    ({"p_step_minutes": 0}, "p_step_minutes"),
    ({"p_margin": 0}, "p_margin"),
    ({"p_margin": "NaN"}, "p_margin"),
    ({"p_false_alarm_rate": 0}, "p_false_alarm_rate"),
    ({"p_false_alarm_rate": "NaN"}, "p_false_alarm_rate"),
    ({"p_guard": "latency", "p_slow_ms": 0}, "p_slow_ms"),
    ({"p_guard": "latency", "p_slow_ms": "NaN"}, "p_slow_ms"),
    ({"p_guard": "latency"}, "p_slow_ms"),
    ({"p_version": "v2"}, "p_version"),
]


def begin_with(conn: Connection, **given: Any) -> Any:
    arguments = {"p_version": "v3", "p_share": 5} | given
    text = ", ".join(f"{name} => %s::{cast(name)}" for name in arguments)
    return one(conn, f"select dbkit.begin_release({text})", *arguments.values())


def cast(name: str) -> str:
    kinds = {"p_steps": "numeric[]", "p_guard": "text", "p_version": "text"}
    integers = ("p_min_samples", "p_max_minutes", "p_step_minutes")
    return kinds.get(name, "int" if name in integers else "numeric")


@pytest.mark.parametrize(("given", "argument"), BAD, ids=str)
def test_refuses_what_makes_no_sense(
    db: Connection, given: dict[str, object], argument: str
) -> None:
    before = state(db)
    with raises(db, "KD115") as caught:
        begin_with(db, **given)
    assert caught.detail["argument"] == argument
    assert state(db) == before


def test_refuses_an_unknown_a_sunset_and_a_broken_version(db: Connection) -> None:
    with raises(db, "KD102"):
        begin_with(db, p_version="v9'; --")
    with raises(db, "KD102"):
        begin_with(db, p_version=None)
    register(db, "old", "v3", handler(db, "old"))
    db.execute("drop function guest.old(jsonb)")
    with raises(db, "KD107"):
        begin_with(db)
    one(db, "select dbkit.unregister_rpc('old', 'v3')")
    one(db, "select dbkit.sunset_api_version('v3')")
    with raises(db, "KD103"):
        begin_with(db)


def test_one_release_at_a_time(db: Connection) -> None:
    first = begin(db)
    with raises(db, "KD116") as caught:
        begin_with(db)
    assert caught.detail["release_id"] == first["release_id"]


def test_of_sixteen_at_once_one_begins(database: str) -> None:
    got = in_parallel(16, lambda n: outcome(database, lambda c: begin_with(c)))
    assert sorted(str(g) for g in got if not isinstance(g, dict)) == ["KD116"] * 15
    with connect(database) as conn:
        assert actions(conn) == ["release_begun"]


def test_the_usual_latency_is_measured(db: Connection) -> None:
    db.execute("select set_config('dbkit.clock', %s, true)", [START.isoformat()])
    db.execute(
        "select dbkit.log_api_requests(jsonb_agg(jsonb_build_object('name', 'x',"
        " 'status_code', 200, 'duration_ms', n))) from generate_series(1, 1000) n"
    )
    begin_with(db, p_guard=" latency , error_rate")
    found = row(db, "select guards, slow_ms from dbkit.api_releases")
    assert found["guards"] == ["error_rate", "latency"]
    assert float(found["slow_ms"]) == pytest.approx(950.05)


def test_a_switch_ends_it(db: Connection) -> None:
    name = next(n for n, bucket in clients(db).items() if bucket < 5)
    begin(db)
    one(db, "select dbkit.switch_api_version('v2', 'v1')")
    assert (status(db)["status"], version_of(db, name)) == ("aborted", "v2")
    at(db, 60)
    begin_with(db)
    one(db, "select dbkit.switch_api_version('v3')")
    assert (status(db)["status"], version_of(db, name)) == ("promoted", "v3")
    assert one(db, "select has_pins from dbkit.active_api_version") is False


def test_its_version_cannot_be_sunset_meanwhile(db: Connection) -> None:
    begin(db)
    with raises(db, "KD112"):
        one(db, "select dbkit.sunset_api_version('v3')")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_only_super_admin_begins(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        begin_with(db)
    unbecome(db)
    become(db, "super_admin")
    assert begin_with(db)["status"] == "running"


@pytest.mark.parametrize(
    "name", ["'; drop table dbkit.api_releases; --", "%s %I", "😀" * 50, "x" * 200, "\\", "v3"]
)
def test_a_consumer_may_have_any_name(db: Connection, name: str) -> None:
    bucket = one(db, "select dbkit._release_bucket('v3', %s)::float8", name)
    begin(db, 50)
    assert version_of(db, name) == ("v3" if bucket < 50 else "v2")
