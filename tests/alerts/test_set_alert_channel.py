"""dbkit.set_alert_channel: its URL is sealed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.alerts.parts import call, channel, needs_service
from tests.helpers import Connection, become, one, raises, rows

URL = "mailto://user:secret-password@example.org"


def test_makes_and_replaces(alerting: Connection) -> None:
    given = {"name": "ops", "kind": "email", "url": URL}
    assert call(alerting, "set_alert_channel", **given) is True
    assert call(alerting, "set_alert_channel", **given | {"url": URL + "/2"}) is False
    assert call(alerting, "get_alert_channel_url", name="ops")["url"] == URL + "/2"


def test_the_url_is_nowhere_in_clear(alerting: Connection) -> None:
    channel(alerting)
    stored = one(alerting, "select sealed_url from dbkit.alert_channels")
    assert "secret" not in stored
    shown = str(rows(alerting, "select * from dbkit.get_alert_channels()"))
    assert "secret" not in shown and stored not in shown
    for role in ("anon", "authenticated", "service_role", "super_admin"):
        become(alerting, role)
        with raises(alerting, "42501"):
            alerting.execute("select sealed_url from dbkit.alert_channels")
        alerting.execute("reset role")


def test_a_sealed_url_cannot_be_moved_to_another_channel(alerting: Connection) -> None:
    channel(alerting, "a")
    channel(alerting, "b")
    alerting.execute("update dbkit.alert_channels set sealed_url = (select c.sealed_url from"
                     " dbkit.alert_channels c where c.name = 'a')")  # fmt: skip
    assert call(alerting, "get_alert_channel_url", name="a")["url"] is not None
    assert call(alerting, "get_alert_channel_url", name="b")["url"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "-a"},
        {"name": "x" * 64},
        {"kind": "fax"},
        {"kind": None},
        {"url": "example.org"},
        {"url": "mailto://a\nb"},
        {"url": "mailto://" + "x" * 2000},
        {"url": None},
    ],
)
def test_refuses_without_telling_the_url(wrong: dict[str, Any], alerting: Connection) -> None:
    with raises(alerting, "KD730") as caught:
        channel(alerting, **({"name": "ops", "kind": "email", "url": URL} | wrong))
    assert "secret" not in caught.message + str(caught.detail) + caught.hint


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select dbkit.set_alert_channel('a', 'email', 'mailto://b')")
