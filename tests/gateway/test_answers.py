"""dbkit.gateway_answers: the bytes of answers in both forms, and of errors in three."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbkit import gateway_errors as errors
from dbkit.gateway_answers import (
    PLAIN,
    Answer,
    Answers,
    Asked,
    Shape,
    Template,
    shape_of,
    timestamp,
    with_parameters,
)
from dbkit.gateway_query import query_from_payload, query_index
from dbkit.gateway_version import Negotiated, Versions

VERSIONS = Versions.from_catalog(
    {
        "active_version": "v3",
        "versions": [
            {
                "version": "v1",
                "status": "deprecated",
                "deprecated_at": "2026-01-01T00:00:00+00:00",
                "sunset_at": "2027-01-01T00:00:00+00:00",
                "successor": "v3",
            },
            {"version": "v2", "status": "active"},
            {"version": "v3", "status": "active"},
        ],
    }
)


def call(name: str, **marks: object) -> list[dict[str, Any]]:
    schema = {f"x-dbkit-{mark}": value for mark, value in marks.items()}
    return [{"name": name, "version": v, "response_schema": schema} for v in ("v1", "v2", "v3")]


ORDERS = query_index(
    {
        "type": "object",
        "properties": {
            "limit": {"type": "integer"},
            "status": {"type": "string"},
            "cursor": {"type": "string"},
        },
    }
)
CALLS = [
    {"name": "get_menu", "version": "v2", "response_schema": {"type": "object"}},
    *call("list_orders", list=True),
    *call("place_order", status=201, location="get_order?order_id={order_id}"),
    *call("export_orders", status=202, location="get_export?id={id}"),
    *call("delete_order", status=204),
    *call("get_order", related={"lines": "get_lines?order_id={order_id}", "menu": "get_menu"}),
]
ANSWERS = Answers(
    VERSIONS,
    CALLS,
    region="us-east-1",
    query_of=lambda _call, _version, payload: query_from_payload(ORDERS, payload),
)


def meta(rpc: str, version: str, **more: object) -> str:
    """As route_api_call writes it."""
    known = {
        "rpc": rpc,
        "version": version,
        "fallback": False,
        "warnings": [],
        "sunset_at": None,
        "deprecated": False,
        "requested_version": None,
    }
    return msgspec.json.encode(known | more).decode()


def asked(name: str, version: str | None = "v2", **more: Any) -> Asked:
    base = f"/api/{version}/rpc/" if version else "/rpc/"
    given = {"target": base + name, "negotiated": Negotiated(version, "path" if version else None)}
    return Asked("req_1", base=base, call=name, **(given | more))


def body(answer: Answer) -> Any:
    return msgspec.json.decode(answer.body)


def headers(answer: Answer) -> dict[bytes, bytes]:
    return dict(answer.headers)


def still(answer: Answer) -> bytes:
    """The body with a time that does not move."""
    return re.sub(rb'"timestamp":"[0-9T:.-]+Z"', b'"timestamp":"NOW"', answer.body)


# --- success ---


def test_the_plain_form() -> None:
    text = meta("get_menu", "v3", region="x")
    answer = ANSWERS.success(asked("get_menu", "v3"), '{"items": [1.10]}', text, 45.678)
    assert answer.status == 200
    assert answer.body == (
        b'{"data":{"items": [1.10]},"meta":' + text[:-1].encode() + b',"region":"us-east-1",'
        b'"executionTime":45.68,"requestId":"req_1"}}'
    )
    assert headers(answer) == {
        b"content-type": b"application/json",
        b"x-api-version": b"v3",
        b"vary": b"accept, x-api-version",
    }


def test_the_envelope_of_v2() -> None:
    answer = ANSWERS.success(
        asked("get_menu", target="/api/v2/rpc/get_menu?store=7"), "[1]", meta("get_menu", "v2"), 1.5
    )
    assert still(answer) == (
        b'{"success":true,"data":[1],"meta":{"version":"v2","timestamp":"NOW","requestId":"req_1",'
        b'"processingTime":1.50},"links":{"self":"/api/v2/rpc/get_menu?store=7"}}'
    )


def test_bytes_and_text_are_the_same() -> None:
    text = meta("get_menu", "v2")
    assert still(ANSWERS.success(asked("get_menu"), "[1]", text, 1)) == still(
        ANSWERS.success(asked("get_menu"), b"[1]", text.encode(), 1)
    )
    assert body(ANSWERS.success(asked("get_menu"), None, text, 1))["data"] is None


def test_the_form_is_that_of_the_version_served() -> None:
    """v3 was asked for, and the newest handler is v2's."""
    served = meta("get_menu", "v2", requested_version="v3", fallback=True, warnings=["older"])
    answer = ANSWERS.success(asked("get_menu", "v3"), "1", served, 1)
    assert body(answer)["success"] is True
    assert body(answer)["meta"]["warnings"] == ["older"]
    assert headers(answer)[b"x-api-version"] == b"v2"
    assert ANSWERS.outcome(served) == ("v2", True)


