"""`dbkit commands …` and `dbkit queries …`: register, execute, watch. A part of `dbkit.cli`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dbkit.cli_parts import (
    ClientId,
    Json,
    Organization,
    Payload,
    Role,
    Url,
    UserId,
    as_plain,
    ask,
    compact,
    json_text,
    optional,
    print_answer,
    print_lines,
    print_list,
    read_json,
    say,
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
    optional("--schema", "JSON", "JSON Schema of what is sent, or @file. Default: any object."),
]


def _role(required_role: str) -> str | None:
    return None if required_role == "anon" else required_role


def _say_unregistered(what: str, name: str, was_there: bool, as_json: bool) -> None:
    said = f"unregistered {name}" if was_there else f"there was no {what} {name}"
    say(as_json, {what: name, "was_there": was_there}, said)


# --- commands --------------------------------------------------------------------------------


@commands.command("list")
def list_commands(url: Url = None, as_json: Json = False) -> None:
    """List the registered commands and what handles them."""
    from dbkit.calls import cqrs as calls

    found = ask(calls.list_commands(), url)
    print_list(as_json, found, ["command", "handler", "role", "description"], _command_row)


def _command_row(each: calls.ListCommandsRow) -> list[object]:
    return [
        each.command,
        each.handler_signature or "a program",
        each.required_role or "any",
        each.description,
    ]


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
        optional(
            "--rejection",
            "SQLSTATE",
            "Error of the handler that is recorded as a rejection, besides KD605; can be repeated.",
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
    ask(asked, url)
    say(as_json, {"command": name, "handler": handler}, f"registered the command {name}")


@commands.command("unregister")
def unregister_command(name: Command, url: Url = None, as_json: Json = False) -> None:
    """Take a command away; its log and its handler stay.

    Needs super_admin.
    """
    from dbkit.calls import cqrs as calls

    was_there = ask(calls.unregister_command(name), url)
    _say_unregistered("command", name, was_there, as_json)


@commands.command("execute")
def execute_command(
    name: Command,
    payload: Payload = "{}",
    key: Annotated[
        str | None,
        optional("--key", "KEY", "Idempotency key: sent again with it, the command is done once."),
    ] = None,
    expected_version: Annotated[
        int | None,
        optional("--expected-version", "N", "Version that the handler must find."),
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
    done = ask(asked, url, role=role, **who)
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
        optional("--command", "NAME", "Only this command. Default: all."),
    ] = None,
    status: Annotated[
        str | None,
        optional("--status", "STATUS", "Only done or rejected ones."),
    ] = None,
    before: Annotated[
        str | None,
        optional("--before", "ID", "Only what is older than this command id: the next page."),
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
    found = ask(asked, url, role=role)
    columns = ["at", "command", "status", "ms", "events", "user", "key", "id"]
    print_list(as_json, found, columns, _log_row)


def _log_row(entry: calls.GetCommandsRow) -> list[object]:
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
        optional("--organization", "ID", "Only of this organization. Default: all."),
    ] = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show what was done and rejected, and how long it took.

    Needs service_role.
    """
    from dbkit.calls import cqrs as calls

    found = ask(calls.get_command_stats(hours, organization), url, role=role)
    columns = ["command", "done", "rejected", "events", "average ms", "p50", "p95", "rejections"]
    print_list(as_json, found, columns, _stats_row)


def _stats_row(each: calls.GetCommandStatsRow) -> list[object]:
    return [
        each.command,
        each.done,
        each.rejected,
        each.events,
        *(f"{ms:.1f}" for ms in (each.average_ms, each.p50_ms, each.p95_ms)),
        compact(each.rejections) if each.rejections else "",
    ]


# --- queries ---------------------------------------------------------------------------------


@queries.command("list")
def list_queries(url: Url = None, as_json: Json = False) -> None:
    """List the registered queries and what their answers depend on."""
    from dbkit.calls import cqrs as calls

    found = ask(calls.list_queries(), url)
    columns = ["query", "handler", "depends on", "shared by", "kept", "role"]
    print_list(as_json, found, columns, _query_row)


def _query_row(each: calls.ListQueriesRow) -> list[object]:
    return [
        each.query,
        each.handler_signature,
        _dependencies(each),
        each.vary,
        f"{each.ttl_seconds} s",
        each.required_role or "any",
    ]


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
        optional("--depends-on", "EVENT", "Event type that changes the answer; can be repeated."),
    ] = None,
    stream: Annotated[
        str | None,
        optional(
            "--stream",
            "TYPE:PARAM",
            "The answer changes with one stream: its aggregate type, and the parameter that "
            "has its id.",
        ),
    ] = None,
    projection: Annotated[
        list[str] | None,
        optional("--projection", "NAME", "Projection that the handler reads; can be repeated."),
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
    ask(asked, url)
    say(as_json, {"query": name, "handler": handler}, f"registered the query {name}")


@queries.command("unregister")
def unregister_query(name: Query, url: Url = None, as_json: Json = False) -> None:
    """Take a query and its cached answers away; its handler stays.

    Needs super_admin.
    """
    from dbkit.calls import cqrs as calls

    was_there = ask(calls.unregister_query(name), url)
    _say_unregistered("query", name, was_there, as_json)


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
    answer = ask(asked, url, role=role, **who)

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

    found = ask(calls.get_query_cache_stats(), url, role=role)
    columns = ["query", "answers", "organizations", "bytes", "hits", "computed", "average ms"]
    print_list(as_json, found, columns, _cache_row)


def _cache_row(each: calls.GetQueryCacheStatsRow) -> list[object]:
    return [
        each.query,
        each.entries,
        each.organizations,
        each.bytes_,
        f"about {each.hits}",
        each.computations,
        "" if each.average_ms is None else f"{each.average_ms:.1f}",
    ]


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

    gone = ask(calls.flush_query_cache(name), url, role=role)
    say(as_json, {"query": name, "answers": gone}, f"dropped {gone} answers")
