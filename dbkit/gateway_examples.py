"""A value that a JSON Schema allows, to be shown and tried: from its examples, or made up.

Only the keywords that `dbkit.validate_json` knows are looked at.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias, cast

Json: TypeAlias = dict[str, Any]


class _NoExample:
    def __repr__(self) -> str:
        return "NO_EXAMPLE"


NO_EXAMPLE = _NoExample()
"""What a value that nobody can make up has for an example."""


def example_of(schema: Any, *, everything: bool = False) -> Any:
    """A value that a schema allows, from its own examples where it has some; else NO_EXAMPLE.

    `everything` shows the properties that are not required too, where there is a value for them.
    """
    if not isinstance(schema, dict):
        return NO_EXAMPLE if schema is False else {}
    given = cast("Json", schema)
    for known in ("const", "default"):
        if known in given:
            return given[known]
    for known in ("examples", "enum"):
        values = given.get(known)
        if isinstance(values, list) and values:
            return cast("list[object]", values)[0]
    kind = _kind(given.get("type"))
    if kind == "object" or (kind is None and "properties" in given):
        return _example_object(given, everything)
    if kind == "array":
        return _example_array(given, everything)
    return _example_scalar(given, kind)


def _kind(types: object) -> object:
    if not isinstance(types, list):
        return types
    listed = cast("list[object]", types)
    return listed[0] if listed else None


def _example_object(schema: Json, everything: bool) -> Any:
    required = schema.get("required", [])
    properties = schema.get("properties", {})
    found: Json = {}
    for name in [*properties, *(name for name in required if name not in properties)]:
        if name not in required and not everything:
            continue
        value = example_of(
            properties.get(name, schema.get("additionalProperties", True)), everything=everything
        )
        if value is not NO_EXAMPLE:
            found[name] = value
        elif name in required:
            return NO_EXAMPLE
    return found


def _example_array(schema: Json, everything: bool) -> Any:
    least = schema.get("minItems", 0)
    most = schema.get("maxItems", 1)
    if most == 0 or least > 10:
        return [] if least == 0 else NO_EXAMPLE
    value = example_of(schema.get("items", True), everything=everything)
    if value is NO_EXAMPLE:
        return [] if least == 0 else NO_EXAMPLE
    return [value] * max(1, least)


def _example_scalar(schema: Json, kind: object) -> Any:
    if kind == "null":
        return None
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return _example_number(schema)
    if kind == "string":
        return _example_text(schema)
    return {}


def _example_number(schema: Json) -> Any:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    for value in (1, 0, low, high, *((low + 1,) if low is not None else ())):
        if value is not None and value == int(value) and _fits(int(value), schema):
            return int(value)
    return NO_EXAMPLE


def _fits(value: int, schema: Json) -> bool:
    least, most = schema.get("minimum", value), schema.get("maximum", value)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    return bool(
        least <= value <= most
        and (above is None or above < value)
        and (below is None or value < below)
    )


_FORMATS = {
    "uuid": "6f1c3c52-0f5e-4b8e-9f0a-3a2b6a1c9d10",
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "email": "ann@example.com",
    "uri": "https://example.com/",
}


def _example_text(schema: Json) -> Any:
    text = _FORMATS.get(schema.get("format", ""), "text")
    least, most = schema.get("minLength", 0), schema.get("maxLength", 1000)
    if least > 1000:
        return NO_EXAMPLE
    if "format" not in schema:
        text = (text * (least // 4 + 1))[: min(max(4, least), most)]
    pattern = schema.get("pattern")
    if pattern is not None:
        try:
            fits = re.search(pattern, text) is not None
        except re.error:
            fits = False
        if not fits:
            return NO_EXAMPLE
    return text if least <= len(text) <= most else NO_EXAMPLE
