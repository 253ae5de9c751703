"""A partitioned table of dbkit to make days for, and functions for tasks of workers."""

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


def make_tasks(db: Connection) -> None:
    """What workers could run: functions that count, fail, return nothing, and bad ones."""
    db.execute(
        "create schema chores; grant usage on schema chores to service_role, super_admin;"
        "create table chores.done (id int generated always as identity, who text);"
        "grant select, insert on chores.done to service_role, super_admin;"
        "create function chores.count_up(p_by int default 1) returns int language plpgsql as $$"
        " begin insert into chores.done (who) values (current_user);"
        " return (select count(*) * p_by from chores.done); end $$;"
        "create function chores.fail() returns jsonb language plpgsql as $$"
        " begin insert into chores.done (who) values ('undone'); raise 'it went wrong'; end $$;"
        "create function chores.nothing() returns void language plpgsql as"
        " $$ begin insert into chores.done (who) values ('nothing'); end $$;"
        "create function chores.many() returns setof int language sql return 1;"
        "create function chores.needs_one(int) returns int language sql return 1;"
        "create function chores.twice() returns int language sql return 1;"
        "create function chores.twice(int default 1) returns int language sql return 2;"
        "create function chores.hidden() returns int language sql return 1;"
        "revoke execute on function chores.hidden() from public;"
        "grant execute on function chores.count_up(int), chores.fail(), chores.nothing(),"
        " chores.many(), chores.needs_one(int), chores.twice(), chores.twice(int)"
        " to service_role, super_admin"
    )
