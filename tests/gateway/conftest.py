"""A login for gateways, and a gateway that serves a clone of the template."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dbkit.server import Server
from tests.conftest import new_database, run_admin
from tests.gateway.serving import Serving, serving

SHOP = Path(__file__).parent / "shop.sql"


@pytest.fixture(scope="session")
def gateway_login(server: Server, template: str) -> Iterator[tuple[str, str]]:
    """Name and password of a login that is a member of dbkit_gateway, and nothing else."""
    name, password = f"gateway_{os.getpid()}", secrets.token_hex(8)
    parts = {"name": sql.Identifier(name), "password": sql.Literal(password)}
    run_admin(
        server.url,
        sql.SQL("create role {name} login password {password} in role dbkit_gateway").format(
            **parts
        ),
    )
    yield name, password
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute(sql.SQL("drop role if exists {name}").format(**parts))


@pytest.fixture(scope="module")
def shop(server: Server, template: str) -> Iterator[str]:
    """A clone with the calls of shop.sql, for all tests of a file (URL of its superuser)."""
    with new_database(server, template) as url:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(SHOP.read_bytes())
        yield url


@pytest.fixture(scope="module")
def gateway_url(shop: str, gateway_login: tuple[str, str]) -> str:
    """The same, as a gateway's login."""
    user, password = gateway_login
    return make_conninfo(shop, user=user, password=password)


@pytest.fixture(scope="module")
def gateway(gateway_url: str) -> Iterator[Serving]:
    """A gateway with the usual settings."""
    with serving(gateway_url) as running:
        yield running


@pytest.fixture
def serve(gateway_url: str) -> Iterator[Callable[..., Serving]]:
    """Starts gateways with settings of the test's own (names as in GatewaySettings)."""
    with ExitStack() as stack:

        def start(url: str = gateway_url, **options: Any) -> Serving:
            return stack.enter_context(serving(url, **options))

        yield start
