"""Between rows or JSON and frozen dataclasses: what generated wrappers decode and encode with.

JSON leaves the database as text and is decoded here, so that it does not depend on what a
connection's adapters make of it: fractions are Decimal, and integers keep all their digits.
A NULL where the wrapper promises a value raises UnexpectedAnswer: a type never lies.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
import types
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    TypeAlias,
    TypeGuard,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from dbkit.call import Call, Rows
from dbkit.errors import VersionMismatch

T = TypeVar("T")

JsonInput: TypeAlias = (
    bool
    | int
    | float
    | Decimal
    | str
    | datetime.date
    | datetime.time
    | uuid.UUID
    | Sequence["JsonInput"]
    | Mapping[str, "JsonInput"]
    | None
)
"""What is encoded as JSON; `datetime.datetime` is a `date` too."""

if TYPE_CHECKING:
    JsonValue: TypeAlias = (
        bool | int | Decimal | str | list["JsonValue"] | dict[str, "JsonValue"] | None
    )
else:
    # msgspec cannot resolve an alias that names itself, and would check nothing in it anyway.
    JsonValue = Any


class Unset:
    """The type of UNSET."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()
"""An argument that is left out, so that the database's own default applies."""


class HexBytes(bytes):
    """A bytea inside JSON, which Postgres writes as `\\x` and hexadecimal digits."""

    def __new__(cls, value: bytes | str = b"") -> HexBytes:
        raw = bytes.fromhex(value.removeprefix("\\x")) if isinstance(value, str) else value
        return super().__new__(cls, raw)


# --- JSON ------------------------------------------------------------------------------------

_encoder = msgspec.json.Encoder(decimal_format="number")


def to_json(value: object) -> str | Unset | None:
    """JSON text; None (SQL NULL) for None, and UNSET as it is. Dataclass fields that are at their
    default None are left out, so an optional property is absent rather than null."""
    if value is None or isinstance(value, Unset):
        return value
    return _encoder.encode(_plain(value)).decode()


