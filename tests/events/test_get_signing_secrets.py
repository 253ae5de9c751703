from __future__ import annotations

import uuid

from tests.events.webhooks import needs_service, signing_secrets, subscribe, subscribed, within
from tests.helpers import Connection, one, rows

GET = "select * from dbkit.get_signing_secrets(%s::uuid[])"


def test_of_any_organization_and_only_those_asked_for(db: Connection) -> None:
    """The worker sends for all."""
    own = subscribe(db)
    subscribed(db)
    with within(db, "acme"):
        other = subscribe(db)
    ids = [made["subscription_id"] for made in (own, other)]
    statement = f"select subscription_id::text, secrets from ({GET}) s"
    got = {row["subscription_id"]: row["secrets"] for row in rows(db, statement, ids)}
    assert got == {made["subscription_id"]: [made["secret"]] for made in (own, other)}


def test_unknown_ones_are_left_out(db: Connection) -> None:
    assert rows(db, GET, [uuid.uuid4()]) == []
    assert rows(db, GET, []) == []
    assert rows(db, GET, None) == []


def test_the_version_is_that_which_a_claim_tells(db: Connection) -> None:
    found = subscribed(db)
    told = one(db, "select secrets_version from dbkit.event_subscriptions")
    assert signing_secrets(db, found)["secrets_version"] == told


def test_a_sealed_secret_that_was_moved_is_not_opened(db: Connection) -> None:
    """Bound to its subscription, so nobody can give a secret of theirs to another."""
    mine, other = subscribed(db), subscribed(db)
    db.execute(
        "update dbkit.event_subscription_secrets s set sealed_secret = o.sealed_secret"
        " from dbkit.event_subscription_secrets o"
        " where s.subscription_id = %s and o.subscription_id = %s",
        [other, mine],
    )
    assert signing_secrets(db, other)["secrets"] == []


def test_needs_service(db: Connection) -> None:
    needs_service(db, "get_signing_secrets", subscription_ids=[uuid.uuid4()])
