"""Role by object, against a declared table; a function or table that is not in it fails."""

from __future__ import annotations

import pytest

from dbkit import sqltree
from tests.helpers import Connection, become, raises, rows

ROLES = sqltree.ROLES
SERVICE = {"service_role", "super_admin"}
FUNCTIONS: dict[str, set[str]] = {
    "_check_environment": SERVICE,
    "_check_rollback_target": set(),
    "_log_api_switch": set(),
    "_record_deployment_metric": set(),
    "_tell_deployment": set(),
    "get_deployment_steps": SERVICE,
    "get_deployments": SERVICE,
    "log_deployment_step": SERVICE,
    "get_last_successful_deployment": SERVICE,
    "log_deployment": SERVICE,
    "log_rollback": SERVICE,
    "update_deployment_status": SERVICE,
}
TABLES: dict[str, dict[str, set[str]]] = {
    "deployment_log": {"SELECT": SERVICE},
    "deployment_steps": {"SELECT": SERVICE},
}
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
WRITES = {
    "log_deployment": "select dbkit.log_deployment('1.0.0')",
    "update_deployment_status": "select * from dbkit.update_deployment_status('d', 'success')",
    "get_deployment_steps": "select * from dbkit.get_deployment_steps('d')",
    "get_deployments": "select * from dbkit.get_deployments()",
    "log_deployment_step": "select dbkit.log_deployment_step('d', 'x', 'done')",
    "log_rollback": "select * from dbkit.log_rollback('d', 'why')",
}


def _objects(kind: str) -> set[str]:
    tree = sqltree.read_tree(sqltree.shipped_root() / "sql")
    return {item.name for item in tree if item.module == "deployments" and item.kind == kind}


def test_every_object_is_declared() -> None:
    assert set(FUNCTIONS) == _objects("functions")
    assert set(TABLES) == _objects("tables")


def test_functions_have_the_declared_rights(db: Connection) -> None:
    found = rows(
        db,
        """
        select p.proname as name, r as role
        from pg_proc p cross join unnest(%s::text[]) as r
        where p.pronamespace = 'dbkit'::regnamespace and p.proname = any (%s)
          and has_function_privilege(r, p.oid, 'execute')
        """,
        [*ROLES, "public"],
        list(FUNCTIONS),
    )
    granted = {(f["name"], f["role"]) for f in found}
    assert granted == {(name, role) for name, roles in FUNCTIONS.items() for role in roles}


def test_tables_have_the_declared_rights(db: Connection) -> None:
    found = rows(
        db,
        """
        select c.relname as name, r as role, v as verb
        from pg_class c cross join unnest(%s::text[]) as r cross join unnest(%s::text[]) as v
        where c.relnamespace = 'dbkit'::regnamespace and c.relname = any (%s)
          and has_table_privilege(r, c.oid, v)
        """,
        [*ROLES, "public"],
        list(VERBS),
        list(TABLES),
    )
    granted = {(f["name"], f["verb"], f["role"]) for f in found}
    assert granted == {
        (name, verb, role)
        for name, verbs in TABLES.items()
        for verb, roles in verbs.items()
        for role in roles
    }


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("name", WRITES)
def test_clients_are_refused_twice(db: Connection, name: str, role: str) -> None:
    """By the missing grant, and should someone grant it, by the function itself."""
    become(db, role)
    with raises(db, "42501"):
        rows(db, WRITES[name])
    db.execute("reset role")
    db.execute(f"grant execute on function dbkit.{name} to {role}".encode())
    become(db, role)
    with raises(db, "KD003") as caught:
        rows(db, WRITES[name])
    assert caught.detail == {"required_role": "service_role", "caller_role": role}


def test_error_codes_are_seeded(db: Connection) -> None:
    found = rows(db, "select sqlstate from dbkit.error_codes where sqlstate like 'KD2%' order by 1")
    assert [f["sqlstate"] for f in found] == [f"KD20{n}" for n in range(1, 9)]
