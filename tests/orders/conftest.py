"""The restaurant as fixtures; `call` runs a test once on the handler, once through the router."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.helpers import Connection, connect
from tests.orders.people import Orders, place_all
from tests.orders.shop import Shop, build_shop, direct, routed

Call = Callable[[Connection, str, str, object], Any]


@pytest.fixture
def shop(db: Connection) -> Shop:
    return build_shop(db)


@pytest.fixture(params=[direct, routed], ids=["handler", "router"])
def call(request: pytest.FixtureRequest) -> Iterator[Call]:
    yield request.param


@pytest.fixture
def open_shop(database: str) -> Shop:
    """The restaurant committed in a clone, for tests with many connections."""
    with connect(database) as conn:
        shop = build_shop(conn)
        conn.commit()
    return shop


@pytest.fixture
def orders(db: Connection, shop: Shop) -> Orders:
    return place_all(db, shop)
