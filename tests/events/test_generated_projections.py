"""Generated functions that are older than the registry: no event passes a projection unread."""

from __future__ import annotations

import pytest

from tests.helpers import Connection, raises, rows

EVENT = "select {call} from dbkit.event_store as e where e.aggregate_id = 'c-1'"


@pytest.mark.parametrize(
    "call",
    [
        "dbkit._projection_key('mine.key', e)",
        "dbkit._projection_reduce('mine.reduce', '{{}}', e)",
    ],
)
def test_a_function_that_is_not_in_them_is_refused(db: Connection, call: str) -> None:
    db.execute("select dbkit.append_event('cart', 'c-1', 'ItemAdded', '{}')")
    with raises(db, "KD512") as caught:
        rows(db, EVENT.format(call=call.format()))
    assert caught.detail["function"] in call
    assert "_generate_event_functions" in caught.hint
