"""`dbkit webhooks …`: subscriptions, their deliveries and dead letters. A part of `dbkit.cli`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from dbkit.cli_parts import (
    AnyOrganization,
    CliError,
    Data,
    Json,
    Limit,
    Organization,
    Role,
    Session,
    Url,
    as_plain,
    ask,
    compact,
    moment,
    open_session,
    optional,
    print_answer,
    print_lines,
    print_list,
    read_json,
    read_text,
    say,
    time_text,
    uuid_of,
)

if TYPE_CHECKING:
    from uuid import UUID

    from rich.console import Console

    from dbkit.calls import events as calls

webhooks = typer.Typer(
    help="Send events to HTTP endpoints: subscribe, watch, replay.", no_args_is_help=True
)
dead = typer.Typer(
    help="What was given up: look at it, try it again, discard it.", no_args_is_help=True
)
webhooks.add_typer(dead, name="dead")

WAIT_SECONDS = 45.0
"""An attempt takes at most 30 s, and a worker looks every second."""

POLL_SECONDS = 0.1

# --- arguments -------------------------------------------------------------------------------

Subscription = Annotated[
    str, typer.Argument(metavar="ID", help="Subscription, as `dbkit webhooks list` shows it.")
]
MaybeSubscription = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="Subscription. Default: all.", show_default=False),
]
DeadLetters = Annotated[
    list[int],
    typer.Argument(metavar="[NUMBER]...", help="As `dbkit webhooks dead list` shows them."),
]


EventTypes = Annotated[
    list[str] | None,
    optional("--type", "PATTERN", "Event type to send, * for any characters; can be repeated."),
]
AggregateTypes = Annotated[
    list[str] | None,
    optional("--aggregate-type", "TYPE", "Only of streams of this type; can be repeated."),
]
AggregateIds = Annotated[
    list[str] | None,
    optional("--aggregate-id", "ID", "Only of streams with this id; can be repeated."),
]
_DESCRIPTION = "For whom or what it is."
RetrySchedule = Annotated[
    str | None,
    optional(
        "--retry",
        "SECONDS,…",
        "Seconds before each attempt, the first one included: 0,5,300. After the last it is dead.",
    ),
]
_TIMEOUT = "For the endpoint to answer, 1 to 30."
_MAX_IN_FLIGHT = "Requests at a time at most, 1 to 100."
Headers = Annotated[
    list[str] | None,
    optional("--header", "NAME: VALUE", "Header that is sent along; can be repeated."),
]
Secret = Annotated[
    str | None,
    optional("--secret", "SECRET", "whsec_…, @file, or - for stdin. Default: a new one is made."),
]


def _schedule(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter("say seconds, such as 0,5,300", param_hint="--retry") from None


def _headers(given: Sequence[str] | None) -> dict[str, str] | None:
    if not given:
        return None
    pairs = [each.partition(":") for each in given]
    if not all(colon for _, colon, _ in pairs):
        raise typer.BadParameter("say NAME: VALUE", param_hint="--header")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _secret(given: str | None) -> str | None:
    return read_text(given).strip() if given is not None else None


def _id(text: str) -> UUID:
    return uuid_of(text, "ID")


# --- subscriptions ---------------------------------------------------------------------------


@webhooks.command()
def add(
    endpoint: Annotated[
        str, typer.Argument(metavar="ENDPOINT", help="http or https URL that events are sent to.")
    ],
    event_types: EventTypes = None,
    aggregate_types: AggregateTypes = None,
    aggregate_ids: AggregateIds = None,
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help=_DESCRIPTION)
    ] = "",
    ordered: Annotated[
        bool, typer.Option("--ordered", help="The events of a stream one after the other.")
    ] = False,
    all_organizations: Annotated[
        bool, typer.Option("--all-organizations", help="The events of every organization.")
    ] = False,
    retry: RetrySchedule = None,
    timeout: Annotated[int, typer.Option("--timeout", metavar="SECONDS", help=_TIMEOUT)] = 20,
    max_in_flight: Annotated[
        int, typer.Option("--max-in-flight", metavar="N", help=_MAX_IN_FLIGHT)
    ] = 10,
    headers: Headers = None,
    secret: Secret = None,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Subscribe an endpoint to events, from now on.

    Prints the secret that deliveries are signed with: it is never shown again. `dbkit worker`
    delivers. Needs service_role.
    """
    from dbkit.calls import events as calls

    asked = calls.create_subscription(
        endpoint,
        event_types or ["*"],
        aggregate_types,
        aggregate_ids,
        description,
        ordered,
        all_organizations,
        _schedule(retry),
        timeout,
        max_in_flight,
        _headers(headers) or {},
        _secret(secret),
    )
    done = ask(asked, url, role=role, organization_id=organization)
    say(
        as_json,
        as_plain(done),
        f"subscription  {done.subscription_id}\n"
        f"secret        {done.secret}\n"
        "The secret is not shown again: the receiver verifies deliveries with it.",
    )


