"""Keys of tokens, and tokens verified with them. PyJWT checks signature, audience and issuer.

The key chooses the algorithm, never the token: a token's `alg` must be one that belongs to the kind
of the key it names, so a public key is never taken for a shared secret, and `none` for nothing.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import ipaddress
import json
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeGuard, TypeVar, cast
from urllib.parse import urlsplit

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from jwt.exceptions import InvalidJTIError, InvalidSubjectError

if TYPE_CHECKING:
    from dbkit.settings import GatewaySettings

T = TypeVar("T")

RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
CURVES = {"secp256r1": ("ES256",), "secp384r1": ("ES384",), "secp521r1": ("ES512",)}
HMAC_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
KNOWN = (*HMAC_BYTES, *RSA, "ES256", "ES384", "ES512", "EdDSA")

MAX_KEYS = 32
"""Of a set; more are more than anybody rotates."""
MAX_TRIED = 8
"""Keys that a token without a key's name is tried with."""
MAX_SET_BYTES = 1_000_000
RETRY_SECONDS = (1.0, 60.0)
"""After a failure the URL is asked again so soon, then ever later up to so late."""
FILE_SECONDS = 1.0
"""How often a file is looked at."""

_TOKEN = re.compile(rb"([A-Za-z0-9_-]{2,2048})\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}")
"""What the database takes for a name: nothing that is [[:cntrl:]] there."""
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The character that Postgres has not, and not a backslash before `u0000`."""


class BadToken(Exception):
    """The token is no good; the text is for the client and holds nothing secret."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class BadKeys(Exception):
    """The settings or the source of the keys cannot be used as they are."""


class KeysMissing(Exception):
    """No key set could be had so far: whether a token is good cannot be said."""


# --- keys ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Key:
    """A key and the algorithms it may be used with."""

    kid: str | None
    algorithms: frozenset[str]
    key: Any
    digest: bytes
    """Of what it is, to tell whether a set changed; never shown."""


def secret_key(secret: str, allowed: Iterable[str]) -> Key:
    """The shared secret of the settings."""
    raw = secret.encode()
    if b"-----BEGIN" in raw or raw.startswith((b"ssh-", b"ecdsa-")):
        raise BadKeys("DBKIT_JWT_SECRET is a key of a pair: give it by DBKIT_JWT_JWKS")
    if len(raw) < min(HMAC_BYTES.values()):
        raise BadKeys("DBKIT_JWT_SECRET must have 32 bytes at least")
    return _shared_key(None, raw, _good_for(raw) & frozenset(allowed))


def _good_for(secret: bytes) -> frozenset[str]:
    """The algorithms for which a shared secret is long enough (RFC 7518, 3.2)."""
    return frozenset(name for name, least in HMAC_BYTES.items() if len(secret) >= least)


def _shared_key(kid: str | None, secret: bytes, algorithms: frozenset[str]) -> Key:
    return Key(kid, algorithms, secret, hashlib.sha256(secret).digest())


def _algorithms(key: object) -> tuple[str, ...]:
    if isinstance(key, RSAPublicKey):
        return RSA if key.key_size >= 2048 else ()
    if isinstance(key, EllipticCurvePublicKey):
        return CURVES.get(key.curve.name, ())
    return ("EdDSA",) if isinstance(key, Ed25519PublicKey) else ()


def _public_key(kid: str | None, key: object, alg: object, allowed: frozenset[str]) -> Key | None:
    fit = frozenset(_algorithms(key)) & allowed & _said(alg)
    if not fit:
        return None
    public = cast("RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey", key)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Key(kid, fit, public, hashlib.sha256(der).digest())


def _said(alg: object) -> frozenset[str]:
    """The algorithms that a key's own `alg` leaves."""
    return frozenset(KNOWN) if alg is None else frozenset(KNOWN) & {str(alg)}


def _jwk(given: Any, allowed: frozenset[str], shared: bool) -> Key | None:
    """A member of a set, or None for one that is not for verifying.

    Shared secrets have no business behind a URL: there only public keys are taken.
    """
    if not isinstance(given, dict):
        return None
    jwk = cast("dict[str, Any]", given)
    kinds = ("RSA", "EC", "OKP", "oct") if shared else ("RSA", "EC", "OKP")
    if jwk.get("kty") not in kinds or jwk.get("use", "sig") != "sig" or "d" in jwk:
        return None
    operations = jwk.get("key_ops", ["verify"])
    kid = jwk.get("kid")
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    if kid is not None and not isinstance(kid, str):
        return None
    # Without its `alg`, by which PyJWT would choose: it is compared with what the key is.
    bare = {name: value for name, value in jwk.items() if name != "alg"}
    try:
        found: Any = jwt.PyJWK(bare).key
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError):
        return None
    if isinstance(found, bytes):
        fit = _good_for(found) & allowed & _said(jwk.get("alg"))
        return _shared_key(kid, found, fit) if fit else None
    return _public_key(kid, found, jwk.get("alg"), allowed)


