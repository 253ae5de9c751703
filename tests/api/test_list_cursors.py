"""Cursors of lists: signed, and good for one caller, version, sort and filter only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.api.lists import TABLE, fill, ids, page, register
from tests.helpers import Connection, become, one, raises, row, unbecome


@pytest.fixture
def things(db: Connection) -> Connection:
    db.execute(TABLE.encode())
    fill(db, 6)
    register(db)
    register(db, p_name="others")
    return db


def cursor(conn: Connection, _version: Any = None, **request: Any) -> str:
    found = page(conn, _version=_version, limit=2, **request)["page"]["next_cursor"]
    assert isinstance(found, str)
    return found


def decoded(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def test_is_json_and_a_real_hmac(things: Connection) -> None:
    text, signature = cursor(things).split(".")
    assert set(decoded(text)) == {"s", "d", "v"}
    assert decoded(text)["d"] == "next"
    assert decoded(text)["v"] == ["2026-01-01T00:00:00+00:00", "5"]
    blocks = row(things, "select inner_block, outer_block from dbkit.api_cursor_keys")
    key = bytes(b ^ 0x36 for b in blocks["inner_block"])
    assert key == bytes(b ^ 0x5C for b in blocks["outer_block"])
    mac = hmac.new(key, text.encode(), hashlib.sha256).digest()
    assert signature == base64.urlsafe_b64encode(mac).decode().rstrip("=")


def test_every_byte_counts(things: Connection) -> None:
    good = cursor(things)
    assert ids(page(things, cursor=good)) == [4, 3, 2, 1]
    for at, character in enumerate(good):
        for other in {"A", "B", "_", ".", chr(ord(character) ^ 1)} - {character}:
            with raises(things, "KD141") as caught:
                page(things, cursor=good[:at] + other + good[at + 1 :])
            assert caught.detail == {"list": "things", "field": "cursor", "reason": "malformed"}


@pytest.mark.parametrize(
    "garbage",
    [
        *("", " ", "x", ".", "a.b", "%%%", "é", "A" * 43, "." + "A" * 43, "A." + "A" * 43),
        *("A" * 20_000, "A" * 16_000 + "." + "A" * 43, "\n", "null", "{}", 5, True, [], {}, ["a"]),
    ],
)
def test_garbage_is_refused(things: Connection, garbage: Any) -> None:
    with raises(things, "KD141"):
        page(things, cursor=garbage)


def test_parts_of_two_cursors_do_not_fit(things: Connection) -> None:
    one_, two = cursor(things), cursor(things, sort="id")
    for mixed in (
        f"{one_.split('.')[0]}.{two.split('.')[1]}",
        one_ + one_,
        one_ + "=",
        " " + one_,
        one_ + "\n",
        one_[:-1],
        one_[1:],
    ):
        with raises(things, "KD141"):
            page(things, cursor=mixed)


OTHERS: list[dict[str, Any]] = [
    {"sort": "made_at"},
    {"sort": "-made_at,-id"},
    {"sort": "name"},
    {"filter": {"id": {"gt": 1}}},
    {"filter": {"id": {"gte": 0}, "name": {"eq": "thing 1"}}},
    {"filter": {"id": {"lte": 0}}},
    {"search": "thing"},
]


@pytest.mark.parametrize("other", OTHERS)
def test_is_good_for_one_sort_filter_and_search(things: Connection, other: dict[str, Any]) -> None:
    mine: dict[str, Any] = {"filter": {"id": {"gte": 0}}}
    with raises(things, "KD141") as caught:
        page(things, cursor=cursor(things, **mine), **other)
    assert caught.detail["reason"] == "other_list"
    page(things, cursor=cursor(things, **mine), **mine, limit=1, count="exact", fields="id")


def test_the_same_filter_in_other_words_is_the_same(things: Connection) -> None:
    first = cursor(things, filter={"id": {"lt": 9, "gte": 0}, "name": {"ne": "x"}}, sort="-id")
    found = page(
        things,
        cursor=first,
        sort=["-id"],
        filter={"name": {"ne": "x"}, "id": {"gte": "0", "lt": "9"}},
    )
    assert ids(found) == [4, 3, 2, 1]


def test_is_good_for_one_list(things: Connection) -> None:
    with raises(things, "KD141"):
        page(things, "others", cursor=cursor(things))


def test_is_good_for_one_caller(things: Connection) -> None:
    callers: list[tuple[str, dict[str, str]]] = [
        ("authenticated", {"user_id": "ada", "organization_id": "a"}),
        ("authenticated", {"user_id": "ada", "organization_id": "b"}),
        ("authenticated", {"user_id": "bob", "organization_id": "a"}),
        ("authenticated", {"user_id": "ada"}),
        ("service_role", {"user_id": "ada", "organization_id": "a"}),
    ]
    made = []
    for role, context in callers:
        become(things, role, **context)
        made.append(cursor(things))
    for n, (role, context) in enumerate(callers):
        become(things, role, **context)
        for m, theirs in enumerate(made):
            if n == m:
                assert ids(page(things, cursor=theirs)) == [4, 3, 2, 1]
            else:
                with raises(things, "KD141"):
                    page(things, cursor=theirs)


def test_verified_claims_say_who_calls(things: Connection) -> None:
    def claim(**claims: str) -> None:
        things.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])

    become(things, "authenticated", user_id="ada", organization_id="a")
    mine = cursor(things)
    claim(sub="mallory", organization_id="m")
    with raises(things, "KD141"):
        page(things, cursor=mine)
    claim(sub="ada", organization_id="a")
    assert ids(page(things, cursor=mine)) == [4, 3, 2, 1]


def test_is_good_for_one_version(things: Connection) -> None:
    v2 = cursor(things, "v2")
    assert ids(page(things, _version="v2", cursor=v2)) == [4, 3, 2, 1]
    with raises(things, "KD141"):
        page(things, _version="v3", cursor=v2)
    become(things, "authenticated", api_version="v2")
    asked = cursor(things)
    become(things, "authenticated", api_version="v3")
    with raises(things, "KD141"):
        page(things, cursor=asked)
    unbecome(things)
    active = cursor(things)
    things.execute("select dbkit.switch_api_version('v3', 'v2')")
    with raises(things, "KD141"):
        page(things, cursor=active)


def test_is_good_for_one_shape_of_the_list(things: Connection) -> None:
    mine = cursor(things)
    register(
        things,
        p_search=[],
        p_columns=["id", "made_at", "name"],
        p_sorts=["made_at"],
        p_filters="{}",
    )
    assert ids(page(things, cursor=mine)) == [4, 3, 2, 1], "the order is the same"
    things.execute("alter table shop.things alter made_at type timestamp")
    register(things)
    with raises(things, "KD141"):
        page(things, cursor=mine)


def test_whoever_seals_one_by_hand_gets_their_own(things: Connection) -> None:
    become(things, "authenticated", user_id="ada", organization_id="a")
    text = decoded(cursor(things).split(".")[0])["s"]
    sealed = one(things, "select next_cursor from dbkit._seal_cursors('x', '[]', null)")
    assert decoded(sealed.split(".")[0])["s"] != text
    become(things, "authenticated", user_id="bob", organization_id="a")
    assert one(things, "select dbkit._open_cursor('x', %s)", sealed) == {}
    with raises(things, "42501"):
        things.execute("select dbkit._cursor_scope('x')")
    with raises(things, "42501"):
        things.execute("table dbkit.api_cursor_keys")


def test_long_values_of_text_are_carried(things: Connection) -> None:
    things.execute("update shop.things set name = repeat('ß', 1300) || id")
    assert ids(page(things, sort="name", cursor=cursor(things, sort="name"))) == [3, 4, 5, 6]
    things.execute("update shop.things set name = E'\\n\\t\"\\\\ 🍕' || id")
    assert ids(page(things, sort="name", cursor=cursor(things, sort="name"))) == [3, 4, 5, 6]
