"""`dbkit heal` and `dbkit maintenance`, as a user types them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.running import document, done, failed, run
from tests.healing.parts import statuses, stuck_orders
from tests.healing.test_schedule_maintenance import CRON
from tests.helpers import Connection, connect, one
from tests.orders.shop import build_shop

SERVICE = ("--role", "service_role")
ADMIN = ("--role", "super_admin")


@pytest.fixture
def db(database: str) -> Iterator[Connection]:
    with connect(database, autocommit=True) as conn:
        with conn.transaction():
            shop = build_shop(conn)
        stuck_orders(conn, shop.stores["grill"], 3, "preparing", 60)
        yield conn


def test_look_heal_and_take_back(database: str, db: Connection) -> None:
    (dry, _) = document("heal", "run", "--group", "stuck_orders", "--dry-run", url=database)[
        "rules"
    ]
    assert (dry["dry_run"], len(dry["changes"])) == (True, 3)
    assert "would become" in done("heal", "run", "preparing_orders", "--dry-run", url=database)
    assert statuses(db) == {"preparing": 3}
    said = done("heal", "run", *SERVICE, url=database)
    assert "became" in said
    assert statuses(db) == {"ready": 3}
    ledger = document("heal", "ledger", "--rule", "preparing_orders", url=database)["ledger"]
    assert len(ledger) == 3
    assert "preparing_orders" in done("heal", "ledger", url=database)
    first = ledger[0]
    assert document("heal", "undo", str(first["ledger_id"]), *SERVICE, url=database) == {
        "undone": 1,
        "refused": [],
    }
    db.execute(
        "update dbkit.orders set status_changed_at = dbkit.clock() where id = %s",
        [int(ledger[1]["subject"])],
    )
    refused = run("heal", "undo", "--run", str(first["run_id"]), url=database)
    assert refused.exit_code == 1
    assert "undone 1" in refused.stdout
    assert "has moved on" in refused.stdout
    assert failed("heal", "undo", str(first["ledger_id"]), url=database)["sqlstate"] == "KD744"
    assert statuses(db) == {"ready": 1, "preparing": 2}
    runs = document("heal", "runs", "--rule", "preparing_orders", url=database)["runs"]
    assert [r["healed"] for r in runs] == [3]
    assert "preparing_orders" in done("heal", "runs", url=database)


def test_off_and_on(database: str, db: Connection) -> None:
    assert done("heal", "off", "--reason", "a test", url=database) == "healing is off\n"
    assert done("heal", "off", url=database) == "healing is off already\n"
    assert document("heal", "run", url=database)["rules"][0]["outcome"] == "switched_off"
    shown = run("heal", "rules", url=database)
    assert (shown.exit_code, "all off" in shown.stdout) == (1, True)
    assert document("heal", "on", url=database) == {"enabled": True, "before": False}
    assert run("heal", "rules", url=database).exit_code == 0
    assert statuses(db) == {"preparing": 3}


def test_a_trip_limits_and_going_on(database: str, db: Connection) -> None:
    said = document(
        "heal",
        "limits",
        "preparing_orders",
        "--share",
        "50",
        "--at-least",
        "2",
        *ADMIN,
        url=database,
    )
    assert (said["trip_min"], float(said["trip_share"])) == (2, 0.5)
    tripped = run("heal", "run", url=database)
    assert (tripped.exit_code, "tripped" in tripped.stdout) == (1, True)
    assert "tripped" in run("heal", "rules", url=database).stdout
    assert done("heal", "resume", "preparing_orders", "--allow", "3", url=database) == (
        "preparing_orders goes on; 3 changes allowed\n"
    )
    assert document("heal", "run", url=database)["rules"][0]["healed"] == 3
    off = done("heal", "limits", "preparing_orders", "--disable", "--never-trips", url=database)
    assert "off" in off
    assert failed("heal", "limits", "nothing", url=database)["sqlstate"] == "KD740"


def test_wrong_arguments(database: str) -> None:
    for given in (
        ("heal", "run", "x", "--group", "y"),
        ("heal", "undo"),
        ("heal", "undo", "1", "--run", "1"),
    ):
        assert failed(*given, url=database)["exit_code"] == 2
    assert failed("heal", "run", "nothing", url=database)["sqlstate"] == "KD740"
    assert failed("heal", "run", "--role", "anon", url=database)["sqlstate"] == "42501"


def test_maintenance_each_step_in_its_own_transaction(database: str, db: Connection) -> None:
    steps = document("maintenance", "run", *SERVICE, url=database)["steps"]
    assert [s["step"] for s in steps][:2] == ["auto_heal", "refresh_order_health"]
    assert statuses(db) == {"ready": 3}
    assert one(db, "select count(distinct xmin::text) = count(*) from dbkit.maintenance_runs")
    assert "refresh_order_health" in done("maintenance", "steps", url=database)
    assert len(document("maintenance", "runs", url=database)["runs"]) == len(steps)
    assert "done" in done("maintenance", "run", "auto_heal", url=database)
    assert "auto_heal" in done("maintenance", "runs", "--step", "auto_heal", url=database)


def test_a_failed_step_is_told_by_the_exit_code(database: str, db: Connection) -> None:
    db.execute(
        "create function public.broken() returns int language sql as 'select 1 / 0';"
        "grant execute on function public.broken() to service_role, super_admin"
    )
    one(
        db,
        "select dbkit.register_maintenance_step('broken', 'x', 'public.broken', p_run_order => 0)",
    )
    ran = run("maintenance", "run", url=database)
    assert (ran.exit_code, "division by zero" in ran.stdout) == (1, True)
    assert statuses(db) == {"ready": 3}
    assert run("maintenance", "steps", url=database).exit_code == 1


def test_schedule_without_pg_cron_and_with(database: str, db: Connection) -> None:
    error = failed("maintenance", "schedule", url=database)
    assert (error["sqlstate"], "dbkit worker" in error["hint"]) == ("KD749", True)
    db.execute(CRON.encode())
    jobs = document("maintenance", "schedule", "--cron", "*/5 * * * *", url=database)["jobs"]
    assert "dbkit_maintenance_auto_heal" in jobs
    assert "dbkit_maintenance_auto_heal" in done("maintenance", "schedule", url=database)
    assert document("maintenance", "schedule", "--remove", url=database)["removed"] is True
    assert document("maintenance", "schedule", "--remove", url=database)["jobs"] == []
    assert failed("maintenance", "schedule", "--remove", "--cron", "x", url=database)["message"]
