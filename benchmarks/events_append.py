"""What appending costs: alone, beside other work, on one stream, in a big store."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import psycopg

from benchmarks import events_peers
from benchmarks.events_peers import Peer, PeerMissing
from benchmarks.events_stores import (
    DATA,
    ORGANIZATION,
    STREAMS,
    Contestant,
    Plan,
    bare_contestant,
    create_store,
    dbkit_contestant,
    execute,
    floor_contestant,
    in_role,
    number,
    variables,
)
from benchmarks.figures import Figure, skipped
from benchmarks.pgbench import run_script, take_turns

CLIENTS = (1, 8, 32)
_BARE = "bare INSERT"
_PACE = 1_000  # streams of one round, at most: 32 clients with 20


class Bases:
    """Numbers of streams that no run has appended to before."""

    def __init__(self) -> None:
        self._next = 1

    def take(self) -> int:
        self._next += 1
        return self._next * _PACE


def singles(plan: Plan, store: str, wanted: Sequence[str]) -> list[Figure]:
    """dbkit, the bare INSERT and the peers in one interleaved run for each number of clients."""
    bases = Bases()
    runs = {clients: [bases.take() for _ in range(plan.rounds)] for clients in CLIENTS}
    every = [base for taken in runs.values() for base in taken]
    contestants = [dbkit_contestant(store), bare_contestant(store)]
    if "append" in wanted:
        contestants.append(floor_contestant(store))
    _prepare(contestants, every)
    figures: list[Figure] = []
    for peer in events_peers.PEERS:
        if peer.key in wanted:
            try:
                contestants += _admitted(plan, peer, every)
            except (PeerMissing, psycopg.Error, RuntimeError) as error:
                figures.append(skipped(peer.key, peer.title, str(error).splitlines()[0]))
    for clients, taken in runs.items():
        plan.say(f"events: one event a transaction, {clients} clients, {len(contestants)} ways")
        tps = race(contestants, plan, clients, taken)
        figures += _compare(tps, clients, wanted)
    return figures


def _admitted(plan: Plan, peer: Peer, bases: Sequence[int]) -> list[Contestant]:
    plan.say(f"events: installing {peer.title}")
    with tempfile.TemporaryDirectory() as folder:
        contestants = events_peers.install(peer, plan.url, Path(folder), peer.key)
    _prepare(contestants, bases)
    return contestants


def _prepare(contestants: Sequence[Contestant], bases: Sequence[int]) -> None:
    """Begin the streams, and see that each does append one event a transaction."""
    trial = bases[0] - _PACE
    for contestant in contestants:
        for base in (trial, *bases):
            contestant.prepare(base, base + max(CLIENTS) * STREAMS - 1)
        before = contestant.stored()
        given = variables(trial)
        done = run_script(contestant.url, contestant.script, clients=1, seconds=1, variables=given)
        if contestant.stored() - before != done.transactions:
            raise RuntimeError(f"{contestant.name} does not append an event a transaction")
    for contestant in contestants:
        execute(contestant.url.partition("?")[0], "vacuum analyze")


def race(
    contestants: Sequence[Contestant], plan: Plan, clients: int, bases: Sequence[int]
) -> dict[str, float]:
    """Median transactions a second; round n appends to the streams from bases[n] on."""
    by_name = {c.name: c for c in contestants}

    def measure(name: str, number_of_round: int) -> float:
        given = variables(bases[number_of_round])
        one = by_name[name]
        run = run_script(
            one.url, one.script, clients=clients, seconds=plan.seconds, variables=given
        )
        return run.tps

    return take_turns(list(by_name), measure, rounds=plan.rounds)


def _compare(tps: dict[str, float], clients: int, wanted: Sequence[str]) -> list[Figure]:
    figures = []
    ours = tps["dbkit"]
    if "append" in wanted:
        title = "append_event / bare INSERT"
        figures.append(Figure("append", title, clients, "tps", ours, tps[_BARE], 0.8))
        title = "a function that only moves a head on and inserts / bare INSERT"
        figures.append(Figure("append", title, clients, "tps", tps["floor"], tps[_BARE]))
    for peer in events_peers.PEERS:
        if peer.key in tps and peer.key in wanted:
            title = f"append_event / {peer.title}"
            target = peer.targets.get(clients)
            figures.append(Figure(peer.key, title, clients, "tps", ours, tps[peer.key], target))
    extra = "eventsourcing's function"
    if extra in tps:
        title = "append_event / pyeventsourcing's database function (locks nothing)"
        figures.append(Figure("eventsourcing", title, clients, "tps", ours, tps[extra]))
    return figures


def beside_work(plan: Plan, store: str) -> list[Figure]:
    """Each transaction appends, and holds what that locked for 5 ms."""
    clients = 16
    contestants = [
        replace(c, append=f"begin;\n{c.append}select pg_sleep(0.005);\ncommit;\n")
        for c in (dbkit_contestant(store), bare_contestant(store))
    ]
    taken = [900_000_000 + round_ * _PACE for round_ in range(plan.rounds)]
    _prepare(contestants, taken)
    plan.say(f"events: transactions with 5 ms of other work, {clients} clients")
    tps = race(contestants, plan, clients, taken)
    title = "append + 5 ms of work / bare INSERT + 5 ms of work"
    return [Figure("work", title, clients, "tps", tps["dbkit"], tps[_BARE], 0.95)]


_TRY_DBKIT = """
create function bench.try_append(p_stream text, p_data jsonb, p_version bigint) returns bigint
language plpgsql as $$
begin
  return (dbkit.append_event('order', p_stream, 'OrderPlaced', p_data, '{}', p_version)
    ->> 'version')::bigint;
