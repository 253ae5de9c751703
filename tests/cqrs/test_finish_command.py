"""dbkit.finish_command."""

import uuid

from tests.cqrs.test_begin_command import begin, finish
from tests.helpers import Connection, become, raises, row, unbecome


def test_records_a_rejection(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    begun = begin(shop, key="k")
    refused = finish(shop, begun["command_id"], {"ignored": 1}, {"message": "closed"})
    assert (refused["status"], refused["response"]) == ("rejected", None)
    assert refused["rejection"] == {
        "sqlstate": "KD605",
        "message": "closed",
        "detail": None,
        "hint": None,
    }
    assert begin(shop, key="k") == {**refused, "replayed": True}


def test_only_what_was_begun(shop: Connection) -> None:
    with raises(shop, "KD610"):
        finish(shop, uuid.uuid4())
    begun = begin(shop)
    with raises(shop, "KD610"):
        finish(shop, uuid.uuid4())
    finish(shop, begun["command_id"])
    with raises(shop, "KD610"):
        finish(shop, begun["command_id"])


def test_a_setting_of_the_callers_own_making_logs_no_command_of_the_database(
    shop: Connection,
) -> None:
    become(shop, "authenticated", user_id="ada")
    begun = begin(shop)
    shop.execute(
        "select set_config('dbkit.command', replace(current_setting('dbkit.command'), "
        "'\"outside\"', '\"add\"'), true)"
    )
    with raises(shop, "KD610"):
        finish(shop, begun["command_id"])


def test_not_in_another_role_than_it_needs(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    begun = begin(shop)
    shop.execute("set local role anon")
    with raises(shop, "KD610"):
        finish(shop, begun["command_id"])
    unbecome(shop)


def test_the_log_says_how_long_it_took(shop: Connection) -> None:
    begun = begin(shop)
    finish(shop, begun["command_id"], "done")
    entry = row(shop, "select * from dbkit.command_log")
    assert entry["duration_ms"] > 0
    assert entry["response"] == "done"
