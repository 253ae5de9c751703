"""A database whose only alert rules are the test's."""

from __future__ import annotations

import pytest

from tests.alerts.parts import quiet
from tests.helpers import Connection


@pytest.fixture
def alerting(db: Connection) -> Connection:
    quiet(db)
    return db
