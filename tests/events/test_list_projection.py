from __future__ import annotations

from typing import Any

from tests.events.projections import opened, place, place_many, register, run
from tests.helpers import Connection, become, raises, row, rows, unbecome


def page(
    conn: Connection,
    after: str | None = None,
    limit: int = 100,
    prefix: str | None = None,
    name: str = "orders_per_store",
) -> list[dict[str, Any]]:
    statement = "select * from dbkit.list_projection(%s, %s, %s, %s)"
    return rows(conn, statement, name, after, limit, prefix)


def keys(found: list[dict[str, Any]]) -> list[str]:
    return [r["key"] for r in found]


def test_pages_through_all_keys_in_order(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        for n, store in enumerate(("b", "a", "C", "é", "aa")):
            place(conn, f"{n}", store)
        run(conn)
        first = page(conn, limit=2)
        assert keys(first) == ["C", "a"]
        assert keys(page(conn, "a")) == ["aa", "b", "é"]
        assert first[1] | {"updated_at": None} == {
            "key": "a",
            "state": {"orders": 1, "cents": 100},
            "position": 2,
            "updated_at": None,
        }


def test_a_prefix_is_text_not_a_pattern(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        for n, store in enumerate(("a", "ab", "a%", "a%b", "a_", "b", "a%\U0010ffff\U0010ffff")):
            place(conn, f"{n}", store)
        run(conn)
        assert keys(page(conn, prefix="a%")) == ["a%", "a%b", "a%\U0010ffff\U0010ffff"]
        assert keys(page(conn, "a%", prefix="a%", limit=1)) == ["a%b"]
        assert keys(page(conn, prefix="c")) == []


def test_a_tenant_sees_its_own_rows_and_the_service_one_organization(database: str) -> None:
    with opened(database) as conn:
        register(conn, mode="on_demand")
        for organization in ("acme", "bistro"):
            with conn.transaction():
                become(conn, "authenticated", organization_id=organization)
                place(conn, "1", f"of {organization}")
                unbecome(conn)
        for role in ("authenticated", "service_role"):
            with conn.transaction():
                become(conn, role, organization_id="acme")
                assert keys(page(conn)) == ["of acme"]
                unbecome(conn)
        with conn.transaction():
            become(conn, "authenticated", organization_id="acme")
            assert [r["key"] for r in rows(conn, "select * from dbkit.event_projections")] == [
                "of acme"
            ]
            with raises(conn, "42501"):
                conn.execute("delete from dbkit.event_projections")
            unbecome(conn)


def test_catches_up_on_demand(database: str) -> None:
    with opened(database) as conn:
        register(conn, mode="on_demand")
        place_many(conn, 20, stores=3)
        assert keys(page(conn)) == ["s0", "s1", "s2"]


def test_refuses_bad_limits_and_unknown_names(database: str) -> None:
    with opened(database) as conn:
        register(conn)
        for limit in (0, -1, 10001):
            with raises(conn, "KD004"):
                page(conn, limit=limit)
        with raises(conn, "KD510"):
            page(conn, name="nothing")


def test_a_page_is_an_index_range(database: str) -> None:
    with opened(database) as conn:
        register(conn, key=None)
        place_many(conn, 5000)
        run(conn, limit=10000)
        conn.execute("analyze dbkit.event_projections")
        for plans in ("force_custom_plan", "force_generic_plan"):
            conn.execute(f"set plan_cache_mode = {plans}".encode())
            with conn.transaction():
                assert len(page(conn, "m2", 50, "m")) == 50
                scans = row(
                    conn,
                    """select seq_scan, idx_tup_fetch from pg_stat_xact_user_tables
                    where relid = 'dbkit.event_projections'::regclass""",
                )
            assert scans["seq_scan"] == 0
            assert scans["idx_tup_fetch"] <= 100
