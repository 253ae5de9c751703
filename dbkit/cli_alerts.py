"""`dbkit alerts …`: alerts, their rules, silences and channels. A part of `dbkit.cli`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from dbkit.cli_parts import (
    AnyOrganization,
    CliError,
    Json,
    Limit,
    Organization,
    Role,
    Url,
    as_plain,
    ask,
    moment,
    optional,
    print_answer,
    print_lines,
    print_list,
    print_table,
    read_json,
    read_text,
    say,
    time_text,
)

if TYPE_CHECKING:
    from decimal import Decimal

    from rich.console import Console

    from dbkit.calls import alerts as calls

alerts = typer.Typer(help="See alerts and act on them; rules, channels.", no_args_is_help=True)
rules = typer.Typer(help="What is watched, and when somebody is told.", no_args_is_help=True)
channels = typer.Typer(help="Where alerts are told: URLs of Apprise.", no_args_is_help=True)
alerts.add_typer(rules, name="rules")
alerts.add_typer(channels, name="channels")

# --- arguments -------------------------------------------------------------------------------

Alert = Annotated[int, typer.Argument(metavar="ID", help="As `dbkit alerts list` shows it.")]
Rule = Annotated[str, typer.Argument(metavar="NAME", help="Of a rule, such as 'High Error Rate'.")]
Channel = Annotated[str, typer.Argument(metavar="NAME", help="Of a channel.")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="For those who look later.")]


Metric = Annotated[
    str | None, optional("--metric", "TYPE", "What is watched: `dbkit alerts metrics` lists them.")
]
Condition = Annotated[
    str | None, optional("--condition", "OP", "gt, lt, gte, lte or eq. Default of a new rule: gt.")
]
Threshold = Annotated[str | None, optional("--threshold", "NUMBER", "With what it is compared.")]
Window = Annotated[int | None, optional("--window", "MINUTES", "Measured over so long.")]
ForMinutes = Annotated[int | None, optional("--for", "MINUTES", "It must hold for so long.")]
Keep = Annotated[
    int | None, optional("--keep-firing", "MINUTES", "It must not hold for so long to be resolved.")
]
Cooldown = Annotated[
    int | None, optional("--cooldown", "MINUTES", "From one incident to the next at least.")
]
Repeat = Annotated[
    int | None, optional("--repeat", "MINUTES", "An open alert is told again so often; 0 never.")
]
MinSamples = Annotated[int | None, optional("--min-samples", "N", "Fewer count as no data.")]
NoData = Annotated[
    str | None, optional("--no-data", "POLICY", "ok, alerting, keep_last or no_data.")
]
Severity = Annotated[str | None, optional("--severity", "LEVEL", "info, warning or critical.")]
Channels = Annotated[
    list[str] | None,
    optional("--channel", "NAME", "Whom to tell: a channel's name or kind; can be repeated."),
]
Params = Annotated[str | None, optional("--params", "JSON", "For the metric's function.")]
BurnRate = Annotated[
    str | None, optional("--burn-rate", "JSON", "Watch how fast an error budget burns; {} ends it.")
]
Description = Annotated[str | None, optional("--description", "TEXT", "What it is for.")]


def _number(text: str | None) -> Decimal | None:
    from decimal import Decimal, InvalidOperation

    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"not a number: {text}", param_hint="--threshold") from None


def _json(text: str | None, option: str) -> Any:
    return None if text is None else read_json(text, option)


# --- alerts ----------------------------------------------------------------------------------


@alerts.command("list")
def list_alerts(
    status: Annotated[
        str,
        typer.Option(
            "--status",
            metavar="STATUS",
            help="open, triggered, acknowledged, resolved, or all.",
        ),
    ] = "open",
    rule: Annotated[str | None, optional("--rule", "NAME", "Only of this rule.")] = None,
    before: Annotated[int | None, optional("--before", "ID", "Only older ones.")] = None,
    limit: Limit = 50,
    organization: AnyOrganization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List alerts, the newest first.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    asked = None if status == "all" else status
    found = ask(calls.get_alerts(asked, rule, before, limit, organization), url, role=role)
    columns = ["id", "status", "severity", "since", "resolved", "message", "told", "deployment"]
    print_list(as_json, found, columns, _alert_row, under="alerts")


def _alert_row(each: calls.GetAlertsRow) -> list[object]:
    return [
        each.id,
        each.status,
        each.severity,
        time_text(each.triggered_at),
        time_text(each.resolved_at),
        each.message,
        _words(each.channels_notified),
        each.deployment_id,
    ]


def _words(given: object) -> str:
    return ", ".join(map(str, cast("list[object]", given)))


@alerts.command()
def show(
    alert: Alert,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Explain an alert.

    Why it fired, the metric around it, the last deployment with before and after, its notices.
    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    found = ask(calls.explain_alert(alert), url, role=role, organization_id=organization)
    print_answer(as_json, as_plain(found), lambda console: _explain(console, found))


def _explain(console: Console, found: calls.ExplainAlertResult) -> None:
    row = cast("dict[str, Any]", found.alert)
    print_lines(console, [(name, row[name]) for name in ("id", "rule_name", "status", "severity")])
    for sentence in found.why:
        console.print(sentence, soft_wrap=True)
    values = [each.value for each in found.series]
    if any(value is not None for value in values):
        console.print(f"{'series':<18}{_sparkline(values)}", soft_wrap=True)
    if (shift := cast("dict[str, Any] | None", found.deployment)) is not None:
        console.print(
            f"{'last deployment':<18}{shift['deployment_id']} ({shift['version']}) at "
            f"{shift['deployed_at']}: {shift['before']} before, {shift['after']} after",
            soft_wrap=True,
        )
    notices = cast("list[dict[str, Any]]", found.notices)
    columns = ["transition", "channel", "status", "reason", "attempts", "error"]
    print_table(console, columns, [[each[name] for name in columns] for each in notices])


def _sparkline(values: list[Decimal | None]) -> str:
    known = [float(value) for value in values if value is not None]
    low, high = min(known), max(known)
    bars = "▁▂▃▄▅▆▇█"
    span = (high - low) or 1.0
    drawn = [
        " " if value is None else bars[round((float(value) - low) / span * 7)] for value in values
    ]
    return f"{''.join(drawn)}  {low:g} to {high:g}"


@alerts.command()
def ack(
    alert: Alert,
    note: Note = "",
    minutes: Annotated[
        int | None, optional("--minutes", "N", "For so long. Default: until it is resolved.")
    ] = None,
    organization: Organization = None,
    user: Annotated[str | None, optional("--user-id", "ID", "Who takes care.")] = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Say that somebody takes care: the alert is not told again.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    ask(
        calls.acknowledge_alert(alert, note, minutes),
        url,
        role=role,
        organization_id=organization,
        user_id=user,
    )
    _done(as_json, "acknowledged", alert)


@alerts.command()
def resolve(
    alert: Alert,
    note: Note = "",
    organization: Organization = None,
    user: Annotated[str | None, optional("--user-id", "ID", "Who did it.")] = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Close an alert by hand.

    If the condition still holds, the rule waits and fires again. Needs service_role.
    """
    from dbkit.calls import alerts as calls

    ask(
        calls.resolve_alert(alert, note), url, role=role, organization_id=organization, user_id=user
    )
    _done(as_json, "resolved", alert)


