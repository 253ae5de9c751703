"""dbkit.set_healing_enabled: the kill switch. When it has returned, nothing is healed any more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.api.conftest import wait_until
from tests.healing.parts import DRY, RUN, ledger, lit, make_house, register_lamps
from tests.helpers import Connection, become, connect, one, raises, row

SWITCH = "select dbkit.set_healing_enabled(%s, %s)"


def test_off_and_on(db: Connection) -> None:
    make_house(db)
    register_lamps(db)
    become(db, "service_role")
    assert one(db, SWITCH, False, "something is wrong") is True
    assert one(db, RUN, "lamps")["outcome"] == "switched_off"
    preview = one(db, DRY, "lamps")
    assert (preview["outcome"], len(preview["changes"])) == ("switched_off", 10)
    assert lit(db) == ledger(db) == 0
    kept = row(db, "select enabled, reason, changed_by from dbkit.heal_switch")
    me = one(db, "select session_user")
    assert kept == {"enabled": False, "reason": "something is wrong", "changed_by": me}
    assert one(db, SWITCH, True, None) is False
    assert one(db, RUN, "lamps")["healed"] == 10
    told = "select count(*) from dbkit.runtime_metrics where event_data ->> 'action' like 'switch%'"
    assert one(db, told) == 2


def test_waits_for_what_is_under_way_and_stops_what_follows(database: str) -> None:
    with connect(database) as healer, connect(database, autocommit=True) as conn:
        make_house(conn)
        register_lamps(conn, p_batch_size=4)
        assert one(healer, RUN, "lamps")["healed"] == 4  # not committed

        def switch() -> Any:
            with connect(database, autocommit=True) as other:
                return one(other, SWITCH, False, None)

        with ThreadPoolExecutor(1) as pool:
            switching = pool.submit(switch)
            wait_until(
                conn,
                "exists (select from pg_stat_activity where wait_event_type = 'Lock'"
                " and query like 'select dbkit.set_healing_enabled%' and datname ="
                " current_database())",
            )
            healer.commit()
            assert switching.result() is True
        assert one(conn, RUN, "lamps")["outcome"] == "switched_off"
        assert lit(conn) == 4


def test_runs_do_not_wait_for_each_other_at_the_switch(database: str) -> None:
    with connect(database) as healer, connect(database, autocommit=True) as conn:
        one(healer, RUN, "ready_orders")
        conn.execute("set statement_timeout = '10s'")
        assert one(conn, RUN, "preparing_orders")["outcome"] == "nothing"


def test_bad_arguments(db: Connection) -> None:
    for given in ((None, None), (True, "x" * 501)):
        with raises(db, "KD004"):
            one(db, SWITCH, *given)


def test_needs_service_role(db: Connection) -> None:
    become(db, "authenticated")
    with raises(db, "42501"):
        one(db, SWITCH, False, None)
