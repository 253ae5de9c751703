"""The recipes of CONTRIBUTING.md, typed in a copy of the checkout, ship what they say and back."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import psycopg
import pytest

from dbkit import catalog, migrations
from tests.docs.blocks import Runner
from tests.docs.conftest import ROOT, environment, page_blocks, with_database


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout, with an environment that make takes for installed."""
    copy = tmp_path / "dbkit"
    unwanted = shutil.ignore_patterns(".*", "__pycache__", "dist", "build")
    shutil.copytree(ROOT, copy, ignore=unwanted)
    venv = copy / ".venv"
    venv.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".installed":
            (venv / part.name).symlink_to(part)
    (venv / ".installed").touch()
    return copy


def catalog_of(url: str) -> dict[str, str]:
    with psycopg.connect(url) as connection:
        return catalog.snapshot(connection)


def test_recipes_change_the_database_and_back(
    checkout: Path, programs: Path, database: str
) -> None:
    runner = Runner(checkout, with_database(environment(programs, checkout), database))
    before = catalog_of(database)
    for block in page_blocks("CONTRIBUTING.md"):
        runner.run(block)
    changed = catalog.differences(before, catalog_of(database))
    for name in ("is_known_region", "get_region_contact", "region_contacts", "coupons"):
        assert any(name in line for line in changed), name
    runner.output(["alembic", "downgrade", migrations.frozen_revisions()[-1]])
    assert catalog.differences(before, catalog_of(database)) == []
