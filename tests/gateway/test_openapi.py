"""dbkit.gateway_openapi and gateway_docs: what a version answers, for programs and for people."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from html.parser import HTMLParser
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.definitions import OPENAPI_31

from dbkit.gateway_docs import Documents, Field, fields_of
from dbkit.gateway_errors import CODES, OWN_CODES, Refused
from dbkit.gateway_examples import NO_EXAMPLE, example_of
from dbkit.gateway_openapi import openapi, served_calls
from dbkit.gateway_query import parse_query, payload_from_query, query_index
from dbkit.gateway_version import Versions
from tests.gateway.parts import catalog_of
from tests.helpers import Connection

VERSIONS = [
    {
        "version": "v1",
        "status": "deprecated",
        "deprecated_at": "2026-01-01T00:00:00+00:00",
        "sunset_at": "2999-01-01T00:00:00+00:00",
        "successor": "v3",
        "description": "The first",
    },
    {"version": "v2", "status": "active"},
    {"version": "v3", "status": "active"},
]
ID = {"type": "integer", "minimum": 1, "description": "Whose?"}
ORDER = {"type": "object", "required": ["id"], "properties": {"id": ID, "name": {"type": "string"}}}


def row(name: str, version: str = "v2", **more: Any) -> dict[str, Any]:
    request = {"type": "object", "properties": {"id": ID}, "additionalProperties": False}
    return {
        "name": name,
        "version": version,
        "access": "read",
        "description": f"About {name}. More of it.",
        "required_role": None,
        "request_schema": request,
        "response_schema": ORDER,
        "compatible_with": [],
    } | more


CATALOG = {
    "revision": 1,
    "active_version": "v2",
    "versions": VERSIONS,
    "calls": [
        row("get_order", "v1"),
        row("get_order", "v2"),
        row("old_write", "v1", access="write"),
        row("kept_write", "v1", access="write", compatible_with=["v2", "v3"]),
        row("new_read", "v3"),
        row("admin", required_role="service_role"),
        row(
            "list_orders",
            request_schema={
                "type": "object",
                "required": ["status"],
                "properties": {
                    "status": {"type": ["string", "null"]},
                    "ids": {"type": "array", "items": {"type": "integer"}},
                    "filter": {"type": "object", "properties": {"a": {"type": "string"}}},
                    "sorts": {"type": "array", "items": {"type": "object"}},
                    "api_version": {"type": "string"},
                    "anything": True,
                    "never": False,
                },
            },
            response_schema={
                "x-dbkit-list": True,
                "type": "object",
                "properties": {
                    "items": {"type": "array", "items": ORDER},
                    "page": {"type": "object", "properties": {"limit": {"type": "integer"}}},
                },
            },
        ),
        row(
            "place_order",
            access="write",
            response_schema=ORDER
            | {"x-dbkit-status": 201, "x-dbkit-location": "get_order?id={id}"},
        ),
        row("drop_order", access="write", response_schema={"x-dbkit-status": 204}),
        row("whole", request_schema={"type": "array"}, response_schema=None),
    ],
    "rate_limits": [],
}
V2 = openapi(CATALOG, "v2", title="Shop", base_url="https://api.example.com/")
ABOUT = jsonschema_rs.validator_for(OPENAPI_31)


def names(version: str, now: float | None = None) -> dict[str, str]:
    return {call.name: call.version for call in served_calls(CATALOG, version, now)}


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: Any = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(p, m, o) for p, path in document["paths"].items() for m, o in path.items()]


# --- which calls ---


def test_a_version_serves_what_the_database_would_route() -> None:
    assert names("v1") == {"get_order": "v1", "kept_write": "v1", "old_write": "v1"}
    served = names("v2")
    assert served["get_order"] == "v2"
    assert served["kept_write"] == "v1"
    assert "old_write" not in served, "a write falls back only where it says so"
    assert "new_read" not in served, "never a newer one"
    assert names("v3")["get_order"] == "v2"
    assert names("v3")["new_read"] == "v3"


def test_nothing_comes_from_a_version_that_is_over() -> None:
    after_sunset = 32_500_000_000.0
    assert "kept_write" not in names("v3", after_sunset)
    assert "kept_write" in names("v3", after_sunset - 100_000_000)


# --- the document ---


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_the_document_is_openapi(version: str) -> None:
    assert [str(e) for e in ABOUT.iter_errors(openapi(CATALOG, version))] == []


def test_the_check_of_documents_finds_mistakes() -> None:
    broken = msgspec.json.decode(msgspec.json.encode(V2))
    broken["paths"]["/rpc/get_order"]["post"]["parameters"] = [{"name": "x"}]
    assert list(ABOUT.iter_errors(broken))


def test_the_shipped_calls_are_openapi(db: Connection) -> None:
    catalog = catalog_of(db)
    for version in ("v1", "v2", "v3"):
        document = openapi(catalog, version)
        assert [str(e) for e in ABOUT.iter_errors(document)] == []
        assert len(document["paths"]) >= 3
        check_references(document)
        for _, _, operation in operations(document):
            check_schemas(document, operation)


def check_references(document: dict[str, Any]) -> None:
    text = msgspec.json.encode(document).decode()
    for reference in set(re.findall(r'"\$ref":"([^"]+)"', text)):
        assert resolved(document, {"$ref": reference})
    ids = [o["operationId"] for _, _, o in operations(document)]
    assert len(ids) == len(set(ids))


def check_schemas(document: dict[str, Any], operation: dict[str, Any]) -> None:
    """Schemas are valid, and examples are what they allow."""
    for listed in operation["parameters"]:
        parameter = resolved(document, listed)
        content = parameter.get("content", {}).get("application/json", parameter)
        jsonschema_rs.meta.validate(content["schema"])
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        jsonschema_rs.meta.validate(body["schema"])
        if "example" in body:
            jsonschema_rs.validate(body["schema"], body["example"])
    for listed in operation["responses"].values():
        for media in resolved(document, listed).get("content", {}).values():
            jsonschema_rs.meta.validate(media["schema"])


def test_references_and_schemas_resolve() -> None:
    check_references(V2)
    for _, _, operation in operations(V2):
        check_schemas(V2, operation)


def test_reads_have_a_get_and_writes_have_none() -> None:
    assert set(V2["paths"]["/rpc/get_order"]) == {"get", "post"}
    assert set(V2["paths"]["/rpc/place_order"]) == {"post"}
    assert set(V2["paths"]["/rpc/whole"]) == {"post"}, "a query is an object"
    assert V2["servers"] == [{"url": "https://api.example.com/api/v2"}]


def test_parameters_of_a_get() -> None:
    found = {
        p["name"]: p for p in V2["paths"]["/rpc/list_orders"]["get"]["parameters"] if "name" in p
    }
    assert set(found) == {"status", "ids", "filter", "sorts", "anything"}
    assert found["status"]["required"] is True
    assert found["status"]["schema"] == {"type": "string"}, "null would be text"
    assert found["ids"]["explode"] is True
    assert found["ids"]["schema"]["items"]["format"] == "int64"
    for name in ("filter", "sorts", "anything"):
        assert "application/json" in found[name]["content"]


def test_what_the_document_says_of_a_query_is_how_it_is_read() -> None:
    """Each parameter as OpenAPI writes it gives the payload back."""
    index = query_index(CATALOG["calls"][6]["request_schema"])  # type: ignore[index]
    query = 'status=null&ids=1&ids=2&filter={"a":"x"}&sorts=[{"b":1}]&anything={"c":[1]}'
    assert msgspec.json.decode(payload_from_query(index, parse_query(query.encode()))) == {
        "status": "null",
        "ids": [1, 2],
        "filter": {"a": "x"},
        "sorts": [{"b": 1}],
        "anything": {"c": [1]},
    }


def test_integers_have_the_bounds_of_the_database() -> None:
    schema = V2["paths"]["/rpc/get_order"]["post"]["requestBody"]["content"]["application/json"]
    assert schema["schema"]["properties"]["id"] == {
        "type": "integer",
        "format": "int64",
        "minimum": 1,
        "maximum": 2**63 - 1,
        "description": "Whose?",
    }


def test_answers_have_the_form_of_the_version_that_answers() -> None:
    v3 = openapi(CATALOG, "v3")

    def answer(document: dict[str, Any], call: str, status: str = "200") -> Any:
        response = document["paths"][f"/rpc/{call}"]["post"]["responses"][status]
        return response["content"]["application/json"]["schema"]

    assert set(answer(V2, "get_order")["properties"]) == {"success", "data", "meta", "links"}
    assert set(answer(v3, "new_read")["properties"]) == {"data", "meta"}
    assert "success" in answer(v3, "get_order")["properties"], "v3 has v2's"
    listed = answer(V2, "list_orders")["properties"]
    assert listed["data"] == {"type": "array", "items": ORDER}
    assert "pagination" in listed["meta"]["allOf"][1]["properties"]
    assert answer(V2, "place_order", "201")["properties"]["data"] == ORDER
    assert answer(V2, "whole")["properties"]["data"] == {}
    gone = V2["paths"]["/rpc/drop_order"]["post"]["responses"]["204"]
    assert "content" not in gone


def test_media_types_and_errors() -> None:
    get = V2["paths"]["/rpc/get_order"]["get"]["responses"]
    assert set(get["200"]["content"]) == {"application/json", "application/vnd.dbkit.v2+json"}
    assert {
        "304",
        "400",
        "401",
        "403",
        "404",
        "406",
        "410",
        "422",
        "426",
        "429",
        "500",
        "503",
    } <= set(get)
    error = V2["components"]["responses"]["Error503"]
    assert set(error["content"]) == {"application/json", "application/problem+json"}
    assert "Retry-After" in error["headers"]
    assert "UNKNOWN_CALL" in V2["components"]["responses"]["Error404"]["description"]


def test_a_deprecated_version_says_so() -> None:
    v1 = openapi(CATALOG, "v1")
    operation = v1["paths"]["/rpc/get_order"]["get"]
    assert operation["deprecated"] is True
    assert {"Deprecation", "Sunset", "Link"} <= set(operation["responses"]["200"]["headers"])
    assert "Its successor is v3." in v1["info"]["description"]
    assert "deprecated" not in V2["paths"]["/rpc/get_order"]["get"]


def test_who_may_call() -> None:
    assert {} in V2["paths"]["/rpc/get_order"]["post"]["security"]
    assert {} not in V2["paths"]["/rpc/admin"]["post"]["security"]
    assert "`service_role`" in V2["paths"]["/rpc/admin"]["post"]["description"]


def test_links_go_from_a_write_to_its_read() -> None:
    created = V2["paths"]["/rpc/place_order"]["post"]["responses"]["201"]
    assert created["links"] == {
        "location": {
            "operationId": "get_order_by_query",
            "parameters": {"query.id": "$response.body#/data/id"},
        }
    }


def test_writes_take_an_idempotency_key() -> None:
    def headers(call: str, method: str) -> set[str]:
        given = V2["paths"][f"/rpc/{call}"][method]["parameters"]
        return {resolved(V2, p)["name"] for p in given if resolved(V2, p)["in"] == "header"}

    assert "Idempotency-Key" in headers("place_order", "post")
    assert "Idempotency-Key" not in headers("get_order", "post")
    assert "If-None-Match" in headers("get_order", "get")
    assert {"X-App-Version", "X-App-Name", "X-Client-Region", "X-Client-Id"} <= headers(
        "get_order", "get"
    )


# --- examples ---

_NUMBERS = st.integers(-20, 20)
_LEAVES = st.one_of(
    st.builds(
        lambda a, b: {"type": "integer", "minimum": a, "maximum": a + abs(b)}, _NUMBERS, _NUMBERS
    ),
    st.builds(lambda a: {"type": "number", "exclusiveMinimum": a}, _NUMBERS),
    st.builds(lambda a: {"type": "number", "exclusiveMaximum": a}, _NUMBERS),
    st.builds(
        lambda a, b: {"type": "string", "minLength": a, "maxLength": a + b},
        st.integers(0, 50),
        st.integers(0, 50),
    ),
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": ["null", "string"]},
            {"type": "string", "format": "uuid"},
            {"type": "string", "pattern": "^[a-z]+$"},
            {"type": "string", "pattern": "^[0-9]{3}$"},
            {"enum": ["a", 1]},
            {"const": {"a": 1}},
            {},
            True,
            {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
        ]
    ),
)
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: (
        st.builds(
            lambda p, n: {"type": "object", "properties": p, "required": sorted(p)[:n] or ["zz"]},
            st.dictionaries(st.sampled_from("abcd"), inner),
            st.integers(0, 4),
        )
        | st.builds(
            lambda i, a: {"type": "array", "items": i, "minItems": a}, inner, st.integers(0, 3)
        )
    ),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(_SCHEMAS, st.booleans())
def test_an_example_is_what_its_schema_allows(schema: Any, everything: bool) -> None:
    example = example_of(schema, everything=everything)
    if example is not NO_EXAMPLE:
        jsonschema_rs.validate(schema, example)


def test_what_has_no_example() -> None:
    assert example_of(False) is NO_EXAMPLE
    assert example_of({"type": "string", "pattern": "^[0-9]{3}$"}) is NO_EXAMPLE
    assert (
        example_of({"type": "object", "required": ["a"], "properties": {"a": False}}) is NO_EXAMPLE
    )


# --- pages ---

DOCUMENTS = Documents(
    CATALOG, Versions.from_catalog(CATALOG), title="Shop <3", base_url="https://api.example.com/"
)


class Page(HTMLParser):
    """Tags, ids and links of a page; raises on an element that is not closed."""

    void = frozenset({"meta", "link", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        found = dict(attrs)
        self.attributes |= set(found)
        if "id" in found:
            assert found["id"] not in self.ids
            self.ids.add(found["id"] or "")
        if "href" in found:
            self.links.add(found["href"] or "")
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_shows_every_call() -> None:
    text = DOCUMENTS.page("v2").body.decode()
    page = Page(text)
    assert set(names("v2")) <= page.ids
    assert {f"#{name}" for name in names("v2")} <= page.links
    assert {
        "/docs/v1",
        "/docs/v2",
        "/docs/v3",
        "/docs/errors",
        "/api/v2/openapi.json",
    } <= page.links
    assert "Shop &lt;3 v2" in text
    assert "Whose?" in text


def test_a_page_needs_no_script_and_loads_nothing() -> None:
    for document in (DOCUMENTS.page("v2"), DOCUMENTS.page(), DOCUMENTS.errors()):
        text = document.body.decode()
        page = Page(text)
        assert not page.tags & {"script", "link", "img", "iframe", "form", "object"}
        assert not {a for a in page.attributes if a.startswith("on") or a in ("style", "src")}
        policy = dict(document.headers)[b"content-security-policy"].decode()
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_words_of_a_registry_are_no_html() -> None:
    evil = "<script>alert(1)</script>\"'&"
    calls = [
        row(
            "bad",
            description=evil,
            required_role=evil,
            request_schema={
                "type": "object",
                "properties": {evil: {"type": "string", "description": evil, "pattern": evil}},
                "required": [evil],
            },
        )
    ]
    catalog = CATALOG | {"calls": calls}
    text = Documents(catalog, Versions.from_catalog(catalog)).page("v2").body.decode()
    assert "<script" not in text
    assert "script" not in Page(text).tags


def test_a_line_of_curl_is_one_command() -> None:
    text = DOCUMENTS.page("v2").body.decode()
    lines = re.findall(r"<pre><code>(.*?)</code></pre>", text)
    assert len(lines) >= 10
    for line in lines:
        words = shlex.split(line.replace("&#34;", '"').replace("&#39;", "'").replace("&amp;", "&"))
        assert words[0] == "curl"
        assert words[1].startswith("$API/api/v2/rpc/")
        if "-d" in words:
            msgspec.json.decode(words[words.index("-d") + 1])


def test_the_errors_page_has_every_code() -> None:
    ids = Page(DOCUMENTS.errors().body.decode()).ids
    codes = {code for code, _, _ in CODES.values()} | set(OWN_CODES)
    assert {code.lower() for code in codes} <= ids, "a problem's type points here"
    links = {link for v in ("v1", "v2") for link in Page(DOCUMENTS.page(v).body.decode()).links}
    fragments = {link.partition("#")[2] for link in links if link.startswith("/docs/errors#")}
    assert {"404", "503"} <= fragments <= ids


def test_documents_are_made_once() -> None:
    assert DOCUMENTS.openapi("v2") is DOCUMENTS.openapi()
    assert DOCUMENTS.page("v3") is DOCUMENTS.page("v3")
    first = DOCUMENTS.openapi("v1")
    assert first.etag != DOCUMENTS.openapi("v2").etag
    assert dict(first.headers)[b"etag"] == first.etag
    assert dict(first.headers)[b"cache-control"] == b"public, max-age=3600"
    again = Documents(CATALOG, Versions.from_catalog(CATALOG), title="Shop <3").openapi("v1")
    assert again.etag != first.etag


@pytest.mark.parametrize("version", ["v9", "", "../v2", "<b>"])
def test_a_version_that_is_not_known_has_no_documents(version: str) -> None:
    for get in (DOCUMENTS.openapi, DOCUMENTS.page):
        with pytest.raises(Refused) as caught:
            get(version)
        assert caught.value.status == 404
    with pytest.raises(Refused):
        Documents({"versions": [], "calls": []}, Versions(())).page()


def test_fields_of_a_schema() -> None:
    schema = {
        "type": "object",
        "required": ["lines"],
        "properties": {
            "lines": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}},
            },
            "flags": {"type": "object", "additionalProperties": {"type": "boolean"}},
            "kind": {"enum": ["a", 1]},
        },
    }
    assert fields_of(schema) == [
        Field("lines", "array", "1 entries or more"),
        Field("lines[]", "object", ""),
        Field("lines[].n", "integer or null", "optional"),
        Field("flags", "object", "optional"),
        Field("flags.*", "boolean", "optional"),
        Field("kind", "any of a list", 'optional; one of "a", 1'),
    ]


def test_a_schema_without_end_ends() -> None:
    deep: dict[str, Any] = {"type": "object"}
    for _ in range(100):
        deep = {"type": "object", "properties": {"a": deep}}
    assert len(fields_of(deep)) <= 10
    wide = {"type": "object", "properties": {f"f{n}": {} for n in range(5000)}}
    assert len(fields_of(wide)) == 300


def test_statuses_that_a_handler_chooses_are_declared_where_its_schema_names_them() -> None:
    """PT402 is no status of every call: `x-dbkit-errors` says whose."""
    marked = row("pay", response_schema=ORDER | {"x-dbkit-errors": [402, 404, 418, 200, "x"]})
    calls = [row("get_order"), marked]
    document = openapi(CATALOG | {"calls": calls}, "v2")
    assert ABOUT.is_valid(document)
    pay = document["paths"]["/rpc/pay"]["post"]["responses"]
    assert "PAYMENT_REQUIRED" in pay["402"]["description"]
    assert "$ref" in pay["404"] and "418" in pay
    assert "x-dbkit-errors" not in msgspec.json.encode(document).decode()
    assert "402" not in document["paths"]["/rpc/get_order"]["post"]["responses"]
