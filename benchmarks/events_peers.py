"""Other event stores on Postgres, installed at run time from their registries into a folder.

Nothing of theirs is kept here: tables and functions come from the installed packages. Each is
called by SQL through pgbench, one event a transaction, in the form that suits it best; what its own
client library adds is not measured.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from benchmarks.events_stores import Contestant, create_database, execute

MESSAGE_DB = "@eventide/message-db@1.3.1"
EMMETT = "@event-driven-io/emmett-postgresql@0.42.0"
EVENTSOURCING = "eventsourcing==9.5.6"


class PeerMissing(Exception):
    """The peer cannot be had on this machine; the message says why."""


@dataclass(frozen=True)
class Peer:
    """`install` makes its database and says how to append; targets are by number of clients."""

    key: str
    title: str
    install: Callable[[str, Path, str], list[Contestant]]
    targets: dict[int, float]


def install(peer: Peer, url: str, folder: Path, database: str) -> list[Contestant]:
    """In a new database of that name. Raises PeerMissing."""
    try:
        return peer.install(url, folder / peer.key, database)
    except FileNotFoundError as error:
        raise PeerMissing(f"{error.filename} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise PeerMissing(f"{error.cmd[0]} took longer than {error.timeout:.0f} s") from error


def _run(arguments: Sequence[str], **options: object) -> str:
    done = subprocess.run(
        list(arguments),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=str(options["cwd"]) if "cwd" in options else None,
        env={**os.environ, "PYTHONPATH": str(options.get("path", ""))},
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise PeerMissing(f"{Path(arguments[0]).name} failed: {said[-1] if said else 'silently'}")
    return done.stdout


def _npm(package: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    _run(["npm", "install", "--no-save", "--ignore-scripts", "--prefix", str(folder), package])


def install_message_db(url: str, folder: Path, database: str) -> list[Contestant]:
    """All but its extension pgcrypto (gen_random_uuid is in core) and its roles."""
    _npm(MESSAGE_DB, folder)
    source = folder / "node_modules/@eventide/message-db/database"
    made = create_database(url, database)
    execute(made, f'alter database "{database}" set search_path = message_store, public')
    for name in message_db_files(source):
        execute(made, (source / name).read_text("utf-8"))
    return [
        Contestant(
            "message-db",
            made,
            "select write_message(gen_random_uuid()::varchar, 'order-' || :stream::text,"
            " 'OrderPlaced', :data, '{}', :version::bigint - 1);\n",
            "select write_message(gen_random_uuid()::varchar, 'order-' || s, 'OrderPlaced', '{{}}')"
            " from generate_series({first}, {last}) s",
            "messages",
        )
    ]


def message_db_files(source: Path) -> list[str]:
    """The files that its install script runs, in its order."""
    found = ["schema/message-store.sql", "tables/messages.sql"]
    for script in ("install-functions.sh", "install-indexes.sh"):
        text = (source / script).read_text("utf-8")
        found += re.findall(r"\$base/(\w+/[\w-]+\.sql)", text)
    return found


_EMMETT_SCHEMA = (
    "import { schemaSQL } from '@event-driven-io/emmett-postgresql';"
    "process.stdout.write(schemaSQL.join(''), () => process.exit(0));"
)


def install_emmett(url: str, folder: Path, database: str) -> list[Contestant]:
    """Its library wraps the function in BEGIN and COMMIT; here it is one statement."""
    _npm(EMMETT, folder)
    schema = _run(["node", "--input-type=module", "-e", _EMMETT_SCHEMA], cwd=folder)
    made = create_database(url, database)
    execute(made, schema)
    return [
        Contestant(
            "emmett",
            made,
            _emmett_call(":data", "{}", ":stream", ":version") + ";\n",
            "select count(*) from generate_series({first}, {last}) s, lateral ("
            + _emmett_call("'{{}}'", "{{}}", "s::text", "0")
            + ") a",
            "emt_messages",
        )
    ]


def _emmett_call(data: str, empty: str, stream: str, version: str) -> str:
    default = "U&'emt\\003adefault'"  # a colon before a word is a variable in pgbench
    return (
        f"select * from emt_append_to_stream(array[gen_random_uuid()::text], array[{data}::jsonb],"
        f" array['{empty}'::jsonb], array['1'], array['OrderPlaced'], array['E'], {stream},"
        f" 'order', {version}, {default})"
    )


_RECORDER = """
import json, sys
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
name, host, port, user, password = sys.argv[1:]
with PostgresDatastore(name, host, port, user, password, enable_db_functions=True) as store:
    recorder = PostgresApplicationRecorder(store)
    recorder.create_table()
    print(json.dumps({
        "lock": [s.as_string() for s in recorder.lock_table_statements],
        "channel": recorder.channel_name,
        "type": f"{store.schema}.{recorder.stored_event_type_name}",
        "insert": recorder.insert_events_statement.as_string(),
        "call": recorder.sql_invoke_pg_function_insert_events.as_string(),
    }))
"""


def install_eventsourcing(url: str, folder: Path, database: str) -> list[Contestant]:
    """The recorder makes its table and says its statements; psycopg is the one that dbkit uses."""
    _run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), EVENTSOURCING]
    )
    made = create_database(url, database)
    parts = conninfo_to_dict(made)
    connection = [str(parts.get(k, "")) for k in ("dbname", "host", "port", "user", "password")]
    said = json.loads(_run([sys.executable, "-c", _RECORDER, *connection], path=folder))
    table = "stored_events"
    return [
        Contestant("eventsourcing", made, recorder_script(said), _begin("a"), table),
        Contestant("eventsourcing's function", made, recorder_function(said), _begin("b"), table),
    ]


def _begin(prefix: str) -> str:
    """Both ways write one table; the prefix keeps their streams apart."""
    return (
        "insert into stored_events (originator_id, originator_version, topic, state)"
        f" select md5('{prefix}' || s)::uuid, 1, 'OrderPlaced', ''"
        " from generate_series({first}, {last}) s"
    )


def _stored_event(composite: str, prefix: str) -> str:
    fields = f"md5('{prefix}' || :stream)::uuid, :next::bigint, 'OrderPlaced'::text, :data::bytea"
    return f"array[row({fields})::{composite}]"


def recorder_script(said: Mapping[str, Any]) -> str:
    """As its recorder does by default: one pipeline up to the insert, then COMMIT."""
    insert = said["insert"].replace("%s", _stored_event(said["type"], "a"))
    steps = ["begin", *said["lock"], f'notify "{said["channel"]}"', insert]
    return "\\startpipeline\n" + ";\n".join(steps) + ";\n\\endpipeline\ncommit;\n"


def recorder_function(said: Mapping[str, Any]) -> str:
    """Its database function, which takes no table lock."""
    return str(said["call"]).replace("%s", _stored_event(said["type"], "b")) + ";\n"


PEERS = (
    Peer("message-db", "message-db, write_message", install_message_db, {1: 1.2, 8: 2.8, 32: 5.5}),
    Peer("eventsourcing", "pyeventsourcing's recorder", install_eventsourcing, {8: 2.2, 32: 3.8}),
    Peer("emmett", "emmett, emt_append_to_stream", install_emmett, {1: 1.4, 8: 1.3, 32: 1.4}),
)
