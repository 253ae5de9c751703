"""dbkit.claim_alert_notifications: leases, order, fairness; which channels words mean."""

from __future__ import annotations

import pytest

from tests.alerts.outbox import CLAIM, claim, queued, settle
from tests.alerts.parts import channel, minute, needs_service, notices, rule, say, tick
from tests.helpers import Connection, connect, freeze_clock, raises, rows


def test_leases_with_the_url_and_a_token(alerting: Connection) -> None:
    queued(alerting, "a")
    (claimed,) = claim(alerting)
    assert (claimed["token"], claimed["attempt"], claimed["kind"]) == (1, 1, "other")
    assert claimed["url"] == "json://a.example.org/secret-token"
    assert claimed["notice"]["message"] == "X0: probe is 9 % (gt 5 % over 5 min)"
    assert claim(alerting) == []
    freeze_clock(alerting, minute(2).isoformat())
    (again,) = claim(alerting)
    assert (again["token"], again["attempt"]) == (2, 2)


def test_the_end_waits_for_the_beginning(alerting: Connection) -> None:
    queued(alerting, "a")
    (beginning,) = claim(alerting, seconds=600)
    say(alerting, 1, 1)
    tick(alerting, 1)
    assert claim(alerting) == []
    settle(alerting, beginning, "refused: no")
    assert claim(alerting) == []
    freeze_clock(alerting, minute(10).isoformat())
    (beginning,) = claim(alerting)
    assert beginning["notice"]["transition"] == "triggered"
    settle(alerting, beginning)
    assert claim(alerting)[0]["notice"]["transition"] == "resolved"


def test_one_channel_does_not_take_all_the_places(alerting: Connection) -> None:
    queued(alerting, "a", "b", rules=20)
    found = [each["channel"] for each in claim(alerting, limit=8)]
    assert sorted(found) == ["a"] * 4 + ["b"] * 4


def test_two_workers_get_different_ones(database: str) -> None:
    from tests.alerts.parts import quiet

    with connect(database) as one_, connect(database) as two:
        quiet(one_)
        queued(one_, "a", rules=3)
        one_.commit()
        freeze_clock(two, minute(1).isoformat())
        freeze_clock(one_, minute(1).isoformat())
        first = {each["notification_id"] for each in claim(one_, "w1", 2)}
        second = {each["notification_id"] for each in claim(two, "w2", 2)}
        assert (len(first), len(second), first & second) == (2, 1, set())


def test_is_given_up_after_eight_leases(alerting: Connection) -> None:
    """A sender that dies each time does not go on for ever."""
    queued(alerting, "a")
    for at in range(8):
        freeze_clock(alerting, minute(2 * at).isoformat())
        assert len(claim(alerting)) == 1
    freeze_clock(alerting, minute(20).isoformat())
    assert claim(alerting) == []
    (row,) = rows(alerting, "select * from dbkit.get_alert_notifications()")
    assert (row["status"], row["last_error"]) == ("dead", "no worker has settled it")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["email"], {"m1", "m2"}),
        (["m1"], {"m1"}),
        (["m1", "email"], {"m1", "m2"}),
        (["slack"], {"slack"}),
        (["m1", "m1"], {"m1"}),
        ([], set()),
    ],
)
def test_words_are_names_or_kinds(
    words: list[str], expected: set[str], alerting: Connection
) -> None:
    """A name before a kind: the channel called slack is meant, not the others of that kind."""
    for name, kind in (("m1", "email"), ("m2", "email"), ("slack", "slack"), ("chat", "slack")):
        channel(alerting, name, kind)
    rule(alerting, channels=words)
    say(alerting, 0, 9)
    tick(alerting, 0)
    assert {each[1] for each in notices(alerting, status="pending")} == expected


def test_a_disabled_channel_is_none(alerting: Connection) -> None:
    channel(alerting, enabled=False)
    rule(alerting, channels=["ops"])
    say(alerting, 0, 9)
    tick(alerting, 0)
    assert notices(alerting) == [("triggered", "ops", "suppressed", "no_channel")]


def test_refuses(alerting: Connection) -> None:
    for wrong in (("", 1, 1), ("w", 0, 1), ("w", 1, 0), (None, 1, 1)):
        with raises(alerting, "KD004"):
            rows(alerting, CLAIM, *wrong)


def test_needs_service(alerting: Connection) -> None:
    needs_service(alerting, "select * from dbkit.claim_alert_notifications('w')")
