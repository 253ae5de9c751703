"""A gateway under uvicorn in a thread of the test's own process, and a client for it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn

from dbkit.gateway import create_app
from dbkit.settings import GatewaySettings


@dataclass
class Serving:
    """A gateway that runs."""

    port: int
    client: httpx2.Client
    settings: GatewaySettings

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(
        self, name: str, payload: Any = None, *, path: str = "/rpc/", **headers: str
    ) -> httpx2.Response:
        """A call by POST; header names with _ for -."""
        return self.client.post(path + name, json=payload or {}, headers=_dashed(headers))

    def get(
        self, name: str, parameters: Any = None, *, path: str = "/rpc/", **headers: str
    ) -> httpx2.Response:
        """A call by GET."""
        return self.client.get(path + name, params=parameters, headers=_dashed(headers))


def within(seconds: float) -> Iterator[None]:
    """Again and again, with short pauses, until that time is over: then it fails."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield
        time.sleep(0.02)
    raise AssertionError(f"it did not happen within {seconds} s")


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@contextmanager
def serving(url: str, **options: Any) -> Iterator[Serving]:
    settings = GatewaySettings.model_validate(
        {_alias(name): value for name, value in options.items()}
    )
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    config = uvicorn.Config(
        create_app(url, settings),
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(config)
    started = threading.Event()
    server.startup = _telling(server.startup, started)  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        assert started.wait(30), "the gateway did not start"
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield Serving(port, client, settings)
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
        assert not thread.is_alive(), "the gateway did not stop"


def _telling(startup: Any, started: threading.Event) -> Any:
    async def tell(*args: Any, **named: Any) -> None:
        await startup(*args, **named)
        started.set()

    return tell


def _alias(name: str) -> str:
    alias = GatewaySettings.model_fields[name].validation_alias
    assert isinstance(alias, str)
    return alias
