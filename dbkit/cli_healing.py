"""`dbkit heal …` and `dbkit maintenance …`. A part of `dbkit.cli`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbkit.cli_parts import (
    CliError,
    Json,
    Limit,
    Role,
    Url,
    as_plain,
    ask,
    compact,
    connected,
    open_session,
    optional,
    print_answer,
    print_lines,
    print_list,
    print_table,
    say,
    time_text,
)

if TYPE_CHECKING:
    from rich.console import Console

    from dbkit.calls import healing as calls

heal = typer.Typer(help="What is put right without a person, and taken back.", no_args_is_help=True)
maintenance = typer.Typer(help="Run the maintenance, or see how it went.", no_args_is_help=True)

Rule = Annotated[str, typer.Argument(metavar="RULE", help="As `dbkit heal rules` lists them.")]
Reason = Annotated[str | None, optional("--reason", "TEXT", "Why, for those who ask later.")]
OnlyRule = Annotated[str | None, optional("--rule", "RULE", "Only of this rule.")]
Before = Annotated[int | None, optional("--before", "ID", "Only what is older: the next page.")]

_RULE_COLUMNS = ["rule", "what", "state", "budget left", "trips at", "last", "outcome", "error"]


# --- healing ---------------------------------------------------------------------------------


@heal.command("run")
def heal_run(
    rule: Annotated[
        str | None,
        typer.Argument(metavar="[RULE]", help="Only this one. Default: all.", show_default=False),
    ] = None,
    group: Annotated[
        str | None, optional("--group", "GROUP", "Only the rules of this group.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would change, and change nothing.")
    ] = False,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Run heal rules: a batch of changes each.

    Exit code 1 when a rule has failed or tripped. Needs service_role.
    """
    from dbkit.calls import healing as calls

    if rule is not None and group is not None:
        raise typer.BadParameter("give a RULE or --group", param_hint="RULE")
    with connected(url, role=role) as connection:
        if rule is not None:
            runs = [as_plain(calls.run_heal_rule(rule, dry_run).run(connection))]
        else:
            runs = _list(calls.run_heal_rules(group, dry_run).run(connection).rules)
    print_answer(as_json, {"rules": runs}, lambda console: _show_runs(console, runs))
    if any(run["outcome"] in ("failed", "tripped") for run in runs):
        raise typer.Exit(1)


def _list(value: Any) -> list[dict[str, Any]]:
    return list(value)


def _show_runs(console: Console, runs: list[dict[str, Any]]) -> None:
    columns = ["rule", "outcome", "healed", "found", "of", "budget left", "error"]
    rows = [
        [run[key] for key in ("rule", "outcome", "healed", "found", "population", "budget_left")]
        + [run["error"]]
        for run in runs
    ]
    print_table(console, columns, rows)
    for run in runs:
        for change in run["changes"]:
            verb = "would become" if run["dry_run"] else "became"
            console.print(
                f"{change['subject']}: {compact(change['before'])} {verb} "
                f"{compact(change['after'])}",
                soft_wrap=True,
            )


@heal.command("rules")
def heal_rules(role: Role = None, url: Url = None, as_json: Json = False) -> None:
    """List the heal rules, their limits, and how each last ran.

    Exit code 1 when one has tripped or failed, or healing is switched off. Needs service_role.
    """
    from dbkit.calls import healing as calls

    found = ask(calls.get_heal_rules(), url, role=role)
    print_list(as_json, found, _RULE_COLUMNS, _rule_row, under="rules")
    if any(_rule_state(each) in ("tripped", "all off", "failing") for each in found):
        raise typer.Exit(1)


def _rule_state(each: calls.GetHealRulesRow) -> str:
    if not each.healing_enabled:
        return "all off"
    if not each.enabled:
        return "off"
    if each.tripped_at is not None:
        return "tripped"
    return "failing" if each.last_outcome == "failed" else "on"


def _rule_row(each: calls.GetHealRulesRow) -> list[object]:
    trips = None
    if each.trip_share is not None:
        trips = f"{each.trip_share:.0%}, at least {each.trip_min}"
    return [
        each.rule,
        each.description,
        _rule_state(each),
        f"{each.budget_left} of {each.budget_per_hour}",
        trips,
        time_text(each.last_run_at),
        each.last_outcome,
        each.last_error,
    ]


