"""The reference pages are what the catalog and the command line say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.conftest import ROOT

REFERENCE = ROOT / "docs" / "reference"


def check(script: Path, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, script, "--check", "--url", url],
        cwd=script.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_reference_is_generated(shared_database: str) -> None:
    done = check(REFERENCE / "generate.py", shared_database)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", ["sql.md", "cli.md"])
def test_a_stale_page_is_found(page: str, shared_database: str, tmp_path: Path) -> None:
    copy = shutil.copytree(REFERENCE, tmp_path / "reference")
    with (copy / page).open("a") as file:
        file.write("by hand\n")
    done = check(copy / "generate.py", shared_database)
    assert (done.returncode, page in done.stderr) == (1, True)
