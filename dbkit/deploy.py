"""A deploy that looks after itself: recorded, migrated, tried out, and put back when it fails.

The database keeps the log and the rules (what may be put back, never past a contract migration);
here are the steps. Each is logged before it begins and when it has ended, so that a deploy which is
killed leaves behind how far it came. A session lock says whether one still runs: the next deploy
gives up what it finds unfinished without its lock, and takes back the API version that it moved.

A rollback is one step: the last release that worked is put back and tried out, once.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, urlsplit

import psycopg

from dbkit import migrations
from dbkit.calls import api
from dbkit.calls import deployments as calls
from dbkit.errors import DbkitError, translate

Connection: TypeAlias = "psycopg.Connection[Any]"
Environment: TypeAlias = Literal["production", "staging"]
Result: TypeAlias = Literal["done", "failed", "inconclusive"]
Status: TypeAlias = Literal["success", "failed", "rolled_back", "rollback_failed"]
Say: TypeAlias = Callable[[str], None]

TOOL = "dbkit deploy"
VERCEL = "https://api.vercel.com"
_LOCK = "select pg_try_advisory_lock(hashtextextended('dbkit.deploy ' || %s, 0))"
_MAX_BODY = 65536
_FAILURES = (psycopg.Error, DbkitError)
"""What a statement may meet."""


class DeployError(Exception):
    """A deploy that cannot begin, or a step that has failed."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Inconclusive(DeployError):
    """A smoke test that proves nothing: an empty answer is no success."""


# --- what to do ------------------------------------------------------------------------------


@dataclass(frozen=True)
class SmokeTest:
    """`https://…` (answers below 400, not empty), `rpc:NAME [JSON]` or `sql:QUERY` (first value
    true, or anything but null, false or nothing)."""

    kind: Literal["url", "rpc", "sql"]
    target: str
    payload: str = "{}"

    @classmethod
    def parse(cls, text: str) -> SmokeTest:
        kind, _, rest = text.partition(":")
        if kind in ("http", "https"):
            if not urlsplit(text).hostname:
                raise ValueError(f"not a URL: {text}")
            return cls("url", text)
        if kind == "sql" and rest.strip():
            return cls("sql", rest.strip())
        name, _, payload = rest.strip().partition(" ")
        if kind != "rpc" or not name:
            raise ValueError(f"not a smoke test: {text!r}; say https://…, rpc:NAME or sql:QUERY")
        json.loads(payload or "{}")
        return cls("rpc", name, payload.strip() or "{}")

    @property
    def shown(self) -> str:
        """As logged: a URL without its password and query."""
        if self.kind != "url":
            return f"{self.kind}:{self.target}"
        parts = urlsplit(self.target)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


@dataclass(frozen=True)
class Hook:
    """Puts an earlier release of the application back.

    A command gets DBKIT_DEPLOYMENT_ID, DBKIT_TARGET_VERSION, DBKIT_TARGET_COMMIT,
    DBKIT_TARGET_ARTIFACT and DBKIT_REASON; a URL the same by POST as JSON; Vercel's API the
    deployment whose id the target's artifact is."""

    kind: Literal["command", "url", "vercel"]
    target: str
    token: str | None = field(default=None, repr=False)
    team: str | None = None
    base: str = VERCEL


@dataclass(frozen=True)
class Plan:
    """What to deploy and how to know that it works."""

    version: str
    environment: Environment = "production"
    commit_sha: str | None = None
    deployment_id: str | None = None
    artifact: str | None = None
    migrate: bool = False
    migrate_command: str | None = None
    contract: Sequence[str] = ()
    """Contract revisions of migrate_command; those of dbkit itself are known."""
    deploy_command: str | None = None
    switch_to: str | None = None
    smoke_tests: Sequence[SmokeTest] = ()
    attempts: int = 5
    wait_seconds: float = 1.0
    timeout_seconds: float = 30.0
    command_seconds: float = 1800.0
    hook: Hook | None = None


