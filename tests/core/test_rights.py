"""Who may execute what of module core, against one declared table."""

import pytest

from dbkit import sqltree
from tests.helpers import Connection, rows

EVERYBODY = [
    "app_version_key",
    "caller_has_role",
    "caller_role",
    "clock",
    "context_value",
    "current_organization",
    "is_super_admin",
    "raise_error",
    "request_context",
    "require_service",
    "require_super_admin",
    "semver_key",
    "set_request_context",
]
SERVICE = [
    "_begin_worker_task",
    "_end_worker_task",
    "beat_worker",
    "drop_day_partitions",
    "end_worker",
    "ensure_day_partitions",
    "get_worker_tasks",
    "get_workers",
    "run_worker_task",
    "stop_worker",
    "wake_workers",
]
ADMIN = ["register_worker_task", "unregister_worker_task"]
NOBODY = [
    "_check_worker_task",
    "_make_day_partitions",
    "_raise_unknown_worker_task",
    "_register_worker_task",
    "_unregister_worker_task",
]


def test_the_table_names_every_function() -> None:
    objects = sqltree.read_tree(sqltree.shipped_root() / "sql")
    names = [o.name for o in objects if o.module == "core" and o.kind == "functions"]
    assert sorted(EVERYBODY + SERVICE + ADMIN + NOBODY) == sorted(names)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("public", []),
        ("anon", EVERYBODY),
        ("authenticated", EVERYBODY),
        ("service_role", EVERYBODY + SERVICE),
        ("super_admin", EVERYBODY + SERVICE + ADMIN),
    ],
)
def test_execute(db: Connection, role: str, allowed: list[str]) -> None:
    found = rows(
        db,
        "select proname from pg_proc where pronamespace = 'dbkit'::regnamespace"
        " and proname = any (%s::text[]) and has_function_privilege(%s, oid, 'execute')",
        *(EVERYBODY + SERVICE + ADMIN + NOBODY, role),
    )
    assert sorted(f["proname"] for f in found) == sorted(allowed)
