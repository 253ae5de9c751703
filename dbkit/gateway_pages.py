"""The gateway's pages beside the calls: health, figures, documents of the API."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dbkit.gateway_answers import Asked
from dbkit.gateway_docs import Document
from dbkit.gateway_errors import OWN_CODES, Refused
from dbkit.gateway_input import request_id
from dbkit.gateway_state import State, not_ready

_SECURE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
_encode = msgspec.json.encode


def pages(state: State) -> ASGIApp:
    """A Starlette application, whose lifespan is that of the whole gateway."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        await state.open()
        try:
            yield
        finally:
            await state.close()

    def health(_: Request) -> Response:
        return _health(state)

    def live(_: Request) -> Response:
        return _json({"status": "ok"})

    def ready(_: Request) -> Response:
        problem = not_ready(state)
        if problem is None:
            return _json({"status": "ok"})
        return _json({"status": "error", "reason": problem.message}, 503)

    def metrics(_: Request) -> Response:
        return Response(
            state.figures.text(),
            media_type="text/plain; version=0.0.4",
            headers={**_SECURE, "cache-control": "no-store"},
        )

    def docs(request: Request) -> Response:
        return _document(request, state.documents().page(request.path_params.get("version")))

    def error_codes(request: Request) -> Response:
        return _document(request, state.documents().errors())

    def openapi(request: Request) -> Response:
        return _document(request, state.documents().openapi(request.path_params["version"]))

    async def refused(request: Request, error: Exception) -> Response:
        return _refused(state, request, error)

    application = Starlette(
        routes=[
            Route("/health", health),
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/metrics", metrics),
            Route("/docs", docs),
            Route("/docs/errors", error_codes),
            Route("/docs/{version}", docs),
            Route("/api/{version}/openapi.json", openapi),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: refused, Refused: refused, Exception: refused},
    )
    # A redirect would repeat the header Host, which anybody may write.
    application.router.redirect_slashes = False
    return _named(application)


def _named(application: ASGIApp) -> ASGIApp:
    """Every page has a request id too."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        given = [value for name, value in scope["headers"] if name == b"x-request-id"]
        said = request_id(given[0] if len(given) == 1 else None)
        scope["state"] = {**scope.get("state", {}), "request_id": said}

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                header = (b"x-request-id", said.encode())
                message = {**message, "headers": [*message["headers"], header]}
            await send(message)

        await application(scope, receive, named)

    return page


def _document(request: Request, document: Document) -> Response:
    """Its headers are its own: they say how long it may be kept, and what its page may load."""
    known = request.headers.get("if-none-match")
    unchanged = known is not None and document.etag.decode() in known
    response = Response(b"" if unchanged else document.body, 304 if unchanged else 200, _SECURE)
    given = {name for name, _ in document.headers}
    kept = [pair for pair in response.raw_headers if pair[0] not in given]
    if unchanged:
        kept = [pair for pair in kept if pair[0] != b"content-length"]
    response.raw_headers[:] = [*kept, *document.headers]
    return response


def _health(state: State) -> Response:
    """ok; degraded: some connections are missing or requests wait; error: no call can be served."""
    problem = not_ready(state)
    pool = state.pool
    short = pool.sessions < state.settings.pool or pool.waiting > 0
    status = "error" if problem is not None else "degraded" if short else "ok"
    told: dict[str, Any] = {
        "status": status,
        "database": "ok" if pool.available else "error",
        "connections": {
            "open": pool.sessions,
            "in_use": pool.in_use,
            "waiting": pool.waiting,
            "size": state.settings.pool,
        },
        "activeVersion": state.versions.active,
        "uptime": round(time.time() - state.started_at, 1),
    }
    if problem is not None:
        told["reason"] = problem.message
    if state.settings.region is not None:
        told["region"] = state.settings.region
    return _json(told, 200 if problem is None else 503)


def _json(value: object, status: int = 200) -> Response:
    return Response(
        _encode(value),
        status,
        {**_SECURE, "cache-control": "no-store"},
        media_type="application/json",
    )


def _refused(state: State, request: Request, error: Exception) -> Response:
    """What has no page, as the calls would say it."""
    asked = Asked(request_id=request.state.request_id, target=request.scope["path"])
    if isinstance(error, Refused):
        refused = error
    elif isinstance(error, HTTPException):
        refused = _of_status(error.status_code, error.headers or {})
    else:
        refused = _of_status(500)
    answer = state.answers.refuse(asked, refused)
    response = Response(answer.body, answer.status, _SECURE)
    response.raw_headers.extend(answer.headers)
    response.raw_headers.append((b"cache-control", b"no-store"))
    return response


def _of_status(status: int, given: Mapping[str, str] | None = None) -> Refused:
    """`given` are Starlette's own headers: Allow of a 405."""
    headers = tuple((k.lower().encode(), v.encode()) for k, v in (given or {}).items())
    for code, (known, meaning) in OWN_CODES.items():
        if known == status:
            return Refused(status, code, meaning, headers=headers)
    return Refused(500, "INTERNAL_ERROR", OWN_CODES["INTERNAL_ERROR"][1])