@heal.command("ledger")
def heal_ledger(
    rule: OnlyRule = None,
    subject: Annotated[
        str | None, optional("--subject", "ID", "Only of this: the id of an order, say.")
    ] = None,
    run_id: Annotated[int | None, optional("--run", "ID", "Only of this run.")] = None,
    before: Before = None,
    limit: Limit = 50,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List what was healed, newest first.

    Needs service_role.
    """
    from dbkit.calls import healing as calls

    asked = calls.get_heal_ledger(rule, subject, run_id, before, limit)
    found = ask(asked, url, role=role)
    columns = ["id", "run", "rule", "subject", "before", "after", "healed", "undone"]
    print_list(as_json, found, columns, _ledger_row, under="ledger")


def _ledger_row(each: calls.GetHealLedgerRow) -> list[object]:
    return [
        each.ledger_id,
        each.run_id,
        each.rule,
        each.subject,
        compact(each.before),
        compact(each.after),
        time_text(each.healed_at),
        time_text(each.undone_at),
    ]


@heal.command("runs")
def heal_runs(
    rule: OnlyRule = None,
    before: Before = None,
    limit: Limit = 50,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List the runs of heal rules, newest first.

    Those that did nothing too. Needs service_role.
    """
    from dbkit.calls import healing as calls

    found = ask(calls.get_heal_runs(rule, before, limit), url, role=role)
    columns = ["run", "rule", "started", "ms", "outcome", "found", "of", "healed", "error"]
    print_list(as_json, found, columns, _heal_run_row, under="runs")


def _heal_run_row(each: calls.GetHealRunsRow) -> list[object]:
    return [
        each.run_id,
        each.rule,
        time_text(each.started_at),
        each.took_ms,
        each.outcome,
        each.found,
        each.population,
        each.healed,
        each.error,
    ]


@heal.command("undo")
def heal_undo(
    ledger_id: Annotated[
        int | None,
        typer.Argument(
            metavar="[ID]", help="As `dbkit heal ledger` lists them.", show_default=False
        ),
    ] = None,
    run_id: Annotated[int | None, optional("--run", "ID", "All that a run changed.")] = None,
    reason: Reason = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Take back what was healed, as far as it has not moved on since.

    The rule leaves it alone for 30 days. Exit code 1 when something was refused. Needs
    service_role.
    """
    from dbkit.calls import healing as calls

    if (ledger_id is None) == (run_id is None):
        raise typer.BadParameter("give an ID or --run", param_hint="ID")
    with connected(url, role=role) as connection:
        if ledger_id is not None:
            calls.undo_healing(ledger_id, reason).run(connection)
            undone, refused = 1, _list([])
        else:
            answer = calls.undo_heal_run(run_id or 0, reason).run(connection)
            undone, refused = answer.undone, _list(answer.refused)

    def human(console: Console) -> None:
        console.print(f"undone {undone}")
        for each in refused:
            console.print(f"refused {each['ledger_id']}: {each['reason']}", soft_wrap=True)

    print_answer(as_json, {"undone": undone, "refused": refused}, human)
    if refused:
        raise typer.Exit(1)


@heal.command("off")
def heal_off(
    reason: Reason = None, role: Role = None, url: Url = None, as_json: Json = False
) -> None:
    """Switch all healing off.

    When the command has ended, nothing is healed any more. Needs service_role.
    """
    _switch(False, reason, role, url, as_json)


@heal.command("on")
def heal_on(
    reason: Reason = None, role: Role = None, url: Url = None, as_json: Json = False
) -> None:
    """Switch healing on again.

    Needs service_role.
    """
    _switch(True, reason, role, url, as_json)


def _switch(on: bool, reason: str | None, role: str | None, url: str | None, as_json: bool) -> None:
    from dbkit.calls import healing as calls

    before = ask(calls.set_healing_enabled(on, reason), url, role=role)
    said = f"healing is {'on' if on else 'off'}{' already' if before is on else ''}"
    say(as_json, {"enabled": on, "before": before}, said)


@heal.command("resume")
def heal_resume(
    rule: Rule,
    allow: Annotated[
        int,
        typer.Option(
            "--allow",
            metavar="N",
            min=0,
            max=1_000_000,
            help="So many changes are not judged by their share; the budget holds all the same.",
        ),
    ] = 0,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Let a rule that tripped go on.

    `dbkit heal run RULE --dry-run` shows what it would change. Needs service_role.
    """
    from dbkit.calls import healing as calls

    tripped = ask(calls.resume_heal_rule(rule, allow), url, role=role)
    said = f"{rule} goes on" if tripped else f"{rule} had not tripped"
    say(
        as_json,
        {"rule": rule, "had_tripped": tripped, "allow": allow},
        f"{said}; {allow} changes allowed",
    )


@heal.command("limits")
def heal_limits(
    rule: Rule,
    budget: Annotated[
        int | None, optional("--budget", "N", "Changes in any hour, at most.")
    ] = None,
    share: Annotated[
        float | None,
        optional("--share", "PERCENT", "It trips when more than this share would change."),
    ] = None,
    never_trips: Annotated[
        bool, typer.Option("--never-trips", help="Whatever share would change.")
    ] = False,
    at_least: Annotated[
        int | None, optional("--at-least", "N", "It never trips for fewer changes than that.")
    ] = None,
    batch: Annotated[
        int | None, optional("--batch", "N", "Changes in one transaction, at most.")
    ] = None,
    enabled: Annotated[
        bool | None,
        typer.Option("--enable/--disable", help="Whether the rule runs.", show_default=False),
    ] = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Change the limits of a rule, or whether it runs.

    What is not given stays. Needs super_admin.
    """
    from dbkit.calls import healing as calls

    part = None if share is None else Decimal(str(share)) / 100
    with connected(url, role=role) as connection:
        calls.set_heal_limits(rule, budget, part, at_least, batch, enabled, never_trips).run(
            connection
        )
        (found,) = (r for r in calls.get_heal_rules().run(connection) if r.rule == rule)
    print_answer(
        as_json,
        as_plain(found),
        lambda console: print_table(console, _RULE_COLUMNS, [_rule_row(found)]),
    )


# --- maintenance -----------------------------------------------------------------------------


@maintenance.command("run")
def maintenance_run(
    step: Annotated[
        str | None,
        typer.Argument(metavar="[STEP]", help="Only this one. Default: all.", show_default=False),
    ] = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Run the maintenance now, each step in a transaction of its own.

    Exit code 1 when a step or a heal rule has failed; the others are run all the same. Needs
    service_role.
    """
    from dbkit.calls import healing as calls

    with open_session(url, role=role) as session:
        names = [step] if step is not None else _enabled(session.run(calls.get_maintenance_steps()))
        ran = [session.run(calls.run_maintenance_step(name)) for name in names]
    print_list(
        as_json,
        ran,
        ["step", "outcome", "ms", "result"],
        lambda each: [
            each.step,
            each.outcome,
            each.took_ms,
            each.error if each.error else compact(each.result),
        ],
        under="steps",
    )
    if any(_has_failed(each) for each in ran):
        raise typer.Exit(1)


def _has_failed(ran: calls.RunMaintenanceStepResult) -> bool:
    """A heal rule that failed does not fail its step: the other rules' work stays."""
    told: Any = ran.result if ran.step == "auto_heal" else None
    rules = told["rules"] if told else ()
    return ran.outcome == "failed" or any(rule["outcome"] == "failed" for rule in rules)


def _enabled(steps: list[calls.GetMaintenanceStepsRow]) -> list[str]:
    return [each.step for each in steps if each.enabled]


@maintenance.command("steps")
def maintenance_steps(role: Role = None, url: Url = None, as_json: Json = False) -> None:
    """List the steps of the maintenance, and how each last ended.

    Exit code 1 when the last run of one has failed. Needs service_role.
    """
    from dbkit.calls import healing as calls

    found = ask(calls.get_maintenance_steps(), url, role=role)
    columns = ["step", "what", "every", "next", "last", "outcome", "ms", "error"]
    print_list(as_json, found, columns, _step_row, under="steps")
    if any(each.last_outcome == "failed" for each in found):
        raise typer.Exit(1)


def _step_row(each: calls.GetMaintenanceStepsRow) -> list[object]:
    return [
        each.step,
        each.description,
        f"{each.every_seconds} s" if each.enabled else "off",
        time_text(each.next_run_at) if each.enabled else None,
        time_text(each.last_run_at),
        each.last_outcome,
        each.last_took_ms,
        each.last_error,
    ]


@maintenance.command("runs")
def maintenance_runs(
    step: Annotated[str | None, optional("--step", "STEP", "Only of this step.")] = None,
    before: Before = None,
    limit: Limit = 50,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List the runs of steps, newest first.

    Needs service_role.
    """
    from dbkit.calls import healing as calls

    found = ask(calls.get_maintenance_runs(step, before, limit), url, role=role)
    print_list(
        as_json,
        found,
        ["run", "step", "started", "ms", "outcome", "error"],
        lambda r: [r.run_id, r.step, time_text(r.started_at), r.took_ms, r.outcome, r.error],
        under="runs",
    )


@maintenance.command("schedule")
def maintenance_schedule(
    cron: Annotated[
        str, typer.Option("--cron", metavar="SCHEDULE", help="When, as pg_cron writes it.")
    ] = "*/15 * * * *",
    remove: Annotated[bool, typer.Option("--remove", help="Take it from pg_cron again.")] = False,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Let pg_cron run the maintenance, each step as a job of its own.

    A worker does it without that. Where pg_cron is missing, the command says so and changes
    nothing. Needs service_role and the right to use pg_cron.
    """
    from dbkit.calls import healing as calls

    if remove and cron != "*/15 * * * *":
        raise CliError("--remove takes no --cron")
    asked = calls.unschedule_maintenance() if remove else calls.schedule_maintenance(cron)
    jobs = ask(asked, url, role=role)
    said = [("removed" if remove else cron, job) for job in jobs]
    print_answer(
        as_json,
        {"jobs": jobs, "removed": remove},
        lambda console: print_lines(console, said),
    )
