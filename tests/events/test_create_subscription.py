"""Who is told of what, and which subscriptions are refused."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.events.webhooks import (
    append_order,
    deliveries,
    fan_out,
    needs_service,
    opened,
    queue,
    signing_secrets,
    statuses,
    subscribe,
    subscribed,
    subscription,
    within,
)
from tests.helpers import Connection, one, raises, rows


def test_it_is_active_with_the_defaults(db: Connection) -> None:
    found = subscription(db, subscribed(db))
    assert found["status"] == "active"
    assert (found["organization_id"], found["event_types"]) == ("default", ["*"])
    assert (found["aggregate_types"], found["aggregate_ids"]) == (None, None)
    assert found["retry_schedule"] == [
        *(0, 5, 300, 1800, 7200),
        *(18000, 36000, 50400, 72000, 86400),
    ]
    assert (found["timeout_seconds"], found["max_in_flight"]) == (20, 10)
    assert not found["is_ordered"]
    assert not found["all_organizations"]


def test_the_send_window_is_never_more_than_max_in_flight(db: Connection) -> None:
    assert queue(db, subscribed(db, max_in_flight=1))["send_window"] == 1
    assert queue(db, subscribed(db, max_in_flight=100))["send_window"] == 2


def test_a_secret_is_made_and_kept_sealed(db: Connection) -> None:
    """whsec_ and 32 bytes; it is in no table in clear, nor its base64, nor its bytes."""
    made = subscribe(db)
    secret = made["secret"]
    prefix, encoded = secret[:6], secret[6:]
    assert prefix == "whsec_"
    assert len(base64.b64decode(encoded, validate=True)) == 32
    assert subscribe(db)["secret"] != secret
    kept = one(
        db,
        "select string_agg(s::text, '') || (select string_agg(q::text, '')"
        " from dbkit.event_subscriptions q) from dbkit.event_subscription_secrets s",
    )
    assert encoded not in kept
    assert base64.b64decode(encoded).hex() not in kept
    assert signing_secrets(db, made["subscription_id"])["secrets"] == [secret]


@pytest.mark.parametrize("length", [24, 64])
def test_a_secret_may_be_brought_along(db: Connection, length: int) -> None:
    secret = "whsec_" + base64.b64encode(b"k" * length).decode()
    assert subscribe(db, secret=secret)["secret"] == secret


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_" + base64.b64encode(b"k" * 23).decode(),
        "whsec_" + base64.b64encode(b"k" * 65).decode(),
        base64.b64encode(b"k" * 32).decode(),
        "WHSEC_" + base64.b64encode(b"k" * 32).decode(),
        "whsec_" + base64.b64encode(b"k" * 32).decode().rstrip("="),
        "whsec_" + base64.b64encode(b"k" * 32).decode() + "\n",
        "whsec_" + "-_" * 20,
    ],
)
def test_another_secret_is_refused(db: Connection, secret: str) -> None:
    with raises(db, "KD521") as caught:
        subscribe(db, secret=secret)
    assert caught.detail == {"argument": "p_secret"}
    if len(secret) > 10:
        assert secret not in caught.message


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "HTTP://example.com:8080/a?b=c&d=%20",
        "http://[::1]:443/x",
        "https://b\u00fccher.example/",
        "https://example.com?x",
        "https://example.com/" + "a" * 1980,
    ],
)
def test_a_url_is_http_with_a_host(db: Connection, url: str) -> None:
    assert subscription(db, subscribed(db, url=url))["url"] == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "example.com/hook",
        "ftp://example.com/",
        "https:///hook",
        "https://:443/hook",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com/#part",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:port/",
        "https://example.com/a b",
        "https://example.com/\r\nHost: other",
        "https://example.com\n/",
        "https://example.com\\@other/",
        "https://example.com/" + "a" * 1981,
    ],
)
def test_another_url_is_refused(db: Connection, url: str | None) -> None:
    with raises(db, "KD521") as caught:
        subscribe(db, url=url)
    assert caught.detail == {"argument": "p_url"}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("event_types", []),
        ("event_types", None),
        ("event_types", [""]),
        ("event_types", ["a", None]),
        ("event_types", ["a" * 201]),
        ("event_types", ["a"] * 101),
        ("aggregate_types", ["a"] * 101),
        ("aggregate_types", ["a", None]),
        ("aggregate_ids", ["a"] * 1001),
        ("aggregate_ids", ["a", None]),
        ("description", "a" * 1001),
        ("description", None),
        ("retry_schedule", []),
        ("retry_schedule", [0] * 31),
        ("retry_schedule", [-1]),
        ("retry_schedule", [604801]),
        ("retry_schedule", [0, None]),
        ("timeout_seconds", 0),
        ("timeout_seconds", 31),
        ("timeout_seconds", None),
        ("max_in_flight", 0),
        ("max_in_flight", 101),
        ("is_ordered", None),
        ("all_organizations", None),
    ],
)
def test_what_is_out_of_bounds_is_refused(db: Connection, argument: str, value: object) -> None:
    with raises(db, "KD521") as caught:
        subscribe(db, **{argument: value})
    assert argument in caught.message
    assert one(db, "select count(*) from dbkit.event_delivery_queues") == 0


HEADERS: list[Any] = [
    {"Webhook-Id": "x"},
    {"webhook-signature": "x"},
    {"Host": "x"},
    {"content-length": "1"},
    {"Content-Type": "x"},
    {"Transfer-Encoding": "chunked"},
    {"Proxy-Authorization": "x"},
    {"a b": "x"},
    {"a:": "x"},
    {"": "x"},
    {"a\n": "x"},
    {"a": "x\r\nb: y"},
    {"a": "\u00e9"},
    {"a": 1},
    {"a": None},
    {"a": "x" * 2001},
    {"a": "1", "A": "2"},
    {f"h{n}": "x" for n in range(21)},
]


@pytest.mark.parametrize("headers", HEADERS, ids=range(len(HEADERS)))
def test_headers_that_could_change_the_request_are_refused(db: Connection, headers: Any) -> None:
    with raises(db, "KD521") as caught:
        subscribe(db, headers=headers)
    assert caught.detail == {"argument": "p_headers"}


def test_patterns_have_no_special_character_but_the_star(database: str) -> None:
    """%, _ and \\ are characters like others, and case matters."""
    matching = {
        "Order*": ["Order", "Order.x", "Order_x", "Order%x", "Order\\x"],
        "Order.*": ["Order.x"],
        "*x": ["Order.x", "Order_x", "Order%x", "Order\\x"],
        "Order_x": ["Order_x"],
        "Order%x": ["Order%x"],
        "Order\\x": ["Order\\x"],
        "O*r*x": ["Order.x", "Order_x", "Order%x", "Order\\x"],
        "Order%": [],
        "Order\\*": ["Order\\x"],
    }
    with opened(database) as conn:
        ids = {subscribed(conn, event_types=[pattern]): pattern for pattern in matching}
        types = ["Order", "Order.x", "Order_x", "Order%x", "Order\\x", "order"]
        at = {append_order(conn, "1", event_type)["position"]: event_type for event_type in types}
        fan_out(conn)
        got: dict[str, list[str]] = {pattern: [] for pattern in matching}
        for made in deliveries(conn):
            got[ids[str(made["subscription_id"])]].append(at[made["position"]])
        assert got == matching


def test_filters_let_pass_what_they_name(database: str) -> None:
    with opened(database) as conn:
        subscribed(conn, aggregate_types=["bill"])
        by_id = subscribed(conn, aggregate_types=["order"], aggregate_ids=["2"])
        empty = subscribed(conn, aggregate_types=[], aggregate_ids=[])
        append_order(conn, "1")
        append_order(conn, "2")
        assert fan_out(conn)["deliveries"] == 3
        got = sorted((str(d["subscription_id"]), d["position"]) for d in deliveries(conn))
        assert got == sorted([(by_id, 2), (empty, 1), (empty, 2)])


def test_it_gets_what_commits_from_now_on(database: str) -> None:
    with opened(database) as conn:
        append_order(conn, "1")
        subscribed(conn)
        append_order(conn, "2")
        fan_out(conn)
        assert [made["position"] for made in deliveries(conn)] == [2]
        fan_out(conn)
        assert statuses(conn) == ["pending"]


def test_it_gets_events_of_its_own_organization_or_of_all(database: str) -> None:
    with opened(database) as conn:
        own = subscribed(conn)
        every = subscribed(conn, all_organizations=True)
        append_order(conn, "1")
        with within(conn, "acme"):
            append_order(conn, "1")
        fan_out(conn)
        got = {(str(d["subscription_id"]), d["event_organization_id"]) for d in deliveries(conn)}
        assert got == {(own, "default"), (every, "default"), (every, "acme")}
        assert {made["organization_id"] for made in deliveries(conn)} == {"default"}


def test_needs_service(db: Connection) -> None:
    needs_service(db, "create_subscription", url="https://example.com/")


@pytest.mark.parametrize("url", ["http://a", "https://[2001:db8::1]"])
def test_a_short_url_is_taken_too(db: Connection, url: str) -> None:
    subscribe(db, url=url)
    assert [each["url"] for each in rows(db, "select url from dbkit.event_subscriptions")] == [url]


@pytest.mark.parametrize("argument", ["aggregate_types", "aggregate_ids"])
def test_a_matrix_is_refused_as_other_filters_are(db: Connection, argument: str) -> None:
    with raises(db, "KD521"):
        subscribe(db, **{argument: [["a", "b"]]})


def test_an_array_that_does_not_begin_at_1_does_not_stop_the_fan_out(database: str) -> None:
    """retry_schedule[1] of '[2:2]={5}' is NULL. Refused or accepted, others get their events."""
    with opened(database) as conn:
        subscribed(conn)
        try:
            one(
                conn,
                "select dbkit.create_subscription(%s, p_retry_schedule => %s::int[])",
                "https://example.com/",
                "[2:2]={5}",
            )
        except Exception as error:
            assert getattr(error, "sqlstate", None) == "KD521"
        append_order(conn, "1")
        assert fan_out(conn)["deliveries"] >= 1
