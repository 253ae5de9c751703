"""Many at once: every append that succeeded is there with a version of its own, every other one
says why, and no raw unique violation ever comes out."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import psycopg
import pytest

from tests.events import stress
from tests.events.parts import waiting
from tests.helpers import Connection, connect, one, raises, rows

Answer = dict[str, Any]
Work = Callable[[Connection, int], Any]

APPEND = "select dbkit.append_event('t', %s, 'X', %s, p_expected_version => %s, p_event_id => %s)"
BASE = 17474 << 48
"""Of the keys of marks."""


def append(
    conn: Connection,
    stream: str = "a",
    expected: int | None = None,
    event_id: str | None = None,
    data: str = "{}",
) -> Answer:
    answer: Answer = one(conn, APPEND, stream, data, expected, event_id)
    return answer


def together(url: str, count: int, work: Work) -> list[Any]:
    """`work(connection, number)` on so many autocommit connections that start at once; what each
    gave back, an error's SQLSTATE included."""
    barrier = Barrier(count, timeout=60)

    def run(number: int) -> Any:
        with connect(url, autocommit=True) as conn:
            barrier.wait()
            try:
                return work(conn, number)
            except psycopg.Error as error:
                return error.sqlstate

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def begin(stream: str, expected: int | None, conn: Connection, number: int) -> Answer:
    return append(conn, stream, expected)


def append_on_a_side(stream: str, event_id: str, conn: Connection, side: int) -> Answer:
    return append(conn, f"{stream}-{side}", None, event_id)


def versions(url: str, stream: str = "a") -> list[int]:
    with connect(url) as conn:
        found = rows(
            conn,
            "select version from dbkit.event_store where aggregate_id = %s order by 1",
            stream,
        )
    return [f["version"] for f in found]


def head(url: str, stream: str = "a") -> int | None:
    with connect(url) as conn:
        found = rows(
            conn, "select version from dbkit.event_streams where aggregate_id = %s", stream
        )
    return found[0]["version"] if found else None


# --- one stream ------------------------------------------------------------------------------


def test_each_of_twenty_writers_gets_versions_of_its_own(database: str) -> None:
    """Read the version, append with it, try again after a conflict."""
    conflicts: Counter[int] = Counter()

    def work(conn: Connection, number: int) -> list[tuple[str, int]]:
        mine = []
        for _ in range(10):
            event_id = str(uuid.uuid4())
            while True:
                expected = one(conn, "select coalesce(max(version), 0) from dbkit.event_streams")
                try:
                    answer = append(conn, "a", expected, event_id)
                except psycopg.Error as error:
                    assert error.sqlstate == "KD501", error
                    conflicts[number] += 1
                else:
                    assert answer["version"] == expected + 1
                    mine.append((event_id, answer["version"]))
                    break
        return mine

    successes = list(itertools.chain(*together(database, 20, work)))
    assert sorted(version for _, version in successes) == list(range(1, 201))
    assert {e.event_id: e.version for e in stress.stored(database)} == dict(successes)
    assert head(database) == 200
    assert conflicts.total() > 0


def test_control_on_conflict_do_nothing_loses_what_succeeded(database: str) -> None:
    """The same writers in the way that a peer appends."""
    with connect(database, autocommit=True) as conn:
        conn.execute("create table naive (version bigint primary key, event_id uuid)")
    # All read before any writes, as happens by itself now and then.
    read, wrote = Barrier(20, timeout=60), Barrier(20, timeout=60)

    def work(conn: Connection, number: int) -> int:
        for _ in range(5):
            version = one(conn, "select coalesce(max(version), 0) + 1 from naive")
            read.wait()
            conn.execute(
                "insert into naive values (%s, gen_random_uuid()) on conflict do nothing",
                [version],
            )
            wrote.wait()
        return 5

    succeeded = sum(together(database, 20, work))
    with connect(database) as conn:
        assert (succeeded, one(conn, "select count(*) from naive")) == (100, 5)


@pytest.mark.parametrize("writers", [2, 20])
def test_one_of_many_begins_a_stream(database: str, writers: int) -> None:
    for number in range(10):
        stream = f"s-{number}"
        answers = together(database, writers, partial(begin, stream, 0))
        won = [answer for answer in answers if isinstance(answer, dict)]
        assert [answer["version"] for answer in won] == [1]
        assert answers.count("KD501") == writers - 1
        assert (head(database, stream), versions(database, stream)) == (1, [1])


