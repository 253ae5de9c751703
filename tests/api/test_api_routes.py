"""Resolution (api.md, rule 2) against an independent model, over generated registries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from semver import Version

from tests.api.conftest import handler, register
from tests.helpers import Connection, connect, one, raises, rows

NOW = "2026-06-01T12:00:00+00:00"
PAST, FUTURE = "2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z"
BROWN = "{[2026-06-01 11:00:00+00,2026-06-01 13:00:00+00)}"
LATER = "{[2026-06-02 11:00:00+00,2026-06-02 13:00:00+00)}"
MINIMA = ["0.9.0", "1.0.0", "1.2.0-rc.1", "1.2.0", "1.4.0", "1.10.0", "2.0.0-alpha.2", "2.0.0"]
APPS = [None, "0.1.0", "1.0.0", "1.2.0-beta", "1.2.0-rc.1", "1.2.0", "1.3.9", "1.10.0", "2.0.0"]


@dataclass(frozen=True)
class ApiVersion:
    number: int
    minimum: str
    status: str = "active"
    sunset_at: str | None = None
    brownouts: str = "{}"

    @property
    def gone(self) -> bool:
        return self.sunset_at == PAST

    @property
    def brown(self) -> bool:
        return self.brownouts == BROWN


@dataclass(frozen=True)
class Registry:
    versions: tuple[ApiVersion, ...]
    access: str
    handlers: dict[int, tuple[int, ...]]
    """Version that has a handler → newer versions whose payload it takes."""
    active: int
    pin: int | None


@dataclass(frozen=True)
class Probe:
    requested: int | None
    context: int | None
    pinned: bool
    app: str | None


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    numbers = sorted(draw(st.sets(st.integers(1, 12), min_size=2, max_size=5)))
    minima = sorted(
        draw(st.lists(st.sampled_from(MINIMA), min_size=len(numbers), max_size=len(numbers))),
        key=Version.parse,
    )
    lives = [
        ("active", None, "{}"),
        ("active", None, "{}"),
        ("deprecated", FUTURE, LATER),
        ("deprecated", None, BROWN),
        ("deprecated", PAST, "{}"),
        ("sunset", PAST, BROWN),
    ]
    chosen = [draw(st.sampled_from(lives)) for _ in numbers]
    versions = tuple(
        ApiVersion(n, m, *life) for n, m, life in zip(numbers, minima, chosen, strict=True)
    )
    holders = sorted(draw(st.sets(st.sampled_from(numbers), min_size=1)))
    handlers = {
        h: tuple(sorted(draw(st.sets(st.sampled_from(numbers))) & {n for n in numbers if n > h}))
        for h in holders
    }
    pin = draw(st.one_of(st.none(), st.sampled_from(numbers)))
    access = draw(st.sampled_from(["read", "write"]))
    return Registry(versions, access, handlers, draw(st.sampled_from(numbers)), pin)


def meets(app: str | None, minimum: str) -> bool:
    return app is None or Version.parse(app) >= Version.parse(minimum)


def served(registry: Registry, probe: Probe) -> ApiVersion | None:
    """Highest version ≤ the asked one with a handler that takes the payload, not sunset, app ok.

    The payload's generation is the version that the client named, or else the newest one, up to
    the pin or the active version, that its app reaches.
    """
    by_number = {v.number: v for v in registry.versions}
    named = probe.requested or probe.context
    if named is not None:
        if by_number[named].gone:
            return None
        generation = named
    else:
        top = asked(registry, probe)
        reached = [
            v.number for v in registry.versions if v.number <= top and meets(probe.app, v.minimum)
        ]
        if not reached:
            return None
        generation = max(reached)
    for number in sorted(registry.handlers, reverse=True):
        takes = (
            registry.access == "read"
            or number == generation
            or generation in registry.handlers[number]
        )
        version = by_number[number]
        fits = number <= generation and takes and not version.gone
        if fits and meets(probe.app, version.minimum):
            return version
    return None


def asked(registry: Registry, probe: Probe) -> int:
    pin = registry.pin if probe.pinned else None
    return probe.requested or probe.context or pin or registry.active


def expected(registry: Registry, probe: Probe) -> dict[str, Any]:
    by_number = {v.number: v for v in registry.versions}
    top = asked(registry, probe)
    if top not in by_number:
        return {"sqlstate": "KD102"}
    named = probe.requested or probe.context
    version = served(registry, probe)
    if version is not None:
        if version.brown or (named is not None and by_number[named].brown):
            return {"sqlstate": "KD114", "served": f"v{version.number}"}
        return {
            "served": f"v{version.number}",
            "requested": f"v{named}" if named else None,
            "fallback": version.number != top,
            "deprecated": version.status != "active",
        }
    if by_number[top].gone:
        return {"sqlstate": "KD103"}
    if not any(number <= top for number in registry.handlers):
        return {"sqlstate": "KD101"}
    if probe.app is not None:
        for minimum in sorted({v.minimum for v in registry.versions}, key=Version.parse):
            newer = not meets(probe.app, minimum)
            if newer and served(registry, replace(probe, app=minimum)) is not None:
                return {"sqlstate": "KD104", "minimum": minimum}
    alive = tuple(replace(v, sunset_at=None) for v in registry.versions)
    if served(replace(registry, versions=alive), probe) is not None:
        return {"sqlstate": "KD103"}
    return {"sqlstate": "KD109"}


ASK = """
create or replace function pg_temp.ask(p_probes jsonb) returns jsonb language plpgsql as $$
declare
  v_probe jsonb; v_answer jsonb; v_all jsonb := '[]'; v_state text; v_detail text; v_hint text;
  v_explained jsonb;
