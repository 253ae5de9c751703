"""dbkit.begin_command: a command that a program handles."""

import json

from tests.cqrs.parts import Json, added, execute, logged
from tests.helpers import Connection, become, one, raises, row, unbecome


def begin(
    conn: Connection, command: str = "outside", key: str | None = None, payload: object = None
) -> Json:
    found = one(
        conn, "select dbkit.begin_command(%s, %s, %s)", command, json.dumps(payload or {}), key
    )
    assert isinstance(found, dict)
    return found


def finish(
    conn: Connection, command_id: object, response: object = None, rejection: object = None
) -> Json:
    found = one(
        conn,
        "select dbkit.finish_command(%s, %s, %s)",
        *(command_id, json.dumps(response), json.dumps(rejection)),
    )
    assert isinstance(found, dict)
    return found


def test_events_in_between_are_its_events(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    begun = begin(shop)
    assert (begun["replayed"], begun["status"]) == (False, None)
    shop.execute("select dbkit.append_event('cart', 'c', 'Added', '{}')")
    done = finish(shop, begun["command_id"], {"ok": True})
    unbecome(shop)
    event = row(shop, "select * from dbkit.event_store where aggregate_type = 'cart'")
    assert event["causation_id"] == event["correlation_id"] == begun["command_id"]
    assert (done["position"], done["response"]) == (event["position"], {"ok": True})
    assert one(shop, "select events from dbkit.command_log") == 1


def test_a_key_that_was_used_gets_its_answer(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    done = finish(shop, begin(shop, key="k")["command_id"], 7)
    assert begin(shop, key="k") == {**done, "replayed": True}
    with raises(shop, "KD603"):
        begin(shop, key="k", payload={"other": 1})


def test_not_finished_is_not_logged_and_frees_the_key(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    begin(shop, key="k")
    assert not begin(shop, key="k")["replayed"]
    unbecome(shop)
    assert logged(shop) == 0


def test_is_for_commands_without_a_handler(shop: Connection) -> None:
    for command in ("add", "nothing"):
        with raises(shop, "KD601"):
            begin(shop, command, payload={"cart": "c"})


def test_asks_for_role_and_schema(shop: Connection) -> None:
    shop.execute(
        """select dbkit.register_command('outside', p_payload_schema => '{"const": {}}')"""
    )
    with raises(shop, "KD602"):
        begin(shop, payload={"a": 1})
    become(shop, "anon")
    with raises(shop, "KD003"):
        begin(shop)


def test_commands_nest(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada", correlation_id="flow")
    outer = begin(shop)
    inner = begin(shop)
    finish(shop, inner["command_id"])
    assert one(shop, "select current_setting('dbkit.causation_id')") == outer["command_id"]
    execute(shop, "add")
    finish(shop, outer["command_id"])
    assert one(shop, "select current_setting('dbkit.causation_id')") == ""
    assert one(shop, "select current_setting('dbkit.command')") == ""
    unbecome(shop)
    assert (added(shop), logged(shop)) == (1, 3)
    assert (
        one(
            shop,
            "select count(*) from dbkit.command_log where causation_id = %s",
            outer["command_id"],
        )
        == 2
    )