@webhooks.command("list")
def list_(
    organization: AnyOrganization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List subscriptions and how their endpoints are doing.

    Needs service_role.
    """
    from dbkit.calls import events as calls

    found = ask(calls.get_subscriptions(organization), url, role=role)
    columns = ["subscription", "organization", "endpoint", "types", "status", "waiting"]
    columns += ["dead", "failing since"]
    print_list(as_json, found, columns, _subscription_row, under="subscriptions")


def _subscription_row(each: calls.GetSubscriptionsRow) -> list[object]:
    return [
        each.subscription_id,
        each.organization_id,
        each.url,
        " ".join(each.event_types),
        each.status,
        each.waiting,
        each.open_dead_letters,
        time_text(each.failing_since),
    ]


@webhooks.command()
def show(
    subscription: Subscription,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show one subscription.

    Filters, settings, and how its endpoint is doing. Needs service_role.
    """
    from dbkit.calls import events as calls

    found = ask(calls.get_subscriptions(organization, _id(subscription)), url, role=role)
    if not found:
        raise CliError(
            f"there is no subscription {subscription} in this organization",
            "`dbkit webhooks list --organization '*'` shows those of all.",
        )
    (each,) = found
    print_answer(
        as_json, as_plain(each), lambda console: print_lines(console, _subscription_lines(each))
    )


def _subscription_lines(each: calls.GetSubscriptionsRow) -> list[tuple[str, object]]:
    since = f", since {time_text(each.failing_since)}" if each.failing_since else ""
    lines: list[tuple[str, object]] = [
        ("subscription", each.subscription_id),
        ("organization", each.organization_id),
        ("endpoint", each.url),
        ("description", each.description),
        ("status", each.status),
        ("disabled", each.disabled_at),
        ("because", each.disabled_reason),
        ("event types", each.event_types),
        ("stream types", each.aggregate_types),
        ("stream ids", each.aggregate_ids),
        ("organizations", "all" if each.all_organizations else None),
        ("ordered", "each stream" if each.is_ordered else None),
        ("headers", each.header_names),
        ("attempts after", ", ".join(str(seconds) for seconds in each.retry_schedule) + " s"),
        ("time-out", f"{each.timeout_seconds} s"),
        ("requests", f"{each.in_flight} of {each.send_window} now, {each.max_in_flight} at most"),
        ("waiting", each.waiting),
        ("dead letters", each.open_dead_letters),
        ("failures", f"{each.consecutive_failures} in a row{since}"),
        ("rests until", each.paused_until),
        ("next", each.due_at),
        ("disabled after", f"{each.disable_after_hours} h of failures"),
        ("created", f"{time_text(each.created_at)} by {each.created_by}"),
    ]
    return [(name, _shown(value)) for name, value in lines]


def _shown(value: object) -> object:
    import datetime

    if isinstance(value, datetime.datetime):
        return time_text(value)
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, list):
        return " ".join(str(part) for part in cast("list[object]", value)) or None
    if isinstance(value, dict):
        return compact(value) if value else None
    return value if value != "" else None


