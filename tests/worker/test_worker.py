"""One worker, in the test's own process: each of its tasks, each way in which one goes wrong."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import trustme
from structlog.testing import capture_logs

from dbkit.worker import Worker
from tests.helpers import Connection, one, row, rows
from tests.worker.parts import (
    append,
    deliveries,
    open_connection,
    options,
    statuses,
    subscribe,
    until,
    work_once,
    working,
)
from tests.worker.receiver import Receiver, answer, receiving


@pytest.fixture
def db(database: str) -> Iterator[Connection]:
    """Commits: a worker has connections of its own."""
    with open_connection(database) as conn:
        yield conn


# --- from an append to the receiver ----------------------------------------------------------


async def test_an_event_is_delivered_signed_and_settled(database: str, db: Connection) -> None:
    async with receiving() as receiver, working(database):
        subscription = subscribe(
            db, receiver, "/hooks?key=1", headers='{"X-Shop": "a", "User-Agent": "b"}'
        )
        append(db, data='{"text": "ü \\u2028 \u2029 \\"", "n": 1.10}')
        await until(lambda: statuses(db, subscription) == {"delivered": 1})
    (got,) = receiver.got
    (delivery,) = deliveries(db, subscription)
    assert got.signed == tuple(receiver.secrets["/hooks?key=1"])
    assert got.webhook_id == delivery["webhook_id"]
    assert got.body.decode() == one(db, "select body from dbkit.event_webhook_messages")
    assert json.loads(got.body)["data"] == {"text": 'ü \u2028 \u2029 "', "n": 1.1}
    assert got.headers["content-type"] == "application/json"
    assert (got.headers["x-shop"], got.headers["user-agent"]) == ("a", "b")
    assert (delivery["attempts"], delivery["last_status_code"]) == (1, 200)


async def test_it_says_who_it_is(database: str, db: Connection) -> None:
    async with receiving() as receiver:
        subscribe(db, receiver, "/")
        append(db)
        assert await work_once(database)
    assert receiver.got[0].headers["user-agent"].startswith("dbkit/")


async def test_a_body_of_a_megabyte(database: str, db: Connection) -> None:
    data = json.dumps({"text": "ü" * 500_000}, ensure_ascii=False)
    async with receiving() as receiver:
        subscription = subscribe(db, receiver, "/")
        append(db, data=data)
        assert await work_once(database)
        assert statuses(db, subscription) == {"delivered": 1}
    (got,) = receiver.got
    assert got.signed
    assert len(got.body) > 1_000_000


@pytest.mark.parametrize("text", ["Größe 大 🧾 e\u0301", "a\u2028b\u2029c", '"\\\n\t\x01</script>'])
async def test_texts_arrive_as_they_are(database: str, db: Connection, text: str) -> None:
    """Byte for byte what was signed; \u2028 ends a line in some languages, and no JSON string."""
    async with receiving() as receiver:
        subscription = subscribe(db, receiver, "/")
        append(db, data=json.dumps({"text": text, text: 1}))
        assert await work_once(database)
        assert statuses(db, subscription) == {"delivered": 1}
    (got,) = receiver.got
    assert got.signed
    assert json.loads(got.body)["data"] == {"text": text, text: 1}


async def test_many_events_to_many_endpoints_each_once(database: str, db: Connection) -> None:
    async with receiving() as receiver, working(database):
        for number in range(10):
            subscribe(db, receiver, f"/{number}")
        append(db, 150)
        await receiver.until(lambda: len(receiver.got) >= 1500)
        await until(lambda: statuses(db) == {"delivered": 1500})
    assert set(receiver.copies.values()) == {1}
    assert len(receiver.copies) == 1500


async def test_two_side_by_side_send_each_once(database: str, db: Connection) -> None:
    few = {"concurrency": 5}
    async with receiving() as receiver, working(database, **few), working(database, **few):
        for number in range(10):
            subscribe(db, receiver, f"/{number}")
        append(db, 100)
        await until(lambda: statuses(db) == {"delivered": 1000})
    assert set(receiver.copies.values()) == {1}
    workers = {each["leased_by"] for each in deliveries(db)}
    assert len(workers) == 2


async def test_one_at_a_time_goes_on_without_the_clock(database: str, db: Connection) -> None:
    """The slot of an answer is free for the claim that goes with it."""
    async with receiving() as receiver:
        subscribe(db, receiver, "/")
        append(db, 20)
        # Queued beforehand: the first look may find events that are not safe to read yet.
        for _ in range(20):
            one(db, "select dbkit.queue_event_for_webhooks()")
            if statuses(db):
                break
            await asyncio.sleep(0.1)
        assert sum(statuses(db).values()) == 20
        async with working(database, concurrency=1, poll_seconds=60, listen=False):
            await until(lambda: statuses(db) == {"delivered": 20})


async def test_polling_alone_is_enough(database: str, db: Connection) -> None:
    async with receiving() as receiver, working(database, listen=False):
        subscribe(db, receiver, "/")
        for number in (5, 10, 15):
            append(db, 5)
            await receiver.until(partial(len_is, receiver, number))
        await until(lambda: statuses(db) == {"delivered": 15})


def len_is(receiver: Receiver, number: int) -> bool:
    return len(receiver.copies) == number


async def test_a_notification_is_quicker_than_the_clock(database: str, db: Connection) -> None:
    async with receiving() as receiver, working(database, poll_seconds=600.0):
        subscribe(db, receiver, "/")
        await until(lambda: len(listeners(db)) == 1)
        append(db)
        one(db, "select dbkit.wake_workers() is null")
        await receiver.until(lambda: len(receiver.got) == 1)


async def test_a_fan_out_that_is_busy_is_tried_again_without_the_clock(
    database: str, db: Connection
) -> None:
    """What a worker was told while pruning had its hands on the fan-out is not forgotten."""
    async with receiving() as receiver:
        subscribe(db, receiver, "/")
        append(db)
        with open_connection(database) as pruning:
            pruning.autocommit = False
            one(pruning, "select dbkit._lock_fan_out()")
            async with working(database, poll_seconds=600.0, listen=False):
                await until(lambda: tried_to_fan_out(db))
                assert statuses(db) == {}
                pruning.commit()
                await receiver.until(lambda: len(receiver.got) == 1)


def tried_to_fan_out(db: Connection) -> bool:
    """A worker has asked, and has its answer."""
    asked = rows(
        db,
        "select pid from pg_stat_activity where application_name = 'dbkit worker'"
        " and datname = current_database() and state = 'idle'"
        " and query like 'select dbkit.queue_event_for_webhooks%%'",
    )
    return bool(asked)


async def test_once_waits_for_no_fan_out_that_is_busy(database: str, db: Connection) -> None:
    append(db)
    with open_connection(database) as pruning, pruning.transaction():
        one(pruning, "select dbkit._lock_fan_out()")
        async with asyncio.timeout(30):
            assert await work_once(database, tasks=frozenset({"fan-out"}))


def listeners(db: Connection) -> list[dict[str, Any]]:
    return rows(
        db,
        "select pid from pg_stat_activity where application_name = 'dbkit worker'"
        " and datname = current_database() and query = 'listen dbkit_worker'"
        " or application_name = 'dbkit worker' and datname = current_database()"
        " and query like 'select dbkit.get_event_work%%' and state = 'idle'",
    )


async def test_order_within_a_stream_holds(database: str, db: Connection) -> None:
    async with receiving() as receiver:
        receiver.behave["/"] = [answer(200), answer(503), answer(200)]
        subscription = subscribe(db, receiver, "/", is_ordered=True, retry_schedule=[0] * 5)
        for number in range(20):
            one(
                db,
                "select dbkit.append_event('thing', %s, 'Happened', %s::jsonb)",
                *(str(number % 2), json.dumps({"number": number})),
            )
        async with working(database):
            await until(lambda: statuses(db, subscription) == {"delivered": 20})
    seen: dict[int, list[int]] = {0: [], 1: []}
    for got in receiver.got:
        number = json.loads(got.body)["data"]["number"]
        if number not in seen[number % 2]:
            seen[number % 2].append(number)
    assert seen == {0: list(range(0, 20, 2)), 1: list(range(1, 20, 2))}


async def test_while_a_secret_rotates_both_verify(database: str, db: Connection) -> None:
    async with receiving() as receiver, working(database):
        subscription = subscribe(db, receiver, "/")
        append(db)
        await until(lambda: statuses(db) == {"delivered": 1})
        new = one(db, "select dbkit.rotate_subscription_secret(%s::uuid)", subscription)["secret"]
        receiver.secrets["/"].append(new)
        append(db)
        await until(lambda: statuses(db) == {"delivered": 2})
        # The old one expires: the worker notices without being told.
        db.execute(
            "update dbkit.event_subscription_secrets set expires_at = clock_timestamp()"
            " + interval '0.3 s' where expires_at is not null"
        )
        db.execute("update dbkit.event_subscriptions set secrets_version = secrets_version + 1")
        append(db)
        await until(lambda: statuses(db) == {"delivered": 3})
        await until(lambda: one(db, EXPIRED) == 1)
        append(db)
        await until(lambda: statuses(db) == {"delivered": 4})
    old, _ = receiver.secrets["/"]
    assert [each.signed for each in receiver.got] == [(old,), (old, new), (old, new), (new,)]


EXPIRED = (
    "select count(*) from dbkit.event_subscription_secrets where expires_at < clock_timestamp()"
)


# --- what goes wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "status", "code", "error"),
    [
        (answer(500, body="broken"), "retry_wait", 500, None),
        (answer(301, "location: http://127.0.0.1/"), "retry_wait", 301, None),
        (answer(410), "dead", 410, None),
        (answer(429, "retry-after: 120"), "retry_wait", 429, None),
        ("reset", "retry_wait", None, "reset: "),
        (b"no http\r\n\r\n", "retry_wait", None, "protocol: "),
        ("hang", "retry_wait", None, "timeout: "),
    ],
)
async def test_a_failure_is_kept_as_it_was(
    database: str, db: Connection, behaviour: Any, status: str, code: int | None, error: str | None
) -> None:
    async with receiving() as receiver:
        receiver.behave["/"] = behaviour
        subscription = subscribe(
            db, receiver, "/", timeout_seconds=1, retry_schedule=[0, 3600, 3600]
        )
        append(db)
        assert await work_once(database)
    (found,) = deliveries(db, subscription)
    assert (found["status"], found["last_status_code"]) == (status, code)
    assert (found["last_error"] or "").startswith(error or "")
    (failure,) = found["failures"]
    assert failure.get("response", "") == ("broken" if code == 500 else "")
    rests = "select paused_until > clock_timestamp() + '1 min' from dbkit.event_delivery_queues"
    assert one(db, rests) is (code == 429)


@pytest.mark.parametrize(
    ("url", "status", "error"),
    [
        ("http://nothing.invalid/", "retry_wait", "dns: "),
        ("http://10.0.0.1/", "dead", "blocked: "),
        ("http://169.254.169.254/latest/", "dead", "blocked: "),
        ("http://[::ffff:10.0.0.1]/", "dead", "blocked: "),
    ],
)
async def test_an_endpoint_that_cannot_be_reached(
    database: str, db: Connection, url: str, status: str, error: str
) -> None:
    one(db, "select dbkit.create_subscription(%s)", url)
    append(db)
    assert await work_once(database)
    (found,) = deliveries(db)
    assert (found["status"], found["last_error"][: len(error)]) == (status, error)


async def test_nobody_listens(database: str, db: Connection) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        one(db, "select dbkit.create_subscription(%s)", f"http://127.0.0.1:{held.getsockname()[1]}")
        append(db)
        assert await work_once(database)
    (found,) = deliveries(db)
    assert (found["status"], found["last_error"]) == (
        "retry_wait",
        "connect: no connection: Connection refused",
    )


async def test_without_a_secret_nothing_is_sent_and_others_go_on(
    database: str, db: Connection
) -> None:
    """One whose seal is broken can sign nothing: it fails in words, and is mended by a rotation."""
    async with receiving() as receiver, working(database):
        bad = subscribe(db, receiver, "/bad", retry_schedule=[0, 0, 3600, 3600])
        good = subscribe(db, receiver, "/good")
        db.execute(
            "update dbkit.event_subscription_secrets set sealed_secret = 'x'"
            " where subscription_id = %s",
            [bad],
        )
        append(db, 3)
        await until(lambda: statuses(db, good) == {"delivered": 3})
        await until(lambda: {each["attempts"] for each in deliveries(db, bad)} == {2})
        found = deliveries(db, bad)
        assert {each["status"] for each in found} == {"retry_wait"}
        assert {each["last_error"] for each in found} == {
            "secrets: the signing secrets of the subscription cannot be opened"
        }
        assert receiver.at("/bad") == []
        new = one(db, "select dbkit.rotate_subscription_secret(%s::uuid)", bad)["secret"]
        receiver.secrets["/bad"] = [new]
        one(db, "select dbkit.replay_deliveries(%s::uuid, p_status => 'retry_wait')", bad)
        await until(lambda: statuses(db, bad) == {"delivered": 3})
    assert all(each.signed == (new,) for each in receiver.at("/bad"))


async def test_tls_is_verified(database: str, db: Connection, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    async with receiving(context) as receiver:
        subscription = subscribe(db, receiver, "/", retry_schedule=[0, 3600])
        append(db)
        assert await work_once(database)
        assert deliveries(db, subscription)[0]["last_error"].startswith("tls: ")
        assert receiver.got == []
        one(db, "select dbkit.replay_deliveries(%s::uuid, p_status => 'retry_wait')", subscription)
        async with working(database, ca_file=tmp_path / "ca.pem"):
            await until(lambda: statuses(db, subscription) == {"delivered": 1})


async def test_a_failure_is_tried_again_with_the_same_id_and_a_fresh_time(
    database: str, db: Connection
) -> None:
    async with receiving() as receiver, working(database):
        receiver.behave["/"] = [answer(503), answer(500), answer(200)]
        subscription = subscribe(db, receiver, "/", retry_schedule=[0, 1, 1])
        append(db)
        await until(lambda: statuses(db, subscription) == {"delivered": 1})
    assert len({each.webhook_id for each in receiver.got}) == 1
    times = [int(each.headers["webhook-timestamp"]) for each in receiver.got]
    assert times == sorted(times)
    assert times[0] < times[-1]
    assert all(each.signed for each in receiver.got)


async def test_dead_and_hanging_endpoints_delay_no_other(database: str, db: Connection) -> None:
    """The healthy ones get everything while those that hang have not even timed out."""
    async with receiving() as receiver:
        for number in range(5):
            receiver.behave[f"/hang{number}"] = "hang"
            receiver.behave[f"/dead{number}"] = "reset"
            subscribe(db, receiver, f"/hang{number}", timeout_seconds=30, max_in_flight=100)
            subscribe(db, receiver, f"/dead{number}")
        healthy = [subscribe(db, receiver, f"/{number}") for number in range(5)]
        append(db, 100)
        async with working(database, concurrency=20, grace_seconds=0.0):
            await until(lambda: all(statuses(db, s) == {"delivered": 100} for s in healthy))
            assert one(db, "select count(*) from dbkit.event_delivery_log where attempts > 1") == 0


async def test_a_lease_that_is_nearly_over_is_given_back_not_sent(
    database: str, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process slept between its claim and its first request."""
    from dbkit import worker_delivery

    load, loads = worker_delivery.Keyring.load, 0

    class Clock:
        """A hundred seconds later once the first claim has its keys; right again at the next."""

        @staticmethod
        def monotonic() -> float:
            return time.monotonic() + (100.0 if loads == 1 else 0.0)

        time = staticmethod(time.time)

    async def load_and_sleep(*args: Any) -> None:
        nonlocal loads
        await load(*args)
        loads += bool(args[2])

    monkeypatch.setattr(worker_delivery, "time", Clock)
    monkeypatch.setattr(worker_delivery.Keyring, "load", load_and_sleep)
    async with receiving() as receiver:
        subscription = subscribe(db, receiver, "/")
        append(db)
        async with working(database) as worker:
            await until(lambda: statuses(db, subscription) == {"delivered": 1})
        assert worker._metrics.totals["released"] == 1
        assert len(receiver.got) == 1
    (found,) = deliveries(db, subscription)
    assert (found["attempts"], found["token"]) == (1, 2)


