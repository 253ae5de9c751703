"""migrate, current, typegen: the commands around what is in the database."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dbkit.migrations import current as revision_of
from dbkit.migrations import frozen_revisions
from tests.cli.running import document, done, failed, run
from tests.helpers import connect

HEAD = frozen_revisions()[-1]


def test_migrate_up_and_down(empty_database: str) -> None:
    assert document("migrate", url=empty_database) == {"previous_revision": None, "revision": HEAD}
    assert done("migrate", url=empty_database) == f"revision  {HEAD} (nothing to do)\n"
    assert done("migrate", "--to", "0001", url=empty_database) == f"revision  {HEAD} -> 0001\n"
    assert revision_of(empty_database) == "0001"
    assert document("migrate", "--to", "base", url=empty_database)["revision"] is None


def test_migrate_refuses_an_unknown_revision(shared_database: str) -> None:
    error = failed("migrate", "--to", "nonsense", url=shared_database)
    assert error["exit_code"] == 1
    assert "nonsense" in error["message"]
    assert revision_of(shared_database) == HEAD


def test_migrate_sql_is_the_same_as_migrating(empty_database: str) -> None:
    text = done("migrate", "--sql")
    with connect(empty_database, autocommit=True) as conn:
        conn.execute(text.encode())
    assert revision_of(empty_database) == HEAD


def test_migrate_sql_reaches_a_revision() -> None:
    found = document("migrate", "--sql", "--to", "0001")
    assert found["to"] == "0001"
    assert "dbkit.route_api_call" not in found["sql"]
    assert "dbkit.set_request_context" in found["sql"]


def test_current(shared_database: str, empty_database: str) -> None:
    assert document("current", url=shared_database) == {
        "revision": HEAD,
        "head": HEAD,
        "up_to_date": True,
    }
    assert done("current", url=shared_database) == f"{HEAD} (up to date)\n"
    assert (
        done("current", url=empty_database) == f"not installed (run `dbkit migrate` for {HEAD})\n"
    )


@pytest.fixture
def billing(database: str) -> str:
    with connect(database) as conn:
        conn.execute("create schema billing")
        conn.execute(
            "create function billing.total(p_customer bigint) returns numeric language sql stable "
            "as 'select 12.5'"
        )
        conn.execute("comment on function billing.total is 'What a customer owes.'")
    return database


def test_typegen_prints_a_module(billing: str) -> None:
    source = done("typegen", "--schema", "billing", url=billing)
    compile(source, "billing", "exec")
    assert "def total(\n    customer: int,\n) -> Call[Decimal]:" in source
    found = document("typegen", "--schema", "billing", url=billing)
    assert found["source"] == source


def test_typegen_writes_checks_and_finds_stale(billing: str, tmp_path: Path) -> None:
    file = tmp_path / "billing_calls.py"
    arguments = ["typegen", "--schema", "billing", "-o", str(file)]
    stale = run(*arguments, "--check", url=billing)
    assert (stale.exit_code, stale.stdout) == (1, f"{file} is stale\n")
    assert not file.exists()
    assert document(*arguments, url=billing) == {"output": str(file), "changed": True}
    assert done(*arguments, "--check", url=billing) == f"{file} is up to date\n"
    file.write_text(file.read_text() + "# edited\n")
    assert run(*arguments, "--check", "--json", url=billing).exit_code == 1
    assert done(*arguments, url=billing) == f"{file} written\n"


def test_typegen_for_registered_calls(shared_database: str) -> None:
    source = done("typegen", "--registered", "v2", url=shared_database)
    assert "def get_features(" in source


@pytest.mark.parametrize(
    ("arguments", "code", "sqlstate"),
    [
        (["--schema", "no_such_schema"], 1, None),
        (["--registered", "v9"], 1, "KD102"),
        ([], 2, None),
        (["--schema", "dbkit", "--registered", "v2"], 2, None),
        (["--schema", "dbkit", "--check"], 2, None),
    ],
)
def test_typegen_refuses(
    arguments: list[str], code: int, sqlstate: str | None, shared_database: str
) -> None:
    error = failed("typegen", *arguments, url=shared_database)
    assert (error["exit_code"], error["sqlstate"]) == (code, sqlstate)


def test_generated_code_runs(billing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "generated_billing_calls.py"
    done("typegen", "--schema", "billing", "-o", str(file), url=billing)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__("generated_billing_calls")
    try:
        with connect(billing) as conn:
            assert str(module.total(1).run(conn)) == "12.5"
    finally:
        del sys.modules["generated_billing_calls"]