def _done(as_json: bool, what: str, subject: object) -> None:
    say(as_json, {what: subject}, f"{what} {subject}")


@alerts.command()
def evaluate(role: Role = None, url: Url = None, as_json: Json = False) -> None:
    """Evaluate all rules now, as the worker does every 15 seconds.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    done = ask(calls.evaluate_alert_rules(), url, role=role)
    document: dict[str, Any] = as_plain(done)
    text = ", ".join(f"{number} {name}" for name, number in document.items())
    say(as_json, document, text)


@alerts.command()
def notices(
    alert: Annotated[int | None, optional("--alert", "ID", "Only of this alert.")] = None,
    status: Annotated[
        str | None,
        optional("--status", "STATUS", "pending, leased, retry_wait, sent, dead or suppressed."),
    ] = None,
    limit: Limit = 50,
    organization: AnyOrganization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List notices of alerts.

    Sent, waiting, given up, or why they were not sent. Needs service_role.
    """
    from dbkit.calls import alerts as calls

    found = ask(calls.get_alert_notifications(alert, status, limit, organization), url, role=role)
    columns = ["id", "alert", "transition", "channel", "status", "why", "attempts", "settled"]
    print_list(as_json, found, columns, _notice_row, under="notices")


def _notice_row(each: calls.GetAlertNotificationsRow) -> list[object]:
    return [
        each.id,
        each.alert_id,
        each.transition,
        each.channel,
        each.status,
        each.reason or each.last_error,
        each.attempts,
        time_text(each.settled_at),
    ]


