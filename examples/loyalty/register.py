"""Install the loyalty schema, register its calls in v3, and write `loyalty_calls.py` for them."""

from __future__ import annotations

import argparse
from pathlib import Path

import psycopg

from dbkit import Call, typegen
from dbkit.calls import api
from dbkit.codec import JsonInput
from dbkit.settings import settings

HERE = Path(__file__).parent

BALANCE: JsonInput = {
    "title": "LoyaltyBalance",
    "type": "object",
    "required": ["points", "level", "last_earned_at"],
    "properties": {
        "points": {"type": "integer", "description": "Earned less spent."},
        "level": {"enum": ["silver", "gold"]},
        "last_earned_at": {"type": ["string", "null"], "format": "date-time"},
    },
}
EARN: JsonInput = {
    "type": "object",
    "additionalProperties": False,
    "required": ["points", "reason"],
    "properties": {
        "points": {"type": "integer", "minimum": 1, "maximum": 100000},
        "reason": {"type": "string", "minLength": 1, "maxLength": 200},
        "idempotency_key": {"type": "string", "maxLength": 200},
    },
}
NOTHING: JsonInput = {"type": "object", "additionalProperties": False, "properties": {}}

REGISTRATIONS: tuple[Call[int], ...] = (
    api.register_rpc(
        "get_loyalty_balance",
        "v3",
        "loyalty.rpc_v3_get_loyalty_balance(jsonb)",
        "read",
        request_schema=NOTHING,
        response_schema=BALANCE,
        description="The points of the member who calls.",
    ),
    api.register_rpc(
        "earn_points",
        "v3",
        "loyalty.rpc_v3_earn_points(jsonb)",
        "write",
        "authenticated",
        request_schema=EARN,
        response_schema=BALANCE,
        description="Adds points to the member who calls; tells the new balance.",
    ),
)
NAMES = ("earn_points", "get_loyalty_balance")


def install(connection: psycopg.Connection) -> None:
    """The schema and the registrations; may be repeated. Needs a super admin."""
    connection.execute((HERE / "loyalty.sql").read_bytes())
    for registration in REGISTRATIONS:
        registration.run(connection)


def generated(connection: psycopg.Connection) -> dict[str, str]:
    """What belongs into the two modules of typed calls, by file name."""
    return {
        "loyalty_calls.py": typegen.generate_registered(connection, "v3", NAMES),
        "loyalty_sql.py": typegen.generate_schema(connection, "loyalty"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=settings().database_url, help="a migrated database")
    url = parser.parse_args().url
    if not url:
        parser.error("which database? pass --url, or set DATABASE_URL")
    with psycopg.connect(url) as connection:
        install(connection)
        for name, text in generated(connection).items():
            (HERE / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