# --- stopping --------------------------------------------------------------------------------


async def test_stops_when_what_is_under_way_is_done(database: str, db: Connection) -> None:
    async with receiving() as receiver:
        receiver.behave["/"] = "hang"
        subscription = subscribe(db, receiver, "/")
        append(db)
        async with working(database) as worker:
            await receiver.until(lambda: len(receiver.got) == 1)
            worker.stop()
            append(db)
            receiver.release.set()
        assert statuses(db, subscription) == {"delivered": 1}
        assert one(db, "select count(*) from dbkit.workers") == 0


async def test_gives_back_what_is_not_done_in_time(database: str, db: Connection) -> None:
    async with receiving() as receiver:
        receiver.behave["/"] = "hang"
        subscription = subscribe(db, receiver, "/")
        append(db)
        async with working(database, grace_seconds=0.05):
            await receiver.until(lambda: len(receiver.got) == 1)
        (found,) = deliveries(db, subscription)
        assert (found["status"], found["attempts"]) == ("pending", 0)
        receiver.release.set()
        assert await work_once(database)
        assert statuses(db, subscription) == {"delivered": 1}


async def test_asked_twice_it_waits_for_nothing(database: str, db: Connection) -> None:
    async with receiving() as receiver:
        receiver.behave["/"] = "hang"
        subscription = subscribe(db, receiver, "/")
        append(db)
        async with working(database, grace_seconds=600.0) as worker:
            await receiver.until(lambda: len(receiver.got) == 1)
            worker.stop()
            worker.stop()
        assert statuses(db, subscription) == {"pending": 1}


