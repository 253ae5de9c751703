"""What the gateway answers: bytes from the JSON texts of the database, and errors in three forms.

The data of an answer is never parsed: it is put between what is written here. Two forms of it, by
the version that was served:

- v2: `{"success", "data" | "error", "meta", "links"}` with
  `meta: {version, timestamp, requestId, processingTime}`
- every other version: `{"data", "meta": {rpc, version, …, executionTime, requestId}}`

An error is `{"error", "meta"}` there, and `application/problem+json` (RFC 9457) where the client
accepts that. What a call answers besides 200 its response schema says, per version:

- `"x-dbkit-status": 201` (or 202, 204)
- `"x-dbkit-list": true`: the answer is a page as `page_list` returns it, `{items, page}`: links
  to its neighbours come from that
- `"x-dbkit-location": "get_order?order_id={order_id}"`: the header `Location` of a 201 or 202; the
  braces take a field of the answer
- `"x-dbkit-related": {"items": "get_order_items?order_id={order_id}"}`: `links.related`

Only the fields that these name are decoded. No function here does I/O.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import quote, unquote_plus

import msgspec

from dbkit.gateway_errors import TITLES, Pairs, Refused

if TYPE_CHECKING:
    from dbkit.gateway_version import Negotiated, Versions

ENVELOPED = frozenset({"v2"})
"""Versions whose answers have the envelope of S4."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


# --- What a call answers besides 200 ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Template:
    """`get_order?order_id={order_id}`: literal parts around the names of fields."""

    parts: tuple[str, ...]
    fields: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> Template:
        pieces = re.split(r"\{([A-Za-z_][A-Za-z0-9_]*)\}", text)
        literal = "".join(pieces[::2])
        if re.fullmatch(r"[A-Za-z0-9_./?&=%~-]*", literal) is None or not literal:
            raise ValueError(f"{text!r} is no target: a call's name, ?, and parameters")
        return cls(tuple(pieces[::2]), tuple(pieces[1::2]))

    def fill(self, values: Mapping[str, str | int | None]) -> str | None:
        """None where a field has no value."""
        found = [self.parts[0]]
        for name, part in zip(self.fields, self.parts[1:], strict=True):
            value = values.get(name)
            if value is None:
                return None
            found += (quote(str(value), safe=""), part)
        return "".join(found)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a call's response schema says about its answer."""

    status: int = 200
    is_list: bool = False
    location: Template | None = None
    related: tuple[tuple[str, Template], ...] = ()
    fields: Any = None
    """Decoder of the fields that the templates name; None where they name none."""
    takes_last: bool = False
    """Whether the request schema of a list has `last`, as that of `page_list` does."""


PLAIN = Shape()


def shape_of(response_schema: object, request_schema: object = None) -> Shape:
    """Read when the catalog is loaded. Raises ValueError saying what is wrong."""
    if not isinstance(response_schema, dict):
        return PLAIN
    schema = cast("dict[str, Any]", response_schema)
    status = schema.get("x-dbkit-status", 200)
    if status not in (200, 201, 202, 204):
        raise ValueError(f"x-dbkit-status is 200, 201, 202 or 204, not {status!r}")
    is_list = schema.get("x-dbkit-list", False)
    if not isinstance(is_list, bool):
        raise ValueError("x-dbkit-list is true or false")
    location = _template(schema.get("x-dbkit-location"), "x-dbkit-location")
    given = schema.get("x-dbkit-related", {})
    if not isinstance(given, dict):
        raise ValueError("x-dbkit-related is an object of names and targets")
    related = tuple(
        (name, template)
        for name, target in cast("dict[str, Any]", given).items()
        if (template := _template(target, f"x-dbkit-related of {name}")) is not None
    )
    names = {f for t in (location, *(t for _, t in related)) if t is not None for f in t.fields}
    if status == 200 and not is_list and location is None and not related:
        return PLAIN
    return Shape(
        status,
        is_list,
        location,
        related,
        _decoder(names) if names else None,
        is_list and _has_last(request_schema),
    )


def _has_last(request_schema: object) -> bool:
    if not isinstance(request_schema, dict):
        return False
    return "last" in (cast("dict[str, Any]", request_schema).get("properties") or ())


def _template(value: object, where: str) -> Template | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{where} is a string")
    return Template.read(value)


def _decoder(names: Iterable[str]) -> Any:
    """Decodes these fields and skips all else, which msgspec does without making objects of it."""
    fields = [(f"f{n}", str | int | None, None) for n, _ in enumerate(names)]
    rename = {f"f{n}": name for n, name in enumerate(names)}
    return msgspec.json.Decoder(msgspec.defstruct("Fields", fields, rename=rename))


# --- Answers ---------------------------------------------------------------------------------


