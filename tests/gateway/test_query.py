"""dbkit.gateway_query: the payload of a read as a query."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbkit.gateway_errors import Refused
from dbkit.gateway_query import (
    flat,
    parse_query,
    payload_from_query,
    query_from_payload,
    query_index,
)

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "store_id": {"type": "integer"},
        "price": {"type": "number"},
        "open": {"type": "boolean"},
        "note": {"type": ["string", "null"]},
        "size": {"type": ["integer", "null"]},
        "id": {"type": ["integer", "string"]},
        "ids": {"type": "array", "items": {"type": "integer"}},
        "tags": {"type": "array", "items": {"type": "string"}},
        "lines": {
            "type": "array",
            "items": {"type": "object", "properties": {"n": {"type": "integer"}}},
        },
        "filter": {
            "type": "object",
            "properties": {
                "status": {"type": "string"},
                "total": {"type": "object", "properties": {"gte": {"type": "number"}}},
                "in": {"type": "array", "items": {"type": "integer"}},
            },
        },
        "sort": {"enum": ["a", "b"]},
        "level": {"enum": [1, 2, "top"]},
        "kind": {"const": "x"},
        "any": {},
        "a.b": {"type": "integer"},
    },
}
INDEX = query_index(SCHEMA)


def read(query: str, index: Any = INDEX) -> Any:
    text = payload_from_query(index, parse_query(query.encode()))
    return msgspec.json.Decoder(float_hook=Decimal).decode(text)


def refusal(query: str, index: Any = INDEX) -> Refused:
    with pytest.raises(Refused) as caught:
        read(query, index)
    return caught.value


@pytest.mark.parametrize(
    ("query", "payload"),
    [
        ("", {}),
        ("name=Ann", {"name": "Ann"}),
        ("name=7", {"name": "7"}),
        ("name=", {"name": ""}),
        ("name", {"name": ""}),
        ("name=a%20b+c%C3%A9", {"name": "a b cé"}),
        ("name=%7B%7D", {"name": "{}"}),
        ("store_id=7&open=true", {"store_id": 7, "open": True}),
        ("store_id=-9223372036854775808", {"store_id": -9223372036854775808}),
        ("price=1.10", {"price": Decimal("1.10")}),
        ("price=7", {"price": 7}),
        ("price=1e2", {"price": Decimal("1e2")}),
        ("open=false", {"open": False}),
        ("note=null", {"note": "null"}),
        ("size=null", {"size": None}),
        ("size=3", {"size": 3}),
        ("id=3", {"id": 3}),
        ("id=x3", {"id": "x3"}),
        ("ids=1&ids=2", {"ids": [1, 2]}),
        ("ids=1", {"ids": [1]}),
        ("ids=[1,2]", {"ids": [1, 2]}),
        ("ids=[]", {"ids": []}),
        ("tags=a&tags=b,c", {"tags": ["a", "b,c"]}),
        ("tags=[x]", {"tags": ["[x]"]}),
        ('lines={"n":1}&lines={"n":2}', {"lines": [{"n": 1}, {"n": 2}]}),
        ('lines=[{"n":1}]', {"lines": [{"n": 1}]}),
        ('filter={"status":"paid"}', {"filter": {"status": "paid"}}),
        ("filter.status=paid", {"filter": {"status": "paid"}}),
        ("filter.total.gte=7.5", {"filter": {"total": {"gte": Decimal("7.5")}}}),
        ("filter.in=1&filter.in=2", {"filter": {"in": [1, 2]}}),
        ("filter.other=7", {"filter": {"other": 7}}),
        ("filter.size.gte=7&filter.size.lt=9", {"filter": {"size": {"gte": 7, "lt": 9}}}),
        ("filter.a.in=x&filter.a.in=y", {"filter": {"a": {"in": ["x", "y"]}}}),
        ("filter.a.b.c.d=x", {"filter": {"a": {"b": {"c": {"d": "x"}}}}}),
        ("sort=a", {"sort": "a"}),
        ("level=1", {"level": 1}),
        ("level=top", {"level": "top"}),
        ("kind=x", {"kind": "x"}),
        ("any=007&any=7", {"any": ["007", 7]}),
        ("any=true", {"any": True}),
        ("any=text", {"any": "text"}),
        ('any={"a":1}', {"any": {"a": 1}}),
        ("a.b=1", {"a.b": 1}),
        ("api_version=v2&name=x", {"name": "x"}),
        ("&&name=x&", {"name": "x"}),
    ],
)
def test_values_by_their_types(query: str, payload: Any) -> None:
    assert read(query) == payload


@pytest.mark.parametrize(
    ("query", "field", "why"),
    [
        ("store_id=x", "store_id", "must be integer"),
        ("store_id=", "store_id", "must be integer"),
        ("store_id=1.0", "store_id", "must be integer"),
        ("store_id=01", "store_id", "must be integer"),
        ("store_id=+1", "store_id", "must be integer"),
        ("store_id=%D9%A1", "store_id", "must be integer"),
        ("store_id=99999999999999999999", "store_id", "must be integer"),
        ("price=.5", "price", "must be number"),
        ("price=NaN", "price", "must be number"),
        ("price=Infinity", "price", "must be number"),
        ("open=True", "open", "must be boolean"),
        ("open=1", "open", "must be boolean"),
        ("size=x", "size", "must be integer or null"),
        ("store_id=1&store_id=2", "store_id", "is given more than once"),
        ("ids=1&ids=x", "ids/1", "must be integer"),
        ("ids=x", "ids/0", "must be integer"),
        ("ids=[1", "ids", "must be array"),
        ("filter=x", "filter", "must be object"),
        ("filter=[]", "filter", "must be object"),
        ("filter={", "filter", "must be object"),
        ("filter.total.gte=x", "filter/total/gte", "must be number"),
        ("filter.x=1&filter.x.y=1", "filter/x", "is given as JSON and by its fields"),
        ("filter={}&filter.status=a", "filter", "is given as JSON and by its fields"),
        ("lines=1", "lines/0", "must be object"),
        ("level=3.5", "level", None),
        ("other=1", "other", "is not a known field"),
        ("name.first=x", "name.first", "is not a known field"),
        ("filter.=x", "filter.", "is not a known field"),
        ("=x", "", "is not a known field"),
    ],
)
def test_what_is_not_of_its_type_names_the_field(query: str, field: str, why: str | None) -> None:
    if why is None:
        assert read(query) == {"level": "3.5"}, "the enum takes text: the database refuses it"
        return
    refused = refusal(query)
    assert (refused.status, refused.code, refused.field) == (422, "INVALID_PAYLOAD", field)
    assert refused.message == f'"{field}" {why}'


def test_a_schema_that_names_nothing_takes_anything() -> None:
    for schema in ({"type": "object"}, {}, True, None):
        assert read("a=1&b=x&c.d=2", query_index(schema)) == {"a": 1, "b": "x", "c.d": 2}


def test_additional_properties_have_a_type() -> None:
    index = query_index({"type": "object", "additionalProperties": {"type": "integer"}})
    assert read("a=1", index) == {"a": 1}
    assert refusal("a=x", index).field == "a"


@pytest.mark.parametrize("raw", [b"a=%zz", b"a=%", b"a=%ff", b"a=\xff", b"%c3=1"])
def test_a_query_that_is_not_utf8_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse_query(raw)
    assert caught.value.status == 400


def test_a_query_of_very_many_parameters_is_refused() -> None:
    assert len(parse_query(b"&".join([b"a=1"] * 200))) == 200
    with pytest.raises(Refused, match="more than 200"):
        parse_query(b"&".join([b"a=1"] * 201))


def test_nesting_without_end_is_no_json() -> None:
    assert refusal("filter=" + '{"a":' * 50_000).field == "filter"
    assert isinstance(read("any=" + "[" * 50_000)["any"], str)
    assert refusal("filter" + ".total" * 5000 + "=1").message.endswith("is nested deeper than 16")


def test_flat_joins_what_is_repeated() -> None:
    assert flat(parse_query(b"api_version=v1&a=1&api_version=v2")) == {
        "api_version": "v1,v2",
        "a": "1",
    }


# --- and back ---

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
_PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(),
        "store_id": st.integers(-(2**63), 2**63 - 1),
        "price": st.decimals(allow_nan=False, allow_infinity=False, places=2),
        "open": st.booleans(),
        "note": st.none() | st.text(),
        "size": st.none() | st.integers(-100, 100),
        "ids": st.lists(st.integers(-100, 100)),
        "tags": st.lists(st.text(), min_size=1),
        "lines": st.lists(st.fixed_dictionaries({"n": st.integers(0, 9)}), max_size=3),
        "filter": st.dictionaries(st.text(), _JSON, max_size=3),
        "sort": st.sampled_from(["a", "b"]),
    },
)


@settings(max_examples=500, deadline=None)
@given(_PAYLOADS)
def test_a_payload_as_a_query_says_the_same(payload: dict[str, Any]) -> None:
    text = msgspec.json.Encoder(decimal_format="number").encode(payload)
    query = query_from_payload(INDEX, text)
    if query is None:
        assert len(text) > 1000 or payload.get("note", "") is None
    else:
        assert read(query) == payload


@settings(max_examples=300, deadline=None)
@given(_JSON)
def test_any_json_is_a_query_or_none(payload: Any) -> None:
    query = query_from_payload(INDEX, msgspec.json.encode(payload))
    if query is not None:
        assert read(query) == payload


@pytest.mark.parametrize("payload", [b"", b"{}"])
def test_an_empty_payload_is_an_empty_query(payload: bytes) -> None:
    assert query_from_payload(INDEX, payload) == ""


def test_what_no_query_says() -> None:
    assert query_from_payload(INDEX, b'{"note": null}') is None
    assert query_from_payload(INDEX, b'{"other": 1}') is None
    assert query_from_payload(INDEX, b"[1]") is None
    assert query_from_payload(INDEX, b"{") is None
    assert query_from_payload(INDEX, b"[" * 100_000) is None
    assert query_from_payload(INDEX, b'{"name": "%s"}' % (b"a" * 5000)) is None


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60) | st.lists(st.tuples(st.text(), st.text())).map(urlencode))
def test_any_query_is_an_object_or_a_refusal(query: bytes | str) -> None:
    raw = query if isinstance(query, bytes) else query.encode()
    for index in (INDEX, query_index(None)):
        try:
            payload = payload_from_query(index, parse_query(raw))
        except Refused as refused:
            assert refused.status in (400, 422)
        else:
            assert isinstance(msgspec.json.decode(payload), dict)