@pytest.mark.parametrize("writers", [2, 20])
def test_all_may_begin_a_stream_that_expect_nothing(database: str, writers: int) -> None:
    for number in range(10):
        stream = f"s-{number}"
        answers = together(database, writers, partial(begin, stream, None))
        assert sorted(a["version"] for a in answers) == list(range(1, writers + 1))
        assert versions(database, stream) == list(range(1, writers + 1))
        assert head(database, stream) == writers


def test_batches_of_many_do_not_interleave(database: str) -> None:
    batch = '[{"event_type": "A", "event_data": {}}, {"event_type": "B", "event_data": {}}]'

    def work(conn: Connection, number: int) -> list[Answer]:
        call = "select dbkit.append_events('t', 'a', %s)"
        return [one(conn, call, batch) for _ in range(10)]

    answers = list(itertools.chain(*together(database, 8, work)))
    firsts = sorted(answer["first_version"] for answer in answers)
    assert firsts == list(range(1, 161, 2))
    assert all(a["last_version"] == a["first_version"] + 1 for a in answers)
    types = [e.event_type for e in stress.stored(database)]
    assert types == ["A", "B"] * 80


def test_who_waited_for_the_first_append_conflicts_after_its_commit(database: str) -> None:
    with connect(database) as first:
        append(first, "a", 0)
        with waiting(database, lambda conn: append(conn, "a", 0)) as second:
            first.commit()
    error = second.exception()
    assert isinstance(error, psycopg.Error) and error.sqlstate == "KD501"
    assert '"actual_version": 1' in (error.diag.message_detail or "")
    assert (versions(database), head(database)) == ([1], 1)


def test_who_waited_for_the_first_append_begins_after_its_rollback(database: str) -> None:
    with connect(database) as first:
        append(first, "a", 0)
        with waiting(database, lambda conn: append(conn, "a", 0)) as second:
            first.rollback()
    assert second.result()["version"] == 1
    assert (versions(database), head(database)) == ([1], 1)


# --- one event id ----------------------------------------------------------------------------


@pytest.mark.parametrize("expected", [None, 0])
def test_one_event_sent_by_ten_has_one_effect(database: str, expected: int | None) -> None:
    event_id = str(uuid.uuid4())
    answers = together(
        database, 10, lambda conn, _: append(conn, "a", expected, event_id, '{"n": 1}')
    )
    assert Counter(answer.pop("replayed") for answer in answers) == {False: 1, True: 9}
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["version"] == 1 and answers[0]["event_id"] == event_id
    assert (versions(database), head(database)) == ([1], 1)


def test_one_event_id_with_many_contents_is_stored_once(database: str) -> None:
    event_id = str(uuid.uuid4())
    answers = together(
        database, 10, lambda conn, number: append(conn, "a", None, event_id, f'{{"n": {number}}}')
    )
    assert answers.count("KD506") == 9
    assert (versions(database), head(database)) == ([1], 1)


def test_one_event_id_for_two_streams_goes_to_one(database: str) -> None:
    for number in range(20):
        event_id = str(uuid.uuid4())
        answers = together(database, 2, partial(append_on_a_side, f"s-{number}", event_id))
        assert sorted(map(str, answers), key=len)[0] == "KD506"
        assert sum(isinstance(answer, dict) for answer in answers) == 1
        heads = [head(database, f"s-{number}-{side}") for side in (0, 1)]
        # The other stream was not begun by what was refused.
        assert sorted(heads, key=str) == [1, None]


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_who_waited_for_an_event_id_elsewhere_learns_how_it_ended(database: str, ends: str) -> None:
    event_id = str(uuid.uuid4())
    with connect(database) as first:
        append(first, "a", None, event_id)
        with waiting(database, lambda conn: append(conn, "b", None, event_id)) as second:
            first.execute(ends.encode())
    if ends == "commit":
        error = second.exception()
        assert isinstance(error, psycopg.Error) and error.sqlstate == "KD506"
        assert (head(database, "a"), head(database, "b")) == (1, None)
    else:
        assert second.result()["replayed"] is False
        assert (head(database, "a"), head(database, "b")) == (None, 1)


def test_a_batch_that_shares_one_id_with_another_is_refused_whole(database: str) -> None:
    shared = str(uuid.uuid4())

    def work(conn: Connection, number: int) -> Answer:
        events = (
            '[{"event_type": "X", "event_data": {}},'
            f' {{"event_type": "X", "event_data": {{}}, "event_id": "{shared}"}},'
            ' {"event_type": "X", "event_data": {}}]'
        )
        answer: Answer = one(conn, "select dbkit.append_events('t', %s, %s)", f"s-{number}", events)
        return answer

    answers = together(database, 8, work)
    assert answers.count("KD506") == 7
    assert len(stress.stored(database)) == 3
    assert stress.broken_streams(database) == []


