"""What the commands share: errors, output, arguments, connections. Knows no command.

What is heavy is imported inside the functions, so that `--help` is quick.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    import datetime
    from uuid import UUID

    import psycopg
    from rich.console import Console

    from dbkit.call import Call

T = TypeVar("T")
Human: TypeAlias = "Callable[[Console], None]"


class CliError(Exception):
    """The command cannot be done as it stands; the hint says what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


# --- errors ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Failure:
    """An error as it is shown: text for a person, the same parts as JSON for a program."""

    message: str
    sqlstate: str | None = None
    hint: str | None = None
    detail: Any = None
    exit_code: int = 1

    def show(self, as_json: bool, error: Exception) -> None:
        usage = getattr(error, "show", None)
        if usage is not None and not as_json:
            usage()
            return
        if as_json:
            parts = {key: value for key, value in asdict(self).items() if key != "exit_code"}
            print(json_text({"error": parts}), file=sys.stderr)
            return
        code = f" [{self.sqlstate}]" if self.sqlstate else ""
        print(f"error{code}: {self.message}", file=sys.stderr)
        if self.hint:
            print(f"hint: {self.hint}", file=sys.stderr)


class Commands(TyperGroup):
    """Shows expected errors without a traceback, also when the tests run a command in-process."""

    def main(self, *args: Any, **extra: Any) -> Any:
        given: Sequence[str] = extra.get("args") or (args[0] if args else None) or sys.argv[1:]
        as_json = "--json" in _before_double_dash(given)
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever reads has had enough, as `head` does; the flush at exit must not fail too.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except Exception as error:
            failure = _failure(error)
            if failure is None:
                raise
            failure.show(as_json, error)
            sys.exit(failure.exit_code)
        sys.exit(code if isinstance(code, int) else 0)


def _before_double_dash(given: Sequence[str]) -> Sequence[str]:
    return given[: given.index("--")] if "--" in given else given


def _failure(error: Exception) -> Failure | None:
    """What to say about an error; None for a mistake of ours, which keeps its traceback."""
    if isinstance(error, CliError):
        return Failure(str(error), hint=error.hint)
    told = getattr(error, "format_message", None)
    if told is not None:
        return Failure(told(), exit_code=getattr(error, "exit_code", 2))
    return _database_failure(error) or _other_failure(error)


def _database_failure(error: Exception) -> Failure | None:
    import psycopg

    from dbkit.errors import DbkitError, translate

    better = translate(error)
    if isinstance(better, DbkitError):
        return Failure(better.message, better.sqlstate, better.hint, better.detail or None)
    origin = getattr(error, "orig", None) or error
    if not isinstance(origin, psycopg.Error):
        return None
    message = origin.diag.message_primary or str(origin).strip()
    hint = origin.diag.message_hint
    if origin.sqlstate in ("3F000", "42883", "42P01"):
        hint = "Is dbkit installed here? `dbkit current` says so; `dbkit migrate` installs it."
    elif origin.sqlstate is None and isinstance(origin, psycopg.OperationalError):
        hint = "Does the server run? `dbkit up` starts one; --url and DATABASE_URL name another."
    return Failure(message, origin.sqlstate, hint, origin.diag.message_detail)


def _other_failure(error: Exception) -> Failure | None:
    from alembic.util import CommandError
    from sqlalchemy.exc import ArgumentError

    from dbkit.errors import UnexpectedAnswer
    from dbkit.migrations import MigrationError
    from dbkit.server import ServerError

    if isinstance(error, CommandError):
        return Failure(str(error), hint="`dbkit current` lists this database's and the newest one.")
    if isinstance(error, ServerError | MigrationError | UnexpectedAnswer | ArgumentError | OSError):
        return Failure(str(error))
    return None


# --- output ----------------------------------------------------------------------------------


def json_text(value: Any) -> str:
    """JSON as the database wrote it: fractions keep their digits."""
    import msgspec

    encoded = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode(value)
    return msgspec.json.format(encoded, indent=2).decode()


