"""Every SQL function is executed by a test: the gathering works, and sees what is missing.

The verdict itself falls at the end of a whole run, in tests/proof/coverage_hook.py.
"""

from __future__ import annotations

import psycopg
import pytest

from tests.helpers import Connection, connect, one
from tests.proof import coverage_hook


@pytest.fixture
def gathered(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """In place of what the run has gathered so far."""
    names: set[str] = set()
    monkeypatch.setattr(coverage_hook, "called", names)
    return names


def test_calls_are_counted_also_those_behind_others(database: str, gathered: set[str]) -> None:
    with coverage_hook.recorded(database) as url, connect(url) as conn:
        one(conn, "select dbkit.route_api_call('get_features', '{}', 'v2')")
        conn.commit()
    assert {"route_api_call", "_dispatch", "rpc_v2_get_features", "evaluate_feature"} <= gathered
    assert not {"switch_api_version", "_place_order", "log_rollback"} & gathered


def test_calls_that_were_rolled_back_count(database: str, gathered: set[str]) -> None:
    with coverage_hook.recorded(database) as url, connect(url) as conn:
        one(conn, "select dbkit.get_best_api_version('1.4.0')")
        conn.rollback()
    assert "get_best_api_version" in gathered


def test_calls_that_failed_count(
    database: str, gathered: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres does not count them: some functions do nothing but raise."""
    coverage_hook.note_errors(monkeypatch)
    with (
        coverage_hook.recorded(database) as url,
        connect(url, autocommit=True) as conn,
        pytest.raises(psycopg.errors.DatabaseError),
    ):
        one(conn, "select dbkit.semver_key('1')")
    assert gathered == {"semver_key", "raise_error"}


def test_a_database_without_dbkit_is_left_alone(empty_database: str, gathered: set[str]) -> None:
    with coverage_hook.recorded(empty_database) as url, connect(url) as conn:
        assert one(conn, "show track_functions") == "none"
    assert gathered == set()


def test_the_tree_and_the_catalog_name_the_same_functions(db: Connection) -> None:
    found = db.execute(
        "select proname from pg_proc where pronamespace = 'dbkit'::regnamespace"
    ).fetchall()
    assert {f["proname"] for f in found} == coverage_hook.functions_of_the_tree().keys()


def test_control_a_function_that_nothing_called_is_reported() -> None:
    known = coverage_hook.functions_of_the_tree()
    every = set(known)
    assert coverage_hook.never_called(known, every) == []
    assert coverage_hook.never_called(known, every - {"route_api_call"}) == ["route_api_call"]


def test_an_inlined_function_runs_with_those_that_name_it() -> None:
    known = {
        "inner": "create or replace function dbkit.inner()\nlanguage sql\nas $$ select 1 $$;",
        "outer": "create or replace function dbkit.outer() … dbkit.inner() …",
    }
    assert coverage_hook.never_called(known, {"outer"}) == []
    assert coverage_hook.never_called(known, set()) == ["inner", "outer"]


def test_an_aggregate_runs_with_those_that_name_it() -> None:
    known = {
        "total": "create or replace aggregate dbkit.total (int)(sfunc = int4pl, stype = int);",
        "outer": "create or replace function dbkit.outer() … dbkit.total(1) …",
    }
    assert coverage_hook.never_called(known, {"outer"}) == []
    assert coverage_hook.never_called(known, set()) == ["outer", "total"]


def test_a_part_of_the_suite_gives_no_verdict() -> None:
    files = coverage_hook.files_that_count()
    assert any(file.endswith("tests/api/test_route_api_call.py") for file in files)
    assert not any("/tests/proof/" in file for file in files)
