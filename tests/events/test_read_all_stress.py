"""Who follows the events misses none and gets each once, in order, whatever the writers do."""

from __future__ import annotations

import pytest

from tests.events import stress
from tests.events.stress import Reader
from tests.helpers import Connection, connect, one

WRITERS = 10
TRANSACTIONS = 200 * stress.TORTURE
"""Of each writer."""


@pytest.fixture
def schedule(database: str) -> list[list[stress.Step]]:
    two_phases = stress.in_two_phases(database)
    if not two_phases:
        print("max_prepared_transactions is 0: without two-phase commit")
    endings = stress.ENDINGS if two_phases else stress.without_two_phases()
    return stress.draw_schedule(stress.SEED, WRITERS, TRANSACTIONS, endings)


def test_readers_get_every_committed_event_once_and_in_order(
    database: str, schedule: list[list[stress.Step]]
) -> None:
    everything = Reader(database, stress.by_read_all, 7)
    one_type = Reader(
        database, stress.by_type, 5, "-c role=authenticated -c dbkit.organization_id=acme"
    )
    filtered = Reader(database, stress.by_filter, 5)
    naive = Reader(database, stress.naively, 50)
    ledger = stress.follow(database, schedule, [everything, one_type, filtered, naive])
    stored = stress.stored(database)

    # What the writers were told is what is there.
    assert {e.event_id for e in stored} == ledger.committed.keys()
    assert not ledger.gone & ledger.committed.keys()
    assert stress.broken_streams(database) == []
    # Each reader got exactly that, in order.
    assert everything.events == stored
    assert stress.misordered(everything.events) == []
    assert one_type.events == [
        e for e in stored if e.event_type == "Changed" and e.stream[0] == "acme"
    ]
    assert filtered.events == [e for e in stored if e.event_type == "Closed"]
    # Every kind of trouble has happened, and the control has lost events by it.
    expected = {"commit", "rollback", "killed", "savepoint undone", "version conflict"}
    if stress.in_two_phases(database):
        expected |= {"prepare", "prepare_rollback"}
    assert expected <= ledger.happened.keys()
    missed = len(stored) - len(naive.events)
    print(
        f"seed {stress.SEED}: {len(stored)} events by {WRITERS} writers, {everything.polls} polls,"
        f" 0 missed, 0 misordered; the naive reader missed {missed}; {dict(ledger.happened)}"
    )
    assert missed > 0


# --- the same, one step at a time: why each part of the protocol is there ------------------------


class Scene:
    """A slow writer, a quick one and a reader."""

    def __init__(self, url: str) -> None:
        self.slow, self.quick = connect(url), connect(url, autocommit=True)
        self.reader = connect(url, autocommit=True)

    def append(self, conn: Connection, stream: str) -> int:
        made = one(conn, "select dbkit.append_event('t', %s, 'X', '{}')", stream)
        return int(made["position"])

    def newest(self) -> int:
        return int(one(self.reader, "select pg_sequence_last_value('dbkit.event_position_seq')"))

    def lowest_mark(self) -> int | None:
        found = one(
            self.reader,
            "select min(((classid::bigint & 65535) << 32) | objid::bigint) from pg_locks"
            " where locktype = 'advisory' and objsubid = 1 and classid::bigint >> 16 = 17474"
            " and database = (select oid from pg_database where datname = current_database())",
        )
        return None if found is None else int(found)

    def up_to(self, position: int) -> list[int]:
        events = stress.fetch(
            self.reader, "dbkit.event_store where position <= %s order by position", position
        )
        return [e.position for e in events]

    def close(self) -> None:
        for conn in (self.slow, self.quick, self.reader):
            conn.close()


@pytest.fixture
def scene(database: str) -> Scene:
    made = Scene(database)
    made.append(made.quick, "before")
    return made


def test_naive_reader_passes_an_open_transaction(scene: Scene) -> None:
    slow = scene.append(scene.slow, "a")
    quick = scene.append(scene.quick, "b")
    assert slow < quick
    naive, checkpoint = stress.naively(scene.reader, 1, 10)
    right, held = stress.by_read_all(scene.reader, 1, 10)
    scene.slow.commit()
    assert [e.position for e in naive] == [quick]
    assert stress.naively(scene.reader, checkpoint, 10)[0] == []
    assert right == []
    assert [e.position for e in stress.by_read_all(scene.reader, held, 10)[0]] == [slow, quick]
    scene.close()


def test_marks_before_the_newest_position_would_skip(scene: Scene) -> None:
    """The wrong order: no mark yet, then two writers, then the newest position."""
    mark = scene.lowest_mark()
    slow = scene.append(scene.slow, "a")
    quick = scene.append(scene.quick, "b")
    wrong = scene.newest() if mark is None else min(scene.newest(), mark - 1)
    assert scene.up_to(wrong)[-1] == quick
    assert one(scene.reader, "select dbkit.safe_position()") < slow
    scene.slow.commit()
    assert slow in scene.up_to(wrong)
    scene.close()


def test_a_snapshot_before_the_newest_position_would_skip(scene: Scene) -> None:
    """Why safe_position refuses any isolation level but READ COMMITTED."""
    with connect(str(scene.reader.info.dsn), password=scene.reader.info.password) as old:
        old.isolation_level = None
        old.execute("set transaction isolation level repeatable read")
        before = stress.naively(old, 0, 10)[0]
        position = scene.append(scene.quick, "a")
        assert one(scene.reader, "select dbkit.safe_position()") == position
        # Read up to there with the old snapshot, it would go on after what it never saw.
        assert stress.naively(old, 0, 10)[0] == before
        assert position not in {e.position for e in before}
    scene.close()


def test_the_mark_stays_below_what_a_transaction_draws_after_a_savepoint(scene: Scene) -> None:
    """Rolled back with its savepoint, the mark is taken anew: below the next position."""
    scene.slow.execute("savepoint s")
    undone = scene.append(scene.slow, "a")
    scene.slow.execute("rollback to s")
    assert scene.lowest_mark() is None
    quick = scene.append(scene.quick, "b")
    again = scene.append(scene.slow, "a")
    late = scene.append(scene.quick, "c")
    assert undone < quick < again < late
    assert one(scene.reader, "select dbkit.safe_position()") == quick
    scene.slow.commit()
    assert one(scene.reader, "select dbkit.safe_position()") == late
    assert scene.up_to(late) == [1, quick, again, late]
    scene.close()
