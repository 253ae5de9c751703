"""What commands and queries cost: a cached answer against its handler, a miss, a command.

In a database whose owner is no superuser, by service_role, on prepared connections in turn; each
call is a transaction of its own.
"""

from __future__ import annotations

import psycopg

from benchmarks.events_stores import Plan, create_store, execute, in_role
from benchmarks.figures import Figure, skipped
from benchmarks.pgbench import run_script, take_turns

CLIENTS = 8
"""For throughput; latencies are those of one client."""

SETUP = """
create schema booking;
create function booking.slow(p_params jsonb) returns jsonb language plpgsql stable as
  $$ begin perform pg_sleep(0.010); return '{"taken": 4}'; end $$;
create function booking.quick(p_params jsonb) returns jsonb language plpgsql stable as
  $$ begin return '{"taken": 4}'; end $$;
create function booking.quick_for_all(p_params jsonb) returns jsonb language plpgsql stable
  security definer set search_path = pg_catalog as $$ begin return '{"taken": 4}'; end $$;
create function booking.nothing(p_payload jsonb) returns jsonb language plpgsql as
  $$ begin return '{"left": 6}'; end $$;
create function booking.reserve(p_payload jsonb) returns jsonb language plpgsql as $$ begin
  perform dbkit.append_event('evening', p_payload ->> 'evening', 'TableReserved', p_payload);
  return '{"left": 6}'; end $$;
grant usage on schema booking to public;
select dbkit.register_query('slow', 'booking.slow', '{TableReserved}', 86400);
select dbkit.register_query('quick', 'booking.quick', '{TableReserved}');
select dbkit.register_query('quick_for_all', 'booking.quick_for_all', '{TableReserved}',
  p_vary => 'organization');
select dbkit.register_command('nothing', 'booking.nothing');
select dbkit.register_command('reserve', 'booking.reserve', '{"type": "object",
  "required": ["evening"], "properties": {"evening": {"type": "string"}}}');
select count(dbkit.append_event('evening', 'e' || n, 'TableReserved', '{}'))
from generate_series(1, 1000) as n;
"""

QUESTION = "\\set n random(1, 2000000000)\n"
"""Parameters that nobody has asked for yet, so each call computes and keeps an answer."""

EVENING = "jsonb_build_object('evening', 'e' || :n, 'guests', 4)"


def run(plan: Plan) -> list[Figure]:
    """What cannot be measured here is skipped, with the reason."""
    figures: list[Figure] = []
    for measure in (cached, misses, commands):
        try:
            figures += measure(plan)
        except (psycopg.Error, RuntimeError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            figures.append(skipped("cqrs", measure.__name__, reason))
    return figures


def _store(plan: Plan, name: str) -> str:
    store = create_store(plan.url, f"cqrs_{name}")
    execute(store, SETUP)
    execute(store, "vacuum analyze")
    return in_role(store, "service_role")


def _rates(plan: Plan, url: str, scripts: dict[str, str], clients: int) -> dict[str, float]:
    """Transactions a second of each script, medians over the rounds."""

    def measure(name: str, _: int) -> float:
        return run_script(url, scripts[name], clients=clients, seconds=plan.seconds).tps

    return take_turns(list(scripts), measure, rounds=plan.rounds)


def _added_ms(rates: dict[str, float], ours: str, bare: str) -> float:
    """By which one call of one client is longer."""
    return 1000 / rates[ours] - 1000 / rates[bare]


def cached(plan: Plan) -> list[Figure]:
    plan.say("cqrs: a cached answer and its handler of 10 ms")
    scripts = {
        "cached": "select dbkit.execute_query('slow', '{\"evening\": \"e1\"}');\n",
        "handler": 'select booking.slow(\'{"evening": "e1"}\');\n',
    }
    rates = _rates(plan, _store(plan, "cached"), scripts, 1)
    what = "cached answer / its handler of 10 ms"
    return [
        Figure("cqrs", what, 1, "/s", rates["cached"], rates["handler"], 5),
        Figure("cqrs", "cached answer, whole call", 1, "ms", 1000 / rates["cached"]),
    ]


def misses(plan: Plan) -> list[Figure]:
    plan.say("cqrs: what a miss adds to its handler")
    ask = QUESTION + "select dbkit.execute_query('{query}', jsonb_build_object('n', :n::int));\n"
    scripts = {
        "own": ask.replace("{query}", "quick"),
        "shared": ask.replace("{query}", "quick_for_all"),
        "handler": QUESTION + "select booking.quick(jsonb_build_object('n', :n::int));\n",
    }
    rates = _rates(plan, _store(plan, "misses"), scripts, 1)
    return [
        Figure("cqrs", what, 1, "ms", _added_ms(rates, which, "handler"), None, 0.3, "below")
        for what, which in (
            ("a miss adds, the answer is kept for its user", "own"),
            ("a miss adds, the answer is kept for all", "shared"),
        )
    ]


def commands(plan: Plan) -> list[Figure]:
    plan.say("cqrs: a command and its handler")
    call = QUESTION + "select dbkit.execute_command('{command}', {payload}{key});\n"
    empty = call.replace("{command}", "nothing").replace("{payload}", "'{}'")
    reserve = call.replace("{command}", "reserve").replace("{payload}", EVENING)
    key = ", gen_random_uuid()::text"
    scripts = {
        "nothing": empty.replace("{key}", ""),
        "nothing, with a key": empty.replace("{key}", key),
        "bare nothing": QUESTION + "select booking.nothing('{}');\n",
        "reserve": reserve.replace("{key}", key),
        "bare reserve": f"{QUESTION}select booking.reserve({EVENING});\n",
    }
    url = _store(plan, "commands")
    alone, many = (_rates(plan, url, scripts, clients) for clients in (1, CLIENTS))
    figures = [
        Figure("cqrs", f"a command that does {what} adds", 1, "ms", _added_ms(alone, what, bare))
        for what, bare in (
            ("nothing", "bare nothing"),
            ("nothing, with a key", "bare nothing"),
        )
    ]
    what = "command with a key that appends / its bare handler"
    return [
        *figures,
        *(
            Figure("cqrs", what, clients, "/s", rates["reserve"], rates["bare reserve"])
            for clients, rates in ((1, alone), (CLIENTS, many))
        ),
    ]