def test_a_replay_says_so_in_both_forms() -> None:
    for version in ("v2", "v3"):
        text = meta("get_menu", version, replayed=True)
        assert body(ANSWERS.success(asked("get_menu"), "1", text, 1))["meta"]["replayed"] is True


def test_a_media_type_that_was_accepted_is_the_answers() -> None:
    by_accept = Negotiated("v2", "accept", vendor=True)
    answer = ANSWERS.success(
        asked("get_menu", negotiated=by_accept), "1", meta("get_menu", "v2"), 1
    )
    assert headers(answer)[b"content-type"] == b"application/vnd.dbkit.v2+json"


def test_a_deprecated_version_says_so() -> None:
    answer = ANSWERS.success(asked("get_menu", "v1"), "1", meta("get_menu", "v1"), 1)
    found = headers(answer)
    assert found[b"deprecation"] == b"@1767225600"
    assert found[b"sunset"] == b"Fri, 01 Jan 2027 00:00:00 GMT"
    assert b'</api/v3/rpc/get_menu>; rel="successor-version"' in found[b"link"]


def test_no_region() -> None:
    plain = Answers(VERSIONS).success(asked("x", "v3"), "1", meta("x", "v3"), 1)
    assert "region" not in body(plain)["meta"]


def test_a_version_that_the_catalog_does_not_know_yet() -> None:
    answer = ANSWERS.success(asked("get_menu", None), "1", meta("get_menu", "v4"), 1)
    assert headers(answer)[b"x-api-version"] == b"v4"
    assert body(answer)["data"] == 1


# --- created, accepted, no content ---


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_created_says_where(version: str) -> None:
    answer = ANSWERS.success(
        asked("place_order", version),
        '{"order_id": 7, "total": 1.10, "lines": [{"order_id": 8}]}',
        meta("place_order", version),
        1,
    )
    assert answer.status == 201
    assert headers(answer)[b"location"] == f"/api/{version}/rpc/get_order?order_id=7".encode()
    assert body(answer)["data"]["order_id"] == 7


def test_accepted_says_where_to_look() -> None:
    answer = ANSWERS.success(
        asked("export_orders", None), '{"id": "a/b c"}', meta("export_orders", "v2"), 1
    )
    assert answer.status == 202
    assert headers(answer)[b"location"] == b"/rpc/get_export?id=a%2Fb%20c"


def test_links_keep_the_version_of_a_query() -> None:
    by_query = Negotiated("v2", "query")
    answer = ANSWERS.success(
        asked("place_order", None, negotiated=by_query),
        '{"order_id": 7}',
        meta("place_order", "v2"),
        1,
    )
    assert headers(answer)[b"location"] == b"/rpc/get_order?order_id=7&api_version=v2"


@pytest.mark.parametrize(
    "data",
    ['{"order_id": null}', "{}", "[]", "7", "null", '{"order_id": {"a": 1}}', '{"order_id": 1.5}'],
)
def test_created_without_the_field_is_created_without_a_place(data: str) -> None:
    answer = ANSWERS.success(asked("place_order"), data, meta("place_order", "v2"), 1)
    assert answer.status == 201
    assert b"location" not in headers(answer)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_no_content(version: str) -> None:
    answer = ANSWERS.success(
        asked("delete_order", version), "null", meta("delete_order", version), 1
    )
    assert (answer.status, answer.body) == (204, b"")
    assert b"content-type" not in headers(answer)
    assert headers(answer)[b"x-api-version"] == version.encode()


