"""dbkit.expire_silence."""

from __future__ import annotations

from tests.alerts.parts import call, channel, needs_service, notices, rule, say, tick
from tests.helpers import Connection, become, raises


def test_ends_it_now(alerting: Connection) -> None:
    channel(alerting)
    rule(alerting, channels=["ops"])
    say(alerting, 0, 9)
    tick(alerting, -1)
    number = call(alerting, "create_silence", rule_pattern="*", minutes=60, reason="r")
    tick(alerting, 0)
    call(alerting, "expire_silence", silence_id=number)
    tick(alerting, 1)
    assert [each[3] for each in notices(alerting)] == ["silenced", None]
    with raises(alerting, "KD727"):
        call(alerting, "expire_silence", silence_id=number)


def test_is_for_the_own_organization(alerting: Connection) -> None:
    number = call(alerting, "create_silence", rule_pattern="*", minutes=60, reason="r")
    become(alerting, "service_role", organization_id="acme")
    with raises(alerting, "KD727"):
        call(alerting, "expire_silence", silence_id=number)


def test_needs_service(alerting: Connection) -> None:
    number = call(alerting, "create_silence", rule_pattern="*", minutes=60, reason="r")
    needs_service(alerting, f"select dbkit.expire_silence({number})")
