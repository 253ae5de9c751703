"""What notices say, how Apprise sends them, and that hostile text and hostile targets are inert."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from dbkit.egress import AllowList
from dbkit.notices import guarded, notice_type, plain, redacted, render, send
from tests.alerts.servers import Mailbox, Web, mail_server, web_server

LOOPBACK = AllowList.parse("127.0.0.0/8")
NOBODY = AllowList()
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/%23ops"
TWILIO = "twilio://AC" + "a" * 32 + ":" + "b" * 32 + "@15551234567/15559876543"
NOTICE: dict[str, Any] = {
    "alert_id": 7,
    "organization_id": "default",
    "rule": "High Error Rate",
    "severity": "critical",
    "transition": "triggered",
    "n": 0,
    "message": "High Error Rate: error_rate is 7.5 % (gt 5 % over 15 min)",
    "metric_type": "error_rate",
    "unit": "%",
    "condition": "gt",
    "threshold": 5,
    "window_minutes": 15,
    "is_burn_rate": False,
    "value": 7.5,
    "last_value": 7.5,
    "at": "2026-03-01T12:00:00+00:00",
    "triggered_at": "2026-03-01T12:00:00+00:00",
    "resolved_at": None,
    "resolved_by": None,
    "resolution_note": None,
    "deployment": None,
}
RESOLVED = NOTICE | {
    "transition": "resolved",
    "last_value": 1.25,
    "resolved_at": "2026-03-01T12:20:00+00:00",
    "resolved_by": "kim",
    "resolution_note": "rolled back",
    "deployment": {
        "deployment_id": "d7",
        "kind": "release",
        "version": "v7",
        "deployed_at": "2026-03-01T11:55:00+00:00",
    },
}
NASTY = (
    '<script>alert(1)</script> <!channel> <https://evil.example|click> & "q"\r\nBcc: x@evil\n'
    "\u202egnp.exe\u2066 \x1b[31m \x00 {{ 7 * 7 }} {% raw %}"
)


@pytest.fixture
def mail() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Slack's and Twilio's addresses are Apprise's own: here they lead to loopback."""
    from apprise.plugins.slack import NotifySlack
    from apprise.plugins.twilio import NotifyTwilio

    with web_server() as server:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"{server.base}/services")
        path = f"{server.base}/2010-04-01/Accounts/{{sid}}/Messages.json"
        monkeypatch.setattr(NotifyTwilio, "notify_sms_url", path)
        yield server


def post(kind: Any, url: str, notice: dict[str, Any], allow: AllowList = LOOPBACK) -> str | None:
    return send(url, render(kind, notice), notice_type(notice), allow)


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)


def test_mail_has_html_and_text(mail: Mailbox) -> None:
    assert post("email", mail.url, NOTICE) is None
    (message,) = mail.messages()
    assert message["subject"] == "[CRITICAL] High Error Rate"
    assert message["to"] == "ops@example.org"
    html, text = (message.get_body(preferencelist=(kind,)) for kind in ("html", "plain"))
    assert html is not None and text is not None
    for body in (html.get_content(), text.get_content()):
        assert "error_rate is 7.5 %" in body
        assert "above 5 %" in body
        assert "alert 7, triggered, default" in body


def test_mail_tells_the_end(mail: Mailbox) -> None:
    assert post("email", mail.url, RESOLVED) is None
    (message,) = mail.messages()
    assert message["subject"] == "[RESOLVED] High Error Rate"
    html = message.get_body(preferencelist=("html",))
    assert html is not None
    for said in ("2026-03-01 12:20:00", "1.25 %", "kim", "rolled back", "d7 (v7)"):
        assert said in html.get_content()


def test_slack_gets_the_text(web: Web) -> None:
    assert post("slack", SLACK, NOTICE) is None
    ((path, _, _),) = web.got
    assert path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    said = str(web.documents())
    assert "[CRITICAL] High Error Rate" in said
    assert "error_rate is 7.5 %" in said
    assert "http" not in said, "no picture is loaded from afar"


def test_sms_gets_one_short_text(web: Web) -> None:
    web.body = b'{"sid": "SM1"}'
    assert post("sms", TWILIO, NOTICE) is None
    ((path, headers, _),) = web.got
    assert path.endswith("/Accounts/AC" + "a" * 32 + "/Messages.json")
    assert headers["Authorization"].startswith("Basic ")
    (form,) = web.forms()
    assert form["To"] == "+15559876543"
    assert form["Body"].startswith("[CRITICAL] High Error Rate: High Error Rate: error_rate")


# --- hostile text ------------------------------------------------------------------------------

HOSTILE = NOTICE | {"rule": NASTY, "message": NASTY, "unit": NASTY, "organization_id": NASTY}


