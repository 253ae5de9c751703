"""A partitioned table of dbkit to make days for."""

from tests.helpers import Connection, rows


def make_parent(conn: Connection, name: str = "things") -> None:
    conn.execute(
        f"create table dbkit.{name} (id bigint generated always as identity,"
        " at timestamptz not null, note text default 'n' check (note <> 'bad'),"
        " primary key (at, id)) partition by range (at)".encode()
    )


def days(conn: Connection, name: str = "things") -> list[str]:
    found = rows(
        conn,
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = %s::regclass order by 1",
        f"dbkit.{name}",
    )
    return [f["relname"].removeprefix(f"{name}_") for f in found]
