"""HTTP to addresses that strangers chose: nothing but the public internet is reached.

A URL of a webhook comes from a user, and the worker stands inside the house. So each name is
resolved once, every address that it has is judged, and the connection goes to just these
addresses; proxies of the environment are not looked at and redirects are not followed. All ports
are allowed. `DBKIT_WEBHOOK_ALLOW` opens private targets.

What is refused: whatever is not global unicast (loopback, private, link-local and with it the
metadata addresses, unique-local, carrier-grade NAT, multicast, documentation, reserved), also where
IPv6 wraps it (mapped, compatible, NAT64, ISATAP), and 6to4 and Teredo altogether. A name with one
refused address is refused as a whole: it is an attack or a mistake, and both should be seen.

URLs are parsed and TLS is set up by httpx2; HTTP/1.1 is h11's, the engine below httpx2, on a
transport of our own: an httpx2 client costs five times the time of a processor for a request.
Answers are not decompressed, and read no further than needed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias, cast

import h11
import httpx2

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Header: TypeAlias = tuple[bytes, bytes]
Kind: TypeAlias = Literal["timeout", "connect", "dns", "tls", "reset", "blocked", "protocol"]
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, in the order in which to try them; `OSError` when there are none."""

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024
MAX_EXCERPT = 1024
MAX_UNREAD = 512 * 1024
"""What may arrive of one answer before the connection is dropped."""

KEEP_IDLE_SECONDS = 10.0
KEEP_SECONDS = 60.0
"""A connection is not used for longer: a name may have moved to another address."""

CONNECT_SECONDS = 5.0
"""For each address but the last one."""

MAX_ADDRESSES = 4
MAX_LOOKUPS = 64
"""Names that are looked up at the same time; a slow one takes one of these places, not more."""


class SendError(Exception):
    """No answer came. The kind is for programs; the message has no address, path or secret."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint said; `excerpt` is the beginning of the body, as text."""

    status: int
    retry_after: str | None
    excerpt: str


# --- addresses -------------------------------------------------------------------------------

_REFUSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        # The registries of special purpose addresses; Python's own lists change with its version.
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
        # Azure's metadata, at an address that looks public.
        "168.63.129.16/32",
    )
)
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, else the address itself."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    inner = int(address) & 0xFFFFFFFF
    embeds = address in _NAT64 or (address in _COMPATIBLE and inner > 1)
    if embeds or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return ipaddress.IPv4Address(inner)
    return address


def is_public(address: Address) -> bool:
    """Whether it is global unicast, also once unwrapped."""
    inner = unwrapped(address)
    if isinstance(inner, ipaddress.IPv6Address) and inner not in _GLOBAL_6:
        return False
    refused = any(inner in network for network in _REFUSED if network.version == inner.version)
    return not refused and inner.is_global and not inner.is_multicast


@dataclass(frozen=True)
class AllowList:
    """Private targets that may be reached all the same; a port of None stands for all."""

    networks: tuple[tuple[Network, int | None], ...] = ()
    hosts: frozenset[tuple[str, int | None]] = frozenset()

    @classmethod
    def parse(cls, text: str) -> AllowList:
        """From `10.0.0.0/8, receiver.internal, localhost:8080, [::1]:8080`.

        Raises ValueError for what is none of these.
        """
        networks: list[tuple[Network, int | None]] = []
        hosts: set[tuple[str, int | None]] = set()
        for entry in filter(None, (part.strip() for part in text.split(","))):
            name, port = entry.strip("[]"), None
            network = _network(name)
            if network is None and (match := re.fullmatch(r"(.+):(\d{1,5})", entry)):
                name, port = match[1].strip("[]"), int(match[2])
                network = _network(name)
            if network is not None:
                networks.append((network, port))
            elif _HOST.fullmatch(name):
                hosts.add((_bare(name), port))
            else:
                raise ValueError(f"neither a network nor a host nor host:port: {entry}")
        return cls(tuple(networks), frozenset(hosts))

    def covers(self, host: str, port: int, address: Address) -> bool:
        if {(host, None), (host, port)} & self.hosts:
            return True
        forms = {address, unwrapped(address)}
        return any(
            form.version == network.version and form in network
            for network, only in self.networks
            if only in (None, port)
            for form in forms
        )


