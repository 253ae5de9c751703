"""dbkit.prune_command_log."""

from tests.cqrs.parts import execute, logged
from tests.helpers import Connection, become, freeze_clock, one, raises


def test_deletes_what_is_older(shop: Connection) -> None:
    freeze_clock(shop, "2026-10-01 12:00:00+00")
    for n in range(3):
        execute(shop, "echo", {}, f"old {n}") if n else execute(shop, "echo", {})
    freeze_clock(shop, "2026-11-21 12:00:00+00")
    execute(shop, "echo", {})
    become(shop, "service_role")
    assert one(shop, "select dbkit.prune_command_log('30 days', 2)") == 2
    assert one(shop, "select dbkit.prune_command_log()") == 1
    assert one(shop, "select dbkit.prune_command_log()") == 0
    shop.execute("reset role")
    assert logged(shop) == 1


def test_a_key_that_is_gone_is_free(shop: Connection) -> None:
    freeze_clock(shop, "2026-10-01 12:00:00+00")
    execute(shop, "add", key="k")
    freeze_clock(shop, "2026-11-21 12:00:00+00")
    shop.execute("select dbkit.prune_command_log()")
    assert not execute(shop, "add", key="k")["replayed"]


def test_is_a_task_of_the_workers(shop: Connection) -> None:
    done = one(shop, "select dbkit.run_worker_task('prune_command_log')")
    assert (done["ran"], done["error"]) == (True, None)


def test_refuses(shop: Connection) -> None:
    for arguments in ("'-1 day'", "'101 years'", "null", "'1 day', 0"):
        with raises(shop, "KD004"):
            shop.execute(f"select dbkit.prune_command_log({arguments})".encode())
    become(shop, "authenticated")
    with raises(shop, "42501"):
        shop.execute("select dbkit.prune_command_log()")
