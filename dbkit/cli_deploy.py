"""`dbkit deploy` and `dbkit deployments`. A part of `dbkit.cli`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from dbkit.cli_parts import (
    CliError,
    Json,
    Role,
    Url,
    as_plain,
    compact,
    connected,
    optional,
    print_answer,
    print_lines,
    print_table,
    target_url,
    time_text,
)

if TYPE_CHECKING:
    from rich.console import Console

    from dbkit.deploy import Hook, Outcome, Plan, SmokeTest


_SMOKE = {None: "not run", True: "passed", False: "failed"}


def deploy(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="Version of the application, such as 2.4.0.")
    ],
    environment: Annotated[
        str, typer.Option("--environment", metavar="NAME", help="production or staging.")
    ] = "production",
    commit: Annotated[
        str | None,
        optional("--commit", "SHA", "Commit that is deployed."),
    ] = None,
    deployment_id: Annotated[
        str | None,
        optional("--id", "ID", "Name in deployment_log. Default: one is made."),
    ] = None,
    artifact: Annotated[
        str | None,
        optional(
            "--artifact",
            "TEXT",
            "What a rollback puts back: an image, or the id of a Vercel deployment.",
        ),
    ] = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring dbkit's schema to the newest revision.")
    ] = False,
    migrate_command: Annotated[
        str | None,
        optional(
            "--migrate-command",
            "COMMAND",
            "Migrate the application's own schema by this, without a shell.",
        ),
    ] = None,
    contract: Annotated[
        list[str] | None,
        optional(
            "--contract",
            "REVISION",
            "Revision of --migrate-command that older code cannot work with; can be repeated.",
        ),
    ] = None,
    run: Annotated[
        str | None,
        optional("--run", "COMMAND", "Deploy the application by this, without a shell."),
    ] = None,
    switch: Annotated[
        str | None,
        optional(
            "--switch", "VERSION", "Make this API version the active one before the smoke tests."
        ),
    ] = None,
    smoke: Annotated[
        list[str] | None,
        optional("--smoke", "TEST", "https://…, 'rpc:NAME JSON' or 'sql:QUERY'; can be repeated."),
    ] = None,
    attempts: Annotated[
        int, typer.Option("--attempts", metavar="N", min=1, max=100, help="Tries of a smoke test.")
    ] = 5,
    wait: Annotated[
        float,
        typer.Option(
            "--wait",
            metavar="SECONDS",
            min=0,
            max=60,
            help="Before the second try; longer before each further one.",
        ),
    ] = 1.0,
    timeout: Annotated[
        float,
        typer.Option("--timeout", metavar="SECONDS", min=0.1, max=600, help="For one try."),
    ] = 30.0,
    rollback_command: Annotated[
        str | None,
        optional(
            "--rollback-command",
            "COMMAND",
            "When it fails: puts DBKIT_TARGET_VERSION (…_COMMIT, …_ARTIFACT) back.",
        ),
    ] = None,
    rollback_url: Annotated[
        str | None,
        optional(
            "--rollback-url", "URL", "When it fails: what to put back is posted there as JSON."
        ),
    ] = None,
    rollback_vercel: Annotated[
        str | None,
        optional(
            "--rollback-vercel",
            "PROJECT",
            "When it fails: instant rollback of this Vercel project (VERCEL_TOKEN).",
        ),
    ] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Deploy, try it out, roll back when it fails.

    Steps, each where asked for: migrate, run the command, switch the API version, smoke tests. When
    one fails: the API version goes back, the last release that worked is put back by the rollback
    hook, and is tried out in turn, once. Everything is in deployment_log. Exit code 1 when it
    failed, also when the rollback went well. Needs service_role, and super_admin for --switch.
    """
    import stamina.instrumentation

    from dbkit.deploy import DeployError, Plan
    from dbkit.deploy import deploy as run_deploy

    if environment not in ("production", "staging"):
        raise typer.BadParameter("say production or staging", param_hint="--environment")
    plan = Plan(
        version=version,
        environment=cast("Any", environment),
        commit_sha=commit,
        deployment_id=deployment_id,
        artifact=artifact,
        migrate=migrate,
        migrate_command=migrate_command,
        contract=contract or [],
        deploy_command=run,
        switch_to=switch,
        smoke_tests=_smoke_tests(smoke or []),
        attempts=attempts,
        wait_seconds=wait,
        timeout_seconds=timeout,
        hook=_hook(rollback_command, rollback_url, rollback_vercel),
    )
    target = target_url(url)
    stamina.instrumentation.set_on_retry_hooks([])  # the command says itself what did not work
    try:
        outcome = run_deploy(target, plan, lambda text: print(text, file=sys.stderr))
    except DeployError as error:
        raise CliError(str(error), error.hint) from None
    print_answer(as_json, as_plain(outcome), lambda console: _show(console, plan, outcome))
    if outcome.status != "success":
        raise typer.Exit(1)


