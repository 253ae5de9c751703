"""What the gateway refuses, and the database's errors as what a client is told.

An error of dbkit says its words: its code, message, detail and hint were written for callers. Any
other error of Postgres says nothing of its text, which may hold statements, values or paths.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, TypeAlias, cast

import msgspec

from dbkit.errors import BY_SQLSTATE

Pairs: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Headers, as ASGI wants them: names in lower case."""

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


# --- What was refused, and why ---------------------------------------------------------------


class Refused(Exception):
    """A request that gets an error: raised anywhere in the gateway, written by `Answers.refuse`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        field: str | None = None,
        hint: str | None = None,
        headers: Pairs = (),
    ) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or None
        self.field = field
        self.hint = hint
        self.headers = headers


OWN_CODES: dict[str, tuple[int, str]] = {
    "BAD_REQUEST": (400, "The request cannot be read."),
    "INVALID_JSON": (400, "The body is not JSON."),
    "VERSION_CONFLICT": (400, "Two places of the request ask for different API versions."),
    "UNAUTHORIZED": (401, "The request says nothing valid about who sends it."),
    "NOT_FOUND": (404, "There is nothing here."),
    "METHOD_NOT_ALLOWED": (405, "This method does not work here."),
    "NOT_ACCEPTABLE": (406, "Nothing that there is has a media type that Accept allows."),
    "CONFLICT": (409, "The request does not fit what is stored."),
    "PAYLOAD_TOO_LARGE": (413, "The body is larger than allowed."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "The body is of a media type that is not read here."),
    "VALIDATION_ERROR": (422, "A value is not acceptable."),
    "REJECTED": (422, "The call rejected the request."),
    "TOO_COMPLEX": (422, "The request exceeds a limit of the database."),
    "RATE_LIMITED": (429, "The consumer sends more than its limit allows."),
    "HEADER_TOO_LARGE": (431, "A header is larger than allowed."),
    "INTERNAL_ERROR": (500, "Something went wrong here; the request id finds it in the logs."),
    "UNAVAILABLE": (503, "The database is not available, or has no capacity left."),
    "OUTCOME_UNKNOWN": (503, "The connection broke: a write may or may not have happened."),
    "BUSY": (503, "The request met others that wrote the same at the same time."),
    "DEADLINE_EXCEEDED": (504, "The request took longer than its deadline."),
}
"""Codes of the gateway itself, with status and what they mean."""


def _upper_name(kind: type[Exception]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).upper()


CODES: dict[str, tuple[str, int, str]] = {
    sqlstate: (_upper_name(kind), kind.http_status, (kind.__doc__ or "").strip())
    for sqlstate, kind in BY_SQLSTATE.items()
}
"""By SQLSTATE: code, status and meaning of every error that the database raises on purpose."""

TITLES: dict[str, str] = {code: meaning for code, _, meaning in CODES.values()} | {
    code: meaning for code, (_, meaning) in OWN_CODES.items()
}


def _own(
    code: str,
    message: str | None,
    details: Mapping[str, Any] | None = None,
    field: str | None = None,
    hint: str | None = None,
    headers: Pairs = (),
) -> Refused:
    status, meaning = OWN_CODES[code]
    return Refused(
        status, code, message or meaning, details=details, field=field, hint=hint, headers=headers
    )


def bad_request(
    message: str | None = None,
    *,
    details: Mapping[str, Any] | None = None,
    field: str | None = None,
    hint: str | None = None,
) -> Refused:
    return _own("BAD_REQUEST", message, details, field, hint)


def unauthorized(
    message: str | None = None, *, challenge: bytes = b"Bearer", hint: str | None = None
) -> Refused:
    """`challenge` is the header `WWW-Authenticate`, which a 401 has to have."""
    return _own("UNAUTHORIZED", message, hint=hint, headers=((b"www-authenticate", challenge),))


def forbidden(
    message: str | None = None,
    *,
    details: Mapping[str, Any] | None = None,
    hint: str | None = None,
) -> Refused:
    return Refused(
        403, "FORBIDDEN", message or "The caller may not do this.", details=details, hint=hint
    )


def not_found(message: str | None = None, *, hint: str | None = None) -> Refused:
    return _own("NOT_FOUND", message, hint=hint)


def method_not_allowed(allow: bytes, message: str | None = None) -> Refused:
    """`allow` lists the methods that work, as `GET, POST`."""
    return _own("METHOD_NOT_ALLOWED", message, headers=((b"allow", allow),))


def conflict(message: str | None = None, *, details: Mapping[str, Any] | None = None) -> Refused:
    return _own("CONFLICT", message, details)


def payload_too_large(message: str | None = None) -> Refused:
    return _own("PAYLOAD_TOO_LARGE", message)


def unsupported_media_type(message: str | None = None) -> Refused:
    return _own("UNSUPPORTED_MEDIA_TYPE", message, headers=((b"accept-post", b"application/json"),))


def validation_error(
    message: str | None = None,
    *,
    field: str | None = None,
    details: Mapping[str, Any] | None = None,
    hint: str | None = None,
) -> Refused:
    return _own("VALIDATION_ERROR", message, details, field, hint)


def too_many_requests(
    message: str | None = None,
    *,
    retry_after: float = 1,
    details: Mapping[str, Any] | None = None,
    headers: Pairs = (),
) -> Refused:
    return _own("RATE_LIMITED", message, details, headers=(_retry(retry_after), *headers))


def internal_error() -> Refused:
    """Says nothing about what happened: the request id does."""
    return _own("INTERNAL_ERROR", None)


def unavailable(message: str | None = None, *, retry_after: float = 1) -> Refused:
    return _own("UNAVAILABLE", message, headers=(_retry(retry_after),))


def busy() -> Refused:
    return _own("BUSY", None, headers=(_retry(1),))


def deadline_exceeded() -> Refused:
    return _own("DEADLINE_EXCEEDED", None)


def _retry(seconds: float) -> tuple[bytes, bytes]:
    return b"retry-after", b"%d" % max(1, math.ceil(min(seconds, 31_536_000)))


# --- Errors of the database ------------------------------------------------------------------

_CODE_IN_TEXT = re.compile(
    r"""
    \bselect\b.*\bfrom\b | \bselect\s+[a-z_]+\. | \binsert\s+into\b | \bupdate\b.*\bset\b
    | \bdelete\s+from\b
    | \b(?:create|alter|drop|truncate|grant|revoke)\s+(?:or\s+replace\s+)?
      (?:table|function|schema|role|type|policy|index|view|materialized|select|execute|usage|all)\b
    | \bset\s+(?:local\s+)?role\b | \bdbkit\.[a-z_] | \bpg_[a-z] | pl/pgsql | ::[a-z_]
    | \bsql\b.*\bstatement\b | \bcontext:
    | (?<![\w.])/(?:usr|home|var|tmp|opt|etc|srv|root|app|work|lib|mnt|data|private|Users)/
    | \b[a-z]:\\ | \btraceback\b | \bfile\s+" | \bat\s+character\s+[0-9] | \.py\b
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""Statements, names of the database's own, paths and stacks: for users of psql, not of HTTP."""

