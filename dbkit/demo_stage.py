"""How the demo shows itself: live on a terminal, in lines elsewhere, not at all for --json."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console, RenderableType

    from dbkit.demo import Summary

Standing: TypeAlias = "tuple[str, str, int, int]"
"""An app, what it was served last, its calls and failures."""

Show: TypeAlias = "Callable[[float, float, str, Sequence[Standing]], None]"
"""Seconds passed, seconds in all, the active version, and how each app stands."""

_LINE_EVERY = 2.0


class Stage:
    """Everything that the demo prints; without a console it is silent."""

    def __init__(self, console: Console | None) -> None:
        self._console = console

    def say(self, text: str) -> None:
        if self._console is not None:
            self._console.print(text, soft_wrap=True)

    def event(self, seconds: float, text: str) -> None:
        """Something that happened in the story."""
        if self._console is not None:
            self._console.print(f"{seconds:5.1f} s  {text}", style="bold", soft_wrap=True)

    def working(self, text: str) -> AbstractContextManager[object]:
        """A spinner while the block runs, where there is a terminal."""
        if self._console is None or not self._console.is_terminal:
            return nullcontext()
        return self._console.status(text)

    @contextmanager
    def counting(self, what: str, total: int) -> Generator[Callable[[], None], None, None]:
        """A bar that the yielded function moves on by one."""
        if self._console is None or not self._console.is_terminal:
            yield lambda: None
            return
        from rich.progress import Progress

        with Progress(console=self._console, transient=True) as progress:
            task = progress.add_task(what, total=total)
            yield lambda: progress.advance(task)

    @contextmanager
    def live(self) -> Generator[Show, None, None]:
        """What the yielded function is shown replaces what it was shown before."""
        if self._console is None:
            yield _ignore
        elif self._console.is_terminal:
            from rich.live import Live

            with Live(console=self._console, refresh_per_second=10, transient=True) as screen:

                def show(
                    passed: float, seconds: float, active: str, standings: Sequence[Standing]
                ) -> None:
                    screen.update(_scene(passed, seconds, active, standings))

                yield show
        else:
            yield _Lines(self._console)

    def result(self, summary: Summary) -> None:
        if self._console is not None:
            _print_result(self._console, summary)


def _ignore(passed: float, seconds: float, active: str, standings: Sequence[Standing]) -> None:
    """For a stage that is silent."""


class _Lines:
    """A line every two seconds, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = 0.0

    def __call__(
        self, passed: float, seconds: float, active: str, standings: Sequence[Standing]
    ) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _LINE_EVERY
        calls, failed = sum(s[2] for s in standings), sum(s[3] for s in standings)
        served = "  ".join(f"{app} gets {version or '-'}" for app, version, _, _ in standings)
        self._console.print(
            f"{passed:5.1f} s  {active} is active  {calls:6,} calls  {failed} failed  {served}",
            soft_wrap=True,
        )


def _scene(
    passed: float, seconds: float, active: str, standings: Sequence[Standing]
) -> RenderableType:
    from rich import box
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table("app", "is served", "calls", "failed", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for app, version, calls, failed in standings:
        colour = "red" if failed else "green"
        cells = [Text(app), Text(version, style="cyan"), Text(f"{calls:,}")]
        table.add_row(*cells, Text(str(failed), style=colour))
    title = Text.assemble(f"{passed:5.1f} s   active version ", (active, "bold cyan"))
    return Group(title, ProgressBar(total=seconds, completed=passed, width=60), table)


def _print_result(console: Console, summary: Summary) -> None:
    from rich import box
    from rich.table import Table

    clients = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="What each app was served")
    for title in ("app", "served", "calls", "p50 ms", "p95 ms"):
        clients.add_column(title, no_wrap=True, justify="left" if len(title) < 7 else "right")
    clients.add_column("its menu", overflow="fold")
    for line in summary.clients:
        numbers = (f"{line.calls:,}", f"{line.p50_ms:.1f}", f"{line.p95_ms:.1f}")
        clients.add_row(line.app_version, line.api_version, *numbers, line.menu)
    console.print(clients)

    switches = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Audit trail (deployment_log)")
    for title in ("at", "switch", "fallback", "revision", "by", "logged as"):
        switches.add_column(title)
    for switch in summary.switches:
        moved = f"{switch.previous_version} -> {switch.current_version}"
        fallback, revision = switch.fallback_version, str(switch.revision)
        switches.add_row(
            switch.at[11:23], moved, fallback, revision, switch.by, switch.deployment_id
        )
    console.print(switches)
    _print_totals(console, summary)


def _print_totals(console: Console, summary: Summary) -> None:
    def listed(counts: dict[str, int]) -> str:
        return ", ".join(f"{version} {count:,}" for version, count in counts.items())

    rate = summary.calls / summary.seconds if summary.seconds else 0.0
    console.print(f"calls     {summary.calls:,} in {summary.seconds:g} s ({rate:,.0f} a second)")
    console.print(f"served    {listed(summary.versions)}")
    console.print(f"orders    {listed(summary.orders)} in one table, one shape")
    console.print(
        f"events    {summary.events:,}; the read model made from them counts "
        f"{summary.orders_in_events:,} orders"
    )
    console.print(f"latency   p50 {summary.p50_ms:.1f} ms, p95 {summary.p95_ms:.1f} ms")
    for error in summary.errors:
        console.print(f"failed    {error}", style="red", soft_wrap=True)
    colour = "bold red" if summary.failures else "bold green"
    console.print(
        f"failures  {summary.failures}, while the version was switched "
        f"{len(summary.switches)} times",
        style=colour,
    )
