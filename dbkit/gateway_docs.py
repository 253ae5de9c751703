"""The gateway's documents: OpenAPI for programs and pages for people, from the same catalog.

Made once per catalog and version, when somebody asks. The pages need no script, and load nothing
from anywhere: their Content-Security-Policy allows their own style and no more.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple, TypeAlias, cast

import msgspec
from jinja2 import Environment, StrictUndefined, Template

from dbkit.gateway_errors import CODES, OWN_CODES, Pairs, not_found
from dbkit.gateway_examples import NO_EXAMPLE, example_of
from dbkit.gateway_openapi import openapi
from dbkit.gateway_query import query_from_payload, query_index
from dbkit.gateway_version import Versions

Json: TypeAlias = dict[str, Any]

_encode = msgspec.json.encode
_MAX_DEPTH = 8
_MAX_FIELDS = 300


class Document(NamedTuple):
    """What `GET` answers: `headers` have the media type, the cache's time and the ETag."""

    body: bytes
    etag: bytes
    headers: Pairs


class Field(NamedTuple):
    """A line of a table about a schema."""

    name: str
    type: str
    about: str


class Documents:
    """All documents of one catalog; made anew when the catalog changes."""

    def __init__(
        self,
        catalog: Mapping[str, Any],
        versions: Versions,
        *,
        title: str = "API",
        base_url: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`base_url` is what clients have the gateway under, such as https://api.example.com."""
        self._catalog = catalog
        self._versions = versions
        self._title = title
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._made: dict[tuple[str, str], Document] = {}
        self._served: dict[str, Json] = {}

    def openapi(self, version: str | None = None) -> Document:
        """OpenAPI 3.1 of a version, or of the active one. Refused (404) for one that is not."""
        name = self._known(version)
        return self._kept("openapi", name, lambda: _json(self._document(name)))

    def page(self, version: str | None = None) -> Document:
        """The calls of a version for people. Refused (404) for one that is not known."""
        name = self._known(version)
        return self._kept("page", name, lambda: _html(self._page_values(name)))

    def errors(self) -> Document:
        """Every code, which is what the type of a problem (RFC 9457) points to."""
        return self._kept("errors", "", lambda: _html(self._error_values()))

    def _known(self, version: str | None) -> str:
        name = version if version is not None else self._versions.active
        if name is None or name not in self._versions.rows:
            raise not_found("There is no such version.")
        return name

    def _kept(self, kind: str, version: str, make: Callable[[], Document]) -> Document:
        found = self._made.get((kind, version))
        if found is None:
            found = self._made[kind, version] = make()
        return found

    def _document(self, version: str) -> Json:
        found = self._served.get(version)
        if found is None:
            found = self._served[version] = openapi(
                self._catalog,
                version,
                versions=self._versions,
                title=self._title,
                base_url=self._base_url,
                now=self._clock(),
            )
        return found

    def _page_values(self, version: str) -> Json:
        document = self._document(version)
        server = f"/api/{version}"
        return {
            "title": f"{self._title} {version}",
            "pages": self._pages(version),
            "introduction": document["info"]["description"].split("\n\n"),
            "base_url": self._base_url or "http://localhost:8000",
            "openapi": f"{server}/openapi.json",
            "calls": [
                _call_values(document, path, server, self._versions.docs)
                for path in document["paths"]
            ],
        }

    def _error_values(self) -> Json:
        known = {code: (status, meaning) for code, status, meaning in CODES.values()}
        codes: dict[int, list[tuple[str, str]]] = {}
        for code, (status, meaning) in (OWN_CODES | known).items():
            codes.setdefault(status, []).append((code, meaning))
        return {
            "title": f"{self._title} errors",
            "pages": self._pages("errors"),
            "errors": [(status, sorted(codes[status])) for status in sorted(codes)],
        }

    def _pages(self, here: str) -> list[tuple[str, str, bool]]:
        docs = self._versions.docs
        return [(n, f"{docs}/{n}", n == here) for n in (*self._versions.names, "errors")]


# --- Pages -----------------------------------------------------------------------------------


@cache
def _source() -> str:
    return resources.files("dbkit").joinpath("gateway_docs.html").read_text(encoding="utf-8")


@cache
def _template() -> Template:
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(_source())


@cache
def _policy() -> bytes:
    style = _source().partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ).encode()


def _html(values: Json) -> Document:
    body = _template().render(values).encode()
    return _document(body, b"text/html; charset=utf-8", ((b"content-security-policy", _policy()),))


