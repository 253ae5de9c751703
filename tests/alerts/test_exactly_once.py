"""Many evaluators, a fake clock and kills: 0 missed, 0 double; and so for the notices.

The controls do what is usually done, and must fail: check then insert doubles, a sender that
settles before it sends loses.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.alerts.parts import channel, minute, quiet, rule
from tests.helpers import Connection, connect, one, rows

EVALUATORS = 16
RULES = 20
TICKS = 30
SEED = int(os.environ.get("DBKIT_SEED", "20261121"))


def prepared(url: str, rules: int = RULES) -> dict[tuple[str, int], bool]:
    """Rules with a random series each; which (rule, tick) should begin an incident."""
    chance = random.Random(SEED)
    expected: dict[tuple[str, int], bool] = {}
    with connect(url, autocommit=True) as conn:
        quiet(conn)
        channel(conn, "ops")
        for number in range(rules):
            name = f"r{number:02d}"
            rule(conn, name, metric_params={"name": name}, channels=["ops"])
            before = False
            for at in range(TICKS):
                high = chance.random() < 0.5
                value = 9 if high else 1
                conn.execute(
                    "insert into public.probe_values values (%s, %s, %s, 1)",
                    [name, minute(at), value],
                )
                expected[name, at] = high and not before
                before = high
    return expected


def run_ticks(
    url: str,
    evaluate: Callable[[Connection, int], None],
    *,
    kills: bool = False,
    ticks: int = TICKS,
) -> int:
    """Each tick by all evaluators at once, until one of them says that it is done; kills so far.

    A tick counts as evaluated when one call returned, as it would for a caller.
    """
    chance = random.Random(SEED + 1)
    killed = 0
    connections: list[Connection] = [
        connect(url, autocommit=True, application_name="evaluator") for _ in range(EVALUATORS)
    ]
    admin = connect(url, autocommit=True)

    def again(number: int) -> None:
        connections[number].close()
        connections[number] = connect(url, autocommit=True, application_name="evaluator")

    for at in range(ticks):
        done: list[int] = []
        barrier = threading.Barrier(EVALUATORS + 1)

        def one_evaluator(
            number: int, at: int = at, done: list[int] = done, gate: threading.Barrier = barrier
        ) -> None:
            gate.wait()
            try:
                evaluate(connections[number], at)
                done.append(number)
            except psycopg.Error:
                again(number)

        while not done:
            threads = [threading.Thread(target=one_evaluator, args=(n,)) for n in range(EVALUATORS)]
            for thread in threads:
                thread.start()
            barrier.wait()
            if kills and chance.random() < 0.7:
                victims = rows(
                    admin,
                    "select pg_terminate_backend(pid) as gone from pg_stat_activity"
                    " where application_name = 'evaluator' and datname = current_database()"
                    " and state = 'active' order by random() limit %s",
                    chance.randrange(1, EVALUATORS),
                )
                killed += sum(each["gone"] for each in victims)
            for thread in threads:
                thread.join()
    admin.close()
    for connection in connections:
        connection.close()
    return killed


def incidents(url: str) -> Counter[tuple[str, int]]:
    with connect(url) as conn:
        found = rows(
            conn,
            "select rule_name, extract(epoch from triggered_at - %s)::int / 60 as tick"
            " from dbkit.alert_history",
            minute(0),
        )
    return Counter((each["rule_name"], each["tick"]) for each in found)


def test_sixteen_evaluators_with_kills_miss_none_and_double_none(database: str) -> None:
    expected = prepared(database)

    def evaluate(conn: Connection, at: int) -> None:
        conn.execute("select dbkit.evaluate_alert_rules(%s)", [minute(at)])

    killed = run_ticks(database, evaluate, kills=True)
    fired = incidents(database)
    wanted = {key for key, fires in expected.items() if fires}
    print(
        f"\nseed {SEED}: {EVALUATORS} evaluators, {RULES} rules, {TICKS} ticks, {killed} kills:"
        f" {len(wanted)} incidents, {len(wanted - set(fired))} missed,"
        f" {sum(fired.values()) - len(fired)} double"
    )
    assert killed > 0
    assert set(fired) == wanted
    assert set(fired.values()) == {1}
    with connect(database) as conn:
        told = rows(
            conn,
            "select count(*) as n from dbkit.alert_notifications where transition = 'triggered'"
            " group by alert_id, channel",
        )
        ended = one(
            conn, "select count(*) from dbkit.alert_notifications where transition = 'resolved'"
        )
        resolved = one(
            conn, "select count(*) from dbkit.alert_history where resolved_at is not null"
        )
    assert [each["n"] for each in told] == [1] * len(wanted)
    assert ended == resolved


def test_control_check_then_insert_doubles(database: str) -> None:
    """What the documents' evaluator did: look whether one is open, measure, insert."""
    prepared(database, rules=6)
    with connect(database, autocommit=True) as conn:
        conn.execute("drop index dbkit.idx_alert_history_open")

    def evaluate(conn: Connection, at: int) -> None:
        for each in rows(conn, "select r.id, r.name from dbkit.alert_rules r"):
            value = one(
                conn,
                "select value from public.probe(%s, 5, jsonb_build_object('name', %s::text))",
                *(minute(at), each["name"]),
            )
            is_open = one(
                conn,
                "select exists (select from dbkit.alert_history where alert_rule_id = %s"
                " and status <> 'resolved')",
                each["id"],
            )
            if value > 5 and not is_open:
                conn.execute(
                    "insert into dbkit.alert_history (organization_id, alert_rule_id, rule_name,"
                    " triggered_at, severity, message, rule)"
                    " values ('default', %s, %s, %s, 'info', '', '{}')",
                    [each["id"], each["name"], minute(at)],
                )
            elif value <= 5 and is_open:
                conn.execute(
                    "update dbkit.alert_history set status = 'resolved', resolved_at = %s"
                    " where alert_rule_id = %s and status <> 'resolved'",
                    [minute(at), each["id"]],
                )

    run_ticks(database, evaluate, ticks=8)
    fired = incidents(database)
    print(f"\ncontrol: {len(fired)} incidents, {sum(fired.values()) - len(fired)} double")
    assert max(fired.values()) > 1