def test_related_links() -> None:
    answer = ANSWERS.success(asked("get_order"), '{"order_id": 7}', meta("get_order", "v2"), 1)
    assert body(answer)["links"] == {
        "self": "/api/v2/rpc/get_order",
        "related": {
            "lines": "/api/v2/rpc/get_lines?order_id=7",
            "menu": "/api/v2/rpc/get_menu",
        },
    }
    plain = ANSWERS.success(asked("get_order", "v3"), "{}", meta("get_order", "v3"), 1)
    assert set(body(plain)) == {"data", "meta"}


# --- lists ---


def listed(page: dict[str, Any], version: str = "v2", **more: Any) -> Answer:
    data = msgspec.json.encode({"page": page, "items": [{"id": 1.5}]}).decode()
    return ANSWERS.success(
        asked("list_orders", version, **more), data, meta("list_orders", version), 1
    )


def test_a_list_by_cursor() -> None:
    answer = listed(
        {"limit": 2, "next_cursor": "n/+=", "previous_cursor": "p"},
        target="/api/v2/rpc/list_orders?limit=2&cursor=now&status=paid",
    )
    assert body(answer)["data"] == [{"id": 1.5}]
    assert body(answer)["meta"]["pagination"]["next_cursor"] == "n/+="
    links = body(answer)["links"]
    assert links == {
        "self": "/api/v2/rpc/list_orders?limit=2&cursor=now&status=paid",
        "next": "/api/v2/rpc/list_orders?limit=2&status=paid&cursor=n%2F%2B%3D",
        "prev": "/api/v2/rpc/list_orders?limit=2&status=paid&cursor=p",
        "first": "/api/v2/rpc/list_orders?limit=2&status=paid",
    }
    assert (
        headers(answer)[b"link"]
        == ", ".join(
            f'<{target}>; rel="{name}"' for name, target in links.items() if name != "self"
        ).encode()
    )


@pytest.mark.parametrize(
    ("page", "links"),
    [
        ({"limit": 2, "offset": 0, "total": 5}, {"next": 2, "last": 4}),
        (
            {"limit": 2, "offset": 2, "total": 5, "total_kind": "exact"},
            {"next": 4, "prev": 0, "last": 4},
        ),
        ({"limit": 2, "offset": 4, "total": 5}, {"prev": 2, "last": 4}),
        ({"limit": 2, "offset": 1, "total": 4}, {"next": 3, "prev": 0, "last": 2}),
        ({"limit": 2, "offset": 0, "total": 0}, {"last": 0}),
        ({"limit": 2, "offset": 0, "has_next": True}, {"next": 2}),
        ({"limit": 2, "offset": 2, "has_next": False}, {"prev": 0}),
        ({"limit": 2, "offset": 2, "total": 9, "total_kind": "estimated"}, {"prev": 0}),
        ({"limit": 2, "offset": 0, "has_next": True, "next_cursor": "n"}, {"next": 2}),
        ({"offset": 0}, {}),
    ],
)
def test_a_list_by_offset(page: dict[str, Any], links: dict[str, int]) -> None:
    found = body(listed(page, target="/api/v2/rpc/list_orders?offset=9"))["links"]
    assert found.pop("self") == "/api/v2/rpc/list_orders?offset=9"
    assert found.pop("first") == "/api/v2/rpc/list_orders"
    assert found == {n: f"/api/v2/rpc/list_orders?offset={at}" for n, at in links.items()}


def test_the_last_page_where_the_call_takes_last() -> None:
    rows = [
        {
            "name": "list_orders",
            "version": "v2",
            "request_schema": {"type": "object", "properties": {"last": {"type": "boolean"}}},
            "response_schema": {"x-dbkit-list": True},
        }
    ]
    answer = Answers(VERSIONS, rows).success(
        asked("list_orders", target="/api/v2/rpc/list_orders?page=3&sort=name"),
        '{"items": [], "page": {"limit": 2, "previous_cursor": "p"}}',
        meta("list_orders", "v2"),
        1,
    )
    assert body(answer)["links"] == {
        "self": "/api/v2/rpc/list_orders?page=3&sort=name",
        "prev": "/api/v2/rpc/list_orders?sort=name&cursor=p",
        "first": "/api/v2/rpc/list_orders?sort=name",
        "last": "/api/v2/rpc/list_orders?sort=name&last=true",
    }


def test_a_plain_list_keeps_its_shape_and_links_in_a_header() -> None:
    answer = listed({"limit": 2, "next_cursor": "n"}, "v3")
    assert body(answer)["data"]["page"]["next_cursor"] == "n"
    assert b'</api/v3/rpc/list_orders?cursor=n>; rel="next"' in headers(answer)[b"link"]


