"""Random histories of appends, replays, snapshots, archives, upcasters and rebuilds: after every
step the database says what a model in Python says."""

from __future__ import annotations

import itertools
import json
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.events import stress
from tests.helpers import Connection, connect, one, raises, rows

EXAMPLES = 60 * stress.TORTURE
STEPS = 40
STREAMS = ("a", "b", "c")

Upcast = Callable[[int], int]
UPCASTERS: dict[str, Upcast] = {"times_ten": lambda n: n * 10, "plus_one": lambda n: n + 1}

HANDLERS = """
create function public.times_ten(jsonb) returns jsonb language sql immutable
return jsonb_build_object('n', ($1 ->> 'n')::int * 10);
create function public.plus_one(jsonb) returns jsonb language sql immutable
return jsonb_build_object('n', ($1 ->> 'n')::int + 1);
create function public.add(jsonb, dbkit.event_store) returns jsonb language sql immutable
return jsonb_build_object('sum', coalesce(($1 ->> 'sum')::int, 0) + (($2).event_data ->> 'n')::int,
  'events', coalesce(($1 ->> 'events')::int, 0) + 1);
grant usage on schema public to authenticated, service_role, super_admin;
grant execute on function public.times_ten(jsonb), public.plus_one(jsonb),
  public.add(jsonb, dbkit.event_store) to authenticated, service_role, super_admin;
"""
"""The folds depend on order as little as a sum does; the versions are checked on their own."""


@dataclass(frozen=True)
class Stored:
    """An event in the model."""

    stream: str
    version: int
    event_id: str
    n: int
    schema_version: int


@dataclass
class Projection:
    """Rows of a read model: written with the upcasters of their time until it is rebuilt."""

    name: str
    read: int = 0
    """How many events of the log are in it."""
    sums: dict[str, int] = field(default_factory=dict)


EXPECTED_STEPS = (
    *("append", "batch", "replay", "reused id", "archive", "restore", "snapshot", "upcaster"),
    *("state from a snapshot", "state from all events", "rebuild inline", "rebuild async"),
    "rows that differed",
)

_numbers = itertools.count(1)