def read_keys(text: bytes, allowed: Iterable[str], *, shared: bool = False) -> tuple[Key, ...]:
    """The keys of a JWKS, or the public key of a PEM. What cannot be used is passed over."""
    wanted = frozenset(allowed)
    if text.lstrip().startswith(b"-----BEGIN"):
        try:
            pem = load_pem_public_key(text)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise BadKeys("the PEM is no public key") from error
        keys = [_public_key(None, pem, None, wanted)]
    else:
        keys = [_jwk(each, wanted, shared) for each in _members(text)]
    usable = tuple(key for key in keys if key is not None)
    if not usable:
        raise BadKeys("there is no key for the allowed algorithms")
    return usable


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _members(text: bytes) -> list[Any]:
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadKeys("the key set is no JSON") from error
    held = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    members = held.get("keys")
    if not _is_list(members):
        raise BadKeys('the key set is no object with a list "keys"')
    if len(members) > MAX_KEYS:
        raise BadKeys(f"the key set has more than {MAX_KEYS} keys")
    return members


# --- where they come from --------------------------------------------------------------------

Fetch = Callable[[str, float], Awaitable[bytes]]


async def fetch(url: str, timeout: float) -> bytes:  # noqa: ASYNC109  (of each step)
    """The body of an answer with status 200; no redirects, no more than MAX_SET_BYTES."""
    import httpx2

    body = bytearray()
    async with (
        httpx2.AsyncClient(timeout=timeout, follow_redirects=False) as client,
        client.stream("GET", url, headers={"accept": "application/json"}) as answer,
    ):
        if answer.status_code != 200:
            raise BadKeys(f"the URL of the keys answered {answer.status_code}")
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > MAX_SET_BYTES:
                raise BadKeys("the key set is too large")
    return bytes(body)


def _is_url(source: str) -> bool:
    return "://" in source


def _check_url(url: str) -> None:
    """https; plain http only to this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = host == "localhost"
    with contextlib.suppress(ValueError):
        local = local or ipaddress.ip_address(host).is_loopback
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise BadKeys("DBKIT_JWT_JWKS must be an https URL or a file")


class KeySource:
    """The keys there are now. While a source is away or makes no sense, the last good set stays."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        get: Fetch = fetch,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.allowed = _allowed(settings.jwt_algorithms)
        secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else ""
        self._fixed = (secret_key(secret, self.allowed),) if secret else ()
        self._source = settings.jwks or None
        self._url = self._source if self._source and _is_url(self._source) else None
        if self._url:
            _check_url(self._url)
        self._settings = settings
        self._get = get
        self._monotonic = monotonic
        self._stamp: tuple[int, int, int] | None = None
        self._due = 0.0
        self._pause = RETRY_SECONDS[0]
        self._asked_at: float | None = None
        self._flying: asyncio.Task[bool] | None = None
        self.keys: tuple[Key, ...] = self._fixed
        self.loaded = self._source is None
        self.generation = 0
        """Counts the changes of the set: what was verified with an older one counts no more."""
        self.failures = 0
        self.loaded_at: float | None = None

    @property
    def configured(self) -> bool:
        return bool(self._fixed) or self._source is not None

    def find(self, kid: str | None, alg: str) -> list[Key]:
        """The keys that a token with this header may have been signed with."""
        fit = [key for key in self.keys if alg in key.algorithms]
        if kid is None:
            return fit[:MAX_TRIED]
        # The shared secret and a PEM have no name: they answer to any that no key of the set has.
        named = [key for key in fit if key.kid == kid]
        return named or [key for key in fit if key.kid is None]

    async def tick(self) -> None:
        """What is due: a second look at the file, the URL's age, another try after a failure."""
        if self._source is None:
            return
        if self._url is None:
            self._read_file()
        elif self._monotonic() >= self._due:
            await self.refresh()

    async def renew(self) -> bool:
        """Ask again because of a key that is not known; not so often that anybody could make us
        a flood. Whether the set changed."""
        before = self.generation
        if self._source is None:
            return False
        if self._url is None:
            self._read_file()
        elif self._flying is not None:
            await self.refresh()
        else:
            since = None if self._asked_at is None else self._monotonic() - self._asked_at
            if since is None or since >= self._settings.jwks_cooldown:
                await self.refresh()
        return self.generation != before

    async def refresh(self) -> bool:
        """Ask the URL now; whoever comes meanwhile waits for the same answer."""
        if self._flying is None:
            self._flying = asyncio.ensure_future(self._ask())
        # One that goes away must not take the answer from the others.
        return await asyncio.shield(self._flying)

    async def close(self) -> None:
        if self._flying is not None:
            self._flying.cancel()
            await asyncio.gather(self._flying, return_exceptions=True)

    async def _ask(self) -> bool:
        self._asked_at = self._monotonic()
        try:
            timeout = self._settings.jwks_timeout
            # Each step has the time-out, and all together have it too: no source can dribble.
            text = await asyncio.wait_for(self._get(self._url or "", timeout), timeout)
            self._take(read_keys(text, self.allowed))
        except Exception:
            self.failures += 1
            self._due = self._monotonic() + min(self._pause, self._settings.jwks_refresh)
            self._pause = min(self._pause * 2, RETRY_SECONDS[1])
            return False
        else:
            self._pause = RETRY_SECONDS[0]
            self._due = self._monotonic() + self._settings.jwks_refresh
            return True
        finally:
            self._flying = None

    def _read_file(self) -> None:
        path = Path(self._source or "")
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return
            text = path.read_bytes()
            self._stamp = stamp
            self._take(read_keys(text, self.allowed, shared=True))
        except (OSError, BadKeys):
            self.failures += 1

    def _take(self, keys: tuple[Key, ...]) -> None:
        self.loaded, self.loaded_at = True, self._monotonic()
        after = self._fixed + keys
        if [(k.kid, k.algorithms, k.digest) for k in after] != [
            (k.kid, k.algorithms, k.digest) for k in self.keys
        ]:
            self.keys = after
            self.generation += 1


