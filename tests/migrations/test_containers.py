"""The migrations in containers: the newest and the oldest supported major version."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import closing

import docker  # type: ignore[import-untyped]
import psycopg
import pytest

from dbkit import catalog, migrations

REVISIONS = migrations.frozen_revisions()


def _why_no_engine() -> str | None:
    with warnings.catch_warnings():
        # Where nothing listens the library leaves its socket to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            with closing(docker.from_env()) as client:
                client.ping()
        except (docker.errors.DockerException, OSError) as error:
            why = str(error)
        else:
            return None
        gc.collect()
    return why


@pytest.fixture(scope="module", params=["postgres:18", "postgres:15"])
def container(request: pytest.FixtureRequest) -> Iterator[str]:
    why = _why_no_engine()
    if why:
        pytest.skip(f"no container engine answers: {why}")
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer(request.param, driver=None) as running:
        yield running.get_connection_url()


def snapshot(url: str) -> dict[str, str]:
    with psycopg.connect(url) as conn:
        return catalog.snapshot(conn)


def test_fresh_upgrade_equals_the_embedded_catalog(container: str, database: str) -> None:
    migrations.migrate(container)
    assert catalog.differences(snapshot(container), snapshot(database)) == []
    migrations.migrate(container, "base")
    assert snapshot(container) == {}


def test_stairway(container: str) -> None:
    for number, revision in enumerate(REVISIONS):
        migrations.migrate(container, revision)
        there = snapshot(container)
        migrations.migrate(container, REVISIONS[number - 1] if number else "base")
        migrations.migrate(container, revision)
        assert catalog.differences(there, snapshot(container)) == []
    migrations.migrate(container, "base")
