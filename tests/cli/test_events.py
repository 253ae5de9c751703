"""`dbkit events`: the commands around streams, readers and projections."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import document, done, failed, run
from tests.events.parts import BANK
from tests.helpers import connect, one, rows

MENDED = """
create or replace function bank.apply(p_state jsonb, p_event dbkit.event_store) returns jsonb
language sql immutable as $$
  select jsonb_build_object('balance', (p_state ->> 'balance')::int + 1)
$$;
"""
PROJECTION = """
select dbkit.register_projection('balances', 'bank.apply(jsonb,dbkit.event_store)', '{Moved}')
"""
UUID_ = "01890000-0000-7000-8000-000000000001"


@pytest.fixture
def bank(database: str) -> str:
    """A database with an applier for accounts."""
    with connect(database) as conn:
        conn.execute(BANK.encode())
    return database


@pytest.fixture
def moved(bank: str) -> str:
    """Three events of one account, one of another organization."""
    for amount in (5, -2, 10):
        append(bank, amount)
    append(bank, 7, "--organization", "other")
    return bank


def append(url: str, amount: int, *options: str, aggregate_id: str = "1") -> Any:
    data = json.dumps({"amount": amount})
    arguments = ["append", "account", aggregate_id, "Moved", "--data", data, *options]
    return document("events", *arguments, url=url)


def lines(*arguments: str, url: str) -> list[Any]:
    """The documents of a command that prints one a line."""
    return [json.loads(line) for line in done("events", *arguments, "--json", url=url).splitlines()]


# --- append ------------------------------------------------------------------------------------


def test_append_begins_a_stream_and_says_where_the_event_is(bank: str) -> None:
    first = append(bank, 5, "--metadata", '{"ip": "::1"}', "--user-id", "alice")
    assert (first["version"], first["replayed"]) == (1, False)
    with connect(bank) as conn:
        (event,) = rows(conn, "select * from event_store")
    assert (event["event_data"], event["metadata"]) == ({"amount": 5}, {"ip": "::1"})
    assert (event["actor_id"], event["position"]) == ("alice", first["position"])
    shown = done("events", "append", "account", "1", "Moved", "-d", '{"amount": 1}', url=bank)
    assert shown.startswith("appended account/1 version 2, position ")


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_append_takes_its_data_from(way: str, bank: str, tmp_path: Path) -> None:
    text = '{"amount": 1.10}'
    (tmp_path / "data.json").write_text(text)
    given = {"file": f"@{tmp_path / 'data.json'}", "stdin": "-"}[way]
    done("events", "append", "a", "1", "Moved", "--data", given, url=bank, stdin=text)
    with connect(bank) as conn:
        assert one(conn, "select event_data::text from event_store") == '{"amount": 1.10}'


def test_append_expects_what_it_is_told(bank: str) -> None:
    def refused(expect: str) -> tuple[str, Any]:
        arguments = ["append", "account", "1", "Moved", "--expect", expect]
        error = failed("events", *arguments, url=bank)
        assert error["exit_code"] == 1
        return error["sqlstate"], error["detail"]["actual_version"]

    assert refused("exists") == ("KD502", 0)
    assert append(bank, 1, "--expect", "none")["version"] == 1
    assert refused("none") == ("KD501", 1)
    assert append(bank, 1, "--expect", "1")["version"] == 2
    assert refused("1") == ("KD501", 2)
    assert append(bank, 1, "--expect", "exists")["version"] == 3
    assert append(bank, 1, "--expect", "any")["version"] == 4


def test_append_with_an_id_is_done_once(bank: str) -> None:
    first = append(bank, 1, "--event-id", UUID_)
    assert append(bank, 1, "--event-id", UUID_) == first | {"replayed": True}
    again = ["append", "account", "1", "Moved", "-d", '{"amount": 1}', "--event-id", UUID_]
    assert done("events", *again, url=bank).startswith("was there already: account/1 version 1")


@pytest.mark.parametrize(
    "wrong",
    [["--expect", "-2"], ["--expect", "new"], ["--event-id", "x"], ["--data", "{"]],
    ids=" ".join,
)
def test_append_that_is_typed_wrongly(wrong: list[str]) -> None:
    assert failed("events", "append", "account", "1", "Moved", *wrong)["exit_code"] == 2


# --- show and state ----------------------------------------------------------------------------


def test_show_has_the_events_of_the_organization(moved: str) -> None:
    shown = document("events", "show", "account", "1", url=moved)
    assert set(shown) == {"aggregate_type", "aggregate_id", "events"}
    assert [event["event_data"]["amount"] for event in shown["events"]] == [5, -2, 10]
    assert {event["hash"] for event in shown["events"]} == {None}
    other = document("events", "show", "account", "1", "--organization", "other", url=moved)
    assert [event["event_data"]["amount"] for event in other["events"]] == [7]


def test_show_a_part_and_the_state_after_it(moved: str) -> None:
    part = ["show", "account", "1", "--from", "2", "--to", "2", "--state"]
    shown = document("events", *part, url=moved)
    assert [event["version"] for event in shown["events"]] == [2]
    assert shown["state"] == {"balance": 3}
    first, word, rest = done("events", *part, url=moved).partition("state\n")
    assert first.split()[0] == "2"
    assert "Moved" in first
    assert word
    assert json.loads(rest) == {"balance": 3}


def test_show_pages_through_a_long_stream(bank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dbkit.cli_events.PAGE", 2)
    for amount in range(1, 6):
        append(bank, amount)
    shown = document("events", "show", "account", "1", url=bank)
    assert [event["event_data"]["amount"] for event in shown["events"]] == [1, 2, 3, 4, 5]


def test_show_an_empty_part_is_no_error_and_no_stream_is(moved: str) -> None:
    assert document("events", "show", "account", "1", "--from", "9", url=moved)["events"] == []
    error = failed("events", "show", "account", "2", url=moved)
    assert error["message"].startswith("there is no stream account/2")
    assert "dbkit events tail --once" in error["hint"]


def test_show_a_hash_as_postgres_writes_it(bank: str) -> None:
    with connect(bank) as conn:
        conn.execute("select dbkit.configure_aggregate('account', p_is_chained => true)")
    append(bank, 1)
    (event,) = document("events", "show", "account", "1", url=bank)["events"]
    with connect(bank) as conn:
        assert event["hash"] == one(conn, "select hash::text from event_store")


def test_state_now_and_then(moved: str) -> None:
    now = document("events", "state", "account", "1", url=moved)
    assert (now["state"], now["version"]) == ({"balance": 13}, 3)
    then = document("events", "state", "account", "1", "--at-version", "1", url=moved)
    assert (then["state"], then["version"]) == ({"balance": 5}, 1)
    before = ["--at-time", "2000-01-01"]
    assert document("events", "state", "account", "1", *before, url=moved)["version"] == 0
    after = ["--at-time", "2999-01-01T00:00:00+01:00"]
    assert document("events", "state", "account", "1", *after, url=moved)["version"] == 3


def test_state_says_what_it_started_from(moved: str) -> None:
    shown = done("events", "state", "account", "1", url=moved)
    assert shown.startswith("account/1 version 3, as of ")
    assert "(every event folded)" in shown
    with connect(moved) as conn:
        conn.execute("select dbkit.create_snapshot('account', '1')")
    shown = done("events", "state", "account", "1", url=moved)
    assert "(from the snapshot of version 3)" in shown


def test_state_errors(moved: str) -> None:
    assert failed("events", "state", "account", "2", url=moved)["sqlstate"] == "KD502"
    assert failed("events", "state", "account", "1", "--at-time", "soon")["exit_code"] == 2
    done("events", "append", "other", "1", "Moved", url=moved)
    assert failed("events", "state", "other", "1", url=moved)["sqlstate"] == "KD509"


# --- tail --------------------------------------------------------------------------------------


def test_tail_once_has_all_of_all_streams(moved: str) -> None:
    found = lines("tail", "--once", url=moved)
    assert [event["event_data"]["amount"] for event in found] == [5, -2, 10, 7]
    assert [event["organization_id"] for event in found] == ["default"] * 3 + ["other"]
    second = str(found[1]["position"])
    assert lines("tail", "--once", "--from", second, url=moved) == found[1:]
    assert lines("tail", "--once", "--organization", "other", url=moved) == found[3:]
    shown = done("events", "tail", "--once", url=moved).splitlines()
    assert shown[1].endswith('account/1 2  Moved  {"amount":-2}')
    assert "  other:account/1 1  Moved" in shown[3]


def test_tail_filters_by_type(moved: str) -> None:
    for kind in ("Opened", "Closed"):
        done("events", "append", "account", "9", kind, url=moved)
    found = lines("tail", "--once", "--type", "Opened", "--type", "Closed", url=moved)
    assert [event["event_type"] for event in found] == ["Opened", "Closed"]


def test_tail_needs_service_role(moved: str) -> None:
    error = failed("events", "tail", "--once", "--role", "authenticated", url=moved)
    assert error["sqlstate"] == "42501"
    assert len(lines("tail", "--once", "--role", "service_role", url=moved)) == 4


@contextmanager
def running(*arguments: str, url: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on, as a process; at the end it must stop by SIGTERM without an error."""
    with subprocess.Popen(
        [sys.executable, "-m", "dbkit", "events", *arguments, "--url", url],
        env=os.environ | {"DBKIT_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            said = process.stderr.read()
            code = process.wait(30)
        assert (said, code) == ("", 0)


def next_line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_tail_follows_until_it_is_told_to_stop(moved: str, tmp_path: Path) -> None:
    with running("tail", "--from", "0", "--json", url=moved, home=tmp_path) as process:
        seen = [next_line(process)["event_data"]["amount"] for _ in range(4)]
        append(moved, 99)
        seen.append(next_line(process)["event_data"]["amount"])
    assert seen == [5, -2, 10, 7, 99]


# --- projections -------------------------------------------------------------------------------


def balances(url: str) -> Any:
    with connect(url) as conn:
        return one(conn, "select dbkit.get_projection('balances', '1')")


def test_project_catches_up_and_says_so(moved: str) -> None:
    with connect(moved) as conn:
        conn.execute(PROJECTION.encode())
    found = document("events", "project", url=moved)
    (each,) = found["projections"]
    assert (each["projection"], each["events"], each["lag"]) == ("balances", 4, 0)
    assert (each["busy"], each["failed_position"]) == (False, None)
    assert found["snapshots"] == {"made": 0, "failed": 0, "errors": []}
    assert balances(moved) == {"balance": 13}
    append(moved, 1)
    assert document("events", "project", "balances", url=moved)["projections"][0]["events"] == 1
    shown = done("events", "project", url=moved)
    assert "balances" in shown
    assert "snapshots: 0 made, 0 failed" in shown


def test_project_makes_the_snapshots_that_are_due(
    moved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dbkit.cli_events.SNAPSHOTS", 1)
    with connect(moved) as conn:
        conn.execute("select dbkit.configure_aggregate('account', p_snapshot_every => 2)")
    for aggregate_id in "abc":
        append(moved, 1, aggregate_id=aggregate_id)
        append(moved, 1, aggregate_id=aggregate_id)
    assert document("events", "project", url=moved)["snapshots"]["made"] == 3
    with connect(moved) as conn:
        assert one(conn, "select count(*) from event_snapshots") == 3


def test_project_tells_which_event_stops_it(moved: str) -> None:
    with connect(moved) as conn:
        conn.execute(PROJECTION.encode())
    stopping = append(moved, 0)["position"]
    bad = ["append", "account", "1", "Moved", "--data", '{"amount": "much"}']
    stopping = document("events", *bad, url=moved)["position"]
    shown = run("events", "project", "--json", url=moved)
    assert shown.exit_code == 1
    (each,) = json.loads(shown.stdout)["projections"]
    assert (each["failed_position"], each["events"]) == (stopping, 5)
    assert "22P02" in each["last_error"]
    shown = run("events", "project", url=moved)
    assert shown.exit_code == 1
    assert str(stopping) in shown.stdout


def test_project_leaves_one_alone_that_another_runs(moved: str) -> None:
    with connect(moved) as conn:
        conn.execute(PROJECTION.encode())
        conn.commit()
        one(conn, "select dbkit.run_projection('balances')")
        (each,) = document("events", "project", url=moved)["projections"]
    assert (each["busy"], each["events"]) == (True, 0)


def test_project_a_projection_that_is_not_there(moved: str) -> None:
    error = failed("events", "project", "nothing", url=moved)
    assert (error["sqlstate"], error["exit_code"]) == ("KD510", 1)


def test_project_follows_until_it_is_told_to_stop(moved: str, tmp_path: Path) -> None:
    with connect(moved) as conn:
        conn.execute(PROJECTION.encode())
    with running("project", "--follow", "--json", url=moved, home=tmp_path) as process:
        assert next_line(process)["projections"][0]["events"] == 4
        append(moved, 1)
        assert next_line(process)["projections"][0]["events"] == 1
    assert balances(moved) == {"balance": 14}


def test_project_that_follows_goes_on_once_the_cause_is_mended(moved: str, tmp_path: Path) -> None:
    with connect(moved) as conn:
        conn.execute(PROJECTION.encode())
    bad = ["append", "account", "1", "Moved", "--data", '{"amount": "much"}']
    stopping = document("events", *bad, url=moved)["position"]
    with running("project", "--follow", "--json", url=moved, home=tmp_path) as process:
        (each,) = next_line(process)["projections"]
        assert (each["failed_position"], each["events"]) == (stopping, 4)
        with connect(moved) as conn:
            conn.execute(MENDED.encode())
        (each,) = next_line(process)["projections"]
        assert (each["failed_position"], each["events"]) == (None, 1)
    assert balances(moved) == {"balance": 14}


def test_rebuild_swaps_and_says_what_was_wrong(moved: str) -> None:
    with connect(moved) as conn:
        conn.execute(PROJECTION.encode())
    done("events", "project", url=moved)
    with connect(moved) as conn:
        conn.execute("""update event_projections set state = '{"balance": 0}' where key = '1'
          and organization_id = 'default'""")
    found = document("events", "rebuild", "balances", url=moved)
    assert (found["phase"], found["events"]) == ("swapped", 4)
    assert (found["differing"], found["missing"], found["extra"]) == (1, 0, 0)
    assert balances(moved) == {"balance": 13}
    shown = done("events", "rebuild", "balances", url=moved)
    assert shown.startswith("balances: 4 events, up to position ")
    assert "of the old rows 0 differed, 0 were missing, 0 were too many" in shown


def test_rebuild_is_stopped_by_an_event(moved: str) -> None:
    with connect(moved) as conn:
        conn.execute(PROJECTION.encode())
    done("events", "append", "account", "1", "Moved", "-d", '{"amount": "much"}', url=moved)
    shown = run("events", "rebuild", "balances", url=moved)
    assert shown.exit_code == 1
    assert "stopped by the event at position" in shown.stdout
    assert failed("events", "rebuild", "nothing", url=moved)["sqlstate"] == "KD510"


# --- health ------------------------------------------------------------------------------------


def test_verify_finds_nothing_wrong(moved: str) -> None:
    assert document("events", "verify", url=moved) == {"problems": []}
    assert document("events", "verify", "account", "1", url=moved) == {"problems": []}
    assert done("events", "verify", url=moved) == "all is well\n"
    assert failed("events", "verify", "account", "2", url=moved)["sqlstate"] == "KD502"
    assert failed("events", "verify", "account")["exit_code"] == 2


def test_verify_finds_what_was_tampered_with(moved: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dbkit.cli_events.VERIFY_PAGE", 2)
    with connect(moved) as conn:
        conn.execute(PROJECTION.encode())
    done("events", "project", url=moved)
    with connect(moved) as conn:
        conn.execute("alter table dbkit.event_store disable trigger user")
        conn.execute("delete from event_store where version = 2")
        conn.execute(
            """update event_projections set state = '{}' where organization_id = 'other'"""
        )
    shown = run("events", "verify", "--json", url=moved)
    assert shown.exit_code == 1
    problems = json.loads(shown.stdout)["problems"]
    assert "version_gap" in {problem["problem"] for problem in problems}
    assert {p["organization_id"] for p in problems if "projection" in p} == {"default", "other"}
    shown = run("events", "verify", url=moved)
    assert shown.exit_code == 1
    assert "version_gap  account/1" in shown.stdout
    assert "differing  projection balances row 1  organization other" in shown.stdout
    assert f"{len(problems)} problems" in shown.stdout
    one_stream = run("events", "verify", "account", "1", "--json", url=moved)
    assert one_stream.exit_code == 1
    assert {p["aggregate_id"] for p in json.loads(one_stream.stdout)["problems"]} == {"1"}


def test_lag_says_who_holds_readers_back(moved: str) -> None:
    with connect(moved) as conn:
        conn.execute(PROJECTION.encode())
    quiet = document("events", "lag", url=moved)
    assert quiet["held_back_by"] == []
    assert quiet["projections"][0]["lag"] == quiet["safe_position"]
    with connect(moved, application_name="forgotten") as slow:
        one(slow, "select dbkit.append_event('account', '1', 'Moved', '{}')")
        append(moved, 1, aggregate_id="2")
        found = document("events", "lag", url=moved)
        shown = done("events", "lag", url=moved)
    (holder,) = found["held_back_by"]
    assert (holder["application_name"], holder["holds_back"]) == ("forgotten", 2)
    assert found["safe_position"] == quiet["safe_position"]
    assert "held back by pid" in shown
    assert "balances" in shown


def test_lag_knows_a_prepared_transaction(database: str) -> None:
    with connect(database) as conn:
        if one(conn, "show max_prepared_transactions") == "0":
            pytest.skip("the server takes no prepared transactions")
        one(conn, "select dbkit.append_event('account', '1', 'Moved', '{}')")
        conn.execute("prepare transaction 'left'")
    try:
        (holder,) = document("events", "lag", url=database)["held_back_by"]
        shown = done("events", "lag", url=database)
    finally:
        with connect(database, autocommit=True) as conn:
            conn.execute("rollback prepared 'left'")
    assert (holder["pid"], holder["prepared_as"]) == (None, "left")
    assert "held back by prepared as left (" in shown


def test_lag_lists_the_readers_that_keep_a_checkpoint(moved: str) -> None:
    with connect(moved) as conn:
        conn.execute("select dbkit.save_reader_checkpoint('mailer', 1, 0)")
    readers = document("events", "lag", url=moved)["readers"]
    (reader,) = (each for each in readers if each["reader"] != "dbkit.webhooks")
    assert (reader["reader"], reader["position"], reader["lag"]) == ("mailer", 1, 3)
    assert "mailer" in done("events", "lag", url=moved)


def test_stats_counts(moved: str) -> None:
    found = document("events", "stats", url=moved)
    assert (found["events"], found["streams"]) == (4, 2)
    only = document("events", "stats", "--organization", "other", url=moved)
    assert (only["events"], only["organization_id"]) == (1, "other")
    shown = done("events", "stats", url=moved)
    assert "streams           2 (0 archived)" in shown
    assert "Moved" in shown


def test_archive_and_restore(moved: str) -> None:
    assert document("events", "archive", "account", "1", url=moved)["changed"]
    assert failed("events", "append", "account", "1", "Moved", url=moved)["sqlstate"] == "KD503"
    again = done("events", "archive", "account", "1", url=moved)
    assert again.startswith("account/1 version 3: is archived since ")
    assert "1 archived" in done("events", "stats", url=moved)
    shown = done("events", "restore", "account", "1", url=moved)
    assert shown == "account/1 version 3: open again\n"
    assert not document("events", "restore", "account", "1", url=moved)["changed"]
    assert append(moved, 1)["version"] == 4
    other = ["archive", "account", "1", "--organization", "nobody"]
    assert failed("events", *other, url=moved)["sqlstate"] == "KD502"


def test_a_database_without_an_event_store(empty_database: str) -> None:
    error = failed("events", "stats", url=empty_database)
    assert "dbkit migrate" in error["hint"]
