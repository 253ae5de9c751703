"""dbkit.webhooks: nothing is believed that was not signed, whole, fresh and by a secret of ours."""

from __future__ import annotations

import base64
import email.message
import hmac
import inspect
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import fastapi
import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.datastructures import Headers as StarletteHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dbkit.webhooks import (
    InvalidBody,
    InvalidHeaders,
    InvalidSignature,
    InvalidWebhook,
    Seen,
    StaleTimestamp,
    WebhookReceiver,
    sign,
    verify,
)

OLD, NEW, OTHER = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
MESSAGE: dict[str, Any] = {
    "type": "OrderPlaced",
    "timestamp": "2026-03-01T11:59:58.123456Z",
    "data": {"total": 10.10, "id": 2**60},
    "event": {
        "organization_id": "default",
        "aggregate_type": "order",
        "aggregate_id": "7",
        "version": 1,
        "position": 42,
        "event_id": "01890000-0000-7000-8000-000000000001",
        "schema_version": 1,
        "correlation_id": "checkout-9",
        "causation_id": None,
    },
}
BODY = json.dumps(MESSAGE).encode()


def signed(body: bytes = BODY, secret: str = OLD) -> dict[str, str]:
    return sign(body, secret, webhook_id="msg_1", now=NOW)


def refused(
    kind: type[InvalidWebhook], headers: Any, body: bytes = BODY, secrets: Any = OLD
) -> str:
    with pytest.raises(kind) as caught:
        verify(headers, body, secrets, now=NOW)
    assert type(caught.value) is kind
    return str(caught.value)


# --- what is believed ------------------------------------------------------------------------


def test_what_the_library_signs_is_believed_and_read() -> None:
    signature = Webhook(OLD).sign("msg_9", NOW, BODY.decode())
    headers = {
        "webhook-id": "msg_9",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signature,
    }
    event = verify(headers, BODY, OLD, now=NOW)
    assert (event.webhook_id, event.timestamp, event.type) == ("msg_9", NOW, "OrderPlaced")
    assert event.data == {"total": Decimal("10.1"), "id": 2**60}
    assert event.occurred_at == datetime(2026, 3, 1, 11, 59, 58, 123456, tzinfo=UTC)
    assert event.body == BODY
    assert event.event is not None
    assert (event.event.aggregate_type, event.event.version, event.event.position) == (
        "order",
        1,
        42,
    )
    assert event.event.event_id == UUID("01890000-0000-7000-8000-000000000001")
    assert (event.event.correlation_id, event.event.causation_id) == ("checkout-9", None)


def test_the_library_believes_what_sign_makes() -> None:
    body = BODY + b" \n"
    headers = sign(body, [OLD, NEW])
    for secret in (OLD, NEW):
        Webhook(secret).verify(body, headers)
    assert verify(headers, body, NEW).webhook_id == headers["webhook-id"]
    assert sign(body, OLD)["webhook-id"] != headers["webhook-id"]


def test_a_signature_is_hmac_sha256_over_id_time_and_body() -> None:
    """By hand, so that a mistake of the library's would show."""
    text = b".".join([b"msg_1", b"1772366400", BODY])
    digest = hmac.digest(bytes([1]) * 32, text, "sha256")
    assert signed()["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    "secret",
    [OLD, OLD.removeprefix("whsec_"), OLD.rstrip("="), bytes([1]) * 32, [OTHER, OLD], (OLD,)],
)
def test_a_secret_with_or_without_its_prefix_or_as_bytes(secret: Any) -> None:
    assert verify(signed(), BODY, secret, now=NOW).type == "OrderPlaced"


def test_a_test_event_is_of_no_stream() -> None:
    body = json.dumps({k: v for k, v in MESSAGE.items() if k != "event"}).encode()
    assert verify(signed(body), body, OLD, now=NOW).event is None
    body = json.dumps(MESSAGE | {"event": None}).encode()
    assert verify(signed(body), body, OLD, now=NOW).event is None


def test_what_a_newer_dbkit_adds_does_no_harm() -> None:
    newer = MESSAGE | {"more": 1, "event": MESSAGE["event"] | {"more": 1}}
    body = json.dumps(newer).encode()
    assert verify(signed(body), body, OLD, now=NOW).event is not None


