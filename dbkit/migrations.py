"""Alembic's side of dbkit: frozen SQL, and a run that is safe while the database is in use.

A revision ships frozen copies of files below `sql/` (made by `dbkit.freeze`); `apply_frozen` and
`revert_frozen` move the objects. `run_online` holds a session lock so that only one migration
runs, and gives up a lock wait quickly, so that callers never queue behind a waiting DDL.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from alembic import command, context, op
from dbkit import sqltree
from dbkit.settings import settings
from dbkit.sqltree import ObjectId

SCHEMA = "dbkit"
LOCK_KEY = 0x64626B6974  # "dbkit" in ASCII
LOCK_TIMEOUT_MS = 300
LOCK_ATTEMPTS = 200
OLD_CALLS_SECONDS = 2.0
STEP = "dbkit step"
IN_VAIN = "dbkit transactions waited for in vain"
ORDER_FILE = "ORDER"
CREATE_SCHEMA = f"""do $$ begin
  if to_regnamespace('{SCHEMA}') is null then create schema {SCHEMA}; end if;
end $$;
"""
DROP_EMPTY_SCHEMA = f"""do $$ begin
  if to_regclass('{SCHEMA}.alembic_version') is not null
    and not exists (select from {SCHEMA}.alembic_version)
  then
    drop table {SCHEMA}.alembic_version;
    drop schema {SCHEMA};
  end if;
end $$;
"""
"""After `downgrade base` only Alembic's own empty table is left: it goes with the schema."""


class MigrationError(RuntimeError):
    """A migration could not run; the message says what to do."""


# --- frozen copies ---------------------------------------------------------------------------


def frozen_root() -> Path:
    return sqltree.shipped_root() / "alembic" / "frozen"


def frozen_order(revision: str) -> list[ObjectId]:
    """What a revision moves, in order; an object whose copy is missing here is dropped by it."""
    lines = (frozen_root() / revision / ORDER_FILE).read_text("utf-8").splitlines()
    return [ObjectId.parse(line) for line in lines]


def frozen_text(revision: str, item: ObjectId) -> str | None:
    """The copy that a revision ships, or None where the revision drops the object."""
    file = frozen_root() / revision / item.path
    return file.read_text("utf-8") if file.exists() else None


def frozen_revisions() -> list[str]:
    """Revisions that ship copies, oldest first."""
    return sorted(folder.name for folder in frozen_root().iterdir() if folder.is_dir())


def texts_before(revision: str) -> dict[ObjectId, str]:
    """The newest copies that are older than a revision, of all objects that are there then."""
    shipped_by = {
        item: older
        for older in frozen_revisions()
        if older < revision
        for item in frozen_order(older)
    }
    texts = {item: frozen_text(older, item) for item, older in shipped_by.items()}
    return {item: text for item, text in texts.items() if text is not None}


def newest_texts() -> dict[ObjectId, str]:
    return texts_before("\uffff")


def apply_frozen(revision: str) -> None:
    """Bring every object of a revision to its copy. A table that was there before is left to
    the revision's own ALTER statements: its copy only says how it reads afterwards."""
    run_sql("set local check_function_bodies = off;")
    order, earlier = frozen_order(revision), texts_before(revision)
    for item in reversed(order):
        before = earlier.get(item)
        if before is not None and frozen_text(revision, item) is None:
            run_sql(sqltree.drop_sql(item, before))
    for item in order:
        text, before = frozen_text(revision, item), earlier.get(item)
        if text is not None and (before is None or item.kind != "tables"):
            run_sql(sqltree.apply_sql(item, text))


def revert_frozen(revision: str) -> None:
    """Bring every object of a revision back to its copy before it, or drop it."""
    run_sql("set local check_function_bodies = off;")
    order, earlier = frozen_order(revision), texts_before(revision)
    for item in reversed(order):
        text, before = frozen_text(revision, item), earlier.get(item)
        if text is not None and before is None:
            run_sql(sqltree.drop_sql(item, text))
    for item in order:
        text, before = frozen_text(revision, item), earlier.get(item)
        if before is None or (item.kind == "tables" and text is not None):
            continue
        run_sql(
            sqltree.apply_sql(item, before)
            if text is None
            else sqltree.replace_sql(item, before, text)
        )


def _let_old_calls_end(connection: sa.Connection) -> None:
    """Wait until the transactions of this moment have ended: one that began before the last
    revision was committed may be inside a function that reads what this one drops, or call it yet,
    as its session remembers it (a session hears of changes when it locks a table). Before a step
    holds any lock, and not for ever: what was waited for in vain is no call, and not waited for
    again."""
    in_vain: set[str] = connection.info.setdefault(IN_VAIN, set())
    until = time.monotonic() + OLD_CALLS_SECONDS
    old = _open_transactions(connection) - in_vain
    while old and time.monotonic() < until:
        time.sleep(0.005)
        old &= _open_transactions(connection)
    in_vain |= old


def _open_transactions(connection: sa.Connection) -> set[str]:
    """Those of others in this database, as virtual ids."""
    connection.exec_driver_sql("select pg_stat_clear_snapshot()")
    return set(
        connection.scalars(
            sa.text(
                "select virtualtransaction from pg_locks join pg_stat_activity using (pid) "
                "where locktype = 'virtualxid' and pid <> pg_backend_pid() "
                "and datname = current_database()"
            )
        )
    )


