"""What the tests of tokens need: issuers with keys, a clock, a source of keys that misbehaves."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from dbkit.settings import GatewaySettings

SECRET = "s" * 64
START = 1_800_000_000.0
ASYMMETRIC = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)


class Clock:
    """Wall and monotonic clock in one; only the test moves it."""

    def __init__(self, at: float = START) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@cache
def private_key(alg: str, number: int = 0) -> Any:
    """A key for an algorithm; making RSA keys takes a while."""
    if alg.startswith(("RS", "PS")):
        return _rsa(number)
    curves: dict[str, Any] = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
    if alg in curves:
        return ec.generate_private_key(curves[alg]())
    return ed25519.Ed25519PrivateKey.generate()


@cache
def _rsa(number: int) -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(alg: str, number: int = 0) -> bytes:
    key = private_key(alg, number).public_key()
    found: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return found


def public_jwk(alg: str, number: int = 0, **more: Any) -> dict[str, Any]:
    key = private_key(alg, number).public_key()
    found: Any = get_default_algorithms()[alg].to_jwk(key, as_dict=True)
    return {**found, "use": "sig", **more}


def key_set(*jwks: dict[str, Any]) -> bytes:
    return json.dumps({"keys": jwks}).encode()


def claims(**more: Any) -> dict[str, Any]:
    told = {"sub": "ada", "role": "authenticated", "iat": int(START), "exp": int(START) + 3600}
    return {name: value for name, value in {**told, **more}.items() if value is not None}


def signed(alg: str = "HS256", number: int = 0, *, kid: str | None = None, **more: Any) -> bytes:
    """A token as an issuer makes it; a claim of None is left out."""
    key = SECRET if alg.startswith("HS") else private_key(alg, number)
    headers = {"kid": kid} if kid is not None else None
    return jwt.encode(claims(**more), key, alg, headers=headers).encode()


def part(value: Any) -> bytes:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def forged(header: Any, body: Any, secret: bytes | None = None) -> bytes:
    """A token made by hand, as PyJWT would not; without a secret it has no signature."""
    text = part(header) + b"." + part(body)
    mac = b"" if secret is None else part(hmac.digest(secret, text, hashlib.sha256))
    return text + b"." + mac


def settings(**given: Any) -> GatewaySettings:
    return GatewaySettings(**given)


@dataclass
class Source:
    """A JWKS URL of which the test says what it answers."""

    body: bytes = b""
    down: bool = False
    asked: int = 0
    gate: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    urls: list[str] = field(default_factory=list)

    async def get(self, url: str, timeout: float) -> bytes:  # noqa: ASYNC109
        self.asked += 1
        self.begun.set()
        self.urls.append(url)
        if self.gate is not None:
            await self.gate.wait()
        if self.down:
            raise ConnectionError("away")
        return self.body
