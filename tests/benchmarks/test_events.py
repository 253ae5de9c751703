from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from benchmarks import events, events_append, events_peers
from benchmarks.__main__ import STORES, chosen
from benchmarks.events_stores import (
    DATA,
    STREAMS,
    Contestant,
    bare_contestant,
    dbkit_contestant,
    sibling,
)
from benchmarks.pgbench import command, take_turns

URL = "postgresql://postgres:se%2Fcret@127.0.0.1:5432/dbkit"
RECORDER: dict[str, Any] = {
    "lock": ["lock table stored_events"],
    "channel": "stored_events",
    "type": "public.stored_event_uuid",
    "insert": "insert into stored_events select * from unnest(%s::public.stored_event_uuid[])",
    "call": "select * from insert_events((%s))",
}


def test_every_row_can_be_chosen_and_all_are_by_default() -> None:
    assert chosen(None) == ["dispatch", "startup", *events.ROWS, *STORES]
    assert chosen(["size", "append"]) == ["append", "size"]


def test_takes_turns_and_gives_medians() -> None:
    seen: list[tuple[str, int]] = []

    def measure(name: str, number: int) -> float:
        seen.append((name, number))
        return {"a": 1.0, "b": 10.0}[name] * (number + 1)

    assert take_turns(["a", "b"], measure, rounds=3) == {"a": 2.0, "b": 20.0}
    assert seen == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)]


def test_a_url_keeps_its_password_and_takes_a_role() -> None:
    url = sibling(URL, "other", role="service_role")
    expected = "postgresql://postgres:se%2Fcret@127.0.0.1:5432/other"
    assert url == f"{expected}?options=-c%20role%3Dservice_role"


@pytest.mark.parametrize("contestant", [dbkit_contestant(URL), bare_contestant(URL)])
def test_streams_are_begun_with_an_empty_object(contestant: Contestant) -> None:
    statement = contestant.begin_streams.format(first=1, last=20)
    assert "generate_series(1, 20)" in statement
    assert "'{}'" in statement


def test_the_big_store_is_loaded_with_the_same_data() -> None:
    statement = events_append.load_statement(1, 9)
    assert f"$data${DATA}$data$, '{{}}'" in statement
    assert "generate_series(1, 9)" in statement


def test_no_two_rounds_append_to_the_same_streams() -> None:
    bases = events_append.Bases()
    taken = [bases.take() for _ in range(5)]
    widest = max(events_append.CLIENTS) * STREAMS
    assert all(b - a >= widest for a, b in itertools.pairwise(taken))


def test_a_pipeline_has_a_thread_for_each_client(tmp_path: Path) -> None:
    script = tmp_path / "script.sql"
    script.write_text("select 1;\n")
    shared = command(URL, script, clients=8, seconds=1, variables={"base": 7})
    assert shared[shared.index("-j") + 1] == "2"
    assert shared[shared.index("-D") + 1] == "base=7"
    script.write_text("\\startpipeline\nselect 1;\n\\endpipeline\n")
    own = command(URL, script, clients=8, seconds=1, variables={})
    assert own[own.index("-j") + 1] == "8"


def test_the_recorder_locks_notifies_and_inserts_in_one_pipeline() -> None:
    script = events_peers.recorder_script(RECORDER)
    steps = script.splitlines()
    assert steps[0] == "\\startpipeline"
    assert steps[1:4] == ["begin;", "lock table stored_events;", 'notify "stored_events";']
    assert steps[-2:] == ["\\endpipeline", "commit;"]
    assert "%s" not in script
    assert "%s" not in events_peers.recorder_function(RECORDER)


def test_message_db_is_installed_in_the_order_of_its_own_scripts(tmp_path: Path) -> None:
    (tmp_path / "install-functions.sh").write_text(
        "run_psql_file $base/types/message.sql\nrun_psql_file $base/functions/hash-64.sql\n"
    )
    (tmp_path / "install-indexes.sh").write_text("run_psql_file $base/indexes/messages-id.sql\n")
    assert events_peers.message_db_files(tmp_path) == [
        "schema/message-store.sql",
        "tables/messages.sql",
        "types/message.sql",
        "functions/hash-64.sql",
        "indexes/messages-id.sql",
    ]


def test_a_peer_whose_installer_is_missing_is_named() -> None:
    def absent(*_: object) -> list[Contestant]:
        raise FileNotFoundError(2, "no such file", "npm")

    peer = events_peers.Peer("peer", "a peer", absent, {})
    with pytest.raises(events_peers.PeerMissing, match="npm is not installed"):
        events_peers.install(peer, URL, Path("folder"), "peer")
