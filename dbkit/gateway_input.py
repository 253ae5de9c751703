"""What a gateway lets in: bodies, JSON, identifiers of requests and traces.

JSON is checked here and then handed on as it came, so that numbers keep their digits.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from dbkit.gateway_errors import Refused

MAX_DEPTH = 64
"""Nesting of a payload. Far below what the server's own parser takes."""

_MAX_EXPONENT = 308
_decode = msgspec.json.Decoder().decode
_MAX_FRACTION = 16_000
"""Digits behind the point: numeric has 16,383, of which an exponent may take 308."""
_FRACTION = re.compile(rb"\.[0-9]{%d}" % _MAX_FRACTION)
_LARGE_EXPONENT = re.compile(rb"[0-9.][eE][+-]?[0-9]{3}")
_OPENING = re.compile(rb"[\[{]")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,200}")
_TRACE_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_TRACE = b"0" * 32
_NO_SPAN = b"0" * 16

_process = os.urandom(6).hex()
_numbers = itertools.count(1)


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """S0's body of `POST /api`."""

    rpc: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    version: str | None = None


_decode_body = msgspec.json.Decoder(Body).decode


def check_payload(raw: bytes) -> bytes:
    """A payload that the database's parser takes too; an empty one is {}.

    Raises Refused: 400 for what is no JSON, 422 for a number or nesting that is too large, for
    \\u0000, and for a payload that is not an object.
    """
    if not raw:
        return b"{}"
    value = _parsed(raw)
    if not isinstance(value, dict):
        raise Refused(422, "INVALID_PAYLOAD", "the payload must be a JSON object")
    if len(_OPENING.findall(raw)) > MAX_DEPTH:
        _check_depth(cast("dict[str, Any]", value))
    if b"\\u0000" in raw:
        _check_strings(cast("dict[str, Any]", value))
    if _LARGE_EXPONENT.search(raw) or (len(raw) > _MAX_FRACTION and _FRACTION.search(raw)):
        msgspec.json.Decoder(float_hook=_check_float).decode(raw)
    return raw


def check_body(raw: bytes) -> tuple[str, bytes, str | None]:
    """Name, payload and version of a body in S0's form. Raises Refused (400, 422)."""
    _parsed(raw)
    try:
        body = _decode_body(raw)
    except msgspec.ValidationError as error:
        raise Refused(
            400, "INVALID_ARGUMENT", f"the body must be {{rpc, payload, version}}: {error}"
        ) from error
    payload = bytes(body.payload)
    return body.rpc, check_payload(b"" if payload == b"null" else payload), body.version


def request_id(given: bytes | None) -> str:
    """The client's own id where it is printable and short, else a new one."""
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode()
    return f"req_{_process}{next(_numbers):08x}"


def trace_id(traceparent: bytes | None) -> str | None:
    """Trace id of a W3C `traceparent`; None when there is none, or it is not valid."""
    found = None if traceparent is None else _TRACE_PARENT.fullmatch(traceparent)
    if found is None or found[1] == b"ff" or found[2] == _NO_TRACE or found[3] == _NO_SPAN:
        return None
    if found[1] == b"00" and found[5] is not None:
        return None
    return found[2].decode()


def _parsed(raw: bytes) -> Any:
    try:
        return _decode(raw)
    except RecursionError:
        raise _too_deep() from None
    except msgspec.ValidationError:
        raise Refused(422, "INVALID_PAYLOAD", "a number in the payload is too large") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(
            400, "INVALID_JSON", "the body is not JSON", hint="Send application/json in UTF-8."
        ) from None


def _too_deep() -> Refused:
    return Refused(422, "INVALID_PAYLOAD", f"the payload is nested deeper than {MAX_DEPTH}")


def _check_depth(value: dict[str, Any] | list[Any]) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise _too_deep()


def _children(value: dict[str, Any] | list[Any]) -> list[Any]:
    items: Iterable[Any] = value.values() if isinstance(value, dict) else value
    return [item for item in items if isinstance(item, dict | list)]


def _check_strings(value: object) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise Refused(422, "INVALID_PAYLOAD", "text cannot contain \\u0000")
    elif isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            _check_strings(key)
            _check_strings(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            _check_strings(item)


def _check_float(text: str) -> float:
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa.partition(".")[2]) > _MAX_FRACTION:
        raise Refused(422, "INVALID_PAYLOAD", "a number in the payload has too many digits")
    digits = exponent.lstrip("+-0")
    if len(digits) > len(str(_MAX_EXPONENT)) or int(digits or "0") > _MAX_EXPONENT:
        raise Refused(422, "INVALID_PAYLOAD", "an exponent in the payload is too large")
    return float(text)
