"""Who makes a request: a token (JWT), an API key, or nobody in particular.

Credentials that were seen before are answered from memory, without a coroutine.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import hmac
import ipaddress
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbkit.gateway_errors import Refused, bad_request, forbidden, unavailable
from dbkit.gateway_jwt import (
    PRINTABLE,
    BadToken,
    KeysMissing,
    KeySource,
    Tokens,
    Verified,
    split,
)

if TYPE_CHECKING:
    from dbkit.settings import GatewaySettings

Headers = dict[bytes, bytes]
"""Of one request: names in lower case, repeated ones joined by a comma."""

KeyLookup = Callable[[str], Awaitable["dict[str, Any] | None"]]
"""`dbkit.find_api_key` for the SHA-256 (hex) of a whole secret."""

Touch = Callable[[Sequence[str]], Awaitable[object]]
"""`dbkit.touch_api_keys`."""

KEY = re.compile(rb"dbk_[A-Za-z0-9_-]{1,100}_[A-Za-z0-9_-]{40,64}")
KEYS = 10_000
"""API keys that are remembered at a time, and as many that do not exist."""
UNKNOWN_SECONDS = 5.0
"""How long a key that does not exist is not looked up again."""
ADDRESSES = 10_000
TOUCH_SECONDS = 30.0
TICK_SECONDS = 1.0
START_SECONDS = 2.0
"""A start waits so long for the keys of tokens; they come later then."""
STOP_SECONDS = 2.0
"""A stop waits so long to tell which keys were used."""

CONSUMER = 200
"""Characters that the name of a consumer may have in the database."""


@dataclass(frozen=True, slots=True)
class Identity:
    """For whom a request is done."""

    role: str
    """Database role to switch to."""

    consumer: str
    """Whose rate limit and log it is: key:<id>, user:<sub>, role:<role> (a token without a sub),
    client:<X-Client-Id>, ip:<hash>."""

    user_id: str | None = None
    organization_id: str | None = None
    client_id: str | None = None
    """Name of an API key's consumer: it counts more than X-Client-Id."""

    claims: str | None = None
    """Verified claims as JSON, for request.jwt.claims."""

    scopes: tuple[str, ...] = ("*",)

    def may_call(self, name: str) -> bool:
        """Whether a scope names the call: exactly, or by what it begins with, before a `*`."""
        for scope in self.scopes:
            if scope == name or (scope.endswith("*") and name.startswith(scope[:-1])):
                return True
        return False

    def require_call(self, name: str) -> None:
        """Raises 403 where no scope names the call."""
        if not self.may_call(name):
            raise Refused(
                403,
                "FORBIDDEN",
                f"This API key may not call {name}.",
                details={"reason": "scope", "call": name},
                headers=((b"www-authenticate", b'Bearer error="insufficient_scope"'),),
            )


def consumer_name(kind: str, name: str) -> str:
    """`kind:name`; of one that is too long for that, its hash."""
    found = f"{kind}:{name}"
    if len(found) <= CONSUMER:
        return found
    return f"{kind}:{hashlib.sha256(name.encode()).hexdigest()}"


def unauthorized(reason: str, message: str) -> Refused:
    """401; the message must hold nothing secret, and no quotes."""
    challenge = f'Bearer error="invalid_token", error_description="{message}"'
    return Refused(
        401,
        "UNAUTHORIZED",
        message,
        details={"reason": reason},
        headers=((b"www-authenticate", challenge.encode()),),
    )


def _forbidden_role(role: str) -> Refused:
    # The role is what the caller's own credentials say; which others there are is not told.
    known = role if re.fullmatch(r"[A-Za-z0-9_-]{1,63}", role) else "of this name"
    return forbidden(f"The role {known} is not accepted here.", details={"reason": "role"})


# --- addresses -------------------------------------------------------------------------------


def new_address_secret(settings: GatewaySettings) -> bytes:
    """The setting's, else a random one: each process, and each start, then has its own hashes."""
    given = settings.address_secret.get_secret_value() if settings.address_secret else ""
    return given.encode() or secrets.token_bytes(32)


