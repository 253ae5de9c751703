"""dbkit.execute_command: once, with its events and its log, or not at all."""

import json

import pytest

from tests.cqrs.parts import added, ask, execute, logged
from tests.helpers import Connection, become, freeze_clock, one, raises, row, rows, unbecome


def test_runs_the_handler_and_logs_it_with_its_events(shop: Connection) -> None:
    freeze_clock(shop, "2026-11-21 12:00:00+00")
    become(shop, "authenticated", user_id="ada", organization_id="acme", client_id="web")
    done = execute(shop, "add")
    unbecome(shop)
    assert (done["status"], done["response"], done["replayed"]) == ("done", {"version": 1}, False)
    event = row(shop, "select * from dbkit.event_store where aggregate_type = 'cart'")
    assert (event["organization_id"], event["actor_id"]) == ("acme", "ada")
    assert event["causation_id"] == event["correlation_id"] == done["command_id"]
    assert event["position"] == done["position"]
    entry = row(shop, "select * from dbkit.command_log")
    assert str(entry["command_id"]) == done["command_id"]
    assert (entry["events"], entry["position"], entry["status"]) == (1, event["position"], "done")
    assert (entry["organization_id"], entry["caller_role"]) == ("acme", "authenticated")
    assert (entry["user_id"], entry["client_id"]) == ("ada", "web")
    assert entry["duration_ms"] >= 0
    assert entry["idempotency_key"] is None, "without a key it is logged too"
    assert entry["created_at"].isoformat() == "2026-11-21T12:00:00+00:00"


def test_its_id_begins_with_the_time(shop: Connection) -> None:
    freeze_clock(shop, "2026-11-21 12:00:00+00")
    first = execute(shop, "echo")["command_id"]
    freeze_clock(shop, "2026-11-21 12:00:00.001+00")
    second = execute(shop, "echo")["command_id"]
    assert first < second
    assert (first[14], first[19] in "89ab") == ("7", True), "version 7, variant of RFC 9562"
    assert int(first.replace("-", "")[:12], 16) == 1795262400000


def test_correlation_goes_on_and_the_context_is_put_back(shop: Connection) -> None:
    become(shop, "authenticated", correlation_id="flow", causation_id="an-event")
    done = execute(shop, "add")
    assert one(shop, "select current_setting('dbkit.causation_id')") == "an-event"
    assert one(shop, "select current_setting('dbkit.correlation_id')") == "flow"
    unbecome(shop)
    event = row(shop, "select * from dbkit.event_store where aggregate_type = 'cart'")
    assert (event["correlation_id"], event["causation_id"]) == ("flow", done["command_id"])
    entry = row(shop, "select * from dbkit.command_log")
    assert (entry["correlation_id"], entry["causation_id"]) == ("flow", "an-event")