_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})")


def _bare(host: str) -> str:
    return host.lower().removesuffix(".")


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses that the system has for a name, in its order.

    On a thread that nobody waits for when the process ends: an unanswered query takes long, and
    a pool's threads, taken by some of these, would keep all others waiting.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[str]] = loop.create_future()

    def settle(found: list[str] | OSError) -> None:
        if done.cancelled():
            return
        if isinstance(found, OSError):
            done.set_exception(found)
        else:
            done.set_result(found)

    def look_up() -> None:
        found: list[str] | OSError
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = [str(row[4][0]) for row in rows]
        except OSError as error:
            found = error
        except UnicodeError:
            found = socket.gaierror(socket.EAI_NONAME, "not a name")
        try:
            loop.call_soon_threadsafe(settle, found)
        except RuntimeError:
            return  # the loop has been closed: nobody waits any more

    threading.Thread(target=look_up, name="dbkit lookup", daemon=True).start()
    return await done


# --- targets ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: what is connected to, and what is asked for there."""

    host: str
    port: int
    tls: bool
    authority: bytes
    path: bytes


@lru_cache(maxsize=10_000)
def parse_target(url: str) -> Target:
    """Raises SendError (blocked) for a URL that is not a plain http or https one."""
    try:
        parts = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError, TypeError):
        raise SendError("blocked", "the URL is malformed") from None
    host = parts.raw_host.decode("ascii", "replace")
    if parts.scheme not in ("http", "https"):
        raise SendError("blocked", "the URL is neither http nor https")
    if parts.userinfo:
        raise SendError("blocked", "the URL carries credentials")
    if not _HOST.fullmatch(host) and not isinstance(_address(host), ipaddress.IPv6Address):
        raise SendError("blocked", "the URL's host is malformed")
    tls = parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    return Target(_bare(host), port, tls, parts.netloc, parts.raw_path)


