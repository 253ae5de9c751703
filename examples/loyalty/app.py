"""An app that calls its own registered calls, typed: earn points once, read balance and entries."""

from __future__ import annotations

import argparse

import loyalty_calls
import loyalty_sql

from dbkit import Database, RequestContext
from dbkit.errors import InvalidPayload
from dbkit.settings import settings


def story(db: Database, member: str) -> list[str]:
    """What a visit to the shop looks like; returns the lines it prints."""
    context = RequestContext(app_name="loyalty", app_version="1.4.2", user_id=member)
    earn = loyalty_calls.earn_points(points=120, reason="lunch", idempotency_key="receipt-4711")
    lines: list[str] = []
    # The key makes a repetition harmless: the till sends the receipt twice.
    for _ in range(2):
        answer = db.run(earn, context=context, role="authenticated")
        lines.append(f"{answer.meta.version}: {answer.data.points} points ({answer.data.level})")
    for entry in db.run(loyalty_sql.statement(5), context=context, role="authenticated"):
        lines.append(f"entry: {entry.points:+d} for {entry.reason}")
    try:
        nothing = loyalty_calls.earn_points(points=0, reason="nothing")
        db.run(nothing, context=context, role="authenticated")
    except InvalidPayload as error:
        lines.append(f"refused ({error.http_status}): {error.message}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=settings().database_url, help="a migrated database")
    parser.add_argument("--member", default="ada")
    given = parser.parse_args()
    if not given.url:
        parser.error("which database? pass --url, or set DATABASE_URL")
    with Database(given.url) as db:
        print("\n".join(story(db, given.member)))


if __name__ == "__main__":
    main()
