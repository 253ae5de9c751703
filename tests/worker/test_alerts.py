"""The worker's task `alerts`: what was queued arrives, and what is not taken comes again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from tests.alerts.parts import call, quiet
from tests.alerts.servers import mail_server, web_server
from tests.helpers import Connection, one, rows
from tests.worker.parts import open_connection, until, work_once, working


def prepared(db: Connection, **channels: str) -> None:
    """A rule that fires now and tells these channels."""
    quiet(db)
    for name, url in channels.items():
        kind = "email" if name == "email" else "other"
        call(db, "set_alert_channel", name=name, kind=kind, url=url)
    call(
        db,
        "create_alert_rule",
        name="X",
        metric_type="probe",
        condition="gt",
        threshold=5,
        cooldown_minutes=0,
        metric_params={"name": "x"},
        channels=list(channels),
    )
    say(db, 9)


def say(db: Connection, value: float) -> None:
    db.execute("insert into public.probe_values values ('x', clock_timestamp(), %s, 1)", [value])


def outbox(db: Connection) -> list[tuple[Any, ...]]:
    found = rows(db, "select transition, channel, status, attempts from dbkit.alert_notifications"
                 " order by id")  # fmt: skip
    return [tuple(each.values()) for each in found]


async def test_evaluates_sends_and_tells_the_end(database: str) -> None:
    with open_connection(database) as db, mail_server() as mail, web_server() as web:
        prepared(db, email=mail.url, hook=f"json://127.0.0.1:{web.port}/x")
        assert await work_once(database)
        assert [each[2] for each in outbox(db)] == ["sent", "sent"]
        assert sorted(one(db, "select channels_notified from dbkit.alert_history")) == [
            *("email", "hook"),
        ]
        say(db, 1)
        db.execute("update dbkit.worker_tasks set next_run_at = '-infinity'")
        assert await work_once(database)
        assert [message["subject"] for message in mail.messages()] == [
            *("[WARNING] X", "[RESOLVED] X"),
        ]
        assert [document["type"] for document in web.documents()] == ["warning", "success"]


async def test_a_channel_that_fails_is_tried_again_and_delays_no_other(database: str) -> None:
    with open_connection(database) as db, mail_server() as mail, web_server() as web:
        web.answers = [500, 200]
        prepared(db, email=mail.url, hook=f"json://127.0.0.1:{web.port}/x")
        async with working(database):
            await until(lambda: len(mail.got) == 1 and len(web.got) == 1)
            await until(lambda: ("triggered", "hook", "retry_wait", 1) in outbox(db))
            assert "500" in one(
                db, "select last_error from dbkit.alert_notifications where channel = 'hook'"
            )
            db.execute("update dbkit.alert_notifications set next_attempt_at = '2020-01-01'"
                       " where status = 'retry_wait'")  # fmt: skip
            await until(lambda: ("triggered", "hook", "sent", 2) in outbox(db))
        assert len(mail.got) == 1


async def test_private_targets_need_the_list(database: str) -> None:
    from dbkit.egress import AllowList

    with open_connection(database) as db, web_server() as web:
        prepared(db, hook=f"json://127.0.0.1:{web.port}/x")
        assert await work_once(database, allow=AllowList())
        assert web.got == []
        assert one(db, "select last_error from dbkit.alert_notifications") == (
            "blocked: the host is at an address that is not public"
        )


async def test_a_worker_that_is_killed_while_it_sends_loses_nothing(database: str) -> None:
    with open_connection(database) as db, web_server() as web:
        web.hang = threading.Event()
        prepared(db, hook=f"json://127.0.0.1:{web.port}/x?rto=30")
        environment = {"DATABASE_URL": database, "DBKIT_WEBHOOK_ALLOW": "127.0.0.1"}
        with subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-m", "dbkit", "worker", "--only", "alerts", "--only", "maintenance"],
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            await until(lambda: len(web.got) == 1)
            process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait)
        web.hang.set()
        assert outbox(db) == [("triggered", "hook", "leased", 1)]
        assert await work_once(database)
        assert len(web.got) == 1, "the lease of the dead worker still lasts"
        db.execute("update dbkit.alert_notifications set next_attempt_at = '2020-01-01'")
        assert await work_once(database)
        assert outbox(db) == [("triggered", "hook", "sent", 2)]
        assert len(web.got) == 2
