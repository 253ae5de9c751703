from __future__ import annotations

import uuid

import pytest

from tests.events.webhooks import (
    call,
    needs_service,
    signing_secrets,
    subscribe,
    subscribed,
    within,
)
from tests.helpers import Connection, freeze_clock, one, raises


def rotate(conn: Connection, subscription_id: object, **arguments: object) -> dict[str, object]:
    found = call(conn, "rotate_subscription_secret", subscription_id=subscription_id, **arguments)
    assert isinstance(found, dict)
    return found


def test_both_secrets_are_given_until_the_old_one_expires(db: Connection) -> None:
    freeze_clock(db, "2026-03-01T00:00:00Z")
    made = subscribe(db)
    found, old = made["subscription_id"], made["secret"]
    before = signing_secrets(db, found)
    assert (before["secrets"], before["valid_until"]) == ([old], None)
    answer = rotate(db, found)
    assert answer["previous_expires_at"] == "2026-03-02T00:00:00+00:00"
    freeze_clock(db, "2026-03-01T23:59:59Z")
    both = signing_secrets(db, found)
    assert both["secrets"] == [answer["secret"], old]
    assert both["valid_until"].isoformat() == "2026-03-02T00:00:00+00:00"
    assert both["secrets_version"] > before["secrets_version"]
    freeze_clock(db, "2026-03-02T00:00:00Z")
    after = signing_secrets(db, found)
    assert (after["secrets"], after["valid_until"]) == ([answer["secret"]], None)


def test_without_overlap_the_old_one_ends_at_once(db: Connection) -> None:
    found = subscribed(db)
    answer = rotate(db, found, overlap_hours=0)
    assert answer["previous_expires_at"] is None
    assert signing_secrets(db, found)["secrets"] == [answer["secret"]]
    assert one(db, "select count(*) from dbkit.event_subscription_secrets") == 1


def test_of_more_than_five_the_oldest_ends_at_once(db: Connection) -> None:
    made = subscribe(db)
    found = made["subscription_id"]
    secrets = [made["secret"], *(rotate(db, found)["secret"] for _ in range(6))]
    assert signing_secrets(db, found)["secrets"] == secrets[:1:-1]


@pytest.mark.parametrize("hours", [-1, 721, None])
def test_an_overlap_is_at_most_30_days(db: Connection, hours: int | None) -> None:
    with raises(db, "KD004") as caught:
        rotate(db, subscribed(db), overlap_hours=hours)
    assert caught.detail == {"argument": "p_overlap_hours"}


def test_a_bad_secret_changes_nothing(db: Connection) -> None:
    made = subscribe(db)
    with raises(db, "KD521"):
        rotate(db, made["subscription_id"], secret="whsec_short")
    assert signing_secrets(db, made["subscription_id"])["secrets"] == [made["secret"]]


def test_one_of_another_organization_is_unknown(db: Connection) -> None:
    found = subscribed(db)
    with raises(db, "KD520"), within(db, "acme"):
        rotate(db, found)
    with raises(db, "KD520"):
        rotate(db, uuid.uuid4())


def test_needs_service(db: Connection) -> None:
    needs_service(db, "rotate_subscription_secret", subscription_id=subscribed(db))


def test_an_overlap_beyond_all_time_is_refused_as_others_are(db: Connection) -> None:
    with raises(db, "KD004"):
        rotate(db, subscribed(db), overlap_hours=-(2**31))
