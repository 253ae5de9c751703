"""Schemathesis over the OpenAPI document of every version, against a gateway that runs.

All of its checks, and walks along the document's links. The seed is printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import psycopg
import pytest
import schemathesis
from psycopg.conninfo import make_conninfo
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from dbkit.server import Server
from tests.conftest import new_database
from tests.gateway.serving import Serving, serving

SECRET = "a secret of these tests, long enough"
LIBRARY = Path(__file__).parent / "library.sql"

SEED = 20261121
EXPECTED = ["2xx", "3xx", "401", "403", "404", "409", "410", "426", "429"]
"""Of a request that the document allows: besides what Schemathesis takes for that itself a version
that has ended (410) and an app that is too old (426), which hang on the day and on a header. It
would let any 5xx pass: here none does."""

REJECTED = [*EXPECTED[2:], "400", "405", "406", "415", "422"]
"""Of a request that it does not allow. An old app is told so before its payload is looked at."""

RULES = {
    "INVALID_VERSION_NUMBER": "check_compatibility reads its text app_version itself",
    "INVALID_LIST_CURSOR": "only the database knows which cursors it has signed",
    "INVALID_LIST_REQUEST": "filters by the types of columns; a cursor or an offset: no oneOf here",
    '"app_version" is required': "in the payload or in the header, which no schema says",
    "needs a client_id or user_id beside it": "Idempotency-Key asks for X-Client-Id",
    "TWO_IDEMPOTENCY_KEYS": "in the header and in the payload, and not the same",
    "IDEMPOTENCY_KEY_REUSED": "the same short key was sent before, with another payload",
    "must be integer, is number": "1.0 is an integer to JSON Schema, and none to bigint",
    "two_credentials": "a token and a key are two callers: OpenAPI lets a client send both",
    "a number in the payload is too large": "exponents above 308, which no schema bounds",
    "text cannot contain": "\\u0000, which Postgres cannot store",
}
"""What may be refused although the document allows it, and why the document cannot say it."""

EXAMPLES = 5
"""Of each operation and phase. The coverage phase makes as many as the schemas have edges."""


@pytest.fixture(scope="module")
def library(server: Server, template: str, gateway_login: tuple[str, str]) -> Iterator[Serving]:
    user, password = gateway_login
    with new_database(server, template) as url:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(LIBRARY.read_bytes())
        login = make_conninfo(url, user=user, password=password)
        with serving(login, jwt_secret=SECRET) as running:
            yield running


@dataclass
class Report:
    """What a run did and found."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    checks: Counter[str] = field(default_factory=Counter[str])
    phases: Counter[str] = field(default_factory=Counter[str])
    failures: dict[str, str] = field(default_factory=dict[str, str])
    rules: int = 0
    errors: list[str] = field(default_factory=list[str])


def run(
    document: dict[str, Any], base_url: str, *, token: str | None = None, thorough: bool = False
) -> Report:
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
            "continue-on-failure": thorough,
            "headers": {"Authorization": f"Bearer {token}"} if token else {},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": EXPECTED},
                "negative_data_rejection": {"expected-statuses": REJECTED},
            },
            "phases": {"stateful": {"max-steps": 4}},
        }
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.config.update(base_url=base_url)
    report = Report()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(report, event)
        elif isinstance(event, events.NonFatalError):
            report.errors.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return report


def _note(report: Report, event: events.ScenarioFinished) -> None:
    recorder = event.recorder
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            report.statuses[interaction.response.status_code] += 1
            report.phases[event.phase.name] += 1
    for case, checks in recorder.checks.items():
        for check in checks:
            report.checks[check.name] += 1
            if check.status == Status.FAILURE and check.failure_info is not None:
                failure = check.failure_info.failure
                answer = recorder.find_response(case_id=case)
                key = f"{event.label}: {check.name}: {failure.title}"
                rule = check.name == "positive_data_acceptance"
                if (
                    rule
                    and answer is not None
                    and any(words in answer.text.replace('\\"', '"') for words in RULES)
                ):
                    report.rules += 1
                    continue
                said = "" if answer is None else f"{answer.status_code} {answer.text[:600]}"
                report.failures.setdefault(
                    key, f"{failure.message[:300]}\n{check.failure_info.code_sample}\n{said}"
                )


@pytest.mark.parametrize(
    ("version", "user"), [("v1", None), ("v2", None), ("v3", None), ("v3", "sam")]
)
def test_a_version_is_what_its_document_says(
    library: Serving, version: str, user: str | None
) -> None:
    document = library.client.get(f"/api/{version}/openapi.json").json()
    claims = {"sub": user, "role": "authenticated", "exp": 4_000_000_000}
    token = jwt.encode(claims, SECRET, "HS256") if user else None
    report = run(document, library.url + f"/api/{version}", token=token)
    count = sum(report.statuses.values())
    print(f"\n{version} for {user or 'anybody'}, seed {SEED}: {count} requests, by status")
    print("statuses", dict(sorted(report.statuses.items())), "phases", dict(report.phases))
    print("checks", dict(report.checks), "refused by a rule", report.rules)
    assert report.errors == []
    assert not report.failures, "\n\n".join(f"{k}\n{v}" for k, v in report.failures.items())
    assert {"COVERAGE", "FUZZING", "STATEFUL_TESTING"} <= set(report.phases)
    assert {200, 201, 202, 204, 400, 401, 404, 405, 422, 426} <= set(report.statuses)


def test_a_document_that_is_wrong_is_found(library: Serving) -> None:
    """The control: an answer without a field that the document demands, and a status too few."""
    document = library.client.get("/api/v3/openapi.json").json()
    operation = document["paths"]["/rpc/get_features"]["post"]
    document["paths"] = {"/rpc/get_features": {"post": operation}}
    good = operation["responses"]["200"]["content"]["application/json"]["schema"]
    good["required"] = [*good["required"], "nonsense"]
    del operation["responses"]["422"]
    found = " ".join(run(document, library.url + "/api/v3", thorough=True).failures)
    assert "response_schema_conformance" in found
    assert "status_code_conformance" in found
