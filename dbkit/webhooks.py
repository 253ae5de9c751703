"""The receiving side of webhooks: is this delivery ours, whole and fresh, and what does it say?

`verify` for any framework, `WebhookReceiver` for FastAPI and Starlette, `sign` for your tests.
Signatures are those of Standard Webhooks, made by its library.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hmac
import inspect
import re
import secrets as random_source
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, cast
from uuid import UUID

import msgspec
from standardwebhooks import Webhook

from dbkit.codec import JsonValue, from_json

if TYPE_CHECKING:
    from starlette.requests import Request

Headers: TypeAlias = Mapping[Any, Any] | Iterable[tuple[Any, Any]]
"""As a framework has them: a mapping or pairs, names in any case, text or bytes."""

Secrets: TypeAlias = str | bytes | Sequence[str | bytes]
"""One secret or several: `whsec_…` or its base64 as text, or the key itself as bytes."""

TOLERANCE_SECONDS = 300
"""How far a delivery's time may be from ours."""

MAX_BYTES = 8 * 1024 * 1024
"""More than any event makes: its data have at most 1 MiB, which escapes in JSON can multiply."""


# --- errors ----------------------------------------------------------------------------------


class InvalidWebhook(Exception):
    """A delivery that must not be believed. Its text can be shown to the sender: it quotes neither
    a secret nor a signature nor anything of the request."""

    http_status: ClassVar[int] = 400
    """What to answer. None of them is 410, which would end the subscription."""


class InvalidHeaders(InvalidWebhook):
    """One of the three headers is missing, there twice, or not of its form."""


class InvalidBody(InvalidWebhook):
    """Not UTF-8; or signed well, and not what dbkit delivers."""


class InvalidSignature(InvalidWebhook):
    """No signature fits a secret: another secret, another body, id or time, or a forgery."""

    http_status = 401


class StaleTimestamp(InvalidWebhook):
    """Signed well, and too old or from the future: sent again by somebody, or a clock is wrong."""

    http_status = 401


class BodyTooLarge(InvalidWebhook):
    """More bytes than the receiver takes."""

    http_status = 413


# --- a delivery ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource:
    """Which event of which stream a delivery tells of."""

    organization_id: str
    aggregate_type: str
    aggregate_id: str
    version: int
    """Of the event in its stream. By it a receiver of an unordered subscription finds the order."""
    position: int
    """Of the event among all streams: it grows, and has gaps."""
    event_id: UUID
    schema_version: int
    correlation_id: str | None = None
    causation_id: UUID | None = None
    metadata: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """A delivery that was verified."""

    webhook_id: str
    """The same in every attempt and every replay: what you have handled under it is done."""
    timestamp: datetime.datetime
    """Of this attempt."""
    type: str
    data: JsonValue
    """The event's data; fractions are Decimal."""
    occurred_at: datetime.datetime
    """When the event was appended."""
    event: EventSource | None
    """None for a test event, which is of no stream."""
    body: bytes
    """As it was received and signed."""


@dataclass(frozen=True)
class _Payload:
    type: str
    timestamp: datetime.datetime
    data: JsonValue
    event: EventSource | None = None


def verify(
    headers: Headers,
    body: bytes | bytearray | memoryview,
    secrets: Secrets,
    *,
    tolerance_seconds: float = TOLERANCE_SECONDS,
    now: datetime.datetime | None = None,
) -> WebhookEvent:
    """The delivery, if one of its signatures is by one of the secrets and its time is about now.

    `body` is what came over the wire, before anything parsed it. While a secret is rotated, a
    delivery is signed with the old and the new one, and knowing either is enough. Raises
    InvalidHeaders, InvalidBody, InvalidSignature or StaleTimestamp, all of them InvalidWebhook;
    ValueError and TypeError for what only your code can get wrong, such as a secret.
    """
    signers = _signers(secrets)
    raw = _raw(body)
    webhook_id, timestamp, signatures = _signed_headers(headers)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise InvalidBody("the body is not UTF-8") from None
    expected = [signer.sign(webhook_id, timestamp, text).encode() for signer in signers]
    _compare(signatures, expected)
    _check_age(timestamp, _moment(now), tolerance_seconds)
    payload = _payload(raw)
    return WebhookEvent(
        webhook_id=webhook_id,
        timestamp=timestamp,
        type=payload.type,
        data=payload.data,
        occurred_at=payload.timestamp,
        event=payload.event,
        body=raw,
    )


