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


def decoded(cursor: str) -> str:
    body = cursor[65:]
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()


def test_is_the_edges_under_a_real_hmac(things: Connection) -> None:
    found = page(things, cursor=cursor(things), limit=2)["page"]
    following, previous = found["next_cursor"], found["previous_cursor"]
    assert decoded(following) == decoded(previous)
    assert one(things, "select %s::text[]", decoded(following)) == [
        *("2026-01-01T00:00:00+00:00", "4"),
        *("2026-01-01T00:00:00+00:00", "3"),
    ]
    assert following[0] + previous[0] == "np"
    assert following[1:33] == previous[1:33], "the scope is the same"
    blocks = row(things, "select inner_block, outer_block from dbkit.api_cursor_keys")
    key = bytes(b ^ 0x36 for b in blocks["inner_block"])
    assert key == bytes(b ^ 0x5C for b in blocks["outer_block"])
    own = hmac.new(key, bytes.fromhex(following[1:33]), hashlib.sha256).digest()
    inner = hashlib.sha256(own + following[65:].encode()).digest()
    assert hashlib.sha256(own + inner).hexdigest() == following[33:65] + previous[33:65]


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
        *("", " ", "x", "n", "p", "%%%", "é", "n" + "0" * 63, "n" + "0" * 64),
        *("p" + "0" * 64 + "e30", "n" + "0" * 64 + "A" * 40_000, "n" + "0" * 64 + "%"),
        "n" + "g" * 64 + "e30",
        *("A" * 20_000, "n" + "F" * 64 + "e30", "\n", "null", "{}", 5, True, [], {}, ["a"]),
    ],
)
def test_garbage_is_refused(things: Connection, garbage: Any) -> None:
    with raises(things, "KD141"):
        page(things, cursor=garbage)


def test_parts_of_two_cursors_do_not_fit(things: Connection) -> None:
    one_, two = cursor(things), cursor(things, sort="id")
    back = page(things, cursor=one_, limit=2)["page"]
    for mixed in (
        one_[:65] + two[65:],
        one_[:33] + two[33:],
        one_[:1] + two[1:33] + one_[33:],
        "p" + back["next_cursor"][1:],
        "n" + back["previous_cursor"][1:],
        one_ + one_,
        one_ + "=",
        " " + one_,
        one_ + "\n",
        one_[:-1],
        one_[1:],
    ):
        with raises(things, "KD141") as caught:
            page(things, cursor=mixed)
        assert caught.detail["reason"] == "malformed"


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
    seal = "select (dbkit._seal_cursors(dbkit._cursor_key('x', 'v2'), '{}'))[1]"
    opened = "select dbkit._open_cursor(dbkit._cursor_key('x', 'v2'), %s, 'x', 'v2')"
    become(things, "authenticated", user_id="ada", organization_id="a")
    sealed = one(things, seal)
    assert one(things, opened, sealed) == []
    assert sealed[1:33] != cursor(things)[1:33]
    become(things, "authenticated", user_id="bob", organization_id="a")
    assert one(things, opened, sealed) is None
    assert one(things, "select dbkit._cursor_problem(%s)", sealed) == "other_list"
    with raises(things, "42501"):
        things.execute("table dbkit.api_cursor_keys")


def test_long_values_of_text_are_carried(things: Connection) -> None:
    things.execute("update shop.things set name = repeat('ß', 1300) || id")
    assert ids(page(things, sort="name", cursor=cursor(things, sort="name"))) == [3, 4, 5, 6]
    things.execute("update shop.things set name = E'\\n\\t\"\\\\ 🍕' || id")
    assert ids(page(things, sort="name", cursor=cursor(things, sort="name"))) == [3, 4, 5, 6]
