"""`dbkit gateway …`: API keys and rate limits of the gateway. A part of `dbkit.cli`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbkit.cli_parts import (
    Json,
    Role,
    Url,
    as_plain,
    moment,
    open_session,
    optional,
    print_answer,
    print_lines,
    print_table,
    time_text,
)

if TYPE_CHECKING:
    import datetime

    from rich.console import Console

gateway = typer.Typer(help="API keys and rate limits of the gateway.", no_args_is_help=True)
keys = typer.Typer(help="API keys: make, list, rotate, revoke them.", no_args_is_help=True)
limits = typer.Typer(help="How often a consumer may call.", no_args_is_help=True)
gateway.add_typer(keys, name="keys")
gateway.add_typer(limits, name="limits")

PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}

KeyId = Annotated[
    str, typer.Argument(metavar="KEY", help="Key, as `dbkit gateway keys list` shows it.")
]
Consumer = Annotated[
    str,
    typer.Option(
        "--consumer",
        metavar="ID",
        help="key:ID, user:SUB, client:ID or ip:HASH; * for each that has no limit of its own.",
    ),
]
CallName = Annotated[
    str,
    typer.Option(
        "--call", metavar="NAME", help="A call; * for all without a limit of their own together."
    ),
]


# --- keys ------------------------------------------------------------------------------------


@keys.command()
def create(
    consumer: Annotated[
        str, typer.Argument(metavar="CONSUMER", help="Who gets it: pins and the log go by it.")
    ],
    as_role: Annotated[
        str,
        typer.Option(
            "--as", metavar="ROLE", help="Role of its calls: anon, authenticated, service_role."
        ),
    ] = "authenticated",
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="NAME",
            help="Call it may make, or how names begin: get_*. Can be repeated. Default: all.",
            show_default=False,
        ),
    ] = None,
    organization: Annotated[
        str | None,
        optional("--organization", "ID", "Organization its calls are of. Default: default."),
    ] = None,
    expires: Annotated[
        str | None, optional("--expires", "TIME", "When it ends, such as 2027-01-31.")
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(
            "--days", metavar="N", min=1, help="When it ends, from now.", show_default=False
        ),
    ] = None,
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="For what it is.")
    ] = "",
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Make an API key.

    Prints its secret, which is kept nowhere and never shown again. Needs service_role.
    """
    from dbkit.calls import api as calls

    ends = _ends(expires, days)
    asked = calls.create_api_key(
        consumer, as_role, scopes or ["*"], organization, ends, description
    )
    with open_session(url, role=role) as session:
        done = session.run(asked)
    _print_secret(done, as_json, [("role", as_role), ("expires", time_text(ends) or "never")])


def _ends(expires: str | None, days: int | None) -> datetime.datetime | None:
    import datetime

    if expires is not None and days is not None:
        raise typer.BadParameter("say --expires or --days", param_hint="--days")
    if days is not None:
        return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    return moment(expires, "--expires")


def _print_secret(done: Any, as_json: bool, more: list[tuple[str, object]]) -> None:
    def human(console: Console) -> None:
        print_lines(console, [("key", done.key_id), ("secret", done.secret), *more])
        console.print("The secret is not shown again. Send it as X-API-Key.", soft_wrap=True)

    print_answer(as_json, as_plain(done), human)


@keys.command("list")
def list_keys(role: Role = None, url: Url = None, as_json: Json = False) -> None:
    """List API keys, without their secrets.

    Needs service_role.
    """
    from dbkit.calls import api as calls

    with open_session(url, role=role) as session:
        found = session.run(calls.list_api_keys())

    def human(console: Console) -> None:
        rows = [
            [
                each.key_id,
                each.consumer,
                each.role,
                " ".join(each.scopes),
                each.organization_id,
                each.status,
                time_text(each.expires_at),
                time_text(each.last_used_at),
                each.description,
            ]
            for each in found
        ]
        columns = ["key", "consumer", "role", "scopes", "organization", "status", "expires"]
        print_table(console, [*columns, "last used", "description"], rows)

    print_answer(as_json, {"keys": [as_plain(each) for each in found]}, human)


