"""`dbkit events …`: read, append, project and verify events. A part of `dbkit.cli`, which adds it.

Every step that can be repeated is a transaction of its own, so a long command can be interrupted
and started again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from dbkit.cli_parts import (
    CliError,
    Data,
    Json,
    Organization,
    Role,
    Session,
    Url,
    UserId,
    as_plain,
    ask,
    compact,
    json_text,
    moment,
    open_session,
    optional,
    print_answer,
    print_lines,
    print_table,
    read_json,
    say,
    stdout_console,
    time_text,
    until_interrupted,
    uuid_of,
)

if TYPE_CHECKING:
    from rich.console import Console

    from dbkit.calls import events as calls
    from dbkit.events import StoredEvent

events = typer.Typer(help="Read, append, project and verify events.", no_args_is_help=True)

T = TypeVar("T")

PAGE = 1000
"""Events a statement."""

VERIFY_PAGE = 100_000
"""Positions a statement."""

SNAPSHOTS = 100
"""Snapshots a transaction."""


# --- arguments -------------------------------------------------------------------------------

Type = Annotated[
    str, typer.Argument(metavar="TYPE", help="Aggregate type of the stream, such as order.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="Aggregate id of the stream, such as 4711.")]
Projection = Annotated[str, typer.Argument(metavar="NAME", help="Projection.")]


# --- output ----------------------------------------------------------------------------------


def _document(event: StoredEvent) -> dict[str, Any]:
    """An event as JSON, with its hash as Postgres writes it."""
    written = "\\x" + event.hash.hex() if event.hash is not None else None
    return {**as_plain(event), "hash": written}


# --- reading ---------------------------------------------------------------------------------


@events.command()
def tail(
    since: Annotated[
        int | None,
        typer.Option(
            "--from",
            metavar="POSITION",
            min=0,
            help="First position to show; 0 for all. Default: what comes from now on, and with "
            "--once all.",
            show_default=False,
        ),
    ] = None,
    event_type: Annotated[
        list[str] | None,
        optional("--type", "EVENT", "Only events of this type; can be repeated."),
    ] = None,
    organization: Annotated[
        str | None,
        optional("--organization", "ID", "Only events of this organization. Default: all."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when all is shown.")] = False,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show the events of all streams as they come.

    Misses none and shows none twice, in the order of their positions. With --json one document a
    line. Needs service_role. Ends with Ctrl-C.
    """
    from dbkit.calls import events as calls
    from dbkit.events import follow

    with open_session(url, role=role) as session, until_interrupted():
        newest = since is None and not once
        after = session.run(calls.safe_position()) if newest else max((since or 0) - 1, 0)
        batches = follow(
            session.connection,
            after=after,
            event_types=event_type or None,
            organization_id=organization,
            once=once,
        )
        for batch in batches:
            for event in batch.events:
                print(compact(_document(event)) if as_json else _tail_line(event))
            sys.stdout.flush()


def _tail_line(event: StoredEvent) -> str:
    stream = f"{event.aggregate_type}/{event.aggregate_id}"
    if event.organization_id != "default":
        stream = f"{event.organization_id}:{stream}"
    return (
        f"{event.position:>8}  {time_text(event.created_at)}  {stream} {event.version}  "
        f"{event.event_type}  {compact(event.event_data)}"
    )


