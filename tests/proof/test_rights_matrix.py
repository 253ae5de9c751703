"""Role × function and role × table × verb: the catalog equals tests/proof/rights.py, every cell."""

from __future__ import annotations

import re

from dbkit import sqltree
from tests.helpers import Connection, one, rows
from tests.proof import rights

ROLES = sqltree.ROLES
EVERYONE = [*ROLES, "public"]
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
CLIENTS = {"anon", "authenticated"}

FUNCTIONS = """
select p.proname as name, r as role
from pg_proc p cross join unnest(%s::text[]) as r
where p.pronamespace = 'dbkit'::regnamespace and has_function_privilege(r, p.oid, 'execute')
"""
TABLES = """
select c.relname as name, v as verb, r as role
from pg_class c cross join unnest(%s::text[]) as r cross join unnest(%s::text[]) as v
where c.relnamespace = 'dbkit'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and has_table_privilege(r, c.oid, v)
"""
COLUMNS = """
select c.relname as table, a.attname as column, v as verb, r as role
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
cross join unnest(%s::text[]) as r
cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) as v
where c.relnamespace = 'dbkit'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and has_column_privilege(r, c.oid, a.attnum, v) and not has_table_privilege(r, c.oid, v)
"""
DEFINERS = """
select proname as name
from pg_proc
where pronamespace = 'dbkit'::regnamespace and prosecdef
  and (has_function_privilege('anon', oid, 'execute')
    or has_function_privilege('authenticated', oid, 'execute'))
"""


def relations(db: Connection, kinds: str = "rpvmf") -> dict[str, dict[str, bool]]:
    """Tables and views by declared name; the days of a partitioned table count as one."""
    found = rows(
        db,
        "select relname as name, relrowsecurity as enabled, relforcerowsecurity as forced,"
        " relkind in ('v', 'm') as is_view from pg_class"
        " where relnamespace = 'dbkit'::regnamespace and relkind = any (%s)",
        list(kinds),
    )
    return {declared_name(f["name"]): f for f in found}


def declared_name(name: str) -> str:
    return re.sub(r"_\d{8}$", "_<day>", name)


def function_cells(db: Connection) -> set[tuple[str, str]]:
    return {(f["name"], f["role"]) for f in rows(db, FUNCTIONS, EVERYONE)}


def table_cells(db: Connection) -> set[tuple[str, str, str]]:
    found = rows(db, TABLES, EVERYONE, list(VERBS))
    return {(declared_name(f["name"]), f["verb"], f["role"]) for f in found}


def declared_table_cells() -> set[tuple[str, str, str]]:
    return {
        (table, verb, role)
        for table, verbs in rights.TABLES.items()
        for verb, roles in verbs.items()
        for role in roles
    }


def declared_function_cells() -> set[tuple[str, str]]:
    return {(name, role) for name, roles in rights.FUNCTIONS.items() for role in roles}


def test_every_object_is_declared(db: Connection) -> None:
    functions = rows(
        db,
        "select proname from pg_proc where pronamespace = 'dbkit'::regnamespace"
        " and prokind in ('f', 'a')",
    )
    assert {f["proname"] for f in functions} == set(rights.FUNCTIONS)
    assert set(relations(db)) == set(rights.TABLES)


def test_a_function_is_declared_once() -> None:
    names = [name for _, names in rights._GROUPS for name in names.split()]
    assert sorted(names) == sorted(set(names))


def test_functions_have_the_declared_rights(db: Connection) -> None:
    assert function_cells(db) == declared_function_cells()


def test_tables_have_the_declared_rights(db: Connection) -> None:
    assert table_cells(db) == declared_table_cells()


def test_columns_have_the_declared_rights(db: Connection) -> None:
    found = {(f["table"], f["column"], f["verb"], f["role"]) for f in rows(db, COLUMNS, EVERYONE)}
    assert found == {(*cell, role) for cell, roles in rights.COLUMNS.items() for role in roles}


def test_sequences_have_the_declared_rights(db: Connection) -> None:
    found = rows(
        db,
        "select relname, r from pg_class cross join unnest(%s::text[]) as r"
        " where relnamespace = 'dbkit'::regnamespace and relkind = 'S'"
        " and has_sequence_privilege(r, oid, 'usage, select, update')",
        EVERYONE,
    )
    assert {f["r"] for f in found} == rights.SEQUENCES


def test_nobody_may_create_in_the_schema(db: Connection) -> None:
    found = rows(
        db,
        "select r as role, v as verb from unnest(%s::text[]) as r"
        " cross join unnest(array['USAGE', 'CREATE']) as v"
        " where has_schema_privilege(r, 'dbkit', v)",
        EVERYONE,
    )
    assert {(f["role"], f["verb"]) for f in found} == {(role, "USAGE") for role in ROLES}


