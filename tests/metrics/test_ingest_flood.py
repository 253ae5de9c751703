"""A flood of anonymous events: caps hold exactly, every drop is counted, others are unharmed."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import psycopg

from tests.helpers import Connection, become, connect, one, rows
from tests.metrics.parts import INGEST, ingest, latency, page, record

CLIENTS = 24
CALLS = 30
QUOTA = 64_000
SERIES = 20


def flood(url: str, number: int, counts: Counter[str], failures: list[BaseException]) -> None:
    events: list[Any] = [page(f"/{number}/{n % 7}", filler="x" * 50) for n in range(50)]
    events += [{"event_type": "order_event"}, {"event_type": "made_up"}, 7]
    try:
        with connect(url) as conn:
            for call in range(CALLS):
                become(conn, "anon", client_id=f"{number}-{call}")
                answer: dict[str, Any] = one(conn, INGEST, json.dumps(events))
                conn.commit()
                counts.update(answer["reasons"])
                counts["accepted"] += answer["accepted"]
                counts["dropped"] += answer["dropped"]
    except BaseException as error:
        failures.append(error)


def in_threads(url: str, others: Any) -> tuple[Counter[str], list[BaseException]]:
    per_client = [Counter[str]() for _ in range(CLIENTS)]
    failures: list[BaseException] = []
    threads = [
        threading.Thread(target=flood, args=[url, n, per_client[n], failures])
        for n in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        others()
    for thread in threads:
        thread.join()
    return sum(per_client, Counter()), failures


def test_caps_hold_drops_are_counted_and_others_are_unharmed(database: str) -> None:
    with connect(database, autocommit=True) as conn:
        # One minute and one hour for the whole flood: the quota is that of a minute.
        conn.execute("select dbkit._make_day_partitions('dbkit.runtime_metrics', 14)")
        conn.execute(
            "update dbkit.metric_settings set anon_bytes_per_minute = %s, max_series = %s",
            [QUOTA, SERIES],
        )
        pin = "alter role {} in database {} set dbkit.clock = %s"
        at = str(one(conn, "select date_trunc('hour', clock_timestamp()) + interval '1 minute'"))
        fixed = psycopg.sql.SQL(pin.replace("%s", "{}")).format(
            psycopg.sql.Identifier(conn.info.user),
            psycopg.sql.Identifier(conn.info.dbname),
            psycopg.sql.Literal(at),
        )
        conn.execute(fixed)
    served = Counter[str]()
    with connect(database) as service, connect(database) as account, connect(database) as lines:
        lines.execute("set statement_timeout = '10s'")

        def others() -> None:
            become(service, "service_role")
            record(service, "order_event", {"event": "placed"})
            service.commit()
            become(account, "authenticated", user_id="u1")
            served["account"] += ingest(account, page("/own"))["accepted"]
            account.commit()
            latency(lines, 5)
            lines.commit()
            served["rounds"] += 1

        sent, failures = in_threads(database, others)
    assert failures == []
    assert served["account"] == served["rounds"] > 0, "accounts lose nothing to the flood"
    with connect(database, autocommit=True) as conn:
        total = CLIENTS * CALLS * 53
        assert sent["accepted"] + sent["dropped"] == total
        check_caps(conn, sent)


def check_caps(conn: Connection, sent: Counter[str]) -> None:
    stored = rows(
        conn,
        "select octet_length(event_data::text) + 100 as bytes, event_data ->> 'page' as page"
        " from dbkit.runtime_metrics where event_type = 'page_view' and user_id is null",
    )
    own = "select count(*) from dbkit.runtime_metrics where event_data ->> 'page' = '/own'"
    assert one(conn, own) > 0, "nor are their series taken"
    assert len(stored) == sent["accepted"] > 0
    # What became __other__ is shorter than what was paid for.
    assert sum(s["bytes"] for s in stored) <= QUOTA
    names = {s["page"] for s in stored} - {"__other__"}
    assert len(names) <= SERIES
    known = "select count(*) from dbkit.metric_series where event_type = 'page_view' and pool = %s"
    assert one(conn, known, "anon") <= SERIES
    assert one(conn, known, "account") == 1
    counted = rows(conn, "select reason, sum(dropped)::int as n from dbkit.metric_drops group by 1")
    reasons = {name: number for name, number in sent.items() if name not in ("accepted", "dropped")}
    assert {c["reason"]: c["n"] for c in counted} == reasons
    assert sent["quota"] > 0 and sent["series_cap"] > 0
    assert sent["forbidden_type"] == sent["unknown_type"] == sent["malformed"] == CLIENTS * CALLS
    assert one(conn, "select count(*) from dbkit.metric_drops") <= 5 * (CLIENTS + 1)


def test_control_without_a_quota_all_of_it_is_stored(database: str) -> None:
    """So the cap above is what held it back."""
    with connect(database, autocommit=True) as conn:
        conn.execute("update dbkit.metric_settings set anon_bytes_per_minute = 1000000000000")
        conn.execute("update dbkit.metric_settings set sender_bytes_per_minute = 1000000000000")
    counts, failures = Counter[str](), list[BaseException]()
    flood(database, 1, counts, failures)
    assert failures == []
    assert counts["accepted"] == CALLS * 50


def test_a_transaction_that_stays_open_holds_nobody_up(database: str) -> None:
    """It sits on its parts of the quotas, its counts of drops, and the lock of new series."""
    with connect(database) as idle, connect(database) as other:
        become(idle, "anon", client_id="a")
        ingest(idle, page("/new"), 7)
        other.execute("set lock_timeout = '2s'")
        for client in ("a", "b"):
            become(other, "anon", client_id=client)
            answer = ingest(other, page(f"/{client}"), 7)
            assert answer["accepted"] == 1
            assert answer["reasons"] == {"malformed": 1, "series_cap": 1}
        other.commit()