def hash_address(address: str, secret: bytes, day: datetime.date | None = None) -> str:
    """A keyed hash (HMAC-SHA-256, 16 hex digits) of an address.

    Without the secret nobody can try all addresses against it. With a day it is another one every
    day, so that nobody is followed for longer.
    """
    told = f"{day.isoformat() if day else ''}|{address}".encode()
    return hmac.digest(secret, told, "sha256").hex()[:16]


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address; of IPv6 the /64, of which a client has all."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, 64), strict=False))


# --- API keys --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    key_id: str
    identity: Identity
    expires_at: float
    """Wall clock."""

    until: float
    """Monotonic: then it is looked up again."""


class _Bucket:
    """So many at once, refilled at a rate."""

    __slots__ = ("_at", "_left", "_rate", "_size")

    def __init__(self, rate: float, at: float) -> None:
        self._rate, self._size = rate, max(2 * rate, 1.0)
        self._left, self._at = self._size, at

    def take(self, now: float) -> bool:
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class ApiKeys:
    """Secrets by their SHA-256. The secret itself is kept nowhere, and compared by nobody: what is
    looked up is its hash, of which nobody can choose a beginning."""

    def __init__(
        self,
        settings: GatewaySettings,
        lookup: KeyLookup | None,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._lookup = lookup
        self._now = now
        self._monotonic = monotonic
        self._roles = frozenset(split(settings.roles))
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._unknown: OrderedDict[bytes, float] = OrderedDict()
        self._flying: dict[bytes, asyncio.Task[_Known | None]] = {}
        self._all = _Bucket(settings.key_lookups, monotonic())
        self._each: OrderedDict[str, _Bucket] = OrderedDict()
        self._generation = 0
        self._used: set[str] = set()
        self.lookups = self.remembered = self.refused = self.throttled = 0

    def known(self, secret: bytes) -> Identity | None:
        """The identity of a key that was looked up a moment ago."""
        found = self._known.get(hashlib.sha256(secret).digest())
        if found is None or found.until <= self._monotonic() or found.expires_at <= self._now():
            return None
        if found.identity.role not in self._roles:
            return None
        self.remembered += 1
        self._used.add(found.key_id)
        return found.identity

    async def find(self, secret: bytes, address: str | None) -> Identity:
        """Raises 401 for a key that does not exist or is over, 503 when too many new ones come."""
        if self._lookup is None or len(secret) > 200 or not KEY.fullmatch(secret):
            self.refused += 1
            raise unauthorized("unknown_key", "The API key is not valid.")
        digest = hashlib.sha256(secret).digest()
        found = self._known.get(digest)
        if found is None or found.until <= self._monotonic():
            found = await self._asked(digest, address, seen=found is not None)
        if found is None:
            self.refused += 1
            raise unauthorized("unknown_key", "The API key is not valid.")
        if found.expires_at <= self._now():
            self.refused += 1
            raise unauthorized("expired", "The API key has expired.")
        if found.identity.role not in self._roles:
            self.refused += 1
            raise _forbidden_role(found.identity.role)
        self._used.add(found.key_id)
        return found.identity

    def forget(self, key_id: str) -> None:
        """A key was revoked or rotated: look it up again. Also what is being looked up now may be
        older than the news."""
        self._generation += 1
        self._flying.clear()
        self._unknown.clear()
        for digest in [d for d, known in self._known.items() if known.key_id == key_id]:
            del self._known[digest]

    def forget_all(self) -> None:
        """News may have been missed."""
        self._generation += 1
        self._flying.clear()
        self._known.clear()
        self._unknown.clear()

    def take_used(self) -> list[str]:
        """Keys used since the last time, for touch_api_keys."""
        used, self._used = self._used, set()
        return sorted(used)

    def put_back_used(self, key_ids: Sequence[str]) -> None:
        self._used.update(key_ids)

    async def _asked(self, digest: bytes, address: str | None, *, seen: bool) -> _Known | None:
        now = self._monotonic()
        until = self._unknown.get(digest)
        if until is not None and until > now:
            return None
        flying = self._flying.get(digest)
        if flying is None:
            if not seen and not self._may_ask(address, now):
                self.throttled += 1
                raise unavailable("Too many API keys are being looked up.")
            flying = asyncio.ensure_future(self._ask(digest, self._generation))
            self._flying[digest] = flying
            flying.add_done_callback(lambda task: self._landed(digest, task))
        # One that goes away must not take the answer from the others.
        return await asyncio.shield(flying)

    def _landed(self, digest: bytes, task: asyncio.Task[_Known | None]) -> None:
        if self._flying.get(digest) is task:
            del self._flying[digest]
        if not task.cancelled():
            task.exception()

    def _may_ask(self, address: str | None, now: float) -> bool:
        """A flood of made-up keys must not become one of questions to the database; and one
        address must not take what is there for all."""
        name = network_of(address or "")
        each = self._each.get(name)
        if each is None:
            each = self._each[name] = _Bucket(self._settings.key_lookups / 5, now)
            if len(self._each) > ADDRESSES:
                self._each.popitem(last=False)
        else:
            self._each.move_to_end(name)
        return each.take(now) and self._all.take(now)

    async def _ask(self, digest: bytes, generation: int) -> _Known | None:
        assert self._lookup is not None
        asked_at = self._monotonic()
        self.lookups += 1
        try:
            row = await self._lookup(digest.hex())
            until = asked_at + self._settings.key_cache_seconds
            found = None if row is None else _known(row, until)
        except Refused:
            raise
        except Exception:
            # Whatever it was, it says nothing of the key.
            raise unavailable("API keys cannot be looked up at the moment.") from None
        if generation == self._generation:
            self._remember(digest, found, asked_at)
        return found

    def _remember(self, digest: bytes, found: _Known | None, asked_at: float) -> None:
        if found is None:
            self._known.pop(digest, None)
            self._unknown[digest] = asked_at + UNKNOWN_SECONDS
            if len(self._unknown) > KEYS:
                self._unknown.popitem(last=False)
            return
        self._known[digest] = found
        self._known.move_to_end(digest)
        if len(self._known) > KEYS:
            self._known.popitem(last=False)


def _known(row: dict[str, Any], until: float) -> _Known:
    key_id = str(row["key_id"])
    identity = Identity(
        role=str(row["role"]),
        consumer=f"key:{key_id}",
        organization_id=row.get("organization_id"),
        client_id=row.get("consumer"),
        scopes=tuple(row.get("scopes") or ()),
    )
    return _Known(key_id, identity, _moment(row.get("expires_at")), until)


def _moment(value: object) -> float:
    """A time of the database's JSON in seconds; infinity for none."""
    if value is None or value == "infinity":
        return float("inf")
    found = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(found, datetime.datetime):
        raise TypeError("expires_at is no time")
    return found.timestamp()


# --- the whole -------------------------------------------------------------------------------


class Authenticator:
    """Tells who makes a request. `start` it in the process that serves, and `stop` it."""

    def __init__(
        self,
        settings: GatewaySettings,
        lookup: KeyLookup | None = None,
        *,
        touch: Touch | None = None,
        keys: KeySource | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key_source = keys or KeySource(settings, monotonic=monotonic)
        self.tokens = Tokens(settings, self.key_source, self._identity, now=now)
        self.api_keys = ApiKeys(settings, lookup, now=now, monotonic=monotonic)
        self.address_secret = new_address_secret(settings)
        self._settings = settings
        self._roles = frozenset(split(settings.roles))
        self._touch = touch
        self._task: asyncio.Task[None] | None = None
        self._anonymous: OrderedDict[str, Identity] = OrderedDict()

    # --- life ---

    async def start(self) -> None:
        """Fetch the keys of tokens and keep them fresh. That they cannot be had, or not soon, is
        no error: until they can, requests with tokens are answered 503, all others served."""
        first = asyncio.create_task(self.key_source.tick())
        await asyncio.wait([first], timeout=START_SECONDS)
        self._task = asyncio.create_task(self._work(first), name="dbkit-gateway-auth")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.key_source.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self.touch_used()

    async def touch_used(self) -> None:
        """Tell the database which keys were used; what fails is told the next time."""
        used = self.api_keys.take_used() if self._touch is not None else []
        if not used or self._touch is None:
            return
        try:
            await self._touch(used)
        except Exception:
            self.api_keys.put_back_used(used)

    async def _work(self, first: asyncio.Task[None]) -> None:
        await asyncio.gather(first, return_exceptions=True)
        touched_at = time.monotonic()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            with contextlib.suppress(Exception):
                await self.key_source.tick()
            if time.monotonic() - touched_at >= TOUCH_SECONDS:
                touched_at = time.monotonic()
                await self.touch_used()

    # --- news ---

    def forget_key(self, key_id: str) -> None:
        """For NOTIFY dbkit_api_keys."""
        self.api_keys.forget(key_id)

    def forget_keys(self) -> None:
        """When the connection that listens was lost."""
        self.api_keys.forget_all()

    # --- requests ---

    def identify_now(self, headers: Headers, address: str | None) -> Identity | None:
        """Who it is, where that needs no waiting and nothing is wrong; else None: `identify` it."""
        authorization = headers.get(b"authorization")
        key = headers.get(b"x-api-key")
        if authorization is None:
            if key is not None:
                return self.api_keys.known(key)
            return self._known_anonymous(headers, address)
        if key is not None or authorization[:7].lower() != b"bearer ":
            return None
        token = authorization[7:]
        if token[:4] == b"dbk_":
            return self.api_keys.known(token)
        return self.tokens.known(token)

    async def identify(self, headers: Headers, address: str | None) -> Identity:
        """Who it is. Raises Refused: 400 for two credentials, 401 with WWW-Authenticate for bad
        ones, 403 for a role that is not accepted, 503 when it cannot be told now."""
        found = self.identify_now(headers, address)
        if found is not None:
            return found
        token, key = _credentials(headers)
        if token is not None and key is not None:
            raise bad_request(
                "A token and an API key are two callers: send one of them.",
                details={"reason": "two_credentials"},
            )
        if key is not None:
            return await self.api_keys.find(key, address)
        if token is not None:
            return await self._token(token)
        return self._make_anonymous(headers, address)

    async def _token(self, token: bytes) -> Identity:
        try:
            return await self.tokens.verify(token)
        except BadToken as error:
            raise unauthorized(error.reason, error.message) from None
        except KeysMissing:
            raise unavailable("The keys of tokens cannot be had at the moment.") from None

    def _identity(self, verified: Verified) -> Identity:
        if verified.role not in self._roles:
            raise _forbidden_role(verified.role)
        kind, name = ("user", verified.subject) if verified.subject else ("role", verified.role)
        return Identity(
            role=verified.role,
            consumer=consumer_name(kind, name),
            user_id=verified.subject,
            organization_id=verified.organization_id,
            claims=verified.claims,
        )

    def _anonymous_name(self, headers: Headers, address: str | None) -> str:
        if self._settings.anonymous_consumer == "client":
            client = headers.get(b"x-client-id")
            if client:
                return f"client:{client.decode('latin-1')}"
        return f"ip:{address or ''}"

    def _known_anonymous(self, headers: Headers, address: str | None) -> Identity | None:
        return self._anonymous.get(self._anonymous_name(headers, address))

    def _make_anonymous(self, headers: Headers, address: str | None) -> Identity:
        if not self._settings.anonymous:
            raise Refused(
                401,
                "UNAUTHORIZED",
                "This needs a token or an API key.",
                details={"reason": "no_credentials"},
                headers=((b"www-authenticate", b"Bearer"),),
            )
        name = self._anonymous_name(headers, address)
        kind, _, said = name.partition(":")
        if kind == "ip":
            said = hash_address(network_of(said), self.address_secret)
        elif not PRINTABLE.fullmatch(said):
            raise bad_request(
                "X-Client-Id must be of 1 to 200 printable characters.", field="X-Client-Id"
            )
        found = Identity(role="anon", consumer=consumer_name(kind, said))
        self._anonymous[name] = found
        if len(self._anonymous) > ADDRESSES:
            self._anonymous.popitem(last=False)
        return found


def _credentials(headers: Headers) -> tuple[bytes | None, bytes | None]:
    """A token and an API key, as far as there are any. Another scheme than Bearer is refused."""
    key = headers.get(b"x-api-key")
    authorization = headers.get(b"authorization")
    if authorization is None:
        return None, key
    scheme, _, given = authorization.partition(b" ")
    given = given.strip()
    if scheme.lower() != b"bearer" or not given:
        raise unauthorized("scheme", "Authorization must be Bearer and a token.")
    if not given.startswith(b"dbk_"):
        return given, key
    if key is not None:
        return given, key
    return None, given
