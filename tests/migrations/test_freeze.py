"""`make freeze` in a copy of the tree: what a contributor's change becomes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbkit import freeze, migrations, sqltree
from dbkit.sqltree import ObjectId
from tests.helpers import connect, one, rows

ROOT = Path(__file__).parents[2]
CLOCK = "sql/core/functions/clock.sql"
NEW_TABLE = """create table dbkit.regional_notes (
  id bigint generated always as identity primary key,
  region_id text not null references dbkit.regions (id)
);
comment on table dbkit.regional_notes is 'Notes.';
grant select on dbkit.regional_notes to service_role;
"""
NEW_POLICY = """alter table dbkit.regional_notes enable row level security;
create policy regional_notes_all on dbkit.regional_notes to service_role using (true);
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of sql/ and alembic/ that the whole machinery takes for the shipped one."""
    for folder in ("sql", "alembic"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    monkeypatch.setattr(sqltree, "shipped_root", lambda: tmp_path)
    yield tmp_path


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def comment(url: str, function: str) -> str:
    with connect(url) as conn:
        return str(one(conn, "select obj_description(%s::regprocedure)", function))


def test_a_changed_function_goes_up_and_down(tree: Path, empty_database: str) -> None:
    before = migrations.frozen_revisions()[-1]
    edit(tree / CLOCK, "'The time now.", "'The time of day.")
    revision = freeze.freeze("say it better")
    assert revision == f"{int(before) + 1:04d}"
    assert freeze.changes() == {}
    migrations.migrate(empty_database)
    assert comment(empty_database, "dbkit.clock()").startswith("The time of day.")
    migrations.migrate(empty_database, before)
    assert comment(empty_database, "dbkit.clock()").startswith("The time now.")


def test_rights_that_a_new_text_does_not_grant_are_gone(tree: Path, empty_database: str) -> None:
    before = migrations.frozen_revisions()[-1]
    edit(tree / CLOCK, "to anon, authenticated, service_role, super_admin;", "to super_admin;")
    freeze.freeze("only for super admins")
    may = "select has_function_privilege('anon', 'dbkit.clock()', 'execute')"
    migrations.migrate(empty_database, before)
    with connect(empty_database) as conn:
        assert one(conn, may) is True
    migrations.migrate(empty_database)
    with connect(empty_database) as conn:
        assert one(conn, may) is False


def test_new_objects_go_up_and_down(tree: Path, empty_database: str) -> None:
    (tree / "sql/regions/policies").mkdir(exist_ok=True)
    (tree / "sql/regions/tables/regional_notes.sql").write_text(NEW_TABLE, "utf-8")
    (tree / "sql/regions/policies/regional_notes.sql").write_text(NEW_POLICY, "utf-8")
    before = migrations.frozen_revisions()[-1]
    freeze.freeze("notes")
    migrations.migrate(empty_database)
    with connect(empty_database) as conn:
        assert len(rows(conn, "select from pg_policies where tablename = 'regional_notes'")) == 1
    migrations.migrate(empty_database, before)
    with connect(empty_database) as conn:
        assert one(conn, "select to_regclass('dbkit.regional_notes')") is None


def test_a_changed_table_asks_for_its_alter(tree: Path, empty_database: str) -> None:
    table = tree / "sql/regions/tables/regions.sql"
    before = migrations.frozen_revisions()[-1]
    edit(table, "create table dbkit.regions (", "create table dbkit.regions (\n  note text,")
    revision = freeze.freeze("regions have notes")
    script = next((tree / "alembic/versions").glob(f"{revision}_*.py"))
    assert "regions/tables/regions.sql changed" in script.read_text("utf-8")
    edit(
        script,
        freeze.TABLE_NOTE.format(path="regions/tables/regions.sql"),
        '    run_sql("alter table dbkit.regions add column note text")\n',
    )
    edit(
        script,
        "    revert_frozen(revision)",
        '    revert_frozen(revision)\n    run_sql("alter table dbkit.regions drop column note")',
    )
    edit(
        script, "import apply_frozen, revert_frozen", "import apply_frozen, revert_frozen, run_sql"
    )
    migrations.migrate(empty_database, before)
    migrations.migrate(empty_database)
    with connect(empty_database) as conn:
        assert one(conn, "select count(*) from dbkit.regions where note is null") == 4
    migrations.migrate(empty_database, before)


def test_a_deleted_function_is_dropped_and_comes_back(tree: Path, empty_database: str) -> None:
    before = migrations.frozen_revisions()[-1]
    (tree / "sql/regions/functions/get_region_sync_status.sql").unlink()
    freeze.freeze("no sync status")
    there = "select count(*) from pg_proc where proname = 'get_region_sync_status'"
    migrations.migrate(empty_database)
    with connect(empty_database) as conn:
        assert one(conn, there) == 0
    migrations.migrate(empty_database, before)
    with connect(empty_database) as conn:
        assert one(conn, there) == 1


def test_amends_the_newest_revision_until_it_is_released(tree: Path) -> None:
    edit(tree / CLOCK, "'The time now.", "'The time of day.")
    revision = freeze.freeze("say it better")
    edit(tree / CLOCK, "'The time of day.", "'What time it is.")
    assert freeze.freeze("", amend=True) == revision
    assert freeze.changes() == {}
    freeze.main(["--release"])
    assert revision in freeze.released()
    with pytest.raises(SystemExit, match="is released"):
        freeze.freeze("", amend=True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--amend", "--only", "metrics,events"], "no module 'metrics,events'"),
        (["--amend", "--only", "core", "--only", "Events"], "no module 'Events'"),
        (["a title", "--only", "nothing"], "no module 'nothing'; one --only for each of core,"),
        (["--amend", "--only", "regions"], "would be left without a change; nothing was done"),
    ],
)
def test_refuses_before_it_touches_anything(tree: Path, arguments: list[str], told: str) -> None:
    edit(tree / CLOCK, "'The time now.", "'The time of day.")
    freeze.freeze("say it better")
    edit(tree / CLOCK, "'The time of day.", "'What time it is.")
    before = files(tree)
    with pytest.raises(SystemExit, match=told):
        freeze.main(arguments)
    assert files(tree) == before


def test_a_broken_tree_costs_no_revision(tree: Path) -> None:
    edit(tree / CLOCK, "'The time now.", "'The time of day.")
    freeze.freeze("say it better")
    (tree / "sql/core/functions/Bad Name.txt").write_text("")
    (tree / "sql/nowhere").mkdir()
    (tree / "sql/nowhere/clock.sql").write_text("select 1;")
    before = files(tree)
    with pytest.raises(sqltree.SqlTreeError):
        freeze.freeze("", amend=True)
    assert files(tree) == before


def test_freezes_the_modules_that_are_named(tree: Path) -> None:
    edit(tree / CLOCK, "'The time now.", "'The time of day.")
    (tree / "sql/regions/tables/regional_notes.sql").write_text(NEW_TABLE)
    freeze.main(["some", "--only", "core"])
    assert [i.module for i in freeze.changes()] == ["regions"]
    freeze.main(["--amend", "--only", "core", "--only", "regions"])
    assert freeze.changes() == {}


def files(tree: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in tree.rglob("*") if file.is_file()}


def test_a_released_copy_that_was_changed_is_found(tree: Path) -> None:
    freeze.release()
    copy = tree / "alembic/frozen/0001/core/functions/clock.sql"
    edit(copy, "'The time now.", "'The time of day.")
    freeze.write_checksums()
    assert [r for r, known in freeze.released().items() if freeze.digest(r) != known] == ["0001"]


def test_command_line(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    freeze.main(["nothing to do"])
    assert "no change" in capsys.readouterr().out
    edit(tree / CLOCK, "'The time now.", "'The time of day.")
    with pytest.raises(SystemExit, match=r"not frozen: core/functions/clock\.sql"):
        freeze.main(["--check"])
    freeze.main(["say it better"])
    assert "revision" in capsys.readouterr().out
    with pytest.raises(SystemExit) as done:
        freeze.main(["--check"])
    assert done.value.code == 0
    with pytest.raises(SystemExit):
        freeze.main([])


@pytest.mark.parametrize("path", ["core/clock.sql", "nowhere/functions/x.sql", "core/odd/x.sql"])
def test_refuses_a_file_outside_the_house(path: str) -> None:
    with pytest.raises(sqltree.SqlTreeError, match="expected <module>/<kind>/<name>"):
        ObjectId.parse(path)


def test_refuses_tables_that_need_each_other() -> None:
    one_way = {
        ObjectId("core", "tables", "a"): "create table dbkit.a (b int references dbkit.b);",
        ObjectId("core", "tables", "b"): "create table dbkit.b (c int references dbkit.c);",
        ObjectId("core", "tables", "c"): "create table dbkit.c (a int references dbkit.a);",
    }
    with pytest.raises(sqltree.SqlTreeError, match="need each other"):
        sqltree.creation_order(one_way)


def test_a_seed_must_say_how_it_is_undone() -> None:
    with pytest.raises(sqltree.SqlTreeError, match="needs a line '-- down'"):
        sqltree.drop_sql(ObjectId("core", "seed", "x"), "insert into dbkit.x default values;\n")
