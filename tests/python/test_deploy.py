"""dbkit.deploy: what is recorded, what is put back, and what is left alone."""

from __future__ import annotations

import http.server
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbkit import migrations
from dbkit.deploy import DeployError, Hook, Outcome, Plan, SmokeTest, deploy
from tests.helpers import Connection, connect, one, row, rows

OK = SmokeTest("sql", "select true")
NEVER = SmokeTest("sql", "select false")
QUICK = Plan("2.0.0", smoke_tests=[OK], attempts=2, wait_seconds=0)


@pytest.fixture
def db(database: str) -> Iterator[Connection]:
    with connect(database, autocommit=True) as conn:
        yield conn


def log_of(conn: Connection) -> list[tuple[str, str, str, bool | None]]:
    found = rows(conn, "select * from dbkit.deployment_log where kind <> 'api_switch' order by id")
    return [(f["kind"], f["version"], f["status"], f["smoke_test_passed"]) for f in found]


def steps_of(conn: Connection, deployment_id: str | None) -> list[str]:
    found = rows(conn, "select * from dbkit.get_deployment_steps(%s)", deployment_id)
    return [f"{f['step']} {f['status']}" for f in found]


def active(conn: Connection) -> tuple[str, str]:
    found = row(conn, "select * from dbkit.active_api_version")
    return found["current_version"], found["fallback_version"]


def worked(url: str, version: str = "1.0.0", **more: Any) -> Outcome:
    """A release to go back to."""
    outcome = deploy(url, replace(QUICK, version=version, **more))
    assert outcome.status == "success"
    return outcome


def hook(tmp_path: Path, code: int = 0) -> tuple[Hook, Path]:
    """A command that writes what it was told."""
    file = tmp_path / "told"
    text = (
        "import json, os; open(os.environ['TOLD'], 'a').write(json.dumps("
        "{k: v for k, v in os.environ.items() if k.startswith('DBKIT_')}) + chr(10));"
        f"raise SystemExit({code})"
    )
    script = tmp_path / "hook.py"
    script.write_text(text.replace("os.environ['TOLD']", repr(str(file))))
    return Hook("command", f"{sys.executable} {script}"), file


