"""The life of an API version over HTTP: deprecation, brown-outs, sunset, pins, guarded releases.

The database's clock is a setting of the gateway's login, which here may have one: it is a super
admin's too. A gateway that is started after the setting lives at that time.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dbkit.server import Server
from tests.conftest import new_database, run_admin
from tests.gateway.serving import Serving, serving, within
from tests.helpers import connect, one, rows

CALL = "check_compatibility"
PAYLOAD = {"app_version": "1.4.0"}
ANNOUNCED, BROWNOUT, BROWNOUT_END, SUNSET = (
    "2030-03-01 12:00+00",
    "2030-03-10 00:00+00",
    "2030-03-10 01:00+00",
    "2030-04-01 00:00+00",
)
SUNSET_HTTP = "Mon, 01 Apr 2030 00:00:00 GMT"


class Times:
    """A database in which v1 is deprecated, and gateways over it at any time."""

    def __init__(self, server: Server, url: str, name: str, password: str) -> None:
        self.server, self.url, self.name = server, url, name
        self.login = make_conninfo(url, user=name, password=password)
        self._stack = ExitStack()

    def at(self, moment: str) -> Serving:
        """A gateway that began to serve at this time."""
        alter = sql.SQL("alter role {} set dbkit.clock = {}")
        run_admin(self.server.url, alter.format(sql.Identifier(self.name), sql.Literal(moment)))
        return self._stack.enter_context(serving(self.login, pool=2))

    def close(self) -> None:
        self._stack.close()

    def as_admin(self, statement: str, *args: object) -> Any:
        with connect(self.url) as conn:
            found = rows(conn, statement, *args)
            conn.commit()
        return found


@pytest.fixture
def times(server: Server, template: str) -> Iterator[Times]:
    name, password = f"time_{secrets.token_hex(4)}", secrets.token_hex(8)
    parts = {"name": sql.Identifier(name), "password": sql.Literal(password)}
    make = sql.SQL(
        "create role {name} login password {password} in role dbkit_gateway, super_admin"
    )
    run_admin(server.url, make.format(**parts))
    try:
        with new_database(server, template) as url:
            found = Times(server, url, name, password)
            try:
                yield found
            finally:
                found.close()
    finally:
        with psycopg.connect(server.url, autocommit=True) as conn:
            conn.execute(sql.SQL("drop role {name}").format(**parts))


def deprecate(times: Times) -> None:
    with connect(times.url) as conn:
        conn.execute("select set_config('dbkit.clock', %s, true)", [ANNOUNCED])
        conn.execute(
            "select dbkit.deprecate_api_version('v1', %s::timestamptz, 'v2',"
            " tstzmultirange(tstzrange(%s, %s)))",
            [SUNSET, BROWNOUT, BROWNOUT_END],
        )
        conn.commit()


def seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).astimezone(UTC).timestamp())


# --- Deprecation, brown-out, sunset ---


def test_a_deprecated_version_says_so_in_headers_and_meta(times: Times) -> None:
    deprecate(times)
    gateway = times.at(ANNOUNCED)
    answer = gateway.post(CALL, PAYLOAD, path="/api/v1/rpc/")
    assert answer.status_code == 200
    assert answer.headers["deprecation"] == f"@{seconds(ANNOUNCED)}"
    assert answer.headers["sunset"] == SUNSET_HTTP
    assert f'</api/v2/rpc/{CALL}>; rel="successor-version"' in answer.headers["link"]
    assert 'rel="deprecation"' in answer.headers["link"]
    assert 'rel="sunset"' in answer.headers["link"]
    meta = answer.json()["meta"]
    assert meta["deprecated"] is True and meta["warnings"]
    # What the links name is there.
    successor = gateway.client.post(f"/api/v2/rpc/{CALL}", json=PAYLOAD)
    assert successor.status_code == 200
    assert gateway.client.get("/docs/v1").status_code == 200
    for path in ("/api/v2/rpc/", "/api/v3/rpc/"):
        headers = gateway.post(CALL, PAYLOAD, path=path).headers
        assert "deprecation" not in headers and "sunset" not in headers


def test_its_errors_say_so_too(times: Times) -> None:
    deprecate(times)
    answer = times.at(ANNOUNCED).post("get_order", {}, path="/api/v1/rpc/")
    assert answer.status_code == 422
    assert answer.headers["sunset"] == SUNSET_HTTP
    assert answer.headers["deprecation"] == f"@{seconds(ANNOUNCED)}"


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2030-03-09 23:59:59+00", 200),
        (BROWNOUT, 503),
        ("2030-03-10 00:59:59+00", 503),
        (BROWNOUT_END, 200),
        ("2030-03-31 23:59:59+00", 200),
        (SUNSET, 410),
        ("2031-01-01 00:00+00", 410),
    ],
)
def test_the_edges_of_a_life(times: Times, moment: str, status: int) -> None:
    deprecate(times)
    gateway = times.at(moment)
    asked = [
        gateway.post(CALL, PAYLOAD, path="/api/v1/rpc/"),
        gateway.get(CALL, PAYLOAD, X_Api_Version="v1"),
        gateway.post(CALL, PAYLOAD, Accept="application/vnd.dbkit.v1+json"),
        gateway.client.post("/api", json={"rpc": CALL, "payload": PAYLOAD, "version": "v1"}),
    ]
    assert [answer.status_code for answer in asked] == [status] * 4
    assert all(answer.headers["sunset"] == SUNSET_HTTP for answer in asked)
    for answer in asked:
        if status == 200:
            assert answer.json()["meta"]["version"] == "v1"
            continue
        error = answer.json()["error"]
        assert "dbkit" not in answer.text.replace("vnd.dbkit", "") and "select" not in answer.text
        assert "successor-version" in answer.headers["link"]
        if status == 503:
            assert error["code"] == "VERSION_BROWNOUT"
            left = seconds(BROWNOUT_END) - seconds(moment)
            assert int(answer.headers["retry-after"]) == left
        else:
            assert error["code"] == "VERSION_SUNSET"
            assert error["details"]["successor"] == "v2"
            assert "retry-after" not in answer.headers
    assert gateway.post(CALL, PAYLOAD, path="/api/v2/rpc/").status_code == 200


def test_the_sunset_that_is_announced_is_a_date_of_http(times: Times) -> None:
    deprecate(times)
    answer = times.at(ANNOUNCED).post(CALL, PAYLOAD, X_Api_Version="v1")
    moment = parsedate_to_datetime(answer.headers["sunset"])
    assert moment == datetime.fromisoformat(SUNSET)


def test_a_problem_of_a_sunset_version(times: Times) -> None:
    deprecate(times)
    answer = times.at(SUNSET).post(
        CALL, PAYLOAD, X_Api_Version="v1", Accept="application/problem+json"
    )
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (410, "VERSION_SUNSET")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_running_gateway_hears_of_a_deprecation(times: Times) -> None:
    """Headers follow the catalog without a restart; so does the end."""
    gateway = times.at("2030-03-01 12:00+00")
    assert "sunset" not in gateway.post(CALL, PAYLOAD, X_Api_Version="v1").headers
    deprecate(times)
    for _ in within(10):
        if "sunset" in gateway.post(CALL, PAYLOAD, X_Api_Version="v1").headers:
            break
    document = gateway.client.get("/api/v1/openapi.json").json()
    operation = document["paths"][f"/rpc/{CALL}"]["post"]
    assert operation["deprecated"] is True
    assert {"Deprecation", "Sunset", "Link"} <= set(operation["responses"]["200"]["headers"])


# --- Who gets which version ---


def test_a_pin_holds_a_consumer_and_a_named_version_is_stronger(times: Times) -> None:
    times.as_admin("select dbkit.pin_consumer('kiosk', 'v2')")
    times.as_admin("select dbkit.switch_api_version('v3')")
    gateway = times.at(ANNOUNCED)

    def version(**headers: str) -> str:
        body = gateway.post("get_features", **headers).json()
        return str(body["meta"]["version"])

    assert version(X_Client_Id="kiosk") == "v2"
    assert version(X_Client_Id="other") == version() == "v3"
    assert version(X_Client_Id="kiosk", X_Api_Version="v3") == "v3"
    times.as_admin("select dbkit.pin_consumer('kiosk', null)")
    assert version(X_Client_Id="kiosk") == "v3"


def test_a_keys_consumer_is_pinned_whatever_the_client_says(times: Times) -> None:
    secret = times.as_admin("select dbkit.create_api_key('kiosk', 'anon') ->> 'secret' as s")[0][
        "s"
    ]
    times.as_admin("select dbkit.pin_consumer('kiosk', 'v2')")
    times.as_admin("select dbkit.switch_api_version('v3')")
    gateway = times.at("2026-11-22 12:00+00")
    answer = gateway.post("get_features", X_Api_Key=secret, X_Client_Id="other")
    assert answer.status_code == 200, answer.text
    assert answer.json()["meta"]["version"] == "v2"


def test_a_guarded_release_serves_its_share_and_always_the_same_clients(times: Times) -> None:
    times.as_admin("select dbkit.switch_api_version('v2')")
    times.as_admin("select dbkit.begin_release('v3', 30)")
    names = [f"client-{n}" for n in range(200)]
    with connect(times.url) as conn:
        inside = {n for n in names if one(conn, "select dbkit._release_bucket('v3', %s)", n) < 30}
    gateway = times.at("2026-11-21 22:00+00")

    def served() -> set[str]:
        answers = {n: gateway.get("get_features", X_Client_Id=n) for n in names}
        return {n for n, a in answers.items() if a.json()["meta"]["version"] == "v3"}

    assert served() == served() == inside
    assert 30 < len(inside) < 90
    assert gateway.get("get_features").json()["meta"]["version"] == "v2"
    assert gateway.get("get_features", X_Api_Version="v3").json()["meta"]["version"] == "v3"
    with connect(times.url) as conn:
        release = one(conn, "select release_id from dbkit.api_releases where status = 'running'")
        rows(conn, "select dbkit.abort_release(%s, 'test')", release)
        conn.commit()
    assert served() == set()


# --- Apps that are too old ---


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_an_old_app_is_told_the_oldest_that_is_served(times: Times, version: str) -> None:
    oldest = times.as_admin("select min_app_version from dbkit.api_versions where version = 'v1'")[
        0
    ]["min_app_version"]
    gateway = times.at(ANNOUNCED)
    answer = gateway.post(
        "get_order", {"order_id": 1}, path=f"/api/{version}/rpc/", X_App_Version="0.1.0"
    )
    assert answer.status_code == 426
    error = answer.json()["error"]
    assert error["code"] == "CLIENT_TOO_OLD"
    minimum = error["details"]["minimum_app_version"]
    assert minimum >= oldest
    # RFC 9110, 15.5.22 and 7.8
    assert answer.headers["upgrade"] == f"app/{minimum}"
    assert answer.headers["connection"] == "upgrade"
    again = gateway.post("whoami", X_App_Version=minimum, path=f"/api/{version}/rpc/")
    assert again.status_code == 404, "the connection goes on, and this app is new enough"
    assert (
        gateway.post(CALL, {}, path=f"/api/{version}/rpc/", X_App_Version=minimum).status_code
        == 200
    )


def test_without_a_named_version_an_app_gets_what_it_is_new_enough_for(times: Times) -> None:
    minimums = {
        row["version"]: row["min_app_version"]
        for row in times.as_admin("select version, min_app_version from dbkit.api_versions")
    }
    times.as_admin("select dbkit.switch_api_version('v3')")
    gateway = times.at(ANNOUNCED)
    for version, minimum in minimums.items():
        answer = gateway.post(CALL, {}, X_App_Version=minimum)
        assert answer.json()["meta"]["version"] == version