_HINTS = {
    "KD101": "The OpenAPI document of the version lists its calls.",
    "KD105": "The OpenAPI document of the version has the schema.",
}
"""What to do over HTTP, where the database's hint is a statement for psql."""

_RETRY = {"KD111": 1, "KD114": 3600}
"""Seconds to wait where the detail of an error does not say."""

_TOKEN = re.compile(r"[A-Za-z0-9.+-]{1,100}")

_UNAVAILABLE = ("08", "53", "57P0")


def refused_by_database(
    sqlstate: str | None,
    message: str = "",
    detail: str | None = None,
    hint: str | None = None,
) -> Refused:
    """An error of Postgres as an answer: one that was raised for callers with its words (dbkit's
    own, and a handler's PTnnn, as with PostgREST), any other without."""
    sqlstate = sqlstate or ""
    if sqlstate.startswith("KD"):
        known = CODES.get(sqlstate, (sqlstate, 500, OWN_CODES["INTERNAL_ERROR"][1]))
        return _raised_on_purpose(sqlstate, known, message, detail, hint)
    if _CHOSEN_STATUS.fullmatch(sqlstate):
        return _raised_on_purpose(sqlstate, _chosen(int(sqlstate[2:])), message, detail, hint)
    return _by_sqlstate(sqlstate)


def refused_by(error: BaseException) -> Refused:
    """The same from psycopg's exception; what has no SQLSTATE is an internal error."""
    sqlstate = getattr(error, "sqlstate", None)
    said = getattr(error, "diag", None)
    if not isinstance(sqlstate, str) or said is None:
        return internal_error()
    return refused_by_database(
        sqlstate, said.message_primary or "", said.message_detail, said.message_hint
    )


