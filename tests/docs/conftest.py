"""Where examples run: a folder for PATH, an environment without the developer's databases."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from dbkit.server import find_binaries
from dbkit.settings import settings
from tests.docs.blocks import Block, blocks_of

ROOT = Path(__file__).parents[2]


def page_blocks(page: str) -> list[Block]:
    return blocks_of(page, (ROOT / page).read_text("utf-8"))


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PATH: this checkout's dbkit, its Python, Alembic, and psql."""
    folder = tmp_path_factory.mktemp("bin")
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    dbkit = folder / "dbkit"
    dbkit.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dbkit "$@"\n')
    alembic = folder / "alembic"
    alembic.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m alembic "$@"\n')
    psql = shutil.which("psql") or find_binaries(settings().server).bin_dir / "psql"
    (folder / "psql").symlink_to(psql)
    for file in (python, dbkit, alembic):
        file.chmod(0o755)
    return folder


def environment(programs: Path, package: Path) -> dict[str, str]:
    """What an example sees: no database of the developer's, the checkout's own package."""
    ours = ("DATABASE_URL", "DBKIT_HOME", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PG") and k not in ours}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return kept | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(package),
        "PGCONNECT_TIMEOUT": "10",
        "PORT": str(port),
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }


def end_servers(folder: Path) -> None:
    """Those that a page has started and, because it failed, not ended."""
    for file in folder.glob("*.pid"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(file.read_text("utf-8")), signal.SIGTERM)


def with_database(surroundings: dict[str, str], url: str) -> dict[str, str]:
    """DATABASE_URL, and the same for psql."""
    parts = conninfo_to_dict(url)
    libpq = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    libpq["password"] = "PGPASSWORD"
    named = {variable: str(parts[key]) for key, variable in libpq.items() if parts.get(key)}
    return surroundings | {"DATABASE_URL": url} | named