@pytest.mark.parametrize(
    "text", ["ä € 🍕", "\u2028 and \u2029", "\ud7ff\ue000\uffff", "\x00 \x1f", "x" * 2**20]
)
@pytest.mark.parametrize("as_ascii", [True, False])
def test_any_text_arrives_as_it_was_sent(text: str, as_ascii: bool) -> None:
    body = json.dumps(MESSAGE | {"data": {"text": text}}, ensure_ascii=as_ascii).encode()
    assert verify(signed(body), body, OLD, now=NOW).data == {"text": text}
    tampered = body.replace(b"OrderPlaced", b"OrderPlace!")
    refused(InvalidSignature, signed(body), tampered)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind(kind: Callable[[bytes], Any]) -> None:
    event = verify(signed(), kind(BODY), OLD, now=NOW)
    assert (type(event.body), event.body) == (bytes, BODY)


# --- headers ---------------------------------------------------------------------------------


def _message(headers: dict[str, str]) -> email.message.Message:
    """What http.server and http.client have."""
    message = email.message.Message()
    for name, value in headers.items():
        message[name] = value
    return message


@pytest.mark.parametrize(
    "shape",
    [
        dict,
        lambda h: {name.title(): value for name, value in h.items()},
        lambda h: {name.upper().encode(): value.encode() for name, value in h.items()},
        lambda h: {name: [value] for name, value in h.items()},
        lambda h: list(h.items()),
        lambda h: iter(h.items()),
        lambda h: [(name.encode(), value.encode()) for name, value in h.items()],
        _message,
        httpx2.Headers,
        StarletteHeaders,
    ],
)
def test_headers_as_frameworks_have_them(shape: Callable[[dict[str, str]], Any]) -> None:
    headers = shape({"Host": "example.org", "Accept": "*/*", **signed()})
    assert verify(headers, BODY, OLD, now=NOW).webhook_id == "msg_1"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_must_be_there_once(name: str) -> None:
    headers = signed()
    others = {key: value for key, value in headers.items() if key != name}
    assert refused(InvalidHeaders, others) == f"missing: {name}"
    assert refused(InvalidHeaders, others | {name: ""}) == f"missing: {name}"
    twice = [*headers.items(), (name.upper(), headers[name])]
    assert refused(InvalidHeaders, twice) == f"more than once: {name}"
    assert refused(InvalidHeaders, headers | {name: [headers[name]] * 2}).startswith("more than")
    refused(InvalidHeaders, StarletteHeaders(raw=[(k.encode(), v.encode()) for k, v in twice]))


@pytest.mark.parametrize(
    "wrong",
    ["soon", "-1", "+1", "1.5", "1e9", "nan", "inf", "٤٢", "0x1", "1_0", " 1", "9" * 12, "1\n"],
)
def test_a_time_that_is_none(wrong: str) -> None:
    assert "webhook-timestamp" in refused(InvalidHeaders, signed() | {"webhook-timestamp": wrong})


@pytest.mark.parametrize("wrong", ["a b", "a.b", "é", "a\n", "\x00", "\ud800", "x" * 257])
def test_an_id_that_is_none(wrong: str) -> None:
    """With a full stop in the id, the signed text `id.time.body` could be read in two ways."""
    assert "webhook-id" in refused(InvalidHeaders, signed() | {"webhook-id": wrong})
    with pytest.raises(ValueError, match="webhook_id"):
        sign(BODY, OLD, webhook_id=wrong)


# --- what is not believed --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", "msg_2"),
        ("webhook-timestamp", str(int(NOW.timestamp()) + 1)),
        ("webhook-signature", "v1," + base64.b64encode(bytes(32)).decode()),
    ],
)
def test_a_header_that_was_changed(name: str, value: str) -> None:
    refused(InvalidSignature, signed() | {name: value})


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_byte_of_the_body_that_was_changed(place: int, by: int) -> None:
    body = bytearray(BODY)
    body[place] ^= by
    with pytest.raises((InvalidSignature, InvalidBody)):
        verify(signed(), body, OLD, now=NOW)


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b" ", BODY.replace(b", ", b",")])
def test_a_body_that_means_the_same_is_not_the_same(body: bytes) -> None:
    refused(InvalidSignature, signed(), body)


@given(st.integers(0, 255), st.integers(0, 63))
def test_a_signature_that_was_changed(byte: int, place: int) -> None:
    headers = signed()
    signature = bytearray(headers["webhook-signature"].encode())
    place %= len(signature)
    if signature[place] == byte:
        byte ^= 1
    signature[place] = byte
    with pytest.raises((InvalidSignature, InvalidHeaders)):
        verify(headers | {"webhook-signature": bytes(signature)}, BODY, OLD, now=NOW)


