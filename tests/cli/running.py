"""Run the command line in-process or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from dbkit.cli import app


def run(*arguments: str, url: str | None = None, stdin: str | None = None) -> Result:
    """In-process; a traceback (a mistake of ours) is raised, not swallowed."""
    where = ["--url", url] if url else []
    result = CliRunner().invoke(app, [*arguments, *where], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def done(*arguments: str, url: str | None = None, stdin: str | None = None) -> str:
    """Standard output of a command that works."""
    result = run(*arguments, url=url, stdin=stdin)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def document(*arguments: str, url: str | None = None, stdin: str | None = None) -> Any:
    """The JSON document of a command that works: it is all that stdout holds."""
    return json.loads(done(*arguments, "--json", url=url, stdin=stdin))


def failed(*arguments: str, url: str | None = None, stdin: str | None = None) -> Any:
    """The error of a command that fails, from stderr; stdout stays empty."""
    result = run(*arguments, "--json", url=url, stdin=stdin)
    assert result.exit_code != 0
    assert result.stdout == ""
    found = json.loads(result.stderr)["error"]
    assert set(found) == {"message", "sqlstate", "hint", "detail"}
    return found | {"exit_code": result.exit_code}


def process(
    *arguments: str, home: Path, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """As a user runs it, without DATABASE_URL, the server's files in `home`."""
    inherited = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "dbkit", *arguments],
        env=inherited | {"DBKIT_HOME": str(home)} | environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