@events.command()
def show(
    aggregate_type: Type,
    aggregate_id: Id,
    since: Annotated[
        int, typer.Option("--from", metavar="VERSION", min=1, help="First version to show.")
    ] = 1,
    until: Annotated[
        int | None,
        typer.Option(
            "--to",
            metavar="VERSION",
            min=1,
            help="Last version to show. Default: the newest.",
            show_default=False,
        ),
    ] = None,
    with_state: Annotated[
        bool, typer.Option("--state", help="Also the state after the last one.")
    ] = False,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show the events of a stream."""
    from dbkit.calls import events as calls

    with open_session(url, role=role, organization_id=organization) as session:
        found = list(_events_of(session, aggregate_type, aggregate_id, since, until))
        if not found and not any(_events_of(session, aggregate_type, aggregate_id, 1, 1)):
            raise CliError(
                f"there is no stream {aggregate_type}/{aggregate_id} in this organization",
                "`dbkit events tail --once` shows the events of all; --organization names another.",
            )
        state = None
        if with_state and found:
            last = found[-1].version
            state = session.run(calls.get_aggregate_state(aggregate_type, aggregate_id, last)).state
    document: dict[str, Any] = {
        "aggregate_type": aggregate_type,
        "aggregate_id": aggregate_id,
        "events": [_document(event) for event in found],
    }

    def human(console: Console) -> None:
        for event in found:
            print(
                f"{event.version:>6}  {time_text(event.created_at)}  {event.event_type}  "
                f"{compact(event.event_data)}"
            )
        if with_state:
            console.print("state", style="bold")
            print(json_text(state))

    print_answer(as_json, document | {"state": state} if with_state else document, human)


def _events_of(
    session: Session, aggregate_type: str, aggregate_id: str, since: int, until: int | None
) -> Generator[StoredEvent, None, None]:
    from dbkit.calls import events as calls

    while True:
        page = session.run(calls.get_events(aggregate_type, aggregate_id, since, until, PAGE))
        yield from page
        if len(page) < PAGE:
            return
        since = page[-1].version + 1


@events.command()
def state(
    aggregate_type: Type,
    aggregate_id: Id,
    at_version: Annotated[
        int | None,
        typer.Option(
            "--at-version",
            metavar="VERSION",
            min=0,
            help="As of this version; 0 is before the first event. Default: the newest.",
            show_default=False,
        ),
    ] = None,
    at_time: Annotated[
        str | None,
        optional(
            "--at-time",
            "TIME",
            "As of this time: 2026-01-31 or 2026-01-31T12:00:00+01:00; UTC without a zone.",
        ),
    ] = None,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show the state of a stream, now or as it was.

    Folded by the applier that is registered for the aggregate type.
    """
    from dbkit.calls import events as calls

    asked = calls.get_aggregate_state(
        aggregate_type, aggregate_id, at_version, moment(at_time, "--at-time")
    )
    found = ask(asked, url, role=role, organization_id=organization)

    def human(console: Console) -> None:
        since = "every event folded"
        if found.snapshot_version is not None:
            since = f"from the snapshot of version {found.snapshot_version}"
        as_of = f", as of {time_text(found.as_of)}" if found.as_of else ""
        console.print(
            f"{aggregate_type}/{aggregate_id} version {found.version}{as_of} ({since})",
            style="bold",
            soft_wrap=True,
        )
        print(json_text(found.state))

    print_answer(as_json, as_plain(found), human)


# --- writing ---------------------------------------------------------------------------------


@events.command()
def append(
    aggregate_type: Type,
    aggregate_id: Id,
    event_type: Annotated[
        str, typer.Argument(metavar="EVENT", help="Event type, such as OrderPlaced.")
    ],
    data: Data = "{}",
    metadata: Annotated[
        str, typer.Option("--metadata", metavar="JSON", help="JSON object, @file, or -.")
    ] = "{}",
    expect: Annotated[
        str,
        typer.Option(
            "--expect",
            metavar="VERSION",
            help="Append only if the stream is there: any, none (it must be new), exists, or its "
            "newest version.",
        ),
    ] = "any",
    event_id: Annotated[
        str | None,
        optional(
            "--event-id",
            "UUID",
            "Sent again with the same id it is stored once. Default: a new one.",
        ),
    ] = None,
    organization: Organization = None,
    user_id: UserId = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Append an event to a stream.

    A stream begins with its first event.
    """
    from dbkit.calls import events as calls
    from dbkit.events import new_event_id

    asked = calls.append_event(
        aggregate_type,
        aggregate_id,
        event_type,
        read_json(data, "--data"),
        read_json(metadata, "--metadata"),
        _expected(expect),
        uuid_of(event_id, "--event-id") if event_id else new_event_id(),
    )
    done = ask(asked, url, role=role, organization_id=organization, user_id=user_id)
    verb = "was there already:" if done.replayed else "appended"
    say(
        as_json,
        as_plain(done),
        f"{verb} {aggregate_type}/{aggregate_id} version {done.version}, "
        f"position {done.position}, event {done.event_id}",
    )


def _expected(text: str) -> int | None:
    words = {"any": None, "none": 0, "exists": -1}
    if text in words:
        return words[text]
    if text.isdecimal():
        return int(text)
    raise typer.BadParameter("say any, none, exists or a version", param_hint="--expect")


@events.command()
def archive(
    aggregate_type: Type,
    aggregate_id: Id,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Close a stream: it can be read, and not appended to.

    Needs service_role. `dbkit events restore` opens it again.
    """
    from dbkit.calls import events as calls

    done = ask(
        calls.archive_stream(aggregate_type, aggregate_id),
        url,
        role=role,
        organization_id=organization,
    )
    said = "archived" if done.changed else f"is archived since {time_text(done.archived_at)}"
    stream = f"{aggregate_type}/{aggregate_id} version {done.version}"
    say(as_json, as_plain(done), f"{stream}: {said}")


@events.command()
def restore(
    aggregate_type: Type,
    aggregate_id: Id,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Open an archived stream again.

    Needs service_role.
    """
    from dbkit.calls import events as calls

    done = ask(
        calls.restore_stream(aggregate_type, aggregate_id),
        url,
        role=role,
        organization_id=organization,
    )
    said = "open again" if done.changed else "was not archived"
    stream = f"{aggregate_type}/{aggregate_id} version {done.version}"
    say(as_json, as_plain(done), f"{stream}: {said}")


# --- projections -----------------------------------------------------------------------------


@dataclass
class _Pass:
    """What one round over the projections and snapshots did."""

    projections: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    snapshots: dict[str, Any] = field(default_factory=lambda: {"made": 0, "failed": 0})

    @property
    def did_something(self) -> bool:
        return bool(self.snapshots["made"] or any(each["events"] for each in self.projections))

    @property
    def failures(self) -> list[tuple[object, ...]]:
        """What is wrong, comparable with the round before."""
        stopped = [
            (each["projection"], each["failed_position"], each["last_error"])
            for each in self.projections
            if each["failed_position"] is not None
        ]
        errors = self.snapshots.get("errors", [])
        return stopped + [(e["aggregate_type"], e["aggregate_id"], e["message"]) for e in errors]

    def document(self) -> dict[str, Any]:
        return {"projections": self.projections, "snapshots": self.snapshots}

    def human(self, console: Console) -> None:
        columns = ("projection", "events", "position", "lag", "failed_position", "last_error")
        rows = [[each[column] for column in columns] for each in self.projections]
        print_table(console, ["projection", "events", "position", "lag", "stopped at", "by"], rows)
        console.print(
            f"snapshots: {self.snapshots['made']} made, {self.snapshots['failed']} failed"
        )
        for error in self.snapshots.get("errors", []):
            stream = f"{error['aggregate_type']}/{error['aggregate_id']}"
            console.print(f"snapshot of {stream}: {error['message']}", soft_wrap=True)


@events.command()
def project(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Projections to run. Default: all that no append writes and no read catches up, "
            "and the snapshots that are due.",
            show_default=False,
        ),
    ] = None,
    keep_on: Annotated[
        bool, typer.Option("--follow", help="Go on as events come, until Ctrl-C or SIGTERM.")
    ] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Bring projections and snapshots up to date.

    Each step is a transaction. Several can run at once. Exit code 1 when an event stops a
    projection or a snapshot fails; --follow says so and tries again, with --json one document a
    line. Needs service_role.
    """
    with open_session(url) as session:
        if keep_on:
            with until_interrupted():
                _keep_projecting(session, names or [], as_json)
            return
        done = _project(session, names or [])
    print_answer(as_json, done.document(), done.human)
    if done.failures:
        raise typer.Exit(1)


def _keep_projecting(session: Session, names: list[str], as_json: bool) -> None:
    """Says something when something was done, or when what is wrong has changed."""
    console, pause = stdout_console(), 0.05
    failures: list[tuple[object, ...]] = []
    while True:
        done = _project(session, names)
        if done.did_something or done.failures != failures:
            print(compact(done.document())) if as_json else done.human(console)
            sys.stdout.flush()
        pause = 0.05 if done.did_something else min(1.0, pause * 2)
        failures = done.failures
        time.sleep(pause)


def _project(session: Session, names: list[str]) -> _Pass:
    done = _Pass()
    for name in names or _due(session):
        done.projections.append(_run_projection(session, name))
    if not names:
        done.snapshots = _run_snapshots(session)
    return done


def _due(session: Session) -> list[str]:
    from dbkit.calls import events as calls

    return [
        each.projection
        for each in session.run(calls.get_projection_status())
        if each.mode == "async" or (each.mode == "inline" and not each.is_live)
    ]


def _run_projection(session: Session, name: str) -> dict[str, Any]:
    """Until it has caught up, is stopped, or somebody else runs it."""
    from dbkit.calls import events as calls
    from dbkit.errors import ProjectionBusy

    applied, busy = 0, False
    found = dict.fromkeys(("is_live", "position", "lag", "failed_position", "last_error"))
    try:
        while found["lag"] != 0 and found["failed_position"] is None:
            run = session.run(calls.run_projection(name, PAGE))
            found, applied = as_plain(run), applied + run.events
    except ProjectionBusy:
        busy = True
    return {**found, "projection": name, "events": applied, "busy": busy}


def _run_snapshots(session: Session) -> dict[str, Any]:
    from dbkit.calls import events as calls

    made, last = 0, session.run(calls.run_snapshots(SNAPSHOTS))
    while last.made > 0 and last.made + last.failed == SNAPSHOTS:
        made += last.made
        last = session.run(calls.run_snapshots(SNAPSHOTS))
    errors = [as_plain(error) for error in last.errors]
    return {"made": made + last.made, "failed": last.failed, "errors": errors}


@events.command()
def rebuild(name: Projection, url: Url = None, as_json: Json = False) -> None:
    """Make a projection anew from all events.

    Readers see the old rows until the new ones have caught up and take their place. Can be
    interrupted and started again. Exit code 1 when an event stops it. Needs service_role.
    """
    with open_session(url) as session:
        done, applied = _rebuild(session, name, as_json)
    document = {**as_plain(done), "events": applied}

    def human(console: Console) -> None:
        if done.failed_position is not None:
            console.print(
                f"{name}: stopped by the event at position {done.failed_position}: "
                f"{done.last_error}\nThe old rows stay. Start again once the cause is mended.",
                soft_wrap=True,
            )
            return
        console.print(f"{name}: {applied} events, up to position {done.position}, swapped")
        if done.differing is not None:
            console.print(
                f"of the old rows {done.differing} differed, {done.missing} were missing, "
                f"{done.extra} were too many"
            )

    print_answer(as_json, document, human)
    if done.failed_position is not None:
        raise typer.Exit(1)


def _rebuild(
    session: Session, name: str, as_json: bool
) -> tuple[calls.RebuildProjectionResult, int]:
    """The last step, and how many events all of them applied."""
    from rich.progress import Progress

    from dbkit.calls import events as calls

    applied = stalled = 0
    console = stdout_console()
    hidden = as_json or not console.is_terminal
    with Progress(console=console, disable=hidden, transient=True) as progress:
        task = progress.add_task(name)
        while True:
            step = session.run(calls.rebuild_projection(name))
            applied += step.events
            progress.update(task, total=step.position + step.lag, completed=step.position)
            if step.phase == "swapped" or step.failed_position is not None:
                return step, applied
            stalled = stalled + 1 if step.events == 0 and step.lag == 0 else 0
            if stalled >= 30:
                raise CliError(
                    f"{name} is filled, and cannot take the place of the old rows: open "
                    "transactions do not end",
                    "`dbkit events lag` says which. Start again; it goes on where it is.",
                )


# --- health ----------------------------------------------------------------------------------


@events.command()
def verify(
    aggregate_type: Annotated[
        str | None,
        typer.Argument(
            metavar="[TYPE]", help="Aggregate type of one stream. Default: all.", show_default=False
        ),
    ] = None,
    aggregate_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Aggregate id of that stream.", show_default=False),
    ] = None,
    organization: Organization = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Find events, snapshots and projections that are wrong.

    Without TYPE and ID all of them, of all organizations. Exit code 1 when there is a problem.
    Changes nothing. Needs service_role.
    """
    if (aggregate_type is None) != (aggregate_id is None):
        raise typer.BadParameter("give both or none", param_hint="TYPE ID")
    with open_session(url, organization_id=organization) as session:
        if aggregate_type and aggregate_id:
            problems = _verify_stream(session, aggregate_type, aggregate_id)
        else:
            problems = [*_verify_all(session), *_verify_projections(session)]

    def human(console: Console) -> None:
        for problem in problems:
            console.print(_problem_line(problem), soft_wrap=True)
        console.print(f"{len(problems)} problems" if problems else "all is well")

    print_answer(as_json, {"problems": problems}, human)
    if problems:
        raise typer.Exit(1)


def _verify_stream(
    session: Session, aggregate_type: str, aggregate_id: str
) -> list[dict[str, Any]]:
    from dbkit.calls import events as calls

    found = session.run(calls.verify_stream(aggregate_type, aggregate_id))
    return [as_plain(problem) for problem in found]


def _verify_all(session: Session) -> Generator[dict[str, Any], None, None]:
    from dbkit.calls import events as calls

    after, newest = 0, session.run(calls.safe_position())
    while after == 0 or after < newest:
        for problem in session.run(calls.verify_events(after, VERIFY_PAGE)):
            yield as_plain(problem)
        after += VERIFY_PAGE


def _verify_projections(session: Session) -> Generator[dict[str, Any], None, None]:
    from dbkit.calls import events as calls

    for status in session.run(calls.get_projection_status()):
        for row in session.run(calls.verify_projection(status.projection)):
            yield {**as_plain(row), "projection": status.projection}


def _problem_line(problem: dict[str, Any]) -> str:
    parts = [str(problem["problem"])]
    if "projection" in problem:
        parts.append(f"projection {problem['projection']} row {problem['key']}")
    elif problem["aggregate_type"] is not None:
        parts.append(f"{problem['aggregate_type']}/{problem['aggregate_id']}")
    if problem["organization_id"] not in (None, "default"):
        parts.append(f"organization {problem['organization_id']}")
    parts += [f"{name} {problem[name]}" for name in ("version", "position") if problem.get(name)]
    if problem.get("detail"):
        parts.append(compact(problem["detail"]))
    return "  ".join(parts)


@events.command()
def lag(url: Url = None, as_json: Json = False) -> None:
    """Say what is behind, and what holds it back.

    How far projections and readers are, and which open transactions they wait for. Needs
    service_role.
    """
    from dbkit.calls import events as calls

    with open_session(url) as session:
        safe = session.run(calls.safe_position())
        holders = [as_plain(holder) for holder in session.run(calls.explain_lag())]
        projections = [as_plain(each) for each in session.run(calls.get_projection_status())]
        readers = [as_plain(each) for each in session.run(calls.get_reader_status())]

    def human(console: Console) -> None:
        console.print(f"readers see all up to position {safe}", style="bold")
        for each in holders:
            name = f"pid {each['pid']}" if each["pid"] else f"prepared as {each['prepared_as']}"
            console.print(
                f"held back by {name} ({each['role_name']}, {each['state'] or 'prepared'}) since "
                f"{time_text(each['open_since'])}: {each['holds_back']} positions",
                soft_wrap=True,
            )
        columns = ["projection", "mode", "position", "lag", "row_count", "failed_position"]
        rows = [[each[column] for column in columns] for each in projections]
        print_table(console, ["projection", "mode", "position", "lag", "rows", "stopped at"], rows)
        if readers:
            rows = [
                [e["reader"], e["position"], e["lag"], time_text(e["updated_at"])] for e in readers
            ]
            print_table(console, ["reader", "position", "lag", "saved"], rows)

    document = {
        "safe_position": safe,
        "held_back_by": holders,
        "projections": projections,
        "readers": readers,
    }
    print_answer(as_json, document, human)


@events.command()
def stats(
    organization: Annotated[
        str | None,
        optional("--organization", "ID", "Only this organization. Default: all."),
    ] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Say how much is stored.

    Counts everything, which takes a while on a large store.
    """
    from dbkit.calls import events as calls

    found = ask(calls.get_event_store_stats(organization), url)

    def human(console: Console) -> None:
        size = f"{found.table_bytes / 1e6:,.1f} MB" if found.table_bytes is not None else None
        pairs: list[tuple[str, object]] = [
            ("organization", found.organization_id),
            ("events", f"{found.events:,}"),
            ("streams", f"{found.streams:,} ({found.archived_streams:,} archived)"),
            ("snapshots", f"{found.snapshots:,}"),
            ("first event", time_text(found.first_event_at) or None),
            ("last event", time_text(found.last_event_at) or None),
            ("newest position", found.newest_position),
            ("tables", size),
        ]
        print_lines(console, pairs)
        if found.event_types:
            rows = [[each.event_type, f"{each.events:,}"] for each in found.event_types]
            print_table(console, ["event type", "events"], rows)

    print_answer(as_json, as_plain(found), human)
