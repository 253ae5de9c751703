"""The one place that reads the environment."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


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


@cache
def settings() -> Settings:
    return Settings()
