"""`dbkit release`: begin a guarded release and watch it. A part of `dbkit.cli`."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from decimal import Decimal
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from dbkit.cli_parts import (
    CliError,
    Json,
    Role,
    Session,
    Url,
    as_plain,
    open_session,
    optional,
    print_answer,
    stdout_console,
    time_text,
)

if TYPE_CHECKING:
    from types import FrameType

    from rich.console import Console
    from rich.table import Table

    from dbkit.calls.api import GetReleaseStatusResult

    Status: TypeAlias = GetReleaseStatusResult

EVALUATE_SECONDS = 10.0
"""As often as workers do: so a release is guarded also where no worker runs."""
LOOK_SECONDS = 1.0

_ENDS = {
    "promoted": "everybody is served {new}",
    "switched_back": "{new} was worse: everybody is served {old} again",
    "inconclusive": "the calls did not tell: everybody is served {old} again",
    "aborted": "ended from outside",
}


def release(
    version: Annotated[
        str | None,
        typer.Argument(
            metavar="[VERSION]",
            help="API version to release. Without it the running release is watched.",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        float,
        typer.Option("--share", metavar="PERCENT", min=0.01, max=99, help="Of the consumers."),
    ] = 5,
    guard: Annotated[
        str,
        typer.Option("--guard", metavar="GUARD", help="error_rate, latency, or both with a comma."),
    ] = "error_rate",
    step: Annotated[
        list[float] | None,
        optional(
            "--step",
            "PERCENT",
            "Next share once this one is safe, before everybody; can be repeated.",
        ),
    ] = None,
    min_samples: Annotated[
        int,
        typer.Option(
            "--min-samples", metavar="N", help="Calls of the new version before anything."
        ),
    ] = 50,
    step_minutes: Annotated[
        int, typer.Option("--step-minutes", metavar="N", help="Each share stands at least so long.")
    ] = 10,
    max_minutes: Annotated[
        int, typer.Option("--max-minutes", metavar="N", help="After that it has told nothing.")
    ] = 60,
    margin: Annotated[
        float,
        typer.Option("--margin", metavar="POINTS", help="Percentage points that are no harm."),
    ] = 2,
    false_alarm: Annotated[
        float,
        typer.Option(
            "--false-alarm", metavar="RATE", help="Of versions that are no worse: switched back."
        ),
    ] = 0.01,
    slow_ms: Annotated[
        float | None,
        optional(
            "--slow-ms", "MS", "A call is slow beyond this. Default: the present 95th percentile."
        ),
    ] = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="End the running release: the new version for all.")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="End the running release: the old version for all.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Of --promote or --abort, for the log.")
    ] = "by hand",
    no_watch: Annotated[
        bool, typer.Option("--no-watch", help="Do not wait for the end: a worker evaluates it.")
    ] = False,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Release an API version to a share of consumers, guarded.

    Watched until it is clear whether the version is worse.

    If so: switched back by itself. Safe: the next share, then everybody. Ctrl-C ends the watching
    alone. Exit code 1 when the version was not promoted. Needs super_admin, to watch service_role.
    """
    from dbkit.calls import api

    if promote + abort + (version is not None) > 1:
        raise typer.BadParameter("VERSION, --promote and --abort exclude each other")
    with open_session(url, role=role) as session:
        if promote or abort:
            call = api.promote_release if promote else api.abort_release
            session.run(call(None, reason))
        elif version is not None:
            session.run(
                api.begin_release(
                    version,
                    Decimal(str(share)),
                    guard,
                    min_samples,
                    max_minutes,
                    [Decimal(str(each)) for each in step or []],
                    step_minutes,
                    Decimal(str(margin)),
                    Decimal(str(false_alarm)),
                    None if slow_ms is None else Decimal(str(slow_ms)),
                )
            )
        found = _status(session)
        if found.status == "running" and not no_watch:
            found = _watch(session, found, quiet=as_json)
    print_answer(as_json, as_plain(found), lambda console: _show(console, found))
    if found.status not in ("promoted", "running") and not abort:
        raise typer.Exit(1)


def _status(session: Session) -> Status:
    from dbkit.calls import api

    found = session.run(api.get_release_status())
    if found is None:
        raise CliError("there has been no release yet", "`dbkit release v3 --share 5` begins one.")
    return found


def _watch(session: Session, found: Status, *, quiet: bool) -> Status:
    """Evaluate and show until it has ended, or somebody has seen enough."""
    console = stdout_console()
    if quiet:
        return _until_ended(session, found, lambda _: None)
    if not console.is_terminal:
        return _until_ended(session, found, _Lines(console).show)
    from rich.live import Live

    with Live(_table(found), console=console, auto_refresh=False, transient=True) as live:
        return _until_ended(session, found, lambda now: live.update(_table(now), refresh=True))


class _Lines:
    """For a log: a line when something has changed."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.last = ""

    def show(self, now: Status) -> None:
        line = f"{now.share:g} % {now.verdict}: {_counts(now)}"
        if line != self.last:
            self.console.print(line, soft_wrap=True)
        self.last = line


def _until_ended(session: Session, found: Status, show: Callable[[Status], object]) -> Status:
    from dbkit.calls import api

    now = found
    due = time.monotonic()
    with _told_to_stop() as stop:
        while now.status == "running" and not stop.is_set():
            if time.monotonic() >= due:
                session.run(api.evaluate_releases())
                due = time.monotonic() + EVALUATE_SECONDS
            now = _same(session, found.release_id)
            show(now)
            if now.status == "running":
                stop.wait(LOOK_SECONDS)
    return now


@contextmanager
def _told_to_stop() -> Generator[Event]:
    """Ctrl-C and SIGTERM between two looks, never within a statement."""
    stop = Event()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def told(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    before = {number: signal.signal(number, told) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _same(session: Session, release_id: str) -> Status:
    from dbkit.calls import api

    found = session.run(api.get_release_status(release_id))
    assert found is not None, "releases are never deleted"
    return found


def _counts(now: Status) -> str:
    slow = f", {now.new.slow} slow" if "latency" in now.guards else ""
    old_slow = f", {now.old.slow} slow" if "latency" in now.guards else ""
    return (
        f"{now.version} {now.new.errors} of {now.new.calls} failed{slow}; "
        f"{now.previous_version} {now.old.errors} of {now.old.calls} failed{old_slow}"
    )


def _table(now: Status) -> Table:
    from rich import box
    from rich.table import Table

    title = f"{now.version} for {now.share:g} % of consumers: {now.verdict}"
    ends = f"ends {time_text(now.ends_at)}, evaluated {time_text(now.evaluated_at) or 'not yet'}"
    table = Table("version", "calls", "failed", "rate", title=title, caption=ends, box=box.SIMPLE)
    if "latency" in now.guards:
        table.add_column("slow")
    arms: list[tuple[str, Any]] = [(now.version, now.new), (now.previous_version, now.old)]
    for name, arm in arms:
        rate = f"{100 * arm.errors / arm.calls:.2f} %" if arm.calls else "-"
        slow = [str(arm.slow)] if "latency" in now.guards else []
        table.add_row(name, str(arm.calls), str(arm.errors), rate, *slow)
    return table


def _show(console: Console, now: Status) -> None:
    said = _ENDS.get(now.status, "{new} for {share} % of consumers, the others have {old}")
    text = said.format(new=now.version, old=now.previous_version, share=f"{now.share:g}")
    console.print(f"{now.status}: {text}", style="bold", soft_wrap=True)
    console.print(_counts(now), soft_wrap=True)
    if now.reason:
        console.print(f"reason: {now.reason}", soft_wrap=True)