def sign(
    body: bytes | bytearray | memoryview,
    secrets: Secrets,
    *,
    webhook_id: str | None = None,
    now: datetime.datetime | None = None,
) -> dict[str, str]:
    """The headers of a delivery of this body, for tests of a receiver: signed with each secret."""
    chosen = webhook_id if webhook_id is not None else f"msg_{random_source.token_hex(16)}"
    if not _ID.fullmatch(chosen):
        raise ValueError("webhook_id must be 1 to 256 visible ASCII characters without a full stop")
    moment = _moment(now).replace(microsecond=0)
    text = _raw(body).decode()
    return {
        "content-type": "application/json",
        "webhook-id": chosen,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(s.sign(chosen, moment, text) for s in _signers(secrets)),
    }


# --- the parts of it -------------------------------------------------------------------------

# A full stop would make `id.timestamp.body` readable in two ways.
_ID = re.compile(r"[!-\-/-~]{1,256}")
_TIMESTAMP = re.compile(r"[0-9]{1,11}")
_NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")


def _raw(body: object) -> bytes:
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(cast("bytes", body))
    hint = "its text must not be parsed and written again"
    if isinstance(body, str):
        hint = "where a framework gives text, encode it as UTF-8"
    raise TypeError(
        f"body must be the bytes of the request, not {type(body).__name__}: {hint} "
        "(await request.body() in Starlette, request.get_data() in Flask, request.body in Django)"
    )


def _signers(secrets: Secrets) -> list[Webhook]:
    given = [secrets] if isinstance(secrets, str | bytes) else list(secrets)
    if not given:
        raise ValueError("no secret was given: nothing could be verified")
    return [Webhook(_key(secret)) for secret in given]


def _key(secret: object) -> bytes:
    """The library would skip what is no base64, and take a key of one byte."""
    if isinstance(secret, str):
        try:
            text = secret.removeprefix("whsec_")
            key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("a secret is whsec_ and base64; this one is not base64") from None
    elif isinstance(secret, bytes):
        key = secret
    else:
        raise TypeError(f"a secret is text or bytes, not {type(secret).__name__}")
    if not 24 <= len(key) <= 64:
        raise ValueError(f"a secret has 24 to 64 bytes, this one {len(key)}")
    return key


def _signed_headers(headers: Headers) -> tuple[str, datetime.datetime, list[str]]:
    found = _only(headers)
    webhook_id, seconds, signatures = (found[name] for name in _NAMES)
    if not _ID.fullmatch(webhook_id):
        raise InvalidHeaders("webhook-id is not 1 to 256 visible ASCII characters")
    if not _TIMESTAMP.fullmatch(seconds):
        raise InvalidHeaders("webhook-timestamp is not seconds since 1970")
    timestamp = datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)
    return webhook_id, timestamp, signatures.split()


def _only(headers: Headers) -> dict[str, str]:
    """The three headers, each of them once."""
    values: dict[str, list[str]] = {name: [] for name in _NAMES}
    for name, value in _pairs(headers):
        key = _text(name).lower()
        if key in values:
            # A mapping of lists, as AWS has it; each element is a header of its own.
            parts = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
            values[key] += [_text(part) for part in parts]
    missing = [name for name in _NAMES if not any(values[name])]
    if missing:
        raise InvalidHeaders(f"missing: {', '.join(missing)}")
    twice = [name for name in _NAMES if len(values[name]) > 1]
    if twice:
        raise InvalidHeaders(f"more than once: {', '.join(twice)}")
    return {name: given[0] for name, given in values.items()}


def _pairs(headers: Headers) -> Iterable[tuple[object, object]]:
    # A mapping's items(), http.client's too, which is no Mapping; pairs have none. Those of a
    # framework that keeps a header which was sent twice have it two times.
    items: Any = getattr(headers, "items", None)
    found: Any = items() if callable(items) else headers
    return cast("Iterable[tuple[object, object]]", found)


def _text(part: object) -> str:
    return part.decode("latin-1") if isinstance(part, bytes) else str(part)


def _compare(signatures: list[str], expected: list[bytes]) -> None:
    """Every pair in constant time, and all of them, so that time tells not which one fits."""
    ours = [each.encode() for each in signatures if each.isascii() and each.startswith("v1,")]
    if not ours:
        raise InvalidSignature("webhook-signature has no signature of the version v1")
    fits = [hmac.compare_digest(given, wanted) for given in ours for wanted in expected]
    if not any(fits):
        raise InvalidSignature(
            f"none of {len(ours)} signatures fits one of {len(expected)} secrets: the secret is "
            "another one, or id, time or body are not those that were signed"
        )