class Answer(NamedTuple):
    status: int
    headers: Pairs
    body: bytes


class Asked(NamedTuple):
    """What an answer needs to know about its request."""

    request_id: str
    target: str = "/"
    """Path and query as they were sent."""
    base: str = "/rpc/"
    """What comes before the name of a call in links: as the request's own path had it."""
    negotiated: Negotiated | None = None
    """None where the request was refused before."""
    call: str | None = None
    payload: bytes | None = None
    """Of a POST: links of a list carry it as a query."""


class Meta(msgspec.Struct):
    """The parts of a call's meta that the gateway needs."""

    rpc: str = ""
    version: str = ""
    fallback: bool = False
    warnings: msgspec.Raw = msgspec.Raw(b"[]")
    replayed: bool = False


class _Listed(msgspec.Struct):
    items: msgspec.Raw
    page: msgspec.Raw


class Page(msgspec.Struct):
    """What links need of a page of `page_list`; the rest passes as it is."""

    limit: int | None = None
    offset: int | None = None
    """Only where the request named one."""
    total: int | None = None
    total_kind: str | None = None
    has_next: bool = False
    has_previous: bool = False
    next_cursor: str | None = None
    previous_cursor: str | None = None


class _Served(NamedTuple):
    """All that follows from the text of a meta, which is the same for most calls of a route."""

    rpc: str
    version: str
    fallback: bool
    enveloped: bool
    shape: Shape
    meta: bytes
    """The beginning of the answer's meta, to be ended by request id and time."""
    extra: bytes
    """Of the envelope's meta: warnings and replayed, where there are any."""
    headers: Pairs
    vendor_headers: Pairs


_read_meta = msgspec.json.Decoder(Meta).decode
_read_list = msgspec.json.Decoder(_Listed).decode
_read_page = msgspec.json.Decoder(Page).decode
_NO_FIELDS: Mapping[str, str | int | None] = {}
_VARY = (b"vary", b"accept, x-api-version")


