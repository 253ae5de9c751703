"""The base of every error that the database raises; `dbkit.errors` is where to import it from."""

from __future__ import annotations

from typing import Any, ClassVar


class DbkitError(Exception):
    """An error that dbkit's SQL raised, told apart by its SQLSTATE and never by its text.

    The base class itself stands for a code that is newer than this package.
    """

    code: ClassVar[str] = ""
    """SQLSTATE of the class; empty on the base."""

    http_status: ClassVar[int] = 500
    """Status that a gateway answers with."""

    def __init__(
        self,
        message: str,
        *,
        detail: dict[str, Any] | None = None,
        hint: str | None = None,
        sqlstate: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail: dict[str, Any] = detail or {}
        self.hint = hint
        self.sqlstate = sqlstate or self.code

    def __reduce__(self) -> tuple[Any, ...]:
        given = {"detail": self.detail, "hint": self.hint, "sqlstate": self.sqlstate}
        return _restore, (type(self), self.message, given)


def _restore(kind: type[DbkitError], message: str, given: dict[str, Any]) -> DbkitError:
    return kind(message, **given)