def run_sql(text: str) -> None:
    """Run SQL text as it stands: no bind parameters, so `:x`, `%` and JSON are safe in it."""
    migration = op.get_context()
    if migration.as_sql:
        migration.impl.static_output(text.rstrip() + "\n")
        return
    connection = op.get_bind()
    if connection.info.get(STEP) is not connection.get_transaction():
        connection.info[STEP] = connection.get_transaction()
        _let_old_calls_end(connection)
    connection.execution_options(no_parameters=True).exec_driver_sql(text)


# --- the run ---------------------------------------------------------------------------------


def database_url(config: Config | None = None) -> str:
    """`-x url=…`, else the configuration's own, else DATABASE_URL."""
    arguments = context.get_x_argument(as_dictionary=True)
    configured = config.attributes.get("url") if config else None
    url = arguments.get("url") or configured or settings().database_url
    if not url:
        raise MigrationError(
            "which database? set DATABASE_URL, or pass -x url=postgresql://user:password@host/db"
        )
    return str(url)


def run_offline() -> None:
    """Write the SQL that a run would execute."""
    config = context.config
    context.configure(
        dialect_name="postgresql",
        literal_binds=True,
        transaction_per_migration=True,
        version_table_schema=SCHEMA,
    )
    migration = context.get_context()
    migration.impl.static_output(CREATE_SCHEMA)
    for statement in _session_settings(config):
        migration.impl.static_output(f"{statement};\n")
    with context.begin_transaction():
        context.run_migrations()
    migration.impl.static_output(DROP_EMPTY_SCHEMA)


def run_online() -> None:
    """Run the asked steps under the session lock, retrying a step that met a lock."""
    config = context.config
    given = config.attributes.get("connection")
    if given is not None:
        _run_steps(given, config)
        return
    url = sa.make_url(database_url(config))
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        _run_steps(connection, config)


def _run_steps(connection: sa.Connection, config: Config) -> None:
    context.configure(
        connection=connection,
        transaction_per_migration=True,
        version_table_schema=SCHEMA,
    )
    migration = context.get_context()
    if migration.opts.get("dont_mutate"):
        context.run_migrations()
        return
    with _only_migration(connection):
        _prepare(connection, config)
        _retry_on_lock(connection, context.run_migrations)
        connection.exec_driver_sql(DROP_EMPTY_SCHEMA)
        connection.commit()


def _session_settings(config: Config) -> Iterator[str]:
    arguments = context.get_x_argument(as_dictionary=True)
    choice = arguments.get("search_path") or config.attributes.get("search_path") or "append"
    if choice not in ("append", "leave"):
        raise MigrationError(f"-x search_path={choice}: say append or leave")
    yield f"set lock_timeout = '{LOCK_TIMEOUT_MS}ms'"
    yield f"set dbkit.migration_search_path = '{choice}'"


def _prepare(connection: sa.Connection, config: Config) -> None:
    for statement in _session_settings(config):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(CREATE_SCHEMA)
    connection.commit()


def _retry_on_lock(connection: sa.Connection, run: Callable[[], None]) -> None:
    """A step that waited LOCK_TIMEOUT_MS for a lock is rolled back and tried again: whoever
    holds the table goes on meanwhile, and nobody queues behind us."""
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            run()
            connection.commit()
        except DBAPIError as error:
            connection.rollback()
            if getattr(error.orig, "sqlstate", None) != "55P03":
                raise
            if attempt == LOCK_ATTEMPTS:
                raise MigrationError(
                    f"a table stayed locked through {LOCK_ATTEMPTS} attempts; end the transaction "
                    "that holds it (pg_stat_activity, pg_locks) and run the migration again"
                ) from error
            time.sleep(random.uniform(0.02, 0.3))  # noqa: S311
        else:
            return


@contextmanager
def _only_migration(connection: sa.Connection) -> Generator[None]:
    """Session lock, taken by polling: a session that waits in pg_advisory_lock would hold a
    snapshot, and CREATE INDEX CONCURRENTLY waits for every snapshot."""
    take = sa.text("select pg_try_advisory_lock(:key)")
    while not connection.scalar(take, {"key": LOCK_KEY}):
        connection.commit()
        time.sleep(random.uniform(0.05, 0.2))  # noqa: S311
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(sa.text("select pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
        connection.commit()


# --- Alembic without a command line ----------------------------------------------------------


def alembic_config(url: str | None = None, *, search_path: str = "append") -> Config:
    """Configuration for the shipped migrations, from a checkout or from the wheel."""
    config = Config()
    config.set_main_option("script_location", (sqltree.shipped_root() / "alembic").as_posix())
    config.set_main_option("path_separator", "os")
    config.attributes.update(url=url, search_path=search_path)
    return config


def migrate(url: str, to: str = "head") -> None:
    """Upgrade or downgrade a database to a revision: `head`, `base`, an id, `+1` or `-1`."""
    config = alembic_config(url)
    here = current(url) or ""
    if to == "base" or to.startswith("-") or (to[0].isdigit() and to < here):
        command.downgrade(config, to)
    else:
        command.upgrade(config, to)


def head() -> str:
    """The newest revision that this package knows."""
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


def contract_revisions(since: str | None) -> list[str]:
    """Revisions after one that take away what older code uses: they say `contract = True`."""
    scripts = ScriptDirectory.from_config(alembic_config())
    later = scripts.iterate_revisions("head", since or "base")
    found = [script.revision for script in later if getattr(script.module, "contract", False)]
    return sorted(found)


def current(url: str) -> str | None:
    """The revision that a database is at; None where dbkit is not installed."""
    made = sa.make_url(url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(made, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        options = {"version_table_schema": SCHEMA}
        return MigrationContext.configure(connection, opts=options).get_current_revision()
