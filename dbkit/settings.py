"""The one place that reads the environment."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What dbkit takes from the environment; everything has a working default."""

    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    """`postgresql://…` of the server to use; without it the embedded server is used."""

    home: Path = Field(default=Path(".dbkit"), validation_alias="DBKIT_HOME")
    """Folder of the embedded server: its data, log, port and password."""

    server: str | None = Field(default=None, validation_alias="DBKIT_SERVER")
    """`embedded`, `installed` or a folder of server binaries; default: embedded, then installed."""

    webhook_allow: str = Field(default="", validation_alias="DBKIT_WEBHOOK_ALLOW")
    """Private targets that webhooks and alerts may reach, comma-separated: networks (`10.0.0.0/8`),
    names (`receiver.internal`) or either with a port (`localhost:8080`)."""

    webhook_ca: Path | None = Field(default=None, validation_alias="DBKIT_WEBHOOK_CA")
    """PEM file of certificate authorities that webhooks trust besides the public ones."""

    deploy_token: str | None = Field(default=None, validation_alias="DBKIT_DEPLOY_TOKEN")
    """Bearer token for the URL that `dbkit deploy --rollback-url` posts to."""

    vercel_token: str | None = Field(default=None, validation_alias="VERCEL_TOKEN")
    """Token of Vercel's API, for `dbkit deploy --rollback-vercel`."""

    vercel_team: str | None = Field(default=None, validation_alias="VERCEL_TEAM_ID")
    """Team to which the Vercel project belongs."""

    vercel_api: str = Field(default="https://api.vercel.com", validation_alias="DBKIT_VERCEL_API")
    """Where Vercel's API is."""


