"""dbkit.gateway_version: which version a request asks for, and the headers of a version's life."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbkit.gateway_errors import Refused
from dbkit.gateway_version import Negotiated, Version, Versions, negotiate

KNOWN = Versions([Version("v3"), Version("v1"), Version("v2")], active="v2")
SOURCES = ("path", "accept", "header", "query", "body")


def vendor(version: str) -> str:
    return f"application/vnd.dbkit.{version}+json"


def ask(
    path: str | None = None,
    accept: str | bytes | None = None,
    header: str | bytes | None = None,
    query: str | None = None,
    body: object = None,
    known: Versions = KNOWN,
) -> Negotiated:
    headers = {
        name: value.encode() if isinstance(value, str) else value
        for name, value in ((b"accept", accept), (b"x-api-version", header))
        if value is not None
    }
    return negotiate(path, headers, {} if query is None else {"api_version": query}, known, body)


def refusal(**sources: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        ask(**sources)
    return caught.value


# --- every combination of sources ---


def expected(named: dict[str, str]) -> tuple[str | None, str | None] | str:
    """What the rules say of a combination, written apart from the code: version and source, or a
    code."""
    plain = {source: version for source, version in named.items() if source != "accept"}
    if "v9" in plain.values():
        return "UNKNOWN_VERSION"
    if len(set(plain.values())) > 1:
        return "VERSION_CONFLICT"
    if named.get("accept") == "v9":
        return "NOT_ACCEPTABLE"
    if len(set(named.values())) > 1:
        return "VERSION_CONFLICT"
    first = next((source for source in SOURCES if source in named), None)
    return (named[first], first) if first is not None else (None, None)


@pytest.mark.parametrize("first", [None, "v1", "v2", "v3", "v9"])
def test_every_combination_of_five_sources(first: str | None) -> None:
    """All 3,125 of them: pairs and triples are among these."""
    for rest in itertools.product([None, "v1", "v2", "v3", "v9"], repeat=4):
        named = {s: v for s, v in zip(SOURCES, (first, *rest), strict=True) if v is not None}
        sources: dict[str, Any] = dict(named)
        if "accept" in sources:
            sources["accept"] = vendor(sources["accept"])
        wanted = expected(named)
        try:
            found = ask(**sources)
        except Refused as refused:
            assert refused.code == wanted, named
            assert refused.status == (406 if wanted == "NOT_ACCEPTABLE" else 400)
        else:
            assert (found.version, found.source) == wanted, named
            assert found.vendor == ("accept" in named)


def test_a_conflict_names_both_sources_and_versions() -> None:
    refused = refusal(path="v1", header="v2")
    assert refused.message == "The path asks for v1 and the header X-API-Version for v2."
    assert refused.details == {
        "sources": [{"source": "path", "version": "v1"}, {"source": "header", "version": "v2"}]
    }
    assert "v1" in refusal(query="v1", accept=vendor("v3")).message
    assert "Accept for v3" in refusal(query="v1", accept=vendor("v3")).message


def test_an_unknown_version_names_the_known_ones() -> None:
    refused = refusal(query="v9")
    assert (refused.status, refused.field) == (400, "api_version")
    assert refused.details == {"version": "v9", "source": "query", "versions": ["v1", "v2", "v3"]}


# --- how a version is written ---


@pytest.mark.parametrize("text", ["v2", "2", "V2", " v2", "2\t"])
def test_a_version_with_and_without_its_letter(text: str) -> None:
    assert ask(header=text).version == "v2"
    assert ask(query=text).version == "v2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "v",
        "v0",
        "02",
        "v02",
        "2.0",
        "v2.1",
        "-2",
        "+2",
        "two",
        "v２",
        "²",
        "2;",
        "v" * 999,
    ],
)
def test_nonsense_is_no_version(text: str) -> None:
    for source in ("path", "query", "body"):
        assert refusal(**{source: text}).code == "UNKNOWN_VERSION"
    assert refusal(header=text.encode()).code == "UNKNOWN_VERSION"


@pytest.mark.parametrize("value", [2, True, [], {}, 2.0])
def test_a_body_names_its_version_in_text(value: object) -> None:
    assert refusal(body=value).details == {
        "version": None,
        "source": "body",
        "versions": ["v1", "v2", "v3"],
    }


def test_repeated_headers_and_parameters_must_agree() -> None:
    assert ask(header="v2, 2").version == "v2"
    assert refusal(header="v2, v3").code == "VERSION_CONFLICT"
    assert ask(query="v2,v2").version == "v2"
    assert refusal(query="v2,v1").code == "VERSION_CONFLICT"
    assert refusal(header="v2,").code == "UNKNOWN_VERSION"


# --- Accept ---

V1, V2, V3, V9 = (vendor(v) for v in ("v1", "v2", "v3", "v9"))


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        (V2, "v2"),
        (V2.upper(), "v2"),
        (f"{V2};charset=utf-8", "v2"),
        (f"{V2}; q=0.5", "v2"),
        (f"{V2};q=1.000", "v2"),
        # the heaviest, and the newest of equals
        (f"{V1}, {V2}", "v2"),
        (f"{V3}, {V2}", "v3"),
        (f"{V1};q=0.9, {V3};q=0.8", "v1"),
        (f"{V1};q=0.9,{V3};Q=0.95", "v3"),
        (f"{V9}, {V2};q=0.1", "v2"),
        (f"{V2};q=0, {V1};q=0.001", "v1"),
        (f"{V2};q=0.2, {V2};q=0.9, {V3};q=0.5", "v2"),
        # a version that is named weighs more than JSON of any version, unless q says otherwise
        (f"{V2}, application/json", "v2"),
        (f"application/json, {V2}", "v2"),
        (f"*/*, {V1}", "v1"),
        (f"{V2};q=0.5, application/json", None),
        (f"{V2};q=0.5, */*", None),
        (f"{V2};q=0.5, */*;q=0.4", "v2"),
        # no version is named
        ("*/*", None),
        ("application/*", None),
        ("application/json", None),
        ("application/json;charset=utf-8", None),
        ("text/html, */*;q=0.1", None),
        ("application/vnd.dbkit+json", None),
        ("application/problem+json", None),
        (f"{V9}, */*;q=0.1", None),
        (f"{V2};q=0, application/json", None),
        # what is no media range is left out; nothing left is no header
        ("", None),
        ("nonsense", None),
        (",,,", None),
        ("application/", None),
        ("/json", None),
        (f"{V2};q=2", None),
        (f"{V2};q=abc", None),
        (f"{V2};q=", None),
        (f"{V2};q=0.1234", None),
        (f"{V2};q=-1", None),
        (f"nonsense, {V3}", "v3"),
        ('application/json;profile="a,b;q=0", */*;q=0', None),
        (f'text/html;a="{V1}", {V2}', "v2"),
        (f'text/html;a="\\"{V1}", {V2}', "v2"),
    ],
)
def test_accept(accept: str, version: str | None) -> None:
    found = ask(accept=accept)
    assert found.version == version
    assert found.vendor == (version is not None)
    assert found.source == ("accept" if version is not None else None)
    assert ask(accept=accept) == found, "from memory"


@pytest.mark.parametrize(
    "accept",
    [
        V9,
        f"{V9}, text/html",
        f"{V2};q=0",
        "application/json;q=0",
        "application/json;q=0, */*",
        "application/*;q=0, */*;q=0.5",
        "*/*;q=0",
        "text/html",
        "image/png, text/*;q=0.5",
        "application/vnd.other.v2+json",
        "application/vnd.dbkit.v2",
        "application/vnd.dbkit.v2+xml",
        "application/vnd.dbkit.vtwo+json",
        "application/problem+json;q=0",
    ],
)
def test_what_accept_does_not_allow(accept: str) -> None:
    refused = refusal(accept=accept)
    assert (refused.status, refused.code) == (406, "NOT_ACCEPTABLE")
    assert refused.details is not None
    assert refused.details["versions"] == ["v1", "v2", "v3"]
    assert V2 in refused.details["media_types"]


def test_an_unknown_version_of_the_vendor_is_named() -> None:
    assert refusal(accept=V9).message == "Accept asks for v9, which does not exist."


@pytest.mark.parametrize(
    ("accept", "vendor_type"),
    [
        (f"{V1}, {V2};q=0.1", True),
        (f"{V1}, application/json", False),
        (f"{V1}, */*;q=0.1", False),
        ("nonsense", False),
        (f"{V2};q=0, application/json", False),
    ],
)
def test_another_source_picks_from_what_accept_allows(accept: str, vendor_type: bool) -> None:
    found = ask(path="v2", accept=accept)
    assert (found.version, found.source, found.vendor) == ("v2", "path", vendor_type)
    assert ask(header="2", accept=accept).version == "v2"


def test_a_path_that_accept_rules_out_is_not_acceptable() -> None:
    assert refusal(path="v2", accept=f"{V2};q=0").status == 406
    assert refusal(path="v2", accept="text/html").status == 406
    assert refusal(path="v2", accept=f"{V2};q=0, {V1}").status == 400


@pytest.mark.parametrize(
    ("accept", "problem"),
    [
        ("application/json, application/problem+json", True),
        ("application/problem+json", True),
        (f"{V2}, application/problem+json;q=0.1", True),
        ("application/json, application/problem+json;q=0", False),
        ("application/json", False),
        ("*/*", False),
    ],
)
def test_problems_are_asked_for_by_name(accept: str, problem: bool) -> None:
    assert ask(accept=accept).problem is problem
    assert ask(path="v2", accept=accept).problem is problem


def test_of_several_versions_one_that_is_not_over_is_chosen() -> None:
    over = datetime.now(UTC) - timedelta(days=1)
    known = Versions([Version("v1", "sunset", over, over, "v2"), Version("v2")])
    assert ask(accept=f"{V1}, {V2};q=0.1", known=known).version == "v2"
    assert ask(accept=V1, known=known).version == "v1", (
        "alone it is asked for: the database says 410"
    )


def test_a_vendor_of_your_own() -> None:
    known = Versions([Version("v1"), Version("v2")], vendor="adsapp")
    assert ask(accept="application/vnd.adsapp.v2+json", known=known).version == "v2"
    assert known.media_types["v2"] == b"application/vnd.adsapp.v2+json"
    with pytest.raises(Refused):
        ask(accept=V2, known=known)


# --- hostile ---


def test_large_headers_are_refused_at_once() -> None:
    for size in (10_000, 1_000_000):
        assert refusal(accept=b"a/b," * (size // 4)).status == 431
        assert refusal(header=b"v" * size).status == 431
        assert refusal(path="v2", accept=b"," * size).status == 431


def test_the_memory_of_accept_is_bounded() -> None:
    known = Versions([Version("v1")])
    for n in range(3000):
        ask(accept=f"application/json;n={n}", known=known)
        ask(accept=f"application/json;n={n:0300}", known=known)
    assert len(known._accepted) <= 512


@settings(max_examples=500, deadline=None)
@given(
    accept=st.none() | st.binary(max_size=300) | st.text(max_size=100).map(str.encode),
    header=st.none() | st.binary(max_size=50),
    query=st.none() | st.text(max_size=50),
    path=st.none() | st.text(max_size=10),
    body=st.none() | st.text(max_size=10),
)
def test_any_bytes_are_a_version_or_a_refusal(
    accept: bytes | None,
    header: bytes | None,
    query: str | None,
    path: str | None,
    body: str | None,
) -> None:
    try:
        found = ask(path, accept, header, query, body)
    except Refused as refused:
        assert refused.status in (400, 406)
    else:
        assert found.version in (None, "v1", "v2", "v3")


_WEIGHTS = st.sampled_from(["", ";q=0", ";q=0.3", ";q=0.7", ";q=1"])
_KINDS = st.sampled_from([V1, V2, V3, "application/json", "*/*", "text/html"])


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(_KINDS, _WEIGHTS), max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_accept_says_nothing(members: list[tuple[str, str]], random: Random) -> None:
    """Weights say what is preferred; the order of the list does not (RFC 9110, 12.5.1)."""

    def outcome(given: list[tuple[str, str]]) -> object:
        try:
            return ask(accept=", ".join(kind + weight for kind, weight in given))
        except Refused as refused:
            return refused.code

    mixed = list(members)
    random.shuffle(mixed)
    assert outcome(mixed) == outcome(members)


# --- the life of a version ---

CATALOG = {
    "active_version": "v3",
    "versions": [
        {
            "version": "v1",
            "status": "deprecated",
            "deprecated_at": "2026-01-01T00:00:00+00:00",
            "sunset_at": "2027-01-01T01:00:00+01:00",
            "successor": "v3",
            "min_app_version": "1.0.0",
        },
        {"version": "v2", "status": "deprecated", "deprecated_at": "2026-06-01T00:00:00.5+00:00"},
        {"version": "v3", "status": "active", "deprecated_at": None, "sunset_at": None},
    ],
}
LIVES = Versions.from_catalog(CATALOG, docs="https://api.example.com/docs/")


def test_deprecation_and_sunset_headers() -> None:
    found = dict(LIVES.headers("v1", "get_order"))
    assert found[b"deprecation"] == b"@1767225600"  # RFC 9745
    assert found[b"sunset"] == b"Fri, 01 Jan 2027 00:00:00 GMT"  # RFC 8594
    assert parsedate_to_datetime(found[b"sunset"].decode()) == datetime(2027, 1, 1, tzinfo=UTC)
    assert found[b"link"].split(b", ") == [
        b'</api/v3/rpc/get_order>; rel="successor-version"',
        b'<https://api.example.com/docs/v1>; rel="deprecation"; type="text/html"',
        b'<https://api.example.com/docs/v1>; rel="sunset"; type="text/html"',
    ]


def test_a_version_without_successor_or_end() -> None:
    assert LIVES.headers("v2") == (
        (b"deprecation", b"@1780272000"),
        (b"link", b'<https://api.example.com/docs/v2>; rel="deprecation"; type="text/html"'),
    )
    assert LIVES.headers("v3") == LIVES.headers(None) == LIVES.headers("v9") == ()


@pytest.mark.parametrize("call", [None, "", "No Call", 'x>; rel="evil"', "a" * 64, "x\r\ny"])
def test_a_name_that_is_no_call_gets_into_no_header(call: str | None) -> None:
    link = dict(LIVES.headers("v1", call))[b"link"]
    assert b'<https://api.example.com/docs/v3>; rel="successor-version"' in link
    assert b"evil" not in link
    assert b"\n" not in link


def test_the_memory_of_links_is_bounded() -> None:
    for n in range(5000):
        LIVES.headers("v1", f"call_{n}")
    assert len(LIVES._of_call) <= 4096


@pytest.mark.parametrize("value", ["infinity", "-infinity", "20000-01-01T00:00:00+00:00", "", None])
def test_a_date_that_is_none_is_no_date(value: str | None) -> None:
    assert Version.read({"version": "v1", "sunset_at": value}).sunset_at is None
