"""`dbkit commands …` and `dbkit queries …`: register, execute, watch. A part of `dbkit.cli`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbkit.cli_parts import (
    ClientId,
    Json,
    Organization,
    Role,
    Url,
    UserId,
    as_plain,
    compact,
    connected,
    json_text,
    print_answer,
    print_lines,
    print_table,
    read_json,
    time_text,
    uuid_of,
)

if TYPE_CHECKING:
    from rich.console import Console

    from dbkit.calls import cqrs as calls

commands = typer.Typer(help="Register and execute commands, read their log.", no_args_is_help=True)
queries = typer.Typer(help="Register and ask queries, watch their cache.", no_args_is_help=True)


# --- arguments -------------------------------------------------------------------------------

Command = Annotated[
    str, typer.Argument(metavar="NAME", help="Registered command, such as place_order.")
]
Query = Annotated[
    str, typer.Argument(metavar="NAME", help="Registered query, such as open_orders.")
]
Description = Annotated[
    str, typer.Option("--description", metavar="TEXT", help="What it does, in one line.")
]
RequiredRole = Annotated[
    str,
    typer.Option(
        "--required-role",
        metavar="ROLE",
        help="Database role whose rights a caller needs; anon lets everybody in.",
    ),
]
Schema = Annotated[
    str | None,
    typer.Option(
        "--schema",
        metavar="JSON",
        help="JSON Schema of what is sent, or @file. Default: any object.",
        show_default=False,
    ),
]


def _role(required_role: str) -> str | None:
    return None if required_role == "anon" else required_role


# --- commands --------------------------------------------------------------------------------


@commands.command("list")
def list_commands(url: Url = None, as_json: Json = False) -> None:
    """List the registered commands and what handles them."""
    from dbkit.calls import cqrs as calls

    with connected(url) as connection:
        found = calls.list_commands().run(connection)
    rows = [
        [c.command, c.handler_signature or "a program", c.required_role or "any", c.description]
        for c in found
    ]
    print_answer(
        as_json,
        [as_plain(each) for each in found],
        lambda console: print_table(console, ["command", "handler", "role", "description"], rows),
    )


@commands.command("register")
def register_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Snake case, such as place_order.")],
    handler: Annotated[
        str | None,
        typer.Argument(
            metavar="[HANDLER]",
            help="schema.function(jsonb) or (jsonb, bigint), returning jsonb. Without one a "
            "program handles it.",
            show_default=False,
        ),
    ] = None,
    schema: Schema = None,
    required_role: RequiredRole = "authenticated",
    rejection: Annotated[
        list[str] | None,
        typer.Option(
            "--rejection",
            metavar="SQLSTATE",
            help="Error of the handler that is recorded as a rejection, besides KD605; can be "
            "repeated.",
            show_default=False,
        ),
    ] = None,
    description: Description = "",
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Register a command, or change it.

    It can be executed at once. Needs super_admin.
    """
    from dbkit.calls import cqrs as calls
    from dbkit.codec import UNSET

    asked = calls.register_command(
        name,
        handler,
        read_json(schema, "--schema") if schema else UNSET,
        _role(required_role),
        rejection or [],
        description,
    )
    with connected(url) as connection:
        asked.run(connection)
    print_answer(
        as_json,
        {"command": name, "handler": handler},
        lambda console: console.print(f"registered the command {name}", soft_wrap=True),
    )


@commands.command("unregister")
def unregister_command(name: Command, url: Url = None, as_json: Json = False) -> None:
    """Take a command away; its log and its handler stay.

    Needs super_admin.
    """
    from dbkit.calls import cqrs as calls

    with connected(url) as connection:
        was_there = calls.unregister_command(name).run(connection)
    said = f"unregistered {name}" if was_there else f"there was no command {name}"
    print_answer(
        as_json,
        {"command": name, "was_there": was_there},
        lambda console: console.print(said, soft_wrap=True),
    )


