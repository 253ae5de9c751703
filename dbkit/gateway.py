"""HTTP in front of the calls: an ASGI application that `dbkit serve` runs.

A call goes through without a framework: headers once over, who and which version from memory, one
statement to the database, and the answer spliced from the JSON that it sent. Pages (health,
metrics, docs) are Starlette's, in `gateway_pages`. Processes share nothing but the database.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import structlog
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette_compress import CompressMiddleware

from dbkit.gateway_answers import Answer, Asked
from dbkit.gateway_auth import Identity
from dbkit.gateway_errors import (
    Refused,
    internal_error,
    method_not_allowed,
    not_found,
    payload_too_large,
    refused_by_database,
    unavailable,
    unsupported_media_type,
)
from dbkit.gateway_input import check_body, check_payload, request_id, trace_id
from dbkit.gateway_jwt import split
from dbkit.gateway_limits import Taken
from dbkit.gateway_log import UNKNOWN, LogEntry
from dbkit.gateway_pages import pages
from dbkit.gateway_pool import Away, Busy, Failed, Served, Silent
from dbkit.gateway_query import flat, parse_query
from dbkit.gateway_state import State
from dbkit.gateway_version import Negotiated, negotiate
from dbkit.settings import GatewaySettings, settings

Headers: TypeAlias = dict[bytes, bytes]

_WATCH_AFTER_SECONDS = 0.1
"""A call that takes longer is ended when its client goes away; watching costs, so not at once."""

_VERSIONED = re.compile(r"/api/(v[^/]*)/rpc/(.*)")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,200}")
_WAIT = re.compile(rb"(?:^|[,;\s])wait=([0-9]{1,5})(?:$|[,;\s])")
_JSON_TYPES = re.compile(rb"application/(?:[a-z0-9.+-]*\+)?json\s*(?:;.*)?", re.IGNORECASE)
_TRUE, _FALSE = b"t", b"f"
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_NO_STORE = (b"cache-control", b"no-store")
_REVALIDATE = (b"cache-control", b"private, no-cache")
_CLIENT_GONE = 499
"""Status in the log of a request whose client did not wait; nobody is sent it."""

_CONTEXT_HEADERS = (
    (b"x-app-name", "app_name"),
    (b"x-app-version", "app_version"),
    (b"x-client-region", "region"),
    (b"x-client-id", "client_id"),
)
_encode = msgspec.json.encode
_log = structlog.get_logger("dbkit.gateway")


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


@dataclass(slots=True)
class Exchange:
    """One request to a call, and what has become known about it."""

    scope: Scope
    receive: Receive
    headers: Headers
    address: str | None
    started: float
    asked: Asked
    name: str = ""
    identity: Identity | None = None
    version: str | None = None
    fallback: bool = False
    reads: bool = False
    extra: tuple[tuple[bytes, bytes], ...] = ()
    """Headers of any answer, also of an error."""

    @property
    def method(self) -> str:
        return str(self.scope["method"])


class Gateway:
    """The application. Needs its lifespan: `dbkit serve`, or any ASGI server that runs it."""

    def __init__(self, state: State, page: ASGIApp) -> None:
        self._state = state
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith("/rpc/"):
                await self._exchange(scope, receive, send, path[5:], None)
            elif path == "/api" or path == "/api/":
                await self._exchange(scope, receive, send, None, None)
            elif (found := _VERSIONED.fullmatch(path)) is not None:
                await self._exchange(scope, receive, send, found[2], found[1])
            else:
                await self._page(scope, receive, send)
        else:
            await self._page(scope, receive, send)

    async def _exchange(
        self, scope: Scope, receive: Receive, send: Send, name: str | None, version: str | None
    ) -> None:
        exchange = _begin(scope, receive, name, version)
        code: str | None = None
        try:
            answer = await self._answer(exchange, name is None, version)
        except ClientGone:
            self._note(exchange, _CLIENT_GONE, "CLIENT_GONE")
            return
        except Refused as refused:
            code = refused.code
            answer = self._state.answers.refuse(exchange.asked, refused, _elapsed(exchange))
        except Exception:
            # What it was stays here: an answer tells nothing of the inside.
            _log.exception("a request failed", request_id=exchange.asked.request_id)
            code = "INTERNAL_ERROR"
            answer = self._state.answers.refuse(
                exchange.asked, internal_error(), _elapsed(exchange)
            )
        self._note(exchange, answer.status, code)
        await _send(self._state, exchange, answer, send)

    async def _answer(self, exchange: Exchange, in_body: bool, path_version: str | None) -> Answer:
        state = self._state
        headers = exchange.headers
        state.require_catalog()
        exchange.identity = identity = state.auth.identify_now(
            headers, exchange.address
        ) or await state.auth.identify(headers, exchange.address)
        method = exchange.method
        query = parse_query(exchange.scope["query_string"])
        payload: bytes | None = None
        body_version: str | None = None
        if method == "POST":
            payload, body_version = await self._posted(exchange, in_body)
        elif in_body or method not in ("GET", "HEAD"):
            raise method_not_allowed(
                b"POST" if in_body or state.writes(exchange.name) else b"GET, HEAD, POST"
            )
        negotiated = negotiate(path_version, headers, flat(query), state.versions, body_version)
        exchange.asked = exchange.asked._replace(negotiated=negotiated)
        name = exchange.name
        if not _NAME.fullmatch(name):
            raise not_found("There is no call of this name.")
        identity.require_call(name)
        if payload is None:
            exchange.reads = True
            payload = check_payload(state.payload_of_query(name, negotiated.version, query))
        else:
            exchange.asked = exchange.asked._replace(payload=payload)
        if state.limits.active:
            await self._take(exchange, identity)
        served = await self._serve(exchange, identity, negotiated, payload)
        exchange.version, exchange.fallback = state.answers.outcome(served.meta)
        answer = state.answers.success(exchange.asked, served.data, served.meta, _elapsed(exchange))
        return _conditional(exchange, answer, served.data) if exchange.reads else answer

    async def _posted(self, exchange: Exchange, in_body: bool) -> tuple[bytes, str | None]:
        """Payload and version of a POST; in S0's form the name too."""
        kind = exchange.headers.get(b"content-type")
        if kind is not None and not _JSON_TYPES.fullmatch(kind):
            raise unsupported_media_type("Send application/json.")
        raw = await _body(exchange, self._state.settings.max_body)
        if not in_body:
            return check_payload(raw), None
        exchange.name, payload, version = check_body(raw)
        exchange.asked = exchange.asked._replace(call=exchange.name)
        return payload, version

    async def _take(self, exchange: Exchange, identity: Identity) -> None:
        taken = self._state.limits.take(identity.consumer, exchange.name)
        if not isinstance(taken, Taken):
            taken = await taken
        taken.require()
        exchange.extra = taken.headers

    async def _serve(
        self, exchange: Exchange, identity: Identity, negotiated: Negotiated, payload: bytes
    ) -> Served:
        parameters = [
            exchange.name.encode(),
            payload,
            None if negotiated.version is None else negotiated.version.encode(),
            identity.role.encode(),
            _TRUE if exchange.reads else _FALSE,
            _context(exchange, identity),
            None if identity.claims is None else identity.claims.encode(),
            _idempotency_key(exchange.headers),
        ]
        within = _deadline(exchange.headers)
        watch = _Watch(exchange.receive)
        try:
            return await self._tried(exchange, parameters, within)
        except asyncio.CancelledError:
            if watch.gone:
                raise ClientGone from None
            raise
        finally:
            watch.end()

    async def _tried(
        self, exchange: Exchange, parameters: list[bytes | None], within: float | None
    ) -> Served:
        """A read that lost its connection, or its race, is tried once more; not one that took
        all its time already."""
        pool = self._state.pool
        for last in (not exchange.reads, True):
            try:
                return await pool.serve(parameters, within=within)
            except Busy:
                raise _overloaded() from None
            except Away as error:
                if last or not error.sent or isinstance(error, Silent):
                    raise _away(error, exchange.reads) from error
            except Failed as error:
                if last or error.sqlstate not in _RACES:
                    raise refused_by_database(
                        error.sqlstate, error.message, error.detail, error.hint
                    ) from error
        raise AssertionError

    def _note(self, exchange: Exchange, status: int, code: str | None) -> None:
        state = self._state
        milliseconds = _elapsed(exchange)
        name = state.known_name(exchange.name)
        state.figures.request(name, exchange.version, status, milliseconds / 1000)
        identity = exchange.identity
        headers = exchange.headers
        negotiated = exchange.asked.negotiated
        state.log.add(
            LogEntry(
                request_id=exchange.asked.request_id,
                name=exchange.name or UNKNOWN,
                requested_version=None if negotiated is None else negotiated.version,
                served_version=exchange.version,
                fallback=exchange.fallback,
                status_code=status,
                error_code=code,
                duration_ms=milliseconds,
                caller_role=None if identity is None else identity.role,
                app_name=_logged(headers.get(b"x-app-name")),
                app_version=_logged(headers.get(b"x-app-version")),
                client_id=(identity.client_id if identity is not None else None)
                or _logged(headers.get(b"x-client-id")),
                user_id=None if identity is None else identity.user_id,
                organization_id=None if identity is None else identity.organization_id,
                region=_logged(headers.get(b"x-client-region")),
                ip_address=exchange.address,
                user_agent=_logged(headers.get(b"user-agent")),
            )
        )