def test_mail_is_inert(mail: Mailbox) -> None:
    assert post("email", mail.url, RESOLVED | HOSTILE | {"resolution_note": NASTY}) is None
    (raw,) = mail.got
    (message,) = mail.messages()
    assert "\n" not in message["subject"]
    assert [name for name in message.keys() if name.lower() in ("bcc", "cc")] == []  # noqa: SIM118
    html = message.get_body(preferencelist=("html",))
    assert html is not None
    body = html.get_content()
    assert "script" not in Tags(body).tags
    assert "a" not in Tags(body).tags
    assert "&lt;script&gt;" in body
    assert "{{ 7 * 7 }}" in body, "a template within a value is text"
    _no_control(str(message["subject"]) + body)
    assert b"\x00" not in raw


def test_slack_is_inert(web: Web) -> None:
    """What Slack would take for a mention or a link has its < escaped."""
    assert post("slack", SLACK, HOSTILE) is None
    (document,) = web.documents()
    said = str(document)
    assert "<!" not in said
    assert "<http" not in said
    assert "&lt;!channel&gt;" in said
    _no_control(said)


def test_sms_is_inert(web: Web) -> None:
    web.body = b"{}"
    assert post("sms", TWILIO, HOSTILE) is None
    for form in web.forms():
        _no_control(form["Body"].replace("\r", "").replace("\n", ""))


def _no_control(text: str) -> None:
    for bad in "\u202e\u2066\x1b\x00":
        assert bad not in text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a\r\nBcc: b", "a Bcc: b"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("\u202eevil\u202c \u200f\u061c\ufeff", "evil"),
        ("\U000e0041tag\u00ad", "tag"),
        ("Zürich 🍕 ①", "Zürich 🍕 ①"),
        ("x" * 700, "x" * 599 + "…"),
    ],
)
def test_plain(given: str, expected: str) -> None:
    assert plain(given) == expected


# --- failures and targets ----------------------------------------------------------------------


def test_a_refusal_is_told_without_secrets(web: Web) -> None:
    web.answers = [403]
    error = post("slack", SLACK, NOTICE)
    assert error is not None and error.startswith("refused: ")
    for secret in ("T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ"):
        assert secret not in error
    assert redacted("key s3cret%21 at host.example", "x://u:s3cret%21@host.example/") == (
        "key ***%21 at host.example"
    )


def test_a_mail_server_that_refuses(mail: Mailbox) -> None:
    mail.refuses = True
    error = post("email", mail.url, NOTICE)
    assert error is not None and error.startswith("refused: ")


@pytest.mark.parametrize(
    "url", [None, "", "nonsense", "nosuch://a/b", "slack://", "mailto://", "json://", "x" * 2000]
)
def test_a_url_that_is_none(url: str | None) -> None:
    error = post("other", url or "", NOTICE)
    assert error is not None and error.partition(":")[0] in ("config", "refused", "blocked")


@pytest.mark.parametrize("scheme", ["syslog", "dbus", "mqtt", "MATRIX", "xmpp"])
def test_schemas_of_the_machine_are_refused(scheme: str) -> None:
    assert (post("other", f"{scheme}://a/b", NOTICE) or "").startswith("blocked: ")


@pytest.mark.parametrize("how", ["json", "mail"])
def test_private_targets_are_refused(how: str, web: Web, mail: Mailbox) -> None:
    url = f"json://127.0.0.1:{web.port}/x" if how == "json" else mail.url
    assert post("other", url, NOTICE, NOBODY) == (
        "blocked: the host is at an address that is not public"
    )
    assert (web.got, mail.got) == ([], [])
    assert post("other", url, NOTICE) is None


def test_a_name_is_judged_by_its_address(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it resolves to something else than it did a moment ago."""
    real = socket.getaddrinfo

    def rebound(host: str, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1" if host == "hooks.example.org" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    error = post("other", f"json://hooks.example.org:{web.port}/x", NOTICE, NOBODY)
    assert error == "blocked: the host is at an address that is not public"
    assert web.got == []


def test_a_redirect_is_not_followed(web: Web) -> None:
    web.answers, web.location = [302], f"{web.base}/elsewhere"
    error = post("other", f"json://127.0.0.1:{web.port}/x", NOTICE)
    assert error is not None and error.startswith("refused: ")
    assert len(web.got) == 1


def test_the_guard_ends_with_the_sending(web: Web) -> None:
    with guarded(NOBODY), pytest.raises(OSError, match="not public"):
        socket.create_connection(("127.0.0.1", web.port), 5).close()
    socket.create_connection(("127.0.0.1", web.port), 5).close()


def test_the_guard_refuses_programs() -> None:
    import subprocess

    with guarded(LOOPBACK), pytest.raises(OSError, match="program"):
        subprocess.run(["true"], check=True)
