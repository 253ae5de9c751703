"""Notices of alerts: what they say, and how they are sent, by Apprise.

A notice is what the database queued: names of rules, notes of people. Nothing of that is trusted:
HTML is escaped by the template, Slack's markup by Apprise, control characters and those that turn
the direction of text are taken out, and a subject is one line.

A channel's URL is the operator's, and yet the worker stands inside the house: while a thread sends,
each connection that Python opens in it is judged like those of webhooks (`dbkit.egress`), by an
audit hook, which sees the address itself, after the name was resolved. Redirects are not followed.
"""

from __future__ import annotations

import logging
import re
import socket
import sys
import threading
import unicodedata
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from apprise import AppriseAsset
    from jinja2 import Environment

    from dbkit.egress import AllowList

Kind: TypeAlias = Literal["email", "slack", "sms", "other"]

MAX_SUBJECT = 150
MAX_FIELD = 600
REFUSED = (
    *("dbus", "kde", "qt", "glib", "gnome", "macosx", "windows", "syslog"),
    *("mqtt", "mqtts", "xmpp", "xmpps", "matrix", "matrixs"),
)
"""Apprise's schemas of the machine itself, and those that open connections in other threads."""

# --- what they say ---------------------------------------------------------------------------

_SIGNS = {
    "gt": "above",
    "lt": "below",
    "gte": "at or above",
    "lte": "at or below",
    "eq": "equal to",
}

HTML = """\
<!doctype html>
<html><body style="font-family: sans-serif">
<h2 style="color: {{ colour }}">{{ heading }}</h2>
<p>{{ message }}</p>
<table cellpadding="4">
{% for name, value in facts %}<tr><th align="left">{{ name }}</th><td>{{ value }}</td></tr>
{% endfor %}</table>
<p><small>{{ reference }}</small></p>
</body></html>
"""
TEXT = """\
{{ message }}
{% for name, value in facts %}
{{ name }}: {{ value }}{% endfor %}

{{ reference }}
"""
SMS = "{{ heading }}: {{ message }}"
_COLOURS = {"critical": "#a32037", "warning": "#a06a00", "info": "#2a6fa3"}
_RESOLVED = "#2f7d32"


@dataclass(frozen=True)
class Message:
    """Ready to send; the title of an SMS is empty."""

    title: str
    body: str
    is_html: bool


def plain(value: object, length: int = MAX_FIELD) -> str:
    """Text on one line, without characters that are not seen: controls, marks of direction."""
    text = re.sub(r"\s+", " ", str(value))
    kept = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    kept = kept.strip()
    return kept if len(kept) <= length else kept[: length - 1] + "…"


def render(kind: Kind, notice: Mapping[str, Any]) -> Message:
    """The message of a notice, in the form of a kind of channel."""
    said = _said(notice)
    if kind == "email":
        return Message(said["heading"], _template(HTML, True).render(said), True)
    if kind == "sms":
        return Message("", _template(SMS, False).render(said), False)
    return Message(said["heading"], _template(TEXT, False).render(said), False)


def _said(notice: Mapping[str, Any]) -> dict[str, Any]:
    resolved = notice["transition"] == "resolved"
    word = "RESOLVED" if resolved else str(notice["severity"]).upper()
    again = " (still)" if notice["transition"] == "repeated" else ""
    reference = f"alert {notice['alert_id']}, {notice['transition']}"
    return {
        "heading": plain(f"[{word}] {notice['rule']}{again}", MAX_SUBJECT),
        "message": plain(notice["message"]),
        "facts": [(name, plain(value)) for name, value in _facts(notice) if value is not None],
        "reference": plain(f"{reference}, {notice['organization_id']}"),
        "colour": _RESOLVED if resolved else _COLOURS.get(str(notice["severity"]), "#444444"),
    }


def _facts(notice: Mapping[str, Any]) -> list[tuple[str, object]]:
    unit = notice.get("unit") or ""
    limit = f"{_SIGNS.get(str(notice['condition']), notice['condition'])} {notice['threshold']}"
    value, last = notice.get("value"), notice.get("last_value")
    facts: list[tuple[str, object]] = [
        ("Metric", notice["metric_type"]),
        ("Value", "no data" if value is None else f"{_number(value)} {unit}"),
        ("Fires when", f"{limit} {'' if notice.get('is_burn_rate') else unit}"),
        ("Since", _time(notice["triggered_at"])),
    ]
    if notice["transition"] == "resolved":
        facts += [
            ("Resolved", _time(notice["resolved_at"])),
            ("Value then", None if last is None else f"{_number(last)} {unit}"),
            ("By", notice.get("resolved_by")),
            ("Note", notice.get("resolution_note") or None),
        ]
    if deployment := notice.get("deployment"):
        at = _time(deployment["deployed_at"])
        facts.append(
            ("Last deployment", f"{deployment['deployment_id']} ({deployment['version']}) at {at}")
        )
    return facts


def _number(value: object) -> str:
    try:
        return f"{float(str(value)):.6g}"
    except ValueError:
        return str(value)