def test_the_gateways_login_has_one_function(db: Connection) -> None:
    found = rows(db, FUNCTIONS, ["dbkit_gateway"])
    assert [f["name"] for f in found] == ["serve_call"]
    assert rows(db, TABLES, ["dbkit_gateway"], list(VERBS)) == []
    assert rows(db, COLUMNS, ["dbkit_gateway"]) == []


def test_public_has_nothing(db: Connection) -> None:
    """Read from the ACLs, since a right of PUBLIC would also show as one of every role."""
    found = rows(
        db,
        "select classoid::regclass::text as catalog, objid from ("
        " select 'pg_proc'::regclass as classoid, oid as objid,"
        "  coalesce(proacl, acldefault('f', proowner)) as acl"
        " from pg_proc where pronamespace = 'dbkit'::regnamespace"
        " union all select 'pg_class', oid, relacl from pg_class"
        " where relnamespace = 'dbkit'::regnamespace"
        " union all select 'pg_namespace', oid, nspacl from pg_namespace where nspname = 'dbkit'"
        " union all select 'pg_attribute', attrelid, attacl from pg_attribute"
        " where attrelid in (select oid from pg_class where relnamespace = 'dbkit'::regnamespace)"
        ") as objects cross join lateral aclexplode(acl) as a where a.grantee = 0",
    )
    assert found == []


def test_a_new_function_starts_without_public(db: Connection) -> None:
    db.execute("create function dbkit.newcomer() returns int language sql return 1")
    assert [c for c in function_cells(db) if c[0] == "newcomer"] == []


def test_tenant_tables_enable_and_force_row_level_security(db: Connection) -> None:
    found = relations(db)
    assert {n for n in rights.TENANT_TABLES if not found[n]["enabled"]} == set()
    assert {n for n in rights.TENANT_TABLES if not found[n]["forced"]} == set()


def test_what_clients_read_is_a_tenants_or_nobodys(db: Connection) -> None:
    read = {table for table, _, role in table_cells(db) if role in CLIENTS}
    assert read == rights.TENANT_TABLES | rights.TENANT_VIEWS | rights.PUBLIC_TABLES
    assert not rights.TENANT_TABLES & rights.PUBLIC_TABLES


def test_views_run_with_their_readers_rights(db: Connection) -> None:
    """A view without security_invoker, and any materialized one, would pass by the policies."""
    found = rows(
        db,
        "select relname from pg_class where relnamespace = 'dbkit'::regnamespace and ("
        " relkind = 'v' and not coalesce(reloptions @> '{security_invoker=true}', false)"
        " or relkind = 'm' and (has_table_privilege('anon', oid, 'select')"
        "  or has_table_privilege('authenticated', oid, 'select')))",
    )
    assert found == []


def test_clients_execute_no_definer_function_but_those_with_a_reason(db: Connection) -> None:
    assert {f["name"] for f in rows(db, DEFINERS)} == set(rights.DEFINERS_FOR_CLIENTS)
    assert all(rights.DEFINERS_FOR_CLIENTS.values())


def test_definer_functions_pin_their_search_path(db: Connection) -> None:
    found = rows(
        db,
        "select proname from pg_proc where pronamespace = 'dbkit'::regnamespace and prosecdef and"
        " not coalesce(proconfig @> array['search_path=pg_catalog, dbkit, pg_temp'], false)",
    )
    assert found == []


def test_roles_are_members_of_nothing_and_cannot_log_in(db: Connection) -> None:
    found = rows(
        db,
        "select rolname from pg_roles r where rolname = any (%s) and (rolcanlogin or rolsuper or"
        " rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or exists"
        " (select from pg_auth_members m where m.member = r.oid))",
        list(ROLES),
    )
    assert found == []


def test_control_an_extra_grant_is_found(db: Connection) -> None:
    db.execute("grant execute on function dbkit.switch_api_version(text, text, bigint) to anon")
    db.execute("grant update on dbkit.orders to authenticated")
    db.execute("create view dbkit.orders_leak as select * from dbkit.orders")
    db.execute("alter table dbkit.orders no force row level security")
    assert function_cells(db) - declared_function_cells() == {("switch_api_version", "anon")}
    assert table_cells(db) - declared_table_cells() == {("orders", "UPDATE", "authenticated")}
    assert set(relations(db)) - set(rights.TABLES) == {"orders_leak"}
    assert relations(db)["orders"]["forced"] is False


def test_control_a_missing_grant_is_found(db: Connection) -> None:
    signature = one(db, "select 'dbkit.route_api_call'::regproc::regprocedure::text")
    db.execute(f"revoke execute on function {signature} from anon".encode())
    assert declared_function_cells() - function_cells(db) == {("route_api_call", "anon")}