# --- connections -----------------------------------------------------------------------------


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; one exchange at a time."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._arrived = 0
        self._ended = False
        self._busy = False
        self._waiter: asyncio.Future[None] | None = None
        self.opened_at = self.idle_since = time.monotonic()
        self.exchanges = 0

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._arrived += len(data)
        self._buffer = self._buffer + data if self._buffer else data
        if not self._busy or self._arrived > MAX_UNREAD:
            self.drop()
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the sender calls.

    @property
    def usable(self) -> bool:
        now = time.monotonic()
        fresh = now - self.idle_since < KEEP_IDLE_SECONDS and now - self.opened_at < KEEP_SECONDS
        return fresh and not self._ended

    @property
    def silent(self) -> bool:
        """Whether nothing has come in this exchange."""
        return self._arrived == 0

    def drop(self) -> None:
        self._ended = True
        if self._transport is not None:
            self._transport.abort()

    def send(self, target: Target, headers: list[Header], body: bytes) -> None:
        self.exchanges += 1
        self._busy, self._arrived = True, 0
        http, transport = self._http, self._transport
        assert transport is not None
        try:
            head = http.send(h11.Request(method=b"POST", target=target.path, headers=headers))
            rest = http.send(h11.Data(data=body))
            end = http.send(h11.EndOfMessage())
        except h11.LocalProtocolError as error:
            raise SendError("protocol", f"the request cannot be written: {error}") from None
        transport.write((head or b"") + (rest or b"") + (end or b""))

    async def head(self) -> h11.Response:
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise SendError("protocol", "the answer is not HTTP")

    async def body(self) -> bytes:
        """Its beginning, at least MAX_EXCERPT where there is as much; stops reading at MAX_BODY."""
        kept, length = b"", 0
        while length <= MAX_BODY:
            event = await self._next()
            if not isinstance(event, h11.Data):
                break
            length += len(event.data)
            if len(kept) < MAX_EXCERPT:
                kept += bytes(event.data)
        return kept

    async def _next(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                if not self._buffer and not self._ended:
                    self._waiter = asyncio.get_running_loop().create_future()
                    await self._waiter
                if not self._buffer and self._http.their_state is h11.SEND_RESPONSE:
                    raise SendError("reset", "the connection was closed before an answer")
                data, self._buffer = self._buffer, b""
                self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            if self._ended:
                raise SendError("reset", "the connection was closed within the answer") from None
            raise SendError("protocol", f"the answer is not HTTP: {error}") from None
        return event

    def recycle(self) -> bool:
        """Ready for the next exchange; False when the connection has to be dropped."""
        done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if not done or self._ended or self._buffer or self._http.trailing_data[0]:
            return False
        self._http.start_next_cycle()
        self._busy, self.idle_since = False, time.monotonic()
        return True


# --- sending ---------------------------------------------------------------------------------


class Sender:
    """Sends POST requests, many at once, and keeps connections for the next ones."""

    def __init__(
        self,
        *,
        allow: AllowList | None = None,
        ca_file: Path | None = None,
        max_idle: int = 200,
        resolve: Resolve = resolve,
    ) -> None:
        self._allow = allow or AllowList()
        self._tls = httpx2.create_ssl_context(trust_env=False)
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        self._resolve = resolve
        self._max_idle = max_idle
        self._idle: dict[tuple[str, int, bool], list[_Connection]] = {}
        self._idle_count = 0
        self._lookups = asyncio.Semaphore(MAX_LOOKUPS)
        self._looking_up: dict[tuple[str, int], asyncio.Task[Sequence[str]]] = {}
        self._sweep: asyncio.TimerHandle | None = None

    async def post(
        self, url: str, headers: Iterable[Header], body: bytes, *, seconds: float
    ) -> Answer:
        """The answer, whatever its status. Raises SendError when none came within that many
        seconds, all in all. Host and Content-Length are added to the headers.

        The status counts as soon as it is there: a body that does not end changes nothing.
        """
        target = parse_target(url)
        sent = [
            (b"host", target.authority),
            *headers,
            (b"accept-encoding", b"identity"),
            (b"content-length", b"%d" % len(body)),
        ]
        exchange = _Exchange()
        try:
            async with asyncio.timeout(seconds):
                await self._exchange(exchange, target, sent, body)
        except (TimeoutError, SendError) as error:
            if exchange.head is None:
                if isinstance(error, SendError):
                    raise
                raise SendError("timeout", f"no answer within {seconds:g} s") from None
        finally:
            if exchange.connection is not None:
                self._give_back(target, exchange.connection)
        return exchange.answer()

    async def aclose(self) -> None:
        """Drops the connections that are kept."""
        for lookup in self._looking_up.values():
            lookup.cancel()
        self._close_idle(None)
        # Closed transports tell so in the next rounds of the loop.
        for _ in range(2):
            await asyncio.sleep(0)

    async def _exchange(
        self, exchange: _Exchange, target: Target, headers: list[Header], body: bytes
    ) -> None:
        while True:
            connection = exchange.connection = self._take(target)
            if connection is None:
                connection = exchange.connection = await self._connect(target)
            try:
                connection.send(target, headers, body)
                exchange.head = await connection.head()
                exchange.body = await connection.body()
                return
            except SendError as error:
                # An endpoint may close a kept connection at the moment when we write to it.
                stale = error.kind == "reset" and connection.exchanges > 1 and connection.silent
                if not stale:
                    raise
                connection.drop()

    def _take(self, target: Target) -> _Connection | None:
        kept = self._idle.get((target.host, target.port, target.tls))
        while kept:
            connection = kept.pop()
            self._idle_count -= 1
            if connection.usable:
                return connection
            connection.drop()
        return None

    def _give_back(self, target: Target, connection: _Connection) -> None:
        if self._idle_count >= self._max_idle or not connection.recycle():
            connection.drop()
            return
        self._idle.setdefault((target.host, target.port, target.tls), []).append(connection)
        self._idle_count += 1
        if self._sweep is None:
            loop = asyncio.get_running_loop()
            self._sweep = loop.call_later(KEEP_IDLE_SECONDS / 2, self._sweep_idle)

    def _sweep_idle(self) -> None:
        self._close_idle(time.monotonic() - KEEP_IDLE_SECONDS)
        if self._idle_count:
            loop = asyncio.get_running_loop()
            self._sweep = loop.call_later(KEEP_IDLE_SECONDS / 2, self._sweep_idle)

    def _close_idle(self, before: float | None) -> None:
        """Those that have been idle since before then, or all."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for key, kept in list(self._idle.items()):
            staying = [each for each in kept if before is not None and each.idle_since >= before]
            for connection in set(kept).difference(staying):
                connection.drop()
            self._idle_count += len(staying) - len(kept)
            if staying:
                self._idle[key] = staying
            else:
                del self._idle[key]

    async def _connect(self, target: Target) -> _Connection:
        addresses = await self._addresses(target)
        for address in addresses[:-1]:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await self._connect_to(address, target)
            except (SendError, TimeoutError):
                continue
        return await self._connect_to(addresses[-1], target)

    async def _connect_to(self, address: str, target: Target) -> _Connection:
        loop = asyncio.get_running_loop()
        tls = self._tls if target.tls else None
        name = target.host if target.tls else None
        try:
            _, connection = await loop.create_connection(
                _Connection, address, target.port, ssl=tls, server_hostname=name
            )
        except ssl.SSLCertVerificationError as error:
            message = f"the certificate is not valid: {error.verify_message}"
            raise SendError("tls", message) from None
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise SendError("tls", f"no TLS: {_reason(error)}") from None
        except TimeoutError:
            raise
        except OSError as error:
            kind: Kind = "tls" if target.tls and isinstance(error, ConnectionError) else "connect"
            if isinstance(error, ConnectionRefusedError):
                kind = "connect"
            raise SendError(kind, f"no connection: {_reason(error)}") from None
        return connection

    async def _addresses(self, target: Target) -> list[str]:
        """Those to try, all of them judged; raises SendError (dns, blocked)."""
        literal = _address(target.host)
        found = [target.host] if literal else await self._look_up(target.host, target.port)
        for text in found:
            address = _address(text)
            if address is None or not (
                is_public(address) or self._allow.covers(target.host, target.port, address)
            ):
                raise SendError("blocked", "the host is at an address that is not public")
        return list(dict.fromkeys(found))[:MAX_ADDRESSES]

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        """Those who ask for one name at the same time share one query."""
        lookup = self._looking_up.get((host, port))
        if lookup is None:
            lookup = asyncio.create_task(self._look_up_once(host, port))
            self._looking_up[host, port] = lookup

            def forget(done: asyncio.Task[Sequence[str]]) -> None:
                del self._looking_up[host, port]
                if not done.cancelled():
                    done.exception()  # seen, even if all who waited have gone

            lookup.add_done_callback(forget)
        try:
            found = await asyncio.shield(lookup)
        except OSError as error:
            raise SendError("dns", f"the name does not resolve: {_reason(error)}") from None
        if not found:
            raise SendError("dns", "the name does not resolve: it has no address")
        return found

    async def _look_up_once(self, host: str, port: int) -> Sequence[str]:
        async with self._lookups:
            return await self._resolve(host, port)


class _Exchange:
    """How far one request has come."""

    __slots__ = ("body", "connection", "head")

    def __init__(self) -> None:
        self.connection: _Connection | None = None
        self.head: h11.Response | None = None
        self.body = b""

    def answer(self) -> Answer:
        assert self.head is not None
        retry_after: str | None = None
        coded = False
        for name, value in self.head.headers:
            if name == b"retry-after":
                retry_after = value.decode("ascii", "replace")[:100]
            elif name == b"content-encoding":
                coded = value != b"identity"
        return Answer(self.head.status_code, retry_after, "" if coded else _excerpt(self.body))


def _excerpt(body: bytes) -> str:
    """At most MAX_EXCERPT bytes of UTF-8, fit for Postgres."""
    text = body[:MAX_EXCERPT].decode("utf-8", "replace").replace("\0", "\ufffd")
    return text.encode()[:MAX_EXCERPT].decode("utf-8", "ignore")


def _reason(error: Exception) -> str:
    """In the system's words; the texts of asyncio and uvloop name addresses."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "failed"
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else type(error).__name__