# --- isolation, locks, time-outs -------------------------------------------------------------


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_stricter_isolation_appends_right_or_not_at_all(database: str, isolation: str) -> None:
    refused: Counter[str] = Counter()

    def work(conn: Connection, number: int) -> list[int]:
        conn.execute(f"set default_transaction_isolation = '{isolation}'".encode())
        mine = []
        for turn in range(10):
            event_id = str(uuid.uuid4())
            stream = f"s-{turn % 3}"
            while True:
                try:
                    with conn.transaction():
                        # The snapshot of the transaction is from before the append.
                        seen = one(conn, "select count(*) from dbkit.event_store")
                        answer = append(conn, stream, None, event_id)
                except psycopg.Error as error:
                    refused[error.sqlstate or ""] += 1
                    assert error.sqlstate in ("40001", "40P01"), error
                else:
                    assert seen >= 0 and answer["replayed"] is False
                    mine.append(answer["position"])
                    break
        return mine

    positions = list(itertools.chain(*together(database, 8, work)))
    assert sorted(positions) == [e.position for e in stress.stored(database)]
    assert stress.broken_streams(database) == []
    assert refused["40001"] > 0


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
@pytest.mark.parametrize("expected", [None, 0, -1, 1])
def test_an_old_snapshot_never_gives_a_wrong_answer(
    database: str, isolation: str, expected: int | None
) -> None:
    """The stream and the event id are another's, committed after our snapshot."""
    event_id = str(uuid.uuid4())
    with connect(database) as late, connect(database, autocommit=True) as early:
        late.execute(f"set transaction isolation level {isolation}".encode())
        one(late, "select count(*) from dbkit.event_store")
        append(early, "a", 0, event_id)
        allowed = {"40001"} if expected in (None, 0) else {"40001", "KD501", "KD502"}
        with pytest.raises(psycopg.Error) as caught:
            append(late, "a", expected, event_id)
        assert caught.value.sqlstate in allowed
        late.rollback()
        # With a new snapshot it is what it always was: a replay.
        late.execute(f"set transaction isolation level {isolation}".encode())
        assert append(late, "a", expected, event_id)["replayed"] is True
    assert versions(database) == [1]


def test_streams_in_opposite_order_are_a_deadlock_at_worst(database: str) -> None:
    with connect(database) as one_way:
        append(one_way, "a")

        def other_way(conn: Connection) -> None:
            with conn.transaction():
                append(conn, "b")
                append(conn, "a")

        with waiting(database, other_way) as other:
            try:
                append(one_way, "b")
            except psycopg.errors.DeadlockDetected:
                one_way.rollback()
            else:
                one_way.commit()
    error = other.exception()
    assert error is None or isinstance(error, psycopg.errors.DeadlockDetected)
    # Whoever was chosen, the other one's two events are there and nothing else.
    assert (versions(database, "a"), versions(database, "b")) == ([1], [1])
    assert stress.broken_streams(database) == []


def test_many_transactions_over_many_streams_lose_nothing_to_deadlocks(database: str) -> None:
    ended: Counter[str] = Counter()

    def work(conn: Connection, number: int) -> int:
        conn.execute("set deadlock_timeout = '20ms'")
        kept = 0
        for turn in range(12):
            order = ["a", "b", "c"] if (number + turn) % 2 else ["c", "b", "a"]
            try:
                with conn.transaction():
                    for stream in order:
                        append(conn, stream)
                kept += 1
            except psycopg.Error as error:
                ended[error.sqlstate or ""] += 1
        return kept

    kept = sum(together(database, 8, work))
    assert set(ended) <= {"40P01"}
    for stream in ("a", "b", "c"):
        assert versions(database, stream) == list(range(1, kept + 1))
    assert stress.broken_streams(database) == []


def test_an_append_that_waits_honours_lock_timeout(database: str) -> None:
    with connect(database) as holder, connect(database) as waiter:
        append(holder, "a")
        waiter.execute("set lock_timeout = '50ms'")
        with raises(waiter, "55P03"):
            append(waiter, "a")
        # Its transaction goes on, and appends elsewhere.
        assert append(waiter, "b")["version"] == 1
        waiter.commit()
        holder.commit()
    assert (versions(database, "a"), versions(database, "b")) == ([1], [1])
    assert stress.broken_streams(database) == []


def test_an_append_that_waits_can_be_cancelled(database: str) -> None:
    pids: list[int] = []

    def work(conn: Connection) -> Answer:
        pids.append(conn.info.backend_pid)
        return append(conn, "a")

    with connect(database) as holder, connect(database, autocommit=True) as other:
        append(holder, "a")
        with waiting(database, work) as waiter:
            assert one(other, "select pg_cancel_backend(%s)", pids[0])
            assert isinstance(waiter.exception(60), psycopg.errors.QueryCanceled)
        holder.commit()
    assert (versions(database), head(database)) == ([1], 1)


