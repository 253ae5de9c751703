"""PgBouncer in transaction mode, on a free port, as somebody who is not root."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dbkit.server import _unprivileged_users

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
KNOWS_STATEMENTS = (1, 21)
"""Version from which it keeps prepared statements of its clients."""


def version() -> tuple[int, int]:
    assert PROGRAM is not None
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said.stdout)
    assert found is not None
    return int(found[1]), int(found[2])


@contextmanager
def bouncing(url: str, *, size: int = 3, **options: str) -> Iterator[str]:
    """URL of the same database through a PgBouncer with `size` connections to the server."""
    assert PROGRAM is not None
    parts = conninfo_to_dict(url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="bouncer-") as name:
        folder = Path(name)
        (folder / "users").write_text(f'"{parts["user"]}" "{parts["password"]}"\n')
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(port),
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": str(folder / "users"),
            "pool_mode": "transaction",
            "default_pool_size": str(size),
            "max_client_conn": "200",
        } | options
        lines = [f"{key} = {value}" for key, value in settings.items()]
        database = f"* = host={parts['host']} port={parts['port']}"
        (folder / "ini").write_text(
            "\n".join(["[databases]", database, "[pgbouncer]", *lines]) + "\n"
        )
        user = _unprivileged_users()[0] if os.geteuid() == 0 else None
        if user is not None:
            for path in (folder, *folder.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(
                [PROGRAM, str(folder / "ini")],
                stdout=log,
                stderr=log,
                cwd="/",
                user=None if user is None else user.pw_uid,
                group=None if user is None else user.pw_gid,
                extra_groups=None if user is None else [],
            ) as process,
        ):
            try:
                through = make_conninfo(url, port=port)
                _answers(through, process, folder / "log")
                yield through
            finally:
                process.kill()


def _answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, f"{error}\n{log.read_text()}"
            time.sleep(0.02)
        else:
            return
