"""Workers are killed and frozen past their leases: nothing is lost, and little comes twice.

Several processes work on one database while events are appended, committed and rolled back. The
schedule of faults is drawn from the seed and printed before anything runs. DBKIT_SEED gives another
one; DBKIT_TORTURE multiplies faults and events (`make torture`). Each event goes to two healthy
endpoints, and to all of those that are dead or hang.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.events.stress import SEED, TORTURE
from tests.helpers import Connection, one, row, rows
from tests.worker.crew import WORKERS, Crew, Fault, Naive, Options, crew, draw_faults
from tests.worker.parts import append, open_connection, subscribe
from tests.worker.receiver import Got, Receiver, receiving_on_a_thread

FAULTS = 20 * TORTURE
EVENTS = 10_000 * TORTURE
HEALTHY, DEAD, HANGING = 40, 5, 5
ROLLED_BACK = 10
"""Events between two faults that are never committed."""

TIMEOUT_SECONDS = 2
"""Of the subscriptions; the worker keeps a margin of its lease besides."""

WAIT_SECONDS = 120 * TORTURE
FEW_EVENTS = 3000 * TORTURE
CONTROL_EVENTS = 600


@pytest.fixture
def db(database: str) -> Iterator[Connection]:
    with open_connection(database) as conn:
        yield conn


# --- what is done ----------------------------------------------------------------------------


def subscribe_healthy(db: Connection, receiver: Receiver) -> dict[str, str]:
    """Paths to subscriptions: each wants two kinds of events of as many as there are paths."""
    return {
        f"/{n}": subscribe(
            db,
            receiver,
            f"/{n}",
            event_types=[f"Kind{n}", f"Kind{(n + 1) % HEALTHY}"],
            timeout_seconds=TIMEOUT_SECONDS,
            retry_schedule=[0, *[1] * 29],
        )
        for n in range(HEALTHY)
    }


def subscribe_sick(db: Connection, receiver: Receiver, dead_port: int) -> None:
    """They want everything, so that they always have more to send than all others together."""
    common: dict[str, Any] = {
        "timeout_seconds": TIMEOUT_SECONDS,
        "retry_schedule": [0, *[2] * 29],
    }
    for number in range(HANGING):
        receiver.behave[f"/hang{number}"] = "hang"
        subscribe(db, receiver, f"/hang{number}", description="hanging", **common)
    for _ in range(DEAD):
        one(
            db,
            "select dbkit.create_subscription(%s, p_description => 'dead', p_timeout_seconds => %s,"
            " p_retry_schedule => %s::int[])",
            *(f"http://127.0.0.1:{dead_port}/", *common.values()),
        )


APPEND = (
    "select count(dbkit.append_event('thing', gen_random_uuid()::text, 'Kind' || n %% %s, '{}'))"
    " from generate_series(%s::int, %s::int - 1) n"
)


def append_amid_faults(workers: Crew, faults: Sequence[Fault], events: int) -> None:
    """Events in equal parts, a fault after each."""
    for number, fault in enumerate(faults):
        first, end = (events * n // len(faults) for n in (number, number + 1))
        one(workers.db, APPEND, HEALTHY, first, end)
        with workers.db.transaction(force_rollback=True):
            one(workers.db, APPEND, HEALTHY, 0, ROLLED_BACK)
        workers.rest(fault.pause)
        workers.strike(fault)


def wanted(db: Connection) -> set[tuple[str, str]]:
    """Path and webhook-id of all that healthy endpoints must get: of what was committed."""
    found = rows(
        db,
        "select event_id, substr(event_type, 5)::int as kind from dbkit.events"
        " where aggregate_type = 'thing'",
    )
    return {
        (f"/{(each['kind'] - back) % HEALTHY}", f"msg_{each['event_id'].hex}")
        for each in found
        for back in (0, 1)
    }


def delivered(db: Connection, healthy: dict[str, str]) -> int:
    return int(
        one(
            db,
            "select count(*) from dbkit.event_delivery_log where status = 'delivered'"
            " and subscription_id = any (%s::uuid[])",
            list(healthy.values()),
        )
    )


# --- what must hold --------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    deliveries: int
    duplicates: int
    struck: int
    failed: int


def check_copies(workers: Crew, receiver: Receiver, healthy: dict[str, str]) -> Counts:
    """All that was committed arrived, well signed, and nothing else; what came twice was under way
    in a worker at a fault, and came once more for each such fault."""
    all_wanted = wanted(workers.db)
    came = {key: n for key, n in receiver.copies.items() if key[0] in healthy}
    lost = all_wanted - set(came)
    assert not lost, f"{len(lost)} of {len(all_wanted)} are lost"
    assert set(came) == all_wanted, "what was rolled back has come"
    excused = excuses(workers, healthy)
    doubled = {key: n - 1 for key, n in came.items() if n > 1 + excused[key]}
    assert not doubled, f"{len(doubled)} have come twice without a fault"
    return Counts(
        len(came),
        sum(n - 1 for n in came.values()),
        sum(workers.risked.values()),
        failed_attempts(workers.db, healthy).total(),
    )


def excuses(workers: Crew, healthy: dict[str, str]) -> Counter[tuple[str, str]]:
    """For another copy: a fault, and (on a machine that is too slow) an attempt that failed."""
    path_of = {subscription: path for path, subscription in healthy.items()}
    risked = {
        (path_of[subscription], webhook_id): n
        for (subscription, webhook_id), n in workers.risked.items()
        if subscription in path_of
    }
    return Counter(risked) | failed_attempts(workers.db, healthy)


def failed_attempts(db: Connection, healthy: dict[str, str]) -> Counter[tuple[str, str]]:
    """Of those who answer all: a worker that wakes too late takes its request for timed out."""
    path_of = {subscription: path for path, subscription in healthy.items()}
    found = rows(
        db,
        "select subscription_id::text, webhook_id, jsonb_array_length(failures) as n"
        " from dbkit.event_delivery_log where failures is not null"
        " and subscription_id = any (%s::uuid[])",
        list(path_of),
    )
    return Counter({(path_of[x["subscription_id"]], x["webhook_id"]): x["n"] for x in found})


def check_stale_tokens(workers: Crew) -> None:
    """Nobody can settle with what was leased when the worker was struck."""
    states = (
        "select md5(string_agg(d::text, '' order by d.delivery_id)) from dbkit.event_delivery_log d"
    )
    before = one(workers.db, states)
    said = [
        {"delivery_id": each["delivery_id"], "token": each["token"], "status_code": 200}
        for each in workers.struck
    ]
    answer = one(workers.db, "select dbkit.settle_deliveries(%s)", json.dumps(said))
    assert answer["settled"] == 0
    assert sorted(answer["stale"]) == sorted(each["delivery_id"] for each in workers.struck)
    assert one(workers.db, states) == before


def check_sick(db: Connection) -> None:
    """They have got nothing, and were not forgotten either."""
    found = rows(
        db,
        "select s.description, count(distinct s.subscription_id) as n,"
        " count(*) filter (where d.status = 'delivered') as delivered,"
        " min(d.attempts) filter (where d.position = f.first) as tried"
        " from dbkit.event_subscriptions s join dbkit.event_delivery_log d using (subscription_id),"
        " lateral (select min(x.position) as first from dbkit.event_delivery_log x"
        " where x.subscription_id = s.subscription_id) as f"
        " where s.description <> '' group by 1 order by 1",
    )
    assert [(each["description"], each["n"], each["delivered"]) for each in found] == [
        ("dead", DEAD, 0),
        ("hanging", HANGING, 0),
    ]
    assert all(each["tried"] > 0 for each in found)


def show(faults: Sequence[Fault], events: int) -> None:
    print(f"\nseed {SEED}, {events} events, {len(faults)} faults:")
    for fault in faults:
        print(f"  after {fault}")


# --- the tests -------------------------------------------------------------------------------


def test_kills_and_freezes_lose_nothing_and_starve_nobody(
    database: str, db: Connection, tmp_path: Path
) -> None:
    options = Options()
    faults = draw_faults(FAULTS, SEED, options.lease)
    show(faults, EVENTS)
    begun = time.monotonic()
    with receiving_on_a_thread() as receiver, socket.socket() as unheard:
        receiver.keep = False
        unheard.bind(("127.0.0.1", 0))
        subscribe_sick(db, receiver, unheard.getsockname()[1])
        healthy = subscribe_healthy(db, receiver)
        with crew(database, tmp_path, db, options) as workers:
            append_amid_faults(workers, faults, EVENTS)
            total, appended = 2 * EVENTS, time.monotonic()
            workers.until(
                lambda: delivered(db, healthy) == total, WAIT_SECONDS, "healthy endpoints starve"
            )
            waited = time.monotonic() - appended
            check_sick(db)
            assert workers.end() == [0] * WORKERS
        counts = check_copies(workers, receiver, healthy)
    check_stale_tokens(workers)
    refused = sum(len(each["deliveries"]) for each in workers.told("settled too late"))
    kinds = Counter(fault.kind for fault in faults)
    print(f"{kinds['kill']} kills, {kinds['freeze']} freezes, {counts}")
    print(f"{refused} late results refused, {len(workers.struck)} stale tokens tried")
    print(f"all done {waited:.1f} s after the last append, {time.monotonic() - begun:.1f} s in all")


def test_one_at_a_time_a_fault_costs_one_duplicate_at_most(
    database: str, db: Connection, tmp_path: Path
) -> None:
    options = Options(lease=3, concurrency=1)
    faults = draw_faults(FAULTS, SEED + 1, options.lease)
    show(faults, FEW_EVENTS)
    with receiving_on_a_thread() as receiver:
        healthy = subscribe_healthy(db, receiver)
        with crew(database, tmp_path, db, options) as workers:
            append_amid_faults(workers, faults, FEW_EVENTS)
            total = 2 * FEW_EVENTS
            workers.until(
                lambda: delivered(db, healthy) == total, WAIT_SECONDS, "deliveries are not done"
            )
            assert workers.end() == [0] * WORKERS
        counts = check_copies(workers, receiver, healthy)
    print(counts)
    assert counts.struck <= len(faults)
    assert counts.duplicates <= len(faults) + counts.failed


def run_control(database: str, db: Connection, tmp_path: Path, how: Naive, kills: int = 0) -> None:
    """The same assertions with another worker, and kills that each hit one at work."""
    with receiving_on_a_thread() as receiver:
        healthy = subscribe_healthy(db, receiver)
        with crew(database, tmp_path, db, Options(naive=how)) as workers:
            one(db, APPEND, HEALTHY, 0, CONTROL_EVENTS)
            for _ in range(kills):
                kill_one_at_work(workers)
            workers.until(
                lambda: delivered(db, healthy) == 2 * CONTROL_EVENTS, 60, "the control goes on"
            )
            # What is settled early is still to be sent.
            workers.until(lambda: not at_work(workers), 60, "the control ends")
        check_copies(workers, receiver, healthy)


def kill_one_at_work(workers: Crew) -> None:
    found: list[int] = []

    def find() -> bool:
        found[:] = at_work(workers)
        return bool(found)

    workers.until(find, 30, "nobody is at work")
    workers.strike(Fault("kill", found[0], 0, 0))


def at_work(workers: Crew) -> list[int]:
    """Those who live, and have claimed what they have not sent."""

    def counted(log: Path, message: str) -> int:
        return sum(int(each["count"]) for each in workers.told(message, [log]))

    return [
        number
        for number, log in workers.log_of.items()
        if counted(log, "claimed") > counted(log, "sent")
    ]


def test_without_faults_the_first_control_passes(
    database: str, db: Connection, tmp_path: Path
) -> None:
    """So it is the faults that it does not stand, and the assertions can be met."""
    run_control(database, db, tmp_path, "early")


def test_a_worker_that_settles_before_it_sends_loses(
    database: str, db: Connection, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match="are lost") as caught:
        run_control(database, db, tmp_path, "early", kills=3)
    print(f"\nthe control: {caught.value}")


def test_a_worker_that_ignores_its_lease_doubles(
    database: str, db: Connection, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match="twice without a fault") as caught:
        run_control(database, db, tmp_path, "late")
    print(f"\nthe control: {caught.value}")


def test_a_frozen_worker_that_wakes_too_late_is_refused(
    database: str, db: Connection, tmp_path: Path
) -> None:
    """It sleeps with a request under way; the delivery has been another's when it wakes."""
    with receiving_on_a_thread() as receiver:
        receiver.behave["/"] = ["hang", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]
        subscription = subscribe(db, receiver, "/", timeout_seconds=2)
        workers = Crew(database, tmp_path, db, Options(lease=3))
        workers.start(0)
        try:
            append(db)
            workers.until(lambda: len(receiver.got) == 1, 30, "the first request")
            workers.processes[0].send_signal(signal.SIGSTOP)
            workers.start(1)
            workers.until(lambda: finished(db, subscription), 30, "the second request")
            workers.processes[0].send_signal(signal.SIGCONT)
            workers.until(
                lambda: bool(workers.told("settled too late")), 30, "the late result is refused"
            )
        finally:
            workers.end()
    first, second = receiver.got
    assert first.webhook_id == second.webhook_id
    assert timestamp(first) <= timestamp(second)
    assert row(db, "select token, attempts, status from dbkit.event_delivery_log") == {
        "token": 2,
        "attempts": 1,
        "status": "delivered",
    }


def timestamp(got: Got) -> int:
    return int(got.headers["webhook-timestamp"])


def finished(db: Connection, subscription: str) -> bool:
    return bool(
        one(
            db,
            "select bool_and(status = 'delivered') from dbkit.event_delivery_log"
            " where subscription_id = %s::uuid",
            subscription,
        )
    )
