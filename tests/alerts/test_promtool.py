"""for_minutes and keep_firing_minutes mean what they mean in Prometheus: promtool is the oracle."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.parts import call, quiet, rule, say, state, tick
from tests.helpers import Connection, connect

SEED = 20261121
CASES = 40
MINUTES = 40

promtool = shutil.which("promtool")
pytestmark = pytest.mark.skipif(
    promtool is None, reason="promtool is not installed (Debian's package prometheus)"
)


def cases() -> list[dict[str, Any]]:
    chance = random.Random(SEED)
    found = []
    for number in range(CASES):
        share, length = chance.random(), chance.choice([1, 2, 4, 8])
        values: list[int] = []
        while len(values) < MINUTES:
            values += [9 if chance.random() < share else 1] * chance.randint(1, length)
        found.append(
            {
                "name": f"case{number}",
                "for": chance.choice([0, 0, 1, 2, 3, 5, 8]),
                "keep": chance.choice([0, 0, 1, 2, 3, 5]),
                "values": values[:MINUTES],
            }
        )
    return found


def by_promtool(folder: Path, given: list[dict[str, Any]]) -> dict[tuple[str, int], bool]:
    """Whether each alert fires at each minute: told by the tests that fail, all expect silence."""
    rules = [
        {
            "alert": each["name"],
            "expr": f"{each['name']} > 5",
            "for": f"{each['for']}m",
            **({"keep_firing_for": f"{each['keep']}m"} if each["keep"] else {}),
        }
        for each in given
    ]
    (folder / "rules.yml").write_text(
        json.dumps({"groups": [{"name": "g", "interval": "1m", "rules": rules}]})
    )
    tests = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": each["name"], "values": " ".join(map(str, each["values"]))}
                    for each in given
                ],
                "alert_rule_test": [
                    {"eval_time": f"{at}m", "alertname": each["name"], "exp_alerts": []}
                    for each in given
                    for at in range(MINUTES)
                ],
            }
        ],
    }
    (folder / "test.yml").write_text(json.dumps(tests))
    done = subprocess.run(
        [str(promtool), "test", "rules", "test.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "FAILED" in said, said
    fires = {
        (name, _minutes(at)) for name, at in re.findall(r"alertname: (\w+), time: (\w+)", said)
    }
    assert fires, said[:2000]
    return {
        (each["name"], at): (each["name"], at) in fires for each in given for at in range(MINUTES)
    }


def _minutes(text: str) -> int:
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    assert found, text
    return int(found[1] or 0) * 60 + int(found[2] or 0)


def test_states_equal_those_of_prometheus(database: str, tmp_path: Path) -> None:
    given = cases()
    expected = by_promtool(tmp_path, given)
    assert len(set(expected.values())) == 2
    ours: dict[tuple[str, int], bool] = {}
    with connect(database, autocommit=True) as conn:
        _load(conn, given)
        for at in range(MINUTES):
            tick(conn, at)
            for each in given:
                ours[each["name"], at] = state(conn, each["name"]) == "firing"
        tested = {
            (each["name"], at): row["state"] == "firing"
            for each in given
            for at, row in enumerate(_backtest(conn, each["name"]))
        }
    assert ours == expected
    assert tested == expected


def _load(conn: Connection, given: list[dict[str, Any]]) -> None:
    quiet(conn)
    for each in given:
        rule(
            conn,
            each["name"],
            metric_params={"name": each["name"]},
            for_minutes=each["for"],
            keep_firing_minutes=each["keep"],
        )
        for at, value in enumerate(each["values"]):
            say(conn, at, value, name=each["name"])


def _backtest(conn: Connection, name: str) -> list[dict[str, Any]]:
    from tests.alerts.parts import minute
    from tests.helpers import rows

    return rows(
        conn,
        "select * from dbkit.backtest_rule(%s, %s, %s)",
        *(name, minute(0), minute(MINUTES - 1)),
    )


def test_the_oracle_can_disagree(database: str, tmp_path: Path) -> None:
    """The comparison would see a rule that waits for a minute less."""
    given = [each for each in cases() if each["for"] > 1][:5]
    expected = by_promtool(tmp_path, given)
    with connect(database, autocommit=True) as conn:
        _load(conn, given)
        for each in given:
            call(conn, "update_alert_rule", name=each["name"], for_minutes=each["for"] - 1)
        tick(conn, MINUTES - 1)
        tested = {
            (each["name"], at): row["state"] == "firing"
            for each in given
            for at, row in enumerate(_backtest(conn, each["name"]))
        }
    assert tested != expected
