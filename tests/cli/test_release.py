"""`dbkit release`, `dbkit deploy` and `dbkit deployments`, as a user types them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.api.releases import clients, log
from tests.cli.running import document, done, failed, run
from tests.helpers import Connection, connect, one


@pytest.fixture
def db(database: str) -> Iterator[Connection]:
    with connect(database, autocommit=True) as conn:
        yield conn


# --- release ---------------------------------------------------------------------------------


def test_begins_shows_and_promotes(database: str) -> None:
    begun = document("release", "v3", "--share", "12.5", "--step", "50", "--no-watch", url=database)
    assert (begun["status"], begun["share"], begun["next_shares"]) == ("running", 12.5, [50])
    shown = done("release", "--no-watch", url=database)
    assert shown.startswith("running: v3 for 12.5 % of consumers, the others have v2\n")
    ended = document("release", "--promote", "--reason", "fine", url=database)
    assert (ended["status"], ended["reason"]) == ("promoted", "fine")
    assert "everybody is served v3" in done("release", url=database)


def test_aborts(database: str) -> None:
    done("release", "v3", "--no-watch", url=database)
    assert document("release", "--abort", url=database)["status"] == "aborted"
    assert run("release", url=database).exit_code == 1
    assert failed("release", "--abort", url=database)["sqlstate"] == "KD117"


def test_watches_until_it_is_switched_back(database: str, db: Connection) -> None:
    """It evaluates by itself: no worker runs here."""
    names = clients(db)
    command = [sys.executable, "-m", "dbkit", "release", "v3", "--url", database]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        try:
            begun = "select count(*) > 0 from dbkit.api_releases where evaluations > 0"
            while not one(db, begun):
                assert watching.poll() is None
            db.execute("update dbkit.api_releases set counted_until = started_at")
            log(db, names, lambda name: names[name] < 5)
            out, _ = watching.communicate(timeout=60)
        finally:
            watching.kill()
    assert watching.returncode == 1
    assert "switched_back: v3 was worse: everybody is served v2 again" in out
    assert re.search(r"5 % inconclusive: v3 0 of 0 failed; v2 0 of 0 failed", out)


def test_ctrl_c_ends_the_watching_alone(database: str, db: Connection) -> None:
    command = [sys.executable, "-m", "dbkit", "release", "v3", "--json", "--url", database]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        try:
            while not one(db, "select count(*) > 0 from dbkit.api_releases where evaluations > 0"):
                assert watching.poll() is None
            watching.send_signal(signal.SIGINT)
            out, _ = watching.communicate(timeout=60)
        finally:
            watching.kill()
    assert watching.returncode == 0
    assert json.loads(out)["status"] == "running"
    assert one(db, "select status from dbkit.api_releases") == "running"


@pytest.mark.parametrize(
    ("arguments", "sqlstate"),
    [
        (["v9'; --"], "KD102"),
        (["v2"], "KD115"),
        (["v3", "--guard", "x"], "KD115"),
        (["v3", "--min-samples", "1"], "KD115"),
        (["v3", "--guard", "latency"], "KD115"),
    ],
)
def test_says_what_is_wrong(database: str, arguments: list[str], sqlstate: str) -> None:
    assert failed("release", *arguments, url=database)["sqlstate"] == sqlstate


def test_nothing_to_watch(database: str) -> None:
    assert "no release yet" in failed("release", url=database)["message"]


@pytest.mark.parametrize(
    "arguments",
    [["v3", "--abort"], ["--abort", "--promote"], ["v3", "--share", "0"], ["v3", "--share", "x"]],
)
def test_mistyped(database: str, arguments: list[str]) -> None:
    assert run("release", *arguments, url=database).exit_code == 2


# --- deploy ----------------------------------------------------------------------------------


def test_deploys_and_lists(database: str) -> None:
    outcome = document(
        *("deploy", "2.0.0", "--id", "d2", "--commit", "abc1234", "--switch", "v3"),
        *("--smoke", "sql:select 1", "--smoke", "rpc:get_features"),
        url=database,
    )
    assert (outcome["status"], outcome["deployment_id"]) == ("success", "d2")
    listed = document("deployments", "--environment", "production", url=database)
    assert [(d["kind"], d["version"], d["last_step"]) for d in listed] == [
        ("api_switch", "v3", None),
        ("release", "2.0.0", "smoke done"),
    ]
    steps = document("deployments", "d2", url=database)
    assert [s["step"] for s in steps][:2] == ["switch", "switch"]
    assert "passed" in done("deployments", url=database)
    assert "switch" in done("deployments", "d2", url=database)


def test_a_failed_one_exits_with_1_and_tells(database: str) -> None:
    done("deploy", "1.0.0", "--smoke", "sql:select 1", url=database)
    arguments = ["deploy", "2.0.0", "--smoke", "sql:select false", "--attempts", "1", "--wait", "0"]
    hook = ["--rollback-command", f"{sys.executable} -c pass"]
    shown = run(*arguments, *hook, url=database)
    assert shown.exit_code == 1
    assert "2.0.0: failed, and so did the rollback" in shown.stdout
    assert "put back          1.0.0" in shown.stdout
    assert "smoke sql:select false: the answer is false" in shown.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--smoke", "x"],
        ["--environment", "moon"],
        ["--attempts", "0"],
        ["--rollback-url", "http://x/", "--rollback-command", "true"],
    ],
)
def test_deploy_mistyped(database: str, db: Connection, arguments: list[str]) -> None:
    assert run("deploy", "2.0.0", *arguments, url=database).exit_code == 2
    assert one(db, "select count(*) from dbkit.deployment_log") == 0


def test_vercel_needs_its_token(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERCEL_TOKEN", raising=False)
    told = failed("deploy", "2.0.0", "--rollback-vercel", "prj", url=database)
    assert told["message"] == "VERCEL_TOKEN is not set"


def test_no_such_deployment(database: str) -> None:
    assert "no steps of x" in failed("deployments", "x", url=database)["message"]
