from __future__ import annotations

import psycopg
import pytest

from tests.events.folding import append, register, snapshot, total
from tests.helpers import Connection, become, connect, one, raises, row, rows

CONFIGURE = "select dbkit.configure_aggregate(%s, %s, %s)"
SETTINGS = """select applier_signature, snapshot_every, is_chained, access
from dbkit.event_aggregate_types where aggregate_type = 'tab'"""

ACCESS = "select dbkit.configure_aggregate(%s, p_access => %s)"


def test_the_applier_stays(db: Connection) -> None:
    append(db, 1, 2)
    signature = register(db)
    one(db, CONFIGURE, "tab", 10, False)
    assert row(db, SETTINGS) == {
        "applier_signature": signature,
        "snapshot_every": 10,
        "is_chained": False,
        "access": "organization",
    }
    assert total(db) == (3, None)


def test_left_out_settings_stay(db: Connection) -> None:
    one(db, "select dbkit.configure_aggregate('tab', 10, true, 'service')")
    one(db, "select dbkit.configure_aggregate('tab')")
    kept = {"applier_signature": None, "is_chained": True, "access": "service"}
    assert row(db, SETTINGS) == kept | {"snapshot_every": 10}
    one(db, "select dbkit.configure_aggregate('tab', 20)")
    assert row(db, SETTINGS) == kept | {"snapshot_every": 20}


def test_a_new_type_has_the_defaults(db: Connection) -> None:
    one(db, "select dbkit.configure_aggregate('tab')")
    assert row(db, SETTINGS) == {
        "applier_signature": None,
        "snapshot_every": 100,
        "is_chained": False,
        "access": "organization",
    }


def test_streams_that_begin_afterwards_are_chained(db: Connection) -> None:
    append(db, 1, stream="before")
    one(db, CONFIGURE, "tab", 100, True)
    append(db, 1, stream="before")
    append(db, 1, stream="after")
    chained = "select bool_and(hash is not null) from dbkit.event_store where aggregate_id = %s"
    assert one(db, chained, "before") is False
    assert one(db, chained, "after") is True


def test_a_bad_setting_changes_nothing(db: Connection) -> None:
    before = rows(db, "select * from dbkit.event_aggregate_types")
    for kind, every, chained in (
        ("", 1, False),
        ("x" * 101, 1, False),
        (None, 1, False),
        ("tab", -1, False),
        ("tab", 1000001, False),
    ):
        with raises(db, "KD508"):
            one(db, CONFIGURE, kind, every, chained)
    for access in ("anon", ""):
        with raises(db, "KD508") as caught:
            one(db, ACCESS, "tab", access)
        assert caught.detail["access"] == access
    assert rows(db, "select * from dbkit.event_aggregate_types") == before


def test_needs_super_admin(db: Connection) -> None:
    for role in ("anon", "authenticated", "service_role"):
        become(db, role)
        with raises(db, "42501"):
            one(db, CONFIGURE, "tab", 1, False)


# --- p_access => 'service' -------------------------------------------------------------------

EVENT = "11111111-1111-4111-8111-111111111111"
READS = {
    "table": "select aggregate_type from dbkit.event_store",
    "view": "select aggregate_type from dbkit.events",
    "heads": "select aggregate_type from dbkit.event_streams",
    "snapshots": "select aggregate_type from dbkit.event_snapshots",
    "get_events": "select aggregate_type from dbkit.get_events(%s, 'a')",
    "backward": "select aggregate_type from dbkit.get_events(%s, 'a', p_direction => 'backward')",
    "get_events_by_type": "select aggregate_type from dbkit.get_events_by_type('Added')",
    "get_events_by_correlation": "select aggregate_type from dbkit.get_events_by_correlation('c')",
    "get_streams": "select aggregate_type from dbkit.get_streams()",
    "get_streams of it": "select aggregate_type from dbkit.get_streams(%s)",
}
"""Each says of what aggregate types it gives something."""

STATES = (
    "select dbkit.get_aggregate_state(%s, 'a')",
    "select dbkit.get_aggregate_state(%s, 'a', 0)",
    "select dbkit._aggregate_state('acme', %s, 'a', null, null, true)",
    "select dbkit.state_as_of(%s, 'a', 'infinity')",
    "select * from dbkit.diff_state(%s, 'a', 0)",
    "select dbkit.get_stream_digest(%s, 'a')",
)
WRITES = (
    "select dbkit.append_event(%s, 'a', 'Added', '{}')",
    "select dbkit.append_event(%s, 'new', 'Added', '{}')",
    "select dbkit.append_event(%s, 'a', 'Added', '{}', '{}', 77)",
    "select dbkit.append_event(%s, 'new', 'Added', '{}', '{}', -1)",
    f"select dbkit.append_event(%s, 'a', 'Added', '{{}}', '{{}}', null, '{EVENT}')",
    "select dbkit.append_event(%s, 'closed', 'Added', '{}')",
    """select dbkit.append_events(%s, 'a', '[{"event_type": "Added", "event_data": {}}]')""",
    """select dbkit.append_events(%s, 'a', '[{"event_type": "Added", "event_data": {}}]', 77)""",
    "select dbkit.append_events(%s, 'a', 'null')",
    "select dbkit.create_snapshot(%s, 'a')",
    "select dbkit.create_snapshot(%s, 'nothing')",
)


