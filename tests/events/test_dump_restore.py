"""pg_dump | psql into a new cluster: reading, appending and following go on where they were."""

from __future__ import annotations

import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from dbkit import sqltree
from dbkit.server import Binaries, Server, ServerError, find_binaries, temporary_server
from tests.events import stress
from tests.helpers import Connection, connect, one, raises, row, rows

WRITERS = 4
TRANSACTIONS = 40


@pytest.fixture(scope="module")
def tools(server: Server) -> Binaries:
    """Those of the server's own version where they are known: what one minor release keeps in a
    catalog, another major's pg_dump writes down and no other server takes."""
    try:
        found = find_binaries(None if server.kind == "external" else server.kind)
    except ServerError as error:
        pytest.skip(f"no new cluster can be made here: {error}")
    for tool in ("pg_dump", "psql"):
        if not (found.bin_dir / tool).exists():
            pytest.skip(f"there is no {tool} beside the server's binaries in {found.bin_dir}")
    if found.major < int(server.version.split(".")[0]):
        pytest.skip(f"pg_dump {found.version} cannot dump a server {server.version}")
    return found


@pytest.fixture
def cluster(tools: Binaries, database: str) -> Iterator[str]:
    """URL of a new cluster with the roles, which belong to no database and so to no dump."""
    owner = conninfo_to_dict(database)["user"]
    with temporary_server(prefer=str(tools.bin_dir)) as server:
        with connect(server.url, autocommit=True) as conn:
            there = {f["rolname"] for f in rows(conn, "select rolname from pg_roles")}
            for role in {*sqltree.ROLES, "dbkit_gateway", str(owner)} - there:
                conn.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
        yield server.url


def environment(url: str) -> dict[str, str]:
    parts = conninfo_to_dict(url)
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password"}
    given = {name: str(parts[part]) for name, part in names.items() if parts.get(part)}
    return os.environ | given | {"PGDATABASE": str(parts["dbname"])}


def dump(tools: Binaries, url: str, file: Path) -> None:
    command = [tools.tool("pg_dump"), "--no-password", f"--file={file}"]
    subprocess.run(command, env=environment(url), check=True, timeout=120)


def restore(tools: Binaries, url: str, file: Path) -> None:
    command = [tools.tool("psql"), "--no-password", "--no-psqlrc", "--quiet"]
    command += ["--set=ON_ERROR_STOP=1", "--single-transaction", f"--file={file}"]
    done = subprocess.run(
        command, env=environment(url), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def fill(url: str) -> None:
    endings = stress.without_two_phases()
    schedule = stress.draw_schedule(stress.SEED, WRITERS, TRANSACTIONS, endings)
    stress.run_writers(url, schedule, threading.Event())


def checksums(url: str) -> list[dict[str, Any]]:
    """Every column of every event and head, as text."""
    with connect(url) as conn:
        conn.execute("set timezone to 'UTC'")
        return [
            row(
                conn,
                "select count(*), md5(string_agg(t::text, '|' order by t::text))"
                f" from dbkit.{name} t",
            )
            for name in ("event_store", "event_streams")
        ]


def append(conn: Connection, stream: str, expected: int | None, event_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = one(
        conn,
        "select dbkit.append_event('t', %s, 'X', '{\"n\": 1}', p_expected_version => %s,"
        " p_event_id => %s)",
        *(stream, expected, event_id),
    )
    return answer


def test_everything_goes_on_in_a_new_cluster(
    database: str, cluster: str, tools: Binaries, tmp_path: Path
) -> None:
    fill(database)
    known = str(uuid.uuid4())
    with connect(database, autocommit=True) as conn:
        first = append(conn, "kept", 0, known)
        reader = stress.Reader(database, stress.by_read_all, 50)
        reader.poll(conn)
    dump(tools, database, tmp_path / "dump.sql")
    restore(tools, cluster, tmp_path / "dump.sql")

    assert checksums(cluster) == checksums(database)
    before = stress.stored(database)
    with connect(cluster, autocommit=True) as conn:
        # Positions go on above all that there were, versions where they stood.
        later = append(conn, "kept", 1, str(uuid.uuid4()))
        assert later["version"] == 2
        assert later["position"] > max(e.position for e in before)
        with raises(conn, "KD501"):
            append(conn, "kept", 1, str(uuid.uuid4()))
        with raises(conn, "KD501"):
            append(conn, "kept", 0, str(uuid.uuid4()))
        # What was sent before the dump and is sent again after it is known.
        assert append(conn, "kept", 0, known) == first | {"replayed": True}
        # A consumer goes on from the checkpoint it had in the old cluster.
        while reader.poll(conn):
            pass
        with raises(conn, "KD513"):
            conn.execute("update dbkit.event_store set event_type = 'Y'")
        with raises(conn, "KD513"):
            conn.execute("truncate dbkit.event_store")
    assert reader.events == stress.stored(cluster)
    assert stress.misordered(reader.events) == []
    assert stress.broken_streams(cluster) == []


def test_a_dump_under_writers_is_whole(
    database: str, cluster: str, tools: Binaries, tmp_path: Path
) -> None:
    """Taken while others append: no stream is torn, and no position comes a second time."""
    done = threading.Event()

    def write(number: int) -> int:
        count = 0
        with connect(database, autocommit=True) as conn:
            while not done.is_set():
                count = append(conn, f"s-{number}", count, str(uuid.uuid4()))["version"]
                append(conn, "hot", None, str(uuid.uuid4()))
        return count

    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, number) for number in range(WRITERS)]
        try:
            with connect(database, autocommit=True) as conn:
                while one(conn, "select count(*) from dbkit.event_store") < 50:
                    pass
            dump(tools, database, tmp_path / "dump.sql")
        finally:
            done.set()
        counts = [each.result() for each in writing]
    restore(tools, cluster, tmp_path / "dump.sql")
    kept, whole = stress.stored(cluster), stress.stored(database)
    assert 50 <= len(kept) < len(whole) == 2 * sum(counts)
    assert set(kept) <= set(whole)
    assert stress.broken_streams(cluster) == []
    with connect(cluster, autocommit=True) as conn:
        later = append(conn, "hot", None, str(uuid.uuid4()))
    assert later["position"] > max(e.position for e in kept)


def test_control_a_restore_without_the_sequence_repeats_positions(
    database: str, cluster: str, tools: Binaries, tmp_path: Path
) -> None:
    """What the check on positions is for: the events copied and the sequence forgotten."""
    with connect(database, autocommit=True) as conn:
        positions = [append(conn, "a", n, str(uuid.uuid4()))["position"] for n in range(5)]
    dump(tools, database, tmp_path / "dump.sql")
    restore(tools, cluster, tmp_path / "dump.sql")
    with connect(cluster, autocommit=True) as conn:
        conn.execute("alter sequence dbkit.event_position_seq restart")
        conn.execute("set dbkit.organization_id = 'another'")
        assert append(conn, "a", 0, str(uuid.uuid4()))["position"] in positions