class Answers:
    """Writes the answers of one catalog; made anew when the catalog changes."""

    def __init__(
        self,
        versions: Versions,
        calls: Iterable[Mapping[str, Any]] = (),
        *,
        region: str | None = None,
        enveloped: frozenset[str] = ENVELOPED,
        query_of: Callable[[str, str, bytes], str | None] | None = None,
    ) -> None:
        """`calls` are the rows of `gateway_catalog()`; `problems` says which have bad schemas.

        `query_of(call, version, payload)` is a payload as a query, for the links of lists by POST.
        """
        self.versions = versions
        self.region = b"" if region is None else b',"region":' + _encode(region)
        self.enveloped = enveloped
        self.problems: list[str] = []
        self._query_of = query_of
        self._shapes: dict[tuple[str, str], Shape] = {}
        self._by_meta: dict[str | bytes, _Served] = {}
        for call in calls:
            try:
                shape = shape_of(call.get("response_schema"), call.get("request_schema"))
            except ValueError as error:
                self.problems.append(f"{call['name']} ({call['version']}): {error}")
            else:
                if shape is not PLAIN:
                    self._shapes[call["name"], call["version"]] = shape

    def outcome(self, meta: str | bytes) -> tuple[str, bool]:
        """The version that was served, and whether it is older than the one that was due."""
        served = self._by_meta.get(meta) or self._serve(meta)
        return served.version, served.fallback

    def success(
        self, asked: Asked, data: str | bytes | None, meta: str | bytes, elapsed_ms: float
    ) -> Answer:
        """The answer of a call, from the texts that `serve_call` returned."""
        served = self._by_meta.get(meta) or self._serve(meta)
        headers = served.headers
        if asked.negotiated is not None and asked.negotiated.vendor:
            headers = served.vendor_headers
        shape = served.shape
        if shape.status == 204:
            return Answer(204, headers[1:], b"")
        text = b"null" if data is None else data.encode() if isinstance(data, str) else data
        links = b""
        page = b""
        if shape is not PLAIN:
            text, page, links, more = self._shaped(asked, served, text)
            headers += more
        parts: tuple[bytes, ...]
        if served.enveloped:
            parts = (
                b'{"success":true,"data":',
                text,
                b',"meta":',
                _own_meta(served.version, asked),
                b',"processingTime":%.2f' % elapsed_ms,
                served.extra,
                b',"pagination":' + page if page else b"",
                b'},"links":{"self":',
                _encode(asked.target),
                links,
                b"}}",
            )
        else:
            parts = (
                b'{"data":',
                text,
                served.meta,
                b'"executionTime":%.2f,"requestId":' % elapsed_ms,
                _encode(asked.request_id),
                b"}}",
            )
        return Answer(shape.status, headers, b"".join(parts))

    def refuse(self, asked: Asked, refused: Refused, elapsed_ms: float = 0.0) -> Answer:
        """The answer of a request that failed."""
        version = self._version_of(asked, refused)
        headers = (
            *self.versions.headers(version, asked.call),
            *(((b"x-api-version", version.encode()),) if version is not None else ()),
            _VARY,
            *refused.headers,
        )
        if asked.negotiated is not None and asked.negotiated.problem:
            kind = b"application/problem+json"
            body = self._problem(asked, refused)
        elif version in self.enveloped:
            kind = b"application/json"
            body = b"".join(
                (
                    b'{"success":false,"error":',
                    _error(refused),
                    b',"meta":',
                    _own_meta(version or "", asked),
                    b',"processingTime":%.2f' % elapsed_ms,
                    b'},"links":{"self":',
                    _encode(asked.target),
                    b"}}",
                )
            )
        else:
            kind = b"application/json"
            body = b"".join(
                (
                    b'{"error":',
                    _error(refused),
                    b',"meta":{"version":',
                    _encode(version),
                    self.region,
                    b',"executionTime":%.2f,"requestId":' % elapsed_ms,
                    _encode(asked.request_id),
                    b"}}",
                )
            )
        return Answer(refused.status, ((b"content-type", kind), *headers), body)

    def _version_of(self, asked: Asked, refused: Refused) -> str | None:
        """The version that an error is about: what the database says, else what was asked for."""
        named = (refused.details or {}).get("version")
        if isinstance(named, str) and named in self.versions.rows:
            return named
        if asked.negotiated is not None and asked.negotiated.version is not None:
            return asked.negotiated.version
        # Refused before anything was negotiated: the path still says what form is read.
        of_path = asked.base.removeprefix("/api/").partition("/")[0]
        return of_path if of_path in self.versions.rows else self.versions.active

    def _problem(self, asked: Asked, refused: Refused) -> bytes:
        """RFC 9457. The instance is the path alone: a query may hold what is private."""
        found: dict[str, Any] = {
            "type": f"{self.versions.docs}/errors#{refused.code.lower()}",
            "title": TITLES.get(refused.code) or _phrase(refused.status),
            "status": refused.status,
            "detail": refused.message,
            "instance": asked.target.partition("?")[0],
            "code": refused.code,
            "requestId": asked.request_id,
        }
        more = {"field": refused.field, "hint": refused.hint, "details": refused.details}
        return _encode(found | {key: value for key, value in more.items() if value is not None})

    def _serve(self, text: str | bytes) -> _Served:
        meta = _read_meta(text)
        version = meta.version
        raw = text.encode() if isinstance(text, str) else text
        life = self.versions.headers(version, meta.rpc)
        common: Pairs = ((b"x-api-version", version.encode()), _VARY, *life)
        kind = self.versions.media_types.get(version, b"application/json")
        extra = (
            b""
            if bytes(meta.warnings) in (b"[]", b"null")
            else (b',"warnings":' + bytes(meta.warnings))
        )
        served = _Served(
            meta.rpc,
            version,
            meta.fallback,
            version in self.enveloped,
            self._shapes.get((meta.rpc, version), PLAIN),
            b',"meta":' + raw.rstrip()[:-1].rstrip() + self.region + b",",
            extra + (b',"replayed":true' if meta.replayed else b""),
            ((b"content-type", b"application/json"), *common),
            ((b"content-type", kind), *common),
        )
        if len(self._by_meta) >= 4096:
            self._by_meta.clear()
        self._by_meta[text] = served
        return served

    def _shaped(
        self, asked: Asked, served: _Served, text: bytes
    ) -> tuple[bytes, bytes, bytes, Pairs]:
        """Data, page, links and headers of an answer that is more than its data."""
        shape = served.shape
        headers: list[tuple[bytes, bytes]] = []
        links: dict[str, Any] = {}
        page = b""
        if shape.is_list:
            listed = _page_of(text)
            if listed is not None:
                links.update(self._page_links(asked, served, listed[2]))
                if links:
                    headers.append((b"link", _link_header(links)))
                if served.enveloped:
                    text, page = listed[0], listed[1]
        values = _fields_of(shape, text)
        if shape.location is not None and (target := shape.location.fill(values)) is not None:
            headers.append((b"location", _rooted(asked, target).encode()))
        if shape.related and served.enveloped:
            related = {
                name: _rooted(asked, target)
                for name, template in shape.related
                if (target := template.fill(values)) is not None
            }
            if related:
                links["related"] = related
        return text, page, b"," + _encode(links)[1:-1] if links else b"", tuple(headers)

    def _page_links(self, asked: Asked, served: _Served, page: Page) -> dict[str, str]:
        target = asked.target
        if asked.payload is not None:
            query = self._query_of and self._query_of(served.rpc, served.version, asked.payload)
            if query is None:
                return {}
            target = _rooted(asked, f"{served.rpc}?{query}" if query else served.rpc)
        places = _places(page, served.shape.takes_last)
        return {name: with_parameters(target, at) for name, at in places}