@keys.command()
def rotate(
    key: KeyId,
    overlap: Annotated[
        float,
        typer.Option(
            "--overlap-hours",
            metavar="HOURS",
            min=0,
            max=720,
            help="How long the old secret is still good; 0 ends it at once.",
        ),
    ] = 24,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Give an API key a new secret, and print it.

    The old one is good for a while, so that the consumer changes over when it likes. Needs
    service_role.
    """
    import datetime

    from dbkit.calls import api as calls

    asked = calls.rotate_api_key(key, datetime.timedelta(hours=overlap))
    with open_session(url, role=role) as session:
        done = session.run(asked)
    until = done.previous_valid_until
    _print_secret(
        done, as_json, [("the old one", f"until {time_text(until)}" if until else "ended")]
    )


@keys.command()
def revoke(
    key: KeyId,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Kept with the key.")
    ] = "by hand",
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """End an API key, at once and for good.

    Gateways are told and forget it. Needs service_role.
    """
    from dbkit.calls import api as calls

    with open_session(url, role=role) as session:
        revoked = session.run(calls.revoke_api_key(key, reason))
    said = f"{key}: {'revoked' if revoked else 'was revoked before'}"
    print_answer(
        as_json,
        {"key_id": key, "revoked": revoked},
        lambda console: console.print(said, soft_wrap=True),
    )


# --- limits ----------------------------------------------------------------------------------


def _seconds(text: str) -> int:
    if text in PERIODS:
        return PERIODS[text]
    try:
        return int(text)
    except ValueError:
        known = ", ".join(PERIODS)
        raise typer.BadParameter(f"say {known}, or seconds", param_hint="--per") from None


def _said(consumer: str, call: str) -> str:
    who = "each consumer" if consumer == "*" else consumer
    return f"{who}, {'all calls' if call == '*' else call}"


@limits.command("set")
def set_(
    max_calls: Annotated[
        int, typer.Argument(metavar="MAX", min=0, help="Calls in a window; 0 is none at all.")
    ],
    per: Annotated[
        str,
        typer.Option(
            "--per", metavar="PERIOD", help="The window: second, minute, hour, day, or seconds."
        ),
    ] = "minute",
    consumer: Consumer = "*",
    call: CallName = "*",
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Set a limit, or change it.

    For a request the most specific limit counts: of this consumer and call, then of this consumer,
    then of this call, then of all. Gateways are told. Needs service_role.
    """
    from dbkit.calls import api as calls

    seconds = _seconds(per)
    with open_session(url, role=role) as session:
        session.run(calls.set_rate_limit(consumer, call, max_calls, seconds))
    document = {
        "consumer": consumer,
        "call": call,
        "max_calls": max_calls,
        "window_seconds": seconds,
    }
    said = f"{_said(consumer, call)}: {max_calls} in {seconds} s"
    print_answer(as_json, document, lambda console: console.print(said, soft_wrap=True))


@limits.command("list")
def list_limits(role: Role = None, url: Url = None, as_json: Json = False) -> None:
    """List the limits.

    Needs service_role.
    """
    from dbkit.calls import api as calls

    with open_session(url, role=role) as session:
        found = session.run(calls.list_rate_limits())

    def human(console: Console) -> None:
        rows = [[each.consumer, each.call, each.max_calls, each.window_seconds] for each in found]
        print_table(console, ["consumer", "call", "calls", "in seconds"], rows)

    print_answer(as_json, {"limits": [as_plain(each) for each in found]}, human)


@limits.command()
def remove(
    consumer: Consumer = "*",
    call: CallName = "*",
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Remove a limit; the next less specific one counts then.

    Needs service_role.
    """
    from dbkit.calls import api as calls

    with open_session(url, role=role) as session:
        removed = session.run(calls.remove_rate_limit(consumer, call))
    document = {"consumer": consumer, "call": call, "removed": removed}
    said = f"{_said(consumer, call)}: {'removed' if removed else 'there was no limit'}"
    print_answer(as_json, document, lambda console: console.print(said, soft_wrap=True))
