"""`Call[T]`: what to ask the database and how to read its answer, without doing either.

A call runs on a `Database` or `AsyncDatabase`, and on any connection that you have:
`call.run(connection)` takes psycopg's and SQLAlchemy's (on psycopg), `await call.arun(connection)`
their asynchronous kin. Then the transaction is yours: nothing is begun, committed or retried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import msgspec

from dbkit.errors import UnexpectedAnswer, translated

if TYPE_CHECKING:
    import psycopg
    import sqlalchemy as sa
    import sqlalchemy.ext.asyncio as sa_asyncio

T_co = TypeVar("T_co", covariant=True)

Rows: TypeAlias = Sequence[Sequence[Any]]
"""What a statement returned: one sequence of columns a row."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """One statement with its parameters and the decoder of its rows."""

    name: str
    """Schema and function, or the registered call, for people who read an error."""

    sql: str
    """With psycopg's placeholders (`%s`)."""

    params: tuple[object, ...]
    decode: Callable[[Rows], T_co]

    reads_only: bool = False
    """The database declares that it changes nothing: it may be repeated, or run on a replica."""

    idempotent: bool = False
    """It carries an idempotency key: sent twice, the database does it once."""

    def run(self, connection: psycopg.Connection[Any] | sa.Connection) -> T_co:
        """Run on a connection of yours, in its transaction, whatever its row factory.

        Raises `dbkit.errors` for dbkit's SQLSTATEs, the driver's exception for any other.
        """
        import psycopg
        from psycopg.rows import tuple_row

        with translated():
            if isinstance(connection, psycopg.Connection):
                with psycopg.Cursor(connection, row_factory=tuple_row) as cursor:
                    rows: Rows = cursor.execute(self.sql.encode(), self.params).fetchall()
            else:
                rows = connection.exec_driver_sql(self.sql, self.params).fetchall()
        return self.answer(rows)

    async def arun(
        self, connection: psycopg.AsyncConnection[Any] | sa_asyncio.AsyncConnection
    ) -> T_co:
        """As `run`, on an asynchronous connection of yours."""
        import psycopg
        from psycopg.rows import tuple_row

        with translated():
            if isinstance(connection, psycopg.AsyncConnection):
                async with psycopg.AsyncCursor(connection, row_factory=tuple_row) as cursor:
                    await cursor.execute(self.sql.encode(), self.params)
                    rows: Rows = await cursor.fetchall()
            else:
                rows = (await connection.exec_driver_sql(self.sql, self.params)).fetchall()
        return self.answer(rows)

    def answer(self, rows: Rows) -> T_co:
        """The decoded rows; raises UnexpectedAnswer when they do not fit the type."""
        try:
            return self.decode(rows)
        except msgspec.ValidationError as error:
            raise UnexpectedAnswer(f"{self.name}: {error}") from error
