"""dbkit.get_silences."""

from __future__ import annotations

from tests.alerts.parts import call, minute, needs_service
from tests.helpers import Connection, become, freeze_clock, rows

GET = "select * from dbkit.get_silences(%s, %s)"


def test_those_that_last_and_the_past(alerting: Connection) -> None:
    for at in (0, 30):
        freeze_clock(alerting, minute(at).isoformat())
        call(alerting, "create_silence", rule_pattern=f"at {at}", minutes=10, reason="r")
    (lasting,) = rows(alerting, GET, False, None)
    assert (lasting["rule_pattern"], lasting["is_active"]) == ("at 30", True)
    assert (lasting["ends_at"], lasting["created_by"]) == (minute(40), "postgres")
    assert [each["is_active"] for each in rows(alerting, GET, True, None)] == [True, False]
    become(alerting, "service_role", organization_id="acme")
    assert rows(alerting, GET, True, None) == []
    assert len(rows(alerting, GET, True, "*")) == 2


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select * from dbkit.get_silences()")