@dataclass(frozen=True)
class Outcome:
    """How a deploy ended. `rollback` is the deployment_id of the rollback, if there was one."""

    deployment_id: str
    status: Status
    reason: str | None = None
    rollback: str | None = None
    target_version: str | None = None
    target_commit_sha: str | None = None
    api_version: str | None = None
    given_up: Sequence[str] = ()
    """Unfinished deployments of processes that are gone, closed before this one began."""


# --- the run ---------------------------------------------------------------------------------


def deploy(url: str, plan: Plan, say: Say = lambda _: None) -> Outcome:
    """Deploy, and roll back when it fails. Raises DeployError when it cannot begin: then nothing
    has happened. Needs service_role, and super_admin to switch the API version."""
    with (
        psycopg.connect(url, autocommit=True, application_name=TOOL) as connection,
        _alone(connection, plan.environment),
    ):
        given_up = give_up_unfinished(connection, plan.environment, say)
        return _Deploy(url, connection, plan, say).run(given_up)


@contextmanager
def _alone(connection: Connection, environment: str) -> Generator[None]:
    """The lock of the environment: gone with the session, also when the process is killed."""
    if connection.execute(_LOCK, [environment]).fetchall()[0][0] is not True:
        raise DeployError(
            f"another deploy of {environment} is running",
            "`dbkit deployments` shows it; wait until it has ended.",
        )
    yield


def give_up_unfinished(connection: Connection, environment: str, say: Say) -> list[str]:
    """Close what killed deploys have left, newest first; the caller holds the lock."""
    closed = list[str]()
    found = calls.get_deployments(environment, 1000, True).run(connection)
    for each in found:
        if not _is_ours(connection, each):
            continue
        say(f"giving up {each.deployment_id}: its process is gone (last: {each.last_step})")
        reason = "its process was gone; the next deploy has given it up"
        _log(connection, each.deployment_id, "given_up", "failed", {"reason": reason})
        _take_switch_back(connection, each.deployment_id, say)
        calls.update_deployment_status(each.deployment_id, "failed").run(connection)
        closed.append(each.deployment_id)
    return closed


def _is_ours(connection: Connection, each: calls.GetDeploymentsRow) -> bool:
    """Not what another tool has logged and still works on: only we hold the lock meanwhile."""
    details: dict[str, Any] = each.details if isinstance(each.details, dict) else {}
    if each.kind != "rollback":
        return details.get("tool") == TOOL
    query = "select details ->> 'tool' from dbkit.deployment_log where deployment_id = %s"
    found = connection.execute(query, [details.get("rolled_back_deployment_id")]).fetchall()
    return [row[0] for row in found] == [TOOL]


def _log(
    connection: Connection,
    deployment_id: str,
    step: str,
    status: Literal["started"] | Result,
    details: dict[str, Any] | None = None,
    contract: Iterable[str] = (),
) -> None:
    calls.log_deployment_step(deployment_id, step, status, details or {}, list(contract)).run(
        connection
    )


def _take_switch_back(connection: Connection, deployment_id: str, say: Say) -> str | None:
    """Undo the switch of a deploy, unless somebody has switched since; the version now active.

    The switch is looked for in the log of switches, not in our steps: a deploy may have been killed
    between the two."""
    steps = calls.get_deployment_steps(deployment_id).run(connection)
    begun = [s for s in steps if s.step == "switch" and s.status == "started"]
    if not begun:
        return None
    details: dict[str, Any] = begun[-1].details if isinstance(begun[-1].details, dict) else {}
    (now,) = api.get_active_api_version().run(connection)
    moved = now.current_version == details.get("to") and now.revision == details.get("revision")
    if not moved:
        return now.current_version
    _log(connection, deployment_id, "switch_back", "started", {"to": details["from"]})
    try:
        done = api.switch_api_version(details["from"], details["fallback"], now.revision).run(
            connection
        )
    except _FAILURES as error:
        _log(connection, deployment_id, "switch_back", "failed", {"reason": _said(error)})
        say(f"the API version stays {now.current_version}: {_said(error)}")
        return now.current_version
    _log(connection, deployment_id, "switch_back", "done", {"revision": done.revision})
    say(f"the API version is {done.current_version} again")
    return done.current_version


