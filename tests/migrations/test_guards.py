"""Rules of the tree that hold without a server."""

import re
from pathlib import Path

from alembic.script import ScriptDirectory

from dbkit import freeze, migrations, sqltree

ROOT = Path(__file__).parents[2]
SQL = ROOT / "sql"


def test_newest_frozen_copies_are_todays_sql() -> None:
    assert freeze.changes() == {}, "run make freeze"


def test_frozen_copies_have_not_changed() -> None:
    assert freeze.checksum_file().read_text("utf-8") == freeze.checksums()


def test_released_copies_are_those_that_users_have() -> None:
    assert {revision: freeze.digest(revision) for revision in freeze.released()} == (
        freeze.released()
    )


def test_there_is_one_head() -> None:
    script = ScriptDirectory.from_config(migrations.alembic_config())
    assert script.get_heads() == [migrations.frozen_revisions()[-1]]


def test_every_revision_that_ships_copies_exists() -> None:
    script = ScriptDirectory.from_config(migrations.alembic_config())
    known = {revision.revision for revision in script.walk_revisions()}
    assert set(migrations.frozen_revisions()) <= known


def test_a_module_uses_only_modules_before_it() -> None:
    objects = sqltree.read_tree(SQL)
    home = {
        item.name: item.module for item in objects if item.kind in ("tables", "functions", "views")
    }
    wrong = [
        f"{item.path} uses {name} of {home[name]}"
        for item, text in objects.items()
        for name in re.findall(r"\bdbkit\.(\w+)", re.sub(r"--.*|'(?:[^']|'')*'", "", text))
        if name in home and sqltree.MODULES.index(home[name]) > sqltree.MODULES.index(item.module)
    ]
    assert wrong == []


def test_every_public_function_has_its_test_file() -> None:
    functions = [i for i in sqltree.read_tree(SQL) if i.kind == "functions" and i.name[0] != "_"]
    missing = [
        f"tests/{item.module}/test_{item.name}.py"
        for item in functions
        if not (ROOT / "tests" / item.module / f"test_{item.name}.py").exists()
    ]
    assert missing == []


def test_a_file_makes_the_object_it_is_named_after() -> None:
    made = {"tables": "table", "functions": "(?:function|aggregate|procedure)", "views": "view"}
    wrong = [
        item.path
        for item, text in sqltree.read_tree(SQL).items()
        if item.kind in made
        and not re.search(
            rf"^create (?:or replace )?(?:materialized )?{made[item.kind]} "
            rf"dbkit\.{item.name}\b",
            text,
            re.MULTILINE,
        )
    ]
    assert wrong == []


def test_every_raise_has_an_errcode() -> None:
    wrong = [
        item.path
        for item, text in sqltree.read_tree(SQL).items()
        for raised in re.findall(r"raise exception[^;]*;", text)
        if "errcode" not in raised
    ]
    assert wrong == []


def test_every_definer_function_pins_its_search_path() -> None:
    wrong = [
        item.path
        for item, text in sqltree.read_tree(SQL).items()
        if re.search(r"^security definer$", text, re.MULTILINE)
        and "\nset search_path = pg_catalog, dbkit, pg_temp\n" not in text
    ]
    assert wrong == []


def test_error_codes_that_are_raised_are_declared() -> None:
    texts = sqltree.read_tree(SQL)
    declared = {
        code
        for item, text in texts.items()
        if item.name == "error_codes" and item.kind == "seed"
        for code in re.findall(r"\('(KD\d{3})'", text)
    }
    raised = {
        code
        for item, text in texts.items()
        if item.kind == "functions"
        for code in re.findall(r"'(KD\d{3})'", text)
    }
    assert raised - declared == set()
