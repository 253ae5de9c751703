"""A backend that lives inside Postgres; this package calls it, carries it and watches it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbkit.call import Call as Call
    from dbkit.codec import UNSET as UNSET
    from dbkit.codec import Fallback as Fallback
    from dbkit.codec import JsonValue as JsonValue
    from dbkit.codec import Meta as Meta
    from dbkit.codec import Routed as Routed
    from dbkit.codec import allow_fallback as allow_fallback
    from dbkit.context import RequestContext as RequestContext
    from dbkit.database import AsyncDatabase as AsyncDatabase
    from dbkit.database import AsyncTransaction as AsyncTransaction
    from dbkit.database import Database as Database
    from dbkit.database import OutcomeUnknown as OutcomeUnknown
    from dbkit.database import Retry as Retry
    from dbkit.database import Transaction as Transaction
    from dbkit.errors import DbkitError as DbkitError
    from dbkit.errors import UnexpectedAnswer as UnexpectedAnswer
    from dbkit.errors import VersionMismatch as VersionMismatch

# Loaded at first use: `import dbkit` alone loads no driver (a fifth of a second).
_HOMES = {
    "Call": "call",
    "UNSET": "codec",
    "Fallback": "codec",
    "JsonValue": "codec",
    "Meta": "codec",
    "Routed": "codec",
    "allow_fallback": "codec",
    "RequestContext": "context",
    "AsyncDatabase": "database",
    "AsyncTransaction": "database",
    "Database": "database",
    "OutcomeUnknown": "database",
    "Retry": "database",
    "Transaction": "database",
    "DbkitError": "errors",
    "UnexpectedAnswer": "errors",
    "VersionMismatch": "errors",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