class _Deploy:
    """One run: the steps share a connection, a log and a plan."""

    def __init__(self, url: str, connection: Connection, plan: Plan, say: Say) -> None:
        self.url = url
        self.connection = connection
        self.plan = plan
        self.say = say
        self.id = ""

    def run(self, given_up: Sequence[str]) -> Outcome:
        plan = self.plan
        contract = self._contract_revisions()
        details = {
            "tool": TOOL,
            "schema_revision": migrations.head() if plan.migrate else migrations.current(self.url),
            "schema_revision_before": migrations.current(self.url),
            "artifact": plan.artifact,
        }
        self.id = calls.log_deployment(
            plan.version, plan.environment, plan.commit_sha, plan.deployment_id, details
        ).run(self.connection)
        self.say(f"deploying {plan.version} to {plan.environment} as {self.id}")
        try:
            self._migrate(contract)
            if plan.deploy_command:
                self._step("deploy", lambda: self._command(plan.deploy_command or ""))
            self._switch()
            self._smoke(self.id)
        except (DeployError, *_FAILURES) as error:
            return self._roll_back(_said(error), isinstance(error, SmokeFailed), given_up)
        passed = True if plan.smoke_tests else None
        calls.update_deployment_status(self.id, "success", passed).run(self.connection)
        self.say(f"{plan.version} runs" if passed else f"{plan.version} is there, not tried out")
        return Outcome(self.id, "success", given_up=given_up)

    # --- steps -------------------------------------------------------------------------------

    def _step(self, name: str, work: Callable[[], dict[str, Any] | None], **more: Any) -> None:
        self.say(name)
        _log(self.connection, self.id, name, "started", **more)
        began = time.monotonic()
        try:
            details = work() or {}
        except (DeployError, *_FAILURES) as error:
            _log(self.connection, self.id, name, "failed", {"reason": _said(error)})
            raise
        seconds = round(time.monotonic() - began, 3)
        _log(self.connection, self.id, name, "done", details | {"seconds": seconds})

    def _contract_revisions(self) -> list[str]:
        found = list(self.plan.contract)
        if self.plan.migrate:
            found += migrations.contract_revisions(migrations.current(self.url))
        return found

    def _migrate(self, contract: list[str]) -> None:
        command = self.plan.migrate_command
        if self.plan.migrate:
            self._step("migrate", self._migrate_dbkit, contract=contract)
        if command:
            more = {"contract": [] if self.plan.migrate else contract}
            self._step("migrate_command", lambda: self._command(command), **more)

    def _migrate_dbkit(self) -> dict[str, Any]:
        before = migrations.current(self.url)
        try:
            migrations.migrate(self.url)
        except Exception as error:
            raise DeployError(f"the migration has failed: {_said(error)}") from error
        return {"from": before, "to": migrations.current(self.url)}

    def _switch(self) -> None:
        to = self.plan.switch_to
        if to is None:
            return
        (now,) = api.get_active_api_version().run(self.connection)
        if now.current_version == to:
            return
        before = {
            "from": now.current_version,
            "fallback": now.fallback_version,
            "to": to,
            "revision": now.revision + 1,
        }
        call = api.switch_api_version(to, None, now.revision)

        def work() -> dict[str, Any]:
            return {"revision": call.run(self.connection).revision}

        self._step("switch", work, details=before)

    def _command(self, command: str, more: dict[str, str] | None = None) -> dict[str, Any]:
        own = {"DBKIT_DEPLOYMENT_ID": self.id, "DBKIT_VERSION": self.plan.version}
        return run_command(command, own | (more or {}), self.plan.command_seconds)

    def _smoke(self, deployment_id: str) -> None:
        """Each test until it passes or its attempts are used up; all of them, so that the log
        tells what works and what does not."""
        wrong = list[str]()
        for test in self.plan.smoke_tests:
            began = time.monotonic()
            _log(self.connection, deployment_id, "smoke", "started", {"test": test.shown})
            status: Result = "done"
            reason = None
            try:
                try_out(self.url, test, self.plan)
            except DeployError as error:
                status = "inconclusive" if isinstance(error, Inconclusive) else "failed"
                reason = str(error)
                wrong.append(f"{test.shown}: {error}")
            details = {
                "test": test.shown,
                "reason": reason,
                "seconds": round(time.monotonic() - began, 3),
            }
            _log(self.connection, deployment_id, "smoke", status, details)
            self.say(f"smoke {test.shown}: {'passed' if reason is None else reason}")
        if wrong:
            raise SmokeFailed("; ".join(wrong)[:900])

    # --- the way back ------------------------------------------------------------------------

    def _roll_back(self, reason: str, smoke_failed: bool, given_up: Sequence[str]) -> Outcome:
        """One step back and one look; what fails then is left as it is, and told."""
        self.say(f"failed: {reason}")
        version = _take_switch_back(self.connection, self.id, self.say)
        passed = False if smoke_failed else None
        calls.update_deployment_status(self.id, "failed", passed).run(self.connection)
        failed = Outcome(self.id, "failed", reason, api_version=version, given_up=given_up)
        if self.plan.hook is None:
            return failed
        try:
            (row,) = calls.log_rollback(self.id, f"failed: {reason}"[:1000]).run(self.connection)
        except _FAILURES as error:
            why = f"{reason}; not rolled back: {_said(error)}"
            _log(self.connection, self.id, "rollback", "failed", {"reason": _said(error)})
            self.say(f"not rolled back: {_said(error)}")
            return Outcome(self.id, "failed", why, api_version=version, given_up=given_up)
        return self._put_back(row, reason, version, given_up)

    def _put_back(
        self,
        row: calls.LogRollbackRow,
        reason: str,
        version: str | None,
        given_up: Sequence[str],
    ) -> Outcome:
        rollback, failed_id = row.deployment_id, self.id
        self.say(f"putting {row.target_version} back as {rollback}")
        status: Status = "rolled_back"
        tried = False
        self.id = rollback
        try:
            self._step("hook", lambda: self._call_hook(row, reason))
            tried = True
            self._smoke(rollback)
        except (DeployError, *_FAILURES) as error:
            status = "rollback_failed"
            reason = f"{reason}; then the rollback failed too: {_said(error)}"
            self.say(f"the rollback has failed too: {_said(error)}; nothing more is tried")
        done = "success" if status == "rolled_back" else "failed"
        passed = (status == "rolled_back") if tried and self.plan.smoke_tests else None
        calls.update_deployment_status(rollback, done, passed).run(self.connection)
        return Outcome(
            failed_id,
            status,
            reason,
            rollback,
            row.target_version,
            row.target_commit_sha,
            version,
            given_up,
        )

    def _call_hook(self, row: calls.LogRollbackRow, reason: str) -> dict[str, Any]:
        hook = self.plan.hook
        assert hook is not None
        query = "select details ->> 'artifact' from dbkit.deployment_log where deployment_id = %s"
        found = self.connection.execute(query, [row.target_deployment_id]).fetchall()
        artifact = str(found[0][0]) if found and found[0][0] else None
        target = {
            "version": row.target_version,
            "commit": row.target_commit_sha or "",
            "artifact": artifact or "",
        }
        if hook.kind == "command":
            named = {f"DBKIT_TARGET_{name.upper()}": value for name, value in target.items()}
            return self._command(hook.target, named | {"DBKIT_REASON": reason[:1000]})
        if hook.kind == "url":
            body = {"deployment_id": self.id, "reason": reason, "target": target}
            return _request("POST", hook.target, self.plan, hook.token, json=body)
        return _vercel(hook, artifact, reason, self.plan)


