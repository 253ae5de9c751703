from __future__ import annotations

import pytest

from tests.helpers import Connection, one, raises


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_takes_the_two_environments(db: Connection, environment: str) -> None:
    one(db, "select dbkit._check_environment(%s)", environment)


@pytest.mark.parametrize("environment", [None, "", "Production", "development"])
def test_rejects_any_other(db: Connection, environment: str | None) -> None:
    with raises(db, "KD004") as caught:
        one(db, "select dbkit._check_environment(%s)", environment)
    assert caught.detail == {"argument": "p_environment", "value": environment}
