"""No answer is ever older than what was committed before it was asked for, whatever writers do.

Writers of tests/events/stress.py commit late, out of order, in two phases or not at all. What is
committed only grows, so each answer must have all that a fresh read just before it had, nothing
that a fresh read just after it does not have, and up to its position exactly what a fresh read has.
The controls, a time to live alone and the newest position without safe_position, are stale.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg
import pytest

from tests.events import stress
from tests.helpers import Connection, connect, one, rows

WRITERS = 9
READERS = 6
TRANSACTIONS = 100 * stress.TORTURE
"""Of each writer."""

HANDLERS = """
create schema stress;
create function stress.fresh(p_params jsonb, p_up_to bigint) returns jsonb
language sql stable as $$
select coalesce(jsonb_agg(e.position order by e.position), '[]')
from dbkit.event_store e
where e.organization_id = dbkit.current_organization() and e.position <= coalesce(p_up_to, 1e18)
  and case when p_params ? 'stream' then e.aggregate_type = 'stress'
      and e.aggregate_id = p_params ->> 'stream' else e.event_type = 'Changed' end $$;
create function stress.own(p_params jsonb) returns jsonb
language plpgsql stable as $$
declare v_read jsonb; begin
  perform pg_sleep(random() * 0.003);
  v_read := stress.fresh(p_params, null);
  perform pg_sleep(random() * 0.003);
  return v_read; end $$;
create function stress.shared(p_params jsonb) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, dbkit, pg_temp as $$
begin return stress.own(p_params); end $$;

create function stress.fold(p_state jsonb, p_event dbkit.event_store) returns jsonb
language sql immutable as $$ select coalesce(p_state, '[]') || to_jsonb(p_event.position) $$;
create function stress.projected(p_params jsonb) returns jsonb
language plpgsql stable as $$
begin return coalesce(dbkit.get_projection('seen', p_params ->> 'stream'), '[]'); end $$;

create table stress.kept (kind text, organization_id text, params jsonb, data jsonb,
  position bigint, kept_until timestamptz, primary key (kind, organization_id, params));
create function stress.keep(p_kind text, p_params jsonb, p_position bigint) returns jsonb
language plpgsql volatile security definer as $$
declare v_data jsonb; begin
  v_data := stress.own(p_params);
  insert into stress.kept values (p_kind, dbkit.current_organization(), p_params, v_data,
    p_position, clock_timestamp() + interval '0.2 seconds')
  on conflict (kind, organization_id, params) do update
  set data = excluded.data, position = excluded.position, kept_until = excluded.kept_until;
  return v_data; end $$;
create function stress.by_time_alone(p_params jsonb) returns jsonb
language plpgsql volatile security definer as $$
begin
  return coalesce((select k.data from stress.kept k where k.kind = 'time'
      and k.organization_id = dbkit.current_organization() and k.params = p_params
      and k.kept_until > clock_timestamp()), stress.keep('time', p_params, null)); end $$;
create function stress.by_newest_position(p_params jsonb) returns jsonb
language plpgsql volatile security definer as $$
declare v_newest bigint := (select coalesce(max(e.position), 0) from dbkit.event_store e);
begin
  return coalesce((select k.data from stress.kept k where k.kind = 'newest'
      and k.organization_id = dbkit.current_organization() and k.params = p_params
      and not exists (select from dbkit.event_store e where e.organization_id = k.organization_id
        and e.event_type = 'Changed' and e.position > k.position)),
    stress.keep('newest', p_params, v_newest)); end $$;

grant usage on schema stress to authenticated, service_role, super_admin;
grant execute on all functions in schema stress to authenticated, service_role, super_admin;
select dbkit.register_projection('seen', 'stress.fold', '{Opened,Changed,Closed}', 'async');
select dbkit.register_query('changed', 'stress.shared', '{Changed}', p_vary => 'organization');
select dbkit.register_query('my_changed', 'stress.own', '{Changed}');
select dbkit.register_query('stream', 'stress.shared', p_vary => 'role',
  p_stream_type => 'stress', p_stream_param => 'stream');
