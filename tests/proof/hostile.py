"""Hostile payloads, made from a call's own JSON Schema: a valid payload with one thing wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

RAW_VALUES = [
    *("null", "true", "false", '""', "{}", "[]", "0", "-1", "-0", "1.5", "1e0", "1.0"),
    *("1e400", "-1e400"),
    *("1e131071", "1e-16383", "9223372036854775807", "9223372036854775808"),
    *("-9223372036854775809", "2147483648", "0.1e-400", "123456789012345678901234567890"),
    *('"1"', '"NaN"', '"Infinity"', '"-1"', '" 1"', '"0x10"', '"1e3"', '"١"'),
    *('"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u202e"', '"\\n\\r\\t"'),
    *('"\\u001b[31m"', '"e\\u0301"', '"\\ufeff"', '"ﷺ"', '"İıſK"'),
    *('"\'; drop table dbkit.orders; --"', '"\\"; select 1; --"', '"$$; select 1; $$"'),
    *('"%s %I %L %1$s"', '"\\\\"', '"{}"', '"../../etc/passwd"', '"<script>"', '"${jndi:x}"'),
    *('"v1"', '"v999999"', '"dbkit.orders"', '"super_admin"', '"(1,2)"', '"{1,2}"'),
    *("[null]", "[[]]", "[{}]", '[1, "a", null]', '{"": null}', '{"$ref": "#"}', '{"type": "x"}'),
    json.dumps("x" * 10_000),
    json.dumps(list(range(200))),
    json.dumps("😀" * 500),
    "[" * 50 + "]" * 50,
]
"""JSON texts to put in place of any value."""

WHOLE = [
    *RAW_VALUES,
    "",
    "nul",
    "{",
    '{"a":}',
    "{'a': 1}",
    '{"a": 1,}',
    "NaN",
    "Infinity",
    "0x10",
    "1e131072",
    '"\x01"',
    "\ufeff{}",
    '{"store_id": 1, "store_id": "2"}',
    '{"__proto__": {"a": 1}}',
]
"""JSON texts, and texts that are none, to send as the whole payload."""

HUGE = [
    "1" * 131_073,
    json.dumps({f"key_{n}": n for n in range(2000)}),
    json.dumps({"k" * 100_000: 1}),
    json.dumps({"store_id": "x" * 1_000_000}),
    "[" * 5_000 + "]" * 5_000,
    '{"a":' * 5_000 + "1" + "}" * 5_000,
    "[" * 100_000 + "]" * 100_000,
    "[" * 100_000,
]
"""As WHOLE, but each takes long enough not to be sent everywhere."""

EXTRA_KEYS = ["", "id", "role", "price", "user_id", "organization_id", "'; --", "\u0000", "ｉｄ"]

_SAID: list[Any] = [None, 1, "", "1.4", "1.4.0", "v2", "x" * 201, "\u0000", "' or 1=1 --", {}, []]

CONTEXTS = [
    *WHOLE,
    *(
        json.dumps({key: value})
        for key in ("app_version", "api_version", "client_id", "region", "user_id", "role", "")
        for value in _SAID
    ),
    *(f'{{"app_version": "{n}.0.0"}}' for n in ("9" * 19, "9" * 20, "9" * 90, "01", "-1", "1e5")),
]

NAMES = [
    "",
    " ",
    "get_features ",
    "GET_FEATURES",
    "get_features'--",
    "dbkit.get_features",
    "%",
    "*",
]
NAMES += ["* v2", "get_features *v2", "x" * 100_000, "\u202eget", "null", "_dispatch", "🍕", "a\nb"]

VERSIONS = ["", "v", "v0", "v4", "v99999", "V2", " v2", "v2 ", "2", "v1'--", "x" * 100_000, "*v2"]


def payloads(schema: dict[str, Any], ids: dict[str, int]) -> Iterator[str]:
    """Each hostile value at each place of a valid payload, each key left out, keys added."""
    yield from WHOLE
    valid = sample(schema, ids)
    for path in paths(valid):
        for value in RAW_VALUES:
            yield with_raw(valid, path, value)
        yield json.dumps(without(valid, path))
    for key in EXTRA_KEYS:
        yield json.dumps(valid | {key: 1})


def sample(schema: dict[str, Any], ids: dict[str, int], name: str = "") -> Any:
    """A payload with every property that the schema knows; ids that exist where they are told."""
    if "enum" in schema:
        return schema["enum"][-1]
    kind = schema.get("type")
    if kind == "object":
        known = schema.get("properties", {}).items()
        return {key: sample(sub, ids, key) for key, sub in known}
    if kind == "array":
        return [sample(schema["items"], ids, name)]
    if kind == "integer":
        return ids.get(name, schema.get("minimum", 1))
    texts = {"customer_phone": "555-0100", "phone": "555-0100", "email": "a@b.example"}
    texts |= {"source_region": "us-east-1", "app_version": "1.4.0", "guest_token": "0" * 8}
    return texts.get(name, "some text")


def paths(value: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a value can be replaced, the whole left out."""
    if here:
        yield here
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*here, key))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from paths(inner, (*here, n))


def with_raw(value: Any, path: tuple[str | int, ...], raw: str) -> str:
    """JSON text of the value with this text in one place."""
    changed = copy.deepcopy(value)
    _parent(changed, path)[path[-1]] = "@here@"
    return json.dumps(changed).replace('"@here@"', raw)


def without(value: Any, path: tuple[str | int, ...]) -> Any:
    changed = copy.deepcopy(value)
    del _parent(changed, path)[path[-1]]
    return changed


def _parent(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path[:-1]:
        value = value[step]
    return value