def filled(url: str) -> None:
    """Streams of `tab`, which only the service may use, and of `bill`, which everybody may."""
    with connect(url) as conn:
        for kind in ("tab", "bill"):
            register(conn, kind)
        become(conn, "service_role", organization_id="acme", correlation_id="c")
        # The later position is of `tab`: nothing that a tenant reads may count up to it.
        for kind in ("bill", "tab"):
            append(conn, 1, 2, aggregate_type=kind)
            append(conn, 1, aggregate_type=kind, stream="closed")
            snapshot(conn, aggregate_type=kind)
            conn.execute("select dbkit.archive_stream(%s, 'closed')", [kind])
        conn.execute(
            "select dbkit.append_event('tab', 'a', 'Tipped', '{\"amount\": 1}', '{}', null, %s)",
            [EVENT],
        )
        conn.execute("reset role")
        one(conn, ACCESS, "tab", "service")
        conn.commit()


def kinds(conn: Connection, read: str, kind: str = "tab") -> set[str]:
    return {r["aggregate_type"] for r in rows(conn, read, *([kind] if "%s" in read else []))}


@pytest.fixture
def kept(database: str) -> str:
    filled(database)
    return database


def test_a_tenant_reads_nothing_of_what_is_for_the_service(kept: str) -> None:
    with connect(kept) as conn:
        for read in READS.values():
            become(conn, "authenticated", organization_id="acme")
            assert kinds(conn, read) <= {"bill"}
            assert kinds(conn, read, "bill") == {"bill"}
            become(conn, "service_role", organization_id="acme")
            assert "tab" in kinds(conn, read)
        become(conn, "authenticated", organization_id="acme")
        for read in STATES:
            with raises(conn, "KD502"):
                rows(conn, read, "tab")
            assert rows(conn, read, "bill") != []
        with raises(conn, "KD004"):
            conn.execute("select dbkit.set_causing_event(%s)", [EVENT])
        become(conn, "service_role", organization_id="acme")
        for read in STATES:
            assert rows(conn, read, "tab") != []
        conn.execute("select dbkit.set_causing_event(%s)", [EVENT])


def test_a_tenant_counts_nothing_of_what_is_for_the_service(kept: str) -> None:
    stats = "select dbkit.get_event_store_stats()"
    with connect(kept) as conn:
        become(conn, "authenticated", organization_id="acme")
        told = one(conn, stats)
        assert told == one(conn, "select dbkit.get_event_store_stats('acme')")
        assert (told["events"], told["streams"], told["archived_streams"]) == (3, 2, 1)
        assert told["snapshots"] == 1
        assert told["event_types"] == [{"event_type": "Added", "events": 3}]
        newest = "select max(position) from dbkit.event_store where aggregate_type = 'bill'"
        become(conn, "service_role", organization_id="acme")
        assert told["newest_position"] == one(conn, newest)
        full = one(conn, "select dbkit.get_event_store_stats('acme')")
        assert (full["events"], full["streams"], full["archived_streams"]) == (7, 4, 2)
        assert full["snapshots"] == 2


def test_a_tenant_writes_nothing_that_is_for_the_service(kept: str) -> None:
    """And is told the same whether there is such a stream or not, whatever its version."""
    with connect(kept) as conn:
        before = rows(conn, "select * from dbkit.event_streams order by 1, 2, 3")
        become(conn, "authenticated", organization_id="acme")
        told = set()
        for write in WRITES:
            with raises(conn, "KD003") as caught:
                conn.execute(write.encode(), ["tab"])
            told.add((caught.message, *sorted(caught.detail.items())))
        assert len(told) == 1
        conn.execute("reset role")
        assert rows(conn, "select * from dbkit.event_streams order by 1, 2, 3") == before
        become(conn, "service_role", organization_id="acme")
        for stream in ("a", "new"):
            assert append(conn, 1, aggregate_type="tab", stream=stream) > 0
        assert snapshot(conn, aggregate_type="tab") == 4


@pytest.mark.parametrize("mode", ["force_generic_plan", "auto"])
def test_open_sessions_go_by_the_new_access_at_once(kept: str, mode: str) -> None:
    """The list of types is a constant in their plans: those must be made again."""
    event = """select dbkit.append_event('tab', 'a', 'Added', '{"amount": 1}')"""

    def seen(conn: Connection) -> set[str]:
        return {name for name, read in READS.items() if "tab" in kinds(conn, read)}

    with connect(kept, autocommit=True) as tenant, connect(kept, autocommit=True) as admin:
        tenant.execute(f"set plan_cache_mode = {mode}".encode())
        tenant.execute("set dbkit.organization_id = 'acme'")
        tenant.execute("set dbkit.correlation_id = 'c'")
        tenant.execute("set role authenticated")
        for access, wanted in (("organization", set(READS)), ("service", set())) * 2:
            one(admin, ACCESS, "tab", access)
            for _ in range(7):
                assert seen(tenant) == wanted
                if wanted:
                    tenant.execute(event.encode())
                else:
                    with pytest.raises(psycopg.Error) as caught:
                        tenant.execute(event.encode())
                    assert caught.value.sqlstate == "KD003"