class EventStoreMachine(RuleBasedStateMachine):
    """Each history has names of its own in a database that all share: events are never deleted."""

    url: str
    conn: Connection
    happened: Counter[str]
    """Over all histories, to know that each kind of step was met."""

    def __init__(self) -> None:
        super().__init__()
        self.name = f"m{next(_numbers)}"
        self.log: list[Stored] = []
        self.archived: set[str] = set()
        self.chain: dict[int, tuple[int, str]] = {}
        """From version to (version, upcaster)."""
        self.snapshots: dict[tuple[str, int], dict[int, tuple[int, str]]] = {}
        """By stream and version: the chain that it was made with."""
        self.fresh: set[tuple[str, int]] = set()
        """Those made since the chain was changed; others may have been deleted."""
        self.async_rows = Projection(f"async_{self.name}")
        self.inline_rows = Projection(f"inline_{self.name}")

    # --- the model ---------------------------------------------------------------------------

    def stream(self, name: str) -> list[Stored]:
        return [e for e in self.log if e.stream == name]

    def newest(self) -> int:
        return max([1, *(to for to, _ in self.chain.values())])

    def upcast(self, event: Stored) -> tuple[int, int]:
        """Schema version and value as they read today."""
        version, n = event.schema_version, event.n
        while version in self.chain:
            version, name = self.chain[version]
            n = UPCASTERS[name](n)
        return version, n

    def fold(self, events: list[Stored]) -> dict[str, int]:
        if not events:
            return {}
        return {"sum": sum(self.upcast(e)[1] for e in events), "events": len(events)}

    def catch_up(self, projection: Projection) -> None:
        for event in self.log[projection.read :]:
            before = projection.sums.get(event.stream, 0)
            projection.sums[event.stream] = before + self.upcast(event)[1]
        projection.read = len(self.log)

    def append_to_model(self, stream: str, values: list[int], ids: list[str]) -> None:
        version = len(self.stream(stream))
        for n, event_id in zip(values, ids, strict=True):
            version += 1
            self.log.append(Stored(stream, version, event_id, n, self.newest()))
        self.catch_up(self.inline_rows)

    # --- the database ------------------------------------------------------------------------

    def call(self, role: str, statement: str, *arguments: Any) -> Any:
        self.conn.execute(f"set role {role}".encode())
        try:
            return one(self.conn, statement, *arguments)
        finally:
            self.conn.execute("reset role")

    def refused(self, sqlstate: str, statement: str, *arguments: Any) -> dict[str, Any]:
        with raises(self.conn, sqlstate) as caught:
            self.conn.execute("set local role authenticated")
            one(self.conn, statement, *arguments)
        return caught.detail

    @initialize(values=st.lists(st.integers(0, 9), min_size=2, max_size=4))
    def begin(self, values: list[int]) -> None:
        self.call("super_admin", "select dbkit.register_applier(%s, 'public.add')", self.name)
        for projection, mode in [(self.async_rows, "async"), (self.inline_rows, "inline")]:
            self.call(
                "super_admin",
                "select dbkit.register_projection(%s, %s, %s, %s)",
                *(projection.name, "public.add(jsonb,dbkit.event_store)", [self.name], mode),
            )
        self.append_batch("a", values, "none", again=False)

    def teardown(self) -> None:
        """The registries of the next history are empty again, so that they do not grow."""
        for projection in (self.async_rows, self.inline_rows):
            self.call("super_admin", "select dbkit.unregister_projection(%s)", projection.name)
        self.call("super_admin", "select dbkit.unregister_applier(%s)", self.name)
        for version in list(self.chain):
            self.call("super_admin", "select dbkit.unregister_upcaster(%s, %s)", self.name, version)

    APPEND = "select dbkit.append_event(%s, %s, %s, %s, p_expected_version => %s, p_event_id => %s)"
    BATCH = "select dbkit.append_events(%s, %s, %s, %s)"

    def send(self, stream: str, n: int, expected: int | None, event_id: str) -> tuple[Any, ...]:
        return (self.name, stream, self.name, json.dumps({"n": n}), expected, event_id)

    # --- appending ---------------------------------------------------------------------------

    def expected(self, stream: str, how: str) -> int | None:
        version = len(self.stream(stream))
        known = {"any": None, "none": 0, "exists": -1, "right": version, "ahead": version + 1}
        return known.get(how, max(version - 1, 0))

    def conflict(self, stream: str, expected: int | None) -> str | None:
        """The SQLSTATE that an append of new events is refused with."""
        version = len(self.stream(stream))
        if stream in self.archived:
            return "KD503"
        if expected is None or expected == version or (expected == -1 and version > 0):
            return None
        return "KD501" if version > 0 else "KD502"

    EXPECTATIONS = st.sampled_from(("any", "none", "exists", "right", "right", "behind", "ahead"))

    @rule(stream=st.sampled_from(STREAMS), n=st.integers(0, 9), how=EXPECTATIONS)
    def append(self, stream: str, n: int, how: str) -> None:
        expected, event_id = self.expected(stream, how), str(uuid.uuid4())
        sent = self.send(stream, n, expected, event_id)
        sqlstate = self.conflict(stream, expected)
        if sqlstate:
            self.refused(sqlstate, self.APPEND, *sent)
            self.happened[sqlstate] += 1
            return
        answer = self.call("authenticated", self.APPEND, *sent)
        self.append_to_model(stream, [n], [event_id])
        self.happened["append"] += 1
        assert (answer["version"], answer["replayed"]) == (len(self.stream(stream)), False)

    @rule(
        stream=st.sampled_from(STREAMS),
        values=st.lists(st.integers(0, 9), min_size=1, max_size=4),
        how=EXPECTATIONS,
        again=st.booleans(),
    )
    def append_batch(self, stream: str, values: list[int], how: str, again: bool) -> None:
        expected, ids = self.expected(stream, how), [str(uuid.uuid4()) for _ in values]
        events = [
            {"event_type": self.name, "event_data": {"n": n}, "event_id": event_id}
            for n, event_id in zip(values, ids, strict=True)
        ]
        sent = (self.name, stream, json.dumps(events), expected)
        sqlstate = self.conflict(stream, expected)
        if sqlstate:
            self.refused(sqlstate, self.BATCH, *sent)
            return
        first = len(self.stream(stream)) + 1
        answer = self.call("authenticated", self.BATCH, *sent)
        self.append_to_model(stream, values, ids)
        self.happened["batch"] += 1
        assert (answer["first_version"], answer["last_version"]) == (first, first + len(ids) - 1)
        assert (answer["event_ids"], answer["replayed"]) == (ids, False)
        if again:
            assert self.call("authenticated", self.BATCH, *sent) == answer | {"replayed": True}

    @precondition(lambda self: self.log)
    @rule(data=st.data(), how=EXPECTATIONS)
    def send_again(self, data: st.DataObject, how: str) -> None:
        """The first answer, whatever is expected now and whether the stream is archived or not."""
        event = data.draw(st.sampled_from(self.log), "event")
        sent = self.send(event.stream, event.n, self.expected(event.stream, how), event.event_id)
        answer = self.call("authenticated", self.APPEND, *sent)
        assert (answer["version"], answer["replayed"]) == (event.version, True)
        self.happened["replay"] += 1

    @precondition(lambda self: self.log)
    @rule(data=st.data(), stream=st.sampled_from(STREAMS))
    def reuse_an_id(self, data: st.DataObject, stream: str) -> None:
        event = data.draw(st.sampled_from(self.log), "event")
        self.refused("KD506", self.APPEND, *self.send(stream, event.n + 1, None, event.event_id))
        self.happened["reused id"] += 1

    # --- archiving ---------------------------------------------------------------------------

    @rule(stream=st.sampled_from(STREAMS))
    def archive(self, stream: str) -> None:
        if not self.stream(stream):
            with raises(self.conn, "KD502"):
                one(self.conn, "select dbkit.archive_stream(%s, %s)", self.name, stream)
            return
        self.call("service_role", "select dbkit.archive_stream(%s, %s)", self.name, stream)
        if stream not in self.archived:
            # It takes its snapshots along; they can be made again.
            self.snapshots = {at: c for at, c in self.snapshots.items() if at[0] != stream}
            self.archived.add(stream)
        self.happened["archive"] += 1

    @precondition(lambda self: self.archived)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        stream = data.draw(st.sampled_from(sorted(self.archived)), "stream")
        self.call("service_role", "select dbkit.restore_stream(%s, %s)", self.name, stream)
        self.archived.remove(stream)
        self.happened["restore"] += 1

    # --- state -------------------------------------------------------------------------------

    @precondition(lambda self: self.log)
    @rule(data=st.data())
    def create_snapshot(self, data: st.DataObject) -> None:
        stream = data.draw(st.sampled_from(self.log), "of the stream of").stream
        create = "select dbkit.create_snapshot(%s, %s)"
        version = len(self.stream(stream))
        assert self.call("authenticated", create, self.name, stream) == version
        self.snapshots[stream, version] = dict(self.chain)
        self.fresh.add((stream, version))
        self.happened["snapshot"] += 1

    @precondition(lambda self: self.log)
    @rule(data=st.data())
    def travel(self, data: st.DataObject) -> None:
        """Before, at and after snapshots: the state is that of the fold of its events."""
        stream = data.draw(st.sampled_from(self.log), "in the stream of").stream
        events = self.stream(stream)
        at = data.draw(st.none() | st.integers(0, len(events)), "version")
        version = len(events) if at is None else at
        call = "select dbkit.get_aggregate_state(%s, %s, %s)"
        answer = self.call("authenticated", call, self.name, stream, at)
        assert (answer["state"], answer["version"]) == (self.fold(events[:version]), version)
        # Only a snapshot that is not newer than asked for, and that today's upcasters made.
        usable = {
            made_at
            for (of, made_at), chain in self.snapshots.items()
            if of == stream and made_at <= version and chain == self.chain
        }
        certain = [v for v in usable if (stream, v) in self.fresh]
        used = answer["snapshot_version"]
        assert used in usable | {None} and (used or 0) >= max(certain, default=0)
        self.happened[f"state from {'a snapshot' if used else 'all events'}"] += 1

    # --- schema versions ---------------------------------------------------------------------

    @rule(name=st.sampled_from(sorted(UPCASTERS)), version=st.integers(1, 3))
    def register_upcaster(self, name: str, version: int) -> None:
        """In the middle of a chain too, and in the place of another."""
        call = "select dbkit.register_upcaster(%s, %s, %s, %s)"
        arguments = (self.name, version, version + 1, f"public.{name}")
        self.conn.execute("set role super_admin")
        self.conn.execute(call.encode(), arguments)
        self.conn.execute("reset role")
        if self.chain.get(version) != (version + 1, name):
            self.chain[version] = (version + 1, name)
            self.fresh.clear()
        self.happened["upcaster"] += 1

    # --- projections -------------------------------------------------------------------------

    @rule()
    def run_projection(self) -> None:
        run = "select dbkit.run_projection(%s, 7)"
        while self.call("service_role", run, self.async_rows.name)["lag"] > 0:
            pass
        self.catch_up(self.async_rows)

    @rule(inline=st.booleans())
    def rebuild_projection(self, inline: bool) -> None:
        """The new rows are what today's upcasters give; those that differed are counted."""
        projection = self.inline_rows if inline else self.async_rows
        rebuild = "select dbkit.rebuild_projection(%s, 7)"
        while True:
            answer = self.call("service_role", rebuild, projection.name)
            if answer["phase"] == "swapped":
                break
        self.catch_up(projection)
        old, projection.sums, projection.read = projection.sums, {}, 0
        self.catch_up(projection)
        self.happened[f"rebuild {'inline' if inline else 'async'}"] += 1
        differing = [k for k, new in projection.sums.items() if old[k] != new]
        self.happened["rows that differed"] += len(differing)
        assert (answer["differing"], answer["missing"], answer["extra"]) == (len(differing), 0, 0)

    # --- what must hold after every step -----------------------------------------------------

    @invariant()
    def streams_are_as_in_the_model(self) -> None:
        for stream in STREAMS:
            found = rows(
                self.conn,
                "select version, event_id::text, schema_version, event_data ->> 'n' as n"
                " from dbkit.get_events(%s, %s)",
                *(self.name, stream),
            )
            expected = [(e.version, e.event_id, *self.upcast(e)) for e in self.stream(stream)]
            assert [
                (f["version"], f["event_id"], f["schema_version"], int(f["n"])) for f in found
            ] == expected

    @invariant()
    def rows_are_as_in_the_model(self) -> None:
        for projection in (self.async_rows, self.inline_rows):
            found = rows(
                self.conn,
                "select p.key, (p.state ->> 'sum')::int as sum from dbkit.event_projections p"
                " join dbkit.event_projection_definitions d on d.projection = p.projection"
                " and d.live_generation = p.generation where d.projection = %s",
                projection.name,
            )
            assert {f["key"]: f["sum"] for f in found} == projection.sums


def test_random_histories_agree_with_the_model(database: str) -> None:
    chosen = stress.history_settings(EXAMPLES, STEPS)
    with connect(database, autocommit=True) as conn:
        conn.execute(HANDLERS.encode())

        class Machine(EventStoreMachine):
            url = database

        Machine.conn, Machine.happened = conn, Counter()
        run_state_machine_as_test(Machine, settings=chosen)
    print(f"{EXAMPLES} histories: {dict(Machine.happened)}")
    assert min(Machine.happened[step] for step in EXPECTED_STEPS) > 0
    assert stress.broken_streams(database) == []