class _Watch:
    """Cancels the request's task when its client goes away while the database works."""

    def __init__(self, receive: Receive) -> None:
        self.gone = False
        self._receive = receive
        self._request = asyncio.current_task()
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_SECONDS, self._begin)

    def end(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._request is not None:
            self.gone = True
            self._request.cancel()


# --- one request -----------------------------------------------------------------------------


def _begin(scope: Scope, receive: Receive, name: str | None, version: str | None) -> Exchange:
    headers: Headers = {}
    for key, value in scope["headers"]:
        headers[key] = value if key not in headers else headers[key] + b", " + value
    path: str = scope["path"]
    raw_query: bytes = scope["query_string"]
    target = f"{path}?{raw_query.decode('latin-1')}" if raw_query else path
    client = scope.get("client")
    return Exchange(
        scope=scope,
        receive=receive,
        headers=headers,
        address=None if client is None else client[0],
        started=time.perf_counter(),
        asked=Asked(
            request_id=request_id(headers.get(b"x-request-id")),
            target=target,
            base=f"/api/{version}/rpc/" if version is not None else "/rpc/",
            call=name,
        ),
        name=name or "",
    )


def _elapsed(exchange: Exchange) -> float:
    """Milliseconds since the request came."""
    return (time.perf_counter() - exchange.started) * 1000


async def _body(exchange: Exchange, limit: int) -> bytes:
    length = exchange.headers.get(b"content-length")
    if length is not None and length.isdigit() and int(length) > limit:
        raise payload_too_large(f"The body may have {limit} bytes.")
    message = await exchange.receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body", False):
        return _within(body, limit)
    parts = [body]
    size = len(body)
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await exchange.receive()
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise payload_too_large(f"The body may have {limit} bytes.")
        parts.append(part)
    if message["type"] == "http.disconnect":
        raise ClientGone
    return b"".join(parts)


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise payload_too_large(f"The body may have {limit} bytes.")
    return body


def _context(exchange: Exchange, identity: Identity) -> bytes:
    """The request context: S0's headers, who it is, and the ids that tie it to others."""
    headers = exchange.headers
    context = {"request_id": exchange.asked.request_id}
    for header, key in _CONTEXT_HEADERS:
        value = headers.get(header)
        if value:
            context[key] = _text(header, value)
    if identity.client_id is not None:
        context["client_id"] = identity.client_id
    if identity.user_id is not None:
        context["user_id"] = identity.user_id
    if identity.organization_id is not None:
        context["organization_id"] = identity.organization_id
    correlation = headers.get(b"x-correlation-id")
    if correlation:
        context["correlation_id"] = _text(b"x-correlation-id", correlation)
    elif (trace := trace_id(headers.get(b"traceparent"))) is not None:
        context["correlation_id"] = trace
    return _encode(context)


def _text(header: bytes, value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    if not _PRINTABLE.fullmatch(text):
        name = header.decode().title()
        raise Refused(
            400, "INVALID_CONTEXT", f"{name} must be 1 to 200 printable characters.", field=name
        )
    return text


def _logged(value: bytes | None) -> str | None:
    """A header for the log, where it must not be refused for being strange."""
    if not value:
        return None
    text = value[:200].decode("utf-8", "replace")
    return text if text.isprintable() else "".join(c for c in text if c.isprintable()) or None


def _idempotency_key(headers: Headers) -> bytes | None:
    """Of the header, whose quotes (a structured string) do not belong to it."""
    value = headers.get(b"idempotency-key")
    if not value:
        return None
    if len(value) > 2 and value[:1] == b'"' == value[-1:]:
        value = value[1:-1]
    return _text(b"idempotency-key", value).encode()


def _deadline(headers: Headers) -> float | None:
    """Seconds of `Prefer: wait=N` (RFC 7240)."""
    prefer = headers.get(b"prefer")
    found = None if prefer is None else _WAIT.search(prefer)
    if found is None:
        return None
    seconds = int(found[1])
    if seconds < 1:
        raise Refused(400, "BAD_REQUEST", "Prefer: wait must be 1 second or more.", field="Prefer")
    return float(seconds)


_RACES = ("40001", "40P01", "57P01", "57P02", "57P03")


def _overloaded() -> Refused:
    return unavailable("Too many requests are under way; try again.")


def _away(error: Away, reads: bool) -> Refused:
    if not error.sent or reads:
        return unavailable()
    return Refused(
        503,
        "OUTCOME_UNKNOWN",
        "The connection to the database broke: the write may or may not have happened.",
        hint="Send it again with the same Idempotency-Key, if it had one; else look first.",
        headers=((b"retry-after", b"1"),),
    )


def _conditional(exchange: Exchange, answer: Answer, data: bytes) -> Answer:
    """A weak tag over what the call returned, since time and request id change; 304 on a match."""
    tag = b'W/"%s"' % hashlib.blake2b(data, digest_size=12).hexdigest().encode()
    headers = (*answer.headers, (b"etag", tag), _REVALIDATE)
    known = exchange.headers.get(b"if-none-match")
    if known is not None and _matches(known, tag) and answer.status == 200:
        kept = tuple(pair for pair in headers if pair[0] not in (b"content-type",))
        return Answer(304, kept, b"")
    return Answer(answer.status, headers, answer.body)


def _matches(known: bytes, tag: bytes) -> bool:
    if known.strip() == b"*":
        return True
    bare = tag[2:]
    return any(part.strip().removeprefix(b"W/") == bare for part in known.split(b","))


async def _send(state: State, exchange: Exchange, answer: Answer, send: Send) -> None:
    headers = [
        *answer.headers,
        *exchange.extra,
        *_SECURITY,
        (b"x-request-id", exchange.asked.request_id.encode()),
    ]
    if not exchange.reads or answer.status >= 400:
        headers.append(_NO_STORE)
    if exchange.scope.get("scheme") == "https":
        headers.append(_HTTPS_ONLY)
    if state.draining:
        headers.append((b"connection", b"close"))
    body = b"" if exchange.method == "HEAD" else answer.body
    if answer.status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# --- the whole -------------------------------------------------------------------------------

_ALLOWED = (
    "Accept",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Prefer",
    "Traceparent",
    "X-Api-Key",
    "X-Api-Version",
    "X-App-Name",
    "X-App-Version",
    "X-Client-Id",
    "X-Client-Region",
    "X-Correlation-Id",
    "X-Request-Id",
)
_EXPOSED = (
    "Deprecation",
    "ETag",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-Api-Version",
    "X-Request-Id",
)


def create_app(url: str, options: GatewaySettings) -> ASGIApp:
    """The application for a database; its lifespan opens and closes the connections."""
    state = State(url, options)
    app: ASGIApp = Gateway(state, pages(state))
    app = _Compressed(app)
    origins = split(options.cors_origins)
    if origins:
        app = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=_ALLOWED,
            expose_headers=_EXPOSED,
            max_age=3600,
        )
    return app


def from_environment() -> ASGIApp:
    """For an ASGI server of yours: `uvicorn --factory dbkit.gateway:from_environment`."""
    url = settings().database_url
    if not url:
        raise ValueError("DATABASE_URL is not set")
    return create_app(url, GatewaySettings())


class _Compressed:
    """Compression for those who ask for it; the others do not pay for the asking."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressed = CompressMiddleware(app, minimum_size=1024)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and any(k == b"accept-encoding" for k, _ in scope["headers"]):
            await self._compressed(scope, receive, send)
        else:
            await self._plain(scope, receive, send)
