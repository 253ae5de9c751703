"""dbkit.register_list: what a list may be, and what it warns of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dbkit.migrations import migrate
from tests.api.lists import SHOWN, TABLE, fill, ids, page, register, walk, walk_back
from tests.helpers import Connection, become, connect, raises, rows


@pytest.fixture
def things(db: Connection) -> Connection:
    db.execute(TABLE.encode())
    fill(db, 5, note="case when n > 2 then 'n' end")
    return db


WRONG: list[dict[str, Any]] = [
    {"p_name": "Things"},
    {"p_name": None},
    {"p_name": "x" * 51},
    {"p_source": None},
    {"p_source": "shop.nothing"},
    {"p_source": "things"},
    {"p_source": "shop.things; drop table shop.things"},
    {"p_source": "a.b.c.d"},
    {"p_source": '"'},
    {"p_source": "shop.things_made"},
    {"p_columns": []},
    {"p_columns": None},
    {"p_columns": ["id", "nothing"]},
    {"p_columns": ["id", None]},
    {"p_columns": [*SHOWN, "id"]},
    {"p_columns": ["id"]},
    {"p_key": []},
    {"p_key": None},
    {"p_key": ["name"]},
    {"p_key": ["note"]},
    {"p_key": ["nothing"]},
    {"p_sorts": ["nothing"]},
    {"p_sorts": ["secret"]},
    {"p_sorts": ["id desc"]},
    {"p_default_sort": "secret"},
    {"p_default_sort": ""},
    {"p_default_sort": "id desc"},
    {"p_default_sort": "--id"},
    {"p_filters": "[]"},
    {"p_filters": '{"nothing": true}'},
    {"p_filters": '{"id": "eq"}'},
    {"p_filters": '{"id": []}'},
    {"p_filters": '{"id": ["eq", 1]}'},
    {"p_filters": '{"id": ["like"]}'},
    {"p_filters": '{"id": ["matches"]}'},
    {"p_filters": '{"id": false}'},
    {"p_search": ["id"]},
    {"p_search": ["size"]},
    {"p_search": ["nothing"]},
    {"p_max_limit": 0},
    {"p_max_limit": 1001},
    {"p_max_limit": None},
    {"p_default_limit": 101},
    {"p_default_limit": 0},
    {"p_required_role": "nobody_at_all"},
    {"p_not_null": None, "p_key": ["note"]},
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: json.dumps(w)[:50])
def test_refuses(things: Connection, wrong: dict[str, Any]) -> None:
    with raises(things, "KD143") as caught:
        register(things, **wrong)
    assert caught.detail["list"] == wrong.get("p_name", "things")
    assert caught.detail["problem"]


def test_a_key_needs_a_whole_unique_index(things: Connection) -> None:
    things.execute("create unique index on shop.things (name) where note is null")
    things.execute("create unique index on shop.things (lower(name))")
    with raises(things, "KD143"):
        register(things, p_key=["name"])
    things.execute("create unique index on shop.things (name, size)")
    with raises(things, "KD143"):
        register(things, p_key=["name"])
    register(things, p_key=["name", "size"])
    assert ids(page(things, sort="size,name")) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "column", ["j jsonb", "i interval", "m money", "a int[]", "p point", "r int4range"]
)
def test_some_types_can_only_be_shown(things: Connection, column: str) -> None:
    name = column.split()[0]
    things.execute(f"alter table shop.things add {column}".encode())
    shown = [*SHOWN, name]
    for wrong in ({"p_sorts": [name]}, {"p_filters": json.dumps({name: ["eq"]})}):
        with raises(things, "KD143"):
            register(things, p_columns=shown, **wrong)
    register(things, p_columns=shown, p_filters=json.dumps({name: True}))
    assert ids(page(things, filter={name: {"null": True}})) == [5, 4, 3, 2, 1]


def test_names_the_index_that_a_sort_lacks(things: Connection) -> None:
    warnings = register(things, p_sorts=["name", "note"])["warnings"]
    assert warnings == [
        "sorting by -note has no index: "
        "create index on shop.things (note desc nulls last, id desc)",
        "sorting by name has no index: create index on shop.things (name, id)",
        "sorting by note has no index: create index on shop.things (note nulls last, id)",
    ]
    for warning in warnings:
        things.execute(warning.split(": ")[1].encode())
    assert register(things, p_sorts=["name", "note"])["warnings"] == []
    things.execute("drop index shop.things_made")
    things.execute("create index on shop.things (organization_id, made_at desc, id desc)")
    assert register(things, p_sorts=[])["warnings"] == [], "organization_id can be filtered by eq"
    assert len(register(things, p_sorts=[], p_filters="{}")["warnings"]) == 1
    things.execute("alter table shop.things enable row level security")
    assert register(things, p_sorts=[], p_filters="{}")["warnings"] == []


@pytest.mark.parametrize("sort", ["made_at", "-made_at", "-made_at,name", "note", "-note", "name"])
@pytest.mark.parametrize("direction", ["next", "previous"])
def test_an_index_that_is_named_is_used(things: Connection, sort: str, direction: str) -> None:
    """It is read from the edge on: not from the start, and not to the end to be sorted."""
    for warning in register(things)["warnings"]:
        things.execute(warning.split(": ")[1].encode())
    things.execute("create index on shop.things (made_at desc, name, id)")
    fill(things, 3000, id="n + 5", note="case when n % 2 = 0 then 'n' || n end")
    things.execute("analyze shop.things")
    found = page(things, sort=sort, offset=1500, limit=2)
    assert read_by(things, sort, found["page"][f"{direction}_cursor"]) < 100


def read_by(conn: Connection, sort: str, cursor: str) -> int:
    """Rows that a page takes from the table's indexes and the table."""
    before = rows(conn, READ)[0]
    page(conn, sort=sort, cursor=cursor, limit=2)
    after = rows(conn, READ)[0]
    return int(after["n"]) - int(before["n"])


