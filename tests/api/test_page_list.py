"""dbkit.page_list: pages, filters, search, counts, and whose rows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dbkit.calls.api import page_list
from tests.api.lists import TABLE, fill, ids, page, register, walk, walk_back
from tests.helpers import Connection, become, one, raises, unbecome


@pytest.fixture
def things(db: Connection) -> Connection:
    db.execute(TABLE.encode())
    fill(
        db,
        10,
        total="n * 1.5",
        note="case when n % 3 = 0 then 'note ' || n end",
        size="(array['small', 'medium', 'large'])[1 + n % 3]::shop.size",
        made_at="'2026-01-01Z'::timestamptz + n * interval '1 microsecond'",
        due="date '2026-02-01' + n",
        ref="('00000000-0000-4000-8000-0000000000' || to_char(n, 'FM00'))::uuid",
    )
    register(db)
    return db


def test_first_page_has_a_fixed_shape(things: Connection) -> None:
    found = page(things, limit=2)
    assert ids(found) == [10, 9]
    assert set(found["items"][0]) == {
        *("id", "name", "size", "total", "weight", "note", "ref", "due", "made_at")
    }
    assert found["page"] | {"next_cursor": "…"} == {
        "limit": 2,
        "sort": "-made_at",
        "has_next": True,
        "has_previous": False,
        "next_cursor": "…",
        "previous_cursor": None,
        "offset": None,
        "total": None,
        "total_kind": None,
    }
    assert page(things)["page"]["limit"] == 20, "twenty unless told"


@pytest.mark.parametrize("limit", [1, 3, 9, 10, 11])
def test_walks_forward_and_backward(things: Connection, limit: int) -> None:
    assert walk(things, limit=limit) == list(range(10, 0, -1))
    assert walk_back(things, limit=limit) == list(range(10, 0, -1))


def test_back_from_the_middle(things: Connection) -> None:
    second = page(things, limit=3, offset=3)
    assert (ids(second), second["page"]["offset"]) == ([7, 6, 5], 3)
    first = page(things, limit=3, cursor=second["page"]["previous_cursor"])
    assert ids(first) == [10, 9, 8]
    assert (first["page"]["has_previous"], first["page"]["has_next"]) == (False, True)
    again = page(things, limit=3, cursor=first["page"]["next_cursor"])
    assert ids(again) == [7, 6, 5]


def test_pages_have_numbers_too(things: Connection) -> None:
    found = page(things, limit=4, page=3)
    assert (ids(found), found["page"]["offset"]) == ([2, 1], 8)
    assert (found["page"]["has_next"], found["page"]["has_previous"]) == (False, True)
    beyond = page(things, limit=4, page=9)
    assert (beyond["items"], beyond["page"]["has_next"]) == ([], False)
    back = page(things, limit=4, cursor=beyond["page"]["previous_cursor"])
    assert ids(back) == [4, 3, 2, 1]


def test_an_empty_page_leads_back(things: Connection) -> None:
    cursor = page(things, limit=8)["page"]["next_cursor"]
    things.execute("delete from shop.things where id <= 2")
    empty = page(things, limit=8, cursor=cursor)
    assert (empty["items"], empty["page"]["has_next"]) == ([], False)
    back = page(things, limit=8, cursor=empty["page"]["previous_cursor"])
    assert ids(back) == [10, 9, 8, 7, 6, 5, 4, 3]
    back = page(things, limit=3, offset=3)["page"]["previous_cursor"]
    things.execute("delete from shop.things where id >= 8")
    empty = page(things, limit=3, cursor=back)
    assert (empty["items"], empty["page"]["has_previous"]) == ([], False)
    assert ids(page(things, limit=3, cursor=empty["page"]["next_cursor"])) == [7, 6, 5]


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("id", [1, 2, 3]),
        ("-id", [10, 9, 8]),
        (["-note", "id"], [9, 6, 3]),
        ("note", [3, 6, 9]),
        ("note,-total", [3, 6, 9]),
        ("size,-total", [9, 6, 3]),
        ("-size,name", [2, 5, 8]),
        ("due", [1, 2, 3]),
        ("-ref", [10, 9, 8]),
    ],
)
def test_sorts(things: Connection, sort: Any, first: list[int]) -> None:
    assert ids(page(things, limit=3, sort=sort)) == first
    assert walk(things, limit=3, sort=sort) == ids(page(things, limit=100, sort=sort))
    assert walk_back(things, limit=3, sort=sort) == ids(page(things, limit=100, sort=sort))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"id": {"eq": 3}}, [3]),
        ({"id": {"eq": "3"}}, [3]),
        ({"id": {"in": [1, "2", 99]}}, [2, 1]),
        ({"id": {"in": []}}, []),
        ({"id": {"gt": 8}, "total": {"lte": "13.5"}}, [9]),
        ({"total": {"gte": 4.5, "lt": 7.5}}, [4, 3]),
        ({"total": {"eq": 3e0}}, [2]),
        ({"size": {"ne": "small"}, "id": {"lt": 4}}, [2, 1]),
        ({"note": {"null": False}}, [9, 6, 3]),
        ({"note": {"null": True}, "id": {"lte": 2}}, [2, 1]),
        ({"note": {"like": "note %"}}, [9, 6, 3]),
        ({"name": {"like": "thing _"}, "id": {"gte": 8}}, [9, 8]),
        ({"name": {"like": "thing\\_1"}}, []),
        ({"due": {"eq": "2026-02-02"}}, [1]),
        ({"made_at": {"lte": "2026-01-01T00:00:00.000002"}}, [2, 1]),
        ({"made_at": {"lt": "2026-01-01T01:00:00.000002+01:00"}}, [1]),
        ({"ref": {"eq": "00000000-0000-4000-8000-000000000007"}}, [7]),
        ({"ref": {"in": ["00000000-0000-4000-8000-000000000007"]}}, [7]),
        ({}, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
    ],
)
def test_filters(things: Connection, given: dict[str, Any], found: list[int]) -> None:
    assert ids(page(things, filter=given)) == found
    assert walk(things, limit=2, filter=given) == found
    assert walk_back(things, limit=2, filter=given) == found


def test_times_without_an_offset_are_utc_in_every_session(things: Connection) -> None:
    given = {"made_at": {"lte": "2026-01-01T00:00:00.000002"}}
    for zone in ("Asia/Tokyo", "America/New_York"):
        things.execute("select set_config('timezone', %s, true)", [zone])
        assert ids(page(things, filter=given)) == [2, 1]


def test_cursors_do_not_depend_on_settings_of_the_session(things: Connection) -> None:
    """Written under one way to print times and floats, read under another."""
    things.execute("update shop.things set weight = id / 3::float8")
    whole = ids(page(things, sort="-weight"))
    seen: list[int] = []
    cursor: dict[str, str] = {}
    for n in range(10):
        things.execute("select set_config('timezone', %s, true)", [f"Etc/GMT+{n}"])
        style = ("ISO, DMY", "SQL, DMY", "German", "Postgres, MDY")[n % 4]
        things.execute("select set_config('datestyle', %s, true)", [style])
        things.execute("select set_config('extra_float_digits', %s, true)", [str(-n)])
        found = page(things, limit=1, sort="-weight", **cursor)
        seen += ids(found)
        cursor = {"cursor": found["page"]["next_cursor"]}
    assert seen == whole
    first = page(things, limit=4)
    things.execute("select set_config('datestyle', 'SQL, DMY', true)")
    assert ids(page(things, limit=2, cursor=first["page"]["next_cursor"])) == [6, 5]


def test_search_finds_each_word_somewhere(things: Connection) -> None:
    assert ids(page(things, search="THING 9")) == [9]
    assert ids(page(things, search="note")) == [9, 6, 3]
    assert ids(page(things, search=" note   thing ", limit=2)) == [9, 6]
    assert ids(page(things, search="%")) == []
    assert ids(page(things, search="thing_1")) == []
    things.execute(r"update shop.things set note = '100%_\' where id = 1")
    assert ids(page(things, search=r"0%_" + "\\")) == [1]
    assert ids(page(things, search="note", filter={"id": {"gt": 3}})) == [9, 6]


def test_counts_when_asked(things: Connection) -> None:
    for kind in ("exact", "estimated"):
        found = page(things, limit=2, count=kind, filter={"id": {"gt": 3}})["page"]
        assert (found["total"], found["total_kind"]) == (7, "exact"), "few are counted"
    assert page(things, count="none")["page"]["total"] is None
    fill(things, 12_000, id="n + 10")
    things.execute("analyze shop.things")
    found = page(things, limit=1, count="estimated")["page"]
    assert found["total_kind"] == "estimated"
    assert found["total"] == pytest.approx(12_010, rel=0.05)
    assert page(things, limit=1, count="exact")["page"]["total"] == 12_010


def test_fields_chooses(things: Connection) -> None:
    assert page(things, limit=1, fields=["name", "id"])["items"] == [{"id": 10, "name": "thing 10"}]
    found = page(things, limit=1, fields="total")
    assert found["items"] == [{"total": 15.0}]
    assert ids(page(things, limit=1, cursor=page(things, limit=1)["page"]["next_cursor"])) == [9]
    cursor = found["page"]["next_cursor"]
    assert ids(page(things, limit=1, cursor=cursor)) == [9], "fields is no part of a cursor"


def test_numbers_keep_their_digits(things: Connection) -> None:
    things.execute("delete from shop.things")
    big = 2**63 - 1
    things.execute(
        "insert into shop.things (id, name, total) values (%s, 'a', 1.10), (%s, 'b', 1.1),"
        " (%s, 'c', 123456789012345678901234567890.123456789)",
        [big, big - 1, 2**53 + 1],
    )
    for sort in ("-id", "total,-id", "-total,id"):
        whole = ids(page(things, sort=sort))
        assert walk(things, sort=sort, limit=1) == whole
        assert walk_back(things, sort=sort, limit=1) == whole
    assert ids(page(things, filter={"id": {"eq": str(big)}})) == [big]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"limit": 0}, "limit"),
    ({"limit": -1}, "limit"),
    ({"limit": 101}, "limit"),
    ({"limit": 1.5}, "limit"),
    ({"limit": "x"}, "limit"),
    ({"limit": True}, "limit"),
    ({"limit": [1]}, "limit"),
    ({"limit": 10**30}, "limit"),
    ({"offset": -1}, "offset"),
    ({"offset": 1_000_001}, "offset"),
    ({"page": 0}, "page"),
    ({"page": 10**9}, "page"),
    ({"last": "maybe"}, "last"),
    ({"offset": 1, "page": 1}, "cursor"),
    ({"offset": 0, "cursor": "x"}, "cursor"),
    ({"last": True, "cursor": "x"}, "cursor"),
    ({"sort": "secret"}, "sort"),
    ({"sort": "organization_id"}, "sort"),
    ({"sort": ""}, "sort"),
    ({"sort": "id,id"}, "sort"),
    ({"sort": "id,-id"}, "sort"),
    ({"sort": "--id"}, "sort"),
    ({"sort": "-"}, "sort"),
    ({"sort": "id;drop table shop.things"}, "sort"),
    ({"sort": 'id" desc, "name'}, "sort"),
    ({"sort": ["id", 1]}, "sort"),
    ({"sort": [None]}, "sort"),
    ({"sort": {"id": "desc"}}, "sort"),
    ({"sort": "name,size,total,weight,note"}, "sort"),
    ({"filter": []}, "filter"),
    ({"filter": "id"}, "filter"),
    ({"filter": {"secret": {"eq": "x"}}}, "filter.secret"),
    ({"filter": {"id": 5}}, "filter.id"),
    ({"filter": {"id": None}}, "filter.id"),
    ({"filter": {"id": {"like": "1%"}}}, "filter.id.like"),
    ({"filter": {"id": {"= 1 or 1": 1}}}, "filter.id.= 1 or 1"),
    ({"filter": {"id": {"eq": "x"}}}, "filter.id.eq"),
    ({"filter": {"id": {"eq": None}}}, "filter.id.eq"),
    ({"filter": {"id": {"eq": 2**63}}}, "filter.id.eq"),
    ({"filter": {"id": {"eq": 1.5}}}, "filter.id.eq"),
    ({"filter": {"id": {"eq": True}}}, "filter.id.eq"),
    ({"filter": {"id": {"in": "1,2"}}}, "filter.id.in"),
    ({"filter": {"id": {"in": [1, "x"]}}}, "filter.id.in"),
    ({"filter": {"id": {"in": list(range(101))}}}, "filter.id.in"),
    ({"filter": {"total": {"gte": "NaN"}}}, "filter.total.gte"),
    ({"filter": {"total": {"gte": "1e999"}}}, "filter.total.gte"),
    ({"filter": {"weight": {"gte": "x"}}}, "filter.weight.gte"),
    ({"filter": {"size": {"eq": "huge"}}}, "filter.size.eq"),
    ({"filter": {"size": {"in": ["small", "huge"]}}}, "filter.size.in"),
    ({"filter": {"name": {"eq": 5}}}, "filter.name.eq"),
    ({"filter": {"name": {"eq": "x" * 1001}}}, "filter.name.eq"),
    ({"filter": {"name": {"like": "a\\"}}}, "filter.name.like"),
    ({"filter": {"name": {"like": "%a%a%a%a%a%"}}}, "filter.name.like"),
    ({"filter": {"name": {"like": "x" * 201}}}, "filter.name.like"),
    ({"filter": {"note": {"null": "perhaps"}}}, "filter.note.null"),
    ({"filter": {"ref": {"eq": "x"}}}, "filter.ref.eq"),
    ({"filter": {"due": {"eq": "tomorrow"}}}, "filter.due.eq"),
    ({"filter": {"due": {"eq": "2026-02-30"}}}, "filter.due.eq"),
    ({"filter": {"made_at": {"gt": "now"}}}, "filter.made_at.gt"),
    ({"filter": {"made_at": {"gt": "03/04/2026"}}}, "filter.made_at.gt"),
    ({"filter": {"made_at": {"gt": "2026-01-01T25:00:00Z"}}}, "filter.made_at.gt"),
    ({"filter": {"made_at": {"gt": 5}}}, "filter.made_at.gt"),
    ({"search": ""}, "search"),
    ({"search": "   "}, "search"),
    ({"search": "a b c d e f"}, "search"),
    ({"search": "x" * 101}, "search"),
    ({"search": ["a"]}, "search"),
    ({"count": "all"}, "count"),
    ({"count": True}, "count"),
    ({"fields": []}, "fields"),
    ({"fields": ["id", "secret"]}, "fields"),
    ({"fields": "secret"}, "fields"),
    ({"fields": {"id": 1}}, "fields"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("request_", "field"), BAD, ids=lambda v: json.dumps(v)[:40])
def test_refuses_with_the_field(things: Connection, request_: dict[str, Any], field: str) -> None:
    with raises(things, "KD140") as caught:
        page(things, **request_)
    assert (caught.detail["list"], caught.detail["field"]) == ("things", field)


def test_wrong_values_are_refused_on_an_empty_table_too(things: Connection) -> None:
    things.execute("delete from shop.things")
    with raises(things, "KD140") as caught:
        page(things, filter={"id": {"eq": "x"}})
    assert caught.detail["operator"] == "eq"
    assert "whole number" in caught.message


def test_twenty_one_tests_are_too_many(things: Connection) -> None:
    operators = ["eq", "ne", "gt", "gte", "lt", "lte"]
    columns = ["id", "total", "weight"]
    given = {column: dict.fromkeys(operators, 1) for column in columns}
    given["name"] = dict.fromkeys(["eq", "ne"], "x")  # type: ignore[arg-type]
    assert page(things, filter=given)["items"] == []
    given["note"] = {"eq": "x"}  # type: ignore[dict-item]
    with raises(things, "KD140"):
        page(things, filter=given)


@pytest.mark.parametrize("request_", ["[]", '"x"', "7", "null"])
def test_a_request_is_an_object(things: Connection, request_: str) -> None:
    with raises(things, "KD140"):
        things.execute("select dbkit.page_list('things', %s::jsonb)", [request_])


def test_unknown_list(things: Connection) -> None:
    with raises(things, "KD142") as caught:
        page(things, "others")
    assert caught.detail == {"list": "others"}
    with raises(things, "KD142"):
        things.execute("select dbkit.page_list(null)")


def test_a_list_may_need_a_role(things: Connection) -> None:
    register(things, p_required_role="service_role")
    become(things, "authenticated")
    with raises(things, "KD003"):
        page(things)
    become(things, "service_role")
    assert len(page(things)["items"]) == 10


def test_runs_with_the_rights_of_the_caller(things: Connection) -> None:
    become(things, "anon")
    with raises(things, "42501"):
        page(things)
    become(things, "authenticated")
    assert len(page(things)["items"]) == 10
    unbecome(things)
    things.execute("revoke select on shop.things from authenticated")
    things.execute("grant select (id, made_at) on shop.things to authenticated")
    register(things, p_columns=["id", "made_at"], p_sorts=["made_at"], p_search=[], p_filters="{}")
    become(things, "authenticated")
    assert page(things, limit=1)["items"] == [
        {"id": 10, "made_at": "2026-01-01T00:00:00.00001+00:00"}
    ]


TENANTS = """
update shop.things set organization_id = case when id % 2 = 0 then 'even' else 'odd' end;
alter table shop.things enable row level security;
create policy things_organization on shop.things
using (organization_id = (select dbkit.current_organization()));
"""


def test_policies_decide_what_is_seen_and_counted(things: Connection) -> None:
    things.execute(TENANTS.encode())
    for _ in range(7):  # kept plans must not keep the policy's answer
        for organization, mine in (("even", [10, 8, 6, 4, 2]), ("odd", [9, 7, 5, 3, 1])):
            become(things, "authenticated", organization_id=organization)
            assert walk(things, limit=2) == mine
            assert walk_back(things, limit=2) == mine
            assert ids(page(things, filter={"id": {"gt": 0}})) == mine
            for kind in ("exact", "estimated"):
                assert page(things, count=kind)["page"]["total"] == 5
        unbecome(things)
        assert len(page(things)["items"]) == 10, "the owner is not held by the policy"


def test_a_list_as_a_call_of_the_api(things: Connection) -> None:
    things.execute("""
    create function shop.list_things(p_payload jsonb) returns jsonb language sql stable
    return dbkit.page_list('things', p_payload, 'v3');
    grant execute on function shop.list_things(jsonb) to authenticated, super_admin;
    """)
    things.execute("select dbkit.register_rpc('list_things', 'v3', 'shop.list_things(jsonb)')")
    become(things, "authenticated")
    answer = one(things, "select dbkit.route_api_call('list_things', '{\"limit\": 3}', 'v3')")
    assert ids(answer["data"]) == [10, 9, 8]
    with raises(things, "KD140"):
        things.execute("select dbkit.route_api_call('list_things', '{\"limit\": -3}', 'v3')")


def test_reads_only(things: Connection) -> None:
    """What a GET and a replica need."""
    assert one(things, "select provolatile from pg_proc where proname = 'page_list'") == "s"
    things.execute("set transaction_read_only = on")
    found = page(things, limit=2, count="estimated", filter={"id": {"gt": 2}})
    assert page(things, limit=2, cursor=found["page"]["next_cursor"], filter={"id": {"gt": 2}})


def test_a_session_that_has_not_heard_of_a_registration(things: Connection) -> None:
    """A commit shows the row of a list a moment before other sessions hear of functions."""
    things.execute("""
    create or replace function dbkit._list_page(text, jsonb, text) returns json
    language sql as $$ select null::json $$""")
    assert ids(page(things, limit=3)) == [10, 9, 8]
    things.execute("delete from dbkit.api_lists")
    with raises(things, "KD142"):
        page(things, limit=3)


def test_a_session_that_has_not_heard_of_an_end(things: Connection) -> None:
    things.execute("delete from dbkit.api_lists")
    with raises(things, "KD142"):
        page(things, filter={"id": {"gt": 2}})


def test_from_python(things: Connection) -> None:
    first = page_list("things", {"limit": 4, "count": "exact"}).run(things)
    assert [item["id"] for item in first.items if isinstance(item, dict)] == [10, 9, 8, 7]
    assert (first.page.total, first.page.total_kind, first.page.offset) == (10, "exact", None)
    rest = page_list("things", {"cursor": first.page.next_cursor}).run(things)
    assert (len(rest.items), rest.page.has_next, rest.page.has_previous) == (6, False, True)