select dbkit.register_query('projected', 'stress.projected', p_projections => '{seen}');
"""

FRESH = {"projected": "select stress.projected(%s)"}
"""How to read anew what a query says; of the others the same."""
READ = "select stress.fresh(%s, null)"
CONTROLS = ("by_time_alone", "by_newest_position")
BEHIND = "KD608"


@dataclass
class Asker:
    """One connection, as a user of one organization, that compares every answer."""

    url: str
    number: int
    happened: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    stale: Counter[str] = field(default_factory=Counter)
    """Of the controls."""

    def run(self, done: threading.Event) -> None:
        chance = random.Random(f"{stress.SEED} {self.number}")
        organization = stress.ORGANIZATIONS[self.number % len(stress.ORGANIZATIONS)]
        options = f"-c role=authenticated -c dbkit.organization_id={organization}"
        with connect(self.url, autocommit=True, options=f"{options} -c dbkit.user_id=ada") as conn:
            while not done.is_set():
                stream = f"hot-{chance.randrange(stress.HOT_STREAMS)}"
                for query, params in (
                    ("changed", {}),
                    ("my_changed", {}),
                    ("stream", {"stream": stream}),
                    ("projected", {"stream": stream}),
                ):
                    for _ in range(chance.choice((1, 2, 3))):
                        self.ask(conn, query, json.dumps(params), chance.random() < 0.3)
                    for control in CONTROLS:
                        self.control(conn, control)

    def ask(self, conn: Connection, query: str, params: str, with_token: bool) -> None:
        """The token is a position that somebody was told: that of a committed event."""
        fresh = FRESH.get(query, READ)
        token = one(conn, "select max(position) from dbkit.event_store") if with_token else None
        before = set(one(conn, fresh, params))
        try:
            answer = one(conn, "select dbkit.execute_query(%s, %s, %s)", query, params, token)
        except psycopg.Error as error:
            if error.sqlstate != BEHIND or query != "projected":
                self.wrong.append(f"{query}: {error}")
            self.happened[f"{query} {error.sqlstate}"] += 1
            return
        said, after = set(answer["data"]), set(one(conn, fresh, params))
        self.happened[f"{query} {'cached' if answer['cached'] else 'computed'}"] += 1
        if not before <= said <= after:
            self.wrong.append(f"{query} lacks {before - said}, has {said - after}")
        up_to = answer["position"]
        if token is None:
            same = set(one(conn, "select stress.fresh(%s, %s)", params, up_to))
            if {p for p in said if p <= up_to} != same:
                self.wrong.append(f"{query} at {up_to} differs by {same ^ said}")
        elif up_to < token or (token in after and token not in said):
            self.wrong.append(f"{query} at {up_to} is older than {token}")

    def control(self, conn: Connection, control: str) -> None:
        before = set(one(conn, READ, "{}"))
        said = set(one(conn, f"select stress.{control}('{{}}')"))
        self.stale[control] += not before <= said


def project(url: str, done: threading.Event) -> Counter[str]:
    """Runs the projection all the time, and now and then rebuilds it."""
    phases: Counter[str] = Counter()
    with connect(url, autocommit=True, options="-c role=service_role") as conn:
        while not done.is_set():
            for _ in range(5):
                one(conn, "select dbkit.run_projection('seen')")
            phases[one(conn, "select dbkit.rebuild_projection('seen')")["phase"]] += 1
    return phases


@pytest.fixture
def schedule(database: str) -> list[list[stress.Step]]:
    with connect(database) as conn:
        conn.execute(HANDLERS.encode())
    two_phases = stress.in_two_phases(database)
    endings = stress.ENDINGS if two_phases else stress.without_two_phases()
    return stress.draw_schedule(stress.SEED, WRITERS, TRANSACTIONS, endings)


def test_no_answer_is_stale_while_writers_do_their_worst(
    database: str, schedule: list[list[stress.Step]]
) -> None:
    askers = [Asker(database, number) for number in range(READERS)]
    done = threading.Event()
    with ThreadPoolExecutor(READERS + 1) as pool:
        asking = [pool.submit(asker.run, done) for asker in askers]
        projecting = pool.submit(project, database, done)
        ledger = stress.run_writers(database, schedule, done)
        for each in asking:
            each.result()
        phases = projecting.result()

    happened: Counter[str] = sum((asker.happened for asker in askers), Counter())
    stale: Counter[str] = sum((asker.stale for asker in askers), Counter())
    assert [wrong for asker in askers for wrong in asker.wrong] == [], f"seed {stress.SEED}"
    # It was a stress: of every query some answers were cached, and every trouble has come.
    for query in ("changed", "my_changed", "stream", "projected"):
        assert min(happened[f"{query} cached"], happened[f"{query} computed"]) > 0, happened
    assert {"commit", "rollback", "killed", "savepoint undone"} <= ledger.happened.keys()
    assert phases["swapped"] > 0
    # The controls must fail, or it proves nothing.
    assert stale["by_time_alone"] > 0
    assert stale["by_newest_position"] > 0
    print(
        f"seed {stress.SEED}: {len(ledger.committed)} events, answers {dict(happened)}, 0 stale;"
        f" stale answers of the controls {dict(stale)}; rebuilds {dict(phases)};"
        f" {dict(ledger.happened)}"
    )


# --- the same, one step at a time ------------------------------------------------------------


def test_control_time_alone_and_the_newest_position_are_stale(
    database: str, schedule: list[list[stress.Step]]
) -> None:
    assert schedule
    append = "select dbkit.append_event('stress', %s, 'Changed', '{}')"
    with connect(database) as slow, connect(database, autocommit=True) as quick:
        late = one(slow, append, "slow")["position"]
        early = one(quick, append, "quick")["position"]
        said = {control: one(quick, f"select stress.{control}('{{}}')") for control in CONTROLS}
        said["ours"] = one(quick, "select dbkit.execute_query('changed')")["data"]
        assert set(map(str, said.values())) == {str([early])}
        slow.commit()
        again = {control: one(quick, f"select stress.{control}('{{}}')") for control in CONTROLS}
        assert set(map(str, again.values())) == {str([early])}, "both are stale"
        assert one(quick, "select dbkit.execute_query('changed')")["data"] == [late, early]
        assert len(rows(quick, "select * from stress.kept")) == 2