def test_a_list_by_post_links_by_get() -> None:
    answer = listed(
        {"next_cursor": "n"},
        target="/api",
        payload=b'{"status": "a b", "limit": 2, "cursor": "now"}',
    )
    assert body(answer)["links"] == {
        "self": "/api",
        "next": "/api/v2/rpc/list_orders?status=a+b&limit=2&cursor=n",
        "first": "/api/v2/rpc/list_orders?status=a+b&limit=2",
    }
    for payload in (b"{", b'{"status": "%s"}' % (b"x" * 5000), b'{"status": 7}'):
        assert set(body(listed({"next_cursor": "n"}, payload=payload))["links"]) == {"self"}


@pytest.mark.parametrize("data", ["[1, 2]", '{"items": []}', "null", '{"items": [], "page": 7}'])
def test_a_list_that_is_none_passes_as_it_is(data: str) -> None:
    answer = ANSWERS.success(asked("list_orders"), data, meta("list_orders", "v2"), 1)
    assert answer.status == 200
    assert b'"data":' + data.encode() in answer.body
    assert set(body(answer)["links"]) == {"self"}


# --- errors ---

TOO_OLD = errors.Refused(
    426,
    "CLIENT_TOO_OLD",
    "too old",
    details={"minimum_app_version": "1.2.0"},
    field="app_version",
    hint="Update.",
    headers=((b"x-more", b"1"),),
)
ERROR = {
    "code": "CLIENT_TOO_OLD",
    "message": "too old",
    "details": {"minimum_app_version": "1.2.0"},
    "field": "app_version",
    "hint": "Update.",
}


def test_an_error_of_v2() -> None:
    answer = ANSWERS.refuse(asked("get_menu"), TOO_OLD, 2)
    assert answer.status == 426
    assert headers(answer)[b"content-type"] == b"application/json"
    assert headers(answer)[b"x-more"] == b"1"
    found = body(answer)
    assert list(found["meta"].pop("timestamp")[-1]) == ["Z"]
    assert found == {
        "success": False,
        "error": ERROR,
        "meta": {"version": "v2", "requestId": "req_1", "processingTime": 2.0},
        "links": {"self": "/api/v2/rpc/get_menu"},
    }


def test_a_plain_error() -> None:
    assert body(ANSWERS.refuse(asked("get_menu", "v3"), TOO_OLD, 2)) == {
        "error": ERROR,
        "meta": {
            "version": "v3",
            "region": "us-east-1",
            "executionTime": 2.0,
            "requestId": "req_1",
        },
    }


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_an_error_as_a_problem(version: str) -> None:
    problem = Negotiated(version, "path", problem=True)
    answer = ANSWERS.refuse(
        asked("get_menu", version, negotiated=problem, target="/rpc/get_menu?secret=1"), TOO_OLD
    )
    assert headers(answer)[b"content-type"] == b"application/problem+json"
    assert body(answer) == {
        "type": "/docs/errors#client_too_old",
        "title": "The app is older than every version of the call requires.",
        "status": 426,
        "detail": "too old",
        "instance": "/rpc/get_menu",
        "code": "CLIENT_TOO_OLD",
        "requestId": "req_1",
        "field": "app_version",
        "hint": "Update.",
        "details": {"minimum_app_version": "1.2.0"},
    }


def test_an_error_has_only_what_is_known() -> None:
    assert body(ANSWERS.refuse(asked("x", "v3"), errors.not_found()))["error"] == {
        "code": "NOT_FOUND",
        "message": "There is nothing here.",
    }


def test_an_error_before_the_version_is_known_is_of_the_active_one() -> None:
    early = Asked("req_1", "/nowhere")
    assert body(ANSWERS.refuse(early, errors.not_found()))["meta"]["version"] == "v3"
    empty = Answers(Versions(()))
    assert body(empty.refuse(early, errors.unavailable()))["meta"]["version"] is None


def test_gone_tells_of_the_versions_life() -> None:
    gone = errors.refused_by_database(
        "KD103", "v1 has been sunset", '{"version": "v1", "successor": "v3"}', "Move to v3."
    )
    answer = ANSWERS.refuse(asked("get_menu", None), gone)
    assert answer.status == 410
    found = headers(answer)
    assert found[b"sunset"] == b"Fri, 01 Jan 2027 00:00:00 GMT"
    assert found[b"deprecation"].startswith(b"@")
    assert b"successor-version" in found[b"link"]
    assert found[b"x-api-version"] == b"v1"