def told(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


# --- when it goes well -----------------------------------------------------------------------


def test_a_deploy_is_recorded_step_by_step(database: str, db: Connection) -> None:
    plan = replace(
        QUICK,
        migrate=True,
        migrate_command=f"{sys.executable} -c pass",
        deploy_command=f"{sys.executable} -c pass",
        switch_to="v3",
        smoke_tests=[OK, SmokeTest("rpc", "get_features")],
        commit_sha="abc1234",
        artifact="dpl_1",
        deployment_id="release-7",
    )
    said = list[str]()
    outcome = deploy(database, plan, said.append)
    assert (outcome.deployment_id, outcome.status) == ("release-7", "success")
    assert steps_of(db, "release-7") == [
        f"{step} {status}"
        for step in ("migrate", "migrate_command", "deploy", "switch", "smoke", "smoke")
        for status in ("started", "done")
    ]
    assert log_of(db) == [("release", "2.0.0", "success", True)]
    details = one(db, "select details from dbkit.deployment_log where deployment_id = 'release-7'")
    revision = migrations.head()
    assert details == {
        "tool": "dbkit deploy",
        "schema_revision": revision,
        "schema_revision_before": revision,
        "artifact": "dpl_1",
    }
    assert active(db) == ("v3", "v2")
    assert said[-1] == "2.0.0 runs"


def test_without_smoke_tests_it_is_no_target_of_a_rollback(database: str, db: Connection) -> None:
    assert deploy(database, replace(QUICK, smoke_tests=[])).status == "success"
    assert log_of(db) == [("release", "2.0.0", "success", None)]
    assert rows(db, "select * from dbkit.get_last_successful_deployment()") == []


# --- when it fails ---------------------------------------------------------------------------


def test_failing_smoke_tests_roll_everything_back(
    database: str, db: Connection, tmp_path: Path
) -> None:
    """API version, then the user's hook, then the smoke tests again; all of it in the log."""
    worked(database, commit_sha="abc1234", artifact="image@sha256:1")
    command, file = hook(tmp_path)
    by_version = SmokeTest("sql", "select current_version = 'v2' from dbkit.active_api_version")
    plan = replace(QUICK, switch_to="v3", smoke_tests=[OK, by_version], hook=command)
    outcome = deploy(database, plan)
    assert (outcome.status, outcome.target_version) == ("rolled_back", "1.0.0")
    assert (outcome.api_version, active(db)) == ("v2", ("v2", "v1"))
    assert log_of(db) == [
        ("release", "1.0.0", "success", True),
        ("release", "2.0.0", "rolled_back", False),
        ("rollback", "1.0.0", "success", True),
    ]
    assert steps_of(db, outcome.deployment_id) == [
        *("switch started", "switch done"),
        *("smoke started", "smoke done", "smoke started", "smoke failed"),
        *("switch_back started", "switch_back done"),
    ]
    assert steps_of(db, outcome.rollback) == [
        *("hook started", "hook done"),
        *("smoke started", "smoke done", "smoke started", "smoke done"),
    ]
    (said,) = told(file)
    assert said["DBKIT_TARGET_VERSION"] == "1.0.0"
    assert said["DBKIT_TARGET_COMMIT"] == "abc1234"
    assert said["DBKIT_TARGET_ARTIFACT"] == "image@sha256:1"
    assert said["DBKIT_DEPLOYMENT_ID"] == outcome.rollback
    assert "the answer is false" in said["DBKIT_REASON"]


def test_never_a_chain_of_rollbacks(database: str, db: Connection, tmp_path: Path) -> None:
    """The hook is called once, and not again until something has worked."""
    worked(database)
    command, file = hook(tmp_path)
    broken = replace(QUICK, smoke_tests=[NEVER], hook=command)
    first = deploy(database, broken)
    assert (first.status, len(told(file))) == ("rollback_failed", 1)
    second = deploy(database, replace(broken, version="3.0.0"))
    assert (second.status, second.rollback, len(told(file))) == ("failed", None, 1)
    assert "KD207" in str(second.reason)
    assert steps_of(db, second.deployment_id)[-1] == "rollback failed"
    worked(database, "4.0.0")
    third = deploy(database, replace(broken, version="5.0.0"))
    assert (third.target_version, len(told(file))) == ("4.0.0", 2)


def test_never_past_a_contract_migration(database: str, db: Connection, tmp_path: Path) -> None:
    worked(database)
    command, file = hook(tmp_path)
    plan = replace(
        QUICK,
        smoke_tests=[NEVER],
        hook=command,
        migrate_command=f"{sys.executable} -c pass",
        contract=["drop_old_columns"],
    )
    outcome = deploy(database, plan)
    assert (outcome.status, outcome.rollback) == ("failed", None)
    assert "KD206" in str(outcome.reason)
    assert not file.exists()
    assert log_of(db)[-1] == ("release", "2.0.0", "failed", False)


def test_dbkits_own_contract_revisions_are_known(
    database: str, db: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked(database)
    command, file = hook(tmp_path)
    monkeypatch.setattr(migrations, "contract_revisions", lambda since: [f"after {since}"])
    plan = replace(QUICK, smoke_tests=[NEVER], hook=command, migrate=True)
    assert "KD206" in str(deploy(database, plan).reason)
    assert not file.exists()


def test_a_revision_says_that_it_is_a_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic.script import ScriptDirectory

    assert migrations.contract_revisions(None) == []
    script = ScriptDirectory.from_config(migrations.alembic_config()).get_revision("0002")
    monkeypatch.setattr(script.module, "contract", True, raising=False)
    monkeypatch.setattr(ScriptDirectory, "iterate_revisions", lambda *_: iter([script]))
    assert migrations.contract_revisions("0001") == ["0002"]


def test_a_failing_migration_calls_no_smoke_test(database: str, db: Connection) -> None:
    plan = replace(QUICK, migrate_command=f"{sys.executable} -c 'raise SystemExit(3)'")
    outcome = deploy(database, plan)
    assert (outcome.status, outcome.reason) == ("failed", "the command ended with 3")
    assert steps_of(db, outcome.deployment_id) == [
        "migrate_command started",
        "migrate_command failed",
    ]
    assert log_of(db) == [("release", "2.0.0", "failed", None)]


def test_nothing_to_go_back_to(database: str, db: Connection, tmp_path: Path) -> None:
    command, file = hook(tmp_path)
    outcome = deploy(database, replace(QUICK, smoke_tests=[NEVER], hook=command))
    assert (outcome.status, file.exists()) == ("failed", False)
    assert "KD204" in str(outcome.reason)


def test_a_failing_hook_is_a_failed_rollback(database: str, db: Connection, tmp_path: Path) -> None:
    worked(database)
    command, _ = hook(tmp_path, code=7)
    outcome = deploy(database, replace(QUICK, smoke_tests=[NEVER], hook=command))
    assert outcome.status == "rollback_failed"
    assert "the command ended with 7" in str(outcome.reason)
    assert steps_of(db, outcome.rollback) == ["hook started", "hook failed"]
    assert log_of(db)[-1] == ("rollback", "1.0.0", "failed", None)


def test_a_switch_by_somebody_else_is_left_alone(
    database: str, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meddle(*_: object) -> None:
        one(db, "select dbkit.switch_api_version('v1', 'v2')")
        raise DeployError("does not work")

    monkeypatch.setattr("dbkit.deploy.try_out", meddle)
    outcome = deploy(database, replace(QUICK, switch_to="v3"))
    assert (outcome.status, outcome.api_version) == ("failed", "v1")
    assert active(db) == ("v1", "v2")
    assert "switch_back started" not in steps_of(db, outcome.deployment_id)


def test_an_unknown_api_version_fails_before_the_smoke_tests(database: str, db: Connection) -> None:
    outcome = deploy(database, replace(QUICK, switch_to="v9'; --"))
    assert outcome.status == "failed"
    assert "KD102" in str(outcome.reason)
    assert steps_of(db, outcome.deployment_id) == ["switch started", "switch failed"]


# --- killed ----------------------------------------------------------------------------------

KILLED = """
import sys
from dbkit.deploy import Plan, SmokeTest, deploy
plan = Plan("2.0.0", switch_to="v3", smoke_tests=[SmokeTest("sql", "select pg_sleep(600)")])
deploy(sys.argv[1], plan, lambda text: print(text, flush=True))
"""


@contextmanager
def running(url: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until_smoking(conn: Connection) -> None:
    query = "select exists (select from pg_stat_activity where query = 'select pg_sleep(600)')"
    for _ in range(100_000):
        if one(conn, query):
            return
    raise AssertionError("the smoke test has not begun")


def test_a_killed_deploy_leaves_a_log_that_the_next_one_understands(
    database: str, db: Connection
) -> None:
    with running(database) as process:
        until_smoking(db)
        assert active(db) == ("v3", "v2")
        with pytest.raises(DeployError, match="another deploy of production is running"):
            deploy(database, QUICK)
        assert deploy(database, replace(QUICK, environment="staging")).status == "success"
        process.send_signal(signal.SIGKILL)
        process.wait()
    one(
        db,
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where application_name like 'dbkit deploy%%'",
    )
    for _ in range(100_000):
        if not one(
            db,
            "select exists (select from pg_stat_activity"
            " where application_name like 'dbkit deploy%%')",
        ):
            break
    name = one(db, "select deployment_id from dbkit.deployment_log where status = 'deploying'")
    assert steps_of(db, name)[-1] == "smoke started"
    outcome = deploy(database, replace(QUICK, version="3.0.0"))
    assert (outcome.status, outcome.given_up) == ("success", [name])
    assert active(db) == ("v2", "v1")
    assert steps_of(db, name)[-3:] == ["given_up failed", "switch_back started", "switch_back done"]
    assert ("release", "2.0.0", "failed", None) in log_of(db)
    with pytest.raises(psycopg.Error) as caught:
        one(db, "select dbkit.log_deployment_step(%s, 'smoke', 'started')", name)
    assert caught.value.sqlstate == "KD208"


@pytest.mark.parametrize("committed", [True, False], ids=["after the switch", "before it"])
def test_killed_between_the_switch_and_its_log(
    database: str, db: Connection, committed: bool
) -> None:
    name = one(db, "select dbkit.log_deployment('2', p_details => '{\"tool\": \"dbkit deploy\"}')")
    details = {"from": "v2", "fallback": "v1", "to": "v3", "revision": 2}
    one(
        db,
        "select dbkit.log_deployment_step(%s, 'switch', 'started', %s)",
        name,
        json.dumps(details),
    )
    if committed:
        one(db, "select dbkit.switch_api_version('v3')")
    assert deploy(database, QUICK).given_up == [name]
    assert active(db) == ("v2", "v1")
    assert ("switch_back done" in steps_of(db, name)) == committed


def test_a_switch_after_the_killed_deploy_stands(database: str, db: Connection) -> None:
    name = one(db, "select dbkit.log_deployment('2', p_details => '{\"tool\": \"dbkit deploy\"}')")
    details = {"from": "v2", "fallback": "v1", "to": "v3", "revision": 2}
    step = "select dbkit.log_deployment_step(%s, 'switch', 'started', %s)"
    one(db, step, name, json.dumps(details))
    one(db, "select dbkit.switch_api_version('v3')")
    one(db, "select dbkit.switch_api_version('v3', 'v1')")
    assert deploy(database, QUICK).given_up == [name]
    assert active(db) == ("v3", "v1")


def test_what_other_tools_have_logged_is_not_given_up(database: str, db: Connection) -> None:
    one(db, "select dbkit.log_deployment('1.9', p_deployment_id => 'of-ci')")
    assert deploy(database, QUICK).given_up == []
    assert log_of(db)[0] == ("release", "1.9", "deploying", None)


# --- smoke tests and hooks -------------------------------------------------------------------


@dataclass
class Site:
    """Answers in turn, the last one for ever; keeps what was asked."""

    answers: Sequence[tuple[int, bytes]] = ((200, b"ok"),)
    asked: list[tuple[str, str, str | None, bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def site(*answers: tuple[int, bytes]) -> Iterator[Site]:
    made = Site(answers or ((200, b"ok"),))

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            made.asked.append((self.command, self.path, self.headers.get("authorization"), body))
            status, text = made.answers[min(len(made.asked), len(made.answers)) - 1]
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = answer

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_url_is_tried_again_until_it_works(database: str, db: Connection) -> None:
    with site((503, b"no"), (200, b"yes")) as made:
        plan = replace(QUICK, smoke_tests=[SmokeTest.parse(f"{made.url}/health?key=secret")])
        outcome = deploy(database, plan)
    assert (outcome.status, len(made.asked)) == ("success", 2)
    details = one(db, "select details from dbkit.deployment_steps order by id desc limit 1")
    assert details["test"] == f"{made.url}/health"


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ((200, b""), "inconclusive", "the answer is empty"),
        ((404, b"x"), "failed", "the answer is 404"),
        ((500, b"x"), "failed", "the answer is 500"),
    ],
)
def test_what_is_no_success(
    database: str, db: Connection, answer: tuple[int, bytes], status: str, reason: str
) -> None:
    with site(answer) as made:
        outcome = deploy(database, replace(QUICK, smoke_tests=[SmokeTest.parse(made.url)]))
    assert (outcome.status, len(made.asked)) == ("failed", 2)
    assert reason in str(outcome.reason)
    assert steps_of(db, outcome.deployment_id)[-1] == f"smoke {status}"


@pytest.mark.parametrize(
    ("test", "status", "reason"),
    [
        ("sql:select 1 where false", "inconclusive", "the answer is empty"),
        ("sql:select null", "inconclusive", "the answer is empty"),
        ("sql:set work_mem = '4MB'", "inconclusive", "the answer is empty"),
        ("sql:select false", "failed", "the answer is false"),
        ("sql:select 1/0", "failed", "division by zero"),
        ("rpc:nothing_like_it", "failed", "KD101"),
        ('rpc:get_features {"x": 1}', "failed", "KD105"),
    ],
)
def test_what_is_no_success_in_the_database(
    database: str, db: Connection, test: str, status: str, reason: str
) -> None:
    outcome = deploy(database, replace(QUICK, smoke_tests=[SmokeTest.parse(test)], attempts=1))
    assert outcome.status == "failed"
    assert reason in str(outcome.reason)
    assert steps_of(db, outcome.deployment_id)[-1] == f"smoke {status}"


def test_a_slow_query_is_ended(database: str) -> None:
    slow = replace(
        QUICK,
        smoke_tests=[SmokeTest("sql", "select pg_sleep(60)")],
        timeout_seconds=0.2,
        attempts=1,
    )
    assert "statement timeout" in str(deploy(database, slow).reason)


def test_a_smoke_test_leaves_nothing_behind(database: str, db: Connection) -> None:
    test = SmokeTest(
        "sql", "insert into dbkit.regions (id, name) values ('moon', 'Moon') returning 1"
    )
    assert deploy(database, replace(QUICK, smoke_tests=[test])).status == "success"
    assert one(db, "select count(*) from dbkit.regions where id = 'moon'") == 0


def test_no_server_there(database: str) -> None:
    with site() as made:
        pass
    outcome = deploy(
        database, replace(QUICK, smoke_tests=[SmokeTest.parse(f"{made.url}/?p=secret")], attempts=1)
    )
    assert "no answer: ConnectError" in str(outcome.reason)
    assert "secret" not in str(outcome.reason)


@pytest.mark.parametrize(
    "text", ["", "x", "sql:", "rpc:", "rpc: ", "ftp://x/", "http://", "rpc:x {", "sql"]
)
def test_what_is_no_smoke_test(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        SmokeTest.parse(text)


def test_a_url_hook_is_told_what_to_put_back(database: str) -> None:
    worked(database, artifact="image@sha256:1")
    with site((202, b"")) as made:
        hook_ = Hook("url", f"{made.url}/roll", "t0ken")
        outcome = deploy(database, replace(QUICK, smoke_tests=[NEVER], hook=hook_))
    ((method, path, authorization, body),) = made.asked
    assert (method, path, authorization) == ("POST", "/roll", "Bearer t0ken")
    found = json.loads(body)
    assert found["deployment_id"] == outcome.rollback
    assert found["target"] == {"version": "1.0.0", "commit": "", "artifact": "image@sha256:1"}
    assert "t0ken" not in repr(hook_)


def test_vercel_rolls_back_to_the_targets_artifact(database: str, db: Connection) -> None:
    worked(database, artifact="dpl_1/../x")
    with site((201, b"")) as made:
        hook_ = Hook("vercel", "prj 1", "t0ken", "team_9", made.url)
        deploy(database, replace(QUICK, smoke_tests=[NEVER], hook=hook_))
    ((method, path, authorization, _),) = made.asked
    assert (method, authorization) == ("POST", "Bearer t0ken")
    assert path.startswith("/v1/projects/prj%201/rollback/dpl_1%2F..%2Fx?")
    assert "teamId=team_9" in path


@pytest.mark.parametrize(
    ("artifact", "answer", "reason"),
    [
        (None, 201, "the target has no artifact"),
        ("dpl_1", 403, "the answer is 403"),
    ],
)
def test_vercel_refuses(database: str, artifact: str | None, answer: int, reason: str) -> None:
    worked(database, artifact=artifact)
    with site((answer, b"")) as made:
        hook_ = Hook("vercel", "prj", "t0ken", base=made.url)
        outcome = deploy(database, replace(QUICK, smoke_tests=[NEVER], hook=hook_))
    assert outcome.status == "rollback_failed"
    assert reason in str(outcome.reason)


def test_a_command_that_is_not_there_and_one_that_takes_too_long(database: str) -> None:
    plan = replace(QUICK, deploy_command="/no/such/command")
    assert "cannot be run" in str(deploy(database, plan).reason)
    plan = replace(
        QUICK,
        deploy_command=f"{sys.executable} -c 'import time; time.sleep(60)'",
        command_seconds=0.2,
    )
    assert "longer than 0.2 s" in str(deploy(database, plan).reason)


def test_a_command_is_no_shell(database: str, tmp_path: Path) -> None:
    file = tmp_path / "made"
    plan = replace(QUICK, deploy_command=f"{sys.executable} -c pass ; touch {file}")
    deploy(database, plan)
    assert not file.exists()


def test_a_bad_version_begins_nothing(database: str, db: Connection) -> None:
    from dbkit.errors import InvalidArgument

    with pytest.raises(InvalidArgument):
        deploy(database, replace(QUICK, version="a b"))
    assert log_of(db) == []
