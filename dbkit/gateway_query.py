"""The payload of a read as the query of a URL, by the types of the call's request schema.

- `?store_id=7&open=true`: each property by its type; text needs no quotes
- `?ids=1&ids=2`: a list repeats its name; `?ids=[1,2]` works too where the entries are not text
- `?filter.status.eq=paid`, or `?filter={"status":{"eq":"paid"}}`: an object's fields with dots,
  or as JSON
- where a schema names no type, what reads as JSON is JSON, and all else is text

`api_version` never is part of a payload. What the schema demands beyond types is checked where it
is for every payload: in the database. No function here does I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qsl, quote, quote_plus

import msgspec

from dbkit.gateway_errors import Refused, bad_request

Parameters: TypeAlias = Sequence[tuple[str, str]]
"""A query's names and values, as they came."""

RESERVED = frozenset({"api_version"})

_MAX_PARAMETERS = 200
_MAX_DEPTH = 16
_MAX_QUERY = 4000
"""Characters of a query that is put into a link; longer ones are not shared or kept anyway."""

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SCALARS = frozenset({"null", "boolean", "integer", "number", "string"})

_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass(frozen=True, slots=True)
class QueryIndex:
    """What a query needs of a schema: made when the catalog is loaded."""

    types: frozenset[str] = frozenset()
    """Empty: any."""
    properties: Mapping[str, QueryIndex] = field(default_factory=dict[str, "QueryIndex"])
    extra: QueryIndex | None = None
    """What properties without a name are; None where there are none."""
    items: QueryIndex | None = None


_ANY = QueryIndex()
_OPEN = QueryIndex(frozenset({"object"}), extra=_ANY)


def query_index(schema: object) -> QueryIndex:
    """The index of a request schema; a schema that is none allows any field."""
    if not isinstance(schema, dict) or not schema:
        return _OPEN
    found = _index(cast("dict[str, Any]", schema))
    return (
        found if found.types else QueryIndex(frozenset({"object"}), found.properties, found.extra)
    )


def _index(schema: object) -> QueryIndex:
    if not isinstance(schema, dict) or not schema:
        return _ANY
    given = cast("dict[str, Any]", schema)
    types = _types(given)
    extra = given.get("additionalProperties", True)
    return QueryIndex(
        types,
        {name: _index(sub) for name, sub in given.get("properties", {}).items()},
        None if extra is False else _index(extra),
        _index(given.get("items")),
    )


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    given = schema.get("type")
    if isinstance(given, str):
        return frozenset({given})
    if isinstance(given, list):
        return frozenset(cast("list[str]", given))
    values: list[object] = [schema["const"]] if "const" in schema else schema.get("enum", [])
    return frozenset(_JSON_TYPES.get(type(value), "number") for value in values)


_JSON_TYPES: dict[type[Any], str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    str: "string",
    list: "array",
    dict: "object",
}


def parse_query(raw: bytes) -> Parameters:
    """Names and values of a query string; Refused (400) for one that is not UTF-8 in escapes."""
    if not raw:
        return ()
    try:
        text = raw.decode()
        if _BAD_ESCAPE.search(text):
            raise bad_request("The query has a % that is no escape.")
        return parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
        )
    except UnicodeDecodeError:
        raise bad_request("The query is not UTF-8.") from None
    except ValueError:
        raise bad_request(f"The query has more than {_MAX_PARAMETERS} parameters.") from None


def flat(parameters: Parameters) -> dict[str, str]:
    """One value a name, repeated ones joined by commas: what `negotiate` takes."""
    found: dict[str, str] = {}
    for name, value in parameters:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def payload_from_query(index: QueryIndex, parameters: Parameters) -> bytes:
    """The payload as JSON text. Raises Refused (422) naming the field that is not of its type."""
    if not parameters:
        return b"{}"
    groups: dict[str, list[str]] = {}
    for name, value in parameters:
        if name not in RESERVED:
            groups.setdefault(name, []).append(value)
    return _encode(_object(index, groups, ""))