@webhooks.command()
def update(
    subscription: Subscription,
    endpoint: Annotated[
        str | None, optional("--endpoint", "URL", "Send events here instead.")
    ] = None,
    event_types: EventTypes = None,
    aggregate_types: AggregateTypes = None,
    aggregate_ids: AggregateIds = None,
    description: Annotated[str | None, optional("--description", "TEXT", _DESCRIPTION)] = None,
    ordered: Annotated[
        bool | None,
        typer.Option(
            "--ordered/--unordered",
            help="The events of a stream one after the other, or as they come.",
            show_default=False,
        ),
    ] = None,
    all_organizations: Annotated[
        bool | None,
        typer.Option(
            "--all-organizations/--own-organization",
            help="The events of every organization, or of its own.",
            show_default=False,
        ),
    ] = None,
    retry: RetrySchedule = None,
    timeout: Annotated[int | None, optional("--timeout", "SECONDS", _TIMEOUT)] = None,
    max_in_flight: Annotated[int | None, optional("--max-in-flight", "N", _MAX_IN_FLIGHT)] = None,
    headers: Headers = None,
    disable_after: Annotated[
        int | None,
        optional("--disable-after", "HOURS", "It is disabled after so long of failures only."),
    ] = None,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Change a subscription; what is not named stays.

    A list (types, ids, headers) replaces the one before; an empty text empties it. The secret is
    changed by `rotate`. Needs service_role.
    """
    from dbkit.calls import events as calls

    asked = calls.update_subscription(
        _id(subscription),
        url=endpoint,
        event_types=event_types,
        aggregate_types=_list(aggregate_types),
        aggregate_ids=_list(aggregate_ids),
        description=description,
        is_ordered=ordered,
        all_organizations=all_organizations,
        retry_schedule=_schedule(retry),
        timeout_seconds=timeout,
        max_in_flight=max_in_flight,
        headers={} if headers == [""] else _headers(headers),
        disable_after_hours=disable_after,
    )
    _run(asked, subscription, "changed", url, role, organization, as_json)


def _list(given: list[str] | None) -> list[str] | None:
    return [] if given == [""] else given


def _run(
    asked: Any,
    subscription: str,
    said: str,
    url: str | None,
    role: str | None,
    organization: str | None,
    as_json: bool,
) -> None:
    """A command that changes one subscription and shows what it is then."""
    from dbkit.calls import events as calls

    with open_session(url, role=role, organization_id=organization) as session:
        session.run(asked)
        (after,) = session.run(calls.get_subscriptions(organization, _id(subscription)))
    say(as_json, as_plain(after), f"{subscription}: {said}")


@webhooks.command()
def pause(
    subscription: Subscription,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Stop sending until it is resumed.

    What happens meanwhile waits. `dbkit webhooks resume` sends it. Needs service_role.
    """
    from dbkit.calls import events as calls

    asked = calls.pause_subscription(_id(subscription))
    _run(asked, subscription, "paused; events queue up", url, role, organization, as_json)


@webhooks.command()
def resume(
    subscription: Subscription,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Go on after `pause` with what has waited.

    Needs service_role.
    """
    from dbkit.calls import events as calls

    asked = calls.resume_subscription(_id(subscription))
    _run(asked, subscription, "active", url, role, organization, as_json)


@webhooks.command()
def disable(
    subscription: Subscription,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Kept with the subscription.")
    ] = "by hand",
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Switch a subscription off.

    What happens meanwhile is not queued. An endpoint that fails for long, or answers 410, is
    switched off by itself. `dbkit webhooks enable` switches it on again and sends what it missed.
    Needs service_role.
    """
    from dbkit.calls import events as calls

    asked = calls.disable_subscription(_id(subscription), reason)
    _run(asked, subscription, "disabled", url, role, organization, as_json)


@webhooks.command()
def enable(
    subscription: Subscription,
    missed: Annotated[
        bool,
        typer.Option("--missed/--no-missed", help="Also send what happened while it was off."),
    ] = True,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Switch a disabled subscription on again.

    Each 10,000 events that it missed are a transaction. Needs service_role.
    """
    from dbkit.calls import events as calls

    queued, enabled = 0, False
    with open_session(url, role=role, organization_id=organization) as session:
        while not enabled:
            step = session.run(calls.enable_subscription(_id(subscription), missed))
            queued, enabled = queued + step.queued, step.enabled
    say(
        as_json,
        {"subscription_id": subscription, "queued": queued},
        f"{subscription}: active, {queued} queued of what it missed",
    )


@webhooks.command()
def remove(
    subscription: Subscription,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """End a subscription.

    What waits is skipped; the log of its deliveries stays. Needs service_role.
    """
    from dbkit.calls import events as calls

    skipped = ask(
        calls.delete_subscription(_id(subscription)), url, role=role, organization_id=organization
    )
    say(
        as_json,
        {"subscription_id": subscription, "skipped": skipped},
        f"{subscription}: removed, {skipped} deliveries skipped",
    )


@webhooks.command()
def rotate(
    subscription: Subscription,
    secret: Secret = None,
    overlap: Annotated[
        int,
        typer.Option(
            "--overlap-hours",
            metavar="HOURS",
            min=0,
            help="How long deliveries are signed with the old secret too.",
        ),
    ] = 24,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Give a subscription a new secret, and print it.

    Until the old one expires, deliveries are signed with both, and the receiver changes over when
    it likes. Needs service_role.
    """
    from dbkit.calls import events as calls

    asked = calls.rotate_subscription_secret(_id(subscription), _secret(secret), overlap)
    done = ask(asked, url, role=role, organization_id=organization)

    def human(console: Console) -> None:
        console.print(f"secret        {done.secret}", soft_wrap=True)
        console.print("The secret is not shown again.")
        if done.previous_expires_at:
            console.print(f"the old one   until {time_text(done.previous_expires_at)}")

    print_answer(as_json, as_plain(done), human)


# --- deliveries ------------------------------------------------------------------------------


@webhooks.command()
def test(
    subscription: Subscription,
    event_type: Annotated[
        str, typer.Option("--type", metavar="EVENT", help="Type of the test event.")
    ] = "dbkit.test",
    data: Data = "{}",
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the endpoint's answer and show it.")
    ] = False,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Send a test event to an endpoint.

    It is delivered like any other by `dbkit worker`, and belongs to no stream. With --wait the exit
    code is 1 unless the endpoint takes it at the first attempt. Needs service_role.
    """
    from dbkit.calls import events as calls

    asked = calls.send_test_event(_id(subscription), event_type, read_json(data, "--data"))
    with open_session(url, role=role, organization_id=organization) as session:
        sent = session.run(asked)
        found = _first_answer(session, sent.delivery_id) if wait else None
    document = {**as_plain(sent), **({"delivery": as_plain(found)} if found else {})}

    def human(console: Console) -> None:
        console.print(
            f"queued as delivery {sent.delivery_id}, webhook-id {sent.webhook_id}", soft_wrap=True
        )
        if found:
            console.print(_answer_line(found), soft_wrap=True)

    print_answer(as_json, document, human)
    if found and found.status != "delivered":
        raise typer.Exit(1)


def _first_answer(session: Session, delivery_id: int) -> calls.GetDeliveriesRow:
    """The delivery after its first attempt, or as it stands when nobody makes one."""
    from dbkit.calls import events as calls

    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        (found,) = session.run(calls.get_deliveries(before_id=delivery_id + 1, limit=1))
        tried = found.attempts > 0 and found.status != "leased"
        if tried or found.finished_at or time.monotonic() > deadline:
            return found
        time.sleep(POLL_SECONDS)


def _answer_line(found: calls.GetDeliveriesRow) -> str:
    if not found.attempts:
        return (
            f"{found.status} after {WAIT_SECONDS:.0f} s: does a worker run? `dbkit worker status`"
        )
    said = found.last_status_code if found.last_status_code is not None else found.last_error
    line = f"{found.status}: {said} in {found.last_duration_ms} ms"
    again = f", again at {time_text(found.next_attempt_at)}" if found.status == "retry_wait" else ""
    return line + again


@webhooks.command()
def deliveries(
    subscription: MaybeSubscription = None,
    status: Annotated[
        str | None,
        optional(
            "--status",
            "STATUS",
            "Only pending, leased, retry_wait, delivered, dead or skipped ones.",
        ),
    ] = None,
    number: Annotated[
        int | None,
        optional("--delivery", "NUMBER", "Only this one, with what was sent and every failure."),
    ] = None,
    before: Annotated[
        int | None, optional("--before", "NUMBER", "Only older ones than this delivery.")
    ] = None,
    limit: Limit = 20,
    organization: AnyOrganization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List deliveries, the newest first.

    What became of them, and when they are tried again. Needs service_role.
    """
    from dbkit.calls import events as calls

    chosen = _id(subscription) if subscription else None
    ours = None if organization == "*" else organization
    with open_session(url, role=role, organization_id=ours) as session:
        if number is not None:
            delivery = _delivery(session, number)
            if delivery is None:
                raise CliError(
                    f"there is no delivery {number} in this organization",
                    "`dbkit webhooks deliveries` lists them; --organization names another.",
                )
            print_answer(as_json, delivery, lambda console: _print_delivery(console, delivery))
            return
        found = session.run(calls.get_deliveries(chosen, status, before, limit, organization))
    columns = ["delivery", "type", "stream", "status", "attempts", "answer", "error"]
    print_list(as_json, found, [*columns, "queued", "next"], _delivery_row, under="deliveries")


def _delivery_row(each: calls.GetDeliveriesRow) -> list[object]:
    return [
        each.delivery_id,
        each.event_type,
        f"{each.aggregate_type}/{each.aggregate_id}" if each.position else "",
        each.status,
        each.attempts,
        each.last_status_code,
        each.last_error,
        time_text(each.created_at),
        time_text(each.next_attempt_at) if each.finished_at is None else "",
    ]


def _delivery(session: Session, number: int) -> dict[str, Any] | None:
    """With what was sent; None when it is pruned."""
    from dbkit.calls import events as calls

    found = session.run(calls.get_deliveries(before_id=number + 1, limit=1))
    if not found or found[0].delivery_id != number:
        return None
    return {**as_plain(found[0]), "body": session.run(calls.get_delivery_body(number))}


def _print_delivery(console: Console, delivery: dict[str, Any]) -> None:
    shown = [pair for pair in delivery.items() if pair[0] not in ("failures", "body")]
    print_lines(console, ((name, _shown(value)) for name, value in shown))
    failures: list[object] = delivery["failures"]
    for failure in failures:
        console.print(f"failed            {compact(failure)}", soft_wrap=True)
    console.print("body", style="bold")
    print(delivery["body"])


@webhooks.command()
def replay(
    subscription: Subscription,
    numbers: Annotated[
        list[int] | None,
        optional("--delivery", "NUMBER", "This delivery; can be repeated."),
    ] = None,
    status: Annotated[
        str | None, optional("--status", "STATUS", "Deliveries of this status, such as dead.")
    ] = None,
    since: Annotated[
        int | None,
        optional("--from", "POSITION", "Events from this position on."),
    ] = None,
    until: Annotated[
        int | None, optional("--to", "POSITION", "Events up to this position.")
    ] = None,
    since_time: Annotated[
        str | None,
        optional("--from-time", "TIME", "Queued at this time or later; UTC without a zone."),
    ] = None,
    until_time: Annotated[
        str | None, optional("--to-time", "TIME", "Queued before this time.")
    ] = None,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Send deliveries again, with the same webhook-id.

    Say which: of what is said, all must hold. A range of positions alone also sends events that
    were never queued, from before the subscription too. Each 10,000 are a transaction. Needs
    service_role.
    """
    from dbkit.calls import events as calls

    if not (numbers or status or since_time or until_time) and since is None and until is None:
        raise typer.BadParameter(
            "say which: --delivery, --status, --from and --to, or --from-time and --to-time"
        )
    since_moment = moment(since_time, "--from-time")
    until_moment = moment(until_time, "--to-time")
    replayed, queued, more = 0, 0, True
    with open_session(url, role=role, organization_id=organization) as session:
        while more:
            step = session.run(
                calls.replay_deliveries(
                    _id(subscription), numbers, since, until, status, since_moment, until_moment
                )
            )
            replayed, queued = replayed + step.replayed, queued + step.queued
            since, more = step.next_position, step.next_position is not None
    say(
        as_json,
        {"replayed": replayed, "queued": queued},
        f"{replayed} again, {queued} for the first time",
    )


@webhooks.command()
def stats(
    subscription: MaybeSubscription = None,
    hours: Annotated[
        int, typer.Option("--hours", metavar="N", min=1, help="Of the last N hours.")
    ] = 24,
    organization: AnyOrganization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Say how deliveries go: how many, how fast, why they fail.

    Needs service_role.
    """
    from dbkit.calls import events as calls

    chosen = _id(subscription) if subscription else None
    found = ask(calls.get_webhook_delivery_stats(chosen, hours, organization), url, role=role)

    def human(console: Console) -> None:
        for each in found:
            print_lines(console, ((name, _shown(v)) for name, v in as_plain(each).items()))
            console.print()

    print_answer(as_json, {"subscriptions": [as_plain(each) for each in found]}, human)


# --- dead letters ----------------------------------------------------------------------------


@dead.command("list")
def dead_list(
    source: Annotated[
        str | None, optional("--source", "SOURCE", "Only webhook, group or projection.")
    ] = None,
    status: Annotated[
        str, typer.Option("--status", metavar="STATUS", help="open, requeued, discarded, resolved.")
    ] = "open",
    before: Annotated[
        int | None, optional("--before", "NUMBER", "Only older ones than this.")
    ] = None,
    limit: Limit = 20,
    organization: AnyOrganization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List what was given up.

    By webhooks, consumer groups and projections. Needs service_role.
    """
    from dbkit.calls import events as calls

    found = ask(calls.get_dead_letters(source, status, before, limit, organization), url, role=role)
    columns = ["number", "source", "of", "type", "position", "reason", "since"]
    print_list(as_json, found, columns, _dead_letter_row, under="dead_letters")


def _dead_letter_row(each: calls.GetDeadLettersRow) -> list[object]:
    return [
        each.dead_letter_id,
        each.source,
        each.source_name,
        each.event_type,
        each.position,
        each.reason,
        time_text(each.created_at),
    ]


@dead.command("show")
def dead_show(
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", help="As `dbkit webhooks dead list` shows it.")
    ],
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show one dead letter, and why it is one.

    For a webhook also what was sent and every failure. Needs service_role.
    """
    from dbkit.calls import events as calls

    with open_session(url, role=role, organization_id=organization) as session:
        pages = (
            session.run(calls.get_dead_letters(None, status, number + 1, 1))
            for status in ("open", "requeued", "discarded", "resolved")
        )
        found = [each for page in pages for each in page if each.dead_letter_id == number]
        if not found:
            raise CliError(
                f"there is no dead letter {number} in this organization",
                "`dbkit webhooks dead list` shows those that are open.",
            )
        document = as_plain(found[0])
        if found[0].delivery_id is not None:
            document["delivery"] = _delivery(session, found[0].delivery_id)

    def human(console: Console) -> None:
        shown = [pair for pair in document.items() if pair[0] != "delivery"]
        print_lines(console, ((name, _shown(value)) for name, value in shown))
        if document.get("delivery"):
            console.print()
            _print_delivery(console, document["delivery"])

    print_answer(as_json, document, human)


@dead.command("requeue")
def dead_requeue(
    numbers: DeadLetters,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Try dead letters again, from their first attempt.

    Needs service_role.
    """
    from dbkit.calls import events as calls

    done = ask(calls.requeue_dead_letters(numbers), url, role=role, organization_id=organization)
    _print_count(done, "requeued", as_json)


@dead.command("discard")
def dead_discard(
    numbers: DeadLetters,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Kept with the dead letter.")
    ] = "by hand",
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Say that dead letters are not wanted any more.

    Needs service_role.
    """
    from dbkit.calls import events as calls

    done = ask(
        calls.discard_dead_letters(numbers, reason), url, role=role, organization_id=organization
    )
    _print_count(done, "discarded", as_json)


def _print_count(count: Any, said: str, as_json: bool) -> None:
    say(as_json, {said: count}, f"{count} {said}")
