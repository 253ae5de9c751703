"""The restaurant of the tests of orders, in the transaction of a test or committed in a clone."""

from __future__ import annotations

import pytest

from tests.helpers import Connection
from tests.orders.conftest import open_shop
from tests.orders.shop import Shop, build_shop

__all__ = ["open_shop"]


@pytest.fixture
def grill(db: Connection) -> int:
    """A store in the test's transaction."""
    return build_shop(db).stores["grill"]


@pytest.fixture
def open_grill(open_shop: Shop) -> int:
    """A committed store, for tests with many connections."""
    return open_shop.stores["grill"]
