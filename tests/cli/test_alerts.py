"""`dbkit alerts`: see alerts and act on them, rules, silences, channels, backtest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.alerts.parts import quiet
from tests.alerts.servers import mail_server
from tests.cli.running import document, done, failed, run
from tests.helpers import connect, one

METRIC = ["--metric", "probe", "--params", '{"name": "x"}']


@pytest.fixture
def url(database: str) -> str:
    with connect(database, autocommit=True) as conn:
        quiet(conn)
    return database


@pytest.fixture
def fired(url: str) -> str:
    """The number of an open alert, and its database."""
    add(url, "X", "--channel", "slack")
    say(url, 9)
    assert document("alerts", "evaluate", url=url)["fired"] == 1
    return url


def add(url: str, name: str, *options: str) -> Any:
    given = [name, "--threshold", "5", *METRIC, *options]
    return document("alerts", "rules", "add", *given, url=url)


def say(url: str, value: float) -> None:
    with connect(url, autocommit=True) as conn:
        conn.execute(
            "insert into public.probe_values values ('x', clock_timestamp(), %s, 1)", [value]
        )


def listed(url: str, *options: str) -> list[Any]:
    return list(document("alerts", "list", *options, url=url)["alerts"])


def number(url: str) -> str:
    return str(listed(url, "--status", "all")[0]["id"])


def test_list_and_show(fired: str) -> None:
    (alert,) = listed(fired)
    assert (alert["rule_name"], alert["status"], alert["metric_value"]) == ("X", "triggered", 9)
    assert "X: probe is 9 %" in done("alerts", "list", url=fired)
    found = document("alerts", "show", number(fired), url=fired)
    assert set(found) == {"alert", "rule", "why", "series", "deployment", "notices"}
    shown = done("alerts", "show", number(fired), url=fired)
    for said in ("X: probe is 9 %", "no_channel", "slack", "9 to 9"):
        assert said in shown
    assert failed("alerts", "show", "99", url=fired)["sqlstate"] == "KD725"
    assert failed("alerts", "list", "--status", "none", url=fired)["sqlstate"] == "KD004"


def test_ack_and_resolve(fired: str) -> None:
    given = ["--note", "on it", "--minutes", "5", "--user-id", "kim"]
    assert document("alerts", "ack", number(fired), *given, url=fired) == {
        "acknowledged": int(number(fired))
    }
    (alert,) = listed(fired, "--status", "acknowledged")
    assert (alert["acknowledged_by"], alert["acknowledgement_note"]) == ("kim", "on it")
    assert "resolved" in done("alerts", "resolve", number(fired), "--note", "done", url=fired)
    assert listed(fired) == []
    assert failed("alerts", "ack", number(fired), url=fired)["sqlstate"] == "KD726"
    assert "dead" not in done("alerts", "notices", url=fired)
    notices = document("alerts", "notices", "--alert", number(fired), url=fired)["notices"]
    assert {each["reason"] for each in notices} == {"no_channel"}


def test_silences(url: str) -> None:
    made = document("alerts", "silence", "High*", "--minutes", "5", "--reason", "move", url=url)
    (found,) = document("alerts", "silences", url=url)["silences"]
    assert (found["id"], found["rule_pattern"], found["reason"]) == (
        made["silence"],
        "High*",
        "move",
    )
    assert "High*" in done("alerts", "silences", url=url)
    done("alerts", "unsilence", str(found["id"]), url=url)
    assert document("alerts", "silences", url=url)["silences"] == []
    assert len(document("alerts", "silences", "--past", url=url)["silences"]) == 1
    assert failed("alerts", "unsilence", "99", url=url)["sqlstate"] == "KD727"


def test_rules(url: str) -> None:
    windows = (
        '{"objective": 99, "windows": [{"factor": 6, "long_minutes": 60, "short_minutes": 5}]}'
    )
    given = [
        *("--condition", "gte", "--window", "3", "--for", "1", "--keep-firing", "2"),
        *("--cooldown", "4", "--repeat", "5", "--min-samples", "6", "--no-data", "keep_last"),
        *("--severity", "critical", "--channel", "email", "--channel", "ops"),
        *("--burn-rate", windows, "--description", "d"),
    ]
    add(url, "X", *given)
    (rule,) = document("alerts", "rules", "list", url=url)["rules"]
    expected = {
        "condition": "gte", "window_minutes": 3, "for_minutes": 1, "keep_firing_minutes": 2,
        "cooldown_minutes": 4, "repeat_minutes": 5, "min_samples": 6, "no_data": "keep_last",
        "severity": "critical", "channels": ["email", "ops"], "description": "d",
    }  # fmt: skip
    assert {name: rule[name] for name in expected} == expected
    changed = ["--threshold", "7.50", "--burn-rate", "{}", "--channel", "ops"]
    done("alerts", "rules", "set", "X", *changed, url=url)
    (after,) = document("alerts", "rules", "list", "--rule", "X", url=url)["rules"]
    assert (float(after["threshold"]), after["burn_rate"], after["channels"]) == (
        *(7.5, None),
        ["ops"],
    )
    assert "probe gte 7.5 %, 3 min" in done("alerts", "rules", "list", url=url)
    done("alerts", "rules", "disable", "X", url=url)
    assert "disabled" in done("alerts", "rules", "list", url=url)
    done("alerts", "rules", "enable", "X", url=url)
    done("alerts", "rules", "delete", "X", url=url)
    assert failed("alerts", "rules", "delete", "X", url=url)["sqlstate"] == "KD720"
    wrong = ["--metric", "probe", "--threshold", "NaN"]
    assert failed("alerts", "rules", "add", "Y", *wrong, url=url)["sqlstate"] == "KD721"
    wrong[-1] = "much"
    assert failed("alerts", "rules", "add", "Y", *wrong, url=url)["exit_code"] == 2
    assert "probe" in done("alerts", "metrics", url=url)


def test_list_of_rules_fails_when_one_is_broken(url: str) -> None:
    add(url, "X")
    done("alerts", "rules", "set", "X", "--params", '{"fails": 1}', url=url)
    assert "1 failed" in done("alerts", "evaluate", url=url)
    result = run("alerts", "rules", "list", url=url)
    assert (result.exit_code, "22012: division by zero" in result.stdout) == (1, True)


def test_backtest(url: str) -> None:
    add(url, "X")
    with connect(url, autocommit=True) as conn:
        conn.execute("insert into public.probe_values values ('x', '2026-03-01T12:00Z', 9, 1),"
                     " ('x', '2026-03-01T12:05Z', 1, 1)")  # fmt: skip
    given = ["X", "--from", "2026-03-01T11:58", "--to", "2026-03-01T12:10"]
    found = document("alerts", "backtest", *given, url=url)
    assert (found["incidents"], found["evaluations"]) == (1, 13)
    assert [each["state"] for each in found["steps"]] == ["ok", "firing", "ok"]
    tried = document("alerts", "backtest", *given, "--change", '{"threshold": 10}', url=url)
    assert tried["incidents"] == 0
    assert "1 incidents in 25" in done("alerts", "backtest", *given, "--step", "30", url=url)
    assert failed("alerts", "backtest", "none", "--from", "2026-03-01", url=url)["sqlstate"] == (
        "KD720"
    )


# --- channels ----------------------------------------------------------------------------------


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from dbkit.settings import settings

    monkeypatch.setenv("DBKIT_WEBHOOK_ALLOW", "127.0.0.1")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_channels_never_show_their_url(url: str) -> None:
    target = "mailto://user:secret@example.org"
    done("alerts", "channels", "add", "ops", target, "--kind", "email", url=url)
    done("alerts", "channels", "add", "more", "-", url=url, stdin="json://example.org/secret\n")
    found = document("alerts", "channels", "list", url=url)["channels"]
    assert [(each["name"], each["kind"]) for each in found] == [("more", "other"), ("ops", "email")]
    assert "secret" not in str(found) + done("alerts", "channels", "list", url=url)
    done("alerts", "channels", "delete", "ops", url=url)
    assert failed("alerts", "channels", "delete", "ops", url=url)["sqlstate"] == "KD729"
    wrong = failed("alerts", "channels", "add", "x", "secret", url=url)
    assert (wrong["sqlstate"], "secret" in str(wrong["message"])) == ("KD730", False)


@pytest.mark.usefixtures("allowed")
def test_test_channel_sends_now(url: str) -> None:
    with mail_server() as mail:
        done("alerts", "channels", "add", "ops", mail.url, "--kind", "email", url=url)
        assert document("alerts", "test-channel", "ops", url=url) == {"sent": "ops"}
        (message,) = mail.messages()
        assert message["subject"] == "[INFO] Test"
        mail.refuses = True
        assert "not taken: refused" in failed("alerts", "test-channel", "ops", url=url)["message"]
    with connect(url) as conn:
        assert one(conn, "select count(*) from dbkit.alert_notifications") == 0


def test_test_channel_refuses_private_targets(url: str) -> None:
    with mail_server() as mail:
        done("alerts", "channels", "add", "ops", mail.url, url=url)
        error = failed("alerts", "test-channel", "ops", url=url)
        assert "not public" in error["message"]
        assert mail.got == []
    assert failed("alerts", "test-channel", "none", url=url)["sqlstate"] == "KD729"


def test_needs_service(url: str) -> None:
    for command in (["list"], ["rules", "list"], ["channels", "list"], ["silences"], ["notices"]):
        assert failed("alerts", *command, "--role", "authenticated", url=url)["sqlstate"] == "42501"