def arguments(
    before: str, after: str, *parts: tuple[str, object]
) -> tuple[str, tuple[object, ...]]:
    """SQL and parameters of a function's call, without the arguments that are UNSET."""
    given = [(text, value) for text, value in parts if value is not UNSET]
    return before + ", ".join(text for text, _ in given) + after, tuple(v for _, v in given)


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names: Mapping[str, str] = getattr(value, "JSON_NAMES", {})
        given = ((f, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {
            names.get(field.name, field.name): _plain(item)
            for field, item in given
            if item is not None or field.default is not None
        }
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return {key: _plain(item) for key, item in items}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        raise ValueError(f"JSON has no number for {value!r}")
    return value


def _hook(kind: type, value: object) -> object:
    if kind is HexBytes and isinstance(value, str):
        return HexBytes(value)
    raise TypeError(f"no decoder for {kind}")


@cache
def _decoder(kind: Any) -> Callable[[str], Any]:
    """Text to a type. Only where a JSON name is no Python name it takes the longer way."""
    if not _renames(kind, set()):
        return msgspec.json.Decoder(kind, float_hook=Decimal, dec_hook=_hook).decode
    plain = msgspec.json.Decoder(Any, float_hook=Decimal)
    return lambda text: msgspec.convert(_renamed(plain.decode(text), kind), kind, dec_hook=_hook)


def from_json(text: str | bytes, kind: Any) -> Any:
    """JSON text as a value of a type, checked."""
    return _decoder(kind)(cast("str", text))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _parts(kind: Any) -> list[Any]:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return [_hints(kind)[field.name] for field in dataclasses.fields(kind)]
    return list(get_args(kind))


def _renames(kind: Any, seen: set[Any]) -> bool:
    if kind in seen:
        return False
    seen.add(kind)
    return bool(getattr(kind, "JSON_NAMES", None)) or any(_renames(p, seen) for p in _parts(kind))


def _renamed(value: Any, kind: Any) -> Any:
    """The same JSON with the field names of the dataclasses that `kind` is made of."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        names: Mapping[str, str] = getattr(kind, "JSON_NAMES", {})
        hints = _hints(kind)
        pairs = ((f.name, names.get(f.name, f.name)) for f in dataclasses.fields(kind))
        found = cast("dict[str, Any]", value)
        return {name: _renamed(found[key], hints[name]) for name, key in pairs if key in found}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = [part for part in arguments if part is not types.NoneType]
        return _renamed(value, inner[0]) if value is not None and len(inner) == 1 else value
    if origin is list and _is_list(value):
        return [_renamed(item, arguments[0]) for item in value]
    if origin is dict and isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _renamed(item, arguments[1]) for key, item in items}
    return value


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


# --- rows ------------------------------------------------------------------------------------


def nothing(rows: Rows) -> None:
    """A function that returns void."""


def scalar(rows: Rows) -> Any:
    """The only value."""
    return _value(rows[0][0])


def scalar_or_none(rows: Rows) -> Any:
    """The only value, or None for NULL."""
    return rows[0][0] if rows else None


def scalars(rows: Rows) -> list[Any]:
    """The only column."""
    return [_value(row[0]) for row in rows]


def scalars_or_none(rows: Rows) -> list[Any]:
    """The only column, with None for NULL."""
    return [row[0] for row in rows]


def _value(value: Any, what: str = "the result") -> Any:
    if value is None:
        raise msgspec.ValidationError(
            f"{what} is NULL, and the function's comment does not say that it may be"
        )
    return value


def json_as(kind: type[T]) -> Callable[[Rows], T]:
    """The only value, JSON text, as a type."""
    return lambda rows: cast("T", from_json(_value(rows[0][0]), kind))


def json_or_none(kind: type[T]) -> Callable[[Rows], T | None]:
    """As `json_as`; None for NULL."""
    return lambda rows: None if rows[0][0] is None else cast("T", from_json(rows[0][0], kind))


def jsons_as(kind: type[T]) -> Callable[[Rows], list[T]]:
    """A column of JSON text."""
    return lambda rows: [cast("T", from_json(_value(row[0]), kind)) for row in rows]


def json_value(rows: Rows) -> JsonValue:
    """The only value, JSON text of any shape; None for NULL too."""
    return None if rows[0][0] is None else cast("JsonValue", from_json(rows[0][0], Any))


def json_values(rows: Rows) -> list[JsonValue]:
    """A column of JSON text of any shape."""
    return [json_value([row]) for row in rows]


def rows_of(kind: type[T], *json: str) -> Callable[[Rows], list[T]]:
    """Rows as dataclasses; `json` names the columns that arrive as JSON text."""
    read: Callable[[Sequence[Any]], T] = _row_reader(cast("Any", kind), json)
    return lambda rows: [read(row) for row in rows]


def row_of(kind: type[T], *json: str) -> Callable[[Rows], T]:
    """The only row as a dataclass."""
    read: Callable[[Sequence[Any]], T] = _row_reader(cast("Any", kind), json)

    def decode(rows: Rows) -> T:
        if not rows:
            raise msgspec.ValidationError("no row came back")
        return read(rows[0])

    return decode


@cache
def _row_reader(kind: Any, json: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    hints = _hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    nullable = [hints[name] is Any or types.NoneType in get_args(hints[name]) for name in names]
    readers = [_decoder(hints[name]) if name in json else None for name in names]
    columns = list(zip(names, nullable, readers, strict=True))

    def read(row: Sequence[Any]) -> Any:
        values: dict[str, Any] = {}
        for (name, may_be_null, reader), value in zip(columns, row, strict=True):
            if value is None and not may_be_null:
                _value(value, f'column "{name}"')
            values[name] = value if reader is None or value is None else reader(value)
        return kind(**values)

    return read


# --- registered calls ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """Which version answered a registered call, and why."""

    rpc: str
    version: str
    requested_version: str | None = None
    fallback: bool = False
    deprecated: bool = False
    sunset_at: datetime.datetime | None = None
    warnings: list[str] = dataclasses.field(default_factory=list[str])


@dataclasses.dataclass(frozen=True, slots=True)
class Routed(Generic[T]):
    """The answer of a registered call in the version that its wrapper was generated for."""

    data: T
    meta: Meta


@dataclasses.dataclass(frozen=True, slots=True)
class Fallback:
    """The answer of another version, as plain JSON: its shape is that version's."""

    data: JsonValue
    meta: Meta


@dataclasses.dataclass(frozen=True)
class _Envelope:
    data: msgspec.Raw
    meta: Meta


@dataclasses.dataclass(frozen=True)
class RoutedAs(Generic[T]):
    """Decoder of `route_api_call` for the answer of one version; any other raises."""

    version: str
    kind: Any

    def __call__(self, rows: Rows) -> Routed[T]:
        envelope: _Envelope = from_json(_value(rows[0][0]), _Envelope)
        if envelope.meta.version != self.version:
            data = cast("JsonValue", from_json(envelope.data, Any))
            raise VersionMismatch(self.version, envelope.meta, data)
        return Routed(cast("T", from_json(envelope.data, self.kind)), envelope.meta)


def allow_fallback(call: Call[Routed[T]]) -> Call[Routed[T] | Fallback]:
    """The same call, which returns a Fallback where another version was served."""

    def decode(rows: Rows) -> Routed[T] | Fallback:
        try:
            return call.decode(rows)
        except VersionMismatch as mismatch:
            return Fallback(mismatch.data, mismatch.meta)

    return Call(call.name, call.sql, call.params, decode, call.reads_only, call.idempotent)


_ROUTE = "select dbkit.route_api_call(%s::text, %s::jsonb, %s::text)::text"


def route(
    name: str,
    version: str,
    answer: RoutedAs[T],
    payload: Mapping[str, object],
    *,
    optional: Mapping[str, object] | None = None,
    reads_only: bool = False,
) -> Call[Routed[T]]:
    """A registered call, asked for in a version. What is None in `optional` is left out."""
    given = {key: value for key, value in (optional or {}).items() if value is not None}
    whole = {**payload, **given}
    parameters = (name, to_json(whole), version)
    idempotent = whole.get("idempotency_key") is not None
    return Call(f"{name} ({version})", _ROUTE, parameters, answer, reads_only, idempotent)
