"""What the gateway answers to the shipped calls is what its OpenAPI document says."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import msgspec
import psycopg
import pytest

from dbkit import gateway_errors as errors
from dbkit.gateway_answers import Answer, Answers, Asked
from dbkit.gateway_errors import CODES, OWN_CODES, Refused, refused_by_database
from dbkit.gateway_examples import NO_EXAMPLE, example_of
from dbkit.gateway_openapi import openapi
from dbkit.gateway_query import parse_query, payload_from_query, query_from_payload, query_index
from dbkit.gateway_version import Negotiated, Versions
from tests.gateway.parts import catalog_of
from tests.helpers import Connection

EACH = pytest.mark.parametrize("version", ["v1", "v2", "v3"])


def validator(document: dict[str, Any], schema: dict[str, Any]) -> jsonschema_rs.Validator:
    """With the document's own components, which its references point to."""
    return jsonschema_rs.validator_for(schema | {"components": document["components"]})


def answered(
    db: Connection, answers: Answers, version: str, call: str, payload: dict[str, Any]
) -> Answer:
    asked = Asked("req_1", f"/api/{version}/rpc/{call}", f"/api/{version}/rpc/", None, call)
    asked = asked._replace(negotiated=Negotiated(version, "path"))
    text = msgspec.json.encode(payload).decode()
    try:
        with db.transaction():
            row = db.execute(
                "select (a -> 'data')::text as data, (a -> 'meta')::text as meta"
                " from dbkit.route_api_call(%s, %s::jsonb, %s) a",
                (call, text, version),
            ).fetchone()
    except psycopg.Error as error:
        return answers.refuse(asked, errors.refused_by(error), 1)
    assert row is not None
    return answers.success(asked, row["data"], row["meta"], 1)


@EACH
def test_shipped_calls_answer_what_their_document_says(db: Connection, version: str) -> None:
    """Each call with an empty payload, with its example, and with nonsense."""
    catalog = catalog_of(db)
    versions = Versions.from_catalog(catalog)
    answers = Answers(versions, catalog["calls"], region="us-east-1")
    assert answers.problems == []
    document = openapi(catalog, version)
    seen: set[int] = set()
    for path, operations in document["paths"].items():
        call = path.removeprefix("/rpc/")
        operation = operations["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        example = example_of(schema, everything=True)
        payloads = [{}, {"no_such_field": []}] + ([example] if example is not NO_EXAMPLE else [])
        for payload in payloads:
            answer = answered(db, answers, version, call, payload)
            told = operation["responses"].get(str(answer.status))
            assert told is not None, (call, payload, answer)
            if "$ref" in told:
                told = document["components"]["responses"][told["$ref"].rpartition("/")[2]]
            kind = dict(answer.headers)[b"content-type"].decode()
            found = validator(document, told["content"][kind]["schema"])
            wrong = [str(e) for e in found.iter_errors(msgspec.json.decode(answer.body))]
            assert wrong == [], (call, payload, answer.body)
            seen.add(answer.status)
    assert {200, 422} <= seen, "the check saw answers and errors"


@EACH
def test_every_error_is_of_the_documents_shape(version: str) -> None:
    rows = [{"version": v, "status": "active"} for v in ("v1", "v2", "v3")]
    catalog = {"active_version": "v3", "versions": rows, "calls": []}
    document = openapi(catalog, version)
    answers = Answers(Versions.from_catalog(catalog), region="us-east-1")
    schemas = document["components"]["schemas"]
    plain = validator(document, schemas["ErrorAnswer"])
    problem = validator(document, schemas["Problem"])
    refusals = [
        refused_by_database(sqlstate, "words", '{"field": "a", "b": [1]}', "a hint")
        for sqlstate in CODES
    ] + [Refused(status, code, "words") for code, (status, _) in OWN_CODES.items()]
    for refused in refusals:
        for asks, about in ((False, plain), (True, problem)):
            asked = Asked("req_1", "/x", negotiated=Negotiated(version, "path", asks))
            answer = answers.refuse(asked, refused, 1)
            assert [str(e) for e in about.iter_errors(msgspec.json.decode(answer.body))] == []
    assert list(plain.iter_errors({"error": {}})), "the check finds mistakes"


def test_examples_of_shipped_reads_are_the_same_as_queries(db: Connection) -> None:
    """What the page for people prints as a GET is the payload that it prints as a POST."""
    for row in catalog_of(db)["calls"]:
        example = example_of(row["request_schema"], everything=True)
        if row["access"] != "read" or example is NO_EXAMPLE:
            continue
        index = query_index(row["request_schema"])
        query = query_from_payload(index, msgspec.json.encode(example))
        assert query is not None, row["name"]
        payload = payload_from_query(index, parse_query(query.encode()))
        assert msgspec.json.decode(payload) == example