def _object(index: QueryIndex, groups: Mapping[str, list[str]], path: str) -> dict[str, object]:
    found: dict[str, object] = {}
    dotted: dict[str, dict[str, list[str]]] = {}
    for name, values in groups.items():
        head, dot, rest = name.partition(".")
        if name in index.properties:
            found[name] = _value(index.properties[name], values, path + name)
        elif dot and rest and _inner(index, head, path) is not None:
            dotted.setdefault(head, {})[rest] = values
        elif index.extra is not None:
            found[name] = _value(index.extra, values, path + name)
        else:
            raise _wrong(path + name, "is not a known field")
    for head, fields in dotted.items():
        if head in found:
            raise _wrong(path + head, "is given as JSON and by its fields")
        inner = _inner(index, head, path)
        if inner is None or path.count("/") >= _MAX_DEPTH:
            raise _wrong(path + head, f"is nested deeper than {_MAX_DEPTH}")
        found[head] = _object(inner, fields, f"{path}{head}/")
    return found


def _inner(index: QueryIndex, head: str, path: str) -> QueryIndex | None:
    """What the dots after a name lead into; None where they are a part of the name.

    Below an object that the schema names, dots lead on into what it leaves open.
    """
    inner = index.properties.get(head)
    if inner is None and path:
        inner = index.extra
        if inner is not None and not inner.types:
            inner = _OPEN
    return inner if inner is not None and "object" in inner.types else None


def _value(index: QueryIndex, values: list[str], path: str) -> object:
    if index.types and "array" not in index.types:
        if len(values) > 1:
            raise _wrong(path, "is given more than once")
        return _one(index, values[0], path)
    if len(values) == 1 and (not index.types or index.types & _SCALARS or _is_list(index, values)):
        return _one(index, values[0], path)
    items = index.items or _ANY
    return [_one(items, value, f"{path}/{n}") for n, value in enumerate(values)]


def _is_list(index: QueryIndex, values: list[str]) -> bool:
    """One value that is a whole list; an entry that may be text is text, whatever it looks like."""
    entries = (index.items or _ANY).types
    return "string" not in entries and values[0].startswith("[")


def _one(index: QueryIndex, text: str, path: str) -> object:
    types = index.types
    if not types:
        return _any(text)
    if text == "null" and "null" in types and "string" not in types:
        return None
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in types and _NUMBER.fullmatch(text):
        return msgspec.Raw(text.encode())
    if text[:1] in ("{", "[") and ("object" if text[0] == "{" else "array") in types:
        try:
            _decode(text)
            return msgspec.Raw(text.encode())
        except (ValueError, RecursionError):
            pass
    if "string" in types:
        return text
    raise _wrong(path, f"must be {' or '.join(sorted(types))}")


def _any(text: str) -> object:
    try:
        _decode(text)
    except (ValueError, RecursionError):
        return text
    return msgspec.Raw(text.encode())


def _wrong(path: str, what: str) -> Refused:
    shown = path[:100]
    return Refused(422, "INVALID_PAYLOAD", f'"{shown}" {what}', field=shown)


def query_from_payload(index: QueryIndex, payload: bytes) -> str | None:
    """A payload as a query, for the links of a list that was asked for by POST.

    None where no query says the same, or only a very long one.
    """
    try:
        given = _decode(payload or b"{}")
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict):
        return None
    pairs = list(_pairs(cast("dict[str, object]", given)))
    text = "&".join(f"{quote(name, safe='')}={quote_plus(value)}" for name, value in pairs)
    if len(text) > _MAX_QUERY:
        return None
    try:
        same = _decode(payload_from_query(index, pairs)) == given
    except Refused:
        return None
    return text if same else None


def _pairs(payload: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    for name, value in payload.items():
        entries: list[object] = [value]
        if isinstance(value, list) and value:
            listed = cast("list[object]", value)
            if not any(isinstance(entry, dict | list) for entry in listed):
                entries = listed
        for entry in entries:
            yield name, entry if isinstance(entry, str) else _encode(entry).decode()
