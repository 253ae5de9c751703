"""dbkit.get_recent_errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers import Connection, become, one, raises, rows
from tests.metrics.parts import add_days, record

ERRORS = "select * from dbkit.get_recent_errors(%s, %s)"


def test_newest_first_with_what_is_known(db: Connection) -> None:
    first = {
        "error_type": "fetch_error",
        "message": "Network timeout",
        "url": "/menu",
        "stack": "…",
    }
    record(db, "error", first, session="s1")
    record(db, "error", {"error_type": "render"})
    record(db, "page_view", {"page": "/x"})
    found = rows(db, ERRORS, 50, 24)
    assert [f["error_type"] for f in found] == ["render", "fetch_error"]
    assert (found[1]["message"], found[1]["url"], found[1]["session_id"]) == (
        "Network timeout",
        "/menu",
        "s1",
    )
    assert found[1]["event_data"] == first
    assert found[0]["message"] is None
    assert len(rows(db, ERRORS, 1, 24)) == 1


def test_a_fingerprint_joins_what_differs_in_numbers_ids_and_quotes(db: Connection) -> None:
    alike = [
        "order 17 of '3 cakes' failed: 0x7ffe, 9f1c2d3e-0000-4000-8000-00805f9b34fb",
        "order 4711 of 'tea' failed: 0x1, 01234567-89ab-cdef-0123-456789abcdef",
    ]
    others = ["order 17 of '3 cakes' succeeded", "", "ORDER 17 of 'x' failed: 0x1, 1"]
    for message in alike + others:
        record(db, "error", {"error_type": "t", "message": message})
    record(db, "error", {"error_type": "u", "message": alike[0]})
    found = rows(db, ERRORS, 50, 24)
    marks: dict[str, int] = {f["fingerprint"]: f["occurrences"] for f in found}
    assert sorted(marks.values()) == [1, 1, 1, 1, 2]


def test_occurrences_have_a_first_and_last_time(db: Connection) -> None:
    add_days(db, 1)
    now = datetime.now(UTC).replace(microsecond=0)
    times = [now - timedelta(hours=h) for h in (1, 2, 3, 30)]
    for at in times[:3]:
        record(db, "error", {"error_type": "t", "message": f"at {at.hour}"}, at)
    found = rows(db, ERRORS, 1, 24)
    assert (found[0]["occurrences"], found[0]["first_seen"], found[0]["last_seen"]) == (
        3,
        times[2],
        times[0],
    )
    assert len(rows(db, ERRORS, 10, 2)) == 1


def test_a_long_message_is_cut_and_costs_no_more(db: Connection) -> None:
    record(db, "error", {"error_type": "t", "message": "'" * 30000})
    found = rows(db, ERRORS, 1, 1)
    assert len(found[0]["message"]) == 2000


@pytest.mark.parametrize(("limit", "hours"), [(0, 1), (1001, 1), (None, 1), (1, 0), (1, None)])
def test_refuses_numbers_out_of_range(db: Connection, limit: int | None, hours: int | None) -> None:
    with raises(db, "KD004"):
        rows(db, ERRORS, limit, hours)


def test_is_for_operators(db: Connection) -> None:
    for role in ("anon", "authenticated"):
        become(db, role)
        with raises(db, "42501"):
            rows(db, ERRORS, 1, 1)
        db.execute("reset role")
    become(db, "super_admin")
    assert one(db, "select count(*) from dbkit.get_recent_errors()") == 0
