"""Parts of the gateway's tests."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.helpers import Connection, one


def catalog_of(db: Connection) -> dict[str, Any]:
    """The rows of gateway_catalog(), of what is shipped."""
    text = one(
        db,
        "select jsonb_build_object('active_version', 'v3',"
        " 'versions', (select jsonb_agg(to_jsonb(v) order by ordinal) from dbkit.api_versions v),"
        " 'calls', (select jsonb_agg(to_jsonb(r)) from dbkit.api_rpcs r))::text",
    )
    return dict(msgspec.json.decode(text))