@settings(max_examples=300, deadline=None)
@given(
    st.text(), st.text(), st.text(), st.dictionaries(st.text(), st.text()), st.none() | st.text()
)
def test_whatever_is_in_an_error_its_answer_is_json(
    request_id: str, message: str, target: str, details: dict[str, str], field: str | None
) -> None:
    refused = errors.Refused(400, "BAD_REQUEST", message, details=details, field=field)
    for version, problem in (("v2", False), ("v3", False), ("v3", True)):
        negotiated = Negotiated(version, "path", problem)
        found = body(ANSWERS.refuse(Asked(request_id, target, negotiated=negotiated), refused))
        told = found if problem else found["error"]
        assert told.get("field") == field
        assert told.get("details", {}) == details
        assert (found if problem else found["meta"])["requestId"] == request_id


@settings(max_examples=200, deadline=None)
@given(
    st.text(), st.recursive(st.none() | st.integers(0, 9) | st.text(), st.lists), st.floats(0, 1e6)
)
def test_whatever_is_in_an_answer_it_is_json(target: str, data: Any, elapsed: float) -> None:
    text = msgspec.json.encode(data).decode()
    for name in ("get_menu", "list_orders", "place_order", "get_order"):
        for version in ("v2", "v3"):
            answer = ANSWERS.success(asked(name, target=target), text, meta(name, version), elapsed)
            assert body(answer)["data"] == data
            assert all(b"\n" not in v and b"\r" not in v for _, v in answer.headers)


# --- what a response schema says ---


def test_a_schema_without_marks_is_plain() -> None:
    for schema in (None, {}, True, {"type": "object"}, {"x-dbkit-status": 200}):
        assert shape_of(schema) is PLAIN


def test_a_schema_with_marks() -> None:
    shape = shape_of({"x-dbkit-status": 201, "x-dbkit-location": "get_x?id={id}&v=1"})
    assert (shape.status, shape.is_list) == (201, False)
    assert shape.location == Template(("get_x?id=", "&v=1"), ("id",))
    assert shape_of({"x-dbkit-list": True}) == Shape(is_list=True)


@pytest.mark.parametrize(
    "marks",
    [
        {"status": 418},
        {"status": "201"},
        {"status": None},
        {"list": "yes"},
        {"location": 7},
        {"location": ""},
        {"location": "{id}"},
        {"location": "get x"},
        {"location": 'get_x?id={id}>; rel="evil"'},
        {"location": "get_x?id={id"},
        {"location": "get_x\r\nset-cookie: a"},
        {"related": "get_x"},
        {"related": {"x": 7}},
    ],
)
def test_a_mark_that_is_wrong_is_told_and_left_out(marks: dict[str, Any]) -> None:
    rows = call("bad", **marks)
    with pytest.raises(ValueError, match=r"x-dbkit|no target"):
        shape_of(rows[1]["response_schema"])
    answers = Answers(VERSIONS, rows)
    assert len(answers.problems) == 3
    assert answers.problems[1].startswith("bad (v2): ")
    assert answers.success(asked("bad"), "1", meta("bad", "v2"), 1).status == 200


# --- parts ---


@pytest.mark.parametrize(
    ("target", "changes", "found"),
    [
        ("/a", {}, "/a"),
        ("/a", {"x": "1"}, "/a?x=1"),
        ("/a?x=0&y=2&x=3", {"x": "1"}, "/a?y=2&x=1"),
        ("/a?x=0", {"x": None}, "/a"),
        ("/a?%78=0&y", {"x": None}, "/a?y"),
        ("/a?b=c=d", {"x": "a&b=c d/é"}, "/a?b=c=d&x=a%26b%3Dc%20d%2F%C3%A9"),
        ("/a?", {}, "/a"),
    ],
)
def test_with_parameters(target: str, changes: dict[str, str | None], found: str) -> None:
    assert with_parameters(target, changes) == found


def test_the_timestamp_is_utc_with_milliseconds() -> None:
    assert re.fullmatch(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp())


def test_the_memory_of_metas_is_bounded() -> None:
    answers = Answers(VERSIONS)
    for n in range(9000):
        answers.success(asked("x"), "1", meta(f"x{n}", "v2"), 1)
    assert len(answers._by_meta) <= 4096