@pytest.mark.parametrize(
    "signature",
    ["v1", "v1,", "v1,x", "v1,=", "v1,é", "v1,,", ",", "v2,", "v1a,AAAA", "V1,AAAA", "{}"],
)
def test_a_signature_that_is_none(signature: str) -> None:
    refused(InvalidSignature, signed() | {"webhook-signature": signature})


def test_another_version_of_a_good_signature_is_not_believed() -> None:
    good = signed()["webhook-signature"]
    for wrong in (good.replace("v1,", "v2,"), good.replace("v1,", "v1a,"), good.upper()):
        refused(InvalidSignature, signed() | {"webhook-signature": wrong})


def test_what_is_said_leaks_nothing() -> None:
    headers = signed() | {"webhook-signature": "v1,attack"}
    said = refused(InvalidSignature, headers, secrets=[OLD, NEW])
    good = signed()["webhook-signature"]
    for secret in (OLD, NEW, OLD[6:], good, good[3:], "attack", "msg_1", "OrderPlaced"):
        assert secret not in said
    assert "none of 1 signatures fits one of 2 secrets" in said


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pair, by hmac.compare_digest, also after one that fits."""
    seen: list[bytes] = []
    real = hmac.compare_digest

    def compare(given: bytes, wanted: bytes) -> bool:
        seen.append(given)
        return real(given, wanted)

    monkeypatch.setattr("hmac.compare_digest", compare)
    good = signed()["webhook-signature"]
    verify(signed() | {"webhook-signature": f"{good} v1,x"}, BODY, [OLD, NEW], now=NOW)
    assert seen == [good.encode()] * 2 + [b"v1,x"] * 2


# --- rotation --------------------------------------------------------------------------------


def test_while_a_secret_is_rotated_either_is_enough() -> None:
    both = sign(BODY, [NEW, OLD], now=NOW)
    assert len(both["webhook-signature"].split(" ")) == 2
    for known in (OLD, NEW, [OLD, NEW], [OTHER, NEW]):
        verify(both, BODY, known, now=NOW)
    refused(InvalidSignature, both, secrets=OTHER)


def test_after_the_old_secret_has_expired_it_is_not_enough() -> None:
    after = sign(BODY, NEW, now=NOW)
    verify(after, BODY, [OLD, NEW], now=NOW)
    refused(InvalidSignature, after, secrets=OLD)


def test_signatures_of_another_version_do_not_disturb() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1a,AAAA v1,x {headers['webhook-signature']} v9"
    verify(headers, BODY, OLD, now=NOW)


# --- time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_a_delivery_of_about_now(seconds: int) -> None:
    verify(signed(), BODY, OLD, now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-86400, -301, 301, 86400])
def test_a_delivery_of_another_time(seconds: int) -> None:
    now = NOW + timedelta(seconds=seconds)
    with pytest.raises(StaleTimestamp, match=f"{abs(seconds)} s (old|in the future)"):
        verify(signed(), BODY, OLD, now=now)
    verify(signed(), BODY, OLD, now=now, tolerance_seconds=86400)


def test_only_of_what_is_genuine_is_said_that_it_is_old() -> None:
    later = NOW + timedelta(days=1)
    with pytest.raises(InvalidSignature):
        verify(signed(), BODY, OTHER, now=later)


def test_now_is_in_any_zone_but_in_one() -> None:
    eastern = NOW.astimezone(timezone(timedelta(hours=-5)))
    assert sign(BODY, OLD, webhook_id="msg_1", now=eastern) == signed()
    verify(signed(), BODY, OLD, now=eastern)
    with pytest.raises(ValueError, match="time zone"):
        verify(signed(), BODY, OLD, now=NOW.replace(tzinfo=None))


# --- bodies that are signed and are no delivery ----------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{}",
        b'{"type": 1, "timestamp": "2026-03-01T00:00:00Z", "data": {}}',
        b'{"type": "a", "timestamp": "soon", "data": {}}',
        b'{"type": "a", "timestamp": "2026-03-01T00:00:00Z"}',
        b'{"type": "a", "timestamp": "2026-03-01T00:00:00Z", "data": {}, "event": {}}',
        b'{"type": "a", "timestamp": "2026-03-01T00:00:00Z", "data": ' + b"[" * 100_000,
        b'{"type": "a", "timestamp": "2026-03-01T00:00:00Z", "data": NaN}',
        b'{"type": "a", "timestamp": "2026-03-01T00:00:00Z", "data": "\\ud800"}',
    ],
)
def test_signed_well_and_no_delivery(body: bytes) -> None:
    refused(InvalidBody, signed(body), body)


def test_a_body_that_is_not_utf_8() -> None:
    assert refused(InvalidBody, signed(), b"\xff\xfe") == "the body is not UTF-8"


# --- mistakes of the receiver's own code -----------------------------------------------------


@pytest.mark.parametrize("body", [MESSAGE, [], None, 7])
def test_a_body_that_was_parsed_is_refused_with_a_hint(body: Any) -> None:
    with pytest.raises(TypeError, match=r"await request\.body\(\)"):
        verify(signed(), body, OLD, now=NOW)


def test_a_body_that_is_text_is_refused_with_a_hint() -> None:
    with pytest.raises(TypeError, match="encode it as UTF-8"):
        verify(signed(), BODY.decode(), OLD, now=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        ([], "no secret"),
        ("", "0"),
        ("whsec_", "0"),
        ("whsec_!!!!", "base64"),
        ("whsec_é", "base64"),
        ("whpk_" + "A" * 43 + "=", "base64"),
        ("whsec_" + base64.b64encode(bytes(23)).decode(), "24 to 64 bytes, this one 23"),
        (bytes(65), "65"),
        ([OLD, "c2hvcnQ="], "this one 5"),
    ],
)
def test_a_secret_that_is_none(secrets: Any, said: str) -> None:
    for do in (lambda: verify(signed(), BODY, secrets, now=NOW), lambda: sign(BODY, secrets)):
        with pytest.raises(ValueError, match=said) as caught:
            do()
        assert "!!!!" not in str(caught.value)
    with pytest.raises(ValueError, match=said):
        WebhookReceiver(secrets)


def test_a_secret_of_another_type() -> None:
    with pytest.raises(TypeError, match="text or bytes, not int"):
        verify(signed(), BODY, [7], now=NOW)  # type: ignore[list-item]


# --- hostile input ---------------------------------------------------------------------------

_VALUES = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=60),
    st.none(),
    st.integers(),
    st.lists(st.text(max_size=9), max_size=3),
    st.sampled_from(list(signed().values())),
)
_NAMES = st.one_of(
    st.sampled_from([*signed(), "Webhook-Id", "WEBHOOK-SIGNATURE"]),
    st.text(max_size=20),
    st.binary(max_size=20),
)


@given(st.lists(st.tuples(_NAMES, _VALUES), max_size=8), st.one_of(st.just(BODY), st.binary()))
@example(
    [(b"webhook-id", b"\xff"), ("webhook-timestamp", "9" * 11), ("webhook-signature", "")], b""
)
def test_hostile_headers_and_bodies_raise_nothing_but_ours(
    pairs: list[tuple[Any, Any]], body: bytes
) -> None:
    for headers in (pairs, [*signed().items(), *pairs], [*pairs, *signed().items()]):
        try:
            event = verify(headers, body, OLD, now=NOW)
        except InvalidWebhook as error:
            assert error.http_status in (400, 401)
        else:
            assert (event.webhook_id, event.body) == ("msg_1", BODY)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.one_of(st.binary(), _JSON.map(lambda value: json.dumps(value).encode())))
def test_any_body_that_is_signed_raises_nothing_but_ours(body: bytes) -> None:
    try:
        headers = signed(body)
    except UnicodeDecodeError:
        headers = signed()
    with pytest.raises(InvalidBody):
        verify(headers, body, OLD, now=NOW)


# --- what was seen ---------------------------------------------------------------------------


def test_seen_knows_the_last_ids_and_no_more() -> None:
    seen = Seen(max_ids=2)
    for webhook_id in ("a", "b", "a", "c"):
        seen.add(webhook_id)
    assert [webhook_id in seen for webhook_id in "abc"] == [False, True, True]
    assert len(seen) == 2
    with pytest.raises(ValueError, match="max_ids"):
        Seen(0)


# --- ASGI ------------------------------------------------------------------------------------


def app(receiver: WebhookReceiver, *, fails: list[str] | None = None) -> Starlette:
    """Answers with the type of the event; `fails`: what its work raises, one after the other."""

    async def endpoint(request: Request) -> JSONResponse:
        event = await receiver(request)
        if fails:
            return JSONResponse({"failed": fails.pop()}, 500)
        receiver.handled(event)
        return JSONResponse({"type": event.type})

    return Starlette(routes=[Route("/", endpoint, methods=["POST"])])


async def post(asked: Starlette, headers: Any, content: Any = BODY) -> httpx2.Response:
    transport = httpx2.ASGITransport(asked)
    async with httpx2.AsyncClient(transport=transport, base_url="http://receiver") as client:
        return await client.post("/", headers=headers, content=content)


async def test_a_receiver_hands_over_what_is_genuine() -> None:
    answer = await post(app(WebhookReceiver([OTHER, OLD])), sign(BODY, OLD))
    assert (answer.status_code, answer.json()) == (200, {"type": "OrderPlaced"})


@pytest.mark.parametrize(
    ("status", "signed_now", "body"),
    [
        (400, dict, BODY),
        (400, lambda: sign(b"{}", OLD), b"{}"),
        (400, lambda: sign(BODY, OLD), b"\xff"),
        (401, lambda: sign(BODY, OTHER), BODY),
        (401, lambda: sign(BODY, OLD, now=NOW), BODY),
        (400, lambda: [*sign(BODY, OLD).items(), ("webhook-id", "msg_2")], BODY),
    ],
)
async def test_a_receiver_says_what_is_wrong(
    status: int, signed_now: Callable[[], Any], body: bytes
) -> None:
    answer = await post(app(WebhookReceiver(OLD)), signed_now(), body)
    assert answer.status_code == status
    assert answer.text
    assert answer.text != "OrderPlaced"


async def test_a_receiver_takes_no_more_than_it_should() -> None:
    receiver = app(WebhookReceiver(OLD, max_bytes=len(BODY)))
    assert (await post(receiver, sign(BODY, OLD))).status_code == 200
    longer = BODY + b" "
    assert (await post(receiver, sign(longer, OLD), longer)).status_code == 413


async def test_a_receiver_does_not_read_on_after_too_much() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 1000

    answer = await post(app(WebhookReceiver(OLD, max_bytes=5000)), sign(BODY, OLD), endless())
    assert answer.status_code == 413
    assert sent < 10


async def test_what_was_handled_is_not_handled_again() -> None:
    receiver = WebhookReceiver(OLD, seen=Seen())
    asked = app(receiver, fails=["the first time"])
    headers = sign(BODY, OLD)
    codes = [(await post(asked, headers)).status_code for _ in range(3)]
    assert codes == [500, 200, 204]
    assert (await post(asked, sign(BODY, OLD))).status_code == 200


async def test_without_a_memory_it_is_handed_over_each_time() -> None:
    asked = app(WebhookReceiver(OLD))
    headers = sign(BODY, OLD)
    assert [(await post(asked, headers)).status_code for _ in range(2)] == [200, 200]


async def test_a_forgery_under_an_id_that_was_seen_is_still_a_forgery() -> None:
    receiver = WebhookReceiver(OLD, seen=Seen())
    headers = sign(BODY, OLD)
    await post(app(receiver), headers)
    forged = headers | {"webhook-signature": "v1,AAAA"}
    assert (await post(app(receiver), forged)).status_code == 401


def test_fastapi_sees_that_a_receiver_takes_the_request() -> None:
    """FastAPI asks for the signature of the object, and whether its call is a coroutine."""
    receiver = WebhookReceiver(OLD)
    (asked,) = inspect.signature(receiver).parameters.values()
    assert (asked.name, asked.annotation) == ("request", Request)
    assert inspect.iscoroutinefunction(receiver.__call__)
    inspect.signature(WebhookReceiver)


async def test_a_dependency_of_fastapi() -> None:
    receiver = WebhookReceiver(OLD)
    asked = fastapi.FastAPI()

    async def endpoint(event: Any = fastapi.Depends(receiver)) -> dict[str, str]:  # noqa: B008
        return {"type": event.type}

    asked.post("/")(endpoint)
    assert (await post(asked, sign(BODY, OLD))).json() == {"type": "OrderPlaced"}
    assert (await post(asked, sign(BODY, OTHER))).status_code == 401
    assert "parameters" not in asked.openapi()["paths"]["/"]["post"]


def test_starlette_is_needed_by_the_receiver_alone() -> None:
    code = "import sys, dbkit.webhooks; print('starlette' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