exception when sqlstate 'KD501' then
  perform set_config('synchronous_commit', 'off', true);
  return (select s.version from dbkit.event_streams s
    where s.organization_id = 'default' and s.aggregate_type = 'order'
      and s.aggregate_id = p_stream);
end
$$;
"""

_TRY_MESSAGE_DB = """
create schema bench;
create function bench.try_append(p_stream text, p_data jsonb, p_version bigint) returns bigint
language plpgsql as $$
begin
  return write_message(gen_random_uuid()::varchar, 'order-' || p_stream, 'OrderPlaced', p_data,
    '{}', p_version - 1) + 1;
exception when raise_exception then
  perform set_config('synchronous_commit', 'off', true);
  return stream_version('order-' || p_stream) + 1;
end
$$;
"""

_TRY = "select bench.try_append(:base, :data, :known) as known \\gset\n"
_HEADS = {
    "dbkit": "select version from dbkit.event_streams"
    " where organization_id = 'default' and aggregate_type = 'order' and aggregate_id = '{0}'",
    "message-db": "select stream_version('order-{0}') + 1",
}


def one_stream(plan: Plan, store: str) -> list[Figure]:
    """Eight clients append to one stream at the version they know; who loses reads it anew.

    pgbench does not go on after an error, so a function catches the conflict. A real client's
    transaction is rolled back then and waits for no disk; so the function's does not either.
    """
    title = "successes of 8 writers on one stream / message-db's"
    with tempfile.TemporaryDirectory() as folder:
        try:
            peer = events_peers.PEERS[0]
            message_db = events_peers.install(peer, plan.url, Path(folder), "contention")[0].url
        except PeerMissing as error:
            return [skipped("contention", title, str(error))]
    urls = {"dbkit": in_role(store, "service_role"), "message-db": message_db}
    execute(store, _TRY_DBKIT)
    execute(message_db, _TRY_MESSAGE_DB)
    plan.say("events: 8 writers on one stream, expected version and retry")

    def measure(name: str, round_: int) -> float:
        base = 800_000_000 + round_
        run_script(
            urls[name],
            _TRY,
            clients=8,
            seconds=plan.seconds,
            variables={"base": base, "data": DATA, "known": 0},
        )
        return number(urls[name], _HEADS[name].format(base)) / plan.seconds

    won = take_turns(list(urls), measure, rounds=plan.rounds)
    ours, theirs = won["dbkit"], won["message-db"]
    return [Figure("contention", title, 8, "successes/s", ours, theirs, 2.5)]


_LOAD = """
insert into dbkit.event_streams
  (organization_id, aggregate_type, aggregate_id, version, last_event_at, created_at, is_chained)
select '{organization}', 'order', s::text, 10, now(), now(), false
from generate_series({first}, {last}) s;
insert into dbkit.event_store (position, version, created_at, event_id, schema_version,
  organization_id, aggregate_type, aggregate_id, event_type, event_data, metadata)
select nextval('dbkit.event_position_seq'), v, now(), gen_random_uuid(), 1, '{organization}',
  'order', s::text, (array['OrderPlaced', 'OrderStatusChanged', 'OrderPaid'])[1 + v % 3],
  $data${data}$data$, '{{}}'
from generate_series(1, 10) v, generate_series({first}, {last}) s
"""

_ANYWHERE = """\\set stream random(1, :streams)
select dbkit.append_event('order', :stream, 'OrderPlaced', :data, '{}', -1, gen_random_uuid());
"""


def load_statement(first: int, last: int) -> str:
    """Streams `first` to `last` with ten events each, written as the owner would restore them."""
    return _LOAD.format(first=first, last=last, organization=ORGANIZATION, data=DATA)


def size(plan: Plan) -> list[Figure]:
    """Appends to streams picked at random from the whole store: a big one and an empty one."""
    few = 1_000
    streams = {"empty": few, "big": max(few, round(plan.stored_millions * 100_000))}
    urls = {name: create_store(plan.url, f"size_{name}") for name in streams}
    dbkit_contestant(urls["empty"]).prepare(1, few)
    for first in range(1, streams["big"] + 1, 100_000):
        plan.say(f"events: storing, {first // 100_000} of {plan.stored_millions:g} million")
        execute(urls["big"], load_statement(first, min(first + 99_999, streams["big"])))
    for url in urls.values():
        execute(url, "vacuum analyze")
        execute(url, "checkpoint")
    return [_size_at(plan, clients, streams, urls) for clients in (1, 8)]


def _size_at(plan: Plan, clients: int, streams: dict[str, int], urls: dict[str, str]) -> Figure:
    plan.say(f"events: big store against an empty one, {clients} clients")

    def measure(name: str, _: int) -> float:
        url = in_role(urls[name], "service_role")
        given: dict[str, str | int] = {"streams": streams[name], "data": DATA}
        run = run_script(url, _ANYWHERE, clients=clients, seconds=plan.seconds, variables=given)
        return run.latency_us

    taken = take_turns(list(urls), measure, rounds=plan.rounds)
    title = f"time of an append at {plan.stored_millions:g} million events / in an empty store"
    return Figure("size", title, clients, "µs", taken["big"], taken["empty"], 1.2, "at most")
