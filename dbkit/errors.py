"""Exceptions: one for each SQLSTATE of `dbkit.error_codes`, and what the client raises itself.

Errors of Postgres that are not dbkit's own stay psycopg's exceptions.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from dbkit import _error_codes
from dbkit._error_base import DbkitError as DbkitError
from dbkit._error_codes import *  # noqa: F403

if TYPE_CHECKING:
    from dbkit.codec import JsonValue, Meta

BY_SQLSTATE: dict[str, type[DbkitError]] = {kind.code: kind for kind in _error_codes.ALL}
"""Every exception class that stands for a row of `dbkit.error_codes`."""

_OWN_CLASS = "KD"


class UnexpectedAnswer(Exception):
    """An answer does not have the shape that its wrapper was generated for; generate it again."""


class VersionMismatch(UnexpectedAnswer):
    """Another version of a registered call was served than the one that its wrapper decodes.

    `Database.run` rolls back before this is raised, so a write has not happened. Call the wrapper
    of the served version instead, or wrap the call in `dbkit.codec.allow_fallback`.
    """

    def __init__(self, expected: str, meta: Meta, data: JsonValue) -> None:
        super().__init__(
            f"{meta.rpc} was served in {meta.version}, and this wrapper decodes {expected}: "
            f"call the wrapper of {meta.version}, or accept it with allow_fallback()"
        )
        self.expected = expected
        self.meta = meta
        self.data = data


def translate(error: BaseException) -> BaseException:
    """The exception that stands for a driver's error: by SQLSTATE alone, never by its text.

    Takes psycopg's errors and SQLAlchemy's around them. What is not dbkit's comes back unchanged.
    """
    origin: Any = getattr(error, "orig", None) or error
    sqlstate = getattr(origin, "sqlstate", None)
    diagnosis = getattr(origin, "diag", None)
    if not isinstance(sqlstate, str) or not sqlstate.startswith(_OWN_CLASS) or diagnosis is None:
        return error
    return BY_SQLSTATE.get(sqlstate, DbkitError)(
        diagnosis.message_primary or "",
        detail=_parsed(diagnosis.message_detail),
        hint=diagnosis.message_hint or None,
        sqlstate=sqlstate,
    )


@contextmanager
def translated() -> Generator[None, None, None]:
    """Raise dbkit's exception from the driver's wherever there is one."""
    try:
        yield
    except Exception as error:
        better = translate(error)
        if better is error:
            raise
        raise better from error


def _parsed(detail: str | None) -> dict[str, Any]:
    """DETAIL as a dict; {} for one that is not a JSON object."""
    try:
        found = json.loads(detail or "{}", parse_float=Decimal)
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
