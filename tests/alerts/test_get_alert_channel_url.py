"""dbkit.get_alert_channel_url."""

from __future__ import annotations

from tests.alerts.parts import call, channel, needs_service
from tests.helpers import Connection, become, raises


def test_opens_it_for_the_service(alerting: Connection) -> None:
    channel(alerting, url="json://example.org/a?b=ü")
    become(alerting, "service_role")
    found = call(alerting, "get_alert_channel_url", name="ops")
    assert found == {"kind": "email", "url": "json://example.org/a?b=ü"}


def test_is_for_the_own_organization(alerting: Connection) -> None:
    channel(alerting)
    become(alerting, "service_role", organization_id="acme")
    with raises(alerting, "KD729"):
        call(alerting, "get_alert_channel_url", name="ops")


def test_needs_service(alerting: Connection) -> None:
    channel(alerting)
    needs_service(alerting, "select dbkit.get_alert_channel_url('ops')")