def stdout_console() -> Console:
    """Without colours, and not cut at 80 columns, when stdout is no terminal."""
    from rich.console import Console

    plain = Console(highlight=False, markup=False, emoji=False, width=220, no_color=True)
    if plain.is_terminal:
        return Console(highlight=False, markup=False, emoji=False)
    return plain


def print_answer(as_json: bool, document: Any, human: Human) -> None:
    if as_json:
        print(json_text(document))
    else:
        human(stdout_console())


def print_table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)


def print_list(
    as_json: bool,
    found: Sequence[T],
    columns: Sequence[str],
    row: Callable[[T], Sequence[object]],
    *,
    under: str | None = None,
) -> None:
    """A row for each that was found; as JSON a list of them, where `under` is given below that."""
    documents = [as_plain(each) for each in found]
    print_answer(
        as_json,
        {under: documents} if under else documents,
        lambda console: print_table(console, columns, [row(each) for each in found]),
    )


def say(as_json: bool, document: Any, text: str) -> None:
    """What was done, in a line."""
    print_answer(as_json, document, lambda console: console.print(text, soft_wrap=True))


def as_plain(value: Any) -> Any:
    """A result as JSON would have it; a dataclass's fields by their names in JSON."""
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = getattr(value, "JSON_NAMES", {})
        fields = [field.name for field in dataclasses.fields(value)]
        return {names.get(name, name): as_plain(getattr(value, name)) for name in fields}
    return value


def compact(value: Any) -> str:
    """JSON in one line."""
    import msgspec

    encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
    return encoder.encode(value).decode()


def time_text(moment: datetime.datetime | None) -> str:
    return moment.isoformat(" ", "seconds") if moment else ""


def print_lines(console: Console, pairs: Iterable[tuple[str, object]]) -> None:
    """Name and value a line; what has no value is left out."""
    for name, value in pairs:
        if value is not None:
            console.print(f"{name:<18}{value}", soft_wrap=True)


# --- arguments -------------------------------------------------------------------------------


def optional(flag: str, metavar: str, text: str) -> Any:
    """An option that need not be given; its text says what happens then."""
    return typer.Option(flag, metavar=metavar, help=text, show_default=False)


Url = Annotated[
    str | None,
    optional(
        "--url",
        "URL",
        "Database to use. Default: DATABASE_URL, then the server that `dbkit up` started.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Registered call, such as place_order.")]
Payload = Annotated[
    str,
    typer.Option(
        "--payload", "-p", metavar="JSON", help="JSON, @file, or - to read it from stdin."
    ),
]
Data = Annotated[
    str,
    typer.Option(
        "--data", "-d", metavar="JSON", help="JSON object, @file, or - to read it from stdin."
    ),
]
ApiVersion = Annotated[
    str | None,
    optional(
        "--api-version",
        "VERSION",
        "Version to ask for. Default: the consumer's pin, then the active one.",
    ),
]


AppVersion = Annotated[
    str | None, optional("--app-version", "X.Y.Z", "Version of the calling app.")
]
AppName = Annotated[str | None, optional("--app-name", "NAME", "Name of the calling app.")]
ClientId = Annotated[
    str | None, optional("--client-id", "ID", "Consumer: pins and shares go by it.")
]
UserId = Annotated[str | None, optional("--user-id", "ID", "User on whose behalf to call.")]
Role = Annotated[
    str | None,
    optional(
        "--role",
        "ROLE",
        "Database role to call as: anon, authenticated, service_role, super_admin. "
        "Default: that of the login.",
    ),
]


Organization = Annotated[
    str | None,
    optional("--organization", "ID", "Organization to act in. Default: default."),
]
AnyOrganization = Annotated[
    str | None,
    optional("--organization", "ID", "Organization, or * for all. Default: default."),
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="Rows at most.")]


def read_text(given: str) -> str:
    """The text itself, that of `@file`, or stdin for `-`."""
    if given == "-":
        return sys.stdin.read()
    if given.startswith("@"):
        try:
            return Path(given[1:]).read_text("utf-8")
        except OSError as error:
            raise typer.BadParameter(f"{given[1:]}: {error.strerror}") from None
    return given