class Killed(Exception):
    """A sender died here."""


def run_senders(url: str, *, settles_first: bool) -> tuple[Counter[int], int]:
    """Senders that die at random between claim, send and settle; what arrived, and how many died.

    The leases of the dead are ended by a clock that moves on.
    """
    arrived: Counter[int] = Counter()
    lock = threading.Lock()
    deaths: list[int] = []

    def sender(number: int, clock: str) -> None:
        chance = random.Random(SEED * 100 + number)

        def live() -> None:
            if chance.random() < 0.15:
                deaths.append(number)
                raise Killed

        with connect(url, autocommit=True) as conn:
            conn.execute("select set_config('dbkit.clock', %s, false)", [clock])
            while True:
                claimed = rows(
                    conn, "select * from dbkit.claim_alert_notifications(%s, 3, 60)", f"s{number}"
                )
                if not claimed:
                    return
                try:
                    live()
                    for each in claimed:
                        settle = "select dbkit.settle_alert_notification(%s, %s)"
                        ours = [each["notification_id"], each["token"]]
                        if settles_first:
                            conn.execute(settle, ours)
                            live()
                        with lock:
                            arrived[each["notification_id"]] += 1
                        live()
                        if not settles_first:
                            conn.execute(settle, ours)
                except Killed:
                    return

    for turn in range(60):
        with connect(url, autocommit=True) as conn:
            waiting = one(
                conn,
                "select count(*) from dbkit.alert_notifications"
                " where status in ('pending', 'leased', 'retry_wait')",
            )
        if not waiting:
            break
        clock = minute(TICKS + 5 * turn).isoformat()
        threads = [threading.Thread(target=sender, args=(turn * 8 + n, clock)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return arrived, len(deaths)


@pytest.fixture
def notified(database: str) -> str:
    """A database with a few hundred notices to send."""
    prepared(database)
    with connect(database, autocommit=True) as conn:
        for at in range(TICKS):
            conn.execute("select dbkit.evaluate_alert_rules(%s)", [minute(at)])
    return database


def outbox(url: str) -> dict[str, Any]:
    with connect(url) as conn:
        return {
            each["status"]: each["n"]
            for each in rows(
                conn, "select status, count(*) as n from dbkit.alert_notifications group by 1"
            )
        }


def test_killed_senders_lose_no_notice(notified: str) -> None:
    total = sum(outbox(notified).values())
    arrived, deaths = run_senders(notified, settles_first=False)
    doubles = sum(arrived.values()) - len(arrived)
    print(f"\nseed {SEED}: {total} notices, {deaths} deaths: "
          f"{total - len(arrived)} lost, {doubles} twice")  # fmt: skip
    assert deaths > 10
    assert len(arrived) == total
    assert doubles <= deaths
    assert set(outbox(notified)) <= {"sent", "dead"}


def test_control_a_sender_that_settles_first_loses(notified: str) -> None:
    total = sum(outbox(notified).values())
    arrived, deaths = run_senders(notified, settles_first=True)
    print(f"\ncontrol: {total} notices, {deaths} deaths: {total - len(arrived)} lost")
    assert len(arrived) < total