def _time(text: object) -> str:
    try:
        return datetime.fromisoformat(str(text)).strftime("%Y-%m-%d %H:%M:%S %Z")
    except ValueError:
        return str(text)


@cache
def _environment(escapes: bool) -> Environment:
    from jinja2 import Environment, StrictUndefined

    # Plain text has nothing to escape; what makes HTML is always the other one.
    return Environment(autoescape=escapes, undefined=StrictUndefined)  # noqa: S701


@cache
def _template(text: str, escapes: bool) -> Any:
    return _environment(escapes).from_string(text)


# --- where they may go -----------------------------------------------------------------------


class Refused(OSError):
    """A connection that a channel may not make."""


class _Guard(threading.local):
    def __init__(self) -> None:
        self.allow: AllowList | None = None
        self.host = ""
        self.refused: str | None = None


_guard = _Guard()
_SEEN = ("socket.connect", "socket.sendto", "socket.getaddrinfo")
_OUTSIDE = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Runs for every audited event of the process: the name is looked at first."""
    if event in _SEEN and _guard.allow is not None:
        if event == "socket.getaddrinfo":
            _guard.host = str(arguments[0] or "")
        else:
            _judge(_guard.allow, arguments[0], arguments[1])
    elif event in _OUTSIDE and _guard.allow is not None:
        _refuse("a channel may not start a program")


def _judge(allow: AllowList, sock: socket.socket, address: Any) -> None:
    import ipaddress

    from dbkit.egress import is_public

    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        _refuse("a channel may only use the internet")
    try:
        found = ipaddress.ip_address(str(address[0]).partition("%")[0])
    except ValueError:
        _refuse("the address is not resolved")
        return
    if not (is_public(found) or allow.covers(_guard.host.lower(), int(address[1]), found)):
        _refuse("the host is at an address that is not public")


def _refuse(why: str) -> None:
    _guard.refused = f"blocked: {why}"
    raise Refused(why)


@cache
def _install() -> None:
    # It stays for the life of the process: hooks cannot be taken away.
    sys.addaudithook(_audit)


@contextmanager
def guarded(allow: AllowList) -> Generator[None, None, None]:
    """Connections of this thread go to public addresses, or those of the list, alone."""
    _install()
    _guard.allow, _guard.host, _guard.refused = allow, "", None
    try:
        yield
    finally:
        _guard.allow = None


# --- sending ---------------------------------------------------------------------------------


class _Words(logging.Handler):
    """What Apprise says of a failure in this thread; it returns only False."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.said.append(record.getMessage())


@cache
def _asset() -> AppriseAsset:
    from apprise import AppriseAsset

    # Nothing is kept on disk, nothing of the text is interpreted, no picture is loaded from afar.
    return AppriseAsset(
        app_id="dbkit",
        app_desc="dbkit alerts",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        interpret_escapes=False,
        interpret_emojis=False,
        http_redirects=False,
        storage_mode="memory",
    )


def _instantiate(url: str) -> Any:
    from apprise import Apprise

    make: Callable[..., Any] = getattr(Apprise, "instantiate")  # noqa: B009  (partly untyped)
    return make(url, asset=_asset())


def send(url: str | None, message: Message, notice_type: str, allow: AllowList) -> str | None:
    """Sends it now, in this thread; None when it was taken, else why not, without secrets."""
    if not url:
        return "config: the channel's URL cannot be read; set it again"
    schema = url.partition(":")[0].lower()
    if schema in REFUSED:
        return f"blocked: {schema}:// is not for a worker"
    from apprise import NotifyFormat, NotifyType

    words = _Words()
    logger = logging.getLogger("apprise")
    logger.addHandler(words)
    try:
        channel = _instantiate(url)
        if not channel:
            return "config: Apprise does not know such a URL"
        with guarded(allow):
            taken = channel.notify(
                body=message.body,
                title=message.title,
                notify_type=NotifyType(notice_type),
                body_format=NotifyFormat.HTML if message.is_html else NotifyFormat.TEXT,
            )
        return None if taken else _reason(words.said, url)
    except Exception as error:
        return _guard.refused or f"error: {type(error).__name__}"
    finally:
        logger.removeHandler(words)


def notice_type(notice: Mapping[str, Any]) -> str:
    """Apprise's word for it, which gives the colour."""
    if notice["transition"] == "resolved":
        return "success"
    return {"critical": "failure", "warning": "warning"}.get(str(notice["severity"]), "info")


def _reason(said: list[str], url: str) -> str:
    return _guard.refused or f"refused: {redacted(plain(said[-1] if said else '', 300), url)}"


def redacted(text: str, url: str) -> str:
    """Without the parts of a URL that could be secret: all but schema and host."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    pieces = {piece for piece in re.split(r"[^\w.+-]+", url) if len(piece) > 3}
    pieces |= {unquote(piece) for piece in pieces}
    for piece in sorted(pieces - {parts.scheme, host}, key=len, reverse=True):
        text = text.replace(piece, "***")
    return text
