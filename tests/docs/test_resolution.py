"""Every row of the table in "How versions are resolved" is what the database does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import psycopg
import pytest

from tests.helpers import Connection, one

PAGE = Path(__file__).parents[2] / "docs" / "how-versions-are-resolved.md"
TEXT = PAGE.read_text("utf-8")
TABLE = TEXT.partition("<!-- resolutions -->")[2].partition("<!-- /resolutions -->")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.split("\n")[3:] if line
]
SETUP = re.findall(r"^```sql\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[0]


def served(conn: Connection, name: str, context: dict[str, str], asked: str | None) -> str:
    """The version that served a call, or the SQLSTATE."""
    one(conn, "select dbkit.set_request_context(%s)", json.dumps(context))
    try:
        with conn.transaction():
            meta = one(conn, "select dbkit.route_api_call(%s, '{}', %s) -> 'meta'", name, asked)
    except psycopg.Error as error:
        return str(error.sqlstate)
    return str(meta["version"])


@pytest.fixture
def registered(db: Connection) -> Connection:
    db.execute(SETUP.encode())
    return db


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(cell or "-" for cell in row[:5]))
def test_resolves_as_the_table_says(registered: Connection, row: list[str]) -> None:
    name, app, client, asked, active, expected, _ = row
    given = {"app_version": app, "client_id": client}
    one(registered, "select dbkit.switch_api_version(%s)", active)
    context = {key: value for key, value in given.items() if value}
    assert served(registered, name, context, asked or None) == expected


def test_the_table_names_every_way_to_begin() -> None:
    assert {bool(row[3]) for row in ROWS} == {True, False}
    assert {row[2] for row in ROWS} == {"", "kiosk"}
    assert {row[5] for row in ROWS} >= {"v1", "v2", "v3", "KD101", "KD102", "KD104"}