def _own_meta(version: str, asked: Asked) -> bytes:
    """The envelope's meta, left open for the time that the answer took."""
    return b'{"version":"%s","timestamp":"%s","requestId":%s' % (
        version.encode(),
        timestamp(),
        _encode(asked.request_id),
    )


def _error(refused: Refused) -> bytes:
    found: dict[str, Any] = {"code": refused.code, "message": refused.message}
    if refused.details is not None:
        found["details"] = refused.details
    if refused.field is not None:
        found["field"] = refused.field
    if refused.hint is not None:
        found["hint"] = refused.hint
    return _encode(found)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


_second: tuple[int, bytes] = (0, b"1970-01-01T00:00:00")


def timestamp() -> bytes:
    """Now, in UTC with milliseconds; a second's text is made once."""
    global _second
    now = time.time()
    second = int(now)
    if _second[0] != second:
        _second = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode())
    return b"%s.%03dZ" % (_second[1], int((now - second) * 1000))


# --- Links -----------------------------------------------------------------------------------


def with_parameters(target: str, changes: Mapping[str, str | None]) -> str:
    """A path and query with other parameters; None takes one away, the rest stay as they were."""
    path, _, query = target.partition("?")
    kept = [part for part in query.split("&") if part and _name(part) not in changes]
    kept.extend(
        f"{name}={quote(value, safe='')}" for name, value in changes.items() if value is not None
    )
    return f"{path}?{'&'.join(kept)}" if kept else path


def _name(part: str) -> str:
    name = part.partition("=")[0]
    return unquote_plus(name) if "%" in name or "+" in name else name


_START: Mapping[str, str | None] = dict.fromkeys(("cursor", "offset", "page", "last"))
"""The parameters of `page_list` that say where a page begins."""


def _places(page: Page, takes_last: bool) -> Iterable[tuple[str, Mapping[str, str | None]]]:
    """Where a page's neighbours are: by offset where the request went by that, else by cursor."""
    if page.offset is not None and page.limit:
        yield from _by_offset(page.offset, page.limit, page)
    else:
        if page.next_cursor:
            yield "next", {**_START, "cursor": page.next_cursor}
        if page.previous_cursor:
            yield "prev", {**_START, "cursor": page.previous_cursor}
    yield "first", _START
    if page.offset is not None and page.limit and page.total is not None and _is_exact(page):
        last = max(0, (page.total - 1) // page.limit * page.limit)
        yield "last", {**_START, "offset": str(last)}
    elif takes_last:
        yield "last", {**_START, "last": "true"}


def _by_offset(
    offset: int, limit: int, page: Page
) -> Iterable[tuple[str, Mapping[str, str | None]]]:
    after = offset + limit
    if page.has_next or (page.total is not None and after < page.total and _is_exact(page)):
        yield "next", {**_START, "offset": str(after)}
    if offset > 0:
        yield "prev", {**_START, "offset": str(max(0, offset - limit))}


def _is_exact(page: Page) -> bool:
    return page.total_kind in (None, "exact")


def _page_of(text: bytes) -> tuple[bytes, bytes, Page] | None:
    """None for an answer that is no page, although its schema says so: it passes as it is."""
    try:
        listed = _read_list(text)
        return bytes(listed.items), bytes(listed.page), _read_page(listed.page)
    except msgspec.DecodeError:
        return None


def _fields_of(shape: Shape, text: bytes) -> Mapping[str, str | int | None]:
    if shape.fields is None:
        return _NO_FIELDS
    try:
        return cast("dict[str, str | int | None]", msgspec.to_builtins(shape.fields.decode(text)))
    except msgspec.DecodeError:
        return _NO_FIELDS


def _rooted(asked: Asked, target: str) -> str:
    """A target beside the request's own call, in the version that its query asks for."""
    target = asked.base + target
    negotiated = asked.negotiated
    if negotiated is not None and negotiated.source == "query":
        return with_parameters(target, {"api_version": negotiated.version})
    return target


_IN_TARGETS = "/?&=%~:;,@!$()*+'-._"
"""What stays in a link as the client sent it; a bracket or quote would end the link."""


def _link_header(links: Mapping[str, str]) -> bytes:
    return ", ".join(
        f'<{quote(target, safe=_IN_TARGETS)}>; rel="{name}"' for name, target in links.items()
    ).encode()
