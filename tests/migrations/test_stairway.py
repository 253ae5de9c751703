"""Up, down and up again: the same catalog each time, and nothing left at the end."""

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from alembic import command
from dbkit import catalog, migrations, sqltree
from dbkit.server import Server
from tests.conftest import new_database, run_admin
from tests.helpers import connect, one, rows

REVISIONS = migrations.frozen_revisions()


def snapshot(url: str) -> dict[str, str]:
    with psycopg.connect(url) as conn:
        return catalog.snapshot(conn)


def surroundings(url: str) -> list[object]:
    """What a migration could change outside the schema dbkit (roles are the cluster's)."""
    with connect(url) as conn:
        return [
            rows(conn, "select nspname, nspacl::text from pg_namespace order by 1"),
            rows(
                conn,
                "select relname, relacl::text from pg_class where relnamespace = "
                "'public'::regnamespace order by 1",
            ),
            rows(conn, "select defaclobjtype, defaclacl::text from pg_default_acl"),
            rows(
                conn,
                "select s.setrole, s.setconfig::text from pg_db_role_setting s join "
                "pg_database d on d.oid = s.setdatabase where d.datname = current_database()",
            ),
            rows(conn, "select extname from pg_extension order by 1"),
            rows(conn, "select proname from pg_proc where pronamespace = 'public'::regnamespace"),
        ]


def test_downgrade_base_leaves_the_database_as_it_was(empty_database: str) -> None:
    before = surroundings(empty_database)
    migrations.migrate(empty_database)
    assert surroundings(empty_database) != before
    migrations.migrate(empty_database, "base")
    assert surroundings(empty_database) == before
    assert snapshot(empty_database) == {}


def test_downgrade_keeps_settings_that_were_there_before(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute("alter default privileges revoke execute on functions from public")
        conn.execute(
            "do $$ begin execute format('alter database %I set search_path = public', "
            "current_database()); end $$"
        )
    before = surroundings(empty_database)
    migrations.migrate(empty_database)
    migrations.migrate(empty_database, "base")
    assert surroundings(empty_database) == before


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_revision_down_and_up_again_is_the_same_catalog(
    empty_database: str, revision: str
) -> None:
    migrations.migrate(empty_database, revision)
    there = snapshot(empty_database)
    number = REVISIONS.index(revision)
    before = REVISIONS[number - 1] if number else "base"
    migrations.migrate(empty_database, before)
    down = snapshot(empty_database)
    migrations.migrate(empty_database, revision)
    assert catalog.differences(there, snapshot(empty_database)) == []
    assert down != there


def test_fresh_upgrade_equals_todays_sql(server: Server, database: str) -> None:
    with new_database(server, "template1") as replayed:
        with psycopg.connect(replayed) as conn:
            conn.execute("set check_function_bodies = off")
            objects = sqltree.read_tree(sqltree.shipped_root() / "sql")
            for item in sqltree.creation_order(objects):
                conn.execute(sqltree.apply_sql(item, objects[item]).encode())
        assert catalog.differences(snapshot(replayed), snapshot(database)) == []


def test_every_shipped_file_made_its_object(database: str) -> None:
    names = {key.split("(")[0].removeprefix("function dbkit.") for key in snapshot(database)}
    objects = sqltree.read_tree(sqltree.shipped_root() / "sql")
    assert [i.path for i in objects if i.kind == "functions" and i.name not in names] == []


def test_offline_sql_makes_the_same_catalog(
    empty_database: str, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command.upgrade(migrations.alembic_config(), "head", sql=True)
    script = capsys.readouterr().out
    with psycopg.connect(empty_database, autocommit=True) as conn:
        conn.execute(script.encode())
        assert catalog.differences(catalog.snapshot(conn), snapshot(database)) == []
        command.downgrade(migrations.alembic_config(), "head:base", sql=True)
        conn.execute(capsys.readouterr().out.encode())
        assert catalog.snapshot(conn) == {}


def test_leaves_the_search_path_when_told(empty_database: str) -> None:
    config = migrations.alembic_config(empty_database, search_path="leave")
    command.upgrade(config, "head")
    with connect(empty_database) as conn:
        assert "dbkit" not in one(conn, "show search_path")


def test_the_documents_statements_run_as_written(empty_database: str) -> None:
    migrations.migrate(empty_database)
    with connect(empty_database) as conn:
        answer = one(conn, "select switch_api_version('v3', 'v2')")
    assert (answer["success"], answer["previous_version"]) == (True, "v2")


def test_migrates_as_an_owner_who_is_no_superuser(server: Server, database: str) -> None:
    run_admin(server.url, sql.SQL("create role plain_owner login createrole password 'x'"))
    try:
        with new_database(server, "template1") as url:
            parts = conninfo_to_dict(url)
            name = sql.Identifier(str(parts["dbname"]))
            run_admin(url, sql.SQL("alter database {} owner to plain_owner").format(name))
            own_url = (
                f"postgresql://plain_owner:x@{parts['host']}:{parts['port']}/{parts['dbname']}"
            )
            migrations.migrate(own_url)
            assert catalog.differences(snapshot(own_url), snapshot(database)) == []
            migrations.migrate(own_url, "base")
            assert snapshot(url) == {}
    finally:
        run_admin(server.url, sql.SQL("drop role plain_owner"))