begin
  for v_probe in select * from jsonb_array_elements(p_probes) loop
    perform dbkit.set_request_context(v_probe -> 'context');
    v_explained := null;
    begin
      v_answer := dbkit.route_api_call('probe', '{}', v_probe ->> 'requested');
      v_answer := (v_answer -> 'meta') || jsonb_build_object('ran', v_answer -> 'data');
    exception when others then
      get stacked diagnostics v_state = returned_sqlstate, v_detail = pg_exception_detail,
        v_hint = pg_exception_hint;
      v_answer := jsonb_build_object('sqlstate', v_state, 'detail', v_detail, 'hint', v_hint);
    end;
    begin
      v_explained := dbkit.explain_route('probe', '{}', v_probe ->> 'requested');
    exception when others then
      v_explained := jsonb_build_object('sqlstate', sqlstate);
    end;
    v_all := v_all || jsonb_build_array(jsonb_build_array(v_answer, v_explained));
  end loop;
  perform dbkit.set_request_context('{}');
  return v_all;
end $$"""


def build(conn: Connection, registry: Registry) -> None:
    conn.execute("delete from dbkit.feature_flags; delete from dbkit.api_rpcs")
    conn.execute("update dbkit.api_versions set successor = null")
    names = [f"v{v.number}" for v in registry.versions]
    conn.execute(
        "insert into dbkit.api_versions (version, min_app_version) values ('v99', '9.0.0')"
    )
    conn.execute("update dbkit.active_api_version set current_version='v99', fallback_version='v1'")
    for old in ("v2", "v3"):
        conn.execute("delete from dbkit.api_versions where version = %s", [old])
    conn.execute("update dbkit.api_versions set min_app_version = '0.0.1' where version = 'v1'")
    for v, name in zip(registry.versions, names, strict=True):
        conn.execute("select dbkit.register_api_version(%s, %s)", [name, v.minimum])
        deprecated = None if v.status == "active" else "2026-01-01T00:00:00Z"
        conn.execute(
            "update dbkit.api_versions set status = %s, deprecated_at = %s, sunset_at = %s,"
            " brownouts = %s::tstzmultirange where version = %s",
            [v.status, deprecated, v.sunset_at, v.brownouts, name],
        )
    other = next(n for n in names if n != f"v{registry.active}")
    conn.execute(
        "update dbkit.active_api_version set current_version = %s, fallback_version = %s",
        [f"v{registry.active}", other],
    )
    if "v1" not in names:
        conn.execute("delete from dbkit.api_versions where version = 'v1'")
    conn.execute("delete from dbkit.api_versions where version = 'v99'")
    for number, newer in registry.handlers.items():
        register(
            conn,
            "probe",
            f"v{number}",
            f"guest.probe_{number}(jsonb)",
            registry.access,
            compatible_with=[f"v{n}" for n in newer],
        )
    conn.execute("select dbkit._refresh_api_routes()")
    if registry.pin is not None:
        conn.execute(
            "insert into dbkit.api_consumers (consumer, pinned_version) values ('pinned', %s)",
            [f"v{registry.pin}"],
        )
        conn.execute("update dbkit.active_api_version set has_pins = true")


def probes(registry: Registry) -> list[Probe]:
    numbers = [v.number for v in registry.versions]
    by_version = [Probe(n, c, True, a) for n in [*numbers, 77] for c in [None, 1] for a in APPS]
    by_context = [Probe(None, n, True, a) for n in numbers for a in APPS]
    free = [Probe(None, None, pinned, a) for pinned in (True, False) for a in APPS]
    return by_version + by_context + free


def as_json(probe: Probe) -> dict[str, Any]:
    context = {
        "app_version": probe.app,
        "api_version": f"v{probe.context}" if probe.context else None,
        "client_id": "pinned" if probe.pinned else "free",
    }
    requested = f"v{probe.requested}" if probe.requested else None
    return {"requested": requested, "context": context}


def check(registry: Registry, probe: Probe, answer: Any, explained: Any) -> None:
    want = expected(registry, probe)
    where = f"{registry}\n{probe}\nwant {want}\ngot {answer}\nexplained {explained}"
    if "sqlstate" in want:
        assert answer.get("sqlstate") == want["sqlstate"], where
        assert answer["hint"], where
        assert json.loads(answer["detail"]), where
        if "minimum" in want:
            assert json.loads(answer["detail"])["minimum_app_version"] == want["minimum"], where
    else:
        got = {k: answer.get(k) for k in ("version", "requested_version", "fallback", "deprecated")}
        assert list(got.values()) == list(want.values()), where
        assert answer["ran"] == answer["version"], where
        assert bool(answer["warnings"]) == (want["fallback"] or want["deprecated"]), where
    if want.get("sqlstate") == "KD102":
        assert explained == {"sqlstate": "KD102"}, where
    else:
        assert explained["served_version"] == want.get("served"), where
        assert explained["asked_version"] == f"v{asked(registry, probe)}", where


@pytest.fixture(scope="module")
def bench(shared_database: str) -> Iterator[Connection]:
    """One connection whose transaction is never committed: the registries live in savepoints."""
    with connect(shared_database) as conn:
        conn.execute(ASK.encode())
        conn.execute("select set_config('dbkit.clock', %s, true)", [NOW])
        for number in range(1, 13):
            handler(conn, f"probe_{number}", f"begin return to_jsonb('v{number}'::text); end")
        yield conn
        conn.rollback()


@settings(
    max_examples=80,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(registry=registries())
def test_resolution_equals_the_model(bench: Connection, registry: Registry) -> None:
    with bench.transaction(force_rollback=True):
        build(bench, registry)
        every = probes(registry)
        found = one(bench, "select pg_temp.ask(%s)", json.dumps([as_json(p) for p in every]))
        for probe, (answer, explained) in zip(every, found, strict=True):
            check(registry, probe, answer, explained)


def test_model_notices_a_wrong_route(bench: Connection) -> None:
    """The control: with one route bent by hand the comparison fails."""
    versions = (ApiVersion(1, "1.0.0"), ApiVersion(2, "1.2.0"))
    registry = Registry(versions, "read", {1: (), 2: ()}, 2, None)
    with bench.transaction(force_rollback=True):
        build(bench, registry)
        bench.execute("update dbkit.api_routes set min_app_key = '' where version = 'v2'")
        probe = Probe(2, None, False, "1.0.0")
        ((answer, explained),) = one(bench, "select pg_temp.ask(%s)", json.dumps([as_json(probe)]))
        try:
            check(registry, probe, answer, explained)
        except AssertionError:
            return
    raise AssertionError("a bent route went unnoticed")


def test_routes_are_read_only_for_everybody(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role", "super_admin"):
        with raises(db, "42501"):
            db.execute(f"set local role {role}".encode())
            db.execute("update dbkit.api_routes set version = 'v1'")


def test_a_route_is_found_by_the_primary_key(db: Connection) -> None:
    db.execute("set local enable_seqscan = off")
    plan = rows(
        db,
        "explain select * from dbkit.api_routes where name = 'x' and explicit and asked = 'v1'"
        " order by rank limit 1",
    )
    assert any("api_routes_pkey" in next(iter(line.values())) for line in plan)