_CHOSEN_STATUS = re.compile(r"PT(?:4[0-9][0-9]|503)")
"""A handler's own choice of a status: only one that blames the client, or asks for patience."""


def _chosen(status: int) -> tuple[str, int, str]:
    """Code, status and meaning of a PTnnn: named as HTTP names the status."""
    for code, (known, meaning) in OWN_CODES.items():
        if known == status:
            return code, status, meaning
    try:
        named = HTTPStatus(status)
    except ValueError:
        return "REJECTED", status, OWN_CODES["REJECTED"][1]
    return re.sub(r"[^A-Z]+", "_", named.name), status, f"{named.phrase}."


def _raised_on_purpose(
    sqlstate: str,
    known: tuple[str, int, str],
    message: str,
    detail: str | None,
    hint: str | None,
) -> Refused:
    code, status, meaning = known
    details = _detail(detail)
    field = details.get("field") or details.get("argument")
    if not hint or _CODE_IN_TEXT.search(hint):
        hint = _HINTS.get(sqlstate)
    return Refused(
        status,
        code,
        meaning if not message or _CODE_IN_TEXT.search(message) else message,
        details=details,
        field=field if isinstance(field, str) else None,
        hint=hint,
        headers=_headers_of(sqlstate, status, details),
    )


def _headers_of(sqlstate: str, status: int, details: Mapping[str, Any]) -> Pairs:
    """What HTTP wants of a status: of 426 a protocol (RFC 9110), for which the app stands here."""
    if status == 405:
        return ((b"allow", b"POST"),)
    if status == 401:
        return ((b"www-authenticate", b"Bearer"),)
    if status == 426:
        minimum = details.get("minimum_app_version")
        known = isinstance(minimum, str) and _TOKEN.fullmatch(minimum)
        protocol = f"app/{minimum}".encode() if known else b"app"
        return ((b"upgrade", protocol), (b"connection", b"upgrade"))
    if status not in (429, 503) and sqlstate not in _RETRY:
        return ()
    seconds = details.get("retry_after")
    if isinstance(seconds, int | Decimal) and not isinstance(seconds, bool):
        return (_retry(float(seconds)),)
    until = details.get("resets_at")
    if isinstance(until, str):
        try:
            return (_retry(datetime.fromisoformat(until).timestamp() - time.time()),)
        except ValueError:
            pass
    return (_retry(_RETRY.get(sqlstate, 1)),)


def _detail(detail: str | None) -> dict[str, Any]:
    """DETAIL of an error of dbkit, a JSON object, without what looks like code."""
    try:
        found = _decode(detail or "{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return cast("dict[str, Any]", _cleaned(cast("object", found)))


def _cleaned(value: object) -> object:
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {k: _cleaned(v) for k, v in items if not _is_code(k) and not _is_code(v)}
    if isinstance(value, list):
        return [_cleaned(v) for v in cast("list[object]", value) if not _is_code(v)]
    return value


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE_IN_TEXT.search(value) is not None


def _by_sqlstate(sqlstate: str) -> Refused:
    exact = _EXACT.get(sqlstate)
    if exact is not None:
        return exact()
    if sqlstate.startswith(_UNAVAILABLE):
        return unavailable()
    by_class = _CLASSES.get(sqlstate[:2])
    return by_class() if by_class is not None else internal_error()


_EXACT: dict[str, Callable[[], Refused]] = {
    "42501": forbidden,
    "25006": lambda: method_not_allowed(b"POST", "This call writes: send it with POST."),
    "57014": deadline_exceeded,
    "55P03": busy,
    "40001": busy,
    "40P01": busy,
    "23505": lambda: conflict("Such a thing exists already."),
    "23503": lambda: conflict("Something that this refers to does not exist, or is in use."),
    "23P01": lambda: conflict("This overlaps with something that exists."),
    "P0001": lambda: _own("REJECTED", None),
    "P0002": lambda: not_found("What the request names does not exist."),
    "P0003": lambda: conflict("What the request names exists more than once."),
}
_CLASSES: dict[str, Callable[[], Refused]] = {
    "22": lambda: validation_error("A value in the payload is of a wrong form or out of range."),
    "23": lambda: validation_error("A value in the payload breaks a rule of what is stored."),
    "54": lambda: _own("TOO_COMPLEX", None),
}