def _json(value: Json) -> Document:
    return _document(_encode(value), b"application/json", ())


def _document(body: bytes, kind: bytes, more: Pairs) -> Document:
    etag = b'"%s"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()
    headers = (
        (b"content-type", kind),
        (b"cache-control", b"public, max-age=3600"),
        (b"etag", etag),
        *more,
    )
    return Document(body, etag, headers)


def _call_values(document: Json, path: str, server: str, docs: str) -> Json:
    operations = document["paths"][path]
    post = operations["post"]
    get = operations.get("get")
    request = post["requestBody"]["content"]["application/json"]["schema"]
    name = path.rpartition("/")[2]
    success = next(iter(post["responses"].items()))
    return {
        "name": name,
        "summary": post["summary"] if post["summary"] != name else "",
        "methods": "GET, POST" if get else "POST",
        "deprecated": post.get("deprecated", False),
        "description": post["description"].split("\n\n"),
        "curl": list(_curl(server + path, request, get is not None)),
        "schemas": [
            ("Payload", fields_of(request)),
            (f"Answer ({success[0]})", _answer_fields(success[1])),
        ],
        "errors": [
            (status, f"{docs}/errors#{status}") for status in post["responses"] if status >= "400"
        ],
    }


def _curl(target: str, request: Json, reads: bool) -> Iterable[str]:
    example = example_of(request)
    if not example or example is NO_EXAMPLE:
        example = example_of(request, everything=True)
    payload = _encode({} if example is NO_EXAMPLE else example)
    if reads:
        query = query_from_payload(query_index(request), payload)
        if query is not None:
            yield f'curl "$API"{shlex.quote(target + (f"?{query}" if query else ""))}'
    yield (
        f'curl "$API"{shlex.quote(target)} -H {shlex.quote("Content-Type: application/json")}'
        f" -d {shlex.quote(payload.decode())}"
    )


def _answer_fields(response: Json) -> list[Field]:
    content = response.get("content")
    if content is None:
        return []
    schema = content["application/json"]["schema"]
    return fields_of(schema["properties"]["data"], "data")


def fields_of(schema: Any, at: str = "") -> list[Field]:
    """The fields of a schema, one a line: `lines[].quantity`."""
    found: list[Field] = []
    _collect(schema, at, required=True, depth=0, found=found)
    return found


def _collect(schema: Any, at: str, *, required: bool, depth: int, found: list[Field]) -> None:
    given = cast("Json", schema) if isinstance(schema, dict) else {}
    if at:
        if len(found) >= _MAX_FIELDS or depth > _MAX_DEPTH:
            return
        found.append(Field(at, _type_words(given), _about(given, required)))
    needed = given.get("required", [])
    properties: Json = given.get("properties", {})
    for name, inner in properties.items():
        _collect(
            inner,
            f"{at}.{name}" if at else name,
            required=name in needed,
            depth=depth + 1,
            found=found,
        )
    extra = given.get("additionalProperties")
    if isinstance(extra, dict):
        _collect(extra, f"{at}.*" if at else "*", required=False, depth=depth + 1, found=found)
    if isinstance(given.get("items"), dict):
        _collect(given["items"], f"{at}[]", required=True, depth=depth + 1, found=found)


def _type_words(schema: Json) -> str:
    types = schema.get("type")
    if isinstance(types, list):
        return " or ".join(cast("list[str]", types))
    if types is None:
        return "any of a list" if "enum" in schema else "anything"
    return f"{types} ({schema['format']})" if "format" in schema else str(types)


_LIMITS = {
    "minimum": "from {}",
    "maximum": "to {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters or less",
    "minItems": "{} entries or more",
    "maxItems": "{} entries or less",
    "pattern": "matches {}",
    "const": "always {}",
    "default": "else {}",
}


def _about(schema: Json, required: bool) -> str:
    said = [] if required else ["optional"]
    if "enum" in schema:
        said.append("one of " + ", ".join(_encode(v).decode() for v in schema["enum"]))
    for keyword, words in _LIMITS.items():
        value = schema.get(keyword)
        if value is None or (isinstance(value, int) and abs(value) >= 2**63 - 1):
            continue
        text = value if keyword == "pattern" else _encode(value).decode()
        said.append(words.format(text))
    if "description" in schema:
        said.append(str(schema["description"]))
    return "; ".join(said)