class SmokeFailed(DeployError):
    """At least one smoke test did not pass."""


# --- what steps do ---------------------------------------------------------------------------


def run_command(command: str, environment: dict[str, str], seconds: float) -> dict[str, Any]:
    """Without a shell; what it prints goes to stderr and is not kept: it may hold secrets."""
    try:
        done = subprocess.run(
            shlex.split(command),
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno() if _has_file(sys.stderr) else subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeployError(f"the command took longer than {seconds:g} s") from None
    except (OSError, ValueError) as error:
        raise DeployError(f"the command cannot be run: {error}") from None
    if done.returncode != 0:
        raise DeployError(f"the command ended with {done.returncode}")
    return {"exit_code": 0}


def _has_file(stream: Any) -> bool:
    try:
        stream.fileno()
    except (OSError, ValueError, AttributeError):
        return False
    return True


def try_out(url: str, test: SmokeTest, plan: Plan) -> None:
    """One smoke test, again after growing pauses until it passes; raises the last reason."""
    import stamina

    for attempt in stamina.retry_context(
        on=DeployError,
        attempts=plan.attempts,
        timeout=None,
        wait_initial=plan.wait_seconds,
        wait_jitter=plan.wait_seconds / 4,
        wait_max=30.0,
    ):
        with attempt:
            if test.kind == "url":
                _try_url(test, plan)
            else:
                _try_database(url, test, plan)


def _try_url(test: SmokeTest, plan: Plan) -> None:
    found = _request("GET", test.target, plan, None)
    if not found["bytes"]:
        raise Inconclusive("the answer is empty")


def _try_database(url: str, test: SmokeTest, plan: Plan) -> None:
    """Always rolled back: a smoke test leaves nothing behind."""
    milliseconds = f"{1000 * plan.timeout_seconds:.0f}"
    try:
        with psycopg.connect(url, connect_timeout=10, application_name=f"{TOOL} smoke") as conn:
            conn.execute("select set_config('statement_timeout', %s, true)", [milliseconds])
            if test.kind == "rpc":
                query = "select dbkit.route_api_call(%s, %s::jsonb) -> 'data'"
                rows = conn.execute(query, [test.target, test.payload]).fetchall()
            else:
                cursor = conn.execute(test.target.encode())
                rows = cursor.fetchmany(1) if cursor.description else []
            conn.rollback()
    except psycopg.Error as error:
        raise DeployError(_said(error)) from None
    value = rows[0][0] if rows else None
    if value is None or value in ([], {}, ""):
        raise Inconclusive("the answer is empty")
    if value is False:
        raise DeployError("the answer is false")


def _request(method: str, url: str, plan: Plan, token: str | None, **more: Any) -> dict[str, Any]:
    """Status and size of an answer below 400; redirects are followed, credentials are not shown."""
    import httpx2

    headers = {"user-agent": TOOL} | ({"authorization": f"Bearer {token}"} if token else {})
    try:
        with (
            httpx2.Client(
                timeout=plan.timeout_seconds, follow_redirects=method == "GET", headers=headers
            ) as client,
            client.stream(method, url, **more) as answer,
        ):
            size = 0
            for part in answer.iter_bytes():
                size += len(part)
                if size > _MAX_BODY:
                    break
            status = answer.status_code
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise DeployError(f"no answer: {type(error).__name__}") from None
    if status >= 400:
        raise DeployError(f"the answer is {status}")
    return {"status": status, "bytes": size}


def _vercel(hook: Hook, artifact: str | None, reason: str, plan: Plan) -> dict[str, Any]:
    """Instant rollback: "Point production traffic to a previous production deployment"."""
    if not artifact:
        raise DeployError(
            "the target has no artifact: deploy with --artifact and Vercel's deployment id"
        )
    if not hook.token:
        raise DeployError("VERCEL_TOKEN is not set")
    path = f"/v1/projects/{quote(hook.target, safe='')}/rollback/{quote(artifact, safe='')}"
    parameters = {"description": reason[:200]} | ({"teamId": hook.team} if hook.team else {})
    return _request("POST", hook.base.rstrip("/") + path, plan, hook.token, params=parameters)


def _said(error: Exception) -> str:
    """What went wrong, for people; never a URL or a password."""
    better = translate(error)
    if isinstance(better, DbkitError):
        return f"{better.message} [{better.sqlstate}]"
    origin = getattr(error, "orig", None) or error
    if isinstance(origin, psycopg.Error):
        return origin.diag.message_primary or type(origin).__name__
    return str(error)
