"""What the gateway lets in: whatever passes here, the database's own parser takes too."""

from __future__ import annotations

import json
import re
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dbkit.gateway_errors import Refused
from dbkit.gateway_input import MAX_DEPTH, check_body, check_payload, request_id, trace_id
from tests.helpers import Connection

usual = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
NUMBERS = st.from_regex(rb"-?[0-9.]{1,25}([eE][+-]?[0-9]{1,7})?", fullmatch=True)
PIECES = st.sampled_from(
    [
        *[bytes([c]) for c in b'{}[]:,"\\ \t\n\r0123456789.eE+-'],
        b'"a"',
        b"true",
        b"null",
        b"NaN",
        b"Infinity",
        b"\\u0000",
        b"\\ud800",
        b"\\udc00",
        b"\\u00e9",
        b"\\\\u0000",
        b"\x00",
        b"\x0b",
        b"\x7f",
        b"\xc3\xa9",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xef\xbb\xbf",
        b"1e400",
        b"1e-400",
        b"9" * 400,
        b"0." + b"0" * 400 + b"1",
    ]
)


def accepted(raw: bytes) -> bytes | None:
    """The payload, or None when it is refused for a client's mistake."""
    try:
        return check_payload(raw)
    except Refused as refused:
        assert refused.status in (400, 422)
        return None


def taken(db: Connection, payload: bytes) -> str | None:
    """Why jsonb does not take it."""
    try:
        with db.transaction():
            db.execute("select $1::jsonb".replace("$1", "%b"), [payload.decode()])
    except (psycopg.Error, UnicodeError) as error:
        return str(error)
    return None


def agree(db: Connection, raw: bytes) -> None:
    payload = accepted(raw)
    if payload is not None and b"\0" in payload:
        raise AssertionError("a NUL byte cannot be sent at all")
    if payload is not None:
        assert taken(db, payload) is None, raw


@usual
@given(value=st.dictionaries(st.text(), VALUES, max_size=4), ascii_only=st.booleans())
def test_objects_that_pass_here_pass_there(db: Connection, value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    agree(db, text.encode("utf-8", "surrogatepass"))


@usual
@example(b"1e308")
@example(b"1e-308")
@example(b"-0e0999999")
@example(b"0." + b"0" * 20_000 + b"1")
@example(b"0." + b"0" * 15_999 + b"1e-308")
@example(b"9" * 140_000)
@example(b"1e000000000000000000000000000000000001")
@given(NUMBERS)
def test_numbers_that_pass_here_pass_there(db: Connection, number: bytes) -> None:
    agree(db, b'{"n": ' + number + b"}")
    agree(db, b'{"n": [' + number + b"]}")


@usual
@given(
    st.lists(PIECES, max_size=12).map(b"".join),
    st.sampled_from([b"%b", b'{"a":%b}', b'{"a":"%b"}', b'{"%b":1}']),
)
def test_noise_that_passes_here_passes_there(db: Connection, noise: bytes, frame: bytes) -> None:
    agree(db, frame.replace(b"%b", noise))


@usual
@given(st.binary(max_size=40))
def test_bytes_that_pass_here_pass_there(db: Connection, raw: bytes) -> None:
    agree(db, raw)
    agree(db, b'{"a":"' + raw + b'"}')


def test_a_tenth_of_noise_is_let_in(db: Connection) -> None:
    """The control: the tests above see payloads that are accepted, and some that jsonb refuses."""
    assert accepted(b'{"a": "\\ud83d\\ude00", "b": 1e300}') is not None
    for refused in (b'{"a": "\\u0000"}', b'{"a": 1e140000}', b'{"a": "\\ud800"}', b'{"a": 01}'):
        assert taken(db, refused) is not None
        assert accepted(refused) is None


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_depth_is_counted(db: Connection, opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    for depth in (MAX_DEPTH - 2, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 5000):
        raw = b'{"x":' + opening * depth + b"1" + closing * depth + b"}"
        assert (accepted(raw) is not None) == (depth < MAX_DEPTH), depth
    wide = b'{"x":[' + b",".join([b"[]"] * 1000) + b"]}"
    assert accepted(wide) == wide
    in_text = b'{"x":"' + b"[" * 1000 + b'"}'
    assert accepted(in_text) == in_text


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"rpc": 1}',
        b'{"rpc": "a", "payload": []}',
        b'{"rpc": "a", "payload": {"n": 1e9999}}',
        b'{"rpc": "a", "payload": {"n": "\\u0000"}}',
        b'{"rpc": "a", "version": 2}',
        b'{"rpc": "a", "more": 1}',
        b"[]",
        b"null",
        b'"a"',
        b"",
        b"{",
        b'{"rpc": "\xff"}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_not_as_documented_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        check_body(body)
    assert refused.value.status in (400, 422)


@usual
@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbf{}")
def test_no_body_is_an_internal_error(body: bytes) -> None:
    try:
        name, payload, version = check_body(body)
    except Refused:
        return
    assert isinstance(name, str)
    assert json.loads(payload) is not None
    assert version is None or isinstance(version, str)


@usual
@given(st.none() | st.binary(max_size=250))
def test_request_ids_are_printable_and_short(given_id: bytes | None) -> None:
    made = request_id(given_id)
    assert re.fullmatch(r"[!-~]{1,200}", made)
    if given_id is not None and re.fullmatch(rb"[A-Za-z0-9._:-]{1,200}", given_id):
        assert made == given_id.decode()


def test_made_request_ids_differ() -> None:
    assert len({request_id(None) for _ in range(10_000)}) == 10_000
    assert request_id(b"a\n") != "a\n"


@usual
@given(
    st.binary(max_size=80)
    | st.from_regex(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-x)?")
)
def test_trace_ids_are_those_of_the_standard(header: bytes) -> None:
    found = trace_id(header)
    if found is None:
        return
    version, trace, span, _ = header.split(b"-")[:4]
    assert re.fullmatch(r"[0-9a-f]{32}", found)
    assert trace.decode() == found
    assert version != b"ff"
    assert trace.strip(b"0")
    assert span.strip(b"0")
    assert version != b"00" or len(header) == 55


def test_trace_ids_by_example() -> None:
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    good = f"00-{trace}-{span}-01".encode()
    assert trace_id(good) == trace
    assert trace_id(good.replace(b"00-", b"01-", 1) + b"-later") == trace
    for bad in (
        None,
        b"",
        good.upper(),
        good + b"-x",
        good + b"\n",
        b"ff" + good[2:],
        good.replace(trace.encode(), b"0" * 32),
        good.replace(span.encode(), b"0" * 16),
        good[:-1],
    ):
        assert trace_id(bad) is None, bad
