"""dbkit.schedule_maintenance: a job a step for pg_cron, whose functions are played by ours here."""

from __future__ import annotations

from tests.healing.parts import lit, make_house, register_lamps
from tests.helpers import Connection, become, connect, one, raises, rows

SCHEDULE = "select dbkit.schedule_maintenance()"
CRON = """
create schema cron;
create table cron.job (jobid bigint generated always as identity, jobname text unique,
  schedule text, command text, username text default current_user);
create function cron.schedule(job_name text, schedule text, command text) returns bigint
language sql as $$
  insert into cron.job (jobname, schedule, command) values ($1, $2, $3)
  on conflict (jobname) do update set schedule = excluded.schedule, command = excluded.command
  returning jobid $$;
create function cron.unschedule(job_name text) returns boolean
language sql as $$ delete from cron.job where jobname = $1 returning true $$;
grant usage on schema cron to service_role;
grant select, insert, update, delete on cron.job to service_role;
grant execute on all functions in schema cron to service_role;
"""


def test_a_job_for_each_step(db: Connection) -> None:
    db.execute(CRON.encode())
    become(db, "service_role")
    names = one(db, SCHEDULE)
    jobs = rows(db, "select jobname, schedule, command, username from cron.job order by jobid")
    assert [j["jobname"] for j in jobs] == names
    assert names[0] == "dbkit_maintenance_auto_heal"
    assert {j["schedule"] for j in jobs} == {"*/15 * * * *"}
    assert {j["username"] for j in jobs} == {"service_role"}
    one(db, "select dbkit.schedule_maintenance('*/5 * * * *')")
    assert rows(db, "select distinct schedule from cron.job") == [{"schedule": "*/5 * * * *"}]


def test_a_job_goes_on_while_there_is_more_a_transaction_each(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        conn.execute(CRON.encode())
        make_house(conn)
        register_lamps(conn, p_batch_size=4)
        become(conn, "service_role")
        one(conn, SCHEDULE)
        for job in rows(conn, "select command from cron.job order by jobid"):
            conn.execute(job["command"].encode())
        assert lit(conn) == 10
        runs = rows(conn, "select xmin::text, healed from dbkit.heal_runs where rule = 'lamps'")
        assert sorted(r["healed"] for r in runs) == [2, 4, 4]
        assert len({r["xmin"] for r in runs}) == 3
        found = rows(conn, "select step, last_outcome from dbkit.get_maintenance_steps()")
        assert {f["last_outcome"] for f in found} <= {"done", "skipped"}, found


def test_without_pg_cron(db: Connection) -> None:
    become(db, "service_role")
    with raises(db, "KD749") as caught:
        one(db, SCHEDULE)
    assert "dbkit worker" in caught.hint


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, SCHEDULE)