def test_writers_of_other_streams_do_not_wait(database: str) -> None:
    """Nor do those of the same names in another organization."""
    with connect(database) as holder, connect(database, autocommit=True) as other:
        append(holder, "a")
        other.execute("set lock_timeout = '50ms'")
        assert append(other, "b")["version"] == 1
        other.execute("set dbkit.organization_id = 'acme'")
        assert append(other, "a")["version"] == 1
        holder.rollback()


def test_five_thousand_appends_of_a_transaction_hold_few_locks(database: str) -> None:
    with connect(database) as conn:
        conn.execute(
            "select dbkit.append_event('t', 's-' || n % 50, 'X', '{}')"
            " from generate_series(1, 5000) n"
        )
        held = rows(
            conn,
            "select locktype, count(*) as n from pg_locks where pid = pg_backend_pid() group by 1",
        )
        counts = {f["locktype"]: f["n"] for f in held}
        assert counts["advisory"] == 1
        assert sum(counts.values()) < 60
        conn.execute("savepoint s")
        append(conn, "late")
        assert one(conn, "select count(*) from pg_locks where locktype = 'advisory'") == 1


# --- the mark cannot be forged ---------------------------------------------------------------


def forged_marks(following: int) -> list[str]:
    """Garbage, and keys around that of the position that follows."""
    keys = [BASE, BASE + 1, BASE + following, BASE + following + 1, BASE + 10**9]
    others = [0, -1, -BASE, (17475 << 48) - 1, (17475 << 48) + following, 2**63 - 1]
    words = ["", "x", "49; drop table", "9" * 40, "49aaaaaaaaaaaaaaaaa", "49" + " " * 17]
    return [*words, *map(str, keys + others)]


@pytest.mark.parametrize("level", ["session", "transaction", "between appends", "startup"])
def test_a_forged_mark_makes_no_reader_skip(database: str, level: str) -> None:
    with connect(database, autocommit=True) as other:
        checkpoint = 0
        for number in range(len(forged_marks(0))):
            following = append(other, "a")["position"] + 1
            mark = forged_marks(following)[number]
            options = f"-c dbkit.event_mark={mark.replace(' ', chr(92) + ' ')}"
            with connect(database, options=options if level == "startup" else None) as forger:
                if level == "session":
                    forger.execute("select set_config('dbkit.event_mark', %s, false)", [mark])
                    forger.commit()
                elif level == "between appends":
                    append(forger, "f")
                if level in ("transaction", "between appends"):
                    forger.execute("select set_config('dbkit.event_mark', %s, true)", [mark])
                position = append(forger, "f")["position"]
                append(other, "a")
                append(other, "a")
                assert one(other, "select dbkit.safe_position()") < position, mark
                checkpoint = max([checkpoint, *new_positions(other, checkpoint)])
                assert checkpoint < position, mark
                forger.commit()
            found = new_positions(other, checkpoint)
            assert {position, position + 2} <= set(found), mark
            checkpoint = found[-1]


def new_positions(conn: Connection, checkpoint: int) -> list[int]:
    return [e.position for e in stress.by_read_all(conn, checkpoint, 100)[0]]


def test_a_mark_that_was_too_high_and_is_not_any_more_is_still_below(database: str) -> None:
    with connect(database) as forger, connect(database, autocommit=True) as other:
        forger.execute(f"set dbkit.event_mark = '{BASE + 5}'".encode())
        forger.commit()
        for _ in range(7):
            append(other, "a")
        position = append(forger, "f")["position"]
        append(other, "a")
        assert position == 8
        assert one(other, "select dbkit.safe_position()") == 4
        forger.commit()
        assert one(other, "select dbkit.safe_position()") == 9


def test_writers_that_forge_under_load_make_no_reader_skip(database: str) -> None:
    """Some with a mark that is far too low, some with one that is too high just now."""
    reader = stress.Reader(database, stress.by_read_all, 9)
    done = threading.Event()

    def work(conn: Connection, number: int) -> None:
        for turn in range(40):
            with conn.transaction():
                mark = BASE + (1, turn * 8, 10**6)[turn % 3]
                conn.execute("select set_config('dbkit.event_mark', %s, true)", [str(mark)])
                append(conn, f"s-{number}")
                append(conn, f"s-{number}")

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(reader.run, done)
        try:
            together(database, 8, work)
        finally:
            done.set()
        reading.result()
    assert len(reader.events) == 640
    assert reader.events == stress.stored(database)
