"""`dbkit metrics …`: errors, latencies, a summary, and the figures for monitoring. A part of
`dbkit.cli`, which adds it."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dbkit.cli_parts import (
    CliError,
    Json,
    Role,
    Url,
    as_plain,
    ask,
    connected,
    print_answer,
    print_lines,
    print_list,
    print_table,
    target_url,
    time_text,
    until_interrupted,
)

if TYPE_CHECKING:
    from rich.console import Console

    from dbkit.calls import metrics as calls

metrics = typer.Typer(
    help="Errors, latencies and other figures of the last hours.", no_args_is_help=True
)

Hours = Annotated[
    int, typer.Option("--hours", metavar="N", min=1, max=9600, help="How far to look back.")
]


class Format(StrEnum):
    """What other programs read."""

    PROMETHEUS = "prometheus"
    JSON = "json"


def _printable(text: str | None) -> str:
    """What a client sent, on one line and without anything that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text or "")


@metrics.command()
def errors(
    hours: Hours = 24,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="Errors at most.")
    ] = 50,
    url: Url = None,
    role: Role = None,
    as_json: Json = False,
) -> None:
    """Show the newest errors, and how often each has occurred."""
    from dbkit.calls import metrics as calls

    found = ask(calls.get_recent_errors(limit=limit, hours=hours), url, role=role)

    def human(console: Console) -> None:
        from rich.markup import escape

        console.print(f"{len(found)} errors of the last {hours} hours")
        rows = [
            (
                time_text(each.created_at),
                escape(_printable(each.error_type)),
                escape(_printable(each.message)[:100]),
                escape(_printable(each.url)),
                each.occurrences,
                each.fingerprint[:8],
            )
            for each in found
        ]
        print_table(console, ("at", "type", "message", "url", "times", "fingerprint"), rows)

    print_answer(as_json, {"errors": [as_plain(each) for each in found]}, human)


@metrics.command()
def latency(hours: Hours = 24, url: Url = None, role: Role = None, as_json: Json = False) -> None:
    """Show requests and percentiles (ms) of each endpoint."""
    from dbkit.calls import metrics as calls

    found = ask(calls.get_api_latency_stats(hours=hours), url, role=role)
    columns = ["endpoint", "requests", "errors", "avg", "p50", "p75", "p95", "p99", "max"]
    print_list(as_json, found, columns, _latency_row, under="endpoints")


def _latency_row(each: calls.GetApiLatencyStatsRow) -> list[object]:
    from rich.markup import escape

    figures = (each.avg_ms, each.p50_ms, each.p75_ms, each.p95_ms, each.p99_ms, each.max_ms)
    return [
        escape(_printable(each.endpoint)),
        each.request_count,
        each.error_count,
        *("" if ms is None else f"{ms:.1f}" for ms in figures),
    ]


@metrics.command()
def summary(
    hours: Hours = 24,
    bucket: Annotated[
        int,
        typer.Option("--bucket", metavar="MINUTES", min=1, max=10080, help="For the error rate."),
    ] = 60,
    url: Url = None,
    role: Role = None,
    as_json: Json = False,
) -> None:
    """Show the last hours in numbers, and the error rate over time."""
    from dbkit.calls import metrics as calls

    with connected(url, role=role) as connection:
        found = calls.get_metrics_summary(hours=hours).run(connection)
        series = calls.get_error_rate_timeseries(hours=hours, bucket_minutes=bucket).run(connection)

    def human(console: Console) -> None:
        print_lines(console, _summary_lines(found))
        rows = [
            (
                time_text(each.bucket),
                each.request_count,
                each.error_count,
                "" if each.error_rate is None else f"{each.error_rate:.2f} %",
                each.error_events,
            )
            for each in series
        ]
        print_table(console, ("from", "requests", "failed", "rate", "error events"), rows)

    document = {**as_plain(found), "error_rates": [as_plain(each) for each in series]}
    print_answer(as_json, document, human)


def _summary_lines(found: calls.GetMetricsSummaryResult) -> list[tuple[str, object]]:
    def measured(value: float | None, unit: str) -> str | None:
        return None if value is None else f"{value:.2f} {unit}"

    return [
        ("events", found.total_events),
        ("errors", f"{found.errors} in {found.error_sessions} sessions"),
        ("page views", found.page_views),
        ("requests", f"{found.api_requests}, {found.api_errors} failed"),
        ("error rate", measured(found.error_rate, "%")),
        ("average latency", measured(found.avg_latency_ms, "ms")),
        ("p95 latency", measured(found.p95_latency_ms, "ms")),
        ("dropped", found.dropped),
    ]


@metrics.command()
def export(
    format_: Annotated[
        Format, typer.Option("--format", help="Which format to print the figures in.")
    ] = Format.PROMETHEUS,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="PORT",
            min=1,
            max=65535,
            help="Answer Prometheus on this port until Ctrl-C instead of printing once.",
            show_default=False,
        ),
    ] = None,
    address: Annotated[
        str, typer.Option("--address", metavar="ADDRESS", help="Where that port is.")
    ] = "127.0.0.1",
    url: Url = None,
    role: Role = None,
    as_json: Json = False,
) -> None:
    """Print the package's own figures for Prometheus, or serve them.

    Connections, storage, queues, lags, roll-ups, partition runway, drops, and what
    register_platform_figures added.
    """
    if port is not None:
        _serve(target_url(url), role, port, address)
        return
    from dbkit.calls import metrics as calls
    from dbkit.export import prometheus_text

    found = ask(calls.get_platform_figures(), url, role=role)
    if as_json or format_ is Format.JSON:
        figures = [as_plain(each) for each in found]
        print_answer(True, {"figures": figures}, lambda _: None)
    else:
        sys.stdout.write(prometheus_text(found))


def _serve(url: str, role: str | None, port: int, address: str) -> None:
    import threading

    from prometheus_client import CollectorRegistry, start_http_server

    from dbkit.database import Database
    from dbkit.export import PlatformCollector

    registry = CollectorRegistry()
    with Database(url, max_size=1) as database:
        registry.register(PlatformCollector(database, role=role))
        try:
            server, thread = start_http_server(port, address, registry)
        except OSError as error:
            raise CliError(f"cannot listen on {address}:{port}: {error.strerror}") from None
        print(f"http://{address}:{port}/metrics", file=sys.stderr)
        with until_interrupted():
            threading.Event().wait()
        server.shutdown()
        server.server_close()
        thread.join()