@commands.command("execute")
def execute_command(
    name: Command,
    payload: Annotated[
        str,
        typer.Option(
            "--payload", "-p", metavar="JSON", help="JSON, @file, or - to read it from stdin."
        ),
    ] = "{}",
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="Idempotency key: sent again with it, the command is done once.",
            show_default=False,
        ),
    ] = None,
    expected_version: Annotated[
        int | None,
        typer.Option(
            "--expected-version",
            metavar="N",
            help="Version that the handler must find.",
            show_default=False,
        ),
    ] = None,
    organization: Organization = None,
    user_id: UserId = None,
    client_id: ClientId = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Execute a command; show what became of it.

    Exit code 1 when it was rejected: the rejection is recorded all the same.
    """
    from dbkit.calls import cqrs as calls

    asked = calls.execute_command(name, read_json(payload, "--payload"), key, expected_version)
    who = {"organization_id": organization, "user_id": user_id, "client_id": client_id}
    with connected(url, role=role, **who) as connection:
        done = asked.run(connection)
    print_answer(as_json, as_plain(done), lambda console: _executed(console, done))
    if done.rejection is not None:
        raise typer.Exit(1)


def _executed(console: Console, done: calls.ExecuteCommandResult) -> None:
    again = " (replayed)" if done.replayed else ""
    console.print(f"{done.status}{again}  {done.command_id}", style="bold", soft_wrap=True)
    if done.rejection is not None:
        console.print(f"{done.rejection.sqlstate}: {done.rejection.message}", soft_wrap=True)
        if done.rejection.hint:
            console.print(f"hint: {done.rejection.hint}", soft_wrap=True)
        return
    if done.position is not None:
        console.print(f"position {done.position}")
    print(json_text(done.response))


@commands.command("log")
def command_log(
    command: Annotated[
        str | None,
        typer.Option(
            "--command", metavar="NAME", help="Only this command. Default: all.", show_default=False
        ),
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", metavar="STATUS", help="Only done or rejected ones.", show_default=False
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(
            "--before",
            metavar="ID",
            help="Only what is older than this command id: the next page.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="At most so many.")
    ] = 50,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show what was executed, the newest first.

    Needs service_role.
    """
    from dbkit.calls import cqrs as calls

    asked = calls.get_commands(
        command, status, organization, uuid_of(before, "--before") if before else None, limit
    )
    with connected(url, role=role) as connection:
        found = asked.run(connection)
    print_answer(
        as_json,
        [as_plain(each) for each in found],
        lambda console: print_table(
            console,
            ["at", "command", "status", "ms", "events", "user", "key", "id"],
            [_log_line(each) for each in found],
        ),
    )


def _log_line(entry: calls.GetCommandsRow) -> list[object]:
    status = entry.status
    if isinstance(entry.rejection, dict):
        status = f"{status} {entry.rejection['sqlstate']}"
    return [
        time_text(entry.created_at),
        entry.command,
        status,
        f"{entry.duration_ms:.1f}",
        entry.events,
        entry.user_id or "",
        entry.idempotency_key or "",
        entry.command_id,
    ]