class GatewaySettings(BaseSettings):
    """What `dbkit serve` takes from the environment. Lists are comma-separated.

    Authentication, rate limits, the request log.
    """

    model_config = SettingsConfigDict(populate_by_name=True)

    pool: int = Field(default=10, ge=1, le=1000, validation_alias="DBKIT_GATEWAY_POOL")
    """Connections of each process."""

    max_waiting: int = Field(default=200, ge=0, validation_alias="DBKIT_GATEWAY_MAX_WAITING")
    """Requests of a process that may wait for a connection; the next one is answered 503."""

    queue_seconds: float = Field(default=2.0, gt=0, validation_alias="DBKIT_GATEWAY_QUEUE_SECONDS")
    """How long each of them waits, before it is answered 503."""

    timeout: float = Field(default=15.0, gt=0, validation_alias="DBKIT_GATEWAY_TIMEOUT")
    """Seconds that a call may run; a request may ask for less with `Prefer: wait=N`."""

    max_body: int = Field(default=1_048_576, ge=1024, validation_alias="DBKIT_GATEWAY_MAX_BODY")
    """Bytes of a body."""

    region: str | None = Field(default=None, validation_alias="DBKIT_REGION")
    """Where this gateway runs: `region` in the meta of answers."""

    cors_origins: str = Field(default="", validation_alias="DBKIT_GATEWAY_CORS_ORIGINS")
    """Web origins that browsers may call from (`https://shop.example`), or `*`."""

    drain: float = Field(default=0.0, ge=0, validation_alias="DBKIT_GATEWAY_DRAIN")
    """Seconds between SIGTERM and the end of serving, in which the process says it is not ready."""

    jwt_secret: SecretStr | None = Field(default=None, validation_alias="DBKIT_JWT_SECRET")
    """Shared secret of HS256 (32 bytes at least), HS384 (48) and HS512 (64)."""

    jwks: str | None = Field(default=None, validation_alias="DBKIT_JWT_JWKS")
    """Public keys of RS, PS, ES and EdDSA: an https URL of a JWKS, or a file (a JWKS or a PEM)."""

    jwks_refresh: float = Field(default=300.0, gt=0, validation_alias="DBKIT_JWT_JWKS_REFRESH")
    """Seconds after which the URL is asked again."""

    jwks_cooldown: float = Field(default=30.0, gt=0, validation_alias="DBKIT_JWT_JWKS_COOLDOWN")
    """Seconds between two requests to the URL because of a key that is not known."""

    jwks_timeout: float = Field(default=5.0, gt=0, validation_alias="DBKIT_JWT_JWKS_TIMEOUT")
    """Seconds that a request to the URL may take, all of it."""

    jwt_algorithms: str = Field(
        default="HS256,HS384,HS512,RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA",
        validation_alias="DBKIT_JWT_ALGORITHMS",
    )
    """Algorithms that are accepted; each only with a key of its own kind."""

    jwt_audience: str = Field(default="", validation_alias="DBKIT_JWT_AUDIENCE")
    """Audiences of which a token must name one. Without any, a token that names some is refused."""

    jwt_issuer: str = Field(default="", validation_alias="DBKIT_JWT_ISSUER")
    """Issuers of which a token must come from one; default: not looked at."""

    jwt_leeway: float = Field(default=10.0, ge=0, le=600, validation_alias="DBKIT_JWT_LEEWAY")
    """Seconds by which the issuer's clock may differ."""

    jwt_require_exp: bool = Field(default=True, validation_alias="DBKIT_JWT_REQUIRE_EXP")
    """Refuse tokens that never expire."""

    jwt_max_bytes: int = Field(default=8192, ge=256, validation_alias="DBKIT_JWT_MAX_BYTES")
    """Longer tokens are refused unread."""

    jwt_role_claim: str = Field(default="role", validation_alias="DBKIT_JWT_ROLE_CLAIM")
    """Claim with the database role: its name, or a path with dots (`app_metadata.role`)."""

    jwt_default_role: str = Field(
        default="authenticated", validation_alias="DBKIT_JWT_DEFAULT_ROLE"
    )
    """Role of a token without that claim; empty: such a token is refused."""

    jwt_organization_claim: str = Field(
        default="organization_id", validation_alias="DBKIT_JWT_ORGANIZATION_CLAIM"
    )
    """Claim with the organization: its name, or a path with dots."""

    jwt_cache: int = Field(default=10_000, ge=0, validation_alias="DBKIT_JWT_CACHE")
    """Verified tokens that are remembered until they expire."""

    roles: str = Field(
        default="anon,authenticated,service_role", validation_alias="DBKIT_GATEWAY_ROLES"
    )
    """Database roles that a token or a key may take; the gateway's login must be a member."""

    anonymous: bool = Field(default=True, validation_alias="DBKIT_GATEWAY_ANONYMOUS")
    """Whether requests without credentials are served, as `anon`."""

    anonymous_consumer: Literal["client", "address"] = Field(
        default="client", validation_alias="DBKIT_GATEWAY_ANONYMOUS_CONSUMER"
    )
    """Whose an anonymous request is: of its X-Client-Id, else of its address; or of that alone."""

    key_cache_seconds: float = Field(
        default=10.0, ge=0, validation_alias="DBKIT_GATEWAY_KEY_CACHE_SECONDS"
    )
    """How long an API key is not looked up again; a revoked one is dropped at once by NOTIFY."""

    key_lookups: float = Field(default=50.0, gt=0, validation_alias="DBKIT_GATEWAY_KEY_LOOKUPS")
    """API keys not seen before that are looked up in a second, at most."""

    address: Literal["hash", "whole", "none"] = Field(
        default="hash", validation_alias="DBKIT_GATEWAY_ADDRESS"
    )
    """How the request log keeps the client's address."""

    address_secret: SecretStr | None = Field(
        default=None, validation_alias="DBKIT_GATEWAY_ADDRESS_SECRET"
    )
    """Key of the hash of addresses, the same for all processes; default: random at each start."""

    limits_unknown: Literal["refuse", "allow"] = Field(
        default="refuse", validation_alias="DBKIT_GATEWAY_LIMITS_UNKNOWN"
    )
    """What becomes of a limited call while the database cannot be asked: 503, or it is done."""


@cache
def settings() -> Settings:
    return Settings()
