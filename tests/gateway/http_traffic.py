"""The callers of `tests.proof.traffic` over HTTP, on kept connections, with S0's headers."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import jwt

from tests.gateway.serving import within
from tests.proof.traffic import Request, Traffic

SECRET = "for these tests only, 32 bytes or more"
"""DBKIT_JWT_SECRET of the gateways that are called."""

Choose = Callable[[], str]
"""The gateway that the next request goes to: its URL."""


class HttpTraffic(Traffic):
    """`url` is the database's, where the test looks; the calls go to gateways."""

    def __init__(self, url: str) -> None:
        super().__init__(url, Path())

    @contextmanager
    def calling(self, choose: Choose, scripts: Sequence[list[Request]]) -> Iterator[None]:
        """A caller for each script, from entering the block to leaving it."""
        work = [(self._http_caller, (f"http {n}", choose, s)) for n, s in enumerate(scripts)]
        with self.at_work(work):
            yield

    def _http_caller(self, name: str, choose: Choose, requests: list[Request]) -> None:
        with httpx2.Client(timeout=30) as client:
            for number, request in enumerate(itertools.cycle(requests)):
                if self.ended:
                    return
                self.call(name, client, choose(), request, number)

    def call(
        self, name: str, client: httpx2.Client, base: str, request: Request, number: int
    ) -> None:
        """One request in one of the forms that there are; what came of it is noted."""
        path, body, more = _form(request, number)
        began = time.monotonic()
        try:
            answer = client.post(base + path, json=body, headers=_headers(request) | more)
        except httpx2.TransportError as error:
            self.failed(name, request, type(error).__name__, str(error))
            return
        found = answer.json()
        if answer.status_code == 200:
            self.answered(name, request, began, _summary(found))
        else:
            code = f"{answer.status_code} {found['error']['code']}"
            self.failed(name, request, code, answer.text)


def _form(request: Request, number: int) -> tuple[str, Any, dict[str, str]]:
    """Path, body and headers: S0's body, the version in the path, or in a header."""
    payload = json.loads(request.payload)
    asked = request.asked
    if number % 3 == 0:
        body = {"rpc": request.call, "payload": payload}
        return "/api", body if asked is None else body | {"version": asked}, {}
    if asked is None:
        return f"/rpc/{request.call}", payload, {}
    if number % 3 == 1:
        return f"/api/{asked}/rpc/{request.call}", payload, {}
    return f"/rpc/{request.call}", payload, {"x-api-version": asked}


def _headers(request: Request) -> dict[str, str]:
    headers = {"x-app-name": "web", "x-client-region": "us-east-1"}
    if request.app is not None:
        headers["x-app-version"] = request.app
    if request.user is not None:
        claims = {"sub": request.user, "role": request.role, "exp": 4_000_000_000}
        headers["authorization"] = f"Bearer {jwt.encode(claims, SECRET)}"
    return headers


def _summary(found: Any) -> dict[str, str]:
    data = found["data"]
    keys = ",".join(sorted(data)) if isinstance(data, dict) else type(data).__name__
    return {"version": found["meta"]["version"], "note": keys}


class RoundRobin:
    """A load balancer that asks /health/ready, and sends one request after the other in turn."""

    def __init__(self) -> None:
        self._all: list[str] = []
        self._ready: list[str] = []
        self._turn = itertools.count()
        self._stop = threading.Event()

    def add(self, url: str) -> None:
        """Returns when requests are sent there."""
        self._all.append(url)
        for _ in within(30):
            if url in self._ready:
                return

    def choose(self) -> str:
        ready = self._ready
        return ready[next(self._turn) % len(ready)]

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(30)

    def _watch(self) -> None:
        with httpx2.Client(timeout=5) as client:
            while not self._stop.wait(0.05):
                self._ready = [url for url in list(self._all) if _is_ready(client, url)]


def _is_ready(client: httpx2.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/health/ready").status_code == 200
    except httpx2.TransportError:
        return False
