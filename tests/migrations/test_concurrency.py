"""Two migrations at once, a killed one, and one that meets a lock."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from dbkit import catalog, migrations
from tests.helpers import connect, one

ROOT = Path(__file__).parents[2]
HEAD = migrations.frozen_revisions()[-1]


def alembic(url: str, *arguments: str) -> subprocess.Popen[str]:
    """Plain Alembic from a checkout, as a user runs it."""
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_plain_alembic_needs_only_database_url(empty_database: str) -> None:
    with alembic(empty_database, "upgrade", "head") as process:
        _, said = process.communicate()
    assert process.returncode == 0, said
    with alembic(empty_database, "current") as process:
        out, said = process.communicate()
    assert out.split()[0] == HEAD, said


def test_plain_alembic_takes_x_url(empty_database: str) -> None:
    arguments = [sys.executable, "-m", "alembic", "-x", f"url={empty_database}", "upgrade", "head"]
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    subprocess.run(arguments, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert migrations.current(empty_database) == HEAD


def test_says_what_to_do_without_a_database() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    arguments = [sys.executable, "-m", "alembic", "upgrade", "head"]
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "set DATABASE_URL" in done.stderr


def test_two_at_once_one_works_and_one_finds_it_done(empty_database: str) -> None:
    processes = [alembic(empty_database, "upgrade", "head") for _ in range(4)]
    outcomes = [(p.communicate()[1], p.returncode) for p in processes]
    assert [code for _, code in outcomes] == [0, 0, 0, 0], outcomes
    steps = [len(re.findall("Running upgrade", said)) for said, _ in outcomes]
    assert sorted(steps) == [0, 0, 0, len(migrations.frozen_revisions())]


def test_a_killed_migration_leaves_a_database_that_upgrades(
    empty_database: str, database: str
) -> None:
    """Killed in one revision after the other, each time by a new process that goes on."""
    stopped_at = set()
    for revision in migrations.frozen_revisions():
        process = alembic(empty_database, "upgrade", "head")
        assert process.stderr is not None
        for line in process.stderr:
            if re.search(rf"Running upgrade .*-> {revision}\b", line):
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
        process.stderr.close()
        assert process.stdout is not None
        process.stdout.close()
        stopped_at.add(migrations.current(empty_database))
    assert len(stopped_at - {HEAD}) > 1
    migrations.migrate(empty_database)
    with psycopg.connect(empty_database) as here, psycopg.connect(database) as there:
        assert catalog.differences(catalog.snapshot(here), catalog.snapshot(there)) == []


def test_a_lock_makes_it_wait_without_blocking_others(database: str) -> None:
    """Dropping the tables meets a reader's open transaction. Other readers must go on all the
    while: the waiting DDL gives up its place in the queue after LOCK_TIMEOUT_MS."""
    with connect(database) as holder, connect(database, autocommit=True) as reader:
        one(holder, "select count(*) from dbkit.api_versions")
        failed: list[BaseException] = []

        def downgrade() -> None:
            try:
                migrations.migrate(database, "base")
            except BaseException as error:  # reported by the assertion below
                failed.append(error)

        thread = threading.Thread(target=downgrade)
        thread.start()
        reader.execute("set statement_timeout = '2s'")
        _wait_for_lock_waits(reader, times=2)
        assert one(reader, "select count(*) from dbkit.api_versions") == 3
        holder.rollback()
        thread.join(30)
    assert failed == []
    with connect(database) as conn:
        assert one(conn, "select to_regnamespace('dbkit') is null")


def test_control_a_naive_drop_makes_readers_queue(database: str) -> None:
    with (
        connect(database) as holder,
        connect(database, autocommit=True) as reader,
        connect(database) as naive,
    ):
        one(holder, "select count(*) from dbkit.api_versions")
        dropping = threading.Thread(target=lambda: naive.execute("drop schema dbkit cascade"))
        dropping.start()
        _wait_for_lock_waits(reader, times=1)
        reader.execute("set statement_timeout = '700ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            one(reader, "select count(*) from dbkit.api_versions")
        holder.rollback()
        dropping.join(10)
        naive.rollback()


def _wait_for_lock_waits(conn: psycopg.Connection[dict[str, object]], times: int) -> None:
    """Wait until a backend was seen waiting for a relation lock, that many separate times."""
    waiting = False
    while times:
        now = one(
            conn,
            "select exists (select from pg_stat_activity where wait_event_type = 'Lock' "
            "and wait_event = 'relation' and datname = current_database())",
        )
        times -= bool(now) and not waiting
        waiting = bool(now)