def _allowed(text: str) -> frozenset[str]:
    names = split(text)
    unknown = [name for name in names if name not in KNOWN]
    if unknown or not names:
        raise BadKeys(f"DBKIT_JWT_ALGORITHMS: known are {', '.join(KNOWN)}")
    return frozenset(names)


def split(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated setting."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


# --- tokens ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verified:
    """What a good token says, as far as it matters here."""

    role: str
    subject: str | None
    organization_id: str | None
    claims: str
    """JSON for `request.jwt.claims`: role and organization_id at the top, wherever they were."""

    until: float
    """When it ends, with the leeway; infinity for one that does not."""


class Tokens(Generic[T]):
    """Verifies tokens, and remembers by their SHA-256 what `make` made of the good ones."""

    def __init__(
        self,
        settings: GatewaySettings,
        keys: KeySource,
        make: Callable[[Verified], T],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.keys = keys
        self._make = make
        self._settings = settings
        self._now = now
        self._audience = list(split(settings.jwt_audience)) or None
        self._issuer = list(split(settings.jwt_issuer)) or None
        self._ranked = split(settings.roles)
        self._good: OrderedDict[bytes, tuple[float, T]] = OrderedDict()
        self._generation = keys.generation
        self.verified = self.remembered = self.refused = 0

    def known(self, token: bytes) -> T | None:
        """One that was verified before and is still good: a few microseconds."""
        self._forget_old()
        digest = hashlib.sha256(token).digest()
        found = self._good.get(digest)
        if found is None:
            return None
        if found[0] <= self._now():
            del self._good[digest]
            return None
        self._good.move_to_end(digest)
        self.remembered += 1
        return found[1]

    def _forget_old(self) -> None:
        """What was verified with a set that is no more."""
        if self._generation != self.keys.generation:
            self._good.clear()
            self._generation = self.keys.generation

    async def verify(self, token: bytes) -> T:
        """Raises BadToken, KeysMissing when that cannot be told, and what `make` raises."""
        try:
            verified = await self._verify(token)
        except BadToken:
            self.refused += 1
            raise
        self.verified += 1
        made = self._make(verified)
        # Nothing was awaited since its key was looked up: it is of the set that there is.
        self._forget_old()
        if self._settings.jwt_cache:
            self._good[hashlib.sha256(token).digest()] = verified.until, made
            if len(self._good) > self._settings.jwt_cache:
                self._good.popitem(last=False)
        return made

    async def _verify(self, token: bytes) -> Verified:
        if not self.keys.configured:
            raise BadToken("not_accepted", "Tokens are not accepted here.")
        kid, alg = self._header(token)
        candidates = self.keys.find(kid, alg)
        named = kid is None or any(key.kid == kid for key in candidates)
        if not candidates or (not named and alg not in HMAC_BYTES):
            # The name is new, or there is no set yet: one look, shared and not too often.
            await self.keys.renew()
            candidates = self.keys.find(kid, alg)
        if not candidates:
            if not self.keys.loaded:
                raise KeysMissing
            raise BadToken("unknown_key", "The token's key or algorithm is not accepted here.")
        return self._checked(self._decoded(token, candidates, alg))

    def _header(self, token: bytes) -> tuple[str | None, str]:
        if len(token) > self._settings.jwt_max_bytes:
            raise BadToken("malformed", "The token is too long.")
        shape = _TOKEN.fullmatch(token)
        if shape is None:
            raise BadToken("malformed", "The token is not of three parts in base64url.")
        part = shape[1]
        try:
            header: Any = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
        except (ValueError, RecursionError):
            header = None
        if not isinstance(header, dict):
            raise BadToken("malformed", "The token's header is no JSON object.")
        said = cast("dict[str, Any]", header)
        alg, kid = said.get("alg"), said.get("kid")
        if not isinstance(alg, str) or alg not in self.keys.allowed:
            raise BadToken("algorithm", "The token's algorithm is not accepted here.")
        if kid is not None and not isinstance(kid, str):
            raise BadToken("malformed", "The token's kid is no text.")
        return kid, alg

    def _decoded(self, token: bytes, candidates: Sequence[Key], alg: str) -> dict[str, Any]:
        for key in candidates:
            try:
                return jwt.decode(
                    token,
                    key.key,
                    algorithms=[alg],
                    audience=self._audience,
                    issuer=self._issuer,
                    # The times are checked below, with a clock that tests can set.
                    options={
                        "verify_exp": False,
                        "verify_nbf": False,
                        "verify_iat": False,
                        "enforce_minimum_key_length": True,
                    },
                )
            except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
                continue
            except jwt.PyJWTError as error:
                raise _bad(error) from None
        raise BadToken("signature", "The token's signature is wrong.")

    def _checked(self, claims: dict[str, Any]) -> Verified:
        until = self._times(claims)
        role = self._role(claims)
        organization = self._organization(claims)
        subject = _text(claims.get("sub"), "sub")
        return Verified(
            role, subject, organization, _claims_text(claims, role, organization), until
        )

    def _times(self, claims: dict[str, Any]) -> float:
        now, leeway = self._now(), self._settings.jwt_leeway
        if _number(claims, "nbf", -float("inf")) > now + leeway:
            raise BadToken("not_yet", "The token is not valid yet (nbf).")
        if _number(claims, "iat", -float("inf")) > now + leeway:
            raise BadToken("not_yet", "The token is from the future (iat).")
        if "exp" not in claims and self._settings.jwt_require_exp:
            raise BadToken("claims", "The token has no exp.")
        until = _number(claims, "exp", float("inf")) + leeway
        if until <= now:
            raise BadToken("expired", "The token has expired.")
        return until

    def _role(self, claims: dict[str, Any]) -> str:
        """Of a list of roles the first in the order of DBKIT_GATEWAY_ROLES. One that is not
        allowed is returned too: to say so is the caller's."""
        said = claim(claims, self._settings.jwt_role_claim)
        if isinstance(said, list):
            return next((role for role in self._ranked if role in said), "")
        if said is None:
            return self._settings.jwt_default_role
        if not isinstance(said, str):
            raise BadToken("claims", "The token's role is no text.")
        return said

    def _organization(self, claims: dict[str, Any]) -> str | None:
        said = claim(claims, self._settings.jwt_organization_claim)
        return _text(said, "organization")


def claim(claims: dict[str, Any], name: str) -> Any:
    """A claim of exactly this name (which may be a URL), else what is at the end of the path."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = cast("dict[str, Any]", found).get(part) if isinstance(found, dict) else None
    return found


def _text(value: Any, name: str) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not PRINTABLE.fullmatch(value):
        raise BadToken("claims", f"The token's {name} is not of 1 to 200 printable characters.")
    return value


def _number(claims: dict[str, Any], name: str, default: float) -> float:
    value = claims.get(name, default)
    if name not in claims:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
        raise BadToken("claims", f"The token's {name} is no time.")
    if not isfinite(value):
        raise BadToken("claims", f"The token's {name} is no time.")
    return float(value)


def _claims_text(claims: dict[str, Any], role: str, organization: str | None) -> str:
    """The claims as the database reads them: sub, role and organization_id at the top, whatever
    the issuer calls them, and nothing that Postgres has no JSON for."""
    told = {name: value for name, value in claims.items() if name != "organization_id"}
    told["role"] = role
    if organization is not None:
        told["organization_id"] = organization
    try:
        text = json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (ValueError, RecursionError):
        text = "\\u0000"
    if _NUL.search(text):
        raise BadToken("claims", "The token's claims hold what a database cannot.")
    return text


def _bad(error: jwt.PyJWTError) -> BadToken:
    """In our own words: a library's could quote what it was given."""
    if isinstance(error, jwt.InvalidAudienceError):
        return BadToken("audience", "The token is for another audience.")
    if isinstance(error, jwt.InvalidIssuerError):
        return BadToken("issuer", "The token is from another issuer.")
    if isinstance(error, jwt.MissingRequiredClaimError):
        return BadToken("claims", f"The token has no {error.claim}.")
    if isinstance(error, InvalidSubjectError | InvalidJTIError):
        return BadToken("claims", "The token's sub or jti is no text.")
    return BadToken("malformed", "The token cannot be read.")
