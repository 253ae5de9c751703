"""A shop with commands and queries."""

from collections.abc import Iterator

import pytest

from tests.cqrs.parts import SHOP
from tests.helpers import Connection, connect


@pytest.fixture
def shop(db: Connection) -> Connection:
    """In a transaction that is rolled back."""
    db.execute(SHOP.encode())
    return db


@pytest.fixture
def shop_url(database: str) -> str:
    """A database of its own, for what commits."""
    with connect(database) as conn:
        conn.execute(SHOP.encode())
    return database


@pytest.fixture
def open_shop(shop_url: str) -> Iterator[Connection]:
    """Autocommit, as a user of it: each statement a transaction."""
    with connect(shop_url, autocommit=True) as conn:
        conn.execute("set role authenticated")
        conn.execute("set dbkit.user_id = 'ada'")
        yield conn
