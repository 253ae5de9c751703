"""Calls over HTTP: what a client sends, what the database sees, what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gateway.serving import Serving, within
from tests.helpers import connect, one, rows

CHECK = "check_compatibility"


def test_answers_with_the_data_and_what_served_it(gateway: Serving) -> None:
    answer = gateway.post(CHECK, {"app_version": "1.4.0"}, X_Api_Version="v3")
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"]["best_version"] == "v3"
    meta = body["meta"]
    assert (meta["rpc"], meta["version"], meta["fallback"]) == (CHECK, "v3", False)
    assert meta["requestId"] == answer.headers["x-request-id"]
    assert 0 < meta["executionTime"] < 30_000


def test_version_2_has_the_envelope(gateway: Serving) -> None:
    body = gateway.post(CHECK, {"app_version": "1.4.0"}, path="/api/v2/rpc/").json()
    assert body["success"] is True
    assert set(body["meta"]) == {"version", "timestamp", "requestId", "processingTime"}
    assert body["meta"]["version"] == "v2"
    assert body["links"]["self"] == f"/api/v2/rpc/{CHECK}"


def test_the_body_of_the_documents_names_call_payload_and_version(gateway: Serving) -> None:
    body = {"rpc": CHECK, "payload": {"app_version": "1.4.0"}, "version": "v1"}
    answer = gateway.client.post("/api", json=body)
    assert answer.json()["meta"]["version"] == "v1"
    both = gateway.client.post("/api", json=body, headers={"x-api-version": "v3"})
    assert (both.status_code, both.json()["error"]["code"]) == (400, "VERSION_CONFLICT")


def test_the_database_sees_who_calls(gateway: Serving) -> None:
    told = {
        "X-App-Name": "web",
        "X-App-Version": "1.4.2",
        "X-Client-Region": "eu-west-1",
        "X-Client-Id": "web_123",
        "X-Request-Id": "req-1",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
    }
    seen = gateway.client.post("/rpc/whoami", json={"a": 1}, headers=told).json()["data"]
    assert seen == {
        "app_name": "web",
        "app_version": "1.4.2",
        "region": "eu-west-1",
        "client_id": "web_123",
        "request_id": "req-1",
        "correlation_id": "a" * 32,
        "role": "anon",
        "read_only": "off",
        "payload": {"a": 1},
        "claims": None,
    }


def test_nothing_of_a_request_is_left_for_the_next(serve: Any) -> None:
    gateway: Serving = serve(pool=1)
    gateway.post("whoami", X_App_Name="web", X_Client_Id="one", X_Correlation_Id="c")
    gateway.post("fail", {"sqlstate": "22012"}, X_Client_Id="two")
    seen = gateway.post("whoami").json()["data"]
    assert set(seen) == {"request_id", "role", "read_only", "payload", "claims"}


def test_get_reads_in_a_read_only_transaction(gateway: Serving) -> None:
    seen = gateway.get("whoami", {"store_id": 7, "name": "a b"}).json()["data"]
    assert seen["read_only"] == "on"
    assert seen["payload"] == {"store_id": 7, "name": "a b"}


def test_get_of_a_write_is_405_and_writes_nothing(gateway: Serving, shop: str) -> None:
    answer = gateway.get("add_note", {"note": "by GET"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    with connect(shop) as conn:
        assert one(conn, "select count(*) from shop.notes where note = 'by GET'") == 0


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_are_405(gateway: Serving, method: str) -> None:
    answer = gateway.client.request(method, "/rpc/whoami", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


def test_an_unchanged_read_is_304(gateway: Serving) -> None:
    query = {"app_version": "1.4.0"}
    first = gateway.get(CHECK, query)
    again = gateway.get(CHECK, query, If_None_Match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    other = gateway.get(CHECK, {"app_version": "1.2.0"}, If_None_Match=first.headers["etag"])
    assert other.status_code == 200
    assert "no-store" in gateway.post(CHECK, query).headers["cache-control"]


def test_head_is_get_without_a_body(gateway: Serving) -> None:
    answer = gateway.client.head(f"/rpc/{CHECK}", params={"app_version": "1.4.0"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 100


def test_the_same_idempotency_key_writes_once(gateway: Serving, shop: str) -> None:
    def send(note: str) -> Any:
        return gateway.post("add_note", {"note": note}, Idempotency_Key="k1", X_Client_Id="web")

    first, again, other = send("a"), send("a"), send("b")
    assert first.json()["data"] == again.json()["data"]
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    with connect(shop) as conn:
        assert one(conn, "select count(*) from shop.notes where note in ('a', 'b')") == 1


@pytest.mark.parametrize(
    ("sqlstate", "status", "code"),
    [
        ("22012", 422, "VALIDATION_ERROR"),
        ("23505", 409, "CONFLICT"),
        ("42501", 403, "FORBIDDEN"),
        ("P0002", 404, "NOT_FOUND"),
        ("53200", 503, "UNAVAILABLE"),
        ("XX000", 500, "INTERNAL_ERROR"),
        ("42P01", 500, "INTERNAL_ERROR"),
    ],
)
def test_an_error_keeps_the_inside_to_itself(
    gateway: Serving, sqlstate: str, status: int, code: str
) -> None:
    answer = gateway.post("fail", {"sqlstate": sqlstate}, X_Api_Version="v3")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    for part in ("select", "secret", "/var/lib", sqlstate, "PL/pgSQL"):
        assert part not in answer.text
    assert gateway.post("whoami").status_code == 200


def test_problem_details_for_those_who_ask(gateway: Serving) -> None:
    answer = gateway.post("nope", Accept="application/problem+json, application/json")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (404, "UNKNOWN_CALL")
    assert problem["instance"] == "/rpc/nope"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "INVALID_JSON"),
        (b"\xff", 400, "INVALID_JSON"),
        (b"[]", 422, "INVALID_PAYLOAD"),
        (b'{"a": 1e131071}', 422, "INVALID_PAYLOAD"),
        (b'{"a": 1e-131071}', 422, "INVALID_PAYLOAD"),
        (b'{"a": "\\u0000"}', 422, "INVALID_PAYLOAD"),
        (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", 422, "INVALID_PAYLOAD"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 422, "INVALID_PAYLOAD"),
        (b'{"a": "' + b"x" * 1_048_576 + b'"}', 413, "PAYLOAD_TOO_LARGE"),
    ],
)
def test_a_bad_body_is_told_so(gateway: Serving, body: bytes, status: int, code: str) -> None:
    headers = {"content-type": "application/json", "x-api-version": "v3"}
    answer = gateway.client.post("/rpc/whoami", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_numbers_keep_their_digits(gateway: Serving) -> None:
    body = b'{"n": 12345678901234567890.12345678901234567890}'
    headers = {"content-type": "application/json"}
    answer = gateway.client.post("/rpc/whoami", content=body, headers=headers)
    assert b"12345678901234567890.12345678901234567890" in answer.content


def test_forms_are_not_read(gateway: Serving) -> None:
    """A page elsewhere could make a browser send one without asking first."""
    answer = gateway.client.post("/rpc/whoami", data={"a": "1"})
    assert answer.status_code == 415


def test_a_deadline_ends_the_statement_in_the_database(gateway: Serving, shop: str) -> None:
    answer = gateway.post("nap", {"seconds": 20}, Prefer="wait=1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "DEADLINE_EXCEEDED")
    with connect(shop) as conn:
        running = rows(
            conn,
            "select from pg_stat_activity where state = 'active' and query like '%serve_call%'"
            " and pid <> pg_backend_pid() and datname = current_database()",
        )
    assert running == []
    assert gateway.post("whoami").status_code == 200


def test_a_commit_that_fails_is_an_error(gateway: Serving, shop: str) -> None:
    """A deferred constraint speaks after the call has answered."""
    with connect(shop) as conn:
        conn.execute(
            "alter table shop.notes add constraint notes_note_key unique (note)"
            " deferrable initially deferred"
        )
        conn.commit()
    assert gateway.post("add_note", {"note": "x"}).status_code == 200
    for headers in ({}, {"Prefer": "wait=5"}):
        answer = gateway.post("add_note", {"note": "x"}, **headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")
    assert gateway.post("whoami").status_code == 200


def test_large_answers_are_compressed_for_those_who_ask(gateway: Serving) -> None:
    payload = {"text": "abc " * 10_000}
    plain = gateway.post("whoami", payload, Accept_Encoding="identity")
    small = gateway.post("whoami", payload, Accept_Encoding="gzip")
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers.get("content-length", 0)) < 5000
    assert json.loads(small.content)["data"]["payload"] == plain.json()["data"]["payload"]


def test_headers_that_protect_browsers(gateway: Serving) -> None:
    for path in ("/rpc/whoami", "/health", "/nothing"):
        headers = gateway.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] in ("no-store", "private, no-cache")


def test_cors_only_where_set(serve: Any) -> None:
    asking = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    plain: Serving = serve()
    assert (
        "access-control-allow-origin" not in plain.client.options("/rpc/x", headers=asking).headers
    )
    gateway: Serving = serve(cors_origins="https://shop.example")
    answer = gateway.client.options("/rpc/x", headers=asking)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    foreign = {**asking, "origin": "https://evil.example"}
    answer = gateway.client.options("/rpc/x", headers=foreign)
    assert "access-control-allow-origin" not in answer.headers


def test_requests_are_logged_with_their_outcome(gateway: Serving, shop: str) -> None:
    gateway.post("whoami", X_Client_Id="web", X_Request_Id="r1", X_Api_Version="v3")
    gateway.post("nope", X_Client_Id="web", X_Request_Id="r2")
    with connect(shop) as conn:
        conn.autocommit = True
        logged: list[Any] = []
        for _ in within(20):
            logged = rows(
                conn,
                "select request_id, name, served_version, status_code, error_code, client_id,"
                " fallback, caller_role from dbkit.api_request_log where request_id in ('r1', 'r2')"
                " order by request_id",
            )
            if len(logged) == 2:
                break
    assert [tuple(row.values()) for row in logged] == [
        ("r1", "whoami", "v1", 200, None, "web", True, "anon"),
        ("r2", "nope", None, 404, "UNKNOWN_CALL", "web", False, "anon"),
    ]


def test_health_and_figures(gateway: Serving) -> None:
    gateway.post("count_me", X_Api_Version="v1")
    for _ in within(10):
        if gateway.client.get("/health").json()["status"] == "ok":
            break
    assert gateway.client.get("/health/live").status_code == 200
    assert gateway.client.get("/health/ready").status_code == 200
    figures = gateway.client.get("/metrics").text
    assert 'dbkit_gateway_requests_total{call="__unknown__",status="404",version="none"}' in figures
    assert "dbkit_gateway_connections 10.0" in figures