def read_json(given: str, option: str) -> Any:
    """JSON of an option; fractions keep their digits."""
    import msgspec

    from dbkit.codec import from_json

    try:
        return from_json(read_text(given).strip() or "{}", Any)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint=option) from None


def moment(text: str | None, option: str) -> datetime.datetime | None:
    """A time of an option; UTC without a zone."""
    import datetime

    if text is None:
        return None
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"not a time: {text}", param_hint=option) from None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def uuid_of(text: str, option: str) -> UUID:
    from uuid import UUID

    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter(f"not a UUID: {text}", param_hint=option) from None


def libpq_url(url: str) -> str:
    """The URL without a driver's name; the message of a bad one never quotes it (passwords)."""
    import re
    from urllib.parse import urlsplit

    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    plain = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)
    try:
        conninfo_to_dict(plain)
        # Neither libpq's parser nor SQLAlchemy's says anything useful about a port that is a word.
        _ = urlsplit(plain).port
    except (psycopg.Error, ValueError):
        plain = ""
    if not plain.startswith("postgresql://"):
        raise CliError(
            "the database is not given as a URL",
            "It looks like postgresql://user:password@host:5432/database.",
        )
    return plain


def target_url(url: str | None) -> str:
    """--url, else DATABASE_URL, else the running embedded server."""
    from dbkit import server
    from dbkit.settings import settings

    chosen = url or settings().database_url
    if chosen:
        return libpq_url(chosen)
    running = server.status(settings().home)
    if running is None:
        raise CliError(
            "no database: DATABASE_URL is not set, and no server of ours runs here",
            "Run `dbkit up`, or set DATABASE_URL, or pass --url.",
        )
    return running.url


@contextmanager
def connected(
    url: str | None, *, role: str | None = None, **context: str | None
) -> Generator[psycopg.Connection[Any], None, None]:
    """A connection with one transaction: role and request context first, COMMIT at the end."""
    import psycopg
    from psycopg import sql

    from dbkit.context import SET_CONTEXT, RequestContext

    said = RequestContext(**context)
    options: dict[str, Any] = {"connect_timeout": 10, "application_name": "dbkit"}
    with psycopg.connect(target_url(url), **options) as connection:
        if role:
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        if said != RequestContext():
            connection.execute(SET_CONTEXT, (said.as_json(),))
        yield connection


def ask(call: Call[T], url: str | None, *, role: str | None = None, **context: str | None) -> T:
    """What one call answers, in a transaction of its own."""
    with connected(url, role=role, **context) as connection:
        return call.run(connection)


# --- one connection --------------------------------------------------------------------------


@dataclass(frozen=True)
class Session:
    """A connection on which each call is a transaction of its own."""

    connection: psycopg.Connection[Any]
    context: dict[str, str | None]

    def run(self, call: Call[T]) -> T:
        from dbkit.context import SET_CONTEXT, RequestContext

        with self.connection.transaction():
            if any(self.context.values()):
                said = RequestContext(**self.context).as_json()
                self.connection.execute(SET_CONTEXT, (said,))
            return call.run(self.connection)


@contextmanager
def open_session(
    url: str | None, *, role: str | None = None, **context: str | None
) -> Generator[Session, None, None]:
    import psycopg
    from psycopg import sql

    options: dict[str, Any] = {"connect_timeout": 10, "application_name": "dbkit"}
    with psycopg.connect(target_url(url), autocommit=True, **options) as connection:
        if role:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        yield Session(connection, context)


@contextmanager
def until_interrupted() -> Generator[None, None, None]:
    """Ctrl-C and SIGTERM are how to end what follows: no error."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def log_to_stderr(verbose: bool) -> None:
    """Lines for people on a terminal, JSON for machines everywhere else."""
    import logging

    import structlog

    terminal = sys.stderr.isatty()
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.EventRenamer("message"),
    ]
    if terminal:
        processors = [*processors[:2], structlog.dev.ConsoleRenderer()]
    else:
        processors += [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(serializer=_json_line),
        ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if verbose else logging.INFO
        ),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _json_line(value: Any, **_: Any) -> str:
    return compact(value)
