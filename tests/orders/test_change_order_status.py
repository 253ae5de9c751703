"""_change_order_status: every step for every person, under a lock, with its history."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.helpers import Connection, become, connect, freeze_clock, one, raises, row, rows
from tests.orders.people import Orders, place_all
from tests.orders.shop import VERSIONS, Shop, direct, routed

STEPS = ("confirmed", "preparing", "ready", "completed")
CHANGE = "select dbkit._change_order_status(%s, %s, %s, %s)"


def change(conn: Connection, order_id: int, status: str, token: str | None = None) -> Any:
    return one(conn, CHANGE, order_id, status, token, None)


@pytest.mark.parametrize("user", ["sam", "mia"])
def test_staff_move_an_order_all_the_way(db: Connection, orders: Orders, user: str) -> None:
    become(db, "authenticated", user_id=user)
    before = "pending"
    for minute, status in enumerate(STEPS):
        freeze_clock(db, f"2026-01-01T12:{minute:02}:00Z")
        made = change(db, orders.ids["alice"], status)
        assert (made["previous_status"], made["status"]) == (before, status)
        assert made["status_changed_at"].startswith(f"2026-01-01T12:{minute:02}:00")
        assert (made["completed_at"] is not None) == (status == "completed")
        before = status
    history = made["history"]
    assert [h["to_status"] for h in history] == ["pending", *STEPS]
    assert [h["from_status"] for h in history] == [None, "pending", *STEPS[:-1]]
    assert [h["actor"] for h in history] == ["customer", *["staff"] * 4]


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_the_service_moves_any_order(db: Connection, orders: Orders, role: str) -> None:
    become(db, role)
    for order_id in orders.ids.values():
        for status in STEPS:
            made = change(db, order_id, status)
        assert made["history"][-1]["actor"] == "service"


def test_tells_what_is_allowed_next(db: Connection, orders: Orders) -> None:
    order_id = orders.ids["alice"]
    become(db, "authenticated", user_id="sam")
    with raises(db, "KD412") as caught:
        change(db, order_id, "completed")
    assert caught.detail == {
        "field": "status",
        "order_id": order_id,
        "from": "pending",
        "to": "completed",
        "allowed": ["cancelled", "confirmed"],
    }
    become(db, "authenticated", user_id="alice")
    with raises(db, "KD412") as caught:
        change(db, order_id, "confirmed")
    assert caught.detail["allowed"] == ["cancelled"]
    change(db, order_id, "cancelled")
    with raises(db, "KD412") as caught:
        change(db, order_id, "cancelled")
    assert caught.detail["allowed"] == []


def test_customer_cancels_only_before_preparation(db: Connection, orders: Orders) -> None:
    order_id = orders.ids["bob"]
    become(db, "authenticated", user_id="sam")
    change(db, order_id, "confirmed")
    change(db, order_id, "preparing")
    become(db, "authenticated", user_id="bob")
    with raises(db, "KD412"):
        change(db, order_id, "cancelled")
    become(db, "authenticated", user_id="sam")
    with raises(db, "KD412"):
        change(db, order_id, "cancelled")
    become(db, "authenticated", user_id="mia")
    assert change(db, order_id, "cancelled")["history"][-1]["actor"] == "manager"


@pytest.mark.parametrize(
    ("role", "user"),
    [
        ("anon", "sam"),
        ("anon", "alice"),
        ("authenticated", ""),
        ("authenticated", "bob"),
        ("authenticated", "oona"),
        ("authenticated", "boss"),
    ],
)
def test_others_get_the_answer_for_no_such_order(
    db: Connection, orders: Orders, role: str, user: str
) -> None:
    order_id = orders.ids["alice"]
    become(db, role, **({"user_id": user} if user else {}))
    with raises(db, "KD401") as hidden:
        change(db, order_id, "cancelled")
    with raises(db, "KD401") as missing:
        change(db, 2**62, "cancelled")
    assert hidden.message.replace(str(order_id), "N") == missing.message.replace(str(2**62), "N")
    assert hidden.hint == missing.hint
    assert set(hidden.detail) == set(missing.detail)


@pytest.mark.parametrize("status", ["eaten", "", None, "pending"])
def test_a_status_that_is_none_is_not_allowed(
    db: Connection, orders: Orders, status: str | None
) -> None:
    become(db, "service_role")
    with raises(db, "KD412"):
        one(db, CHANGE, orders.ids["alice"], status, None, None)


def test_history_says_who_and_why(db: Connection, orders: Orders) -> None:
    become(db, "authenticated", user_id="sam")
    one(db, CHANGE, orders.ids["alice"], "cancelled", None, "é" * 600)
    found = row(
        db,
        "select user_id, reason from dbkit.order_status_history where to_status = 'cancelled'",
    )
    assert found == {"user_id": "sam", "reason": "é" * 500}


def test_a_guest_who_names_a_user_is_not_written_down_as_that_user(
    db: Connection, orders: Orders
) -> None:
    become(db, "anon", user_id="alice")
    change(db, orders.ids["guest"], "cancelled", orders.guest_token)
    become(db, "service_role")
    found = rows(
        db,
        "select user_id from dbkit.order_status_history where order_id = %s",
        orders.ids["guest"],
    )
    assert {r["user_id"] for r in found} == {None}


@pytest.mark.parametrize("version", VERSIONS)
def test_anonymous_callers_have_no_status_call(
    db: Connection, orders: Orders, version: str
) -> None:
    become(db, "anon", user_id="sam")
    payload = {"order_id": orders.ids["alice"], "status": "confirmed"}
    with raises(db, "42501"):
        direct(db, "update_order_status", version, payload)
    with raises(db, "KD003"):
        routed(db, "update_order_status", version, payload)


def test_of_two_at_once_one_wins(database: str, open_shop: Shop) -> None:
    """The second waits for the first, seen in pg_stat_activity, then is judged by what it did."""
    with connect(database) as conn:
        order_id = place_all(conn, open_shop).ids["alice"]
        conn.commit()
    with connect(database) as first, connect(database) as second, connect(database) as watcher:
        watcher.autocommit = True
        become(first, "authenticated", user_id="sam")
        change(first, order_id, "confirmed")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(_cancel_as_alice, second, order_id)
            _wait_for_lock(watcher, second.info.backend_pid)
            first.commit()
            assert waiting.result(30) == "cancelled", "confirmed may still be cancelled"
        second.commit()
        become(first, "authenticated", user_id="sam")
        with raises(first, "KD412") as caught:
            change(first, order_id, "preparing")
        assert caught.detail["from"] == "cancelled"


def _cancel_as_alice(conn: Connection, order_id: int) -> str:
    become(conn, "authenticated", user_id="alice")
    return str(change(conn, order_id, "cancelled")["status"])


def _wait_for_lock(watcher: Connection, pid: int) -> None:
    waits = "select wait_event_type = 'Lock' as yes from pg_stat_activity where pid = %s"
    patience = threading.Event()
    for _ in range(3000):
        if one(watcher, waits, pid):
            return
        patience.wait(0.01)
    raise AssertionError("the second session never waited for the lock")


def test_of_many_staff_who_confirm_at_once_one_wins(database: str, open_shop: Shop) -> None:
    with connect(database) as conn:
        order_id = place_all(conn, open_shop).ids["bob"]
        conn.commit()
    start = threading.Barrier(6)

    def confirm(user: str) -> str:
        with connect(database) as conn:
            become(conn, "authenticated", user_id=user)
            start.wait(30)
            try:
                change(conn, order_id, "confirmed")
            except psycopg.Error as error:
                return str(error.sqlstate)
            return "confirmed"

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(confirm, ["sam", "mia"] * 3))
    assert outcomes == ["KD412"] * 5 + ["confirmed"]
    with connect(database) as conn:
        steps = rows(
            conn, "select to_status from dbkit.order_status_history where order_id = %s", order_id
        )
    assert [s["to_status"] for s in steps] == ["pending", "confirmed"]