def _moment(now: datetime.datetime | None) -> datetime.datetime:
    if now is None:
        return datetime.datetime.now(datetime.UTC)
    if now.tzinfo is None:
        raise ValueError("now needs a time zone: datetime.now(datetime.UTC)")
    return now.astimezone(datetime.UTC)


def _check_age(timestamp: datetime.datetime, now: datetime.datetime, tolerance: float) -> None:
    age = (now - timestamp).total_seconds()
    if abs(age) > tolerance:
        said = f"{age:.0f} s old" if age > 0 else f"{-age:.0f} s in the future"
        raise StaleTimestamp(
            f"webhook-timestamp is {said}, and {tolerance:g} are allowed: a delivery that somebody "
            "sent again, or a clock that is wrong"
        )


def _payload(raw: bytes) -> _Payload:
    try:
        found: _Payload = from_json(raw, _Payload)
    except (msgspec.MsgspecError, ArithmeticError, RecursionError, ValueError) as error:
        # Its text is about places and types; only somebody who knows the secret gets here.
        raise InvalidBody(f"signed well, and not a delivery of dbkit: {error}") from None
    return found


# --- what was seen ---------------------------------------------------------------------------


class Memory(Protocol):
    """Knows the ids of deliveries that were handled."""

    def __contains__(self, webhook_id: str, /) -> bool: ...

    def add(self, webhook_id: str, /) -> None: ...


class Seen:
    """The last `max_ids` ids that were handled, in this process and until it ends.

    It spares work when a delivery comes twice, and stops who sends a recorded one again. It is no
    substitute for an effect that is idempotent: another process or a restart knows nothing of it.
    A replay that you ask for is dropped too, as long as the id is remembered.
    """

    def __init__(self, max_ids: int = 100_000) -> None:
        if max_ids < 1:
            raise ValueError("max_ids must be at least 1")
        self._max_ids = max_ids
        self._ids: dict[str, None] = {}
        self._lock = threading.Lock()

    def __contains__(self, webhook_id: str, /) -> bool:
        return webhook_id in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, webhook_id: str, /) -> None:
        with self._lock:
            self._ids[webhook_id] = None
            while len(self._ids) > self._max_ids:
                del self._ids[next(iter(self._ids))]


# --- ASGI ------------------------------------------------------------------------------------


class WebhookReceiver:
    """A dependency of FastAPI, and in Starlette `event = await receiver(request)`.

    What cannot be believed is answered with 400, 401 or 413, as an HTTPException of Starlette,
    which is only needed here. With `seen`, a delivery is answered with 204 and handled no more once
    you have called `handled(event)`, after the work: a delivery whose work failed comes again.
    """

    def __init__(
        self,
        secrets: Secrets,
        *,
        tolerance_seconds: float = TOLERANCE_SECONDS,
        max_bytes: int = MAX_BYTES,
        seen: Memory | None = None,
    ) -> None:
        from starlette.requests import Request

        _signers(secrets)  # a mistake in it shows at the start, not at the first delivery
        self._secrets = secrets
        self._tolerance_seconds = tolerance_seconds
        self._max_bytes = max_bytes
        self._seen = seen
        # FastAPI reads what to give from here, and could not resolve the annotation's text.
        asked = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self.__signature__ = inspect.Signature([asked.replace(annotation=Request)])

    async def __call__(self, request: Request) -> WebhookEvent:
        from starlette.exceptions import HTTPException

        try:
            body = await self._body(request)
            event = verify(
                request.scope["headers"],
                body,
                self._secrets,
                tolerance_seconds=self._tolerance_seconds,
            )
        except InvalidWebhook as error:
            raise HTTPException(error.http_status, str(error)) from None
        if self._seen is not None and event.webhook_id in self._seen:
            raise HTTPException(204)
        return event

    def handled(self, event: WebhookEvent) -> None:
        """The work is done and committed: the delivery is not handled again."""
        if self._seen is not None:
            self._seen.add(event.webhook_id)

    async def _body(self, request: Request) -> bytes:
        """At most max_bytes are kept, whatever the request says of its length."""
        parts, length = list[bytes](), 0
        async for part in request.stream():
            length += len(part)
            if length > self._max_bytes:
                raise BodyTooLarge(f"the body has more than {self._max_bytes} bytes")
            parts.append(part)
        return b"".join(parts)