def test_same_key_and_payload_get_the_first_answer(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    first = execute(shop, "add", key="k")
    again = execute(shop, "add", key="k")
    assert again == {**first, "replayed": True}
    unbecome(shop)
    assert (added(shop), logged(shop)) == (1, 1)


@pytest.mark.parametrize(
    ("command", "payload", "expect"),
    [
        ("add", {"cart": "c", "more": 1}, None),
        ("add", {"cart": "c"}, 1),
        ("echo", {"cart": "c"}, None),
    ],
)
def test_same_key_for_something_else_is_refused(
    shop: Connection, command: str, payload: object, expect: int | None
) -> None:
    become(shop, "authenticated", user_id="ada")
    execute(shop, "add", key="k")
    with raises(shop, "KD603") as caught:
        execute(shop, command, payload, "k", expect)
    assert caught.detail["idempotency_key"] == "k"


def test_a_key_is_its_organizations(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada", organization_id="acme")
    first = execute(shop, "add", key="k")
    become(shop, "authenticated", user_id="ada", organization_id="bistro")
    assert execute(shop, "add", key="k")["command_id"] != first["command_id"]


@pytest.mark.parametrize("other", [{"user_id": "bob"}, {"client_id": "web"}])
def test_nobody_gets_the_answer_to_another_caller(shop: Connection, other: dict[str, str]) -> None:
    become(shop, "authenticated", user_id="ada")
    execute(shop, "add", key="k")
    become(shop, "authenticated", **other)
    with raises(shop, "KD603"):
        execute(shop, "add", key="k")
    become(shop, "service_role", user_id="ada")
    with raises(shop, "KD603"):
        execute(shop, "add", key="k")


def test_a_key_needs_a_name_beside_it(shop: Connection) -> None:
    become(shop, "authenticated")
    with raises(shop, "KD602"):
        execute(shop, "add", key="k")
    become(shop, "authenticated", client_id="web")
    assert not execute(shop, "add", key="k")["replayed"]
    assert execute(shop, "add", key="k")["replayed"]
    become(shop, "service_role")
    assert not execute(shop, "add", key="of a service")["replayed"]


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_has_1_to_200_characters(shop: Connection, key: str) -> None:
    become(shop, "authenticated", user_id="ada")
    with raises(shop, "KD602"):
        execute(shop, "add", key=key)


def test_an_error_leaves_nothing_and_the_key_free(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    with raises(shop, "22012"):
        execute(shop, "add", {"cart": "c", "fail": True}, "k")
    assert one(shop, "select coalesce(current_setting('dbkit.causation_id', true), '')") == ""
    assert not execute(shop, "add", {"cart": "c"}, "k")["replayed"]
    unbecome(shop)
    assert (added(shop), logged(shop)) == (1, 1)


def test_a_rejection_is_recorded_and_undoes_the_handler(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    refused = execute(shop, "add", {"cart": "c", "refuse": "KD605"}, "k")
    assert (refused["status"], refused["response"], refused["position"]) == ("rejected", None, None)
    assert refused["rejection"] == {
        "sqlstate": "KD605",
        "message": "sold out",
        "detail": {"left": 0},
        "hint": "Take another.",
    }
    again = execute(shop, "add", {"cart": "c", "refuse": "KD605"}, "k")
    assert again == {**refused, "replayed": True}
    unbecome(shop)
    assert (added(shop), logged(shop)) == (0, 1)
    assert one(shop, "select events from dbkit.command_log") == 0


def test_other_errors_are_rejections_where_the_command_says_so(shop: Connection) -> None:
    payload = {"cart": "c", "refuse": "KD416"}
    become(shop, "authenticated", user_id="ada")
    with raises(shop, "KD416"):
        execute(shop, "add", payload)
    unbecome(shop)
    shop.execute(
        "select dbkit.register_command('add', 'shop.add', p_rejections => '{KD416,KD502}')"
    )
    become(shop, "authenticated", user_id="ada")
    assert execute(shop, "add", payload)["rejection"]["sqlstate"] == "KD416"
    conflict = execute(shop, "add", {"cart": "c"}, expect=7)
    assert conflict["rejection"]["sqlstate"] == "KD502"
    with raises(shop, "22012"):
        execute(shop, "add", {"cart": "c", "fail": True})


def test_a_detail_that_is_no_json_is_kept_as_text(shop: Connection) -> None:
    shop.execute(
        """create function shop.check(p_payload jsonb) returns jsonb language plpgsql as $$
        begin raise exception using errcode = '23514', message = 'no', detail = 'row (1)'; end $$;
        grant execute on function shop.check(jsonb) to authenticated;
        select dbkit.register_command('check', 'shop.check', p_rejections => '{23514}')"""
    )
    refused = execute(shop, "check")["rejection"]
    assert refused == {"sqlstate": "23514", "message": "no", "detail": "row (1)", "hint": None}


def test_the_expected_version_reaches_the_handler(shop: Connection) -> None:
    become(shop, "authenticated")
    assert execute(shop, "add", expect=0)["response"] == {"version": 1}
    with raises(shop, "KD501"):
        execute(shop, "add", expect=0)
    with raises(shop, "KD602") as caught:
        execute(shop, "echo", expect=0)
    assert caught.detail["field"] == "expected_version"


def test_a_payload_must_fit_its_schema(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    with raises(shop, "KD602") as caught:
        execute(shop, "add", {"cart": 1}, "k")
    assert caught.detail["field"] == "cart"
    with raises(shop, "KD602"):
        execute(shop, "add", [])
    with raises(shop, "KD602") as caught:
        execute(shop, "echo", {"say": "x" * 1_100_000})
    assert caught.detail["errors"][0]["keyword"] == "size"
    unbecome(shop)
    assert logged(shop) == 0


def test_unknown_commands_and_those_of_programs_are_refused(shop: Connection) -> None:
    for command in ("nothing", "outside", "'; drop table x; --"):
        with raises(shop, "KD601"):
            execute(shop, command, {})
    assert logged(shop) == 0


def test_the_required_role_is_asked(shop: Connection) -> None:
    become(shop, "anon")
    assert execute(shop, "echo", {"say": "hi"})["response"] == "hi"
    with raises(shop, "KD003") as caught:
        execute(shop, "add")
    assert caught.detail["required_role"] == "authenticated"


def test_the_handler_has_the_callers_rights(shop: Connection) -> None:
    shop.execute(
        """create function shop.who(p_payload jsonb) returns jsonb language plpgsql as $$
        begin return to_jsonb(current_user::text); end $$;
        grant execute on function shop.who(jsonb) to authenticated;
        select dbkit.register_command('who', 'shop.who')"""
    )
    become(shop, "authenticated")
    assert execute(shop, "who")["response"] == "authenticated"


def test_commands_nest(shop: Connection) -> None:
    shop.execute(
        """create function shop.outer(p_payload jsonb) returns jsonb language plpgsql as $$
        declare v_inner jsonb; begin
          v_inner := dbkit.execute_command('add', '{"cart": "inner"}');
          perform dbkit.append_event('cart', 'outer', 'Added', '{}');
          return v_inner -> 'command_id'; end $$;
        grant execute on function shop.outer(jsonb) to authenticated;
        select dbkit.register_command('outer', 'shop.outer')"""
    )
    become(shop, "authenticated")
    outer = execute(shop, "outer")
    unbecome(shop)
    caused = {
        r["aggregate_id"]: (r["causation_id"], r["correlation_id"])
        for r in rows(shop, "select * from dbkit.event_store where aggregate_type = 'cart'")
    }
    assert caused == {
        "inner": (outer["response"], outer["command_id"]),
        "outer": (outer["command_id"], outer["command_id"]),
    }
    inner = row(shop, "select * from dbkit.command_log where command = 'add'")
    assert inner["causation_id"] == outer["command_id"]
    assert (
        inner["events"],
        one(shop, "select events from dbkit.command_log where command = 'outer'"),
    ) == (1, 1)


def test_what_a_command_did_is_seen_by_a_query_with_its_position(open_shop: Connection) -> None:
    ask(open_shop, "count")
    done = execute(open_shop, "add")
    assert ask(open_shop, "count", min_position=done["position"])["data"]["count"] == 1


def test_null_answers_and_big_numbers_come_back(shop: Connection) -> None:
    become(shop, "authenticated", user_id="ada")
    assert execute(shop, "echo", {}, "null")["response"] is None
    assert execute(shop, "echo", {}, "null")["replayed"]
    number = 12345678901234567890
    text = one(
        shop,
        "select dbkit.execute_command('echo', %s)::text",
        json.dumps({"say": number}),
    )
    assert str(number) in text


def test_a_dispatcher_of_300_commands_finds_each(shop: Connection) -> None:
    shop.execute(
        "select dbkit.register_command('c' || n, 'shop.echo') from generate_series(1, 300) as n"
    )
    for n in (1, 2, 150, 299, 300):
        assert execute(shop, f"c{n}", {"say": n})["response"] == n
    with raises(shop, "KD601"):
        execute(shop, "c301")