READ = """
select coalesce(sum(pg_stat_get_xact_tuples_returned(c.oid)), 0)
  + pg_stat_get_xact_tuples_returned('shop.things'::regclass) as n
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = 'shop.things'::regclass
"""


def test_a_view_is_a_source(things: Connection) -> None:
    things.execute("""
    create view shop.dear with (security_invoker = true) as
      select id, upper(name) as title, total * 2 as double, note from shop.things where id > 1;
    grant select on shop.dear to authenticated;
    """)
    given = {
        "p_source": "shop.dear",
        "p_columns": ["id", "title", "double", "note"],
        "p_sorts": ["title", "double"],
        "p_default_sort": "-id",
        "p_filters": '{"title": true}',
        "p_search": ["title"],
    }
    (warning,) = register(things, **given)["warnings"]
    assert "unique" in warning
    become(things, "authenticated")
    assert walk(things, limit=2) == walk_back(things, limit=3) == [5, 4, 3, 2]
    assert walk(things, sort="title", limit=1) == [2, 3, 4, 5]
    things.execute("reset role")
    register(things, **given, p_not_null=["title"])
    assert walk(things, sort="-title", limit=1) == [5, 4, 3, 2]


def test_views_that_pass_policies_by_are_warned_of(things: Connection) -> None:
    given = {"p_columns": ["id"], "p_sorts": [], "p_default_sort": "id", "p_search": []}
    given["p_filters"] = "{}"
    things.execute("create view shop.v as select id from shop.things")
    things.execute("create materialized view shop.m as select id from shop.things")
    for source, words in (("shop.v", "security_invoker"), ("shop.m", "materialized")):
        warnings = register(things, p_source=source, **given)["warnings"]
        assert any(words in w for w in warnings), warnings


def test_partitions_domains_and_odd_names(db: Connection) -> None:
    db.execute("""
    create schema "Odd Names";
    create domain "Odd Names".code as text check (value <> '');
    create table "Odd Names"."select" ("user" bigint, "Limit" "Odd Names".code not null,
      p_edge int not null default 1, t int not null default 2, primary key ("user", t))
      partition by range ("user");
    create table "Odd Names".p1 partition of "Odd Names"."select" for values from (0) to (5);
    create table "Odd Names".p2 partition of "Odd Names"."select" for values from (5) to (99);
    insert into "Odd Names"."select" ("user", "Limit")
    select n, 'c' || n from generate_series(1, 9) n;
    """)
    register(
        db,
        p_source='"Odd Names"."select"',
        p_columns=["user", "Limit", "p_edge", "t"],
        p_key=["user", "t"],
        p_sorts=["Limit", "p_edge"],
        p_default_sort="-user",
        p_filters='{"Limit": true}',
        p_search=["Limit"],
    )
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        found = page(db, limit=2, sort="p_edge,-Limit", **cursor)
        seen += [item["user"] for item in found["items"]]
        if not found["page"]["has_next"]:
            break
        cursor = {"cursor": found["page"]["next_cursor"]}
    assert seen == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert page(db, filter={"Limit": {"like": "c1%"}})["items"][0]["user"] == 1


def test_again_changes_it(things: Connection) -> None:
    register(things)
    register(
        things, p_columns=["id"], p_sorts=[], p_default_sort="id", p_max_limit=2, p_default_limit=1
    )
    assert page(things)["items"] == [{"id": 1}]
    with raises(things, "KD140"):
        page(things, limit=3)


def test_is_for_the_super_admin(things: Connection) -> None:
    become(things, "service_role")
    with raises(things, "42501"):
        register(things)
    things.execute("reset role")
    become(things, "super_admin")
    register(things)


def test_needs_read_committed(database: str) -> None:
    """So that two registrations at a time do not lose one another."""
    with connect(database) as conn:
        conn.execute("set transaction isolation level repeatable read")
        conn.execute(TABLE.encode())
        with raises(conn, "KD004"):
            register(conn)


def test_a_registered_list_is_not_in_the_way_of_a_downgrade(database: str) -> None:
    with connect(database) as conn:
        conn.execute(TABLE.encode())
        register(conn)
    migrate(database, "base")
    with connect(database) as conn:
        assert rows(conn, "select from pg_proc where proname like '%%rows%%of%%things'") == []
    migrate(database)
    with connect(database) as conn:
        register(conn)
        assert page(conn)["items"] == []
