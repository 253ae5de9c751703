"""The wheel, installed clean, migrates from an empty folder."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import psycopg

from dbkit import catalog

ROOT = Path(__file__).parents[2]


def test_wheel_installed_clean_migrates_to_the_same_catalog(
    tmp_path: Path, empty_database: str, database: str
) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    subprocess.run([home / "bin" / "pip", "install", "-q", wheel], check=True, capture_output=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run(
        [home / "bin" / "dbkit", "migrate"],
        cwd=empty,
        env=environment | {"DATABASE_URL": empty_database},
        check=True,
        capture_output=True,
    )
    with psycopg.connect(empty_database) as here, psycopg.connect(database) as there:
        assert catalog.differences(catalog.snapshot(here), catalog.snapshot(there)) == []