@pytest.mark.parametrize("listen", [True, False])
async def test_the_database_can_ask_it_to_stop(
    database: str, db: Connection, listen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dbkit.worker.BEAT_SECONDS", 600.0 if listen else 0.1)
    worker = Worker(database, options(listen=listen))
    running = asyncio.create_task(worker.run())
    await until(lambda: one(db, "select count(*) from dbkit.workers") == 1)
    found = row(db, "select * from dbkit.get_workers()")
    assert (found["worker_id"], found["is_alive"]) == (worker.worker_id, True)
    assert found["state"]["concurrency"] == 100
    await until(lambda: not listen or len(listeners(db)) == 1)
    assert one(db, "select dbkit.stop_worker(%s)", worker.worker_id) == 1
    async with asyncio.timeout(30):
        assert await running
    assert one(db, "select count(*) from dbkit.workers") == 0


# --- the database goes away ------------------------------------------------------------------


async def test_goes_on_when_its_connections_are_killed(database: str, db: Connection) -> None:
    async with receiving() as receiver, working(database):
        for number in range(4):
            subscribe(db, receiver, f"/{number}")
        killed = 0
        await until(lambda: len(listeners(db)) == 1)
        for _ in range(5):
            append(db, 50)
            await until(lambda: one(db, KILL) > 0)
            killed += 1
        await until(lambda: statuses(db) == {"delivered": 1000}, 60)
    assert killed >= 5
    assert len(receiver.copies) == 1000


KILL = (
    "select count(pg_terminate_backend(pid)) from pg_stat_activity"
    " where application_name = 'dbkit worker' and datname = current_database()"
)


async def test_starts_before_the_database_does(db: Connection, database: str) -> None:
    """What cannot be reached yet is tried again."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        nowhere = f"postgresql://nobody@127.0.0.1:{held.getsockname()[1]}/nothing"
        worker = Worker(nowhere, options())
        running = asyncio.create_task(worker.run())
        await until(lambda: worker._metrics.totals["errors"] >= 2)
        worker.stop()
        async with asyncio.timeout(30):
            assert await running
        with pytest.raises(psycopg.OperationalError):
            await work_once(nowhere)


async def test_a_result_that_the_database_refuses_keeps_no_other(
    database: str, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as receiver:
        receiver.behave["/bad"] = answer(500, body="\0")
        bad = subscribe(db, receiver, "/bad")
        good = subscribe(db, receiver, "/good", max_in_flight=50)
        append(db, 10)
        monkeypatch.setattr("dbkit.egress._excerpt", lambda body: body.decode())
        async with working(database, lease_seconds=3600):
            await until(lambda: statuses(db, good) == {"delivered": 10})
        assert "delivered" not in statuses(db, bad)


# --- the other tasks -------------------------------------------------------------------------


async def test_projections_and_snapshots_are_brought_on(database: str, db: Connection) -> None:
    prepare_projection(db)
    async with working(database):
        for number in range(25):
            one(
                db,
                "select dbkit.append_event('tally', %s, 'Counted', '{}')",
                str(number % 2),
            )
        await until(lambda: counted(db) == 25)
        await until(lambda: one(db, "select count(*) from dbkit.event_snapshots") == 2)
    assert one(db, "select count(*) from dbkit.event_snapshot_requests") == 0


def prepare_projection(db: Connection) -> None:
    db.execute(
        "create schema app; grant usage on schema app to public;"
        "create function app.tally(p_state jsonb, p_event dbkit.event_store) returns jsonb"
        " language plpgsql immutable as $$ begin"
        " if p_event.event_data ? 'broken' then raise 'a broken event'; end if;"
        " return jsonb_build_object('n', coalesce((p_state ->> 'n')::int, 0) + 1); end $$;"
        "grant execute on function app.tally(jsonb, dbkit.event_store) to public;"
        "select dbkit.register_applier('tally', 'app.tally');"
        "select dbkit.configure_aggregate('tally', p_snapshot_every => 10);"
        "select dbkit.register_projection('tallies', 'app.tally', p_key => null)"
    )


def counted(db: Connection) -> int:
    return int(
        one(
            db,
            "select coalesce(sum((state ->> 'n')::int), 0) from dbkit.event_projections"
            " where projection = 'tallies'",
        )
    )


async def test_an_event_that_stops_a_projection_stops_nothing_else(
    database: str, db: Connection
) -> None:
    prepare_projection(db)
    async with receiving() as receiver:
        subscribe(db, receiver, "/")
        with capture_logs() as logs:
            async with working(database):
                one(db, "select dbkit.append_event('tally', '1', 'Counted', '{\"broken\": 1}')")
                await until(lambda: any("projection" in each for each in logs))
                append(db, 5)
                await until(lambda: statuses(db) == {"delivered": 6})
    told = [each for each in logs if "projection" in each]
    assert "a broken event" in told[0]["error"]
    assert len(told) <= 3


async def test_tasks_run_when_they_are_due(database: str, db: Connection) -> None:
    db.execute(
        "create schema chores; grant usage on schema chores to public;"
        "create function chores.fail() returns int language plpgsql as $$ begin raise 'no'; end $$;"
        "grant execute on function chores.fail() to public;"
        "select dbkit.register_worker_task('failing', 'chores.fail', 1)"
    )
    with capture_logs() as logs:
        async with working(database):
            await until(
                lambda: one(db, "select bool_and(runs > 0) from dbkit.worker_tasks") is True
            )
    assert one(db, "select last_error from dbkit.worker_tasks where task = 'failing'")
    assert one(db, "select count(*) from dbkit.worker_tasks where failures > 0") == 1
    assert [each["task"] for each in logs if each["event"] == "task failed"] == ["failing"]


async def test_only_the_chosen_tasks(database: str, db: Connection) -> None:
    async with receiving() as receiver:
        subscribe(db, receiver, "/")
        append(db)
        assert await work_once(database, tasks=frozenset({"fan-out"}))
        assert statuses(db) == {"pending": 1}
        assert one(db, "select sum(runs) from dbkit.worker_tasks") == 0
        assert await work_once(database, tasks=frozenset({"webhooks"}))
        assert statuses(db) == {"delivered": 1}


async def test_once_ends_when_nothing_is_left_to_do_now(database: str, db: Connection) -> None:
    async with receiving() as receiver:
        receiver.behave["/later"] = answer(500)
        later = subscribe(db, receiver, "/later", retry_schedule=[0, 3600])
        now = subscribe(db, receiver, "/now")
        append(db, 2500)
        assert await work_once(database)
        assert statuses(db, now) == {"delivered": 2500}
        assert set(statuses(db, later)) <= {"retry_wait", "pending"}
        assert await work_once(database)


async def test_a_role_without_rights_is_told(database: str, db: Connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await work_once(database, role="authenticated")
    assert await work_once(database, role="service_role")


# --- what it tells ---------------------------------------------------------------------------


async def test_metrics(database: str, db: Connection) -> None:
    async with receiving() as receiver:
        receiver.behave["/bad"] = answer(500)
        subscribe(db, receiver, "/good")
        subscribe(db, receiver, "/bad", retry_schedule=[0, 3600])
        append(db, 3)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        async with working(database, metrics_port=port):
            await until(lambda: statuses(db).get("delivered") == 3)
            await until(lambda: statuses(db).get("retry_wait", 0) >= 1)
            text = await asyncio.to_thread(scrape, port)
    assert 'dbkit_deliveries_total{outcome="delivered"} 3.0' in text
    assert "dbkit_events_fanned_out_total 3.0" in text
    assert "dbkit_deliveries_queued_total 6.0" in text
    assert 'dbkit_lag_positions{task="fan-out"} 0.0' in text
    assert "dbkit_deliveries_in_flight 0.0" in text


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        return str(page.read().decode())


async def test_logs_have_no_secrets_no_bodies_and_no_paths(database: str, db: Connection) -> None:
    async with receiving() as receiver:
        receiver.behave["/path-secret?query-secret"] = answer(500, body="answer-secret")
        subscribe(db, receiver, "/path-secret?query-secret", headers='{"x-key": "header-secret"}')
        append(db, data='{"secret": "body-secret"}')
        with capture_logs() as logs:
            assert await work_once(database)
    text = json.dumps(logs, default=str)
    assert "delivery failed" in text
    assert f"http://127.0.0.1:{receiver.port}" in text
    assert "-secret" not in text
    assert receiver.secrets["/path-secret?query-secret"][0] not in text


async def test_an_idle_worker_asks_little(
    database: str, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most two statements a second, at the default interval."""
    asked: list[tuple[float, str]] = []
    execute = psycopg.AsyncCursor.execute

    async def counting(self: Any, query: Any, *args: Any, **named: Any) -> Any:
        asked.append((time.monotonic(), str(query)))
        return await execute(self, query, *args, **named)

    async with receiving() as receiver:
        subscribe(db, receiver, "/")
        append(db, 3)
        assert await work_once(database)
        db.execute("update dbkit.worker_tasks set next_run_at = dbkit.clock() + interval '1 hour'")
        async with working(database, poll_seconds=1.0):
            await until(lambda: len(listeners(db)) == 1)
            monkeypatch.setattr(psycopg.AsyncCursor, "execute", counting)
            await until(lambda: len(asked) >= 5)
            monkeypatch.undo()
    # Two at once, two a second later, and the fifth; a slow machine takes longer, never less.
    assert asked[4][0] - asked[0][0] > 1.9, asked
