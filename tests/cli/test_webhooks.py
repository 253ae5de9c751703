"""`dbkit webhooks`: subscriptions, deliveries and dead letters; the tests play the worker."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from dbkit.webhooks import verify
from tests.cli.running import document, done, failed, run
from tests.helpers import Connection, connect, one, rows

ENDPOINT = "https://example.org/hooks"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOBODY = "01890000-0000-7000-8000-000000000001"


def add(url: str, *options: str) -> str:
    """A subscription; its id."""
    return str(document("webhooks", "add", ENDPOINT, *options, url=url)["subscription_id"])


def append(url: str, event_type: str = "OrderPlaced", *options: str) -> int:
    """An event, queued for whoever wants it; its position."""
    given = ["append", "order", "7", event_type, *options]
    position = int(document("events", *given, url=url)["position"])
    with connect(url, autocommit=True) as conn:
        conn.execute("select dbkit.queue_event_for_webhooks()")
    return position


def work(url: str, *, token: int = 0, **result: Any) -> list[int]:
    """Claims what is due, as a worker does, and settles it so; which deliveries they were."""
    with connect(url, autocommit=True) as conn:
        claimed = rows(conn, "select * from dbkit.claim_deliveries('test')")
        results = [
            {"delivery_id": each["delivery_id"], "token": each["token"] + token, **result}
            for each in claimed
        ]
        conn.execute("select dbkit.settle_deliveries(%s)", [json.dumps(results)])
    return [each["delivery_id"] for each in claimed]


def show(url: str, subscription: str) -> Any:
    return document("webhooks", "show", subscription, url=url)


def listed(url: str, *options: str) -> list[Any]:
    found = document("webhooks", "deliveries", *options, url=url)
    assert set(found) == {"deliveries"}
    return list(found["deliveries"])


# --- add, list, show, update -------------------------------------------------------------------


def test_add_prints_the_secret_once(database: str) -> None:
    made = document("webhooks", "add", ENDPOINT, url=database)
    assert set(made) == {"subscription_id", "secret"}
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    shown = done("webhooks", "add", ENDPOINT, url=database)
    assert shown.count("whsec_") == 1
    later = [["list"], ["show", made["subscription_id"]], ["stats"], ["deliveries"]]
    for command in later:
        assert "whsec_" not in done("webhooks", *command, url=database)
        assert made["secret"] not in json.dumps(document("webhooks", *command, url=database))


def test_add_takes_filters_and_settings(database: str) -> None:
    subscription = add(
        database,
        *("--type", "Order*", "--type", "Refunded", "--aggregate-type", "order"),
        *("--aggregate-id", "7", "--description", "kitchen", "--ordered", "--all-organizations"),
        *("--retry", "0,5,60", "--timeout", "3", "--max-in-flight", "2"),
        *("--header", "Authorization: Bearer a:b", "--header", "X-Shop:1"),
    )
    found = show(database, subscription)
    expected = {
        "url": ENDPOINT,
        "event_types": ["Order*", "Refunded"],
        "aggregate_types": ["order"],
        "aggregate_ids": ["7"],
        "description": "kitchen",
        "is_ordered": True,
        "all_organizations": True,
        "retry_schedule": [0, 5, 60],
        "timeout_seconds": 3,
        "max_in_flight": 2,
        "header_names": ["Authorization", "X-Shop"],
        "status": "active",
        "organization_id": "default",
    }
    assert {name: found[name] for name in expected} == expected
    with connect(database) as conn:
        headers = one(conn, "select headers from event_subscriptions")
    assert headers == {"Authorization": "Bearer a:b", "X-Shop": "1"}


def test_add_without_options_wants_everything(database: str) -> None:
    found = show(database, add(database))
    assert (found["event_types"], found["aggregate_types"]) == (["*"], None)
    assert (found["timeout_seconds"], found["is_ordered"]) == (20, False)
    assert len(found["retry_schedule"]) == 10


@pytest.mark.parametrize("way", ["text", "file", "stdin"])
def test_add_takes_a_secret(way: str, database: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    given = {"text": SECRET, "file": f"@{tmp_path / 'secret'}", "stdin": "-"}[way]
    made = document("webhooks", "add", ENDPOINT, "--secret", given, url=database, stdin=SECRET)
    assert made["secret"] == SECRET


@pytest.mark.parametrize(
    "wrong", [["--retry", "soon"], ["--header", "none"], ["--timeout", "x"]], ids=" ".join
)
def test_add_that_is_typed_wrongly(wrong: list[str]) -> None:
    assert failed("webhooks", "add", ENDPOINT, *wrong)["exit_code"] == 2


def test_add_what_the_database_refuses(database: str) -> None:
    error = failed("webhooks", "add", "ftp://example.org/", url=database)
    assert (error["sqlstate"], error["exit_code"]) == ("KD521", 1)
    assert failed("webhooks", "add", ENDPOINT, "--secret", "mine", url=database)["sqlstate"] == (
        "KD521"
    )
    refused = failed("webhooks", "add", ENDPOINT, "--role", "authenticated", url=database)
    assert refused["sqlstate"] == "42501"


def test_list_is_of_all_organizations_or_of_one(database: str) -> None:
    ours, theirs = add(database), add(database, "--organization", "acme")

    def ids(*options: str) -> set[str]:
        found = document("webhooks", "list", *options, url=database)["subscriptions"]
        return {each["subscription_id"] for each in found}

    assert ids() == {ours}
    assert ids("--organization", "acme") == {theirs}
    assert ids("--organization", "*") == {ours, theirs}
    shown = done("webhooks", "list", url=database)
    assert ours in shown
    assert ENDPOINT in shown
    other = document("webhooks", "show", theirs, "--organization", "acme", url=database)
    assert other["organization_id"] == "acme"
    assert failed("webhooks", "show", theirs, url=database)["exit_code"] == 1


def test_show_says_how_the_endpoint_is_doing(database: str) -> None:
    subscription = add(database)
    append(database)
    work(database, status_code=500)
    shown = done("webhooks", "show", subscription, url=database)
    assert "\nfailures          1 in a row, since " in shown
    assert failed("webhooks", "show", NOBODY, url=database)["message"].startswith("there is no")
    assert failed("webhooks", "show", "7", url=database)["exit_code"] == 2


def test_update_changes_what_is_named(database: str) -> None:
    subscription = add(database, "--aggregate-id", "7", "--header", "A: 1", "--ordered")
    before = show(database, subscription)
    given = ["--endpoint", "https://example.com/", "--type", "Refunded", "--retry", "1,2"]
    given += ["--timeout", "7", "--max-in-flight", "3", "--description", "new"]
    after = document("webhooks", "update", subscription, *given, url=database)
    changed = {name for name in before if before[name] != after[name]}
    assert changed - {"updated_at"} == {
        *("url", "event_types", "retry_schedule", "timeout_seconds", "max_in_flight"),
        "description",
    }
    assert after["url"] == "https://example.com/"
    emptied = ["--aggregate-id", "", "--header", "", "--unordered"]
    after = document("webhooks", "update", subscription, *emptied, url=database)
    assert (after["aggregate_ids"], after["header_names"], after["is_ordered"]) == (None, [], False)


@pytest.mark.parametrize(
    "command",
    ["update", "pause", "resume", "disable", "enable", "remove", "rotate", "test", "replay"],
)
def test_a_subscription_that_is_not_there(command: str, database: str) -> None:
    more = {"replay": ["--status", "dead"], "update": ["--type", "A"]}.get(command, [])
    assert failed("webhooks", command, NOBODY, *more, url=database)["sqlstate"] == "KD520"
    other = add(database, "--organization", "acme")
    assert failed("webhooks", command, other, *more, url=database)["sqlstate"] == "KD520"
    assert failed("webhooks", command, "7", *more, url=database)["exit_code"] == 2


# --- on and off --------------------------------------------------------------------------------


def test_while_it_is_paused_deliveries_wait(database: str) -> None:
    subscription = add(database)
    assert document("webhooks", "pause", subscription, url=database)["status"] == "paused"
    append(database)
    assert work(database, status_code=200) == []
    assert "active" in done("webhooks", "resume", subscription, url=database)
    assert len(work(database, status_code=200)) == 1


@pytest.mark.parametrize(("option", "count"), [("--missed", 2), ("--no-missed", 1)])
def test_enable_sends_what_was_missed_or_not(option: str, count: int, database: str) -> None:
    subscription = add(database)
    given = ["disable", subscription, "--reason", "moving house"]
    found = document("webhooks", *given, url=database)
    assert (found["status"], found["disabled_reason"]) == ("disabled", "moving house")
    append(database)
    assert work(database, status_code=200) == []
    enabled = document("webhooks", "enable", subscription, option, url=database)
    assert (enabled["subscription_id"], enabled["queued"] > 0) == (subscription, count == 2)
    assert show(database, subscription)["status"] == "active"
    append(database)
    with connect(database) as conn:
        sent = "select count(*) from event_delivery_log where position in "
        sent += "(select position from event_store where aggregate_type = 'order')"
        assert one(conn, sent) == count


def test_remove_ends_it(database: str) -> None:
    subscription = add(database)
    append(database)
    gone = document("webhooks", "remove", subscription, url=database)
    assert gone == {"subscription_id": subscription, "skipped": 1}
    assert work(database, status_code=200) == []
    assert [each["status"] for each in listed(database)] == ["skipped"]
    assert document("webhooks", "list", url=database)["subscriptions"] == []


# --- rotate ------------------------------------------------------------------------------------


def secrets(conn: Connection, subscription: str) -> list[str]:
    found: list[str] = one(
        conn, "select secrets from dbkit.get_signing_secrets(array[%s::uuid])", subscription
    )
    return found


def test_rotate_prints_the_new_secret_and_keeps_the_old_for_a_while(database: str) -> None:
    subscription = add(database, "--secret", SECRET)
    new = document("webhooks", "rotate", subscription, url=database)
    assert set(new) == {"subscription_id", "secret", "previous_expires_at"}
    with connect(database) as conn:
        assert secrets(conn, subscription) == [new["secret"], SECRET]
    shown = done("webhooks", "rotate", subscription, "--overlap-hours", "0", url=database)
    with connect(database) as conn:
        (only,) = secrets(conn, subscription)
    assert only in shown


# --- test --------------------------------------------------------------------------------------


def test_test_queues_an_event_of_no_stream(database: str) -> None:
    subscription = add(database, "--type", "OrderPlaced")
    given = ["test", subscription, "--type", "ping", "--data", '{"n": 1.10}']
    sent = document("webhooks", *given, url=database)
    assert set(sent) == {"delivery_id", "webhook_id"}
    with connect(database) as conn:
        body = one(conn, "select body from event_webhook_messages")
    assert json.loads(body)["type"] == "ping"
    assert '"n": 1.10' in body
    shown = done("webhooks", "test", subscription, url=database)
    assert shown.startswith(f"queued as delivery {sent['delivery_id'] + 1}, webhook-id msg_")


def test_what_is_sent_can_be_verified(database: str) -> None:
    """What SQL makes and what the receiving side reads are one thing."""
    from dbkit.webhooks import sign

    add(database, "--secret", SECRET)
    position = append(database, "OrderPlaced", "--data", '{"total": 1.10}', "--user-id", "ada")
    with connect(database) as conn:
        body = one(conn, "select body from event_webhook_messages").encode()
        event_id = one(conn, "select event_id from event_store")
    event = verify(sign(body, SECRET), body, SECRET)
    assert event.type == "OrderPlaced"
    assert str(event.data) == "{'total': Decimal('1.10')}"
    assert event.event is not None
    assert (event.event.position, event.event.event_id) == (position, event_id)
    assert (event.event.aggregate_type, event.event.aggregate_id) == ("order", "7")
    test = add(database)
    done("webhooks", "test", test, url=database)
    with connect(database) as conn:
        body = one(conn, "select body from event_webhook_messages where position is null").encode()
    event = verify(sign(body, SECRET), body, SECRET)
    assert (event.type, event.data, event.event) == ("dbkit.test", {}, None)


@pytest.mark.parametrize(
    ("answer", "status", "line"),
    [
        ({"status_code": 204, "duration_ms": 12}, "delivered", "delivered: 204 in 12 ms"),
        ({"status_code": 500, "duration_ms": 7}, "retry_wait", "retry_wait: 500 in 7 ms, again at"),
        ({"error": "timeout: 20 s", "duration_ms": 20000}, "retry_wait", "retry_wait: timeout: 20"),
    ],
)
def test_test_waits_for_the_answer(
    answer: dict[str, Any],
    status: str,
    line: str,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscription = add(database)
    worker = [lambda: work(database, **answer)]
    monkeypatch.setattr("dbkit.cli_webhooks.time.sleep", lambda _: worker.pop()())
    waited = run("webhooks", "test", subscription, "--wait", url=database)
    assert waited.exit_code == (status != "delivered")
    assert line in waited.stdout
    worker.append(lambda: work(database, **answer))
    with connect(database, autocommit=True) as conn:
        conn.execute("update event_delivery_queues set due_at = now(), paused_until = now()")
    waited = run("webhooks", "test", subscription, "--wait", "--json", url=database)
    assert json.loads(waited.stdout)["delivery"]["status"] == status


def test_test_does_not_wait_for_ever(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dbkit.cli_webhooks.WAIT_SECONDS", 0.0)
    waited = run("webhooks", "test", add(database), "--wait", url=database)
    assert waited.exit_code == 1
    assert "does a worker run?" in waited.stdout


# --- deliveries --------------------------------------------------------------------------------


def test_deliveries_of_all_or_one_subscription_by_status(database: str) -> None:
    first, second = add(database), add(database, "--type", "Refunded")
    append(database)
    assert len(work(database, status_code=200)) == 1
    append(database, "Refunded")
    assert [each["status"] for each in listed(database)] == ["pending", "pending", "delivered"]
    assert [each["event_type"] for each in listed(database, second)] == ["Refunded"]
    (delivered,) = listed(database, first, "--status", "delivered")
    assert delivered["last_status_code"] == 200
    newest = listed(database, "--limit", "1")[0]["delivery_id"]
    rest = listed(database, "--before", str(newest))
    assert len(rest) == 2
    assert all(each["delivery_id"] < newest for each in rest)
    assert "order/7" in done("webhooks", "deliveries", url=database)


def test_one_delivery_with_its_body_and_failures(database: str) -> None:
    add(database)
    append(database, "OrderPlaced", "--data", '{"total": 1.10}')
    (number,) = work(database, status_code=500, response="out of order", duration_ms=3)
    found = document("webhooks", "deliveries", "--delivery", str(number), url=database)
    assert json.loads(found["body"])["data"] == {"total": 1.10}
    (failure,) = found["failures"]
    assert (failure["status_code"], failure["response"]) == (500, "out of order")
    shown = done("webhooks", "deliveries", "--delivery", str(number), url=database)
    assert "out of order" in shown
    assert found["body"] in shown
    assert failed("webhooks", "deliveries", "--delivery", "99", url=database)["exit_code"] == 1


# --- replay ------------------------------------------------------------------------------------


def replayed(url: str, subscription: str, *options: str) -> tuple[int, int]:
    found = document("webhooks", "replay", subscription, *options, url=url)
    assert set(found) == {"replayed", "queued"}
    return found["replayed"], found["queued"]


def test_replay_says_which(database: str) -> None:
    before = append(database)
    subscription = add(database)
    positions = [append(database) for _ in range(3)]
    numbers = []
    while sent := work(database, status_code=200):
        numbers += sent
    assert len(numbers) == 3
    assert replayed(database, subscription, "--delivery", str(numbers[0])) == (1, 0)
    work(database, status_code=200)
    assert replayed(database, subscription, "--status", "dead") == (0, 0)
    assert replayed(database, subscription, "--status", "delivered") == (3, 0)
    while work(database, status_code=200):
        pass
    assert replayed(database, subscription, "--from", str(positions[1])) == (2, 0)
    assert replayed(database, subscription, "--from", str(before), "--to", str(before)) == (0, 1)
    assert replayed(database, subscription, "--to-time", "2000-01-01") == (0, 0)
    while work(database, status_code=200):
        pass
    assert replayed(database, subscription, "--from-time", "2000-01-01T00:00:00+02:00") == (4, 0)
    assert "0 again" in done("webhooks", "replay", subscription, "--status", "dead", url=database)
    assert failed("webhooks", "replay", subscription, url=database)["exit_code"] == 2
    wrong = ["replay", subscription, "--from-time", "soon"]
    assert failed("webhooks", *wrong, url=database)["exit_code"] == 2


# --- stats -------------------------------------------------------------------------------------


def test_stats(database: str) -> None:
    subscription = add(database)
    append(database)
    work(database, status_code=200, duration_ms=10)
    (each,) = document("webhooks", "stats", subscription, url=database)["subscriptions"]
    assert (each["subscription_id"], each["delivered"]) == (subscription, 1)
    assert "delivered         1" in done("webhooks", "stats", url=database)
    assert done("webhooks", "stats", "--hours", "1", url=database)


# --- dead letters ------------------------------------------------------------------------------


def dead(url: str, *options: str) -> list[Any]:
    found = document("webhooks", "dead", "list", *options, url=url)
    assert set(found) == {"dead_letters"}
    return list(found["dead_letters"])


@pytest.fixture
def died(database: str) -> str:
    """A database with two deliveries that were given up."""
    add(database, "--retry", "0")
    for _ in range(2):
        append(database)
        with connect(database, autocommit=True) as conn:
            conn.execute("update event_delivery_queues set due_at = now(), paused_until = now()")
        work(database, status_code=500, response="out of order")
    return database


def test_dead_letters_are_listed_and_shown(died: str) -> None:
    second, first = dead(died)
    assert first["dead_letter_id"] < second["dead_letter_id"]
    assert {each["source"] for each in (first, second)} == {"webhook"}
    assert [each["dead_letter_id"] for each in dead(died, "--limit", "1")] == [
        second["dead_letter_id"]
    ]
    older = dead(died, "--before", str(second["dead_letter_id"]))
    assert [each["dead_letter_id"] for each in older] == [first["dead_letter_id"]]
    assert dead(died, "--source", "group") == []
    assert "OrderPlaced" in done("webhooks", "dead", "list", url=died)
    number = str(first["dead_letter_id"])
    found = document("webhooks", "dead", "show", number, url=died)
    assert found["delivery"]["failures"][0]["response"] == "out of order"
    assert "out of order" in done("webhooks", "dead", "show", number, url=died)
    assert failed("webhooks", "dead", "show", "99", url=died)["exit_code"] == 1


def test_dead_letters_are_requeued_or_discarded(died: str) -> None:
    second, first = (str(each["dead_letter_id"]) for each in dead(died))
    assert "1 requeued" in done("webhooks", "dead", "requeue", first, url=died)
    given = ["dead", "discard", second, "--reason", "of no use"]
    assert document("webhooks", *given, url=died) == {"discarded": 1}
    assert dead(died) == []
    assert [str(each["dead_letter_id"]) for each in dead(died, "--status", "discarded")] == [second]
    (waiting,) = listed(died, "--status", "pending")
    assert waiting["attempts"] == 0
    assert failed("webhooks", "dead", "requeue", "99", url=died)["sqlstate"] == "KD525"
    assert failed("webhooks", "dead", "discard", first, url=died)["sqlstate"] == "KD525"
