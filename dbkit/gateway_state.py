"""What one gateway process knows: the catalog as it is now, and the parts that serve requests."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

import psycopg
import structlog
import uvicorn

from dbkit.gateway_answers import Answers
from dbkit.gateway_auth import Authenticator
from dbkit.gateway_backstage import Backstage
from dbkit.gateway_docs import Documents
from dbkit.gateway_errors import Refused, unavailable
from dbkit.gateway_figures import Figures
from dbkit.gateway_limits import Limits
from dbkit.gateway_log import UNKNOWN, Log
from dbkit.gateway_pool import Pool
from dbkit.gateway_query import (
    Parameters,
    QueryIndex,
    payload_from_query,
    query_from_payload,
    query_index,
)
from dbkit.gateway_version import Versions
from dbkit.settings import GatewaySettings

_REFRESH_SECONDS = 5.0
_FIRST_SECONDS = 0.5
"""As long as there is no catalog, nothing is served: it is asked for more often."""

_SETTLE_SECONDS = 0.02
"""Several notifications of one transaction, or of a script, are one refresh."""

_LINGER_SECONDS = 0.25
"""Between the last connection that is accepted and the end of those that say nothing."""

_ANY_PAYLOAD = query_index(None)
_log = structlog.get_logger("dbkit.gateway")


class State:
    """Opened when the process starts to serve, closed when it ends."""

    def __init__(self, url: str, settings: GatewaySettings) -> None:
        self.settings = settings
        self.figures = Figures()
        self.backstage = Backstage(url)
        self.pool = Pool(
            url,
            size=settings.pool,
            max_waiting=settings.max_waiting,
            queue_seconds=settings.queue_seconds,
            timeout_seconds=settings.timeout,
        )
        self.auth = Authenticator(
            settings, self.backstage.find_key, touch=self.backstage.touch_keys
        )
        self.limits = Limits(settings, self.backstage.lease)
        self.log = Log(
            settings,
            self.backstage.log_requests,
            self.backstage.record_metrics,
            address_secret=self.auth.address_secret,
        )
        self.versions = Versions(())
        self.answers = Answers(self.versions)
        self._documents: Documents | None = None
        self.catalog: Mapping[str, Any] | None = None
        self.draining = False
        self.started_at = time.time()
        self.log.state = lambda: {"queued": self.pool.waiting}
        self._count()
        self._indexes: dict[tuple[str, str], QueryIndex] = {}
        self._names: frozenset[str] = frozenset()
        self._writes: frozenset[str] = frozenset()
        self._unread: str | None = None
        """Why the catalog could not be read the last time: said once."""
        self._stale = asyncio.Event()
        self._refresher: asyncio.Task[None] | None = None

    # --- life ---

    async def open(self) -> None:
        """A database that is away is no reason not to start: until it is back, calls are 503."""
        self._drain_before_exit()
        await self.pool.open()
        await self._try_refresh()
        await self.auth.start()
        self.log.start()
        self.backstage.listen(self._hear, self._missed)
        self._refresher = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        if self._refresher is not None:
            self._refresher.cancel()
            await asyncio.gather(self._refresher, return_exceptions=True)
        await self.auth.stop()
        await self.limits.close()
        await self.log.stop()
        await self.pool.close()
        await self.backstage.close()

    def _drain_before_exit(self) -> None:
        """The first SIGTERM makes the process not ready; the server hears of it a little later."""
        loop = asyncio.get_running_loop()
        server = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is not threading.main_thread() or not callable(server):
            return

        def drain(number: int, frame: FrameType | None) -> None:
            if self.draining or self.settings.drain <= 0:
                server(number, frame)
                return
            self.draining = True
            loop.call_soon_threadsafe(loop.call_later, self.settings.drain, stop, number)

        def stop(number: int) -> None:
            # Who connected a moment ago, and has sent nothing yet, is still answered.
            if isinstance(bound := getattr(server, "__self__", None), uvicorn.Server):
                for listener in bound.servers:
                    listener.close()
            loop.call_later(min(_LINGER_SECONDS, self.settings.drain), server, number, None)

        signal.signal(signal.SIGTERM, drain)

    def _count(self) -> None:
        for name, meaning, now in (
            ("dbkit_gateway_connections", "Open connections.", lambda: self.pool.sessions),
            ("dbkit_gateway_connections_in_use", "Of a request.", lambda: self.pool.in_use),
            ("dbkit_gateway_requests_waiting", "For a connection.", lambda: self.pool.waiting),
            ("dbkit_gateway_log_waiting", "To be logged.", lambda: self.log.stats().waiting),
            ("dbkit_gateway_log_dropped", "Never logged.", lambda: self.log.stats().dropped),
        ):
            self.figures.gauge(name, meaning, now)

    # --- the catalog ---

    def require_catalog(self) -> None:
        """Raises 503 before the database was reached once."""
        if self.catalog is None:
            raise unavailable()

    def documents(self) -> Documents:
        """OpenAPI and the pages of the catalog as it is now; made when first asked for."""
        self.require_catalog()
        if self._documents is None:
            assert self.catalog is not None
            self._documents = Documents(self.catalog, self.versions)
        return self._documents

    def known_name(self, name: str) -> str:
        """For figures: whatever clients make up is one name."""
        return name if name in self._names else UNKNOWN

    def writes(self, name: str) -> bool:
        """Whether a call writes in every version: then GET is no method of it."""
        return name in self._writes

    def payload_of_query(self, name: str, version: str | None, parameters: Parameters) -> bytes:
        """The payload of a GET. An unknown call takes anything: the database will refuse it."""
        return payload_from_query(self._index(name, version), parameters)

    def _index(self, name: str, version: str | None) -> QueryIndex:
        """Of the newest version of the call up to the one that is asked for."""
        asked = self.versions.rows.get(version or self.versions.active or "")
        number = asked.number if asked is not None else 0
        for row in reversed(self.versions.rows.values()):
            if row.number <= number and (found := self._indexes.get((name, row.name))):
                return found
        return _ANY_PAYLOAD

    def _query_of(self, name: str, version: str, payload: bytes) -> str | None:
        return query_from_payload(self._index(name, version), payload)

    async def _keep_fresh(self) -> None:
        while True:
            try:
                pause = _FIRST_SECONDS if self.catalog is None else _REFRESH_SECONDS
                async with asyncio.timeout(pause):
                    await self._stale.wait()
                await asyncio.sleep(_SETTLE_SECONDS)
            except TimeoutError:
                pass
            self._stale.clear()
            self.figures.refresh()
            await self._try_refresh()

    async def _try_refresh(self) -> None:
        try:
            catalog = await self.backstage.catalog()
        except (psycopg.Error, OSError, TimeoutError) as error:
            if (reason := str(error)) != self._unread:
                _log.warning("the catalog cannot be read", reason=reason)
            self._unread = reason
            return
        self._unread = None
        if catalog == self.catalog:
            return
        self._use(catalog)

    def _use(self, catalog: Mapping[str, Any]) -> None:
        self.versions = Versions.from_catalog(catalog)
        self.answers = Answers(
            self.versions,
            catalog["calls"],
            region=self.settings.region,
            query_of=self._query_of,
        )
        for problem in self.answers.problems:
            _log.warning("a response schema is wrong", problem=problem)
        self._indexes = {
            (call["name"], call["version"]): query_index(call["request_schema"])
            for call in catalog["calls"]
        }
        self.log.names = self._names = frozenset(call["name"] for call in catalog["calls"])
        reads = {call["name"] for call in catalog["calls"] if call["access"] == "read"}
        self._writes = self._names - reads
        self.limits.update(catalog["rate_limits"])
        self._documents = None
        self.catalog = catalog

    def _hear(self, channel: str, payload: str) -> None:
        if channel == "dbkit_api_keys":
            self.auth.forget_key(payload)
        else:
            self._stale.set()

    async def _missed(self) -> None:
        self.auth.forget_keys()
        self._stale.set()


def not_ready(state: State) -> Refused | None:
    """Why a load balancer should send nothing here."""
    if state.draining:
        return unavailable("This process is being stopped.")
    if state.catalog is None or not state.pool.available:
        return unavailable("The database cannot be reached.")
    return None
