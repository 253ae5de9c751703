"""Who makes a request: what every transaction tells the database first."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

SET_CONTEXT = "select dbkit.set_request_context(%s::jsonb)"
"""Transaction-local, so that the next user of a pooled connection starts without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """Keys of `dbkit.set_request_context`, which checks them (KD001, KD002).

    Strings of 1 to 200 printable characters; `app_version` is MAJOR.MINOR.PATCH. None of them
    grants a right: rights come from the database role.
    """

    app_name: str | None = None
    app_version: str | None = None
    api_version: str | None = None
    client_id: str | None = None
    region: str | None = None
    request_id: str | None = None
    user_id: str | None = None
    organization_id: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None

    def as_json(self) -> str:
        """The keys that have a value, as a JSON object."""
        given = {key: value for key, value in asdict(self).items() if value is not None}
        return json.dumps(given, ensure_ascii=False)
