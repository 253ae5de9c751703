"""dbkit.gateway_errors: what a client is told of an error of the database."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dbkit
from dbkit import gateway_errors as errors
from dbkit.errors import BY_SQLSTATE
from dbkit.gateway_errors import CODES, OWN_CODES, TITLES, Refused, refused_by_database
from tests.helpers import Connection, rows


def headers(refused: Refused) -> dict[bytes, bytes]:
    return dict(refused.headers)


# --- dbkit's own ---


@pytest.mark.parametrize("sqlstate", sorted(BY_SQLSTATE))
def test_every_code_has_its_status_name_and_words(sqlstate: str) -> None:
    refused = refused_by_database(sqlstate, "words", '{"a": 1}', "do it")
    assert refused.status == BY_SQLSTATE[sqlstate].http_status
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", refused.code)
    assert TITLES[refused.code].endswith(".")
    assert (refused.message, refused.details, refused.hint) == ("words", {"a": 1}, "do it")
    assert (b"retry-after" in headers(refused)) == (
        refused.status in (429, 503) or sqlstate == "KD111"
    )
    assert (b"allow" in headers(refused)) == (refused.status == 405)


def test_codes_are_the_names_of_the_table(db: Connection) -> None:
    found = rows(db, "select sqlstate, upper(name) as name, http_status from dbkit.error_codes")
    assert {f["sqlstate"]: (f["name"], f["http_status"]) for f in found} == {
        sqlstate: (code, status) for sqlstate, (code, status, _) in CODES.items()
    }


def test_every_code_that_the_gateway_writes_has_a_title() -> None:
    package = Path(dbkit.__file__).parent
    for file in package.glob("gateway*.py"):
        for code in re.findall(r'Refused\(\s*[0-9]{3},\s*"([A-Z_]+)"', file.read_text()):
            assert code in TITLES, f"{file.name}: {code}"


def test_a_code_newer_than_this_package() -> None:
    refused = refused_by_database("KD999", "news")
    assert (refused.status, refused.code, refused.message) == (500, "KD999", "news")


def test_the_field_is_told_apart() -> None:
    assert refused_by_database("KD105", "m", '{"field": "items/0/id"}').field == "items/0/id"
    assert refused_by_database("KD004", "m", '{"argument": "p_limit"}').field == "p_limit"
    assert refused_by_database("KD105", "m", '{"field": ""}').field is None
    assert refused_by_database("KD105", "m", '{"field": 7}').field is None


def test_numbers_in_details_keep_their_digits() -> None:
    details = refused_by_database(
        "KD105", "m", '{"price": 0.10, "id": 12345678901234567890}'
    ).details
    encode = msgspec.json.Encoder(decimal_format="number").encode
    assert encode(details) == b'{"price":0.10,"id":12345678901234567890}'


@pytest.mark.parametrize("detail", [None, "", "nonsense", "[1]", "null", '{"a":', "7"])
def test_a_detail_that_is_no_object_is_none(detail: str | None) -> None:
    assert refused_by_database("KD105", "m", detail).details is None


def test_a_brownout_says_until_when() -> None:
    refused = refused_by_database("KD114", "off", '{"version": "v1", "retry_after": 90}')
    assert headers(refused) == {b"retry-after": b"90"}
    assert headers(refused_by_database("KD114", "off", '{"retry_after": 90.2}')) == {
        b"retry-after": b"91"
    }
    for_good = refused_by_database("KD114", "off", '{"retry_after": null}')
    assert headers(for_good) == {b"retry-after": b"3600"}
    assert headers(refused_by_database("KD114", "", '{"retry_after": -5}')) == {
        b"retry-after": b"1"
    }


def test_a_limit_says_when_it_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_767_225_600.0)
    detail = '{"limit": 5, "remaining": 0, "resets_at": "2026-01-01T00:00:30+00:00"}'
    assert errors._headers_of("KD125", 429, msgspec.json.decode(detail)) == (
        (b"retry-after", b"30"),
    )
    assert errors._headers_of("KD125", 429, {"resets_at": "nonsense"}) == ((b"retry-after", b"1"),)


def test_a_hint_for_psql_is_none_for_http() -> None:
    hint = "select * from dbkit.list_rpcs() lists the calls."
    assert "OpenAPI" in (refused_by_database("KD101", "no call", None, hint).hint or "")
    assert refused_by_database("KD112", "in use", None, hint).hint is None
    assert refused_by_database("KD112", "in use", None, "Update the app.").hint == "Update the app."


LEAKS = [
    "select * from dbkit.orders where id = 7",
    "SELECT secret\nFROM users",
    "insert into t values (1)",
    "update t set a = 1",
    "delete from t",
    "drop table students",
    "create or replace function f()",
    "grant select on t to anon",
    "dbkit.api_rpcs",
    "pg_catalog.pg_proc",
    "PL/pgSQL function inline_code_block line 3 at RAISE",
    "payload::jsonb",
    "/usr/lib/postgresql/18/bin/postgres",
    "/home/me/app.sql",
    "C:\\Program Files\\x",
    "Traceback (most recent call last):",
    'File "gateway.py", line 3',
    "gateway.py",
    'SQL statement "x"',
    "syntax error at character 15",
]


@pytest.mark.parametrize("leak", LEAKS)
def test_even_dbkits_own_errors_show_no_code_and_no_paths(leak: str) -> None:
    detail = msgspec.json.encode(
        {"field": "a", "why": leak, "list": [leak, "kept"], "in": {"x": leak, leak: 1}}
    ).decode()
    refused = refused_by_database("KD105", f"it failed: {leak}", detail, f"try {leak}")
    assert refused.message == "The payload breaks the call's JSON Schema."
    assert refused.details == {"field": "a", "list": ["kept"], "in": {}}
    assert leak not in (refused.hint or "")


@pytest.mark.parametrize(
    "words",
    [
        'there is no call "get_menu"',
        "v3 has no call; it begins with v4",
        "Update the app to 1.4.0.",
        "Ask for one of the versions in the detail.",
        "the price must be from 0 to 10",
        "set a password, and select a plan",
        "/api/v2/rpc/get_order",
        "12:30",
    ],
)
def test_plain_words_pass(words: str) -> None:
    assert refused_by_database("KD105", words).message == words


# --- any other error of Postgres ---


@pytest.mark.parametrize(
    ("sqlstate", "status", "code"),
    [
        ("42501", 403, "FORBIDDEN"),
        ("25006", 405, "METHOD_NOT_ALLOWED"),
        ("57014", 504, "DEADLINE_EXCEEDED"),
        ("53300", 503, "UNAVAILABLE"),
        ("53100", 503, "UNAVAILABLE"),
        ("57P01", 503, "UNAVAILABLE"),
        ("57P03", 503, "UNAVAILABLE"),
        ("08006", 503, "UNAVAILABLE"),
        ("55P03", 503, "BUSY"),
        ("40001", 503, "BUSY"),
        ("40P01", 503, "BUSY"),
        ("22P02", 422, "VALIDATION_ERROR"),
        ("22003", 422, "VALIDATION_ERROR"),
        ("23505", 409, "CONFLICT"),
        ("23503", 409, "CONFLICT"),
        ("23P01", 409, "CONFLICT"),
        ("23514", 422, "VALIDATION_ERROR"),
        ("23502", 422, "VALIDATION_ERROR"),
        ("P0001", 422, "REJECTED"),
        ("P0002", 404, "NOT_FOUND"),
        ("P0003", 409, "CONFLICT"),
        ("54001", 422, "TOO_COMPLEX"),
        ("42883", 500, "INTERNAL_ERROR"),
        ("42P01", 500, "INTERNAL_ERROR"),
        ("XX000", 500, "INTERNAL_ERROR"),
        ("0A000", 500, "INTERNAL_ERROR"),
        ("MY001", 500, "INTERNAL_ERROR"),
        ("", 500, "INTERNAL_ERROR"),
        (None, 500, "INTERNAL_ERROR"),
    ],
)
def test_statuses(sqlstate: str | None, status: int, code: str) -> None:
    refused = refused_by_database(sqlstate, "secret", "secret", "secret")
    assert (refused.status, refused.code) == (status, code)
    assert refused.details is None
    assert "secret" not in f"{refused.message}{refused.hint}{refused.field}"
    assert (b"retry-after" in headers(refused)) == (status == 503)


def test_a_write_by_get_says_what_works() -> None:
    assert headers(refused_by_database("25006")) == {b"allow": b"POST"}


_STATES = st.from_regex(r"\A[0-9A-Z]{5}\Z").filter(lambda s: not s.startswith("KD"))


@settings(max_examples=500, deadline=None)
@given(_STATES, st.text(min_size=4), st.text(min_size=4), st.text(min_size=4))
def test_no_text_of_any_other_error_is_shown(
    sqlstate: str, message: str, detail: str, hint: str
) -> None:
    told = refused_by_database(sqlstate, message, detail, hint)
    silent = refused_by_database(sqlstate)
    assert vars(told) == vars(silent)
    assert 400 <= told.status <= 599


def test_what_is_no_error_of_the_database_is_an_internal_one() -> None:
    assert errors.refused_by(ValueError("secret")).code == "INTERNAL_ERROR"


def test_a_drivers_error(db: Connection) -> None:
    for statement, code in (
        ("select dbkit.raise_error('KD101', 'no such call', '{\"rpc\": \"x\"}')", "UNKNOWN_CALL"),
        ("select 1 / 0", "VALIDATION_ERROR"),
        ("select * from nowhere", "INTERNAL_ERROR"),
    ):
        with pytest.raises(psycopg.Error) as caught, db.transaction():
            db.execute(statement)
        assert errors.refused_by(caught.value).code == code


# --- the predefined ones ---


def test_the_predefined_errors() -> None:
    found = {
        "NOT_FOUND": errors.not_found(),
        "UNAUTHORIZED": errors.unauthorized(),
        "FORBIDDEN": errors.forbidden(),
        "BAD_REQUEST": errors.bad_request(),
        "VALIDATION_ERROR": errors.validation_error(field="a"),
        "CONFLICT": errors.conflict(),
        "RATE_LIMITED": errors.too_many_requests(retry_after=1.5),
        "INTERNAL_ERROR": errors.internal_error(),
        "UNAVAILABLE": errors.unavailable(),
        "BUSY": errors.busy(),
        "DEADLINE_EXCEEDED": errors.deadline_exceeded(),
        "METHOD_NOT_ALLOWED": errors.method_not_allowed(b"GET"),
        "PAYLOAD_TOO_LARGE": errors.payload_too_large(),
        "UNSUPPORTED_MEDIA_TYPE": errors.unsupported_media_type(),
    }
    for code, refused in found.items():
        assert refused.code == code
        assert refused.status == OWN_CODES.get(code, (403, ""))[0]
    assert headers(found["UNAUTHORIZED"]) == {b"www-authenticate": b"Bearer"}
    assert headers(found["RATE_LIMITED"]) == {b"retry-after": b"2"}
    assert found["VALIDATION_ERROR"].field == "a"
    assert errors.conflict("own words").message == "own words"


# --- Statuses that a handler chooses ---


@pytest.mark.parametrize(
    ("status", "code", "header"),
    [
        (400, "BAD_REQUEST", None),
        (401, "UNAUTHORIZED", b"www-authenticate"),
        (402, "PAYMENT_REQUIRED", None),
        (404, "NOT_FOUND", None),
        (405, "METHOD_NOT_ALLOWED", b"allow"),
        (409, "CONFLICT", None),
        (422, "VALIDATION_ERROR", None),
        (426, "UPGRADE_REQUIRED", b"upgrade"),
        (429, "RATE_LIMITED", b"retry-after"),
        (499, "REJECTED", None),
        (503, "UNAVAILABLE", b"retry-after"),
    ],
)
def test_a_handler_chooses_its_status(status: int, code: str, header: bytes | None) -> None:
    refused = refused_by_database(f"PT{status}", "no funds", '{"missing": 5}', "Pay.")
    assert (refused.status, refused.code) == (status, code)
    assert (refused.message, refused.details, refused.hint) == ("no funds", {"missing": 5}, "Pay.")
    assert header is None or header in headers(refused)


@pytest.mark.parametrize(
    "sqlstate", ["PT200", "PT304", "PT500", "PT502", "PT504", "PT4XX", "PTABC"]
)
def test_no_other_status_can_be_chosen(sqlstate: str) -> None:
    refused = refused_by_database(sqlstate, "no funds", '{"missing": 5}', "Pay.")
    assert (refused.status, refused.code) == (500, "INTERNAL_ERROR")
    assert "funds" not in refused.message and refused.details is None and refused.hint is None


def test_an_old_app_is_told_what_to_become() -> None:
    """RFC 9110: a 426 has the header Upgrade, and Connection names it."""
    told = headers(refused_by_database("KD104", "old", '{"minimum_app_version": "1.5.0+b"}'))
    assert (told[b"upgrade"], told[b"connection"]) == (b"app/1.5.0+b", b"upgrade")
    told = headers(refused_by_database("KD104", "old", '{"minimum_app_version": "1\\r\\nX: y"}'))
    assert told[b"upgrade"] == b"app"