@commands.command("stats")
def command_stats(
    hours: Annotated[
        int, typer.Option("--hours", metavar="N", min=1, max=8760, help="How far back.")
    ] = 24,
    organization: Annotated[
        str | None,
        typer.Option(
            "--organization",
            metavar="ID",
            help="Only of this organization. Default: all.",
            show_default=False,
        ),
    ] = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show what was done and rejected, and how long it took.

    Needs service_role.
    """
    from dbkit.calls import cqrs as calls

    with connected(url, role=role) as connection:
        found = calls.get_command_stats(hours, organization).run(connection)
    columns = ["command", "done", "rejected", "events", "average ms", "p50", "p95", "rejections"]
    rows = [
        [
            each.command,
            each.done,
            each.rejected,
            each.events,
            *(f"{ms:.1f}" for ms in (each.average_ms, each.p50_ms, each.p95_ms)),
            compact(each.rejections) if each.rejections else "",
        ]
        for each in found
    ]
    print_answer(
        as_json,
        [as_plain(each) for each in found],
        lambda console: print_table(console, columns, rows),
    )


# --- queries ---------------------------------------------------------------------------------


@queries.command("list")
def list_queries(url: Url = None, as_json: Json = False) -> None:
    """List the registered queries and what their answers depend on."""
    from dbkit.calls import cqrs as calls

    with connected(url) as connection:
        found = calls.list_queries().run(connection)
    rows = [
        [
            each.query,
            each.handler_signature,
            _dependencies(each),
            each.vary,
            f"{each.ttl_seconds} s",
            each.required_role or "any",
        ]
        for each in found
    ]
    columns = ["query", "handler", "depends on", "shared by", "kept", "role"]
    print_answer(
        as_json,
        [as_plain(each) for each in found],
        lambda console: print_table(console, columns, rows),
    )


def _dependencies(query: calls.ListQueriesRow) -> str:
    stream = [f"stream {query.stream_type}/{query.stream_param}"] if query.stream_type else []
    projections = [f"projection {each}" for each in query.projections]
    return ", ".join([*query.event_types, *stream, *projections])


@queries.command("register")
def register_query(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Snake case, such as open_orders.")],
    handler: Annotated[
        str,
        typer.Argument(metavar="HANDLER", help="schema.function(jsonb), STABLE, returning jsonb."),
    ],
    depends_on: Annotated[
        list[str] | None,
        typer.Option(
            "--depends-on",
            metavar="EVENT",
            help="Event type that changes the answer; can be repeated.",
            show_default=False,
        ),
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option(
            "--stream",
            metavar="TYPE:PARAM",
            help="The answer changes with one stream: its aggregate type, and the parameter that "
            "has its id.",
            show_default=False,
        ),
    ] = None,
    projection: Annotated[
        list[str] | None,
        typer.Option(
            "--projection",
            metavar="NAME",
            help="Projection that the handler reads; can be repeated.",
            show_default=False,
        ),
    ] = None,
    ttl: Annotated[
        int,
        typer.Option(
            "--ttl", metavar="SECONDS", min=0, max=86_400, help="How old an answer gets at most."
        ),
    ] = 300,
    vary: Annotated[
        str,
        typer.Option(
            "--vary", metavar="WHO", help="Who shares an answer: user, role or organization."
        ),
    ] = "user",
    max_entries: Annotated[
        int,
        typer.Option("--max-entries", metavar="N", min=1, help="Answers kept an organization."),
    ] = 1000,
    schema: Schema = None,
    required_role: RequiredRole = "authenticated",
    description: Description = "",
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Register a query, or change it.

    It can be asked at once. Needs super_admin.
    """
    from dbkit.calls import cqrs as calls
    from dbkit.codec import UNSET

    stream_type, colon, stream_param = (stream or "").partition(":")
    if stream is not None and not (stream_type and colon and stream_param):
        raise typer.BadParameter("write TYPE:PARAM", param_hint="--stream")
    asked = calls.register_query(
        name,
        handler,
        depends_on=depends_on or [],
        ttl_seconds=ttl,
        vary=vary,
        stream_type=stream_type or None,
        stream_param=stream_param or None,
        projections=projection or [],
        max_entries=max_entries,
        params_schema=read_json(schema, "--schema") if schema else UNSET,
        required_role=_role(required_role),
        description=description,
    )
    with connected(url) as connection:
        asked.run(connection)
    print_answer(
        as_json,
        {"query": name, "handler": handler},
        lambda console: console.print(f"registered the query {name}", soft_wrap=True),
    )


@queries.command("unregister")
def unregister_query(name: Query, url: Url = None, as_json: Json = False) -> None:
    """Take a query and its cached answers away; its handler stays.

    Needs super_admin.
    """
    from dbkit.calls import cqrs as calls

    with connected(url) as connection:
        was_there = calls.unregister_query(name).run(connection)
    said = f"unregistered {name}" if was_there else f"there was no query {name}"
    print_answer(
        as_json,
        {"query": name, "was_there": was_there},
        lambda console: console.print(said, soft_wrap=True),
    )


@queries.command("execute")
def execute_query(
    name: Query,
    params: Annotated[
        str,
        typer.Option(
            "--params", "-p", metavar="JSON", help="JSON, @file, or - to read it from stdin."
        ),
    ] = "{}",
    min_position: Annotated[
        int | None,
        typer.Option(
            "--min-position",
            metavar="POSITION",
            min=0,
            help="The answer has what was appended up to there.",
            show_default=False,
        ),
    ] = None,
    organization: Organization = None,
    user_id: UserId = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Ask a query; show its answer and how old that is."""
    from dbkit.calls import cqrs as calls

    asked = calls.execute_query(name, read_json(params, "--params"), min_position)
    who = {"organization_id": organization, "user_id": user_id}
    with connected(url, role=role, **who) as connection:
        answer = asked.run(connection)

    def human(console: Console) -> None:
        told = "cached" if answer.cached else "computed"
        pairs = [(told, time_text(answer.computed_at)), ("position", answer.position)]
        print_lines(console, pairs)
        print(json_text(answer.data))

    print_answer(as_json, as_plain(answer), human)


@queries.command("stats")
def query_stats(role: Role = None, url: Url = None, as_json: Json = False) -> None:
    """Show what is cached, and what it was worth.

    Needs service_role.
    """
    from dbkit.calls import cqrs as calls

    with connected(url, role=role) as connection:
        found = calls.get_query_cache_stats().run(connection)
    columns = ["query", "answers", "organizations", "bytes", "hits", "computed", "average ms"]
    rows: list[list[Any]] = [
        [
            each.query,
            each.entries,
            each.organizations,
            each.bytes_,
            f"about {each.hits}",
            each.computations,
            "" if each.average_ms is None else f"{each.average_ms:.1f}",
        ]
        for each in found
    ]
    print_answer(
        as_json,
        [as_plain(each) for each in found],
        lambda console: print_table(console, columns, rows),
    )


@queries.command("flush")
def flush_queries(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Query. Default: all.", show_default=False),
    ] = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Drop cached answers, after a change that no event tells of.

    Needs service_role.
    """
    from dbkit.calls import cqrs as calls

    with connected(url, role=role) as connection:
        gone = calls.flush_query_cache(name).run(connection)
    print_answer(
        as_json,
        {"query": name, "answers": gone},
        lambda console: console.print(f"dropped {gone} answers"),
    )
