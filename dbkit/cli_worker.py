"""`dbkit worker …`: run a worker, and see and stop those that run. A part of `dbkit.cli`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast, get_args

import typer

from dbkit.cli_parts import (
    CliError,
    Json,
    Role,
    Url,
    ask,
    log_to_stderr,
    optional,
    print_list,
    say,
    target_url,
    time_text,
    uuid_of,
)

if TYPE_CHECKING:
    from dbkit.calls import core as calls
    from dbkit.egress import AllowList
    from dbkit.worker import Task

T = TypeVar("T")

worker = typer.Typer(invoke_without_command=True)


@worker.callback()
def run(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="End when nothing is left to do now.")
    ] = False,
    only: Annotated[
        list[str] | None,
        optional(
            "--only",
            "TASK",
            "Only this task: fan-out, webhooks, projections, snapshots, maintenance or "
            "alerts; can be repeated.",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        optional("--without", "TASK", "Not this task; can be repeated."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", metavar="N", min=1, max=2000, help="Requests at a time.")
    ] = 100,
    poll: Annotated[
        float,
        typer.Option(
            "--poll", metavar="SECONDS", min=0.05, max=60, help="How often to look for work."
        ),
    ] = 1.0,
    lease: Annotated[
        int,
        typer.Option(
            "--lease",
            metavar="SECONDS",
            min=2,
            max=3600,
            help="How long a delivery is this worker's alone; a time-out ends before that.",
        ),
    ] = 60,
    grace: Annotated[
        float,
        typer.Option(
            "--grace",
            metavar="SECONDS",
            min=0,
            max=3600,
            help="When told to stop: how long to wait for what is under way, before it is given "
            "back.",
        ),
    ] = 25.0,
    no_listen: Annotated[
        bool,
        typer.Option("--no-listen", help="Do not wait for notifications: look by the clock alone."),
    ] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port",
            metavar="PORT",
            min=0,
            max=65535,
            help="Answer Prometheus on this port. Default: not at all.",
            show_default=False,
        ),
    ] = None,
    metrics_address: Annotated[
        str, typer.Option("--metrics-address", metavar="ADDRESS", help="Where that port is.")
    ] = "127.0.0.1",
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
    role: Role = None,
    url: Url = None,
) -> None:
    """Run webhooks, projections, maintenance and alerts.

    Until SIGTERM, SIGINT or `dbkit worker stop`. Any number of them may run side by side. Needs
    service_role. DBKIT_WEBHOOK_ALLOW names the private targets that webhooks and notices may
    reach, DBKIT_WEBHOOK_CA a file of authorities that webhooks trust. Logs go to
    stderr, as JSON when that is no terminal.
    """
    if context.invoked_subcommand is not None:
        return
    from dbkit.settings import settings
    from dbkit.worker import Options, Worker, run_worker

    log_to_stderr(verbose)
    options = Options(
        tasks=_tasks(only, without),
        concurrency=concurrency,
        poll_seconds=poll,
        lease_seconds=lease,
        grace_seconds=grace,
        listen=not no_listen and not once,
        once=once,
        metrics_port=metrics_port,
        metrics_address=metrics_address,
        role=role,
        allow=allow_list(),
        ca_file=settings().webhook_ca,
    )
    if not run_worker(lambda: Worker(target_url(url), options)):
        raise typer.Exit(1)


def _tasks(only: list[str] | None, without: list[str] | None) -> frozenset[Task]:
    from dbkit.worker import TASKS, Task

    known = set(get_args(Task))
    for option, names in (("--only", only), ("--without", without)):
        for name in set(names or ()) - known:
            raise typer.BadParameter(
                f"no such task: {name}; say {', '.join(TASKS)}", param_hint=option
            )
    chosen = set(only or TASKS) - set(without or ())
    if not chosen:
        raise typer.BadParameter("no task is left", param_hint="--without")
    return frozenset(cast("set[Task]", chosen))


def allow_list() -> AllowList:
    from dbkit.egress import AllowList
    from dbkit.settings import settings

    try:
        return AllowList.parse(settings().webhook_allow)
    except ValueError as error:
        raise CliError(f"DBKIT_WEBHOOK_ALLOW: {error}") from None


@worker.command()
def status(role: Role = None, url: Url = None, as_json: Json = False) -> None:
    """Show the workers of the last day, and what they do.

    Exit code 1 when none is alive. Needs service_role.
    """
    from dbkit.calls import core as calls

    workers = ask(calls.get_workers(), url, role=role)
    columns = ["worker", "host", "pid", "state", "started", "beat", "in flight", "counts"]
    print_list(as_json, workers, columns, _status_row, under="workers")
    if not any(each.is_alive for each in workers):
        raise typer.Exit(1)


def _status_row(each: calls.GetWorkersRow) -> list[object]:
    state: dict[str, Any] = each.state if isinstance(each.state, dict) else {}
    counts: dict[str, Any] = state.get("counts") or {}
    said = "silent" if not each.is_alive else "stopping" if each.stopping else "alive"
    return [
        each.worker_id,
        each.host,
        each.pid,
        said,
        time_text(each.started_at),
        time_text(each.beat_at),
        state.get("in_flight"),
        ", ".join(f"{number} {name}" for name, number in counts.items()),
    ]


@worker.command()
def stop(
    worker_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]", help="Which one: `dbkit worker status` tells.", show_default=False
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that run.")] = False,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Ask a worker to stop.

    It finishes or gives back what it has, and ends. It hears so at once when it listens, else
    within ten seconds. Needs service_role.
    """
    from dbkit.calls import core as calls

    if (worker_id is None) != every:
        raise typer.BadParameter("give an ID or --all", param_hint="ID")
    asked = ask(calls.stop_worker(uuid_of(worker_id, "ID") if worker_id else None), url, role=role)
    if not asked and worker_id:
        raise CliError(f"there is no worker {worker_id}", "`dbkit worker status` lists them.")
    say(as_json, {"asked": asked}, f"asked {asked} to stop")


@worker.command()
def tasks(role: Role = None, url: Url = None, as_json: Json = False) -> None:
    """Show the maintenance tasks and how their last runs ended.

    Exit code 1 when the last run of one has failed. Needs service_role.
    """
    from dbkit.calls import core as calls

    found = ask(calls.get_worker_tasks(), url, role=role)
    columns = ["task", "every", "next", "last", "runs", "failures", "last error"]
    print_list(as_json, found, columns, _task_row, under="tasks")
    if any(each.last_error is not None for each in found):
        raise typer.Exit(1)


def _task_row(each: calls.GetWorkerTasksRow) -> list[object]:
    return [
        each.task,
        f"{each.every_seconds} s",
        time_text(each.next_run_at),
        time_text(each.last_finished_at),
        each.runs,
        each.failures,
        each.last_error,
    ]