@alerts.command()
def metrics(role: Role = None, url: Url = None, as_json: Json = False) -> None:
    """List what rules can watch.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    found = ask(calls.get_alert_metrics(), url, role=role)
    print_list(
        as_json,
        found,
        ["metric", "unit", "rules", "description"],
        lambda each: [each.metric_type, each.unit, each.rules, each.description],
        under="metrics",
    )


# --- silences --------------------------------------------------------------------------------


@alerts.command()
def silence(
    pattern: Annotated[
        str, typer.Argument(metavar="PATTERN", help="Of rules' names: * for any characters.")
    ],
    minutes: Annotated[int, typer.Option("--minutes", metavar="N", help="For so long.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")],
    severity: Severity = None,
    start: Annotated[
        str | None, optional("--from", "TIME", "From then on; UTC without a zone. Default: now.")
    ] = None,
    organization: Organization = None,
    user: Annotated[str | None, optional("--user-id", "ID", "Who wants it.")] = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Tell nobody of some alerts for a while.

    They open and close all the same; what is still open then is told. Needs service_role.
    """
    from dbkit.calls import alerts as calls

    asked = calls.create_silence(pattern, minutes, reason, severity, moment(start, "--from"))
    number = ask(asked, url, role=role, organization_id=organization, user_id=user)
    _done(as_json, "silence", number)


