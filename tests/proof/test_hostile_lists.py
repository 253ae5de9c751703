"""Lists take whatever is sent: an answer, or an error of ours that names the field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.lists import SHOWN, TABLE, fill, register
from tests.helpers import Connection, connect, one, row, rows
from tests.proof import hostile
from tests.proof.test_hostile_events import TEXTS, assert_refused_by_us, json_texts
from tests.proof.test_hostile_input import Outcomes, client, contents

PAGE = "select dbkit.page_list(%s, %s::jsonb, %s)"
VALID: list[dict[str, Any]] = [
    {"limit": 3, "offset": 1, "sort": ["-name", "id"], "count": "exact", "fields": ["id", "name"]},
    {"limit": 3, "page": 1, "sort": "note,-total", "search": "thing"},
    {"last": True, "count": "estimated", "fields": "id"},
    {"filter": {"id": {"in": [1, 2], "gt": 0}, "name": {"like": "t%", "ne": "x"}}},
    {"filter": {"size": {"eq": "small"}, "total": {"gte": 1}, "weight": {"lt": 1}}},
    {"filter": {"due": {"eq": "2026-01-01"}, "made_at": {"gt": "2026-01-01"}, "note": {"null": 1}}},
    {"filter": {"ref": {"eq": "00000000-0000-4000-8000-000000000007"}}},
]


@pytest.fixture
def things(database: str) -> str:
    with connect(database) as conn:
        conn.execute(TABLE.encode())
        fill(conn, 9, note="case when n > 4 then 'n' end")
        register(conn)
        conn.execute(
            "create function shop.list_things(p_payload jsonb) returns jsonb language sql stable"
            " return dbkit.page_list('things', p_payload, 'v3');"
            " grant execute on function shop.list_things(jsonb) to authenticated, super_admin;"
            " select dbkit.register_rpc('list_things', 'v3', 'shop.list_things(jsonb)')"
        )
    return database


def jsons(conn: Connection) -> list[str]:
    """The hostile values that are JSON to Postgres: the others never reach the function."""
    return json_texts(conn)


def test_requests(things: str) -> None:
    before = contents(things)
    seen = Outcomes()
    with client(things, "authenticated") as conn:
        cursor = one(conn, PAGE, "things", '{"limit": 2}', "v3")["page"]["next_cursor"]
        values = jsons(conn)
        for valid in [*VALID, {"cursor": cursor}]:
            for path in hostile.paths(valid):
                for value in values:
                    seen.run(conn, PAGE, "things", hostile.with_raw(valid, path, value), "v3")
            for key in hostile.EXTRA_KEYS:
                if "\0" not in key:
                    seen.run(conn, PAGE, "things", json.dumps(valid | {key: 1}), "v3")
        for value in values:
            seen.run(conn, PAGE, "things", value, "v3")
            seen.run(conn, "select dbkit.route_api_call('list_things', %s, 'v3')", value)
    assert_refused_by_us(seen)
    assert seen.count > 2000
    assert set(seen.codes) <= {"KD140", "KD141", "KD105"}
    assert seen.codes["KD140"] > 1000
    assert contents(things) == before


def test_words_where_columns_and_operators_stand(things: str) -> None:
    """None becomes SQL: the answer is the same whatever a secret column holds."""
    seen = Outcomes()
    words = [
        *(t for t in TEXTS if t and "\0" not in t),
        "secret",
        "id = id or true",
        "id)--",
        '"id"',
    ]
    with client(things, "authenticated") as conn:
        for word in words:
            for request in (
                {"sort": word},
                {"sort": [word, "-" + word]},
                {"fields": [word]},
                {"filter": {word: {"eq": 1}}},
                {"filter": {"id": {word: 1}}},
                {"filter": {"name": {"eq": word}}},
                {"filter": {"name": {"in": [word, "\\", '"', "{", "NULL", ""]}}},
                {"filter": {"name": {"like": word[:200]}}},
                {"search": word},
                {"cursor": word},
            ):
                seen.run(conn, PAGE, "things", json.dumps(request), "v3")
            seen.run(conn, PAGE, word, "{}", word)
    assert_refused_by_us(seen)
    for answer in seen.answered:
        assert all(set(item) <= set(SHOWN) for item in answer["items"])


def test_private_functions_by_hand(things: str) -> None:
    """Behind PostgREST a client may call what its role may execute: no statement comes of it."""
    with client(things, "authenticated") as conn:
        lists = row(conn, "select l::text as l from dbkit.api_lists l")["l"]
        for type_ in ("int) from pg_authid --", "int; drop table shop.things", "record", "", "x.y"):
            seen = Outcomes()
            seen.run(conn, "select dbkit._fits_type('1', %s)", type_)
            seen.run(conn, "select dbkit._list_value(%s::jsonb, '1')", json.dumps({"type": type_}))
            assert [c for c in seen.codes if c not in ("0A000", "42601")] == []
        forged = lists.replace("shop.things", "pg_catalog.pg_authid")
        total = 'select (dbkit._list_total(%s::dbkit.api_lists, \'{"count": "exact"}\')).total'
        assert one(conn, total, forged) == 9, "the definition is read from the table by name"
        executed = rows(
            conn,
            "select proname from pg_proc where pronamespace = 'dbkit'::regnamespace and prosrc ~* "
            "'\\mexecute\\M' and proname ~ '^(page|_count)_list|^_list_|^_page_of_|fits'"
            " and has_function_privilege(oid, 'execute') order by 1",
        )
        assert [f["proname"] for f in executed] == [
            *("_count_list", "_fits_type", "_page_of_things", "page_list")
        ]
