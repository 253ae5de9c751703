"""The line of a function's comment that says what its jsonb looks like.

`Returns {success boolean, steps {name text, took_ms numeric?}[], note text?}`: SQL types, `[]` for
an array, `?` for what may be null, braces for an object. A line in another form is prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A type: a name of SQL, or fields."""

    type: str = ""
    fields: tuple[ShapeField, ...] | None = None
    dimensions: int = 0
    nullable: bool = False


@dataclass(frozen=True)
class ShapeField:
    """A key with its type."""

    name: str
    shape: Shape


_LINE = re.compile(r"^Returns (\{.*)$", re.MULTILINE)
_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s+")
_TYPE = re.compile(
    r"[a-z_][\w.]*(?: (?:precision|varying|with time zone|without time zone))?"
    r"(?:\(\d+(?:,\s*\d+)?\))?"
)
_END = re.compile(r"((?:\[\])*)(\?)?\s*")


class _NotAShape(Exception):
    pass


def parse_returns(comment: str) -> Shape | None:
    """The shape that a comment declares; None where it declares none."""
    match = _LINE.search(comment)
    if match is None:
        return None
    text = match[1].rstrip().removesuffix(".")
    try:
        shape, end = _shape(text, 0)
    except _NotAShape:
        return None
    return shape if end == len(text) else None


def _shape(text: str, at: int) -> tuple[Shape, int]:
    fields: tuple[ShapeField, ...] | None = None
    name = ""
    if text[at : at + 1] == "{":
        fields, at = _fields(text, at + 1)
    else:
        match = _TYPE.match(text, at)
        if match is None:
            raise _NotAShape
        name, at = match[0], match.end()
    end = _END.match(text, at)
    assert end is not None, "matches the empty text too"
    return Shape(name, fields, len(end[1]) // 2, bool(end[2])), end.end()


def _fields(text: str, at: int) -> tuple[tuple[ShapeField, ...], int]:
    found: list[ShapeField] = []
    while True:
        match = _NAME.match(text, at)
        if match is None:
            raise _NotAShape
        shape, at = _shape(text, match.end())
        found.append(ShapeField(match[1], shape))
        if text[at : at + 1] == "}":
            return tuple(found), at + 1
        if text[at : at + 1] != ",":
            raise _NotAShape
        at += 1