def _smoke_tests(given: list[str]) -> list[SmokeTest]:
    from dbkit.deploy import SmokeTest

    try:
        return [SmokeTest.parse(text) for text in given]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--smoke") from None


def _hook(command: str | None, post_to: str | None, vercel: str | None) -> Hook | None:
    from dbkit.deploy import Hook
    from dbkit.settings import settings

    chosen = settings()
    hooks = [
        *([Hook("command", command)] if command else []),
        *([Hook("url", post_to, chosen.deploy_token)] if post_to else []),
        *(
            [Hook("vercel", vercel, chosen.vercel_token, chosen.vercel_team, chosen.vercel_api)]
            if vercel
            else []
        ),
    ]
    if len(hooks) > 1:
        raise typer.BadParameter("one hook is enough", param_hint="--rollback-…")
    if vercel and not chosen.vercel_token:
        raise CliError("VERCEL_TOKEN is not set", "--rollback-vercel calls Vercel's API with it.")
    return hooks[0] if hooks else None


def _show(console: Console, plan: Plan, outcome: Outcome) -> None:
    words = {
        "success": "deployed",
        "failed": "failed",
        "rolled_back": "failed, and rolled back",
        "rollback_failed": "failed, and so did the rollback",
    }
    console.print(f"{plan.version}: {words[outcome.status]}", style="bold")
    print_lines(
        console,
        [
            ("logged as", outcome.deployment_id),
            ("reason", outcome.reason),
            ("put back", outcome.target_version),
            ("rollback", outcome.rollback),
            ("api version", outcome.api_version),
            ("given up", ", ".join(outcome.given_up) or None),
        ],
    )


def deployments(
    deployment_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]", help="Show the steps of this one instead.", show_default=False
        ),
    ] = None,
    environment: Annotated[
        str | None,
        optional("--environment", "NAME", "production or staging."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many at most.")
    ] = 20,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List releases, rollbacks and switches, or the steps of one.

    Newest first. Needs service_role.
    """
    from dbkit.calls import deployments as calls

    with connected(url, role=role) as connection:
        if deployment_id:
            steps = calls.get_deployment_steps(deployment_id).run(connection)
            rows: list[list[object]] = [
                [s.step, s.status, time_text(s.logged_at), compact(s.details)] for s in steps
            ]
            columns, found = ["step", "status", "at", "details"], [as_plain(s) for s in steps]
        else:
            listed = calls.get_deployments(environment, limit).run(connection)
            rows = [
                [
                    d.deployment_id,
                    d.kind,
                    d.environment,
                    d.version,
                    d.status,
                    _SMOKE[d.smoke_test_passed] if d.kind != "api_switch" else None,
                    time_text(d.deployed_at),
                    d.last_step,
                ]
                for d in listed
            ]
            columns = ["id", "kind", "where", "version", "status", "smoke", "at", "last step"]
            found = [as_plain(d) for d in listed]
    if deployment_id and not found:
        raise CliError(f"no steps of {deployment_id} are logged", "`dbkit deployments` lists them.")
    print_answer(as_json, found, lambda console: print_table(console, columns, rows))