@alerts.command()
def unsilence(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `dbkit alerts silences` says.")],
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """End a silence now.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    ask(calls.expire_silence(number), url, role=role, organization_id=organization)
    _done(as_json, "ended", number)


@alerts.command()
def silences(
    past: Annotated[bool, typer.Option("--past", help="Also those that are over.")] = False,
    organization: AnyOrganization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List silences that last or will begin.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    found = ask(calls.get_silences(past, organization), url, role=role)
    columns = ["id", "rules", "severity", "from", "to", "by", "reason"]
    print_list(as_json, found, columns, _silence_row, under="silences")


def _silence_row(each: calls.GetSilencesRow) -> list[object]:
    return [
        each.id,
        each.rule_pattern,
        each.severity,
        time_text(each.starts_at),
        time_text(each.ends_at),
        each.created_by,
        each.reason,
    ]


# --- rules -----------------------------------------------------------------------------------


@rules.command("list")
def list_rules(
    rule: Annotated[str | None, optional("--rule", "NAME", "Only this one.")] = None,
    organization: AnyOrganization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List rules and where they stand.

    Exit code 1 when one cannot be measured. Needs service_role.
    """
    from dbkit.calls import alerts as calls

    found = ask(calls.get_alert_rules(rule, organization), url, role=role)
    columns = ["rule", "fires when", "severity", "tells", "state", "value", "evaluated", "error"]
    print_list(as_json, found, columns, _rule_row, under="rules")
    if any(each.last_error and each.enabled for each in found):
        raise typer.Exit(1)


def _rule_row(each: calls.GetAlertRulesRow) -> list[object]:
    limit = f"{each.condition} {each.threshold.normalize():f}"
    if each.burn_rate is None:
        limit = f"{limit} {each.unit}".strip()
    return [
        each.name,
        f"{each.metric_type} {limit}, {each.window_minutes} min",
        each.severity,
        _words(each.channels),
        each.state if each.enabled else "disabled",
        None if each.last_value is None else f"{each.last_value:g} {each.unit}".strip(),
        time_text(each.evaluated_at),
        each.last_error,
    ]


@rules.command()
def add(
    name: Rule,
    metric: Annotated[
        str, typer.Option("--metric", metavar="TYPE", help="What is watched.", show_default=False)
    ],
    threshold: Annotated[
        str,
        typer.Option("--threshold", metavar="NUMBER", help="With what it is compared."),
    ],
    condition: Condition = None,
    window: Window = None,
    hold: ForMinutes = None,
    keep: Keep = None,
    cooldown: Cooldown = None,
    repeat: Repeat = None,
    min_samples: MinSamples = None,
    no_data: NoData = None,
    severity: Severity = None,
    tell: Channels = None,
    params: Params = None,
    burn_rate: BurnRate = None,
    description: Description = None,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Make a rule.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    given = {
        "window_minutes": window,
        "for_minutes": hold,
        "keep_firing_minutes": keep,
        "cooldown_minutes": cooldown,
        "repeat_minutes": repeat,
        "min_samples": min_samples,
        "no_data": no_data,
        "severity": severity,
        "channels": tell,
        "metric_params": _json(params, "--params"),
        "burn_rate": _json(burn_rate, "--burn-rate"),
        "description": description,
    }
    chosen: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    limit = cast("Decimal", _number(threshold))
    asked = calls.create_alert_rule(name, metric, condition or "gt", limit, **chosen)
    number = ask(asked, url, role=role, organization_id=organization)
    _done(as_json, "rule", number)


@rules.command("set")
def set_rule(
    name: Rule,
    metric: Metric = None,
    condition: Condition = None,
    threshold: Threshold = None,
    window: Window = None,
    hold: ForMinutes = None,
    keep: Keep = None,
    cooldown: Cooldown = None,
    repeat: Repeat = None,
    min_samples: MinSamples = None,
    no_data: NoData = None,
    severity: Severity = None,
    tell: Channels = None,
    params: Params = None,
    burn_rate: BurnRate = None,
    description: Description = None,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Change a rule; what is not said stays.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    asked = calls.update_alert_rule(
        name,
        metric,
        condition,
        _number(threshold),
        window,
        cooldown,
        severity,
        tell,
        description,
        _json(params, "--params"),
        hold,
        keep,
        repeat,
        min_samples,
        no_data,
        _json(burn_rate, "--burn-rate"),
    )
    ask(asked, url, role=role, organization_id=organization)
    _done(as_json, "changed", name)


@rules.command()
def enable(
    name: Rule,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Switch a rule on.

    Needs service_role.
    """
    _switch(name, True, organization, role, url)
    _done(as_json, "enabled", name)


@rules.command()
def disable(
    name: Rule,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Switch a rule off; its open alert is resolved.

    Needs service_role.
    """
    _switch(name, False, organization, role, url)
    _done(as_json, "disabled", name)


def _switch(
    name: str, on: bool, organization: str | None, role: str | None, url: str | None
) -> None:
    from dbkit.calls import alerts as calls

    ask(calls.enable_alert_rule(name, on), url, role=role, organization_id=organization)


@rules.command("delete")
def delete_rule(
    name: Rule,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Delete a rule; its open alert is resolved, its history stays.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    ask(calls.delete_alert_rule(name), url, role=role, organization_id=organization)
    _done(as_json, "deleted", name)


@alerts.command()
def backtest(
    rule: Rule,
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="UTC without a zone.", show_default=False)
    ],
    end: Annotated[str | None, optional("--to", "TIME", "Default: now.")] = None,
    step: Annotated[
        int, typer.Option("--step", metavar="SECONDS", min=1, help="Evaluated so often.")
    ] = 60,
    change: Annotated[
        str, typer.Option("--change", metavar="JSON", help='Settings to try: {"threshold": 3}.')
    ] = "{}",
    every: Annotated[bool, typer.Option("--all", help="Every step, not changes alone.")] = False,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show what a rule would have done.

    Over the metrics that are stored, evaluated every so many seconds. Nothing is stored and nobody
    is told. Needs service_role.
    """
    import datetime

    from dbkit.calls import alerts as calls

    since = cast("datetime.datetime", moment(start, "--from"))
    asked = calls.backtest_rule(
        rule,
        since,
        moment(end, "--to"),
        datetime.timedelta(seconds=step),
        read_json(change, "--change"),
    )
    found = ask(asked, url, role=role, organization_id=organization)
    fired = sum(each.fires for each in found)
    shown = [
        each
        for n, each in enumerate(found)
        if every or n == 0 or each.state != found[n - 1].state or each.fires
    ]

    def human(console: Console) -> None:
        rows = [
            [time_text(each.at), None if each.value is None else f"{each.value:g}", each.state]
            for each in shown
        ]
        print_table(console, ["at", "value", "state"], rows)
        console.print(f"{fired} incidents in {len(found)} evaluations")

    steps = [as_plain(each) for each in shown]
    print_answer(as_json, {"incidents": fired, "evaluations": len(found), "steps": steps}, human)


# --- channels --------------------------------------------------------------------------------


@channels.command("list")
def list_channels(
    organization: AnyOrganization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """List channels and how they are doing; their URLs are not shown.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    found = ask(calls.get_alert_channels(organization), url, role=role)
    columns = ["name", "kind", "on", "waiting", "last sent", "last error"]
    print_list(as_json, found, columns, _channel_row, under="channels")


def _channel_row(each: calls.GetAlertChannelsRow) -> list[object]:
    return [
        each.name,
        each.kind,
        "yes" if each.enabled else "no",
        each.waiting,
        time_text(each.last_sent_at),
        each.last_error,
    ]


@channels.command("add")
def add_channel(
    name: Channel,
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="URL of Apprise, such as mailtos://…, @file, or - for stdin."
        ),
    ],
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="email, slack, sms or other.")
    ] = "other",
    disabled: Annotated[bool, typer.Option("--disabled", help="Not yet.")] = False,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Make or replace a channel. Its URL is encrypted and not shown again.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    asked = calls.set_alert_channel(name, kind, read_text(target).strip(), not disabled)
    ask(asked, url, role=role, organization_id=organization)
    _done(as_json, "channel", name)


@channels.command("delete")
def delete_channel(
    name: Channel,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Delete a channel; what waits for it is not sent.

    Needs service_role.
    """
    from dbkit.calls import alerts as calls

    ask(calls.delete_alert_channel(name), url, role=role, organization_id=organization)
    _done(as_json, "deleted", name)


@alerts.command("test-channel")
def test_channel(
    name: Channel,
    organization: Organization = None,
    role: Role = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Send a test notice to a channel now, from this machine.

    DBKIT_WEBHOOK_ALLOW names the private targets that it may reach. Exit code 1 when it is not
    taken. Needs service_role.
    """
    from dbkit.calls import alerts as calls
    from dbkit.cli_worker import allow_list
    from dbkit.notices import Kind, notice_type, render, send

    found = ask(calls.get_alert_channel_url(name), url, role=role, organization_id=organization)
    told = _test_notice(name, organization or "default")
    message = render(cast("Kind", found.kind), told)
    error = send(found.url, message, notice_type(told), allow_list())
    if error is not None:
        raise CliError(f"the notice was not taken: {error}")
    _done(as_json, "sent", name)


def _test_notice(channel: str, organization: str) -> dict[str, Any]:
    import datetime

    now = datetime.datetime.now(datetime.UTC).isoformat()
    return {
        "alert_id": 0,
        "organization_id": organization,
        "rule": "Test",
        "severity": "info",
        "transition": "triggered",
        "message": f"Test: this is what an alert looks like on the channel {channel}",
        "metric_type": "test",
        "unit": "",
        "condition": "gt",
        "threshold": 0,
        "value": 1,
        "last_value": 1,
        "triggered_at": now,
        "resolved_at": None,
        "resolved_by": None,
        "resolution_note": None,
        "deployment": None,
    }
