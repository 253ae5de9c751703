"""plpgsql_check, with all its warnings, on every function, where the server has the extension."""

import psycopg
import pytest

from tests.helpers import connect, one, rows

ON_PURPOSE: dict[str, str | tuple[str, ...]] = {
    # A planner may run anything but a VOLATILE function while it plans.
    "raise_error": "routine is marked as VOLATILE, should be IMMUTABLE",
    # A handler takes a payload, also where the call has none.
    "rpc_v3_get_region_health": 'unused parameter "p_payload"',
    # A STABLE function sees what was committed when the statement around it began.
    "_has_event_of": "routine is marked as VOLATILE, should be STABLE",
    "_error_to_keep": "routine is marked as VOLATILE, should be STABLE",
    "_unquotable_deliveries": "routine is marked as VOLATILE, should be STABLE",
    "_newest_position": "routine is marked as VOLATILE, should be STABLE",
    # It locks rows.
    "_begin_alert_tick": "routine is marked as VOLATILE, should be STABLE",
    "_next_due": "routine is marked as VOLATILE, should be STABLE",
    "_requeued_batch": "routine is marked as VOLATILE, should be STABLE",
    # What it executes is the signature of a function, let in by register_worker_task.
    "run_worker_task": "text type variable is not sanitized",
    # What it executes is written from a list's definition, values are parameters. EXPLAIN is a
    # command, which only a VOLATILE function may execute.
    "_count_list": (
        "text type variable is not sanitized",
        "routine is marked as VOLATILE, should be STABLE",
    ),
    "_page_of_checked": "text type variable is not sanitized",
}
A_LIST = b"""
select dbkit.register_list('checked', 'dbkit.api_versions', '{version}', '{version}')
"""
"""So that what is written for a list is looked at, too."""
OF_GENERATED = ("unused parameter", "routine is marked as STABLE, should be IMMUTABLE")
"""What a generated function must not be blamed for while its registry is empty or small."""


@pytest.fixture
def checked(database: str) -> str:
    with connect(database, autocommit=True) as conn:
        there = one(
            conn, "select count(*) from pg_available_extensions where name = %s", "plpgsql_check"
        )
        if not there:
            pytest.skip("the server has no plpgsql_check; CI runs this on Debian's PG 15")
        conn.execute("create extension plpgsql_check schema public")
        conn.execute(A_LIST)
    return database


def test_every_function_is_clean(checked: str) -> None:
    with connect(checked, autocommit=True) as conn:
        found = rows(
            conn,
            "select p.proname, c.lineno, c.level, c.sqlstate, c.message, c.detail, "
            "coalesce(obj_description(p.oid, 'pg_proc') like 'Generated from%', false) as generated"
            " from pg_proc p "
            "join pg_language l on l.oid = p.prolang and l.lanname = 'plpgsql' "
            "cross join lateral public.plpgsql_check_function_tb(p.oid, coalesce((select t.tgrelid "
            "from pg_trigger t where t.tgfoid = p.oid limit 1), 0), fatal_errors => false, "
            "other_warnings => true, extra_warnings => true, performance_warnings => true, "
            "security_warnings => true) c "
            "where p.pronamespace = 'dbkit'::regnamespace order by 1, 2",
        )
    unexpected = [
        f"{f['proname']}:{f['lineno']} {f['level']}: {f['message']} {f['detail'] or ''}"
        for f in found
        if f["message"] not in ON_PURPOSE.get(f["proname"], ())
        and not (f["generated"] and f["message"].startswith(OF_GENERATED))
    ]
    assert unexpected == [], "\n".join(unexpected)


def test_control_it_finds_a_broken_function(checked: str) -> None:
    with connect(checked) as conn, pytest.raises(psycopg.Error):
        conn.execute(
            "create function dbkit.broken() returns int language plpgsql as "
            "$$ begin return (select nothing from dbkit.api_versions); end $$; "
            "select public.plpgsql_check_function('dbkit.broken()'); "
            "do $$ begin if (select count(*) from public.plpgsql_check_function_tb("
            "'dbkit.broken()')) > 0 then raise exception 'found'; end if; end $$"
        )
